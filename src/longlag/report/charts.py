"""The charts, in Altair. Each takes plain rows, already rounded; none speaks by colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from longlag.report import palette
from longlag.report.palette import Look

Rows = Sequence[Mapping[str, Any]]

_SKILL = "skill"
_THOUSANDS = "datum.value ? format(datum.value, '~s') : '0'"
_CROSS = "M-.8-.8L.8.8M-.8.8L.8-.8"
_LEVELS = 20  # of a shade; more cannot be told apart and take more room
_LOWEST = -0.15  # end of an axis of skill, where nothing lies lower
_FLOOR = -1.0  # end of an axis of skill, whatever lies lower: close to chance 1 it goes on far


def skill(rows: Rows, looks: Sequence[Look], knob: str) -> alt.LayerChart:
    """Skill at each rung, a series a model; rows: model, rung, skill, low, high, solved."""
    return _intervals(rows, looks, alt.X("rung:O", axis=_flat(knob), sort=None))


def sunken(*rows: Rows) -> str:
    """Caption suffix if values are clipped at −1."""
    return " What lies below −1 is drawn at −1." if _least(*rows) < _FLOOR else ""


def _least(*rows: Rows) -> float:
    found = (row[name] for each in rows for row in each for name in ("skill", "low") if name in row)
    return min(found, default=0.0)


def rates(rows: Rows, looks: Sequence[Look]) -> alt.LayerChart:
    """Skill at each learning rate; rows: model, rate, skill, low, high, solved."""
    return _intervals(rows, looks, alt.X("rate:O", axis=_flat("learning rate"), sort=None))


def _flat(title: str) -> alt.Axis:
    return alt.Axis(title=title, labelAngle=0)


def _intervals(rows: Rows, looks: Sequence[Look], across: alt.X) -> alt.LayerChart:
    beside = alt.XOffset("model:N", sort=[look.name for look in looks])
    base = _chart(rows).encode(x=across, xOffset=beside)
    colour, shape, dash = _distinct("model", looks)
    up = alt.Y("skill:Q", title=_SKILL)
    tooltip = ["model:N", "skill:Q", "low:Q", "high:Q", "solved:N"]
    points = base.mark_point(filled=True, size=70, opacity=1)
    return _layered(
        220,
        _levels(least=_least(rows)),
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y=up, color=colour, strokeDash=dash),
        base.mark_rule(strokeWidth=2).encode(
            y=alt.Y("low:Q", title=_SKILL), y2="high:Q", color=colour
        ),
        points.encode(y=up, color=colour, shape=shape, tooltip=tooltip),
    )


def lengths(rows: Rows, looks: Sequence[Look]) -> alt.LayerChart:
    """Skill against length, a line a model; rows: model, length, skill, low, high, solved."""
    colour, shape, dash = _distinct("model", looks)
    ticks = sorted({row["length"] for row in rows})
    scale = alt.Scale(type="log", domain=[ticks[0] / 1.1, ticks[-1] * 1.1], nice=False)
    axis = alt.Axis(title="length (log)", values=ticks, format=",")
    base = _chart(rows).encode(x=alt.X("length:Q", scale=scale, axis=axis), color=colour)
    up, tooltip = alt.Y("skill:Q", title=_SKILL), ["model:N", "length:Q", "skill:Q", "solved:N"]
    band = base.mark_area(opacity=0.13).encode(y=alt.Y("low:Q", title=_SKILL), y2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=1)
    return _layered(
        260,
        _levels(least=_least(rows)),
        base.mark_line().encode(y=up, strokeDash=dash),
        points.encode(y=up, shape=shape, tooltip=tooltip),
        band,  # last, since the legend takes its shade from the first
    )


def frontier(
    rows: Rows,
    reached: Rows,
    *,
    knob: str,
    median: float,
    interval: tuple[float, float],
    domain: tuple[float, float],
) -> alt.LayerChart:
    """Every value that each seed tried, how far each got, the median over seeds with interval.

    Args:
        rows: seed, value, outcome (`solved` or `not solved`), why.
        reached: seed, value: the frontier of each seed that has one.
        knob: What makes the problem harder.
        median: Over seeds; 0 for none, and likewise in the interval.
        interval: Its interval.
        domain: The smallest and the largest value tried.
    """
    seed = alt.X("seed:O", axis=alt.Axis(title="seed", labelAngle=0), sort=None)
    scale = alt.Scale(type="log", domain=[domain[0] / 1.25, domain[1] * 1.25], nice=False)
    up = alt.Y(
        "value:Q",
        scale=scale,
        axis=alt.Axis(title=f"{knob} (log)", values=_doublings(*domain), format=","),
    )
    layers: list[alt.Chart] = []
    if median:
        least = max(interval[0], domain[0] / 1.25)
        band = [{"low": least, "high": max(interval[1], least)}]
        middle = _chart([{"value": median, "label": f"median {median:g}"}])
        layers += [
            _chart(band)
            .mark_rect(color=palette.HIGH, opacity=0.12)
            .encode(y=alt.Y("low:Q", scale=scale, title=f"{knob} (log)"), y2="high:Q"),
            middle.mark_rule(color=palette.HIGH, strokeWidth=1.5).encode(y=up),
            middle.mark_text(
                align="right", dx=-4, dy=-7, color=palette.HIGH, fontWeight=600
            ).encode(x=alt.value("width"), y=up, text="label:N"),
        ]
    kinds = ["solved", "not solved"]
    colour = alt.Color(
        "outcome:N",
        scale=alt.Scale(domain=kinds, range=[palette.SOLVED, palette.UNSOLVED]),
    )
    shape = alt.Shape("outcome:N", scale=alt.Scale(domain=kinds, range=["circle", _CROSS]))
    tooltip = ["seed:O", "value:Q", "outcome:N", "why:N"]
    layers += [
        _chart(reached)
        .mark_tick(color=palette.INK, thickness=3, orient="horizontal", size=30)
        .encode(x=seed, y=up),
        _chart(rows)
        .transform_filter("datum.outcome == 'solved'")
        .mark_point(filled=True, size=60, opacity=0.9)
        .encode(x=seed, y=up, color=colour, shape=shape, tooltip=tooltip),
        _chart(rows)
        .transform_filter("datum.outcome != 'solved'")
        .mark_point(filled=False, size=90, strokeWidth=2, opacity=0.9)
        .encode(x=seed, y=up, color=colour, shape=shape, tooltip=tooltip),
    ]
    return _layered(280, *layers)


def _doublings(low: float, high: float) -> list[float]:
    """The values that a search meets on its way up, as ticks; every second where too many."""
    ticks = [low * 2.0**power for power in range(int(np.log2(high / low)) + 1)]
    return ticks[:: -(-len(ticks) // 8)]


def reach(rows: Rows, problems: Sequence[str]) -> alt.LayerChart:
    """Problem by rung; rows: problem, place, value, count, within (None where it was not tried)."""
    place = alt.X("place:O", axis=None)
    name = alt.Y(
        "problem:N",
        sort=list(problems),
        axis=alt.Axis(
            title=None,
            labelExpr="split(datum.label, ' ')",
            labelLimit=130,
            labelColor=palette.INK,
            grid=False,
        ),
    )
    base = _chart(rows).encode(x=place, y=name)
    tooltip = ["problem:N", "value:Q", "count:N", "within:Q"]
    shade = alt.Color(
        "within:Q",
        scale=alt.Scale(domain=[0, 1], range=[palette.LOW, palette.HIGH], interpolate="rgb"),
        legend=None,
    )
    ink = alt.condition("datum.within > 0.55", alt.value(palette.ON_HIGH), alt.value(palette.INK))
    return _layered(
        max(90, 46 * len(problems)),
        base.transform_filter("isValid(datum.within)")
        .mark_rect(cornerRadius=3, stroke=palette.PAPER, strokeWidth=3)
        .encode(color=shade, tooltip=tooltip),
        # What was not tried has an outline alone: a shade would be what was taken for granted.
        base.transform_filter("!isValid(datum.within)")
        .mark_rect(cornerRadius=3, filled=False, stroke=palette.MUTED, strokeDash=[2, 4])
        .encode(tooltip=tooltip[:3]),
        base.mark_text(dy=-7, fontSize=12, fontWeight=600).encode(text="value:Q", color=ink),
        base.mark_text(dy=8, fontSize=10).encode(text="count:N", color=ink),
    )


def times(
    rows: Rows, censored: Rows, looks: Sequence[Look], domain: tuple[float, float]
) -> alt.LayerChart:
    """Share of seeds that have solved it by then.

    Args:
        rows: model, at, solved, low, high.
        censored: model, at, solved: where seeds were given up.
        looks: Of the models.
        domain: First and last number of sequences.
    """
    colour, shape, dash = _distinct("model", looks)
    at = alt.X(
        "at:Q",
        scale=alt.Scale(type="log", domain=list(domain), nice=False, clamp=True),
        axis=alt.Axis(title="sequences (log)", format="~s", values=_round_numbers(*domain)),
    )
    up = alt.Y(
        "solved:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(title="share solved", values=[0, 0.5, 1], format=".0%"),
    )
    low = alt.Y("low:Q", title="share solved")
    tooltip = ["model:N", "at:Q", "solved:Q", "low:Q", "high:Q"]
    given_up = _chart(censored).mark_point(filled=True, size=70, opacity=1)
    return _layered(
        220,
        _chart(rows)
        .mark_area(interpolate="step-after", opacity=0.13)
        .encode(x=at, y=low, y2="high:Q", color=colour),
        _chart(rows)
        .mark_line(interpolate="step-after")
        .encode(x=at, y=up, color=colour, strokeDash=dash, tooltip=tooltip),
        given_up.encode(
            x=at, y=up, color=colour, shape=shape, tooltip=["model:N", "at:Q", "given_up:Q"]
        ),
    )


def curves(means: Rows, seeds: Rows, ends: Rows, looks: Sequence[Look]) -> alt.LayerChart:
    """Learning curves.

    Args:
        means: series, at, skill, low, high: over all seeds.
        seeds: series, seed, at, skill: each seed.
        ends: series, seed, at, skill, how: where each ended.
        looks: Of the series.
    """
    colour, shape, dash = _distinct("series", looks)
    at = alt.X("at:Q", axis=alt.Axis(title="sequences", labelExpr=_THOUSANDS, tickCount=4))
    title = "skill in training"
    up, low = alt.Y("skill:Q", title=title), alt.Y("low:Q", title=title)
    thin = _chart(seeds).mark_line(strokeWidth=1, opacity=0.4)
    thick = _chart(means).mark_line(strokeWidth=2.5)
    marks = _chart(ends).mark_point(filled=True, size=50, opacity=1)
    tooltip = ["series:N", "seed:N", "at:Q", "skill:Q", "how:N"]
    points = [{"skill": row["skill"]} for row in (*means, *seeds, *ends)]  # bands may be cut
    return _layered(
        220,
        _levels(title, _least(points)),
        thin.encode(x=at, y=up, color=colour, detail="seed:N", strokeDash=dash),
        _chart(means).mark_area(opacity=0.12).encode(x=at, y=low, y2="high:Q", color=colour),
        thick.encode(x=at, y=up, color=colour, strokeDash=dash),
        marks.encode(x=at, y=up, color=colour, shape=shape, tooltip=tooltip),
    )


def matrix(shades: np.ndarray, *, across: str, down: str, ends: str = "low to high") -> alt.Chart:
    """A matrix of shares from 0 to 1, or of -1 to 1, as shades.

    Args:
        shades: The matrix.
        across: What its columns are.
        down: What its rows are.
        ends: `low to high`, or `negative to positive`.
    """
    count, width = shades.shape
    levels = np.rint(shades * _LEVELS).astype(int).ravel().tolist()
    if ends == "low to high":
        domain, colours = [0, _LEVELS], [palette.NONE, palette.HIGH]
    else:
        domain = [-_LEVELS, 0, _LEVELS]
        colours = [palette.NEGATIVE, palette.MIDDLE, palette.POSITIVE]
    x, y = (
        alt.Axis(
            title=title,
            values=[0, size - 1],
            domain=False,
            ticks=False,
            labelAngle=0,
            labelOverlap=False,
        )
        for title, size in ((across, width), (down, count))
    )
    # Without room at its ends rounding may put the first cell out of range, and its label is lost.
    band = alt.Scale(paddingInner=0.06 if width <= 30 else 0, paddingOuter=0.03)
    made = (
        alt.Chart(alt.InlineData(values=levels))
        .transform_window(row="row_number()")
        .transform_calculate(x=f"(datum.row - 1) % {width}", y=f"floor((datum.row - 1) / {width})")
        .mark_rect()
        .encode(
            x=alt.X("x:O", axis=x, scale=band),
            y=alt.Y("y:O", axis=y, scale=band),
            color=alt.Color(
                "data:Q",
                scale=alt.Scale(domain=domain, range=colours, interpolate="rgb"),
                legend=None,
            ),
        )
    )
    return made.properties(width="container", height=170)


def forecast(rows: Rows, band: Rows, looks: Sequence[Look], title: str) -> alt.LayerChart:
    """Observed series and forecast.

    Args:
        rows: series, row, value.
        band: row, low, high: over seeds.
        looks: Of the series, that of what was said last.
        title: What the values are.
    """
    colour, _, dash = _distinct("series", looks)
    across = alt.X("row:Q", axis=alt.Axis(title="row", format=","), scale=alt.Scale(zero=False))
    scale = alt.Scale(zero=False)
    up = alt.Y("value:Q", title=title, scale=scale)
    return _layered(
        260,
        _chart(band)
        .mark_area(opacity=0.15, color=looks[-1].colour)
        .encode(x=across, y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q"),
        _chart(rows)
        .mark_line(strokeWidth=2)
        .encode(
            x=across,
            y=up,
            color=colour,
            strokeDash=dash,
            tooltip=["series:N", "row:Q", "value:Q"],
        ),
    )


def claims(rows: Rows, order: Sequence[str]) -> alt.LayerChart:
    """Measured figures beside chance; rows: claim, measured, low, high, chance, verdict."""
    name = alt.Y(
        "claim:N",
        sort=list(order),
        axis=alt.Axis(title=None, labelLimit=150, labelColor=palette.INK),
    )
    base = _chart(rows).encode(y=name)
    kinds = ["holds", "in part", "does not hold", "not settled"]
    colours = [palette.SOLVED, palette.PART, palette.UNSOLVED, palette.UNSETTLED]
    shapes = ["circle", "triangle-up", "diamond", "square"]
    colour = alt.Color("verdict:N", scale=alt.Scale(domain=kinds, range=colours))
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=kinds, range=shapes))
    axis = alt.Axis(title="measured", grid=True, format="~g", tickCount=5)
    tooltip = ["claim:N", "measured:Q", "low:Q", "high:Q", "chance:Q", "verdict:N"]
    chance = base.mark_tick(color=palette.INK, thickness=2, size=14)
    point = base.mark_point(filled=True, size=70, opacity=1)
    return _layered(
        26 * len(order),
        chance.encode(x=alt.X("chance:Q", axis=axis)),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("low:Q", axis=axis), x2="high:Q", color=colour
        ),
        point.encode(x=alt.X("measured:Q", axis=axis), color=colour, shape=shape, tooltip=tooltip),
    )


def _levels(title: str = _SKILL, least: float = 0.0) -> alt.Chart:
    """The lines of chance and of the ceiling, and the axis that they stand on."""
    low = _LOWEST if least >= _LOWEST else max(_FLOOR, np.floor(20 * least) / 20)
    label = "datum.value == 0 ? 'chance 0' : datum.value == 1 ? 'ceiling 1' : datum.label"
    values = [value for value in (-1, -0.5, 0, 0.5, 1) if value >= low]
    axis = alt.Axis(title=title, values=values, labelExpr=label)
    # From the lowest skill, or somewhat below chance, to the ceiling with room for intervals.
    scale = alt.Scale(domain=[float(low), 1.08], nice=False, clamp=True)
    up = alt.Y("level:Q", axis=axis, scale=scale)
    rule = _chart([{"level": 0}, {"level": 1}]).mark_rule(strokeDash=[3, 3], opacity=0.8)
    return rule.encode(y=up)


def _round_numbers(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis: 1, 2 and 5 times powers of ten, or fewer, as room allows."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for parts in ((1, 2, 5), (1, 3), (1,)):
        ticks = [float(part * 10.0**power) for power in powers for part in parts]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= 6:
            break
    return ticks


def _distinct(field: str, looks: Sequence[Look]) -> tuple[alt.Color, alt.Shape, alt.StrokeDash]:
    names = [look.name for look in looks]
    dashes = [[int(part) for part in look.dash.split()] for look in looks]
    return (
        alt.Color(f"{field}:N", scale=alt.Scale(domain=names, range=[e.colour for e in looks])),
        alt.Shape(f"{field}:N", scale=alt.Scale(domain=names, range=[e.shape for e in looks])),
        alt.StrokeDash(f"{field}:N", scale=alt.Scale(domain=names, range=dashes)),
    )


def _chart(rows: Rows) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def _layered(height: int, *layers: alt.Chart) -> alt.LayerChart:
    return alt.LayerChart(layer=layers, width="container", height=height)
