"""Frontier: what is the largest value that a model solves, or the smallest model that does?"""

from __future__ import annotations

from collections import defaultdict

from longlag.answers.format import MEASURED, OPEN, counted, listed, span
from longlag.report import charts
from longlag.report.blocks import Figure, Panel, Section, section
from longlag.report.sections import curves
from longlag.report.sections import groups as tables
from longlag.report.sections.groups import Group
from longlag.report.study_figures import OUTCOMES, frontier_rows
from longlag.report.study_part import StudyPart, around, order_interval, question
from longlag.studies.frontier import Frontier
from longlag.studies.frontier_answer import FrontierAnswer
from longlag.studies.study import words
from longlag.trials.outcome import Outcome


def frontier(study: Frontier, start: str) -> StudyPart:
    """The part about a frontier; `start` is the prefix of its ids."""
    answer, setting = study.answer(), study.setting
    problem, model, knob = words(setting.problem), words(setting.model), answer.knob
    values = defaultdict[int, list[Outcome]](list)
    for step in answer.steps:
        values[step.value].append(step.outcome)
    sizes = answer.smallest
    groups = [
        Group.of(setting.problem, model, outcomes, study.solve_at, knob=knob, value=value)
        for value, outcomes in sorted(values.items())
    ]
    subject = (
        f"What is the {answer.extreme} {knob} at which {model} solves {problem}, learning rate "
        f"{setting.recipe.learning_rate:g}?"
    )
    easy_first = groups[::-1] if sizes else groups
    series = [(problem, around(easy_first, answer.median))] if groups else []
    beyond = "largest tried below" if sizes else "smallest tried beyond"
    choice = f"The easiest value, the median so far and the {beyond} it."
    return StudyPart(
        title=f"{answer.extreme.capitalize()} {knob} at which {model} solves {problem}",
        question=question(subject, study, setting.framing, f"{setting.recipe.sequences:,}"),
        results=_results(study, answer),
        table=tables.levels(groups, "Every value, of the seeds that tried it."),
        certainty=_certainty(study, answer, groups),
        sections=[
            _figure(answer, start, f"{knob}, {model} on {problem}"),
            curves.curves(start, series, choice),
        ],
        groups=groups,
    )


def _results(study: Frontier, answer: FrontierAnswer) -> list[str]:
    median = answer.words
    tried, ends = {step.seed for step in answer.steps}, []
    for seed, value in zip(study.seeds, answer.per_seed, strict=True):
        so_far = seed in answer.open
        beyond = f"above {answer.last}" if answer.smallest else f"below {answer.first}"
        end = value or ("none" if so_far or answer.lower_bound else beyond)
        ends.append(f"{end}{' so far' * so_far}" if seed in tried else "not tried")
    ends[:] = [
        f"{end} (failed: {answer.failures[seed]})" if seed in answer.failures else end
        for seed, end in zip(study.seeds, ends, strict=True)
    ]
    solved_by = f" {answer.by_half}" if answer.by_half else ", median over seeds"
    figures = {
        f"{answer.extreme.capitalize()} {answer.knob} solved{solved_by}": median,
        "Each seed": ", ".join(ends[:20]) + ", …" * (len(ends) > 20),
    }
    if answer.reached_end:
        verb = "did not solve" if answer.smallest else "solved"
        subject = f"Seeds that {verb} {answer.knob} {answer.last}, the largest value allowed"
        figures[subject] = f"{answer.reached_end} of {len(study.seeds)}"
    return [MEASURED.format(subject=key, figure=figure) for key, figure in figures.items()]


def _certainty(study: Frontier, answer: FrontierAnswer, groups: list[Group]) -> list[str]:
    seeds = len(study.seeds)
    left = counted(study.left() or 0, "trial")
    searches = (
        f"{len(answer.open)} of {counted(seeds, 'search', 'searches')} open, at most {left} left"
    )
    others = "larger" if answer.smallest else "smaller"
    lines = [
        order_interval(seeds, answer.coverage) if answer.complete else OPEN.format(what=searches),
        f"It is assumed that a seed that solves a value solves all {others} ones. A search ends "
        f"at a gap of {study.resolution:.0%} or one step.",
    ]
    ends = dict(zip(study.seeds, answer.per_seed, strict=True))
    lines += filter(None, [tables.doubt(groups)])
    lines += filter(None, [answer.bound(flags=True)])
    lucky = dict.fromkeys(
        s.seed
        for s in answer.steps
        if not answer.smallest and s.solved and s.value > (ends[s.seed] or 0)
    )
    if lucky:
        names = listed(f"seed {seed}" for seed in lucky)
        lines.append(f"Solved a value above one that failed (the first failure counts): {names}.")
    return lines


def _figure(answer: FrontierAnswer, start: str, title: str) -> Section:
    rows = frontier_rows(answer)
    if not rows:
        return section(f"{start}-frontier", "Frontier")
    values = span([step.value for step in answer.steps])
    caption = (
        "Every value that each seed tried. Dot: solved; cross: not solved; bar: the "
        f"{answer.extreme} value that this seed solved."
    )
    panel = Panel(
        key=f"{start}-frontier",
        title=title,
        chart=charts.frontier(rows, OUTCOMES, answer.knob),
        alt=f"Values of {answer.knob} from {values} that each seed tried: {answer.words}.",
    )
    figure = Figure(caption=caption, panels=(panel,), series=OUTCOMES, size="wide")
    return section(panel.key, "Frontier", figure)
