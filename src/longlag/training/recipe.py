"""Recipe: how a model is fitted."""

from __future__ import annotations

import dataclasses
from typing import Literal

from longlag.knobs import BATCH_SIZE, Knobs, knob


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(Knobs):
    """Optimiser, learning rate, batch size, how long, and when to stop.

    Args:
        sequences: Sequences to train on, each a new one, whatever the framing. Rounded up to
            whole blocks (`longlag.framings.Layout`).
        batch_size: Samples in a batch.
        learning_rate: Step size of the optimiser.
        optimizer: `adam` (with Keras's epsilon 1e-7) or plain `sgd`.
        stop_at: Stop a seed once its accuracy reaches this value: over at least the last 1,000
            targets of training, before each is used in an update, and then on sequences of the
            validation stream. None: never.
    """

    sequences: int = knob(2000, "Fresh sequences to train on, per seed.", at_least=1)
    batch_size: int = knob(BATCH_SIZE, "Samples in a batch.", at_least=1, at_most=1_000_000)
    learning_rate: float = knob(1e-3, "Learning rate.", above=0)
    optimizer: Literal["adam", "sgd"] = knob("adam", "Optimiser.")
    stop_at: float | None = knob(
        None, "Stop a seed at this accuracy. Default: never.", above=0, at_most=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1e-30 <= self.learning_rate <= 1e30:
            raise ValueError(
                "Recipe: `learning_rate` must be from 1e-30 to 1e+30, the range of single "
                f"precision, got {self.learning_rate}. Use learning_rate=0.001."
            )
