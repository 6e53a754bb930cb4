"""Difficulty levels, budgets and learning rates that several kinds of study share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from longlag.encodings import IntegerEncoding, takes_encoding
from longlag.framings import Framing
from longlag.framings.base import nearest
from longlag.models import ModelFactory
from longlag.problems import (
    CumulativeThreshold,
    EchoSubsequence,
    EchoValue,
    Ladder,
    Memorization,
    Problem,
    Ramp,
)
from longlag.scores.statistics import SOLVED
from longlag.training import Recipe
from longlag.trials.outcome import Outcome, side_of_chance
from longlag.trials.setting import Setting

BUDGET = 50_000
"""Default number of training sequences of a trial of a study."""


def at(setting: Setting, value: int, solve_at: float) -> Setting:
    """The setting at a value of the ladder; its trials end once they solve the problem."""
    problem = setting.problem.at(value)
    return until_solved(dataclasses.replace(setting, problem=problem), solve_at)


def check_framing(framing: Framing, batch_size: int, problems: Sequence[Problem]) -> None:
    """Raise if a framing does not fit a problem of a study, with a remedy that fits all.

    Args:
        framing: The framing.
        batch_size: Samples in a batch.
        problems: The problems, at all levels.

    Raises:
        ValueError: The framing does not fit.

    >>> from longlag import Chunks, Parity
    >>> check_framing(Chunks(timesteps=12), 5, [Parity(length=20), Parity(length=10)])
    Traceback (most recent call last):
    ...
    ValueError: Chunks: `timesteps` must be at most ..., 10, got 12. Use timesteps=10 or fewer.
    """

    def steps(problem: Problem) -> int:
        return 0 if framing.misfit(problem) else problem.steps

    # Timesteps that the shortest sequence has all others have.
    for problem in sorted(problems, key=steps):
        try:
            framing.layout(problem, batch_size)
        except ValueError:
            _check_batch_size(framing, batch_size, problem, problems)
            raise


def _check_batch_size(
    framing: Framing, batch_size: int, refused: Problem, problems: Sequence[Problem]
) -> None:
    """Raise if the batch size is at fault, and what suits the refused problem does not fit all."""
    own = framing.batch_sizes(refused)
    if not own or batch_size in own:
        return
    sizes = nearest(own.intersection(*map(framing.batch_sizes, problems)), batch_size)
    if sizes != nearest(own, batch_size):
        name, samples = type(refused).__name__, len(framing.tables(refused)[0])
        raise ValueError(
            f"{type(framing).__name__}: `batch_size` must divide the samples of a sequence of "
            f"every problem when state is carried from row to row, got {batch_size}, where {name} "
            f"has {samples}. Use batch_size={sizes}{framing.instead}."
        )


def until_solved(setting: Setting, solve_at: float) -> Setting:
    """The setting whose trials end once they solve the training problem.

    The criterion is stricter, by a factor of 4, than the shortfall that `solve_at` allows, so that
    a few easy sequences do not end the training of a model that then fails on fresh ones.
    """
    problem, scored = setting.problem, setting.scored
    chance, ceiling = problem.chance(scored), problem.ceiling(scored)
    stop_at = chance + (3 + solve_at) / 4 * (ceiling - chance)
    recipe = dataclasses.replace(setting.recipe, stop_at=stop_at)
    return dataclasses.replace(setting, recipe=recipe)


def ladder_of(problem: Problem) -> Ladder:
    """The ladder of a problem; a user's own problem may lack one.

    Raises:
        ValueError: There is no ladder.
    """
    ladder = getattr(problem, "ladder", None)
    if not isinstance(ladder, Ladder) or not ladder.rungs:
        name = type(problem).__name__
        raise ValueError(
            f"{name} has no ladder, by which a study makes it harder. Give the class one: "
            'ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200)).'
        )
    return ladder


def checked_solve_at(owner: str, solve_at: float) -> float:
    """The skill from which a trial counts as solved, validated."""
    if not 0 < solve_at < 1:
        raise ValueError(
            f"{owner}: `solve_at` must be above 0 and below 1, got {solve_at}. Use {SOLVED}."
        )
    return float(solve_at)


FIVE: tuple[type[Problem], ...] = (
    Ramp,
    Memorization,
    EchoValue,
    EchoSubsequence,
    CumulativeThreshold,
)
"""The default problems of a study."""


class Place(NamedTuple):
    """The place of a trial in a comparison."""

    problem: str
    model: str
    rung: int
    rate: float


def setting_on(
    problem: Problem,
    model: ModelFactory,
    framing: Framing,
    encoding: type[IntegerEncoding] | None,
    recipe: Recipe,
) -> Setting:
    """A setting; only a problem with integers takes the encoding."""
    return Setting(
        problem=problem,
        framing=framing,
        model=model,
        encoding=encoding if takes_encoding(problem) else None,
        recipe=recipe,
    )


def verdict(outcomes: Sequence[Outcome], solved: int) -> str:
    """The verdict on a rung, over its seeds.

    Args:
        outcomes: The outcome of each seed.
        solved: How many of them solved it.

    Returns:
        `solved` (by all), `solved by some`, `above chance`, `at chance` or `below chance`.
    """
    if solved:
        return "solved" if solved == len(outcomes) else "solved by some"
    return f"{side_of_chance(outcomes)} chance"


LEARNING_RATES = (1e-3, 3e-3, 1e-2)
"""The ladder of learning rates of a comparison."""


def checked_rates(owner: str, rates: Iterable[float]) -> tuple[float, ...]:
    """The learning rates to try, validated."""
    values = tuple(map(float, rates))
    if not values or len(set(values)) < len(values):
        raise ValueError(f"{owner}: `rates` must be different learning rates, got {list(values)}.")
    return values
