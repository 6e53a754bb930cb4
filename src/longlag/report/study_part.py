"""The part of a page that a kind of study makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from longlag.report.content import Section, Table
from longlag.report.sections.common import Group
from longlag.report.words import counted


class StudyPart(NamedTuple):
    """The part of a page that is about one study.

    Attributes:
        title: What it is about.
        question: What was asked.
        found: What was found, in sentences.
        table: What was found, with a verdict a row.
        sure: How sure that is.
        sections: The figures and tables that only its kind has.
        groups: Its settings, with what their seeds came to.
    """

    title: str
    question: str
    found: list[str]
    table: Table
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
