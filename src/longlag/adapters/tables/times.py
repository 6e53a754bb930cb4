"""The time of each row: detection, sorting, gaps."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from longlag.adapters.tables.cells import missing, numbers
from longlag.knobs import unknown_name

Duplicates = Literal["refuse", "mean", "first", "last"]
"""The treatment of rows of the same time."""

_TIME_NAME = re.compile(
    r"(.*[^a-z])?(date|time|datetime|timestamp|year|month|week|day|hour|quarter|period|datum|zeit"
    r"|jahr|monat|tag|ds|dt|t|index|id|no|nr|row|step|unnamed: ?\d*)([^a-z].*)?|",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})([:.]\d{2})?")
_PARTS = "year", "month", "day", "hour", "minute"
_DAY = pd.Timedelta(days=1)
_REGULAR = 0.5  # smallest share of equal steps between rows of regular times
_MAX_GROWTH = 3  # largest factor of the number of rows by filling gaps


class Times(NamedTuple):
    """The times of the rows of a table.

    Attributes:
        columns: Names of their columns.
        values: A time for each row: dates, or numbers.
    """

    columns: tuple[str, ...]
    values: pd.Series


class Order(NamedTuple):
    """Rows in the order of time.

    Attributes:
        rows: The index in the file of each row, -1 for a missing one.
        notes: The changes.
        seasons: Rows in a day, a week, a year, from the step of time.
        merged: For each row, the indices of the rows that it averages; None without averages.
    """

    rows: np.ndarray
    notes: tuple[str, ...]
    seasons: tuple[int, ...] = ()
    merged: list[np.ndarray] | None = None


def find(frame: pd.DataFrame, name: str | None = None) -> Times | None:
    """The columns of the time of each row; None if there are none.

    A column of dates, of a date and of a time of day, of year, month, day …, or numbers that only
    rise or only fall under a name such as year, time or index.

    Args:
        frame: Columns of cells.
        name: The column of the time; detected by default.

    Raises:
        ValueError: There is no such column, or it holds no times.
    """
    if name is not None:
        if name not in frame:
            raise ValueError(unknown_name("--time: there is no column", name, list(frame.columns)))
        values = _dates(frame[name])
        values = _rising(frame[name]) if values is None else values
        if values is None:
            raise ValueError(
                f"--time: `{name}` holds neither dates nor numbers that rise. Name another column, "
                "or use --no-time."
            )
        return Times((name,), values)
    if parts := _parts(frame):
        return parts
    for column in frame.columns:
        if (values := _dates(frame[column])) is None:
            continue
        if (clock := _clock(frame, column, values)) is not None:
            return clock
        return Times((column,), values)
    for column in frame.columns:
        if _TIME_NAME.fullmatch(column) and (values := _rising(frame[column])) is not None:
            return Times((column,), values)
    return None


def _parts(frame: pd.DataFrame) -> Times | None:
    """Dates from columns named year, month, day, hour, minute."""
    by_name = {column.lower(): column for column in reversed(list(frame.columns))}
    names = []
    for part in _PARTS:
        if part not in by_name:
            break
        names.append(by_name[part])
    if len(names) < 2:
        return None
    table = pd.DataFrame(
        {part: numbers(frame[name]).values for part, name in zip(_PARTS, names, strict=False)}
    )
    if "day" not in table:
        table["day"] = 1
    if table.isna().any(axis=None):
        return None
    values = pd.to_datetime(table, errors="coerce")
    return None if values.isna().any() else Times(tuple(names), values)


def _dates(cells: pd.Series) -> pd.Series | None:
    """A column as dates in the file's order; None if it has other cells."""
    if pd.api.types.is_datetime64_any_dtype(cells):
        return _without_zone(cells)
    if pd.api.types.is_numeric_dtype(cells) or pd.api.types.is_bool_dtype(cells):
        return None
    blank = missing(cells)
    text = cells[~blank].astype(str).str.strip()
    digits = text.str.fullmatch(r"[12]\d{7}").all()
    if not len(text) or (numbers(text).holds_numbers and not digits):
        return None
    if text.str.fullmatch(r"\d{4}[- ]?Q[1-4]").all():
        text = text.str.replace(r"[- ]", "", regex=True)
        return pd.Series(pd.PeriodIndex(text, freq="Q").to_timestamp(), index=text.index).reindex(
            cells.index
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, about guesses of formats
        kinds: tuple[dict[str, Any], ...] = (
            {"format": "%Y%m%d" if digits else "ISO8601"},
            {},
            {"dayfirst": True},
        )
        readings = []
        for kind in kinds:
            try:
                readings.append(pd.to_datetime(text, utc=True, **kind))
            except (ValueError, OverflowError):
                continue
            if "format" in kind:
                break
    if not readings:
        return None
    return _without_zone(min(readings, key=_disorder)).reindex(cells.index)


def _without_zone(dates: pd.Series) -> pd.Series:
    if dates.dt.tz is None:
        return dates
    return dates.dt.tz_convert("UTC").dt.tz_localize(None)


def _disorder(dates: pd.Series) -> float:
    """How irregular dates are: 3/4/2020 may be in March or April; the right one is more regular."""
    steps = dates.diff().dropna()
    down = float((steps < pd.Timedelta(0)).mean()) if len(steps) else 0.0
    return min(down, 1 - down) + float(steps.nunique()) / max(1, len(steps))


def _clock(frame: pd.DataFrame, column: str, dates: pd.Series) -> Times | None:
    """Dates of one column with the time of day of another."""
    if not (dates.dropna() == dates.dropna().dt.normalize()).all():
        return None
    for other in frame.columns:
        if other == column or "time" not in other.lower():
            continue
        text = frame[other].astype(str).str.strip()
        present = ~missing(frame[other])
        if present.any() and text[present].str.fullmatch(_CLOCK.pattern).all():
            hours = text.str.replace(".", ":").where(text.str.count("[:.]") > 1, text + ":00")
            times = pd.to_timedelta(hours.str.replace(".", ":").where(present), errors="coerce")
            return Times((column, other), dates + times)
    return None


def _rising(cells: pd.Series) -> pd.Series | None:
    """A column of numbers that only rise or only fall; None if it has other cells."""
    column = numbers(cells)
    values = column.values[~np.isnan(column.values)]
    if column.faults.any() or len(values) < 2:
        return None
    steps = np.diff(values)
    return pd.Series(column.values) if (steps > 0).all() or (steps < 0).all() else None


def in_order(
    times: Times, rows: Sequence[str], same: pd.DataFrame, duplicates: Duplicates = "refuse"
) -> Order:
    """The rows in the order of their times, with gaps filled.

    Args:
        times: The time of each row.
        rows: The name of each row, for messages.
        same: The cells of each row: rows with equal cells and time count once.
        duplicates: The treatment of different rows of one time.

    Returns:
        The order of the rows, with notes on changes.

    Raises:
        ValueError: A row has no time, or several rows have the same.
    """
    name = " and ".join(times.columns)
    values = times.values.reset_index(drop=True)
    blank = np.flatnonzero(values.isna().to_numpy())
    if len(blank):
        raise ValueError(
            f"`{name}` has no time in {rows[blank[0]]}. Fill it in, name another column by --time, "
            "or use --no-time to take the rows as they are."
        )
    notes: list[str] = []
    order = np.argsort(values.to_numpy(), kind="stable")
    if not (order == np.arange(len(order))).all():
        falls = values.is_monotonic_decreasing
        how = "the file has the newest first" if falls else "the file has them in another"
        notes.append(f"rows put in the order of `{name}`: {how}")
    values = values.iloc[order]
    chosen, merged = _once(values, order, rows, same, duplicates, name, notes)
    values = values.iloc[chosen]
    order = order[chosen]
    if pd.api.types.is_datetime64_any_dtype(values):
        grid, seasons = _grid(values, notes, name)
    else:
        grid, seasons = _steps(values.to_numpy(np.float64)), ()
    if grid is None:
        return Order(order, tuple(notes), seasons, merged)
    positions, length = grid
    full = np.full(length, -1)
    full[positions] = order
    if length > len(order):
        gap = int(np.flatnonzero(full < 0)[0])
        missing_rows = _count_text(length - len(order)).replace(" ", " missing ")
        notes.append(f"{missing_rows} filled in, the first after {rows[full[gap - 1]]}")
    if merged is not None:
        spread: list[np.ndarray] = [np.array([], int)] * length
        for at, each in zip(positions, merged, strict=True):
            spread[at] = each
        merged = spread
    return Order(full, tuple(notes), seasons, merged)


def _once(
    values: pd.Series,
    order: np.ndarray,
    rows: Sequence[str],
    same: pd.DataFrame,
    duplicates: Duplicates,
    name: str,
    notes: list[str],
) -> tuple[np.ndarray, list[np.ndarray] | None]:
    """The indices of the sorted rows to use, one for each time; and the rows that each averages."""
    repeated = values.duplicated(keep=False).to_numpy()
    if not repeated.any():
        return np.arange(len(order)), None
    cells = same.iloc[order].reset_index(drop=True)
    twice = pd.concat([values.reset_index(drop=True).rename("\0time"), cells], axis=1).duplicated()
    once = np.flatnonzero(~twice.to_numpy())
    if twice.any():
        verb = "was" if twice.sum() == 1 else "were"
        notes.append(f"{_count_text(int(twice.sum()))} left out that {verb} there twice")
    clash = values.iloc[once].duplicated(keep=False).to_numpy()
    if not clash.any():
        return once, None
    if duplicates == "refuse":
        pair = order[once[np.flatnonzero(clash)[:2]]]
        raise ValueError(
            f"{rows[pair[0]]} and {rows[pair[1]]} have the same `{name}`, "
            f"{values.iloc[once[np.flatnonzero(clash)[0]]]}, and other values "
            f"({int(clash.sum()):,} such rows). Use --duplicates mean, first or last, or "
            "--no-time; or give one series a file."
        )
    groups = [
        group.to_numpy() for _, group in pd.Series(once).groupby(values.iloc[once].to_numpy())
    ]
    notes.append(f"rows of the same time: {duplicates} taken ({int(clash.sum()):,} rows)")
    if duplicates == "mean":
        return np.array([group[0] for group in groups]), [order[group] for group in groups]
    return np.array([group[0 if duplicates == "first" else -1] for group in groups]), None


def _grid(
    values: pd.Series, notes: list[str], name: str
) -> tuple[tuple[np.ndarray, int] | None, tuple[int, ...]]:
    """The position of each row on a regular grid, its length, and the seasons from its step."""
    steps = values.diff().dropna()
    if not len(steps):
        return None, ()
    months = (values.dt.year * 12 + values.dt.month).to_numpy()
    at_end = values.dt.is_month_end.all()
    if (values.dt.day.nunique() == 1 or at_end) and steps.min() > 27 * _DAY:
        months = months - months[0]
        apart = int(np.gcd.reduce(np.diff(months)))
        usual = int(pd.Series(np.diff(months)).mode()[0])
        apart = usual if (months % usual == 0).all() else apart
        seasons = (12 // apart,) if apart < 12 and 12 % apart == 0 else ()
        return _positions(months // apart, notes, name), seasons
    usual = steps.mode()[0]
    weekdays = usual == _DAY and (values.dt.day_of_week < 5).all() and len(values) > 10
    if weekdays:
        notes.append(f"`{name}` has working days only: rows taken one after another")
        return None, (5,)
    seasons = tuple(
        int(period / usual)
        for period in (pd.Timedelta(minutes=1), pd.Timedelta(hours=1), _DAY, 7 * _DAY, 365 * _DAY)
        if period % usual == pd.Timedelta(0) and 3 <= period / usual <= 20_000
    )
    if usual == 7 * _DAY:
        seasons = (52,)
    apart = ((values - values.iloc[0]) / usual).to_numpy()
    if (steps == usual).mean() < _REGULAR or not np.allclose(apart, apart.round(), atol=1e-6):
        notes.append(f"`{name}` is irregular: rows taken one after another")
        return None, seasons
    return _positions(apart.round().astype(int), notes, name), seasons


def _steps(values: np.ndarray) -> tuple[np.ndarray, int] | None:
    """The positions of numbered rows on a regular grid, and its length."""
    steps = np.diff(values)
    if not len(steps):
        return None
    usual = float(pd.Series(steps).mode()[0])
    apart = (values - values[0]) / usual
    if (steps == usual).mean() < _REGULAR or not np.allclose(apart, apart.round(), atol=1e-6):
        return None
    positions = apart.round().astype(int)
    fits = positions[-1] < _MAX_GROWTH * len(positions)
    return (positions, int(positions[-1]) + 1) if fits else None


def _positions(positions: np.ndarray, notes: list[str], name: str) -> tuple[np.ndarray, int] | None:
    if positions[-1] >= _MAX_GROWTH * len(positions):
        notes.append(f"`{name}` has gaps longer than its rows: rows taken one after another")
        return None
    return positions, int(positions[-1]) + 1


def _count_text(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"
