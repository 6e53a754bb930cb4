"""The lock of a writer: one process at a time writes to a store, by whatever link."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import filelock

from longlag import files
from longlag.store.records import StoreError

_NAMES_ANOTHER = bytes.fromhex("d9d505f920a163d7")  # at the end of a journal, after the name


def refuse_hard_links(path: Path) -> None:
    """Raise if a file has several names: SQLite writes new rows to a file beside one of them.

    Raises:
        StoreError: The file has several names.
    """
    if path.exists() and (names := path.stat().st_nlink) > 1:
        rows = path.with_name(f"{path.name}-wal")  # those of a process that was killed
        both = f" && cp {rows} copy.db-wal" if rows.exists() else ""
        other = "" if both else " (under the name that has a -wal file beside it, if one has)"
        raise StoreError(
            f"{path} is one of {names} names of a file (hard links), and SQLite keeps new rows "
            f"under one name only. Copy it{other} and use the copy: cp {path} copy.db{both}"
        )


def refuse_beside(path: Path) -> None:
    """Raise if a file beside a store would let SQLite wait for ever, or remove a file.

    It opens a pipe there, and removes a file that a journal of several databases names.

    Raises:
        StoreError: It is no regular file, or a journal that names a file.
    """
    for suffix in ("-wal", "-shm", "-journal"):
        beside = path.with_name(f"{path.name}{suffix}")
        with contextlib.suppress(OSError):  # there is none, or nothing there may be read
            regular = stat.S_ISREG(beside.lstat().st_mode)
            # The others are not opened here: to close them would end the locks of this process.
            if not regular or (suffix == "-journal" and _end(beside) == _NAMES_ANOTHER):
                raise StoreError(
                    f"{beside} is of no store, and SQLite would wait for it or remove another "
                    "file. Use another --store."
                )


def identity(path: Path) -> tuple[int, int]:
    """Device and inode of a file, zeros where there is none."""
    with contextlib.suppress(FileNotFoundError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return 0, 0


def refuse_moved(path: Path, in_use: Mapping[Path, tuple[int, int]]) -> None:
    """Raise if a file of a store is no longer the one that was opened.

    Args:
        path: The store.
        in_use: Its files, with their identity when they were opened.

    Raises:
        StoreError: A file was moved, removed or replaced.
    """
    for file, opened in in_use.items():
        if identity(file) != opened:
            raise StoreError(
                f"{file} was moved or removed while the store {path} was in use, so nothing more "
                "can be stored. Put it back, and run the command again when no other process uses "
                "the store."
            )


def lock(path: Path) -> contextlib.ExitStack:
    """Lock a store against other writers; a missing file is created.

    Returns:
        The lock, until it is closed. Left by an error, it takes a lock file along that it made
        beside a file that was there: that is no store.

    Raises:
        StoreError: Another process writes to it, it cannot be written, or a file beside it would
            be lost.
    """
    file = Path(os.path.realpath(path))  # of a circle of links too
    if not file.parent.is_dir():  # filelock would create it
        raise StoreError(
            f"There is no folder {file.parent} for the store {path}. Create it, or name another "
            "--store."
        )
    if (store := files.store_of(file)) is not None:
        raise StoreError(f"{path} belongs to the store {store}. Name another --store.")
    if not file.exists():
        for suffix in ("-wal", "-shm", "-journal"):
            beside = file.with_name(f"{file.name}{suffix}")
            if beside.exists():
                raise StoreError(
                    f"{beside} is there, and the store {path} would replace it. It may hold trials "
                    "of a store that was moved: put that back, or name another --store."
                )
    beside = file.with_name(f"{file.name}.lock")
    _refuse_other_lock(beside, path)
    made = file.exists() and not beside.exists()
    with contextlib.ExitStack() as locks:
        try:
            locks.enter_context(filelock.FileLock(beside, timeout=0))
            if made:
                locks.push(lambda *error: _remove(beside, *error))
            with file.open("ab"):
                pass
        except filelock.Timeout:
            raise StoreError(
                f"{path} is being written to already. Wait until that has ended, or use another "
                "--store."
            ) from None
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}.") from error
        return locks.pop_all()


def _refuse_other_lock(beside: Path, path: Path) -> None:
    """Raise if the lock file of a store would be a file of something else, which it empties.

    Raises:
        StoreError: The file holds something else, or is no regular file.
    """
    with contextlib.suppress(FileNotFoundError):
        regular = stat.S_ISREG(beside.lstat().st_mode)
        # Where files cannot be locked, filelock writes the number of its process.
        if not regular or not re.match(rb"(\d+\n|\Z)", _head(beside)):
            raise StoreError(
                f"The store {path} needs {beside} as its lock, and that is a file of something "
                "else. Name another --store."
            )


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(20)
    except PermissionError:  # which its lock names
        return b""


def _end(file: Path) -> bytes:
    with contextlib.suppress(OSError), file.open("rb") as stream:  # also if it is shorter
        stream.seek(-len(_NAMES_ANOTHER), os.SEEK_END)
        return stream.read()
    return b""


def _remove(file: Path, error: type[BaseException] | None, *_: object) -> None:
    if error is not None:
        with contextlib.suppress(OSError):  # on Windows it is open
            file.unlink()
