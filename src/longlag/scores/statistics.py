"""The statistics of claims: intervals over seeds and the exact test against chance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

CONFIDENCE = 0.95
"""Coverage of every interval, and one minus the level of every test."""

_BLOCKS = 8  # that a bootstrap draws from, at least


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval.

    Attributes:
        mean: Mean over seeds.
        interval: Interval of 95 % for the mean over seeds; with one seed it covers the
            noise of the draws alone, so it is an interval for that one model.
        per_seed: The value of each seed.
    """

    mean: float
    interval: tuple[float, float]
    per_seed: tuple[float, ...]

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:.3f} [{low:.3f}, {high:.3f}]"


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's t interval for the mean; the whole line where there is but one value.

    >>> low, high = mean_interval([0.9, 1.0, 0.8])
    >>> round(low, 3), round(high, 3)
    (0.652, 1.148)
    """
    count = len(values)
    if count < 2:
        return -np.inf, np.inf
    half = special.stdtrit(count - 1, (1 + CONFIDENCE) / 2) * np.std(values, ddof=1) / count**0.5
    return float(np.mean(values) - half), float(np.mean(values) + half)


def share_interval(hits: float, trials: float) -> tuple[float, float]:
    """Clopper and Pearson's exact interval for a probability.

    >>> low, high = share_interval(10, 10)
    >>> round(low, 3), high
    (0.692, 1.0)
    """
    tail = (1 - CONFIDENCE) / 2
    low = special.betaincinv(hits, trials - hits + 1, tail) if hits > 0 else 0.0
    high = special.betaincinv(hits + 1, trials - hits, 1 - tail) if hits < trials else 1.0
    return float(low), float(high)


def accuracy(shares: Sequence[float], sequences: int | None) -> Estimate:
    """The accuracy over seeds, each measured on `sequences` fresh sequences.

    The interval covers the spread between seeds (Student's t, where there are two or
    more) and the noise of the draws (Clopper and Pearson, with a sequence as the unit,
    since the targets of one sequence are not independent); the wider bound counts, so
    five seeds at 1.0 do not give an interval of no width. None for `sequences` says that
    there is but one sequence, so that nothing is left to the draws.

    >>> accuracy([1.0, 1.0], sequences=1000).interval
    (0.998..., 1.0)
    """
    mean = float(np.mean(shares))
    low, high = mean, mean
    if sequences is not None:
        low, high = share_interval(mean * sequences * len(shares), sequences * len(shares))
    if len(shares) > 1:
        between = mean_interval(shares)
        low, high = min(low, max(between[0], 0.0)), max(high, min(between[1], 1.0))
    return Estimate(mean, (low, high), tuple(shares))


def over_seeds(values: Sequence[float]) -> Estimate:
    """A figure that is no share, such as an error: its mean and Student's t interval."""
    return Estimate(float(np.mean(values)), mean_interval(values), tuple(map(float, values)))


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """The difference between two settings over the same seeds, paired seed by seed.

    >>> difference([1.0, 0.9, 1.0], [0.5, 0.4, 0.6]).mean
    0.466...
    """
    pairs = tuple(float(a - b) for a, b in zip(ours, theirs, strict=True))
    return Estimate(float(np.mean(pairs)), mean_interval(pairs), pairs)


