"""`longlag profile`: what one model remembers, over several problems, in the time there is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.cli._flags import Json, Output, build, build_all, flags, given
from longlag.cli._framed import FramingFlags, ProblemFlags
from longlag.cli._models import model_named
from longlag.cli._output import print_rich, refusing, writable, write_json
from longlag.cli._study import (
    RATES,
    STORE,
    Budget,
    DaskAddress,
    Kept,
    RatesRecipe,
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
from longlag.studies.conduct import Usage
from longlag.studies.ladder import BUDGET, FIVE
from longlag.studies.profile import Profile
from longlag.studies.profile_answer import ProfileAnswer

_STARTED = time.monotonic()
_PROBLEMS = ",".join(kind.title() for kind in FIVE)
_AT_THE_END = 2.5  # seconds that the last chunk and the answer may take

if TYPE_CHECKING:  # the type is made at run time, out of the table
    ModelFlags = Any
else:
    ModelFlags = flags("Model", MODELS)


def profile(
    *,
    model: str = "lstm",
    minutes: Annotated[float, Parameter(group="Study")] = 5.0,
    problems: Annotated[str, Parameter(group="Study")] = _PROBLEMS,
    learning_rates: Annotated[str, Parameter(group="Study")] = RATES,
    framing: str = "whole",
    encoding: str | None = None,
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    model_knobs: ModelFlags = None,
    recipe_knobs: RatesRecipe = None,
    budget: Budget = BUDGET,
    solve_at: SolveAt = SOLVED,
    store: StorePath = STORE,
    workers: Workers = None,
    dask: DaskAddress = None,
    keep: Kept = "first",
    json: Json = False,
    output: Output = None,
) -> int:
    """Say what one model remembers, as well as the time allows.

    The most telling trials come first; asked again, it goes on from what the store has.

    Args:
        model: lstm, gru, rnn, bidirectional, seq2seq or mlp, or path/to/file.py:make_model for
            one of your own.
        minutes: Time there is, the start of the command included.
        problems: Names from `longlag problems`, separated by commas.
        learning_rates: Learning rates, separated by commas: the first is tried first, the others
            where they may get further.
        framing: chunks, window, prefix, whole, vector or encoder-decoder.
        encoding: one-hot or scaled, for integers; one-hot by default.
    """
    writable(output)
    until = _STARTED + 60 * minutes - _AT_THE_END

    def ask() -> Profile:
        if not 0 < minutes < 1e6:
            raise ValueError(f"`minutes` must be above 0, got {minutes:g}. Use minutes=5.")
        posed = build_all("problem", names(problems), PROBLEMS, given(problem_knobs))
        unladdered(posed, given(problem_knobs))
        return Profile(
            model_named(model, given(model_knobs)),
            posed,
            framing=build("framing", framing, FRAMINGS, given(framing_knobs)),
            encoding=None if encoding is None else lookup("encoding", encoding, ENCODINGS),
            recipe=recipe(given(recipe_knobs), budget),
            rates=numbers(learning_rates),
            solve_at=solve_at,
            seconds=max(0.0, until - time.monotonic()),
        )

    study, usage = answer(
        ask, store=store, workers=workers, dask=dask, keep=keep, quiet=json, until=until
    )
    found = study.answer()
    with refusing():
        if json:
            write_json(_document(study, found, usage), output)
        else:
            print_rich(*_summary(found, usage), path=output)
    return code(usage)


def _summary(found: ProfileAnswer, usage: Usage) -> list[Text | Table]:
    table = Table(
        "problem", "reaches", "interval", "rate", "solved of tried at each rung", "fails because",
        "trained longer",
        box=None, padding=(0, 2, 0, 0),
    )  # fmt: skip
    table.columns[0].no_wrap = True
    for reach in found.reaches:
        first = reach.rungs[0].value
        tried = (
            f"{rung.value}: {rung.solved}/{len(rung.outcomes)}"
            for rung in reach.rungs
            if rung.outcomes
        )
        reasons = dict[str, int]()
        for rung in reach.rungs:
            for reason, count in rung.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + count
        table.add_row(
            reach.problem,
            Text(reach.words, style="bold" if reach.tried else ""),
            Text(_between(reach.interval, first) if reach.tried else ""),
            f"{reach.rate:g}" if reach.tried else "",
            "  ".join(tried),
            ", ".join(f"{count} {reason}" for reason, count in reasons.items()),
            Text(
                "\n".join(
                    f"{each.sequences:,}: {each.value or 'none'} {_between(each.interval, first)}"
                    for each in reach.longer
                )
            ),
        )
    left = [Text("Left out:"), *(Text(f"- {sentence}") for sentence in found.left_out)]
    sure = "Interval: 95 %, a seed taken to tell right with probability 0.9; skill "
    sure += f"{found.solve_at:g} within {found.budget:,} sequences counts as solved."
    return [
        Text(f"What {found.model} remembers", style="bold"),
        Text(),
        table,
        Text(),
        Text(sure),
        *left,
        spent(usage),
    ]


def _between(interval: tuple[int, int], first: int) -> str:
    low, high = (str(bound) if bound else f"below {first}" for bound in interval)
    return f"[{low}, {high}]"


def _document(study: Profile, found: ProfileAnswer, usage: Usage) -> dict[str, Any]:
    return {
        "study": study.id,
        "question": study.question(),
        "model": found.model,
        "problems": [
            {
                "problem": reach.problem,
                "knob": reach.knob,
                "reaches": reach.value,
                "or_more": reach.more,
                "interval": list(reach.interval) if reach.tried else None,
                "share": reach.share,
                "learning_rate": reach.rate,
                "other_rates": [
                    {"learning_rate": rate, "reaches": value} for rate, value in reach.others
                ],
                "longer": [
                    {
                        "sequences": each.sequences,
                        "reaches": each.value,
                        "interval": list(each.interval),
                        "solved": each.solved,
                        "tried": each.tried,
                    }
                    for each in reach.longer
                ],
                "undertrained_at": reach.undertrained,
                "rungs": [
                    {
                        "value": rung.value,
                        "solved": rung.solved,
                        "tried": len(rung.outcomes),
                        "within": rung.within,
                        "skill": None if rung.skill is None else rung.skill.mean,
                        "reasons": dict(rung.reasons),
                    }
                    for rung in reach.rungs
                ],
            }
            for reach in found.reaches
        ],
        "left_out": list(found.left_out),
        "usage": usage.document(),
    }
