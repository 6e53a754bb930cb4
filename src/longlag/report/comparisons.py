"""What a comparison has to say: how well each model does, how soon, and how surely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from longlag.problems import Problem
from longlag.report import charts
from longlag.report.content import Cell, Figure, Panel, Point, Section, Table, width
from longlag.report.palette import Look, look
from longlag.report.sections import common, curves
from longlag.report.sections.common import Group
from longlag.report.told import Told, problems_of
from longlag.report.words import counted, estimate, listed, number, slugs, span, whole
from longlag.scores.statistics import Estimate, over_seeds, share_interval
from longlag.studies.comparison import Comparison
from longlag.studies.comparison_answer import Cell as Measured
from longlag.studies.comparison_answer import ComparisonAnswer
from longlag.studies.study import words as named
from longlag.trials.diagnosis import diagnose
from longlag.trials.outcome import standing

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
            "first rung, on a stream of draws that no result is measured on. At that rung the "
            "seeds that chose are those that answer, which flatters a model there where its seeds "
            "differ much."
        )
    if missing := sum(cell.missing for cell in answer.cells):
        sure.append(f"{counted(missing, 'trial')} missing of the settings shown.")
    if not answer.complete:
        sure.append(f"Not complete: {counted(study.left() or 0, 'trial')} not run yet.")
    sure += common.seen_again(problems.values())
    return Told(
        title=f"{listed(answer.models)} compared",
        question=question,
        found=_compared(answer),
        sure=sure,
        sections=[
            _skill_section(answer, start, looks),
            _times_section(answer, start, looks, budget),
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


def _compared(answer: ComparisonAnswer) -> list[str | Point]:
    places = defaultdict[tuple[str, str], list[Measured]](list)
    for cell in answer.cells:
        places[cell.problem, cell.model].append(cell)
    found: list[str | Point] = []
    if overall := _overall(answer):
        found.append(overall)
    for problem in answer.problems:
        models = [model for model in answer.models if (problem, model) in places]
        climbed = (_climbed(places[problem, model], answer.complete) for model in models)
        under = [
            Point(f"{model}:", f"{said}.") for model, said in zip(models, climbed, strict=True)
        ]
        if under:
            found.append(Point(problem, under=tuple(under)))
    return found or ["Nothing yet: the learning rates are still being chosen at the first rung."]


def _overall(answer: ComparisonAnswer) -> str:
    """The mean skill of each model over all cells; nothing before all of them are run."""
    if not answer.complete or any(cell.missing for cell in answer.cells) or len(answer.models) < 2:
        return ""
    means = []
    for model in answer.models:
        found = _mean_skill([cell for cell in answer.cells if cell.model == model])
        means.append((-found.mean, f"{model} {estimate(found)}"))
    return f"Mean skill over all problems and rungs: {listed(said for _, said in sorted(means))}."


def _mean_skill(cells: Sequence[Measured]) -> Estimate:
    """The mean skill over cells: spread between seeds, and no narrower than the noise of draws."""
    found = over_seeds(np.mean([cell.skill.per_seed for cell in cells], axis=0).tolist())
    noise, bounds = (np.array([of(cell) for cell in cells]) for of in (_noise, _bounds))
    # Draws of different cells are independent, so that their noise adds up in squares.
    below, above = np.sqrt((noise**2).sum(axis=0)) / len(cells)
    low, high = found.mean - below, found.mean + above
    if len(found.per_seed) > 1:
        least, most = bounds.mean(axis=0)
        low = min(low, max(found.interval[0], least))
        high = max(high, min(found.interval[1], most))
    return Estimate(found.mean, (float(low), float(high)), found.per_seed)


def _noise(cell: Measured) -> tuple[float, float]:
    """How far the noise of the draws alone may take the skill of a cell down and up."""
    first = cell.outcomes[0]
    if first.one_sequence:
        return 0.0, 0.0
    count = len(cell.outcomes) * first.tally.sequences
    mean = float(np.mean([outcome.accuracy for outcome in cell.outcomes]))
    low, high = share_interval(mean * count, count)
    span = first.ceiling - first.chance
    return (mean - low) / span, (high - mean) / span


def _bounds(cell: Measured) -> tuple[float, float]:
    """The least skill there can be, and that of the ceiling."""
    first = cell.outcomes[0]
    return -first.chance / (first.ceiling - first.chance), 1.0


def _climbed(cells: Sequence[Measured], complete: bool) -> str:
    """How far up the ladder a model got, and how it fell short."""
    knob, said = cells[0].knob, []
    lost = next((cell for cell in cells if cell.time.solved < cell.time.count), None)
    solved = [cell for cell in cells if lost is None or cell.rung < lost.rung]
    if solved:
        last = solved[-1]
        upto = " up to" if len(solved) > 1 else ""
        tried = "that was tried" if complete else "tried so far"
        beyond = f", the hardest {tried}" if lost is None else ""
        said.append(
            f"solves {knob}{upto} {last.rung} with {_all(solved, complete)} "
            f"(skill {estimate(last.skill)}){beyond}"
        )
    if lost is not None and standing(lost.outcomes) == "above":
        so_far = "" if complete or not lost.missing else " run so far"
        share = f"{lost.time.solved} of {counted(lost.time.count, 'seed')}{so_far}"
        none = "is above chance but solves" if not lost.time.solved else "solves"
        said.append(f"{none} {knob} {lost.rung} with {share} (skill {estimate(lost.skill)})")
    later = [] if lost is None else [cell for cell in cells if cell.rung > lost.rung]
    again = [cell for cell in later if cell.time.solved == cell.time.count]
    rungs = f"{knob} {listed(cell.rung for cell in again)} with {_all(again, complete)}"
    if again and lost is not None and lost.time.solved:
        said[-1] += f", and again {rungs}"
    said += common.guesses(
        knob,
        (
            (standing(cell.outcomes), f"{cell.rung} (skill {estimate(cell.skill)})")
            for cell in cells
        ),
    )
    if again and lost is not None and not lost.time.solved:
        said.append(f"yet solves {rungs}")
    return "; ".join(said)


def _all(cells: Sequence[Measured], complete: bool) -> str:
    """All of the seeds, or those that there are of them."""
    fewest = min(cells, key=lambda cell: cell.time.count, default=None)
    if fewest is None:
        return ""
    count, seeds = fewest.time.count, counted(fewest.time.count + fewest.missing, "seed")
    if fewest.missing:
        return f"the {count} of {seeds} {'that came to something' if complete else 'run so far'}"
    return f"all of {seeds}" if count > 1 else "its seed"


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
        shared = [order for order, tried in rungs.items() if len(tried) == len(answer.models)]
        if not shared:
            continue
        chosen = rungs[max(shared)]
        rung, counts = chosen[0].where.partition(",")[0], [len(e.outcomes) for e in chosen]
        seeds = f"{span(counts)} {'seed' if max(counts) == 1 else 'seeds'}"
        made.append((f"{problem}, {rung}, {seeds}", [(group.model, group) for group in chosen]))
    return made


def _group(cell: Measured, problems: Mapping[str, Problem], solve_at: float) -> Group:
    return Group(
        problem=cell.problem,
        model=cell.model,
        where=f"{cell.knob} {cell.rung}, learning rate {cell.rate:g}",
        order=cell.rung,
        tolerance=common.tolerance(problems[cell.problem]),
        blank=common.blank(problems[cell.problem]),
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
    panels, notes = list[Panel](), dict[str, None]()
    for name, problem in _named(answer):
        cells = [cell for cell in answer.cells if cell.problem == problem]
        if not cells:
            continue
        rows = [{**_skill_row(cell), "rung": cell.rung} for cell in cells]
        notes[charts.sunken(rows)] = None
        said = (f"{cell.model} at {cell.rung} {number(cell.skill.mean, 2)}" for cell in cells)
        panels.append(
            Panel(
                key=f"{start}-skill-{name}",
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
        "Skill on sequences drawn anew at each rung of each problem's ladder: 0 is chance, 1 the "
        f"ceiling. Bars are 95 % intervals over seeds.{''.join(notes)}"
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
    """Why seeds fell short, and whether all of them together are no better than a guesser."""
    said = listed(f"{reason} ({count})" for reason, count in cell.reasons.items())
    stands = f"{standing(cell.outcomes)} chance"
    if stands == "above chance" or set(cell.reasons) == {stands}:
        return said
    return f"{stands}: {said}" if said else stands


def _rates_section(answer: ComparisonAnswer, start: str, looks: Sequence[Look]) -> Section:
    if len(answer.rates) < 2:
        return Section(id=f"{start}-rates", title="Robustness to the learning rate")
    panels, notes = list[Panel](), dict[str, None]()
    for name, problem in _named(answer):
        cells = [cell for cell in answer.ladder if cell.problem == problem]
        if not cells:
            continue
        rows = [{**_skill_row(cell), "rate": f"{cell.rate:g}"} for cell in cells]
        notes[charts.sunken(rows)] = None
        said = (f"{cell.model} at {cell.rate:g} {number(cell.skill.mean, 2)}" for cell in cells)
        panels.append(
            Panel(
                key=f"{start}-rates-{name}",
                title=f"{problem}, {cells[0].knob} {cells[0].rung}",
                chart=charts.rates(rows, looks),
                alt=f"Skill on {problem} by learning rate: {listed(said)}.",
            )
        )
    caption = (
        "Skill at the first rung at every learning rate that was tried. A level line is a model "
        f"that does not need its learning rate tuned.{''.join(notes)}"
    )
    return Section(
        id=f"{start}-rates",
        title="Robustness to the learning rate",
        blocks=_figure(caption, panels, looks, len(answer.problems)),
    )


def _named(answer: ComparisonAnswer) -> list[tuple[str, str]]:
    """The problems of a figure, each with its part of a panel's key."""
    return list(zip(slugs(answer.problems), answer.problems, strict=True))[:_PANELS]


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
    panels = list[Panel]()
    firsts = {cell.problem: cell.rung for cell in reversed(answer.ladder)}
    cells = [cell for cell in answer.cells if cell.rung == firsts.get(cell.problem)]
    for name, problem in _named(answer):
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
                key=f"{start}-times-{name}",
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
        "sequences. Times come in steps of about a fiftieth of that, as often as training is "
        "looked at, so that an interval may be narrower than a step; a seed that is found to have "
        "solved it only at the end counts with all of its sequences."
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
