"""Drawing: episodes of any problem, those of a user's own looked at before they are used."""

from __future__ import annotations

from typing import Any

import numpy as np

from longlag.problems._base import Episodes, Problem


def drawn(problem: Problem, rng: np.random.Generator, count: int) -> Episodes:
    """Episodes that a problem draws, of the shape and within the range that it declares.

    What it draws wrongly would otherwise end in a wrong answer, or in an error far from its cause.

    Args:
        problem: The problem.
        rng: Where the episodes come from.
        count: How many.

    Raises:
        TypeError: It draws no episodes, or no numbers.
        ValueError: They are of another number, shape or range.

    >>> from longlag.problems import EchoLag
    >>> drawn(EchoLag(length=3), np.random.default_rng(0), 2).inputs.shape
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
    shows = np.broadcast_to(steps < problem.steps - problem.answers, (count, problem.steps))
    if episodes.answer is not None and np.shape(episodes.answer) == (count,):
        shows = steps < np.asarray(episodes.answer)[:, None]
    if episodes.present is not None and np.shape(episodes.present) == (count, problem.steps):
        shows = shows & episodes.present
    wanted = (count, problem.steps)
    if np.shape(episodes.scored) != wanted:
        raise ValueError(f"{owner}: scored must be {wanted}, got {np.shape(episodes.scored)}.")
    for name, spec, counts in (
        ("inputs", problem.inputs, shows),
        ("targets", problem.targets, episodes.scored),
    ):
        values = getattr(episodes, name)
        if np.shape(values) != (shape := (*wanted, *spec.shape)):
            raise ValueError(f"{owner}: {name} must be {shape}, got {np.shape(values)}.")
        if values.dtype.kind not in "biuf":
            raise TypeError(f"{owner}: {name} must be numbers, got {values.dtype}.")
        places = np.argwhere(~spec.allows(values) & counts)
        if len(places):
            episode, step = places[0]
            raise ValueError(
                f"{owner}: {name} must be {spec.rule}, got {values[episode, step]} at "
                f"step {step}. Use longlag check to see what else is wrong."
            )
