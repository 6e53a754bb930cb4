"""User code: functions and classes of a file, `path/to/file.py:name`, identified by a hash.

A stored document names such code but never runs it: only code that the user's own command or call
names is imported, after a comparison of its hash.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import os
import re
import sys
import threading
import traceback
import uuid
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from longlag import arguments, notices
from longlag.adapters import leaving, neighbours, outdated, values
from longlag.adapters.code_hash import code_of, one_look, sources_of
from longlag.knobs import unknown_name

_MODULE = "longlag_source_"  # prefix of module names
CALL = re.compile(r"(.*?\.py:\w+)\((.*)", re.DOTALL)  # a function and its arguments
_lock = threading.RLock()

_importing = threading.local()
_process, _numbers = uuid.uuid4().hex[:8], itertools.count()

references: list[str] = []
"""The code that a command names, as it was written."""

_beside: dict[str, ModuleType] = {}
"""The modules next to users' files that these brought with them."""

_named: dict[tuple[str, str], Any] = {}
"""The code that the user's own commands and calls name, by name and hash."""

_values: dict[str, str | None] = {}
"""What code of no file read when it was named: a hash, by the name's own."""


class Started(ValueError):  # noqa: N818 - an event
    """A file starts work when it is imported."""


class UnnamedCode(ValueError):  # noqa: N818 - a kind of code
    """Code that a document names, but the user did not: it does not run."""


class Origin(NamedTuple):
    """The origin of a function or a class.

    Attributes:
        name: Its name.
        path: Its file, or its module; None where no other process can import it.
        code: The hash of that file and of the files next to it that it imports.
    """

    name: str
    path: str | None
    code: str

    @property
    def words(self) -> str:
        """Its reference: `mine.py:make_model`."""
        return f"{Path(self.path).name}:{self.name}" if self.path is not None else self.name

    @property
    def argument(self) -> str:
        """The argument of `longlag.load` for it: a reference, or its name in a module."""
        if (self.path or "").endswith(".py"):
            return f'"{self.words}"'
        return self.name if self.name.isidentifier() and not iskeyword(self.name) else "…"


def origin_of(thing: Any) -> Origin:
    """The origin of a user's function or class, which it registers as usable.

    Raises:
        ValueError: Its module cannot be found, its file was edited after the import, or it reads
            a value that was changed since.
    """
    name, path = _locate(thing)
    with _lock:
        if path is not None:
            with one_look():
                code = code_of(_file(path))
                _refuse_outdated(_file(path), of=thing.__module__)
            if not thing.__module__.startswith(_MODULE):  # as its file has just made it
                values.refuse_changed(thing)
        else:
            code = _number(name, thing)
        _named[name, code] = thing
    return Origin(name, path, code)


def _number(name: str, thing: Any) -> str:
    """The code of what stands in no file: the same again while it reads the same values."""
    read = values.digest(thing)
    if read is None:
        notices.notice(
            f"{name} reads what cannot be compared (a file, its own imports, …), so its trials "
            f"run anew each time. Give it plain arguments: functools.partial({name}, width=64)."
        )
    for (own, code), each in _named.items() if read is not None else ():
        if each is thing and own == name and _values.get(code) == read:
            return code
    code = f"{_process}-{next(_numbers)}"
    _values[code] = read
    return code


def origin_of_class(kind: type) -> Origin:
    """As `origin_of`; of a class in a file with the hash at the first call for it."""
    return _origin_in_file(kind) if _locate(kind)[1] else origin_of(kind)


_origin_in_file = functools.lru_cache(256)(origin_of)


def from_reference(reference: str) -> tuple[Any, Origin]:
    """The object of a reference on the command line, imported, and its origin.

    Raises:
        ValueError: There is no such file, it cannot be imported, or has no such name.
    """
    file, name = split(reference)
    references.append(reference)
    origin = Origin(name, str(file), code_of(file))
    return _register(origin, imported(file, name)), origin


