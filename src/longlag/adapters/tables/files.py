"""Files of tables as columns of cells: CSV in many forms, Excel, Parquet."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import math
import re
import shlex
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from longlag.adapters.tables import encodings, headers, lines, psl, workbook
from longlag.adapters.tables.cells import shortened, visible
from longlag.arrays import EXACT
from longlag.knobs import listed

if TYPE_CHECKING:
    import pyarrow.parquet

_SAMPLE = 200  # lines and rows for detecting the format of a file
_TOP = 20  # lines that may have names
_LARGEST = 1 << 30  # bytes, unpacked
_MOST_LINES = 10_000_000
_MOST_CELLS = 100_000_000
_MOST_VALUES = 1 << 30  # of a Parquet file: 8 GiB
_PART = 256  # rows that are read at a time where a cell may be of any length
_LINE_END = re.compile(r"\r\n|\n|\r")
_OF_SYSTEM = r"(^|/)(__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)"
_COMMENT = re.compile(r"\s*[#%](?!n/?a\b)", re.IGNORECASE)


class Cells(NamedTuple):
    """The cells of a file.

    Attributes:
        frame: A column of cells for each name, text if the file is text.
        rows: The name of each row, for messages: `line 3`, `row 3`.
        notes: Assumptions about the file.
        doubtful: The decimal mark if `1,234` may be 1.234 or 1234.
        semicolons: Whether they separate the cells.
    """

    frame: pd.DataFrame
    rows: Sequence[str]
    notes: tuple[str, ...] = ()
    doubtful: str = "."
    semicolons: bool = False


def load(file: Path, columns: Sequence[str] = ()) -> Cells:
    """The cells of a CSV, Excel or Parquet file, compressed (gz, bz2, xz, zip) or not.

    Args:
        file: The file. `.parquet`, `.pq` and `.xlsx` go by the suffix, any other is text.
        columns: Names of columns in the file.

    Raises:
        OSError: It cannot be read.
        ValueError: It has another format.
    """
    readers: dict[str, Callable[[Path], Cells]] = {
        ".parquet": _parquet,
        ".pq": _parquet,
        ".xlsx": _excel,
        ".xls": _excel,
    }
    if reader := readers.get(file.suffix.lower()):
        found = reader(file)
    else:
        text, notes = _decode(file)
        try:
            found = _text(file.name, visible(text), notes, columns)
        except csv.Error as error:
            raise ValueError(f"{file.name} is no CSV file: {error}.") from error
    return found._replace(frame=found.frame.apply(_shortened))


def _shortened(column: pd.Series) -> pd.Series:
    """A column whose texts are short, so that none takes regular expressions for ever."""
    if not _holds_texts(column):
        return column
    old = column.tolist()
    new = [shortened(cell) for cell in old]
    same = all(one is other for one, other in zip(old, new, strict=True))
    return column if same else pd.Series(new, column.index, dtype=object)


@contextlib.contextmanager
def _damage_of(message: str) -> Iterator[None]:
    """What libraries raise over a damaged file, which is of any type, as one line."""
    try:
        yield
    except (MemoryError, PermissionError):
        raise
    except Exception as error:
        why = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise ValueError(f"{message}: {why}.") from error


def _parquet(file: Path) -> Cells:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ValueError(
            "Parquet needs pyarrow. Use pip install 'longlag[parquet]', or a CSV file."
        ) from None
    pyarrow.array(pd.PeriodIndex([], freq="D"))  # so that pyarrow knows the periods of pandas
    damage = _damage_of(f"{file.name} is no Parquet file that can be read")
    with damage, pyarrow.parquet.ParquetFile(file) as stream:
        shape = stream.metadata.num_rows, stream.metadata.num_columns
        if math.prod(shape) > _MOST_VALUES:
            raise ValueError(f"{shape[0]:,} rows of {shape[1]:,} columns are too many")
        table = _within_memory(stream)
        whole = _has_large_numbers(table)  # which pandas rounds where others are missing
        try:
            frame = table.to_pandas(integer_object_nulls=whole)
        except Exception:  # of pandas metadata that does not fit its columns
            frame = table.to_pandas(ignore_metadata=True, integer_object_nulls=whole)
    return _from_frame(file.name, _with_index(frame))


def _has_large_numbers(table: pyarrow.Table) -> bool:
    """Whether columns of whole numbers, some of them missing, have any that reals round."""
    import pyarrow
    import pyarrow.compute

    for column in table.columns:
        if pyarrow.types.is_integer(column.type) and column.null_count:
            ends = pyarrow.compute.min_max(column)  # pyright: ignore[reportAttributeAccessIssue]
            if any(abs(end or 0) > EXACT for end in ends.as_py().values()):
                return True
    return False


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with each level of its index as a column, as in a CSV file; not plain row numbers."""
    index = frame.index
    if index.equals(pd.RangeIndex(len(frame))) and index.nlevels == 1 and index.name is None:
        return frame
    levels = [
        index.get_level_values(level).to_series(index=pd.RangeIndex(len(frame)))
        for level in range(index.nlevels)
    ]
    names = ["" if name is None else name for name in (*index.names, *frame.columns)]
    return pd.concat([*levels, frame.reset_index(drop=True)], axis=1).set_axis(names, axis=1)


