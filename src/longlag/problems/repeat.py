"""Repeat: give back a string of any length."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers


@dataclasses.dataclass(frozen=True, kw_only=True)
class Repeat(Problem):
    """Which string was shown? Strings differ in length, and the copy comes after them.

    A string of `fewest` to `length` letters, all lengths equally likely, each letter drawn
    uniformly from `values`. Then the input has ended: a blank step is the bar after the
    string, and further ones follow, as many as the string has letters; the targets there are
    its letters in their order.

    Args:
        length: Letters of the longest string, at least 1.
        fewest: Letters of the shortest string, from 1 to `length`.
        values: Number of different letters, at least 2.

    Shapes: inputs and targets `(count, 2 length)` int32, inputs in [0, values] where
        `values` stands for blank, targets in [0, values); scored alike, true in the answer.

    Scores: accuracy over the answer. Chance 1/values; ceiling 1.

    Ladder: length 5, 10, 20, 50, 100, 300.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Jelassi, Brandfonbrener, Kakade and Malach (2024), repeat after me: 26 letters.

    >>> import numpy as np
    >>> inputs, targets, scored = Repeat(length=4).draw(np.random.default_rng(2), 2)
    >>> inputs[0].tolist(), targets[0][scored[0]].tolist()
    ([2, 8, 10, 10, 10, 10, 10, 10], [2, 8])
    """

    source: ClassVar[str] = "Jelassi et al. (2024), repeat after me"
    group: ClassVar[str] = "recall by position"
    separates: ClassVar[str] = "models that copy any length from those that copy trained lengths"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 50, 100, 300))
    independent: ClassVar[bool] = True

    length: int = knob(5, "Letters of the longest string.", at_least=1)
    fewest: int = knob(1, "Letters of the shortest string.", at_least=1)
    values: int = knob(10, "Number of different letters.", at_least=2, at_most=2**30)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fewest > self.length:
            raise ValueError(
                f"Repeat: `fewest` must be at most `length` ({self.length}), got {self.fewest}. "
                f"Use length={self.fewest} or more."
            )

    @property
    def inputs(self) -> Integers:
        return Integers(self.values, blank=True)

    @property
    def targets(self) -> Integers:
        return Integers(self.values)

    @property
    def steps(self) -> int:
        return 2 * self.length

    @property
    def answers(self) -> int:
        return self.length

    @property
    def varies(self) -> bool:
        return self.fewest < self.length

    @property
    def masks(self) -> bool:
        return self.varies

    def answer_length(self, length: int) -> int:
        return length

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 1 / self.values)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, 1 + self.length))
        lengths = self.fewest + (drawn[:, 0] * (self.length - self.fewest + 1)).astype(np.intp)
        letters = (drawn[:, 1:] * self.values).astype(np.int32)
        inputs = np.full((count, self.steps), self.values, np.int32)
        inside = np.arange(self.length) < lengths[:, None]
        inputs[:, : self.length] = np.where(inside, letters, self.values)
        steps = np.arange(self.steps)
        present = steps < 2 * lengths[:, None]
        scored = present & (steps >= lengths[:, None])
        kept = (present, lengths) if self.varies else (None, None)
        return Episodes(inputs, self.oracle(inputs), scored, *kept)

    def scored(self) -> Steps:
        return np.arange(self.steps) >= self.fewest

    def needs(self) -> NDArray[np.bool_]:
        target, shown = np.indices((self.steps, self.steps))
        letters = target - shown
        return (letters >= self.fewest) & (letters <= self.length) & (shown < letters)

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        letters = int((inputs < self.values).sum())
        needs[letters + np.arange(letters), np.arange(letters)] = True
        return needs

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        blank = inputs == self.values
        ordered = (blank[:, 1:] >= blank[:, :-1]).all(axis=1)
        return ordered & ~blank[:, : self.fewest].any(axis=1) & blank[:, self.length :].all(axis=1)

    def oracle(self, inputs: Values) -> Values:
        place = self._places(inputs)
        found = np.take_along_axis(inputs, np.maximum(place, 0), axis=1)
        return np.where((place >= 0) & (found < self.values), found, 0).astype(np.int32)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        letters = (inputs < self.values).sum(axis=1, keepdims=True)
        kept = self._places(inputs) < letters // 2
        return {"the first half of the letters": np.where(kept, self.oracle(inputs), 0)}

    def at(self, rung: int) -> Problem:
        return dataclasses.replace(self, length=rung, fewest=min(self.fewest, rung))

    def showing(self, length: int) -> Problem:
        """Strings of just this length, unless it is that of the longest already."""
        if length == self.length:
            return self
        self._at_least(1, length)
        return dataclasses.replace(self, length=length, fewest=length)

    def _places(self, inputs: Values) -> NDArray[Any]:
        """The letter that each step asks for, `(count, step)`; below 0 before the answer."""
        return np.arange(self.steps) - (inputs < self.values).sum(axis=1, keepdims=True)
