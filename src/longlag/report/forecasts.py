"""Forecast: is a model better than naive baselines on a real series?"""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from longlag.answers.blocks import Cell, cell, number_cell, table, text
from longlag.answers.format import bounds, counted, interval, listed, number, within
from longlag.problems import Series
from longlag.problems.rows import PARTS
from longlag.report import charts
from longlag.report.blocks import Figure, Panel, Section, section
from longlag.report.page import Page
from longlag.report.sections import models
from longlag.report.theme import styles
from longlag.scores.forecast import Forecast
from longlag.studies.study import words
from longlag.trials.run import Run

_TARGETS = 400  # latest ones in a chart


def page_of_forecast(run: Run, *, title: str = "", command: str = "") -> Page:
    """A run on a series as a page.

    Args:
        run: The run, of a `Series`.
        title: Title of the page.
        command: The command line of the page.

    Returns:
        The page.

    Raises:
        ValueError: The run is of another problem.
    """
    forecast = run.forecast
    if forecast is None:
        raise ValueError("page_of_forecast: the run must be of a Series. Use `longlag report`.")
    series, model = cast("Series", run.setting.problem), words(run.setting.model)
    return Page(
        title=title or f"{forecast.target}, {counted(forecast.horizon, 'row')} ahead",
        about=f"{model}, {counted(len(run.seeds), 'seed')}, {len(series.values):,} rows",
        sections=(
            _answer(run, forecast, series.within, model, command),
            _series(forecast, model),
            _rows(series),
            _maps(run, forecast, series),
        ),
    )


def _answer(run: Run, forecast: Forecast, tolerance: float, model: str, command: str) -> Section:
    error, ratio = within(forecast.error, 0), forecast.ratio
    low, high = bounds(error)
    between = interval(error) if low is None else f"{low:.4g} to {high:.4g}"
    kind = {"better": "good", "worse": "bad"}.get(forecast.verdict, "open")
    few_targets = number_cell(number(ratio.mean), "too few targets for an interval")
    rows = [
        (name, "", number_cell(f"{each.error:.4g}"), "", number_cell(f"{each.within:.0%}"))
        for name, each in forecast.baselines.items()
    ]
    result = (
        Cell(model, kind="strong"),
        Cell(forecast.verdict, kind=kind),
        number_cell(f"{error.mean:.4g}", between),
        few_targets if math.isinf(ratio.interval[1]) else cell(ratio),
        number_cell(f"{run.accuracy.mean:.0%}"),
    )
    against = f"error / error of {forecast.against}"
    return section(
        "answer",
        "Answer",
        table(
            f"Error (root mean square) on the {counted(len(forecast.rows), 'test row')}, in the "
            "unit of the column, with 95 % intervals.",
            ("predictor", "verdict", "error", against, f"share within {tolerance:.4g}"),
            [*rows, result],
        ),
        text(
            f"{forecast.against} is the baseline with the least error on the validation rows. The "
            "interval of the ratio is from a bootstrap of seeds and of stretches of time, since "
            "neighbouring errors are alike. The best possible error is unknown.",
            command=command,
        ),
        lead=f"{run.verdict[0].upper()}{run.verdict[1:]}: {run.reason}.",
    )


def _series(forecast: Forecast, model: str) -> Section:
    latest, rows = slice(max(0, len(forecast.rows) - _TARGETS), None), []
    predicted = forecast.predicted[:, latest]
    statistics = (each(predicted, axis=0) for each in (np.mean, np.min, np.max))
    columns = (forecast.rows, forecast.expected)
    for row, *values in zip(*(each[latest] for each in columns), *statistics, strict=True):
        observed, mean, low, high = (float(f"{value:.5g}") for value in values)
        rows += [
            {"series": "observed", "row": int(row) + 1, "value": observed},
            {"series": model, "row": int(row) + 1, "value": mean, "low": low, "high": high},
        ]
    series_styles = styles(["observed", model])
    panel = Panel(
        key="forecast",
        title=f"{forecast.target}: observed, and predicted by {model}",
        chart=charts.forecast(rows, series_styles, forecast.target),
        alt=f"{len(rows) // 2} rows of {forecast.target}, and their predictions by {model}.",
    )
    caption = (
        f"The test rows, {counted(forecast.horizon, 'row')} ahead: the mean prediction over seeds; "
        "the band is from the lowest to the highest of a seed."
    )
    figure = Figure(caption=caption, panels=(panel,), series=series_styles)
    return section("series", "Predictions", figure)


def _rows(series: Series) -> Section:
    parts = (
        f"{part} {series.span(part).begin + 1:,} to {series.span(part).end:,}" for part in PARTS
    )
    missing = zip(series.names, np.isnan(series.values).sum(axis=0), strict=True)
    gaps = [f"{count:,} of {name}" for name, count in missing if count]
    scaled = {"standard": "to mean 0 and deviation 1", "range": "from 0 to 1", "none": "not at all"}
    notes = text(
        f"Rows: {listed(parts)}. A row belongs to the part that its target lies in.",
        f"{counted(series.length, 'timestep')} of {counted(series.features, 'feature')}, from "
        f"{listed(series.names)}; columns scaled {scaled[series.scale]}, fitted on the training "
        "rows.",
        f"Missing values: {listed(gaps)} ({series.missing})." if gaps else "No value is missing.",
        "No season was found." if series.period is None else f"Season: {series.period} rows.",
    )
    return section("rows", "Rows", notes)


def _maps(run: Run, forecast: Forecast, series: Series) -> Section:
    audit = run.setting.audit()
    try:
        uses = run.trained().sensitivity(models.SEQUENCES)
    except ValueError:  # the model cannot be differentiated
        uses = None
    needs = audit.needs & audit.scored[:, None]
    panels = models.map_panels("map", forecast.target, needs, audit, uses)
    caption = (
        f"The audit says {audit.verdict}. Needs: what the naive baselines need of an episode of "
        f"{counted(series.length, 'row')}, since nobody knows what else a real series depends on."
    )
    figure = Figure(caption=caption, panels=panels)
    return section("maps", "What is needed, seen, learned and used", figure)
