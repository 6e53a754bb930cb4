"""Profile: how far does one model get on each problem within a time limit?"""

from __future__ import annotations

from longlag.answers.blocks import Cell, Table, number_cell, table
from longlag.answers.format import INTERVALS, causes, listed
from longlag.report import charts
from longlag.report.blocks import Figure, Panel, Section, section
from longlag.report.sections import curves
from longlag.report.sections import groups as tables
from longlag.report.sections.groups import Group
from longlag.report.study_figures import profile_rows
from longlag.report.study_part import StudyPart, around, question
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.profile import Profile
from longlag.studies.profile_answer import RELIABLE, ProfileAnswer, Reach


def profile(study: Profile, start: str) -> StudyPart:
    """The part about a profile; `start` is the prefix of its ids."""
    answer = study.answer()
    by_problem = {
        reach.problem: [
            Group.of(
                study.problems[reach.problem],
                answer.model,
                level.outcomes,
                answer.about.solve_at,
                knob=reach.knob,
                value=level.value,
            )
            for level in reach.rungs
            if level.outcomes
        ]
        for reach in answer.reaches
    }
    groups = [group for each in by_problem.values() for group in each]
    budget = f"{answer.about.budget:,}"
    longer = f" ({study.budgets[-1]:,} where longer training is tried)" if study.longer else ""
    subject = f"How far does {answer.model} get on {listed(by_problem)}, in the time given?"
    source = (
        "a seed is assumed to solve a level that the model can solve with probability "
        f"{RELIABLE:g}, a harder one with {1 - RELIABLE:.2g}"
    )
    open_questions = table(
        "What was not tried, or is not decided.",
        ("problem", "what", "where"),
        ((gap.problem or "all", gap.gap, gap.where) for gap in answer.left_out),
    )
    series = [
        (reach.problem, around(by_problem[reach.problem], reach.value or 0))
        for reach in answer.reaches
        if by_problem[reach.problem]
    ]
    choice = (
        "Of each problem the easiest level tried, the largest solved and the smallest tried beyond "
        f"it, at up to {budget} sequences."
    )
    return StudyPart(
        title=f"What {answer.model} remembers",
        question=question(subject, study, study.framing, f"{budget}{longer}", "seeds as needed"),
        results=[],
        table=_largest(answer),
        certainty=[
            "Largest solved: the hardest level that a trial solved, and that the model can "
            "probably solve.",
            INTERVALS.format(level=f"{CONFIDENCE:.0%}", source=source),
            *filter(None, [tables.doubt(groups)]),
        ],
        sections=[
            _levels_section(answer, start, groups),
            section(f"{start}-gaps", "Open questions", open_questions),
            curves.curves(start, series, choice),
        ],
        groups=groups,
    )


def _largest(answer: ProfileAnswer) -> Table:
    return table(
        f"The largest value that {answer.model} solves on each problem, with its interval.",
        ("problem", "largest solved", "share of levels", "trials", "trained longer", "reasons"),
        (
            (
                reach.problem,
                Cell(str(reach), kind=_kind(reach)),
                number_cell("" if reach.share is None else f"{reach.share:.0%}"),
                reach.tried,
                "; ".join(
                    f"{text}, {each.solved}/{each.tried} solved"
                    for text, each in zip(reach.longer_texts, reach.longer, strict=True)
                ),
                causes(reach.reasons.elements()),
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


def _levels_section(answer: ProfileAnswer, start: str, groups: list[Group]) -> Section:
    panel = Panel(
        key=f"{start}-levels",
        title=f"{answer.model}: levels solved",
        chart=charts.solved_levels(profile_rows(answer), len(answer.reaches)),
        alt=f"Largest solved: {listed(f'{each.problem} {each}' for each in answer.reaches)}.",
    )
    caption = (
        "Levels from easy to hard: the value, and how many seeds solved it of those that tried. "
        "The stronger the colour, the more probably the model can solve it. A level with – and no "
        "colour was not tried."
    )
    figure = Figure(caption=caption, panels=(panel,), size="wide")
    levels = tables.levels(groups, f"Every level tried, at {answer.about.budget:,} sequences.")
    return section(f"{start}-levels", "Levels solved", figure, levels)
