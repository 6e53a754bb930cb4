"""`longlag frontier`: the hardest level of a problem that a model solves, or the smallest model."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from longlag.by_name import option
from longlag.cli._flags import Count, flag_values
from longlag.cli._output import ANSWER, AnswerFlags
from longlag.cli._setting import SETTING, Model, SettingFlags, check_difficulty_is_free
from longlag.cli._study import STUDY, Seeds, StudyFlags, StudyRecipe
from longlag.studies.frontier import RESOLUTION, Frontier


def frontier(
    problem: str,
    /,
    *,
    model: Model = None,
    setting: SettingFlags = SETTING,
    recipe: StudyRecipe = None,
    seeds: Seeds = 5,
    limit: Annotated[Count | None, Parameter(group="Study")] = None,
    resolution: Annotated[float, Parameter(group="Study")] = RESOLUTION,
    over: Annotated[str | None, Parameter(group="Study")] = None,
    study: StudyFlags = STUDY,
    output: AnswerFlags = ANSWER,
) -> int:
    """Find the hardest version of a problem (say, the longest lag) that a model solves.

    For each seed it doubles the value until the model fails, then halves the gap. The answer is the
    median over seeds, with an interval. With `--over hidden-size` it finds the smallest model that
    solves the problem as it is.

    Args:
        problem: A name from `longlag problems`.
        limit: Largest value to try. Default: the hardest level of `longlag problems`; of a size
            128.
        resolution: Stop when the gap between the largest solved and the smallest failed value is
            this fraction of the former (0.1 = 10 %).
        over: Vary `hidden-size`, or another whole number of the model, in place of the problem's
            difficulty.
    """

    def question() -> Frontier:
        base = setting.setting(problem, model, study.recipe(recipe))
        knob = over and over.replace("-", "_")
        if knob is None:
            check_difficulty_is_free(base.problem, flag_values(setting.problem_knobs))
        elif knob in flag_values(setting.model_knobs):
            raise ValueError(f"`{option(knob)}` is what --over varies. Leave one of them out.")
        return Frontier(
            base,
            seeds=seeds,
            solve_at=study.solve_at,
            limit=limit,
            resolution=resolution,
            over=knob,
        )

    return study.run(question, output, code=(model, problem))
