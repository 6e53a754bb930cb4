"""Recipe: how a model is fitted."""

from __future__ import annotations

import dataclasses
from typing import Literal

from longlag.knobs import BATCH_SIZE, Knobs, knob

OptimizerName = Literal["adam", "adamw", "sgd"]
Schedule = Literal["constant", "cosine"]
Dtype = Literal["float32", "bfloat16"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(Knobs):
    """Optimiser, learning rate and its schedule, batch size, how long, and when to stop.

    Args:
        sequences: Sequences to train on, each a new one, whatever the framing. Rounded up to
            whole blocks (`longlag.framings.Layout`).
        batch_size: Samples in a batch.
        learning_rate: Step size of the optimiser.
        optimizer: `adam` or `adamw` (both with Keras's epsilon 1e-7), or plain `sgd`.
        weight_decay: With `adamw`: share of every weight, times the learning rate, that an update
            takes away. None: 0.01, as in PyTorch.
        clip_norm: Gradients whose norm, over all weights together, is larger are scaled down to
            it. None: never.
        schedule: The learning rate over the planned updates: `constant`, or `cosine`, which falls
            to 0 at their end, whether or not `stop_at` ends the run before.
        warmup: Share of the planned updates in which the learning rate first rises from 0.
        dtype: Numbers in which an update is computed. With `bfloat16` weights, carried state, loss
            and optimiser stay in float32, and so does every prediction after training.
        stop_at: Stop a seed once its accuracy reaches this value: over at least the last 1,000
            targets of training, before each is used in an update, and then on sequences of the
            validation stream. None: never.
    """

    sequences: int = knob(2000, "Fresh sequences to train on, per seed.", at_least=1)
    batch_size: int = knob(BATCH_SIZE, "Samples in a batch.", at_least=1, at_most=1_000_000)
    learning_rate: float = knob(1e-3, "Learning rate.", above=0)
    optimizer: OptimizerName = knob("adam", "Optimiser.")
    stop_at: float | None = knob(
        None, "Stop a seed at this accuracy. Default: never.", above=0, at_most=1
    )
    weight_decay: float | None = knob(
        None, "Decoupled weight decay, of adamw only. Default 0.01.", at_least=0, added=True
    )
    clip_norm: float | None = knob(
        None, "Scale larger gradients down to this norm. Default: never.", above=0, added=True
    )
    schedule: Schedule = knob("constant", "Learning rate over the updates.", added=True)
    warmup: float = knob(
        0.0, "Share of the updates in which the learning rate rises.", at_least=0, added=True
    )
    dtype: Dtype = knob("float32", "Numbers in which updates are computed.", added=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1e-30 <= self.learning_rate <= 1e30:
            raise ValueError(
                "Recipe: `learning_rate` must be from 1e-30 to 1e+30, the range of single "
                f"precision, got {self.learning_rate}. Use learning_rate=0.001."
            )
        if self.weight_decay is not None and self.optimizer != "adamw":
            raise ValueError(
                f"Recipe: `weight_decay` is of adamw, not of {self.optimizer}. Use "
                "optimizer='adamw', or leave it out."
            )
        if self.warmup >= 1:
            raise ValueError(
                f"Recipe: `warmup` must be below 1, the share of all updates, got {self.warmup}. "
                "Use warmup=0.1."
            )

    @property
    def details(self) -> str:
        """The knobs that differ from their defaults, but for those that every answer names.

        >>> Recipe(optimizer="adamw", clip_norm=1, learning_rate=0.01, sequences=500).details
        'optimizer=adamw clip_norm=1'
        """
        return self._details("learning_rate=")

    @property
    def details_with_rate(self) -> str:
        """The same with the learning rate, for an answer that names it nowhere else."""
        return self._details()

    def _details(self, *named: str) -> str:
        named = ("sequences=", "stop_at=", *named)
        return " ".join(each for each in self.non_default() if not each.startswith(named))

    @property
    def decay(self) -> float:
        """The weight decay of adamw."""
        return 0.01 if self.weight_decay is None else self.weight_decay
