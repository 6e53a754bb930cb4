"""`longlag frame`: a series of your own as samples, its baselines, and a model beside them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from cyclopts import Parameter
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from longlag import streams
from longlag.answers.format import counted
from longlag.cli._flags import Count, as_flags, code_files, flag_values, flags, option
from longlag.cli._output import (
    OUTPUT,
    OutputFlags,
    command_line,
    pick,
    stdout_to_stderr,
    table,
    warn,
)
from longlag.framings import Framing, Samples, Whole, Window
from longlag.knobs import listed
from longlag.maps import Audit, audit
from longlag.problems import Part, Series
from longlag.problems.rows import PARTS

if TYPE_CHECKING:  # the types are created at run time, from the tables
    from longlag.adapters.tables import Table as Rows
    from longlag.scores.forecast import Baseline
    from longlag.trials.run import Run
    from longlag.trials.setting import Setting

    Model = str | None
    SeriesFlags = ModelFlags = RecipeFlags = Any
else:
    from longlag.cli._setting import NAMES, ModelFlags
    from longlag.training import Recipe

    Model = Annotated[
        str | None, Parameter(name="--model", help=f"{NAMES}. Default: none is trained.")
    ]
    SeriesFlags = flags("Series", {"series": Series}, ("length", "lags", "part"))
    RecipeFlags = flags("Recipe", {"recipe": Recipe}, ("sequences", "batch_size"))

_PASSES = 30  # over the training rows, by default
_BATCH_SIZE = 32
_SAMPLES = 3  # to print
_SCALES = {
    "standard": "to mean 0 and deviation 1 over the rows that train",
    "range": "to 0 to 1 over the rows that train",
    "none": "not at all",
}
_USES: dict[Part, str] = {
    "training": "train",
    "validation": "choose the baseline to compare with",
    "evaluation": "score, each once",
}


class _Framed(NamedTuple):
    """A series as samples."""

    name: str
    series: Series
    framing: Framing
    samples: Samples
    audit: Audit
    baselines: Mapping[str, Baseline]
    notes: tuple[str, ...]

    @property
    def input_rows(self) -> int:
        """Rows that the inputs of an episode cover."""
        return self.series.length + self.series.lags - 1


def frame(
    file: Path,
    /,
    *,
    column: Annotated[list[str] | None, Parameter(negative="", json_list=False)] = None,
    time: str | None = None,
    no_time: Annotated[bool, Parameter(negative="")] = False,
    missing_code: Annotated[list[float] | None, Parameter(negative="", json_list=False)] = None,
    decimal: Literal[".", ","] | None = None,
    duplicates: Literal["refuse", "mean", "first", "last"] = "refuse",
    timesteps: Count = 12,
    as_: Annotated[Literal["timesteps", "features"], Parameter(name="--as")] = "timesteps",
    every_step: Annotated[bool, Parameter(negative="")] = False,
    baselines: Annotated[bool, Parameter(negative="")] = False,
    series_knobs: SeriesFlags = None,
    model: Model = None,
    model_knobs: ModelFlags = None,
    recipe_knobs: RecipeFlags = None,
    sequences: Count | None = None,
    batch_size: Count | None = None,
    seeds: Count | None = None,
    save: Path | None = None,
    report: Path | None = None,
    output: OutputFlags = OUTPUT,
) -> int:
    """Cut your own time series into samples, and compare a model with simple baselines.

    Rows are put in the order of the time column, if there is one: the first are for training, the
    next for validation, the last for the test. Without --model nothing is trained.

    Args:
        file: CSV, Excel (.xlsx) or Parquet. How it was read is printed.
        column: Column to predict; given more than once, the first is predicted from all of them.
        time: Column with the time of each row. Default: detected.
        no_time: Keep the rows in the order of the file.
        missing_code: A number that stands for a missing value, such as -999; may be repeated.
        decimal: The decimal mark. Default: detected.
        duplicates: What to do with rows of the same time.
        timesteps: How many past rows each prediction gets.
        as_: Whether those rows are timesteps, or features of one timestep.
        every_step: Predict at every timestep of a sample, not only at the last.
        baselines: Compare with AutoETS and AutoARIMA too, fitted to the training rows; needs
            pip install 'longlag[baselines]'.
        sequences: Samples to train on, in all. Default: 30 passes over the training rows.
        batch_size: Samples in a batch. Default 32.
        seeds: Number of random seeds; 5 by default.
        save: Write the trained model of the first seed as safetensors.
        report: Write an HTML page about the result to this file.
    """
    from longlag.cli._setting import training

    output.check(
        {"FILE": file, **code_files(model)}, save=(save, "safetensors"), report=(report, "HTML")
    )
    if time is not None and no_time:
        raise ValueError("frame: `--time` and `--no-time` exclude each other. Use one.")
    rows = _rows(
        file,
        column or [],
        time=False if no_time else time,
        missing_codes=missing_code or (),
        decimal=decimal,
        duplicates=duplicates,
    )
    knobs = {**flag_values(series_knobs), "fitted_baselines": baselines}
    framed = _framed(file, rows, timesteps, as_, every_step, knobs)
    recipe = {"sequences": sequences, "batch_size": batch_size, **flag_values(recipe_knobs)}
    if model is None:
        values = {
            **flag_values(model_knobs),
            **recipe,
            "seeds": seeds,
            "save": save,
            "report": report,
        }
        for name, value in values.items():
            if value is not None:
                raise ValueError(f"`{option(name)}` is for training. Name a model: --model lstm.")
        output.write(lambda: _document(framed, None), lambda: _summary(framed, None))
        return 0
    seeds = 5 if seeds is None else seeds
    setting = _setting(framed, model, flag_values(model_knobs), recipe, seeds)
    with training(setting, seeds, quiet=output.json, save=save) as run:
        if report is not None:
            from longlag.report import page_of_forecast

            page_of_forecast(run, command=command_line()).save(report)
            warn(f"{report}: {report.stat().st_size / 2**20:.2f} MiB.")
        output.write(lambda: _document(framed, run), lambda: _summary(framed, run))
    return 130 if run.interrupted else 0


def _rows(file: Path, columns: list[str], **reading: Any) -> Rows:
    """The rows of a file: of its only column of numbers, where none is named."""
    from longlag.adapters import tables  # which loads pandas

    if file.exists() and not file.is_file():
        raise ValueError(f"{file} is no regular file. Save its rows to one, for example data.csv.")
    rows = tables.read(file, columns, **reading)
    if not columns and len(rows.names) > 1:
        raise ValueError(
            f"{file.name} has several columns of numbers: {listed(rows.names)}. Name the one to "
            f"predict: --column {shlex.quote(rows.names[0])}."
        )
    for warning in rows.warnings:
        warn(f"Warning: {warning}.")
    return rows


def _framed(
    file: Path,
    rows: Rows,
    timesteps: int,
    as_: str,
    every_step: bool,
    knobs: dict[str, Any],
) -> _Framed:
    from longlag.scores.forecast import baselines

    if timesteps < 1:
        raise ValueError(f"`timesteps` must be at least 1, got {timesteps}. Use --timesteps 12.")
    features = as_ == "features"
    series = Series(
        rows.values,
        names=rows.names,
        path=str(file.resolve()),
        seasons=rows.seasons,
        length=1 if features else timesteps,
        lags=timesteps if features else 1,
        **knobs,
    )
    framing = Whole() if features or every_step else Window(timesteps=timesteps)
    samples = framing.sample(series, streams.training(0), _SAMPLES)
    scored = np.isin(np.arange(series.steps), framing.layout(series, 1).scored_steps)
    naive = baselines(series, scored, "evaluation")
    return _Framed(file.name, series, framing, samples, audit(series, framing), naive, rows.notes)


def _setting(
    framed: _Framed, model: str, model_knobs: dict[str, Any], recipe: dict[str, Any], seeds: int
) -> Setting:
    from longlag.checks.model import require_valid
    from longlag.cli._setting import model_from_name
    from longlag.scores.evaluation import seed_list
    from longlag.training import Recipe
    from longlag.trials.setting import Setting

    defaults = {
        "sequences": _PASSES * framed.series.episodes("training"),
        "batch_size": _BATCH_SIZE,
    }
    values = {name: value for name, value in recipe.items() if value is not None}
    with stdout_to_stderr():
        setting = Setting(
            problem=framed.series,
            framing=framed.framing,
            model=model_from_name(model, model_knobs),
            recipe=Recipe(**{**defaults, **values}),
        )
        seed_list(seeds)
        _ = setting.layout  # refuses a batch size that does not fit
        require_valid([setting])
    return setting


def _document(framed: _Framed, run: Run | None) -> dict[str, Any]:
    series, forecast = framed.series, None if run is None else run.forecast
    within = {name: each.within for name, each in framed.baselines.items()}
    document: dict[str, Any] = {
        **pick(series, "target horizon", file="path", columns="names", season="period"),
        "rows": {part: series.span(part) for part in PARTS},
        "missing": _missing(series),
        "read_with": framed.notes,
        "season_in_sight": series.season_needs <= framed.input_rows,
        "inputs": framed.samples.inputs.shape[1:],
        "targets": framed.samples.targets.shape[1:],
        "audit": pick(framed.audit, "verdict remedy"),
        "baselines": {name: each.error for name, each in framed.baselines.items()},
        "within": {"distance": series.within, **within},
    }
    if run is None or forecast is None:
        return document
    cause = run.why and run.why._replace(remedy=as_flags(run.why.remedy))
    return {
        **document,
        **pick(run, "seeds verdict reason interrupted updates", model="setting.model.words"),
        "sequences": max(run.sequences),
        **pick(forecast, "error against"),
        "recipe": repr(run.setting.recipe),
        "why": cause and cause._asdict(),
        "ratio": pick(forecast.ratio, "mean interval"),
        "within": {**document["within"], "share": run.accuracy.mean},
    }


def _summary(framed: _Framed, run: Run | None) -> Iterator[RenderableType]:
    series, samples = framed.series, framed.samples
    ahead = counted(series.horizon, "row") + " ahead"
    sources = "" if len(series.names) == 1 else f", from {', '.join(series.names)}"
    gaps = [f"{count:,} of {name}" for name, count in _missing(series).items() if count]
    missing = f"; missing: {', '.join(gaps)}" if gaps else ""
    length = counted(len(series.values), "row")
    yield Text(f"{series.target} of {framed.name}{sources}: {length}, {ahead}{missing}")
    if framed.notes:
        yield Text(f"read with: {'; '.join(framed.notes)}", style="dim")
    yield Text()
    parts = table("", "rows", "")
    for part, use in _USES.items():
        span = series.span(part)
        parts.add_row(part, f"{span.begin + 1:,} to {span.end:,}", f"their targets {use}")
    yield parts
    season = "none found in the rows that train"
    if series.period is not None:
        season = counted(series.period, "row")
        season += " (found in the rows that train)" if series.season is None else ""
    if series.season_needs > framed.input_rows:
        season += (
            "; the value one season earlier is not among the inputs: use --timesteps "
            f"{series.season_needs} or more"
        )
    yield Text(f"scaled {_SCALES[series.scale]}; season: {season}")
    yield Text()
    count, steps, features = (*samples.inputs.shape, 1)[:3]
    yield Text(
        f"inputs (samples, {steps}, {features}): {counted(steps, 'timestep')} of "
        f"{counted(features, 'feature')}; targets (samples, {samples.targets.shape[1]}); "
        f"{counted(count, 'sample')}{'' if series.scale == 'none' else ', scaled'}:"
    )
    pairs = table("X", "", "y", gap=1)
    for x, y, mask in zip(*samples, strict=True):
        present = np.broadcast_to(mask.reshape(-1, *(1,) * (x.ndim - 1)), x.shape)
        pairs.add_row(_numbers(np.where(present, x, np.nan)), Text("→", style="dim"), _numbers(y))
    yield from (pairs, Text(), _errors(framed, run))
    yield Text(_meaning(series), style="dim")
    if run is not None:
        yield Text(
            f"trained: {run.updates:,} updates on {max(run.sequences):,} samples per seed",
            style="dim",
        )
    yield Text()
    if run is None:
        yield Text("Nothing is trained: add --model lstm to compare a model.", style="dim")
        return
    style = {"better": "bold green", "worse": "bold red"}.get(run.verdict, "bold yellow")
    cut = " Interrupted: the score so far." if run.interrupted else ""
    yield Text.assemble((run.verdict, style), f": {run.reason}.{cut}")
    if run.why is not None:
        yield Text(as_flags(str(run.why)))


def _errors(framed: _Framed, run: Run | None) -> Table:
    errors = table("predictor", "error", "interval", f"within {framed.series.within:.4g}")
    for name, each in framed.baselines.items():
        errors.add_row(name, f"{each.error:.4g}", "", f"{each.within:.3f}")
    if run is not None and run.forecast is not None:
        error = run.forecast.error
        low, high = error.interval
        finite = math.isfinite(high - low)
        between = f"{low:.4g} to {high:.4g}, {counted(len(run.seeds), 'seed')}" if finite else ""
        between = "one seed: no interval" if len(run.seeds) == 1 else between
        name = Text(run.setting.model.words, style="bold")
        errors.add_row(name, f"{error.mean:.4g}", between, f"{run.accuracy.mean:.3f}")
    return errors


def _meaning(series: Series) -> str:
    """What the columns of errors are."""
    typical = f", the root mean square change over {counted(series.horizon, 'row')}"
    distance = f"{series.within:.4g}{typical if series.tolerance is None else ''}"
    return (
        "error: root mean square; within: share of the predictions that are off by at most "
        f"{distance}"
    )


def _numbers(row: np.ndarray) -> str:
    """The numbers of a sample, · where there is none; the first six and the last of many."""
    words = ["·" if np.isnan(value) else f"{value:.2f}" for value in row.ravel()]
    return " ".join(words if len(words) <= 7 else [*words[:6], "…", words[-1]])


def _missing(series: Series) -> dict[str, int]:
    counts = np.isnan(series.values).sum(axis=0)
    return dict(zip(series.names, map(int, counts), strict=True))
