"""Long lags: the first symbols of a sequence decide its last one."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.at_end import AtEnd, below
from longlag.problems.specs import Integers

_FEW = 6  # steps, up to which different sequences are so few that they repeat


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongLags(Problem):
    """Which symbol ends the sequence? The one that it began with.

    A sequence is x, a1, a2, …, x or y, a1, a2, …, y, with equal probability, or has random
    symbols in its middle. Each step shows a symbol, and the target is the next one.

    Args:
        length: Steps in an episode, at least 3: p in the source, which has as many different
            symbols and one more. The middle has length - 1 symbols.
        middle: `fixed`: a1, a2, … in this order (2a). `random`: each of them drawn uniformly from
            a1 … a(p-1) (2b).
        ask: `every` scores all steps, `last` only the last one.

    Shapes: inputs and targets `(count, length)` int32: 0 to length - 2 for a1, a2, …, length - 1
        for x, length for y; scored alike.

    Scores: accuracy over scored steps. Chance and ceiling at the last step 1/2 and 1; before it
        1 and 1 with a fixed middle, 1/(length - 1) for both with a random one.

    Ladder: length 5, 10, 20, 50, 100, 200, 500.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Hochreiter and Schmidhuber (1997), experiments 2a and 2b, p = 4, 10, 100.

    >>> import numpy as np
    >>> inputs, targets, scored = LongLags(length=5).draw(np.random.default_rng(0), 1)
    >>> inputs.tolist(), targets[scored].tolist()
    ([[5, 1, 0, 0, 3]], [5])
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997), experiments 2a and 2b"
    group: ClassVar[str] = "recall by position"
    separates: ClassVar[str] = "models that keep one bit, the first, from those that lose it"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 50, 100, 200, 500))

    length: int = knob(10, "Steps per sequence, p in the source.", at_least=3, at_most=2**20)
    middle: Literal["fixed", "random"] = knob("random", "The symbols between (2a, 2b).")
    ask: Literal["every", "last"] = knob("last", "Score every step, or only the last.")

    @property
    def inputs(self) -> Integers:
        return Integers(self.length + 1)

    @property
    def targets(self) -> Integers:
        return self.inputs

    @property
    def sequences(self) -> int | None:
        if self.middle == "fixed":
            return 2
        return 2 * (self.length - 1) ** (self.length - 1) if self.length < _FEW else None

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, self.length if self.middle == "random" else 1))
        inputs = np.empty((count, self.length), np.int32)
        inputs[:, 0] = self.length - 1 + below(drawn[:, 0], 2)
        among = self.length - 1
        inputs[:, 1:] = below(drawn[:, 1:], among) if self.middle == "random" else np.arange(among)
        # What follows is drawn too: the oracle has one guess for all of a random middle.
        targets = np.concatenate([inputs[:, 1:], inputs[:, :1]], axis=1)
        return Episodes(inputs, targets, np.broadcast_to(self.scored(), inputs.shape))

    def scored(self) -> Steps:
        return self._last() if self.ask == "last" else np.ones(self.length, dtype=bool)

    def needs(self) -> NDArray[np.bool_]:
        needs = np.zeros((self.length, self.length), dtype=bool)
        if self.middle == "fixed":
            np.fill_diagonal(needs, True)
        needs[-1] = np.arange(self.length) == 0
        return needs & self.scored()[:, None]

    def oracle(self, inputs: Values) -> Values:
        if self.middle == "random":  # any guess is as good, but at the end
            return np.where(self._last(), inputs[:, :1], 0).astype(np.int32)
        following = np.where(inputs >= self.length - 1, 0, inputs + 1)
        return np.where(self._last(), inputs[:, :1], following).astype(np.int32)

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.where(self._last(), 0.5, self._before())

    def ceiling(self, steps: Steps | None = None, sees: NDArray[np.bool_] | None = None) -> float:
        sees = np.tri(self.length, dtype=bool) if sees is None else sees
        return super().ceiling(steps, sees)

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.where(self._last(), np.where(sees[:, 0], 1.0, 0.5), self._before())

    def showing(self, length: int) -> LongLags:
        return dataclasses.replace(self, length=length)

    def _before(self) -> float:
        """The best share of right answers before the last step, with and without the inputs."""
        return 1.0 if self.middle == "fixed" else 1 / (self.length - 1)

    def _last(self) -> Steps:
        return np.arange(self.length) == self.length - 1


