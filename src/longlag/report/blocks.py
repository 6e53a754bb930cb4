"""The blocks of a page: sections with text, tables, figures and examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from longlag.report.format import bounds, interval, number, with_interval
from longlag.report.theme import Style
from longlag.scores.statistics import Estimate

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

    def __bool__(self) -> bool:
        return bool(self.paragraphs or self.points or self.command)


def text(*paragraphs: str, title: str = "", points: Iterable[str] = (), command: str = "") -> Text:
    """A `Text` of these paragraphs."""
    return Text(title=title, paragraphs=paragraphs, points=tuple(points), command=command)


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """One chart of a figure; a `dense` one has many marks and is rendered on a canvas."""

    key: str  # valid as a file name
    title: str
    chart: Any
    alt: str  # alternative text
    series: tuple[Style, ...] = ()  # its legend, if the panels of a figure have different ones
    dense: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """Panels side by side; the `size` is `wide`, `quarter` or by default by their number."""

    block: ClassVar[str] = "figure"
    caption: str
    title: str = ""
    panels: tuple[Panel, ...]
    series: tuple[Style, ...] = ()  # the legend of all panels
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
    """A section of the blocks that are not empty."""
    return Section(id=id, title=title, lead=lead, blocks=tuple(filter(None, blocks)))


def present(*sections: Section) -> tuple[Section, ...]:
    """The sections that are not empty."""
    return tuple(section for section in sections if not section.empty)
