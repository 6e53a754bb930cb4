"""Learning curves of a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from longlag.report import charts
from longlag.report.content import Figure, Panel, Section, width
from longlag.report.palette import Look, look
from longlag.report.sections.common import Group
from longlag.report.words import counted, listed, number, slugs
from longlag.scores.statistics import mean_interval
from longlag.trials.outcome import Outcome

PANELS = 24
"""Panels of one figure at most."""

_POINTS = 30  # of one learning curve

_SINGLE = 5  # seeds drawn one by one, beside their mean

_ENDS = 30  # seeds whose ends are marked

# Learning curves.


def curves(
    start: str,
    figures: Iterable[tuple[str, Sequence[tuple[str, Group]]]],
    choice: str,
    shared: Sequence[Look] = (),
) -> Section:
    """Learning curves, a panel each: its title, and its series by name.

    Args:
        start: Of every name in an address.
        figures: The panels.
        choice: Which settings they show, in words.
        shared: The series of all panels, where these have them in common.
    """
    panels, notes, figures = list[Panel](), dict[str, None](), list(figures)
    names = slugs(title for title, _ in figures)
    for name, (title, series) in zip(names, figures, strict=True):
        looks = shared or [look(place, each) for place, (each, _) in enumerate(series)]
        if made := _curve_panel(f"{start}-curves-{name}", title, series, looks):
            panel, note = made
            notes[note] = None
            panels.append(panel if shared else dataclasses.replace(panel, series=tuple(looks)))
    caption = (
        f"Skill in training, measured on sequences before the update on them. {choice} Thick: "
        "mean over seeds with its 95 % interval (Student's t); a seed that stopped at its "
        "criterion goes on counting with its last skill, and the mean ends where a seed diverged. "
        f"Thin: single seeds, the first {_SINGLE}; a mark: where a seed ended."
    )
    more = (
        f" {counted(len(panels) - PANELS, 'panel')} more left out." if len(panels) > PANELS else ""
    )
    figure = Figure(
        caption="".join([caption, *notes, more]),
        panels=tuple(panels[:PANELS]),
        series=tuple(shared),
        size=width(len(panels)),
    )
    return Section(
        id=f"{start}-curves", title="Learning curves", blocks=(figure,) if panels else ()
    )


def _curve_panel(
    key: str, title: str, series: Sequence[tuple[str, Group]], looks: Sequence[Look]
) -> tuple[Panel, str] | None:
    """A panel, and what to add to the caption."""
    means: list[dict[str, Any]] = []
    seeds: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    ends_at = []
    for name, group in series:
        traces = [_trace(outcome) for outcome in group.outcomes if outcome.curve.updates]
        if not traces:
            continue
        ran = [outcome for outcome in group.outcomes if outcome.curve.updates]
        stopped = [outcome.ended == "stopped" for outcome in ran]
        means += ({"series": name, **row} for row in _mean(traces, stopped, _bounds(ran[0])))
        for seed, (at, skill) in enumerate(traces[:_SINGLE]):
            if len(traces) > 1:
                shared_fields = {"series": name, "seed": seed}
                seeds += (
                    {**shared_fields, "at": int(x), "skill": _short(y)}
                    for x, y in zip(at, skill, strict=True)
                )
        for seed, ((at, skill), outcome) in enumerate(zip(traces[:_ENDS], ran, strict=False)):
            how = {"stopped": "met the criterion", "finished": "budget used up"}
            ends.append(
                {
                    "series": name,
                    "seed": seed,
                    "at": int(at[-1]),
                    "skill": _short(skill[-1]),
                    "how": how.get(outcome.ended, "diverged"),
                }
            )
        last = float(np.mean([skill[-1] for _, skill in traces]))
        ends_at.append(f"{name} ends at a mean skill of {number(last, 2)}")
    if not ends_at:
        return None
    chart = charts.curves(means, seeds, ends, looks)
    panel = Panel(
        key=key, title=title, chart=chart, alt=f"Learning curves, {title}: {listed(ends_at)}."
    )
    return panel, charts.sunken(means, seeds, ends)


def _trace(outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Sequences and skill along a learning curve, neighbours joined until they are few."""
    updates = np.array(outcome.curve.updates, float)
    skill = (np.array(outcome.curve.accuracy) - outcome.chance) / (outcome.ceiling - outcome.chance)
    at = updates * (outcome.sequences / max(outcome.updates, 1))
    joined = -(-len(at) // _POINTS)
    starts = np.arange(0, len(at), joined)
    lasts = np.minimum(starts + joined, len(at)) - 1
    return at[lasts], np.add.reduceat(skill, starts) / (lasts - starts + 1)


def _bounds(outcome: Outcome) -> tuple[float, float]:
    """The lowest and the highest skill there can be."""
    span = outcome.ceiling - outcome.chance
    return -outcome.chance / span, (1 - outcome.chance) / span


def _mean(
    traces: Sequence[tuple[np.ndarray, np.ndarray]],
    stopped: Sequence[bool],
    bounds: tuple[float, float],
) -> list[dict[str, float]]:
    """The mean over seeds and its interval; those that stopped go on with their last skill."""
    lasts = [at[-1] for at, _ in traces]
    end = min((at for at, ends in zip(lasts, stopped, strict=True) if not ends), default=max(lasts))
    longest = max((at for at, _ in traces), key=lambda at: at[-1])
    grid = np.union1d(longest[longest < end], [at for at in lasts if at <= end])
    places = (np.minimum(np.searchsorted(at, grid), len(at) - 1) for at, _ in traces)
    held = np.array([skill[at] for (_, skill), at in zip(traces, places, strict=True)])
    rows = []
    for place, x in enumerate(grid):
        found = held[:, place]
        low, high = mean_interval(found.tolist()) if len(traces) > 1 else (found[0], found[0])
        rows.append(
            {
                "at": int(x),
                "skill": _short(found.mean()),
                "low": _short(max(low, bounds[0])),
                "high": _short(min(high, bounds[1])),
            }
        )
    return rows


def _short(figure: float) -> float:
    return float(f"{figure:.3g}") if np.isfinite(figure) else 0.0
