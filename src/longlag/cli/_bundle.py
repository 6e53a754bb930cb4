"""`longlag reproduce FILE.zip`: runs trials of a bundle again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from longlag.adapters import user_code
from longlag.answers.format import counted
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._output import OutputFlags, stdout_to_stderr, table
from longlag.cli._progress import training_progress
from longlag.cli._terminal import warn
from longlag.events import Event
from longlag.stop import ctrl_c_stops
from longlag.store import bundle
from longlag.studies import reproduction
from longlag.studies.reproduction import TOLERANCE, Agreement

SAMPLE = 5
"""Number of trials that are run again by default."""


def reproduce_bundle(
    path: Path,
    *,
    sample: int | None,
    every: bool,
    model: Sequence[str],
    problem: Sequence[str],
    output: OutputFlags,
) -> int:
    """Run trials of a bundle again; the exit code."""
    if sample is not None and every:
        raise ValueError("`--sample` and `--all` exclude each other. Use one.")
    if sample is not None and sample < 1:
        raise ValueError(f"`sample` must be at least 1, got {sample}. Use sample=5.")
    trials = bundle.read(path)
    with stdout_to_stderr():
        may_run = reproduction.use_named(trials, model, problem)
        left_out = [each for each in trials if each not in may_run]
        in_no_file = [each for each in left_out if reproduction.in_no_file(each)]
        in_files = [each for each in left_out if each not in in_no_file]
        if in_files and (every or not may_run):
            raise user_code.UnnamedCode(
                f"{path}: {counted(len(in_files), 'trial')} of a user's own code, which runs only "
                f"if you name its file: add {reproduction.code_to_name(in_files)}."
            )
        if not may_run:
            raise ValueError(
                f"{path}: all its trials are of functions that stand in no file, as in a notebook, "
                "so they cannot be run again. Run the study with the functions in a file."
            )
        chosen = reproduction.cheapest(may_run, None if every else sample or SAMPLE)
        series = reproduction.series_of(trials)
        settings = [reproduction.setting_of(each, series) for each in chosen]
        if in_files:
            named = reproduction.code_to_name(in_files)
            warn(f"Left out: {counted(len(in_files), 'trial')} of other code; add {named}.")
        if in_no_file:
            warn(
                f"Left out: {counted(len(in_no_file), 'trial')} of functions that stand in no "
                "file, as in a notebook: nothing tells what they were."
            )
        keep_compiled_programs()
        found: list[Agreement] = []
        with ctrl_c_stops() as stop, training_progress(quiet=output.json) as follow:
            for trial, setting in zip(chosen, settings, strict=True):

                def listen(event: Event, trial=trial) -> None:
                    follow(trial.id, 1, trial.outcome.chance, event)

                agreement = reproduction.reproduce(trial, setting, listen=listen, stop=stop)
                if agreement is None:
                    break
                found.append(agreement)
    output.write(
        lambda: {
            "bundle": path.name,
            "trials": len(trials),
            "tolerance": TOLERANCE,
            "agree": all(each.agrees for each in found),
            "reproduced": [{**each._asdict(), "agrees": each.agrees} for each in found],
            "left_out": [each.id for each in left_out],
        },
        lambda: _summary(found, len(trials)),
    )
    if len(found) < len(chosen):
        warn(f"Interrupted: {len(found)} of {counted(len(chosen), 'trial')} run again.")
        return 130
    return 0 if all(each.agrees for each in found) else 1


def _summary(found: list[Agreement], trials: int) -> Iterator[RenderableType]:
    yield from agreements("trial", found, "in the bundle", letters=8)
    agree = sum(each.agrees for each in found)
    yield Text(f"{agree} of {len(found)} agree; {counted(trials, 'trial')} in the bundle.")


def agreements(
    name: str, found: list[Agreement], before: str, letters: int | None = None
) -> Iterator[RenderableType]:
    """Results that were trained again, a line each, and why they differ.

    Args:
        name: What their names are of: the head of the first column.
        found: The results.
        before: Where the earlier figures stand: the head of their column.
        letters: How many letters of a name to show; all by default.
    """
    names = name, "problem", "framing", "model", "seed", before, "now", "result", "s"
    lines = table(*names, right=("seed", before, "now", "s"))
    for each in found:
        style = "green" if each.agrees else "bold yellow"
        lines.add_row(
            Text(each.trial[:letters]),
            *map(Text, (*each.words, str(each.seed), f"{each.before:.3f}")),
            "" if each.now is None else f"{each.now:.3f}",
            Text(each.result, style=style),
            f"{each.seconds:.1f}",
        )
    yield lines
    yield Text()
    yield from (Text(f"{each.trial[:letters]}: {each.why}.") for each in found if not each.agrees)
    if any(each.result == "within tolerance" for each in found):
        yield Text(f"Within tolerance: skill within {TOLERANCE:g} of that {before}.")
    for elsewhere in dict.fromkeys(each.elsewhere for each in found if each.elsewhere):
        yield Text(f"Results need not be equal to the bit: {elsewhere}.")
