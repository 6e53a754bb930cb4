"""`longlag compare`: several models at each level of several problems, on equal terms."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from longlag.cli._flags import Count
from longlag.cli._output import ANSWER, AnswerFlags
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
from longlag.studies.comparison import RUNGS, Comparison

_STYLES = {"solved": "green", "solved by some": "yellow", "above chance": "yellow"}


def compare(
    *,
    models: Models = "lstm,gru,rnn,mlp",
    problems: Problems = FIVE_PROBLEMS,
    rungs: Annotated[Count, Parameter(group="Study")] = RUNGS,
    learning_rates: Rates = RATES,
    widen: Annotated[bool, Parameter(group="Study")] = True,
    match: Annotated[Literal["parameters", "state"] | None, Parameter(group="Study")] = None,
    setting: SettingFlags = SETTING,
    recipe: RatesRecipe = None,
    seeds: Seeds = 5,
    study: StudyFlags = STUDY,
    output: AnswerFlags = ANSWER,
) -> int:
    """Compare models on several problems, at several difficulty levels of each.

    At the first level every model trains with every learning rate; the one with the best validation
    score is used at the other levels. Options of problems and models apply to those that have them.

    Args:
        rungs: How many difficulty levels of each problem, from the easiest on.
        match: Size every model like the first: as many weights, or numbers of state, within 2 %.
        widen: Try up to two learning rates beyond those given where the best is at their edge.
    """

    def question() -> Comparison:
        return Comparison(
            setting.models(models),
            setting.problems(problems),
            rungs=rungs,
            rates=rates_of(learning_rates),
            widen=widen,
            match=match,
            seeds=seeds,
            **study.arguments(setting, recipe),
        )

    return study.run(question, output, code=(models, problems))
