"""Episodes, masks and maps of a problem, refused where their shapes are wrong."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from longlag.checks.check import CheckFailed
from longlag.problems import Episodes, Problem

EPISODES = 500

# Parts of a problem, refused in words where they are not what they should be.


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
        wanted = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise CheckFailed(
            f"`draw` of {count} episodes gives {_shapes(episodes)}",
            f"`draw` must give Episodes(inputs, targets, scored), arrays of the shapes {wanted}.",
        )
    return episodes


def _shapes(given: Any) -> str:
    parts = given if isinstance(given, tuple | list | Episodes) else [given]
    return ", ".join(str(getattr(part, "shape", type(part).__name__)) for part in parts)


def oracle_of(problem: Problem, inputs: np.ndarray) -> np.ndarray:
    predicted = problem.oracle(inputs.copy())
    wanted = (*inputs.shape[:2], *problem.targets.shape)
    if getattr(predicted, "shape", None) != wanted:
        raise CheckFailed(
            f"`oracle` of inputs {inputs.shape} gives {_shapes(predicted)}",
            f"`oracle` must give a prediction for every step, {wanted}.",
        )
    return predicted


def checked_array(problem: Problem, method: str, given: Any, kind: type, sides: int) -> np.ndarray:
    shape = (problem.steps,) * sides
    if getattr(given, "shape", None) != shape or not np.issubdtype(given.dtype, kind):
        is_array = isinstance(given, np.ndarray)
        got = f"{given.dtype} {given.shape}" if is_array else type(given).__name__
        what = "bool" if kind is np.bool_ else "float"
        raise CheckFailed(f"`{method}` gives {got}", f"`{method}` must give {what} {shape}.")
    return given


def scored_of(problem: Problem) -> np.ndarray:
    return checked_array(problem, "scored", problem.scored(), np.bool_, 1)


def needs_of(problem: Problem) -> np.ndarray:
    return checked_array(problem, "needs", problem.needs(), np.bool_, 2)


def chance_of(problem: Problem) -> np.ndarray:
    return checked_array(problem, "chance_by_step", problem.chance_by_step(), np.floating, 1)


def is_right(problem: Problem, predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return problem.targets.matches(predicted, targets)


def digest_of(episodes: Episodes) -> str:
    """The bytes of some episodes, as a hash."""
    told = hashlib.sha256()
    for array in episodes.arrays():
        if array is None:
            continue
        told.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return told.hexdigest()


def input_length(problem: Problem) -> int:
    """Steps before the answer; of episodes that differ in length, all of them."""
    return problem.steps - (0 if problem.varies else problem.answers)
