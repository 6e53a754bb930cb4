"""Drawing: episodes of any problem, with a check of those of user-defined problems."""

from __future__ import annotations

from typing import Any

import numpy as np

from longlag.problems._base import Episodes, Problem


def draw(problem: Problem, rng: np.random.Generator, count: int) -> Episodes:
    """Draw episodes, and check that they have the shape and the range that the problem declares.

    Without the check, wrong episodes would cause wrong results, or an error far from its cause.

    Args:
        problem: The problem.
        rng: The random generator.
        count: Number of episodes.

    Raises:
        TypeError: The result is not Episodes, or not of numbers.
        ValueError: The number, shape or range of the episodes is wrong.

    >>> from longlag.problems import EchoLag
    >>> draw(EchoLag(length=3), np.random.default_rng(0), 2).inputs.shape
    (2, 3)
    """
    episodes: Any = problem.draw(rng, count)
    if not type(problem).__module__.startswith("longlag."):
        _check(problem, episodes, count)
    return episodes


def _check(problem: Problem, episodes: Any, count: int) -> None:
    owner = f"`draw` of {type(problem).__name__}"
    if not isinstance(episodes, Episodes):
        raise TypeError(f"{owner} must return Episodes, got {type(episodes).__name__}.")
    steps = np.arange(problem.steps)
    is_input = np.broadcast_to(steps < problem.steps - problem.answers, (count, problem.steps))
    if episodes.answer is not None and np.shape(episodes.answer) == (count,):
        is_input = steps < np.asarray(episodes.answer)[:, None]
    if episodes.present is not None and np.shape(episodes.present) == (count, problem.steps):
        is_input = is_input & episodes.present
    axes = (count, problem.steps)
    if np.shape(episodes.scored) != axes:
        raise ValueError(f"{owner}: scored must be {axes}, got {np.shape(episodes.scored)}.")
    for name, spec, counts in (
        ("inputs", problem.inputs, is_input),
        ("targets", problem.targets, episodes.scored),
    ):
        values = getattr(episodes, name)
        if np.shape(values) != (shape := (*axes, *spec.shape)):
            raise ValueError(f"{owner}: {name} must be {shape}, got {np.shape(values)}.")
        if values.dtype.kind not in "biuf":
            raise TypeError(f"{owner}: {name} must be numbers, got {values.dtype}.")
        errors = np.argwhere(~spec.allows(values) & counts)
        if len(errors):
            episode, step = errors[0]
            raise ValueError(
                f"{owner}: {name} must be {spec.rule}, got {values[episode, step]} at "
                f"step {step}. Use longlag check to see what else is wrong."
            )
