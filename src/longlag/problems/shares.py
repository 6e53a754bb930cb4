"""Whether the chance and the ceiling of a problem are shares of right targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from longlag.arguments import short_repr
from longlag.problems._base import Problem, Steps

_ROUNDING = 1e-9

_RULE = "which is no share from 0 to 1"
_REMEDY = "Give the share of right targets."


def check_shares(problem: Problem, steps: Steps) -> None:
    """Refuse a chance or a ceiling, over these steps, that is no share of right targets.

    Raises:
        ValueError: One is not.

    >>> from longlag.problems import EchoLag
    >>> check_shares(EchoLag(length=3), np.array([False, True, True]))
    """
    if wrong := wrong_share(problem, steps):
        raise ValueError(f"{type(problem).__name__}: {wrong}. {_REMEDY}")


def wrong_share(problem: Problem, steps: Steps) -> str:
    """What is no share of right targets, with the method that gives it; empty if all are."""
    by_step = problem.chance_array
    if by_step.shape != (problem.steps,):
        return f"`chance_by_step` must give {(problem.steps,)}, it gives {by_step.shape}"
    bad = np.flatnonzero(steps & ~_is_share(by_step))
    if len(bad):
        return f"`chance_by_step` gives {by_step[bad[0]]:.3g} at step {bad[0]}, {_RULE}"
    for name in ("chance", "ceiling"):
        if text := _not_a_share(name, getattr(problem, name)(steps)):
            return text
    return ""


def check_ceiling(problem: Problem, ceiling: float) -> None:
    """Refuse the best score from some inputs if it is no share of right targets.

    Raises:
        ValueError: It is not.
    """
    if wrong := _not_a_share("ceiling_by_step", ceiling):
        raise ValueError(f"{type(problem).__name__}: {wrong}. {_REMEDY}")


def _not_a_share(method: str, value: Any) -> str:
    is_number = np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf"
    if is_number and _is_share(np.float64(value)):
        return ""
    shown = f"{float(value):.3g}" if is_number else short_repr(value)
    return f"`{method}` gives {shown}, {_RULE}"


def _is_share(values: Any) -> Any:
    return (values >= -_ROUNDING) & (values <= 1 + _ROUNDING)  # NaN is not
