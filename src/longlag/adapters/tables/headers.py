"""Headers: which rows of a table name its columns, and which names are times."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from longlag.adapters.tables.cells import LONGEST, MISSING, is_code, missing, numbers, visible
from longlag.adapters.tables.dates import MONTHS, dates, frequency, month_name
from longlag.adapters.tables.parts import is_time, part_of

_MAX_NAMES = 6  # rows of names, at most
_SAMPLE = 200  # rows for telling text from values
_MANY_NUMBERED = 12  # fewest columns that are numbered
_FEW_TIMES = 3  # fewest names that are times in a header of times
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ]\d{1,2}[:.]\d{2}.*)?|\d{1,2}[:.]\d{2}([:.]\d{2})?"
)
_PLAIN = re.compile(r"[+-]?(\d{1,300}(\.\d*)?|\.\d+)", re.ASCII)  # few enough to be finite


@functools.lru_cache(2**16)
def is_value(cell: str) -> bool:
    """Whether a cell is a number, a date or missing, so that it is not a name."""
    text = cell.strip()
    if text.lower() in MISSING or _DATE.fullmatch(text) or _PLAIN.fullmatch(text):
        return True  # without pandas, which takes a millisecond for each cell
    may_be = len(text) <= LONGEST and re.search(r"\d", text) is not None
    return may_be and numbers(pd.Series([cell])).holds_numbers


def is_header(cells: pd.DataFrame) -> bool:
    """Whether the first row has the names of the columns: it has a text above values."""
    first = [is_value(str(cell)) or not str(cell).strip() for cell in cells.iloc[0]]
    if not all(first) and len(cells) == 1:
        return True
    below = [
        all(is_value(str(cell)) or is_code(str(cell)) for cell in cells.iloc[1:, index])
        and not missing(cells.iloc[1:, index]).all()
        for index in range(cells.shape[1])
    ]
    if times([str(cell) for cell in cells.iloc[0]]) and not (
        len(cells) > 1 and times([str(cell) for cell in cells.iloc[1]])
    ):
        return True
    if not any(below):
        return not all(first)
    if any(values and not is_value for is_value, values in zip(first, below, strict=True)):
        return True
    return not holds_value(cells.iloc[0]) and text_rows(cells) > 0  # names, then units


def text_rows(cells: pd.DataFrame) -> int:
    """The number of rows at the top that have text, and no value, above values; or above dates.

    >>> text_rows(pd.DataFrame([["day", "USD"], ["2019-01-02", "99.4"], ["2019-01-03", "98.6"]]))
    1
    """
    if len(cells.columns) < 2:
        return 0
    first = [str(cell) for cell in cells.iloc[:_SAMPLE, 0]]
    dated = sum(frequency(cell) is not None for cell in first) > len(first) / 2
    if holds_value(cells.iloc[0]) and (not dated or is_value(first[0]) or frequency(first[0])):
        return 0
    sample = cells.iloc[:_SAMPLE].map(str)  # astype(str) would keep what is missing
    blank = np.stack([missing(sample[name]) for name in sample], axis=1)
    value = sample.map(lambda cell: is_value(cell) or frequency(cell) is not None).to_numpy()
    value, text = value & ~blank, ~value & ~blank
    of_values = value.sum(axis=0) > text.sum(axis=0)
    above = (text & of_values).sum(axis=1)  # of values, in each row
    names = ~value.any(axis=1) & ((above > 1) | ((above == 1) & (text.sum(axis=1) == 1)))
    names |= text[:, 0] & dated
    above_data = np.argmin(names | blank.all(axis=1))  # over blank rows, which do not count last
    return int(np.flatnonzero(names[:above_data]).max(initial=-1)) + 1 if not names.all() else 0


def names_below(cells: pd.DataFrame) -> int | None:
    """A row that names all columns, times among them, though the header does not; None without.

    >>> names_below(pd.DataFrame([["X", "4"], ["Year", "v"], ["2019", "7"]], columns=["Id", "At"]))
    1
    """
    if any(map(is_time, cells.columns)):
        return None
    for at in range(min(_MAX_NAMES, len(cells) - 1)):
        row = [str(cell).strip() for cell in cells.iloc[at]]
        names, below = list(filter(None, row)), cells.iloc[at + 1 : at + _SAMPLE]
        if not any(map(is_time, names)) or len({*names}) < len(names) or any(map(is_value, names)):
            continue
        if all(name or missing(below.iloc[:, place]).all() for place, name in enumerate(row)):
            return at
    return None


def are_names(cells: pd.DataFrame, count: int) -> bool:
    """Whether a header has no values; or, below its first rows, times where it names one.

    Names such as 1USD, 90% or 2019 may be values too.

    >>> table = pd.DataFrame([["", "Baht"], ["2019", "7"], ["2020", "8"]])
    >>> [are_names(table.set_axis(names, axis=1), 1) for names in (["Date", "1THB"], ["file", "3"])]
    [True, False]
    """
    if not any(map(is_value, cells.columns)):
        return True
    below = cells.iloc[count : count + _SAMPLE]
    timed = [name for name in cells.columns if is_time(name) and not is_value(name)]
    known = (below[name].astype(str).map(frequency).notna().mean() > 0.5 for name in timed)
    return any(known) or any(dates(below[name]) is not None for name in timed)


def name_rows(header: Sequence[str], cells: pd.DataFrame) -> int:
    """The number of rows below a header that complete its names: it has blanks, or one twice."""
    blank = [not cells.iloc[at].str.strip().any() for at in range(min(_MAX_NAMES, len(cells)))]
    kept = cells.iloc[[at for at in range(len(cells)) if at >= len(blank) or not blank[at]]]
    count = text_rows(kept) if len(kept) > 1 else 0
    if not count or any(holds_value(kept.iloc[at]) for at in range(count)):
        return 0
    first = [cell.strip() for cell in kept.iloc[0]]
    fills = any(low and not up for up, low in zip(header, first, strict=True))
    twice = len({*header} - {""}) < len([*filter(None, header)])
    complete = twice or (count == 1 and "" in header and fills)
    return int(kept.index[count - 1]) + 1 if complete else 0


def are_widths(cells: Iterable[str]) -> bool:
    """Whether cells are widths of columns and their kinds, `15s` or `14n`, as of USGS.

    >>> are_widths(["5s", "20d", "14n"]), are_widths(["5", "20", "14"])
    (True, False)
    """
    return all(re.fullmatch(r"\d{1,3}[sdn]", cell.strip()) for cell in cells)


def joined(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """Names from two rows, of which the upper has those of groups, for their first column.

    >>> joined(["Month", "Fuel", "", "Total"], ["", "Coal", "Gas", ""])
    ['Month', 'Coal', 'Gas', 'Total']
    """
    names = [low or up for up, low in zip(upper, lower, strict=True)]
    if len(set(names)) == len(names):
        return names
    groups = [up or next(filter(None, reversed(upper[:at])), "") for at, up in enumerate(upper)]
    return [f"{group} {low}".strip() for group, low in zip(groups, lower, strict=True)]


def hold_value(cells: pd.DataFrame, count: int) -> bool:
    """Whether the header or one of the first rows has a number or a date."""
    return any(map(is_value, cells.columns)) or any(
        holds_value(cells.iloc[at]) for at in range(count)
    )


def holds_value(row: pd.Series) -> bool:
    """Whether a row has a number or a date."""
    cells = row[~missing(row)].astype(str)
    return any(is_value(cell) or frequency(cell) is not None for cell in cells)


def one_line(name: str) -> str:
    """A name with single spaces, and without characters of no width.

    >>> one_line("Temp\\n (°C)")
    'Temp (°C)'
    """
    return " ".join(visible(name).split())


def repeated(cells: pd.DataFrame) -> np.ndarray:
    """Which rows repeat the names of several columns, as of files that were joined, `(row,)`.

    >>> repeated(pd.DataFrame([["3", "4"], ["a", "b"]], columns=["a", "b"])).tolist()
    [False, True]
    """
    names, found = list(cells.columns), np.zeros(len(cells), bool)
    first = cells.iloc[:, 0].astype(str).str.strip() == names[0]
    for row in np.flatnonzero(first) if len(names) > 1 else ():
        found[row] = [one_line(str(cell)) for cell in cells.iloc[row]] == names
    return found


def unique(file: str, names: Sequence[str]) -> list[str]:
    """The names of columns, `Unnamed: 1` for a blank one as of pandas; raises if two are one.

    White space in them, such as line breaks, becomes one space, so that a name can be pasted.
    """
    names = list(map(one_line, names))
    if not any(names):
        raise ValueError(f"{file} has no columns. Name them in its first line.")
    counts = Counter(names)
    if twice := next((name for name in names if name and counts[name] > 1), None):
        count = "two" if counts[twice] == 2 else counts[twice]
        remedy = "one" if counts[twice] == 2 else f"all but one, as `{twice} 2`, `{twice} 3`"
        raise ValueError(f"{file} has {count} columns called `{twice}`. Rename {remedy}.")
    return [
        name or f"Unnamed: {at}" + ".1" * (f"Unnamed: {at}" in names)
        for at, name in enumerate(names)
    ]


def times(names: Sequence[str]) -> list[str]:
    """The names that are times, if most are and none repeats: a row is then a series.

    >>> times(["Country", "1990", "1991", "1992"])
    ['1990', '1991', '1992']
    >>> times(["day", "1", "2", "3"]), times(["2001", "1990", "2017"])
    ([], [])
    """
    found = [(name.strip(), frequency(name)) for name in names]
    dates = [name for name, each in found if each]
    frequencies = {each for _, each in found if each}
    if len(dates) < max(_FEW_TIMES, len(names) / 2) or len(frequencies) > 1:
        return []
    if frequencies == {"year"}:  # or plain numbers, unless they follow each other
        years = [int(name[:4]) for name in dates]
        if len(set(np.diff(years))) > 1 or min(years) < 1500 or max(years) > 2200:
            return []
    if len(set(dates)) < len(dates):
        return []
    return dates if len(dates) < len(names) else []


def labels(cells: pd.DataFrame) -> list[str]:
    """The columns, the one whose cells name each row first.

    >>> labels(pd.DataFrame({"state": ["", ""], "country": ["Chad", "Fiji"], "lat": ["15", "-18"]}))
    ['country', 'state', 'lat']
    """

    def naming(name: str) -> bool:
        texts = [str(cell).strip() for cell in cells[name]]
        return all(texts) and len({*texts}) == len(texts) and not all(map(is_value, texts))

    names = list(cells.columns)
    return sorted(names, key=lambda name: not naming(name))


def numbered(cells: pd.DataFrame) -> list[str]:
    """Names such as V2, V3, V4 of most columns, if the first names each row: a row is a series.

    >>> numbered(pd.DataFrame([["M1", *"3" * 12]], columns=[f"V{at}" for at in range(1, 14)]))[-1]
    'V13'
    """
    parts = [re.fullmatch(r"(\D*)(\d{1,18})", name) for name in cells.columns[1:]]
    found = [part for part in parts if part]
    if len(found) < max(_MANY_NUMBERED, 0.9 * len(parts)) or len({part[1] for part in found}) > 1:
        return []
    ids = cells.iloc[:, 0]
    follow = (np.diff([int(part[2]) for part in found]) == 1).all()
    text = numbers(ids).faults.all() and ids.is_unique
    return [part[0] for part in found] if follow and text else []


def months(cells: pd.DataFrame) -> list[str]:
    """The names of twelve columns that are months, or come after years in a table without names.

    >>> months(pd.DataFrame(columns=["Year", "Jan", "Feb", *"MAMJJASOND"]))
    []
    >>> years = pd.DataFrame([["1990", *"7" * 12], ["1991", *"7" * 12]])
    >>> months(years.set_axis([str(at) for at in range(13)], axis=1))[0]
    '1'
    """
    names = list(cells.columns)
    short = [month_name(name) for name in names]
    if "Jan" in short and short[(at := short.index("Jan")) : at + 12] == list(MONTHS):
        return names[at : at + 12]
    years = numbers(cells.iloc[:, 0]).values
    follow = len(years) > 1 and (np.diff(years) == 1).all() and (abs(years - 1900) < 400).all()
    counted = len(names) == 13 and all(name.isdecimal() for name in names[1:])
    return names[1:] if counted and follow else []


def in_rows(cells: pd.DataFrame, months: Sequence[str]) -> str:
    """That twelve columns are months, and how each month becomes a row.

    >>> years = pd.DataFrame([["1990", *"7" * 12], ["1991", *"7" * 12]])
    >>> years.columns = ["Year", *MONTHS]
    >>> in_rows(years, MONTHS).partition("row: ")[2].partition(". If")[0]
    "frame.melt(['Year'], frame.columns[1:13], 'month', 'value')"
    """
    others = [name for name in cells.columns if name not in months]
    years = [name for name in others if _are_years(cells[name])]
    span = f"`{months[0]}` to `{months[-1]}`"
    one = "If each month is a series, name its column."
    if not years:
        return (
            f"the columns {span} are months, and none holds their years. Write each value as a "
            f"row, with its date. {one}"
        )
    year = next((name for name in years if part_of(name) == "year"), years[0])
    days = [name for name in others if part_of(name) == "day"][:1]
    kept = ""
    if cells.duplicated([year, *days]).any():
        parts = [name for name in others if name not in (year, *days) and cells[name].nunique() > 1]
        texts = [name for name in parts if numbers(cells[name]).faults.any()]
        kept = "".join(f"Keep the rows of one `{name}`. " for name in (texts or parts)[:1])
    rename = "" if part_of(year) == "year" else f".rename(columns={{{year!r}: 'year'}})"
    first = list(cells.columns).index(months[0])
    columns = f"frame.columns[{first}:{first + 12}]"
    if months[0].isdecimal():  # a table without names
        rename, columns = ".set_axis(['year', *range(1, 13)], axis=1)", "range(1, 13)"
    keys = ["year" if rename else year, *days]
    return (
        f"each row is a {'day' if days else 'year'}, with a column for each month, {span}. {kept}"
        f"Write each month as a row: frame{rename}.melt({keys}, {columns}, 'month', 'value')"
        f"{'.dropna()' if days else ''}. {one}"
    )


def _are_years(cells: pd.Series) -> bool:
    years = numbers(cells)
    known = years.values[~np.isnan(years.values)]
    whole = (known % 1 == 0).all() and (abs(known - 1850) <= 350).all()
    return len(known) > 0 and not years.faults.any() and bool(whole)


def opens_name(line: str) -> bool:
    """Whether the last quote of a line stands at the beginning of a cell."""
    before = line[: line.rfind('"')]
    rest = before.rstrip()
    return not rest or rest[-1] in ",;|" or "\t" in before[len(rest) :]
