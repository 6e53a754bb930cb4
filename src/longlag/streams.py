"""Streams: where every sequence is drawn from.

A seed has one stream for training, another, independent one for evaluation, and a third for
choosing among settings. Two framings of one problem draw the same episodes from one seed.

>>> training(0).integers(100, size=4).tolist() == evaluation(0).integers(100, size=4).tolist()
False
"""

from __future__ import annotations

import numpy as np

_TRAINING, _EVALUATION, _VALIDATION = 0, 1, 2


def training(seed: int) -> np.random.Generator:
    """The stream from which a seed draws the sequences it trains on."""
    return _stream(seed, _TRAINING)


def evaluation(seed: int) -> np.random.Generator:
    """The stream from which a seed draws the fresh sequences it is scored on."""
    return _stream(seed, _EVALUATION)


def validation(seed: int) -> np.random.Generator:
    """The stream from which a seed draws the sequences that settings are chosen on."""
    return _stream(seed, _VALIDATION)


def _stream(seed: int, purpose: int) -> np.random.Generator:
    if seed < 0:
        raise ValueError(f"`seed` must be at least 0, got {seed}. Use seed=0 or more.")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose,)))
