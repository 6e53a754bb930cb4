"""`longlag check`: tests of a user's problem or model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from longlag.adapters.models.hints import shortened
from longlag.adapters.user_code import imported, is_reference, split
from longlag.answers.blocks import Table
from longlag.checks.check import OF_FRAMING, Check, conclusion
from longlag.checks.knobs import undeclared
from longlag.checks.problem import check_problem
from longlag.cli._flags import (
    Count,
    EncodingName,
    FramingFlags,
    FramingName,
    ProblemFlags,
    as_flags,
    code_files,
    flag_values,
    option,
    problem_and_framing,
)
from longlag.cli._output import OUTPUT, OutputFlags, pick, stdout_to_stderr, table
from longlag.cli.audit import remedy
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS
from longlag.knobs import BATCH_SIZE, lookup
from longlag.maps import Audit, audit
from longlag.problems import PROBLEMS, Problem
from longlag.visible import Reach


def check(
    subject: str,
    /,
    problem: str = "echo-lag",
    *,
    framing: FramingName = "whole",
    encoding: EncodingName = None,
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    batch_size: Count = BATCH_SIZE,
    output: OutputFlags = OUTPUT,
) -> int:
    """Check a problem or a model for mistakes, and measure what the model costs.

    A problem: are its answers, the inputs they need and the score by guessing right? A model: are
    its shapes right, does it look at later inputs, does it use masks and state? Exit code 1 if a
    check fails. The problem, framing, encoding and batch size are those a model is checked with.

    Args:
        subject: `path/to/file.py:NAME`, where NAME is a Problem or a function that returns a
            model; a name from `longlag problems`; or a model such as 'lstm(hidden_size=64)'.
        problem: For a model: the problem it is checked on, a name from `longlag problems`.
        batch_size: For a model: samples in a batch.
    """
    output.check(code_files(subject, problem))
    maps = result = costs = None
    with stdout_to_stderr():
        value = _subject(subject)
        if isinstance(value, Problem):
            if values := {**flag_values(problem_knobs), **flag_values(framing_knobs)}:
                flag = option(next(iter(values)))
                raise ValueError(f"`{flag}` is for a model; {subject} is a problem. Leave it out.")
            name, checks = repr(value), check_problem(value)
        else:
            if not callable(value) and not _is_adopted(value):
                kind = getattr(value, "__name__", f"a value of type {type(value).__name__}")
                raise ValueError(
                    f"{subject} is {kind}: neither a problem nor a function that returns a model. "
                    "Name a subclass or an object of longlag.problems.Problem, or such a function."
                )
            from longlag.checks.model import preflight  # which brings jax
            from longlag.cli._setting import keep_compiled_programs, model_from_name

            keep_compiled_programs()
            on, framing_object = problem_and_framing(problem, problem_knobs, framing, framing_knobs)
            chosen = None if encoding is None else lookup("encoding", encoding, ENCODINGS)
            model = model_from_name(subject, {})
            result = preflight(on, framing_object, model, encoding=chosen, batch_size=batch_size)
            name, checks = f"{result.model}, {on!r}, {framing_object!r}", result.checks
            costs = result.cost_table()  # measured here, where a model may print
            reach = Reach(model.window, model.remembers, not model.causal)
            maps = audit(on, framing_object, batch_size=batch_size, reach=reach)
    passed = all(each.passed for each in checks)
    summary = conclusion(checks, "problem" if maps is None else "model")
    output.write(
        lambda: {
            "subject": name,
            "passed": passed,
            "conclusion": summary,
            "checks": [each._asdict() for each in checks],
            "audit": maps
            and {**pick(maps, "verdict needed_again ceiling bound"), "remedy": remedy(maps)},
            **({} if result is None else pick(result, "parameters state")),
            "cost": result and result.to_dict()["cost"],
        },
        lambda: _summary(name, checks, maps, summary, costs),
    )
    return 0 if passed else 1


def _summary(
    name: str, checks: Sequence[Check], maps: Audit | None, summary: str, costs: Table | None
) -> Iterator[RenderableType]:
    yield Text(name)
    knobs = {option(knob.name) for kind in FRAMINGS.values() for knob in kind.knobs()}
    flags = knobs | {"--framing", "--batch-size"}
    results = table("check", "", "result")
    for each in checks:
        verdict = Text("ok", "green") if each.passed else Text("failed", "red")
        results.add_row(each.name, verdict, Text(as_flags(each.found, flags)))
    yield results
    if costs:
        figures = table(*costs.head)
        for row in costs.rows:
            figures.add_row(*(each.text for each in row))
        yield figures
    failed = [each for each in checks if not each.passed]
    yield from (
        Text(f"{each.name}: {as_flags(each.remedy, flags)}") for each in failed if each.remedy
    )
    parts = [Text(summary)]
    if maps is not None:
        verdict = f"Audit: {maps.verdict}: {maps.meaning}. Best possible score {maps.best}."
        audited = Text(f"{verdict} {remedy(maps)}".rstrip())
        # Where a check failed, the conclusion says so.
        parts = [audited, *parts] if failed else [*parts, Text(f"{audited} {OF_FRAMING}")]
    yield from parts


def _is_adopted(value: Any) -> bool:
    return type(value).__module__ == "longlag.adapters.models.user_model"  # which needs jax


def _subject(subject: str) -> Any:
    """The problem, with its defaults, or the model that the subject names."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    if not is_reference(subject):
        if subject not in PROBLEMS:
            from longlag.models import MODELS  # which brings jax
            from longlag.models.by_name import by_name

            if subject.partition("(")[0] in MODELS:
                return by_name(subject)
        return lookup("problem", subject, PROBLEMS)()
    value = imported(*split(subject))
    return (
        _with_defaults(value) if isinstance(value, type) and issubclass(value, Problem) else value
    )


def _with_defaults(kind: type[Problem]) -> Problem:
    owner = f"{kind.__name__} cannot be created with its defaults"
    try:
        wrong = undeclared(kind)
        problem = None if wrong else kind()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{owner}: {type(error).__name__}: {shortened(str(error))}") from error
    if problem is None:
        raise ValueError(f"{owner}: {'. '.join(wrong or ())}")
    return problem
