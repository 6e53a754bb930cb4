"""The part of a page about a frontier: the largest value that each seed still solved."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from longlag.report import charts
from longlag.report.content import Figure, Panel, Section
from longlag.report.palette import look
from longlag.report.sections import common, curves, verdicts
from longlag.report.sections.common import Group
from longlag.report.study_part import StudyPart, around
from longlag.report.words import ASKED, EXCEPTION, INTERVALS, MEASURED, OPEN, counted, listed, span
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.frontier import Frontier, FrontierAnswer
from longlag.studies.study import words as named

_SEEDS = 60  # of the figure


def frontier(study: Frontier, start: str) -> StudyPart:
    """The part about a frontier.

    Args:
        study: The frontier.
        start: Of every name of its in an address.
    """
    answer, setting = study.answer(), study.setting
    problem, model = named(setting.problem), named(setting.model)
    values = defaultdict[int, list[Any]](list)
    for step in answer.steps:
        values[step.value].append(step.outcome)
    groups = [
        Group.of(
            setting.problem,
            model,
            outcomes,
            study.solve_at,
            where=f"{answer.knob} {value}",
            order=value,
            knob=answer.knob,
        )
        for value, outcomes in sorted(values.items())
    ]
    seeds = counted(len(study.seeds), "seed")
    rate = f"learning rate {setting.recipe.learning_rate:g}"
    choice = "The easiest value, the median so far and the smallest tried beyond it."
    return StudyPart(
        title=f"How far {model} gets on {problem}",
        question=ASKED.format(
            subject=f"The largest {answer.knob} at which {model} solves {problem}, {rate}.",
            framing=named(setting.framing),
            seeds=seeds,
            budget=f"{setting.recipe.epochs:,}",
            solve_at=study.solve_at,
        ),
        found=_found(study, answer) if groups else [],
        table=verdicts.rungs(groups, "Every value, of the seeds that tried it."),
        sure=_sure(study, answer),
        sections=[
            _frontier_section(study, answer, start, f"{model} on {problem}"),
            curves.curves(
                start, [(problem, around(groups, answer.median))] if groups else [], choice
            ),
        ],
        groups=groups,
    )


def _found(study: Frontier, answer: FrontierAnswer) -> list[str]:
    figures = {
        "Median over seeds, with its interval" if answer.complete else "Median over seeds": answer,
        "Each seed": ", ".join(_limits(study, answer)[:20]) + ", …" * (len(study.seeds) > 20),
    }
    if answer.reached_end:
        subject = f"Seeds that solved {answer.knob} {answer.last}, the largest value allowed"
        figures[subject] = f"{answer.reached_end} of {len(study.seeds)}"
    return [MEASURED.format(subject=key, figure=figure) for key, figure in figures.items()]


def _limits(study: Frontier, answer: FrontierAnswer) -> list[str]:
    """How far each seed got, in words."""
    tried = {step.seed for step in answer.steps}
    found = []
    for seed, value in zip(study.seeds, answer.per_seed, strict=True):
        limit = str(value or ("none" if seed in answer.open else f"below {answer.first}"))
        limit += " so far" if seed in answer.open else ""
        found.append(limit if seed in tried else "not tried")
    return found


def _sure(study: Frontier, answer: FrontierAnswer) -> list[str]:
    seeds = len(study.seeds)
    gap = f"{study.resolution:.0%} or one step"
    rule = f"What a seed solves at a value it solves below it; a search ends at a gap of {gap}."
    if broken := _not_monotone(answer):
        which = f"{listed(f'seed {seed}' for seed in broken)}, whose first loss counts"
        rule = EXCEPTION.format(rule=rule, which=which)
    sure = [rule]
    if answer.complete:
        source = f"the order of {counted(seeds, 'seed')} alone"
        source += "; six seeds give 95%" if answer.coverage < CONFIDENCE else ""
        sure.insert(0, INTERVALS.format(level=f"{answer.coverage:.1%}", source=source))
    else:
        searches = f"{len(answer.open)} of {seeds} searches open"
        sure.append(OPEN.format(what=f"{searches}, at most {study.left()} trials left"))
    return [*sure, *common.seen_again([study.setting.problem])]


def _not_monotone(answer: FrontierAnswer) -> list[int]:
    """Seeds that solved a value above one that they did not."""
    lost = dict[int, int]()
    for step in answer.steps:
        if not step.solved:
            lost[step.seed] = min(step.value, lost.get(step.seed, step.value))
    above = (s.seed for s in answer.steps if s.solved and s.value > lost.get(s.seed, s.value))
    return list(dict.fromkeys(above))


def _frontier_section(study: Frontier, answer: FrontierAnswer, start: str, subject: str) -> Section:
    tried = dict.fromkeys(step.seed for step in answer.steps)
    few = set(list(tried)[:_SEEDS])
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
    values = [step.value for step in answer.steps]
    chart = charts.frontier(
        rows,
        reached,
        knob=answer.knob,
        median=answer.median if answer.complete else 0,
        interval=answer.interval,
        domain=(min(values), max(values)),
    )
    panel = Panel(
        key=f"{start}-frontier",
        title=f"{answer.knob}, {subject}",
        chart=chart,
        alt=f"Values of {answer.knob} from {span(values)} that each seed tried: {answer}.",
    )
    caption = (
        "Every value that each seed tried. Dot: solved; cross: not solved; bar: the largest value "
        "that this seed solved."
    )
    if answer.complete and answer.median:
        caption += " The line is the median over seeds, the band its interval."
    if left := len(tried) - len(few):
        caption += f" The first {len(few)} seeds; {left} more are left out."
    looks = (
        look(0, "solved"),
        look(1, "not solved")._replace(outline="M-4-4L4 4M-4 4L4-4", dash=""),
    )
    marks = tuple(each._replace(dash="") for each in looks)
    figure = Figure(caption=caption, panels=(panel,), series=marks, size="wide")
    return Section(id=f"{start}-frontier", title="Frontier", blocks=(figure,))
