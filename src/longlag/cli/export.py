"""`longlag export`: a fixed data set of a framed problem, for other programs."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from longlag.adapters.datasets.files import Format
from longlag.adapters.datasets.files import export as write
from longlag.cli._flags import Count
from longlag.cli._framed import FramingFlags, ProblemFlags, framed
from longlag.cli._output import command_line, print_rich, refusing


def export(
    problem: str,
    /,
    *,
    framing: str = "whole",
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    out: Path,
    train: Count = 10_000,
    validation: Count = 1000,
    test: Count = 1000,
    seed: Count = 0,
    format: Format = "parquet",
) -> None:
    """Write a data set of a framed problem: a file for each split, and a card.

    A folder of Parquet files is what `datasets.load_dataset(folder)` reads.

    Args:
        problem: A name from `longlag problems`.
        framing: chunks, window, prefix, whole, vector or encoder-decoder.
        out: The folder, made if it is not there.
        train: Sequences to train on.
        validation: Sequences to choose settings on.
        test: Sequences to measure on.
        seed: Seed of the draws.
        format: parquet or npz.
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
