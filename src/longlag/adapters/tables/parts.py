"""Times whose parts stand in several columns: year and month, year and week, a date and an hour."""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from longlag.adapters.tables.cells import missing, numbers
from longlag.adapters.tables.clocks import BACK_MONTHS, FORTH_MONTHS, fill_days
from longlag.adapters.tables.dates import DAY_OF_MONTH, OFFSETS, dates, frequency, months

_PARTS = "year", "month", "day", "hour", "minute"
_NAMES = {
    "year": "jahr yr yyyy yyy yy année año ano anno jaar år",
    "month": "monat mo mon mth mnth mm mois mes mês mese maand period",
    "week": "kw woche wk semaine isoweek",
    "quarter": "q qtr quartal trimestre kwartaal kvartal",
    "half": "semester semestre halbjahr",
    "season": "seas",
    "day": "tag dd dy jour día dia giorno dag",
    "day of year": "doy yday dayofyear day_of_year julian",
    "hour": "hh hr stunde heure hora ora uur",
    "minute": "mn",
}
_ALIASES = {alias: part for part, aliases in _NAMES.items() for alias in aliases.split()}
_WHOLE_TIMES = "date", "time", "datetime", "timestamp", "datum", "zeit", "fecha", "data"
_NO_NAME = re.compile(r"\d+|Unnamed: \d+")
_YEARS = 1500, 2200
_MAX_FAULTS = 3, 0.1  # most rows without a date: a count, or a share
_HOUR_NAME = re.compile(
    r"(.*[^a-z])?(hours?|hour.?ending|hr|hh|he|stunde|heure|hora|ora|uur)([^a-z].*)?", re.IGNORECASE
)
_PART_NAME = re.compile(r"(.*[^a-z])?(settlement|period|interval)([^a-z].*)?", re.IGNORECASE)
_CLOCK_NAME = re.compile(
    r"(.*[^a-z])?(time|hhmm|hrmn|uhrzeit|hora|ora|heure)([^a-z].*)?", re.IGNORECASE
)
_CLOCK_NAMES = _HOUR_NAME, _PART_NAME, _CLOCK_NAME, _NO_NAME
_CLOCK = re.compile(
    r"T?(?P<hour>\d{1,2})(?P<mark>[:.h])(?P<minute>[0-5]\d)(?:[:.](?P<second>[0-5]\d)(?:[.,]\d+)?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?(?:\s*[-–]\s*\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?)?",
    re.IGNORECASE,
)
_HALF = r"(?i)^(\d{1,2}) ?([ap])\.?m\.?$"  # 12 AM
_ENDING = rf"(?i)^T?(\d.*?) ?(h|hrs|uhr|Z|\+\d{{2}}:?\d{{2}}|{'|'.join(OFFSETS)})$"
_RANGE = re.compile(r"(\d{1,2})\s*(?:[-–]|to|bis)\s*(\d{1,2})")  # of hours: 00 - 01
_DAY = pd.Timedelta(days=1)
_IN_A_DAY = 24, 48, 96  # hours, half hours, quarters of an hour that are counted
_MANY = 12  # rows of times in columns without names, at least
_DENSE = 0.5  # least share of rows that have a code of a time


def is_time(name: str) -> bool:
    """Whether a column has times by its whole name.

    >>> is_time("Year"), is_time("Time Zone")
    (True, False)
    """
    return part_of(name) is not None


def part_of(name: str) -> str | None:
    """The part of a time that a column has by its whole name, or `time`; None for no time.

    >>> part_of("Jahr"), part_of("Datum"), part_of("v")
    ('year', 'time', None)
    """
    word = _word(name)
    if word in _WHOLE_TIMES:
        return "time"
    return word if word in _NAMES else _ALIASES.get(word)


def _word(name: str) -> str:
    """A name in small letters, without what stands before it in another script.

    >>> _word("# YYYY"), _word("年/Year"), _word("年")
    ('yyyy', 'year', '年')
    """
    name = name.lower().strip("# ")
    return re.sub(r"[^\x00-\u024f]+", "", name).strip("# /()|-") or name


class Times(NamedTuple):
    """The times of the rows of a table.

    Attributes:
        columns: Names of their columns.
        values: A time for each row: dates, or numbers.
        notes: Changes to them.
    """

    columns: tuple[str, ...]
    values: pd.Series
    notes: tuple[str, ...] = ()


