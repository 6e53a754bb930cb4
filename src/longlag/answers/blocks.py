"""The blocks of an answer: paragraphs and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from longlag.answers.estimate import Estimate
from longlag.answers.format import bounds, interval, number, with_interval

_LONG = 12  # rows; longer tables may be folded


class Cell(NamedTuple):
    """A cell of a table: its text, a smaller second line, and its kind.

    A kind is `text`, `number` (aligned right), `strong`; a verdict: `good`, `part`, `bad`, `open`;
    or a step of a sequence: `step`, `wrong`, `none`.
    """

    text: str
    note: str = ""
    kind: str = "text"


def cell(value: object, digits: int = 3) -> Cell:
    """A value as a cell: numbers are aligned right, an estimate has its interval.

    >>> cell(1200), cell("lstm").kind, cell(Estimate(0.5, (0.5, 0.5), (0.5,)))[:2]
    (Cell(text='1,200', note='', kind='number'), 'text', ('0.500', 'one seed: no interval'))
    """
    if isinstance(value, Cell):
        return value
    if isinstance(value, Estimate):
        if bounds(value)[0] is not None:
            return Cell(with_interval(value, digits), kind="number")
        return Cell(number(value.mean, digits), interval(value), "number")
    return Cell(f"{value:,}", kind="number") if isinstance(value, int) else Cell(str(value))


def number_cell(text: str, note: str = "") -> Cell:
    """A number as a cell, aligned right."""
    return Cell(text, note, "number")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Text:
    """A small heading, paragraphs, a list and a command line, in this order; each may be empty."""

    block: ClassVar[str] = "text"
    title: str = ""
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    command: str = ""
    kind: str = ""  # `notice` must not be missed, `quiet` may be

    def __bool__(self) -> bool:
        return bool(self.paragraphs or self.points or self.command)


def text(
    *paragraphs: str,
    title: str = "",
    points: Iterable[str] = (),
    command: str = "",
    kind: str = "",
) -> Text:
    """A `Text` of the paragraphs that are not empty."""
    lines = tuple(filter(None, paragraphs))
    return Text(title=title, paragraphs=lines, points=tuple(points), command=command, kind=kind)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table below its caption; a `folded` one opens by a click on the caption."""

    block: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False

    def __bool__(self) -> bool:
        return bool(self.rows)


def table(
    caption: str, head: Sequence[str], rows: Iterable[Iterable[object]], *, fold: bool = False
) -> Table:
    """A table of any values (`cell`); with `fold` a long one is folded."""
    cells = tuple(tuple(map(cell, row)) for row in rows)
    return Table(caption=caption, head=tuple(head), rows=cells, folded=fold and len(cells) > _LONG)


Block = Text | Table
