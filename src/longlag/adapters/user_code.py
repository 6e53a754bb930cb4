"""A user's own code: functions and classes of a file, `path/to/file.py:name`, known by its hash.

A stored document names such code and never has it run: only what the user's own command or call
named is imported, and its hash is compared before.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import itertools
import os
import sys
import threading
import traceback
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from longlag.knobs import unknown_name

_MODULE = "longlag_source_"  # the names of modules begin with it
_lock = threading.RLock()

_importing = threading.local()

_process = uuid.uuid4().hex[:8]

_numbers = itertools.count()

_named: dict[tuple[str, str], Any] = {}
"""What the user's own commands and calls have named, by name and hash."""


class Started(ValueError):  # noqa: N818 - it is what a file did
    """A file starts work by being imported."""


class UnnamedCode(ValueError):  # noqa: N818 - it is what the code is
    """Code that a document names, but the user did not: it is not run."""


class Origin(NamedTuple):
    """Where a function or a class comes from.

    Attributes:
        name: Its name.
        path: Its file, or its module; None where no other process can import it.
        code: The hash of that file and of what it imports from beside it.
    """

    name: str
    path: str | None
    code: str

    @property
    def words(self) -> str:
        """It as a reference: `mine.py:make_model`."""
        return f"{Path(self.path).name}:{self.name}" if self.path is not None else self.name

    @property
    def argument(self) -> str:
        """As it is given to `longlag.load`: a reference, or what is imported from a module."""
        return f'"{self.words}"' if (self.path or "").endswith(".py") else self.name


def origin_of(thing: Any) -> Origin:
    """Where a function or a class that the user gives comes from; from here on it may be used.

    Raises:
        ValueError: Its module cannot be found.
    """
    name, path = _place_of(thing)
    with _lock:
        if path is not None:
            code = code_of(_file(path))
        else:  # the same function again has the same name
            known = (code for (own, code), each in _named.items() if each is thing and own == name)
            code = next(known, None) or f"{_process}-{next(_numbers)}"
        _named[name, code] = thing
    return Origin(name, path, code)


@functools.lru_cache(256)
def origin_of_class(kind: type) -> Origin:
    """As `origin_of`, with the hash of the file as it was when the class was first met."""
    return origin_of(kind)


def from_reference(reference: str) -> tuple[Any, Origin]:
    """What a reference that the user typed stands for, imported, and where it comes from.

    Raises:
        ValueError: There is no such file, it cannot be imported, or has no such name.
    """
    file, name = split(reference)
    origin = Origin(name, str(file), code_of(file))
    return _register(origin, imported(file, name)), origin


def use(origin: Origin, given: Any, argument: str) -> None:
    """Take what the user gives for the code of a document.

    Args:
        origin: What the document names.
        given: A reference, whose file must have the hash of the document; or the function or the
            class itself, which the user answers for.
        argument: The name of the argument, for messages.

    Raises:
        ValueError: The reference is to something else, or its file was edited.
    """
    if isinstance(given, str):
        file, name = split(given)
        if origin.path is not None and name != origin.name:
            raise ValueError(f"`{argument}` must be {origin.words}, got {given}.")
        if origin.path is not None and code_of(file) != origin.code:
            raise ValueError(
                f"{file.name} was edited after this was saved. To use it as it is now, import "
                f"it and pass {argument}={name}."
            )
        given = imported(file, name)
    if not callable(given):
        raise TypeError(f"`{argument}` must be a function, a class or its name, got {given!r}.")
    _register(origin, given)


def resolve(origin: Origin, *, trusted: bool = False) -> Any:
    """The function or the class of an origin.

    Args:
        origin: What a document names.
        trusted: Whether the user's own command wrote the document: then it may be imported.

    Raises:
        UnnamedCode: The user did not name it.
        ValueError: Its file is gone or was edited, or it stands in no file.
    """
    with _lock:
        if (thing := _named.get((origin.name, origin.code))) is not None:
            return thing
        if not trusted:
            raise UnnamedCode(
                f"{origin.words} is your own code, which runs only if you name it, as in longlag "
                f"report --problem or --model {origin.words}."
            )
        if origin.path is None:
            raise ValueError(
                f"{origin.name} was written in a process that has ended, or is not this one. Put "
                "it in a file, at the top level."
            )
        file = _file(origin.path)
        if not file.is_file():
            raise ValueError(f"{origin.words}: there is no file {file} any more.")
        if code_of(file) != origin.code:
            raise ValueError(
                f"{origin.words}: {file.name} was edited after this study began. Run the command "
                "again to use the new version."
            )
        if origin.path.endswith(".py"):
            return _register(origin, imported(file, origin.name))
        return _register(origin, getattr(importlib.import_module(origin.path), origin.name))


def _register(origin: Origin, thing: Any) -> Any:
    with _lock:
        _named[origin.name, origin.code] = thing
    return thing


def _place_of(thing: Any) -> tuple[str, str | None]:
    """The name of a function, and where another process would find it; None if nowhere."""
    name = getattr(thing, "__qualname__", type(thing).__name__)
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.name != getattr(module, "__name__", "") and spec.parent:
        return name, spec.name  # run by `python -m package.module`
    file = getattr(module, "__file__", None)
    if file is None or not os.path.isfile(file):  # as `<stdin>`
        return name.rpartition(".")[2].strip("<>"), None
    if module is None or getattr(module, name, None) is not thing:
        return name.rpartition(".")[2].strip("<>"), None
    package = getattr(module, "__package__", None)
    return name, module.__name__ if package else os.path.abspath(file)


