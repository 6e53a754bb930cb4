"""Seasons: the number of rows after which a series repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_EDGE = 0.9  # of the longest, from which on a found period may be one that was cut off
_FEWEST = 0.4  # of the rows, at most, in a suggested period that was cut off
_LONGEST = 1000  # rows of the longest season to search for
_ALPHA = 0.005  # false positive rate of the threshold, if the background were known
_MARGIN = 1.2  # times that threshold, since the background is estimated
_SMOOTH = 0.5  # change from row to row of smooth values, in standard deviations
_FAR = 4  # periods in a suggested one that is far longer
_WORSE = 1.5  # largest error of a short period on smooth values, in errors of the last value
_UNCLEAR = 0.5  # excess error of a part of a period of one cycle that noise may be the cause of
_MULTIPLES = 4  # periods of the strongest wave that a season may have: 2 and 5 a week
_SIDE = 1000  # most frequencies whose median is taken
_COARSE = 300  # most rows in a suggested period that is searched for among means of rows
_CLEAR = 2  # errors of the mean by which a suggested period is better than half of it


def check_seasons(seasons: Sequence[int]) -> None:
    """Refuse seasons of fewer than two rows."""
    if any(each < 2 for each in seasons):
        raise ValueError(
            f"Series: `seasons` must be rows in a season, 2 or more, got {seasons}. Leave out the "
            "others."
        )


def check_season(period: int, back: int, training: int) -> None:
    """Refuse a season whose value lies more rows back than there are rows that train."""
    if back > training:
        raise ValueError(
            f"Series: `season` must be of no more rows than train ({training}), got {period}. Use "
            "a shorter one."
        )


def season(rows: NDArray[Any], suggested: Sequence[int] = ()) -> int | None:
    """The number of rows after which a series repeats; None where it does not.

    Candidates are the frequencies at which the periodogram of the changes from row to row exceeds
    the frequencies on both sides: a trend or a random walk, whose power falls with frequency, has
    none. Of the periods within such a peak the season is the one after which values repeat best,
    the shortest of several that are equally good; a multiple of one that is suggested, or of a
    shorter one, only where it is clearly better. White noise, random walks and trends of 40 rows
    or more get a season in less than 5 of 100 cases. A suggested period of many rows, such as a day
    of minutes, is searched for among means of rows, in which its wave stands above the noise.

    Args:
        rows: `(row,)`, evenly spaced, none missing.
        suggested: Rows in a day, a week, a year: preferred to periods close to them, and candidates
            too where values repeat better after them than after half of them or half as many again.

    >>> season(np.tile([0.0, 1.0, 4.0, 2.0, 1.0], 20))
    5
    """
    found = _season(rows, suggested)
    if found in suggested:
        return found
    if found is not None and found >= _EDGE * (len(rows) // 3):
        # The edge of a longer one: 349 of 1,050 days, where the year would be too long.
        cut = [each for each in suggested if found < each <= _FEWEST * len(rows)]
        if cut and _error(rows, cut[0]) <= _error(rows, found):
            return cut[0]
    for period in sorted(each for each in suggested if _COARSE < each <= len(rows) // 3):
        count = next(
            each for each in range(-(-period // _COARSE), period + 1) if period % each == 0
        )
        means = rows[: len(rows) // count * count].reshape(-1, count).mean(axis=1)
        others = [each // count for each in suggested if each % count == 0 and each >= 2 * count]
        if _season(means, others) == period // count and (
            found is None or _error(rows, period) < _error(rows, found)
        ):
            return period
    return found


def _season(rows: NDArray[Any], suggested: Sequence[int]) -> int | None:
    """As `season`, among single rows."""
    longest = min(len(rows) // 3, _LONGEST)
    changes = np.diff(rows)
    if longest < 2 or changes.std() <= 1e-9 * np.abs(rows).max():
        return None
    rows, periods = _detrended(rows), dict[int, float]()
    for frequency in _peaks(changes):
        for period in _periods(frequency, 1 / len(changes), longest):
            errors = {each: _error(rows, each) for each in period}
            best = min(errors, key=errors.__getitem__)
            close = [each for each in suggested if errors.get(each, np.inf) <= 1.1 * errors[best]]
            best = min(close, key=errors.__getitem__) if close else best
            periods[best] = errors[best]
    if not periods:
        return None
    periods |= {
        each: _error(rows, each)
        for each in suggested
        if 2 <= each <= longest and _stands_out(rows, each)
    }
    best = min(periods, key=periods.__getitem__)
    # Errors up to these are equal within the noise, which may last for a season.
    alike, similar = (
        periods[best] * (1.05 + share) + 1e-6 * float(rows.std())
        for share in (len(changes) ** -0.5, _UNCLEAR * (best / len(changes)) ** 0.5)
    )
    parts = [each for each, error in periods.items() if error <= similar and _divides(each, best)]
    if best in suggested or {*parts} & {*suggested}:
        parts = [each for each in parts if each in suggested]
    found = min(*parts, *(each for each, error in periods.items() if error <= alike), best)
    # Too few cycles of a slow wave make a short period look like one; the last value is better.
    last = _error(rows, 1)
    slow = last < _SMOOTH * float(rows.std()) and any(each >= _FAR * best for each in suggested)
    worse = found not in suggested and periods[found] > _WORSE * last
    return None if slow and worse else found


def _peaks(changes: NDArray[Any]) -> list[float]:
    """Frequencies, in cycles per row, with more power than the frequencies on both sides."""
    count = len(changes)
    power = np.abs(np.fft.rfft(_detrended(changes) * np.hanning(count))[1:]) ** 2
    power = np.maximum(power, 1e-12 * power.max())
    width = max(10, len(power) // 6)
    every = -(-width // _SIDE)
    least = _MARGIN * np.log(len(power) / _ALPHA) / np.log(2)  # medians of an exponential
    peaks = []
    for bin in range(2, len(power)):  # two cycles are too few
        if power[bin] < power[bin - 1 : bin + 2].max():
            continue
        # Of a wide side every few frequencies will do for its median.
        sides = (
            power[max(0, bin - width) : bin - 1 : every],
            power[bin + 2 : bin + 2 + width : every],
        )
        if all(power[bin] > least * np.median(side) for side in sides if len(side)):
            peaks.append((bin + 1) / count)
    return peaks


def _detrended(rows: NDArray[Any]) -> NDArray[Any]:
    """A series minus its linear trend."""
    row = np.arange(len(rows))
    return rows - np.polynomial.Polynomial.fit(row, rows, 1)(row)


def _periods(frequency: float, width: float, longest: int) -> Iterator[range]:
    """Rows in one, two, … periods of a frequency that is known up to `width`."""
    for multiple in range(1, _MULTIPLES + 1):
        first = int(np.ceil(multiple / (frequency + 0.75 * width)))
        last = int(multiple / (frequency - 0.75 * width))
        if each := range(max(2, first), min(last, longest) + 1):
            yield each


def _divides(period: int, other: int) -> bool:
    """Whether another period is a multiple of one, or close to it, as 103 to 52."""
    multiple = round(other / period)
    return multiple > 1 and abs(other - multiple * period) <= period / 12


def _stands_out(rows: NDArray[Any], period: int) -> bool:
    """Whether values repeat better after a period than half a period before and after it."""
    sides = (period // 2, -(-period // 2), 3 * period // 2, -(-3 * period // 2))
    least = min(_error(rows, each) for each in sides if each < len(rows))
    return _error(rows, period) * (1 + _CLEAR * len(rows) ** -0.5) <= least


def _error(rows: NDArray[Any], period: int) -> float:
    """The root mean square error of predicting the value of one period ago."""
    return float(np.sqrt(np.mean((rows[period:] - rows[:-period]) ** 2)))
