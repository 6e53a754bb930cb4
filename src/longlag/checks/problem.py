"""Checks of a problem: are its chance, ceiling and needs correct?

Each check is a function of the problem that returns a line of evidence, or raises `CheckFailed`.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from longlag.adapters.models.hints import shortened
from longlag.checks.chance import check_ceiling, check_chance
from longlag.checks.check import Check, CheckFailed
from longlag.checks.draws import check_determinism, check_draws
from longlag.checks.episodes import (
    digest_of,
    input_length,
    needs_of,
    sample_episodes,
)
from longlag.checks.knobs import check_knobs
from longlag.checks.oracle import check_needs, check_oracle
from longlag.problems import Problem

_RUNGS = 5


def check_problem(problem: Problem) -> tuple[Check, ...]:
    """Check a problem against the contract of `longlag.problems.Problem`, part by part.

    An exception of the problem is a failed check. Nothing is trained.

    Args:
        problem: The problem, with the knobs to check it with.

    Returns:
        One result per part, with its evidence.

    >>> from longlag.problems import EchoLag
    >>> knobs, *_ = check_problem(EchoLag(lag=1, length=3))
    >>> knobs.passed, knobs.found
    (True, 'each is declared, keeps its range and changes the data: length, lag, values')
    """
    scored = problem.for_part("evaluation")  # chance and ceiling are of scores
    return tuple(_outcome(name, check, scored) for name, check in _CHECKS.items())


def _outcome(name: str, check: Callable[[Problem], str], problem: Problem) -> Check:
    try:
        return Check(name, True, check(problem))
    except CheckFailed as failure:
        return Check(name, False, str(failure), failure.remedy)
    except (Exception, SystemExit) as error:
        return Check(name, False, *_raised(problem, error))


def _raised(problem: Problem, error: BaseException) -> tuple[str, str]:
    """The exception of a problem, and a remedy with its place."""
    text = shortened(error)
    words = " ".join([f"{type(error).__name__}: {text}", *getattr(error, "__notes__", ())]).split()
    modules = [sys.modules.get(kind.__module__) for kind in type(problem).__mro__]
    files = {getattr(module, "__file__", None) for module in modules}
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files
    ]
    if not frames:
        return " ".join(words), "See `longlag.problems.Problem` for each of its parts."
    where = frames[-1]
    return (
        f"`{where.name}` raises {' '.join(words)}",
        f"Mend `{where.name}`: line {where.lineno} of {Path(where.filename).name}.",
    )


# Ladder and answer.


def _check_ladder(problem: Problem) -> str:
    ladder = getattr(problem, "ladder", None)
    if ladder is None:
        raise CheckFailed(
            "there is no ladder", "Declare `ladder: ClassVar[Ladder] = Ladder(knob, rungs)`."
        )
    knob, rungs = ladder
    names = [each.name for each in type(problem).knobs()]
    if knob not in names:
        raise CheckFailed(
            f"the ladder climbs `{knob}`, which is not a knob", f"Use one of {', '.join(names)}."
        )
    if not rungs or list(rungs) != sorted(set(rungs)):
        raise CheckFailed(
            f"the rungs {', '.join(map(str, rungs))} do not rise",
            "List them in `ladder` from easy to hard, each once.",
        )
    for rung in rungs:
        try:
            harder = problem.at(rung)
        except (ValueError, TypeError) as error:
            raise CheckFailed(
                f"the problem cannot be built at rung {rung}: {error}",
                f"Let `at` change the other knobs that {knob}={rung} needs.",
            ) from error
        if getattr(harder, knob) != rung or not sample_episodes(harder, 1).scored.any():
            raise CheckFailed(
                f"rung {rung} gives {harder!r}",
                f"Let `at` give a problem with {knob}={rung} and a target.",
            )
    remark = f"; {_RUNGS} or more would tell models apart better" if len(rungs) < _RUNGS else ""
    return f"{knob} {', '.join(map(str, rungs))}{remark}"


def _check_answer(problem: Problem) -> str:
    kind, question = type(problem), input_length(problem)
    if not str(getattr(problem, "source", "")).strip():
        raise CheckFailed("`source` is empty", 'Name its author: `source: ClassVar[str] = "…"`.')
    removed = sys.flags.optimize > 1  # by Python, from all code
    written = f"{kind.__name__}("  # by dataclass
    if not removed and (not kind.__doc__ or kind.__doc__.startswith(written)):
        raise CheckFailed(
            "there is no docstring", f"Begin {kind.__name__} with a line on its task."
        )
    if problem.varies:
        where = "its answers begin where inputs end" if problem.answers else "none after the input"
        return f"{where}; {problem.source}"
    inputs = sample_episodes(problem).inputs
    whole = problem.with_blank_answer(inputs[:, :question])
    if whole.shape != inputs.shape or (whole != inputs).any():
        raise CheckFailed(
            "`with_blank_answer` does not restore the inputs of an episode",
            "Let `with_blank_answer` add the inputs of the answer's steps to the values shown.",
        )
    same = problem.showing(question)
    if (
        digest_of(sample_episodes(same)) != digest_of(sample_episodes(problem))
        or (needs_of(same) != needs_of(problem)).any()
    ):
        raise CheckFailed(
            f"`showing({question})`, its own length, gives another problem: {same!r}",
            "Let `showing` change only the length.",
        )
    answer = f"from step {question} on" if problem.answers else "none after the input"
    return f"{answer}; a sequence of {question} values is the same problem"


_CHECKS: dict[str, Callable[[Problem], str]] = {
    "knobs": check_knobs,
    "draws": check_draws,
    "determinism": check_determinism,
    "oracle": check_oracle,
    "needs": check_needs,
    "chance": check_chance,
    "ceiling": check_ceiling,
    "ladder": _check_ladder,
    "answer": _check_answer,
}
