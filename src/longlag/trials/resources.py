"""What training and predicting take: operations, memory and time, beside the scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Resources(NamedTuple):
    """What a trial took; None where a figure is not known.

    Attributes:
        flops_per_update: Floating-point operations of the matrix products and convolutions of an
            update of the weights; a multiplication and an addition are two.
        memory: Largest number of bytes that the program of training holds, with its batches; of
            another framework that the tensors of an update hold.
        seconds_per_step: Seconds to predict a step of a sample, many at once.
    """

    flops_per_update: int | None = None
    memory: int | None = None
    seconds_per_step: float | None = None

    @classmethod
    def of(cls, several: Iterable[Resources]) -> Resources:
        """The most operations and memory of several trials, and their median time.

        >>> Resources.of([Resources(2, 10, 0.5), Resources(4, None, 0.25), Resources()])
        Resources(flops_per_update=4, memory=10, seconds_per_step=0.375)
        """
        known = [
            [each for each in column if each is not None]
            for column in zip(*several, strict=True)  # a column is a figure
        ] or [[], [], []]
        operations, memory, seconds = known
        return cls(
            max(operations, default=None),
            max(memory, default=None),
            float(np.median(seconds)) if seconds else None,
        )
