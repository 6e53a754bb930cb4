"""The site of the documentation, with the extra `docs`: `sphinx-build -W docs site`."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

project = "longlag"
author = "the founding engineers of longlag"
release = metadata.version("longlag")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
html_theme = "furo"
html_title = "longlag"
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # which would be fetched from elsewhere

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True, "exclude-members": "dynamics"}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

_PART = re.compile(r"(Shapes|Scores|Ladder|Source): +(.*)")


def _as_text(*args) -> None:
    """The docstrings are plain text: a part such as `Shapes:` is a paragraph, | and * are signs."""
    lines, parts = args[-1], []
    for line in lines:
        if found := _PART.fullmatch(line):
            parts.append(f"**{found[1]}.** {found[2]}")
        elif parts and parts[-1].startswith("**") and line.startswith("    "):
            parts[-1] += f" {line.strip()}"
        else:
            parts.append(line)
    lines[:] = [_plain(line) for line in parts]


def _plain(line: str) -> str:
    """A line of prose whose signs are no marks of reStructuredText."""
    if line.lstrip().startswith((">>>", "...")):
        return line
    head, found, line = line.rpartition(".** ")
    if found:
        return f"{head}{found}{_plain(line)}"
    pieces = line.split("`")
    pieces[::2] = [re.sub(r"[|*]", r"\\\g<0>", piece) for piece in pieces[::2]]
    return "`".join(pieces)


class Layers(Directive):
    """The layers of the package as a picture, from the rules of the imports."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        rules = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
        contracts = rules["tool"]["importlinter"]["contracts"]
        (layers,) = (each["layers"] for each in contracts if each["type"] == "layers")
        rows = []
        for place, layer in enumerate(layers):
            names, y = re.split(r" [|:] ", layer), 34 * place
            width = (640 - 8 * (len(names) - 1)) / len(names)
            for index, name in enumerate(names):
                x = index * (width + 8)
                rows.append(
                    f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="28" rx="4" '
                    'fill="none" stroke="currentColor"/>'
                    f'<text x="{x + width / 2:.0f}" y="{y + 19}" text-anchor="middle" '
                    f'fill="currentColor" font-size="13">{name}</text>'
                )
        words = "; ".join(layers)
        picture = (
            f'<svg viewBox="-2 -2 644 {34 * len(layers)}" role="img" '
            f'aria-label="Layers from top to bottom: {words}">{"".join(rows)}</svg>'
        )
        return [nodes.raw("", picture, format="html")]


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", _as_text, priority=100)  # before the sections
    app.add_directive("layers", Layers)
