"""The blocks of an answer as text for a terminal, HTML for a notebook, Markdown and LaTeX."""

from __future__ import annotations

import base64
import html as markup
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from longlag.answers.blocks import Block, Cell, Table
from longlag.answers.blocks import Text as TextBlock
from longlag.version import longlag_version

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 120
"""Columns of text that goes to a file or a pipe."""

_STYLES = {"good": "green", "part": "yellow", "bad": "red", "strong": "bold"}
_STYLES |= {"notice": "bold yellow", "quiet": "dim"}

_LATEX = {character: f"\\{character}" for character in "&%$#_{}"}
_LATEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {"−": "$-$", "×": r"$\times$", "≤": r"$\leq$", "≥": r"$\geq$", "…": r"\ldots{}"}

_CSS = """
.longlag { color-scheme: light dark; font-size: 0.9rem }
.longlag table { border-collapse: collapse; margin: 0.5rem 0 }
.longlag th, .longlag td { padding: 0.15rem 1rem 0.15rem 0; text-align: left; white-space: nowrap }
.longlag th { border-bottom: 1px solid light-dark(#dfe4ea, #2d3743); font-weight: 600 }
.longlag .number { text-align: right }
.longlag .good { color: light-dark(#006e51, #4fd6ac) }
.longlag .part { color: light-dark(#8a5a00, #f3bd4b) }
.longlag .bad, .longlag .notice { color: light-dark(#a8480a, #f7a066) }
.longlag .strong, .longlag .notice { font-weight: 600 }
.longlag .quiet, .longlag small { color: light-dark(#5f6b7a, #9aa7b6) }
.longlag img { max-width: 100% }
"""


def renderables(blocks: Iterable[Block]) -> Iterator[RenderableType]:
    """The blocks for a rich console, with an empty line around each table but below a heading."""
    from rich.text import Text

    before: Block | None = None
    for block in filter(None, blocks):
        last, before = before, block
        if isinstance(block, Table):
            if isinstance(last, TextBlock) and last.kind != "strong":
                yield Text()
            yield rich_table(block)
            yield Text()
            continue
        if block.title:
            yield Text(block.title, style="bold")
        style = _STYLES.get(block.kind, "")
        yield from (Text(paragraph, style=style) for paragraph in block.paragraphs)
        yield from (Text(f"- {point}") for point in block.points)
        if block.command:
            yield Text(f"    {block.command}")


def rich_table(table: Table) -> Any:
    """A table without lines for a rich console."""
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(box=None, padding=(0, 2, 0, 0), show_header=any(table.head))
    for place, name in enumerate(table.head):
        right = any(row[place].kind == "number" for row in table.rows)
        made.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in table.rows:
        made.add_row(*(Text(_with_note(cell), style=_STYLES.get(cell.kind, "")) for cell in row))
    return made


def text(blocks: Iterable[Block], width: int = WIDTH) -> str:
    """The blocks as plain text."""
    from rich.console import Console

    written = io.StringIO()
    console = Console(
        file=written,
        width=width,
        highlight=False,
        emoji=False,
        markup=False,
        force_jupyter=False,  # where it would show the text instead of writing it
        color_system=None,  # whatever FORCE_COLOR says, as in a notebook
    )
    for part in renderables(blocks):
        console.print(part)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip().splitlines())


def html(blocks: Iterable[Block]) -> str:
    """The blocks as HTML, for `page`."""
    return "\n".join(line for block in filter(None, blocks) for line in _html(block))


def _html(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        head = "".join(f"<th>{markup.escape(name)}</th>" for name in block.head)
        yield f"<table><thead><tr>{head}</tr></thead><tbody>"
        for row in block.rows:
            yield "<tr>" + "".join(map(_html_cell, row)) + "</tr>"
        yield "</tbody></table>"
        return
    if block.title:
        yield f"<p class=strong>{markup.escape(block.title)}</p>"
    for paragraph in block.paragraphs:
        yield f'<p class="{block.kind}">{markup.escape(paragraph)}</p>'
    if block.points:
        yield "<ul>" + "".join(f"<li>{markup.escape(each)}</li>" for each in block.points) + "</ul>"
    if block.command:
        yield f"<pre>{markup.escape(block.command)}</pre>"


def _html_cell(cell: Cell) -> str:
    note = f"<br><small>{markup.escape(cell.note)}</small>" if cell.note else ""
    return f'<td class="{cell.kind}">{markup.escape(cell.text)}{note}</td>'


def picture(light: str, dark: str, name: str) -> str:
    """A picture as part of `page`, on its own ground, as the notebook may be of another theme."""
    light, dark = (
        f"data:image/svg+xml;base64,{base64.b64encode(each.encode()).decode()}"
        for each in (light, dark)
    )
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img alt="{markup.escape(name)}" src="{light}"></picture>'
    )


def document(body: str) -> str:
    """A part of a notebook as a file of its own."""
    version = f"longlag {longlag_version()}"
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="generator" '
        f'content="{version}">\n<meta name="viewport" content="width=device-width">\n'
        f"<title>{version}</title>\n<body>{body}</body>\n</html>\n"
    )


def page(body: str) -> str:
    """A part of a notebook, light or dark as the notebook is."""
    return f'<div class="longlag"><style>{_CSS}</style>\n{body}\n</div>'


def markdown(table: Table, caption: str) -> str:
    """A table in Markdown, its caption below it."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    written = f"<!-- longlag {longlag_version()} -->"
    rule = ["---:" if right else "---" for right in _right(table)]
    rows = (line([_with_note(cell) for cell in row]) for row in table.rows)
    return "\n".join([written, "", line(table.head), line(rule), *rows, "", caption, ""])


def latex(table: Table, caption: str) -> str:
    """A table in LaTeX, for the package booktabs."""
    columns = "".join("r" if right else "l" for right in _right(table))
    rows = (" & ".join(latex_text(_with_note(cell)) for cell in row) for row in table.rows)
    lines = [
        f"% longlag {longlag_version()}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(caption)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(latex_text, table.head)) + r" \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def latex_text(plain: str) -> str:
    r"""A text with what LaTeX would read as a command escaped.

    >>> latex_text("hidden_size 50 %")
    'hidden\\_size 50 \\%'
    """
    return "".join(_LATEX.get(character, character) for character in plain)


def _right(table: Table) -> list[bool]:
    """Whether each column holds numbers."""
    places = range(len(table.head))
    return [any(row[place].kind == "number" for row in table.rows) for place in places]


def _with_note(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text
