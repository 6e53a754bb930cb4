"""What the outputs of a model are: logits or probabilities."""

from __future__ import annotations

import numpy as np

from longlag.checks.check import CheckFailed


def require_logits(outputs: np.ndarray, *, classifies: bool, found: str, chosen: str) -> None:
    """Refuse probabilities in place of logits.

    Args:
        outputs: The outputs, or the logarithm of declared probabilities, `(update, row, output
            step, output)`.
        classifies: Whether a target is one of several values.
        found: The kind of outputs that the model is found to have, `logits` or `probabilities`.
        chosen: The kind that the user named.

    Raises:
        CheckFailed: They are no logits.
    """
    declared = classifies and outputs.shape[-1] > 1 and "probabilities" in (found, chosen)
    with np.errstate(over="ignore"):  # of large logits
        logarithms = np.exp(outputs)
    plain = logarithms if declared else outputs
    known = declared and _sums_to_one(plain)
    last_axis = "Leave the softmax out; else let it run over the last axis."
    if classifies and not known and (axis := _wrong_axis(plain) or _wrong_axis(logarithms)):
        raise CheckFailed(
            f"the outputs sum to 1 over {axis}: a softmax over the wrong axis", last_axis
        )
    if declared and not known:
        leave = "Leave outputs='probabilities' out."
        raise CheckFailed(
            "its outputs are declared as probabilities, but they do not sum to 1",
            leave if chosen == "probabilities" else last_axis,
        )
    if classifies and _sums_to_one(outputs):
        raise CheckFailed(
            "the outputs of every step are probabilities, not logits",
            "Leave the softmax out, or use adopt(…, outputs='probabilities').",
        )


def bounded(outputs: np.ndarray, with_large_weights: np.ndarray) -> str:
    """What bounds the logits, as a sentence; empty if nothing does.

    Args:
        outputs: The outputs.
        with_large_weights: The same with large weights; without an activation those are large,
            and of both signs.
    """
    found = [each for each in (outputs, with_large_weights) if np.isfinite(each).all()]
    least, most = min(each.min() for each in found), max(each.max() for each in found)
    zeros = min((each == 0).mean() for each in found)
    if least == 0 < most and zeros > 0.05:
        return (
            f"no output is below 0, and {zeros:.0%} are 0, as after a ReLU, where no gradient "
            f"passes: {_LAST}"
        )
    for low, kind in ((0, "a sigmoid"), (-1, "tanh")):
        if low <= least < low + 0.1 and 0.9 < most <= 1:
            return (
                f"every output is between {low} and 1, as after {kind}, so that no probability is "
                f"near 1: {_LAST}"
            )
    return ""


_LAST = "cross-entropy takes logits of any size; leave that activation out after the last layer"


def _sums_to_one(outputs: np.ndarray) -> bool:
    inside = (outputs >= 0).all() and (outputs <= 1).all()
    return bool(inside and np.allclose(outputs.sum(axis=-1), 1, atol=1e-4))


def _wrong_axis(outputs: np.ndarray) -> str:
    """The axis, not the last, over which outputs `(update, row, time, output)` sum to 1."""
    for axis, name in ((1, "the rows"), (2, "time")):
        if outputs.shape[axis] > 1 and _sums_to_one(np.moveaxis(outputs, axis, -1)):
            return name
    return ""
