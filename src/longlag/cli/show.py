"""`longlag show`: one sequence and what a framing makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from longlag import streams
from longlag.arrays import MISSING
from longlag.cli._flags import Count, Json, Output
from longlag.cli._framed import FramingFlags, FramingName, ProblemFlags, framed
from longlag.cli._output import aligned, print_rich, refusing, writable, write_json, written
from longlag.encodings import ENCODINGS, encodings
from longlag.knobs import lookup


def show(
    problem: str,
    /,
    *,
    framing: FramingName = "whole",
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    encoding: str | None = None,
    seed: Count = 0,
    json: Json = False,
    output: Output = None,
) -> None:
    """Print one sequence, and the samples X and targets y that it is cut into.

    It is the first training sequence of this seed, encoded and decoded again.

    Args:
        problem: A name from `longlag problems`.
        encoding: Integers as one-hot vectors or scaled to 0 … 1: one-hot (default) or scaled.
        seed: Random seed of the sequence.
    """
    writable(output)
    with refusing():
        drawn, laid = framed(problem, problem_knobs, framing, framing_knobs)
        choice = None if encoding is None else lookup("encoding", encoding, ENCODINGS)
        input_encoding, target_encoding = encodings(drawn, choice)
        samples = laid.sample(drawn, streams.training(seed), 1)
        sequence = drawn.draw(streams.training(seed), 1).inputs[0]
    shows, asks = drawn.inputs, drawn.targets
    inputs = input_encoding.decode(input_encoding.encode(samples.inputs))
    targets = target_encoding.decode(target_encoding.encode(samples.targets))
    first = samples.inputs.reshape(*samples.inputs.shape[:2], -1)[..., 0]
    inputs[first == MISSING] = MISSING
    present = (first != MISSING) | laid.marks
    present &= samples.mask | ~np.array(drawn.masks)
    visible = ~shows.is_blank(inputs)
    if json:
        document = {
            "problem": repr(drawn),
            "framing": repr(laid),
            "seed": seed,
            "sequence": _with_gaps(sequence[None], ~shows.is_blank(sequence)[None])[0],
            "inputs": _with_gaps(inputs, present & visible),
            "targets": _with_gaps(targets, samples.scored),
            "scored": samples.scored.tolist(),
            "mask": samples.mask.tolist(),
        }
        return write_json(document, output)
    shown = [written(shows, row, here) for row, here in zip(inputs, present, strict=True)]
    asked = [written(asks, row, here) for row, here in zip(targets, samples.scored, strict=True)]
    table = Table("X", "", "y", box=None, padding=(0, 1, 0, 0))
    for x, y in zip(aligned(shown), aligned(asked), strict=True):
        table.add_row(x, Text("→", style="dim"), y)
    size = f"{len(inputs)} samples × {inputs.shape[1]} timesteps"
    note = f"{size}; · in X: no data, · in y: not scored"
    note += "; _ is blank." if shows.is_blank(sequence).any() else "."
    return print_rich(
        Text(f"{drawn!r}, {laid!r}, seed {seed}"),
        Text(", ".join(written(shows, sequence, np.ones(len(sequence), bool))), style="bold"),
        Text(),
        table,
        Text(note, style="dim"),
        path=output,
    )


def _with_gaps(values: np.ndarray, present: np.ndarray) -> list[list[Any]]:
    return [
        [value if there else None for value, there in zip(*row, strict=True)]
        for row in zip(values.tolist(), present, strict=True)
    ]
