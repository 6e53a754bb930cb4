"""The suite: what can each layer do?"""

from __future__ import annotations

from longlag.answers.blocks import table
from longlag.answers.estimate import caveats
from longlag.answers.format import OPEN, counted, listed
from longlag.framings import Whole
from longlag.report import suite_matrix
from longlag.report.blocks import Figure, Panel, Section, section
from longlag.report.sections.groups import Group
from longlag.report.study_part import StudyPart, question
from longlag.studies.suite_answer import SuiteAnswer
from longlag.studies.suite_study import Suite


def suite(study: Suite, start: str) -> StudyPart:
    """The part about a suite; `start` is the prefix of its ids."""
    answer = study.answer()
    groups = [
        Group.of(
            study.problems[cell.problem],
            cell.model,
            cell.outcomes,
            study.solve_at,
            knob="length",
            value=answer.lengths[cell.problem],
            missing=cell.missing,
            failures=cell.failures,
        )
        for cell in answer.cells
        if cell.outcomes
    ]
    subject = (
        f"What do {listed(answer.models)} learn of {counted(len(answer.problems), 'problem')}, and "
        f"up to which length do they go on? All have about {answer.sizes}."
    )
    against = [
        f"{cell.model} solves every length of {cell.problem}, though "
        f"{cell.theory.because} ({cell.theory.source}): one of the two is explained badly."
        for cell in answer.cells
        if cell.theory is not None and cell.against_theory
    ]
    matrix = answer.table()
    estimates = (cell.skill(1) for cell in answer.cells)
    certainty = [
        answer.legend,
        "The learning rate was chosen on the validation stream, by a seed that is not scored.",
        *filter(None, [caveats(each for each in estimates if each is not None)]),
    ]
    if answer.baselines.results:
        certainty.append(f"Beside, in italics: {answer.baselines.terms}")
    if answer.left:
        certainty.append(OPEN.format(what=f"{counted(answer.left, 'trial')} or more are left"))
    return StudyPart(
        title="The suite",
        question=question(subject, study, Whole(), f"{answer.about.budget:,}"),
        results=against,
        table=table("The longest length solved, or the skill.", matrix.head, matrix.rows),
        certainty=certainty,
        sections=[_matrix(answer, start), _cells(answer, start)],
        groups=groups,
    )


def _matrix(answer: SuiteAnswer, start: str) -> Section:
    found = ", ".join(f"{each.model} on {each.problem}: {each.verdict}" for each in answer.cells)
    chart = suite_matrix.drawn(answer)
    panel = Panel(key=f"{start}-matrix", title="", chart=chart, alt=f"Problems by models. {found}.")
    figure = Figure(caption=answer.legend, panels=(panel,), size="wide")
    return section(f"{start}-matrix", "The matrix", figure)


def _cells(answer: SuiteAnswer, start: str) -> Section:
    return section(f"{start}-cells", "Each model on each problem", answer.details())
