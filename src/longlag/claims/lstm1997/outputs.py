"""Classes as they were scored in 1997: outputs of 0 and 1, each to be near enough."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.claims.wrapped import Wrapped
from longlag.problems import Episodes, Integers, Ladder, Reals
from longlag.problems._base import Values
from longlag.scores.evaluation import Evaluation
from longlag.trials.criterion import OnTest


@dataclasses.dataclass(frozen=True, kw_only=True)
class AsOutputs(Wrapped):
    """A problem with classes, whose targets are vectors of 0 and 1.

    A prediction is right where every output is within `tolerance` of its target. No output is near
    both 0 and 1, so that chance is that of the classes: a constant is right for one of them.

    Args:
        problem: The problem, with integer targets.
        tolerance: Largest error of an output.

    Shapes: targets `(count, step, class)` float32; all else as of the problem.
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997)"
    ladder: ClassVar[Ladder] = Ladder("length", ())

    tolerance: float

    @property
    def classes(self) -> int:
        """Number of classes."""
        spec = self.problem.targets
        assert isinstance(spec, Integers)
        return spec.values

    @property
    def targets(self) -> Reals:
        return Reals(tolerance=self.tolerance, size=self.classes)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        episodes = self.problem.draw(rng, count)
        return dataclasses.replace(episodes, targets=self._vectors(episodes.targets))

    def oracle(self, inputs: Values) -> Values:
        return self._vectors(self.problem.oracle(inputs))

    def _vectors(self, classes: Values) -> Values:
        return np.eye(self.classes, dtype=np.float32)[classes]


class LastRight(OnTest):
    """The same, where the last step alone counts."""

    def right(self, evaluation: Evaluation) -> NDArray[np.bool_]:
        return evaluation.right[:, -1]

    @property
    def words(self) -> str:
        return f"the end of none of a test set of {self.sequences:,} is wrong"