def _file(path: str) -> Path:
    """The file of a path or of a module, which is not imported for that."""
    if path.endswith(".py"):
        return Path(path)
    folders, spec = None, None
    for name in itertools.accumulate(path.split("."), "{}.{}".format):
        specs = (finder.find_spec(name, folders) for finder in sys.meta_path)
        spec = next(filter(None, specs), None)
        if spec is None:
            raise ValueError(f"There is no module {name} here.")
        folders = spec.submodule_search_locations
    return Path((spec and spec.origin) or "")


def split(reference: str) -> tuple[Path, str]:
    """The file and the name in it.

    Raises:
        ValueError: It is not of this form, or there is no such file.

    >>> split("mine.py")
    Traceback (most recent call last):
    ValueError: `mine.py` names nothing in the file. Use mine.py:NAME.
    """
    path, colon, name = reference.rpartition(":")
    if not colon or not name.isidentifier():
        raise ValueError(
            f"`{reference}` names nothing in the file. Use {reference.rstrip(':')}:NAME."
        )
    file = Path(os.path.abspath(path))
    if not file.is_file():
        raise ValueError(f"There is no file {path}.")
    return file, name


def is_reference(name: str) -> bool:
    """Whether a name on the command line means something in a user's file."""
    return ".py:" in name or name.endswith((".py", ":"))


def imported(file: Path, name: str) -> Any:
    """What a file calls `name`; the file is run once in a process, as it stands.

    Raises:
        ValueError: The file cannot be imported, or has no such name.
    """
    module = _module(file)
    if not hasattr(module, name):
        own = [known for known, value in vars(module).items() if _is_of(value, module)]
        raise ValueError(unknown_name(f"{file.name} has no", name, own))
    return getattr(module, name)


def refuse_while_importing(what: str) -> None:
    """Refuse work that a file starts by being imported.

    Raises:
        Started: A user's file is being imported.
    """
    if (file := getattr(_importing, "file", None)) is not None:
        raise Started(
            f"{file.name} starts {what} when it is imported. Put that under "
            '`if __name__ == "__main__":`.'
        )


def code_of(file: Path) -> str:
    """The hash of a file and of what it imports from beside it: 16 hexadecimal digits.

    What stands beside it is what its folder, or its package, has; libraries do not count, nor do
    comments, docstrings and where the files lie.
    """
    home = _home(file)
    seen: dict[Path, bytes] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        content = path.read_bytes()
        waiting.extend(_beside(path, home, content))
        seen[path] = _without_comments(content)
    named = {os.path.relpath(path, file.parent): path for path in seen if path != file}
    digest = hashlib.sha256()
    for name, path in sorted({**named, "": file}.items()):
        digest.update(f"{name}\n{len(seen[path])}\n".encode())
        digest.update(seen[path])
    return digest.hexdigest()[:16]


def _without_comments(content: bytes) -> bytes:
    """A source without what does nothing: comments, blank lines, docstrings that nobody reads."""
    try:
        tree = ast.parse(content)
        for node in () if b"__doc__" in content else ast.walk(tree):
            if not isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ):
                continue
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        return ast.unparse(tree).encode()
    except (SyntaxError, ValueError, RecursionError):
        return content


def _home(file: Path) -> Path:
    """The folder that names in a file begin from: above its package, where it is in one."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder


def _beside(file: Path, home: Path, content: bytes) -> list[Path]:
    """The files that a source imports from its own folder or package."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return []
    stems: list[Path] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                stems += [home.joinpath(*parts), file.parent.joinpath(*parts)]
        elif isinstance(node, ast.ImportFrom):
            parts = node.module.split(".") if node.module else []
            folders = [home, file.parent]
            if node.level:
                folders = [file.parents[min(node.level, len(file.parents)) - 1]]
            for folder in folders:
                stem = folder.joinpath(*parts)
                stems += [stem, *(stem / alias.name for alias in node.names)]
    candidates = [
        path for stem in stems for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py")
    ]
    return [path for path in candidates if path.is_file()]


def _module(file: Path) -> ModuleType:
    name = f"{_MODULE}{code_of(file)}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ValueError(f"{file.name} is no Python file. Use one that ends in .py.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their own module up
        if str(file.parent) not in sys.path:
            sys.path.append(str(file.parent))  # last: nothing there stands in for a library
        os.environ.setdefault("KERAS_BACKEND", "jax")
        before, _importing.file = getattr(_importing, "file", None), file
        try:
            spec.loader.exec_module(module)
        except (Started, KeyboardInterrupt):
            del sys.modules[name]
            raise
        except BaseException as error:
            del sys.modules[name]
            text = " ".join(str(error).split()).rstrip(".")
            raise ValueError(
                f"{file.name} cannot be imported: {type(error).__name__}: {text}."
            ) from error
        finally:
            _importing.file = before
        return module


def raised_at(error: BaseException) -> str:
    """Where a user's file, or one beside it, raised an error: `line 11 of mine.py`; else empty."""
    modules = list(sys.modules.items())
    files = [str(module.__file__) for name, module in modules if name.startswith(_MODULE)]
    folders = {os.path.dirname(file) for file in files}
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if os.path.dirname(frame.filename) in folders
    ]
    return f"line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else ""


def _is_of(value: Any, module: ModuleType) -> bool:
    return getattr(value, "__module__", None) == module.__name__
