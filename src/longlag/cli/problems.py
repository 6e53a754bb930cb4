"""`longlag problems`: the list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from longlag.by_name import option
from longlag.cli._output import OUTPUT, OutputFlags, pick, table
from longlag.framings import fitting
from longlag.knobs import lookup
from longlag.problems import PROBLEMS, Problem
from longlag.problems.groups import GROUPS
from longlag.scores.shortcuts import shortcuts_of


def problems(
    *names: Annotated[str, Parameter(help="Problems to show with all their options.")],
    output: OutputFlags = OUTPUT,
) -> None:
    """List the problems by what a model must keep; with names, their options too."""
    output.check()
    kinds = [lookup("problem", name, PROBLEMS) for name in names]
    output.write(
        lambda: _document(kinds or list(PROBLEMS.values())),
        lambda: _details(kinds) if kinds else _groups(),
    )


_NOISE = 0.02  # of the scores of shortcuts, which are of random episodes


def _document(kinds: list[type[Problem]]) -> dict[str, Any]:
    return {
        "problems": [
            {
                "name": kind.title(),
                "summary": _first_line(kind),
                "group": kind.group,
                "separates": kind.separates,
                "source": kind.source,
                "ladder": kind.ladder._asdict(),
                "chance": kind().chance(),
                "ceiling": kind().ceiling(),
                "shortcuts": shortcuts_of(kind()),
                "framings": list(fitting(kind())),
                "knobs": [pick(knob, "name default range help") for knob in kind.knobs()],
            }
            for kind in kinds
        ]
    }


def _groups() -> Iterator[RenderableType]:
    for group, kept in GROUPS.items():
        kinds = [kind for kind in PROBLEMS.values() if kind.group == group]
        yield Text.assemble((group.capitalize(), "bold"), f": {kept}")
        rows = table("problem", "question", "chance", "shortcut", gap=2)
        for kind in kinds:
            rules = shortcuts_of(problem := kind())
            best = max(rules, key=lambda name: rules[name])
            tells = rules[best] > problem.chance() + _NOISE
            shortcut = f"{rules[best]:.3g} {best}" if tells else ""
            rows.add_row(kind.title(), _first_line(kind), f"{problem.chance():.3g}", shortcut)
        yield rows
        yield Text()
    yield Text("longlag problems NAME: what it tells apart, its shortcuts, options and source.")


def _details(kinds: list[type[Problem]]) -> Iterator[RenderableType]:
    for kind in kinds:
        problem = kind()
        yield Text.assemble((kind.title(), "bold"), f"  {_first_line(kind)}")
        yield Text(f"Source: {kind.source}.", style="dim")
        yield Text(f"To keep: {kind.group}: {GROUPS[kind.group]}.")
        yield Text(f"Separates {kind.separates}.")
        rules = [f"{name} {share:.3g}" for name, share in shortcuts_of(problem).items()]
        yield Text(
            f"Score chance {problem.chance():.3g}, best possible score {problem.ceiling():.3g}. "
            f"Harder: {option(kind.ladder.knob)} {', '.join(map(str, kind.ladder.rungs))}."
        )
        if rules:
            yield Text(f"Shortcuts: {', '.join(rules)}.")
        yield Text(f"Framings: {', '.join(fitting(problem))}.")
        options = table("option", "range", "default", "meaning", gap=3)
        for knob in kind.knobs():
            default = "" if knob.default is None else str(knob.default)  # the help has it
            options.add_row(option(knob.name), knob.range, default, knob.help)
        yield options
        yield Text()


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
