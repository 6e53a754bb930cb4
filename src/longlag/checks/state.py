"""Whether a model takes up the state that it returned, and returns the one after the last step."""

from __future__ import annotations

import numpy as np

from longlag.checks.arrays import takes_state
from longlag.checks.check import CheckFailed
from longlag.checks.runs import NOISE, Runs, error_text
from longlag.training import Batches


def carried_state(runs: Runs) -> str:
    """Evidence that state reaches the next batch, where the framing carries it.

    Raises:
        CheckFailed: It does not, is of an earlier step, or does not begin from zeros.
    """
    has_state = takes_state(runs.model)
    if has_state and not runs.zeros_are_none():
        raise CheckFailed(
            "without a state it does not start from zeros", "Let None mean a state of zeros."
        )
    if not runs.layout.carry or len(runs.batches.inputs) < 2:
        none = "a sequence is one batch" if runs.layout.carry else "this framing carries none"
        return f"{none}{_returned_state(runs) if has_state else ''}"
    if not has_state or not _reaches_next(runs, np.ones(1, bool)):
        raise CheckFailed(
            "no state reaches the next batch, but the framing carries it",
            "Give the model a parameter `state`, None at first, and return (outputs, state); in "
            "Keras use stateful=True. Or use a framing without carry.",
        )
    steps = np.arange(runs.layout.steps.shape[-1])
    if runs.batches.mask is None and not _reaches_next(runs, steps == steps[-1]):
        if not _reaches_next(runs, steps > 0):
            raise CheckFailed(
                "the state that it returns depends on none of the inputs after step 0",
                "Return the state after the last step of a batch.",
            )
        runs.warnings.append(
            "the last input of a batch changes nothing in the next: return the state after the "
            "last step"
        )
    return f"carried: {runs.model.state_size} numbers a row"


def _reaches_next(runs: Runs, steps: np.ndarray) -> bool:
    """Whether outputs after the first batch move with its inputs of these steps."""
    first = np.arange(len(runs.batches.inputs)) == 0
    return bool(runs.moved(runs.changed(first[:, None, None] & steps))[1:].any())


def _returned_state(runs: Runs) -> str:
    """Run the same inputs twice, the second time from the state that the first returned."""
    twice = [None if each is None else np.repeat(each[:1], 2, 0) for each in runs.batches[:3]]
    try:
        first, second = runs.run(Batches(*twice, np.array([True, False])))  # pyright: ignore
    except (Exception, SystemExit) as error:
        raise CheckFailed(
            f"called with the state that it returned it {error_text(error)}",
            "Accept the state in the form in which it is returned.",
        ) from error
    moved = np.abs(second - first).max() > NOISE * np.abs(first).max()
    if not moved and runs.layout.output == "every":
        raise CheckFailed(
            "the state that it returned, passed to the next call, changes no output",
            "Start from the parameter `state`, or leave it out.",
        )
    effect = "changes" if moved else "does not change"
    return f"; passed on, it {effect} the next outputs: {runs.model.state_size} numbers a row"
