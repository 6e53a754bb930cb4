"""`longlag export`: a fixed data set of a framed problem, for other programs."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from longlag import files
from longlag.adapters.datasets.files import Format
from longlag.adapters.datasets.files import export as write
from longlag.cli._flags import (
    Count,
    FramingFlags,
    FramingName,
    ProblemFlags,
    problem_and_framing,
)
from longlag.cli._output import Force, command_line, print_rich, table

_SPLITS = "train", "validation", "test"
_OWN = {f"{split}.parquet": "Parquet" for split in _SPLITS}
_OWN |= {f"{split}.npz": "NumPy" for split in _SPLITS} | {"README.md": "data card"}


def export(
    problem: str,
    /,
    *,
    framing: FramingName = "whole",
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    out: Path | None = None,
    train: Count = 10_000,
    validation: Count = 1000,
    test: Count = 1000,
    seed: Count = 0,
    format: Format = "parquet",
    force: Force = False,
) -> None:
    """Save a problem as training, validation and test files, with a README about them.

    A folder of Parquet files is what `datasets.load_dataset(folder)` reads.

    Args:
        problem: A name from `longlag problems`.
        out: The folder to write to, required; it is created if missing.
        train: Sequences for training.
        validation: Sequences for validation.
        test: Sequences for the test.
        seed: Random seed of the sequences.
        format: File format.
    """
    chosen = problem_and_framing(problem, problem_knobs, framing, framing_knobs)
    if out is None:  # optional above, so that what is wrong with the problem is said first
        folder = Path(problem).stem  # `mine` for a problem of mine.py
        raise ValueError(f"longlag export needs a folder to write to. Use --out {folder}.")
    files.check_folder(out, _OWN, force=force)
    splits = write(
        *chosen,
        out,
        train=train,
        validation=validation,
        test=test,
        seed=seed,
        format=format,
        command=command_line(),
    )
    splits_table = table("split", "file", "sequences", "samples")
    for name, split in splits.items():
        path = Text(str(split.path))
        splits_table.add_row(name, path, f"{split.sequences:,}", f"{split.samples:,}")
    print_rich(splits_table, Text(f"{out / 'README.md'} describes the data set.", style="dim"))
