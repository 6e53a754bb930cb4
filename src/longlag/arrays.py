"""What arrays of problems, framings and models have in common."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

MISSING = -1
"""Stands in integers where a step lacks data or has no target; in reals NaN stands there."""

Output = Literal["every", "last", "end", "vector", "decoder"]
"""How a sample is answered: at every step, by the last output, by that of the last step before
padding, by the last output cut into the values of an answer, or by a decoder, teacher-forced in
training and free-running in evaluation."""

LARGEST_SINGLE = float(np.finfo(np.float32).max)
"""Largest number in single precision: larger settings have the effect of this one."""

EXACT = 2**53
"""Whole numbers up to it are exact as reals of 64 bits."""

ROUNDED = "numbers above 2**53 are rounded: subtract a constant"
"""Why larger ones are refused, and the remedy."""

RESOLUTION = 4 * float(np.finfo(np.float32).eps)
"""Relative error of a value in single precision after a few operations."""

RESOLUTION_DOUBLE = 4 * float(np.finfo(np.float64).eps)
"""The same in double precision."""

Last = bool | Literal["shown"]
"""Which outputs a model is to give: of every step, of the last, of the last that counts."""


def last_of(output: str) -> Last:
    """Which outputs of a model answer a sample so."""
    return "shown" if output == "end" else output != "every"


def scored(targets: Any) -> Any:
    """Where a target counts, for an array of JAX or of NumPy, as one of its kind."""
    whole = np.issubdtype(targets.dtype, np.integer)
    return targets != MISSING if whole else targets == targets  # NaN is not


def unmasked(rule: str, values: Any) -> np.ndarray:
    """Values as an array of NumPy.

    Raises:
        TypeError: They are no array: rows differ in length, say.
        ValueError: It has a mask, without which values would count that are none.

    >>> unmasked("predict: `sequence` is", np.ma.array([1, 2], mask=[False, True]))
    Traceback (most recent call last):
    ValueError: predict: `sequence` is a masked array. Fill it: .filled(value).
    """
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{rule} a masked array. Fill it: .filled(value).")
    try:
        return np.asarray(values)
    except (TypeError, ValueError):  # in words of NumPy
        raise TypeError(
            f"{rule} no array: its rows differ in length, or are no numbers. Use a list of numbers."
        ) from None


def near(predicted: Any, targets: Any, within: float, resolution: float = RESOLUTION) -> Any:
    """Which predictions are within a distance of their targets, for arrays of JAX or of NumPy.

    Rounding may move a prediction by `resolution` times the size of its target: one that is exactly
    so far away counts, whatever the unit.

    >>> near(np.float32([0.3, 0.3e-9]), np.float32([0.2, 0.2e-9]), 0.1e-9).tolist()
    [False, True]
    """
    return abs(predicted - targets) <= within + resolution * abs(targets)
