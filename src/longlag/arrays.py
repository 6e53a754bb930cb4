"""What arrays of problems, framings and models have in common."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

MISSING = -1
"""Stands in integers where a step lacks data or has no target; in reals NaN stands there."""

Output = Literal["every", "last", "vector", "decoder"]
"""How a sample is answered: at every step, by the last output, by the last output cut into
the values of an answer, or by a decoder, teacher-forced in training and free-running in
evaluation."""


def scored(targets: Any) -> Any:
    """Where a target counts, for an array of JAX or of NumPy, as one of its kind."""
    whole = np.issubdtype(targets.dtype, np.integer)
    return targets != MISSING if whole else targets == targets  # NaN is not
