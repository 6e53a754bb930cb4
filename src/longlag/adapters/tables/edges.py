"""Rows with more cells than their header: empty ends, names of rows, a column without a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from longlag.adapters.tables import headers, unknown
from longlag.adapters.tables.cells import numbers
from longlag.adapters.tables.dates import dates, months
from longlag.adapters.tables.parts import day_and_year, is_time, part_of, times_of_day

_SAMPLE = 200  # rows that show what columns hold
_MAX_NOTES = 30  # lines below a rule
_FEW = 3  # rows of a table, at least
_YEARS = 1500, 2200
_RANGES = {
    "year": _YEARS,
    "month": (1, 12),
    "week": (0, 53),
    "quarter": (1, 4),
    "half": (1, 2),
    "day": (1, 31),
    "day of year": (1, 366),
    "hour": (0, 24),
    "minute": (0, 59),
}


def fitted(
    name: str, rows: Sequence[list[str]], lines: Sequence[str], place: str
) -> tuple[list[list[str]], list[str]]:
    """Rows with as many cells as their header, the first of them, where these can be told.

    Empty cells beyond the header are left out. Of one cell more, or several, the first are the name
    of a row if `year` and the like stand above times then; else the last have no name.

    Args:
        name: The name of the file, for messages.
        rows: The header, and rows that are mostly longer.
        lines: The text of the rows below the header.
        place: The line of the header, for messages.

    Returns:
        The rows, and notes on what was assumed.

    Raises:
        ValueError: The names do not tell whether the first or the last cells have none.

    >>> fitted("a.csv", [["day", "v"], ["2020-01-01", "3", ""]], ["2020-01-01,3,"], "line 1")[0]
    [['day', 'v'], ['2020-01-01', '3']]
    """
    header, data = rows[0], rows[1:]
    width = len(header)
    usual = Counter(map(len, data)).most_common(1)[0][0]
    more, uniform = usual - width, {*map(len, data)} == {usual}
    unnamed, one = [""] * more, more == 1
    apart = day_and_year(_cells(data, 0, usual)) if uniform and one else None
    if apart and apart.columns[0] == 0:
        return [["", *header], *data], []  # Jan 01, 2020 without quotes
    shift, stay = (_fits(header, data, first) for first in (more, 0))
    shift += shift == stay and one and _have_quoted_names(data, lines)
    count = "one cell" if one else f"{more} cells"
    note = f"rows have {count} more than the header"
    if uniform and shift > stay and _are_different(data, more):
        first = "the first is" if one else f"the first {more} are"
        return [[*unnamed, *header], *data], [f"{note}: {first} taken for the name of a row"]
    if not any(cell.strip() for row in data for cell in row[width:]):
        note = "empty cells at the end of rows left out, beyond the header"
        return [header, *(row[:width] for row in data)], [note]
    if not uniform:  # the caller refuses it, with the lines that differ
        return [[*unnamed, *header], *data], []
    begin, end = header[0].strip(), header[-1].strip()
    have = f"{name}: rows have {usual} cells, but {place} has {width} names"
    if stay <= max(0, shift):
        if one:
            lack = "column or the last may lack one. Name it there"
            raise ValueError(f"{have}: the first {lack}, before `{begin}` or after `{end}`.")
        raise ValueError(
            f"{have}: the first {more} columns or the last may lack theirs. Name them there, "
            f"before `{begin}` or after `{end}`, or remove {place} if it has no names."
        )
    if _are_decimals(data, more):
        raise ValueError(
            f"{have}: `{end}` and the cell after it may be one number with a comma. Write it with "
            "a point or in quotes, or name the last column."
            if one
            else f"{have}: two cells at a time may be one number with a comma. Write it with a "
            f"point or in quotes, or name the last {more} columns."
        )
    last = "the last is taken for a column without a name"
    last = last if one else f"the last {more} are taken for columns without names"
    return [[*header, *unnamed], *data], [f"{note}: {last}"]


def top(cells: Sequence[Sequence[str]], first: int) -> int:
    """The row of names, or else the first row, of a table whose first rows have notes beside them.

    Those are right above the first row of the usual width, of which they have the first cells.

    >>> top([["a note"], ["day", "v"], ["2020-01-01", "3", "A"], ["2020-01-02", "4"]], 3)
    1
    """
    width, at = len(cells[first]), first
    while at and len(cells[at - 1]) > width and _are_alike(cells[at - 1], cells[first]):
        at -= 1
    names = [cell for cell in cells[at - 1] if cell.strip()] if 0 < at < first else []
    named = len(names) > 1 and not any(map(headers.is_value, names))
    return at - 1 if named and not names[0].endswith(":") else at


def _are_alike(row: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a row begins with a time of the form of another, and has numbers where that has."""
    one, time = (re.sub(r"\d+", "0", cells[0].strip()) for cells in (row, other))
    pairs = zip(row, other, strict=False)
    kinds = all(headers.is_value(up) == headers.is_value(low) for up, low in pairs)
    return one == time and "0" in time and kinds


