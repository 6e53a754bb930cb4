"""`longlag show`: one sequence, and the samples of a framing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from longlag import streams
from longlag.answers.format import counted
from longlag.arrays import MISSING
from longlag.cli._flags import (
    Count,
    EncodingName,
    FramingFlags,
    FramingName,
    ProblemFlags,
    code_files,
    problem_and_framing,
)
from longlag.cli._output import OUTPUT, OutputFlags, align, table, values_as_text
from longlag.encodings import ENCODINGS, encodings
from longlag.knobs import lookup
from longlag.problems.drawing import draw as draw_episodes


def show(
    problem: str,
    /,
    *,
    framing: FramingName = "whole",
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    encoding: EncodingName = None,
    seed: Count = 0,
    output: OutputFlags = OUTPUT,
) -> None:
    """Print one sequence, and the samples X and targets y that it is cut into.

    It is the first training sequence of this seed, encoded and decoded again.

    Args:
        problem: A name from `longlag problems`.
        seed: Random seed of the sequence.
    """
    output.check(code_files(problem))
    problem_object, framing_object = problem_and_framing(
        problem, problem_knobs, framing, framing_knobs
    )
    choice = None if encoding is None else lookup("encoding", encoding, ENCODINGS)
    input_encoding, target_encoding = encodings(problem_object, choice)
    samples = framing_object.sample(problem_object, streams.training(seed), 1)
    episode = draw_episodes(problem_object, streams.training(seed), 1)
    sequence = episode.inputs[0]
    if problem_object.varies and episode.present is not None:
        sequence = sequence[episode.present[0]]  # up to its end
    inputs = input_encoding.decode(input_encoding.encode(samples.inputs))
    targets = target_encoding.decode(target_encoding.encode(samples.targets))
    first = samples.inputs.reshape(*samples.inputs.shape[:2], -1)[..., 0]
    inputs[first == MISSING] = MISSING
    present = (first != MISSING) | framing_object.marks
    present &= samples.mask | ~np.array(problem_object.masks)
    blank = problem_object.inputs.is_blank

    def document() -> dict[str, Any]:
        return {
            "problem": repr(problem_object),
            "framing": repr(framing_object),
            "seed": seed,
            "sequence": _with_gaps(sequence[None], ~blank(sequence)[None])[0],
            "inputs": _with_gaps(inputs, present & ~blank(inputs)),
            "targets": _with_gaps(targets, samples.scored),
            "scored": samples.scored.tolist(),
            "mask": samples.mask.tolist(),
        }

    def summary() -> Iterator[RenderableType]:
        yield Text(f"{problem_object!r}, {framing_object!r}, seed {seed}")
        values = values_as_text(problem_object.inputs, sequence, np.ones(len(sequence), bool))
        yield Text(", ".join(values), style="bold")
        yield Text()
        columns = (
            (problem_object.inputs, inputs, present),
            (problem_object.targets, targets, samples.scored),
        )
        lines = (
            align([values_as_text(spec, *row) for row in zip(values, exist, strict=True)])
            for spec, values, exist in columns
        )
        pairs = table("X", "", "y", gap=1)
        for x, y in zip(*lines, strict=True):
            pairs.add_row(x, Text("→", style="dim"), y)
        yield pairs
        size = f"{counted(len(inputs), 'sample')} × {counted(inputs.shape[1], 'timestep')}"
        end = "; _ is blank." if blank(sequence).any() else "."
        yield Text(f"{size}; · in X: no data, · in y: not scored{end}", style="dim")

    output.write(document, summary)


def _with_gaps(values: np.ndarray, present: np.ndarray) -> list[list[Any]]:
    return [
        [value if exists else None for value, exists in zip(*row, strict=True)]
        for row in zip(values.tolist(), present, strict=True)
    ]
