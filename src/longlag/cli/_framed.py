"""The flags of a problem under a framing, which `show`, `audit` and `train` share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from longlag.adapters import user_code
from longlag.checks.knobs import undeclared
from longlag.cli._flags import build, build_all, flags, given
from longlag.framings import FRAMINGS, Framing
from longlag.problems import PROBLEMS, Problem

if TYPE_CHECKING:  # the types are made at run time, out of the tables
    ProblemFlags = FramingFlags = Any
else:
    ProblemFlags = flags("Problem", PROBLEMS)
    FramingFlags = flags("Framing", FRAMINGS)

FramingName = Annotated[
    str,
    Parameter(
        name="--framing",
        help="How sequences are cut into samples: whole (one sample per sequence), chunks "
        "(consecutive pieces), window (sliding window), prefix (everything so far), vector (the "
        "answer as one vector) or encoder-decoder (the answer value by value).",
    ),
]


def framed(
    problem: str, problem_knobs: ProblemFlags, framing: str, framing_knobs: FramingFlags
) -> tuple[Problem, Framing]:
    """The problem and the framing that were asked for."""
    return (
        problem_from_name(problem, given(problem_knobs)),
        build("framing", framing, FRAMINGS, given(framing_knobs)),
    )


def problem_from_name(name: str, typed: Mapping[str, Any]) -> Problem:
    """The problem called so, or that of a file, `path/to/file.py:NAME`, with the flags as knobs."""
    if not user_code.is_reference(name):
        return build("problem", name, PROBLEMS, typed)
    thing, origin = user_code.from_reference(name)
    if isinstance(thing, Problem):
        return dataclasses.replace(thing, **typed)
    if not (isinstance(thing, type) and issubclass(thing, Problem)):
        raise ValueError(
            f"{origin.words} is no problem. Name a subclass of longlag.problems.Problem, or one "
            "that is made."
        )
    if wrong := undeclared(thing):
        raise ValueError(f"{origin.words}: {'. '.join(wrong)}")
    try:
        return thing(**typed)
    except (ValueError, TypeError):
        raise
    except (Exception, SystemExit) as error:
        raise ValueError(
            f"{origin.words} cannot be made: {type(error).__name__}: {error}"
        ) from error


def problems_from_names(names: Sequence[str], typed: Mapping[str, Any]) -> list[Problem]:
    """The problems called so; each takes those of the flags that it has as knobs."""
    plain = [name for name in names if not user_code.is_reference(name)]
    if not plain:
        return [problem_from_name(name, typed) for name in names]
    built = iter(build_all("problem", plain, PROBLEMS, typed))
    return [next(built) if name in plain else problem_from_name(name, {}) for name in names]
