"""`longlag profile`: what one model remembers, over several problems, in the time there is."""

from __future__ import annotations

import time
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.cli._flags import given
from longlag.cli._models import model_from_name
from longlag.cli._setting import SETTING, SettingParameters
from longlag.cli._study import (
    FIVE_PROBLEMS,
    RATES,
    SHARED,
    Problems,
    Rates,
    RatesRecipe,
    StudyParameters,
    answer,
    numbers,
)
from longlag.report.format import INTERVALS, causes
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.belief import RELIABLE
from longlag.studies.profile import Profile

_STARTED = time.monotonic()
_AT_THE_END = 2.5  # seconds that the last chunk and the answer may take


def profile(
    *,
    model: str = "lstm",
    minutes: Annotated[float, Parameter(group="Study")] = 5.0,
    problems: Problems = FIVE_PROBLEMS,
    learning_rates: Rates = RATES,
    setting: SettingParameters = SETTING,
    recipe: RatesRecipe = None,
    shared: StudyParameters = SHARED,
) -> int:
    """Test one model on several problems within a time limit.

    The trials with the highest expected information per second come first. Run the same command
    again and it continues from the saved trials.

    Args:
        model: lstm, gru, rnn, bidirectional, seq2seq or mlp, or path/to/file.py:make_model for
            your own.
        minutes: Time limit, the start of the command included.
    """
    until = _STARTED + 60 * minutes - _AT_THE_END

    def ask() -> Profile:
        if not 0 < minutes < 1e6:
            raise ValueError(f"`minutes` must be above 0, got {minutes:g}. Use minutes=5.")
        return Profile(
            model_from_name(model, given(setting.model_knobs)),
            setting.problems(problems),
            framing=setting.frames(),
            encoding=setting.encodes(),
            recipe=shared.recipe(recipe),
            rates=numbers(learning_rates),
            solve_at=shared.solve_at,
            seconds=max(0.0, until - time.monotonic()),
        )

    return answer(ask, shared, _document, _summary, until=until)


def _summary(study: Profile) -> list[Text | Table]:
    found = study.answer()
    head = ("problem", "reach", "rate", "solved of tried at each rung", "why not", "trained longer")
    table = Table(*head, box=None, padding=(0, 2, 0, 0))
    table.columns[0].no_wrap = True
    for reach in found.reaches:
        tried = [rung for rung in reach.rungs if rung.outcomes]
        table.add_row(
            reach.problem,
            Text(str(reach), style="bold" if tried else ""),
            f"{reach.rate:g}" if tried else "",
            "  ".join(f"{rung.value}: {rung.solved}/{len(rung.outcomes)}" for rung in tried),
            causes(reach.reasons.elements()),
            Text("\n".join(reach.longer_texts)),
        )
    gaps = Table("left out", "", "", box=None, padding=(0, 2, 0, 0))
    for gap in found.left_out:
        gaps.add_row(gap.problem or "all", gap.gap, gap.where)
    source = f"assuming that each trial gives the right answer with probability {RELIABLE:g}"
    notes = (
        f"{INTERVALS.format(level=f'{CONFIDENCE:.0%}', source=source)} Solved: skill of "
        f"{found.solve_at:g} or more within {found.budget:,} sequences."
    )
    title = Text(f"What {found.model} remembers", style="bold")
    return [title, Text(), table, Text(), Text(notes), gaps]


def _document(study: Profile) -> dict[str, Any]:
    found = study.answer()
    return {
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
        "left_out": [gap._asdict() for gap in found.left_out],
    }
