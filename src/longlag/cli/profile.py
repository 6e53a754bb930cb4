"""`longlag profile`: what one model remembers, over several problems, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from longlag.cli._flags import flag_values
from longlag.cli._output import OUTPUT, OutputFlags, pick, table
from longlag.cli._setting import DEFAULT_MODEL, SETTING, Model, SettingFlags, model_from_name
from longlag.cli._study import (
    FIVE_PROBLEMS,
    RATES,
    STUDY,
    Problems,
    Rates,
    RatesRecipe,
    StudyFlags,
)
from longlag.cli._study import (
    learning_rates as rates_of,
)
from longlag.report.format import INTERVALS, causes
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.belief import RELIABLE
from longlag.studies.profile import AT_THE_END, Profile


def profile(
    *,
    model: Model = DEFAULT_MODEL,
    minutes: Annotated[float, Parameter(group="Study")] = 5.0,
    problems: Problems = FIVE_PROBLEMS,
    learning_rates: Rates = RATES,
    setting: SettingFlags = SETTING,
    recipe: RatesRecipe = None,
    study: StudyFlags = STUDY,
    output: OutputFlags = OUTPUT,
) -> int:
    """Test one model on several problems within a time limit.

    The trials with the highest expected information per second come first. Run the same command
    again and it continues from the saved trials.

    Args:
        minutes: Time limit, checks of the model and compiling included.
    """
    if not 0 < minutes < 1e6:
        raise ValueError(f"`minutes` must be above 0, got {minutes:g}. Use minutes=5.")
    until = time.monotonic() + 60 * minutes - AT_THE_END
    name = DEFAULT_MODEL if model is None else model

    def question() -> Profile:
        return Profile(
            model_from_name(name, flag_values(setting.model_knobs)),
            setting.problems(problems),
            rates=rates_of(learning_rates),
            seconds=max(0.0, until - time.monotonic()),
            **study.arguments(setting, recipe),
        )

    return study.run(
        question,
        output,
        _document,
        _summary,
        code=(name, problems),
        until=until,
        unanswered=lambda study: study.answer().unanswered,
    )


def _summary(study: Profile) -> Iterator[RenderableType]:
    answer = study.answer()
    yield Text(f"What {answer.model} remembers", style="bold")
    yield Text()
    reaches = table(
        "problem", "reach", "rate", "solved of tried at each level", "why not", "trained longer"
    )
    reaches.columns[0].no_wrap = True
    for reach in answer.reaches:
        tried = [rung for rung in reach.rungs if rung.outcomes]
        reaches.add_row(
            reach.problem,
            Text(str(reach), style="bold" if tried else ""),
            f"{reach.rate:g}" if tried else "",
            "  ".join(f"{rung.value}: {rung.solved}/{len(rung.outcomes)}" for rung in tried),
            causes(reach.reasons.elements()),
            Text("\n".join(reach.longer_texts)),
        )
    yield reaches
    yield Text()
    if lines := answer.unanswered:
        yield Text(f"{lines} Use a larger --minutes, or a smaller --budget.", style="bold yellow")
    source = f"assuming that each trial gives the right answer with probability {RELIABLE:g}"
    yield Text(
        f"{INTERVALS.format(level=f'{CONFIDENCE:.0%}', source=source)} Solved: skill of "
        f"{answer.solve_at:g} or more within {answer.budget:,} sequences."
    )
    if answer.lower_bound:
        yield Text(answer.lower_bound.advice(flags=True), style="bold yellow")
    gaps = table("left out", "", "")
    for gap in answer.left_out:
        gaps.add_row(gap.problem or "all", gap.gap, Text(gap.where))
    yield gaps


def _document(study: Profile) -> dict[str, Any]:
    answer = study.answer()
    reaches = [
        {
            **pick(reach, "problem knob share failed", reaches="value", or_more="more"),
            **pick(reach, "", learning_rate="rate", undertrained_at="undertrained"),
            "interval": reach.interval if reach.tried else None,
            "other_rates": [
                {"learning_rate": rate, "reaches": value} for rate, value in reach.others
            ],
            "longer": [
                pick(each, "sequences interval solved tried", reaches="value")
                for each in reach.longer
            ],
            "rungs": [
                {
                    **pick(rung, "value solved within reasons"),
                    "tried": len(rung.outcomes),
                    "skill": rung.skill and rung.skill.mean,
                }
                for rung in reach.rungs
            ],
        }
        for reach in answer.reaches
    ]
    left_out = [gap._asdict() for gap in answer.left_out]
    unfinished = [{"trial": trial, "share": share} for trial, share in answer.unfinished]
    return {
        "model": answer.model,
        "problems": reaches,
        "left_out": left_out,
        "unfinished": unfinished,
        "answered": not answer.unanswered,
        "lower_bound": answer.lower_bound and answer.lower_bound._asdict(),
    }
