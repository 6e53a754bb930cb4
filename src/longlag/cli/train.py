"""`longlag train`: one setting, trained with some seeds and scored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from longlag import files
from longlag.checks.model import require_valid
from longlag.cli._device import Device, use_device
from longlag.cli._flags import Count, Tracked, code_files, flag_values, flags
from longlag.cli._output import (
    ANSWER,
    AnswerFlags,
    align,
    in_flags,
    key_value_table,
    stdout_to_stderr,
    values_as_text,
)
from longlag.cli._remedies import as_flags
from longlag.cli._setting import SETTING, Model, SettingFlags, training
from longlag.cli._terminal import warn
from longlag.cli.audit import warnings
from longlag.scores.evaluation import seed_list
from longlag.trackers import FinishedTrial, Tracking
from longlag.training import Recipe
from longlag.trials.run import Run

if TYPE_CHECKING:  # the type is created at run time, from the table
    RecipeFlags = Any
else:
    RecipeFlags = flags("Recipe", {"recipe": Recipe})


def train(
    problem: str,
    /,
    *,
    model: Model = None,
    options: SettingFlags = SETTING,
    recipe: RecipeFlags = None,
    seeds: Count = 1,
    device: Device = None,
    save: Path | None = None,
    figure: Path | None = None,
    track: Tracked = None,
    output: AnswerFlags = ANSWER,
) -> int:
    """Train a model and score it on fresh sequences.

    Args:
        problem: A name from `longlag problems`.
        seeds: Number of random seeds: 4 trains with seeds 0 to 3.
        save: Write the trained model of the first seed as safetensors; `longlag.load` reads it.
        figure: Also draw the learning curve of every seed to this file, .png or .svg.
    """
    output.check(
        code_files(model, problem),
        save=(save, "safetensors"),
        figure=(figure, files.picture_kind("--figure", figure)),
    )
    use_device(device)
    with stdout_to_stderr():
        setting = options.setting(problem, model, Recipe(**flag_values(recipe)))
        seed_list(seeds)
        _ = setting.layout  # refuses a batch size that does not fit
        found = require_valid([setting])
    for line in (*found, *warnings(setting.audit())):
        warn(line)
    with (
        Tracking(track or (), warn) as trackers,
        training(setting, seeds, quiet=output.as_json, save=save) as run,
    ):
        if figure is not None:
            from longlag.report import figure_of_run, save_figure

            save_figure(figure_of_run(run), figure)
        why = run.why and run.why._replace(remedy=as_flags(run.why.remedy))
        output.write_answer(
            run,
            [in_flags(each, "train") for each in run.blocks()][1:],
            {**run.to_dict(), "why": why and why._asdict()},
            before=_example(run),
        )
        for each in FinishedTrial.of_run(run) if trackers else ():
            trackers.log(each)
    return 130 if run.interrupted else 0


def _example(run: Run) -> Iterator[RenderableType]:
    """A fresh sequence with the predictions of the first seed, wrong ones in red."""
    first = run.evaluations[0]
    steps = np.flatnonzero(first.scored[0])
    every = np.ones(len(steps), bool)
    expected, predicted = (
        values_as_text(first.spec, values[0][steps], every)
        for values in (first.targets, first.predicted)
    )
    expected, predicted = align([expected, predicted])
    size = (len(predicted) + 1) // len(steps)
    for index, right in enumerate(first.right[0][steps]):
        if not right:
            predicted.stylize("red", size * index, size * (index + 1))
    yield Text("One fresh sequence, the first seed:")
    yield key_value_table([("expected", expected), ("predicted", predicted)])
    yield Text()
