"""Excel files: how far apart their cells are, before a library fills all cells between."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path
from xml.parsers import expat

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
