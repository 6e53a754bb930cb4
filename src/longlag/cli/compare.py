"""`longlag compare`: several models at each rung of several problems, on equal terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.cli._flags import Count, Json, Output, build, build_all, flags, given
from longlag.cli._framed import FramingFlags, ProblemFlags
from longlag.cli._models import models_named
from longlag.cli._output import print_rich, refusing, writable, write_json
from longlag.cli._study import (
    RATES,
    STORE,
    Budget,
    DaskAddress,
    Kept,
    RatesRecipe,
    Seeds,
    SolveAt,
    StorePath,
    Workers,
    answer,
    code,
    names,
    numbers,
    recipe,
    spent,
    unladdered,
)
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS
from longlag.knobs import lookup
from longlag.models import MODELS
from longlag.problems import PROBLEMS
from longlag.scores.statistics import SOLVED
from longlag.studies.comparison import RUNGS, Comparison
from longlag.studies.comparison_answer import Cell, ComparisonAnswer
from longlag.studies.conduct import Usage
from longlag.studies.ladder import BUDGET, FIVE
from longlag.trials.outcome import standing

_MODELS = "lstm,gru,rnn,mlp"
_PROBLEMS = ",".join(kind.title() for kind in FIVE)

if TYPE_CHECKING:  # the type is made at run time, out of the table
    ModelFlags = Any
else:
    ModelFlags = flags("Model", MODELS)


def compare(
    *,
    models: Annotated[str, Parameter(group="Study")] = _MODELS,
    problems: Annotated[str, Parameter(group="Study")] = _PROBLEMS,
    rungs: Annotated[Count, Parameter(group="Study")] = RUNGS,
    learning_rates: Annotated[str, Parameter(group="Study")] = RATES,
    framing: str = "whole",
    encoding: str | None = None,
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    model_knobs: ModelFlags = None,
    recipe_knobs: RatesRecipe = None,
    budget: Budget = BUDGET,
    solve_at: SolveAt = SOLVED,
    seeds: Seeds = 5,
    store: StorePath = STORE,
    workers: Workers = None,
    dask: DaskAddress = None,
    keep: Kept = "first",
    json: Json = False,
    output: Output = None,
) -> int:
    """Compare models at each rung of the ladders of several problems.

    At the first rung every model is tried at every learning rate; the best one, chosen on draws
    that score nothing, is kept for the other rungs. Flags of problems and models apply to those
    that have them.

    Args:
        models: Names, separated by commas; path/to/file.py:make_model is one of your own.
        problems: Names from `longlag problems`, separated by commas.
        rungs: Rungs of each ladder, from the first on.
        learning_rates: Learning rates, separated by commas.
        framing: chunks, window, prefix, whole, vector or encoder-decoder, for all.
        encoding: one-hot or scaled, for integers; one-hot by default.
    """
    writable(output)

    def ask() -> Comparison:
        posed = build_all("problem", names(problems), PROBLEMS, given(problem_knobs))
        unladdered(posed, given(problem_knobs))
        return Comparison(
            models_named(names(models), given(model_knobs)),
            posed,
            framing=build("framing", framing, FRAMINGS, given(framing_knobs)),
            encoding=None if encoding is None else lookup("encoding", encoding, ENCODINGS),
            recipe=recipe(given(recipe_knobs), budget),
            rungs=rungs,
            rates=numbers(learning_rates),
            seeds=seeds,
            solve_at=solve_at,
        )

    study, usage = answer(ask, store=store, workers=workers, dask=dask, keep=keep, quiet=json)
    found = study.answer()
    with refusing():
        if json:
            write_json(_document(study, found, usage), output)
        else:
            print_rich(*_summary(study, found, usage), path=output)
    return code(usage)


def _summary(study: Comparison, found: ComparisonAnswer, usage: Usage) -> list[Text | Table]:
    parts: list[Text | Table] = []
    for problem in found.problems:
        cells = [cell for cell in found.cells if cell.problem == problem]
        table = Table(
            "",
            "model",
            "skill",
            "solved",
            "sequences to solve",
            "rate",
            "otherwise",
            box=None,
            padding=(0, 2, 0, 0),
        )
        for place, cell in enumerate(cells):
            first = not place or cells[place - 1].model != cell.model
            table.add_row(
                f"{cell.knob} {cell.rung}",
                cell.model if first else "",
                Text(str(cell.skill), style=_style(cell, study.solve_at)),
                f"{cell.time.solved} of {cell.time.count}",
                f"{cell.time.mean.mean:,.0f}",
                f"{cell.rate:g}",
                _otherwise(cell),
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
    budget = f"Skill is 0 at chance and 1 at the ceiling; {study.solve_at:g} counts as solved. "
    budget += f"{len(study.seeds)} seeds, {study.recipe.epochs:,} sequences a trial at most; "
    budget += "sequences to solve: restricted mean, an unsolved seed counted with all of them."
    if not found.complete:
        parts.append(Text("The comparison is not complete.", style="bold yellow"))
    return [*parts, Text(budget), spent(usage)]


def _style(cell: Cell, solve_at: float) -> str:
    if cell.skill.mean >= solve_at:
        return "green"
    return "yellow" if standing(cell.outcomes) == "above" else "red"


def _otherwise(cell: Cell) -> str:
    """What became of the seeds that did not solve it."""
    said = [f"{count} {reason}" for reason, count in cell.reasons.items()]
    if cell.missing:
        said.append(f"{cell.missing} not run")
    if (stands := standing(cell.outcomes)) != "above":
        said.append(f"together {stands} chance")
    return ", ".join(said)


def _document(study: Comparison, found: ComparisonAnswer, usage: Usage) -> dict[str, Any]:
    def cell(each: Cell) -> dict[str, Any]:
        return {
            "problem": each.problem,
            "model": each.model,
            "knob": each.knob,
            "rung": each.rung,
            "learning_rate": each.rate,
            "skill": {
                "mean": each.skill.mean,
                "interval": list(each.skill.interval),
                "per_seed": list(each.skill.per_seed),
            },
            "solved": each.time.solved,
            "seeds": each.time.count,
            "missing": each.missing,
            "restricted_mean": {
                "mean": each.time.mean.mean,
                "interval": list(each.time.mean.interval),
            },
            "stands": f"{standing(each.outcomes)} chance",
            "reasons": dict(each.reasons),
        }

    return {
        "study": study.id,
        "question": study.question(),
        "cells": [cell(each) for each in found.cells],
        "learning_rates": [cell(each) for each in found.ladder],
        "complete": found.complete,
        "usage": usage.document(),
    }
