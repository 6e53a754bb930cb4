"""Streams: the random generators of all sequences.

A seed has three independent streams: for training, for evaluation, and for validation, which
chooses among settings. Two framings of one problem draw the same episodes from one seed.

>>> training(0).integers(100, size=4).tolist() == evaluation(0).integers(100, size=4).tolist()
False
"""

from __future__ import annotations

import numpy as np

_TRAINING, _EVALUATION, _VALIDATION = 0, 1, 2


def training(seed: int) -> np.random.Generator:
    """The generator of the training sequences of a seed."""
    return _stream(seed, _TRAINING)


def evaluation(seed: int) -> np.random.Generator:
    """The generator of the fresh sequences on which a seed is scored."""
    return _stream(seed, _EVALUATION)


def validation(seed: int) -> np.random.Generator:
    """The generator of the validation sequences of a seed, which choose among settings."""
    return _stream(seed, _VALIDATION)


def order(rng: np.random.Generator) -> np.random.Generator:
    """The generator of the order of the samples of a stream, which changes no draw of it."""
    (seeds,) = rng.bit_generator.seed_seq.spawn(1)  # pyright: ignore[reportAttributeAccessIssue]
    return np.random.default_rng(seeds)


def _stream(seed: int, purpose: int) -> np.random.Generator:
    if seed < 0:
        raise ValueError(f"`seed` must be at least 0, got {seed}. Use seed=0 or more.")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose,)))
