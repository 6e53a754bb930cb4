"""Tallies: how often each value was drawn, and what is likely of those not seen."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray

Reals64 = NDArray[np.float64]

_MOST_TALLIES = 4000  # that are listed; beyond, as many are drawn

_CELLS = 2_000_000  # of the tables of `wins`


@functools.lru_cache(2**12)
def binomial(draws: int, share: float) -> Reals64:
    """Probability of 0, 1, …, `draws` successes, `(draws + 1,)`.

    >>> binomial(2, 0.5).tolist()
    [0.25, 0.5, 0.25]
    """
    if share in (0.0, 1.0):
        return (np.arange(draws + 1) == (draws if share else 0)).astype(np.float64)
    count, logs = np.arange(draws + 1), _log_factorials(draws)
    ways = logs[draws] - logs - logs[::-1]
    terms = np.exp(ways + count * math.log(share) + (draws - count) * math.log1p(-share))
    return terms / terms.sum()


@functools.lru_cache(2**10)
def tallies(values: int, draws: int, most: int = _MOST_TALLIES) -> tuple[Reals64, Reals64]:
    """Counts of each value in uniform draws, `(tally, values)`, and their probabilities.

    All of them, up to `most`; beyond, as many that are drawn.

    >>> counts, share = tallies(2, 2)
    >>> counts.tolist(), share.round(2).tolist()
    ([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]], [0.25, 0.5, 0.25])
    """
    if math.comb(draws + values - 1, draws) > most:
        rng = np.random.default_rng(0)
        drawn = rng.multinomial(draws, np.full(values, 1 / values), size=most)
        return drawn.astype(np.float64), np.full(most, 1 / most)
    ends = draws + values - 1
    bars = [(-1, *each, ends) for each in itertools.combinations(range(ends), values - 1)]
    counts = np.diff(np.array(bars), axis=1) - 1
    logs = _log_factorials(draws)
    share = np.exp(logs[draws] - logs[counts].sum(axis=1) - draws * math.log(values))
    return counts.astype(np.float64), share


def order_shares(values: int, draws: int) -> Reals64:
    """Distribution of the value at each place of the sorted draws, `(place, values)`.

    >>> order_shares(2, 2).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    return np.diff(_reached(values, draws)[1:-1], axis=1, prepend=0.0)


@functools.lru_cache(2**12)
def best_of_place(values: int, seen: int, places: tuple[tuple[int, int], ...]) -> float:
    """Accuracy of the best guess of the value at a place, from `seen` of the sorted draws.

    `places` has the possible pairs of hidden draws and place, all equally likely.
    """
    if all(hidden == 0 for hidden, _ in places) and len(places) == 1:
        return 1.0
    counts, share = tallies(values, seen)
    below = counts.cumsum(axis=1).astype(np.intp)  # seen draws up to each value
    shares = np.zeros(counts.shape)
    for hidden, place in places:
        # The value at a place is at most v if more than `place` draws are.
        wanted = np.clip(place + 1 - below, 0, hidden + 1)
        upto = _reached(values, hidden)[wanted, np.arange(values)]
        shares += np.diff(upto, axis=1, prepend=0.0) / len(places)
    return float((share * shares.max(axis=1)).sum())


@functools.lru_cache(2**10)
def _reached(values: int, draws: int) -> Reals64:
    """Probability that at least so many draws are at most each value, `(draws + 2, values)`."""
    each = [binomial(draws, (value + 1) / values)[::-1].cumsum()[::-1] for value in range(values)]
    return np.minimum(np.pad(np.stack(each, axis=1), ((0, 1), (0, 0))), 1.0)


@functools.lru_cache(2**12)
def best_of_majority(values: int, seen: int, hidden: int) -> float:
    """Accuracy of the best guess of the most frequent value, from `seen` of all draws.

    The smallest of several counts; the best guess is the most frequent of those that are seen.

    >>> best_of_majority(2, 0, 3), best_of_majority(2, 0, 2), best_of_majority(2, 2, 1)
    (0.5, 0.75, 0.75)
    """
    if not hidden:
        return 1.0
    most = min(_MOST_TALLIES, max(200, _CELLS // (hidden + 1) ** 2))
    counts, share = tallies(values, seen, most)
    return float((share * _wins(counts.astype(np.intp), hidden)).sum())


def _wins(counts: NDArray[np.intp], hidden: int) -> Reals64:
    """Probability that the first leader of each tally still leads after `hidden` draws."""
    values, rows = counts.shape[1], np.arange(len(counts))
    leader = counts.argmax(axis=1)
    gained = np.arange(hidden + 1)  # draws of the leader, on the last axis but one
    left = (gained[:, None] + gained == hidden) * binomial(hidden, 1 / values)[:, None]
    left = np.repeat(left[None], len(counts), axis=0)  # (tally, gained, draws left)
    for place in range(1, values):
        other = (leader + place) % values
        lead = counts[rows, leader] - counts[rows, other] - (other < leader)
        limit = lead[:, None] + gained  # draws that leave the other behind
        after = np.zeros_like(left)
        for drawn in range(hidden + 1):
            chance = [binomial(int(n), 1 / (values - place))[drawn] for n in gained[drawn:]]
            after[..., : hidden + 1 - drawn] += np.where(
                (drawn <= limit)[..., None], left[..., drawn:] * np.array(chance), 0.0
            )
        left = after
    return left[..., 0].sum(axis=1)


@functools.lru_cache(2**8)
def _log_factorials(most: int) -> Reals64:
    return np.concatenate([[0.0], np.log(np.arange(1, most + 1)).cumsum()])
