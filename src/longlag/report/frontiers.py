"""What a frontier has to say: the largest value that each seed still solved."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from longlag.report import charts
from longlag.report.content import Cell, Figure, Panel, Point, Section, Table
from longlag.report.palette import look
from longlag.report.sections import common, curves
from longlag.report.sections.common import Group
from longlag.report.told import Told, around
from longlag.report.words import counted, estimate, listed, span
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.frontier import Frontier, FrontierAnswer
from longlag.studies.study import words as named
from longlag.trials.outcome import skill, standing

_SEEDS = 60  # of the figure


def frontier(study: Frontier, start: str) -> Told:
    """What a frontier has to say; `start` begins every name of its in an address."""
    answer = study.answer()
    setting = study.setting
    problem, model = named(setting.problem), named(setting.model)
    values = defaultdict[int, list[Any]](list)
    for step in answer.steps:
        values[step.value].append(step)
    within = common.tolerance(setting.problem)
    groups = [
        Group(
            problem=problem,
            model=model,
            where=f"{answer.knob} {value}",
            order=value,
            tolerance=within,
            blank=common.blank(setting.problem),
            outcomes=tuple(step.outcome for step in steps),
            reasons=tuple(step.reasons for step in steps),
        )
        for value, steps in sorted(values.items())
    ]
    seeds = len(answer.per_seed)
    found: list[str | Point] = []
    if answer.steps:
        over = f"(median over {counted(seeds, 'seed')} and its interval)"
        if not answer.complete:
            half = f"half of the seeds or more solve {answer.knob} {answer.median}"
            few = "fewer than half of the seeds have solved anything"
            found.append(f"Not answered yet: {half if answer.median else few} so far.")
        elif answer.median:
            found.append(f"{model} solves {problem} up to {answer} {over}.")
        else:
            found.append(
                f"{model} does not solve {problem} at {answer.knob} {answer.first}, the easiest "
                f"value: {answer} {over}."
            )
        # At the median and below it they would say of single seeds what the median denies.
        beyond = [group for group in groups if group.order > answer.median]
        told = [each for group in beyond for each in _standings(group)]
        found += (f"It {said}." for said in common.guesses(answer.knob, told))
        if answer.reached_end:
            found.append(
                f"{answer.reached_end} of {counted(seeds, 'seed')} solved {answer.last}, the "
                "largest value that may be tried: their own limit lies beyond it."
            )
        values_solved = listed(_got(study, answer)[:20])
        found.append(f"Seed by seed: {values_solved}{' …' if seeds > 20 else ''}.")
    gap = f"the gap between solved and not solved is {study.resolution:.0%} or one step"
    taken = "it takes it that what is solved at a value is solved below it"
    sure = [f"A search ends when {gap}; {taken}."]
    if answer.complete:
        less = ", less than 0.95: six seeds would give that"
        sure.insert(
            0,
            f"The interval is taken from the order of {counted(seeds, 'seed')} alone and covers "
            f"the median with probability {answer.coverage:.3g}"
            f"{less if answer.coverage < CONFIDENCE else ''}.",
        )
    broken = _not_monotone(answer)
    if broken:
        sure.append(
            f"That does not hold for {listed(f'seed {seed}' for seed in broken)}: a value above "
            "one that was not solved was solved. Their frontier is the one below the first loss."
        )
    if not answer.complete:
        left = study.left()
        more = f"up to {counted(left, 'trial')} not run yet" if left else "trials came to nothing"
        sure.append(
            f"Not complete: the search of {len(answer.open)} of {counted(seeds, 'seed')} has not "
            f"come to its end, {more}. Till then there is neither a median nor an interval."
        )
    sure += common.seen_again([setting.problem])
    return Told(
        title=f"How far {model} gets on {problem}",
        question=(
            f"What is the largest {answer.knob} at which {model} still solves {problem} (framing "
            f"{named(setting.framing)}, learning rate {setting.recipe.learning_rate:g}, at most "
            f"{setting.recipe.epochs:,} sequences a trial, skill {study.solve_at:g} or more)?"
        ),
        found=found,
        sure=sure,
        sections=[
            _frontier_section(study, answer, start, f"{model} on {problem}"),
            curves.curves(
                start,
                [(problem, around(groups, answer.median))] if groups else [],
                f"The easiest value, the median{'' if answer.complete else ' so far'} and the "
                "smallest tried beyond it, of the seeds that tried it.",
            ),
        ],
        groups=groups,
    )


def _standings(group: Group) -> list[tuple[str, str]]:
    """How the seeds that tried a value stand to chance: of how many of them it is true."""
    of = counted(len(group.outcomes), "seed")
    found = Counter(standing([outcome]) for outcome in group.outcomes)
    return [(stands, f"{group.order:g} ({count} of {of})") for stands, count in found.items()]


def _got(study: Frontier, answer: FrontierAnswer) -> list[str]:
    """How far each seed got, in words."""
    tried = {step.seed for step in answer.steps}
    said = []
    for seed, value in zip(study.seeds, answer.per_seed, strict=True):
        if seed not in tried:
            said.append("not tried")
        elif seed in answer.open:
            said.append(f"{value or 'nothing'} so far")
        else:
            said.append(f"{value}" if value else f"below {answer.first}")
    return said


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


def _frontier_section(study: Frontier, answer: FrontierAnswer, start: str, subject: str) -> Section:
    shown = dict.fromkeys(step.seed for step in answer.steps)
    few = set(list(shown)[:_SEEDS])
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
        for seed, value in zip(study.seeds, answer.per_seed, strict=True)
        if value and seed in few
    ]
    tried = [step.value for step in answer.steps]
    median = answer.median if answer.complete else 0
    chart = charts.frontier(
        rows,
        reached,
        knob=answer.knob,
        median=median,
        interval=answer.interval,
        domain=(min(tried), max(tried)),
    )
    panel = Panel(
        key=f"{start}-frontier",
        title=f"{answer.knob}, {subject}",
        chart=chart,
        alt=f"Values of {answer.knob} from {span(tried)} that each seed tried"
        + (f"; median {answer}." if answer.complete else "; not complete."),
    )
    left = len(shown) - len(few)
    caption = (
        "Every value that each seed tried: a disc where it solved the problem, a cross where it "
        "did not. The bar is how far the seed got"
        + ("." if answer.complete else " so far.")
        + (
            " The line is the median over seeds, the band its interval (coverage "
            f"{answer.coverage:.3g})."
            if median
            else ""
        )
        + (f" The first {len(few)} seeds; {left} more are left out." if left else "")
    )
    table = Table(
        caption="What came of each value, of the seeds that tried it.",
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
        outcomes = [step.outcome for step in steps]
        why = defaultdict[str, int](int)
        for step in steps:
            if step.reasons:
                why[step.reasons[0].reason] += 1
        rows.append(
            (
                Cell(f"{value:,}", kind="number"),
                Cell(f"{sum(step.solved for step in steps)}/{len(steps)}", kind="number"),
                Cell(estimate(skill(outcomes)), kind="number"),
                Cell(listed(f"{reason} ({count})" for reason, count in why.items())),
            )
        )
    return rows
