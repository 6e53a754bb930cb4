"""Events: the progress of a seed, from the training loop, the workers and a study."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # keeps `longlag --help` fast
    import numpy as np


@dataclasses.dataclass(frozen=True)
class _SeedEvent:
    """An event of a seed; `job` is the job of a worker, or empty."""

    seed: int
    job: str = dataclasses.field(default="", kw_only=True)


@dataclasses.dataclass(frozen=True)
class Started(_SeedEvent):
    """The training of a seed starts; `total` is its number of updates."""

    total: int


@dataclasses.dataclass(frozen=True, eq=False)
class Advanced(_SeedEvent):
    """A seed has finished a chunk of updates.

    Attributes:
        updates: Number of updates so far.
        total: Number of updates of the whole run.
        losses: Loss of each update of this chunk; from a worker only their mean.
        accuracy: Share of scored targets of this chunk that were correct before the update.
        outcome: `running`, or why the seed ended: `finished` all updates, `stopped` at
            the accuracy `stop_at`, or `diverged`.
        diverged_at: The update at which the loss diverged, if it did.
        shares: The accuracy of each update of this chunk, 0 where it scores nothing; None from a
            worker.
    """

    updates: int
    total: int
    losses: np.ndarray
    accuracy: float
    outcome: Literal["running", "finished", "stopped", "diverged"] = "running"
    diverged_at: int | None = None
    shares: np.ndarray | None = None

    @property
    def by_update(self) -> tuple[np.ndarray, np.ndarray | float]:
        """The loss and the accuracy of each update; from a worker the accuracy of all of them."""
        return self.losses, self.accuracy if self.shares is None else self.shares

    @property
    def loss(self) -> float:
        """Mean loss of the chunk."""
        return float(self.losses.mean())


@dataclasses.dataclass(frozen=True)
class Scored(_SeedEvent):
    """The model of a seed was scored on fresh sequences, with this accuracy."""

    accuracy: float


@dataclasses.dataclass(frozen=True)
class Finished(_SeedEvent):
    """The last event of a seed.

    Attributes:
        result: From the loop the model, from a fit the run of this seed, from a worker the
            outcome as a document; None after a failure.
        why: The reason of a failure; else empty.
        weights: From a worker: the trained model, where it was requested.
        environment: From a worker: where it was trained, as a document.
    """

    result: Any = None
    why: str = ""
    weights: bytes | None = None
    environment: dict[str, Any] | None = None


Event = Started | Advanced | Scored | Finished


GRACE = 1.5
"""Seconds from Ctrl-C until a command that is still running is killed."""


class StopToken:
    """A request to end: training after its current chunk, a study after that.

    Attributes:
        grace: Seconds that the command line waits for an orderly end after Ctrl-C, by default
            `GRACE`.

    >>> stop = StopToken()
    >>> stop.stop()
    >>> stop.stopped
    True
    """

    def __init__(self, grace: float | None = None) -> None:
        self._stopped = threading.Event()
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


def ignore_ctrl_c(*_: object) -> None:
    """Ignore Ctrl-C, which a thread of the command line handles."""


def _on_ctrl_c(*_: object) -> None:
    if any(token.stopped for token in _active_tokens):
        raise KeyboardInterrupt
    interrupt()
