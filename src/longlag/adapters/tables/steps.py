"""The step of the times of rows: its name, absent rows, seasons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from longlag.knobs import LARGEST, either

_DAY = pd.Timedelta(days=1)
_REGULAR = 0.5  # smallest share of equal steps between rows of regular times
_NEAR = 0.02  # of a step, by which it may be off whole minutes
_LASTING = 0.75  # least share of rows that have the row of a season before at the right time
_MAX_ABSENT = 0.25  # most rows to fill in, as a share of the rows
_LONGEST = 86_400  # rows in a season: a day of seconds
_ONE_BY_ONE = "rows taken one after another"
_UNITS = {"day": _DAY, "hour": pd.Timedelta(hours=1), "minute": pd.Timedelta(minutes=1),
          "second": pd.Timedelta(seconds=1)}  # fmt: skip
_NAMES = {"1 day": "daily", "7 days": "weekly", "1 hour": "hourly", "1 month": "monthly",
          "3 months": "quarterly", "12 months": "yearly"}  # fmt: skip


class Grid(NamedTuple):
    """Rows on a grid of regular times.

    Attributes:
        step: The name of the step.
        positions: `(row,)`, the place of each row on the grid; None where there is none.
        seasons: Rows in a day, a week, a year, from the step.
        irregular: Whether most rows are on no grid.
    """

    step: str
    positions: np.ndarray | None = None
    seasons: tuple[int, ...] = ()
    irregular: bool = False


def grid(times: pd.Series) -> Grid:
    """The grid of dates or numbers in order.

    >>> grid(pd.Series(pd.to_datetime(["2020-01-01", "2020-02-01", "2020-04-01"])))
    Grid(step='monthly: rows taken one after another, since 1 of 4 would be missing', ...
    """
    if len(times) < 2:
        return Grid("one row")
    if not pd.api.types.is_datetime64_any_dtype(times):
        steps = np.diff(times.to_numpy(float))
        usual = float(pd.Series(steps).mode()[0])
        places = (times.to_numpy(float) - times.iloc[0]) / usual
        return _placed(f"step {usual:g}", places, float((steps == usual).mean()), ())
    steps = times.diff().dropna()
    months = (times.dt.year * 12 + times.dt.month).to_numpy()
    at_end = times.dt.is_month_end.all()
    if (times.dt.day.nunique() == 1 or at_end) and steps.min() > 27 * _DAY:
        months = months - months[0]
        apart = int(np.gcd.reduce(np.diff(months)))
        usual = int(pd.Series(np.diff(months)).mode()[0])
        apart = usual if (months % usual == 0).all() else apart
        seasons = (12 // apart,) if apart < 12 and 12 % apart == 0 else ()
        return _placed(_every(apart, "month"), months / apart, 1.0, seasons)
    usual = steps.mode()[0]
    if (steps == usual).mean() < _REGULAR:
        usual = _rounded(steps)
    if usual == _DAY and (times.dt.day_of_week < 5).all() and len(times) > 10:
        return Grid(f"working days: {_ONE_BY_ONE}", None, (5,))
    seasons = tuple(
        int(period / usual)
        for period in (pd.Timedelta(minutes=1), pd.Timedelta(hours=1), _DAY, 7 * _DAY, 365 * _DAY)
        if period % usual == pd.Timedelta(0) and 3 <= period / usual <= _LONGEST
    )
    if usual == 7 * _DAY:
        seasons = (52,)
    unit = next((name for name, each in _UNITS.items() if usual % each == pd.Timedelta(0)), None)
    step = _every(int(usual / _UNITS[unit]), unit) if unit else f"step {usual.total_seconds():g} s"
    places = ((times - times.iloc[0]) / usual).to_numpy()
    return _placed(step, places, float((steps == usual).mean()), seasons)


def absent(times: pd.Series) -> float:
    """Rows that are missing on the grid of times in any order; infinity where there is none.

    >>> absent(pd.Series(pd.to_datetime(["2020-01-05", "2020-01-01", "2020-01-02", "2020-01-03"])))
    1
    """
    known = times.dropna().drop_duplicates().sort_values()
    positions = grid(known).positions
    return np.inf if positions is None else int(positions[-1]) + 1 - len(positions)


def _rounded(steps: pd.Series) -> pd.Timedelta:
    """The whole minutes that most steps are close to, as of a device whose clock drifts."""
    step = pd.Timedelta(str(steps.median()))
    minutes = step.round("min")
    near = abs(step - minutes) <= _NEAR * minutes
    return minutes if near else max(step.round("s"), pd.Timedelta(seconds=1))


def _every(count: int, unit: str) -> str:
    text = f"{count} {unit}{'' if count == 1 else 's'}"
    return _NAMES.get(text, f"every {text.removeprefix('1 ')}")


def _placed(step: str, places: np.ndarray, usual: float, seasons: tuple[int, ...]) -> Grid:
    """The grid if most steps are the usual one, all are multiples of it, and few rows absent."""
    if not (np.abs(places) < LARGEST).all():  # NaN and infinity are not
        return Grid(f"irregular: {_ONE_BY_ONE}", irregular=True)
    positions = places.round().astype(int)
    kept, lost = _lasting(seasons, places)
    if usual < _REGULAR or not np.allclose(places, positions, atol=1e-6):
        return Grid(f"irregular: {_ONE_BY_ONE}{lost}", None, kept, irregular=True)
    length = int(positions[-1]) + 1
    if length - len(positions) > _MAX_ABSENT * len(positions):
        missing = f"{length - len(positions):,} of {length:,} would be missing"
        return Grid(f"{step}: {_ONE_BY_ONE}, since {missing}{lost}", None, kept)
    return Grid(step, positions, seasons)


def _lasting(seasons: tuple[int, ...], places: np.ndarray) -> tuple[tuple[int, ...], str]:
    """The seasons after whose rows their time has passed, and words about the others.

    Args:
        seasons: Rows in each, at the usual step.
        places: `(row,)`, the time of each row in usual steps.
    """

    def lasts(season: int) -> bool:
        passed = places[season:] - places[:-season]
        return len(passed) > 0 and bool((abs(passed - season) < 0.5).mean() >= _LASTING)

    kept = tuple(each for each in seasons if lasts(each))
    lost = [f"{each:,}" for each in seasons if each not in kept and each < len(places)]
    words = f"; no season of {either(lost)} rows, which take longer here" if lost else ""
    return kept, words
