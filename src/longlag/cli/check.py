"""`longlag check`: tests of a user's problem or model."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from longlag.adapters.models.hints import shortened
from longlag.adapters.user_code import CALL, imported, is_reference, split
from longlag.answers.blocks import Block, text
from longlag.audit_answer import Audit
from longlag.by_name import option
from longlag.checks.check import OF_INPUTS, Checks
from longlag.checks.knobs import undeclared
from longlag.checks.problem import check_problem
from longlag.cli._flags import (
    Count,
    EncodingName,
    FramingFlags,
    FramingName,
    ProblemFlags,
    code_files,
    flag_values,
    problem_and_framing,
)
from longlag.cli._output import ANSWER, AnswerFlags, pick, stdout_to_stderr
from longlag.cli._remedies import as_flags
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS
from longlag.knobs import BATCH_SIZE, lookup
from longlag.maps import audit
from longlag.problems import PROBLEMS, Problem
from longlag.visible import Reach

_AUDIT = "verdict needed_again ceiling bound ahead"


def check(
    subject: str,
    /,
    problem: str | None = None,
    *,
    framing: FramingName = "whole",
    encoding: EncodingName = None,
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    batch_size: Count = BATCH_SIZE,
    output: AnswerFlags = ANSWER,
) -> int:
    """Check a problem or a model for mistakes, and measure what the model costs.

    A problem: are its answers, the inputs they need and their chance right? A model: are
    its shapes right, does it look at later inputs, does it use masks and state? Exit code 1 if a
    check fails. The problem, framing, encoding and batch size are those a model is checked with.

    Args:
        subject: `path/to/file.py:NAME`, where NAME is a Problem or a function that returns a
            model; a name from `longlag problems`; or a model such as 'lstm(hidden_size=64)'.
        problem: For a model: the problem it is checked on, a name from `longlag problems`,
            or your own, FILE:NAME. Default: echo-lag.
        batch_size: For a model: samples in a batch.
    """
    output.check(code_files(subject, problem or subject))
    output.refuse_pictures()
    maps = None
    with stdout_to_stderr():
        value = _subject(subject)
        if isinstance(value, Problem):
            values = {**flag_values(problem_knobs), **flag_values(framing_knobs)}
            if problem is not None or values:
                flag = option("problem" if problem is not None else next(iter(values)))
                raise ValueError(f"`{flag}` is for a model; {subject} is a problem. Leave it out.")
            name = repr(value)
            answer = Checks(name, check_problem(value))
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
            on, framing_object = problem_and_framing(
                problem or "echo-lag", problem_knobs, framing, framing_knobs
            )
            chosen = None if encoding is None else lookup("encoding", encoding, ENCODINGS)
            model = model_from_name(subject, {})
            answer = preflight(on, framing_object, model, encoding=chosen, batch_size=batch_size)
            name = f"{answer.model}, {on!r}, {framing_object!r}"
            reach = Reach.of(model)
            maps = audit(on, framing_object, batch_size=batch_size, reach=reach)
        shown = _in_flags(answer, name)
        document = shown.to_dict()  # here, where a model may print, its cost is measured
    remedied = None if maps is None else {**pick(maps, _AUDIT), "remedy": _flags(maps.remedy)}
    plain = [check._asdict() for check in answer.checks]
    document = {**document, "checks": plain, "audit": remedied}
    output.write_answer(answer, _blocks(shown, maps), document)
    return 0 if answer.passed else 1


def _in_flags(answer: Checks, name: str) -> Checks:
    """The answer under a name, with its remedies in flags."""
    checks = (
        each._replace(found=_flags(each.found), remedy=_flags(each.remedy))
        for each in answer.checks
    )
    return dataclasses.replace(answer, subject=name, checks=tuple(checks))


def _flags(sentence: str) -> str:
    """A sentence in the flags of this command, which has none of a model."""
    knobs = {option(knob.name) for kind in FRAMINGS.values() for knob in kind.knobs()}
    return as_flags(sentence, knobs | {"--framing", "--batch-size"})


def _blocks(answer: Checks, maps: Audit | None) -> list[Block]:
    """The blocks of the answer, and the audit."""
    *blocks, end = answer.blocks()
    if maps is None:
        return [*blocks, end]
    verdict = f"Audit: {maps.verdict}: {maps.meaning}. Best possible score {maps.best}."
    parts = [
        verdict,
        maps.nothing_to_learn,
        maps.not_causal,
        _flags(maps.remedy),
        OF_INPUTS if answer.passed else "",
    ]
    audited = text(" ".join(filter(None, parts)))
    # Where a check failed, the conclusion says what an audit is of.
    return [*blocks, end, audited] if answer.passed else [*blocks, audited, end]


def _is_adopted(value: Any) -> bool:
    return type(value).__module__ == "longlag.adapters.models.user_model"  # which needs jax


def _subject(subject: str) -> Any:
    """The problem, with its defaults, or the model that the subject names."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    if not is_reference(subject):
        if subject in PROBLEMS:
            return PROBLEMS[subject]()
        from longlag.models import MODELS  # which brings jax
        from longlag.models.by_name import as_in_tables, by_name

        if (name := subject.partition("(")[0].strip()) in MODELS or as_in_tables(subject):
            return by_name(subject)
        return lookup("problem or model", name, {**PROBLEMS, **MODELS})
    call = CALL.fullmatch(subject)
    value = imported(*split(call[1] if call else subject))  # whose arguments the model takes
    if isinstance(value, type) and issubclass(value, Problem):
        split(subject)  # which refuses arguments
        return _with_defaults(value)
    if isinstance(value, Problem):
        split(subject)
    return value


def _with_defaults(kind: type[Problem]) -> Problem:
    owner = f"{kind.__name__} cannot be created with its defaults"
    try:
        wrong = undeclared(kind)
        problem = None if wrong else kind()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{owner}: {type(error).__name__}: {shortened(error)}") from error
    if problem is None:
        raise ValueError(f"{owner}: {'. '.join(wrong or ())}")
    return problem
