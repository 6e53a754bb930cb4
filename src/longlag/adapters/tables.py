"""Tables: columns of numbers from a CSV or Parquet file, in the order of its rows."""

from __future__ import annotations

import csv
import decimal
import io
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from longlag.knobs import unknown_name

MISSING = frozenset({"", "na", "n/a", "#na", "#n/a", "<na>", "nan", "null", "none", "?", "-"})
"""What stands in a file where a value is missing, in small letters."""


_SHOWN = 60  # characters of a cell that is no number


class Table(NamedTuple):
    """Columns of a file.

    Attributes:
        values: `(row, column)`, NaN where one is missing.
        names: Names of the columns.
    """

    values: Float[np.ndarray, "row column"]
    names: tuple[str, ...]


class _File(NamedTuple):
    """Cells of a file, column by column, and what to call the place of each row."""

    columns: dict[str, Sequence[object]]
    places: Sequence[str]


def read(path: str | os.PathLike[str], columns: Sequence[str] = ()) -> Table:
    """Columns of a CSV or Parquet file.

    Args:
        path: The file; Parquet where its name ends so (extra `parquet`), else CSV with a header,
            separated by commas, semicolons or tabs. Empty lines are skipped, unless there is but
            one column: there they are missing values, but for those at the end.
        columns: Their names; by default all that have a name and hold numbers.

    Raises:
        ValueError: There is no such file or column, or a value is no number: which, and where.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "data.csv"
    >>> _ = path.write_text("day,warmth\\nmonday,3.5\\ntuesday,\\n")
    >>> table = read(path, ["warmth"])
    >>> table.names, table.values.tolist()
    (('warmth',), [[3.5], [nan]])
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"There is no file {path}.")
    try:
        held = (_parquet if file.suffix.lower() in (".parquet", ".pq") else _csv)(file)
    except OSError as error:
        raise ValueError(f"{file.name} cannot be read: {error.strerror or error}.") from error
    names = [name for name in held.columns if name]
    if not held.places:
        raise ValueError(f"{file.name} has no rows of data.")
    for name in columns:
        if name not in names:
            raise ValueError(unknown_name(f"{file.name} has no column", name, names))
    if len(set(columns)) < len(columns):
        raise ValueError(f"{file.name}: a column is named twice. Name each once.")
    if not columns and all(_number(name) is not None for name in names):
        raise ValueError(
            f"{file.name} begins with numbers: {', '.join(names)}. Name its columns in its first "
            "line, or name one of these if they are names."
        )
    chosen = list(columns) or [name for name in names if _holds_numbers(held.columns[name])]
    if not chosen:
        raise ValueError(f"{file.name} has no column of numbers. It has {', '.join(names)}.")
    values = [_numbers(file, name, held) for name in chosen]
    return Table(np.stack(values, axis=1), tuple(chosen))


def _csv(file: Path) -> _File:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            text = opened.read()
        separator = max(",;\t", key=lambda each: len(next(_rows(text, each), (0, []))[1]))
        (_, header), *rows = list(_rows(text, separator)) or [(1, [])]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file.name} is no CSV file in UTF-8: {error.reason} at byte {error.start}. Save it "
            "as UTF-8."
        ) from error
    except csv.Error as error:
        raise ValueError(f"{file.name} is no CSV file: {error}.") from error
    names = [name.strip() for name in header]
    _check_names(file, names)
    if len(names) > 1:
        rows = [(line, row) for line, row in rows if row]
    else:
        rows = [(line, row or [""]) for line, row in rows]
    for line, row in rows:
        if len(row) != len(names):
            raise ValueError(
                f"{file.name}: line {line} has {_counted(len(row), 'cell')}, its header "
                f"{len(names)}. Write one for each name."
            )
    columns = zip(*(row for _, row in rows), strict=True) if rows else [[] for _ in names]
    return _File(dict(zip(names, columns, strict=True)), [f"line {line}" for line, _ in rows])


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The line that each row ends at, and its cells: none for an empty line between others."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    empty: list[int] = []
    begun = False
    for row in reader:
        if not row or (len(row) == 1 and row[0].isspace()):
            empty.append(reader.line_num)
            continue
        if begun:
            yield from ((line, []) for line in empty)
        begun, empty = True, []
        yield reader.line_num, row


def _parquet(file: Path) -> _File:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ValueError(
            "Parquet needs pyarrow. Use pip install 'longlag[parquet]', or a CSV file."
        ) from None
    try:
        with pyarrow.parquet.ParquetFile(file) as opened:
            table = opened.read()
    except pyarrow.ArrowException as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{file.name} is no Parquet file: {said}.") from error
    _check_names(file, table.column_names)
    cells = {name: table[name].to_pylist() for name in table.column_names}
    return _File(cells, [f"row {row + 1}" for row in range(table.num_rows)])


def _check_names(file: Path, names: Sequence[str]) -> None:
    if not any(names):
        raise ValueError(f"{file.name} has no columns. Name them in its first line.")
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise ValueError(f"{file.name} has two columns called `{twice}`. Rename one.")


def _number(cell: object) -> float | None:
    """A cell as a number, NaN where the value is missing; None where it is neither."""
    if cell is None:
        return float("nan")
    if isinstance(cell, str):
        if cell.strip().lower() in MISSING:
            return float("nan")
        if "_" in cell:  # which Python would read past
            return None
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | decimal.Decimal):
        return None
    try:
        number = float(cell)
    except (ValueError, OverflowError):
        return None
    return None if math.isinf(number) else number


def _holds_numbers(cells: Sequence[object]) -> bool:
    numbers = [_number(cell) for cell in cells]
    return None not in numbers and not np.isnan(np.array(numbers, float)).all()


def _numbers(file: Path, name: str, held: _File) -> Float[np.ndarray, " row"]:
    cells = held.columns[name]
    numbers = [_number(cell) for cell in cells]
    if None in numbers:
        row = numbers.index(None)
        shown = repr(cells[row])
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        raise ValueError(
            f"{file.name}: `{name}` is no number in {held.places[row]}: {shown}. Leave the cell "
            "empty where a value is missing, or name another column."
        )
    return np.array(numbers, dtype=np.float64)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
