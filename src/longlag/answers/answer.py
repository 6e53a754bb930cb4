"""The base of all answers: what a study, a run or an audit found, for a reader and a program."""

from __future__ import annotations

import abc
import dataclasses
import importlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from longlag import arguments, files
from longlag.answers import parquet, pictures, writers
from longlag.answers.blocks import Block, Table
from longlag.answers.estimate import Estimate
from longlag.knobs import lookup
from longlag.version import longlag_version

if TYPE_CHECKING:  # which are loaded where they are needed
    import altair as alt
    import pandas as pd

LINES = 20
"""Most lines of the `repr` of an answer."""

Level = Literal["cell", "trial"]

FORMATS = {
    ".json": "JSON",
    ".csv": "CSV",
    ".parquet": "Parquet",
    ".tex": "LaTeX",
    ".md": "Markdown",
    ".html": "HTML",
    ".svg": "SVG",
    ".png": "PNG",
}
"""The kinds of files that an answer is saved as, by their endings."""


_OTHER_NAMES = {
    "evaluate": "It is scored already: print(answer), or answer.to_dict()",
    "summary": "Use print(answer)",
    "plot": "Use answer.figure()",
}
"""Methods of other libraries, and what to use here."""


class Answer(abc.ABC):
    """The answer to a question, with every form in which it can be printed, saved or processed.

    In a terminal it prints as a table (`repr` its first 20 lines, `print` all of it), in a notebook
    as a table with its figure. `to_frame` is a pandas frame, `to_latex` and `to_markdown` are
    tables for a paper, `figure` is an Altair chart, `save` writes a file by its ending, and
    `failed` names what has no result.
    """

    figures: ClassVar[tuple[str, ...]] = ()
    """The names of its figures, the main one first."""

    @property
    @abc.abstractmethod
    def caption(self) -> str:
        """The question in a sentence or two, with seeds, budget and version, for a table."""

    @abc.abstractmethod
    def blocks(self) -> Iterable[Block]:
        """The answer for a reader: paragraphs and tables."""

    @abc.abstractmethod
    def document(self) -> dict[str, Any]:
        """The fields of `to_dict`; their values may be estimates and records."""

    @abc.abstractmethod
    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        """A row for each cell of the answer, or for each trial; an `Estimate` has its interval."""

    @property
    def failed(self) -> Mapping[str, str]:
        """What has no result, with the reason."""
        return {}

    def table(self) -> Table:
        """The table of `to_latex` and `to_markdown`: the first of the answer."""
        return next(block for block in self.blocks() if isinstance(block, Table))

    if not TYPE_CHECKING:  # for which there are no other names

        def __getattr__(self, name: str) -> Any:
            hint = f". {_OTHER_NAMES[name]}." if name in _OTHER_NAMES else ""
            text = f"{type(self).__name__!r} object has no attribute {name!r}{hint}"
            raise AttributeError(text, name=name, obj=self)

    def __str__(self) -> str:
        return writers.text(self.blocks())

    def __repr__(self) -> str:
        lines = str(self).splitlines()
        if len(lines) <= LINES:
            return "\n".join(lines)
        head, tail = lines[: LINES - 4], lines[-3:]  # the last of a text conclude it
        more = f"… {len(lines) - len(head + tail)} more lines: print(answer), or answer.to_frame()"
        return "\n".join([*head, more, *tail])

    def _repr_html_(self) -> str:
        body = writers.html(self.blocks())
        for name in self.figures[:1]:
            chart, dark = self.figure(name), importlib.import_module("longlag.report.theme").DARK
            drawn = pictures.svg(chart), pictures.svg(chart, dark)
            body += writers.picture(*drawn, f"{self.caption} ({name})")
        return writers.page(body)

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain values, as the option `--json` prints it."""
        return plain(self.document())

    def to_frame(self, level: Level = "cell") -> pd.DataFrame:
        """The answer as a tidy pandas frame.

        Args:
            level: `cell`, one row a cell, with the ends of each interval as columns (`skill_low`,
                `skill_high`); or `trial`, one row a trial.

        Raises:
            ValueError: There is no such level.
        """
        lookup("level", level, dict.fromkeys(get_args(Level)))
        import pandas as pd

        return pd.DataFrame([_flat(row) for row in self.rows(level)])

    def to_markdown(self) -> str:
        """The main table in Markdown, with its caption below it."""
        return writers.markdown(self.table(), self.caption)

    def to_latex(self) -> str:
        """The main table in LaTeX (package booktabs), with its caption, for an appendix."""
        return writers.latex(self.table(), self.caption)

    def figure(self, name: str | None = None) -> alt.TopLevelMixin:
        """A figure of the answer, as an Altair chart.

        Args:
            name: One of `figures`; the first by default.

        Raises:
            ValueError: There is none of this name.
        """
        if not self.figures:
            raise ValueError(f"{type(self).__name__} has no figure. Use to_frame() for its rows.")
        name = self.figures[0] if name is None else name
        lookup("figure", name, dict.fromkeys(self.figures))
        drawings = importlib.import_module("longlag.report.drawings")  # which imports answers
        return drawings.DRAWINGS[type(self).__name__, name](self)

    def save(self, path: files.Name, *, force: bool = False) -> None:
        """Write the answer to a file, in the form of its ending.

        Args:
            path: It ends in `.json`, `.csv`, `.parquet`, `.tex`, `.md`, `.html`, `.svg` or `.png`.
            force: Replace a file that longlag did not write.

        Raises:
            ValueError: It ends otherwise, the answer has no figure, or longlag did not write the
                file that is there.
        """
        arguments.path("save", "path", path)
        kind = kind_of(path, "save")
        files.check_save(path, "save", kind, force=force)
        match kind:
            case "JSON":
                files.write(path, json_text(self.to_dict()))
            case "Parquet":
                frame = self.to_frame()
                parquet.write({str(name): frame[name].tolist() for name in frame}, path)
            case "HTML":
                files.write(path, writers.document(self._repr_html_()))
            case "SVG" | "PNG":
                pictures.save_figure(self.figure(), path)
            case _:
                files.write(path, self.written(kind))

    def written(self, kind: str) -> str:
        """The answer as a text: `CSV`, `Markdown` or `LaTeX`."""
        match kind:
            case "CSV":
                return self.to_frame().to_csv(index=False, lineterminator="\n")
            case "Markdown":
                return self.to_markdown()
            case _:
                return self.to_latex()


def kind_of(path: files.Name, option: str, *, model: bool = False) -> str:
    """The kind of file by its ending.

    Args:
        path: The path.
        option: The name of the option, for the message.
        model: Whether a trained model could be written too, for the message.

    Raises:
        ValueError: It is none of `FORMATS`.

    >>> kind_of("table.TEX", "save")
    'LaTeX'
    """
    ending = arguments.ending(path)
    if ending not in FORMATS:
        text = [".txt"] if option.startswith("-") else []  # which the command line prints
        *first, last = [*text, *FORMATS]
        raise ValueError(
            f"{option}: an answer cannot be written as `{ending or path}`. Use "
            f"{', '.join(first)} or {last}{', or .safetensors for the model' if model else ''}."
        )
    return FORMATS[ending]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the ends of each interval as columns of their own."""
    flat = dict[str, Any]()
    for name, value in row.items():
        if isinstance(value, Estimate):
            flat[name] = value.mean
            low, high = (float("nan"),) * 2 if value.left_out else value.interval
            flat |= {f"{name}_low": low, f"{name}_high": high}
        else:
            flat[name] = value
    return flat


def plain(value: Any) -> Any:
    """Plain values for JSON; a number that is not finite, and an interval left out, become null.

    >>> plain({"skill": Estimate(0.5, (0.4, float("inf")), (0.5,)), "seeds": (0, 1)})["seeds"]
    [0, 1]
    """
    if isinstance(value, Estimate) and value.left_out:
        value = {**dataclasses.asdict(value), "interval": None}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_text(values: Mapping[str, Any]) -> str:
    """A JSON document that says which longlag wrote it."""
    return json.dumps({"longlag": longlag_version(), **plain(values)}, indent=2) + "\n"
