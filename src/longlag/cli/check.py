"""`longlag check`: whether what a user wrote keeps the contract that the lab relies on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from longlag.adapters.user_code import imported, is_reference, split
from longlag.checks.check import Check
from longlag.checks.knobs import undeclared
from longlag.checks.problem import check_problem
from longlag.cli._flags import Count, Json, Output, given
from longlag.cli._framed import FramingFlags, FramingName, ProblemFlags, framed
from longlag.cli._output import Refused, others_aside, print_rich, refusing, writable, write_json
from longlag.encodings import ENCODINGS
from longlag.framings import Framing
from longlag.knobs import BATCH_SIZE, lookup
from longlag.problems import PROBLEMS, Problem

if TYPE_CHECKING:
    from longlag.checks.probe import Preflight


def check(
    subject: str,
    /,
    *,
    problem: str = "echo-lag",
    framing: FramingName = "whole",
    encoding: str | None = None,
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    batch_size: Count = BATCH_SIZE,
    json: Json = False,
    output: Output = None,
) -> int:
    """Check your own problem or model for mistakes, before training.

    A problem: are its answers, the inputs they need and the score by guessing right? A model: are
    its shapes right, does it look at later inputs, does it use masks and state? Exit code 1 if a
    check fails.

    Args:
        subject: `path/to/file.py:NAME`, where NAME is a Problem or a function that returns a
            model; or a name from `longlag problems`.
        problem: For a model: the problem it is checked on, a name from `longlag problems`.
        encoding: For a model: integers as one-hot vectors (default) or scaled.
        batch_size: For a model: samples in a batch.
    """
    writable(output)
    with others_aside():
        found = _found(subject)
    if isinstance(found, Problem):
        typed = {**given(problem_knobs), **given(framing_knobs)}
        if typed:
            flag = next(iter(typed)).replace("_", "-")
            raise Refused(f"`--{flag}` is for a model; {subject} is a problem. Leave it out.")
        return _check_problem(found, json, output)
    if not callable(found) and not _is_adopted(found):
        raise Refused(
            f"{subject} is no problem and makes no model, but {_words(found)}. Name a subclass of "
            "longlag.problems.Problem, one that is made, or a function that makes a model."
        )
    from longlag.cli._cache import keep_compiled_programs  # which brings jax

    keep_compiled_programs()
    with refusing(), others_aside():
        posed, laid = framed(problem, problem_knobs, framing, framing_knobs)
        made = _check_model(subject, posed, laid, encoding, batch_size)
    return _tell(f"{made.model}, {posed!r}, {laid!r}", made.checks, json, output)


def _is_adopted(found: Any) -> bool:
    return type(found).__module__ == "longlag.adapters.models.user_model"  # which needs jax


def _check_model(
    subject: str, posed: Problem, laid: Framing, encoding: str | None, batch_size: int
) -> Preflight:
    from longlag.adapters.models import user_model
    from longlag.checks.model import preflight

    chosen = None if encoding is None else lookup("encoding", encoding, ENCODINGS)
    model = user_model.from_reference(subject)
    return preflight(posed, laid, model, encoding=chosen, batch_size=batch_size)


def _found(subject: str) -> Any:
    """What the subject names; a problem is made with its defaults."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    with refusing():
        if not is_reference(subject):
            return lookup("problem", subject, PROBLEMS)()
        found = imported(*split(subject))
    if isinstance(found, type) and issubclass(found, Problem):
        return _made(found)
    return found


def _made(kind: type[Problem]) -> Problem:
    owner = f"{kind.__name__} cannot be made with its defaults"
    try:
        wrong = undeclared(kind)
        made = None if wrong else kind()
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())
        raise Refused(f"{owner}: {type(error).__name__}: {said}") from error
    if made is None:
        raise Refused(f"{owner}: {'. '.join(wrong or ())}")
    return made


def _words(found: Any) -> str:
    if isinstance(found, type):
        return f"the class {found.__name__}"
    return f"of type {type(found).__name__}"


def _check_problem(problem: Problem, json: bool, output: Path | None) -> int:
    with others_aside():
        checks = check_problem(problem)
    return _tell(repr(problem), checks, json, output)


def _tell(subject: str, checks: Sequence[Check], json: bool, output: Path | None) -> int:
    failed = [each for each in checks if not each.passed]
    if json:
        document = {
            "subject": subject,
            "passed": not failed,
            "checks": [each._asdict() for each in checks],
        }
        write_json(document, output)
        return 1 if failed else 0
    table = Table("check", "", "what was found", box=None, padding=(0, 2, 0, 0))
    for each in checks:
        verdict = Text("ok", "green") if each.passed else Text("failed", "red")
        table.add_row(each.name, verdict, Text(each.found))
    remedies = [Text(f"{each.name}: {each.remedy}") for each in failed if each.remedy]
    verdict = f"{len(failed)} of {len(checks)} checks failed." if failed else "All checks passed."
    print_rich(Text(subject), table, Text(verdict), *remedies, path=output)
    return 1 if failed else 0
