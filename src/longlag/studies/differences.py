"""The mean skill of a model over several places, and the difference between two models."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from longlag.answers.estimate import Estimate
from longlag.scores.statistics import CONFIDENCE, caveat, mean_interval, share_interval
from longlag.trials.seed_score import SeedScore


class Skills(NamedTuple):
    """The skill of each seed of a model at one place.

    Attributes:
        per_seed: The skill of each seed.
        noise: How much the test sequences alone may lower and raise their mean, by chance.
        bounds: The lowest possible skill, and that of the ceiling.
    """

    per_seed: tuple[float, ...]
    noise: tuple[float, float]
    bounds: tuple[float, float]

    @classmethod
    def of(cls, scores: Sequence[SeedScore]) -> Skills:
        """The skills of the scores of the seeds on one test."""
        first = scores[0]
        span = first.ceiling - first.chance or np.inf
        noise = 0.0, 0.0
        if not first.one_sequence:
            count = len(scores) * first.tally.sequences
            mean = float(np.mean([score.accuracy for score in scores]))
            low, high = share_interval(mean * count, count)
            noise = (mean - low) / span, (high - mean) / span
        return cls(tuple(score.skill for score in scores), noise, (-first.chance / span, 1.0))


def mean_skill(places: Sequence[Skills]) -> Estimate:
    """The mean skill over places; its interval covers seeds and the noise of test sequences."""
    least, most = _bounds(places)
    return _estimate(_per_seed(places), _noise(places), least, most)


def difference(ours: Sequence[Skills], theirs: Sequence[Skills], pairs: int = 1) -> Estimate:
    """The mean skill of one model less that of another at the same places, paired by seed.

    Args:
        ours: The skills of one.
        theirs: Those of the other.
        pairs: The number of differences that are looked at together: each interval is so much
            wider that all of them hold with the confidence of one (Bonferroni).
    """
    (least, most), (low, high) = _bounds(ours), _bounds(theirs)
    below, above = _noise(ours)
    their_below, their_above = _noise(theirs)
    noise = float(np.hypot(below, their_above)), float(np.hypot(above, their_below))
    values = _per_seed(ours) - _per_seed(theirs)
    return _estimate(values, noise, least - high, most - low, pairs)


def every_pair(
    models: Sequence[str], difference: Callable[[str, str, int], Estimate | None]
) -> dict[tuple[str, str], Estimate]:
    """The difference of every pair of models that has one, corrected for all of them."""
    every = list(itertools.combinations(models, 2))
    found = {pair: difference(*pair, len(every)) for pair in every}
    return {pair: estimate for pair, estimate in found.items() if estimate is not None}


def _estimate(
    values: np.ndarray, noise: tuple[float, float], least: float, most: float, pairs: int = 1
) -> Estimate:
    """The mean over seeds, its interval not narrower than the noise of the test sequences."""
    confidence = 1 - (1 - CONFIDENCE) / pairs
    tail, corrected = (1 - CONFIDENCE) / 2, (1 - confidence) / 2
    wider = float(special.ndtri(1 - corrected) / special.ndtri(1 - tail))
    mean = float(values.mean())
    low, high = mean - wider * noise[0], mean + wider * noise[1]
    if len(values) > 1:
        between = mean_interval(values.tolist(), confidence=confidence)
        low, high = min(low, max(between[0], least)), max(high, min(between[1], most))
    interval = float(low), float(high)
    doubt = caveat(values.tolist(), interval, most - least)
    return Estimate(mean, interval, tuple(values.tolist()), doubt)


def _per_seed(places: Sequence[Skills]) -> np.ndarray:
    """The mean skill of each seed."""
    return np.mean([each.per_seed for each in places], axis=0)


def _bounds(places: Sequence[Skills]) -> tuple[float, float]:
    least, most = np.array([each.bounds for each in places]).mean(axis=0).tolist()
    return least, most


def _noise(places: Sequence[Skills]) -> tuple[float, float]:
    """How much test sequences may lower and raise a mean over places: variances add up."""
    squares = np.array([each.noise for each in places]) ** 2
    below, above = np.sqrt(squares.sum(axis=0)) / len(places)
    return float(below), float(above)
