"""Echo problems: repeat the input of some steps ago."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers

_FIVE = "Brownlee (2017), five sequence problems"


class _Echo(Problem):
    """Random integers, and a target for each scored step: the value at `_source_steps`."""

    group: ClassVar[str] = "recall by position"
    independent: ClassVar[bool] = True

    values: int

    @property
    def inputs(self) -> Integers:
        return Integers(self.values, blank=self.answers > 0)

    @property
    def targets(self) -> Integers:
        return Integers(self.values)

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 1 / self.values)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        values = rng.integers(self.values, size=(count, self.length), dtype=np.int32)
        inputs = self.with_blank_answer(values)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def needs(self) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        steps = np.flatnonzero(self.scored())
        needs[steps, self._source_steps(steps)] = True
        return needs

    def oracle(self, inputs: Values) -> Values:
        steps = np.flatnonzero(self.scored())
        targets = np.zeros_like(inputs)
        targets[:, steps] = inputs[:, self._source_steps(steps)]
        return targets

    def _source_steps(self, steps: NDArray[np.intp]) -> NDArray[np.intp]:
        """The step whose value is the target of each of these steps."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, kw_only=True)
class _EchoBack(_Echo):
    lag: int = knob(1, "Steps to look back.", at_least=0, below="length")
    values: int = knob(100, "Number of different integers.", at_least=2, at_most=2**31 - 2)

    def _source_steps(self, steps: NDArray[np.intp]) -> NDArray[np.intp]:
        return steps - self.lag

    def showing(self, length: int) -> Problem:
        self._at_least(self.lag + 1, length)
        return dataclasses.replace(self, length=length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EchoLag(_EchoBack):
    """Which value came `lag` steps ago?

    Each step shows an integer drawn uniformly from `values`; the target is the integer
    shown `lag` steps earlier. The first `lag` steps have no target.

    Args:
        lag: Steps to look back, 0 ≤ lag < length. 0 echoes the current value.
        length: Steps in an episode, at least 1.
        values: Number of different integers, at least 2.

    Shapes: inputs and targets `(count, length)` int32 in [0, values); scored
        `(count, length)` bool.

    Scores: accuracy over scored steps. Chance 1/values; ceiling 1.

    Ladder: lag 1, 2, 5, 10, 20, 50, 100; the length grows to twice the lag.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Brownlee (2017), echo random integers; lag 1 of 25 steps, 100 values.

    >>> import numpy as np
    >>> inputs, targets, scored = EchoLag(lag=2, length=6).draw(np.random.default_rng(3), 1)
    >>> inputs[0].tolist()
    [81, 8, 17, 23, 18, 80]
    >>> targets[0][scored[0]].tolist()
    [81, 8, 17, 23]
    """

    source: ClassVar[str] = "Brownlee (2017), echo random integers"
    separates: ClassVar[str] = "states by how many values they hold: `lag` of them, at every step"
    ladder: ClassVar[Ladder] = Ladder("lag", (1, 2, 5, 10, 20, 50, 100))

    def scored(self) -> Steps:
        return np.arange(self.length) >= self.lag

    def at(self, rung: int) -> Problem:
        return dataclasses.replace(self, lag=rung, length=max(self.length, 2 * rung))


@dataclasses.dataclass(frozen=True, kw_only=True)
class EchoValue(_EchoBack):
    """Which value came `lag` steps before the end?

    Each step shows an integer drawn uniformly from `values`; at the last step, and there
    alone, the target is the integer shown `lag` steps earlier. This is EchoLag scored at
    its last step.

    Args:
        lag: Steps to look back from the last one, 0 ≤ lag < length. 0 echoes the current
            value, 1 the previous one, length - 1 the first.
        length: Steps in an episode, at least 1.
        values: Number of different integers, at least 2.

    Shapes: inputs and targets `(count, length)` int32 in [0, values); scored
        `(count, length)` bool, true at the last step.

    Scores: accuracy at the last step. Chance 1/values; ceiling 1.

    Ladder: lag 1, 2, 5, 10, 20, 50, 100; the length grows to hold it.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Brownlee (2017), five sequence problems, "Echo Random Integer".

    >>> import numpy as np
    >>> inputs, targets, _ = EchoValue(lag=4).draw(np.random.default_rng(3), 1)
    >>> inputs[0].tolist(), targets[0, -1].item()
    ([81, 8, 17, 23, 18, 80, 86, 58, 3, 9], 80)
    """

    source: ClassVar[str] = _FIVE
    separates: ClassVar[str] = "models that find one step among many from those that do not"
    ladder: ClassVar[Ladder] = Ladder("lag", (1, 2, 5, 10, 20, 50, 100))

    length: int = knob(10, "Steps per sequence.", at_least=1)

    def scored(self) -> Steps:
        return np.arange(self.length) == self.length - 1

    def at(self, rung: int) -> Problem:
        return dataclasses.replace(self, lag=rung, length=max(self.length, rung + 1))


@dataclasses.dataclass(frozen=True, kw_only=True)
class EchoSubsequence(_Echo):
    """Which values were shown, from `start` on? The answer comes after the whole input.

    `length` steps show integers drawn uniformly from `values`. Then the input is blank
    for as many steps as the answer has: `count` values from step `start` on, in order.
    The whole input is the answer by default.

    Args:
        length: Values shown, at least 1.
        values: Number of different integers, at least 2.
        start: Step at which the echoed part starts, 0 ≤ start < length.
        count: Values in the echoed part, from 1 to length - start; all of these by default.

    Shapes: inputs and targets `(count, length + answers)` int32, inputs in [0, values]
        where `values` stands for blank, targets in [0, values); scored alike, true in
        the answer.

    Scores: accuracy over the answer. Chance 1/values; ceiling 1.

    Ladder: length 5, 10, 20, 50, 100.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Brownlee (2017), five sequence problems, "Echo Random Subsequences"; the whole
        or the first 3 of 5 values.

    >>> import numpy as np
    >>> problem = EchoSubsequence(length=4, values=10, count=2)
    >>> inputs, targets, scored = problem.draw(np.random.default_rng(3), 1)
    >>> inputs[0].tolist(), targets[0][scored[0]].tolist()
    ([8, 0, 1, 2, 10, 10], [8, 0])
    """

    source: ClassVar[str] = _FIVE
    separates: ClassVar[str] = "states by how many values they hold in order"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 50, 100))

    length: int = knob(5, "Values shown.", at_least=1)
    values: int = knob(10, "Number of different integers.", at_least=2, at_most=2**31 - 2)
    start: int = knob(0, "Step at which the echoed part starts.", at_least=0, below="length")
    count: int | None = knob(None, "Values in the echoed part. Default: all.", at_least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        available = self.length - self.start
        if self.answers > available:
            raise ValueError(
                f"EchoSubsequence: `count` must be at most the {available} values from step "
                f"{self.start} on, got {self.count}. Use count={available} or fewer."
            )

    @property
    def steps(self) -> int:
        return self.length + self.answers

    @property
    def answers(self) -> int:
        return self.length - self.start if self.count is None else self.count

    def scored(self) -> Steps:
        return np.arange(self.steps) >= self.length

    def _source_steps(self, steps: NDArray[np.intp]) -> NDArray[np.intp]:
        return steps - self.length + self.start

    def showing(self, length: int) -> Problem:
        self._at_least(self.start + self.answers, length)
        return dataclasses.replace(self, length=length, count=self.answers)
