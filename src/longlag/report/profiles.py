"""The part of a page about a profile: how far a model gets on each problem."""

from __future__ import annotations

from longlag.report import charts
from longlag.report.content import Cell, Figure, Panel, Section, Table
from longlag.report.sections import common, curves, verdicts
from longlag.report.sections.common import Group
from longlag.report.study_part import StudyPart, around
from longlag.report.words import ASKED, INTERVALS, causes, listed
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.belief import RELIABLE
from longlag.studies.profile import Profile
from longlag.studies.profile_answer import ProfileAnswer, Reach
from longlag.studies.study import words as named


def profile(study: Profile, start: str) -> StudyPart:
    """The part about a profile.

    Args:
        study: The profile.
        start: Of every name of its in an address.
    """
    answer = study.answer()
    groups = [
        Group.of(
            study.problems[reach.problem],
            answer.model,
            rung.outcomes,
            answer.solve_at,
            where=f"{reach.knob} {rung.value}",
            order=rung.value,
            knob=reach.knob,
        )
        for reach in answer.reaches
        for rung in reach.rungs
        if rung.outcomes
    ]
    by_problem = [
        (reach.problem, around([g for g in groups if g.problem == reach.problem], reach.value or 0))
        for reach in answer.reaches
    ]
    longer = f" ({study.budgets[-1]:,} where longer training is tried)" if study.longer else ""
    problems = listed(reach.problem for reach in answer.reaches)
    source = (
        f"a seed solves a rung within reach with probability {RELIABLE:g}, one beyond it with "
        f"{1 - RELIABLE:.2g}"
    )
    gaps = Table(
        caption="What was not tried, or is not settled.",
        head=("problem", "gap", "where"),
        rows=tuple(tuple(map(Cell, (gap.problem or "all", *gap[1:]))) for gap in answer.left_out),
    )
    return StudyPart(
        title=f"What {answer.model} remembers",
        question=ASKED.format(
            subject=f"How far {answer.model} gets on {problems}, in the time given.",
            framing=named(study.framing),
            seeds="as many seeds as tell most",
            budget=f"{answer.budget:,}{longer}",
            solve_at=answer.solve_at,
        ),
        found=[],
        table=_reaches(answer),
        sure=[
            "A reach is the highest rung that a trial solved and that is probably within reach.",
            INTERVALS.format(level=f"{CONFIDENCE:.0%}", source=source),
            *common.seen_again(study.problems.values()),
        ],
        sections=[
            _reach_section(answer, start, groups),
            Section(id=f"{start}-gaps", title="Left out", blocks=(gaps,)),
            curves.curves(
                start,
                [(problem, series) for problem, series in by_problem if series],
                "Of each problem the easiest rung that was tried, the reach and the smallest tried "
                f"beyond it, at up to {answer.budget:,} sequences.",
            ),
        ],
        groups=groups,
    )


def _reaches(answer: ProfileAnswer) -> Table:
    return Table(
        caption=f"The reach of {answer.model} on each problem, with its interval.",
        head=("problem", "reach", "of the ladder", "trials", "trained longer", "why not"),
        rows=tuple(
            (
                Cell(reach.problem),
                Cell(str(reach), kind=_kind(reach)),
                Cell("" if reach.share is None else f"{reach.share:.0%}", kind="number"),
                Cell(str(reach.tried), kind="number"),
                Cell(
                    "; ".join(
                        f"{text}, {each.solved}/{each.tried} solved"
                        for text, each in zip(reach.longer_texts, reach.longer, strict=True)
                    )
                ),
                Cell(causes(reach.reasons.elements())),
            )
            for reach in answer.reaches
        ),
    )


def _kind(reach: Reach) -> str:
    if not reach.tried:
        return "open"
    if not reach.value:
        return "bad"
    return "good" if reach.value == reach.rungs[-1].value else "part"


def _reach_section(answer: ProfileAnswer, start: str, groups: list[Group]) -> Section:
    rows = [
        {
            "problem": reach.problem,
            "place": place,
            "value": rung.value,
            "count": f"{rung.solved}/{len(rung.outcomes)}" if rung.outcomes else "–",
            # Untried, it has but what the trials at other rungs and the prior make of it.
            "within": round(rung.within, 3) if rung.outcomes else None,
        }
        for reach in answer.reaches
        for place, rung in enumerate(reach.rungs)
    ]
    panel = Panel(
        key=f"{start}-reach",
        title=f"{answer.model}: problem by rung",
        chart=charts.reach(rows, [reach.problem for reach in answer.reaches]),
        alt=f"Reach of {answer.model}: {listed(f'{r.problem} {r}' for r in answer.reaches)}.",
    )
    caption = (
        "Rungs from easy to hard: the value, how many seeds solved it of those that tried. The "
        "stronger the colour, the more probably within reach. A rung with – and no colour was not "
        "tried."
    )
    figure = Figure(caption=caption, panels=(panel,), size="wide")
    table = verdicts.rungs(groups, f"Every rung that was tried, at {answer.budget:,} sequences.")
    return Section(id=f"{start}-reach", title="Profile", blocks=(figure, table))