def without_side(rows: list[list[str]]) -> list[str]:
    """Cuts off what some rows have beside a table, beyond a column without a name; notes on it.

    >>> rows = [["day", "v", "", "Note:"], ["1", "3", "", "A"], *[["2", "4"]] * 3]
    >>> len(without_side(rows)), rows[0]
    (1, ['day', 'v'])
    """
    used = [row for row in rows if row]
    counts = Counter(map(len, used))
    width, often = counts.most_common(1)[0] if used else (0, 0)
    if width < 2 or 2 * often < len(used) or min(counts) < width or used[0][width:][:1] != [""]:
        return []
    side = any(cell.strip() for row in used for cell in row[width:])
    rows[:] = [row[:width] for row in rows]
    return ["cells beside the table left out, beyond a column without a name"] * side


def rule(lines: Sequence[tuple[int, str]]) -> int:
    """The line, by its index, of a rule of one character below which footnotes stand."""
    for at in range(max(len(lines) - _MAX_NOTES, len(lines) // 2, _FEW), len(lines)):
        if re.fullmatch(r"\s*([_=*~-])\1{4,}\W*", lines[at][1]):
            return at
    return len(lines)


def names_most(row: Sequence[str], below: Sequence[Sequence[str]], separator: str) -> bool:
    """Whether a row of texts names half of the columns or more, and the one below is no header.

    Between spaces the first name is of a time, so that a title is none.

    >>> rows = [["2020-01-01", "3", "A", "B"], ["2020-01-02", "4", "A", "B"]]
    >>> names_most(["day", "v"], rows, ","), names_most(["Unit:", "m"], rows, ",")
    (True, False)
    """
    names, width = [cell.strip() for cell in row], len(below[0])
    if not 1 < len(names) < width <= 2 * len(names) or len({*names}) < len(names):
        return False
    title = names[0].endswith(":") or (separator == r"\s+" and not is_time(names[0]))
    if title or any(map(headers.is_value, names)):
        return False
    return not headers.is_header(_cells(below, 0, width))


def _are_different(data: Sequence[Sequence[str]], count: int) -> bool:
    """Whether the first cells may name rows."""
    names = [tuple(map(str.strip, row[:count])) for row in data]
    return all(map(all, names)) and len({*names}) == len(names)


def _are_decimals(data: Sequence[Sequence[str]], count: int) -> bool:
    """Whether the last cells may be numbers that a comma has cut, as 50,07 or 1,050."""
    if 2 * count > len(data[0]):
        return False
    ends = [row[at].strip() for row in data for at in range(-1, -2 * count, -2)]
    wholes = (row[at] for row in data for at in range(-2, -2 * count - 1, -2))
    whole = all(re.fullmatch(r"\s*-?\d+\s*", cell) for cell in wholes)
    return whole and {*map(len, ends)} <= {2, 3} and all(map(str.isdecimal, ends))


def _have_quoted_names(data: Sequence[Sequence[str]], lines: Sequence[str]) -> bool:
    """Whether the first cells alone are numbers in quotes, as R writes the names of rows."""
    whole = all(row[0].isdecimal() for row in data)
    return whole and all(re.match(r'\s*"\d+"(?!.*"[\d.]+")', line) for line in lines)


def _cells(rows: Sequence[Sequence[str]], begin: int, end: int) -> pd.DataFrame:
    some = [list(row[begin:end]) for row in rows[:_SAMPLE]]
    return pd.DataFrame([row + [""] * (end - begin - len(row)) for row in some], dtype=object)


def _fits(header: Sequence[str], rows: Sequence[Sequence[str]], first: int) -> int:
    """How well names of times fit the columns, of which the first named one is at `first`."""
    cells = _cells(rows, first, first + len(header))
    return sum(_fit(name.strip(), cells.iloc[:, at]) for at, name in enumerate(header))


def _fit(name: str, cells: pd.Series) -> int:
    """2 for times below a name of a time, 1 for numbers that may be some; -1 for others, else 0."""
    part = part_of(name)
    counts = unknown.COUNT_NAME.fullmatch(name) is not None
    if not name or not (part or unknown.TIME_NAME.fullmatch(name)):
        return 0
    if not counts and dates(cells) is not None:
        return 2
    column = numbers(cells)
    if column.faults.any():
        named = times_of_day(cells) is not None or not np.isnan(months(cells)).any()
        return 2 if named and not counts else -1
    values = column.values[~np.isnan(column.values)]
    whole, steps = bool((values % 1 == 0).all()), np.diff(values)
    rises = bool((steps > 0).all() or (steps < 0).all())
    if counts:
        return 1 if rises and whole else -1
    if part in _RANGES:
        within = ((values >= _RANGES[part][0]) & (values <= _RANGES[part][1])).all()
        return 2 if within and (part == "year" or whole) else -1
    years = rises and ((values >= _YEARS[0]) & (values <= _YEARS[1])).all()
    return 2 if years else (1 if rises else -1)
