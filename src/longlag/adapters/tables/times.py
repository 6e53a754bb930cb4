"""The time of each row: detection, sorting, gaps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from longlag.adapters.tables import asked, clocks, parts, steps, unknown
from longlag.adapters.tables.cells import numbers
from longlag.adapters.tables.dates import Reading, dates, epochs, mixed, totals
from longlag.adapters.tables.parts import Times
from longlag.adapters.tables.same import Duplicates, count_text, once

_SECOND_NAME = re.compile(
    r"(.*[^a-z])?(date|decimal|year|time|timestamp|unix)([^a-z].*)?", re.IGNORECASE
)
_MOST = 0.5  # share of times that repeat, from which on another column may have them
_NEAR = 0.1  # years between a date and its decimal notation, which may be of the middle of a month


class Order(NamedTuple):
    """Rows in the order of time.

    Attributes:
        rows: The index in the file of each row, -1 for a missing one.
        notes: The changes.
        seasons: Rows in a day, a week, a year, from the step of time.
        merged: For each row, the indices of the rows that it averages; None without averages.
        regular: Whether the rows are on a grid of times, or as good as on one.
    """

    rows: np.ndarray
    notes: tuple[str, ...]
    seasons: tuple[int, ...] = ()
    merged: list[np.ndarray] | None = None
    regular: bool = True


def find(frame: pd.DataFrame, rows: Sequence[str], name: str | None = None) -> Times | None:
    """The columns of the time of each row; None if there are none.

    A column of dates, of a date and of a time of day, of year, month, day …, of year and week, or
    numbers that only rise or only fall under a name such as year, time or index.

    Args:
        frame: Columns of cells.
        rows: The name of each row, for messages.
        name: The column of the time; detected by default.

    Raises:
        ValueError: There is no such column, it holds no times, some cells of a column of times
            are none, or its dates can be read in two ways.
    """
    if name is not None:
        whole = asked.column(name, names := list(frame.columns))
        if whole is None:
            raise ValueError(asked.unknown("--time: there is no column", name, names, "--time"))
        name = whole
        _without_totals(frame[name], rows)
        _of_one_frequency(frame[name], rows)
        reading = dates(frame[name]) or _rising(frame[name])
        if reading is None:
            raise ValueError(
                f"--time: `{name}` holds neither dates nor numbers that rise. Name another column, "
                "or use --no-time."
            )
        _checked(reading, name, frame[name], rows)
        return _likeliest(reading, [Times((name,), each) for each in _all(reading)], frame[name])
    if spelled := parts.day_and_year(frame):
        return spelled
    calendar = parts.calendar(frame)
    if calendar and not calendar.values.isna().any():
        return _finer(calendar, frame)
    doubtful, several = None, None
    for column in frame.columns:
        _without_totals(frame[column], rows)
        if mixed(frame[column]):
            several = several or column
            continue
        if (reading := dates(frame[column])) is None:
            continue
        if not reading.faults.any():
            _checked(reading, column, frame[column], rows)
            days = [Times((column,), each) for each in _all(reading)]
            found = [parts.clock(frame, times) or times for times in days]
            return _all_different(_likeliest(reading, found, frame[column]), frame)
        doubtful = doubtful or (reading, column)
    if coded := parts.coded(frame):
        _of_one_frequency(coded[1], rows)
    if calendar:
        return _filled(calendar, frame, rows)
    if times := parts.weeks(frame):
        return times
    if coded and (reading := dates(coded[1])):
        return Times(coded[0], _checked(reading, "` and `".join(coded[0]), coded[1], rows))
    if several is not None:
        _of_one_frequency(frame[several], rows)
    coded_times = any(unknown.have_years(frame[column]) for column in frame.columns)
    counts_last = sorted(
        frame.columns, key=lambda name: unknown.COUNT_NAME.fullmatch(name) is not None
    )
    for column in counts_last:
        if doubtful or not unknown.TIME_NAME.fullmatch(column):
            continue
        if coded_times and unknown.COUNT_NAME.fullmatch(column):  # of rows, not of time
            continue
        if (reading := _rising(frame[column])) is not None:
            return Times((column,), _checked(reading, column, frame[column], rows))
    if doubtful:
        _checked(*doubtful, frame[doubtful[1]], rows)
    return None


def _all(reading: Reading) -> tuple[pd.Series, ...]:
    """The readings of a column of times that are equally likely."""
    return reading.values, *reading.others


def _likeliest(reading: Reading, found: Sequence[Times], cells: pd.Series) -> Times:
    """Of equally likely times those that leave fewest rows missing, with a note on the others."""
    if len(found) == 1:
        return found[0]
    absent = [steps.absent(times.values) for times in found]
    best, at = np.argsort(absent, kind="stable")[:2].tolist()
    taken, other = (_all(reading)[each] for each in (best, at))
    row = int(np.flatnonzero((taken != other) & taken.notna())[0])
    note = f"`{cells.name}`: {str(cells.iloc[row]).strip()} read as {taken.iloc[row]:%Y-%m-%d}, "
    if absent[best] < absent[at]:
        note += f"not {other.iloc[row]:%Y-%m-%d}, with which more rows would be missing"
    else:
        note += f"not as {other.iloc[row]:%Y-%m-%d}; if it is that, write it so"
    return found[best]._replace(notes=(*found[best].notes, note))


def _finer(days: Times, frame: pd.DataFrame) -> Times:
    """Days from several columns; or, where they repeat, their times from another column."""
    if days.values.is_unique:
        return days
    for column in frame.columns.drop(list(days.columns)):
        reading = dates(frame[column])
        if reading is None or reading.faults.any() or not reading.values.is_unique:
            continue
        if (reading.values.dt.normalize().to_numpy() == days.values.to_numpy()).all():
            return Times((column,), reading.values)
    return parts.clock(frame, days) or days


def _all_different(times: Times, frame: pd.DataFrame) -> Times:
    """The times; or, where most repeat, as years, those of another column that part them."""
    if times.values.duplicated(keep=False).mean() <= _MOST:
        return times
    for column in frame.columns.drop(list(times.columns)):
        reading = dates(frame[column])
        if reading is None or reading.faults.any() or reading.unclear:
            continue
        regular = parts.is_regular(reading.values.sort_values())
        if regular and _in_same_order(times.values, reading.values):
            return Times((column,), reading.values)
    return times


def repeats(times: Times, name: str, values: np.ndarray) -> bool:
    """Whether numbers are a second notation of the times, such as a `decimal date` or seconds."""
    if epochs(pd.Series(values)) is not None or _are_decimal_years(times.values, values):
        return True
    if not _SECOND_NAME.fullmatch(name):
        return False
    order = np.argsort(times.values.to_numpy(), kind="stable")
    return len(values) > 2 and bool((np.diff(values[order]) > 0).all())


def _are_decimal_years(dates: pd.Series, values: np.ndarray) -> bool:
    """Whether numbers are the years of dates with their fraction, whatever they are called."""
    if not pd.api.types.is_datetime64_any_dtype(dates) or np.isnan(values).any():
        return False
    years = dates.dt.year + (dates.dt.day_of_year - 1) / 365.25
    return bool((np.abs(years.to_numpy() - values) < _NEAR).all())


def doubts(frame: pd.DataFrame, when: Times | None) -> list[str]:
    """Warnings about columns that may hold times but are not used as such."""
    if when is None:
        return unknown.doubts(frame)
    found = []
    for name in frame.columns:
        if name in when.columns or not re.search(r"\d", str(frame[name].iloc[0])):
            continue
        if (other := dates(frame[name])) is None or other.faults.any():
            continue
        if not _in_same_order(when.values, other.values):
            found.append(
                f"`{name}` holds times too, in another order than `{when.columns[0]}`: columns "
                "beside it may be of another table. Keep each in a file of its own"
            )
    return found


def _in_same_order(one: pd.Series, other: pd.Series) -> bool:
    """Whether times rise with other times, of one clock or of one that is changed."""

    def rise(one: pd.Series, other: pd.Series) -> bool:
        pairs = pd.DataFrame({"one": one.to_numpy(), "other": other.to_numpy()})
        return pairs.sort_values(["one", "other"])["other"].dropna().is_monotonic_increasing

    rows = [""] * len(one)
    return rise(one, other) or rise(
        *(clocks.unwound(each.reset_index(drop=True), rows)[0] for each in (one, other))
    )


def _filled(times: Times, frame: pd.DataFrame, rows: Sequence[str]) -> Times:
    """The times; raises where cells of a row, if not all are empty, are no date."""
    cells = frame[list(times.columns)]
    for at in np.flatnonzero(times.values.isna()).tolist():
        row = [str(cell).strip() for cell in cells.iloc[at]]
        if any(row):
            names = " and ".join(f"`{name}`" for name in times.columns)
            if re.fullmatch("M?(13|0?0)", row[1]):
                raise ValueError(
                    f"{names} have months and, as month {row[1]}, totals of years, the first in "
                    f"{rows[at]}. Remove the rows whose `{times.columns[1]}` is {row[1]}."
                )
            raise ValueError(
                f"{names} are no date in {rows[at]}: {', '.join(map(repr, row))}. Correct the "
                "cells, remove the row, or use --no-time to take the rows as they are."
            )
    return times


def _without_totals(cells: pd.Series, rows: Sequence[str]) -> None:
    """Raises if a column of months has a month 13 or 0, for a year."""
    if (at := totals(cells)) is not None:
        cell = str(cells.iloc[at]).strip()
        raise ValueError(
            f"`{cells.name}` has months and, as month {cell[-2:]}, totals of years: {cell!r} in "
            f"{rows[at]}. Remove the rows whose `{cells.name}` ends in {cell[-2:]}."
        )


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
        at = np.flatnonzero(reading.faults)
        kind = "number" if _is_count(reading) else "date"
        some = "s" if len(at) > 1 else ""
        raise ValueError(
            f"`{name}` is no {kind} in {rows[at[0]]}{_more(at)}: {str(cells.iloc[at[0]])[:60]!r}. "
            f"Correct the cell{some}, remove the row{some}, or use --no-time to take the rows as "
            "they are."
        )
    if reading.unclear:
        raise ValueError(
            f"`{name}` can be read in two ways, such as day or month first, or day or year. Write "
            "dates as 2024-12-31, name another column by --time, or use --no-time to take the "
            "rows as they are."
        )
    return reading.values


def _more(at: np.ndarray) -> str:
    """How many rows have a fault beside the first."""
    if len(at) < 2:
        return ""
    follow = at[-1] - at[0] == len(at) - 1
    return f" and {count_text(len(at) - 1)} {'right after it' if follow else 'more'}"


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
    times: Times,
    rows: Sequence[str],
    same: pd.DataFrame,
    duplicates: Duplicates = "refuse",
    columns: Sequence[str] = (),
    asked: Sequence[str] = (),
) -> Order:
    """The rows in the order of their times, with gaps filled.

    Args:
        times: The time of each row.
        rows: The name of each row, for messages.
        same: The cells of each row: rows with equal cells and time count once.
        duplicates: The treatment of different rows of one time.
        columns: The columns whose values are used.
        asked: Those of them that are certainly values.

    Returns:
        The order of the rows, with notes on changes.

    Raises:
        ValueError: A row has no time, or several rows have the same.
    """
    name = " and ".join(times.columns)
    values = times.values.reset_index(drop=True)
    blank = np.flatnonzero(values.isna().to_numpy())
    if len(blank):
        fill = "Fill it in, remove the row" if len(blank) == 1 else "Fill them in, remove the rows"
        raise ValueError(
            f"`{name}` has no time in {rows[blank[0]]}{_more(blank)}. {fill}, name another column "
            "by --time, or use --no-time to take the rows as they are."
        )
    changes: tuple[str, ...] = ()
    if duplicates == "refuse":
        values, changes = clocks.unwound(values, rows)
    notes = [*times.notes, *changes]
    label = " and ".join(f"`{column}`" for column in times.columns)
    order = np.argsort(values.to_numpy(), kind="stable")
    if not (order == np.arange(len(order))).all():
        falls = values.is_monotonic_decreasing
        how = "the file has the newest first" if falls else "the file has them in another"
        notes.append(f"rows put in the order of `{name}`: {how}")
    values = values.iloc[order]
    chosen, merged = once(
        values, order, rows, same, duplicates, times.columns, columns, asked, notes
    )
    values = values.iloc[chosen]
    order = order[chosen]
    grid = steps.grid(values)
    notes.insert(0, f"time: {label}, {grid.step}")
    if grid.positions is None:
        return Order(order, tuple(notes), grid.seasons, merged, not grid.irregular)
    length = int(grid.positions[-1]) + 1
    full = np.full(length, -1)
    full[grid.positions] = order
    if length > len(order):
        gap = int(np.flatnonzero(full < 0)[0])
        missing_rows = count_text(length - len(order)).replace(" ", " missing ")
        notes.append(f"{missing_rows} filled in, the first after {rows[full[gap - 1]]}")
    if merged is not None:
        spread: list[np.ndarray] = [np.array([], int)] * length
        for at, each in zip(grid.positions, merged, strict=True):
            spread[at] = each
        merged = spread
    return Order(full, tuple(notes), grid.seasons, merged)
