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

Last = bool | Literal["shown"]
"""Which outputs a model is to give: of every step, of the last, of the last that counts."""


def last_of(output: str) -> Last:
    """Which outputs of a model answer a sample so."""
    return "shown" if output == "end" else output != "every"


def scored(targets: Any) -> Any:
    """Where a target counts, for an array of JAX or of NumPy, as one of its kind."""
    whole = np.issubdtype(targets.dtype, np.integer)
    return targets != MISSING if whole else targets == targets  # NaN is not
