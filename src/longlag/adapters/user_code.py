"""Sources: things that a user wrote in a file of their own, `path/to/file.py:name`."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from longlag.knobs import unknown

_lock = threading.RLock()

_importing = threading.local()


class Started(ValueError):  # noqa: N818 - it is what a file did
    """A file starts work by being imported."""


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
        raise ValueError(unknown(f"{file.name} has no", name, own))
    return getattr(module, name)


def importing() -> bool:
    """Whether a user's file is being imported at this moment, by this thread."""
    return getattr(_importing, "file", None) is not None


def refuse_while_importing(what: str) -> None:
    """Refuse work that a file starts by being imported.

    Raises:
        Started: A user's file is being imported.
    """
    if importing():
        raise Started(
            f"{_importing.file.name} starts {what} when it is imported. Put that under "
            '`if __name__ == "__main__":`.'
        )


def code_of(file: Path) -> str:
    """The hash of a file and of what it imports from beside it: 16 hexadecimal digits.

    What stands beside it is what its folder, or its package, has; libraries do not count.
    """
    home = _home(file)
    seen: dict[Path, bytes] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen[path] = path.read_bytes()
        waiting.extend(_beside(path, home, seen[path]))
    told = hashlib.sha256()
    for path in sorted(seen):
        relative = os.path.relpath(path, home) if path != file else ""
        told.update(f"{relative}\n{len(seen[path])}\n".encode())
        told.update(seen[path])
    return told.hexdigest()[:16]


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
    name = f"longlag_source_{code_of(file)}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ValueError(f"{file.name} is no Python file. Use one that ends in .py.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their own module up
        if str(file.parent) not in sys.path:
            sys.path.insert(0, str(file.parent))  # as Python does for a script
        before, _importing.file = getattr(_importing, "file", None), file
        try:
            spec.loader.exec_module(module)
        except Started:
            del sys.modules[name]
            raise
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            said = " ".join(str(error).split()).rstrip(".")
            raise ValueError(
                f"{file.name} cannot be imported: {type(error).__name__}: {said}."
            ) from error
        finally:
            _importing.file = before
        return module


def _is_of(value: Any, module: ModuleType) -> bool:
    return getattr(value, "__module__", None) == module.__name__
