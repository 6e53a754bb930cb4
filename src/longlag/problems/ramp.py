"""The ramp: evenly spaced reals, and after each the next one."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Reals


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ramp(Problem):
    """Which value comes next on a ramp?

    The values are i / length for i from 0; each step shows one and the target is the next
    one. Nothing is random: there is one sequence, the same in training and in
    evaluation.

    Args:
        length: Values on the ramp, at least 2.
        tolerance: Distance from the target within which a prediction is right, above 0;
            two fifths of a step of the ramp by default, so that no constant fits two.

    Shapes: inputs and targets `(count, length - 1)` float32 in [0, 1); scored alike, true.

    Scores: share of predictions within tolerance, and the root mean square error. Chance
        is that of the best constant; ceiling 1, error 0.

    Ladder: length 10, 20, 50, 100, 200; the tolerance shrinks with it.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Brownlee (2017), five sequence problems, "Sequence Learning Problem".

    >>> import numpy as np
    >>> inputs, targets, _ = Ramp(length=5).draw(np.random.default_rng(0), 1)
    >>> print(inputs[0].round(1), targets[0].round(1))
    [0.  0.2 0.4 0.6] [0.2 0.4 0.6 0.8]
    """

    source: ClassVar[str] = "Brownlee (2017), five sequence problems"
    group: ClassVar[str] = "the current input"
    separates: ClassVar[str] = "outputs that reach a real target from those that do not"
    ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200))

    length: int = knob(10, "Values on the ramp.", at_least=2)
    tolerance: float | None = knob(
        None, "Error that still counts as right. Default: 0.4 steps.", above=0
    )

    @property
    def inputs(self) -> Reals:
        return Reals(low=0, high=1)

    @property
    def targets(self) -> Reals:
        return Reals(self._within)

    @property
    def steps(self) -> int:
        return self.length - 1

    @property
    def sequences(self) -> int:
        return 1

    def chance(self, steps: Steps | None = None) -> float:
        """Score, over these steps, of the best constant, one for all of them.

        A constant for each step would be right everywhere, since nothing is random.
        """
        targets = self._targets(steps)
        best = np.full_like(targets, self.targets.best_constant(targets))
        return float(self.targets.matches(best, targets).mean())

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.ones(self.steps)

    def chance_error(self, steps: Steps | None = None) -> float:
        return float(self._targets(steps).std())

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:  # noqa: ARG002
        inputs = np.tile((np.arange(self.steps) / self.length).astype(np.float32), (count, 1))
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def scored(self) -> Steps:
        return np.ones(self.steps, dtype=bool)

    def needs(self) -> NDArray[np.bool_]:
        return np.eye(self.steps, dtype=bool)

    def oracle(self, inputs: Values) -> Values:
        return (inputs + 1 / self.length).astype(np.float32)

    def showing(self, length: int) -> Problem:
        return dataclasses.replace(self, length=length + 1, tolerance=self._within)

    @property
    def _within(self) -> float:
        return 0.4 / self.length if self.tolerance is None else self.tolerance

    def _targets(self, steps: Steps | None) -> NDArray[np.float64]:
        targets = np.arange(1, self.length) / self.length
        return targets if steps is None else targets[steps]
