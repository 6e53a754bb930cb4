"""The flags of a problem under a framing, which `show`, `audit` and `train` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from longlag.cli._flags import build, flags, given
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
        build("problem", problem, PROBLEMS, given(problem_knobs)),
        build("framing", framing, FRAMINGS, given(framing_knobs)),
    )
