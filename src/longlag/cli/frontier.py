"""`longlag frontier`: the hardest level of a problem that a model solves."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

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
    study: StudyFlags = STUDY,
    output: AnswerFlags = ANSWER,
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

    def question() -> Frontier:
        base = setting.setting(problem, model, study.recipe(recipe))
        check_difficulty_is_free(base.problem, flag_values(setting.problem_knobs))
        return Frontier(
            base, seeds=seeds, solve_at=study.solve_at, limit=limit, resolution=resolution
        )

    return study.run(question, output, code=(model, problem))
