"""Codes for missing values, such as -999, among the values of a column."""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Float

_USUAL = frozenset(
    sign * code
    for sign in (1, -1)
    for code in (99, 999, 9999, 99999, 99.9, 999.9, 9999.9, 99.99, 999.99, 99.999, 200, 8888, 888)
)
_FAR = 3  # distance from the other values, in their range
_SOME = 0.01  # least share of a -1 below all others
_MANY = 10  # different values beside it, and the largest of them, at least
_TWICE = 2  # steps between values that have fractions, from a whole number below 0 to the next
_OFTEN = 0.1  # least share of a code that may be near the other values
_USUAL_FAR = 0.5  # the same for one of the usual codes


def suspected(column: Float[np.ndarray, " row"]) -> dict[float, int]:
    """Values that repeat exactly and are outside the rest, far or in many rows, with their counts.

    >>> suspected(np.array([3.0, 4.1, -99.99, 3.5, -99.99, 4.4]))
    {-99.99: 2}
    """
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    codes: dict[float, int] = {}
    if any(rule(values, counts) for rule in (_is_nines, _is_minus_one, _is_whole)):
        codes[float(values[0])] = int(counts[0])
        values, counts = values[1:], counts[1:]
    while len(values) > 3:
        ends = [at for at in (0, len(values) - 1) if counts[at] > 1 and _is_far(values, at)]
        if not ends:
            break
        at = ends[0]
        codes[float(values[at])] = int(counts[at])
        values, counts = np.delete(values, at), np.delete(counts, at)
    return codes


def _is_nines(values: np.ndarray, counts: np.ndarray) -> bool:
    """Whether a negative number of nines is a tenth of the values or more, none other below 0."""
    if len(values) < 2 or values[1] < 0 or counts[0] < max(2, _OFTEN * counts.sum()):
        return False
    return re.fullmatch(r"-(9+(\.9+)?|0\.9+)", f"{values[0]:.9g}") is not None


def _is_minus_one(values: np.ndarray, counts: np.ndarray) -> bool:
    """Whether -1 repeats, the only value below 0, among many that are not all small."""
    if len(values) < _MANY or values[0] != -1 or values[1] < 0 or values[-1] < _MANY:
        return False
    return bool(counts[0] >= max(2, _SOME * counts.sum()))


def _is_whole(values: np.ndarray, counts: np.ndarray) -> bool:
    """Whether a whole number below 0 stands three times or more, apart, below fractions."""
    if len(values) <= _MANY or values[0] % 1 or values[0] >= 0 or values[1] < 0 or counts[0] < 3:
        return False
    steps = np.diff(values)
    return bool((values % 1 != 0).any() and steps[0] > _TWICE * np.median(steps[1:]))


def _is_far(values: np.ndarray, at: int) -> bool:
    """Whether the smallest or largest of sorted values is far from the others."""
    rest = np.delete(values, at)
    distance = rest[0] - values[at] if at == 0 else values[at] - rest[-1]
    usual = any(np.isclose(values[at], code, rtol=1e-6) for code in _USUAL)
    return bool(distance > (_USUAL_FAR if usual else _FAR) * (rest[-1] - rest[0]))
