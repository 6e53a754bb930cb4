"""User code that ends, forks or moves the process: an error, not the end of a command."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_exit = os._exit

_watched: list[int] = []


@contextlib.contextmanager
def no_children() -> Iterator[None]:
    """Run user code in this process only: a child that it forks ends with the code."""
    own = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != own:
            _exit(0)


@contextlib.contextmanager
def same_folder() -> Iterator[None]:
    """Run user code that may change the working folder, in which the command writes its files."""
    folder = ""
    with contextlib.suppress(OSError):  # it is gone
        folder = os.getcwd()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(folder)


def refuse(is_own: Callable[[str], bool]) -> None:
    """Make `os._exit` and `os.exec…` raise SystemExit in user code, as `sys.exit` does.

    Its forked children end with this process.

    Args:
        is_own: Whether a file is the user's.
    """
    if not _watched:
        _watched.append(os.getpid())
        for name in ("_exit", "execv", "execve"):
            call = _raising(name, getattr(os, name), is_own)
            for module in (os, sys.modules.get(os.name)):  # os has them from posix
                if module is not None:
                    setattr(module, name, call)
        if sys.platform == "linux":  # they may stand still, with a lock of JAX
            os.register_at_fork(after_in_child=ending_with_parent())


def ending_with_parent() -> Callable[[], object]:
    """A function by which a child lets itself end with its parent; loaded before a fork."""
    if sys.platform != "linux":
        return lambda: None
    import ctypes

    return functools.partial(ctypes.CDLL(None).prctl, 1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _raising(name: str, leave: Callable[..., Any], is_own: Callable[[str], bool]) -> Any:
    @functools.wraps(leave)
    def call(*args: Any, **kwargs: Any) -> Any:
        caller: FrameType | None = sys._getframe(1)
        while caller and caller.f_globals is vars(os):  # such as os.execvp
            caller = caller.f_back
        if caller and os.getpid() == _watched[0] and is_own(caller.f_code.co_filename):
            raise SystemExit(f"os.{name}")
        return leave(*args, **kwargs)

    return call
