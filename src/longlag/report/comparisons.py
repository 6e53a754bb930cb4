"""What a comparison has to say: how well each model does, how soon, and how surely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from longlag.lab.comparison import Cell as Measured
from longlag.lab.comparison import Comparison, ComparisonAnswer
from longlag.lab.diagnosis import diagnose
from longlag.lab.outcome import chance_probability
from longlag.lab.statistics import CONFIDENCE, over_seeds
from longlag.lab.study import words as named
from longlag.problems import Problem
from longlag.report import charts, sections
from longlag.report.content import Cell, Figure, Panel, Point, Section, Table, width
from longlag.report.palette import Look, look
from longlag.report.sections import Group
from longlag.report.told import Told, problems_of
from longlag.report.words import counted, estimate, listed, number, slug, whole

_PANELS = 12  # problems of one figure


def comparison(study: Comparison, start: str) -> Told:
    """What a comparison has to say; `start` begins every name of its in an address."""
    answer, problems = study.answer(), problems_of(study)
    looks = [look(place, model) for place, model in enumerate(answer.models)]
    budget = study.recipe.epochs
    unchosen = [cell for cell in answer.ladder if not cell.chosen]
    groups = [_group(cell, problems, study.solve_at) for cell in (*answer.cells, *unchosen)]
    chosen = groups[: len(answer.cells)]
    rates = len(answer.rates)
    question = (
        f"How well {'does' if len(answer.models) == 1 else 'do'} {listed(answer.models)} do on "
        f"{listed(answer.problems)} as {'it gets' if len(answer.problems) == 1 else 'they get'} "
        f"harder, each trial on at most {budget:,} sequences, {counted(len(study.seeds), 'seed')}, "
        f"framing {named(study.framing)}? A trial solves its problem from a skill of "
        f"{study.solve_at:g} on."
    )
    sure = [_seeds(len(study.seeds))]
    if rates > 1:
        sure.append(
            f"The learning rate of each model on each problem was chosen among {rates} at the "
            "first rung, on a stream of sequences that no result is measured on."
        )
    if missing := sum(cell.missing for cell in answer.cells):
        sure.append(f"{counted(missing, 'trial')} missing of the settings shown.")
    if not answer.complete:
        sure.append(f"Not complete: {counted(study.left() or 0, 'trial')} not run yet.")
    return Told(
        title=f"{listed(answer.models)} compared",
        question=question,
        found=_compared(answer),
        sure=sure,
        sections=[
            _skill_section(answer, start, looks),
            _times_section(answer, start, looks, budget),
            _rates_section(answer, start, looks),
            sections.curves(
                start,
                _alike(answer, chosen),
                "Of each problem the largest rung that all models tried.",
                looks,
            ),
        ],
        groups=groups,
    )


def _compared(answer: ComparisonAnswer) -> list[str | Point]:
    places = defaultdict[tuple[str, str], list[Measured]](list)
    for cell in answer.cells:
        places[cell.problem, cell.model].append(cell)
    said: list[str | Point] = []
    if overall := _overall(answer):
        said.append(overall)
    for problem in answer.problems:
        models = [model for model in answer.models if (problem, model) in places]
        under = [Point(f"{model}:", f"{_climbed(places[problem, model])}.") for model in models]
        if under:
            said.append(Point(problem, under=tuple(under)))
    return said


def _overall(answer: ComparisonAnswer) -> str:
    """The mean skill of each model over all cells; nothing before all of them are run."""
    if not answer.complete or any(cell.missing for cell in answer.cells) or len(answer.models) < 2:
        return ""
    means = []
    for model in answer.models:
        skills = [cell.skill.per_seed for cell in answer.cells if cell.model == model]
        found = over_seeds(np.mean(skills, axis=0).tolist())
        seeds = len(found.per_seed)
        means.append(
            (-found.mean, f"{model} {estimate(found) if seeds > 1 else number(found.mean)}")
        )
    return f"Mean skill over all problems and rungs: {listed(said for _, said in sorted(means))}."


def _climbed(cells: Sequence[Measured]) -> str:
    """How far up the ladder a model got, and how it fell short."""
    knob, said = cells[0].knob, []
    lost = next((cell for cell in cells if cell.time.solved < cell.time.count), None)
    solved = [cell for cell in cells if lost is None or cell.rung < lost.rung]
    if solved:
        last = solved[-1]
        upto = " up to" if len(solved) > 1 else ""
        all_of = f"all of {counted(last.time.count, 'seed')}" if last.time.count > 1 else "its seed"
        beyond = ", the hardest that was tried" if lost is None else ""
        said.append(
            f"solves {knob}{upto} {last.rung} with {all_of} (skill {estimate(last.skill)}){beyond}"
        )
    guessed = [cell for cell in cells if chance_probability(cell.outcomes) > 1 - CONFIDENCE]
    if lost is not None and lost not in guessed:
        share = f"{lost.time.solved} of {counted(lost.time.count, 'seed')}"
        none = "is above chance but solves" if not lost.time.solved else "solves"
        said.append(f"{none} {knob} {lost.rung} with {share} (skill {estimate(lost.skill)})")
    if guessed:
        at = listed(f"{cell.rung} (skill {estimate(cell.skill)})" for cell in guessed)
        said.append(f"cannot be told from chance at {knob} {at}")
    return "; ".join(said)


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
        if not rungs:
            continue
        most = max(map(len, rungs.values()))
        order = max(order for order, tried in rungs.items() if len(tried) == most)
        chosen = rungs[order]
        rung = chosen[0].where.partition(",")[0]
        made.append((f"{problem}, {rung}", [(group.model, group) for group in chosen]))
    return made


def _group(cell: Measured, problems: Mapping[str, Problem], solve_at: float) -> Group:
    return Group(
        problem=cell.problem,
        model=cell.model,
        where=f"{cell.knob} {cell.rung}, learning rate {cell.rate:g}",
        order=cell.rung,
        tolerance=sections.tolerance(problems[cell.problem]),
        blank=sections.blank(problems[cell.problem]),
        outcomes=cell.outcomes,
        reasons=tuple(diagnose(outcome, solve_at) for outcome in cell.outcomes),
    )


def _seeds(count: int) -> str:
    if count == 1:
        return (
            "One seed: the intervals cover the noise of the draws for that one model, not the "
            "difference that another seed makes."
        )
    wide = " With so few, intervals are wide." if count < 5 else ""
    return f"{counted(count, 'seed')}; intervals cover the spread between them.{wide}"


def _skill_section(answer: ComparisonAnswer, start: str, looks: Sequence[Look]) -> Section:
    panels = []
    for problem in answer.problems[:_PANELS]:
        cells = [cell for cell in answer.cells if cell.problem == problem]
        if not cells:
            continue
        rows = [{**_skill_row(cell), "rung": cell.rung} for cell in cells]
        said = (f"{cell.model} at {cell.rung} {number(cell.skill.mean, 2)}" for cell in cells)
        panels.append(
            Panel(
                key=f"{start}-skill-{slug(problem)}",
                title=problem,
                chart=charts.skill(rows, looks, cells[0].knob),
                alt=f"Skill on {problem} by {cells[0].knob}: {listed(said)}.",
            )
        )
    rows = [
        (
            Cell(cell.problem),
            Cell(cell.model),
            Cell(f"{cell.knob} {cell.rung}"),
            Cell(f"{cell.time.solved}/{cell.time.count}", kind="number"),
            Cell(estimate(cell.skill), kind="number"),
            Cell(_chance_words(cell)),
            Cell(f"{cell.rate:g}", kind="number"),
        )
        for cell in answer.cells
    ]
    if not rows:
        return Section(id=f"{start}-skill", title="Skill against the ladder")
    table = Table(
        caption="The same in figures. Skill with its 95 % interval over seeds and draws.",
        head=("problem", "model", "rung", "solved", "skill", "why not", "learning rate"),
        rows=tuple(rows),
        folded=len(rows) > 12,
    )
    caption = (
        "Skill on fresh sequences at each rung of each problem's ladder: 0 is chance, 1 the "
        "ceiling. Bars are 95 % intervals over seeds."
    )
    return Section(
        id=f"{start}-skill",
        title="Skill against the ladder",
        blocks=(
            *_figure(caption, panels, looks, len(answer.problems)),
            table,
        ),
    )


def _chance_words(cell: Measured) -> str:
    reasons = [f"{reason} ({count})" for reason, count in cell.reasons.items()]
    if chance_probability(cell.outcomes) > 1 - CONFIDENCE:
        return f"at chance: {listed(reasons)}" if reasons else "at chance"
    return listed(reasons)


def _rates_section(answer: ComparisonAnswer, start: str, looks: Sequence[Look]) -> Section:
    if len(answer.rates) < 2:
        return Section(id=f"{start}-rates", title="Robustness to the learning rate")
    panels = []
    for problem in answer.problems[:_PANELS]:
        cells = [cell for cell in answer.ladder if cell.problem == problem]
        if not cells:
            continue
        rows = [{**_skill_row(cell), "rate": f"{cell.rate:g}"} for cell in cells]
        said = (f"{cell.model} at {cell.rate:g} {number(cell.skill.mean, 2)}" for cell in cells)
        panels.append(
            Panel(
                key=f"{start}-rates-{slug(problem)}",
                title=f"{problem}, {cells[0].knob} {cells[0].rung}",
                chart=charts.rates(rows, looks),
                alt=f"Skill on {problem} by learning rate: {listed(said)}.",
            )
        )
    caption = (
        "Skill at the first rung at every learning rate that was tried. A level line is a model "
        "that does not need its learning rate tuned."
    )
    return Section(
        id=f"{start}-rates",
        title="Robustness to the learning rate",
        blocks=_figure(caption, panels, looks, len(answer.problems)),
    )


def _skill_row(cell: Measured) -> dict[str, Any]:
    low, high = cell.skill.interval
    return {
        "model": cell.model,
        "skill": round(cell.skill.mean, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "solved": f"{cell.time.solved}/{cell.time.count}",
    }


def _times_section(
    answer: ComparisonAnswer, start: str, looks: Sequence[Look], budget: int
) -> Section:
    panels = []
    firsts = {cell.problem: cell.rung for cell in reversed(answer.ladder)}
    cells = [cell for cell in answer.cells if cell.rung == firsts.get(cell.problem)]
    for problem in answer.problems[:_PANELS]:
        mine = [cell for cell in cells if cell.problem == problem]
        if not mine:
            continue
        steps = [at for cell in mine for at in cell.time.times if at > 0]
        first = min(steps) / 1.5
        rows, censored = [], []
        for cell in mine:
            rows += _curve_of_times(cell, first)
            given_up = cell.time.count - cell.time.solved
            if given_up:
                share = round(1 - cell.time.unsolved[-1], 3)
                censored.append(
                    {"model": cell.model, "at": budget, "solved": share, "given_up": given_up}
                )
        said = (f"{c.model} {c.time.solved} of {c.time.count}" for c in mine)
        panels.append(
            Panel(
                key=f"{start}-times-{slug(problem)}",
                title=f"{problem}, {mine[0].knob} {mine[0].rung}",
                chart=charts.times(rows, censored, looks, (first, float(budget))),
                alt=f"Share of seeds that solved {problem} against sequences: {listed(said)}.",
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
    if not panels:
        return Section(id=f"{start}-times", title="Time to solve")
    caption = (
        "Share of seeds that have solved the first rung by then: one minus Kaplan and Meier's "
        f"estimate, with its 95 % band. A mark at the right: seeds given up after {budget:,} "
        "sequences."
    )
    return Section(
        id=f"{start}-times",
        title="Time to solve",
        blocks=(
            *_figure(caption, panels, looks, len(answer.problems)),
            table,
        ),
    )


def _curve_of_times(cell: Measured, first: float) -> list[dict[str, Any]]:
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


def _figure(
    caption: str, panels: Sequence[Panel], looks: Sequence[Look], problems: int
) -> tuple[Figure, ...]:
    left = max(0, problems - _PANELS)
    more = f" {counted(left, 'problem')} more in the table only." if left else ""
    size, shown = width(len(panels)), tuple(panels)
    return (Figure(caption=caption + more, panels=shown, series=tuple(looks), size=size),)
