"""`longlag compare`: several models at each level of several problems, on equal terms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from longlag.cli._flags import Count
from longlag.cli._output import OUTPUT, OutputFlags, pick, table
from longlag.cli._setting import SETTING, Models, SettingFlags
from longlag.cli._study import (
    FIVE_PROBLEMS,
    RATES,
    STUDY,
    Problems,
    Rates,
    RatesRecipe,
    Seeds,
    StudyFlags,
)
from longlag.cli._study import (
    learning_rates as rates_of,
)
from longlag.report.format import OPEN, causes, counted
from longlag.scores.statistics import caveats
from longlag.studies.comparison import RUNGS, Comparison
from longlag.studies.comparison_answer import Cell
from longlag.studies.ladder import verdict
from longlag.trials.outcome import side_of_chance

_STYLES = {"solved": "green", "solved by some": "yellow", "above chance": "yellow"}


def compare(
    *,
    models: Models = "lstm,gru,rnn,mlp",
    problems: Problems = FIVE_PROBLEMS,
    rungs: Annotated[Count, Parameter(group="Study")] = RUNGS,
    learning_rates: Rates = RATES,
    setting: SettingFlags = SETTING,
    recipe: RatesRecipe = None,
    seeds: Seeds = 5,
    study: StudyFlags = STUDY,
    output: OutputFlags = OUTPUT,
) -> int:
    """Compare models on several problems, at several difficulty levels of each.

    At the first level every model trains with every learning rate; the one with the best validation
    score is used at the other levels. Options of problems and models apply to those that have them.

    Args:
        rungs: How many difficulty levels of each problem, from the easiest on.
    """

    def question() -> Comparison:
        return Comparison(
            setting.models(models),
            setting.problems(problems),
            rungs=rungs,
            rates=rates_of(learning_rates),
            seeds=seeds,
            **study.arguments(setting, recipe),
        )

    return study.run(question, output, _document, _summary, code=(models, problems))


def _summary(study: Comparison) -> Iterator[RenderableType]:
    answer = study.answer()
    for problem in answer.problems:
        yield Text(problem, style="bold")
        levels = table(
            "", "model", "verdict", "skill", "solved", "sequences to solve", "rate", "why not"
        )
        before = ""
        for cell in (cell for cell in answer.cells if cell.problem == problem):
            result, figures = "missing", ("", "", "")
            if cell.skill and cell.time:
                result = verdict(cell.outcomes, cell.time.solved)
                solved = f"{cell.time.solved} of {cell.time.count + cell.missing}"
                figures = (str(cell.skill), solved, f"{cell.time.mean.mean:,.0f}")
            levels.add_row(
                f"{cell.knob} {cell.rung}",
                cell.model if cell.model != before else "",
                Text(result, style=_STYLES.get(result, "red")),
                *figures,
                f"{cell.rate:g}",
                Text(causes(cell.shortfalls.elements())),
            )
            before = cell.model
        yield levels
        yield Text()
    if len(answer.rates) > 1 and answer.ladder:
        skills = {
            (cell.problem, cell.model, cell.rate): cell.skill.mean if cell.skill else None
            for cell in answer.ladder
        }
        by_rate = table("first level, skill at rate", *(f"{rate:g}" for rate in answer.rates))
        for problem in answer.problems:
            for model in answer.models:
                line = (skills.get((problem, model, rate), "") for rate in answer.rates)
                figures = (
                    "missing" if skill is None else f"{skill:.3f}" if skill != "" else ""
                    for skill in line
                )
                by_rate.add_row(f"{problem}, {model}", *figures)
        yield by_rate
        yield Text()
    if answer.lower_bound:
        yield Text(answer.lower_bound.advice(flags=True), style="bold yellow")
    if not answer.complete:
        yield Text(OPEN.format(what=f"{study.left()} trials left"), style="bold yellow")
    yield Text(
        f"Skill: 0 is guessing, 1 the best possible score. Solved: {study.solve_at:g} or more. "
        f"{counted(len(study.seeds), 'seed')}, at most {study.recipe.sequences:,} sequences per "
        "trial. Sequences to solve: mean over seeds; an unsolved seed counts as the whole budget. "
        + caveats(cell.skill for cell in answer.cells if cell.skill)
    )


def _document(study: Comparison) -> dict[str, Any]:
    answer = study.answer()

    def plain(cell: Cell) -> dict[str, Any]:
        return {
            **pick(cell, "problem model knob rung skill missing reasons failures"),
            "learning_rate": cell.rate,
            "solved": cell.time.solved if cell.time else 0,
            "seeds": len(cell.outcomes),
            "restricted_mean": cell.time and pick(cell.time.mean, "mean interval"),
            "stands": f"{side_of_chance(cell.outcomes)} chance" if cell.outcomes else None,
        }

    return {
        "cells": list(map(plain, answer.cells)),
        "learning_rates": list(map(plain, answer.ladder)),
        "complete": answer.complete,
        "lower_bound": answer.lower_bound and answer.lower_bound._asdict(),
    }
