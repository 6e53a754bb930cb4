"""Tables: columns of numbers from a CSV, Excel or Parquet file, in the order of time."""

from __future__ import annotations

import functools
import math
import os
import re
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from longlag.adapters.tables import (
    asked,
    cells,
    codes,
    day_rows,
    files,
    headers,
    measured,
    ordered,
    quality,
    same,
    times,
    unknown,
    words,
)
from longlag.adapters.tables.same import Duplicates
from longlag.answers.format import counted
from longlag.arrays import ROUNDED
from longlag.knobs import listed

_MAX_FAULTS = 0.5  # largest share of faulty cells in a column of numbers
_WIDE = 5  # columns to a row of a table that is probably the wrong way round
_TOTAL = r"\s*(grand |sub)?(total|totals|sum|summe|gesamt|insgesamt|mittelwert|somme)\b"
_MAX_LENGTH = 60  # characters of a cell in a message


class Table(NamedTuple):
    """Columns of a file.

    Attributes:
        values: `(row, column)`, in the order of time, NaN where a value is missing.
        names: Names of the columns.
        notes: Assumptions about the file, and changes to it.
        warnings: Suspicious values: they may be codes for missing ones.
        seasons: Rows in a day, a week, a year, from the step of time.
        left_out: Columns that a few words keep from being numbers, and that are as likely measured
            as the others, each with what it holds and the flags to have it.
    """

    values: Float[np.ndarray, "row column"]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seasons: tuple[int, ...] = ()
    left_out: Mapping[str, str] = types.MappingProxyType({})


@np.errstate(over="ignore", invalid="ignore")  # numbers near the largest are refused by name
def read(
    path: str | os.PathLike[str],
    columns: Sequence[str] = (),
    *,
    time: str | Literal[False] | None = None,
    missing_codes: Sequence[float | str] = (),
    decimal: Literal[".", ","] | None = None,
    duplicates: Duplicates = "refuse",
) -> Table:
    """Columns of a CSV, Excel or Parquet file, in the order of time.

    Args:
        path: The file: `.xlsx` (extra `excel`), `.parquet` (extra `parquet`), else CSV, compressed
            or not. Separator, encoding, header, comments, decimal mark and separators between
            thousands are detected. Empty rows are dropped, unless there is only one column.
        columns: Their names; by default all columns of numbers with a name, without the time.
        time: The column of times; detected by default. False takes the rows in the order of the
            file. Else rows are sorted by time, and where its step is regular, absent rows are
            added with missing values.
        missing_codes: Numbers and words that mean a missing value, such as -999 or `Ice`.
        decimal: The decimal mark; detected by default.
        duplicates: For rows of the same time: refuse, or take their mean, the first or the last.

    Returns:
        The values, names of columns, notes and warnings.

    Raises:
        ValueError: There is no such file or column, a value is not a number, or a row has no
            time. The message names the place.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "data.csv"
    >>> days = "2024-01-05,4\\n2024-01-04,3.5\\n2024-01-02,\\n2024-01-01,3\\n"
    >>> _ = path.write_text("day,warmth\\n" + days)
    >>> table = read(path, ["warmth"])
    >>> table.names, table.values.tolist()
    (('warmth',), [[3.0], [nan], [nan], [3.5], [4.0]])
    >>> table.notes[1]
    'rows put in the order of `day`: the file has the newest first'
    """
    file = Path(path)
    if not os.path.isfile(file):  # nor can its name be too long
        raise ValueError(f"There is no file {path}.")
    columns = list(map(headers.one_line, columns))
    if len(set(columns)) < len(columns):
        raise ValueError(f"{file.name}: a column is named twice. Name each once.")
    for code in missing_codes:
        if not isinstance(code, str) and not math.isfinite(code):
            raise ValueError(
                f"--missing-code must be a finite number, got {code}. Leave it out: cells such as "
                "nan are read as missing."
            )
    try:
        content = files.load(file, columns)
        return _columns(file, content, columns, time, missing_codes, decimal, duplicates)
    except OSError as error:
        raise ValueError(f"{file.name} cannot be read: {error.strerror or error}.") from error
    except MemoryError as error:
        raise MemoryError(f"{file.name} is too large a table to be read") from error


