"""The statistics of claims: intervals over seeds and the exact test against chance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import special

from longlag.answers.estimate import Estimate, far_apart, no_interval

CONFIDENCE = 0.95
"""Coverage of every interval, and one minus the level of every test."""

SOLVED = 0.99
"""Skill from which a trial has solved its problem, by default."""

_BLOCKS = 4  # of independent errors for a ratio of errors, at least

_BELOW_LEVEL = 0.001  # of the test for a score below chance, which is unlikely beforehand

_RARE = 0.1  # share of failing seeds below which there is no caveat


def mean_interval(
    values: Sequence[float],
    least: float = -math.inf,
    most: float = math.inf,
    *,
    confidence: float = CONFIDENCE,
) -> tuple[float, float]:
    """Student's t interval for the mean, clipped to [least, most]; all of it for one value.

    Where all values are equal by chance, it is the exact interval for values that are either this
    one or the farthest possible one.

    >>> low, high = mean_interval([0.9, 1.0, 0.8])
    >>> round(low, 3), round(high, 3)
    (0.652, 1.148)
    >>> low, high = mean_interval([1.0] * 5, least=0, most=1)
    >>> round(low, 3), high
    (0.478, 1.0)
    """
    count, mean, tail = len(values), float(np.mean(values)), (1 - confidence) / 2
    if count < 2:
        return least, most
    half = float(special.stdtrit(count - 1, 1 - tail) * np.std(values, ddof=1) / count**0.5)
    if half > 1e-12 * abs(mean) or most - least == math.inf:
        return max(least, mean - half), min(most, mean + half)
    unseen = 1 - tail ** (1 / count)
    return mean - unseen * (mean - least), mean + unseen * (most - mean)


def caveat(values: Sequence[float], interval: tuple[float, float], span: float) -> str:
    """A warning where an unseen failing seed would change the interval; else empty.

    Args:
        values: The value of each seed.
        interval: The interval for their mean.
        span: The range of possible values: a failing seed is assumed to lose half of it.

    >>> caveat([1.0] * 5, (0.998, 1.0), span=1)
    'only 5 seeds: up to 45 % of all could fail unseen, which would make the interval...'
    >>> caveat([0.9, 0.95, 0.4, 1.0, 0.9], (0.54, 1.0), span=1)
    ''
    """
    if len(values) == 1 and interval[1] - interval[0] < span:
        return no_interval(1)
    few = far_apart(len(values)) if np.ptp(values) > 0 else no_interval(len(values))
    if few and interval[1] - interval[0] >= span / 2:
        return few  # it is half or more of what is possible
    unseen = 1 - (1 - CONFIDENCE) ** (1 / len(values))
    mean = float(np.mean(values))
    if unseen < _RARE or max(mean - interval[0], interval[1] - mean) >= unseen * span / 2:
        return ""
    what = f"up to {100 * unseen:.0f} % of all could fail unseen"
    enough = math.ceil(math.log(1 - CONFIDENCE) / math.log(1 - _RARE))
    return (
        f"only {len(values)} seeds: {what}, which would make the interval far too narrow; "
        f"{enough} seeds leave at most {100 * _RARE:.0f} %"
    )


def share_interval(hits: float, trials: float) -> tuple[float, float]:
    """Clopper and Pearson's exact interval for a probability: its low and high end.

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
    more) and the noise of the test sequences (Clopper and Pearson, with a sequence as the
    unit, since the targets of one sequence are not independent); the wider bound counts, so
    five seeds at 1.0 do not give an interval of zero width. None for `sequences` says that
    every evaluation is exhaustive, without sampling noise.

    >>> accuracy([1.0, 1.0], sequences=1000).interval
    (0.998..., 1.0)
    """
    mean, count = float(np.mean(shares)), len(shares)
    if sequences is None:
        interval = (mean, mean) if count == 1 else mean_interval(shares, 0.0, 1.0)
    else:
        low, high = share_interval(mean * sequences * count, sequences * count)
        if np.ptp(shares) > 0:
            between = mean_interval(shares, 0.0, 1.0)
            low, high = min(low, between[0]), max(high, between[1])
        interval = low, high
    return Estimate(mean, interval, tuple(shares), caveat(shares, interval, 1.0))


def over_seeds(
    values: Sequence[float], least: float = -math.inf, most: float = math.inf
) -> Estimate:
    """The mean of a figure over seeds, with Student's t interval; `accuracy` is for shares.

    Args:
        values: The value of each seed.
        least: The least possible value: 0 for an error.
        most: The largest possible value.
    """
    mean, interval = float(np.mean(values)), mean_interval(values, least, most)
    span = most - least if math.isfinite(most - least) else 2 * abs(mean)
    return Estimate(mean, interval, tuple(map(float, values)), caveat(values, interval, span))


def difference(
    ours: Sequence[float], theirs: Sequence[float], sequences: int | None = None
) -> Estimate:
    """The difference of two accuracies over the same seeds, paired seed by seed.

    The interval covers the spread between seeds (Student's t) and, with the number of fresh
    sequences per seed, their noise (Newcombe), so that equal pairs do not give an interval of
    zero width.

    Source: Newcombe (1998), interval estimation for the difference between proportions.

    >>> difference([1.0, 0.9, 1.0], [0.5, 0.4, 0.6]).mean
    0.466...
    """
    pairs = [float(a - b) for a, b in zip(ours, theirs, strict=True)]
    estimate = over_seeds(pairs, -1.0, 1.0)
    if sequences is None:
        return estimate
    count = sequences * len(pairs)
    shares = [float(np.mean(each)) for each in (ours, theirs)]
    (low, high), (their_low, their_high) = (share_interval(p * count, count) for p in shares)
    below = math.hypot(shares[0] - low, their_high - shares[1])
    above = math.hypot(high - shares[0], shares[1] - their_low)
    interval = max(-1.0, estimate.mean - below), min(1.0, estimate.mean + above)
    if len(pairs) == 1 or np.ptp(pairs) > 0:
        interval = min(interval[0], estimate.interval[0]), max(interval[1], estimate.interval[1])
    return dataclasses.replace(estimate, interval=interval, caveat=caveat(pairs, interval, 2.0))


def error_ratio(ours: np.ndarray, theirs: np.ndarray, block: int = 1) -> Estimate:
    """The root mean square error divided by another's over the same stretch of time.

    The interval combines two parts, on a logarithmic scale. Between seeds: Student's t with the
    standard error of the logarithm of a log-normal mean, s²/n + s⁴/(2(n - 1)) for squared errors.
    In time: Student's t of the means of blocks, since neighbouring errors are correlated; a block
    has 32 r / (1 - r²) times, r the correlation of neighbouring differences, so that the means of
    blocks are almost uncorrelated. With fewer than four such blocks the interval is from 0 to
    infinity. With one seed the interval is for that one model.

    Source: Diebold and Mariano (1995), comparing predictive accuracy; Zhou and Gao (1997),
    confidence intervals for the log-normal mean.

    Args:
        ours: Squared errors `(seed, time)`.
        theirs: Squared errors `(time,)`.
        block: Times in a block, at least, where enough blocks remain.

    >>> theirs = np.ones(100)
    >>> ratio = error_ratio(np.full((3, 100), 0.25), theirs, block=5)
    >>> ratio.mean, ratio.interval
    (0.5, (0.5, 0.5))
    """
    squares, naive = ours.mean(axis=1), float(theirs.mean())
    ratios = np.where(squares == 0, 0.0 if naive else 1.0, np.inf)
    if naive:
        ratios = np.sqrt(squares / naive)
    mean, half = float(np.sqrt(np.mean(ratios**2))), 0.0
    if 0 < mean < math.inf and naive:
        own = ours.mean(axis=0)
        half = _half_width_in_time((own / own.mean() - theirs / naive) / 2, block)
        if len(ours) > 1:
            spread = np.var(np.log(np.maximum(squares, 1e-300)), ddof=1)
            error = spread / len(ours) + spread**2 / (2 * (len(ours) - 1))
            half = math.hypot(half, _students(len(ours) - 1) * float(np.sqrt(error)) / 2)
    interval = 0.0, math.inf
    if half < math.inf and len(theirs) >= 2 * _BLOCKS:
        interval = mean * math.exp(-half), mean * math.exp(min(half, 700.0))
    return Estimate(mean, interval, tuple(map(float, ratios)), _one_model(ours))


def _one_model(ours: np.ndarray) -> str:
    return "one seed: of this one model" if len(ours) == 1 else ""


def _half_width_in_time(values: np.ndarray, least: int) -> float:
    """Half the interval for the mean of autocorrelated values, from block means."""
    count, residuals = len(values), values - values.mean()
    if count < 2 * _BLOCKS:
        return math.inf
    variance = float((residuals**2).mean())
    if not variance > 1e-24:
        return 0.0 if variance == variance else math.inf
    correlation = float((residuals[1:] * residuals[:-1]).mean()) / variance
    # The estimate is biased towards 0 in short stretches.
    correlation = min(max(correlation + (1 + 4 * correlation) / count, 0.0), 0.99)
    block = max(math.ceil(32 * correlation / (1 - correlation**2)), round(count ** (1 / 3)))
    if block * _BLOCKS > count:
        return math.inf
    size = max(1, min(max(block, least), count // 6))
    means = values[: count // size * size].reshape(-1, size).mean(axis=1)
    return _students(len(means) - 1) * float(np.std(means, ddof=1)) / len(means) ** 0.5


def _students(freedom: int) -> float:
    """The quantile of Student's t for the interval."""
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation, ties at their mean rank; 0 where one of them is constant.

    >>> rank_correlation([1, 2, 3], [10, 30, 20])
    0.5
    """

    def ranks(values: Sequence[float]) -> np.ndarray:
        _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
        middle = counts.cumsum() - (counts + 1) / 2
        return middle[index] - middle[index].mean()

    first, second = ranks(one), ranks(other)
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float(round((first * second).sum() / scale, 12)) if scale else 0.0


def chance_probability(hits: float, trials: float, chance: float) -> float:
    """Exact probability of at least `hits` in `trials` guesses with probability `chance` each.

    >>> round(chance_probability(3, 10, 0.1), 4)
    0.0702
    """
    return 1.0 if hits <= 0 else float(special.betainc(hits, trials - hits + 1, chance))


def side_of_chance(
    hits: float, trials: float, chance: float, per_seed: Sequence[float] = ()
) -> Literal["above", "at", "below"]:
    """Whether an accuracy is above chance, below it, or consistent with chance.

    Above at a level of 5 %; below at 0.1 %, since no model learns to be below chance, and
    only if each seed is below.

    Args:
        hits: Number of correct predictions over all seeds.
        trials: Number of independent predictions.
        chance: The best score that ignores the inputs.
        per_seed: The accuracy of each seed, where there are several.

    >>> side_of_chance(60, 100, 0.5), side_of_chance(45, 100, 0.5), side_of_chance(9, 100, 0.5)
    ('above', 'at', 'below')
    """
    if chance_probability(hits, trials, chance) <= 1 - CONFIDENCE:
        return "above"
    misses = chance_probability(trials - hits, trials, 1 - chance)
    all_below = all(share < chance for share in per_seed)
    return "below" if misses <= _BELOW_LEVEL and all_below else "at"


def effective_trials(count: int, shares: float, squares: float, targets: float) -> float:
    """Number of independent guesses with the variance of the accuracies of whole sequences.

    Exact near 1, where a normal test is not.

    Source: Korn and Graubard (1998), confidence intervals for proportions with small expected
    number of positive counts estimated from survey data.

    Args:
        count: Number of sequences.
        shares: Sum of their accuracies.
        squares: Sum of the squares of their accuracies.
        targets: Targets per sequence: the most independent guesses in it.

    >>> shares = np.array([1.0, 0.0, 0.0, 1.0])
    >>> effective_trials(4, shares.sum(), (shares**2).sum(), 10)
    4.0
    """
    mean = shares / count
    if count < 2 or not 0 < mean < 1:
        return float(count)
    variance = max(0.0, squares - shares**2 / count) / (count - 1)
    return float(count * min(max(mean * (1 - mean) / max(variance, 1e-300), 1.0), targets))


def larger_probability(ones: np.ndarray, others: np.ndarray) -> float:
    """Probability of a mean so much larger than the others' if both are equal: Welch's t test.

    >>> round(larger_probability(np.array([2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0])), 3)
    0.144
    """
    gap = float(np.mean(ones) - np.mean(others))
    parts = [float(np.var(each, ddof=1)) / len(each) for each in (ones, others)]
    if sum(parts) == 0:
        return 0.0 if gap > 0 else 1.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, (ones, others), strict=True)
    )
    return float(special.stdtr(freedom, -gap / sum(parts) ** 0.5))


def median_interval(values: Sequence[float]) -> tuple[float, tuple[float, float], float]:
    """The median, the narrowest interval for it from order statistics, and its coverage.

    It assumes nothing about the distribution. The median lies between the smallest and the
    largest of n values with probability 1 - 2^(1-n): fewer than six values do not reach 0.95,
    and the interval then has less coverage.

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
