"""Checks of a problem's chance and ceiling, by simulation."""

from __future__ import annotations

import numpy as np

from longlag.checks.check import CheckFailed
from longlag.checks.episodes import chance_of, is_right, sample_episodes, scored_of
from longlag.problems import Episodes, Integers, Problem
from longlag.problems.shares import wrong_share

_DEVIATIONS = 5.0  # half the width of an interval: a correct problem fails once in a million checks

_VALUES = 2_000_000  # scored targets to measure chance on, about

_STEPS, _ROWS = 12, 100  # of the tables that a ceiling is compared with, at most

# Chance and ceiling.


def check_chance(problem: Problem) -> str:
    by_step, scored = chance_of(problem), scored_of(problem)
    if wrong := wrong_share(problem, scored):
        raise CheckFailed(wrong, "Give the share of right targets, from 0 to 1.")
    count = int(np.clip(_VALUES // problem.steps, 4000, 20_000))
    episodes = sample_episodes(problem, count, seed=5)
    hits, own_hits = _constants(problem, episodes)
    for step in np.flatnonzero(scored):
        right, own = hits[:, step], own_hits[:, step]
        right, own = right[~np.isnan(right)], own[~np.isnan(own)]
        if not len(right) or not len(own):
            continue
        low, high = interval_around(right)
        high = max(high, interval_around(own)[1])
        if not low <= by_step[step] <= high:
            raise CheckFailed(
                f"at step {step} the best constant scores {right.mean():.3f} "
                f"[{low:.3f}, {high:.3f}], `chance_by_step` says {by_step[step]:.3f}",
                f"Mend `chance_by_step` at step {step}.",
            )
        only = np.arange(problem.steps) == step
        if problem.sequences != 1 and not abs(problem.chance(only) - by_step[step]) <= 1e-6:
            raise CheckFailed(
                f"at step {step} alone `chance` says {problem.chance(only):.3f}, "
                f"`chance_by_step` {by_step[step]:.3f}",
                "Let `chance` count the steps of its argument only.",
            )
    chance, ceiling = problem.chance(), problem.ceiling()
    if problem.sequences == 1:  # a constant for each step would be right everywhere
        best = problem.targets.best_constant(episodes.targets[episodes.scored])
        right = is_right(problem, np.broadcast_to(best, episodes.targets.shape), episodes.targets)
        hits = own_hits = np.where(episodes.scored, right, np.nan)
    by_episode, own = scores_of(hits), scores_of(own_hits)
    low, high = interval_around(by_episode)[0], interval_around(own)[1]
    if not low <= chance <= high:
        one = ", one for all steps," if problem.sequences == 1 else ""
        raise CheckFailed(
            f"the best constant{one} scores {by_episode.mean():.3f} [{low:.3f}, {high:.3f}], "
            f"`chance` says {chance:.3f}",
            "Mend `chance`: the score of the best prediction that ignores the inputs.",
        )
    if not chance < ceiling - 1e-9:
        raise CheckFailed(
            f"chance {chance:.3g} is not below the ceiling {ceiling:.3g}",
            "Let targets depend on the inputs, or score fewer steps in `scored`.",
        )
    _chance_error(problem, episodes)
    best = f"the best constant scores {by_episode.mean():.3f} [{low:.3f}, {high:.3f}]"
    return f"{best}, stated {chance:.3g}"


def _constants(problem: Problem, episodes: Episodes) -> tuple[np.ndarray, np.ndarray]:
    """Where the best constant of each step is right, on the other half of the episodes and its own.

    NaN where nothing is scored. The score of the best possible constant is no less than the first,
    and on average no more than the second.
    """
    half = len(episodes.targets) // 2
    spec, targets, scored = problem.targets, episodes.targets, episodes.scored
    right = np.full(scored.shape, np.nan)
    for step in np.flatnonzero(scored.any(axis=0)):
        chosen = targets[:half, step][scored[:half, step]]
        if not len(chosen):
            continue
        best = np.broadcast_to(spec.best_constant(chosen), targets[:, step].shape)
        right[:, step] = np.where(scored[:, step], spec.matches(best, targets[:, step]), np.nan)
    with_target = np.asarray(scored.any(axis=1))
    return right[half:][with_target[half:]], right[:half][with_target[:half]]


def scores_of(hits: np.ndarray) -> np.ndarray:
    """The score of each episode, `(episode, step)` being right, wrong or NaN where none is scored.

    Their mean is the share of right targets, of which episodes may have different numbers.
    """
    counts = (~np.isnan(hits)).sum(axis=1)
    right, counts = np.nansum(hits, axis=1)[counts > 0], counts[counts > 0]
    share = right.sum() / counts.sum()
    return share + (right - share * counts) / counts.mean()


def _chance_error(problem: Problem, episodes: Episodes) -> None:
    """The error of the best constant, where targets are reals."""
    if not problem.targets.has_error or episodes.targets.ndim > 2:
        return
    targets = np.where(episodes.scored, episodes.targets.astype(np.float64), np.nan)
    targets = targets[:, episodes.scored.any(axis=0)]
    middle = np.nanmean(targets) if problem.sequences == 1 else np.nanmean(targets, axis=0)
    squares = np.nanmean((targets - middle) ** 2, axis=1)
    half = _DEVIATIONS * squares.std() / len(squares) ** 0.5
    low, high = (max(squares.mean() + side * half, 0) ** 0.5 for side in (-1, 1))
    stated, rounding = problem.chance_error(), 1e-6 * float(np.nanmax(np.abs(targets)))
    if not low - rounding <= stated <= high + rounding:
        raise CheckFailed(
            f"the best constant has the error [{low:.4g}, {high:.4g}], `chance_error` says "
            f"{stated:.4g}",
            "Let `chance_error` be the root mean square error of the best constant of each step.",
        )


def interval_around(scores: np.ndarray) -> tuple[float, float]:
    """An interval for the mean of independent scores in [0, 1].

    Wilson's interval, but narrower where the scores vary less than those of single targets.
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
    # With only one episode, a constant for each step is perfect.
    blind = chance if problem.sequences != 1 else 1.0
    for sees, inputs, expected in (
        (everything, "all inputs", ceiling),
        (np.zeros_like(everything), "no input", blind),
    ):
        best = problem.ceiling(scored, sees)
        if not abs(best - expected) <= 1e-6:
            raise CheckFailed(
                f"with {inputs} in sight the ceiling is {best:.3f}, not {expected:.3f}",
                "Mend `ceiling_by_step`: the best score at each step from the inputs in sight.",
            )
    current = problem.ceiling(scored, np.eye(problem.steps, dtype=bool))
    if not blind - 1e-6 <= current <= ceiling + 1e-6:
        raise CheckFailed(
            f"with the current input in sight the ceiling is {current:.3f}, not between "
            f"{blind:.3f} and {ceiling:.3f}",
            "Mend `ceiling_by_step`: more inputs cannot make a prediction worse.",
        )
    _check_tables(problem, scored)
    return (
        f"{ceiling:.3g} with all inputs in sight, {current:.3g} with the current one, "
        f"{blind:.3g} with none"
    )


def _check_tables(problem: Problem, scored: np.ndarray) -> None:
    """Whether a table of the latest one or two inputs is better than the ceiling says."""
    if not isinstance(problem.inputs, Integers) or problem.sequences is not None:
        return
    episodes = sample_episodes(problem, 10_000, seed=6)
    for width, words in ((1, "current input"), (2, "latest two inputs")):
        sees = np.tri(problem.steps, dtype=bool) & ~np.tri(problem.steps, k=-width, dtype=bool)
        stated, steps = problem.ceiling_by_step(sees), np.flatnonzero(scored)
        for step in map(int, steps[:: 1 + len(steps) // _STEPS]):
            right = _by_table(problem, episodes, step, width)
            if not len(right) or (low := interval_around(right)[0]) <= stated[step] + 1e-6:
                continue
            raise CheckFailed(
                f"at step {step} a table of the {words} is right in {right.mean():.3f} or more "
                f"[{low:.3f}, 1], the ceiling there is {stated[step]:.3f}",
                "Give `ceiling_by_step`: a part of the inputs tells something of the target.",
            )


def _by_table(problem: Problem, episodes: Episodes, step: int, width: int) -> np.ndarray:
    """Where the best answer to each value of the latest inputs is right, on the other half.

    Empty where there are too many values for a table.
    """
    asked = episodes.scored[:, step]
    shown = episodes.inputs[asked, max(0, step - width + 1) : step + 1]
    targets, half = episodes.targets[asked, step], int(asked.sum()) // 2
    _, rows = np.unique(shown, axis=0, return_inverse=True)
    if not half or rows.max() >= _ROWS:
        return np.empty(0)
    right = np.zeros(len(targets))
    for row in range(rows.max() + 1):
        here = rows.ravel() == row
        if here[:half].any():
            best = problem.targets.best_constant(targets[:half][here[:half]])
            there = targets[here]
            right[here] = problem.targets.matches(np.broadcast_to(best, there.shape), there)
    return right[half:]
