"""`longlag generalise`: models trained at one length of sequence, scored at others."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.cli._flags import Count, given
from longlag.cli._framed import problem_from_name
from longlag.cli._setting import SETTING, SettingParameters, names
from longlag.cli._study import SHARED, Seeds, StudyParameters, StudyRecipe, answer
from longlag.problems import Problem
from longlag.scores.statistics import caveats
from longlag.studies.generalisation import Generalisation
from longlag.studies.generalisation_answer import GeneralisationAnswer, LengthScore, ModelAnswer
from longlag.studies.study import words


def generalise(
    problem: str,
    /,
    *,
    train: Annotated[Count | None, Parameter(group="Study")] = None,
    test: Annotated[str | None, Parameter(group="Study")] = None,
    models: Annotated[str, Parameter(group="Study")] = "lstm,gru",
    setting: SettingParameters = SETTING,
    recipe: StudyRecipe = None,
    seeds: Seeds = 5,
    shared: StudyParameters = SHARED,
) -> int:
    """Train models at one sequence length, and score them at others.

    The answer is the skill of each model at each length (0 = guessing, 1 = the best score
    possible), and the longest length that it solves: the median over seeds, with an interval.

    Args:
        problem: A name from `longlag problems`.
        train: Length of the training sequences. Default: the default length of the problem.
        test: Lengths of the test sequences, separated by commas. Default: 1, 2, 4 and 16 times the
            training length. The training length is always scored too.
        models: Model names, separated by commas; path/to/file.py:make_model is your own.
    """

    def ask() -> Generalisation:
        return Generalisation(
            _posed(problem, given(setting.problem_knobs), train),
            setting.frames(),
            setting.models(models),
            test=None if test is None else _lengths(test),
            encoding=setting.encodes(),
            recipe=shared.recipe(recipe),
            seeds=seeds,
            solve_at=shared.solve_at,
        )

    return answer(ask, shared, _document, _summary)


def _posed(name: str, typed: dict[str, Any], train: int | None) -> Problem:
    """The problem at the length trained at."""
    if train is None:
        return problem_from_name(name, typed)
    if "length" in typed:
        raise ValueError("`length` is what `--train` sets, so it cannot be set too. Leave one out.")
    return problem_from_name(name, {"length": train, **typed}).showing(train)


def _lengths(listed: str) -> list[int]:
    try:
        return [int(text) for text in names(listed)]
    except ValueError:
        raise ValueError(
            f"`test` must be lengths separated by commas, got {listed}. Use --test 40,80."
        ) from None


def _summary(study: Generalisation) -> list[Text | Table]:
    found: GeneralisationAnswer = study.answer()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("model", "length", "skill", "solved", "chance", "ceiling", "otherwise"):
        table.add_column(name, justify="right" if name in ("length", "chance") else "left")
    for model in found.models:
        for place, score in enumerate(model.scores):
            table.add_row(
                "" if place else model.model,
                str(score.length),
                Text(str(score.skill), style=_style(score, study.solve_at)),
                f"{score.solved} of {score.seeds}",
                f"{score.chance:.3g}",
                f"{score.ceiling:.3g}",
                _otherwise(score, model, found.train),
            )
    longest = Table(
        "model", "longest length solved", "seed by seed", box=None, padding=(0, 2, 0, 0)
    )
    for model in found.models:
        each = ", ".join(str(length or "none") for length in model.per_seed)
        longest.add_row(model.model, Text(str(model)), each)  # brackets are no markup
    sure = dict.fromkeys(
        f"{model.coverage:.1%} for the median of {len(model.per_seed)} seeds"
        for model in found.models
        if model.per_seed
    )
    about = (
        f"Skill: 0 is guessing, 1 the best score possible; {study.solve_at:g} counts as solved. "
    )
    about += f"Longest: all lengths from {found.train} up to it are solved; interval of "
    about += f"{', '.join(sure)}. " if sure else "no seed. "
    about += f"At most {study.recipe.epochs:,} sequences per trial. "
    about += caveats(score.skill for model in found.models for score in model.scores)
    heading = f"{words(study.problem)}, {words(study.framing)}: trained at length {found.train}"
    refusals = [Text(model.refusal) for model in found.models if model.refusal]
    open_ = [Text("The study is not complete.", style="bold yellow")] if not found.complete else []
    return [
        Text(heading, style="bold"),
        table,
        Text(),
        longest,
        Text(),
        *refusals,
        *open_,
        Text(about),
    ]


def _style(score: LengthScore, solve_at: float) -> str:
    if score.skill.mean >= solve_at:
        return "green"
    return "yellow" if score.standing == "above" else "red"


def _otherwise(score: LengthScore, model: ModelAnswer, train: int) -> str:
    """Whether it was trained so, what became of the seeds that did not solve that, and chance."""
    said = []
    if score.length == train:
        said = ["as trained", *(f"{count} {reason}" for reason, count in model.reasons.items())]
        said += [f"{model.missing} not run"] if model.missing else []
    if score.standing != "above":
        said.append(f"together {score.standing} chance")
    return ", ".join(said)


def _document(study: Generalisation) -> dict[str, Any]:
    found = study.answer()

    def score(each: LengthScore) -> dict[str, Any]:
        return {
            "length": each.length,
            "skill": {
                "mean": each.skill.mean,
                "interval": list(each.skill.interval),
                "per_seed": list(each.skill.per_seed),
            },
            "solved": each.solved,
            "seeds": each.seeds,
            "chance": each.chance,
            "ceiling": each.ceiling,
            "stands": f"{each.standing} chance",
        }

    return {
        "train": found.train,
        "test": list(found.test),
        "models": [
            {
                "model": each.model,
                "scores": [score(one) for one in each.scores],
                "longest": {
                    "median": each.median if each.per_seed else None,
                    "interval": list(each.interval) if each.per_seed else None,
                    "coverage": each.coverage if each.per_seed else None,
                    "per_seed": list(each.per_seed),
                },
                "cannot_run_at": list(each.unread),
                "because": each.refusal or None,
                "missing": each.missing,
                "reasons": dict(each.reasons),
            }
            for each in found.models
        ],
        "complete": found.complete,
    }
