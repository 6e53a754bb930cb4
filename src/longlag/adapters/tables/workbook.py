"""Excel files: how far apart their cells are, and where the table stands among them."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path
from xml.parsers import expat

import numpy as np
import pandas as pd

from longlag.adapters.tables import headers
from longlag.adapters.tables.cells import is_code

_ROWS = 2**20  # of a sheet of Excel
_CELLS = 2**26  # of a sheet, those between others counted
_LARGEST = 1 << 30  # bytes, unpacked
_ELEMENTS = 2**25  # of XML
_PIECE = 1 << 20  # bytes that are parsed at a time
_IDLE = 1 << 25  # bytes of XML without an element; expat reads them again with each piece


def far_cells(file: Path) -> str:
    """The place of cells so far apart that those between would fill the memory; empty for none.

    Raises:
        ValueError: It is larger than any table, or defines entities.
        expat.ExpatError: A part of it is damaged.
    """
    if not zipfile.is_zipfile(file):  # an old .xls, or damaged
        return ""
    places = _Places()
    with zipfile.ZipFile(file) as parts:
        if sum(part.file_size for part in parts.infolist()) > _LARGEST:
            raise ValueError("it has more than 1 GiB, unpacked")
        for part in parts.infolist():
            places.read(parts, part)
            if places.far:
                return places.far
    return ""


def likeness(cells: pd.DataFrame) -> int:
    """How like a table a sheet is: 2 with a column mostly of numbers beside another, 1, or 0."""
    if min(cells.shape) < 2:
        return 0
    numeric = cells.map(lambda cell: isinstance(cell, (int, float)) and cell == cell)
    beside = cells.notna().sum(axis=1) > 1
    return 1 + bool((numeric[beside].mean() > 0.5).any())


def outside(cells: pd.DataFrame) -> tuple[int, int]:
    """The number of rows of a title above a table, and of a footnote of one text below it."""
    counts = cells.notna().sum(axis=1).to_numpy()
    usual = int(pd.Series(counts[counts > 0]).mode().max()) if counts.any() else 0
    if usual < 2:
        return 0, 0
    end = len(counts)
    while counts[end - 1] == 0 or (counts[end - 1] == 1 and _is_remark(cells.iloc[end - 1])):
        end -= 1
    above = int(np.argmax(counts >= usual))
    if above and counts[above - 1] == usual - 1 and bool(cells.isna().iloc[above - 1, 0]):
        above -= 1  # a header without a name for its index
    return above, len(counts) - end


def _is_remark(row: pd.Series) -> bool:
    """Whether the one cell of a row that is not empty is a text, and no value."""
    cell = row.dropna().iloc[0]
    return isinstance(cell, str) and not headers.is_value(cell) and not is_code(cell.strip())


def two_rows(cells: pd.DataFrame, below: int) -> list[str] | None:
    """The names of columns from two rows above one of values, which fill each other's blanks."""
    if below < 2 or not headers.holds_value(cells.iloc[below]):
        return None
    upper, lower = (
        ["" if pd.isna(cell) else str(cell).strip() for cell in cells.iloc[at]]
        for at in (below - 2, below - 1)
    )
    names = headers.joined(upper, lower)
    few = min(sum(map(bool, upper)), sum(map(bool, lower))) < 2
    if few or not all(names) or any(map(headers.is_value, names)):
        return None
    return names


class _Places:
    """The places of the cells of one part after the other, in whatever form its XML is written."""

    def __init__(self) -> None:
        self.far = ""
        self._elements = 0

    def read(self, parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._element
        is_xml = part.filename.lower().endswith(".xml")  # else a picture, or a drawing of Excel
        if is_xml:
            parser.StartDoctypeDeclHandler = _refuse_entities
        self._row = self._column = self._rows = self._columns = 0
        idle = 0
        with parts.open(part) as stream:
            while not self.far and (piece := stream.read(_PIECE)):
                before = self._elements
                try:
                    parser.Parse(piece)
                except expat.ExpatError:
                    if is_xml:
                        raise
                    return
                idle = 0 if self._elements > before else idle + len(piece)
                if idle > _IDLE and is_xml:
                    raise ValueError(f"it has {_IDLE >> 20} MiB of XML without an element")

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > _ELEMENTS:
            raise ValueError(f"it has more than {_ELEMENTS:,} values")
        kind, place = name.rpartition(" ")[2], attributes.get("r", "")
        if kind == "row":
            self._row, self._column = self._row + 1, 0
            with contextlib.suppress(ValueError, OverflowError):  # the library refuses it
                self._row = int(float(place)) if place else self._row
        elif kind == "c":
            letters = place.rstrip("0123456789").upper()
            self._column = _number(letters) if place else self._column + 1
        else:
            return
        self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)
        if self._rows > _ROWS or self._rows * self._columns > _CELLS:
            self.far = f"row {self._rows:,} and column {self._columns:,}"


def _refuse_entities(*_: object) -> None:
    raise ValueError("it defines entities of XML")


def _number(letters: str) -> int:
    """The number of a column: 1 for A, 27 for AA; 0 for none."""
    number = 0
    for letter in letters[:5]:
        number = 26 * number + ord(letter) - 64
    return number
