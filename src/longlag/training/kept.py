"""Compiled programs on disk: one that was left by half is taken away, so that it is kept anew."""

from __future__ import annotations

import contextlib
import warnings
import zlib
from pathlib import Path
from typing import Any

import jax

UNREADABLE = "Error reading persistent compilation cache entry for '"
"""What JAX warns of where a kept program is only half there; the name of the program follows."""


UNWRITABLE = "Error writing persistent compilation cache entry for '"
"""What it warns of where a program cannot be kept, as on a full disk."""


def replace_unreadable() -> None:
    """Have programs that JAX cannot read removed without a word: it compiles and keeps them then.

    JAX by itself compiles them in each process anew, since it writes over no file. Nor is there a
    word of programs that it cannot write: the results do not depend on them.
    """
    warnings.filterwarnings("ignore", UNWRITABLE)
    warnings.filterwarnings("always", UNREADABLE)
    show = warnings.showwarning

    def look(message: Warning | str, *rest: Any, **more: Any) -> None:
        if str(message).startswith(UNREADABLE):
            name = str(message).removeprefix(UNREADABLE).partition("'")[0]
            _remove(Path(getattr(jax.config, "jax_compilation_cache_dir", None) or ""), name)
        else:
            show(message, *rest, **more)

    warnings.showwarning = look


def _remove(folder: Path, name: str) -> None:
    """Remove the programs of a name that are not whole."""
    for file in folder.glob(f"{name}-*-cache"):
        with contextlib.suppress(OSError):
            if not _whole(file.read_bytes()):
                file.unlink()


def _whole(content: bytes) -> bool:
    """Whether a file can be unpacked, as JAX does that."""
    try:
        import zstandard  # pyright: ignore[reportMissingImports] - JAX uses it where it is there
    except ImportError:
        unpack, errors = zlib.decompress, zlib.error
    else:
        unpack, errors = zstandard.ZstdDecompressor().decompress, zstandard.ZstdError
    try:
        unpack(content)
    except errors:
        return False
    return True
