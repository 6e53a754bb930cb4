"""The part of a page about a comparison: how well each model does, how soon, and how surely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from longlag.report import charts
from longlag.report.content import Cell, Figure, Panel, Section, Table, width
from longlag.report.palette import Look, look
from longlag.report.sections import common, curves, verdicts
from longlag.report.sections.common import Group
from longlag.report.study_part import StudyPart
from longlag.report.words import (
    ASKED,
    INTERVALS,
    MEASURED,
    OPEN,
    counted,
    estimate,
    listed,
    number,
    slugs,
    span,
    whole,
)
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.comparison import Comparison
from longlag.studies.comparison_answer import Cell as AnswerCell
from longlag.studies.comparison_answer import ComparisonAnswer
from longlag.studies.study import words as named

_PANELS = 12  # problems of one figure


def comparison(study: Comparison, start: str) -> StudyPart:
    """The part about a comparison.

    Args:
        study: The comparison.
        start: Of every name of its in an address.
    """
    answer = study.answer()
    looks = [look(place, model) for place, model in enumerate(answer.models)]
    unchosen = [cell for cell in answer.ladder if not cell.chosen]
    groups = [
        Group.of(
            study.problems[cell.problem],
            cell.model,
            cell.outcomes,
            study.solve_at,
            where=f"{cell.knob} {cell.rung}, learning rate {cell.rate:g}",
            order=cell.rung,
            knob=cell.knob,
            missing=cell.missing,
        )
        for cell in (*answer.cells, *unchosen)
    ]
    chosen = groups[: len(answer.cells)]
    models, problems = listed(answer.models), listed(answer.problems)
    means = [(model, found) for model in answer.models if (found := answer.mean_skill(model))]
    return StudyPart(
        title=f"{models} compared",
        question=ASKED.format(
            subject=f"How well and how soon {models} solve {problems}, rung by rung.",
            framing=named(study.framing),
            seeds=counted(len(study.seeds), "seed"),
            budget=f"{study.recipe.epochs:,}",
            solve_at=study.solve_at,
        ),
        found=[
            MEASURED.format(subject=f"Mean skill of {model} over all rungs", figure=estimate(found))
            for model, found in sorted(means, key=lambda each: -each[1].mean)
        ],
        table=verdicts.overview(chosen),
        sure=_sure(study, answer),
        sections=[
            _skill_section(answer, start, looks, chosen),
            _times_section(answer, start, looks, study.recipe.epochs),
            _rates_section(answer, start, looks),
            curves.curves(
                start,
                _alike(answer, chosen),
                "Of each problem the largest rung that all models tried, where there is one.",
                looks,
            ),
        ],
        groups=groups,
    )


def _sure(study: Comparison, answer: ComparisonAnswer) -> list[str]:
    seeds = len(study.seeds)
    source = f"noise of the draws; seeds: {seeds}"
    source = f"spread between seeds, {source}" if seeds > 1 else source
    sure = [INTERVALS.format(level=f"{CONFIDENCE:.0%}", source=source)]
    if len(answer.rates) > 1:
        sure.append(
            f"The learning rate of each model is the best of {len(answer.rates)} at the first "
            "rung, on draws that score nothing. The seeds that choose also answer there, which "
            "flatters a model whose seeds differ much."
        )
    if not answer.complete:
        sure.append(OPEN.format(what=f"{counted(study.left() or 0, 'trial')} left"))
    if missing := sum(cell.missing for cell in answer.cells):
        sure.append(OPEN.format(what=f"{counted(missing, 'trial')} missing at the rungs in sight"))
    return sure + common.seen_again(study.problems.values())


def _alike(
    answer: ComparisonAnswer, groups: Sequence[Group]
) -> list[tuple[str, list[tuple[str, Group]]]]:
    """Of each problem, the models at the largest rung that all of them tried."""
    made = []
    for problem in answer.problems:
        rungs = defaultdict[float, list[Group]](list)
        for group in groups:
            if group.problem == problem:
                rungs[group.order].append(group)
        tried_by_all = [order for order, of in rungs.items() if len(of) == len(answer.models)]
        if tried_by_all:
            here = rungs[max(tried_by_all)]
            seeds = f"seeds: {span([len(each.outcomes) for each in here])}"
            title = f"{problem}, {here[0].knob} {here[0].order:g}, {seeds}"
            made.append((title, [(group.model, group) for group in here]))
    return made


def _by_problem(
    answer: ComparisonAnswer, cells: Sequence[AnswerCell]
) -> Iterator[tuple[str, list[AnswerCell]]]:
    """The cells of each problem of a figure, with its part of a panel's key."""
    for name, problem in list(zip(slugs(answer.problems), answer.problems, strict=True))[:_PANELS]:
        if mine := [cell for cell in cells if cell.problem == problem]:
            yield name, mine


def _figure(
    answer: ComparisonAnswer, caption: str, panels: Sequence[Panel], looks: Sequence[Look]
) -> Figure:
    left = max(0, len(answer.problems) - _PANELS)
    more = f" {counted(left, 'problem')} more in the table only." if left else ""
    size = width(len(panels))
    return Figure(caption=caption + more, panels=tuple(panels), series=tuple(looks), size=size)


