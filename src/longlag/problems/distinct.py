"""Draws without replacement, for many episodes at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distinct(uniform: NDArray[np.float64], most: int) -> NDArray[np.int32]:
    """Different integers of [0, most) in random order, `(episode, place)`.

    The first steps of a Fisher-Yates shuffle, all episodes at once.

    Args:
        uniform: A random number of [0, 1) for each, `(episode, place)`; no more places than `most`.
        most: How many integers there are.

    >>> distinct(np.array([[0.0, 0.9, 0.0]]), 3).tolist()
    [[0, 2, 1]]
    """
    count, places = uniform.shape
    deck, rows = np.tile(np.arange(most, dtype=np.int32), (count, 1)), np.arange(count)
    for place in range(places):
        other = place + (uniform[:, place] * (most - place)).astype(np.intp)
        here = deck[:, place].copy()
        deck[:, place] = deck[rows, other]
        deck[rows, other] = here
    return deck[:, :places]
