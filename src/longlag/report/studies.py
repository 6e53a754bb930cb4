"""The page of a store: its studies, what each found, and how sure that is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from longlag.lab import checkpoint, identity
from longlag.lab.comparison import Cell as Measured
from longlag.lab.comparison import Comparison, ComparisonAnswer
from longlag.lab.diagnosis import diagnose
from longlag.lab.frontier import Frontier, FrontierAnswer
from longlag.lab.outcome import Outcome, chance_probability, skill
from longlag.lab.profile import Profile, ProfileAnswer
from longlag.lab.revive import revive
from longlag.lab.statistics import CONFIDENCE, over_seeds
from longlag.lab.store import Asked, Record, Store, StoreError
from longlag.lab.study import Study
from longlag.lab.study import words as named
from longlag.problems import Problem
from longlag.report import charts, sections
from longlag.report.content import Cell, Figure, Panel, Point, Section, Table, present, width
from longlag.report.page import Page
from longlag.report.palette import Look, look
from longlag.report.sections import Group, Kept
from longlag.report.words import (
    counted,
    duration,
    estimate,
    listed,
    moment,
    number,
    slug,
    span,
    whole,
)

MAPS = 6
"""Trained models of a page that are read for their maps; each costs about a second."""

_PANELS = 12  # problems of one figure
_KINDS = {"frontier": "Frontier", "compare": "Comparison", "profile": "Profile"}


def page_of_store(
    store: Store,
    studies: Sequence[Asked] | None = None,
    *,
    title: str | None = None,
    maps: int = MAPS,
) -> Page:
    """The page of the studies of a store.

    Args:
        store: The store.
        studies: Some of `store.studies()`; all by default.
        title: Its title.
        maps: Trained models at most that are read for their maps and states; each costs
            about a second.

    Raises:
        StoreError: The store has no study.
    """
    asked = store.studies() if studies is None else list(studies)
    if not asked:
        raise StoreError(f"{store.path} holds no study. Run one with --store {store.path}.")
    parts = []
    share = -(-maps // len(asked)) if maps else 0
    for place, each in enumerate(asked, 1):
        part = _part(store, each, f"s{place}", min(share, maps))
        maps -= sum(
            section.id.endswith("-maps") and len(section.blocks) for section in part.sections
        )
        parts.append(part)
    if len(parts) == 1:
        summary = Section(id="summary", title="Summary", blocks=parts[0].summary)
        bodies = parts[0].sections
    else:
        inner = (Section(id=f"{p.id}-summary", title=p.title, blocks=p.summary) for p in parts)
        summary = Section(id="summary", title="Summary", sections=tuple(inner))
        bodies = tuple(
            Section(id=part.id, title=part.title, sections=present(*part.sections))
            for part in parts
        )
    latest = max((each.ended or each.started for each in asked), default="")
    trials = sum(part.trials for part in parts)
    return Page(
        title=title or (parts[0].title if len(parts) == 1 else "What the models remember"),
        about=f"{counted(len(parts), 'study', 'studies')}, {counted(trials, 'trial')}; "
        f"{moment(latest)}",
        sections=(summary, *present(*bodies), _cost(parts)),
    )


class _Part(NamedTuple):
    """What a page says of one study."""

    id: str
    title: str
    summary: tuple[Any, ...]
    sections: tuple[Section, ...]
    trials: int
    asked: Asked
    groups: list[Group]
    versions: tuple[str, ...]


class _Told(NamedTuple):
    """What a kind of study has to say."""

    title: str
    question: str
    found: list[str | Point]
    sure: list[str]
    sections: list[Section]
    groups: list[Group]


def _part(store: Store, asked: Asked, start: str, maps: int) -> _Part:
    study = revive(store, asked)
    records = store.records(study=asked.id)
    told = _TELL[type(study)](study, start)
    if not records:
        told = told._replace(found=["No trial is finished yet."])
    kept, choice = _kept(store, study, records, maps)
    recurrent = list({each.problem: each for each in reversed(kept)}.values())[::-1]
    made = [
        *told.sections,
        sections.reasons(start, told.groups),
        sections.maps(start, kept, choice),
        sections.states(start, recurrent[:2]),
        sections.examples(
            start, _hardest(told.groups), "Of each problem and model, the hardest rung written out."
        ),
    ]
    ends = sorted({records[0].id, records[-1].id}) if records else []
    return _Part(
        id=start,
        title=told.title,
        summary=(
            sections.told(told.question, title="Asked", command=asked.command),
            sections.told(title="Found", points=told.found),
            sections.told(title="How sure", points=[*told.sure, *_interruptions(asked)]),
        ),
        sections=tuple(made),
        trials=len(records),
        asked=asked,
        groups=told.groups,
        versions=tuple(dict.fromkeys(store.versions(trial) for trial in ends)),
    )


# What each kind of study has to say.


def _comparison(study: Comparison, start: str) -> _Told:
    answer, problems = study.answer(), _problems(study)
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
        sure.append(f"{counted(missing, 'trial')} of the cells shown are missing.")
    if not answer.complete:
        sure.append(f"Not complete: {counted(study.left() or 0, 'trial')} not run yet.")
    return _Told(
        title=f"{listed(answer.models)} compared",
        question=question,
        found=_compared(answer),
        sure=sure,
        sections=[
            _skill_section(answer, start, looks),
            _times_section(answer, start, looks, budget),
            _rates_section(answer, start, looks),
            sections.curves(
                f"{start}",
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


def _frontier(study: Frontier, start: str) -> _Told:
    answer = study.answer()
    setting = study.setting
    problem, model = named(setting.problem), named(setting.model)
    values = defaultdict[int, list[Any]](list)
    for step in answer.steps:
        if step.outcome is not None:
            values[step.value].append(step)
    within = sections.tolerance(setting.problem)
    groups = [
        Group(
            problem=problem,
            model=model,
            where=f"{answer.knob} {value}",
            order=value,
            tolerance=within,
            blank=sections.blank(setting.problem),
            outcomes=tuple(step.outcome for step in steps),
            reasons=tuple(step.reasons for step in steps),
        )
        for value, steps in sorted(values.items())
    ]
    seeds = len(answer.per_seed)
    found: list[str | Point] = []
    if answer.steps:
        found.append(
            f"{model} solves {problem} up to {answer} (median over {counted(seeds, 'seed')} and "
            "its interval)."
            if answer.median
            else f"{model} does not solve {problem} at {answer.knob} {answer.first}, the easiest "
            f"value: {answer} (median over {counted(seeds, 'seed')} and its interval)."
        )
        if guessed := [g for g in groups if chance_probability(g.outcomes) > 1 - CONFIDENCE]:
            at = ", ".join(f"{group.order:g}" for group in guessed)
            found.append(f"It cannot be told from chance at {answer.knob} {at}.")
        if answer.reached_end:
            found.append(
                f"{answer.reached_end} of {counted(seeds, 'seed')} solved {answer.last}, the "
                "largest value that may be tried: their own limit lies beyond it."
            )
        values_solved = listed(
            f"{value}" if value else f"below {answer.first}" for value in answer.per_seed[:20]
        )
        found.append(f"Seed by seed: {values_solved}{' …' if seeds > 20 else ''}.")
    sure = [
        f"The interval is taken from the order of {counted(seeds, 'seed')} alone and covers the "
        f"median with probability {answer.coverage:.3g}"
        + (", less than 0.95: six seeds would give that." if answer.coverage < CONFIDENCE else "."),
        f"Each search ended when the gap between solved and not solved was {study.resolution:.0%} "
        "or one step; it takes it that what is solved at a value is solved below it.",
    ]
    broken = _not_monotone(answer)
    if broken:
        sure.append(
            f"That does not hold for {listed(f'seed {seed}' for seed in broken)}: a value above "
            "one that was not solved was solved. Their frontier is the one below the first loss."
        )
    if not answer.complete:
        left = study.left() or 0
        sure.append(f"Not complete: up to {counted(left, 'trial')} not run yet.")
    lost = sum(step.outcome is None for step in answer.steps)
    if lost:
        sure.append(f"{counted(lost, 'trial')} came to nothing and count as not solved.")
    return _Told(
        title=f"How far {model} gets on {problem}",
        question=(
            f"What is the largest {answer.knob} at which {model} still solves {problem} (framing "
            f"{named(setting.framing)}, learning rate {setting.recipe.learning_rate:g}, at most "
            f"{setting.recipe.epochs:,} sequences a trial, skill {study.solve_at:g} or more)?"
        ),
        found=found,
        sure=sure,
        sections=[
            _frontier_section(answer, start, f"{model} on {problem}"),
            sections.curves(
                start,
                [(problem, _around(groups))] if groups else [],
                "The easiest value, the largest that most seeds solved and the smallest beyond it.",
            ),
        ],
        groups=groups,
    )


def _not_monotone(answer: FrontierAnswer) -> list[int]:
    lost: dict[int, int] = {}
    broken = dict[int, None]()
    for step in answer.steps:
        if not step.solved:
            lost[step.seed] = min(step.value, lost.get(step.seed, step.value))
    for step in answer.steps:
        if step.solved and step.value > lost.get(step.seed, step.value):
            broken[step.seed] = None
    return list(broken)


def _profile(study: Profile, start: str) -> _Told:
    answer, problems = study.answer(), _problems(study)
    groups = [
        Group(
            problem=reach.problem,
            model=answer.model,
            where=f"{reach.knob} {rung.value}",
            order=rung.value,
            tolerance=sections.tolerance(problems[reach.problem]),
            blank=sections.blank(problems[reach.problem]),
            outcomes=rung.outcomes,
            reasons=tuple(diagnose(each, answer.solve_at) for each in rung.outcomes),
        )
        for reach in answer.reaches
        for rung in reach.rungs
        if rung.outcomes
    ]
    found: list[str | Point] = []
    for reach in answer.reaches:
        mine = [group for group in groups if group.problem == reach.problem]
        guessed = [g for g in mine if chance_probability(g.outcomes) > 1 - CONFIDENCE]
        chance = ""
        if guessed:
            at = ", ".join(f"{group.order:g}" for group in guessed)
            chance = f"; at {reach.knob} {at} it cannot be told from chance"
        trials = counted(reach.tried, "trial")
        short = f"does not get to {reach.knob} {reach.rungs[0].value}, the easiest"
        got = f"reaches {reach}" if reach.value else short
        if not reach.tried:
            got, trials = "was not tried", "no trial"
        found.append(Point(f"{reach.problem}:", f"{answer.model} {got}, by {trials}{chance}."))
    curves = [
        (reach.problem, _around([g for g in groups if g.problem == reach.problem]))
        for reach in answer.reaches
    ]
    return _Told(
        title=f"What {answer.model} remembers",
        question=(
            f"How far does {answer.model} get on {listed(r.problem for r in answer.reaches)} in "
            f"the time there was? Each trial has at most {study.recipe.epochs:,} sequences and "
            f"solves its problem from a skill of {answer.solve_at:g} on."
        ),
        found=found,
        sure=[
            "A reach is the highest rung more probably within reach than not, its interval holds "
            f"it with probability {CONFIDENCE:g}, under a model: a seed solves a rung within reach "
            "with probability 0.9, one beyond it with 0.1.",
            *answer.left_out,
        ],
        sections=[
            _reach_section(answer, start),
            sections.curves(
                start,
                [(problem, series) for problem, series in curves if series],
                "Of each problem the easiest rung, the largest that most seeds solved and the "
                "smallest beyond it.",
            ),
        ],
        groups=groups,
    )


_TELL: Mapping[type[Study], Callable[[Any, str], _Told]] = {
    Comparison: _comparison,
    Frontier: _frontier,
    Profile: _profile,
}


def _around(groups: Sequence[Group]) -> list[tuple[str, Group]]:
    """The easiest rung, the largest that most seeds solved, the smallest beyond it."""
    solved = [group for group in groups if 2 * group.solved > len(group.outcomes)]
    last = solved[-1].order if solved else -np.inf
    beyond = [group for group in groups if group.order > last]
    chosen = {group.where: group for group in (*groups[:1], *solved[-1:], *beyond[:1])}
    return list(chosen.items())


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


def _hardest(groups: Sequence[Group]) -> list[Group]:
    """Of each problem and model the hardest rung of which examples are kept."""
    found: dict[tuple[str, str], Group] = {}
    for group in groups:
        if any(outcome.examples for outcome in group.outcomes):
            pair = group.problem, group.model
            if pair not in found or group.order > found[pair].order:
                found[pair] = group
    return list(found.values())


# Figures and tables.


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


def _frontier_section(answer: FrontierAnswer, start: str, subject: str) -> Section:
    shown = dict.fromkeys(step.seed for step in answer.steps)
    few = set(list(shown)[:60])
    rows = [
        {
            "seed": step.seed,
            "value": step.value,
            "outcome": "solved" if step.solved else "not solved",
            "why": step.reasons[0].reason if step.reasons else "",
        }
        for step in answer.steps
        if step.seed in few
    ]
    if not rows:
        return Section(id=f"{start}-frontier", title="Frontier")
    reached = [
        {"seed": seed, "value": value}
        for seed, value in zip(shown, answer.per_seed, strict=False)
        if value and seed in few
    ]
    tried = [step.value for step in answer.steps]
    chart = charts.frontier(
        rows,
        reached,
        knob=answer.knob,
        median=answer.median,
        interval=answer.interval,
        domain=(min(tried), max(tried)),
    )
    panel = Panel(
        key=f"{start}-frontier",
        title=f"{answer.knob}, {subject}",
        chart=chart,
        alt=f"Values of {answer.knob} from {span(tried)} that each seed tried; median {answer}.",
    )
    left = len(shown) - len(few)
    caption = (
        "Every value that each seed tried: a disc where it solved the problem, a cross where it "
        "did not. The bar is how far the seed got; the line is the median over seeds, the band "
        f"its interval (coverage {answer.coverage:.3g})."
        + (f" The first {len(few)} seeds; {left} more are counted in the median." if left else "")
    )
    table = Table(
        caption="What came of each value.",
        head=(answer.knob, "solved", "skill", "why not"),
        rows=tuple(_values(answer)),
        folded=True,
    )
    looks = (
        look(0, "solved"),
        look(1, "not solved")._replace(outline="M-4-4L4 4M-4 4L4-4", dash=""),
    )
    marks = tuple(each._replace(dash="") for each in looks)
    return Section(
        id=f"{start}-frontier",
        title="Frontier",
        blocks=(Figure(caption=caption, panels=(panel,), series=marks, size="wide"), table),
    )


def _values(answer: FrontierAnswer) -> list[tuple[Cell, ...]]:
    by_value = defaultdict[int, list[Any]](list)
    for step in answer.steps:
        by_value[step.value].append(step)
    rows = []
    for value, steps in sorted(by_value.items()):
        outcomes = [step.outcome for step in steps if step.outcome is not None]
        why = defaultdict[str, int](int)
        for step in steps:
            if step.reasons:
                why[step.reasons[0].reason] += 1
        rows.append(
            (
                Cell(f"{value:,}", kind="number"),
                Cell(f"{sum(step.solved for step in steps)}/{len(steps)}", kind="number"),
                Cell(estimate(skill(outcomes)) if outcomes else "nothing", kind="number"),
                Cell(listed(f"{reason} ({count})" for reason, count in why.items())),
            )
        )
    return rows


def _reach_section(answer: ProfileAnswer, start: str) -> Section:
    rows = [
        {
            "problem": reach.problem,
            "place": place,
            "value": rung.value,
            "told": f"{rung.solved}/{len(rung.outcomes)}" if rung.outcomes else "–",
            "within": round(rung.within, 3),
        }
        for reach in answer.reaches
        for place, rung in enumerate(reach.rungs)
    ]
    problems = [reach.problem for reach in answer.reaches]
    panel = Panel(
        key=f"{start}-reach",
        title=f"{answer.model}: problem by rung",
        chart=charts.reach(rows, problems),
        alt=f"Reach of {answer.model}: {listed(f'{r.problem} {r}' for r in answer.reaches)}.",
    )
    table = Table(
        caption="The reach on each problem, with its 95 % interval.",
        head=("problem", "reach", "of the ladder", "trials", "why not"),
        rows=tuple(
            (
                Cell(reach.problem),
                Cell(str(reach)),
                Cell(f"{reach.share:.0%}", kind="number"),
                Cell(str(reach.tried), kind="number"),
                Cell(_reasons_of(reach)),
            )
            for reach in answer.reaches
        ),
    )
    left = sections.told(title="Left out", points=answer.left_out)
    caption = (
        "Rungs from easy to hard: the value, how many seeds solved it of those that tried (– where "
        "none did). The stronger the colour, the more probably within reach."
    )
    return Section(
        id=f"{start}-reach",
        title="Profile",
        blocks=(Figure(caption=caption, panels=(panel,), size="wide"), table, left),
    )


def _reasons_of(reach: Any) -> str:
    why = defaultdict[str, int](int)
    for rung in reach.rungs:
        for reason, count in rung.reasons.items():
            why[reason] += count
    return listed(f"{reason} ({count})" for reason, count in why.items())


def _figure(
    caption: str, panels: Sequence[Panel], looks: Sequence[Look], problems: int
) -> tuple[Figure, ...]:
    left = max(0, problems - _PANELS)
    more = f" {counted(left, 'problem')} more in the table only." if left else ""
    size, shown = width(len(panels)), tuple(panels)
    return (Figure(caption=caption + more, panels=shown, series=tuple(looks), size=size),)


# What is kept of trained models.


def _kept(
    store: Store, study: Study, records: Sequence[Record], most: int
) -> tuple[list[Kept], str]:
    """Of each problem the trained models at the hardest rung that one of them solved.

    Only those of the first seed that are short enough to be looked at; of several learning
    rates the one with the best skill.
    """
    choice = (
        f"Of each problem the hardest rung of at most {sections.STEPS} steps that a kept model "
        "solved, or the easiest; of several learning rates the one with the best skill."
    )
    if not most:
        return [], choice
    families = _problems(study)
    read: dict[str, tuple[str, Problem] | None] = {}

    def family(record: Record) -> tuple[str, Problem] | None:
        if record.problem not in read:
            problem = identity.setting(store.setting(record.id)).problem
            short = problem.steps <= sections.STEPS
            read[record.problem] = (_family(problem, families), problem) if short else None
        return read[record.problem]

    best: dict[tuple[str, int], dict[str, Record]] = defaultdict(dict)
    for record in records:
        if record.seed != study.seeds[0] or (known := family(record)) is None:
            continue
        name, problem = known
        place = best[name, getattr(problem, problem.ladder.knob)]
        before = place.get(record.model)
        if before is None or (-record.skill, record.id) < (-before.skill, before.id):
            place[record.model] = record
    kept: list[Kept] = []
    for name, posed in families.items():
        rungs = sorted(rung for family_, rung in best if family_ == name)
        solved = [r for r in rungs if any(e.verdict == "solved" for e in best[name, r].values())]
        for rung in [*solved[::-1], *rungs]:
            where = f"{posed.ladder.knob} {rung}"
            here = [
                Kept(name, record.model, where, _reader(content, record.id))
                for record in sorted(best[name, rung].values(), key=lambda each: each.model)
                if (content := store.weights(record.id)) is not None
            ]
            kept += here
            if here:
                break
    return _spread(kept, most), choice


def _spread(kept: Sequence[Kept], most: int) -> list[Kept]:
    """So many at most, problems taken in turn, in their order."""
    turns = defaultdict[str, int](int)
    order = []
    for place, each in enumerate(kept):
        order.append((turns[each.problem], place))
        turns[each.problem] += 1
    chosen = sorted(place for _, place in sorted(order)[:most])
    return [kept[place] for place in chosen]


def _reader(content: bytes, name: str) -> Callable[[], checkpoint.Trained]:
    return lambda: checkpoint.from_bytes(content, name)


def _problems(study: Study) -> dict[str, Problem]:
    """The problems of a study, by name."""
    question = study.question()
    written = question.get("settings") or [question["setting"]]
    made = (identity.setting(each).problem for each in written)
    return {named(problem): problem for problem in made}


def _family(problem: Problem, families: Mapping[str, Problem]) -> str:
    """The problem of the study whose ladder this one stands on."""
    rung = getattr(problem, problem.ladder.knob)
    return next(
        (
            name
            for name, posed in families.items()
            if type(posed) is type(problem) and posed.at(rung) == problem
        ),
        named(problem),
    )


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


# How sure, and at what cost.


def _seeds(count: int) -> str:
    if count == 1:
        return (
            "One seed: the intervals cover the noise of the draws for that one model, not the "
            "difference that another seed makes."
        )
    wide = " With so few, intervals are wide." if count < 5 else ""
    return f"{counted(count, 'seed')}; intervals cover the spread between them.{wide}"


def _interruptions(asked: Asked) -> list[str]:
    """What was cut short, failed, or has not ended."""
    usage, said = asked.usage or {}, []
    if asked.ended is None:
        said.append(
            "The study has not ended: it was interrupted, or is still running. What stands here "
            "rests on the trials finished so far."
        )
    elif usage.get("interrupted"):
        said.append("It was interrupted by hand.")
    if cut := usage.get("cut"):
        said.append(f"{counted(cut, 'trial')} cut short when the time was up.")
    if failed := usage.get("failed"):
        name, why = failed[0]
        said.append(f"{counted(len(failed), 'trial')} came to nothing, for example {name}: {why}")
    return said


def _cost(parts: Sequence[_Part]) -> Section:
    rows, failures = [], []
    for part in parts:
        usage = part.asked.usage
        when = moment(part.asked.ended or part.asked.started)
        if usage is None:
            blank = (Cell("–", kind="number"),) * 6
            rows.append(
                (
                    Cell(part.title, f"not ended; begun {when}"),
                    Cell(f"{part.trials:,}", kind="number"),
                    *blank,
                )
            )
            continue
        spent, room = usage["spent"], max(usage["wall"] * usage["workers"], 1e-9)
        idle = max(0.0, 1 - sum(spent.values()) / room)
        counts = Cell(f"{usage['ran']:,}", f"{usage['reused']:,} reused", "number")
        rows.append(
            (
                Cell(part.title, when),
                counts,
                Cell(duration(usage["wall"]), f"× {counted(usage['workers'], 'worker')}", "number"),
                *(
                    Cell(f"{spent[name] / room:.0%}", duration(spent[name]), "number")
                    for name in ("train", "compile", "evaluate")
                ),
                Cell(f"{idle:.0%}", kind="number"),
                Cell(f"{usage['cut']:,} / {len(usage['failed']):,}", kind="number"),
            )
        )
        failures += ((Cell(name), Cell(why)) for name, why in usage["failed"][:50])
    blocks: list[Any] = [
        Table(
            caption="Where the time of the workers went, the last time each study was asked.",
            head=(
                "study",
                "ran",
                "wall",
                "training",
                "compiling",
                "evaluating",
                "idle",
                "cut / failed",
            ),
            rows=tuple(rows),
        )
    ]
    if failures:
        blocks.append(
            Table(
                caption="Trials that came to nothing.", head=("trial", "why"), rows=tuple(failures)
            )
        )
    sizes: dict[str, list[Outcome]] = defaultdict(list)
    for part in parts:
        for group in part.groups:
            sizes[group.model] += group.outcomes[:1]
    if sizes:
        blocks.append(
            Table(
                caption="Trained weights of each model, over the problems it was given.",
                head=("model", "weights"),
                rows=tuple(
                    (Cell(model), Cell(_sizes([each.parameters for each in given]), kind="number"))
                    for model, given in sizes.items()
                ),
            )
        )
    versions = list(dict.fromkeys(text for part in parts for text in part.versions))
    if versions:
        said = "Ran with " + "; and with ".join(versions) + "."
        blocks.append(sections.told(said))
    return Section(id="cost", title="Time and cost", blocks=tuple(blocks))


def _sizes(given: Sequence[int]) -> str:
    low, high = min(given), max(given)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
