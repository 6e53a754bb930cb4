"""Pictures of one thing: the maps of an audit, the curves of a run, the gates of a model.

>>> import longlag as ll
>>> from longlag import report
>>> figure = report.figure_of_audit(ll.audit(ll.EchoLag(length=5), ll.Whole()))
>>> [panel.title for panel in figure.hconcat]
['needs', 'sees', 'learns']
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from longlag.answers.format import counted, visible
from longlag.answers.pictures import save_figure as save_figure
from longlag.audit_answer import Audit
from longlag.report import charts, theme
from longlag.visible import Map

if TYPE_CHECKING:  # which an audit does not wait for
    from longlag.problems import Episodes, Spec
    from longlag.scores.scored import Scored
    from longlag.trials.checkpoint import Trained
    from longlag.trials.run import Run

_SEEDS = 8  # with a colour each
_CHARACTERS = 7  # pixels of one in a title


def figure_of_audit(audit: Audit, title: str = "") -> alt.HConcatChart:
    """The maps of an audit side by side: needs, sees, learns; the verdict stands above them.

    What is needed and missing in `sees` or `learns` has a colour of its own there.

    Args:
        audit: What `longlag.audit` found.
        title: A line above the verdict; by default what was audited.

    Returns:
        An Altair chart, which a notebook shows; `longlag.report.save_figure` writes it.
    """
    needed, scored = audit.needs, audit.scored
    rows = {
        name: _rows(
            {
                "needed": map & needed,
                "there, not needed": map & ~needed,
                "needed, but missing": needed & ~map & scored[:, None],
                "not scored": ~(map | needed) & ~scored[:, None],
            }
        )
        for name, map in {"needs": needed, "sees": audit.sees, "learns": audit.learns}.items()
    }
    met = {row["cell"] for each in rows.values() for row in each}
    kinds = [kind for kind in charts.MAPPED if kind in met]
    panels = [charts.step_map(each, len(scored), name, kinds) for name, each in rows.items()]
    bound = " at most" if audit.bound else ""
    lines = [
        f"{audit.verdict}: {audit.meaning}.",
        f"Scored outputs: {scored.sum()}. Best possible score: {audit.ceiling:.3g}{bound}.",
    ]
    lines += [*filter(None, (audit.nothing_to_learn, audit.remedy))]
    chart = alt.HConcatChart(hconcat=panels, spacing=28)
    return finished(chart, title or audit.subject, lines, 3 * (panels[0].width + 70))


def _rows(kinds: Mapping[str, Map]) -> list[dict[str, Any]]:
    """The cells of each kind, one by one; of many steps those in a row as one."""
    rows = list[dict[str, Any]]()
    for kind, map in kinds.items():
        edges = np.diff(np.pad(map.astype(np.int8), ((0, 0), (1, 1))), axis=1)
        (targets, begins), (_, ends) = (np.nonzero(edges == sign) for sign in (1, -1))
        if len(map) <= charts.SMALL:
            targets, begins = np.nonzero(map)
            ends = begins + 1
        cells = zip(targets.tolist(), begins.tolist(), ends.tolist(), strict=True)
        rows += ({"target": t, "begin": b, "end": e, "cell": kind} for t, b, e in cells)
    return rows


def figure_of_run(run: Run, title: str = "") -> alt.VConcatChart:
    """The learning curve of every seed: accuracy with chance and the best score, and loss.

    Args:
        run: The run.
        title: A line above the verdict; by default problem, framing and model.

    Returns:
        An Altair chart, which a notebook shows; `longlag.report.save_figure` writes it.
    """
    from longlag.trials.outcome import learning_curve, scored_updates

    setting, rows = run.setting, list[dict[str, Any]]()
    sequences = setting.layout.sequences / len(setting.layout.steps)
    few = len(run.seeds) <= _SEEDS
    for seed, history in zip(run.seeds, run.history, strict=True):
        curve = learning_curve([each.by_update for each in history], scored_updates(setting.layout))
        points = [
            {"at": round(updates * sequences), "loss": loss, "accuracy": accuracy}
            for updates, loss, accuracy in zip(*curve, strict=True)
            if np.isfinite(loss)
        ]
        diverged = bool(history) and history[-1].outcome == "diverged"
        if points and diverged:
            points[-1]["how"] = "diverged"
        name = f"seed {seed}{', diverged' if diverged else ''}" if few else "one seed each"
        rows += ({"series": name, "seed": seed, **point} for point in points)
    names = dict.fromkeys(row["series"] for row in rows)
    styles = [theme.style(place, name) for place, name in enumerate(names)]
    name, levels = _axis(run)
    panels = [
        charts.training(rows, styles, "accuracy", name, levels=levels),
        charts.training(rows, styles, "loss", "loss"),
    ]
    title = title or f"{setting.model!r} on {setting.problem!r}, {setting.framing!r}"
    lines = [
        f"{run.verdict}: {run.reason}.",
        f"{counted(len(run.seeds), 'seed')}. Curves are of sequences before the update on them.",
    ]
    return finished(alt.VConcatChart(vconcat=panels, spacing=18), title, lines, 660)


def figure_of_steps(scored: Scored, title: str = "") -> alt.LayerChart:
    """The accuracy at each step of a sequence, of every seed, with chance and the best score.

    Args:
        scored: A run or a score.
        title: A line above the verdict; by default what was scored.

    Returns:
        An Altair chart, which a notebook shows; `longlag.report.save_figure` writes it.
    """
    few = len(scored.seeds) <= _SEEDS
    rows = [
        {
            "series": f"seed {seed}" if few else "one seed each",
            "seed": seed,
            "at": step,
            "share": at,
        }
        for seed, each in zip(scored.seeds, scored.evaluations, strict=True)
        for step, at in enumerate(each.by_step.tolist())
        if np.isfinite(at)
    ]
    names = dict.fromkeys(row["series"] for row in rows)
    styles = [theme.style(place, name) for place, name in enumerate(names)]
    name, levels = _axis(scored)
    chart = charts.training(rows, styles, "share", name, levels=levels, along="step")
    lines = [f"{scored.verdict}: {scored.reason}.", "Chance and the best are over all steps."]
    return finished(chart, title or scored.subject, lines, 660)


def _axis(scored: Scored) -> tuple[str, dict[str, float]]:
    """The title of the axis of a score, and chance and the best score as levels by their names."""
    levels = {f"chance {scored.chance:.3g}": scored.chance}
    if scored.forecast is None:  # of a real series nobody knows the best
        levels |= {f"best possible {scored.reachable:.3g}": scored.reachable}
    return "accuracy" if scored.error is None else "share within tolerance", levels


def figure_of_gates(
    trained: Trained,
    sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None = None,
    title: str = "",
) -> alt.ConcatChart:
    """Gates and states of a recurrent model over one sequence, whose values stand below them.

    Args:
        trained: The model (`longlag.load`, `Run.trained`).
        sequence: The values shown; by default the first fresh sequence of its seed.
        title: A line above; by default model and problem.

    Returns:
        An Altair chart, which a notebook shows; `longlag.report.save_figure` writes it.

    Raises:
        ValueError: The model has no gates to read.
    """
    from longlag.trials.sensitivity import gates_episode

    arrays = trained.gates(sequence)
    values = values_shown(
        trained.setting.problem.inputs, gates_episode(trained.setting, trained.seed, sequence)
    )
    wide = min(max(15 * len(values), 160), 600)
    panels = []
    for name, array in arrays.items():
        chart, heading = gate_matrix(name, array, values)
        panels.append(chart.properties(width=wide, title=heading))
    columns = 2 if wide > 240 else 3
    chart = alt.ConcatChart(concat=panels, columns=columns, spacing=24).resolve_scale(
        color="independent"
    )
    title = title or f"{trained.setting.model!r} on {trained.setting.problem!r}"
    line = "The stronger the colour, the more open a gate; states: blue positive, orange negative."
    return finished(chart, title, [line], columns * (wide + 60))


def gate_matrix(name: str, array: np.ndarray, values: Sequence[str]) -> tuple[alt.Chart, str]:
    """A gate or state `(time, hidden)` as shades above the values shown, and its heading."""
    signed = name in ("hidden", "cell", "candidate")
    scale = max(float(np.abs(array).max()), 1.0)
    chart = charts.matrix(
        array.T / scale, across="input", down="unit", signed=signed, values=values
    )
    return chart, f"{name}, {f'−{scale:.2g}' if signed else 0} to {scale:.2g}"


def values_shown(spec: Spec, episodes: Episodes) -> list[str]:
    """What each step of the first episode shows; · where its data are missing."""
    there = np.ones(episodes.inputs.shape[1], bool)
    there = there if episodes.present is None else episodes.present[0]
    pairs = zip(episodes.inputs[0], there, strict=True)
    return [spec.format(value) if present else "·" for value, present in pairs]


def finished(chart: Any, title: str, lines: Sequence[str], width: int) -> Any:
    """A chart with its title and the lines below it, folded to a width in pixels."""
    folded = [
        part
        for line in lines
        for part in textwrap.wrap(visible(line), max(40, width // _CHARACTERS))
    ]
    head = textwrap.wrap(visible(title), max(40, width // (_CHARACTERS + 1)))
    return chart.properties(
        title=alt.TitleParams(
            head or folded[:1],
            subtitle=folded if head else folded[1:],
            subtitleColor=theme.INK,
            subtitlePadding=5,
            offset=8,
        ),
        config=theme.CONFIG | {"padding": 14, "concat": {"spacing": 24}},
    )