def _within_memory(stream: pyarrow.parquet.ParquetFile) -> pyarrow.Table:
    """The table of a file, in parts, since few bytes may stand for very long texts or lists."""
    import pyarrow

    of, schema = pyarrow.types, stream.schema_arrow
    short = of.is_primitive, of.is_null, of.is_dictionary
    long = [at for at, kind in enumerate(schema.types) if not any(each(kind) for each in short)]
    if not long:
        return stream.read()
    parts, size = [], 0
    for part in stream.iter_batches(batch_size=_PART):
        size += sum(part.column(at).nbytes for at in long)
        if size > _LARGEST:
            names = listed([schema.names[at] for at in long])
            raise ValueError(f"texts and lists are larger than 1 GiB; leave out {names}")
        parts.append(part)
    return pyarrow.Table.from_batches(parts, schema)


def _excel(file: Path) -> Cells:
    with file.open("rb") as stream:
        start = stream.read(_PART)
    if start.strip() and b"\0" not in start and not start.lstrip().startswith(b"<"):
        raise ValueError(f"{file.name} is text, no Excel file. Rename it to {file.stem}.csv.")
    try:
        import openpyxl  # noqa: F401 - pandas uses it
    except ImportError:
        raise ValueError(
            "Excel files need openpyxl. Use pip install 'longlag[excel]', or save it as CSV."
        ) from None
    damaged = f"{file.name} is no Excel file of a table; save it as CSV"
    with _damage_of(damaged):
        far = workbook.far_cells(file)
    if far:
        raise ValueError(
            f"{file.name} has cells as far as {far}. Delete those far from the table, or save it "
            "as CSV."
        )
    quiet = warnings.catch_warnings(action="ignore")  # of parts of a workbook that are no cells
    with quiet, _damage_of(damaged), pd.ExcelFile(file, engine="openpyxl") as book:
        plain = {sheet: pd.read_excel(book, sheet, header=None) for sheet in book.sheet_names}
        sheet = max(
            plain, key=lambda name: workbook.likeness(plain[name])
        )  # the first of the likeliest
        cells = plain.pop(sheet)
        above, below = workbook.outside(cells)
        names = workbook.two_rows(cells, above)
        if names:
            frame = pd.read_excel(book, sheet, header=None, skiprows=above, skipfooter=below)
            frame.columns, above = names, above - 2
        else:
            frame = pd.read_excel(book, sheet, header=above, skipfooter=below)
    notes = [f"sheet `{sheet}`, not {', '.join(f'`{each}`' for each in plain)}"] if plain else []
    places = (f"{above} above" if above else "", f"{below} below" if below else "")
    if out := " and ".join(filter(None, places)):
        notes.append(f"rows left out, being none of the table: {out}")
    found = _from_frame(file.name, frame)
    first = above + (3 if names else 2)
    rows = [f"row {first + at}" for at in range(len(found.rows))] if above else found.rows
    _check_rows(f"{file.name}, sheet `{sheet}`" if plain else file.name, found.frame, rows)
    return found._replace(rows=rows, notes=tuple(notes))