def calendar(frame: pd.DataFrame) -> Times | None:
    """Dates from columns of year, month, day, hour, minute, NaT in few rows; None for others.

    The first columns may be without names, or numbered, if their dates have equal steps mostly.
    """
    by_name = _by_part(frame)
    if "year" not in by_name:
        first = [name for name in frame.columns[:3] if _NO_NAME.fullmatch(name)]
        found = (_dates(frame, first[:count]) for count in range(len(first), 1, -1))
        dates = [each for each in found if each]
        regular = next((each for each in dates if is_regular(each.values)), None)
        return regular or next(filter(None, map(_with_hours, [frame] * len(dates), dates)), None)
    if "day of year" in by_name and "month" not in by_name:
        return _days_of_years(frame, by_name["year"], by_name["day of year"])
    present = [part in by_name for part in _PARTS]
    names = [by_name[part] for part in _PARTS[: present.index(False) if not all(present) else None]]
    return _dates(frame, names)


def _with_hours(frame: pd.DataFrame, days: Times) -> Times | None:
    """Days that repeat, with the hours of another column that tells their rows apart; or None."""
    if len(days.columns) < 3 or len(days.values) < _MANY or days.values.isna().any():
        return None
    times = clock(frame, days)
    return times if times and times.values.is_unique else None


def _days_of_years(frame: pd.DataFrame, year: str, day: str) -> Times | None:
    years, days = (numbers(frame[name]).values for name in (year, day))
    whole = ((years % 1 == 0) & (days % 1 == 0)).all()
    fits = ((years >= _YEARS[0]) & (years <= _YEARS[1]) & (days >= 1) & (days <= 366)).all()
    if not (whole and fits):
        return None
    first = pd.to_datetime(pd.Series(years.astype(int)).astype(str), format="%Y")
    return Times((year, day), first + pd.to_timedelta(pd.Series(days - 1), unit="D"))


def _by_part(frame: pd.DataFrame) -> dict[str, str]:
    """The columns that their names say to be parts of times."""
    by_name: dict[str, str] = {}
    for column in frame.columns:
        name = _word(column)
        part = _ALIASES.get(name, name)
        if name == "mm" and column.islower() and by_name.get("month") == "MM":
            part = "minute"
        by_name.setdefault(part, column)
    minute = _word(by_name.get("minute", ""))
    if minute == "mn" and not by_name.keys() & {"month", "hour"}:  # beside a year alone
        by_name["month"] = by_name.pop("minute")
    if "year" in by_name and not by_name.keys() & {
        "month",
        "week",
        "quarter",
        "half",
        "day of year",
    }:
        for column in frame.columns:  # of names of months, whatever its own
            if not np.isnan(months(frame[column].iloc[:_MANY])).any():
                by_name["month"] = column
                break
    return by_name


def is_regular(values: pd.Series) -> bool:
    """Whether all rows have a date, each once, that rise or fall, mostly by a month or one step."""
    if values.isna().any() or not values.is_unique or len(values) < _MANY:
        return False
    steps = values.diff().iloc[1:].abs()
    steps = steps.mask(steps.between(28 * _DAY, 31 * _DAY), 30 * _DAY)
    ordered = values.is_monotonic_increasing or values.is_monotonic_decreasing
    return ordered and float(steps.value_counts(normalize=True).max()) > 0.5


def _dates(frame: pd.DataFrame, names: list[str]) -> Times | None:
    if len(names) < 2:
        return None
    table = pd.DataFrame(
        {part: numbers(frame[name]).values for part, name in zip(_PARTS, names, strict=False)}
    )
    if table["month"].isna().all():
        table["month"] = months(frame[names[1]])
    if table["month"].isna().all():  # M01
        digits = frame[names[1]].astype(str).str.extract(r"^\s*M(\d{2})\s*$", expand=False)
        table["month"] = digits.astype(float).to_numpy()
    if not table["year"].dropna().between(*_YEARS).all():
        return None
    if "day" not in table:
        table["day"] = 1
    whole = (table.drop(columns="minute", errors="ignore") % 1 == 0).all(axis=1)
    values = pd.to_datetime(table[["year", "month", "day"]].where(whole), errors="coerce")
    for part, most, size in (("hour", 24, pd.Timedelta(hours=1)), ("minute", 59, _DAY / 1440)):
        if part in table:
            values += table[part].where(table[part].between(0, most)) * size
    few = max(_MAX_FAULTS[0], _MAX_FAULTS[1] * len(values))
    faults = int(values.isna().sum())
    return None if faults > few or len(values) < 3 * faults else Times(tuple(names), values)


def day_and_year(frame: pd.DataFrame) -> Times | None:
    """Dates such as `Jan 01, 2020` without quotes, in two columns; None for others.

    >>> day_and_year(pd.DataFrame({"": ["Jan 01", "Jan 02"], "Date": [" 2020", " 2020"]})).columns
    ('', 'Date')
    """
    for name, other in itertools.pairwise(frame.columns):
        if not re.fullmatch(DAY_OF_MONTH, str(frame[name].iloc[0]).strip()):
            continue  # of thousands of columns, most end here
        day, year = (frame[each].astype(str).str.strip() for each in (name, other))
        fits = day.str.fullmatch(DAY_OF_MONTH) & year.str.fullmatch(r"[12]\d{3}( .*)?")
        if fits.mean() < 1 - _MAX_FAULTS[1]:
            continue
        if reading := dates((day + " " + year).where(fits, "")):
            return Times((name, other), reading.values)
    return None


