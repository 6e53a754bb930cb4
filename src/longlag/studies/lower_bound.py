"""Lower bounds: answers from trials that were still learning when their budget ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from longlag.answers.format import counted
from longlag.studies.about import SeedResult
from longlag.studies.ladder import LEARNING_RATES
from longlag.training import Recipe
from longlag.trials.remedies import LONGER, hindered


class LowerBound(NamedTuple):
    """The number of trials that had not stopped learning, of those that decide an answer.

    Attributes:
        still: Number of trials still learning.
        total: Number of trials.
        noun: The unit of both: `seeds` or `trials`.
        budget: Largest number of training sequences of a trial.
        rate: Their learning rate; None where the study chooses it.
        unclear: Of those still learning, the number too short to tell.
        freed: New values of the knobs under which nothing can be learned; usually none.
    """

    still: int
    total: int
    noun: str
    budget: int
    rate: float | None
    unclear: int = 0
    freed: Mapping[str, float] = {}  # never changed

    def advice(self, *, flags: bool, bound: str = "A lower bound") -> str:
        """A sentence with advice: as flags of the command line, or as arguments in Python.

        >>> LowerBound(3, 5, "seeds", 50_000, 0.001).advice(flags=False)
        'A lower bound: 3 of 5 seeds had not stopped learning when the budget ended. Try budget=...'
        """
        longer = LONGER * self.budget
        advice = f"Try --budget {longer}." if flags else f"Try budget={longer}."
        if self.freed:
            named = (
                f"--{name.replace('_', '-')} {value:g}" if flags else f"{name}={value:g}"
                for name, value in self.freed.items()
            )
            advice = f"Try {' and '.join(named)}: with this recipe nothing can be learned."
        elif self.rate is not None and self.rate < LEARNING_RATES[-1]:
            rate = f"{LEARNING_RATES[-1]:g}"
            name = f"--learning-rate {rate}" if flags else f"learning_rate={rate}"
            advice += f" With {name} it may need fewer, or become unstable."
        total = counted(self.total, self.noun[:-1])
        end = "had not stopped learning when the budget ended"
        if self.unclear:
            short = "were too short to tell whether they had stopped learning"
            end = short if self.unclear == self.still else f"{end}, or were too short to tell"
        return f"{bound}: {self.still} of {total} {end}. {advice}"


def lower_bound(
    trials: Iterable[SeedResult],
    count: int,
    noun: str,
    recipe: Recipe,
    *,
    budget: int | None = None,
    rate: float | None = None,
) -> LowerBound | None:
    """The lower bound that an answer is; None if no trial was still learning.

    Args:
        trials: The trials. Where no gradient reaches what is needed, longer training is no help.
        count: Number of trials that decide the answer.
        noun: The unit of `count`: `seeds` or `trials`.
        recipe: Their recipe.
        budget: Largest number of training sequences of a trial, by default the recipe's.
        rate: Their learning rate; None where the study chooses it.
    """
    reasons = [trial.reason for trial in trials if trial.outcome.audit == "learnable"]
    unclear = reasons.count("unclear")
    still = unclear + reasons.count("undertrained")
    most, freed = budget or recipe.sequences, hindered(recipe)
    if rate is None:  # that of the recipe is not theirs
        freed.pop("learning_rate", None)
    return LowerBound(still, count, noun, most, rate, unclear, freed) if still else None
