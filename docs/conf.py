"""The site of the documentation, with the extra `docs`: `sphinx-build -W docs site`."""

import json
import re
import subprocess
import sys
import tomllib
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import jupytext
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

project = "longlag"
author = "The longlag developers"
release = metadata.version("longlag")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
html_theme = "furo"
html_title = "longlag"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_excludepatterns = ["howto/*"]  # which runs in the tests
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_ipywidgets_js = {}  # which would be fetched from elsewhere

copybutton_exclude = ".linenos, .go"
copybutton_prompt_is_regexp = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "  # and so only what follows one is copied
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True, "exclude-members": "dynamics, separates"}
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
            f'<svg style="min-width: 34rem" viewBox="-2 -2 644 {34 * len(layers)}" role="img" '
            f'aria-label="Layers from top to bottom: {words}">{"".join(rows)}</svg>'
        )
        return [nodes.raw("", f'<div style="overflow-x: auto">{picture}</div>', format="html")]


LESSONS = [each.stem for each in Path(__file__).parent.glob("course/[!i]*.md")]  # no index

_EXPORTS = "mount", "recordedSource"
_recordings: dict[str, Future[bytes]] = {}


def _start_recording(app: Sphinx) -> None:
    """Train the lessons of the course in processes beside the build; anew after new code."""
    folder = Path(app.doctreedir) / "lessons"
    folder.mkdir(parents=True, exist_ok=True)
    pool = ThreadPoolExecutor(2)
    _recordings.update({name: pool.submit(_recorded, name, folder) for name in LESSONS})
    pool.shutdown(wait=False)


def _recorded(name: str, folder: Path) -> bytes:
    path = folder / f"{name}.json"
    newest = max(each.stat().st_mtime for each in Path(str(files("longlag"))).rglob("*.py"))
    if not path.exists() or path.stat().st_mtime < newest:
        command = ["-m", "longlag", "play", "--lesson", name, "--record", str(path)]
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return path.read_bytes()


class Lesson(Directive):
    """The player of a lesson, with its recording, in the page itself: nothing is fetched."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        (name,) = self.arguments
        recording = _recordings[name].result().decode().replace("</", "<\\/")
        static = files("longlag.live") / "static"
        style, script = ((static / name).read_text() for name in ("play.css", "play.js"))
        # The names of a module cannot be used by what stands beside it, only by another file.
        script, exports = script.rsplit("export{", 1)
        names = dict(re.findall(r"(\w+) as (\w+)", exports))
        mount, source = (next(n for n in names if names[n] == e) for e in _EXPORTS)
        # In a shadow root the styles of the theme do not reach the player.
        player = f"""<div class="lesson-player"></div><script type="module">{script}
            const root = document.querySelector(".lesson-player").attachShadow({{mode: "open"}});
            root.innerHTML = "<style></style><div></div>";
            root.firstChild.textContent = {json.dumps(style)};
            {mount}(root.lastChild, {source}({recording}));</script>
            <p><a href="../{NOTEBOOKS}/{name}.ipynb" download>This page as a notebook</a></p>"""
        return [nodes.raw("", player, format="html")]


NOTEBOOKS = "_static/notebooks"
_IN_NOTEBOOKS = (
    (r"(?s)A recording: .*```{lesson} (.*?)\n```", r"`ll.play('\1')` shows both sides."),
    (r"\]\(([\w-]+)\.md\)", r"](\1.ipynb)"),
    (r"\[([^]]+)\]\(\.\./[^)]*\)", r"\1"),
)


def _write_notebooks(app: Sphinx, failure: Exception | None) -> None:
    """The pages of the course as notebooks, beside the site."""
    folder = Path(app.outdir) / NOTEBOOKS
    folder.mkdir(parents=True, exist_ok=True)
    for name in LESSONS if failure is None else ():
        page = jupytext.read(Path(app.srcdir) / "course" / f"{name}.md")
        # The player is one of pages; a notebook has the live one.
        for cell in page.cells:
            for pattern, new in _IN_NOTEBOOKS:
                cell.source = re.sub(pattern, new, cell.source)
        jupytext.write(page, folder / f"{name}.ipynb")


def _write_llms(app: Sphinx, failure: Exception | None) -> None:
    """`llms.txt` at the root of the site, with links to its pages."""
    if failure is None:
        text = (Path(__file__).parents[1] / "llms.txt").read_text()
        pages = re.sub(r"\]\(docs/([^)#]+)\.md", r"](\1.html", text)
        (Path(app.outdir) / "llms.txt").write_text(pages)


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", _as_text, priority=100)  # before the sections
    app.connect("builder-inited", _start_recording)
    app.connect("build-finished", _write_notebooks)
    app.connect("build-finished", _write_llms)
    app.add_directive("layers", Layers)
    app.add_directive("lesson", Lesson)
