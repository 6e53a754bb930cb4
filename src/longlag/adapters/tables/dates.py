"""Cells of a column as dates, in many notations."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

from longlag.adapters.tables import periods
from longlag.adapters.tables.cells import LONGEST, missing, numbers

_SAMPLE = 60  # cells for finding the formats that are worth trying
_MAX_FAULTS = 3, 0.1  # most cells of a column of dates that are none: a count, or a share
_MANY = 12  # different months, such as 202401, that are no numbers
_NEAR = 0.02  # months between the beginning or middle of one and its notation as a decimal year
_CLOSE = 0.02  # readings up to this much less regular than the best are as likely
_FORMATS = (
    *("%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%Y.%m.%d"),
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y"),
    *("%b-%y", "%b %y", "%y-%b", "%b %Y", "%b-%Y", "%Y %b", "%Y-%b", "%d %b %Y", "%d-%b-%Y"),
    *("%b/%Y", "%b/%y", "%Y/%b", "%d/%b/%Y", "%d/%b/%y"),
    *("%y-%m-%d", "%y/%m/%d", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%m-%y", "%d-%b-%y"),
    *("%d %b %y", "%b %d %y", "%d. %b %y", "%d. %b %Y"),
    *(
        f"{day} %I:%M{seconds} %p"
        for day in ("%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d", "%m/%d/%y", "%m-%d-%Y", "%d-%b-%Y")
        for seconds in ("", ":%S")
    ),
)
_MONTHS = (
    *(r"jan|ene|gen", r"f[eé][bv]", r"m[aä]r|mrz|mrt|maa", r"apr|avr|abr", r"ma[iyg]|mei"),
    *(r"jun|juin|giu", r"jul|juil|lug", r"a[gu]g|ago|ao[uû]", r"sep|set", r"o[ckt]t|out"),
    *(r"nov", r"d[eéi][cz]"),
)
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_INTERVAL = r"^(.*\d)\s+[-–]\s+\d.*"
_HOURS = (  # between the time of a zone and UTC
    *(("UTC", 0), ("GMT", 0), ("BST", 1), ("WET", 0), ("WEST", 1), ("CET", 1), ("CEST", 2)),
    *(("MEZ", 1), ("MESZ", 2), ("EET", 2), ("EEST", 3), ("EST", -5), ("EDT", -4), ("CST", -6)),
    *(("CDT", -5), ("MST", -7), ("MDT", -6), ("PST", -8), ("PDT", -7)),
    *(("AEST", 10), ("AEDT", 11), ("NZST", 12), ("NZDT", 13)),
)
OFFSETS = {name: f"{hours:+03}:00" for name, hours in _HOURS}
"""From UTC to the time of a zone, by its name."""

_ZONE = rf"(?i)(:\d{{2}}(?:\.\d+)?(?: ?[ap]m)?) ?({'|'.join(OFFSETS)})$"
_SUMMER = r"(?i)(?<=\d:\d\d) \(?DST\)?$"  # of an hour that stands twice, as of ERCOT
_EAST = r"\d{4}[年년] ?\d{1,2}[月월](?: ?\d{1,2}[日일])?"  # 2024年12月31日
_EAST_MARK = r"[年년月월] ?(?=\d)|[月월]$"
_REGION = r"(?<=\d)\[[\w/]+\]$"  # 2024-12-31T23:00+01:00[Europe/Berlin]
_MIDNIGHT = r"^(.*\d[T ]00:00(?::00)?(?:\.0+)?) ?[+-]\d{2}:?\d{2}"  # of a day of local time
_DAY_END = r"^.*\d[T ]24[:.]00(?:[:.]00)?"

_EPOCHS = 1e9, 2e9  # seconds: 2001 to 2033
_EPOCH_STEP = 60  # seconds: numbers in any other steps may count anything
_HOUR_DIGITS = r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])"
_MONTH_DIGITS = r"(?:18|19|20)\d{2}(?:[-/]?M{0,2})(?:0\d|1[0-3])"  # 202013 stands for a year
_CLOCK_DIGITS = {  # 2021010100, 20210101:0010
    _HOUR_DIGITS: "%Y%m%d%H",
    rf"{_HOUR_DIGITS}[0-5]\d": "%Y%m%d%H%M",
    rf"{_HOUR_DIGITS}[0-5]\d[0-5]\d": "%Y%m%d%H%M%S",
    r"\d{8}:\d{4}": "%Y%m%d:%H%M",
}
_MONTH_FIRST = r"(?P<month>0?[1-9]|1[0-2])\.(?P<year>(?:1[89]|20)\d{2})"
_MONTH = rf"(?:{'|'.join(_MONTHS)})[^\W\d_]*\.?"
DAY_OF_MONTH = rf"(?i){_MONTH} (?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])\.? {_MONTH}"
"""A month and a day without a year, or, of four digits in all, a month and a year."""

_FREQUENCIES = {
    "year": r"\d{4}(?: \[YR\d{4}\])?",  # as in files of the World Bank
    "month": rf"\d{{4}}[-/]\d{{2}}|\d{{2}}[-/]\d{{4}}|\d{{4}}[ /-]{_MONTH}"
    rf"|{_MONTH}[ /-]\d{{2,4}}",
    "day": r"\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[ T].*)?|\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})",
}


class Reading(NamedTuple):
    """A column as dates.

    Attributes:
        values: In the order of the file, NaT where a cell is missing or no date.
        faults: `(row,)`, true where a cell is neither a date nor missing.
        unclear: Another reading is as likely, and gives another order.
        others: Readings that are as likely and give the same order, as of twelve days or months.
    """

    values: pd.Series
    faults: np.ndarray
    unclear: bool = False
    others: tuple[pd.Series, ...] = ()


def dates(cells: pd.Series) -> Reading | None:
    """A column as dates; None if most cells are none.

    Of several formats that fit all cells, such as day or month first, the one is taken whose dates
    have the most regular steps.

    >>> dates(pd.Series(["12/01/2020", "01/01/2021", "02/01/2021"])).values.dt.month.tolist()
    [12, 1, 2]
    """
    blank = missing(cells)
    words = _words(cells)
    for of_numbers in epochs, decimal_months:
        if (values := of_numbers(cells[~words])) is not None:
            return Reading(values.reindex(cells.index), words)
    if pd.api.types.is_datetime64_any_dtype(cells):
        return Reading(_without_zone(cells), np.zeros(len(cells), bool))
    if pd.api.types.is_numeric_dtype(cells) or pd.api.types.is_bool_dtype(cells):
        return None
    text = cells[~blank].astype(str).str.strip()
    digits = text[~words[~blank]]
    if not len(text) or (numbers(_sample(text)).faults.mean() < 0.5 and not _digits(digits)):
        return None
    text = text.mask(text.str.fullmatch(_INTERVAL), text.str.replace(_INTERVAL, r"\1", regex=True))
    text = text.str.replace(_REGION, "", regex=True).str.replace(_SUMMER, "", regex=True)
    if text.str.fullmatch(_EAST).all():
        text = (
            text.str.replace(r"[日일]\s*$", "", regex=True)
            .str.replace(_EAST_MARK, "-", regex=True)
            .str.rstrip("-")
        )
    late = text.str.fullmatch(_DAY_END)
    text = text.mask(late, text.str.replace(r"24([:.])00", r"00\g<1>00", regex=True))
    text = text.str.replace(_ZONE, lambda at: at[1] + OFFSETS[at[2].upper()], regex=True)
    if text.str.fullmatch(_MIDNIGHT).all():
        text = text.str.replace(_MIDNIGHT, r"\1", regex=True)
    readings = [values + pd.to_timedelta(late.astype(int), unit="D") for values in _readings(text)]
    if not readings:
        return None
    most = min(int(values.isna().sum()) for values in readings)
    if most > max(_MAX_FAULTS[0], _MAX_FAULTS[1] * len(text)) or len(text) < 3 * most:
        return None
    readings = [values for values in readings if values.isna().sum() == most]
    scores = [_irregularity(values) for values in readings]
    best = int(np.argmin(scores))
    values = readings[best]
    ranks = values.rank(method="dense")
    others: list[pd.Series] = []
    for other, score in zip(readings, scores, strict=True):
        if not most and score <= scores[best] + _CLOSE and not other.equals(values):
            others.append(other)
    same = [other.rank(method="dense").equals(ranks) for other in others]
    values = values.reindex(cells.index)
    return Reading(
        values,
        values.isna().to_numpy() & ~blank,
        not all(same) or _lacks_years(text),
        tuple(other.reindex(cells.index) for other in others) if all(same) else (),
    )


def epochs(cells: pd.Series) -> pd.Series | None:
    """Times since 1970 as dates, in seconds or thousandths, millionths, billionths of one.

    None if a cell is none, or if most steps are not equal.

    >>> epochs(pd.Series([1609459200, 1609462800, 1609466400])).dt.hour.tolist()
    [0, 1, 2]
    """
    if len(cells) < 3 or not re.fullmatch(r"\s*1\d{9}(\d{3}){0,3}(\.0*)?\s*", str(cells.iloc[0])):
        return None
    column = numbers(cells)
    values = column.values
    if column.notes or np.isnan(values).any() or (values % 1 != 0).any():
        return None
    unit = 1000.0 ** max(0, (len(f"{values.max():.0f}") - 10) // 3)
    seconds = values / unit
    if seconds.min() < _EPOCHS[0] or seconds.max() >= _EPOCHS[1]:
        return None
    steps = np.diff(seconds).round(3)
    sizes, counts = np.unique(steps, return_counts=True)
    usual = sizes[counts.argmax()]
    one_way = sizes[0] > 0 or sizes[-1] < 0
    if not one_way or 2 * counts.max() < len(steps) or usual % _EPOCH_STEP:
        return None
    return pd.to_datetime(pd.Series((seconds * 1000).round(), cells.index), unit="ms")


def decimal_months(cells: pd.Series) -> pd.Series | None:
    """Months of several years as 1999.12 or 12.1999, or from years with their fraction.

    Fractions are of the beginning or the middle of months, or of quarters. None for other cells.

    >>> months = [f"{1999 + at // 12}.{at % 12 + 1:02}" for at in range(24)]
    >>> decimal_months(pd.Series(months)).dt.month.tolist()[10:14]
    [11, 12, 1, 2]
    >>> decimal_months(pd.Series([f"{1999 + (at + 0.5) / 12:.4f}" for at in range(24)]))[13].month
    2
    """
    form = rf"\s*([12]\d{{3}}(\.\d+)?|{_MONTH_FIRST})\s*"
    if len(cells) < _MANY or not all(re.fullmatch(form, str(each)) for each in cells.iloc[:2]):
        return None  # of thousands of columns, most end here
    text = cells.astype(str).str.strip()
    if not text.str.fullmatch(form).all():
        return None
    turned = lambda at: f"{at['year']}.{at['month']:0>2}"  # noqa: E731
    text = text.str.replace(f"^{_MONTH_FIRST}$", turned, regex=True)
    if text.str.fullmatch(r"\d{4}\.(0[1-9]|1[0-2]?)").all():  # as a number, October is .1
        month = 12 * text.str[:4].astype(int) + text.str[5:].str.ljust(2, "0").astype(int) - 1
    else:
        count = 12 * text.astype(float)
        month = (count + _NEAR).floordiv(1)
        place = count - month
        if not ((place.abs() < _NEAR).all() or ((place - 0.5).abs() < _NEAR).all()):
            return None
    steps = month.diff().iloc[1:]
    one_way = (steps > 0).all() or (steps < 0).all()
    regular = max((steps.abs() == each).mean() for each in (1, 3)) >= 0.5
    if not one_way or not regular or (month // 12).nunique() < 2:
        return None
    return pd.to_datetime(pd.DataFrame({"year": month // 12, "month": month % 12 + 1, "day": 1}))


@functools.lru_cache(2**12)
def frequency(cell: str) -> str | None:
    """The frequency of a date that tells it by its form: a year, quarter, month, week or day.

    >>> frequency("2004"), frequency("2004 Q1"), frequency("2004 JAN"), frequency("20.4")
    ('year', 'quarter', 'month', None)
    """
    if len(cell) > LONGEST:
        return None
    for name, form in _FREQUENCIES.items():
        if re.fullmatch(form, cell.strip(), re.IGNORECASE):
            return name
    return periods.frequency(cell.strip())


def mixed(cells: pd.Series) -> tuple[int, int] | None:
    """Two rows whose dates are of different frequency, if most cells of a column are dates."""
    if not (pd.api.types.is_string_dtype(cells) or pd.api.types.is_object_dtype(cells)):
        return None
    last, half = len(cells) - 1, len(cells) // 2
    if not any(frequency(str(cells.iloc[at])) for at in (half, (half + last) // 2, last)):
        return None  # of thousands of columns, most end here
    if _sample(cells).astype(str).map(frequency).notna().mean() < 0.5:
        return None
    known = cells.astype(str).map(frequency).reset_index(drop=True).dropna()
    other = known.index[known != known.iloc[0]]
    return (int(known.index[0]), int(other[0])) if len(other) else None


def totals(cells: pd.Series) -> int | None:
    """A row whose month is 13 or 0, for a year, in a column of months such as 202012; or None.

    >>> totals(pd.Series(["202011", "202012", "202013"])), totals(pd.Series(["202011", "202012"]))
    (2, None)
    """
    if not len(cells) or not re.fullmatch(_MONTH_DIGITS, str(cells.iloc[0]).strip()):
        return None
    text = cells.astype(str).str.strip().reset_index(drop=True)
    found = text.str.fullmatch(r".*(13|00)")
    fits = text.str.fullmatch(_MONTH_DIGITS).all() and 0 < found.mean() < 0.5
    return int(found.argmax()) if fits else None


def months(cells: pd.Series) -> np.ndarray:
    """The numbers of months from their names in English, German or French; NaN for others.

    >>> months(pd.Series(["Jan", "März", "4"])).tolist()
    [1.0, 3.0, nan]
    """
    names = cells.astype(str).str.strip().map(month_name)
    return names.map({name: at + 1.0 for at, name in enumerate(MONTHS)}).to_numpy(float)


def _sample(cells: pd.Series) -> pd.Series:
    """Cells from first to last, evenly spaced."""
    return cells.iloc[np.unique(np.linspace(0, len(cells) - 1, _SAMPLE).astype(int))]


def _words(cells: pd.Series) -> np.ndarray:
    """The few cells, `(row,)`, with letters in a column that begins as times of digits may do."""
    none = np.zeros(len(cells), bool)
    if not len(cells) or not re.fullmatch(r"\s*[12]\d{3}[\d.:]*\s*", str(cells.iloc[0])):
        return none  # of thousands of columns, most end here
    found = cells.astype(str).str.contains(r"[^\W\d_]").to_numpy(bool) & ~missing(cells)
    return found if found.sum() <= max(_MAX_FAULTS[0], _MAX_FAULTS[1] * len(cells)) else none


def _digits(text: pd.Series) -> bool:
    """Whether all cells are 20240131, or 202401 or 2024013123, in order or many."""
    if text.str.fullmatch(r"[12]\d{7}").all():
        return True
    forms = r"(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])", *_CLOCK_DIGITS
    return bool(
        any(text.str.fullmatch(form).all() for form in forms)
        and (
            text.nunique() >= _MANY
            or (text.is_unique and len(text) > 2 and text.is_monotonic_increasing)
            or (text.is_unique and len(text) > 2 and text.is_monotonic_decreasing)
        )
    )


def _lacks_years(text: pd.Series) -> bool:
    """Whether cells such as Jan 02 are days: most have the month of the one before."""
    text = text.str.replace("-", " ")
    if not text.str.fullmatch(DAY_OF_MONTH).all():
        return False
    month = text.str.extract(r"([^\W\d_]+)", expand=False)
    return bool(month.nunique() > 1 and (month == month.shift()).mean() > 0.5)


def _readings(text: pd.Series) -> Iterator[pd.Series]:
    """The dates of cells, NaT for some, in each format that fits most of a sample."""
    sample = _sample(text)
    for special in (periods.fiscal_years, periods.periods, periods.weeks, _digit_dates):
        if special(sample).notna().mean() <= 0.5:
            continue
        if (values := special(text)).notna().mean() > 0.5:
            yield values
            return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, about guesses of formats
        if _parsed(sample, "ISO8601").notna().mean() > 0.5:
            yield _parsed(text, "ISO8601")
            return
        if text.str.contains(r"[^\W\d_]{3}").any():
            text, sample = text.map(month_name), sample.map(month_name)
        formats = list(_FORMATS)
        for cell in (sample.iloc[0], sample.iloc[-1]):
            formats += [guess_datetime_format(cell, dayfirst=first) for first in (False, True)]
        for format in dict.fromkeys(formats):
            # A format without a year, such as %b-%d, is a guess that scrambles years.
            if not format or not re.search("%[Yy]", format) or not re.search("%[mbB]", format):
                continue
            if _parsed(sample, format).notna().mean() > 0.5:
                values = _parsed(text, format)
                if "%y" in format:
                    values = min(values, _unwrapped(values), key=_irregularity)
                yield values


def _parsed(text: pd.Series, format: str) -> pd.Series:
    return _without_zone(pd.to_datetime(text, utc=True, format=format, errors="coerce"))


def month_name(cell: str) -> str:
    """A cell with the names of months as their three letters in English."""

    def short(word: re.Match[str]) -> str:
        for name, pattern in zip(MONTHS, _MONTHS, strict=True):
            if re.match(pattern, word[0], re.IGNORECASE):
                return name
        return word[0]

    return re.sub(r"[^\W\d_]{3,10}\.?", short, cell)


def _digit_dates(text: pd.Series) -> pd.Series:
    days = pd.to_datetime(
        text.where(text.str.fullmatch(r"\d{8}")), format="%Y%m%d", errors="coerce"
    )
    for form, format in _CLOCK_DIGITS.items():
        if text.str.fullmatch(form).mean() > 0.5:
            return pd.to_datetime(
                text.where(text.str.fullmatch(form)), format=format, errors="coerce"
            )
    months = text.where(text.str.fullmatch(r"\d{6}"))
    return days.fillna(pd.to_datetime(months, format="%Y%m", errors="coerce"))


def _unwrapped(values: pd.Series) -> pd.Series:
    """Dates from years of two digits, each in the century next to the date before it."""
    known = values.dropna()
    years = np.unwrap(known.dt.year.to_numpy(float), period=100)
    years -= 100 * np.ceil((years.max() - 2068) / 100)
    parts = {"year": years, "month": known.dt.month, "day": known.dt.day}
    days = pd.to_datetime(pd.DataFrame(parts), errors="coerce")
    return (days + (known - known.dt.normalize())).reindex(values.index)


def _without_zone(values: pd.Series) -> pd.Series:
    """Times as those of UTC; the days of a zone as they are, since not all have 24 hours."""
    if values.dt.tz is None:
        return values
    local = values.dt.tz_localize(None)
    days = (local.dropna() == local.dropna().dt.normalize()).all()
    return local if days else values.dt.tz_convert("UTC").dt.tz_localize(None)


def _irregularity(values: pd.Series) -> float:
    """The shares of steps that are not the usual one, in the order of the file and of time."""
    known = values.dropna()
    shares = 0.0
    whole = known.dt.day.nunique() == 1 or known.dt.is_month_end.all()
    whole = whole and (known == known.dt.normalize()).all()  # not 01/02/2018 at many times
    for times in (known, known.sort_values()):
        each = (times.dt.year * 12 + times.dt.month if whole else times).diff().dropna()
        shares += 1 - float((each == each.mode()[0]).mean()) if len(each) else 0.0
    return shares
