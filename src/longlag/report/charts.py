"""The charts, in Altair. Each takes plain rows, already rounded; colour never stands alone."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from longlag.answers.format import visible
from longlag.report import theme
from longlag.report.theme import Style

Rows = Sequence[Mapping[str, Any]]

_THOUSANDS = "datum.value ? format(datum.value, '~s') : '0'"
_LEVELS = 20  # of a shade; more cannot be distinguished and take more space
_LOWEST = -0.15  # lower end of an axis of skill, if no value is lower
_FLOOR = -1.0  # lowest end of an axis of skill: with chance near 1 skill may be far lower
_BOUNDED = "isValid(datum.low)"  # rows with an interval


def skill(rows: Rows, styles: Sequence[Style], title: str) -> alt.LayerChart:
    """Skill, one line per model, with intervals.

    Rows: model, at, skill, low and high (None without an interval), interval, solved.
    """
    colour, shape, dash = _channels("model", styles)
    models = [visible(style.name) for style in styles]
    base = _chart(rows).encode(
        x=alt.X("at:O", axis=_axis(title, labelAngle=0), sort=None),
        xOffset=alt.XOffset("model:N", sort=models),
        color=colour,
    )
    y, low = (alt.Y(f"{field}:Q", title="skill") for field in ("skill", "low"))
    tooltip = ["model:N", "skill:Q", "interval:N", "solved:N"]
    return _layered(
        220,
        _guides("skill", _least(rows)),
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y=y, strokeDash=dash),
        base.transform_filter(_BOUNDED).mark_rule(strokeWidth=2).encode(y=low, y2="high:Q"),
        base.mark_point().encode(y=y, shape=shape, tooltip=tooltip),
    )


def _least(rows: Rows) -> float:
    values = (row.get(name) for row in rows for name in ("skill", "low"))
    return min((value for value in values if value is not None), default=0.0)


def frontier(rows: Rows, styles: Sequence[Style], knob: str) -> alt.LayerChart:
    """Every value of each seed, by outcome, with a bar at the last that it solved.

    Rows: seed, value, outcome, reason, last (whether it is the last solved).
    """
    values = [row["value"] for row in rows]
    least = max(1, min(values))  # a ladder may begin at 0, which has no logarithm
    low, high = min(min(values), least / 1.25), max(least, *values) * 1.25
    ticks = [least * 2**power for power in range(int(np.log2(high / least)) + 1)]
    axis = _axis(f"{knob} (log)", values=ticks[:: -(-len(ticks) // 8)], format=",")
    kind = "log" if low > 0 else "symlog"
    scale = alt.Scale(type=kind, domain=[low, high], nice=False)
    x = alt.X("seed:O", axis=_axis("seed", labelAngle=0), sort=None)
    base = _chart(rows).encode(x=x, y=alt.Y("value:Q", scale=scale, axis=axis))
    colour, shape, _ = _channels("outcome", styles)
    tooltip = ["seed:O", "value:Q", "outcome:N", "reason:N"]
    return _layered(
        280,
        base.transform_filter("datum.last").mark_tick(
            color=theme.INK, thickness=3, orient="horizontal", size=30
        ),
        base.mark_point().encode(color=colour, shape=shape, tooltip=tooltip),
    )


def solved_levels(rows: Rows, problems: int) -> alt.LayerChart:
    """A cell for each level of each problem: its value, and the number of seeds that solved it.

    Rows: problem, index, value, count, probability (None for a level without trials).
    """
    split = "split(datum.label, ' ')"
    axis = _axis(None, labelExpr=split, labelLimit=130, labelColor=theme.INK, grid=False)
    title = "levels, from easy to hard: value, and solved of tried"
    x = alt.X("index:O", axis=_axis(title, labels=False, ticks=False, domain=False))
    base = _chart(rows).encode(x=x, y=alt.Y("problem:N", sort=None, axis=axis))
    tooltip = ["problem:N", "value:Q", "count:N"]
    dark, light = alt.value(theme.ON_HIGH), alt.value(theme.INK)
    ink = alt.condition("datum.probability > 0.55", dark, light)
    shade = _shades("probability:Q", [0, 1], theme.LOW, theme.HIGH)
    with_trials, without_trials = "isValid(datum.probability)", "!isValid(datum.probability)"
    return _layered(
        max(90, 46 * problems),
        base.transform_filter(with_trials)
        .mark_rect(cornerRadius=3, stroke=theme.PAPER, strokeWidth=3)
        .encode(color=shade, tooltip=[*tooltip, "probability:Q"]),
        # A level without trials has only an outline: a shade would show an assumption.
        base.transform_filter(without_trials)
        .mark_rect(cornerRadius=3, filled=False, stroke=theme.MUTED, strokeDash=[2, 4])
        .encode(tooltip=tooltip),
        base.mark_text(dy=-7, fontSize=12, fontWeight=600).encode(text="value:Q", color=ink),
        base.mark_text(dy=8, fontSize=10).encode(text="count:N", color=ink),
    )


def times(rows: Rows, styles: Sequence[Style], domain: tuple[float, float]) -> alt.LayerChart:
    """Share of seeds that solved the problem, against training sequences.

    Rows: model, at, solved, low, high. The domain: first and last number of sequences.
    """
    colour, _, dash = _channels("model", styles)
    scale = alt.Scale(type="log", domain=list(domain), nice=False, clamp=True)
    x = alt.X("at:Q", scale=scale, axis=_axis("sequences (log)", format="~s", tickCount=5))
    axis = _axis("share of seeds", values=[0, 0.5, 1], format=".0%")
    y, low = (
        alt.Y(f"{field}:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
        for field in ("solved", "low")
    )
    base = _chart(rows).encode(x=x, color=colour)
    tooltip = ["model:N", "at:Q", "solved:Q"]
    return _layered(
        220,
        base.mark_area(interpolate="step-after").encode(y=low, y2="high:Q"),
        base.mark_line(interpolate="step-after").encode(y=y, strokeDash=dash, tooltip=tooltip),
    )


def curves(means: Rows, seeds: Rows, styles: Sequence[Style]) -> alt.LayerChart:
    """Learning curves.

    Rows: series, at, skill; for means low and high where there is an interval; for single seeds
    the seed, and `how` at its end.
    """
    title = "skill in training"
    colour, shape, dash = _channels("series", styles)
    x = alt.X("at:Q", axis=_axis("sequences", labelExpr=_THOUSANDS, tickCount=4))
    y, low = (alt.Y(f"{field}:Q", title=title) for field in ("skill", "low"))
    tooltip = ["series:N", "seed:N", "at:Q", "skill:Q", "how:N"]
    points = [{"skill": row["skill"]} for row in (*means, *seeds)]  # bands may be clipped
    mean, single = (_chart(rows).encode(x=x, color=colour) for rows in (means, seeds))
    return _layered(
        220,
        _guides(title, _least(points)),
        single.mark_line(strokeWidth=1, opacity=0.4).encode(y=y, detail="seed:N", strokeDash=dash),
        mean.transform_filter(_BOUNDED).mark_area().encode(y=low, y2="high:Q"),
        mean.mark_line(strokeWidth=2.5).encode(y=y, strokeDash=dash),
        single.transform_filter("isValid(datum.how)")
        .mark_point(size=50)
        .encode(y=y, shape=shape, tooltip=tooltip),
    )


def matrix(
    shades: np.ndarray,
    *,
    across: str,
    down: str,
    signed: bool = False,
    values: Sequence[str] = (),
) -> alt.Chart:
    """A matrix of numbers from 0 to 1, or from −1 to 1 if `signed`, as shades.

    `across` is the title of its columns, `down` that of its rows. `values` label the columns, as
    many as there is room for.
    """
    count, width = shades.shape
    levels = np.rint(np.nan_to_num(shades) * _LEVELS).astype(int).ravel().tolist()
    plain = {"domain": False, "ticks": False, "labelAngle": 0, "labelOverlap": False}
    x, y = (
        _axis(title, values=[0, size - 1], **plain)
        for title, size in ((across, width), (down, count))
    )
    if values:
        label = f"{json.dumps([visible(each) for each in values])}[datum.value]"
        upright = max(map(len, values)) * width > 30  # of a small panel
        more = {"labelAngle": -90 if upright else 0, "labelOverlap": True}
        more |= {"labelLimit": 60, "labelFontSize": 9}
        x = _axis(across, labelExpr=label, values=list(range(width)), **plain | more)
    # Without outer padding rounding may put the first cell out of range, without its label.
    band = alt.Scale(paddingInner=0.06 if width <= 30 else 0, paddingOuter=0.03)
    domain, colours = [0, _LEVELS], (theme.NONE, theme.HIGH)
    if signed:
        domain, colours = [-_LEVELS, 0, _LEVELS], (theme.NEGATIVE, theme.MIDDLE, theme.POSITIVE)
    return (
        alt.Chart(alt.InlineData(values=levels))
        .transform_window(row="row_number()")
        .transform_calculate(x=f"(datum.row - 1) % {width}", y=f"floor((datum.row - 1) / {width})")
        .mark_rect()
        .encode(
            x=alt.X("x:O", axis=x, scale=band),
            y=alt.Y("y:O", axis=y, scale=band),
            color=_shades("data:Q", domain, *colours),
        )
        .properties(width="container", height=170)
    )


MAPPED = {
    "needed": theme.style(0, "").colour,
    "there, not needed": theme.style(5, "").colour,
    "needed, but missing": theme.style(1, "").colour,
    "not scored": theme.GRID,
}
"""The kinds of cells of a map, with their colours."""

_SIDE = 320  # of a map in pixels, about
_LARGE = 24  # pixels of a cell at most
SMALL = 60
"""Steps up to which the cells of a map stand apart."""


def step_map(rows: Rows, steps: int, title: str, kinds: Sequence[str]) -> alt.LayerChart:
    """A map over (target step, input step), in square cells.

    Rows: target, begin and end (input steps, the second not among them), cell: one of `kinds`,
    which are some of `MAPPED`.
    """
    side = steps * min(_LARGE, max(1, round(_SIDE / steps))) if steps <= 2 * _SIDE else 2 * _SIDE
    every = next(each for each in (1, 2, 5, 10, 20, 50, 100, 200, 500, steps) if 8 * each >= steps)
    # Numbers stand at the middle of a cell, whose edges are whole numbers.
    ticks = {"values": [0.5 + step for step in range(0, steps, every)], "ticks": True}
    ticks |= {"labelExpr": "format(datum.value - 0.5, 'd')", "grid": False}
    scale = alt.Scale(domain=[0, steps], nice=False, zero=False)
    down = alt.Scale(domain=[0, steps], nice=False, zero=False, reverse=True)
    x = alt.X("begin:Q", scale=scale, axis=_axis("input step", **ticks))
    y = alt.Y("target:Q", scale=down, axis=_axis("target step", **ticks))
    colours = alt.Scale(domain=list(kinds), range=[MAPPED[kind] for kind in kinds])
    gap = {"stroke": theme.PAPER, "strokeWidth": 1} if steps <= SMALL else {}
    whole = [{"target": 0, "below": steps, "begin": 0, "end": steps}]
    words = "'target step ' + datum.target + ', input step ' + datum.begin + (datum.end > "
    words += "datum.begin + 1 ? ' to ' + (datum.end - 1) : '') + ': ' + datum.cell"
    return alt.LayerChart(
        layer=[
            _chart(whole)
            .mark_rect(fill=theme.NONE, stroke=theme.GRID, aria=False)
            .encode(x=x, x2="end:Q", y=y, y2="below:Q"),
            _chart(rows)
            .transform_calculate(below="datum.target + 1", words=words)
            .mark_rect(**gap)
            .encode(
                x=x,
                x2="end:Q",
                y=y,
                y2="below:Q",
                color=alt.Color("cell:N", scale=colours),
                description="words:N",
            ),
        ],
        width=side,
        height=side,
        title=title,
    )


def training(
    rows: Rows,
    styles: Sequence[Style],
    field: str,
    title: str,
    *,
    levels: Mapping[str, float] | None = None,
    along: str = "sequences",
) -> alt.LayerChart:
    """A figure of every seed along its sequences or steps, with `levels` as lines across.

    Rows: series, seed, at, the field, and of the last point of a seed that diverged `how`.
    """
    colour, _, dash = _channels("series", styles)
    x = alt.X("at:Q", axis=_axis(along, labelExpr=_THOUSANDS, tickCount=6))
    known = [row[field] for row in rows]
    low, high = min(known, default=1), max(known, default=1)
    scale, axis = alt.Scale(zero=True), _axis(title)
    if levels is not None:
        scale = alt.Scale(domain=[0, 1], nice=False)
    elif 0 < low < high / 10:
        scale = alt.Scale(type="log", domain=[low, high], nice=False)
        tens = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        marks = [mark * 10.0**ten for ten in tens for mark in ((1, 3) if len(tens) < 5 else (1,))]
        marks = [mark for mark in marks if low <= mark <= high]
        short = "format(datum.value, datum.value < 1e5 ? '~g' : '.0e')"
        axis = _axis(f"{title} (log)", values=marks[:: -(-len(marks) // 8)], labelExpr=short)
    y = alt.Y(f"{field}:Q", scale=scale, axis=axis)
    base, layers = _chart(rows).encode(x=x, y=y), list[alt.Chart]()
    if levels:
        named = [{field: level, "name": name} for name, level in levels.items()]
        labels = sorted(({**row, field: row[field]} for row in named), key=lambda row: row[field])
        for one, other in itertools.pairwise(labels):  # so far apart that both can be read
            other[field] = max(other[field], one[field] + 0.08)
        text = _chart(labels).mark_text(align="left", dx=6, color=theme.MUTED)
        layers += [
            _chart(named).mark_rule(strokeDash=[3, 3]).encode(y=y),
            text.encode(x=alt.value("width"), y=y, text="name:N"),
        ]
    points = {"size": 20} if along != "sequences" else False
    line = base.mark_line(strokeWidth=1.8, opacity=0.9, point=points)
    count = Counter((row["series"], row["seed"]) for row in rows)
    alone = [row for row in rows if count[row["series"], row["seed"]] == 1]  # which is no line
    if alone and not points:
        layers.append(_chart(alone).mark_circle(size=30).encode(x=x, y=y, color=colour))
    return alt.LayerChart(
        layer=[
            *layers,
            line.encode(color=colour, strokeDash=dash, detail="seed:N"),
            base.transform_filter("isValid(datum.how)")
            .mark_point(size=90, shape=theme.TIMES)
            .encode(color=colour),
        ],
        width=520,
        height=200,
    )


def forecast(rows: Rows, styles: Sequence[Style], title: str) -> alt.LayerChart:
    """Observed series and forecast.

    Rows: series, row, value, and for the forecast low and high over seeds.
    """
    colour, _, dash = _channels("series", styles)
    scale = alt.Scale(zero=False)
    x = alt.X("row:Q", axis=_axis("row", format=","), scale=scale)
    y, low = (alt.Y(field, axis=_axis(title), scale=scale) for field in ("value:Q", "low:Q"))
    base = _chart(rows).encode(x=x, color=colour)
    tooltip = ["series:N", "row:Q", "value:Q"]
    return _layered(
        260,
        base.transform_filter(_BOUNDED).mark_area().encode(y=low, y2="high:Q"),
        base.mark_line().encode(y=y, strokeDash=dash, tooltip=tooltip),
    )


def claims(rows: Rows, styles: Sequence[Style]) -> alt.LayerChart:
    """Measured figures beside chance.

    Rows: claim, measured, low and high (None without an interval), interval, chance, verdict.
    """
    colour, shape, _ = _channels("verdict", styles)
    axis = _axis(None, labelLimit=150, labelColor=theme.INK)
    base = _chart(rows).encode(y=alt.Y("claim:N", sort=None, axis=axis))
    across = _axis("measured", grid=True, format="~g", tickCount=5)
    x, chance, low = (alt.X(f"{field}:Q", axis=across) for field in ("measured", "chance", "low"))
    tooltip = ["claim:N", "measured:Q", "interval:N", "chance:Q", "verdict:N"]
    rule = base.transform_filter(_BOUNDED).mark_rule(strokeWidth=2)
    return _layered(
        26 * len(rows),
        base.mark_tick(color=theme.INK, thickness=2, size=14).encode(x=chance),
        rule.encode(x=low, x2="high:Q", color=colour),
        base.mark_point().encode(x=x, color=colour, shape=shape, tooltip=tooltip),
    )


def _guides(title: str, least: float) -> alt.Chart:
    """The lines of chance and of the best possible score, and the axis that they stand on."""
    low = _LOWEST if least >= _LOWEST else max(_FLOOR, np.floor(20 * least) / 20)
    label = "datum.value == 0 ? 'chance 0' : datum.value == 1 ? 'best 1' : datum.label"
    values = [value for value in (-1, -0.5, 0, 0.5, 1) if value >= low]
    # From the lowest skill, or somewhat below chance, to the best with room for intervals.
    scale = alt.Scale(domain=[float(low), 1.08], nice=False, clamp=True)
    y = alt.Y("level:Q", axis=_axis(title, values=values, labelExpr=label), scale=scale)
    rule = _chart([{"level": 0}, {"level": 1}]).mark_rule(strokeDash=[3, 3], opacity=0.8)
    return rule.encode(y=y)


def _channels(field: str, styles: Sequence[Style]) -> tuple[alt.Color, alt.Shape, alt.StrokeDash]:
    """Colour, shape and dash of the series of a field."""
    names = [visible(style.name) for style in styles]
    dashes = [[int(part) for part in style.dash.split()] for style in styles]
    colours, shapes, strokes = (
        alt.Scale(domain=names, range=values)
        for values in ([e.colour for e in styles], [e.shape for e in styles], dashes)
    )
    return (
        alt.Color(f"{field}:N", scale=colours, legend=alt.Legend(symbolOpacity=1)),
        alt.Shape(f"{field}:N", scale=shapes),
        alt.StrokeDash(f"{field}:N", scale=strokes),
    )


def _shades(field: str, domain: list[int], *colours: str) -> alt.Color:
    scale = alt.Scale(domain=domain, range=list(colours), interpolate="rgb")
    return alt.Color(field, scale=scale, legend=None)


def _axis(title: str | None, **more: Any) -> alt.Axis:
    return alt.Axis(title=None if title is None else visible(title), **more)


def _chart(rows: Rows) -> alt.Chart:
    values = [
        {name: visible(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    ]
    return alt.Chart(alt.InlineData(values=values))


def _layered(height: int, *layers: alt.Chart) -> alt.LayerChart:
    return alt.LayerChart(layer=layers, width="container", height=height)
