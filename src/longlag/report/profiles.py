"""What a profile has to say: how far a model gets on each problem."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from longlag.lab.diagnosis import diagnose
from longlag.lab.outcome import chance_probability
from longlag.lab.profile import Profile, ProfileAnswer
from longlag.lab.statistics import CONFIDENCE
from longlag.report import charts, sections
from longlag.report.content import Cell, Figure, Panel, Point, Section, Table
from longlag.report.sections import Group
from longlag.report.told import Told, around, problems_of
from longlag.report.words import counted, listed


def profile(study: Profile, start: str) -> Told:
    """What a profile has to say; `start` begins every name of its in an address."""
    answer, problems = study.answer(), problems_of(study)
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
        for sequences, value in reach.longer:
            more = f"{reach.knob} {value}" if value else f"no {reach.knob} of the ladder"
            chance += f"; trained on up to {sequences:,} sequences it gets to {more}"
        short = f"does not get to {reach.knob} {reach.rungs[0].value}, the easiest"
        got = f"reaches {reach}" if reach.value else short
        if not reach.tried:
            got, trials = "was not tried", "no trial"
        found.append(Point(f"{reach.problem}:", f"{answer.model} {got}, by {trials}{chance}."))
    curves = [
        (reach.problem, around([g for g in groups if g.problem == reach.problem]))
        for reach in answer.reaches
    ]
    return Told(
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
