"""The part of a page about one study, and functions for several kinds of study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from longlag.answers.blocks import Table
from longlag.answers.estimate import Estimate
from longlag.answers.format import (
    INTERVALS,
    SKILL,
    bounds,
    counted,
    interval,
    listed,
    no_interval,
    number,
)
from longlag.framings import Framing
from longlag.report import charts
from longlag.report.blocks import Panel, Section
from longlag.report.sections.groups import Group
from longlag.report.theme import Style
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.study import Study, words

SKILL_AXIS = f"{SKILL}; what lies below −1 is drawn at −1. Bars are 95 % intervals."
"""How to read `charts.skill`."""


class StudyPart(NamedTuple):
    """The part of a page that is about one study."""

    title: str
    question: str
    results: list[str]  # sentences
    table: Table  # the results, one verdict per row
    certainty: list[str]  # the basis of the results, and open points
    sections: list[Section]  # the figures and tables of its kind
    groups: list[Group]  # its settings, with the outcomes of all seeds


def question(subject: str, study: Study, framing: Framing, budget: str, seeds: str = "") -> str:
    """The question of a study, with framing, seeds and budget."""
    details = study.examples()[0].recipe.details
    terms = [f"Framing {words(framing)}", details, seeds or counted(len(study.seeds), "seed")]
    return (
        f"{subject} {'; '.join(filter(None, terms))}; at "
        f"most {budget} sequences per trial. Solved: skill of {study.solve_at:g} or more."
    )


def around(groups: Sequence[Group], last: float | None) -> list[tuple[str, Group]]:
    """The easiest level, the last one that counts as solved, and the next one beyond it.

    Args:
        groups: The levels, from easy to hard.
        last: The value of the last one that counts as solved; None or another value for none.
    """
    places = [place for place, group in enumerate(groups) if group.value == last]
    solved, beyond = [groups[place] for place in places], groups[places[-1] + 1 :] if places else ()
    chosen = {group.where: group for group in (*groups[:1], *solved, *beyond[:1])}
    # A level may have only some of the seeds.
    return [(f"{at} ({counted(len(each.outcomes), 'seed')})", each) for at, each in chosen.items()]


def order_interval(seeds: int, coverage: float) -> str:
    """The basis of the interval of a median over seeds, or why there is none."""
    if few := no_interval(seeds):
        return f"{few.capitalize()}. Six seeds give {CONFIDENCE:.0%}."
    more = f"; six seeds give {CONFIDENCE:.0%}" if coverage < CONFIDENCE else ""
    return INTERVALS.format(level=f"{coverage:.1%}", source=f"the order of {seeds} seeds{more}")


def skill_row(model: str, at: object, skill: Estimate, solved: str) -> dict[str, Any]:
    """A row of `charts.skill`."""
    low, high = bounds(skill, 3)
    ends = {"low": low, "high": high, "interval": interval(skill)}
    return {"model": model, "at": at, "skill": round(skill.mean, 3), **ends, "solved": solved}


def skill_panel(
    key: str, title: str, rows: Sequence[Mapping[str, Any]], styles: Sequence[Style], axis: str
) -> Panel:
    """The skill of models (`skill_row`) along an axis."""
    figures = (f"{row['model']} at {row['at']} {number(row['skill'], 2)}" for row in rows)
    chart = charts.skill(rows, styles, axis)
    return Panel(key=key, title=title, chart=chart, alt=f"Skill, {title}: {listed(figures)}.")