def _skill_figure(
    answer: ComparisonAnswer,
    cells: Sequence[AnswerCell],
    start: str,
    looks: Sequence[Look],
    by: Literal["rung", "rate"],
    caption: str,
) -> tuple[Figure, ...]:
    """The skill of each model on each problem, by rung or by learning rate; none without cells."""
    panels, notes = list[Panel](), dict[str, None]()
    for name, mine in _by_problem(answer, cells):
        problem, knob, rung = mine[0].problem, mine[0].knob, mine[0].rung
        rows = [
            {
                "model": cell.model,
                "skill": round(cell.skill.mean, 3),
                "low": round(cell.skill.interval[0], 3),
                "high": round(cell.skill.interval[1], 3),
                "solved": f"{cell.time.solved}/{cell.time.count}",
                by: cell.rung if by == "rung" else f"{cell.rate:g}",
            }
            for cell in mine
        ]
        notes[charts.sunken(rows)] = None
        figures = (f"{row['model']} at {row[by]} {number(row['skill'], 2)}" for row in rows)
        along = knob if by == "rung" else "learning rate"
        panels.append(
            Panel(
                key=f"{start}-{name}",
                title=problem if by == "rung" else f"{problem}, {knob} {rung}",
                chart=charts.skill(rows, looks, knob)
                if by == "rung"
                else charts.rates(rows, looks),
                alt=f"Skill on {problem} by {along}: {listed(figures)}.",
            )
        )
    return (_figure(answer, "".join([caption, *notes]), panels, looks),) if panels else ()


def _skill_section(
    answer: ComparisonAnswer, start: str, looks: Sequence[Look], groups: Sequence[Group]
) -> Section:
    caption = (
        "Skill on sequences drawn anew at each rung of each problem's ladder: 0 is chance, 1 the "
        "ceiling. Bars are 95 % intervals over seeds."
    )
    figure = _skill_figure(answer, answer.cells, f"{start}-skill", looks, "rung", caption)
    table = verdicts.rungs(groups, "The same in figures, with 95 % intervals over seeds and draws.")
    blocks = (*figure, table) if figure else ()
    return Section(id=f"{start}-skill", title="Skill against the ladder", blocks=blocks)


def _rates_section(answer: ComparisonAnswer, start: str, looks: Sequence[Look]) -> Section:
    caption = (
        "Skill at the first rung at every learning rate that was tried. A level line is a model "
        "that does not need its learning rate tuned."
    )
    cells = answer.ladder if len(answer.rates) > 1 else ()
    blocks = _skill_figure(answer, cells, f"{start}-rates", looks, "rate", caption)
    return Section(id=f"{start}-rates", title="Robustness to the learning rate", blocks=blocks)


def _times_section(
    answer: ComparisonAnswer, start: str, looks: Sequence[Look], budget: int
) -> Section:
    panels = list[Panel]()
    firsts = {cell.problem: cell.rung for cell in reversed(answer.ladder)}
    at_first = [cell for cell in answer.cells if cell.rung == firsts.get(cell.problem)]
    for name, cells in _by_problem(answer, at_first):
        first = min(at for cell in cells for at in cell.time.times if at > 0) / 1.5
        rows = [row for cell in cells for row in _curve_of_times(cell, first)]
        censored = [
            {
                "model": cell.model,
                "at": budget,
                "solved": round(1 - cell.time.unsolved[-1], 3),
                "given_up": cell.time.count - cell.time.solved,
            }
            for cell in cells
            if cell.time.solved < cell.time.count
        ]
        figures = (f"{cell.model} {cell.time.solved} of {cell.time.count}" for cell in cells)
        panels.append(
            Panel(
                key=f"{start}-times-{name}",
                title=f"{cells[0].problem}, {cells[0].knob} {cells[0].rung}",
                chart=charts.times(rows, censored, looks, (first, float(budget))),
                alt=f"Seeds that solved {cells[0].problem} against sequences: {listed(figures)}.",
            )
        )
    table = Table(
        caption=(
            f"Mean sequences to solve it, a seed that does not counted as {budget:,} (restricted "
            "mean), with its 95 % interval."
        ),
        head=("problem", "model", "rung", "solved", "share solved", "sequences"),
        rows=tuple(
            (
                Cell(cell.problem),
                Cell(cell.model),
                Cell(f"{cell.knob} {cell.rung}"),
                Cell(f"{cell.time.solved}/{cell.time.count}", kind="number"),
                Cell(estimate(cell.time.rate, 2), kind="number"),
                Cell(whole(cell.time.mean), kind="number"),
            )
            for cell in answer.cells
        ),
        folded=len(answer.cells) > 12,
    )
    caption = (
        "Share of seeds that have solved the first rung by then: one minus Kaplan and Meier's "
        f"estimate, with its 95 % band. A mark at the right: seeds given up after {budget:,} "
        "sequences. Times come in steps of about a fiftieth of that, as often as training is "
        "looked at, so that an interval may be narrower than a step; a seed that is found to have "
        "solved it only at the end counts with all of its sequences."
    )
    blocks = (_figure(answer, caption, panels, looks), table) if panels else ()
    return Section(id=f"{start}-times", title="Time to solve", blocks=blocks)


def _curve_of_times(cell: AnswerCell, first: float) -> list[dict[str, Any]]:
    time = cell.time
    columns = zip(time.times, time.unsolved, time.low, time.high, strict=True)
    rows = [
        {
            "model": cell.model,
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
