"""The setting of a trial of the suite: its model at the width that all models of the suite get."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

from longlag.framings import Whole
from longlag.models import LSTM, ModelFactory
from longlag.problems import Problem
from longlag.studies.ladder import until_solved
from longlag.studies.match import Match, near
from longlag.studies.suite_rows import SIZES, Row
from longlag.trials.setting import Setting


def setting_of(
    row: Row,
    model: ModelFactory,
    *,
    match: Match,
    rate: float,
    effort: float,
    solve_at: float,
    problem: Problem,
    tests: Mapping[str, Problem],
) -> Setting:
    """The setting of a trial of the suite.

    Args:
        row: The row of the suite, for which the model gets its width, the same at every rung.
        model: The model, at any width.
        match: What all models have equally much of.
        rate: The learning rate.
        effort: Multiplies the training sequences.
        solve_at: The skill at which a trial ends.
        problem: The problem of the row, or a rung of its ladder.
        tests: What it is scored on.
    """
    return Setting(
        problem=problem,
        framing=Whole(),
        model=_sized(row.problem, model, match),
        recipe=dataclasses.replace(row.recipe(rate, effort), stop_at=_stop_at(problem, solve_at)),
        tests=tests,
    )


@functools.lru_cache(2**10)
def _sized(problem: Problem, model: ModelFactory, match: Match) -> ModelFactory:
    """The model at the width of the suite."""
    plain = Setting(problem=problem, framing=Whole(), model=model)
    return near(match, model, SIZES[match], plain.sizes)


@functools.lru_cache(2**10)
def _stop_at(problem: Problem, solve_at: float) -> float | None:
    """The accuracy at which a trial ends, the same for every model and rate."""
    plain = Setting(problem=problem, framing=Whole(), model=LSTM())
    return until_solved(plain, solve_at).recipe.stop_at
