"""Temporal order: in which order came the marks among distractors?"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Values
from longlag.problems.at_end import AtEnd, below
from longlag.problems.specs import Integers

X, Y, START, END = 4, 5, 6, 7
"""The marks, and the first and the last symbol; 0 to 3 are distractors."""

_DISTRACTORS = 4

_WINDOWS = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}
"""The first and the last place of each mark in a sequence of 100, by the number of marks."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TemporalOrder(AtEnd):
    """In which order came the marks?

    A sequence begins with E and ends with B. Between them are distractors drawn uniformly from
    a, b, c, d, but for a few marks, each X or Y with equal probability. The target, at the last
    step alone, is the order of the marks: XX, XY, YX or YY, and as many more with three.

    Args:
        length: Steps in the shortest sequence, at least 10; lengths are drawn uniformly from
            length … length + length // 10.
        marks: Number of marks, 2 or 3.

    The places of the marks are drawn uniformly from windows that scale with `length`: of 100 steps
    from steps 10 to 20 and 50 to 60, with three from 10 to 20, 33 to 43 and 66 to 76, counted from
    0. So length=100 is experiment 6a, and with marks=3 experiment 6b.

    Shapes: inputs `(count, steps)` int32: 0 to 3 distractors, 4 X, 5 Y, 6 E, 7 B, 8 after the
        end; targets `(count, steps)` int32 in [0, 2**marks), the marks as a binary number with X
        as 0; scored `(count, steps)` bool, true at the last step.

    Scores: accuracy at the last step, the largest output counts (in the source all outputs
        within 0.3). Chance 1 / 2**marks; ceiling 1.

    Ladder: length 10, 20, 50, 100, 200, 500.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Hochreiter and Schmidhuber (1997), experiment 6.

    >>> import numpy as np
    >>> inputs, targets, scored = TemporalOrder(length=10).draw(np.random.default_rng(0), 1)
    >>> "".join("abcdXYEB."[symbol] for symbol in inputs[0]), targets[scored].tolist()
    ('EaYadXdccdB', [2])
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997), experiment 6"
    group: ClassVar[str] = "recall by mark"
    separates: ClassVar[str] = "models that keep an order from those that only count"
    ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200, 500))

    length: int = knob(20, "Steps in the shortest sequence.", at_least=10)
    marks: int = knob(2, "Number of marks.", at_least=2, at_most=3)

    @property
    def inputs(self) -> Integers:
        return Integers(8, blank=True)

    @property
    def targets(self) -> Integers:
        return Integers(2**self.marks)

    @property
    def shortest(self) -> int:
        return self.length

    @property
    def steps(self) -> int:
        return self.length + self.length // 10

    @property
    def windows(self) -> list[tuple[int, int]]:
        """The first and the last step at which each mark may be."""
        scaled = ((low * self.length, high * self.length) for low, high in _WINDOWS[self.marks])
        return [(low // 100, high // 100) for low, high in scaled]

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, 1 + 2 * self.marks + self.steps), dtype=np.float32)
        rows, head = np.arange(count), 1 + 2 * self.marks
        lengths = self.uniform_lengths(drawn[:, 0])
        inputs = (drawn[:, head:] * np.float32(_DISTRACTORS)).astype(np.int32)
        for mark, (low, high) in enumerate(self.windows):
            place = low + below(drawn[:, 1 + 2 * mark], high - low + 1)
            inputs[rows, place] = X + below(drawn[:, 2 + 2 * mark], 2)
        inputs[:, 0] = START
        inputs[rows, lengths - 1] = END
        inputs[np.arange(self.steps) >= lengths[:, None]] = self.inputs.blank_value
        return self.asked(inputs, lengths)

    def oracle(self, inputs: Values) -> Values:
        marked = (inputs == X) | (inputs == Y)
        # The k-th mark counts 2**(marks - k), whatever came between.
        weight = 2.0 ** (self.marks - marked.cumsum(axis=1))
        order = np.where(inputs == Y, np.floor(weight), 0).cumsum(axis=1)
        return order.astype(np.int32)

    def _window_steps(self) -> NDArray[np.bool_]:
        """The steps of each window, `(mark, step)`."""
        steps = np.arange(self.steps)
        return np.stack([(low <= steps) & (steps <= high) for low, high in self.windows])

    def needs(self) -> NDArray[np.bool_]:
        return np.outer(self.scored(), self._window_steps().any(axis=0))

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        return np.outer(self.scored(), (inputs == X) | (inputs == Y))

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        marked, steps = (inputs == X) | (inputs == Y), np.arange(self.steps)
        last = (inputs == END).argmax(axis=1)[:, None]
        plain = marked | (inputs < _DISTRACTORS)
        kept = np.where(steps < last, plain, inputs == np.where(steps == last, END, END + 1))
        kept[:, 0] = inputs[:, 0] == START
        placed = (marked[:, None] & self._window_steps()).sum(axis=-1) == 1
        few = marked.sum(axis=1) == self.marks
        return kept.all(axis=1) & placed.all(axis=1) & few & (last[:, 0] >= self.shortest - 1)

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 0.5**self.marks)

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        windows = self._window_steps()
        share = (sees & np.tri(self.steps, dtype=bool)) @ (windows.T / windows.sum(axis=1))
        return ((1 + share) / 2).prod(axis=1)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        ys, marked = (inputs == Y).cumsum(axis=1), (inputs == X) | (inputs == Y)
        steps = np.arange(self.steps)
        last = np.maximum.accumulate(np.where(marked, steps, 0), axis=1)
        is_y = np.take_along_axis(inputs, last, axis=1) == Y
        return {
            "the marks without their order": (2 ** np.minimum(ys, self.marks) - 1).astype(np.int32),
            "the last mark alone": is_y.astype(np.int32),
        }
