"""Seasons: after how many rows a series comes round again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LONGEST = 1000  # rows of a season that is looked for
_ALPHA = 0.005  # of a series without a season, the share in which one is found, were the
_MARGIN = 1.2  # background known; it is estimated: so many times the threshold
_MULTIPLES = 4  # the season may be so many periods of the strongest wave: 2 and 5 a week


def season(rows: NDArray[Any], suggested: Sequence[int] = ()) -> int | None:
    """After how many rows a series comes round again, if it does.

    A season is looked for where the periodogram of the changes from row to row stands out from the
    frequencies on either side: from both, so that a trend or a random walk, whose power falls with
    frequency, has none. Of the periods that such a peak allows it is the one after which values
    repeat best, the shortest where several do as well. White noise, random walks and trends of 40
    rows or more are said to have a season in less than 5 of 100 cases.

    Args:
        rows: `(row,)`, evenly spaced, none missing.
        suggested: Rows in a day, a week, a year: preferred to periods close to them.

    >>> season(np.tile([0.0, 1.0, 4.0, 2.0, 1.0], 20))
    5
    """
    longest = min(len(rows) // 3, _LONGEST)
    changes = np.diff(rows)
    if longest < 2 or changes.std() <= 1e-9 * np.abs(rows).max():
        return None
    rows, periods = _straightened(rows), dict[int, float]()
    for frequency in _peaks(changes):
        for period in _periods(frequency, 1 / len(changes), longest):
            errors = {each: _error(rows, each) for each in period}
            best = min(errors, key=errors.__getitem__)
            close = [each for each in suggested if errors.get(each, np.inf) <= 1.1 * errors[best]]
            best = min(close, key=errors.__getitem__) if close else best
            periods[best] = errors[best]
    if not periods:
        return None
    periods |= {each: _error(rows, each) for each in suggested if 2 <= each <= longest}
    # Two errors that differ by no more than this differ by chance.
    most = min(periods.values()) * (1.05 + len(changes) ** -0.5) + 1e-6 * float(rows.std())
    return min(each for each, error in periods.items() if error <= most)


def _peaks(changes: NDArray[Any]) -> list[float]:
    """Frequencies, in cycles a row, at which a series has more power than beside them."""
    count = len(changes)
    power = np.abs(np.fft.rfft(_straightened(changes) * np.hanning(count))[1:]) ** 2
    power = np.maximum(power, 1e-12 * power.max())
    width = max(10, len(power) // 6)
    least = _MARGIN * np.log(len(power) / _ALPHA) / np.log(2)  # medians of an exponential
    peaks = []
    for bin in range(2, len(power)):  # two cycles are too few
        near = power[bin - 1 : bin + 2]
        sides = power[max(0, bin - width) : bin - 1], power[bin + 2 : bin + 2 + width]
        beside = max(np.median(side) for side in sides if len(side))
        if power[bin] == near.max() and power[bin] > least * beside:
            peaks.append((bin + 1) / count)
    return peaks


def _straightened(rows: NDArray[Any]) -> NDArray[Any]:
    """A series less its straight trend."""
    row = np.arange(len(rows))
    return rows - np.polynomial.Polynomial.fit(row, rows, 1)(row)


def _periods(frequency: float, width: float, longest: int) -> Iterator[range]:
    """Rows in one, two, … periods of a frequency that is known to a width."""
    for multiple in range(1, _MULTIPLES + 1):
        first = int(np.ceil(multiple / (frequency + 0.75 * width)))
        last = int(multiple / (frequency - 0.75 * width))
        if each := range(max(2, first), min(last, longest) + 1):
            yield each


def _error(rows: NDArray[Any], period: int) -> float:
    """The error of saying the value of a season ago, root mean square."""
    return float(np.sqrt(np.mean((rows[period:] - rows[:-period]) ** 2)))
