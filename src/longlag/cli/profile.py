"""`longlag profile`: what one model remembers, over several problems, within a time limit."""

from __future__ import annotations

import time
from typing import Annotated

from cyclopts import Parameter

from longlag.cli._flags import flag_values
from longlag.cli._output import ANSWER, AnswerFlags
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
    output: AnswerFlags = ANSWER,
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
        code=(name, problems),
        until=until,
        unanswered=lambda study: study.answer().unanswered,
    )
