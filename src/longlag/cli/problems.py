"""`longlag problems`: the list."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from longlag.cli._flags import Json, Output
from longlag.cli._output import print_rich, writable, write_json
from longlag.framings import fitting
from longlag.problems import PROBLEMS


def problems(*, json: Json = False, output: Output = None) -> None:
    """List the problems with their options, ranges and defaults."""
    writable(output)
    if json:
        document = {
            "problems": [
                {
                    "name": name,
                    "summary": _summary(kind),
                    "source": kind.source,
                    "ladder": {"knob": kind.ladder.knob, "rungs": list(kind.ladder.rungs)},
                    "chance": kind().chance(),
                    "ceiling": kind().ceiling(),
                    "framings": list(fitting(kind())),
                    "knobs": [
                        {
                            "name": knob.name,
                            "default": knob.default,
                            "range": knob.range,
                            "help": knob.help,
                        }
                        for knob in kind.knobs()
                    ],
                }
                for name, kind in PROBLEMS.items()
            ]
        }
        return write_json(document, output)
    parts: list[Text | Table] = []
    for name, kind in PROBLEMS.items():
        table = Table("option", "range", "default", "meaning", box=None, padding=(0, 3, 0, 0))
        for knob in kind.knobs():
            flag = f"--{knob.name.replace('_', '-')}"
            default = "" if knob.default is None else str(knob.default)  # the help has it
            table.add_row(flag, knob.range, default, knob.help)
        parts += [
            Text.assemble((name, "bold"), f"  {_summary(kind)}"),
            Text(f"Source: {kind.source}.", style="dim"),
            Text(
                f"Score by guessing {kind().chance():.3g}, best possible {kind().ceiling():.3g}. "
                f"Harder: --{kind.ladder.knob} {', '.join(map(str, kind.ladder.rungs))}."
            ),
            Text(f"Framings: {', '.join(fitting(kind()))}."),
            table,
            Text(),
        ]
    return print_rich(*parts[:-1], path=output)


def _summary(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
