"""What a profile has to say: how far a model gets on each problem."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from longlag.report import charts
from longlag.report.content import Cell, Figure, Panel, Point, Section, Table
from longlag.report.sections import common, curves
from longlag.report.sections.common import Group
from longlag.report.told import Told, around, problems_of
from longlag.report.words import counted, listed
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.profile import RELIABLE, Profile
from longlag.studies.profile_answer import ProfileAnswer, Reach
from longlag.trials.diagnosis import diagnose
from longlag.trials.outcome import standing


def profile(study: Profile, start: str) -> Told:
    """What a profile has to say; `start` begins every name of its in an address."""
    answer, problems = study.answer(), problems_of(study)
    groups = [
        Group(
            problem=reach.problem,
            model=answer.model,
            where=f"{reach.knob} {rung.value}",
            order=rung.value,
            tolerance=common.tolerance(problems[reach.problem]),
            blank=common.blank(problems[reach.problem]),
            outcomes=rung.outcomes,
            reasons=tuple(diagnose(each, answer.solve_at) for each in rung.outcomes),
        )
        for reach in answer.reaches
        for rung in reach.rungs
        if rung.outcomes
    ]
    found: list[str | Point] = [
        Point(f"{reach.problem}:", f"{answer.model} {'; '.join(_said(reach))}.")
        for reach in answer.reaches
    ]
    by_problem = [
        (reach.problem, around([g for g in groups if g.problem == reach.problem], reach.value or 0))
        for reach in answer.reaches
    ]
    longest = study.budgets[-1]
    more = f", up to {longest:,} where longer training is tried" if study.longer else ""
    return Told(
        title=f"What {answer.model} remembers",
        question=(
            f"How far does {answer.model} get on {listed(r.problem for r in answer.reaches)} in "
            f"the time there was? A trial has at most {answer.budget:,} sequences{more}, and "
            f"solves its problem from a skill of {answer.solve_at:g} on."
        ),
        found=found,
        sure=[
            "A reach is the highest rung that a trial solved and that is more probably within "
            f"reach than not; its interval holds it with probability {CONFIDENCE:g}, under a "
            f"model: a seed solves a rung within reach with probability {RELIABLE:g}, one beyond "
            f"it with {1 - RELIABLE:.2g}.",
            *answer.left_out,
            *common.seen_again(problems.values()),
        ],
        sections=[
            _reach_section(answer, start),
            curves.curves(
                start,
                [(problem, series) for problem, series in by_problem if series],
                "Of each problem the easiest rung that was tried, the reach and the smallest tried "
                f"beyond it, at up to {answer.budget:,} sequences.",
            ),
        ],
        groups=groups,
    )


def _said(reach: Reach) -> list[str]:
    """How far the model gets, in parts of a sentence."""
    if not reach.tried:
        return ["was not tried"]
    tried = [rung for rung in reach.rungs if rung.outcomes]
    got = f"reaches {reach}"
    if not reach.value:
        easiest = tried[0].value
        first = "the easiest" if easiest == reach.rungs[0].value else "the easiest that was tried"
        got = f"does not get to {reach.knob} {easiest}, {first} {_interval(reach, reach.interval)}"
    said = [f"{got}, by {counted(reach.tried, 'trial')}"]
    told = [(standing(rung.outcomes), str(rung.value)) for rung in tried]
    said += common.guesses(reach.knob, told)
    for each in reach.longer:
        to = f"gets to {reach.knob} {each.value}" if each.value else "gets no further"
        said.append(
            f"trained on up to {each.sequences:,} sequences it {to} "
            f"{_interval(reach, each.interval)}, {each.solved} of {counted(each.tried, 'trial')} "
            "solved"
        )
    return said


def _interval(reach: Reach, interval: tuple[int, int]) -> str:
    low, high = (f"{bound or f'below {reach.rungs[0].value}'}" for bound in interval)
    return f"[{low}, {high}]"


def _reach_section(answer: ProfileAnswer, start: str) -> Section:
    rows = [
        {
            "problem": reach.problem,
            "place": place,
            "value": rung.value,
            "told": f"{rung.solved}/{len(rung.outcomes)}" if rung.outcomes else "–",
            # Untried, it has but what the trials at other rungs and the prior make of it.
            "within": round(rung.within, 3) if rung.outcomes else None,
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
                Cell("" if reach.share is None else f"{reach.share:.0%}", kind="number"),
                Cell(str(reach.tried), kind="number"),
                Cell(_reasons_of(reach)),
            )
            for reach in answer.reaches
        ),
    )
    left = common.told(title="Left out", points=answer.left_out)
    caption = (
        "Rungs from easy to hard: the value, how many seeds solved it of those that tried. The "
        "stronger the colour, the more probably within reach. A rung with – and no colour was not "
        "tried."
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
