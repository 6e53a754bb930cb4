"""The end of a command: after Ctrl-C, or with user code that does not end by itself."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from longlag import files, stop

INTERRUPTED = 130
"""The exit code."""

_WITH_PROCESSES = (  # modules that may have started some
    "longlag.workers.local",
    "longlag.workers.dask",
    "longlag.report.charts_library",
)
_PATIENCE = 2.0  # seconds after the answer for threads and exit handlers of a user's file


@contextlib.contextmanager
def interruptible(*, program: bool) -> Iterator[threading.Event]:
    """End the process after Ctrl-C, never by an exception: JAX and Rich would swallow it.

    A first Ctrl-C sets the tokens of `longlag.stop.ctrl_c_stops`, and the command has some time
    to write its results. Without a token, or at a second Ctrl-C, it ends at once.

    Yields:
        Whether Ctrl-C was pressed, but for what it ends usually.

    Args:
        program: Whether the process ends with the command: then a Ctrl-C after the command ends
            it at once and silently.
    """
    if threading.current_thread() is not threading.main_thread():
        yield threading.Event()
        return
    interrupted = threading.Event()
    if program:
        # Runs last at exit: afterwards Python would restore the default handler of the system.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    # The thread learns of the signal also while the main thread is compiling.
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.signal(signal.SIGINT, stop.ignore_ctrl_c)
    descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, interrupted), daemon=True).start()
    try:
        with _kept():
            yield interrupted
    finally:
        signal.signal(signal.SIGINT, _end_silently if program else before)
        signal.set_wakeup_fd(descriptor)
        writer.close()


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """Keep Ctrl-C for the command: code of a user or a library that would take it gets nothing."""
    set_handler, set_descriptor = signal.signal, signal.set_wakeup_fd

    @functools.wraps(set_handler)
    def setting(number: int, handler: Any) -> Any:
        own = number == signal.SIGINT
        return signal.getsignal(number) if own else set_handler(number, handler)

    signal.signal, signal.set_wakeup_fd = setting, lambda *_, **__: -1
    try:
        yield
    finally:
        signal.signal, signal.set_wakeup_fd = set_handler, set_descriptor


def _watch(reader: socket.socket, interrupted: threading.Event) -> None:
    with reader:
        while signals := reader.recv(1):
            if signals[0] != signal.SIGINT:
                continue
            usual = stop.ctrl_c_is_usual()
            if not usual:
                interrupted.set()
            if seconds := stop.interrupt():
                if seconds > stop.GRACE and not usual:
                    _write("Interrupted: saving the model so far. Ctrl-C again ends at once.\n")
                if _has_ended(reader, seconds):
                    return
            cursor = "\x1b[?25h\n" if os.isatty(2) else ""  # back again
            _end(0 if usual else INTERRUPTED, cursor if usual else f"{cursor}Interrupted.\n")


def _has_ended(reader: socket.socket, seconds: float) -> bool:
    """Whether the command ends in order in this time, without a second Ctrl-C."""
    until = time.monotonic() + seconds
    with contextlib.suppress(TimeoutError):
        while (rest := until - time.monotonic()) > 0:
            reader.settimeout(rest)
            if (signals := reader.recv(1)) == b"" or signals[0] == signal.SIGINT:
                return not signals  # other signals are of a user's code, such as a timer
    return False


def end_in_time(code: int) -> None:
    """End the process soon after its answer, with this code.

    Python would wait for every thread and exit handler that a user's file has left behind. Where
    the command has loaded no library, there is nothing to wait for: `longlag --help` ends at once,
    as does one that leaves threads in compiled code.
    """
    compiled = any(each.name == stop.COMPILED for each in threading.enumerate())
    if ("numpy" not in sys.modules or compiled) and not sys.flags.interactive:
        with contextlib.suppress(OSError):
            sys.stderr.flush()  # standard output is flushed with the answer
            os._exit(code)
    leaving = threading.Event()
    # Runs when Python starts to end, before it waits for threads; `python -i` does not end.
    threading._register_atexit(leaving.set)  # pyright: ignore[reportAttributeAccessIssue]

    def watch() -> None:
        leaving.wait()
        time.sleep(_PATIENCE)
        others = threading.enumerate()
        threads = any(not each.daemon for each in others if each is not threading.main_thread())
        what = "a thread" if threads else "an exit handler"
        _end(code, f"longlag: {what} of your code did not end after the answer, and was stopped.\n")

    with contextlib.suppress(RuntimeError):  # no thread can be started
        threading.Thread(target=watch, daemon=True).start()


def _end_silently(*_: object) -> None:
    os._exit(INTERRUPTED)


def _end(code: int, line: str) -> None:
    for name in _WITH_PROCESSES:
        if (module := sys.modules.get(name)) is not None:
            module.kill_all()
    files.discard()
    _write(line)
    os._exit(code)


def _write(line: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, line.encode())
