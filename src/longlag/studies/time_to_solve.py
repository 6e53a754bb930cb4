"""Time to solve: how many sequences it takes, those that never solved it counted too."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np

from longlag.scores import statistics
from longlag.scores.statistics import Estimate
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
        low: Lower bound of its interval of 95 % (log-log), and likewise `high`.
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
    from scipy import stats  # half a second, needed for nothing else

    times = times.astype(float)
    curve = stats.ecdf(stats.CensoredData(uncensored=times[solved], right=times[~solved])).sf
    at = np.concatenate([[0.0], curve.quantiles])
    share = np.concatenate([[1.0], curve.probabilities])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # no formula where all or none are left
        bounds = curve.confidence_interval(statistics.CONFIDENCE, method="log-log")
    low, high = (
        np.concatenate(
            [[1.0], np.where(np.isnan(each.probabilities), share[1:], each.probabilities)]
        )
        for each in (bounds.low, bounds.high)
    )
    if at[-1] < budget:
        at, share, low, high = (
            np.append(column, end)
            for column, end in ((at, budget), (share, share[-1]), (low, low[-1]), (high, high[-1]))
        )
    count, hits = len(times), int(solved.sum())
    area = float((np.diff(at) * share[:-1]).sum())
    between = statistics.mean_interval(list(times))
    interval = max(0.0, between[0]), min(float(budget), between[1])
    return TimeToSolve(
        solved=hits,
        count=count,
        rate=Estimate(
            hits / count, statistics.share_interval(hits, count), tuple(map(float, solved))
        ),
        budget=budget,
        times=tuple(map(float, at)),
        unsolved=tuple(map(float, share)),
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        mean=Estimate(area, interval, tuple(map(float, times))),
    )
