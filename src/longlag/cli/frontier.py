"""`longlag frontier`: the hardest level of a problem that a model solves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from longlag.cli._flags import Count, as_study_flags, flag_values
from longlag.cli._output import OUTPUT, OutputFlags, pick, table
from longlag.cli._setting import SETTING, Model, SettingFlags, check_difficulty_is_free
from longlag.cli._study import STUDY, Seeds, StudyFlags, StudyRecipe
from longlag.report.format import INTERVALS, MEASURED, OPEN
from longlag.scores.statistics import no_interval
from longlag.studies.frontier import RESOLUTION, Frontier, Step
from longlag.studies.ladder import at
from longlag.studies.study import words
from longlag.trials.remedies import remedy


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
    output: OutputFlags = OUTPUT,
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

    return study.run(question, output, _document, _summary, code=(model, problem))


def _summary(study: Frontier) -> Iterator[RenderableType]:
    answer, setting, seeds = study.answer(), study.setting, len(study.seeds)
    setup = ", ".join(map(words, (setting.problem, setting.framing, setting.model)))
    few = no_interval(seeds)
    largest = answer.words.removesuffix(f" ({few})")
    yield Text.assemble("Largest value solved: ", (largest, "bold"), f" ({setup})")
    interval = INTERVALS.format(
        level=f"{answer.coverage:.1%}", source=f"for the median of {seeds} seeds"
    )
    if not answer.complete:
        interval = OPEN.format(what=f"{len(answer.open)} of {seeds} searches open")
    elif few:
        interval = f"{few.capitalize()}."
    yield Text(
        f"{interval} Solved: skill (0 guessing, 1 the best possible score) of {study.solve_at:g} "
        f"or more within {setting.recipe.sequences:,} sequences per trial."
    )
    if answer.reached_end:
        subject = f"Seeds that solve {answer.last}, the largest value allowed (--limit)"
        figure = f"{answer.reached_end} of {seeds}"
        yield Text(MEASURED.format(subject=subject, figure=figure))
    if answer.lower_bound:
        yield Text(answer.lower_bound.advice(flags=True), style="bold yellow")
    yield Text()
    by_seed = table("seed", "largest solved", "smallest failed", "reason")
    for seed, solved in zip(study.seeds, answer.per_seed, strict=True):
        failed = [step for step in answer.steps if step.seed == seed and not step.solved]
        first = min(failed, key=lambda step: step.value, default=None)
        by_seed.add_row(
            str(seed),
            (str(solved) if solved else "nothing") + (" so far" if seed in answer.open else ""),
            "" if first is None else str(first.value),
            Text(_reason(answer.failures.get(seed, ""), first)),
        )
    yield by_seed
    if not answer.lower_bound and (advice := _advice(study)):
        yield Text(advice)
    yield Text()


def _advice(study: Frontier) -> str:
    """The most frequent reason why seeds failed, and what to change, as flags."""
    failed = [step for step in study.answer().steps if not step.solved]
    names = [step.reasons[0].reason for step in failed]
    if not names:
        return ""
    common = failed[names.index(max(names, key=names.count))]
    reason = common.reasons[0].reason
    text = remedy(reason, at(study.setting, common.value, study.solve_at))
    return text and f"{reason.capitalize()}: {as_study_flags(text, study.kind)}"


def _reason(failure: str, first: Step | None) -> str:
    """Why a seed failed at its smallest failed value."""
    if failure:
        return f"missing: {failure}"
    return "" if first is None else str(first.reasons[0])


def _document(study: Frontier) -> dict[str, Any]:
    answer = study.answer()
    figures = ("median", "interval", "coverage")
    return {
        **pick(answer, "knob per_seed reached_end complete open failures"),
        "lower_bound": answer.lower_bound and answer.lower_bound._asdict(),
        **{name: getattr(answer, name) if answer.complete else None for name in figures},
        "steps": [
            {
                **pick(step, "value seed trial solved", skill="outcome.skill"),
                "sequences": step.outcome.sequences,
                "reasons": [reason._asdict() for reason in step.reasons],
            }
            for step in answer.steps
        ],
    }
