"""The matrix of the suite as a picture: problems by models."""

from __future__ import annotations

from typing import Any

import altair as alt

from longlag.answers.format import visible
from longlag.report import theme
from longlag.report.figures import finished
from longlag.studies.suite_answer import SuiteAnswer
from longlag.studies.suite_rows import TIMES

_CELL, _LINE = 74, 30  # pixels
_MOST = 1 + len(TIMES)  # the shade of all lengths
_DARK = f"datum.shade > {_MOST * 0.55}"


def matrix(answer: SuiteAnswer) -> alt.TopLevelMixin:
    """A cell for each model on each problem: the longest length solved, or the skill."""
    chart = drawn(answer).properties(width=_CELL * len(answer.models))
    lines = [answer.caption, "* excluded by theory at every length; ! and solved at all tried."]
    return finished(chart, "The suite", lines, max(420, _CELL * len(answer.models)))


def drawn(answer: SuiteAnswer) -> alt.LayerChart:
    """The cells, without a title."""
    rows = matrix_rows(answer)
    data = alt.Chart(alt.InlineData(values=rows))
    base = data.encode(
        x=alt.X(
            "model:N",
            sort=None,
            axis=alt.Axis(title=None, orient="top", labelAngle=-35, grid=False),
        ),
        y=alt.Y("problem:N", sort=None, axis=alt.Axis(title=None, grid=False, labelLimit=160)),
    )
    # The last shade is of all lengths; what is not learned is shaded by its skill, faintly.
    scale = alt.Scale(domain=[0, _MOST], range=[theme.LOW, theme.HIGH], interpolate="rgb")
    dark, light = alt.value(theme.ON_HIGH), alt.value(theme.INK)
    tooltip = [f"{name}:N" for name in ("problem", "model", "verdict", "skill", "rate", "note")]
    return alt.LayerChart(
        layer=[
            base.transform_filter("isValid(datum.shade)")
            .mark_rect(cornerRadius=3, stroke=theme.PAPER, strokeWidth=3)
            .encode(color=alt.Color("shade:Q", scale=scale, legend=None), tooltip=tooltip),
            base.mark_text(fontSize=11, fontWeight=600).encode(
                text="text:N",
                color=alt.condition(f"datum.shade > {_MOST * 0.55}", dark, light),
            ),
        ],
        height=_LINE * len(answer.problems),
    )


def matrix_rows(answer: SuiteAnswer) -> list[dict[str, Any]]:
    """A row for each cell; its shade is the rank of the longest length, below 1 the skill."""
    rank = {times: 1 + index for index, times in enumerate((1, *TIMES))}
    rows = []
    for cell in answer.cells:
        skill = cell.skill(1)
        shade = None
        if skill is not None:
            shade = rank[cell.longest] if cell.longest else 0.8 * min(max(skill.mean, 0.0), 1.0)
        rows.append(
            {
                "problem": visible(cell.problem),
                "model": visible(cell.model),
                "text": cell.in_matrix().text,
                "verdict": cell.verdict,
                "skill": "" if skill is None else str(skill),
                "rate": "" if cell.rate is None else f"{cell.rate:g}",
                "note": visible(cell.notes()),
                "shade": None if shade is None else round(shade, 2),
            }
        )
    return rows