def _holds_texts(column: pd.Series) -> bool:
    return pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)


def _from_frame(name: str, frame: pd.DataFrame) -> Cells:
    frame.columns = headers.unique(name, list(map(str, frame.columns)))
    for column in filter(lambda each: _holds_texts(frame[each]), frame.columns):
        plain = [
            cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell
            for cell in frame[column]
        ]
        plain = [visible(cell) if isinstance(cell, str) else cell for cell in plain]
        frame[column] = pd.Series(plain, frame.index, dtype=object)  # whole numbers as they are
    empty = frame.isna().all(axis=1).to_numpy()
    count = len(frame) - int(empty[::-1].cumprod().sum())
    return Cells(frame.iloc[:count].reset_index(drop=True), [f"row {i + 1}" for i in range(count)])


def _decode(file: Path) -> tuple[str, list[str]]:
    """The text of a file, uncompressed, and notes on assumptions."""
    with file.open("rb") as stream:
        start = stream.read(6)
    unpack: Callable[[Path], io.BufferedIOBase] = {
        b"\x1f\x8b": gzip.open,
        b"BZ": bz2.open,
        b"\xfd7": lzma.open,
    }.get(start[:2], lambda path: path.open("rb"))
    with _damage_of(f"{file.name} cannot be unpacked"):
        packed, notes = _only_member(file) if start[:2] == b"PK" else (unpack(file), [])
        with packed as stream:
            content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{file.name} is larger than 1 GiB unpacked. Use Parquet.")
    text, assumed = encodings.decoded(file.name, content)
    return text, [*notes, *assumed]


def _only_member(file: Path) -> tuple[io.BufferedIOBase, list[str]]:
    """The table of an archive, without what a system adds to it, and notes on what else it has."""
    archive = zipfile.ZipFile(file)
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    own = [name for name in names if not re.search(_OF_SYSTEM, name)]
    tables = own if len(own) == 1 else [name for name in own if _is_table(name)]
    if len(tables) != 1:
        raise ValueError(f"it holds {len(own)} files. Unpack it and name one.")
    others = [name for name in names if name != tables[0]]
    notes = [f"`{tables[0]}` of {len(names)} files, not {listed(others)}"] if others else []
    return archive.open(tables[0]), notes  # pyright: ignore[reportReturnType]


def _is_table(name: str) -> bool:
    """Whether a member of an archive is a table by its name, no metadata and no text about it."""
    last = name.rpartition("/")[2]
    ending = last.lower().rpartition(".")[2]
    about = re.match(r"(meta[ _-]?data|read_?me|licen[cs]e)", last, re.IGNORECASE)
    return ending in ("csv", "tsv", "txt", "dat", "tab") and not about


