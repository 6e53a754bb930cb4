"""Events: the progress of a seed, from the training loop, the workers and a study."""

from __future__ import annotations

import dataclasses
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
