"""Checks of a problem's chance and ceiling, by simulation."""

from __future__ import annotations

import numpy as np

from longlag.checks.check import CheckFailed
from longlag.checks.episodes import chance_of, is_right, sample_episodes, scored_of
from longlag.problems import Problem, Reals
from longlag.scores.shortcuts import _constant as best_constant

_DEVIATIONS = 5.0  # half the width of an interval: a true problem fails once in a million checks

_VALUES = 2_000_000  # that chance is measured on, about

# Chance and ceiling.


def check_chance(problem: Problem) -> str:
    by_step, scored = chance_of(problem), scored_of(problem)
    count = int(np.clip(_VALUES // problem.steps, 4000, 20_000))
    steps = np.flatnonzero(scored)
    targets = sample_episodes(problem, count, seed=5).targets[:, steps]
    hits, tried = _constants(problem, targets)
    for place, step in enumerate(steps):
        low, high = interval_around(hits[:, place])
        high = max(high, interval_around(tried[:, place])[1])
        if not low <= by_step[step] <= high:
            raise CheckFailed(
                f"at step {step} the best constant scores {hits[:, place].mean():.3f} "
                f"[{low:.3f}, {high:.3f}], `chance_by_step` says {by_step[step]:.3f}",
                f"Mend `chance_by_step` at step {step}.",
            )
        only = np.arange(problem.steps) == step
        if problem.sequences != 1 and abs(problem.chance(only) - by_step[step]) > 1e-6:
            raise CheckFailed(
                f"at step {step} alone `chance` says {problem.chance(only):.3f}, "
                f"`chance_by_step` {by_step[step]:.3f}",
                "Let `chance` count the steps that it is given.",
            )
    chance, ceiling = problem.chance(), problem.ceiling()
    if problem.sequences == 1:  # a constant for each step would be right everywhere
        best = np.array(best_constant(targets.ravel(), _within(problem)))
        hits = tried = is_right(problem, best, targets)
    low, high = interval_around(hits.mean(axis=1))[0], interval_around(tried.mean(axis=1))[1]
    if not low <= chance <= high:
        one = ", one for all steps," if problem.sequences == 1 else ""
        raise CheckFailed(
            f"the best constant{one} scores {hits.mean():.3f} [{low:.3f}, {high:.3f}], `chance` "
            f"says {chance:.3f}",
            "Mend `chance`: what the best prediction scores that ignores the inputs.",
        )
    if not chance < ceiling - 1e-9:
        raise CheckFailed(
            f"chance {chance:.3g} is not below the ceiling {ceiling:.3g}",
            "Ask for something that only the inputs tell, or score fewer steps in `scored`.",
        )
    _chance_error(problem, targets)
    return (
        f"the best constant scores {hits.mean():.3f} [{low:.3f}, {high:.3f}], stated {chance:.3g}"
    )


def _constants(problem: Problem, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the best constant of each step is right: in a half it was not chosen on, in its own.

    The best there is scores no less than the first, and on average no more than the second.
    """
    chosen, fresh = np.array_split(targets, 2)
    best = np.array([best_constant(column, _within(problem)) for column in chosen.T])
    return is_right(problem, best, fresh), is_right(problem, best, chosen)


def _within(problem: Problem) -> float:
    return problem.targets.within if isinstance(problem.targets, Reals) else 0.0


def _chance_error(problem: Problem, targets: np.ndarray) -> None:
    """The error of the best constant, where targets are reals."""
    if not isinstance(problem.targets, Reals):
        return
    middle = targets.mean() if problem.sequences == 1 else targets.mean(axis=0)
    squares = ((targets.astype(np.float64) - middle) ** 2).mean(axis=1)
    half = _DEVIATIONS * squares.std() / len(squares) ** 0.5
    low, high = (max(squares.mean() + side * half, 0) ** 0.5 for side in (-1, 1))
    stated = problem.chance_error()
    if not low - 1e-6 <= stated <= high + 1e-6:
        raise CheckFailed(
            f"the best constant has the error [{low:.4f}, {high:.4f}], `chance_error` says "
            f"{stated:.4f}",
            "Let `chance_error` be the root mean square error of the best constant of each step.",
        )


def interval_around(scores: np.ndarray) -> tuple[float, float]:
    """An interval for the mean of independent scores in [0, 1].

    Wilson's, but narrower where the scores vary less than right and wrong do.
    """
    mean, square = float(scores.mean()), _DEVIATIONS**2 / len(scores)
    variance = float(scores.var())
    half = (square * variance + square**2 / 4) ** 0.5
    low, high = ((mean + square / 2 + side * half) / (1 + square) for side in (-1, 1))
    return max(low - 1e-9, 0.0), min(high + 1e-9, 1.0)


def check_ceiling(problem: Problem) -> str:
    scored, chance, ceiling = scored_of(problem), problem.chance(), problem.ceiling()
    if not chance <= ceiling <= 1:
        raise CheckFailed(
            f"the ceiling {ceiling:.3g} is not between chance {chance:.3g} and 1",
            "Mend `ceiling` or `chance`: both are shares of right targets.",
        )
    everything = np.tri(problem.steps, dtype=bool)
    # Where there is but one episode, a constant for each step is perfect.
    blind = chance if problem.sequences != 1 else 1.0
    for sees, seen, wanted in (
        (everything, "all inputs", ceiling),
        (np.zeros_like(everything), "no input", blind),
    ):
        best = problem.ceiling(scored, sees)
        if abs(best - wanted) > 1e-6:
            raise CheckFailed(
                f"with {seen} in sight the ceiling is {best:.3f}, not {wanted:.3f}",
                "Mend `ceiling_by_step`: the best score at each step by what is seen.",
            )
    current = problem.ceiling(scored, np.eye(problem.steps, dtype=bool))
    if not blind - 1e-6 <= current <= ceiling + 1e-6:
        raise CheckFailed(
            f"with the current input in sight the ceiling is {current:.3f}, not between "
            f"{blind:.3f} and {ceiling:.3f}",
            "Mend `ceiling_by_step`: to see more cannot make a prediction worse.",
        )
    return (
        f"{ceiling:.3g} with all inputs in sight, {current:.3g} with the current one, "
        f"{blind:.3g} with none"
    )
