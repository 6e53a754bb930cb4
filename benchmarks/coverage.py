"""How often each interval covers the truth, by simulation: the table of the page of statistics.

    python benchmarks/coverage.py [repeats]

Made-up seeds of known distribution; nothing is trained. A row holds what the interval is stated to
cover, how often it does, and how often it does or carries a caveat.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import signal

from longlag.answers.estimate import Estimate
from longlag.scores import statistics
from longlag.studies.time_to_solve import of_times

Make = Callable[[np.random.Generator], Estimate]
BUDGET = 50_000


class Case(NamedTuple):
    """An interval in one setting: how to make it, and what it should cover."""

    figure: str
    setting: str
    truth: float
    make: Make
    stated: float = 0.95


class Covered(NamedTuple):
    """What came of a case."""

    share: float
    or_caveat: float
    no_width: float


def accuracies(seeds: int, draw: Callable[[np.random.Generator, int], np.ndarray]) -> Make:
    """The accuracy over seeds, each measured on 1,000 sequences."""

    def make(rng: np.random.Generator) -> Estimate:
        measured = rng.binomial(1000, np.clip(draw(rng, seeds), 0, 1)) / 1000
        return statistics.accuracy(measured.tolist(), 1000)

    return make


def failing(share: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Some seeds are at 0.5, the others at 1."""
    return lambda rng, seeds: np.where(rng.random(seeds) < share, 0.5, 1.0)


def medians(seeds: int, draw: Callable[[np.random.Generator, int], np.ndarray]) -> Make:
    """A frontier, or the longest length still solved: the median over seeds."""

    def make(rng: np.random.Generator) -> Estimate:
        values = draw(rng, seeds).tolist()
        median, interval, _ = statistics.median_interval(values)
        return Estimate(median, interval, tuple(values))

    return make


def coverage_of(seeds: int) -> float:
    """What the interval of a median is stated to cover."""
    return statistics.median_interval(list(range(seeds)))[2]


def times(seeds: int, draw: Callable[[np.random.Generator, int], np.ndarray]) -> Make:
    """The restricted mean of sequences to solve; past the budget a seed has not solved it."""

    def make(rng: np.random.Generator) -> Estimate:
        drawn = draw(rng, seeds)
        return of_times(np.minimum(drawn, BUDGET), drawn < BUDGET, BUDGET).mean

    return make


def rates(seeds: int, share: float) -> Make:
    """The share of seeds that solved it."""

    def make(rng: np.random.Generator) -> Estimate:
        solved = rng.random(seeds) < share
        return of_times(np.where(solved, 100, BUDGET), solved, BUDGET).rate

    return make


def ratios(count: int, correlation: float, seeds: int, spread: float) -> Make:
    """The ratio of errors to a baseline of equal skill; half of each is common to all seeds."""

    def errors(rng: np.random.Generator, rows: int) -> np.ndarray:
        noise = rng.normal(size=(rows, count + 100))
        return np.asarray(signal.lfilter([1], [1, -correlation], noise))[:, 100:]

    def make(rng: np.random.Generator) -> Estimate:
        scale = np.exp(rng.normal(-(spread**2), spread, (seeds, 1)))
        ours = scale * (errors(rng, 1) + errors(rng, seeds)) / 2**0.5
        return statistics.error_ratio(ours**2, errors(rng, 1)[0] ** 2)

    return make


def differences(seeds: int, mean: float, spread: float) -> Make:
    """Two settings over the same seeds, each on 1,000 sequences."""

    def make(rng: np.random.Generator) -> Estimate:
        shares = np.clip([rng.normal(mean, spread, seeds), rng.normal(mean, spread, seeds)], 0, 1)
        ours, theirs = rng.binomial(1000, shares) / 1000
        return statistics.difference(ours.tolist(), theirs.tolist(), 1000)

    return make


