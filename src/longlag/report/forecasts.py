"""The page of a forecast: what a model says of a real series, beside naive baselines."""

from __future__ import annotations

from typing import Any

import numpy as np

from longlag.models import ExternalModel
from longlag.problems import Part, Series
from longlag.report import charts
from longlag.report.content import Cell, Figure, Panel, Section, Table, Words, present
from longlag.report.page import Page
from longlag.report.palette import look
from longlag.report.sections import models
from longlag.report.words import counted, listed
from longlag.scores.forecast import Forecast
from longlag.studies.study import words
from longlag.trials.run import Run

_PARTS: dict[Part, str] = {
    "training": "train",
    "validation": "choose the baseline to compare with",
    "evaluation": "score, each once",
}
_DRAWN = 400  # targets of a chart: the latest ones
_SENSITIVITY = 4  # sequences


def page_of_forecast(run: Run, *, title: str = "", command: str = "") -> Page:
    """A run on a series as a page.

    Args:
        run: The run, of a `Series`.
        title: Heading of the page.
        command: How it was asked for.

    Raises:
        ValueError: It is of another problem.
    """
    found, series = run.forecast, run.setting.problem
    if found is None or not isinstance(series, Series):
        raise ValueError("page_of_forecast: the run must be of a Series. Use `longlag report`.")
    model = words(run.setting.model)
    ahead = counted(found.horizon, "row")
    return Page(
        title=title or f"{found.target}, {ahead} ahead",
        about=f"{model}, {counted(len(run.seeds), 'seed')}, {len(series.values):,} rows",
        sections=present(
            _answer(run, found, model, command),
            _series(found, model),
            _rows(series),
            _maps(run, series),
        ),
    )


def _answer(run: Run, found: Forecast, model: str, command: str) -> Section:
    low, high = found.error.interval
    between = f"{low:.4g} to {high:.4g}" if np.isfinite([low, high]).all() else ""
    kind = {"better": "good", "worse": "bad"}.get(found.verdict, "open")
    rows = [
        (Cell(name), Cell(f"{each.error:.4g}", kind="number"), Cell(""), _share(each.within))
        for name, each in found.baselines.items()
    ]
    error = Cell(f"{found.error.mean:.4g}", kind="number")
    rows.append((Cell(model, kind="strong"), error, Cell(between), _share(run.accuracy.mean)))
    within = run.setting.problem.within if isinstance(run.setting.problem, Series) else 0.0
    table = Table(
        caption="Error (root mean square) on the rows that score, in the unit of the column.",
        head=("predictor", "error", "95 % interval over seeds", f"share within {within:.4g}"),
        rows=tuple(rows),
    )
    sure = (
        f"The interval of the ratio to {found.against} is from a bootstrap of seeds and of "
        "stretches of time, since neighbouring errors are alike. That baseline has the least "
        "error on the rows that choose. The best possible error is unknown."
    )
    verdict = Table(
        caption="The verdict.",
        head=("verdict", "ratio of errors", "95 % interval", "targets"),
        rows=(
            (
                Cell(f"{found.verdict}", kind=kind),
                Cell(f"{found.ratio.mean:.3f}", kind="number"),
                Cell(f"{found.ratio.interval[0]:.3f} to {found.ratio.interval[1]:.3f}"),
                Cell(f"{len(found.rows):,}", kind="number"),
            ),
        ),
    )
    notes = Words(paragraphs=(sure,), command=command)
    return Section(
        id="answer",
        title="Answer",
        lead=f"{run.verdict[0].upper()}{run.verdict[1:]}: {run.reason}.",
        blocks=(verdict, table, notes),
    )


def _share(share: float) -> Cell:
    return Cell(f"{share:.0%}", kind="number")


def _series(found: Forecast, model: str) -> Section:
    shown = slice(max(0, len(found.rows) - _DRAWN), None)
    mean, least, most = (
        each(found.predicted[:, shown], axis=0) for each in (np.mean, np.min, np.max)
    )
    names = "as it was", model
    rows = [
        {"series": name, "row": int(row) + 1, "value": _short(value)}
        for name, values in zip(names, (found.expected[shown], mean), strict=True)
        for row, value in zip(found.rows[shown], values, strict=True)
    ]
    band = [
        {"row": int(row) + 1, "low": _short(low), "high": _short(high)}
        for row, low, high in zip(found.rows[shown], least, most, strict=True)
    ]
    looks = tuple(look(place, name) for place, name in enumerate(names))
    panel = Panel(
        key="forecast",
        title=f"{found.target}: as it was, and as {model} said",
        chart=charts.forecast(rows, band, looks, found.target),
        alt=f"{len(mean)} rows of {found.target}, and what {model} said of them.",
    )
    caption = (
        f"The rows that score, {counted(found.horizon, 'row')} ahead: the mean over seeds; the "
        "band is from the least to the most that a seed said."
    )
    figure = Figure(caption=caption, panels=(panel,), series=looks, size="single")
    return Section(id="series", title="What was said", blocks=(figure,))


def _rows(series: Series) -> Section:
    parts = Table(
        caption="A row belongs to the part that its target lies in.",
        head=("part", "rows", "their targets"),
        rows=tuple(
            (
                Cell(part),
                Cell(f"{series.span(part).begin + 1:,} to {series.span(part).end:,}"),
                Cell(use),
            )
            for part, use in _PARTS.items()
        ),
    )
    missing = np.isnan(series.values).sum(axis=0)
    gaps = [
        f"{count:,} of {name}" for name, count in zip(series.names, missing, strict=True) if count
    ]
    scaled = {"standard": "to mean 0 and deviation 1", "range": "from 0 to 1", "none": "not at all"}
    paragraphs = (
        f"{counted(series.length, 'timestep')} of {counted(series.features, 'feature')}, from "
        f"{listed(series.names)}; columns scaled {scaled[series.scale]}, fitted on the rows that "
        "train.",
        f"Missing values: {listed(gaps)} ({series.missing})." if gaps else "No value is missing.",
        "No season was found." if series.period is None else f"Season: {series.period} rows.",
    )
    return Section(id="rows", title="Rows", blocks=(parts, Words(paragraphs=paragraphs)))


def _maps(run: Run, series: Series) -> Section:
    found = run.setting.audit()
    shades: dict[str, tuple[Any, str]] = {
        "needs": (found.needs & found.scored[:, None], "what the naive baselines need"),
        "sees": (found.sees, "the inputs that can reach each prediction"),
        "learns": (found.learns, "those through which a gradient can flow"),
    }
    if not isinstance(run.models[0], ExternalModel):
        used = run.trained().sensitivity(_SENSITIVITY)
        shades["uses"] = used / max(used.max(), 1e-30), "the sensitivity of the trained model"
    plain = {name: (np.asarray(shade, dtype=float), says) for name, (shade, says) in shades.items()}
    panels = models.matrices("map", str(series.target), plain)
    caption = (
        f"The audit says {found.verdict}. Needs: what the naive baselines need of an episode of "
        f"{counted(series.length, 'row')}, since nobody knows what else a real series depends on."
    )
    figure = Figure(caption=caption, panels=panels, size="quarter")
    return Section(id="maps", title="What is needed, seen, learned and used", blocks=(figure,))


def _short(value: float) -> float:
    return float(f"{value:.5g}")
