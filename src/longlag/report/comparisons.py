"""Comparison: how well does each model solve each problem, and after how many sequences?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from longlag.report import charts
from longlag.report.blocks import Cell, Figure, Panel, Section, cell, number_cell, table
from longlag.report.format import (
    INTERVALS,
    MEASURED,
    OPEN,
    counted,
    listed,
    no_interval,
    slugs,
    span,
    with_interval,
)
from longlag.report.sections import curves, verdicts
from longlag.report.sections.common import Group
from longlag.report.study_part import StudyPart, question, skill_panel, skill_row
from longlag.report.theme import Style, styles
from longlag.scores.statistics import CONFIDENCE, Estimate
from longlag.studies import comparison_answer
from longlag.studies.comparison import Comparison
from longlag.studies.comparison_answer import ComparisonAnswer

_PANELS = 12  # problems of one figure

Results = Sequence[comparison_answer.Cell]


def comparison(study: Comparison, start: str) -> StudyPart:
    """The part about a comparison; `start` begins all its names in an address."""
    answer, budget = study.answer(), study.recipe.epochs
    looks = styles(answer.models)
    groups = [
        Group.of(
            study.problems[each.problem],
            each.model,
            each.outcomes,
            study.solve_at,
            knob=each.knob,
            value=each.rung,
            detail=f"learning rate {each.rate:g}",
            missing=each.missing,
        )
        for each in (*answer.cells, *(each for each in answer.ladder if not each.chosen))
    ]
    chosen = groups[: len(answer.cells)]
    models, problems = listed(answer.models), listed(answer.problems)
    means = [(model, mean) for model in answer.models if (mean := answer.mean_skill(model))]
    subject = f"How well and how soon do {models} solve {problems}, level by level?"
    choice = "Of each problem the hardest level that all models tried, where there is one."
    return StudyPart(
        title=f"{models} compared",
        question=question(subject, study, study.framing, f"{budget:,}"),
        results=[
            MEASURED.format(
                subject=f"Mean skill of {model} over all levels", figure=with_interval(mean)
            )
            for model, mean in sorted(means, key=lambda each: -each[1].mean)
        ],
        table=verdicts.overview(chosen),
        certainty=_certainty(study, answer),
        sections=[
            _skill_section(answer, start, looks, chosen),
            _times_section(answer, start, looks, budget),
            _rates_section(answer, start, looks),
            curves.curves(start, _hardest(answer, chosen), choice, looks),
        ],
        groups=groups,
    )


def _certainty(study: Comparison, answer: ComparisonAnswer) -> list[str]:
    seeds = len(study.seeds)
    between = "spread between seeds, " if seeds > 1 else ""
    source = f"{between}noise of the test sequences; seeds: {seeds}"
    lines = [INTERVALS.format(level=f"{CONFIDENCE:.0%}", source=source)]
    if len(answer.rates) > 1:
        lines.append(
            f"The learning rate of each model is the best of {len(answer.rates)} at the first "
            "level, on validation sequences. The same seeds are scored there, so a model whose "
            "seeds differ much can look a little too good at that level."
        )
    if not answer.complete:
        lines.append(OPEN.format(what=f"{counted(study.left() or 0, 'trial')} left"))
    if missing := sum(each.missing for each in answer.cells):
        lines.append(OPEN.format(what=f"{counted(missing, 'trial')} missing at these levels"))
    return lines


def _hardest(
    answer: ComparisonAnswer, groups: Sequence[Group]
) -> list[tuple[str, list[tuple[str, Group]]]]:
    """Of each problem, the models at the hardest level that all of them tried."""
    tried, panels = Counter((group.problem, group.value) for group in groups), []
    for problem in answer.problems:
        full = [
            v for (p, v), count in tried.items() if p == problem and count == len(answer.models)
        ]
        if full:
            here = [each for each in groups if (each.problem, each.value) == (problem, max(full))]
            seeds = span([len(each.outcomes) for each in here])
            title = f"{problem}, {here[0].level}, seeds: {seeds}"
            panels.append((title, [(group.model, group) for group in here]))
    return panels


def _figure(
    answer: ComparisonAnswer,
    results: Results,
    looks: Sequence[Style],
    caption: str,
    panel: Callable[[str, Results], tuple[Panel, str]],
) -> Figure:
    """A panel for each problem, made of its name and its results, with a note for the caption."""
    by_problem = {
        name: [each for each in results if each.problem == problem]
        for name, problem in zip(slugs(answer.problems), answer.problems, strict=True)
    }
    made = [panel(name, here) for name, here in by_problem.items() if here]
    left = max(0, len(made) - _PANELS)
    more = f" {counted(left, 'problem')} more in the table only." if left else ""
    notes = dict.fromkeys(note for _, note in made)
    panels = tuple(each for each, _ in made[:_PANELS])
    return Figure(caption="".join([caption, more, *notes]), panels=panels, series=tuple(looks))


def _skill_section(
    answer: ComparisonAnswer, start: str, looks: Sequence[Style], groups: Sequence[Group]
) -> Section:
    def panel(name: str, here: Results) -> tuple[Panel, str]:
        rows = [skill_row(each.model, each.rung, each.skill, _solved(each)) for each in here]
        key, first = f"{start}-skill-{name}", here[0]
        made = skill_panel(key, first.problem, rows, looks, first.knob)
        return made, charts.clipped_note(rows)

    caption = (
        "Skill on new random sequences at each difficulty level: 0 is guessing, 1 the best score "
        "possible. Bars are 95 % intervals."
    )
    figures = verdicts.levels(groups, "The same in figures, with 95 % intervals.")
    blocks = (_figure(answer, answer.cells, looks, caption, panel), figures) if groups else ()
    return Section(id=f"{start}-skill", title="Skill by difficulty level", blocks=blocks)


def _rates_section(answer: ComparisonAnswer, start: str, looks: Sequence[Style]) -> Section:
    def panel(name: str, here: Results) -> tuple[Panel, str]:
        rows = [skill_row(e.model, f"{e.rate:g}", e.skill, _solved(e)) for e in here]
        title, key = f"{here[0].problem}, {_level(here[0])}", f"{start}-rates-{name}"
        made = skill_panel(key, title, rows, looks, "learning rate")
        return made, charts.clipped_note(rows)

    caption = (
        "Skill at the first level with every learning rate that was tried. A flat line is a model "
        "whose learning rate needs no tuning."
    )
    tried = answer.ladder if len(answer.rates) > 1 else ()
    blocks = (_figure(answer, tried, looks, caption, panel),) if tried else ()
    return Section(id=f"{start}-rates", title="Skill by learning rate", blocks=blocks)


def _times_section(
    answer: ComparisonAnswer, start: str, looks: Sequence[Style], budget: int
) -> Section:
    def panel(name: str, here: Results) -> tuple[Panel, str]:
        first = min(at for each in here for at in each.time.times if at > 0) / 1.5
        rows = [row for each in here for row in _time_rows(each, first)]
        title = f"{here[0].problem}, {_level(here[0])}"
        shares = listed(f"{each.model} {_solved(each)}" for each in here)
        chart = charts.times(rows, looks, (first, float(budget)))
        alt = f"Seeds that solved {title} against sequences: {shares}."
        return Panel(key=f"{start}-times-{name}", title=title, chart=chart, alt=alt), ""

    seeds = max((each.time.count for each in answer.cells), default=0)
    caption = (
        "Share of seeds that have solved the first level after so many sequences (Kaplan and "
        f"Meier), {no_interval(seeds) if seeds == 1 else 'with its 95 % band'}. Training is looked "
        "at about fifty times, so an interval may be narrower than a step; a seed that turns out "
        "to have solved it only at the end counts with all of its sequences."
    )
    sequences = table(
        f"Mean sequences to solve a level; a seed that does not counts as {budget:,} (restricted "
        "mean). With 95 % intervals.",
        ("problem", "model", "level", "solved", "share of seeds", "sequences"),
        (
            (
                each.problem,
                each.model,
                _level(each),
                number_cell(_solved(each)),
                cell(each.time.rate, digits=2),
                _mean_time(each.time.mean),
            )
            for each in answer.cells
        ),
        fold=True,
    )
    firsts = {each.problem: each.rung for each in reversed(answer.ladder)}
    at_first = [each for each in answer.cells if each.rung == firsts.get(each.problem)]
    figure = _figure(answer, at_first, looks, caption, panel)
    blocks = (figure, sequences) if answer.cells else ()
    return Section(id=f"{start}-times", title="Sequences to solve", blocks=blocks)


def _mean_time(mean: Estimate) -> Cell:
    if len(mean.per_seed) > 1:
        return cell(mean, digits=0)
    return number_cell(f"{mean.mean:,.0f}", no_interval(1))


def _solved(result: comparison_answer.Cell) -> str:
    return f"{result.time.solved}/{result.time.count}"


def _level(result: comparison_answer.Cell) -> str:
    return f"{result.knob} {result.rung}"


def _time_rows(result: comparison_answer.Cell, first: float) -> list[dict[str, Any]]:
    time = result.time
    columns = zip(time.times, time.unsolved, time.low, time.high, strict=True)
    rows = [
        {
            "model": result.model,
            "at": round(max(at, first), 1),
            "solved": round(1 - share, 3),
            "low": round(1 - high, 3),
            "high": round(1 - low, 3),
        }
        for at, share, low, high in columns
    ]
    # Of many seeds every step is too many: the first of every so many and the last stay.
    every = -(-len(rows) // 60)
    return rows if every == 1 else [*rows[:-1:every], rows[-1]]
