"""Output: the answer on standard output or in a file, everything else on standard error."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import operator
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, cast

from cyclopts import Parameter
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from longlag import arguments, files
from longlag.adapters import leaving
from longlag.answers import parquet, writers
from longlag.answers.answer import Answer, json_text, kind_of
from longlag.answers.blocks import Block
from longlag.answers.blocks import Text as Advice
from longlag.cli import _command_line
from longlag.cli._terminal import WIDTH, Printer, printable, write
from longlag.version import longlag_version

if TYPE_CHECKING:  # which `longlag --help` does not wait for
    import numpy as np

    from longlag.problems import Spec

Force = Annotated[
    bool, Parameter(name="--force", negative="", help="Replace a file that longlag did not write.")
]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputFlags:
    """The format of the answer of a command, and its file."""

    json: Annotated[
        bool, Parameter(name="--json", negative="", help="Print one JSON document.")
    ] = False
    output: Annotated[
        Path | None,
        Parameter(name="--output", help="Write to this file instead of standard output."),
    ] = None
    force: Force = False

    def check(
        self,
        inputs: Mapping[str, str | Path | None] | None = None,
        kind: str = "text",
        **others: tuple[Path | None, str],
    ) -> None:
        """Refuse paths that must not be written, before any work.

        Args:
            inputs: The files that the command reads, by the name of their option.
            kind: Kind of the output without `--json`.
            others: Path and kind of each further output, by the name of its option.
        """
        kind = "JSON" if self.json else kind
        outputs = {"--output": (self.output, kind)}
        outputs |= {f"--{name}": output for name, output in others.items()}
        files.check_outputs(outputs, inputs or {}, force=self.force)

    @property
    def as_json(self) -> bool:
        """Whether the answer is one JSON document."""
        return self.json

    def write(
        self,
        document: Callable[[], Mapping[str, Any]],
        summary: Callable[[], Iterable[RenderableType]],
        width: int = WIDTH,
    ) -> None:
        """Write the answer as JSON or, by default, as text.

        Args:
            document: Returns the answer as plain values.
            summary: Returns the answer as text and tables.
            width: Columns of text that goes to a file or a pipe.
        """
        if self.as_json:
            write(json_text(document()), self.output)
        else:
            print_rich(*summary(), path=self.output, width=width)


OUTPUT = OutputFlags()

Format = Literal["table", "json", "csv", "md", "latex"]

_KINDS = {"table": "text", "json": "JSON", "csv": "CSV", "md": "Markdown", "latex": "LaTeX"}


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class AnswerFlags(OutputFlags):
    """The form of an answer, and its file."""

    output: Annotated[
        Path | None,
        Parameter(
            name="--output",
            help="Write to this file instead of standard output, in the form of its ending: .txt, "
            ".json, .csv, .parquet, .tex, .md, .html, .svg or .png.",
        ),
    ] = None
    format: Annotated[
        Format | None,
        Parameter(
            name="--format",
            help="The form of the answer, whatever the ending of its file. json is --json.",
        ),
    ] = None
    print_config: Annotated[
        bool,
        Parameter(
            name="--print-config",
            negative="",
            help="Run nothing: print the options as a file, FILE.toml, that the command takes in "
            "their place, right after its name.",
        ),
    ] = False

    @property
    def kind(self) -> str:
        """The kind of the output, one of `longlag.files.KINDS`."""
        if self.json and self.format not in (None, "json"):
            raise ValueError(f"`--json` and `--format {self.format}` exclude each other. Use one.")
        if self.json or self.format:
            return _KINDS[self.format or "json"]
        if self.output is None or arguments.ending(self.output) in ("", ".txt"):
            return "text"
        return kind_of(self.output, "--output")

    @property
    def as_json(self) -> bool:
        return self.kind == "JSON"

    def check(
        self,
        inputs: Mapping[str, str | Path | None] | None = None,
        kind: str = "",
        **others: tuple[Path | None, str],
    ) -> None:
        inputs = {**(inputs or {}), **_command_line.files}
        # Whatever its ending, no input is written over.
        files.check_outputs({"--output": (self.output, "folder")}, inputs)
        super().check(inputs, kind or self.kind, **others)
        if self.kind == "Parquet":
            parquet.require()

    def refuse_pictures(self) -> None:
        """Refuse a picture, of an answer that has no figure, before any work."""
        if self.kind in ("SVG", "PNG"):
            raise ValueError(f"--output: this answer has no figure for {self.output}. Use .html.")

    def write_answer(
        self,
        answer: Answer,
        blocks: Iterable[Block] | None = None,
        document: Mapping[str, Any] | None = None,
        *,
        before: Iterable[RenderableType] = (),
        width: int = WIDTH,
    ) -> None:
        """Write an answer in the form that the flags name.

        Args:
            answer: The answer.
            blocks: What a reader gets; by default `answer.blocks()`.
            document: The JSON document; by default `answer.to_dict()`.
            before: What a reader gets above it.
            width: Columns of text that goes to a file or a pipe.
        """
        match self.kind:
            case "text":
                parts = writers.renderables(answer.blocks() if blocks is None else blocks)
                print_rich(*before, *parts, path=self.output, width=width)
            case "JSON":
                write(json_text(answer.to_dict() if document is None else document), self.output)
            case "CSV" | "Markdown" | "LaTeX" as kind:
                write(answer.written(kind), self.output)
            case _:
                assert self.output is not None  # these kinds come from its ending
                answer.save(self.output)


ANSWER = AnswerFlags()

_NAME = re.compile("`(minutes|budget)`")  # of an argument, as advice names it


def in_flags(block: Block, kind: str) -> Block:
    """A block with its advice as flags of the command of this kind of study."""
    if not isinstance(block, Advice) or block.kind not in ("advice", "notice"):
        return block
    from longlag.cli._remedies import as_study_flags  # NumPy, which `longlag --help` does not need

    lines = (as_study_flags(line, kind) for line in block.paragraphs)
    return dataclasses.replace(block, paragraphs=tuple(_NAME.sub(r"--\1", each) for each in lines))


_FOLDERS = re.compile(r"(?<![\w.~/:-])/(?:[^/,=:]+/)+")  # of a whole path


def command_line() -> str:
    """The command line of this process, to store with its results: without whole paths."""
    # A name of a file need not be text.
    arguments = (each.encode(errors="backslashreplace").decode() for each in sys.argv[1:])
    return shlex.join(["longlag", *(_FOLDERS.sub("", each) for each in arguments)])


class _KeptOpen:
    """A stream that the code of a user may write to, and cannot close."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        """Write what is left, and stay open for what longlag says."""
        self._stream.flush()


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Print on standard error what the code of a user prints: it is no part of the answer."""
    to_stderr = contextlib.redirect_stdout(cast("IO[str]", _KeptOpen(sys.stderr)))
    with leaving.no_children(), leaving.same_folder(), to_stderr, _descriptor_to_stderr():
        yield


