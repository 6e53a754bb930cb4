"""Columns that may hold times in a form that is not known, such as `00:15` without a date."""

from __future__ import annotations

import itertools
import re

import pandas as pd

from longlag.adapters.tables.cells import numbers
from longlag.adapters.tables.same import refuse_turns

TIME_NAME = re.compile(
    r"(.*[^a-z])?(date|time|datetime|timestamp|year|month|week|day|hour|quarter|period|datum|zeit"
    r"|jahr|monat|tag|ds|dt|ts|t|epoch|index|id|no|nr|row|step|rank|unnamed: ?\d*)([^a-z].*)?|",
    re.IGNORECASE,
)
"""The names of columns that may be the time if they hold numbers."""

COUNT_NAME = re.compile(
    r"(.*[^a-z])?(index|id|no|nr|row|step|rank)([^a-z].*)?|unnamed.*|", re.IGNORECASE
)
"""Those of them that count rows where another column has the time."""

_YEAR = r"(?<!\d)(?:1[5-9]|2[01])\d{2}(?!\d)"
_CLOCK = r"\s*T?\d{1,3}:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?: ?[apAP]\.?[mM]\.?)?\s*"
_FALL = 0.9  # share of the changes from row to row that fall, where the newest is first


def doubts(frame: pd.DataFrame) -> list[str]:
    """Warnings about columns that may hold times, of a table without times that are known.

    >>> doubts(pd.DataFrame({"at": ["0:10", "0:05", "0:00"]}))[0].split(": ", 1)[1].split(". ")[0]
    'rows are taken in the order of the file, with the newest first as it seems'
    """
    found = []
    for name in frame.columns:
        if not re.search(r"\d", str(frame[name].iloc[0])):
            continue
        if _may_be_times(frame[name]) or have_years(frame[name]):
            newest = ", with the newest first as it seems" if _falls(frame[name]) else ""
            found.append(
                f"`{name}` may hold times, in a form that is not known: rows are taken in the "
                f"order of the file{newest}. Write them as 2024-12-31, or as 2024-12-31 23:00; or "
                "use --no-time if the rows are in the order of time"
            )
    return found


def refuse_series(frame: pd.DataFrame) -> None:
    """Raises if rows of several series stand side by side, with a time that may not be known.

    >>> refuse_series(pd.DataFrame({"t": [1, 1, 2, 2], "sensor": [*"ABAB"], "v": [3, 9, 4, 8]}))
    Traceback (most recent call last):
    ValueError: The rows of one `t` are of different series: keep the rows of one `sensor`...
    """
    for name in frame.columns:
        if not re.search(r"\d", str(frame[name].iloc[0])):
            continue  # of thousands of columns, most end here
        if (_named(name) and _rises(frame[name])) or _may_be_times(frame[name]):
            refuse_turns(frame, name)


def _named(name: str) -> bool:
    """Whether a column has times by its name, and does not count rows."""
    return bool(TIME_NAME.fullmatch(name)) and not COUNT_NAME.fullmatch(name)


def _rises(cells: pd.Series) -> bool:
    """Whether numbers only rise or stay, or only fall or stay."""
    column = numbers(cells)
    values = pd.Series(column.values)
    ordered = values.is_monotonic_increasing or values.is_monotonic_decreasing
    return ordered and not column.faults.any() and values.nunique() > 1


def _may_be_times(cells: pd.Series) -> bool:
    """Whether cells with digits, none a number, are all different, or times of day, or so named."""
    if not numbers(cells.iloc[:1]).faults.all():
        return False  # of thousands of columns, most end here
    text = cells.map(str)
    if len(text) < 3 or text.nunique() < 2 or not text.str.contains(r"\d").all():
        return False
    if not (text.is_unique or _named(str(cells.name)) or text.str.fullmatch(_CLOCK).all()):
        return False
    return bool(numbers(cells).faults.all())


def _falls(cells: pd.Series) -> bool:
    """Whether the digits of times fall from row to row, but for the end of a day, say."""
    parts = [tuple(map(int, re.findall(r"\d+", str(cell)))) for cell in cells]
    changes = [one > other for one, other in itertools.pairwise(parts) if one != other]
    return bool(changes) and sum(changes) >= _FALL * len(changes)


def have_years(cells: pd.Series) -> bool:
    """Whether all cells have a year and are no numbers: codes of times, if not dates."""
    if not (re.search(_YEAR, str(cells.iloc[0])) and re.search(_YEAR, str(cells.iloc[-1]))):
        return False  # of thousands of columns, most end here
    return bool(cells.astype(str).str.contains(_YEAR).all() and numbers(cells).faults.all())
