"""Tables: columns of numbers from a CSV, Excel or Parquet file, in the order of time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from longlag.adapters.tables import cells, codes, files, times
from longlag.adapters.tables.times import Duplicates
from longlag.knobs import unknown_name

_FAULTS = 0.5  # of its cells, at the most, in a column that is meant to hold numbers
_LONGEST = 60  # characters of a cell that is no number, in a message


class Table(NamedTuple):
    """Columns of a file.

    Attributes:
        values: `(row, column)`, in the order of time, NaN where one is missing.
        names: Names of the columns.
        notes: What was assumed of the file, and what was changed.
        warnings: What looks wrong: values that may be codes for missing ones.
        seasons: Rows in a day, a week, a year, as far as the step of time suggests them.
    """

    values: Float[np.ndarray, "row column"]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seasons: tuple[int, ...] = ()


def read(
    path: str | os.PathLike[str],
    columns: Sequence[str] = (),
    *,
    time: str | Literal[False] | None = None,
    missing_codes: Sequence[float] = (),
    decimal: Literal[".", ","] | None = None,
    duplicates: Duplicates = "refuse",
) -> Table:
    """Columns of a CSV, Excel or Parquet file, in the order of time.

    Args:
        path: The file: `.xlsx` (extra `excel`), `.parquet` (extra `parquet`), else CSV, packed or
            not. Separator, encoding, header, comments, decimal mark and separators between
            thousands are found. Empty rows are left out, unless there is but one column.
        columns: Their names; by default all that have a name and hold numbers, but the time.
        time: The column that says when each row was; found by default. False takes the rows in
            the order of the file. Rows are put in the order of time, and where its step is
            regular, those that lack are filled in as missing.
        missing_codes: Numbers that stand for a missing value, such as -999.
        decimal: The decimal mark; found by default.
        duplicates: Of rows of the same time: refuse, or take their mean, the first or the last.

    Raises:
        ValueError: There is no such file or column, a value is no number, a row has no time: which,
            and where.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "data.csv"
    >>> _ = path.write_text("day,warmth\\n2024-01-04,3.5\\n2024-01-02,\\n2024-01-01,3\\n")
    >>> table = read(path, ["warmth"])
    >>> table.names, table.values.tolist()
    (('warmth',), [[3.0], [nan], [nan], [3.5]])
    >>> table.notes[0]
    'rows put in the order of `day`: the file has the newest first'
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"There is no file {path}.")
    if len(set(columns)) < len(columns):
        raise ValueError(f"{file.name}: a column is named twice. Name each once.")
    try:
        held = files.load(file, columns)
    except OSError as error:
        raise ValueError(f"{file.name} cannot be read: {error.strerror or error}.") from error
    frame, rows, notes = held.frame, held.rows, list(held.notes)
    names = [name for name in frame.columns if name]
    if not len(frame):
        raise ValueError(f"{file.name} has no rows of data.")
    for name in columns:
        if name not in names:
            raise ValueError(unknown_name(f"{file.name} has no column", name, names))
    when = None if time is False else times.find(frame[names], time)
    mark = decimal or _decimal(frame[names])
    found = {
        name: cells.numbers(frame[name], decimal=mark, doubtful=held.doubtful)
        for name in (columns or names)
    }
    chosen = list(columns) or [
        name
        for name, column in found.items()
        if column.holds_numbers
        and not (when and name in when.columns)
        and not _counts(frame, name, column)
    ]
    if not chosen:
        nearly = [each for each in found if 0 < found[each].faults.mean() < _FAULTS]
        if nearly:
            raise ValueError(_fault(file, nearly[0], found[nearly[0]], frame[nearly[0]], rows))
        raise ValueError(f"{file.name} has no column of numbers. It has {', '.join(names)}.")
    for name in chosen:
        if found[name].faults.any():
            raise ValueError(_fault(file, name, found[name], frame[name], rows))
        notes += [f"`{name}`: {note}" for note in found[name].notes]
    values = np.stack([found[name].values for name in chosen], axis=1)
    for code in missing_codes:
        values[np.isclose(values, code, rtol=1e-9)] = np.nan
    seasons: tuple[int, ...] = ()
    if when is not None and not set(when.columns) & set(columns):
        order = times.in_order(when, rows, frame, duplicates)
        notes += order.notes
        seasons = order.seasons
        values = _ordered(values, order)
    return Table(values, tuple(chosen), tuple(notes), tuple(_warnings(values, chosen)), seasons)


def _decimal(frame: pd.DataFrame) -> Literal[","] | None:
    """A comma where one column has decimal commas beyond doubt: then all have."""
    for name in frame.columns:
        if "decimal commas" in cells.numbers(frame[name]).notes:
            return ","
    return None


def _counts(frame: pd.DataFrame, name: str, column: cells.Numbers) -> bool:
    """Whether a column is an index: the first of several, and counts the rows."""
    first = name == frame.columns[0] and len(frame.columns) > 1
    return first and len(frame) > 2 and bool((np.diff(column.values) == 1).all())


def _fault(
    file: Path, name: str, column: cells.Numbers, held: pd.Series, rows: Sequence[str]
) -> str:
    row = int(np.flatnonzero(column.faults)[0])
    cell = held.iloc[row]
    cell = repr(cell.item() if isinstance(cell, np.generic) else cell)
    cell = cell if len(cell) <= _LONGEST else f"{cell[:_LONGEST]}…"
    return (
        f"{file.name}: `{name}` is no number in {rows[row]}: {cell}. Leave the cell empty where a "
        "value is missing, or name another column."
    )


def _ordered(values: np.ndarray, order: times.Order) -> np.ndarray:
    rows = np.full((len(order.rows), values.shape[1]), np.nan)
    there = order.rows >= 0
    rows[there] = values[order.rows[there]]
    if order.merged is not None:
        for row in np.flatnonzero(there):
            same = values[order.merged[row]]
            for column in range(same.shape[1]):
                known = same[:, column][~np.isnan(same[:, column])]
                rows[row, column] = known.mean() if len(known) else np.nan
    return rows


def _warnings(values: np.ndarray, names: Sequence[str]) -> list[str]:
    return [
        f"`{name}` holds {code:g} {count} times, far outside its other values: if it stands for a "
        f"missing value, use --missing-code {code:g}"
        for name, column in zip(names, values.T, strict=True)
        for code, count in codes.suspected(column).items()
    ]
