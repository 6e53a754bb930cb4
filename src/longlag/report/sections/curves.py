"""Learning curves: how did skill grow in training, and how did each seed end?"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from longlag.answers.format import counted, listed, number, slugs
from longlag.report import charts
from longlag.report.blocks import Figure, Panel, Section, section
from longlag.report.sections.groups import Group
from longlag.report.theme import Style, styles
from longlag.scores.statistics import mean_interval
from longlag.trials.outcome import Outcome

PANELS = 24
"""Maximum number of panels of one figure."""

_POINTS = 30  # of one learning curve

_SEEDS = 5  # with a line of their own, beside the mean

_ENDS = {"stopped": "met the criterion", "finished": "budget used up", "diverged": "diverged"}

Trace = tuple[np.ndarray, np.ndarray]
"""Numbers of sequences, and the skill after them."""


def curves(
    start: str,
    figures: Iterable[tuple[str, Sequence[tuple[str, Group]]]],
    choice: str,
    shared: Sequence[Style] = (),
) -> Section:
    """Learning curves.

    Args:
        start: The prefix of all ids.
        figures: The panels: title, and series by name.
        choice: A sentence on the choice of settings.
        shared: The styles of all panels, if they have the same series.
    """
    panels, figures = [], list(figures)
    for name, (title, series) in zip(slugs(title for title, _ in figures), figures, strict=True):
        lines = [(each, [o for o in group.outcomes if o.curve.updates]) for each, group in series]
        if lines := [(each, outcomes) for each, outcomes in lines if outcomes]:
            series_styles = shared or styles(each for each, _ in series)
            panel = _panel(f"{start}-curves-{name}", title, lines, series_styles)
            panels.append(
                panel if shared else dataclasses.replace(panel, series=tuple(series_styles))
            )
    omitted = len(panels) - PANELS
    caption = (
        f"Skill in training, on sequences before the update on them. {choice} Thick: mean over "
        "seeds, with its 95 % interval (Student's t) where there are several; a seed that stopped "
        "early counts on with its last skill, and the mean ends where a seed diverged. Thin: the "
        f"first {_SEEDS} seeds; a mark: where one ended. What lies below −1 is "
        "drawn at −1."
    )
    figure = Figure(
        caption=f"{caption} {counted(omitted, 'panel')} more left out." if omitted > 0 else caption,
        panels=tuple(panels[:PANELS]),
        series=tuple(shared),
    )
    return section(f"{start}-curves", "Learning curves", figure)


def _panel(
    key: str,
    title: str,
    series: Sequence[tuple[str, list[Outcome]]],
    series_styles: Sequence[Style],
) -> Panel:
    means, seeds, last = list[dict[str, Any]](), list[dict[str, Any]](), list[str]()
    for name, outcomes in series:
        traces = [_trace(outcome) for outcome in outcomes]
        means += ({"series": name, **row} for row in _mean(traces, outcomes))
        for seed, (at, skill) in enumerate(traces[:_SEEDS]):
            rows: list[dict[str, Any]] = [
                {"series": name, "seed": seed, "at": int(x), "skill": _short(y)}
                for x, y in zip(at, skill, strict=True)
            ]
            rows[-1]["how"] = _ENDS[outcomes[seed].ended]
            seeds += rows
        mean = float(np.mean([skill[-1] for _, skill in traces]))
        last.append(f"{name} ends at a mean skill of {number(mean, 2)}")
    chart = charts.curves(means, seeds, series_styles)
    alt = f"Learning curves, {title}: {listed(last)}."
    return Panel(key=key, title=title, chart=chart, alt=alt)


def _trace(outcome: Outcome) -> Trace:
    """Sequences and skill along a learning curve, averaged to at most `_POINTS` points."""
    updates = np.array(outcome.curve.updates, float)
    skill = (np.array(outcome.curve.accuracy) - outcome.chance) / _span(outcome)
    at = updates * (outcome.sequences / max(outcome.updates, 1))
    width = -(-len(at) // _POINTS)
    starts = np.arange(0, len(at), width)
    lasts = np.minimum(starts + width, len(at)) - 1
    return at[lasts], np.add.reduceat(skill, starts) / (lasts - starts + 1)


def _span(outcome: Outcome) -> float:
    """The best possible score minus chance; infinite where they are equal, for a skill of 0."""
    return outcome.ceiling - outcome.chance or np.inf


def _mean(traces: Sequence[Trace], outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """The mean over seeds and its interval; a stopped seed counts with its last skill."""
    lasts = [(at[-1], outcome.ended) for (at, _), outcome in zip(traces, outcomes, strict=True)]
    longest = max((at for at, _ in traces), key=lambda at: at[-1])
    end = min((at for at, ended in lasts if ended != "stopped"), default=longest[-1])
    grid = np.union1d(longest[longest < end], [at for at, _ in lasts if at <= end])
    indices = [np.minimum(np.searchsorted(at, grid), len(at) - 1) for at, _ in traces]
    skills = np.array([skill[index] for (_, skill), index in zip(traces, indices, strict=True)])
    first = outcomes[0]
    least, most = ((bound - first.chance) / _span(first) for bound in (0, 1))
    rows = []
    for x, values in zip(grid, skills.T, strict=True):
        row = {"at": int(x), "skill": _short(values.mean())}
        if len(traces) > 1:
            low, high = mean_interval(values.tolist(), least, most)
            row |= {"low": _short(low), "high": _short(high)}
        rows.append(row)
    return rows


def _short(figure: float) -> float:
    return float(f"{figure:.3g}")
