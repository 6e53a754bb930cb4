"""Shortcuts: predictions that need no memory or no input, as yardsticks beside a score.

A score that a shortcut reaches shows nothing but the shortcut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from longlag import streams
from longlag.problems import Integers, Problem

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
        where inputs and targets are of one kind, `copy current` and `copy previous`.

    >>> from longlag import Chunks, EchoLag, MLP, train
    >>> run = train(EchoLag(lag=0, values=4), Chunks(), MLP(), epochs=1)
    >>> run.shortcuts["copy current"]
    1.0
    """
    learned = problem.draw(streams.training(0), _LEARNED_FROM)
    steps = asked.scored.any(axis=0)
    targets, tolerance = learned.targets[:, steps], asked.tolerance
    said = {
        "most frequent": np.full(problem.steps, _constant(targets.ravel(), tolerance)),
        "constant per step": np.zeros(problem.steps, targets.dtype),
    }
    said["constant per step"][steps] = [_constant(column, tolerance) for column in targets.T]
    if isinstance(problem.inputs, Integers) == isinstance(problem.targets, Integers):
        said["copy current"] = asked.inputs
        said["copy previous"] = np.hstack([asked.inputs[:, :1], asked.inputs[:, :-1]])
    scored = asked.scored

    def share(guess: np.ndarray) -> float:
        return float((np.abs(guess - asked.targets) <= tolerance)[scored].mean())

    return {name: share(np.broadcast_to(guess, scored.shape)) for name, guess in said.items()}


def _constant(targets: np.ndarray, tolerance: float) -> Any:
    """The constant within tolerance of most targets."""
    values, counts = np.unique(targets, return_counts=True)
    # The best window of twice the tolerance begins at some target.
    end = np.searchsorted(values, values + 2 * tolerance * (1 + 1e-6), side="right")
    total = np.concatenate([[0], counts.cumsum()])
    best = int((total[end] - total[:-1]).argmax())
    return (values[best] + values[end[best] - 1]) / 2 if tolerance else values[best]
