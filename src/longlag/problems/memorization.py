"""Memorization: the first value of a sequence decides its last."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memorization(Problem):
    """Which value comes next, when the last one depends on the first?

    A sequence is c, 0, 1, 2, …, c: it begins with one of several contexts, counts up from
    0, and ends with the same context. Each step shows a value and the target is the next
    one. All targets but the last follow from the current input; the last one, the context,
    must be remembered from the first step.

    Args:
        length: Values in a sequence, both contexts included, at least 4.
        contexts: Number of contexts, at least 2: the integers from length - 2 on.
        ask: `every` scores all steps, `last` only the last one.

    Shapes: inputs and targets `(count, length - 1)` int32 in [0, length - 2 + contexts);
        scored alike.

    Scores: accuracy over scored steps. Chance: 1/contexts at the last step, 1 at every
        other one, where the target is a constant of the step; ceiling 1.

    Ladder: length 5, 10, 20, 50, 100, 200.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Brownlee (2017), five sequence problems, "Value Memorization"; after experiment
        2 of Hochreiter and Schmidhuber (1997).

    >>> import numpy as np
    >>> inputs, targets, _ = Memorization(length=5).draw(np.random.default_rng(1), 2)
    >>> inputs.tolist(), targets.tolist()
    ([[3, 0, 1, 2], [4, 0, 1, 2]], [[0, 1, 2, 3], [0, 1, 2, 4]])
    """

    source: ClassVar[str] = "Brownlee (2017), five sequence problems"
    group: ClassVar[str] = "recall by position"
    separates: ClassVar[str] = "models that keep the first input to the end from those that do not"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 50, 100, 200))

    length: int = knob(5, "Values in a sequence.", at_least=4, at_most=2**20)
    contexts: int = knob(2, "Number of contexts.", at_least=2, at_most=2**30)
    ask: Literal["every", "last"] = knob("every", "Score every step, or only the last.")

    @property
    def inputs(self) -> Integers:
        return Integers(self.length - 2 + self.contexts)

    @property
    def targets(self) -> Integers:
        return self.inputs

    @property
    def steps(self) -> int:
        return self.length - 1

    @property
    def sequences(self) -> int:
        return self.contexts

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.where(self._last(), 1 / self.contexts, 1.0)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        inputs = np.tile(np.arange(-1, self.length - 2, dtype=np.int32), (count, 1))
        inputs[:, 0] = self.length - 2 + rng.integers(self.contexts, size=count)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def scored(self) -> Steps:
        return self._last() if self.ask == "last" else np.ones(self.steps, dtype=bool)

    def needs(self) -> NDArray[np.bool_]:
        needs = np.eye(self.steps, dtype=bool)
        needs[-1, 0] = True
        return needs & self.scored()[:, None]

    def oracle(self, inputs: Values) -> Values:
        """The next value: the successor of the input, 0 after a context, the context at the end.

        A function of the values only, not of the step, since a network has no clock.
        """
        top = self.length - 3
        successor = np.where(inputs > top, 0, inputs + 1)
        return np.where(inputs == top, inputs[:, :1], successor).astype(np.int32)

    def _last(self) -> Steps:
        return np.arange(self.steps) == self.steps - 1
