"""The base of problems that ask once: at the last step, wherever that is."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.problems._base import Episodes, Problem, Steps, Values

Drawn = NDArray[Any]
"""Uniform reals of [0, 1) that an episode is made of, one row each."""


class AtEnd(Problem):
    """A problem with one target, at the last step of an episode.

    Episodes have from `shortest` to `steps` steps. Where these differ, shorter ones are padded.
    """

    independent: ClassVar[bool] = True

    @property
    def shortest(self) -> int:
        """Number of steps of the shortest episode."""
        return self.steps

    @property
    def varies(self) -> bool:
        return self.shortest < self.steps

    @property
    def masks(self) -> bool:
        return self.varies

    def scored(self) -> Steps:
        return np.arange(self.steps) >= self.shortest - 1

    def asked(self, inputs: Values, lengths: NDArray[np.intp]) -> Episodes:
        """Episodes of these lengths, with the targets of the oracle at their last steps."""
        steps = np.arange(self.steps)
        scored = steps == lengths[:, None] - 1
        present = steps < lengths[:, None] if self.varies else None
        return Episodes(inputs, self.oracle(inputs), scored, present)

    def uniform_lengths(self, drawn: Drawn) -> NDArray[np.intp]:
        """Lengths from `shortest` to `steps`, each as likely, from a column of uniform reals."""
        return self.shortest + below(drawn, self.steps - self.shortest + 1)

    def episode(self, inputs: Values) -> tuple[Problem, Episodes]:
        problem, episodes = super().episode(inputs)
        if not self.varies:
            return problem, episodes
        if len(inputs) < self.shortest:
            raise ValueError(
                f"{type(self).__name__}: a sequence must show from {self.shortest} to {self.steps} "
                f"values, got {len(inputs)}. Give {self.shortest} or more."
            )
        scored = np.arange(self.steps)[None] == len(inputs) - 1
        return problem, dataclasses.replace(episodes, scored=scored)

    def showing(self, length: int) -> Problem:
        """The problem with this `length`: where lengths differ, that of the shortest sequence."""
        return dataclasses.replace(self, length=length)


def below(drawn: Drawn, count: int | NDArray[Any]) -> NDArray[np.intp]:
    """Integers of [0, count), each as likely, from uniform reals.

    >>> below(np.array([0.0, 0.49, 0.99]), 2).tolist()
    [0, 0, 1]
    """
    return (drawn.astype(np.float64) * count).astype(np.intp)
