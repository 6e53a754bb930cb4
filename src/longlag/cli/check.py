"""`longlag check`: whether what a user wrote keeps the contract that the lab relies on."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from longlag.adapters.source import imported, is_reference, split
from longlag.cli._flags import Json, Output
from longlag.cli._output import Refused, print_rich, refusing, writable, write_json
from longlag.knobs import lookup
from longlag.lab.contract import check_problem, undeclared
from longlag.problems import PROBLEMS, Problem


def check(subject: str, /, *, json: Json = False, output: Output = None) -> int:
    """Check that a problem of your own keeps the contract: oracle, needs, chance and more.

    Ends with exit code 1 where some check fails.

    Args:
        subject: `path/to/file.py:NAME`, a Problem or one with its knobs set; or a name from
            `longlag problems`.
    """
    writable(output)
    with contextlib.redirect_stdout(sys.stderr):  # what the file prints is no part of the answer
        found = _found(subject)
    if isinstance(found, Problem):
        return _check_problem(found, json, output)
    raise Refused(
        f"{subject} is no problem but {_words(found)}. Name a subclass of "
        "longlag.problems.Problem, or one that is made."
    )


def _found(subject: str) -> Any:
    """What the subject names; a problem is made with its defaults."""
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
    with contextlib.redirect_stdout(sys.stderr):
        checks = check_problem(problem)
    failed = [each for each in checks if not each.passed]
    if json:
        document = {
            "problem": repr(problem),
            "passed": not failed,
            "checks": [each._asdict() for each in checks],
        }
        write_json(document, output)
        return 1 if failed else 0
    table = Table("check", "", "what was found", box=None, padding=(0, 2, 0, 0))
    for each in checks:
        verdict = Text("ok", "green") if each.passed else Text("failed", "red")
        table.add_row(each.name, verdict, Text(each.found))
    remedies = [Text(f"{each.name}: {each.remedy}") for each in failed]
    verdict = f"{len(failed)} of {len(checks)} checks failed." if failed else "All checks passed."
    print_rich(Text(repr(problem)), table, Text(verdict), *remedies, path=output)
    return 1 if failed else 0
