"""Tables with a row for each day and a column for each of its hours."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from longlag.adapters.tables.cells import numbers
from longlag.adapters.tables.parts import Times, times_of_day

_PARTS = 96, 48, 24  # of a day, in as many columns
_HOUR = re.compile(
    r"(?i)(|h|he|hr|hours?|hours? ending|hora|heure|ora|stunde|std|uhr|periods?|sp|interval)"
    r"[ _.]?(\d{1,2})[ _.]?(h|hr|uhr)?"
)
_BEGINS = re.compile(r"\s*[01]\d?([:.hH –-]|[0-5]\d\b| to )")  # a quick look, of thousands of names


def hours(names: Sequence[str], when: Times | None) -> list[str]:
    """The names of columns that are the hours of days, or the halves or quarters of hours.

    >>> days = Times(("day",), pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"])))
    >>> hours(["day", *(f"H{at}" for at in range(1, 25))], days)[-1]
    'H24'
    >>> hours(["day", *(f"H{at}" for at in range(1, 24))], days)
    []
    """
    if when is None or not pd.api.types.is_datetime64_any_dtype(when.values):
        return []
    if any(name.isdecimal() for name in when.columns):
        return []  # a table without names: its columns are numbered
    if (known := when.values.dropna()).empty or (known != known.dt.normalize()).any():
        return []
    others = [name for name in names if name not in when.columns]
    for parts in _PARTS:
        for first in range(len(others) - parts + 1):
            if _are_parts(some := others[first : first + parts]):
                return some
    return []


def in_rows(cells: pd.DataFrame, hours: Sequence[str], when: Times) -> str:
    """That columns are the hours of a day, and how each becomes a row.

    >>> cells = pd.DataFrame([["2024-01-01", "7", "8"]], columns=["day", "00:00", "12:00"])
    >>> text = in_rows(cells, ["00:00", "12:00"], Times(("day",), pd.Series(["2024-01-01"])))
    >>> text.partition("row: ")[2].partition(". If")[0]
    "frame.melt(['day'], frame.columns[1:3], 'hour', 'value')"
    """
    days, kept = list(when.columns), ""
    others = [name for name in cells.columns if name not in (*hours, *days)]
    if cells.duplicated(days).any():
        parts = [name for name in others if cells[name].nunique() > 1]
        texts = [name for name in parts if numbers(cells[name]).faults.any()]
        kept = "".join(f"Keep the rows of one `{name}`. " for name in (texts or parts)[:1])
    first = list(cells.columns).index(hours[0])
    last = first + len(hours)
    frame, columns = "frame", f"frame.columns[{first}:{last}]"
    if times_of_day(pd.Series(hours)) is None:
        start = int(_number(hours[0]) or 0)
        frame += (
            f".set_axis([*frame.columns[:{first}], *range({start}, {start + len(hours)}), "
            f"*frame.columns[{last}:]], axis=1)"
        )
        columns = f"range({start}, {start + len(hours)})"
    return (
        f"each row is a day, with a column for each of its {len(hours)} parts, `{hours[0]}` to "
        f"`{hours[-1]}`. {kept}Write each as a row: {frame}.melt({days}, {columns}, 'hour', "
        "'value'). If each is a series, name its column."
    )


def _are_parts(names: Sequence[str]) -> bool:
    """Whether names are equal parts of a day, in order."""
    start = _number(names[0])
    if start in (0, 1):
        alike = len({re.sub(r"\d", "", name) for name in names}) == 1
        return alike and [*map(_number, names)] == [*range(start, start + len(names))]
    if not _BEGINS.match(names[0]) or (found := times_of_day(pd.Series(names))) is None:
        return False
    minutes = found.dt.total_seconds().to_numpy() / 60
    steps = np.diff(minutes) % 1440
    return bool(minutes[0] <= 60 and (steps == 1440 / len(names)).all())


def _number(name: str) -> int | None:
    """The number of an hour in its name."""
    found = _HOUR.fullmatch(name.strip())
    return int(found[2]) if found else None
