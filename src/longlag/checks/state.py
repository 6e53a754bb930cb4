"""Whether a model takes up the state that it returned, and returns the one after the last step."""

from __future__ import annotations

import numpy as np

from longlag.checks.arrays import takes_state
from longlag.checks.check import CheckFailed
from longlag.checks.runs import NOISE, Runs, error_text
from longlag.training import Batches

_ROUNDING = 1e-3
"""Largest difference of outputs that are computed in another order, as a share of the largest."""


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
    if not runs.setting.model.remembers:  # by its kind, so the audit counts no state
        return "this kind of model has none, so that nothing reaches the next batch"
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
    elif runs.batches.mask is None:
        _compare_with_one_batch(runs)
    _require_third(runs)
    return f"carried: {runs.model.state_size} numbers a row"


def _reaches_next(runs: Runs, steps: np.ndarray) -> bool:
    """Whether outputs after the first batch move with its inputs of these steps."""
    first = np.arange(len(runs.batches.inputs)) == 0
    return bool(runs.moved(runs.changed(first[:, None, None] & steps))[1:].any())


def _require_third(runs: Runs) -> None:
    """Require that state of the second of three batches reaches the third."""
    batches, other = runs.batches, runs.changed(np.ones(1, bool))
    order = np.array([0, 1, 0])
    three = [None if each is None else each[order] for each in batches[:3]]
    changed = [each if each is None else each.copy() for each in three]
    changed[0][1] = other.inputs[1]  # pyright: ignore[reportOptionalSubscript]
    reset = np.array([True, False, False])
    before, after = (runs.run(Batches(*each, reset))[2] for each in (three, changed))  # pyright: ignore
    if np.abs(after - before).max() <= NOISE * np.abs(before).max():
        raise CheckFailed(
            "state of the first batch reaches the next, but none of the second reaches the third",
            "Return the new state in each call, also where one is passed.",
        )


def _compare_with_one_batch(runs: Runs) -> None:
    """Warn where sequences in two batches have other outputs than in one."""
    two = runs.batches.inputs[:2]
    inputs = np.concatenate(list(two), axis=1)[None]
    whole = runs.batches._replace(inputs=inputs, reset=np.array([True]))
    try:
        one = runs.run(whole)[0, :, -runs.base.shape[2] :]
    except (Exception, SystemExit):
        return  # it takes no more steps
    if np.abs(one - runs.base[1]).max() > _ROUNDING * np.abs(one).max():
        runs.warnings.append(
            "steps that are cut into two batches have other outputs than in one: return all of "
            "the state, such as both arrays of an LSTM; right only where each batch counts its "
            "steps anew"
        )


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
