"""Tracking: the trackers of a study, in a thread that neither delays nor stops it."""

from __future__ import annotations

import logging
import queue
import threading
import traceback
from collections.abc import Callable, Collection, Iterable
from typing import Any

from longlag.knobs import lookup, require
from longlag.trackers.aim import Aim
from longlag.trackers.mlflow import MLflow
from longlag.trackers.tensorboard import TensorBoard
from longlag.trackers.tracker import FinishedTrial, Tracker
from longlag.trackers.wandb import WandB

TRACKERS: dict[str, Callable[[], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WandB,
    "mlflow": MLflow,
    "aim": Aim,
}
"""The trackers by name."""

Track = str | Tracker | Iterable[str | Tracker]
"""The name of a tracker, a tracker, or several of these."""

_PATIENCE = 60.0  # seconds for a trial at the end, before a tracker is given up


class Tracking:
    """A context in which trackers log finished trials; at its end they have logged all of them.

    Args:
        track: The trackers, or their names.
        complain: Takes a line about a tracker that failed; called in the caller's thread.

    Raises:
        ValueError: There is no tracker of this name, or its library is not installed.

    >>> with Tracking((), print) as tracking:
    ...     tracking.failed
    []
    """

    def __init__(self, track: Track, complain: Callable[[str], object]) -> None:
        several = [track] if isinstance(track, str | Tracker) else track
        require("track", "track", several, Collection, "a name such as 'wandb', or a tracker")
        self._trackers = [_tracker(each) for each in several]
        self._complain, self._logged = complain, 0
        self._trials: queue.SimpleQueue[FinishedTrial | None] = queue.SimpleQueue()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.failed: list[str] = []
        """What was complained of."""

    def __bool__(self) -> bool:
        return bool(self._trackers)

    def __enter__(self) -> Tracking:
        if self._trackers:
            # A library whose log cannot be written, as on a full disk, would print tracebacks.
            self._log_errors, logging.raiseExceptions = logging.raiseExceptions, False
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.ident is None:
            return
        self._trials.put(None)
        logged = -1
        while self._thread.is_alive() and self._logged > logged:
            logged = self._logged
            self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            names = " and ".join(type(each).__name__ for each in self._trackers)
            self._lines.put(f"{names} did not answer for {_PATIENCE:.0f} s. {_LEFT}")
        logging.raiseExceptions = self._log_errors
        self._tell()

    def log(self, trial: FinishedTrial) -> None:
        """Have a trial logged, soon."""
        if self._thread.is_alive():
            self._trials.put(trial)
            self._tell()

    def _tell(self) -> None:
        while not self._lines.empty():
            self.failed.append(self._lines.get())
            self._complain(self.failed[-1])

    def _work(self) -> None:
        while (trial := self._trials.get()) is not None:
            for tracker in list(self._trackers):
                self._try(tracker, tracker.log, trial)
            self._logged += 1
        for tracker in list(self._trackers):
            self._try(tracker, tracker.close)

    def _try(self, tracker: Tracker, call: Callable[..., object], *given: Any) -> None:
        try:
            call(*given)
        except BaseException as error:  # of a library, a network or a disk; it may even leave
            self._trackers.remove(tracker)
            why = " ".join(traceback.format_exception_only(error)[-1].split())[:300].rstrip(".")
            self._lines.put(f"{type(tracker).__name__} cannot log a trial: {why}. {_LEFT}")


_LEFT = "It is left out from here on; the results are complete without it."


def _tracker(named: str | Tracker) -> Tracker:
    if isinstance(named, str):
        return lookup("tracker", named, TRACKERS)()
    require("track", "track", named, Tracker, "a name such as 'wandb', or a tracker")
    return named
