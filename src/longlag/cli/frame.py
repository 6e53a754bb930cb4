"""`longlag frame`: a series of your own as samples, its baselines, and a model beside them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from cyclopts import Parameter

from longlag import streams
from longlag.by_name import option
from longlag.cli._flags import Count, code_files, flag_values, flags
from longlag.cli._output import ANSWER, AnswerFlags, command_line, in_flags, stdout_to_stderr
from longlag.cli._remedies import as_flags
from longlag.cli._terminal import warn
from longlag.framings import Framing, Whole, Window
from longlag.knobs import listed
from longlag.maps import audit
from longlag.problems import Series
from longlag.trials.forecast_answer import ForecastAnswer

if TYPE_CHECKING:  # the types are created at run time, from the tables
    from longlag.adapters.tables import Table as Rows
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


def frame(
    file: Path,
    /,
    *,
    column: Annotated[list[str] | None, Parameter(negative="", json_list=False)] = None,
    time: str | None = None,
    no_time: Annotated[bool, Parameter(negative="")] = False,
    missing_code: Annotated[
        list[float | str] | None, Parameter(negative="", json_list=False)
    ] = None,
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
    output: AnswerFlags = ANSWER,
) -> int:
    """Cut your own time series into samples, and compare a model with simple baselines.

    Rows are put in the order of the time column, if there is one: the first are for training, the
    next for validation, the last for the test. Without --model nothing is trained.

    Args:
        file: CSV, Excel (.xlsx) or Parquet. How it was read is printed.
        column: Column to predict; given more than once, the first is predicted from all of them.
        time: Column with the time of each row. Default: detected.
        no_time: Keep the rows in the order of the file.
        missing_code: A number or word for a missing value, such as -999 or Ice; may be repeated.
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
    from longlag.scores.forecast import too_close

    output.check(
        {"FILE": file, **code_files(model)},
        save=(save, "safetensors"),
        report=(report, "HTML"),
    )
    if model is None:
        output.refuse_pictures()
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
        if fault := too_close(framed.series, _scored(framed.series, framed.framing)):
            warn(f"Warning: {fault}")
        output.write_answer(framed)
        return 0
    seeds = 5 if seeds is None else seeds
    setting = _setting(framed, model, flag_values(model_knobs), recipe, seeds)
    with training(setting, seeds, quiet=output.as_json, save=save) as run:
        if report is not None:
            from longlag.report import page_of_forecast

            page_of_forecast(run, command=command_line()).save(report)
            warn(f"{report}: {report.stat().st_size / 2**20:.2f} MiB.")
        answer = dataclasses.replace(framed, run=run)
        cause = run.why and run.why._replace(remedy=as_flags(run.why.remedy))
        document = {**answer.to_dict(), "why": cause and cause._asdict()}
        output.write_answer(answer, [in_flags(each, "train") for each in answer.blocks()], document)
    return 130 if run.interrupted else 0


def _rows(file: Path, columns: list[str], **reading: Any) -> Rows:
    """The rows of a file: of its only column of numbers, where none is named."""
    from longlag.adapters import tables  # which loads pandas
    from longlag.adapters.tables.asked import quoted
    from longlag.adapters.tables.measured import likely
    from longlag.adapters.tables.words import flag

    if file.exists() and not file.is_file():
        raise ValueError(f"{file} is no regular file. Save its rows to one, for example data.csv.")
    rows = tables.read(file, columns, **reading)
    if not columns and len(rows.names) + len(rows.left_out) > 1:
        several = "several columns of numbers" if len(rows.names) > 1 else "one column of numbers"
        words = [*rows.left_out.values()][:1]
        if others := [*rows.left_out][1:]:
            words.append(f"So it may be with {listed(others)}.")
        proposed = flag("--column", likely(rows.names, rows.values))
        raise ValueError(
            f"{file.name} has {several}: {quoted(rows.names)}. Name the one to predict: "
            f"{' '.join((f'{proposed}.', *words))}"
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
) -> ForecastAnswer:
    from longlag.scores.forecast import baselines, count_targets

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
    scored = _scored(series, framing)
    return ForecastAnswer(
        name=file.name,
        series=series,
        framing=framing,
        samples=samples,
        audit=audit(series, framing),
        baselines=baselines(series, scored, "evaluation"),
        scored=count_targets(series, scored, "evaluation"),
        notes=rows.notes,
    )


def _scored(series: Series, framing: Framing) -> np.ndarray:
    """The steps that the framing scores, `(step,)`."""
    return np.isin(np.arange(series.steps), framing.layout(series, 1).scored_steps)


def _setting(
    framed: ForecastAnswer,
    model: str,
    model_knobs: dict[str, Any],
    recipe: dict[str, Any],
    seeds: int,
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
        found = require_valid([setting])
    for line in found:
        warn(line)
    return setting
