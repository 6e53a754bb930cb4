"""What a kind of study has to say, and what the kinds share in saying it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from longlag.problems import Problem
from longlag.report.content import Point, Section
from longlag.report.sections.common import Group
from longlag.report.words import counted
from longlag.studies.study import Study
from longlag.studies.study import words as named
from longlag.trials import documents


class Told(NamedTuple):
    """What is said of one study.

    Attributes:
        title: What it is about.
        question: What was asked.
        found: What was found.
        sure: How sure that is.
        sections: The figures and tables that only its kind has.
        groups: Its settings, with what their seeds came to.
    """

    title: str
    question: str
    found: list[str | Point]
    sure: list[str]
    sections: list[Section]
    groups: list[Group]


def around(groups: Sequence[Group], last: float) -> list[tuple[str, Group]]:
    """The easiest rung, the last one that counts as solved, the smallest beyond it.

    How many seeds tried each stands beside it: rungs may rest on few of them.
    """
    solved = [group for group in groups if group.order == last]
    beyond = [group for group in groups if group.order > last]
    chosen = {group.where: group for group in (*groups[:1], *solved, *beyond[:1])}
    return [(f"{at} ({counted(len(e.outcomes), 'seed')})", e) for at, e in chosen.items()]


def problems_of(study: Study) -> dict[str, Problem]:
    """The problems of a study, by name."""
    question = study.question()
    written = question.get("settings") or [question["setting"]]
    made = (documents.setting(each).problem for each in written)
    return {named(problem): problem for problem in made}