def _text(name: str, text: str, notes: list[str], columns: Sequence[str]) -> Cells:
    if "\0" in text:
        raise ValueError(f"{name} is no CSV file: it holds a zero byte. Save it as CSV.")
    if max(map(text.count, "\r\n")) > _MOST_LINES:
        raise ValueError(f"{name} has more than {_MOST_LINES:,} lines. Use Parquet.")
    if max(map(text.count, ",;\t|")) > _MOST_CELLS:
        raise ValueError(f"{name} has more than {_MOST_CELLS:,} cells. Use Parquet.")
    numbered = [(index + 1, line) for index, line in enumerate(_LINE_END.split(text))]
    if of_years := psl.months(numbered):
        frame, rows, note = of_years
        return Cells(frame, rows, (*notes, note))
    comments = [(at, line) for at, line in numbered if _COMMENT.match(line)]
    comment_lines = {at for at, _ in comments}
    rest = [(at, line) for at, line in numbered if at not in comment_lines]
    rest = _with_whole_names(rest)
    separator = lines.find_separator([line for _, line in rest if line.strip()][:_SAMPLE])
    header = None
    if comments:
        header, used = lines.names_above(comments, rest, separator)
        count = len(comments) - used
        if count:
            notes.append(f"{count} comment line{'s' if count > 1 else ''} left out")
    rest, outside = lines.body(name, rest, separator)
    notes += outside
    cells, line_numbers, uneven = lines.parse(name, rest, separator)
    notes += uneven
    if header is None and len(cells):
        first = [headers.one_line(str(cell)) for cell in cells.iloc[0]]
        places = [str(index + 1) for index in range(cells.shape[1])]
        # A place is no name, though the first row may hold the number.
        names = {*first} if first == places else {*first} - {*places}
        named = bool(columns) and {*columns} <= names
        if named or headers.is_header(cells.iloc[: _SAMPLE + 1]):
            header, cells = first, cells.iloc[1:].reset_index(drop=True)
            line_numbers = line_numbers[1:]
        else:
            header = places
            notes.append(f"no header: columns are called 1 to {len(header)}")
    header = [] if header is None else list(map(headers.one_line, header))
    count = headers.name_rows(header, cells)
    for _, row in cells.iloc[:count].iterrows():
        header = headers.joined(header, [cell.strip() for cell in row])
    if not count and len(cells) > 1 and headers.are_widths(cells.iloc[0]):
        notes.append(f"widths of columns in {line_numbers[0]} left out")
        count = 1
    cells, line_numbers = cells.iloc[count:].reset_index(drop=True), line_numbers[count:]
    cells.columns = headers.unique(name, header)
    blank = [each for each, old in zip(cells.columns[1:], header[1:], strict=True) if not old]
    cells = cells.drop(columns=[each for each in blank if not cells[each].str.strip().any()])
    _check_rows(name, cells, line_numbers)
    if separator not in ",\t":
        notes.insert(0, f"separated by {lines.SEPARATORS.get(separator, 'spaces')}")
    doubtful = "," if separator in ";\t|" else "."
    return Cells(cells, line_numbers, tuple(notes), doubtful, separator == ";")


def _with_whole_names(rest: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Lines of a file, those made one that hold a name in quotes with a line break."""
    for begin, (_, line) in enumerate(rest[:_TOP]):
        if line.count('"') % 2 == 0 or not headers.opens_name(line):
            continue
        for end in range(begin + 1, min(begin + _TOP, len(rest))):
            whole = " ".join(line for _, line in rest[begin : end + 1])
            if whole.count('"') % 2 == 0:
                joined = [*rest[:begin], (rest[end][0], whole), *rest[end + 1 :]]
                return _with_whole_names(joined)
    return rest


def _check_rows(file: str, cells: pd.DataFrame, rows: Sequence[str]) -> None:
    """Raises if the first rows have names, or text above numbers, such as units or tickers."""
    names = headers.names_below(cells)
    if names is not None and headers.hold_value(cells, names):
        kind, at = rows[names].split()
        cut = f": tail -n +{at} {shlex.quote(file)} > next.csv" if kind == "line" else "."
        raise ValueError(
            f"{file}: the names of the columns stand in {kind} {at}. Remove what is above it{cut}"
        )
    count = headers.text_rows(cells) if len(cells) > 1 else 0
    if count:
        kind, first = rows[0].split()
        last = rows[count - 1].split()[1]
        if names is None and not headers.are_names(cells, count):
            cut = f": tail -n +{int(last) + 1} {shlex.quote(file)} > next.csv"
            raise ValueError(
                f"{file}: what stands above {kind} {int(last) + 1} is no part of the table. Remove "
                f"it{cut if kind == 'line' else '.'}"
            )
        span = f"{kind}s {first} {'and' if count == 2 else 'to'} {last}" if count > 1 else rows[0]
        it = "them" if count > 1 else "it"
        lowest = cells.iloc[count - 1].astype(str).str.strip()
        either = "" if names is None else f", or what is above {it}"
        if count > 1 and lowest.all() and lowest.is_unique and not headers.holds_value(lowest):
            either = f", or what is above {kind} {last} if that has the names"
        raise ValueError(
            f"{file}: {span} {'have' if count > 1 else 'has'} text where the columns have numbers "
            f"or dates. Remove {it}{either}: names stand in one {kind}."
        )
