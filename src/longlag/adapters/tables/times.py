"""The time of each row: detection, sorting, gaps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from longlag.adapters.tables import clocks, steps
from longlag.adapters.tables.cells import missing, numbers
from longlag.adapters.tables.dates import Reading, dates, epochs, mixed, months
from longlag.knobs import unknown_name

Duplicates = Literal["refuse", "mean", "first", "last"]
"""The treatment of rows of the same time."""

_TIME_NAME = re.compile(
    r"(.*[^a-z])?(date|time|datetime|timestamp|year|month|week|day|hour|quarter|period|datum|zeit"
    r"|jahr|monat|tag|ds|dt|ts|t|epoch|index|id|no|nr|row|step|unnamed: ?\d*)([^a-z].*)?|",
    re.IGNORECASE,
)
_REST_NAME = re.compile(
    r"(.*[^a-z])?(time|month|week|day|hour|he|hr|minute|quarter|period|interval|zeit|monat|tag"
    r"|stunde|mois|heure|jour)([^a-z].*)?",
    re.IGNORECASE,
)
_SECOND_NAME = re.compile(
    r"(.*[^a-z])?(date|decimal|year|time|timestamp|unix)([^a-z].*)?", re.IGNORECASE
)
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})([:.]\d{2})?")
_PARTS = "year", "month", "day", "hour", "minute"
_ALIASES = {"jahr": "year", "yr": "year", "monat": "month", "mo": "month", "tag": "day"}
_HOUR_NAME = re.compile(r"(.*[^a-z])?(hours?|hr|he|stunde|heure)([^a-z].*)?", re.IGNORECASE)


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


def find(frame: pd.DataFrame, rows: Sequence[str], name: str | None = None) -> Times | None:
    """The columns of the time of each row; None if there are none.

    A column of dates, of a date and of a time of day, of year, month, day …, or numbers that only
    rise or only fall under a name such as year, time or index.

    Args:
        frame: Columns of cells.
        rows: The name of each row, for messages.
        name: The column of the time; detected by default.

    Raises:
        ValueError: There is no such column, it holds no times, some cells of a column of times
            are none, or its dates can be read in two ways.
    """
    if name is not None:
        if name not in frame:
            raise ValueError(unknown_name("--time: there is no column", name, list(frame.columns)))
        _of_one_frequency(frame[name], rows)
        reading = dates(frame[name]) or _rising(frame[name])
        if reading is None:
            raise ValueError(
                f"--time: `{name}` holds neither dates nor numbers that rise. Name another column, "
                "or use --no-time."
            )
        return Times((name,), _checked(reading, name, frame[name], rows))
    if parts := _parts(frame):
        return parts
    doubtful, several = None, None
    for column in frame.columns:
        if mixed(frame[column]):
            several = several or column
            continue
        if (reading := dates(frame[column])) is None:
            continue
        if not reading.faults.any():
            values = _checked(reading, column, frame[column], rows)
            return _clock(frame, column, values) or Times((column,), values)
        doubtful = doubtful or (reading, column)
    if several is not None:
        _of_one_frequency(frame[several], rows)
    for column in frame.columns:
        if doubtful or not _TIME_NAME.fullmatch(column):
            continue
        if (reading := _rising(frame[column])) is not None:
            return Times((column,), _checked(reading, column, frame[column], rows))
    if doubtful:
        _checked(*doubtful, frame[doubtful[1]], rows)
    return None


def repeats(times: Times, name: str, values: np.ndarray) -> bool:
    """Whether numbers are a second notation of the times, such as a `decimal date` or seconds."""
    if epochs(pd.Series(values)) is not None:
        return True
    if not _SECOND_NAME.fullmatch(name):
        return False
    order = np.argsort(times.values.to_numpy(), kind="stable")
    return len(values) > 2 and bool((np.diff(values[order]) > 0).all())


def absent(frame: pd.DataFrame) -> tuple[str, ...]:
    """The note that there is no column of times, where one column looks like it."""
    for at, column in enumerate(frame.columns):
        named = column and _TIME_NAME.fullmatch(column)
        if named or (at == 0 and frame[column].is_unique):
            if not numbers(frame[column]).faults.all():
                continue
            return ("no time column: rows taken in the order of the file",)
    return ()


def _of_one_frequency(cells: pd.Series, rows: Sequence[str]) -> None:
    """Raises if a column holds, say, years and then quarters."""
    if pair := mixed(cells):
        one, other = (f"{str(cells.iloc[at]).strip()!r} in {rows[at]}" for at in pair)
        raise ValueError(
            f"`{cells.name}` has dates of different frequency: {one}, {other}. Keep the rows of "
            "one frequency."
        )


def _is_count(reading: Reading) -> bool:
    """Whether times are numbers, not dates."""
    return not pd.api.types.is_datetime64_any_dtype(reading.values)


def _checked(reading: Reading, name: str, cells: pd.Series, rows: Sequence[str]) -> pd.Series:
    """The times of a column; raises if some cells are none."""
    if reading.faults.any():
        at = int(np.flatnonzero(reading.faults)[0])
        kind = "number" if _is_count(reading) else "date"
        raise ValueError(
            f"`{name}` is no {kind} in {rows[at]}: {str(cells.iloc[at])[:60]!r}. Correct the cell, "
            "remove the row, or use --no-time to take the rows as they are."
        )
    if reading.unclear:
        raise ValueError(
            f"`{name}` can be read in two ways, such as day or month first. Write dates as "
            "2024-12-31, name another column by --time, or use --no-time to take the rows as "
            "they are."
        )
    return reading.values


def _parts(frame: pd.DataFrame) -> Times | None:
    """Dates from columns named year, month, day, hour, minute."""
    by_name = {
        _ALIASES.get(column.lower(), column.lower()): column
        for column in reversed(list(frame.columns))
    }
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
    if table["month"].isna().all():
        table["month"] = months(frame[names[1]])
    if "day" not in table:
        table["day"] = 1
    if table.isna().any(axis=None):
        return None
    values = pd.to_datetime(table, errors="coerce")
    return None if values.isna().any() else Times(tuple(names), values)


def _clock(frame: pd.DataFrame, column: str, dates: pd.Series) -> Times | None:
    """Dates of one column with the time of day of another."""
    if not (dates.dropna() == dates.dropna().dt.normalize()).all():
        return None
    for other in frame.columns:
        if other == column:
            continue
        present = ~missing(frame[other])
        text = frame[other].astype(str).str.strip()
        if "time" in other.lower() and text[present].str.fullmatch(_CLOCK.pattern).all():
            hours = text.str.replace(".", ":").where(text.str.count("[:.]") > 1, text + ":00")
            times = pd.to_timedelta(hours.str.replace(".", ":").where(present), errors="coerce")
            if present.any():
                return Times((column, other), dates + times)
        if _HOUR_NAME.fullmatch(other):
            hour = pd.Series(numbers(frame[other]).values)
            if (hour.between(0, 24) & (hour % 1 == 0)).all():
                return Times((column, other), dates + pd.to_timedelta(hour, unit="h"))
    return None


def _rising(cells: pd.Series) -> Reading | None:
    """A column of numbers that only rise or only fall, but for few faults; None for others."""
    column = numbers(cells)
    values = column.values[~np.isnan(column.values)]
    if column.faults.sum() > 3 or len(values) < max(2, 3 * column.faults.sum()):
        return None
    up = np.diff(values) > 0
    if not (up.all() or (np.diff(values) < 0).all()):
        return None
    return Reading(pd.Series(column.values), column.faults)


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
    changes: tuple[str, ...] = ()
    if duplicates == "refuse":
        values, changes = clocks.unwound(values, rows)
    notes = list(changes)
    label = " and ".join(f"`{column}`" for column in times.columns)
    order = np.argsort(values.to_numpy(), kind="stable")
    if not (order == np.arange(len(order))).all():
        falls = values.is_monotonic_decreasing
        how = "the file has the newest first" if falls else "the file has them in another"
        notes.append(f"rows put in the order of `{name}`: {how}")
    values = values.iloc[order]
    chosen, merged = _once(values, order, rows, same, duplicates, times.columns, notes)
    values = values.iloc[chosen]
    order = order[chosen]
    grid = steps.grid(values)
    notes.insert(0, f"time: {label}, {grid.step}")
    if grid.positions is None:
        return Order(order, tuple(notes), grid.seasons, merged)
    length = int(grid.positions[-1]) + 1
    full = np.full(length, -1)
    full[grid.positions] = order
    if length > len(order):
        gap = int(np.flatnonzero(full < 0)[0])
        missing_rows = _count_text(length - len(order)).replace(" ", " missing ")
        notes.append(f"{missing_rows} filled in, the first after {rows[full[gap - 1]]}")
    if merged is not None:
        spread: list[np.ndarray] = [np.array([], int)] * length
        for at, each in zip(grid.positions, merged, strict=True):
            spread[at] = each
        merged = spread
    return Order(full, tuple(notes), grid.seasons, merged)


def _once(
    values: pd.Series,
    order: np.ndarray,
    rows: Sequence[str],
    same: pd.DataFrame,
    duplicates: Duplicates,
    columns: tuple[str, ...],
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
        remedy = "Use --duplicates mean, first or last, or --no-time; or give one series a file."
        if more := _completing(values.iloc[once], cells.iloc[once], columns):
            both = " and ".join(f"`{column}`" for column in (*columns, more))
            remedy = f"Join {both} to one column of times, such as 2024-12-31 23:00, or --no-time."
        elif kinds := _telling_apart(values.iloc[once], cells.iloc[once], columns):
            kept = " and ".join(f"`{kind}`" for kind in kinds)
            remedy = f"They are of different series: keep the rows of one {kept}."
        raise ValueError(
            f"{rows[pair[0]]} and {rows[pair[1]]} have the same `{' and '.join(columns)}`, "
            f"{values.iloc[once[np.flatnonzero(clash)[0]]]}, and other values "
            f"({int(clash.sum()):,} such rows). {remedy}"
        )
    groups = [
        group.to_numpy() for _, group in pd.Series(once).groupby(values.iloc[once].to_numpy())
    ]
    notes.append(f"rows of the same time: {duplicates} taken ({int(clash.sum()):,} rows)")
    if duplicates == "mean":
        return np.array([group[0] for group in groups]), [order[group] for group in groups]
    return np.array([group[0 if duplicates == "first" else -1] for group in groups]), None


def _completing(values: pd.Series, cells: pd.DataFrame, columns: tuple[str, ...]) -> str | None:
    """A column that, by its name and cells, has the rest of times that repeat; None without."""
    for column in cells.columns:
        rest = cells[column]
        if column in columns or not _REST_NAME.fullmatch(column) or 2 * rest.nunique() > len(rest):
            continue
        pairs = pd.DataFrame({"time": values.to_numpy(), "rest": rest.to_numpy()})
        if not pairs.duplicated().any():
            return column
    return None


def _telling_apart(values: pd.Series, cells: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """The columns, few, of text if possible, in whose groups each time is there once; or none."""
    rows = cells.assign(**{"\0time": values.to_numpy()})
    few = [
        name
        for name in cells.columns
        if name not in columns and 1 < rows[name].nunique() <= len(rows) / 2
    ]
    kinds = [name for name in few if numbers(rows[name]).faults.any()]
    kinds += [name for name in few if name not in kinds and _is_balanced(rows[name])]
    if not kinds or rows.duplicated([*kinds, "\0time"]).any():
        return []
    for name in reversed(kinds):
        rest = [kind for kind in kinds if kind != name]
        if rest and not rows.duplicated([*rest, "\0time"]).any():
            kinds = rest
    return kinds


def _is_balanced(cells: pd.Series) -> bool:
    """Whether numbers name series of equal length: few, each as often as the others."""
    counts = cells.value_counts()
    return counts.nunique() == 1 and int(counts.iloc[0]) >= 10


def _count_text(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"
