"""Criterion: the published end of a training, and the sequences that it takes to get there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from longlag import arguments
from longlag.events import Advanced
from longlag.knobs import require
from longlag.trials.setting import Setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Criterion:
    """So many successive training sequences with so few errors, each before its own update.

    For recipes of one sequence an update (`batch_size=1`, framing `Whole`). A sequence is right
    where all its targets are.

    Args:
        sequences: Number of successive sequences, at least 1.
        wrong: The most of them that may be wrong.
        loss: The largest mean of their losses; None for any.
        counted: Whether these sequences count as training; else they show that it is over.

    >>> Criterion(sequences=2).reached(np.zeros(4), np.array([1.0, 0.5, 1.0, 1.0]))
    4
    """

    sequences: int = 2000
    wrong: int = 0
    loss: float | None = None
    counted: bool = True

    def __post_init__(self) -> None:
        arguments.check(Criterion, vars(self))
        for name, least in (("sequences", 1), ("wrong", 0)):
            if (value := getattr(self, name)) < least:
                raise ValueError(
                    f"Criterion: `{name}` must be at least {least}, got {value}. "
                    f"Use {name}={least} or more."
                )

    def reached(self, losses: np.ndarray, shares: np.ndarray) -> int | None:
        """The number of sequences after which it is met for the first time; None if never.

        Args:
            losses: The loss of each sequence, `(sequence,)`.
            shares: The share of its targets that are correct.
        """
        if len(losses) < self.sequences:
            return None
        met = _sums(shares < 1, self.sequences) <= self.wrong
        if self.loss is not None:
            met &= _sums(losses, self.sequences) <= self.loss * self.sequences
        return int(met.argmax()) + self.sequences if met.any() else None

    def of_history(self, history: Sequence[Advanced]) -> int | None:
        """The same from the events of a seed (`Run.history`), those that count."""
        if not history:
            return None
        losses, shares = ([each.by_update[i] for each in history] for i in (0, 1))
        reached = self.reached(np.concatenate(losses), np.concatenate(shares))
        return reached if reached is None or self.counted else reached - self.sequences

    def until(self) -> Callable[[int, np.ndarray, np.ndarray], bool]:
        """A function for `fit(until=)`: each seed stops once it has met the criterion."""
        latest: dict[int, tuple[np.ndarray, np.ndarray]] = {}

        def is_met(seed: int, losses: np.ndarray, shares: np.ndarray) -> bool:
            before = latest.get(seed, (losses[:0], shares[:0]))
            both = [np.concatenate(pair) for pair in zip(before, (losses, shares), strict=True)]
            old = max(0, len(both[0]) + 1 - self.sequences)  # no window begins there any more
            latest[seed] = both[0][old:], both[1][old:]
            return self.reached(both[0], both[1]) is not None

        return is_met


@dataclasses.dataclass(frozen=True, kw_only=True)
class UntilMet:
    """A setting that trains each seed until it meets a criterion, or for its whole budget."""

    setting: Setting
    criterion: Criterion

    def __post_init__(self) -> None:
        require("UntilMet", "setting", self.setting, Setting, "a setting, such as Setting(...)")
        require("UntilMet", "criterion", self.criterion, Criterion, "a criterion: Criterion()")
        if self.setting.recipe.batch_size != 1 or self.setting.layout.sequences != 1:
            raise ValueError(
                "UntilMet: an update must be on one sequence. Use batch_size=1 and framing Whole()."
            )


def _sums(values: np.ndarray, window: int) -> np.ndarray:
    """The sums of all windows of successive values."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return total[window:] - total[:-window]
