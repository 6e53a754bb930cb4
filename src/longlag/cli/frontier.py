"""`longlag frontier`: the largest value of a problem's ladder that a model still solves."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.cli._flags import Count, given
from longlag.cli._setting import SETTING, Model, SettingParameters, unladdered
from longlag.cli._study import SHARED, Seeds, StudyParameters, StudyRecipe, answer
from longlag.report.format import INTERVALS, MEASURED, OPEN
from longlag.studies.frontier import RESOLUTION, Frontier
from longlag.studies.study import words


def frontier(
    problem: str,
    /,
    *,
    model: Model = None,
    setting: SettingParameters = SETTING,
    recipe: StudyRecipe = None,
    seeds: Seeds = 5,
    limit: Annotated[Count | None, Parameter(group="Study")] = None,
    resolution: Annotated[float, Parameter(group="Study")] = RESOLUTION,
    shared: StudyParameters = SHARED,
) -> int:
    """Find the hardest version of a problem (say, the longest lag) that a model solves.

    For each seed it doubles the value until the model fails, then halves the gap. The answer is the
    median over seeds, with an interval.

    Args:
        problem: A name from `longlag problems`.
        limit: Largest value to try. Default: the hardest level of `longlag problems`.
        resolution: Stop when the gap between the largest solved and the smallest failed value is
            this fraction of the former (0.1 = 10 %).
    """

    def ask() -> Frontier:
        made = setting.setting(problem, model, shared.recipe(recipe))
        unladdered(made.problem, given(setting.problem_knobs))
        return Frontier(
            made, seeds=seeds, solve_at=shared.solve_at, limit=limit, resolution=resolution
        )

    return answer(ask, shared, _document, _summary)


def _summary(study: Frontier) -> list[Text | Table]:
    found, setting = study.answer(), study.setting
    named = ", ".join(map(words, (setting.problem, setting.framing, setting.model)))
    table = Table(
        "seed", "largest solved", "smallest failed", "reason", box=None, padding=(0, 2, 0, 0)
    )
    for seed, solved in zip(study.seeds, found.per_seed, strict=True):
        failed = [step for step in found.steps if step.seed == seed and not step.solved]
        first = min(failed, key=lambda step: step.value, default=None)
        table.add_row(
            str(seed),
            (str(solved) if solved else "nothing") + (" so far" if seed in found.open else ""),
            "" if first is None else str(first.value),
            "" if first is None else str(first.reasons[0]),
        )
    seeds = len(study.seeds)
    source = f"for the median of {seeds} seeds"
    sure = INTERVALS.format(level=f"{found.coverage:.1%}", source=source)
    if not found.complete:
        sure = OPEN.format(what=f"{len(found.open)} of {seeds} searches open")
    elif seeds == 1:
        sure = "One seed: no interval."
    lines = [
        f"{sure} Solved: skill (0 guessing, 1 the best score possible) of {study.solve_at:g} or "
        f"more within {setting.recipe.epochs:,} sequences per trial."
    ]
    if found.reached_end:
        subject = f"Seeds that solve {found.last}, the largest value allowed (--limit)"
        lines.append(MEASURED.format(subject=subject, figure=f"{found.reached_end} of {seeds}"))
    largest = str(found).partition(" [")[0] if seeds == 1 else str(found)
    headline = Text.assemble("Largest value solved: ", (largest, "bold"), f" ({named})")
    return [headline, *map(Text, lines), Text(), table, Text()]


def _document(study: Frontier) -> dict[str, Any]:
    found = study.answer()
    return {
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
    }
