"""The theme of the figures: colours, shapes and dashes, in light and dark.

Figures have the light colours; in dark mode the page replaces each by its dark counterpart. The
categories are Okabe and Ito's, which colour-blind readers can distinguish, and every series also
has its own shape and dash.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

CATEGORIES = {
    "#0072b2": "#58aeea",
    "#d55e00": "#f58d4e",
    "#009e73": "#3ccb9f",
    "#cc79a7": "#e6a0c7",
    "#e69f00": "#f3bd4b",
    "#56b4e9": "#a5d8f7",
    "#5c5346": "#b8ae9e",
    "#a58d00": "#f0e442",
}
"""Light and dark colour of each series, in order."""

TIMES = "M-1-.6L-.6-1L0-.4L.6-1L1-.6L.4 0L1 .6L.6 1L0 .4L-.6 1L-1 .6L-.4 0Z"
"""The shape of a failure, an SVG path, since Vega has no name for it."""

SHAPES = {
    "circle": "M5 0A5 5 0 1 1-5 0A5 5 0 1 1 5 0",
    "square": "M-4.5-4.5H4.5V4.5H-4.5Z",
    "triangle-up": "M0-5L5.5 4.5H-5.5Z",
    "diamond": "M0-6L5 0L0 6L-5 0Z",
    "triangle-down": "M0 5L5.5-4.5H-5.5Z",
    "cross": "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",
    "triangle-right": "M5.5 0L-4.5 5V-5Z",
    "triangle-left": "M-5.5 0L4.5 5V-5Z",
    TIMES: "M-5-3L-3-5L0-2L3-5L5-3L2 0L5 3L3 5L0 2L-3 5L-5 3L-2 0Z",
}
"""The shapes of eight series, by Vega's names, and of a failure, with their outlines."""

DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (4, 1), (1, 3), (10, 4), (5, 2, 1, 2))
"""The dash of each series."""

INK, MUTED, GRID, PAPER = "#1d2530", "#5f6b7a", "#e4e8ed", "#ffffff"
LOW, HIGH, NONE = "#edf2f8", "#0b4f8a", "#f6f7f9"
NEGATIVE, MIDDLE, POSITIVE = "#a8480a", "#f3f3f1", "#0b4f8b"
ON_HIGH = "#fefefe"
"""Colour of text on `HIGH`."""

DARK = {
    **CATEGORIES,
    INK: "#e8ecf1",
    MUTED: "#9aa7b6",
    GRID: "#2b3440",
    PAPER: "#12171e",
    LOW: "#1e2a38",
    HIGH: "#7cc2fa",
    NONE: "#171d25",
    ON_HIGH: "#0d1218",
    NEGATIVE: "#f7a066",
    MIDDLE: "#232b35",
    POSITIVE: "#7cc2fb",
}
"""The dark counterpart of every colour."""

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

CONFIG: dict[str, Any] = {
    "font": _FONT,
    "background": PAPER,
    "padding": {"left": 2, "right": 6, "top": 6, "bottom": 2},
    "view": {"stroke": None, "continuousHeight": 220, "discreteHeight": 220},
    "axis": {
        "domainColor": MUTED,
        "tickColor": MUTED,
        "gridColor": GRID,
        "labelColor": MUTED,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelOverlap": True,
    },
    "axisX": {"grid": False},
    "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": 320,
        "symbolSize": 80,
    },
    "title": {"color": INK, "fontSize": 13, "anchor": "start", "fontWeight": 600},
    "text": {"color": INK, "fontSize": 11},
    "rule": {"color": MUTED},
    "line": {"strokeWidth": 2},
    "area": {"opacity": 0.13},
    "point": {"filled": True, "size": 70, "opacity": 1},
}
"""The Vega configuration of every figure, in the light theme."""


class Style(NamedTuple):
    """The colour, shape and dash of one series."""

    name: str
    colour: str
    shape: str
    outline: str
    dash: str


def style(index: int, name: str, shape: str = "", *, line: bool = True) -> Style:
    """The style of a series by its index, with another shape or without a line.

    >>> style(0, "lstm").colour, style(9, "mlp").shape
    ('#0072b2', 'square')
    """
    colours = list(CATEGORIES)
    shape = shape or list(SHAPES)[index % 8]
    # After one round the same colours and shapes have other dashes.
    dash = DASHES[(index + index // len(colours)) % len(DASHES)] if line else ()
    colour, outline = colours[index % len(colours)], SHAPES[shape]
    return Style(name, colour, shape, outline, " ".join(map(str, dash)))


def styles(names: Iterable[str]) -> tuple[Style, ...]:
    """A style for each series, in order."""
    return tuple(style(index, name) for index, name in enumerate(names))
