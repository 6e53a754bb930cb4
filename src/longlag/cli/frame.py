"""`longlag frame`: a series of your own as samples, its baselines, and a model beside them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag import streams
from longlag.adapters import tables
from longlag.cli._flags import Count, Json, Output, flags, given
from longlag.cli._output import (
    command_line,
    errors,
    others_aside,
    print_rich,
    refusing,
    writable,
    write_json,
)
from longlag.framings import Framing, Samples, Whole, Window
from longlag.maps import Audit, audit
from longlag.problems import Series
from longlag.problems.rows import PARTS
from longlag.report.format import counted

if TYPE_CHECKING:  # the types are made at run time, out of the tables
    from longlag.scores.forecast import Baseline
    from longlag.trials.run import Run

    SeriesFlags = ModelFlags = RecipeFlags = Any
else:
    from longlag.models import MODELS
    from longlag.training import Recipe

    SeriesFlags = flags("Series", {"series": Series}, ("length", "lags", "part"))
    ModelFlags = flags("Model", MODELS)
    RecipeFlags = flags("Recipe", {"recipe": Recipe}, ("epochs", "batch_size"))

_PASSES = 30  # over the rows that train, where nothing else is said
_BATCH_SIZE = 32
_SHOWN = 3  # samples


class _Framed(NamedTuple):
    """A series as samples."""

    name: str
    series: Series
    framing: Framing
    samples: Samples
    found: Audit
    baselines: Mapping[str, Baseline]

    @property
    def shown(self) -> int:
        """Rows that an episode shows."""
        return self.series.length + self.series.lags - 1


def frame(
    file: Path,
    /,
    *,
    column: Annotated[list[str] | None, Parameter(negative="")] = None,
    timesteps: Count = 12,
    as_: Annotated[Literal["timesteps", "features"], Parameter(name="--as")] = "timesteps",
    every_step: Annotated[bool, Parameter(negative="")] = False,
    series_knobs: SeriesFlags = None,
    model: str | None = None,
    model_knobs: ModelFlags = None,
    recipe_knobs: RecipeFlags = None,
    epochs: Count | None = None,
    batch_size: Count | None = None,
    seeds: Count = 5,
    save: Path | None = None,
    report: Path | None = None,
    json: Json = False,
    output: Output = None,
) -> int:
    """Cut your own time series into samples, and compare a model with simple baselines.

    Rows stay in the order of the file: the first are for training, the next for validation, the
    last for the test.

    Args:
        file: CSV with a header, or Parquet.
        column: Column to predict; given more than once, the first is predicted from all of them.
        timesteps: How many past rows each prediction gets.
        as_: Whether those rows are timesteps, or features of one timestep.
        every_step: Predict at every timestep of a sample, not only at the last.
        model: lstm, gru, rnn, mlp, …, or path/to/file.py:make_model. Without it nothing is trained.
        epochs: Samples to train on, in all. Default: 30 passes over the training rows.
        batch_size: Samples in a batch. Default 32.
        seeds: Number of random seeds.
        save: Write the trained model of the first seed as safetensors.
        report: Write an HTML page about the result to this file.
    """
    for path in (output, save, report):
        writable(path)
    with refusing():
        framed = _framed(file, column or [], timesteps, as_, every_step, given(series_knobs))
    sizes = {"epochs": epochs, "batch_size": batch_size}
    recipe = {name: value for name, value in sizes.items() if value is not None}
    recipe |= given(recipe_knobs)
    if model is None:
        typed = {**given(model_knobs), **recipe}
        files = {"save": save, "report": report}
        typed |= {name: path for name, path in files.items() if path is not None}
        if typed:
            flag = next(iter(typed)).replace("_", "-")
            with refusing():
                raise ValueError(f"`--{flag}` is of training. Name a model: --model lstm.")
        _tell(framed, None, json, output)
        return 0
    run = _trained(framed, model, given(model_knobs), recipe, seeds, quiet=json)
    if save is not None:
        with refusing():
            run.save(save)
    if report is not None:
        from longlag.report import page_of_forecast

        with refusing():
            page_of_forecast(run, command=command_line()).save(report)
            errors.print(
                f"{report}: {report.stat().st_size / 2**20:.2f} MiB.", markup=False, soft_wrap=True
            )
    _tell(framed, run, json, output)
    return 130 if run.interrupted else 0


def _framed(
    file: Path,
    columns: list[str],
    timesteps: int,
    as_: str,
    every_step: bool,
    typed: dict[str, Any],
) -> _Framed:
    if timesteps < 1:
        raise ValueError(f"`timesteps` must be at least 1, got {timesteps}. Use --timesteps 12.")
    if not columns:
        names = tables.read(file).names
        if len(names) > 1:
            raise ValueError(
                f"{file.name} has several columns of numbers: {', '.join(names)}. Name the one to "
                f"predict: --column {names[0]}."
            )
    read = tables.read(file, columns)
    features = as_ == "features"
    series = Series(
        read.values,
        names=read.names,
        path=str(file.resolve()),
        length=1 if features else timesteps,
        lags=timesteps if features else 1,
        **typed,
    )
    framing = Whole() if features or every_step else Window(timesteps=timesteps)
    samples = framing.sample(series, streams.training(0), _SHOWN)
    found = audit(series, framing)
    from longlag.scores.forecast import baselines

    scored = np.isin(np.arange(series.steps), framing.layout(series, 1).scored_steps)
    naive = baselines(series, scored, "evaluation")
    return _Framed(file.name, series, framing, samples, found, naive)


def _trained(
    framed: _Framed,
    model: str,
    model_knobs: dict[str, Any],
    recipe_knobs: dict[str, Any],
    seeds: int,
    *,
    quiet: bool,
) -> Run:
    from longlag.checks.model import require_valid
    from longlag.cli._models import model_from_name
    from longlag.cli._setting import trained
    from longlag.scores.evaluation import seed_list
    from longlag.training import Recipe
    from longlag.trials.setting import Setting

    series = framed.series
    with refusing(), others_aside():
        trains = series.episodes("training")
        recipe = Recipe(**{"epochs": _PASSES * trains, "batch_size": _BATCH_SIZE, **recipe_knobs})
        setting = Setting(
            problem=series,
            framing=framed.framing,
            model=model_from_name(model, model_knobs),
            recipe=recipe,
        )
        seed_list(seeds)
        _ = setting.layout  # refuses a batch that cannot be laid out
        require_valid([setting])
    return trained(setting, seeds, quiet=quiet)


def _tell(framed: _Framed, run: Run | None, json: bool, output: Path | None) -> None:
    if json:
        write_json(_document(framed, run), output)
    else:
        print_rich(*_summary(framed, run), path=output)


def _document(framed: _Framed, run: Run | None) -> dict[str, Any]:
    series, forecast = framed.series, None if run is None else run.forecast
    document: dict[str, Any] = {
        "file": series.path,
        "columns": list(series.names),
        "target": series.target,
        "horizon": series.horizon,
        "rows": {part: list(series.span(part)) for part in PARTS},
        "missing": _missing(series),
        "season": series.period,
        "season_in_sight": series.season_needs <= framed.shown,
        "inputs": list(framed.samples.inputs.shape[1:]),
        "targets": list(framed.samples.targets.shape[1:]),
        "audit": {"verdict": framed.found.verdict, "remedy": framed.found.remedy},
        "baselines": {name: each.error for name, each in framed.baselines.items()},
        "within": {
            "distance": series.within,
            **{name: each.within for name, each in framed.baselines.items()},
        },
    }
    if run is None or forecast is None:
        return document
    return {
        **document,
        "model": run.setting.model.words,
        "recipe": repr(run.setting.recipe),
        "seeds": list(run.seeds),
        "error": dataclasses.asdict(forecast.error),
        "against": forecast.against,
        "ratio": {"mean": forecast.ratio.mean, "interval": list(forecast.ratio.interval)},
        "within": {**document["within"], "share": run.accuracy.mean},
        "verdict": run.verdict,
        "reason": run.reason,
        "interrupted": run.interrupted,
    }


def _summary(framed: _Framed, run: Run | None) -> list[Text | Table]:
    series, samples = framed.series, framed.samples
    ahead = "1 row ahead" if series.horizon == 1 else f"{series.horizon} rows ahead"
    shown = "" if len(series.names) == 1 else f", from {', '.join(series.names)}"
    missing = _missing(series)
    gaps = (
        ""
        if not sum(missing.values())
        else "; missing: "
        + ", ".join(f"{count:,} of {name}" for name, count in missing.items() if count)
    )
    parts = Table("", "rows", "", box=None, padding=(0, 2, 0, 0))
    uses = "train", "choose the baseline to compare with", "score, each once"
    for part, use in zip(PARTS, uses, strict=True):
        span = series.span(part)
        parts.add_row(part, f"{span.begin + 1:,} to {span.end:,}", f"their targets {use}")
    rows, *shape = samples.inputs.shape
    wide = shape if len(shape) > 1 else [*shape, 1]
    table = Table("X", "", "y", box=None, padding=(0, 1, 0, 0))
    for x, y, mask in zip(*samples, strict=True):
        there = np.broadcast_to(mask.reshape(-1, *(1,) * (x.ndim - 1)), x.shape)
        steps = _numbers(np.where(there, x, np.nan))
        table.add_row(steps, Text("→", style="dim"), _numbers(y))
    season = "none found in the rows that train"
    if series.period is not None:
        season = counted(series.period, "row")
        season += " (found in the rows that train)" if series.season is None else ""
    if series.season_needs > framed.shown:
        season += (
            "; the value a season before is out of sight: use --timesteps "
            f"{series.season_needs} or more"
        )
    scaled = {
        "standard": "to mean 0 and deviation 1 over the rows that train",
        "range": "to 0 to 1 over the rows that train",
        "none": "not at all",
    }[series.scale]
    lines: list[Text | Table] = [
        Text(
            f"{series.target} of {framed.name}{shown}: {counted(len(series.values), 'row')}, "
            f"{ahead}{gaps}"
        ),
        Text(),
        parts,
        Text(f"scaled {scaled}; season: {season}"),
        Text(),
        Text(
            f"inputs (samples, {wide[0]}, {wide[1]}): {counted(wide[0], 'timestep')} of "
            f"{counted(wide[1], 'feature')}; targets (samples, {samples.targets.shape[1]}); "
            f"{counted(rows, 'sample')}{'' if series.scale == 'none' else ', scaled'}:"
        ),
        table,
        Text(),
        _errors(framed, run),
    ]
    if run is None:
        told = "Training nothing yet: add --model lstm to set a model beside them."
        return [*lines, Text(), Text(told, style="dim")]
    style = {"better": "bold green", "worse": "bold red"}.get(run.verdict, "bold yellow")
    cut = " Interrupted: the score so far." if run.interrupted else ""
    return [*lines, Text(), Text.assemble((run.verdict, style), f": {run.reason}.{cut}")]


def _errors(framed: _Framed, run: Run | None) -> Table:
    series = framed.series
    head = ("predictor", "error", "interval", f"within {series.within:.4g}")
    table = Table(*head, box=None, padding=(0, 2, 0, 0))
    forecast = None if run is None else run.forecast
    for name, each in framed.baselines.items():
        table.add_row(name, f"{each.error:.4g}", "", f"{each.within:.3f}")
    if run is not None and forecast is not None:
        low, high = forecast.error.interval
        between = f"{low:.4g} to {high:.4g}, {len(run.seeds)} seeds" if math.isfinite(low) else ""
        name = Text(run.setting.model.words, style="bold")
        table.add_row(name, f"{forecast.error.mean:.4g}", between, f"{run.accuracy.mean:.3f}")
    return table


def _numbers(row: np.ndarray) -> str:
    """The numbers of a sample, · where there is none; the first six and the last of many."""
    words = ["·" if np.isnan(value) else f"{value:.2f}" for value in row.ravel()]
    return " ".join(words if len(words) <= 7 else [*words[:6], "…", words[-1]])


def _missing(series: Series) -> dict[str, int]:
    counts = np.isnan(series.values).sum(axis=0)
    return dict(zip(series.names, map(int, counts), strict=True))
