"""Events: what becomes of a seed on its way, told alike by the loop, the workers and a study."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np


@dataclasses.dataclass(frozen=True)
class _OfSeed:
    """What became of a seed, of which job: that of a worker, or none."""

    seed: int
    job: str = dataclasses.field(default="", kw_only=True)


@dataclasses.dataclass(frozen=True)
class Started(_OfSeed):
    """A seed begins to be trained, for so many updates in all."""

    total: int


@dataclasses.dataclass(frozen=True, eq=False)
class Advanced(_OfSeed):
    """A seed has made a chunk of updates.

    Attributes:
        updates: Updates made so far.
        total: Updates of the whole run.
        losses: Loss of each update of this chunk; their mean alone where a worker tells it.
        accuracy: Share of scored targets of this chunk that were right before the update.
        outcome: `running`, or why the seed ended: `finished` all updates, `stopped` at
            the accuracy asked for, or `diverged`.
        diverged_at: The update at which the loss first left all bounds, if any.
    """

    updates: int
    total: int
    losses: np.ndarray
    accuracy: float
    outcome: Literal["running", "finished", "stopped", "diverged"] = "running"
    diverged_at: int | None = None

    @property
    def loss(self) -> float:
        """Mean loss of the chunk."""
        return float(self.losses.mean())


@dataclasses.dataclass(frozen=True)
class Scored(_OfSeed):
    """The model of a seed was scored on fresh sequences; accuracy is the share that is right."""

    accuracy: float


@dataclasses.dataclass(frozen=True)
class Finished(_OfSeed):
    """Nothing more comes of a seed.

    Attributes:
        result: What came of it: of the loop the model, of a fit the run of this seed, of a
            worker the outcome as a document; None where nothing did.
        why: Why nothing came of it; empty where something did.
        weights: Of a worker: the trained model, where it was wanted.
    """

    result: Any = None
    why: str = ""
    weights: bytes | None = None


Event = Started | Advanced | Scored | Finished


GRACE = 1.5
"""Seconds from Ctrl-C until a command that has not ended in order is ended."""


class StopToken:
    """Says that what runs is to end: training after its present chunk, a study after that.

    Attributes:
        grace: Seconds that the command line gives it to end in order after Ctrl-C, by default
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
        """Whether it has been set."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Set it, from any thread."""
        self._stopped.set()


_listening: list[StopToken] = []  # that Ctrl-C sets


@contextlib.contextmanager
def ctrl_c_stops(stop: StopToken | None = None) -> Iterator[StopToken]:
    """Have a first Ctrl-C set a token, so that it cuts nothing in two; a second is as usual.

    Args:
        stop: The token; a new one by default.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, and what this is part of is ending.
    """
    stop = stop or StopToken()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    if any(outer.stopped for outer in _listening):
        raise KeyboardInterrupt
    before = signal.getsignal(signal.SIGINT)
    _listening.append(stop)
    if before not in (_strike, left_to_the_watcher):
        signal.signal(signal.SIGINT, _strike)
    try:
        yield stop
    finally:
        _listening.remove(stop)
        signal.signal(signal.SIGINT, before)


def interrupt() -> float:
    """Set the tokens of `ctrl_c_stops`; the seconds that they have to end in order, if any."""
    tokens = list(_listening)
    for token in tokens:
        token.stop()
    return max((token.grace for token in tokens), default=0.0)


def left_to_the_watcher(*_: object) -> None:
    """Handle Ctrl-C where a thread of the command line sees to it: do nothing."""


def _strike(*_: object) -> None:
    if any(token.stopped for token in _listening):
        raise KeyboardInterrupt
    interrupt()
