"""Excel files: how far apart their cells are, before a library fills all cells between."""

from __future__ import annotations

import functools
import re
import zipfile
from pathlib import Path

_ROWS = 2**20  # of a sheet of Excel
_CELLS = 2**26  # of a sheet, those between others counted
_LARGEST = 1 << 30  # bytes, unpacked
_PLACE = re.compile(rb'<(?:row|c)\b[^>]*? r="([A-Z]{0,5})(\d{1,20})"')


def far_cells(file: Path) -> str:
    """The place of cells so far apart that those between would fill the memory; empty for none."""
    if not zipfile.is_zipfile(file):  # an old .xls, or damaged
        return ""
    with zipfile.ZipFile(file) as parts:
        sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/")]
        if any(parts.getinfo(name).file_size > _LARGEST for name in sheets):
            raise ValueError("a sheet has more than 1 GiB, unpacked")
        for places in (_PLACE.findall(parts.read(name)) for name in sheets):
            rows = max((int(row) for _, row in places), default=0)
            columns = max((_number(letters) for letters, _ in places), default=0)
            if rows > _ROWS or rows * columns > _CELLS:
                return f"row {rows:,} and column {columns:,}"
    return ""


def _number(letters: bytes) -> int:
    """The number of a column: 1 for A, 27 for AA; 0 without letters."""
    return functools.reduce(lambda number, letter: 26 * number + letter - 64, letters, 0)
