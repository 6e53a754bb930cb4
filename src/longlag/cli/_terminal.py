"""The terminal: any character can be printed there, and a closed pipe is an error."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment

from longlag import files

WIDTH = 120
"""Columns of text that goes to a file or a pipe."""

_NARROWEST = 40  # columns: help of two or one would never end

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_ASCII = str.maketrans("·▀▄█→×−–…", ".',#>x--~") | {ord("≤"): "<=", ord("≥"): ">="}


class Printer(Console):
    """A console that escapes control characters and raises an error on a closed pipe."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(emoji=False, **settings)  # `:a:` in `mine.py:a:` is none
        if super().size.width < 1:  # COLUMNS=0: nothing would be printed
            self.width = WIDTH

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines, of which a terminal may have too few to print anything."""
        width, height = super().size
        return ConsoleDimensions(max(width, _NARROWEST), height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self.width, self.height = new_size

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


errors = Printer(stderr=True, highlight=False)
"""Warnings and progress."""


def printable(text: str) -> str:
    r"""A text with its control characters escaped, but for line feeds and tabs.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def warn(message: object) -> None:
    """Print a line on standard error."""
    errors.print(str(message).replace("\n", "\\n"), markup=False, soft_wrap=True)


def prepare_streams() -> None:
    """Let standard output and error print any character, escaped if the encoding lacks it."""
    codecs.register_error("longlag", _escape)
    _fill_closed()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for good
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            encoding = None if _escapes(stream.encoding) else "utf-8"
            stream.reconfigure(encoding=encoding, errors="longlag")


def _fill_closed() -> None:
    """Open what the caller has closed of the first three descriptors.

    Else the next file or socket would get one, and what is printed by libraries.
    """
    with contextlib.suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(descriptor, True)  # for programs that it starts
        os.close(descriptor)


def _escapes(encoding: str) -> bool:
    """Whether an encoding takes every text, escaped where it lacks a character; idna does not."""
    try:
        encoder = codecs.getincrementalencoder(encoding)("longlag")
        for text in ("longlag", "\n", ". ≤\N{GRINNING FACE}\ud800\n", "-" * 200):
            encoder.encode(text)
    except (LookupError, ValueError):
        return False
    return True


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(_ASCII)
    return text.encode("ascii", "backslashreplace").decode(), error.end


def write(text: str, path: Path | None) -> None:
    """Write a text to a file, by default to standard output."""
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        files.write(path, text)
