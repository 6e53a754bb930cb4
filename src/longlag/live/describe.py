"""What the page asks first: every knob with its range, from the declarations themselves."""

from __future__ import annotations

import re
from typing import Any

from longlag.answers.format import counted
from longlag.knobs import Knob
from longlag.live.setup import ENCODING, SEEDS, TABLES, Own, as_text, option_text
from longlag.problems import Integers, Problem
from longlag.training import Recipe

_LABELS = {"problem": "Problem", "framing": "Framing", "model": "Model", "recipe": "Training"}
_SPAN = {"length": 60, "timesteps": 30, "lag": 30, "hidden_size": 100, "sequences": 20_000}
_KINDS: dict[Any, str] = {bool: "bool", int: "int", float: "float"}


def kinds(own: Own) -> list[dict[str, Any]]:
    """The options of each kind, with their knobs."""
    result = []
    for kind, table in TABLES.items():
        options = [
            {"name": name, "summary": _summary(each), "knobs": [_knob(k) for k in each.knobs()]}
            for name, each in table.items()
        ]
        mine = [{"name": name, "summary": "Your own.", "knobs": []} for name in own.of(kind)]
        result.append({"kind": kind, "label": _LABELS[kind], "options": mine + options})
    knobs = [_knob(knob) for knob in (*Recipe.knobs(), ENCODING, SEEDS)]
    recipe = {"name": "recipe", "summary": "", "knobs": knobs}
    return [*result, {"kind": "recipe", "label": _LABELS["recipe"], "options": [recipe]}]


def task(problem: Problem) -> str:
    """The problem in a sentence or two.

    >>> from longlag import EchoLag
    >>> task(EchoLag(lag=1))
    'Which value came 1 step ago? 25 steps, each an integer from 0 to 99.'
    """
    shown = problem.steps - problem.answers
    inputs = "an integer" if isinstance(problem.inputs, Integers) else "a number"
    line = _summary(type(problem))

    def value(found: re.Match[str]) -> str:
        number = getattr(problem, found[1], None)
        if number is None:
            return found[1]
        return counted(number, "step") if found[2] else str(number)

    line = re.sub(r"`(\w+)`( steps)?", value, line)
    return f"{line} {counted(shown, 'step')}, each {inputs} {problem.inputs.rule}."


def _summary(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _knob(knob: Knob) -> dict[str, Any]:
    kind = "choice" if knob.choices else _KINDS.get(knob.kind, "text")
    least, most = knob.at_least, knob.at_most
    if kind == "int":
        least = 0 if least is None else least
        most = _SPAN.get(knob.name) or min(most or 1e9, 4 * (knob.default or 5))
    slider = kind == "int" and knob.default is not None
    return {
        "name": option_text(knob.name),
        "label": knob.name.replace("_", " "),
        "kind": kind,
        "default": as_text(knob.default) if knob.default is not None else None,
        "help": knob.help,
        "range": knob.range if kind in ("int", "float") and knob.range != knob.name else "",
        "choices": list(knob.choices) or None,
        "least": least if slider else None,
        "most": int(most) if slider and most is not None else None,
    }
