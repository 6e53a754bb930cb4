"""Clock changes: an hour that local times show twice in autumn, and leave out in spring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

_HOUR = pd.Timedelta(hours=1)
_HALF_DAY = pd.Timedelta(hours=12)
_MANY = 12  # times of day that are no lengths of something
_DENSE = 0.5  # least share of the times of day that a day has, on average
_APART = pd.Timedelta(days=90)  # of spring and autumn
BACK_MONTHS = (2, 3, 4, 5, 9, 10, 11)
"""The months in which clocks go back, in autumn, north or south."""
FORTH_MONTHS = (3, 4, 8, 9, 10, 11)
"""The months in which they go forward, in spring."""


def unwound(times: pd.Series, rows: Sequence[str]) -> tuple[pd.Series, tuple[str, ...]]:
    """Local times as times of a clock that is never changed, and a note on the changes.

    A change is recognised by its place, in a night to Sunday, and by whole hours in the order of
    the file: all rows of one hour, then the same again; or a step that is longer by an hour. Times
    that repeat in any other way are returned as they are.

    Args:
        times: The time of each row, in the order of the file.
        rows: The name of each row, for the note.

    >>> night = ["00:00", "01:00", "02:00", "02:00", "03:00"]
    >>> times = pd.Series(pd.to_datetime([f"2023-10-29 {hour}" for hour in night]))
    >>> values, notes = unwound(times, ["line 2", "line 3", "line 4", "line 5", "line 6"])
    >>> values.dt.hour.tolist(), notes
    ([0, 1, 2, 3, 4], ('clocks go back in line 5, 2023-10-29 02:00: both hours are used',))
    """
    as_it_is = times, ()
    if not pd.api.types.is_datetime64_any_dtype(times) or len(times) < 3:
        return as_it_is
    if times.is_unique:
        order = np.argsort(times.to_numpy(), kind="stable")
    else:
        order = np.arange(len(times))[:: 1 if times.iloc[0] <= times.iloc[-1] else -1]
    local = times.iloc[order].reset_index(drop=True)
    steps = local.diff()
    usual = steps.mode()[0]
    if not pd.Timedelta(0) < usual <= _HOUR or _HOUR % usual != pd.Timedelta(0):
        return as_it_is
    back = np.flatnonzero(steps == usual - _HOUR).tolist()
    if (steps.drop(index=back) <= pd.Timedelta(0)).any():
        return as_it_is
    if not (_once_a_year(local, back) and all(_goes_back(local, at, usual) for at in back)):
        return as_it_is
    forth = np.flatnonzero(steps == usual + _HOUR).tolist()
    forth = [at for at in forth if _sprang(local[at], local[back])]
    known = back or (len(forth) == (steps > usual).sum() and all(map(_official, local[forth])))
    if not known or not _once_a_year(local, forth):
        forth = []
    if not (back or forth):
        return as_it_is
    shift = pd.Series(pd.Timedelta(0), index=local.index)
    shift[back] = _HOUR
    shift[forth] = -_HOUR
    values = (local + shift.cumsum()).set_axis(order).sort_index()
    parts = [
        f"{way} in {rows[order[at[0]]]}, {local[at[0]]:%Y-%m-%d %H:%M}"
        f"{f', and {len(at) - 1} more' if len(at) > 1 else ''}: {so}"
        for way, at, so in (("back", back, "both hours are used"), ("forward", forth, "no gap"))
        if at
    ]
    return values, (f"clocks go {'; '.join(parts)}",)


def _once_a_year(local: pd.Series, at: list[int]) -> bool:
    return bool(local.iloc[at].dt.year.is_unique)


def _goes_back(local: pd.Series, at: int, usual: pd.Timedelta) -> bool:
    """Whether the hour before a row is repeated from it on, row by row."""
    first, count = local[at], _HOUR // usual
    hour = first.floor("h")  # or rows bear the time at which their quarter of an hour ends
    night = (hour.day_of_week, hour.hour) in [(6, 0), (6, 1), (6, 2), (6, 3), (5, 23)]
    both = local.iloc[max(0, at - count) : at], local.iloc[at : at + count]
    regular = all((each.diff().dropna() == usual).all() for each in both)
    return night and hour.month in BACK_MONTHS and first - hour <= usual and regular


def _sprang(after: pd.Timestamp, autumns: pd.Series) -> bool:
    """Whether a time may be the first after an hour that was left out."""
    night = after.day_of_week == 6 and 1 <= after.hour <= 4 and after.month in FORTH_MONTHS
    return night and bool(((autumns - after).abs() > _APART).all())


def _official(day: pd.Timestamp) -> bool:
    """Whether clocks go forward that day: in Europe, America, or Australia and New Zealand."""
    week = (day.day - 1) // 7 + 1
    last = day.day + 7 > day.days_in_month
    return (day.month, last) in ((3, True), (9, True)) or (day.month, week) in ((3, 2), (10, 1))


def fill_days(dates: pd.Series, offsets: pd.Series, *, spread: bool = False) -> bool:
    """Whether days have most of some times of day that are evenly apart, at least two.

    Args:
        dates: The day of each row.
        offsets: The time of day of each row.
        spread: Whether few times must fill half a day, unlike how long people sleep.

    >>> days = pd.Series(pd.to_datetime(["2020-01-01"] * 2 + ["2020-01-02"] * 2))
    >>> offsets = pd.Series(pd.to_timedelta(["7:30:00", "8:00:00"] * 2))
    >>> fill_days(days, offsets), fill_days(days, offsets, spread=True)
    (True, False)
    """
    times = np.unique(offsets.dropna())
    pairs = pd.DataFrame({"day": dates.to_numpy(), "time": offsets.to_numpy()}).drop_duplicates()
    if len(times) < 2 or len(set(np.diff(times))) > 1 or dates.is_unique:
        return False
    if spread and len(times) < _MANY and len(times) * (times[1] - times[0]) < _HALF_DAY:
        return False
    return len(pairs) >= _DENSE * dates.nunique() * len(times)