def normal(mean: float, spread: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Roughly normal values."""
    return lambda rng, seeds: rng.normal(mean, spread, seeds)


def steps(rng: np.random.Generator, seeds: int) -> np.ndarray:
    """Frontiers: whole numbers, some seeds at 0."""
    return np.where(rng.random(seeds) < 0.2, 0, np.round(rng.lognormal(2, 0.5, seeds)))


def slow(rng: np.random.Generator, seeds: int) -> np.ndarray:
    """Sequences to solve, exponential with a mean of half the budget."""
    return rng.exponential(BUDGET / 2, seeds)


def lost(rng: np.random.Generator, seeds: int) -> np.ndarray:
    """Sequences to solve: about 5,000, and one seed in five never."""
    return np.where(rng.random(seeds) < 0.2, 2 * BUDGET, rng.normal(5000, 500, seeds))


def errors_over_seeds(seeds: int) -> Make:
    """The error over seeds."""
    return lambda rng: statistics.over_seeds(rng.normal(2, 0.3, seeds).tolist(), least=0)


def cases() -> list[Case]:
    """Every interval of the product, in the settings that try it."""
    rng = np.random.default_rng(99)
    median = float(np.median(steps(rng, 1_000_001)))
    slow_mean = float(np.minimum(slow(rng, 4_000_000), BUDGET).mean())
    return [
        *(
            Case(
                "accuracy, skill",
                f"{n} seeds, normal, 0.8 ± 0.05",
                0.8,
                accuracies(n, normal(0.8, 0.05)),
            )
            for n in (2, 3, 5, 10)
        ),
        Case("accuracy, skill", "5 seeds, all alike, 0.8", 0.8, accuracies(5, normal(0.8, 0))),
        *(
            Case(
                "accuracy, skill",
                f"{n} seeds, {share:.0%} fail (0.5, else 1)",
                1 - share / 2,
                accuracies(n, failing(share)),
            )
            for n, share in ((3, 0.2), (5, 0.1), (5, 0.2), (10, 0.1), (10, 0.2))
        ),
        Case("paired difference", "5 seeds, 0.8 ± 0.05", 0.0, differences(5, 0.8, 0.05)),
        Case("paired difference", "5 seeds, all at 0.999", 0.0, differences(5, 0.999, 0)),
        *(
            Case(
                "frontier, length still solved",
                f"{n} seeds, whole numbers, 20 % at 0",
                median,
                medians(n, steps),
                coverage_of(n),
            )
            for n in (3, 5, 8, 15)
        ),
        *(
            Case("restricted mean", f"{n} seeds, normal", 20_000, times(n, normal(20_000, 3000)))
            for n in (3, 5, 10)
        ),
        Case("restricted mean", "5 seeds, exponential, 14 % not solved", slow_mean, times(5, slow)),
        Case(
            "restricted mean", "10 seeds, exponential, 14 % not solved", slow_mean, times(10, slow)
        ),
        Case("restricted mean", "5 seeds, 20 % never solve it", 14_000, times(5, lost)),
        Case("restricted mean", "5 seeds, none solves it", BUDGET, times(5, normal(2 * BUDGET, 1))),
        *(
            Case("rate", f"{n} seeds, {share:.0%} solve it", share, rates(n, share))
            for n, share in ((5, 0.8), (10, 0.8), (5, 1.0))
        ),
        *(Case("error", f"{n} seeds, normal, 2 ± 0.3", 2, errors_over_seeds(n)) for n in (3, 5)),
        *(
            Case(
                "error ratio",
                f"{n} seed{'s' if n > 1 else ''}, {count:,} targets, correlation {phi:g}, "
                f"seeds ± {spread:.0%}",
                1.0,
                ratios(count, phi, n, spread),
            )
            for count, phi, n, spread in (
                (200, 0, 1, 0),
                (200, 0.6, 1, 0),
                (200, 0.9, 1, 0),
                (1000, 0, 1, 0),
                (1000, 0.9, 1, 0),
                (1000, 0, 2, 0.2),
                (200, 0.6, 2, 0.1),
                (200, 0.9, 3, 0.3),
                (200, 0, 5, 0.3),
                (1000, 0.6, 5, 0.3),
                (200, 0.6, 10, 0),
                (200, 0.9, 10, 0),
                (1000, 0.9, 10, 0.1),
            )
        ),
    ]


def covered(case: Case, repeats: int, seed: int = 0) -> Covered:
    """How often the interval of a case covers its truth, covers it or warns, has no width."""
    rng, hits, good, flat = np.random.default_rng(seed), 0, 0, 0
    for _ in range(repeats):
        found = case.make(rng)
        low, high = found.interval
        inside = low - 1e-9 <= case.truth <= high + 1e-9
        hits += inside
        good += inside or bool(found.caveat)
        flat += low == high
    return Covered(hits / repeats, good / repeats, flat / repeats)


def main() -> None:
    """Print the table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(f"| interval of | setting | stated | covers, of {repeats:,} | or carries a caveat |")
    print("|---|---|---|---|---|")
    for case in cases():
        share, good, _ = covered(case, repeats)
        print(f"| {case.figure} | {case.setting} | {case.stated:.3f} | {share:.3f} | {good:.3f} |")


if __name__ == "__main__":
    main()
