"""`longlag generalise`: models trained at one length of sequence, scored at others."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from longlag.cli._flags import Count, flag_values, problem_from_name
from longlag.cli._output import ANSWER, AnswerFlags
from longlag.cli._setting import SETTING, Models, SettingFlags, numbers
from longlag.cli._study import STUDY, Seeds, StudyFlags, StudyRecipe
from longlag.problems import PROBLEMS, Problem
from longlag.studies.generalisation import Generalisation


def generalise(
    problem: str,
    /,
    *,
    train: Annotated[Count | None, Parameter(group="Study")] = None,
    test: Annotated[str | None, Parameter(group="Study")] = None,
    models: Models = "lstm,gru",
    setting: SettingFlags = SETTING,
    recipe: StudyRecipe = None,
    seeds: Seeds = 5,
    study: StudyFlags = STUDY,
    output: AnswerFlags = ANSWER,
) -> int:
    """Train models at one sequence length, and score them at others.

    The answer is the skill of each model at each length (0 = chance, 1 = the best score
    possible), and the longest length that it solves: the median over seeds, with an interval.

    Args:
        problem: A name from `longlag problems`.
        train: Length of the training sequences. Default: the default length of the problem.
        test: Lengths of the test sequences, separated by commas. Default: 1, 2, 4 and 16 times the
            training length. The training length is always scored too.
    """

    def question() -> Generalisation:
        return Generalisation(
            _problem(problem, flag_values(setting.problem_knobs), train),
            models=setting.models(models),
            test=None if test is None else numbers(test, "--test", int, "40,80"),
            seeds=seeds,
            **study.arguments(setting, recipe),
        )

    return study.run(question, output, code=(models, problem))


def _problem(name: str, values: dict[str, Any], train: int | None) -> Problem:
    """The problem at the training length."""
    if train is None:
        return problem_from_name(name, values)
    if "length" in values:
        raise ValueError("`length` is what `--train` sets, so it cannot be set too. Leave one out.")
    kind = PROBLEMS.get(name)
    if kind is None or "length" in [each.name for each in kind.knobs()]:
        values = {"length": train, **values}
    return problem_from_name(name, values).showing(train)
