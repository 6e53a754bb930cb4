"""Comparison: how well does each model solve each problem, and after how many sequences?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from longlag.answers import format as formats
from longlag.answers.blocks import Cell, Table, cell, number_cell, table
from longlag.answers.estimate import Estimate, caveats
from longlag.answers.format import INTERVALS, OPEN, counted, listed, no_interval
from longlag.report import charts
from longlag.report.blocks import Figure, Panel, Section, section
from longlag.report.sections import curves
from longlag.report.sections import groups as tables
from longlag.report.sections.groups import Group
from longlag.report.study_part import SKILL_AXIS, StudyPart, question, skill_panel, skill_row
from longlag.report.theme import Style, styles
from longlag.scores.statistics import CONFIDENCE
from longlag.studies import comparison_answer
from longlag.studies.comparison import Comparison
from longlag.studies.comparison_answer import ComparisonAnswer

Results = Sequence[comparison_answer.Cell]


def comparison(study: Comparison, start: str) -> StudyPart:
    """The part about a comparison; `start` is the prefix of its ids."""
    answer, budget = study.answer(), study.recipe.sequences
    series_styles = styles(answer.models)
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
            failures=each.failures,
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
            f"Mean skill of {model} over all levels: {formats.with_interval(mean)}."
            for model, mean in sorted(means, key=lambda each: -each[1].mean)
        ],
        table=tables.overview(chosen),
        certainty=_certainty(study, answer),
        sections=[
            *_sections(answer, start, series_styles, chosen, budget),
            curves.curves(start, _hardest(answer, chosen), choice, series_styles),
            section(f"{start}-differences", "Differences between models", _differences(answer)),
        ],
        groups=[group for group in groups if group.outcomes],
    )


def _differences(answer: ComparisonAnswer) -> Table:
    """The mean skill of each model less that of each other one."""
    rows = [(one, other, estimate) for (one, other), estimate in answer.differences().items()]
    pairs = counted(len(rows), "pair")
    caption = (
        "Mean skill over all levels of the first model less that of the second, paired by seed. "
        f"Intervals of {CONFIDENCE:.0%} for all {pairs} together (Bonferroni): models differ where "
        "0 is outside."
    )
    return table(caption, ("model", "less", "difference"), rows, fold=True)


def _certainty(study: Comparison, answer: ComparisonAnswer) -> list[str]:
    seeds = len(study.seeds)
    source = f"spread between seeds, noise of the test sequences; seeds: {seeds}"
    lines = [INTERVALS.format(level=f"{CONFIDENCE:.0%}", source=source)] if seeds > 1 else []
    lines += filter(None, [caveats(cell.skill for cell in answer.cells if cell.skill)])
    if len(answer.rates) > 1:
        lines.append(
            f"The learning rate of each model is the best of {len(answer.rates)} at the first "
            "level, on validation sequences. The same seeds are scored there, so a model whose "
            "seeds differ much can look a little too good at that level."
        )
    if answer.widened:
        lines.append(answer.widened)
    if answer.lower_bound:
        lines.append(answer.lower_bound.advice(flags=True))
    if not answer.complete:
        lines.append(OPEN.format(what=f"at most {counted(study.left() or 0, 'trial')} left"))
    if missing := sum(each.missing for each in answer.cells):
        lines.append(OPEN.format(what=f"{counted(missing, 'trial')} missing at these levels"))
    return lines


def _hardest(
    answer: ComparisonAnswer, groups: Sequence[Group]
) -> list[tuple[str, list[tuple[str, Group]]]]:
    """Of each problem, the models at the hardest level that all of them tried."""
    groups = [group for group in groups if group.outcomes]
    counts, panels = Counter((group.problem, group.value) for group in groups), []
    for problem in answer.problems:
        values = [value for name, value in counts if name == problem]
        values = [value for value in values if counts[problem, value] == len(answer.models)]
        if values:
            here = [each for each in groups if (each.problem, each.value) == (problem, max(values))]
            seeds = formats.span([len(each.outcomes) for each in here])
            title = f"{problem}, {here[0].level}, seeds: {seeds}"
            panels.append((title, [(group.model, group) for group in here]))
    return panels


def _sections(
    answer: ComparisonAnswer,
    start: str,
    series_styles: tuple[Style, ...],
    groups: Sequence[Group],
    budget: int,
) -> list[Section]:
    panels = defaultdict[str, list[Panel]](list)
    for name, problem in zip(formats.slugs(answer.problems), answer.problems, strict=True):
        results = [each for each in answer.cells if each.problem == problem and each.outcomes]
        if results:
            rows = [skill_row(e.model, e.rung, e.skill, _solved(e)) for e in results if e.skill]
            key, knob = f"{start}-skill-{name}", results[0].knob
            panels["skill"].append(skill_panel(key, problem, rows, series_styles, knob))
            panels["times"].append(
                _times_panel(f"{start}-times-{name}", results, series_styles, budget)
            )
        first = [each for each in answer.ladder if each.problem == problem and each.outcomes]
        if first and len(answer.rates) > 1:
            rows = [
                skill_row(e.model, f"{e.rate:g}", e.skill, _solved(e)) for e in first if e.skill
            ]
            key, title = f"{start}-rates-{name}", f"{problem}, {_level(first[0])}"
            panels["rates"].append(skill_panel(key, title, rows, series_styles, "learning rate"))
    captions = {
        "skill": f"Skill on new random sequences at each difficulty level. {SKILL_AXIS}",
        "times": (
            "Share of seeds that have solved the first level after so many sequences (Kaplan and "
            f"Meier), {_band(answer)}. Training is looked at about fifty times, so an interval may "
            "be narrower than a step; a seed that turns out to have solved it only at the end "
            "counts with all of its sequences."
        ),
        "rates": (
            "Skill at the first level with every learning rate that was tried. A flat line is a "
            "model whose learning rate needs no tuning."
        ),
    }
    skill, times, rates = (
        Figure(caption=caption, panels=tuple(panels[kind]), series=series_styles)
        for kind, caption in captions.items()
    )
    more = {
        "share of seeds": [cell(e.time.rate, digits=2) if e.time else "" for e in answer.cells],
        "sequences": [_mean_time(e.time.mean) if e.time else "" for e in answer.cells],
    }
    caption = (
        "The same in figures, with 95 % intervals: skill, the share of seeds that solve it, and "
        "the mean sequences until then (restricted mean: a seed that does not solve it counts as "
        f"{budget:,})."
    )
    table = tables.levels(groups, caption, more)
    return [
        section(f"{start}-skill", "Skill by difficulty level", skill, table),
        section(f"{start}-times", "Sequences to solve", times),
        section(f"{start}-rates", "Skill by learning rate", rates),
    ]


def _band(answer: ComparisonAnswer) -> str:
    single = {len(each.outcomes) for each in answer.cells} <= {0, 1}
    return no_interval(1) if single else "with its 95 % band"


def _times_panel(key: str, results: Results, series_styles: Sequence[Style], budget: int) -> Panel:
    """The curves of the first level."""
    here = [each for each in results if each.rung == results[0].rung]
    times = [at for each in here if each.time for at in each.time.times]
    first = min(at for at in times if at > 0) / 1.5
    rows = [row for each in here for row in _time_rows(each, first)]
    title = f"{here[0].problem}, {_level(here[0])}"
    shares = listed(f"{each.model} {_solved(each)}" for each in here)
    chart = charts.times(rows, series_styles, (first, float(budget)))
    alt = f"Seeds that solved {title} against sequences: {shares}."
    return Panel(key=key, title=title, chart=chart, alt=alt)


def _mean_time(mean: Estimate) -> Cell:
    if len(mean.per_seed) > 1:
        return cell(mean, digits=0)
    return number_cell(f"{mean.mean:,.0f}", no_interval(1))


def _solved(result: comparison_answer.Cell) -> str:
    return f"{result.time.solved}/{result.time.count}" if result.time else ""


def _level(result: comparison_answer.Cell) -> str:
    return f"{result.knob} {result.rung}"


def _time_rows(result: comparison_answer.Cell, first: float) -> list[dict[str, Any]]:
    if (time := result.time) is None:
        return []
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
    # At most about 60 rows: every n-th one, and the last.
    every = -(-len(rows) // 60)
    return rows if every == 1 else [*rows[:-1:every], rows[-1]]