def weeks(frame: pd.DataFrame) -> Times | None:
    """Days a week apart from columns of year and week, whatever weeks a year has; None for others.

    >>> weeks(pd.DataFrame({"year": ["2020", "2020", "2021"], "week": ["52", "53", "1"]})).columns
    ('year', 'week')
    """
    by_name = _by_part(frame)
    if not {"year", "week"} <= by_name.keys():
        return None
    names = by_name["year"], by_name["week"]
    digits = frame[names[1]].astype(str).str.replace(r"^\s*K?W\s*", "", regex=True)  # W01
    year, week = numbers(frame[names[0]]).values, numbers(digits).values
    if not ((year % 1 == 0) & (week % 1 == 0) & (week >= 0) & (week <= 53)).all():
        return None
    if not ((year >= _YEARS[0]) & (year <= _YEARS[1])).all():
        return None
    last = pd.Series(week).groupby(year).max().clip(lower=52)
    last = last.reindex(np.arange(year.min(), year.max() + 1), fill_value=52)
    before = (last.cumsum() - last).reindex(year).to_numpy()
    monday = pd.Timestamp.fromisocalendar(int(year.min()), 1, 1)
    return Times(names, monday + pd.to_timedelta(pd.Series(7 * (before + week - 1)), unit="D"))


def coded(frame: pd.DataFrame) -> tuple[tuple[str, str], pd.Series] | None:
    """Columns of a year and of codes of its parts, such as Q1 or S01, and both in one; or None.

    >>> coded(pd.DataFrame({"Year": ["2020", "2020"], "Quarter": ["2", "Q1"]}))[1].tolist()
    ['2020 Q2', '2020 Q1']
    """
    by_name = _by_part(frame)
    for part, letter in {"quarter": "Q", "half": "S", "month": "", "season": ""}.items():
        if not {"year", part} <= by_name.keys():
            continue
        names = by_name["year"], by_name[part]
        year, code = (frame[name].astype(str).str.strip() for name in names)
        joined = year + " " + code.where(~code.str.fullmatch(r"\d"), letter + code)
        if joined.map(frequency).notna().mean() > _DENSE:
            return names, joined.rename("` and `".join(names))
    return None


def clock(frame: pd.DataFrame, day: Times) -> Times | None:
    """Dates that repeat with the time of day of another column, which parts them; or None."""
    days = day.values
    known = days.dropna()
    if known.is_unique or not (known == known.dt.normalize()).all():
        return None  # else the hours are of something else, as of the largest gust
    for other in frame.columns.drop(list(day.columns)):
        names = (*day.columns, other)
        offsets = times_of_day(frame[other])
        if offsets is not None and _parts(days, offsets):
            # Durations of what happened on a day, as of runs, are in no order.
            named = "time" in other.lower() and _is_in_order(days + offsets)
            plain = any(form.fullmatch(other) for form in _CLOCK_NAMES)
            if named or fill_days(days, offsets, spread=not plain):
                return Times(names, days + offsets)
        hours = _HOUR_NAME.fullmatch(other)
        if hours:
            hour = pd.Series(numbers(frame[other]).values)
            offsets = pd.to_timedelta(hour, unit="h")
            if (hour.between(0, 24) & (hour % 1 == 0)).all() and _parts(days, offsets):
                return Times(names, days + offsets)
        if hours or _CLOCK_NAME.fullmatch(other) or _NO_NAME.fullmatch(other):
            offsets = _clock_numbers(frame[other])
            if offsets is not None and fill_days(days, offsets):
                return Times(names, days + offsets)
        if hours or _PART_NAME.fullmatch(other) or _NO_NAME.fullmatch(other):
            found = _counted(days, frame[other])
            if found is not None and fill_days(days, found[0]):
                return Times(names, days + found[0] + found[1], found[2])
    return None


def _is_in_order(times: pd.Series) -> bool:
    known = times.dropna()
    return known.is_monotonic_increasing or known.is_monotonic_decreasing


def _parts(days: pd.Series, offsets: pd.Series) -> bool:
    """Whether times of day tell rows of one day apart."""
    return (days + offsets).nunique() > days.nunique()


