"""The figures of the answers of studies, for notebooks and files; the page has its own legends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from longlag.report import charts
from longlag.report.figures import finished
from longlag.report.study_part import SKILL_AXIS, skill_row
from longlag.report.theme import TIMES, style, styles
from longlag.studies.comparison_answer import ComparisonAnswer
from longlag.studies.comparison_cell import Cell
from longlag.studies.frontier_answer import FrontierAnswer
from longlag.studies.generalisation_answer import GeneralisationAnswer
from longlag.studies.profile_answer import ProfileAnswer

OUTCOMES = style(0, "solved", line=False), style(1, "not solved", TIMES, line=False)
"""The styles of `frontier_rows`."""

_WIDTH = 560  # pixels


def values_by_seed(answer: FrontierAnswer) -> alt.TopLevelMixin:
    """Every value that each seed tried, solved or not."""
    chart = charts.frontier(frontier_rows(answer), OUTCOMES, answer.knob).properties(width=_WIDTH)
    bar = f"bar: the {answer.extreme} value that this seed solved."
    line = f"Dot: solved; cross: not solved; {bar}"
    return finished(chart, f"{answer.model}: {answer.words}", [line, answer.caption], _WIDTH)


def frontier_rows(answer: FrontierAnswer) -> list[dict[str, Any]]:
    """The rows of `charts.frontier`."""
    ends = dict(zip(answer.about.seeds, answer.per_seed, strict=True))
    return [
        {
            "seed": step.seed,
            "value": step.value,
            "outcome": "solved" if step.solved else "not solved",
            "reason": step.reasons[0].reason if step.reasons else "",
            "last": step.value == ends[step.seed],
        }
        for step in answer.steps
    ]


def skill_by_level(answer: ComparisonAnswer) -> alt.TopLevelMixin:
    """The skill of each model at each level of each problem."""
    title = "Skill by difficulty level"
    return _by_problem(answer, title, answer.cells, lambda cell: cell.rung, lambda cell: cell.knob)


def skill_by_rate(answer: ComparisonAnswer) -> alt.TopLevelMixin:
    """The skill of each model at the first level, by learning rate."""
    title, axis = "Skill at the first level", "learning rate"
    return _by_problem(answer, title, answer.ladder, lambda cell: f"{cell.rate:g}", lambda _: axis)


def _by_problem(
    answer: ComparisonAnswer, title: str, cells: Sequence[Cell], at: Any, axis: Any
) -> alt.TopLevelMixin:
    panels = []
    for problem in answer.problems:
        here = [cell for cell in cells if cell.problem == problem and cell.skill]
        rows = [
            skill_row(cell.model, at(cell), cell.skill, f"{cell.time.solved}/{cell.time.count}")
            for cell in here
            if cell.skill and cell.time
        ]
        if rows:
            chart = charts.skill(rows, styles(answer.models), axis(here[0]))
            panels.append(chart.properties(width=_WIDTH // 2, title=problem))
    pairs = [panels[first : first + 2] for first in range(0, len(panels), 2)]
    lines = [alt.HConcatChart(hconcat=pair) for pair in pairs]
    chart = alt.VConcatChart(vconcat=lines, spacing=18)
    return finished(chart, title, [answer.caption, SKILL_AXIS], round(1.5 * _WIDTH))


def skill_by_length(answer: GeneralisationAnswer) -> alt.TopLevelMixin:
    """The skill of each model at each length."""
    rows = [
        skill_row(model.model, score.length, score.skill, f"{score.solved}/{score.seeds}")
        for model in answer.models
        for score in model.scores
    ]
    chart = charts.skill(rows, styles(each.model for each in answer.models), "length")
    title = f"{answer.problem}, trained at length {answer.train}"
    return finished(chart.properties(width=_WIDTH), title, [answer.caption, SKILL_AXIS], _WIDTH)


def reach_by_problem(answer: ProfileAnswer) -> alt.TopLevelMixin:
    """The levels of each problem: how many seeds solved them, and how probably the model can."""
    chart = charts.solved_levels(profile_rows(answer), len(answer.reaches))
    title = f"{answer.model}: levels solved"
    return finished(chart.properties(width=_WIDTH), title, [answer.caption], _WIDTH)


def profile_rows(answer: ProfileAnswer) -> list[dict[str, Any]]:
    """The rows of `charts.solved_levels`."""
    return [
        {
            "problem": f"{reach.problem} ({reach.knob})",  # on two lines
            "index": index,
            "value": level.value,
            "count": f"{level.solved}/{len(level.trials)}" if level.trials else "–",
            # Without trials the probability would come from the prior and other levels only.
            "probability": round(level.within, 3) if level.trials else None,
        }
        for reach in answer.reaches
        for index, level in enumerate(reach.rungs)
    ]
