"""Files of NOAA's PSL: first and last year, a row of months for each, a missing code, text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import pandas as pd

_YEARS = re.compile(r"\s*([12]\d{3})\s+([12]\d{3})\s*", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d*)?|\.\d+)", re.ASCII).fullmatch


def months(lines: Sequence[tuple[int, str]]) -> tuple[pd.DataFrame, list[str], str] | None:
    """A row for each month, the line of each, and a note; None for a file of another form.

    Months after the last that has a value are left out.

    Args:
        lines: The lines of the file, with their numbers.

    >>> rows = [f"{year} {'7.5 ' * 11} -99.9" for year in (1990, 1991)]
    >>> found = months([*enumerate(["1990 1991", *rows, "-99.9", "Index of NOAA"], 1)])
    >>> found[0]["value"].tolist()[10:13], found[1][-1]
    (['7.5', '', '7.5'], 'line 3')
    """
    begin = next((at for at, (_, line) in enumerate(lines) if line.strip()), 0)
    if not lines or not (span := _YEARS.fullmatch(lines[begin][1])):
        return None
    first, last = map(int, span.groups())
    rest = [(at, line.split()) for at, line in lines[begin + 1 :] if line.strip()]
    rows = [*itertools.takewhile(lambda row: _is_year(row[1]), rest)]
    years = [str(first + at) for at in range(len(rows))]
    if len(rows) < 2 or [row[0] for _, row in rows] != years or first + len(rows) - 1 > last:
        return None
    _, below = rest[len(rows)] if len(rest) > len(rows) else (0, [])
    code = below[0] if len(below) == 1 and _NUMBER(below[0]) else ""
    cells = [
        (row[0], str(month), "" if code and float(row[month]) == float(code) else row[month], at)
        for at, row in rows
        for month in range(1, 13)
    ]
    while cells and not cells[-1][2]:
        cells.pop()
    frame = pd.DataFrame([cell[:3] for cell in cells], columns=["year", "month", "value"])
    missing = f", {code} for missing values" if code else ""
    note = f"a row for each year from {first}, twelve months in each{missing}, as of NOAA's PSL"
    return frame, [f"line {cell[3]}" for cell in cells], note


def _is_year(row: Sequence[str]) -> bool:
    """Whether a row has a year and the numbers of twelve months."""
    return len(row) == 13 and all(map(_NUMBER, row))
