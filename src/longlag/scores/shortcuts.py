"""Shortcuts: simple rules that need no memory or no input, for comparison with a score.

A model that scores no better than a shortcut may have learned only that rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from longlag import streams
from longlag.problems import Channels, Problem
from longlag.problems.drawing import draw

if TYPE_CHECKING:
    from longlag.scores.evaluation import Evaluation


_TRAINING_EPISODES = 2000  # for the constants


def shortcuts(problem: Problem, evaluation: Evaluation) -> dict[str, float]:
    """Accuracy of each shortcut on the sequences of an evaluation.

    Args:
        problem: The problem, whose training stream the constants are learned from.
        evaluation: The sequences, and where they are scored.

    Returns:
        By name: `most frequent` (one constant for all steps), `constant per step`, and,
        where inputs, or a channel of them, and targets are of one kind, `copy current` and
        `copy previous`.

    >>> from longlag import Chunks, EchoLag, MLP, train
    >>> run = train(EchoLag(lag=0, values=4), Chunks(), MLP(), sequences=1)
    >>> run.shortcuts["copy current"]
    1.0
    """
    training = draw(problem, streams.training(0), _TRAINING_EPISODES)
    spec, scored = evaluation.spec, evaluation.scored
    all_targets = training.targets[training.scored]
    by_step = np.zeros(evaluation.targets.shape[1:], spec.dtype)
    for step in np.flatnonzero(scored.any(axis=0)):
        targets = training.targets[:, step][training.scored[:, step]]
        by_step[step] = spec.best_constant(targets if len(targets) else all_targets)
    steps = scored.any(axis=0)
    scored_targets = training.targets[:, steps][training.scored[:, steps]]
    guesses = {
        "most frequent": np.broadcast_to(
            spec.best_constant(scored_targets), evaluation.targets.shape
        ),
        "constant per step": np.broadcast_to(by_step, evaluation.targets.shape),
    }
    for name, values in _copyable(problem, evaluation.inputs).items():
        guesses[f"copy current{name}"] = values
        guesses[f"copy previous{name}"] = np.concatenate([values[:, :1], values[:, :-1]], axis=1)
    return {
        name: float(spec.matches(guess, evaluation.targets)[scored].mean())
        for name, guess in guesses.items()
    }


def _copyable(problem: Problem, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs, or channels of them, of the kind of the targets, by the suffix of their name."""
    spec = problem.inputs
    if spec.like(problem.targets):
        return {"": inputs}
    if not isinstance(spec, Channels):
        return {}
    columns = zip(spec.channels, spec.split(inputs), strict=True)
    return {f" {name}": part for (name, kind), part in columns if kind.like(problem.targets)}
