"""`longlag gates`: the gates and states of a trained model over one sequence."""

from __future__ import annotations

from pathlib import Path

from longlag.cli._flags import code_files
from longlag.cli._output import ANSWER, AnswerFlags, stdout_to_stderr


def gates(
    file: Path,
    /,
    *,
    sequence: str | None = None,
    unit: int | None = None,
    model: str | None = None,
    problem: str | None = None,
    output: AnswerFlags = ANSWER,
) -> None:
    """Show the gates and states of a trained model at each step of a sequence.

    The model is one of `longlag train --save` or `longlag runs TRIAL --save`, with one LSTM, GRU
    or RNN layer or another with gates. `--output gates.svg` draws all units.

    Args:
        file: The trained model, FILE.safetensors.
        sequence: What the steps show, separated by commas. Default: a fresh sequence of its seed.
        unit: Print this unit, from 0. Default: the mean over all.
        model: Your model, if it is of one: path/to/file.py:NAME, unchanged since.
        problem: Your problem, likewise.
    """
    output.check({"FILE": file, **code_files(model, problem)})
    from longlag.cli._setting import numbers  # JAX, which the help does not wait for
    from longlag.trials.checkpoint import load
    from longlag.trials.gates_answer import Gates

    shown = None
    if sequence is not None:
        every = numbers(sequence, "--sequence", float, "3,1,4")
        shown = [int(each) if each.is_integer() else each for each in every]
    with stdout_to_stderr():
        found = Gates.of(load(file, model=model, problem=problem), shown, unit)
    output.write_answer(found)
