"""The site of the documentation, with the extra `docs`: `sphinx-build -W docs site`."""

import re
from importlib import metadata

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


def setup(app) -> None:
    app.connect("autodoc-process-docstring", _as_text, priority=100)  # before the sections
