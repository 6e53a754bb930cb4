"""Time to solve: the number of training sequences, with unsolved seeds as censored."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from longlag.answers.estimate import Estimate
from longlag.scores.statistics import over_seeds, share_interval
from longlag.trials.outcome import Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimeToSolve:
    """Training sequences until the criterion, over seeds.

    Attributes:
        solved: Number of seeds that solved it.
        count: Number of seeds.
        rate: Share of seeds that solved it, with Clopper and Pearson's interval.
        budget: Sequences after which an unsolved seed is censored.
        times: Sequences at the steps of the curve, from 0 on.
        unsolved: Kaplan and Meier's estimate of the share not yet solved, from each time on.
        low: Lower bound of its 95 % interval (exact, at each time).
        high: Upper bound.
        mean: Restricted mean: mean sequences to the criterion, or to the budget where that
            comes first: the area under the curve.
    """

    solved: int
    count: int
    rate: Estimate
    budget: int
    times: tuple[float, ...]
    unsolved: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: Estimate


def time_to_solve(outcomes: Sequence[Outcome], solve_at: float, budget: int) -> TimeToSolve:
    """The number of sequences that the seeds needed to solve their problem.

    Args:
        outcomes: The outcomes of the seeds, at least one.
        solve_at: Skill on fresh sequences from which a seed counts as solved.
        budget: Largest number of training sequences of a seed.
    """
    solved = np.array([each.ended != "diverged" and each.skill >= solve_at for each in outcomes])
    # A seed that diverged before the end of its budget would not solve it later.
    sequences = [min(each.sequences, budget) for each in outcomes]
    return of_times(np.where(solved, sequences, budget), solved, budget)


def of_times(times: np.ndarray, solved: np.ndarray, budget: int) -> TimeToSolve:
    """The same, from the time `(seed,)` of each seed and whether it solved the problem `(seed,)`.

    >>> result = of_times(np.array([10, 30, 100]), np.array([True, True, False]), budget=100)
    >>> result.times, [round(share, 3) for share in result.unsolved]
    ((0.0, 10.0, 30.0, 100.0), [1.0, 0.667, 0.333, 0.333])
    >>> round(result.mean.mean, 1)
    46.7
    """
    # Seeds are censored only at the end: Kaplan and Meier's estimate is the plain share.
    times = np.where(solved, times, budget).astype(float)
    count, hits = len(times), int(solved.sum())
    at = np.unique([0.0, *times, budget])
    unsolved = [count - int((solved & (times <= time)).sum()) for time in at]
    share = np.array(unsolved) / count
    low, high = np.array([share_interval(each, count) for each in unsolved]).T
    low[0] = 1.0  # nothing is solved before the first update
    return TimeToSolve(
        solved=hits,
        count=count,
        rate=Estimate(hits / count, share_interval(hits, count), tuple(map(float, solved))),
        budget=budget,
        times=tuple(map(float, at)),
        unsolved=tuple(map(float, share)),
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        mean=over_seeds(times.tolist(), 0.0, float(budget)),
    )
