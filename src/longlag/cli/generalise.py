"""`longlag generalise`: models trained at one length of sequence, scored at others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from longlag.cli._flags import Count, flag_values, problem_from_name
from longlag.cli._output import OUTPUT, OutputFlags, pick, table
from longlag.cli._setting import SETTING, Models, SettingFlags, numbers
from longlag.cli._study import STUDY, Seeds, StudyFlags, StudyRecipe
from longlag.problems import Problem
from longlag.scores.statistics import caveats, no_interval
from longlag.studies.generalisation import Generalisation
from longlag.studies.generalisation_answer import LengthScore, ModelAnswer
from longlag.studies.study import words


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
    output: OutputFlags = OUTPUT,
) -> int:
    """Train models at one sequence length, and score them at others.

    The answer is the skill of each model at each length (0 = guessing, 1 = the best score
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

    return study.run(question, output, _document, _summary, code=(models, problem))


def _problem(name: str, values: dict[str, Any], train: int | None) -> Problem:
    """The problem at the training length."""
    if train is None:
        return problem_from_name(name, values)
    if "length" in values:
        raise ValueError("`length` is what `--train` sets, so it cannot be set too. Leave one out.")
    return problem_from_name(name, {"length": train, **values}).showing(train)


def _summary(study: Generalisation) -> Iterator[RenderableType]:
    answer = study.answer()
    heading = f"{words(study.problem)}, {words(study.framing)}: trained at length {answer.train}"
    yield Text(heading, style="bold")
    scores = table(
        *("model", "length", "skill", "solved", "guessing", "best possible", "note"),
        right=("length", "guessing"),
    )
    longest = table("model", "longest length solved", "seed by seed")
    intervals = dict[str, None]()
    for model in answer.models:
        if not model.scores:
            scores.add_row(model.model, *[""] * 5, Text(_missing(model)))
        for index, score in enumerate(model.scores):
            scores.add_row(
                "" if index else model.model,
                str(score.length),
                Text(str(score.skill), style=_style(score, study.solve_at)),
                f"{score.solved} of {score.seeds}",
                f"{score.chance:.3g}",
                f"{score.ceiling:.3g}",
                Text(_note(score, model, answer.train)),
            )
        per_seed = ", ".join(str(length or "none") for length in model.per_seed)
        longest.add_row(model.model, Text(str(model)), per_seed)  # brackets are no markup
        if model.per_seed:
            count = len(model.per_seed)
            interval = f"interval of {model.coverage:.1%} for the median of {count} seeds"
            intervals[no_interval(count) or interval] = None
    yield from (scores, Text(), longest, Text())
    yield from (Text(model.refusal) for model in answer.models if model.refusal)
    if answer.lower_bound:
        yield Text(answer.lower_bound.advice(flags=True), style="bold yellow")
    if not answer.complete:
        yield Text("The study is not complete.", style="bold yellow")
    yield Text(
        f"Skill: 0 is guessing, 1 the best possible score; {study.solve_at:g} counts as solved. "
        f"Longest: all lengths from {answer.train} up to it are solved; "
        f"{', '.join(intervals) or 'no seed'}. At most {study.recipe.sequences:,} sequences "
        "per trial. " + caveats(score.skill for model in answer.models for score in model.scores)
    )


def _style(score: LengthScore, solve_at: float) -> str:
    if score.skill.mean >= solve_at:
        return "green"
    return "yellow" if score.standing == "above" else "red"


def _note(score: LengthScore, model: ModelAnswer, train: int) -> str:
    """At the training length why seeds failed, and whether the score is at chance."""
    notes = []
    if score.length == train:
        notes = ["as trained", *(f"{count} {reason}" for reason, count in model.reasons.items())]
        notes += [_missing(model)] if model.missing else []
    if score.standing != "above":
        notes.append(f"together {score.standing} chance")
    return ", ".join(notes)


def _missing(model: ModelAnswer) -> str:
    """How many seeds are missing, and why."""
    not_run = model.missing - sum(model.failures.values())
    notes = [f"{count} failed: {why}" for why, count in model.failures.items()]
    return "; ".join([*notes, *([f"{not_run} not run"] if not_run else [])])


def _document(study: Generalisation) -> dict[str, Any]:
    answer = study.answer()
    longest = ("median", "interval", "coverage")
    models = [
        {
            **pick(model, "model missing failures reasons", cannot_run_at="unread"),
            "because": model.refusal or None,
            "longest": {
                **{name: getattr(model, name) if model.per_seed else None for name in longest},
                "per_seed": model.per_seed,
            },
            "scores": [
                {
                    **pick(score, "length skill solved seeds chance ceiling"),
                    "stands": f"{score.standing} chance",
                }
                for score in model.scores
            ],
        }
        for model in answer.models
    ]
    bound = answer.lower_bound and answer.lower_bound._asdict()
    return {**pick(answer, "train test complete"), "lower_bound": bound, "models": models}
