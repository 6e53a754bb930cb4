"""`longlag train`: one setting, some seeds, an answer."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text

from longlag.checks.model import require_valid
from longlag.cli._flags import Count, Json, Output, flags, given
from longlag.cli._output import (
    aligned,
    errors,
    others_aside,
    print_rich,
    refusing,
    writable,
    write_json,
    written,
)
from longlag.cli._setting import SETTING, Model, SettingParameters, trained
from longlag.cli.audit import MEANING, ahead, remedy
from longlag.scores.evaluation import seed_list
from longlag.scores.statistics import caveats
from longlag.training import Recipe
from longlag.trials.run import Run

if TYPE_CHECKING:  # the type is made at run time, out of the table
    RecipeFlags = Any
else:
    RecipeFlags = flags("Recipe", {"recipe": Recipe})


def train(
    problem: str,
    /,
    *,
    model: Model = None,
    flagged: SettingParameters = SETTING,
    recipe: RecipeFlags = None,
    seeds: Count = 1,
    save: Path | None = None,
    json: Json = False,
    output: Output = None,
) -> int:
    """Train a model and score it on fresh sequences.

    Args:
        problem: A name from `longlag problems`.
        seeds: Number of random seeds: 4 trains with seeds 0 to 3.
        save: Write the trained model of the first seed as safetensors; `longlag.load` reads it.
    """
    writable(output)
    writable(save)
    with refusing(), others_aside():
        setting = flagged.setting(problem, model, Recipe(**given(recipe)))
        seed_list(seeds)
        found = setting.audit()
        _ = setting.layout  # refuses a batch that cannot be laid out
        require_valid([setting])
    if found.verdict != "learnable":
        errors.print(
            f"Warning: {found.verdict}: {MEANING[found.verdict]} (longlag audit). Best score "
            f"possible {found.ceiling:.3g}, by guessing "
            f"{setting.problem.chance(found.scored):.3g}. {remedy(found)}",
            markup=False,
            soft_wrap=True,
        )
    if found.ahead:
        errors.print(f"Warning: {ahead(found)}", markup=False, soft_wrap=True)
    run = trained(setting, seeds, quiet=json)
    if save is not None:
        with refusing():
            run.save(save)
    if json:
        write_json(_document(run), output)
    else:
        print_rich(*_summary(run), path=output)
    return 130 if run.interrupted else 0


def _document(run: Run) -> dict[str, Any]:
    setting = run.setting
    return {
        "problem": repr(setting.problem),
        "framing": repr(setting.framing),
        "model": repr(setting.model),
        "encoding": setting.encoding and setting.encoding.title(),
        "recipe": repr(setting.recipe),
        "seeds": list(run.seeds),
        "accuracy": dataclasses.asdict(run.accuracy),
        "chance": run.chance,
        "ceiling": run.ceiling,
        "shortcuts": run.shortcuts,
        "sequence_accuracy": run.sequence_accuracy.mean,
        "error": run.error and {"mean": run.error.mean, "chance": run.chance_error},
        "verdict": run.verdict,
        "reason": run.reason,
        "updates": run.updates,
        "sequences": list(run.sequences),
        "diverged_at": list(run.diverged_at),
        "interrupted": run.interrupted,
        "seconds": {
            "compile": run.compile_seconds,
            "train": run.train_seconds,
            "total": run.total_seconds,
        },
    }


def _summary(run: Run) -> list[Text | Table]:
    evaluation = run.evaluations[0]
    asked = np.flatnonzero(evaluation.scored[0])
    expected, predicted = evaluation.targets[0][asked], evaluation.predicted[0][asked]
    every = np.ones(len(asked), bool)
    words = [written(evaluation.spec, values, every) for values in (expected, predicted)]
    width = max(map(len, words[0] + words[1]))
    marks = Text()
    for word, hit in zip(words[1], evaluation.right[0][asked], strict=True):
        marks.append(f"{word:>{width}} ", style="" if hit else "red")
    fresh = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    fresh.add_row("expected", aligned(words)[0])
    fresh.add_row("predicted", marks)
    style = {"solved": "bold green", "partly learned": "bold yellow"}.get(run.verdict, "bold red")
    figures = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    few = run.setting.problem.sequences
    where = f"{len(evaluation.inputs):,} fresh sequences per seed"
    if few is not None:
        where = f"all {few} different sequences" if few > 1 else "the one sequence there is"
    interval = "{:.3f} to {:.3f}".format(*run.accuracy.interval)
    name = "accuracy" if run.error is None else "within tolerance"
    shortcuts = (f"{shortcut} {share:.3g}" for shortcut, share in run.shortcuts.items())
    rows = {
        name: f"{run.accuracy.mean:.3f}, interval {interval}, {where}",
        "per seed": "  ".join(f"{share:.3f}" for share in run.accuracy.per_seed),
        "guessing": f"{run.chance:.3g}, best score possible {run.ceiling:.3g}",
        "shortcuts": ", ".join(shortcuts),
        "trained": f"{run.updates:,} updates on {max(run.sequences):,} sequences per seed",
        "seconds": f"{run.compile_seconds:.1f} compile, {run.train_seconds:.1f} train, "
        f"{run.total_seconds:.1f} total",
    }
    if run.error is not None:
        rows["error"] = f"{run.error.mean:.3g} root mean square, by guessing {run.chance_error:.3g}"
    for name, text in rows.items():
        figures.add_row(name, text)
    cut = " Interrupted: the score so far." if run.interrupted else ""
    if few := caveats([run.accuracy]):
        figures.add_row("interval", few)
    return [
        Text("One fresh sequence, the first seed:"),
        fresh,
        Text(),
        figures,
        Text(),
        Text.assemble((run.verdict, style), f": {run.reason}.{cut}"),
    ]
