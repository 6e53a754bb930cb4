"""`longlag show`: one sequence and what a framing makes of it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from longlag import streams
from longlag.cli._flags import Count, Json, Output
from longlag.cli._framed import FramingFlags, ProblemFlags, framed
from longlag.cli._output import print_rich, refusing, writable, write_json
from longlag.encodings import ENCODINGS, MISSING
from longlag.knobs import lookup


def show(
    problem: str,
    /,
    *,
    framing: str = "whole",
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    encoding: str = "one-hot",
    seed: Count = 0,
    json: Json = False,
    output: Output = None,
) -> None:
    """Print one sequence and its table of inputs X and targets y.

    It is the first sequence that this seed trains on, encoded and decoded again.

    Args:
        problem: A name from `longlag problems`.
        framing: chunks, window, prefix or whole.
        encoding: one-hot or scaled.
        seed: Seed of the draw.
    """
    writable(output)
    with refusing():
        drawn, laid = framed(problem, problem_knobs, framing, framing_knobs)
        code = lookup("encoding", encoding, ENCODINGS)(values=drawn.symbols)
        samples = laid.sample(drawn, streams.training(seed), 1)
        sequence = drawn.draw(streams.training(seed), 1).inputs[0]
    inputs, targets = (code.decode(code.encode(each)) for each in (samples.inputs, samples.targets))
    if json:
        shown = samples.inputs != MISSING
        document = {
            "problem": repr(drawn),
            "framing": repr(laid),
            "seed": seed,
            "sequence": sequence.tolist(),
            "inputs": _with_gaps(inputs, shown | laid.marks),
            "targets": _with_gaps(targets, samples.scored),
            "scored": samples.scored.tolist(),
            "mask": samples.mask.tolist(),
        }
        return write_json(document, output)
    width = max(len(str(drawn.symbols - 1)), 2 * laid.marks)
    table = Table("X", "", "y", box=None, padding=(0, 1, 0, 0))
    for row, row_targets, row_scored, row_mask in zip(
        inputs, targets, samples.scored, samples.mask, strict=True
    ):
        said = row_targets if laid.per_step else row_targets[-1:]
        counts = row_scored if laid.per_step else row_scored[-1:]
        table.add_row(
            _cells(row, row_mask, width), Text("→", style="dim"), _cells(said, counts, width)
        )
    note = f"{len(inputs)} samples × {inputs.shape[1]} timesteps; · is no data, no target."
    return print_rich(
        Text(f"{drawn!r}, {laid!r}, seed {seed}"),
        Text(", ".join(map(str, sequence)), style="bold"),
        Text(),
        table,
        Text(note, style="dim"),
        path=output,
    )


def _cells(values, present, width: int) -> Text:
    pairs = zip(values, present, strict=True)
    return Text(" ".join(f"{value if there else '·':>{width}}" for value, there in pairs))


def _with_gaps(values, present) -> list[list[int | None]]:
    return [
        [int(value) if there else None for value, there in zip(*row, strict=True)]
        for row in zip(values, present, strict=True)
    ]
