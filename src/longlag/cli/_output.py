"""Output: one document on standard output or in a file, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # which `longlag --help` does not wait for
    from longlag.problems import Spec


class Printer(Console):
    """A console that leaves a closed pipe to the caller."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


errors = Printer(stderr=True, highlight=False)
"""Warnings and progress."""


_DATABASE = b"SQLite format 3"  # how a store begins
_WIDTH = 120  # of text that goes to a file or a pipe


class Refused(Exception):  # noqa: N818 - it is an answer to the user, not a fault
    """Bad input, said in one line; the command ends with exit code 2."""


def command_line() -> str:
    """How this command was called, to be kept beside what it found."""
    return shlex.join(["longlag", *sys.argv[1:]])


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turn what the library says of bad input into one line and exit code 2."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of a pipe has gone, which is no mistake
    except (ValueError, TypeError) as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(
            f"cannot write {error.filename or 'the output'}: {error.strerror}."
        ) from error


@contextlib.contextmanager
def others_aside() -> Iterator[None]:
    """What a user's file prints goes to standard error: it is no part of the answer."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def writable(path: Path | None) -> None:
    """Refuse a path that cannot be written, or is a store, before any work is done for it."""
    if path is None:
        return
    with refusing():
        existed = path.exists()
        with path.open("ab+") as file:
            file.seek(0)
            holds = file.read(len(_DATABASE)) if file.seekable() and path.is_file() else b""
        if not existed:
            path.unlink()
    if holds == _DATABASE:
        raise Refused(
            f"{path} is a database (saved trials?) and is not overwritten. Name another file."
        )


def write(text: str, path: Path | None) -> None:
    """Write a text to a file, or to standard output where none is named."""
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        with refusing():
            path.write_text(text, encoding="utf-8")


def write_json(document: dict[str, Any], path: Path | None) -> None:
    """Write one JSON document; a number that is not finite becomes null."""
    write(json.dumps(_finite(document), indent=2) + "\n", path)


def print_rich(*parts: RenderableType, path: Path | None = None, width: int = _WIDTH) -> None:
    """Print for a reader; without colour or control codes where it is no terminal.

    Args:
        parts: What to print, one below the other.
        path: A file; standard output where none is named.
        width: Columns of text that goes to a file or a pipe.
    """
    for column in (column for part in parts if isinstance(part, Table) for column in part.columns):
        column.overflow = "fold"  # a figure that is cut off may be taken for another
    if path is None:
        console = Printer(highlight=False, width=None if sys.stdout.isatty() else width)
        for part in parts:
            console.print(part)
        return
    with refusing(), path.open("w", encoding="utf-8") as file:
        console = Printer(file=file, width=width, highlight=False)
        for part in parts:
            console.print(part)


def written(spec: Spec, values: Iterable[Any], present: Iterable[Any]) -> list[str]:
    """Values as a reader sees them: · where there is none, _ where a step is blank."""
    pairs = zip(values, present, strict=True)
    return [_one(spec, np.asarray(value)) if there else "·" for value, there in pairs]


def _one(spec: Spec, value: np.ndarray) -> str:
    if value.dtype.kind == "f" and not spec.shape:
        return f"{value:.3f}"
    return spec.format(value)


def aligned(rows: Sequence[Sequence[str]]) -> list[Text]:
    """Rows of words in columns of one width."""
    width = max(len(word) for row in rows for word in row)
    return [Text(" ".join(f"{word:>{width}}" for word in row)) for row in rows]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
