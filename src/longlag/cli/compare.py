"""`longlag compare`: several models at each rung of several problems, on equal terms."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.cli._flags import Count
from longlag.cli._setting import SETTING, SettingParameters
from longlag.cli._study import (
    FIVE_PROBLEMS,
    RATES,
    SHARED,
    Problems,
    Rates,
    RatesRecipe,
    Seeds,
    StudyParameters,
    answer,
    numbers,
)
from longlag.report.format import OPEN, causes
from longlag.scores.statistics import caveats
from longlag.studies.comparison import RUNGS, Comparison
from longlag.studies.comparison_answer import Cell
from longlag.studies.ladder import verdict
from longlag.trials.outcome import side_of_chance

_MODELS = "lstm,gru,rnn,mlp"
_STYLES = {"solved": "green", "solved by some": "yellow", "above chance": "yellow"}


def compare(
    *,
    models: Annotated[str, Parameter(group="Study")] = _MODELS,
    problems: Problems = FIVE_PROBLEMS,
    rungs: Annotated[Count, Parameter(group="Study")] = RUNGS,
    learning_rates: Rates = RATES,
    setting: SettingParameters = SETTING,
    recipe: RatesRecipe = None,
    seeds: Seeds = 5,
    shared: StudyParameters = SHARED,
) -> int:
    """Compare models on several problems, at several difficulty levels of each.

    At the first level every model trains with every learning rate; the one with the best validation
    score is used at the other levels. Options of problems and models apply to those that have them.

    Args:
        models: Model names, separated by commas; path/to/file.py:make_model is your own.
        rungs: How many difficulty levels of each problem, from the easiest on.
    """

    def ask() -> Comparison:
        return Comparison(
            setting.models(models),
            setting.problems(problems),
            framing=setting.frames(),
            encoding=setting.encodes(),
            recipe=shared.recipe(recipe),
            rungs=rungs,
            rates=numbers(learning_rates),
            seeds=seeds,
            solve_at=shared.solve_at,
        )

    return answer(ask, shared, _document, _summary)


def _summary(study: Comparison) -> list[Text | Table]:
    found = study.answer()
    parts: list[Text | Table] = []
    for problem in found.problems:
        cells = [cell for cell in found.cells if cell.problem == problem]
        head = ("model", "verdict", "skill", "solved", "sequences to solve", "rate", "why not")
        table = Table("", *head, box=None, padding=(0, 2, 0, 0))
        for place, cell in enumerate(cells):
            first = not place or cells[place - 1].model != cell.model
            came = verdict(cell.outcomes, cell.time.solved)
            table.add_row(
                f"{cell.knob} {cell.rung}",
                cell.model if first else "",
                Text(came, style=_STYLES.get(came, "red")),
                str(cell.skill),
                f"{cell.time.solved} of {cell.time.count + cell.missing}",
                f"{cell.time.mean.mean:,.0f}",
                f"{cell.rate:g}",
                causes([*Counter(cell.reasons).elements(), *["not run"] * cell.missing]),
            )
        parts += [Text(problem, style="bold"), table, Text()]
    if len(found.rates) > 1 and found.ladder:
        rates = [f"{rate:g}" for rate in found.rates]
        table = Table("first rung, skill at rate", *rates, box=None, padding=(0, 2, 0, 0))
        for problem in found.problems:
            for model in found.models:
                skills = {
                    cell.rate: cell.skill.mean
                    for cell in found.ladder
                    if (cell.problem, cell.model) == (problem, model)
                }
                row = (f"{skills[rate]:.3f}" if rate in skills else "" for rate in found.rates)
                table.add_row(f"{problem}, {model}", *row)
        parts += [table, Text()]
    notes = (
        f"Skill: 0 is guessing, 1 the best score possible. Solved: {study.solve_at:g} or more. "
        f"{len(study.seeds)} seeds, at most {study.recipe.epochs:,} sequences per trial. Sequences "
        "to solve: mean over seeds; a seed that did not solve it counts with all of them. "
    ) + caveats(cell.skill for cell in found.cells)
    if not found.complete:
        parts.append(Text(OPEN.format(what=f"{study.left()} trials left"), style="bold yellow"))
    return [*parts, Text(notes)]


def _document(study: Comparison) -> dict[str, Any]:
    found = study.answer()

    def cell(each: Cell) -> dict[str, Any]:
        return {
            "problem": each.problem,
            "model": each.model,
            "knob": each.knob,
            "rung": each.rung,
            "learning_rate": each.rate,
            "skill": dataclasses.asdict(each.skill),
            "solved": each.time.solved,
            "seeds": each.time.count,
            "missing": each.missing,
            "restricted_mean": {
                "mean": each.time.mean.mean,
                "interval": list(each.time.mean.interval),
            },
            "stands": f"{side_of_chance(each.outcomes)} chance",
            "reasons": dict(each.reasons),
        }

    return {
        "cells": [cell(each) for each in found.cells],
        "learning_rates": [cell(each) for each in found.ladder],
        "complete": found.complete,
    }
