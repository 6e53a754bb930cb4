"""Time to solve: how many sequences it takes, those that never solved it counted too."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from longlag.scores.statistics import Estimate, over_seeds, share_interval
from longlag.trials.outcome import Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimeToSolve:
    """Sequences until the criterion, over seeds.

    Attributes:
        solved: Seeds that solved it.
        count: Seeds.
        rate: Share that solved it, with Clopper and Pearson's interval.
        budget: Sequences after which a seed that has not solved it is given up: censored.
        times: Sequences at which the curve steps, from 0 on.
        unsolved: Kaplan and Meier's estimate of the share not yet solved, from each time on.
        low: Lower bound of its interval of 95 % (exact, at each time), and likewise `high`.
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
    """How many sequences the seeds took to solve their problem.

    Args:
        outcomes: What the seeds came to, at least one.
        solve_at: Skill on fresh sequences from which one counts as solved.
        budget: Sequences that each was allowed.
    """
    solved = np.array([each.ended != "diverged" and each.skill >= solve_at for each in outcomes])
    # One that failed before its budget was used up, having diverged, would not solve it later.
    spent = [min(each.sequences, budget) for each in outcomes]
    return of_times(np.where(solved, spent, budget), solved, budget)


def of_times(times: np.ndarray, solved: np.ndarray, budget: int) -> TimeToSolve:
    """The same, given the time of each seed and whether it solved the problem then.

    >>> found = of_times(np.array([10, 30, 100]), np.array([True, True, False]), budget=100)
    >>> found.times, [round(share, 3) for share in found.unsolved]
    ((0.0, 10.0, 30.0, 100.0), [1.0, 0.667, 0.333, 0.333])
    >>> round(found.mean.mean, 1)
    46.7
    """
    # Who did not solve it is given up at the end: Kaplan and Meier's estimate is the plain share.
    times = np.where(solved, times, budget).astype(float)
    count, hits = len(times), int(solved.sum())
    at = np.unique([0.0, *times, budget])
    left = [count - int((solved & (times <= time)).sum()) for time in at]
    share = np.array(left) / count
    low, high = np.array([share_interval(each, count) for each in left]).T
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
