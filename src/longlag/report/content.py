"""What a page is made of: sections, each with text, figures, tables and examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from longlag.report.palette import Look


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: What it says.
        note: A smaller second line.
        kind: `text`, `number` (set right), `strong`, or a verdict: `good`, `part`, `bad`, `open`.
    """

    text: str
    note: str = ""
    kind: str = "text"


class Point(NamedTuple):
    """A point of a list: what it is about, what it says, and points under it."""

    about: str
    text: str = ""
    under: tuple[Point, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
    """Text.

    Attributes:
        title: A small heading.
        paragraphs: Paragraphs.
        points: A list after them.
        command: A command line, after that.
    """

    block: ClassVar[str] = "words"
    title: str = ""
    paragraphs: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    command: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table; what it says stands above it.

    Attributes:
        caption: What it shows.
        head: Names of the columns.
        rows: Their cells.
        folded: Whether it is shown only when asked for.
    """

    block: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """One chart of a figure.

    Attributes:
        key: Its name, fit for a file.
        title: What tells it from the other panels.
        chart: The Altair chart.
        alt: What it shows, in words.
        series: The series of its own, where the panels of the figure differ in them.
        dense: Whether it has so many marks that it is drawn on a canvas.
    """

    key: str
    title: str
    chart: Any
    alt: str
    series: tuple[Look, ...] = ()
    dense: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """Panels that stand side by side.

    Attributes:
        caption: What they show and how to read them.
        title: What they are about, where a section has several figures.
        panels: The panels.
        series: The series that they have in common, for the legend.
        size: Least width of a panel: `wide`, `half`, `third` or `quarter`.
    """

    block: ClassVar[str] = "figure"
    caption: str
    title: str = ""
    panels: tuple[Panel, ...]
    series: tuple[Look, ...] = ()
    size: str = "half"


class Mark(NamedTuple):
    """One step of an example: the value, and whether it is wrong."""

    text: str
    wrong: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Examples:
    """Sequences step by step.

    Attributes:
        title: Whose they are.
        sequences: For each sequence its lines: what a line is, and its steps.
        note: What came of them.
    """

    block: ClassVar[str] = "examples"
    title: str
    sequences: tuple[tuple[tuple[str, tuple[Mark, ...]], ...], ...]
    note: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Details:
    """Blocks behind a line that opens them."""

    block: ClassVar[str] = "details"
    id: str
    title: str
    verdict: Cell
    blocks: tuple[Any, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with what stands below it.

    Attributes:
        id: Its name in the address.
        title: Its heading.
        lead: What it says, before anything is shown.
        blocks: What it shows.
        sections: Sections within it.
    """

    id: str
    title: str
    lead: str = ""
    blocks: tuple[Any, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say."""
        return not self.blocks and all(section.empty for section in self.sections)

    def panels(self) -> Mapping[str, Panel]:
        """All panels in it, by key."""
        found: dict[str, Panel] = {}
        for block in self.blocks:
            if isinstance(block, Figure):
                found.update({panel.key: panel for panel in block.panels})
        for section in self.sections:
            found.update(section.panels())
        return found


def present(*sections: Section) -> tuple[Section, ...]:
    """Those that have something to say."""
    return tuple(section for section in sections if not section.empty)


def width(panels: int) -> str:
    """The size of panels that go well side by side, by their number."""
    return {1: "single", 2: "half"}.get(panels, "third")
