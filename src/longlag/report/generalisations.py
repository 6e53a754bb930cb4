"""Generalisation: up to which length does a model trained at one length still solve the problem?"""

from __future__ import annotations

import re

from longlag.answers.blocks import Cell, Table, number_cell, table
from longlag.answers.estimate import caveats
from longlag.answers.format import OPEN, counted, listed, no_interval, number, span
from longlag.report.blocks import Figure, Section, section
from longlag.report.sections import curves
from longlag.report.sections.groups import VERDICTS, Group
from longlag.report.study_part import (
    SKILL_AXIS,
    StudyPart,
    order_interval,
    question,
    skill_panel,
    skill_row,
)
from longlag.report.theme import styles
from longlag.studies.generalisation import Generalisation
from longlag.studies.generalisation_answer import GeneralisationAnswer, LengthScore, ModelAnswer
from longlag.studies.study import words


def generalisation(study: Generalisation, start: str) -> StudyPart:
    """The part about a study of lengths; `start` is the prefix of its ids."""
    answer, problem = study.answer(), words(study.problem)
    groups = [
        Group.of(
            study.problem,
            model.model,
            model.outcomes,
            study.solve_at,
            knob="length",
            value=answer.train,
            missing=model.missing,
            failures=model.failures,
            test=_example_test(model),
        )
        for model in answer.models
        if model.outcomes
    ]
    models = listed(model.model for model in answer.models)
    subject = (
        f"Trained on {problem} at length {answer.train}, what is the skill of {models} at lengths "
        f"{listed(answer.test)}? Learning rate {study.recipe.learning_rate:g}."
    )
    series = [(group.model, group) for group in groups]
    choice = f"On sequences of length {answer.train}, the only ones trained on."
    return StudyPart(
        title=f"{problem} at other lengths",
        question=question(subject, study, study.framing, f"{study.recipe.sequences:,}"),
        results=[model.refusal for model in answer.models if model.outcomes and model.refusal],
        table=_longest(answer),
        certainty=_certainty(answer),
        sections=[
            _skill_section(answer, start, problem),
            curves.curves(start, [(problem, series)], choice),
        ],
        groups=groups,
    )


def _longest(answer: GeneralisationAnswer) -> Table:
    """The longest length solved, per model."""
    rows = []
    for model in answer.models:
        median, kind, ends = str(model) if model.failures else "not trained yet", "open", ""
        if model.per_seed:
            median, kind = re.split(r" [\[(]", str(model))[0], "good" if model.median else "bad"
            ends = no_interval(len(model.per_seed)) or span([int(end) for end in model.interval])
        seeds = ", ".join(str(length or "none") for length in model.per_seed)
        rows.append((model.model, Cell(median, kind=kind), ends, seeds))
    return table(
        f"Longest length solved, after training at {answer.train}.",
        ("model", "median over seeds", "interval", "each seed"),
        rows,
    )


def _certainty(answer: GeneralisationAnswer) -> list[str]:
    lines = [
        "A seed solves a length only if it solves every length from the training length up to it. "
        "Every length is scored on new random sequences of its own; none of them chose anything."
    ]
    scores = (score for model in answer.models for score in model.scores)
    lines += filter(None, [caveats(score.skill for score in scores)])
    for seeds, coverage in {(len(m.per_seed), m.coverage) for m in answer.models if m.per_seed}:
        lines.append(f"Longest length: {order_interval(seeds, coverage)}")
    if answer.lower_bound:
        lines.append(answer.lower_bound.advice(flags=True))
    if not answer.complete:
        missing = sum(model.missing for model in answer.models)
        lines.append(OPEN.format(what=f"{counted(missing, 'trial')} not run yet, or failed"))
    return lines


def _example_test(model: ModelAnswer) -> str | None:
    """The test at the longest length that has examples."""
    tests = [f"length {score.length}" for score in model.scores]
    tests = [name for name in tests if any(o.score(name).examples for o in model.outcomes)]
    return tests[-1] if tests else None


def _verdict(score: LengthScore) -> Cell:
    text = f"{score.standing} chance"
    if score.solved:
        text = "solved" if score.solved == score.seeds else "solved by some"
    return Cell(text, kind=VERDICTS[text])


def _skill_section(answer: GeneralisationAnswer, start: str, problem: str) -> Section:
    scores = [(model.model, score) for model in answer.models for score in model.scores]
    rows = [
        skill_row(model, each.length, each.skill, f"{each.solved}/{each.seeds}")
        for model, each in scores
    ]
    series_styles = styles(model.model for model in answer.models)
    panel = skill_panel(f"{start}-lengths", problem, rows, series_styles, "length")
    caption = (
        f"Skill on new random sequences of each length, after training at length {answer.train} "
        f"only: mean over seeds. {SKILL_AXIS}"
    )
    skills = table(
        "Skill at each length, beside the accuracies of chance and the best possible.",
        ("model", "length", "verdict", "skill", "solved", "chance", "best possible"),
        (
            (
                model,
                number_cell(f"{each.length:,}", "as trained" * (each.length == answer.train)),
                _verdict(each),
                each.skill,
                number_cell(f"{each.solved}/{each.seeds}"),
                number_cell(number(each.chance)),
                number_cell(number(each.reachable)),
            )
            for model, each in scores
        ),
    )
    panels = (panel,) if rows else ()
    figure = Figure(caption=caption, panels=panels, series=series_styles, size="wide")
    return section(f"{start}-lengths", "Skill by length", figure, skills)
