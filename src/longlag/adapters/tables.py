"""Tables: columns of numbers from a CSV or Parquet file, in the order of its rows."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from longlag.knobs import unknown

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
"""What stands in a file where a value is missing, in small letters."""

_ASIDE = 65536  # characters from which the separator is told


class Table(NamedTuple):
    """Columns of a file.

    Attributes:
        values: `(row, column)`, NaN where one is missing.
        names: Names of the columns.
    """

    values: Float[np.ndarray, "row column"]
    names: tuple[str, ...]


def read(path: str | os.PathLike[str], columns: Sequence[str] = ()) -> Table:
    """Columns of a CSV or Parquet file.

    Args:
        path: The file; Parquet where its name ends so (extra `parquet`), else CSV with a header,
            separated by commas, semicolons or tabs.
        columns: Their names; by default all that hold numbers.

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
    read_file = _parquet if file.suffix.lower() in (".parquet", ".pq") else _csv
    names, cells = read_file(file)
    for name in columns:
        if name not in names:
            raise ValueError(unknown(f"{file.name} has no column", name, names))
    if len(set(columns)) < len(columns):
        raise ValueError(f"{file.name}: a column is named twice. Name each once.")
    chosen = list(columns) or [name for name in names if _holds_numbers(cells[name])]
    if not chosen:
        raise ValueError(f"{file.name} has no column of numbers. It has {', '.join(names)}.")
    values = [_numbers(file, name, cells[name]) for name in chosen]
    return Table(np.stack(values, axis=1), tuple(chosen))


def _csv(file: Path) -> tuple[list[str], dict[str, list[str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            head = lines.readline()
            lines.seek(0)
            separator = max(",;\t", key=head.count)
            rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{file.name} is no CSV file: {error}.") from error
    if len(rows) < 2:
        raise ValueError(f"{file.name} has no rows below its header.")
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{file.name} has two columns called `{twice}`. Rename one.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise ValueError(
                f"{file.name}: line {number} has {len(row)} cells, its header {len(names)}."
            )
    columns = zip(*rows[1:], strict=True)
    return names, dict(zip(names, map(list, columns), strict=True))


def _parquet(file: Path) -> tuple[list[str], dict[str, list[object]]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ValueError(
            "Parquet needs pyarrow. Use pip install 'longlag[parquet]', or a CSV file."
        ) from None
    try:
        table = pyarrow.parquet.read_table(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{file.name} is no Parquet file: {error}.") from error
    return table.column_names, {name: table[name].to_pylist() for name in table.column_names}


def _number(cell: object) -> float | None:
    """A cell as a number, NaN where the value is missing; None where it is neither."""
    if cell is None:
        return float("nan")
    if isinstance(cell, str):
        if cell.strip().lower() in MISSING:
            return float("nan")
        try:
            return float(cell)
        except ValueError:
            return None
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else None


def _holds_numbers(cells: Sequence[object]) -> bool:
    numbers = [_number(cell) for cell in cells]
    return None not in numbers and not np.isnan(np.array(numbers, float)).all()


def _numbers(file: Path, name: str, cells: Sequence[object]) -> Float[np.ndarray, " row"]:
    numbers = [_number(cell) for cell in cells]
    if None in numbers:
        row = numbers.index(None)
        raise ValueError(
            f"{file.name}: `{name}` is no number in row {row + 1}: {cells[row]!r}. Leave the cell "
            "empty where a value is missing, or name another column."
        )
    return np.array(numbers, dtype=np.float64)
