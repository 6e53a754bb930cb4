"""After how many rows a series comes round again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PERIODIC = 0.3  # correlation with the value a season ago from which a season is taken for one
_CHANCE = 3.5  # times 1 / √rows: what chance gives, at the most of many distances
_AS_GOOD = 0.85  # of the best correlation: a shorter season is taken for the same


def season(rows: NDArray[Any]) -> int | None:
    """Where, from row to row, changes are most like those some rows before.

    Args:
        rows: Values in order of time, `(row,)`, none missing.

    Returns:
        How many rows before, if changes are much more alike there than at some distance less.

    >>> season(np.tile([0.0, 1.0, 4.0, 2.0, 1.0], 20))
    5
    """
    changes = np.diff(rows) - np.diff(rows).mean()
    most = min(len(changes) // 3, 1000)
    total = float((changes**2).sum())
    rounding = len(changes) * (1e-9 * float(np.abs(rows).max())) ** 2
    if most < 3 or total <= rounding:
        return None
    power = np.abs(np.fft.rfft(changes, 2 * len(changes))) ** 2
    alike = np.fft.irfft(power)[1 : most + 1] / total
    least = max(_PERIODIC, _CHANCE / math.sqrt(len(changes)))
    peaks = [
        place
        for place in range(1, most - 1)
        if alike[place - 1] < alike[place] >= alike[place + 1]
        and alike[place] >= least + max(0.0, alike[:place].min())
    ]
    if not peaks:
        return None
    # Two seasons before is as good as one, but for noise: take the first, at its top.
    most_alike = max(alike[place] for place in peaks)
    first = next(place for place in peaks if alike[place] >= _AS_GOOD * most_alike)
    return 1 + max((p for p in peaks if p < 1.5 * first), key=lambda place: alike[place])
