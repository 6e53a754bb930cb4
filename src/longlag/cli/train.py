"""`longlag train`: one setting, some seeds, an answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text

from longlag.checks.model import require_valid
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._flags import Count, Json, Output, flags, given
from longlag.cli._framed import FramingFlags, ProblemFlags, framed
from longlag.cli._models import model_named
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
from longlag.cli._progress import following
from longlag.cli.audit import ahead
from longlag.encodings import ENCODINGS
from longlag.events import ctrl_c_stops
from longlag.knobs import lookup
from longlag.models import MODELS
from longlag.scores.evaluation import numbered
from longlag.training import Recipe
from longlag.trials.fit import finish, fit
from longlag.trials.run import Run
from longlag.trials.setting import Setting

if TYPE_CHECKING:  # the types are made at run time, out of the tables
    ModelFlags = RecipeFlags = Any
else:
    ModelFlags = flags("Model", MODELS)
    RecipeFlags = flags("Recipe", {"recipe": Recipe})


def train(
    problem: str,
    /,
    *,
    framing: str = "whole",
    model: str | None = None,
    encoding: str | None = None,
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    model_knobs: ModelFlags = None,
    recipe_knobs: RecipeFlags = None,
    seeds: Count = 1,
    save: Path | None = None,
    json: Json = False,
    output: Output = None,
) -> int:
    """Train a model and score it on fresh sequences.

    Args:
        problem: A name from `longlag problems`.
        framing: chunks, window, prefix, whole, vector or encoder-decoder.
        model: lstm, gru, rnn, bidirectional, seq2seq or mlp, or path/to/file.py:make_model for
            one of your own. By default lstm, or seq2seq where the framing is encoder-decoder.
        encoding: one-hot or scaled, for integers; one-hot by default.
        seeds: Number of seeds.
        save: Write the trained model of the first seed as safetensors; `longlag.load` reads it.
    """
    writable(output)
    writable(save)
    with refusing(), others_aside():
        posed, laid = framed(problem, problem_knobs, framing, framing_knobs)
        usual = "seq2seq" if laid.output == "decoder" else "lstm"
        setting = Setting(
            problem=posed,
            framing=laid,
            model=model_named(model or usual, given(model_knobs)),
            encoding=None if encoding is None else lookup("encoding", encoding, ENCODINGS),
            recipe=Recipe(**given(recipe_knobs)),
        )
        places = numbered(seeds)
        found = setting.audit()
        _ = setting.layout  # refuses a batch that cannot be laid out
        require_valid([setting])
    if found.verdict != "learnable":
        errors.print(
            f"Warning: the audit says {found.verdict}; best score possible {found.ceiling:.3g}. "
            f"{found.remedy}",
            markup=False,
            soft_wrap=True,
        )
    if found.ahead:
        errors.print(f"Warning: {ahead(found)}", markup=False, soft_wrap=True)
    keep_compiled_programs()
    with following(quiet=json) as follow, others_aside():
        chance = setting.problem.chance(setting.scored)
        with ctrl_c_stops() as stop:
            fitting = fit(setting, places, stop=stop)
            run = finish(fitting, lambda event: follow("train", len(places), chance, event))
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
        "accuracy": {
            "mean": run.accuracy.mean,
            "interval": list(run.accuracy.interval),
            "per_seed": list(run.accuracy.per_seed),
        },
        "chance": run.chance,
        "ceiling": run.ceiling,
        "shortcuts": run.shortcuts,
        "whole": run.whole.mean,
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
    words = [written(values, every) for values in (expected, predicted)]
    width = max(map(len, words[0] + words[1]))
    said = Text()
    for word, hit in zip(words[1], evaluation.right[0][asked], strict=True):
        said.append(f"{word:>{width}} ", style="" if hit else "red")
    fresh = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    fresh.add_row("expected", aligned(words)[0])
    fresh.add_row("predicted", said)
    style = {"solved": "bold green", "partly learned": "bold yellow"}.get(run.verdict, "bold red")
    figures = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    few = run.setting.problem.sequences
    where = f"{len(evaluation.inputs):,} fresh sequences a seed"
    if few is not None:
        where = f"all {few} different sequences" if few > 1 else "the one sequence there is"
    interval = "{:.3f} to {:.3f}".format(*run.accuracy.interval)
    name = "accuracy" if run.error is None else "within tolerance"
    shortcuts = (f"{shortcut} {share:.3g}" for shortcut, share in run.shortcuts.items())
    rows = {
        name: f"{run.accuracy.mean:.3f}, interval {interval}, {where}",
        "per seed": "  ".join(f"{share:.3f}" for share in run.accuracy.per_seed),
        "chance": f"{run.chance:.3g}, ceiling {run.ceiling:.3g}",
        "shortcuts": ", ".join(shortcuts),
        "trained": f"{run.updates:,} updates on {max(run.sequences):,} sequences a seed",
        "seconds": f"{run.compile_seconds:.1f} compile, {run.train_seconds:.1f} train, "
        f"{run.total_seconds:.1f} total",
    }
    if run.error is not None:
        rows["error"] = f"{run.error.mean:.3g} root mean square, chance {run.chance_error:.3g}"
    for name, text in rows.items():
        figures.add_row(name, text)
    cut = " Interrupted: this is what is known so far." if run.interrupted else ""
    return [
        Text("One fresh sequence, the first seed:"),
        fresh,
        Text(),
        figures,
        Text(),
        Text.assemble((run.verdict, style), f": {run.reason}.{cut}"),
    ]