def _clock_numbers(cells: pd.Series) -> pd.Series | None:
    """Times of day from numbers such as 0, 30, 100, 2330; None for others."""
    values = pd.Series(numbers(cells).values)
    whole = (values % 1 == 0) & values.between(0, 2400) & (values % 100 < 60)
    if not whole.all() or values.max() < 100:
        return None
    return pd.to_timedelta(values // 100 * 60 + values % 100, unit="min")


def _counted(
    days: pd.Series, cells: pd.Series
) -> tuple[pd.Series, pd.Series, tuple[str, ...]] | None:
    """Times of day from counted parts of days, and a shift of days after clock changes.

    24, 48 or 96 parts make a day, an hour less or more a night from Saturday to Sunday in which
    clocks are changed.
    """
    count = pd.Series(numbers(cells).values)
    if count.isna().any() or (count % 1 != 0).any() or count.min() not in (0, 1):
        return None
    most = count.groupby(days.to_numpy()).max() + 1 - count.min()
    usual = int(most.mode()[0])
    if usual not in _IN_A_DAY or not in_a_day(count.where(count < usual + count.min()).dropna()):
        return None
    dates = pd.DatetimeIndex(most.index)
    changes = pd.Series(0, most.index)
    for change, near in ((-usual // 24, FORTH_MONTHS), (usual // 24, BACK_MONTHS)):
        night = (dates.day_of_week == 6) & dates.month.isin(near)
        changes[night & (most == usual + change)] = change
    if (most > usual + changes).any():
        return None
    part = _DAY / usual
    shift = (changes.cumsum() - changes).reindex(days).reset_index(drop=True)
    changed = [f"{date:%Y-%m-%d}" for date in dates[changes != 0]]
    notes = f"clocks are changed on {', '.join(changed[:4])}{', …' * (len(changed) > 4)}"
    return count * part, shift * part, (notes,) * bool(changed)


def in_a_day(cells: pd.Series) -> int:
    """24, 48 or 96, if cells count so many parts of a day, from 0 or 1; else 0.

    >>> in_a_day(pd.Series([*range(1, 49)] * 2)), in_a_day(pd.Series([*range(1, 40)] * 2))
    (48, 0)
    """
    parts = cells.nunique()
    if parts not in _IN_A_DAY:
        return 0
    values = np.unique(numbers(cells).values)
    whole = len(values) == parts and values[0] in (0, 1) and (np.diff(values) == 1).all()
    return parts if whole else 0


def times_of_day(cells: pd.Series) -> pd.Series | None:
    """Times of day, or the beginnings of hours such as `00 - 01`; None if the cells are others.

    >>> times_of_day(pd.Series(["00:15", "23 - 24"])), times_of_day(pd.Series(["8 - 9"])).tolist()
    (None, [Timedelta('0 days 08:00:00')])
    """
    present = ~missing(cells)
    text = cells.astype(str).str.strip()
    text = _without_ending(text, present)
    known = text[present]
    if not len(known) or not (_RANGE.fullmatch(known.iloc[0]) or _CLOCK.fullmatch(known.iloc[0])):
        return None
    if known.str.fullmatch(_RANGE.pattern).all():
        hours = text.where(present).str.extract(_RANGE.pattern).astype(float)
        if len(set((hours[1] - hours[0]).dropna() % 24)) > 1 or (hours > 24).any(axis=None):
            return None
        return pd.to_timedelta(hours[0], unit="h")
    if not all(map(_CLOCK.fullmatch, known)):
        return None
    parts = text.where(present).str.extract(f"(?i){_CLOCK.pattern}")
    if (parts["mark"] == ".").any() and "time" not in str(cells.name).lower():
        return None  # decimal numbers
    hours = parts["hour"].astype(float)
    if hours.max() > 24:
        return None
    half = parts["half"].str.lower()
    hours = hours.mask(half.notna(), hours % 12) + 12 * (half == "p")
    seconds = 60 * parts["minute"].astype(float) + parts["second"].astype(float).fillna(0)
    return pd.to_timedelta(3600 * hours + seconds, unit="s")


def _without_ending(text: pd.Series, present: np.ndarray) -> pd.Series:
    """Times of day without what all of them end in, such as 00:00 for 0000 UTC or 00h."""
    text = text.str.replace(_HALF, r"\1:00 \2m", regex=True)
    if not re.fullmatch(_ENDING, text[present].iloc[0] if present.any() else ""):
        return text  # of thousands of columns, most end here
    parts = text.where(present).str.extract(_ENDING)
    if parts[1][present].str.upper().nunique(dropna=False) > 1:
        return text
    whole = parts[0].str.replace(r"^(\d{1,2})$", r"\1:00", regex=True)
    return whole.str.replace(r"^(\d{1,2})([0-5]\d)$", r"\1:\2", regex=True).fillna(text)