def _columns(
    file: Path,
    content: files.Cells,
    columns: Sequence[str],
    time: str | Literal[False] | None,
    missing_codes: Sequence[float | str],
    decimal: Literal[".", ","] | None,
    duplicates: Duplicates,
) -> Table:
    """The columns of the cells of a file, as `read` describes them."""
    frame, rows, notes = content.frame, content.rows, list(content.notes)
    if not len(frame):
        how = f" Read with: {'; '.join(notes)}." if notes else ""
        raise ValueError(f"{file.name} has no rows of data.{how}")
    numbers = [code for code in missing_codes if not isinstance(code, str)]
    time = headers.one_line(time) if time else time
    if named := {cells.visible(code).strip() for code in missing_codes if isinstance(code, str)}:
        found = frame.map(_text).isin(named)
        if not found.any(axis=None):
            raise ValueError(
                f"--missing-code: no cell of {file.name} is `{sorted(named)[0]}`. Leave it out."
            )
        frame = frame.mask(found, "")
    if (twice := headers.repeated(frame)).any():
        more = f" and {counted(int(twice.sum()) - 1, 'row')} more" if twice.sum() > 1 else ""
        notes.append(f"{rows[int(twice.argmax())]}{more} left out: the names again")
        frame = frame[~twice].reset_index(drop=True)
        rows = [row for row, again in zip(rows, twice, strict=True) if not again]
    frame, coded = quality.parted(frame)
    names = list(frame.columns)
    unnamed = [name for at, name in enumerate(names) if name.startswith(f"Unnamed: {at}")]
    if len(frame) > 1 and _is_total(frame.iloc[-1, 0]) and not _is_total(frame.iloc[-2, 0]):
        notes.append(f"{rows[len(frame) - 1]} left out: `{str(frame.iloc[-1, 0]).strip()}`")
        frame = frame.iloc[:-1]
    columns = _named(file, columns, names)
    when = None if time is False else times.find(frame, rows, time)
    along = headers.times(names)
    kind = "times" if along else "numbered"
    along = along or (headers.numbered(frame) if when is None else [])
    if not columns and (each := headers.months(frame)):
        raise ValueError(f"{file.name}: {headers.in_rows(frame, each)}")
    if when and not columns and (each := day_rows.hours(names, when)):
        raise ValueError(f"{file.name}: {day_rows.in_rows(frame, each, when)}")
    if along and not columns and time is None and when is None:
        label, *others = headers.labels(frame.drop(columns=along)) or [names[0]]
        drop = f"drop(columns={others})." if others else ""
        raise ValueError(
            f"{file.name}: the names of columns are {kind}, {along[0]} to {along[-1]}: each row is "
            "a series. Write each as a column, and each time as a row: pandas' "
            f"{drop}set_index({label!r}).T does."
        )

    @functools.cache
    def read(name: str, decimal: str | None, doubtful: str, points: str) -> cells.Numbers:
        return cells.numbers(
            frame[name], decimal=decimal, doubtful=doubtful, points=points, commas=commas
        )

    german = _has_german_dates(frame)
    commas = "," if german else "."
    mark = decimal or _decimal(names, read, content.doubtful)
    points = "," if content.semicolons or german else "."
    by_name = {name: read(name, mark, content.doubtful, points) for name in (columns or names)}
    chosen = list(columns) or [
        name
        for name, column in by_name.items()
        if column.holds_numbers
        and not (when and (name in when.columns or times.repeats(when, name, column.values)))
        and not _is_index(frame, name, column)
    ]
    known = {name: _without(by_name[name].values, numbers) for name in by_name}
    if not columns:
        chosen = [name for name in chosen if name not in unnamed] or chosen
        inexact = [name for name in chosen if cells.rounded(frame[name], known[name]) is not None]
        if len(inexact) < len(chosen):
            chosen = [name for name in chosen if name not in inexact]
            notes += [f"column `{name}` left out: {ROUNDED}" for name in inexact]
        worded = [name for name in by_name if words.among(by_name[name], frame[name])]
        if worded and all(measured.is_doubtful(each, by_name[each].values) for each in chosen):
            chosen = worded[:1]  # which is refused below, with its words
    if not chosen:
        faulty = [each for each in by_name if 0 < by_name[each].faults.mean() <= _MAX_FAULTS]
        if faulty:
            fault = _fault(faulty[0], by_name[faulty[0]], frame[faulty[0]], rows)
            raise ValueError(f"{file.name}: {fault}")
        how = f" Read with: {'; '.join(notes)}." if notes else ""
        for name in names if when is None else [each for each in names if each not in when.columns]:
            if found := words.units(frame[name][~cells.missing(frame[name])]):
                one = ", all in one unit" * (len(found) > 1)
                how = f" Write `{name}` without {listed(found)} after its numbers{one}."
                break
        raise ValueError(f"{file.name} has no column of numbers. It has {listed(names)}.{how}")
    left_out: dict[str, str] = {}
    if not columns:
        kept_out = _kept_out(by_name, frame)
        notes += _left_out(kept_out, by_name, frame, rows)
        least = min(measured.doubts(name, by_name[name].values) for name in chosen)
        left_out = {
            name: _fault(name, by_name[name], frame[name], rows, words.flag("--column", name))
            for name in kept_out
            if not (when and name in when.columns)
            if measured.doubts(name, by_name[name].values) <= least
        }
    for name in chosen:
        if by_name[name].faults.any():
            fault = _fault(name, by_name[name], frame[name], rows)
            raise ValueError(f"{file.name}: {fault}")
        if (row := cells.rounded(frame[name], known[name])) is not None:
            cell = str(frame[name].iloc[row]).strip()
            raise ValueError(
                f"{file.name}: `{name}` has {cell} in {rows[row]}. {ROUNDED.capitalize()}, or "
                "name another column."
            )
        parted = [coded[name]] if name in coded else []
        notes += [f"`{name}`: {note}" for note in (*parted, *by_name[name].notes)]
    values = np.stack([known[name] for name in chosen], axis=1)
    seasons: tuple[int, ...] = ()
    if when is None and time is None:
        same.refuse_blocks(frame)
        unknown.refuse_series(frame)
        notes.append("no time column: rows taken in the order of the file")
    elif when is not None and set(when.columns) & set(columns):
        notes.append("rows taken in the order of the file: their time is among the columns")
    elif when is not None:
        order = ordered.order(when, rows, frame, duplicates, chosen, columns, known)
        notes += order.notes
        seasons = order.seasons
        values = ordered.values(values, order)
    warnings = _warnings(values, chosen)
    if along:
        warnings.append(
            f"the names of columns are {kind}, {along[0]} to {along[-1]}: if a row is a series, "
            "write each as a column"
        )
    elif len(names) > _WIDE * len(frame):
        warnings.append(
            f"{file.name} has {len(names):,} columns, but {len(frame):,} rows: if a row is a "
            "series, write each as a column"
        )
    if time is None and not along:
        warnings += times.doubts(frame, when)
    return Table(values, tuple(chosen), tuple(notes), tuple(warnings), seasons, left_out)


