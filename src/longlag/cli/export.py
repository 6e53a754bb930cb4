"""`longlag export`: a fixed data set of a framed problem, for other programs."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from longlag.adapters.datasets.files import Format
from longlag.adapters.datasets.files import export as write
from longlag.cli._flags import Count
from longlag.cli._framed import FramingFlags, FramingName, ProblemFlags, framed
from longlag.cli._output import command_line, print_rich, refusing


def export(
    problem: str,
    /,
    *,
    framing: FramingName = "whole",
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    out: Path,
    train: Count = 10_000,
    validation: Count = 1000,
    test: Count = 1000,
    seed: Count = 0,
    format: Format = "parquet",
) -> None:
    """Save a problem as training, validation and test files, with a README about them.

    A folder of Parquet files is what `datasets.load_dataset(folder)` reads.

    Args:
        problem: A name from `longlag problems`.
        out: The folder to write to; it is created if missing.
        train: Sequences for training.
        validation: Sequences for validation.
        test: Sequences for the test.
        seed: Random seed of the sequences.
        format: File format.
    """
    with refusing():
        posed, laid = framed(problem, problem_knobs, framing, framing_knobs)
        made = write(
            posed,
            laid,
            out,
            train=train,
            validation=validation,
            test=test,
            seed=seed,
            format=format,
            command=command_line(),
        )
    table = Table("split", "file", "sequences", "samples", box=None, padding=(0, 2, 0, 0))
    for name, split in made.items():
        table.add_row(name, str(split.path), f"{split.sequences:,}", f"{split.samples:,}")
    print_rich(table, Text(f"{out / 'README.md'} says what it is.", style="dim"))
