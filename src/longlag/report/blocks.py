"""The blocks of a page that only a page has: figures and sections."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from longlag.report.theme import Style


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