def _named(file: Path, columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns that are asked for, by their whole names."""
    found = []
    for name in columns:
        if (whole := asked.column(name, names)) is None:
            rule = f"{file.name} has no column"
            raise ValueError(asked.unknown(rule, name, names, "--column"))
        if whole in found:
            raise ValueError(f"{file.name}: `{whole}` is named twice. Name each once.")
        found.append(whole)
    return found


def _decimal(
    names: Sequence[str], read: Callable[..., cells.Numbers], doubtful: str
) -> Literal[".", ","] | None:
    """The decimal mark of all columns if it is certain in one, a comma before a point; or None."""
    for name in names:
        if {"decimal commas", "points between thousands"} & {*read(name, None, ".", ".").notes}:
            return ","
    if doubtful == ",":  # where `1,234` alone would be 1.234
        for name in names:
            notes = read(name, None, doubtful, ".").notes
            if any(note.startswith("commas between thousands") for note in notes):
                return "."
    return None


def _has_german_dates(frame: pd.DataFrame) -> bool:
    """Whether the first row has a date such as 31.12.2024."""
    return any(re.match(r"\d{1,2}\.\d{1,2}\.\d{2,4}\b", str(cell)) for cell in frame.iloc[0])


def _is_total(cell: object) -> bool:
    """Whether the first cell of a row says that it adds up the others."""
    return bool(re.match(_TOTAL, str(cell), re.IGNORECASE))


def _kept_out(by_name: dict[str, cells.Numbers], frame: pd.DataFrame) -> list[str]:
    """Columns of numbers but for a few cells, or for one code."""
    return [
        name
        for name, column in by_name.items()
        if not np.isnan(column.values).all()
        if 0 < column.faults.mean() < words.FEW_FAULTS or words.among(column, frame[name])
    ]


def _left_out(
    names: Sequence[str],
    by_name: dict[str, cells.Numbers],
    frame: pd.DataFrame,
    rows: Sequence[str],
) -> list[str]:
    """Notes on columns that are left out, which none may miss."""
    notes = []
    for name in names:
        row = int(by_name[name].faults.argmax())
        cell = str(frame[name].iloc[row])[:_MAX_LENGTH]
        notes.append(f"column `{name}` left out: {cell!r} in {rows[row]} is no number")
    return notes


def _without(values: np.ndarray, codes: Sequence[float]) -> np.ndarray:
    """A column whose missing values are not written as codes."""
    missing = [np.isclose(values, code, rtol=1e-9) for code in codes]
    return np.where(np.any(missing, axis=0), np.nan, values) if missing else values


def _text(cell: object) -> str:
    return str(cell).strip()


def _is_index(frame: pd.DataFrame, name: str, column: cells.Numbers) -> bool:
    """Whether a column is an index: the first of several, with the numbers of the rows."""
    first = name == frame.columns[0] and len(frame.columns) > 1
    return first and len(frame) > 2 and bool((np.diff(column.values) == 1).all())


def _fault(
    name: str, column: cells.Numbers, text: pd.Series, rows: Sequence[str], chooses: str = ""
) -> str:
    """What keeps a column from being numbers, and what to do; `chooses` is the flag to have it."""
    row = int(np.flatnonzero(column.faults)[0])
    cell = text.iloc[row]
    cell = repr(cell.item() if isinstance(cell, np.generic) else cell)
    cell = cell if len(cell) <= _MAX_LENGTH else f"{cell[:_MAX_LENGTH]}…"
    if cells.per_cent_mixed(text.fillna("").astype(str).str.strip()).iloc[row]:
        return (
            f"`{name}` has a per cent sign in some cells only, unlike {rows[row]}: {cell}. Write "
            "all in one unit, or name another column."
        )
    found = words.among(column, text)
    flags = f"{chooses} {words.missing_codes(found)}".strip()
    if found and all(map(words.is_limit, found)):
        told = listed([f"{word!r} ({count:,})" for word, count in found.items()])
        return (
            f"`{name}` has values beyond a limit, the first in {rows[row]}: {told}. Write a number "
            f"for each, or make them missing: use {flags}."
        )
    if found and column.faults.sum() > 1:
        told = ", ".join(f"{word!r} ({count:,})" for word, count in found.items())
        return (
            f"`{name}` has words among its numbers, the first in {rows[row]}: {told}. If they "
            f"stand for missing values, use {flags}; else name another column."
        )
    units = ", remove the row if it has units" if row == 0 else ""
    code = f", use {flags}" if found else ""
    return (
        f"`{name}` is no number in {rows[row]}: {cell}. Leave the cell empty where a value is "
        f"missing{code}{units}, or name another column."
    )


def _warnings(values: np.ndarray, names: Sequence[str]) -> list[str]:
    return [
        f"`{name}` holds {code:g} {count} times, outside its other values: if it stands for a "
        f"missing value, use --missing-code {code:g}"
        for name, column in zip(names, values.T, strict=True)
        for code, count in codes.suspected(column).items()
    ]
