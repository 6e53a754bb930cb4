"""`longlag frontier`: the largest value of a problem's ladder that a model still solves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.cli._flags import Count, Json, Output, flags, given
from longlag.cli._framed import FramingFlags, ProblemFlags, framed
from longlag.cli._models import model_named
from longlag.cli._output import print_rich, refusing, writable, write_json
from longlag.cli._study import (
    STORE,
    Budget,
    DaskAddress,
    Kept,
    Seeds,
    SolveAt,
    StorePath,
    StudyRecipe,
    Workers,
    answer,
    code,
    recipe,
    spent,
    unladdered,
)
from longlag.encodings import ENCODINGS
from longlag.knobs import lookup
from longlag.models import MODELS
from longlag.scores.statistics import SOLVED
from longlag.studies.conduct import Usage
from longlag.studies.frontier import RESOLUTION, Frontier, FrontierAnswer
from longlag.studies.ladder import BUDGET
from longlag.studies.study import words
from longlag.trials.setting import Setting

if TYPE_CHECKING:  # the type is made at run time, out of the table
    ModelFlags = Any
else:
    ModelFlags = flags("Model", MODELS)


def frontier(
    problem: str,
    /,
    *,
    framing: str = "whole",
    model: str | None = None,
    encoding: str | None = None,
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    model_knobs: ModelFlags = None,
    recipe_knobs: StudyRecipe = None,
    budget: Budget = BUDGET,
    solve_at: SolveAt = SOLVED,
    seeds: Seeds = 5,
    limit: Annotated[Count | None, Parameter(group="Study")] = None,
    resolution: Annotated[float, Parameter(group="Study")] = RESOLUTION,
    store: StorePath = STORE,
    workers: Workers = None,
    dask: DaskAddress = None,
    keep: Kept = "first",
    json: Json = False,
    output: Output = None,
) -> int:
    """Find the largest value of a problem's ladder that a model still solves.

    Each seed doubles the value while it solves the problem, then halves the gap. The answer is
    the median over seeds, with an interval.

    Args:
        problem: A name from `longlag problems`.
        framing: chunks, window, prefix, whole, vector or encoder-decoder.
        model: lstm, gru, rnn, bidirectional, seq2seq or mlp, or path/to/file.py:make_model for
            one of your own. By default lstm, or seq2seq where the framing is encoder-decoder.
        encoding: one-hot or scaled, for integers; one-hot by default.
        limit: Largest value to try; the last rung of the ladder by default.
        resolution: Gap, as a share of the value solved, at which a search ends.
    """
    writable(output)

    def ask() -> Frontier:
        posed, laid = framed(problem, problem_knobs, framing, framing_knobs)
        unladdered([posed], given(problem_knobs))
        usual = "seq2seq" if laid.output == "decoder" else "lstm"
        setting = Setting(
            problem=posed,
            framing=laid,
            model=model_named(model or usual, given(model_knobs)),
            encoding=None if encoding is None else lookup("encoding", encoding, ENCODINGS),
            recipe=recipe(given(recipe_knobs), budget),
        )
        return Frontier(setting, seeds=seeds, solve_at=solve_at, limit=limit, resolution=resolution)

    study, usage = answer(ask, store=store, workers=workers, dask=dask, keep=keep, quiet=json)
    found = study.answer()
    with refusing():
        if json:
            write_json(_document(study, found, usage), output)
        else:
            print_rich(*_summary(study, found, usage), path=output)
    return code(usage)


def _summary(study: Frontier, found: FrontierAnswer, usage: Usage) -> list[Text | Table]:
    setting = study.setting
    named = ", ".join(map(words, (setting.problem, setting.framing, setting.model)))
    table = Table("seed", "solves", "and fails", "because", box=None, padding=(0, 2, 0, 0))
    for seed, solved in zip(study.seeds, found.per_seed, strict=True):
        failed = [step for step in found.steps if step.seed == seed and not step.solved]
        first = min(failed, key=lambda step: step.value) if failed else None
        table.add_row(
            str(seed),
            (str(solved) if solved else "nothing") + (" so far" if seed in found.open else ""),
            "" if first is None else str(first.value),
            str(first.reasons[0]) if first is not None and first.reasons else "",
        )
    last = f"{found.reached_end} of {len(found.per_seed)} seeds solve the largest value tried, "
    sure = f"an interval of {found.coverage:.1%} for the median of {len(found.per_seed)} seeds"
    if found.complete:
        headline, how = f"{found.knob} {_median(found)}", f"{_interval(found)} {sure}"
    else:
        headline = str(found)
        how = f"The search of {len(found.open)} of {len(found.per_seed)} seeds has not ended"
    return [
        Text.assemble((headline, "bold"), f": the frontier of {named}"),
        Text(
            f"{how}; skill {study.solve_at:g} within {setting.recipe.epochs:,} sequences a trial "
            "counts as solved."
        ),
        *([Text(f"{last}{found.last}: use a larger --limit.")] if found.reached_end else []),
        Text(),
        table,
        Text(),
        spent(usage),
    ]


def _median(found: FrontierAnswer) -> str:
    if not found.median:
        return f"below {found.first}"
    return f"{found.median:g}{' or more' if found.median >= found.last else ''}"


def _interval(found: FrontierAnswer) -> str:
    low, high = (f"{bound:g}" if bound else f"below {found.first}" for bound in found.interval)
    return f"[{low}, {high}],"


def _document(study: Frontier, found: FrontierAnswer, usage: Usage) -> dict[str, Any]:
    return {
        "study": study.id,
        "question": study.question(),
        "knob": found.knob,
        "median": found.median if found.complete else None,
        "interval": list(found.interval) if found.complete else None,
        "coverage": found.coverage if found.complete else None,
        "per_seed": list(found.per_seed),
        "reached_end": found.reached_end,
        "complete": found.complete,
        "open": list(found.open),
        "steps": [
            {
                "value": step.value,
                "seed": step.seed,
                "trial": step.trial,
                "solved": step.solved,
                "skill": step.outcome.skill,
                "sequences": step.outcome.sequences,
                "reasons": [reason._asdict() for reason in step.reasons],
            }
            for step in found.steps
        ],
        "usage": usage.document(),
    }
