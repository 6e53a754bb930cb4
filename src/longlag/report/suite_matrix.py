"""The matrix of the suite as a picture: problems by models."""

from __future__ import annotations

from typing import Any

import altair as alt

from longlag.answers.format import visible
from longlag.report import theme
from longlag.report.figures import finished
from longlag.studies.standing import LENGTHS, Standing
from longlag.studies.suite_answer import SuiteAnswer
from longlag.studies.suite_baselines import SuiteBaselines

_LETTER, _LEAST, _LINE = 6.0, 60, 30  # pixels: of a letter, the narrowest cell, its height
_MOST = len(LENGTHS)  # the shade of all lengths
_DARK = f"datum.shade > {_MOST * 0.55}"
_MARKS = "* excluded by theory at every length; ! and solved at all tried."


def matrix(answer: SuiteAnswer) -> alt.TopLevelMixin:
    """A cell for each model on each problem, beside the baselines that come with longlag."""
    rows, lines = matrix_rows(answer), [answer.caption, _MARKS]
    if others := _others(answer):
        lines.append(f"In italics: {answer.baselines.terms}")
    return _finished(rows, lines, others)


def baselines(answer: SuiteBaselines) -> alt.TopLevelMixin:
    """A cell for each baseline on each problem: the longest length solved, or the skill."""
    return _finished([_row(each.standing) for each in answer.results], [answer.caption, _MARKS])


def _finished(
    rows: list[dict[str, Any]], lines: list[str], others: tuple[str, ...] = ()
) -> alt.TopLevelMixin:
    cell = max(_LEAST, 12 + _LETTER * max(len(row["text"]) for row in rows))
    width = round(cell * len({row["model"] for row in rows}))
    return finished(
        _drawn(rows, others).properties(width=width), "The suite", lines, max(420, width)
    )


def _others(answer: SuiteAnswer) -> tuple[str, ...]:
    """The baselines that the answer has no column of its own for."""
    return tuple(name for name in answer.baselines.models if name not in answer.models)


def drawn(answer: SuiteAnswer) -> alt.LayerChart:
    """The cells, without a title."""
    return _drawn(matrix_rows(answer), _others(answer))


def _drawn(rows: list[dict[str, Any]], others: tuple[str, ...]) -> alt.LayerChart:
    data = alt.Chart(alt.InlineData(values=rows))
    slanted = {"test": f"indexof({list(others)}, datum.value) >= 0", "value": "italic"}
    base = data.encode(
        x=alt.X(
            "model:N",
            sort=None,
            axis=alt.Axis(
                title=None,
                orient="top",
                labelAngle=-35,
                grid=False,
                labelFontStyle={"condition": slanted, "value": "normal"},  # pyright: ignore[reportArgumentType]
            ),
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
            base.transform_filter("datum.shade >= 1")  # what is learned stands out
            .mark_text(fontSize=11, fontWeight=600)
            .encode(text="text:N", color=alt.condition(_DARK, dark, light)),
            base.transform_filter("!(datum.shade >= 1)")
            .mark_text(fontSize=11)
            .encode(text="text:N", color=alt.condition(_DARK, dark, light)),
        ],
        height=_LINE * len({row["problem"] for row in rows}),
    )


def matrix_rows(answer: SuiteAnswer) -> list[dict[str, Any]]:
    """A row for each cell; its shade is the rank of the longest length, below 1 the skill."""
    rows = []
    for cell in answer.cells:
        skill = cell.skill(1)
        shown = {
            "skill": "" if skill is None else str(skill),
            "rate": "" if cell.rate is None else f"{cell.rate:g}",
            "note": visible(cell.notes()),
        }
        if cell.standing is None:
            text = {"text": cell.in_matrix().text, "verdict": cell.verdict, "shade": None}
            rows.append(_names(cell.problem, cell.model) | text | shown)
        else:
            rows.append(_row(cell.standing, **shown))
    others = _others(answer)
    for each in answer.baselines.results:
        if each.standing.model in others:
            note, rate = f"{len(each.seeds)} seeds, effort {each.effort:g}", f"{each.rate:g}"
            rows.append(_row(each.standing, skill=str(each.skills[1]), rate=rate, note=note))
    return rows


def _names(problem: str, model: str) -> dict[str, Any]:
    return {"problem": visible(problem), "model": visible(model)}


def _row(standing: Standing, **shown: str) -> dict[str, Any]:
    text = {"text": standing.in_matrix().text, "verdict": standing.verdict}
    shade = {"shade": standing.shade}
    return _names(standing.problem, standing.model) | text | shade | shown
