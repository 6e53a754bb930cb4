"""Shortcuts: predictions that need no memory or no input, as yardsticks beside a score.

A score that a shortcut reaches shows nothing but the shortcut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from longlag import streams
from longlag.problems import Channels, Problem
from longlag.problems.drawing import drawn

if TYPE_CHECKING:
    from longlag.scores.evaluation import Evaluation


_LEARNED_FROM = 2000  # training episodes that the constants are taken from


def shortcuts(problem: Problem, asked: Evaluation) -> dict[str, float]:
    """Accuracy of each shortcut on the sequences of an evaluation.

    Args:
        problem: The problem, whose training stream the constants are learned from.
        asked: The sequences, and where they are scored.

    Returns:
        By name: `most frequent` (one constant for all steps), `constant per step`, and,
        where inputs, or a channel of them, and targets are of one kind, `copy current` and
        `copy previous`.

    >>> from longlag import Chunks, EchoLag, MLP, train
    >>> run = train(EchoLag(lag=0, values=4), Chunks(), MLP(), sequences=1)
    >>> run.shortcuts["copy current"]
    1.0
    """
    learned = drawn(problem, streams.training(0), _LEARNED_FROM)
    spec, scored = asked.spec, asked.scored
    there = learned.targets[learned.scored]
    by_step = np.zeros(asked.targets.shape[1:], spec.dtype)
    for step in np.flatnonzero(scored.any(axis=0)):
        at = learned.targets[:, step][learned.scored[:, step]]
        by_step[step] = spec.best_constant(at) if len(at) else spec.best_constant(there)
    steps = scored.any(axis=0)
    used = learned.targets[:, steps][learned.scored[:, steps]]
    guesses = {
        "most frequent": np.broadcast_to(spec.best_constant(used), asked.targets.shape),
        "constant per step": np.broadcast_to(by_step, asked.targets.shape),
    }
    for name, values in _copied(problem, asked.inputs).items():
        guesses[f"copy current{name}"] = values
        guesses[f"copy previous{name}"] = np.concatenate([values[:, :1], values[:, :-1]], axis=1)
    return {
        name: float(spec.matches(guess, asked.targets)[scored].mean())
        for name, guess in guesses.items()
    }


def _copied(problem: Problem, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs that could be targets, by what to add to the name of a copy of them."""
    spec = problem.inputs
    if spec.like(problem.targets):
        return {"": inputs}
    if not isinstance(spec, Channels):
        return {}
    named = zip(spec.channels, spec.split(inputs), strict=True)
    return {f" {name}": part for (name, kind), part in named if kind.like(problem.targets)}
