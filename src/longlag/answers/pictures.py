"""Charts as pictures that say which longlag wrote them."""

from __future__ import annotations

import io
import json
import os
import re
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from longlag import files
from longlag.version import longlag_version

if TYPE_CHECKING:  # which is loaded where a chart is made
    import altair as alt


def save_figure(chart: alt.TopLevelMixin, path: str | os.PathLike[str]) -> None:
    """Write a chart as a picture that says which longlag wrote it.

    Args:
        chart: The chart.
        path: The file, which ends in `.svg` or `.png`.

    Raises:
        ValueError: It ends otherwise.
    """
    kind = "svg" if files.picture_kind("save_figure", path) == "SVG" else "png"
    written = f"longlag {longlag_version()}"
    with files.replacing(path) as beside:
        chart.save(beside, format=kind, scale_factor=2 if kind == "png" else 1)
        content = beside.read_bytes()
        signed = _signed_png(content, written) if kind == "png" else _signed_svg(content, written)
        beside.write_bytes(signed)


def svg(chart: Any, colours: Mapping[str, str] | None = None) -> str:
    """A chart as the text of an SVG picture, with other colours in place of some."""
    if colours:
        found = "|".join(map(re.escape, colours))
        spec = re.sub(found, lambda each: colours[each[0]], json.dumps(chart.to_dict()))
        chart = type(chart).from_dict(json.loads(spec), validate=False)
    text = io.StringIO()
    chart.save(text, format="svg")
    return text.getvalue()


def _signed_svg(svg: bytes, written: str) -> bytes:
    end = svg.index(b">") + 1
    return svg[:end] + f"<!-- {written} -->".encode() + svg[end:]


def _signed_png(png: bytes, written: str) -> bytes:
    """A PNG that says, after its header of 33 bytes, which software wrote it."""
    chunk = b"tEXtSoftware\0" + written.encode()
    size = (len(chunk) - 4).to_bytes(4, "big")
    return png[:33] + size + chunk + zlib.crc32(chunk).to_bytes(4, "big") + png[33:]
