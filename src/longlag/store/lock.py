"""The locks of a writer: one process at a time writes to a store, whatever link to it it names."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import filelock

from longlag.store.records import StoreError


def locked(path: Path) -> contextlib.ExitStack:
    """Keep other writers out until what is returned is closed; the file is made if there is none.

    One lock lies beside the file, so that it holds for other machines too; one is named by the
    inode, so that it holds for hard links.

    Raises:
        StoreError: Another process writes to it, or it cannot be written.
    """
    file = path.resolve()
    if not file.parent.is_dir():  # the lock would make it
        raise StoreError(
            f"There is no folder {path.parent} for the store. Make it, or name another --store."
        )
    with contextlib.ExitStack() as locks:
        try:
            locks.enter_context(filelock.FileLock(f"{file}.lock", timeout=0))
            with file.open("ab"):
                pass
            status = file.stat()
            inode = f"longlag-{status.st_uid}-{status.st_dev:x}-{status.st_ino:x}.lock"
            lock = filelock.FileLock(Path(tempfile.gettempdir()) / inode, timeout=0)
            locks.enter_context(lock)
        except filelock.Timeout:
            raise StoreError(
                f"{path} is being written to by another process. Wait until it has ended, or use "
                "another --store."
            ) from None
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}.") from error
        return locks.pop_all()