def use(origin: Origin, code: Any, argument: str) -> None:
    """Register an argument of the user as the code of a document.

    Args:
        origin: The code that the document names.
        code: A reference, whose file must have the hash of the document; or the function or the
            class itself, without a check.
        argument: The name of the argument, for messages.

    Raises:
        TypeError: It cannot be called.
        ValueError: The reference is to other code, or its file was edited.
    """
    if isinstance(code, str):
        file, name = split(code)
        if origin.path is None:
            raise ValueError(
                f"{origin.words} was written in no file, so that {code} cannot be compared with "
                "it. In Python, give the function itself."
            )
        if name != origin.name:
            raise ValueError(f"`{argument}` must be {origin.words}, got {code}.")
        if code_of(file) != origin.code:
            raise ValueError(
                f"{file.name} was edited after this was saved. Give it as it was; in Python, "
                f"import {name} and give the function itself to have it as it is now."
            )
        code = imported(file, name)
    if not callable(code):
        raise TypeError(f"`{argument}` must be a function, a class or its name, got {code!r}.")
    _register(origin, code)


def resolve(origin: Origin, *, trusted: bool = False) -> Any:
    """The function or the class of an origin.

    Args:
        origin: The code that a document names.
        trusted: Whether the user's own command wrote the document: then its code may be imported.

    Raises:
        UnnamedCode: The user did not name it.
        ValueError: Its file is missing or was edited, or it is not in a file.
    """
    with _lock:
        if (thing := _named.get((origin.name, origin.code))) is not None:
            return thing
        if not trusted:
            name = f"{origin.path}:{origin.name}" if origin.path else origin.words
            raise UnnamedCode(
                f"{origin.words} is your own code, which runs only if you name it, as in longlag "
                f"report --problem or --model {name}."
            )
        if origin.path is None:
            raise ValueError(
                f"{origin.name} was written in a process that has ended, or is not this one. Put "
                "it in a file, at the top level."
            )
        file = _file(origin.path)
        if not os.path.isfile(file):
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


def _locate(thing: Any) -> tuple[str, str | None]:
    """The name of a function, and its file or module for other processes; None without one."""
    if isinstance(thing, functools.partial):  # with what no other process could have
        given = (f"{key}={_brief(value)}" for key, value in thing.keywords.items())
        return f"{_brief(thing.func)}({', '.join(given)})", None
    name = getattr(thing, "__qualname__", type(thing).__name__)
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.name != getattr(module, "__name__", "") and spec.parent:
        return name, spec.name  # run by `python -m package.module`
    file = getattr(module, "__file__", None)
    if file is None or not os.path.isfile(file):  # for example `<stdin>`
        return name.rpartition(".")[2].strip("<>"), None
    if module is None or getattr(module, name, None) is not thing:
        return name.rpartition(".")[2].strip("<>"), None
    if module.__name__ == "__main__" and outdated.is_outdated(module):  # nor could it be reloaded
        return name.rpartition(".")[2].strip("<>"), None
    package = getattr(module, "__package__", None)
    return name, module.__name__ if package else os.path.abspath(file)


def _brief(value: Any) -> str:
    return getattr(value, "__name__", None) or arguments.short_repr(value)


def _refuse_outdated(file: Path, of: str = "", *, renew: bool = False) -> None:
    """Refuse a file that was edited after its import, itself or one next to it.

    With `renew` what a user's file brought with it is forgotten instead, and imported anew.
    """
    modules = [
        module
        for module in outdated.modules_of(sources_of(file))
        if module.__name__ == of or not module.__name__.startswith(_MODULE)  # other versions
    ]
    with one_look():
        old = [module for module in modules if outdated.is_outdated(module)]
    if not old:
        return
    if renew and all(_beside.get(module.__name__) is module for module in modules):
        for module in modules:
            del sys.modules[module.__name__], _beside[module.__name__]
        return
    raise ValueError(
        f"{Path(str(old[0].__file__)).name} was edited after Python imported it, so that its old "
        "code would run. Start Python anew, or importlib.reload it and then what imports it."
    )


