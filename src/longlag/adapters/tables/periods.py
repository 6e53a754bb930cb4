"""Codes of years and of their parts, such as 2012Q1, 2012MM01, 2012-W01, 2012/13."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

_IN_A_YEAR = {"JJ": 1, "A": 1, "HJ": 2, "H": 2, "S": 2, "T": 4, "KW": 4, "K": 4, "Q": 4,
              "MM": 12, "M": 12}  # fmt: skip
_FREQUENCIES = {1: "year", 2: "half", 4: "quarter", 12: "month"}
_YEAR = r"(?:1[5-9]|2[01])\d{2}"
_ORDINAL = (  # 1. Quartal, 1e kwartaal
    r"(?i)\b([1-4])(?: ?(?:\.|e|er|ère|ème|st|nd|rd|th|º|ª))? ?"
    r"(?:quarter|qtr\.?|quartal|kvartal|kwartaal|trimestre|trim\.?)"
)
_YEAR_LAST = rf"(?i)([QKTHS])?(0?[1-4])([QKTHS])?[ ./-]?({_YEAR})"
_INITIALS: Sequence[str] = "DJF JFM FMA MAM AMJ MJJ JJA JAS ASO SON OND NDJ".split()
"""Three months by their initials, in the order of the months in their middle."""

_THREE_MONTHS = rf"(?i)(?:({_YEAR})[ ./-]?)?({'|'.join(_INITIALS)})(?:[ ./-]?({_YEAR}))?"
_CODE = rf"({_YEAR})[ .:/-]?({'|'.join(_IN_A_YEAR)})(\d{{1,2}})"
_WEEK = r"(\d{4})[ -]?(?:W1(?=\d\d)|W|U|KW ?)(\d{1,2})"  # W101: as in the Netherlands


def frequency(cell: str) -> str | None:
    """The frequency of a code of a year or a part of one; None for other cells.

    >>> frequency("2012Q1"), frequency("1. Quartal 2012"), frequency("2012JJ00"), frequency("2012")
    ('quarter', 'quarter', 'year', None)
    """
    code = re.fullmatch(_CODE, _year_first(cell), re.IGNORECASE)
    if re.fullmatch(_WEEK, cell, re.IGNORECASE):  # KW too, though Dutch quarters have it
        return "week"
    if code is None:
        return None
    count = _IN_A_YEAR[code[2].upper()]
    total = count in (2, 4) and int(code[3]) == count + 1  # Q05, S03: of a year, as of BLS
    return "year" if total else _FREQUENCIES[count]


def periods(text: pd.Series) -> pd.Series:
    """The first days of codes of years, halves, quarters, months; NaT for others.

    >>> periods(pd.Series(["2012KW01", "2012KW02"])).dt.month.tolist()
    [1, 4]
    >>> periods(pd.Series(["DJF 1990", "MAM 1990"])).dt.month.tolist()
    [1, 4]
    """
    parts = text.map(_year_first).str.extract(f"(?i)^{_CODE}$")
    year, kind, part = parts[0].astype(float), parts[1].str.upper(), parts[2].astype(float)
    count, part = kind.map(_IN_A_YEAR), part.mask(kind == "JJ", 1)
    if (part[kind == "KW"] > 4).any():  # weeks
        year = year.mask(kind == "KW")
    if part[kind == "T"].max() == 3 and year.nunique() > 1:  # thirds of years, as in Norway
        count = count.mask(kind == "T", 3)
    return _from_parts(year.where(part <= count), (part - 1) * 12 / count + 1)


def weeks(text: pd.Series) -> pd.Series:
    """The Mondays of cells such as 2020-W01."""
    parts = text.str.extract(f"(?i)^{_WEEK}$")
    return pd.to_datetime(
        parts[0] + "-" + parts[1].str.zfill(2) + "-1", format="%G-%V-%u", errors="coerce"
    )


def fiscal_years(text: pd.Series) -> pd.Series:
    """The years of cells such as 1999/00."""
    years = text.str.extract(r"^(\d{4})[/–-](\d{2})$").astype(float)
    fits = ((years[0] + 1) % 100 == years[1]).all()
    return _from_parts(years[0] if fits else years[0] * float("nan"), 1)


def _year_first(cell: str) -> str:
    """A code with its year first and without a mark of provisional values: 1Q2012, Q1 2012*.

    Three months are the one in their middle: DJF 1990 is January.
    """
    cell = re.sub(_ORDINAL, r"Q\1", cell.rstrip("* "))
    if (three := re.fullmatch(_THREE_MONTHS, cell)) and bool(three[1]) != bool(three[3]):
        return f"{three[1] or three[3]}M{_INITIALS.index(three[2].upper()) + 1:02}"
    last = re.fullmatch(_YEAR_LAST, cell)
    if last is None or bool(last[1]) == bool(last[3]):
        return cell
    return f"{last[4]}{last[1] or last[3]}{last[2]}"


def _from_parts(year: pd.Series, month: pd.Series | float) -> pd.Series:
    parts = pd.DataFrame({"year": year, "month": month, "day": 1})
    return pd.to_datetime(parts, errors="coerce")
