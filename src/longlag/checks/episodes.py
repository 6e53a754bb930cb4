"""Episodes, masks and maps of a problem, with their shapes checked."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from longlag.checks.check import CheckFailed
from longlag.problems import Episodes, Problem

EPISODES = 500


def sample_episodes(problem: Problem, count: int = EPISODES, seed: int = 0) -> Episodes:
    return draw_episodes(problem, np.random.default_rng(seed), count)


def draw_episodes(problem: Problem, rng: np.random.Generator, count: int) -> Episodes:
    episodes = problem.draw(rng, count)
    axes = (count, problem.steps)
    shapes = {
        "inputs": (*axes, *problem.inputs.shape),
        "targets": (*axes, *problem.targets.shape),
        "scored": axes,
    }
    wrong = not isinstance(episodes, Episodes) or any(
        getattr(getattr(episodes, name), "shape", None) != shape for name, shape in shapes.items()
    )
    if wrong:
        expected = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise CheckFailed(
            f"`draw` of {count} episodes gives {_shapes(episodes)}",
            f"`draw` must give Episodes(inputs, targets, scored), arrays of the shapes {expected}.",
        )
    return episodes


def _shapes(value: Any) -> str:
    parts = value if isinstance(value, tuple | list | Episodes) else [value]
    return ", ".join(str(getattr(part, "shape", type(part).__name__)) for part in parts)


def oracle_of(problem: Problem, inputs: np.ndarray) -> np.ndarray:
    predicted = problem.oracle(inputs.copy())
    expected = (*inputs.shape[:2], *problem.targets.shape)
    if getattr(predicted, "shape", None) != expected:
        raise CheckFailed(
            f"`oracle` of inputs {inputs.shape} gives {_shapes(predicted)}",
            f"`oracle` must give a prediction for every step, {expected}.",
        )
    return predicted


def checked_array(problem: Problem, method: str, array: Any, kind: type, sides: int) -> np.ndarray:
    shape = (problem.steps,) * sides
    if getattr(array, "shape", None) != shape or not np.issubdtype(array.dtype, kind):
        is_array = isinstance(array, np.ndarray)
        got = f"{array.dtype} {array.shape}" if is_array else type(array).__name__
        what = "bool" if kind is np.bool_ else "float"
        raise CheckFailed(f"`{method}` gives {got}", f"`{method}` must give {what} {shape}.")
    return array


def scored_of(problem: Problem) -> np.ndarray:
    return checked_array(problem, "scored", problem.scored(), np.bool_, 1)


def needs_of(problem: Problem) -> np.ndarray:
    return checked_array(problem, "needs", problem.needs(), np.bool_, 2)


def chance_of(problem: Problem) -> np.ndarray:
    return checked_array(problem, "chance_by_step", problem.chance_by_step(), np.floating, 1)


def is_right(problem: Problem, predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return problem.targets.matches(predicted, targets)


def possible_to(problem: Problem, inputs: np.ndarray) -> np.ndarray:
    """Whether an episode may have these inputs up to each step, `(count, step)`."""
    possible = problem.possible(inputs)
    if getattr(possible, "shape", None) not in (inputs.shape[:1], inputs.shape[:2]):
        raise CheckFailed(
            f"`possible` of inputs {inputs.shape} gives {_shapes(possible)}",
            f"`possible` must give a flag for each episode, {inputs.shape[:1]}, or for each step.",
        )
    flags = possible if possible.ndim == 2 else possible[:, None]
    return np.broadcast_to(flags, inputs.shape[:2])


def digest_of(episodes: Episodes) -> str:
    """The hash of the arrays of some episodes."""
    digest = hashlib.sha256()
    for array in episodes.arrays():
        if array is None:
            continue
        digest.update(
            f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes()
        )
    return digest.hexdigest()


def input_length(problem: Problem) -> int:
    """Number of steps before the answer; all steps, if episodes differ in length."""
    return problem.steps - (0 if problem.varies else problem.answers)
