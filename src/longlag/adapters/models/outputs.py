"""The outputs of a user's model, with their shape checked."""

from __future__ import annotations

from typing import Any

import numpy as np


def checked(outputs: Any, steps: tuple[int, ...], width: int, last: bool, at: Any = None) -> Any:
    """The outputs as `(row, target, output)`, with their shape checked.

    Args:
        outputs: The outputs of a model.
        steps: Rows and timesteps.
        width: Size of the last axis.
        last: Whether only the last output of a row is needed.
        at: Indices `(row, time)` of the last outputs; by default the last timestep.

    Raises:
        ValueError: They have another shape or type.
    """
    kind = type(outputs).__name__
    if "logits" in (outputs if isinstance(outputs, dict) else dir(outputs)):
        raise ValueError(f"the model gives {kind}, no array. Return only its logits.")
    if isinstance(outputs, tuple | list | dict):
        raise ValueError(
            f"the model gives a {kind} of {len(outputs)}. Give only the "
            "outputs; with a parameter `state`, a pair of outputs and state."
        )
    if outputs is None:
        raise ValueError("the model gives nothing (None). Return the outputs.")
    rows, timesteps = steps
    shape = tuple(np.shape(outputs))
    every, single = (rows, timesteps, width), (rows, width)
    if "float" not in str(getattr(outputs, "dtype", type(outputs))):
        kind = getattr(outputs, "dtype", kind)
        raise ValueError(f"the model gives {kind}, but outputs are floats. Give logits.")
    if last and shape in (single, (rows, 1, width)):
        return outputs.reshape(rows, 1, width)
    if shape != every:
        expected = f"{every} or {single}" if last else f"{every}"
        raise ValueError(
            f"the model gives outputs {shape}, expected {expected}. {_remedy(shape, every)}"
        )
    if at is not None:
        return outputs[at][:, None]
    return outputs[:, -1:] if last else outputs


def _remedy(shape: tuple[int, ...], every: tuple[int, ...]) -> str:
    rows, timesteps, width = every
    if shape == (rows, width):
        return (
            "Give an output at every step (return_sequences=True in Keras), or use framing "
            "Window() or Prefix(), which need only the last."
        )
    if len(shape) > 1 and shape[:2] == (timesteps, rows) and timesteps != rows:
        return "Put rows before time (batch_first=True in PyTorch)."
    if shape[:-1] == every[:-1]:
        return f"Make the last layer `sizes.outputs` ({width}) wide."
    return "Give `(row, time, output)`."
