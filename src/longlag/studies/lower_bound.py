"""What to say where trials were still learning, or too short to tell: a lower bound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from longlag.studies.ladder import LEARNING_RATES


class LowerBound(NamedTuple):
    """How many of the trials that decide an answer had not stopped learning, as far as is known, when their budget ended.

    Attributes:
        still: So many were.
        total: Of so many.
        noun: What is counted: `seeds` or `trials`.
        budget: Sequences that each was allowed.
        rate: Their learning rate, where the study does not choose it.
    """

    still: int
    total: int
    noun: str
    budget: int
    rate: float | None

    def advice(self, *, flags: bool) -> str:
        """It in words, with what to try: as flags of the command line, or as arguments in Python.

        >>> LowerBound(3, 5, "seeds", 50_000, 0.001).advice(flags=False)
        'A lower bound: 3 of 5 seeds had not stopped learning when the budget ended. Try budget=...'
        """
        tries = [f"--budget {2 * self.budget}" if flags else f"budget={2 * self.budget}"]
        if self.rate is not None and self.rate < LEARNING_RATES[-1]:
            rate = f"{LEARNING_RATES[-1]:g}"
            tries.append(f"--learning-rate {rate}" if flags else f"learning_rate={rate}")
        return (
            f"A lower bound: {self.still} of {self.total} {self.noun} had not stopped learning when "
            f"the budget ended. Try {' or '.join(tries)}."
        )


def lower_bound(
    reasons: Iterable[str], count: int, noun: str, budget: int, rate: float | None = None
) -> LowerBound | None:
    """The lower bound that an answer is, by why trials fell short; None where it is none.

    Args:
        reasons: The first reason of each trial that fell short.
        count: All trials that decide the answer.
        noun: What is counted.
        budget: Sequences that each was allowed.
        rate: Their learning rate, where the study does not choose it.
    """
    still = sum(reason in ("undertrained", "unclear") for reason in reasons)
    return LowerBound(still, count, noun, budget, rate) if still else None