_END, _BEGIN, _X, _Y = range(4)
"""The symbols after the distractors."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomLags(AtEnd):
    """Which symbol, x or y, came second? Asked for when e comes, after a lag that is random.

    A sequence is b, then x or y with equal probability, then `length` random distractors. From
    there on each step shows e with probability 1/10, else one more distractor. The target, at the
    step that shows e, is x or y.

    Args:
        length: Distractors before e may come, at least 1: q in the source.
        distractors: Number of different distractors, at least 1: p in the source.
        most: Distractors at most after these. Where the source would draw more, e comes after
            `most` of them: with probability 0.9**(most + 1), 0.000024 by default.

    Shapes: inputs `(count, length + most + 3)` int32: distractors from 0 on, then e, b, x, y, and
        a blank after the end; targets alike, 0 for x and 1 for y; scored `(count, steps)` bool,
        true at e.

    Scores: accuracy at that step, the larger output counts (in the source both within 0.2).
        Chance 1/2; ceiling 1.

    Ladder: length 10, 20, 50, 100, 200, 500, 1000.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Hochreiter and Schmidhuber (1997), experiment 2c, q and p from 50 to 1000.

    >>> import numpy as np
    >>> problem = RandomLags(length=3, distractors=9, most=5)
    >>> inputs, targets, scored = problem.draw(np.random.default_rng(0), 1)
    >>> "".join("123456789ebxy."[symbol] for symbol in inputs[0]), targets[scored].tolist()
    ('bx11896759e', [0])
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997), experiment 2c"
    group: ClassVar[str] = "recall by position"
    separates: ClassVar[str] = "models that keep a bit for any time from those that learn one lag"
    ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200, 500, 1000))

    length: int = knob(10, "Distractors before e may come, q in the source.", at_least=1)
    distractors: int = knob(
        10, "Different distractors, p in the source.", at_least=1, at_most=2**20
    )
    most: int = knob(100, "Distractors at most after these.", at_least=1)

    @property
    def inputs(self) -> Integers:
        return Integers(self.distractors + 4, blank=True)

    @property
    def targets(self) -> Integers:
        return Integers(2)

    @property
    def shortest(self) -> int:
        return self.length + 3

    @property
    def steps(self) -> int:
        return self.shortest + self.most

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, self.steps))
        inputs = below(drawn, self.distractors).astype(np.int32)
        inputs[:, 0] = self.distractors + _BEGIN
        inputs[:, 1] = self.distractors + _X + below(drawn[:, 1], 2)
        # The number of further distractors is geometric; its uniform real has a column of its own.
        more = np.floor(np.log1p(-drawn[:, 0]) / np.log(0.9)).astype(np.intp)
        end = self.shortest - 1 + np.minimum(more, self.most)
        inputs[np.arange(count), end] = self.distractors + _END
        inputs[np.arange(self.steps) > end[:, None]] = self.inputs.blank_value
        return self.asked(inputs, end + 1)

    def oracle(self, inputs: Values) -> Values:
        is_y = inputs[:, 1:2] == self.distractors + _Y
        return np.repeat(is_y, self.steps, axis=1).astype(np.int32)

    def needs(self) -> NDArray[np.bool_]:
        return np.outer(self.scored(), np.arange(self.steps) == 1)

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        steps, symbols = np.arange(self.steps), inputs - self.distractors
        last = (symbols == _END).argmax(axis=1)[:, None]
        kept = np.where(steps < last, symbols < 0, symbols == np.where(steps == last, _END, 4))
        kept[:, 0] = symbols[:, 0] == _BEGIN
        kept[:, 1] = (symbols[:, 1] == _X) | (symbols[:, 1] == _Y)
        return kept.all(axis=1) & (last[:, 0] >= self.shortest - 1)

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 0.5)
