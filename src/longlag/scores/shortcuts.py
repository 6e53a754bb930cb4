"""Shortcuts: simple rules that need no memory or no input, for comparison with a score.

A model that scores no better than a shortcut may have learned only that rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from longlag import streams
from longlag.problems import Channels, Episodes, Integers, Problem
from longlag.problems.drawing import draw

if TYPE_CHECKING:
    from longlag.scores.evaluation import Evaluation


_TRAINING_EPISODES = 2000  # for the constants

_EPISODES = 400  # of shortcuts before any training, whose scores are thus good to about 0.02

_WINDOWS = 1, 4

_MOST_KEYS = 2**62


def shortcuts(problem: Problem, evaluation: Evaluation) -> dict[str, float]:
    """Accuracy of each shortcut on the sequences of an evaluation.

    Args:
        problem: The problem, whose training stream the constants are learned from.
        evaluation: The sequences, and where they are scored.

    Returns:
        By name: `most frequent` (one constant for all steps), `constant per step`; where inputs,
        or a channel of them, and targets are of one kind, `copy current` and `copy previous`;
        and the simple rules of the problem (`Problem.guesses`).

    >>> from longlag import Chunks, EchoLag, MLP, train
    >>> run = train(EchoLag(lag=0, values=4), Chunks(), MLP(), sequences=1)
    >>> run.shortcuts["copy current"]
    1.0
    """
    training = draw(_scored(problem), streams.training(0), _TRAINING_EPISODES)
    inputs, targets, scored = evaluation.inputs, evaluation.targets, evaluation.scored
    guesses = _constants(problem, training, scored) | _copies(problem, inputs)
    guesses |= problem.guesses(inputs)
    return _accuracies(problem, guesses, targets, scored)


def shortcuts_of(problem: Problem) -> dict[str, float]:
    """Accuracy of each shortcut on fresh episodes of a problem, before any training.

    Beside those of `shortcuts`, for integer inputs: the best rule that knows the last input alone
    or the last four, a table that is learned from training episodes.

    >>> from longlag import EchoLag
    >>> found = shortcuts_of(EchoLag(lag=1, values=3))
    >>> found["copy previous"], found["last 4 inputs"]
    (1.0, 1.0)
    >>> found["last input"] < 0.4
    True
    """
    problem = _scored(problem)
    training, fresh = (draw(problem, stream(0), _EPISODES) for stream in _STREAMS)
    guesses = _constants(problem, training, fresh.scored) | _copies(problem, fresh.inputs)
    guesses |= _windows(problem, training, fresh.inputs) | problem.guesses(fresh.inputs)
    return _accuracies(problem, guesses, fresh.targets, fresh.scored)


_STREAMS = streams.training, streams.evaluation


def _scored(problem: Problem) -> Problem:
    """The problem as it is scored, where only the targets of training have noise."""
    return problem if problem.forecasts else problem.for_part("evaluation")


def _accuracies(
    problem: Problem,
    guesses: dict[str, np.ndarray],
    targets: np.ndarray,
    scored: NDArray[np.bool_],
) -> dict[str, float]:
    spec = problem.targets
    return {
        name: float(spec.matches(np.broadcast_to(guess, targets.shape), targets)[scored].mean())
        for name, guess in guesses.items()
    }


def _constants(
    problem: Problem, training: Episodes, scored: NDArray[np.bool_]
) -> dict[str, np.ndarray]:
    """The best constant of all scored steps, and that of each."""
    spec, steps = problem.targets, scored.any(axis=0)
    all_targets = training.targets[training.scored]
    by_step = np.zeros(training.targets.shape[1:], spec.dtype)
    for step in np.flatnonzero(steps):
        targets = training.targets[:, step][training.scored[:, step]]
        by_step[step] = spec.best_constant(targets if len(targets) else all_targets)
    targets = training.targets[:, steps][training.scored[:, steps]]
    best = np.asarray(spec.best_constant(targets))
    return {"most frequent": best, "constant per step": by_step}


def _copies(problem: Problem, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs, or channels of them, of the kind of the targets: the current and the previous one."""
    spec, guesses = problem.inputs, {}
    if spec.like(problem.targets):
        parts = {"": inputs}
    elif isinstance(spec, Channels):
        columns = zip(spec.channels, spec.split(inputs), strict=True)
        parts = {f" {name}": part for (name, kind), part in columns if kind.like(problem.targets)}
    else:
        parts = {}
    for name, values in parts.items():
        guesses[f"copy current{name}"] = values
        guesses[f"copy previous{name}"] = np.concatenate([values[:, :1], values[:, :-1]], axis=1)
    return guesses


def _windows(problem: Problem, training: Episodes, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """The most frequent target of training after the last inputs, for windows of a few."""
    spec, guesses = problem.inputs, {}
    if not isinstance(spec, Integers) or problem.targets.has_error:
        return guesses
    counts = training.targets[training.scored]
    constant = problem.targets.best_constant(counts)
    kinds, kind = _kinds(counts)
    for window in _WINDOWS:
        if (spec.values + 2) ** window * len(kinds) > _MOST_KEYS:
            continue
        known = _keys(training.inputs, window, spec.values)[training.scored]
        asked = _keys(inputs, window, spec.values)
        pairs, times = np.unique(known * len(kinds) + kind, return_counts=True)
        # Of one key the most frequent kind comes last.
        pairs = pairs[np.lexsort((times, pairs // len(kinds)))]
        last = np.append(np.diff(pairs // len(kinds)) != 0, True)
        keys, best = np.divmod(pairs[last], len(kinds))
        place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        found = (keys[place] == asked).reshape(*asked.shape, *[1] * len(problem.targets.shape))
        name = "last input" if window == 1 else f"last {window} inputs"
        guesses[name] = np.where(found, kinds[best[place]], constant)
    return guesses


def _kinds(targets: np.ndarray) -> tuple[np.ndarray, NDArray[np.intp]]:
    """The different targets, and which of them each is."""
    rows = np.ascontiguousarray(targets.reshape(len(targets), -1))
    as_one = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
    _, first, kind = np.unique(as_one, return_index=True, return_inverse=True)
    return targets[first], kind


def _keys(inputs: np.ndarray, window: int, values: int) -> NDArray[np.int64]:
    """One number for the last inputs of each step, fewer at the beginning, `(count, step)`."""
    padded = np.pad(inputs.astype(np.int64) + 1, ((0, 0), (window - 1, 0)))
    shifted = (padded[:, start : start + inputs.shape[1]] for start in range(window))
    keys = np.zeros(inputs.shape, np.int64)
    for column in shifted:
        keys = keys * (values + 2) + column
    return keys
