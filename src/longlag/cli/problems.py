"""`longlag problems`: the list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from longlag.by_name import option
from longlag.cli._output import OUTPUT, OutputFlags, pick, table
from longlag.framings import fitting
from longlag.problems import PROBLEMS


def problems(*, output: OutputFlags = OUTPUT) -> None:
    """List the problems with their options, ranges and defaults."""
    output.check()
    output.write(_document, _summary)


def _document() -> dict[str, Any]:
    return {
        "problems": [
            {
                "name": name,
                "summary": _first_line(kind),
                "source": kind.source,
                "ladder": kind.ladder._asdict(),
                "chance": kind().chance(),
                "ceiling": kind().ceiling(),
                "framings": list(fitting(kind())),
                "knobs": [pick(knob, "name default range help") for knob in kind.knobs()],
            }
            for name, kind in PROBLEMS.items()
        ]
    }


def _summary() -> Iterator[RenderableType]:
    for name, kind in PROBLEMS.items():
        yield Text.assemble((name, "bold"), f"  {_first_line(kind)}")
        yield Text(f"Source: {kind.source}.", style="dim")
        yield Text(
            f"Score chance {kind().chance():.3g}, best possible score {kind().ceiling():.3g}. "
            f"Harder: {option(kind.ladder.knob)} {', '.join(map(str, kind.ladder.rungs))}."
        )
        yield Text(f"Framings: {', '.join(fitting(kind()))}.")
        options = table("option", "range", "default", "meaning", gap=3)
        for knob in kind.knobs():
            default = "" if knob.default is None else str(knob.default)  # the help has it
            options.add_row(option(knob.name), knob.range, default, knob.help)
        yield options
        yield Text()


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
