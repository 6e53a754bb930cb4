"""How far a store is read: the pages of a damaged one may lead to each other without end."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from pathlib import Path

from longlag.store.records import StoreError

_STEPS = 1000  # of the machine of SQLite, from one look at the bound to the next
_CHECKED = 1 << 30  # bytes of a store whose pages are followed when it is opened: up to 0.5 s


def bound(connection: sqlite3.Connection, path: Path) -> None:
    """Let the next statement take steps in proportion to the size of a store; then it fails."""
    looks = 1000 + 4 * _size(path) // _STEPS
    # No Python runs at a look, so that Ctrl-C is not lost there; StopIteration is the end.
    connection.set_progress_handler(itertools.repeat(0, looks).__next__, _STEPS)


def refuse_tangles(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a store in which several pages lead to one; then nothing bounds its next statement.

    Raises:
        StoreError: It has such pages.
    """
    if _size(path) <= _CHECKED:
        bound(connection, path)
        found = connection.execute("PRAGMA quick_check").fetchall()
        if any("2nd reference" in str(line) for (line,) in found):
            raise StoreError(
                f"{path}: the file is damaged. Put back a copy, or use another --store."
            )
    connection.set_progress_handler(None, 0)


def _size(path: Path) -> int:
    """The bytes of a store and of its write-ahead log."""
    size = 0
    for each in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(FileNotFoundError):
            size += each.stat().st_size
    return size