def error_ratio(
    ours: np.ndarray, theirs: np.ndarray, block: int, resamples: int = 2000
) -> Estimate:
    """Root mean square error as a share of another's on the same stretch of time.

    The interval is from a bootstrap: of seeds, and of blocks of neighbouring times, wrapped round
    at the end, since neighbouring errors are alike. It is the same for equal errors. Of fewer than
    eight blocks a bootstrap tells nothing: the interval is then from 0 to infinity.

    Source: Politis and Romano (1992), circular block bootstrap.

    Args:
        ours: Squared errors `(seed, time)`.
        theirs: Squared errors `(time,)`.
        block: Times in a block.
        resamples: Number of resamples.

    >>> theirs = np.ones(100)
    >>> found = error_ratio(np.full((3, 100), 0.25), theirs, block=5)
    >>> found.mean, found.interval
    (0.5, (0.5, 0.5))
    """
    count, rng = ours.shape[1], np.random.default_rng(0)
    blocks = -(-count // block)
    ratios = _ratio(ours.mean(axis=1), theirs.mean())
    mean, per_seed = float(_ratio(ours.mean(), theirs.mean())), tuple(map(float, ratios))
    if blocks < _BLOCKS:
        return Estimate(mean, (0.0, math.inf), per_seed)
    starts = rng.integers(count, size=(resamples, blocks))
    seeds = rng.integers(len(ours), size=(resamples, len(ours)))

    def sums(squares: np.ndarray) -> np.ndarray:
        """Of every block that begins at each time, `(…, time)`."""
        wrapped = np.concatenate([squares, squares[..., :block]], axis=-1)
        total = np.concatenate([np.zeros((*squares.shape[:-1], 1)), wrapped.cumsum(axis=-1)], -1)
        return total[..., block : block + count] - total[..., :count]

    by_block, against = sums(ours), sums(theirs)
    drawn = np.stack([each[starts].sum(axis=1) for each in by_block])  # (seed, resample)
    above = np.take_along_axis(drawn.T, seeds, axis=1).mean(axis=1)
    drawn_ratios = np.sort(_ratio(above, against[starts].sum(axis=1)))
    tail = (1 - CONFIDENCE) / 2
    places = math.floor(tail * (resamples - 1)), math.ceil((1 - tail) * (resamples - 1))
    low, high = (float(drawn_ratios[place]) for place in places)
    return Estimate(mean, (low, high), per_seed)


def _ratio(ours: Any, theirs: Any) -> np.ndarray:
    """Roots of sums of squares as a share of others; 1 where both are 0."""
    ours, theirs = np.broadcast_arrays(np.asarray(ours), np.asarray(theirs))
    share = np.divide(ours, theirs, out=np.full(ours.shape, np.inf), where=theirs > 0)
    return np.asarray(np.sqrt(np.where((theirs == 0) & (ours == 0), 1.0, share)))


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation, ties at their mean rank; 0 where one of them is constant.

    >>> rank_correlation([1, 2, 3], [10, 30, 20])
    0.5
    """

    def ranks(values: Sequence[float]) -> np.ndarray:
        _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        middle = counts.cumsum() - (counts + 1) / 2
        return middle[place] - middle[place].mean()

    first, second = ranks(one), ranks(other)
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float(round((first * second).sum() / scale, 12)) if scale else 0.0


def chance_probability(hits: int, trials: int, chance: float) -> float:
    """Exact probability of at least `hits` in `trials` guesses that each hit at `chance`.

    >>> round(chance_probability(3, 10, 0.1), 4)
    0.0702
    """
    return 1.0 if hits == 0 else float(special.betainc(hits, trials - hits + 1, chance))


def upper_tail(deviations: float) -> float:
    """Probability that a normal variable lies so many standard deviations above its mean.

    >>> round(upper_tail(1.96), 3)
    0.025
    """
    return float(special.ndtr(-deviations))


def larger_probability(ones: np.ndarray, others: np.ndarray) -> float:
    """Probability of a mean so much larger than the others', were both the same: Welch's t test.

    >>> round(larger_probability(np.array([2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0])), 3)
    0.144
    """
    apart = float(np.mean(ones) - np.mean(others))
    parts = [float(np.var(each, ddof=1)) / len(each) for each in (ones, others)]
    if sum(parts) == 0:
        return 0.0 if apart > 0 else 1.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, (ones, others), strict=True)
    )
    return float(special.stdtr(freedom, -apart / sum(parts) ** 0.5))


def above_probability(values: np.ndarray, level: float) -> float:
    """Probability of a mean so far above a level, for independent values that have that mean.

    The normal test, one-sided; with a thousand values and more its error is small.

    >>> round(above_probability(np.array([0.4, 0.6, 0.5, 0.5]), 0.5), 2)
    0.5
    """
    return above_probability_of_sums(
        len(values), float(np.sum(values)), float(np.sum(values**2)), level
    )


def above_probability_of_sums(count: int, total: float, squares: float, level: float) -> float:
    """The same, given the number of values, their sum and the sum of their squares.

    Where all values are alike the bound is Markov's: each is so large with probability
    `level` / value at most.

    >>> round(above_probability_of_sums(4, 2.0, 1.02, 0.5), 2)
    0.5
    """
    above = total / count - level
    variance = max(0.0, squares - total**2 / count) / (count - 1)
    error = (variance / count) ** 0.5
    if error < 1e-8:  # what rounding leaves of none
        return (level / (total / count)) ** count if above > 1e-9 else 1.0
    return upper_tail(above / error)


def median_interval(values: Sequence[float]) -> tuple[float, tuple[float, float], float]:
    """The median, the narrowest interval for it that the order of values gives, its coverage.

    It takes nothing for granted of their distribution. Between the smallest and the largest of
    n values the median lies with probability 1 - 2^(1-n): fewer than six do not give 0.95, and
    then that interval is given with the coverage it has.

    >>> median_interval([1, 2, 4, 8, 8])
    (4.0, (1, 8), 0.9375)
    """
    ordered, count = sorted(values), len(values)
    inward = 0
    below = np.cumsum([math.comb(count, hits) for hits in range(count + 1)]) / 2**count
    while inward + 1 < count / 2 and 1 - 2 * below[inward + 1] >= CONFIDENCE:
        inward += 1
    interval = ordered[inward], ordered[count - 1 - inward]
    return float(np.median(ordered)), interval, float(max(0.0, 1 - 2 * below[inward]))


SOLVED = 0.99
"""Skill from which a trial counts as having solved its problem, where nothing else is asked."""
