"""Figures: what is read off a run, to compare it with a published one."""

from __future__ import annotations

import dataclasses

from longlag.answers.estimate import Estimate
from longlag.claims.card import reaches
from longlag.claims.modern.fixed_set import FixedSet
from longlag.problems import CountOnes, Problem
from longlag.scores import statistics
from longlag.trials.run import Run

EQUAL = 1e-9
"""A difference that is rounding."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """What is read off a run: accuracy on one of its tests, or there the squared error.

    Args:
        name: Its name on the page.
        test: The test; None for the main one.
        whole: Whether a sequence counts only where it is right at every step.
        last: Steps that count, at the end of the sequences; None for all that are scored.
        squared: Whether it is the mean squared error, in the unit of the source.
        tolerance: How far from a published figure counts as that figure.
    """

    name: str = "accuracy"
    test: str | None = None
    whole: bool = False
    last: int | None = None
    squared: bool = False
    tolerance: float = 0.02

    def of(self, run: Run) -> Estimate:
        """The figure of a run, over its seeds."""
        score = run.scores[self.test or next(iter(run.scores))]
        if self.last is not None:
            ends = [each.right[:, -self.last :].mean() for each in score.evaluations]
            return statistics.accuracy(list(map(float, ends)), len(score.evaluations[0].right))
        if not self.squared:
            return score.sequence_accuracy if self.whole else score.accuracy
        unit = _unit(score.problem)
        squares = [(each.error * unit) ** 2 for each in score.evaluations]
        return statistics.over_seeds(squares, least=0.0)

    def chance(self, run: Run) -> float:
        """The figure of the best constant of each step."""
        score = run.scores[self.test or next(iter(run.scores))]
        if self.last is not None:
            return float(score.problem.chance_array[-self.last :].mean())
        if not self.squared:
            return score.chance
        return float(((score.chance_error or 0.0) * _unit(score.problem)) ** 2)

    def is_there(self, run: Run) -> bool:
        """Whether a run has that test."""
        return self.test is None or self.test in run.scores

    def as_good(self, figure: Estimate, bar: float) -> bool:
        """Whether a figure is at least as good as a bar."""
        if not self.squared:
            return reaches(figure, bar - EQUAL)
        low, high = figure.interval
        per_seed = tuple(-each for each in figure.per_seed)
        return reaches(Estimate(-figure.mean, (-high, -low), per_seed), -bar - EQUAL)

    def better_by(self, bar: float) -> float:
        """The bar that is better by the tolerance; of an error a share of it."""
        return bar + self.tolerance if not self.squared else bar * (1 - self.tolerance)

    def worse_by(self, bar: float) -> float:
        """The bar that is worse by the tolerance; of an error a share of it."""
        return bar - self.tolerance if not self.squared else bar * (1 + self.tolerance)


def _unit(problem: Problem) -> float:
    """What a target of 1 stands for: ones, of a count."""
    counted = problem.problem if isinstance(problem, FixedSet) else problem
    return float(counted.scale) if isinstance(counted, CountOnes) else 1.0
