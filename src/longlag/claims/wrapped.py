"""Problems around another one, of which a source changes how it is drawn or scored."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from longlag.problems import Episodes, Problem, Spec
from longlag.problems._base import Steps, Values


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wrapped(Problem):
    """A problem that is as the one within it, but for what a subclass says anew.

    Args:
        problem: The problem within.
    """

    problem: Problem

    @property
    def inputs(self) -> Spec:
        return self.problem.inputs

    @property
    def targets(self) -> Spec:
        return self.problem.targets

    @property
    def steps(self) -> int:
        return self.problem.steps

    @property
    def answers(self) -> int:
        return self.problem.answers

    @property
    def varies(self) -> bool:
        return self.problem.varies

    @property
    def masks(self) -> bool:
        return self.problem.masks

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        return self.problem.draw(rng, count)

    def scored(self) -> Steps:
        return self.problem.scored()

    def chance_by_step(self) -> NDArray[np.float64]:
        return self.problem.chance_by_step()

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        return self.problem.ceiling_by_step(sees)

    def needs(self) -> NDArray[np.bool_]:
        return self.problem.needs()

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        return self.problem.needs_of(inputs)

    def oracle(self, inputs: Values) -> Values:
        return self.problem.oracle(inputs)
