"""Draws without replacement, for many episodes at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distinct(uniform: NDArray[np.float64], most: int) -> NDArray[np.int32]:
    """Different integers of [0, most) in random order, `(episode, place)`.

    Each is drawn from those not taken yet, for all episodes at once.

    Args:
        uniform: A random number of [0, 1) for each, `(episode, place)`; no more places than `most`.
        most: How many integers there are.

    >>> distinct(np.array([[0.0, 0.9, 0.0]]), 3).tolist()
    [[0, 2, 1]]
    """
    chosen = np.zeros(uniform.shape, np.int32)
    for place in range(uniform.shape[1]):
        rank = (uniform[:, place] * (most - place)).astype(np.int32)  # among those not taken
        below = np.sort(chosen[:, :place], axis=1) - np.arange(place)
        chosen[:, place] = rank + (below <= rank[:, None]).sum(axis=1)
    return chosen
