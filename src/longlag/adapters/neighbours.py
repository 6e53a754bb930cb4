"""Imports of a user's file from its own folder, which no library may use."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType

_folders: list[str] = []

# The user's folder may hold a checkout of longlag or a whole Python.
_LONGLAG = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_INSTALLED = {"site-packages", "dist-packages"}


def add(folder: str) -> None:
    """Let the files of a folder import each other.

    On `sys.path` a file there would also stand in for a library that another one only looks for.
    """
    if folder not in _folders:
        _folders.append(folder)
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)


def is_own(file: str) -> bool:
    """Whether a file is the user's: in such a folder, and of no environment there."""
    return bool(_homes(file))


def is_library(file: str) -> bool:
    """Whether a file is of Python, of longlag or of what is installed."""
    return file.startswith(_LONGLAG) or is_installed(file)


def is_installed(path: str) -> bool:
    """Whether a path lies where libraries are installed, those of Python itself included."""
    parts = path.replace(os.sep, "/").split("/")
    return not _INSTALLED.isdisjoint(parts) or f"{path}{os.sep}".startswith(_of_python())


@functools.cache
def _of_python() -> tuple[str, ...]:
    """The folders of this Python's libraries, also by their paths without links."""
    names = "stdlib", "platstdlib", "purelib", "platlib"
    folders = {sysconfig.get_path(name) for name in names} | {os.path.dirname(os.__file__)}
    both = folders | {os.path.realpath(each) for each in folders}
    return tuple(f"{os.path.normpath(each)}{os.sep}" for each in sorted(both))


def _homes(file: str) -> list[str]:
    if is_library(file):
        return []
    return [folder for folder in _folders if file.startswith(folder + os.sep)]


def _is_import(frame: FrameType) -> bool:
    """Whether a frame is of Python's import."""
    return str(frame.f_globals.get("__name__")).startswith("importlib")


class _Finder:
    """Finds modules in the folders, for imports by files of these folders only."""

    def find_spec(
        self, name: str, path: object, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:  # a submodule, which its package finds
            return None
        frame: FrameType | None = sys._getframe(1)
        for passing in (False, True):  # finders of others that pass it on, then Python's import
            while frame and _is_import(frame) == passing:
                frame = frame.f_back
        own = [] if frame is None else _homes(frame.f_code.co_filename)
        return PathFinder.find_spec(name, own, target) if own else None


_finder = _Finder()
