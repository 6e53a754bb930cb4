"""`longlag audit`: the three maps, the verdict and the remedy, before any training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from longlag import files
from longlag.adapters import user_code
from longlag.audit_answer import Audit
from longlag.checks.check import OF_INPUTS
from longlag.cli._flags import (
    Count,
    FramingFlags,
    FramingName,
    ProblemFlags,
    code_files,
    problem_and_framing,
)
from longlag.cli._output import ANSWER, AnswerFlags, stdout_to_stderr
from longlag.cli._remedies import as_study_flags
from longlag.cli._terminal import warn
from longlag.framings import Framing
from longlag.framings.answering import check_decoder
from longlag.knobs import BATCH_SIZE
from longlag.maps import audit as compare
from longlag.problems import Problem
from longlag.visible import RECURRENT, Map, Reach

_MOST_STEPS = 400  # of a map that is drawn
_LEGEND = (
    "needs: inputs that an output depends on; sees: inputs that can reach it; learns: inputs that "
    "a gradient reaches.\nOne row per output step, from the top; one column per input step. "
    "One character is two rows: ▀ upper, ▄ lower, █ both."
)


def audit(
    problem: str,
    /,
    *,
    framing: FramingName = "whole",
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    batch_size: Count = BATCH_SIZE,
    model: str | None = None,
    context: Count | None = None,
    figure: Path | None = None,
    output: AnswerFlags = ANSWER,
) -> None:
    """Check, without training, whether the model can get the inputs it needs.

    It draws which inputs each output needs, which can reach it, and which a gradient reaches.

    Args:
        problem: A name from `longlag problems`.
        batch_size: Samples in a batch; it matters with --carry.
        model: Model name, as in `longlag train`; the check assumes that only the inputs which
            such a model can use count. Default: a recurrent network.
        context: For mlp: how many of the latest steps of a sample it gets.
        figure: Also draw the maps to this file, .png or .svg.
    """
    output.check(
        code_files(model, problem), figure=(figure, files.picture_kind("--figure", figure))
    )
    with stdout_to_stderr():
        problem_object, framing_object = problem_and_framing(
            problem, problem_knobs, framing, framing_knobs
        )
        default = model is None and context is None
        reach = (
            RECURRENT
            if default
            else _reach(problem_object, framing_object, "lstm" if model is None else model, context)
        )
        result = compare(problem_object, framing_object, batch_size=batch_size, reach=reach)
        result = dataclasses.replace(result, remedy=remedy(result))
    if figure is not None:
        from longlag.report import figure_of_audit, save_figure

        save_figure(figure_of_audit(result), figure)
    if model is not None and user_code.is_reference(model):
        warn(f"{OF_INPUTS} `longlag check {model}` looks at that.")
    setup = {"problem": repr(problem_object), "framing": repr(framing_object)}
    output.write_answer(
        result,
        [*result.blocks()][1:],
        {**setup, "batch_size": batch_size, **result.to_dict()},
        before=_summary(problem_object, result),
        width=max(120, 3 * (problem_object.steps + 1)),  # a map must not be truncated
    )


def _summary(problem: Problem, result: Audit) -> Iterator[RenderableType]:
    yield Text(result.subject)
    yield Text()
    if problem.steps <= _MOST_STEPS:  # side by side, or one below the other in a narrow terminal
        maps = {"needs": result.needs, "sees": result.sees, "learns": result.learns}
        yield Columns([Group(Text(name, "bold"), draw(map)) for name, map in maps.items()])
    else:
        yield Text(f"Maps of more than {_MOST_STEPS} steps are not drawn; --json has them.")
    yield Text(_LEGEND, style="dim")
    yield Text()


def remedy(result: Audit, kind: str = "train") -> str:
    """A change that makes the setup work, as flags of the command of this kind of study."""
    return as_study_flags(result.remedy, kind)


def warnings(result: Audit, kind: str = "train") -> Iterator[str]:
    """What to know before a training: it cannot succeed, or its score will not mean memory."""
    if result.verdict != "learnable":
        yield (
            f"Warning: {result.verdict}: {result.meaning} (longlag audit). Best possible score "
            f"{result.best}, chance {result.chance:.3g}. {remedy(result, kind)}"
        )
    for sentence in filter(None, (result.nothing_to_learn, result.not_causal)):
        yield f"Warning: {sentence}"


def draw(map: Map) -> Text:
    """A map in block characters, two target steps to a line."""
    even = np.pad(map, ((0, len(map) % 2), (0, 0)))
    codes = even[::2] + 2 * even[1::2]
    return Text("\n".join("".join("·▀▄█"[code] for code in line) for line in codes))


def _reach(problem: Problem, framing: Framing, model: str, context: int | None) -> Reach:
    from longlag.cli._setting import model_from_name  # jax, needed for no other audit

    built = model_from_name(model, {} if context is None else {"context": context})
    check_decoder("audit", problem, framing, built)
    return Reach.of(built)
