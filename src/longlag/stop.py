"""Stop tokens: the request to end in order, of a caller or of Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

GRACE = 1.5
"""Seconds from Ctrl-C until a command that is still running is killed."""


COMPILED = "longlag: compiled code"
"""The name of threads that may be in compiled code at the end, under which Python would crash."""


class StopToken:
    """A request to end: training after its current chunk, a study after that.

    Attributes:
        grace: Seconds that the command line waits for an orderly end after Ctrl-C, by default
            `GRACE`.
        usual: Whether Ctrl-C is the usual end, as of a server: then it is no interruption.

    >>> stop = StopToken()
    >>> stop.stop()
    >>> stop.stopped
    True
    """

    def __init__(self, grace: float | None = None, *, usual: bool = False) -> None:
        self._stopped = threading.Event()
        self.usual = usual
        self.grace = GRACE if grace is None else grace

    @property
    def stopped(self) -> bool:
        """Whether it is set."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Set it, from any thread."""
        self._stopped.set()


_active_tokens: list[StopToken] = []  # those that Ctrl-C sets


@contextlib.contextmanager
def ctrl_c_stops(stop: StopToken | None = None) -> Iterator[StopToken]:
    """Let a first Ctrl-C set a token, for an orderly end; a second one raises as usual.

    Args:
        stop: The token; a new one by default.

    Raises:
        KeyboardInterrupt: An outer `ctrl_c_stops` is ending already.
    """
    stop = stop or StopToken()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    if any(outer.stopped for outer in _active_tokens):
        raise KeyboardInterrupt
    before = signal.getsignal(signal.SIGINT)
    _active_tokens.append(stop)
    if before not in (_on_ctrl_c, ignore_ctrl_c):
        signal.signal(signal.SIGINT, _on_ctrl_c)
    try:
        yield stop
    finally:
        _active_tokens.remove(stop)
        signal.signal(signal.SIGINT, before)


def interrupt() -> float:
    """Set the tokens of `ctrl_c_stops`.

    Returns:
        The longest of their grace times, 0 without a token.
    """
    tokens = list(_active_tokens)
    for token in tokens:
        token.stop()
    return max((token.grace for token in tokens), default=0.0)


def ctrl_c_is_usual() -> bool:
    """Whether Ctrl-C is the usual end of what runs, by the token of `ctrl_c_stops`."""
    return any(token.usual for token in _active_tokens)


def ignore_ctrl_c(*_: object) -> None:
    """Ignore Ctrl-C, which a thread of the command line handles."""


def _on_ctrl_c(*_: object) -> None:
    if any(token.stopped for token in _active_tokens):
        raise KeyboardInterrupt
    interrupt()
