"""Problems as files: a fixed data set in a folder, with a card that describes it."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from longlag import files, streams
from longlag.framings import Framing, Samples
from longlag.problems import Part, Problem, Series, Spec
from longlag.problems.drawing import draw
from longlag.version import longlag_version

Format = Literal["parquet", "npz"]

_KINDS = {"parquet": "Parquet", "npz": "NumPy"}

_STREAMS = {
    "train": streams.training,
    "validation": streams.validation,
    "test": streams.evaluation,
}
"""The stream of each split: streams have no sequence in common."""

_PARTS: dict[str, Part] = {"train": "training", "validation": "validation", "test": "evaluation"}
"""The part of each split, for a problem with a limited number of rows."""


class Split(NamedTuple):
    """A part of a data set.

    Attributes:
        path: Its file.
        sequences: Number of sequences.
        samples: Number of samples.
    """

    path: Path
    sequences: int
    samples: int


def export(
    problem: Problem,
    framing: Framing,
    folder: str | os.PathLike[str],
    *,
    train: int = 10_000,
    validation: int = 1000,
    test: int = 1000,
    seed: int = 0,
    format: Format = "parquet",
    command: str = "",
    force: bool = False,
) -> dict[str, Split]:
    """Write a data set: a file for each split, and a card that describes it.

    Each row is a sample: the number of its `sequence`, `inputs`, `targets` (-1, or NaN for reals,
    where nothing is scored) and `mask`. `datasets.load_dataset(folder)` reads a folder of Parquet
    files.

    Args:
        problem: The problem.
        framing: How its episodes become samples.
        folder: The folder to write to; created if missing.
        train: Number of training sequences; 0 for none.
        validation: Number of validation sequences; 0 for none.
        test: Number of test sequences; 0 for none.
        seed: The seed of the sequences.
        format: `parquet` (extra `parquet`) or `npz`, which NumPy reads.
        command: The command that writes it, for the card.
        force: Replace files that longlag did not write.

    Returns:
        The splits, by name.

    Raises:
        ValueError: The framing does not fit, a number is negative, pyarrow is not installed, or
            longlag did not write a file that is there.

    >>> import tempfile
    >>> from longlag import EchoLag, Window
    >>> folder = tempfile.mkdtemp()
    >>> splits = export(EchoLag(), Window(timesteps=5), folder, train=10, test=2, format="npz")
    >>> with np.load(splits["train"].path) as arrays:
    ...     splits["train"].samples, arrays["inputs"].shape
    (200, (200, 5))
    """
    counts = {"train": train, "validation": validation, "test": test}
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"export: `{name}` must be at least 0, got {count}. Use {name}=0.")
    layout = framing.layout(problem, 1)
    scored = np.isin(np.arange(problem.steps), layout.scored_steps)
    if format == "parquet":
        _check_parquet()
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    kinds = {f"{name}.{format}": _KINDS[format] for name, count in counts.items() if count}
    for name, kind in {**kinds, "README.md": "data card"}.items():
        files.check_save(home / name, "export", kind, force=force)
    splits: dict[str, Split] = {}
    for name, count in counts.items():
        if not count:
            continue
        part = problem.for_part(_PARTS[name])
        episodes = None if name == "train" else problem.held_out(_PARTS[name], scored)
        if episodes is None:
            episodes = draw(part, _STREAMS[name](seed), count)
        count = len(episodes.inputs)  # of a series each target once, whatever the argument
        samples = layout.gather(episodes)
        path = home / f"{name}.{format}"
        sequence = np.repeat(np.arange(count, dtype=np.int32), len(layout.steps))
        with files.replacing(path) as beside:
            (_parquet if format == "parquet" else _npz)(beside, sequence, samples)
        splits[name] = Split(path, count, len(sequence))
    card = _card(problem, framing, splits, seed, format, command)
    files.write(home / "README.md", card)
    return splits


def _check_parquet() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise ValueError(
            "export: pyarrow is not installed. Use pip install 'longlag[parquet]', or format='npz'."
        ) from None


def _parquet(path: Path, sequence: np.ndarray, samples: Samples) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {"sequence": pyarrow.array(sequence)}
    for name, array in samples._asdict().items():
        column = pyarrow.array(np.ascontiguousarray(array).ravel())
        for size in array.shape[:0:-1]:
            column = pyarrow.FixedSizeListArray.from_arrays(column, size)
        columns[name] = column
    table = pyarrow.table(columns, metadata={"longlag": longlag_version()})
    pyarrow.parquet.write_table(table, path)


def _npz(path: Path, sequence: np.ndarray, samples: Samples) -> None:
    np.savez_compressed(path, sequence=sequence, **samples._asdict())
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = f"longlag {longlag_version()}".encode()


def _card(
    problem: Problem,
    framing: Framing,
    splits: Mapping[str, Split],
    seed: int,
    format: Format,
    command: str,
) -> str:
    """The card: YAML for programs, then text for readers."""
    scored = np.isin(np.arange(problem.steps), framing.layout(problem, 1).scored_steps)
    total = sum(split.samples for split in splits.values())
    sizes = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")
    size = sizes[min(len(sizes) - 1, max(0, len(str(total)) - 3))]
    real = problem.forecasts
    head = [
        "---",
        f"pretty_name: {json.dumps(f'{problem!r}, {framing!r}')}",
        f"tags: [longlag, {'time-series' if real else 'synthetic'}, sequence-modeling, memory]",
        f"size_categories: [{json.dumps(size)}]",
    ]
    if format == "parquet":
        head += ["configs:", "- config_name: default", "  data_files:"]
        for name, split in splits.items():
            head += [f"  - split: {name}", f"    path: {split.path.name}"]
    none = "-1" if np.issubdtype(problem.targets.dtype, np.integer) else "NaN"
    rows = "\n".join(
        f"| {name} | {split.path.name} | {split.sequences:,} | {split.samples:,} |"
        for name, split in splits.items()
    )
    summary = (type(problem).__doc__ or "").strip().split("\n")[0]
    how = f"\n\n```\n{command}\n```" if command else ""
    best = (
        f"Chance {problem.chance(scored):.4g}, ceiling {problem.ceiling(scored):.4g}: the best "
        "accuracy over\n  scored targets without the inputs, and the best possible."
    )
    source = f"The splits come from separate streams of seed {seed}: they share no sequence."
    if isinstance(problem, Series):
        best = (
            f"Scaling: {problem.scale}; an error of 1 is {problem.unit:.6g} in the unit of "
            f"{problem.target}."
        )
        spans = (problem.span(_PARTS[name]) for name in splits)
        ranges = ", ".join(f"{span.begin + 1} to {span.end}" for span in spans)
        source = (
            f"The targets of the splits are of other rows each ({ranges}): those of training drawn "
            f"with seed {seed}, every other one once."
        )
    return (
        "\n".join(head)
        + f"""
---

# {type(problem).__name__}

{summary}

- Problem: `{problem!r}`. Source: {problem.source}.
- Framing: `{framing!r}`.
- {best}

| split | file | sequences | samples |
|---|---|---|---|
{rows}

Each row is a sample:

- `sequence`: the number of its sequence;
- `inputs`: {_describe(problem.inputs)}, -1 where the row lacks data;
- `targets`: {_describe(problem.targets)}, {none} where nothing is scored;
- `mask`: false where a step is to be skipped.

{source}

Drawn by longlag {longlag_version()}; the same seed gives the same values.{how}
"""
    )


def _describe(spec: Spec) -> str:
    """The values of a spec, as text."""
    kind = "integers" if np.issubdtype(spec.dtype, np.integer) else "reals"
    several = f"vectors of {spec.shape[0]} " if spec.shape else ""
    return f"{several}{kind} {spec.rule}"