@contextlib.contextmanager
def _descriptor_to_stderr() -> Iterator[None]:
    """The same for output that bypasses Python, such as that of a library in C."""
    try:
        stdout = os.dup(1)
    except OSError:  # closed
        yield
        return
    try:
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def print_rich(*parts: RenderableType, path: Path | None = None, width: int = WIDTH) -> None:
    """Print text and tables, with colour only in a terminal.

    Args:
        parts: The parts, one below the other.
        path: A file; by default standard output.
        width: Columns of text that goes to a file or a pipe.
    """
    for column in (column for part in parts if isinstance(part, Table) for column in part.columns):
        column.overflow = "fold"  # a truncated number looks like another one
    text = io.StringIO()
    if path is None:
        console = Printer(highlight=False, width=None if sys.stdout.isatty() else width)
    else:
        console = Printer(file=text, width=width, highlight=False, color_system=None)
    for part in parts:
        console.print(part)
    if path is not None:
        head = f"# longlag {longlag_version()}: {printable(command_line())}"
        files.write(path, f"{head}\n{text.getvalue()}")


def table(*head: str, right: Sequence[str] = (), gap: int = 2, **rest: Any) -> Table:
    """A table without lines, its columns `gap` apart; those named in `right` align right."""
    result = Table(box=None, padding=(0, gap, 0, 0), **rest)
    for name in head:
        result.add_column(name, justify="right" if name in right else "left")
    return result


def key_value_table(pairs: Iterable[tuple[str, RenderableType]]) -> Table:
    """A table of names and values, a pair per row."""
    result = table(show_header=False)
    for name, text in pairs:
        result.add_row(name, Text(text) if isinstance(text, str) else text)
    return result


def pick(source: Any, names: str, **paths: str) -> dict[str, Any]:
    """Attributes of an object by name: those in `names`, and those of `paths` under new names.

    >>> pick(3 + 4j, "real", below="imag.real")
    {'real': 3.0, 'below': 4.0}
    """
    paths = {**{name: name for name in names.split()}, **paths}
    return {name: operator.attrgetter(path)(source) for name, path in paths.items()}


def values_as_text(spec: Spec, values: Iterable[Any], present: Iterable[Any]) -> list[str]:
    """Values as text: · where there is none, _ where a step is blank."""
    import numpy as np

    pairs = zip(values, present, strict=True)
    return [_value(spec, np.asarray(value)) if exists else "·" for value, exists in pairs]


def _value(spec: Spec, value: np.ndarray) -> str:
    if value.dtype.kind == "f" and not spec.shape:
        return f"{value:.3f}"
    return spec.format(value)


def align(lines: Sequence[Sequence[str]]) -> list[Text]:
    """Lines of words, in columns of equal width."""
    width = max(len(word) for line in lines for word in line)
    return [Text(" ".join(f"{word:>{width}}" for word in line)) for line in lines]
