"""The blocks that a page is made of: sections, each with text, tables, figures and examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from longlag.report.format import bounds, interval, number, with_interval
from longlag.report.theme import Style
from longlag.scores.statistics import Estimate

_LONG = 12  # rows, from which on a table is folded


class Cell(NamedTuple):
    """A cell of a table: its text, a smaller second line, and its kind.

    A kind is `text`, `number` (set right), `strong`; a verdict: `good`, `part`, `bad`, `open`; or
    of one step of a sequence: `step`, `wrong`, `none`.
    """

    text: str
    note: str = ""
    kind: str = "text"


def cell(value: object, digits: int = 3) -> Cell:
    """A value as a cell: whole numbers and estimates are set right, an estimate with its interval.

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
    """A figure, set right."""
    return Cell(text, note, "number")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Text:
    """A small heading, paragraphs, a list, a command line: what there is of them, in this order."""

    block: ClassVar[str] = "text"
    title: str = ""
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    command: str = ""

    def __bool__(self) -> bool:
        return bool(self.paragraphs or self.points or self.command)


def text(*paragraphs: str, title: str = "", points: Iterable[str] = (), command: str = "") -> Text:
    """Text (`Text`)."""
    return Text(title=title, paragraphs=paragraphs, points=tuple(points), command=command)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table below its caption, hidden behind that where it is `folded`."""

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
    """A table of any values (`cell`); with `fold` it is folded where it is long."""
    cells = tuple(tuple(map(cell, row)) for row in rows)
    return Table(caption=caption, head=tuple(head), rows=cells, folded=fold and len(cells) > _LONG)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """One chart of a figure; a `dense` one has so many marks that it is drawn on a canvas."""

    key: str  # fit for a file name
    title: str
    chart: Any
    alt: str  # what it shows, in words
    series: tuple[Style, ...] = ()  # its legend, where the panels of a figure differ in that
    dense: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """Panels side by side; a `size` is `wide`, or as suits their number."""

    block: ClassVar[str] = "figure"
    caption: str
    title: str = ""
    panels: tuple[Panel, ...]
    series: tuple[Style, ...] = ()  # the legend that they have in common
    size: str = ""

    def __bool__(self) -> bool:
        return bool(self.panels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with a paragraph, blocks and sections below it."""

    id: str  # in the address
    title: str
    lead: str = ""
    blocks: tuple[Any, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing below the heading."""
        return not self.blocks and all(section.empty for section in self.sections)

    def panels(self) -> Mapping[str, Panel]:
        """All panels in it, by key."""
        figures = (block for block in self.blocks if isinstance(block, Figure))
        panels = {panel.key: panel for figure in figures for panel in figure.panels}
        for section in self.sections:
            panels.update(section.panels())
        return panels


def section(id: str, title: str, *blocks: Any, lead: str = "") -> Section:
    """A section of those blocks that are not empty."""
    return Section(id=id, title=title, lead=lead, blocks=tuple(filter(None, blocks)))


def present(*sections: Section) -> tuple[Section, ...]:
    """Those that are not empty."""
    return tuple(section for section in sections if not section.empty)
