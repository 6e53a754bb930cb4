"""Modules that are older than their file: it was edited after Python imported it."""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Collection, Iterable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from longlag.adapters.code_hash import code_of, one_look, sources_of

_HEADER = 16  # bytes of compiled code: magic, flags, time and size of the source
_seen: dict[int, tuple[object, str]] = {}
"""By the identity of what one import made: that, and the hash of the file at the first look."""


def modules_of(files: Iterable[Path]) -> list[ModuleType]:
    """The imported modules of files."""
    wanted = {os.path.realpath(file) for file in files}
    names = {os.path.basename(file) for file in wanted}
    found = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str) and os.path.basename(file) in names:  # quick, for all others
            found += [module] * (os.path.realpath(file) in wanted)
    return found


@one_look()
def imported_since(before: Collection[str], file: Path) -> dict[str, ModuleType]:
    """The modules of a file and of those next to it that came since, by name, each looked at.

    So that their files are known as they are at the import.
    """
    modules = {each.__name__: each for each in modules_of(sources_of(file))}
    new = {name: each for name, each in modules.items() if name not in before}
    for each in new.values():
        is_outdated(each)
    return new


def is_outdated(module: ModuleType) -> bool:
    """Whether the file of a module was edited after the import, as far as can be known.

    Either the file was another one when it was first looked at, or the code that Python compiled
    at the import and keeps is another one. Comments do not count.
    """
    file = Path(str(module.__file__))
    if not file.is_file():
        return False
    code, spec = code_of(file), module.__spec__
    made = module if spec is None else spec  # a reload makes another one
    _, first = _seen.setdefault(id(made), (made, code))
    if first != code:
        return True
    if spec is None or type(spec.loader) is not SourceFileLoader:  # pytest's changes the code
        return False
    return _compiled_otherwise(file, spec.cached)


def _compiled_otherwise(file: Path, compiled: str | None) -> bool:
    if compiled is None or sys.dont_write_bytecode or not os.access(compiled, os.W_OK):
        return False
    try:
        content, source = Path(compiled).read_bytes(), file.stat()
        flags, time, size = (int.from_bytes(content[at : at + 4], "little") for at in (4, 8, 12))
        if flags or (time, size) == (int(source.st_mtime) & 0xFFFFFFFF, source.st_size):
            return False
        before = marshal.loads(content[_HEADER:])
        now = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except (OSError, ValueError, EOFError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return _parts(before) != _parts(now)


def _parts(code: CodeType) -> tuple[object, ...]:
    """What a code does, without the lines where it stands."""
    constants = (_parts(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    values = tuple((type(each), each) for each in constants)
    return code.co_name, code.co_code, code.co_names, code.co_varnames, values
