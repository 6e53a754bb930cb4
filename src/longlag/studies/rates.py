"""Learning rates: those beyond a grid, and the range of those that work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

BEYOND = 2
"""Rates tried beyond either end of a grid, at most."""

NEAR = 0.05
"""Skill below that of the best rate at which another still works."""

_LEAST, _MOST = 1e-6, 10.0


class RateSearch(NamedTuple):
    """The learning rates of one model on one problem, at the first rung.

    Attributes:
        problem: The label of the problem.
        model: The label of the model.
        beyond: The rates tried beyond the grid, since the best was at its edge.
        good: The lowest and the highest rate that work (`working`); None where that is not known,
            or the best is no better than chance.
    """

    problem: str
    model: str
    beyond: tuple[float, ...]
    good: tuple[float, float] | None


def beyond(rates: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The next rates below a grid, and above it, in its own steps.

    >>> beyond([0.001, 0.003, 0.01])
    ((0.0003, 0.0001), (0.03, 0.1))
    >>> beyond([1.0, 0.1])
    ((0.01, 0.001), (10.0,))
    """
    ordered = sorted(rates)
    span = ordered[-1] / ordered[0]
    turns = [span**turn for turn in range(1, BEYOND + 1)]
    below = [rate / times for times in turns for rate in ordered[-2::-1]]
    above = [rate * times for times in turns for rate in ordered[1:]]
    low, high = ([float(f"{rate:.6g}") for rate in side[:BEYOND]] for side in (below, above))
    return (
        tuple(rate for rate in low if rate >= _LEAST),
        tuple(rate for rate in high if rate <= _MOST),
    )


def working(skills: Mapping[float, float], chosen: float, solve_at: float) -> tuple[float, float]:
    """The lowest and the highest rate around the chosen one that work, without a gap between.

    Args:
        skills: The mean skill on the validation stream at each rate.
        chosen: A rate that works.
        solve_at: Skill from which a rate works, also where the best is better by more than `NEAR`.

    >>> working({0.1: 0.2, 0.001: 0.97, 0.003: 1.0, 0.0001: 0.96, 0.01: 0.98}, 0.003, 0.99)
    (0.0001, 0.01)
    >>> working({0.1: 1.0, 0.01: 0.4, 0.001: 0.97}, 0.1, 0.99)
    (0.1, 0.1)
    """
    rates, least = sorted(skills), min(max(skills.values()) - NEAR, solve_at)
    low = high = rates.index(chosen)
    while low and skills[rates[low - 1]] >= least:
        low -= 1
    while high < len(rates) - 1 and skills[rates[high + 1]] >= least:
        high += 1
    return rates[low], rates[high]