def _file(path: str) -> Path:
    """The file of a path, or of a module without importing it."""
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
    if call := CALL.fullmatch(reference):
        raise ValueError(f"`{reference:.80}` has arguments, of no use here. Use {call[1]}.")
    path, colon, name = reference.rpartition(":")
    if not colon or not name.isidentifier():
        raise ValueError(
            f"`{reference}` names nothing in the file. Use {reference.rstrip(':')}:NAME."
        )
    file = Path(os.path.abspath(path))
    if not os.path.isfile(file):
        raise ValueError(f"There is no file {path}.")
    return file, name


def is_reference(name: str) -> bool:
    """Whether a name on the command line is a reference to a user's file."""
    return ".py:" in name or name.endswith((".py", ":"))


def imported(file: Path, name: str) -> Any:
    """The object `name` of a file; a process runs the same version of a file once.

    Raises:
        ValueError: The file cannot be imported, or has no such name.
    """
    module = _module(file)
    if not hasattr(module, name):
        own = [each for each, value in vars(module).items() if _is_of(value, module)]
        raise ValueError(unknown_name(f"{file.name} has no", name, own))
    return getattr(module, name)


def refuse_while_importing(what: str) -> None:
    """Refuse work that a file starts when it is imported.

    Raises:
        Started: A user's file is being imported.
    """
    if (file := getattr(_importing, "file", None)) is not None:
        raise Started(
            f"{file.name} starts {what} when it is imported. Put that under "
            '`if __name__ == "__main__":`.'
        )


def _module(file: Path) -> ModuleType:
    name = f"{_MODULE}{code_of(file)}_{uuid.uuid5(uuid.NAMESPACE_URL, str(file)).hex[:8]}"
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ValueError(f"{file.name} is not a Python file. Use one that ends in .py.")
        _refuse_outdated(file, renew=True)
        module = importlib.util.module_from_spec(spec)
        there = set(sys.modules)
        sys.modules[name] = module  # dataclasses look up their own module
        neighbours.add(str(file.parent))
        leaving.refuse(neighbours.is_own)
        os.environ.setdefault("KERAS_BACKEND", "jax")
        before, _importing.file = getattr(_importing, "file", None), file
        try:
            with leaving.no_children(), leaving.same_folder(), _all_modules_stay():
                spec.loader.exec_module(module)
        except (Started, KeyboardInterrupt):
            del sys.modules[name]
            raise
        except BaseException as error:
            del sys.modules[name]
            text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".:")
            if isinstance(error, RecursionError | MemoryError):
                text += ". Perhaps an expression is nested too deep for Python: write it in parts"
            raise ValueError(f"{file.name} cannot be imported: {text}.") from error
        finally:
            _importing.file = before
            _beside.update(outdated.imported_since(there, file))
        return module


@contextlib.contextmanager
def _all_modules_stay() -> Iterator[None]:
    """Give back the modules that a user's file removes."""
    before = dict(sys.modules)
    try:
        yield
    finally:
        for name in before.keys() - sys.modules.keys():
            sys.modules[name] = before[name]


def raised_at(error: BaseException) -> str:
    """The line of a user's file, or of one next to it, that raised an error; else empty.

    For example `line 11 of mine.py`.
    """
    modules = list(sys.modules.items())
    files = [str(module.__file__) for name, module in modules if name.startswith(_MODULE)]
    folders = {os.path.dirname(file) for file in files}
    if isinstance(error.__cause__, StopIteration):  # which Python wraps in an error of its own
        error = error.__cause__
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if os.path.dirname(frame.filename) in folders
    ]
    return f"line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else ""


def _is_of(value: Any, module: ModuleType) -> bool:
    return getattr(value, "__module__", None) == module.__name__
