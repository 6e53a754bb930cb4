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
from longlag.cli._flags import Count, code_files, flag_values, flags
from longlag.cli._output import (
    OUTPUT,
    OutputFlags,
    align,
    key_value_table,
    pick,
    stdout_to_stderr,
    values_as_text,
    warn,
)
from longlag.cli._setting import SETTING, Model, SettingFlags, main_reason, training
from longlag.cli.audit import warnings
from longlag.maps import Audit
from longlag.scores.evaluation import seed_list
from longlag.scores.statistics import caveats
from longlag.training import Recipe
from longlag.trials.run import Run

if TYPE_CHECKING:  # the type is created at run time, from the table
    RecipeFlags = Any
else:
    RecipeFlags = flags("Recipe", {"recipe": Recipe})

_STYLES = {"solved": "bold green", "partly learned": "bold yellow"}
_RULES = {
    "most frequent": "always the most frequent value",
    "constant per step": "one value for each step",
    "copy current": "copy this input",
    "copy previous": "copy the previous input",
}


def train(
    problem: str,
    /,
    *,
    model: Model = None,
    options: SettingFlags = SETTING,
    recipe: RecipeFlags = None,
    seeds: Count = 1,
    save: Path | None = None,
    figure: Path | None = None,
    output: OutputFlags = OUTPUT,
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
    with stdout_to_stderr():
        setting = options.setting(problem, model, Recipe(**flag_values(recipe)))
        seed_list(seeds)
        audit = setting.audit()
        _ = setting.layout  # refuses a batch size that does not fit
        require_valid([setting])
    for line in warnings(setting.problem, audit):
        warn(line)
    with training(setting, seeds, quiet=output.json, save=save) as run:
        if figure is not None:
            from longlag.report import figure_of_run, save_figure

            save_figure(figure_of_run(run), figure)
        output.write(lambda: _document(run, audit), lambda: _summary(run, audit))
    return 130 if run.interrupted else 0


def _document(run: Run, audit: Audit) -> dict[str, Any]:
    setting, cause = run.setting, main_reason(run)
    return {
        **{
            name: repr(getattr(setting, name)) for name in ("problem", "framing", "model", "recipe")
        },
        "encoding": setting.encoding and setting.encoding.title(),
        **pick(run, "seeds accuracy chance shortcuts verdict reason updates sequences"),
        **pick(run, "diverged_at interrupted", sequence_accuracy="sequence_accuracy.mean"),
        "ceiling": audit.ceiling,
        "why": cause and cause._asdict(),
        "error": run.error and {"mean": run.error.mean, "chance": run.chance_error},
        "seconds": pick(
            run, "", compile="compile_seconds", train="train_seconds", total="total_seconds"
        ),
    }


def _summary(run: Run, audit: Audit) -> Iterator[RenderableType]:
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
    count = run.setting.problem.sequences
    where = f"{len(first.inputs):,} fresh sequences per seed"
    if count is not None:
        where = f"all {count} different sequences" if count > 1 else "the only sequence"
    few = run.accuracy.left_out
    interval = f" ({few})" if few else ", interval {:.3f} to {:.3f}".format(*run.accuracy.interval)
    simple = (f"{_RULES.get(name, name)} {share:.3g}" for name, share in run.shortcuts.items())
    figures = {
        "accuracy" if run.error is None else "within tolerance": f"{run.accuracy.mean:.3f}"
        f"{interval}, {where}",
        "per seed": "  ".join(f"{share:.3f}" for share in run.accuracy.per_seed),
        "guessing": f"{run.chance:.3g}, best possible score {audit.best}",
        "simple rules": ", ".join(simple),
        "trained": f"{run.updates:,} updates on {max(run.sequences):,} sequences per seed",
        "seconds": f"{run.compile_seconds:.1f} compile, {run.train_seconds:.1f} train, "
        f"{run.total_seconds:.1f} total",
    }
    if run.error is not None:
        figures["error"] = (
            f"{run.error.mean:.3g} root mean square, by guessing {run.chance_error:.3g}"
        )
    if run.accuracy.caveat and not few:
        figures["interval"] = caveats([run.accuracy])
    yield key_value_table(figures.items())
    yield Text()
    cut = " Interrupted: the score so far." if run.interrupted else ""
    style = _STYLES.get(run.verdict, "bold red")
    yield Text.assemble((run.verdict, style), f": {run.reason}.{cut}")
    if cause := main_reason(run):
        yield Text(f"{cause}")
