"""The page: one self-contained HTML file, and its figures as files."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from longlag import arguments, files
from longlag.answers.format import visible
from longlag.answers.pictures import save_figure
from longlag.report import theme
from longlag.report.blocks import Panel, Section
from longlag.report.charts_library import charts_library

_WIDTH = 640
"""Width in pixels of a figure in a file of its own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """A report."""

    title: str
    about: str  # a line below the title
    sections: tuple[Section, ...]
    left_out: tuple[str, ...] = ()  # what cannot be reported, and why, a line each

    def html(self) -> str:
        """The page as one HTML file, the same for equal content.

        It is self-contained: Vega is included, and its content security policy allows only its
        two scripts, by their hashes.
        """
        panels = self._panels()
        specs = {key: panel.chart.to_dict(validate=False) for key, panel in panels.items()}
        bundle, script = charts_library() if specs else "", _file("page.js")
        data = {
            "figures": specs,
            "dense": [key for key, panel in panels.items() if panel.dense],
            "config": theme.CONFIG,
            "dark": theme.DARK,
        }
        # ASCII, and without `<`, so that no name can end the script.
        text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        return _template().render(
            page=self,
            style=Markup(_file("page.css")),
            theme=theme,
            bundle=Markup(bundle),
            script=Markup(script),
            hashes=[_hash(each) for each in (bundle, script) if each],
            data=Markup(text),
        )

    def figures(self) -> dict[str, Any]:
        """The charts, as Altair charts in the light theme, by names for files."""
        return {
            key: panel.chart.properties(
                width=_WIDTH, title=visible(panel.title), config=theme.CONFIG
            )
            for key, panel in self._panels().items()
        }

    def save_figures(
        self, folder: str | os.PathLike[str], format: str = "svg", *, force: bool = False
    ) -> list[Path]:
        """Write every figure to a file of its own.

        Args:
            folder: The folder; it is created where necessary.
            format: `svg` or `png`.
            force: Replace files that longlag did not write.

        Returns:
            The paths of the files.

        Raises:
            ValueError: The format is neither, or longlag did not write a file that is there.
        """
        arguments.path("save_figures", "folder", folder, folder=True)
        if format not in ("svg", "png"):
            raise ValueError(f"Page: `format` must be svg or png, got {format}. Use svg.")
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        figures = {home / f"{key}.{format}": chart for key, chart in self.figures().items()}
        for path in figures:
            files.check_save(path, "save_figures", format.upper(), force=force)
        for path, chart in figures.items():
            save_figure(chart, path)
        return list(figures)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the page to a file.

        Args:
            path: The file.
            force: Replace a file that longlag did not write.

        Raises:
            ValueError: longlag did not write the file that is there.
        """
        arguments.path("save", "path", path)
        files.check_save(path, "save", "HTML", force=force)
        files.write(path, self.html())

    def _panels(self) -> Mapping[str, Panel]:
        return Section(id="", title="", sections=self.sections).panels()


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _file(name: str) -> str:
    return resources.files("longlag.report").joinpath(name).read_text(encoding="utf-8")


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.from_string(_file("page.html.j2"))
