"""String problems: a string of any length is shown, then given back: backwards, once, twice."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers

DELETANG = "Delétang et al. (2023), neural networks and the Chomsky hierarchy"

_FEW = (1, 4)  # symbols that a simple rule keeps


@dataclasses.dataclass(frozen=True, kw_only=True)
class Strings(Problem):
    """A random string, and after its end the steps of the answer: its symbols in an order."""

    copies: ClassVar[int] = 1
    """How many times the answer gives the string."""

    source: ClassVar[str] = DELETANG

    length: int = knob(8, "Symbols of the longest string.", at_least=1)
    least: int = knob(1, "Symbols of the shortest string.", at_least=1)
    values: int = knob(2, "Number of different symbols.", at_least=2, at_most=2**20)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.least > self.length:
            raise ValueError(
                f"{type(self).__name__}: `least` must be at most `length` ({self.length}), got "
                f"{self.least}. Use length={self.least} or more."
            )

    @property
    def inputs(self) -> Integers:
        return Integers(self.values, blank=True)

    @property
    def targets(self) -> Integers:
        return Integers(self.values)

    @property
    def steps(self) -> int:
        return (1 + self.copies) * self.length

    @property
    def answers(self) -> int:
        return self.copies * self.length

    @property
    def varies(self) -> bool:
        return self.least < self.length

    @property
    def masks(self) -> bool:
        return self.varies

    def answer_length(self, length: int) -> int:
        return self.copies * length

    def scored(self) -> Steps:
        return np.arange(self.steps) >= self.least

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, 1 + self.length))  # one call, for the lengths and the symbols
        lengths = self.least + (drawn[:, 0] * (self.length + 1 - self.least)).astype(np.intp)
        shown = (drawn[:, 1:] * self.values).astype(np.int32)
        shown[np.arange(self.length) >= lengths[:, None]] = self.values
        inputs = self.with_blank_answer(shown)
        present = np.arange(self.steps) < (1 + self.copies) * lengths[:, None]
        scored = present & (np.arange(self.steps) >= lengths[:, None])
        targets = self.oracle(inputs)
        if not self.varies:
            return Episodes(inputs, targets, scored)
        return Episodes(inputs, targets, scored, present, lengths)

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        blank = inputs[:, : self.length] == self.values
        ends = (blank[:, 1:] >= blank[:, :-1]).all(axis=1)
        return ends & (self._lengths(inputs) >= self.least)

    def oracle(self, inputs: Values) -> Values:
        lengths = self._lengths(inputs)[:, None]
        ordered = self._ordered(inputs[:, : self.length], lengths)
        return self._placed(ordered, lengths, 0)

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 1 / self.values)

    def showing(self, length: int) -> Problem:
        """Strings of this length alone; at its own `length` the same problem."""
        self._at_least(1, length)
        if length == self.length:
            return self
        return dataclasses.replace(self, length=length, least=length)

    def at(self, rung: int) -> Problem:
        return dataclasses.replace(self, length=rung, least=min(self.least, rung))

    def _lengths(self, inputs: Values) -> NDArray[np.intp]:
        return (inputs[:, : self.length] != self.values).sum(axis=1)

    def _ordered(self, shown: Values, lengths: NDArray[np.intp]) -> Values:
        """The symbols in the order of the answer, `(count, place)`."""
        raise NotImplementedError

    def _placed(self, ordered: Values, lengths: NDArray[np.intp], default: int) -> Values:
        """Values by place at the steps of the answers, and a default where there is none."""
        after = np.arange(self.steps) - lengths
        place = after % np.maximum(lengths, 1)
        inside = (after >= 0) & (after < self.copies * lengths) & (place < ordered.shape[1])
        found = np.take_along_axis(ordered, np.where(inside, place, 0), axis=1)
        return np.where(inside, found, default).astype(np.int32)

    def _fits(self) -> NDArray[np.bool_]:
        """Whether a target at a step may belong to a string of a length, `(target, length)`."""
        target, length = np.arange(self.steps)[:, None], np.arange(self.length + 1)
        ends = (1 + self.copies) * length
        return (length >= self.least) & (length <= target) & (target < ends)

    def average(self, by_step: NDArray[np.float64], steps: Steps) -> float:
        times = self._fits().sum(axis=1)[steps]  # all lengths are equally likely
        return float(np.average(by_step[steps], weights=times if times.any() else None))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Copies(Strings):
    """Each symbol of the answer is one symbol of the string, at a place that only length tells."""

    independent: ClassVar[bool] = True

    kept: ClassVar[str]
    """The part of the string that is given back first."""

    def needs(self) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        target, length = np.nonzero(self._fits())
        needs[target, self._source_steps(target, length)] = True
        return needs

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        length = int(self._lengths(inputs[None])[0])
        target = np.arange(length, (1 + self.copies) * length)
        needs[target, self._source_steps(target, np.full(len(target), length))] = True
        return needs

    def guesses(self, inputs: Values) -> dict[str, Values]:
        lengths = self._lengths(inputs)[:, None]
        ordered = self._ordered(inputs[:, : self.length], lengths)
        words = {few: "symbol alone" if few == 1 else f"{few} symbols alone" for few in _FEW}
        return {
            f"the {self.kept} {words[few]}": self._placed(ordered[:, :few], lengths, 0)
            for few in _FEW
            if few < self.length
        }

    def accuracy_keeping(self, symbols: int, *, by_string: bool = False) -> float:
        """Accuracy of a predictor that keeps so many symbols of a string and guesses the others.

        Args:
            symbols: The symbols that are kept.
            by_string: The mean over strings of the accuracy of each, as Delétang et al. score; by
                default each symbol counts alike.
        """
        lengths = np.arange(self.least, self.length + 1)
        kept = np.minimum(symbols, lengths)
        share = float((kept / lengths).mean() if by_string else kept.sum() / lengths.sum())
        return share + (1 - share) / self.values

    def _ordered(self, shown: Values, lengths: NDArray[np.intp]) -> Values:
        place = np.broadcast_to(np.arange(self.length), shown.shape)
        source = self._source_steps(place + lengths, lengths)
        return np.take_along_axis(shown, np.clip(source, 0, self.length - 1), axis=1)

    def _source_steps(
        self, targets: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """The step whose symbol is the target of each of these steps, in strings so long."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reverse(_Copies):
    """What is the string, read backwards? The answer comes after the whole string.

    A string of symbols drawn uniformly from `values`, its length uniform from `least` to
    `length`. Then the input is blank for as many steps as it had symbols, and the target is
    its last symbol, the one before, …, its first.

    Args:
        length: Symbols of the longest string, at least 1.
        least: Symbols of the shortest string, 1 ≤ least ≤ length. Equal to `length` all
            strings are alike in length.
        values: Number of different symbols, at least 2.

    Shapes: inputs and targets `(count, 2 length)` int32, inputs in [0, values] where `values`
        stands for blank, targets in [0, values); scored alike, true in the answer of each
        episode.

    Scores: accuracy over the answers, each symbol alike. Chance 1/values; ceiling 1. A
        predictor that keeps b symbols has `accuracy_keeping(b)`.

    Ladder: length 5, 10, 20, 40, 80, 160.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Delétang et al. (2023), "Reverse String": 1–40 symbols of 2, tested on 41–500.

    >>> import numpy as np
    >>> episodes = Reverse(length=3, values=10).draw(np.random.default_rng(0), 1)
    >>> episodes.inputs[0].tolist(), episodes.targets[episodes.scored].tolist()
    ([2, 0, 10, 10, 10, 10], [0, 2])
    """

    group: ClassVar[str] = "stack"
    separates: ClassVar[str] = "stacks from states that hold no more symbols than in training"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 40, 80, 160))
    kept: ClassVar[str] = "last"

    def _source_steps(
        self, targets: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        return 2 * lengths - 1 - targets


@dataclasses.dataclass(frozen=True, kw_only=True)
class Repeat(_Copies):
    """Which string was shown? Strings differ in length, and the copy comes after them.

    A string of `least` to `length` letters, all lengths equally likely, each letter drawn
    uniformly from `values`. Then the input has ended: a blank step is the bar after the
    string, and further ones follow, as many as the string has letters; the targets there are
    its letters in their order.

    Args:
        length: Letters of the longest string, at least 1.
        least: Letters of the shortest string, 1 ≤ least ≤ length. Equal to `length` this is
            EchoSubsequence.
        values: Number of different letters, at least 2.

    Shapes: inputs and targets `(count, 2 length)` int32, inputs in [0, values] where
        `values` stands for blank, targets in [0, values); scored alike, true in the answer.

    Scores: accuracy over the answer. Chance 1/values; ceiling 1. A predictor that keeps b
        letters has `accuracy_keeping(b)`.

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
    kept: ClassVar[str] = "first"

    length: int = knob(5, "Letters of the longest string.", at_least=1)
    least: int = knob(1, "Letters of the shortest string.", at_least=1)
    values: int = knob(10, "Number of different letters.", at_least=2, at_most=2**20)

    def _source_steps(
        self, targets: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        return _in_order(targets, lengths)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Duplicate(_Copies):
    """What is the string, twice? The answer comes after the whole string.

    A string of symbols drawn uniformly from `values`, its length uniform from `least` to
    `length`. Then the input is blank for twice as many steps as it had symbols, and the targets
    are its symbols in their order, and once more. After the first copy nothing may be forgotten.

    Args:
        length: Symbols of the longest string, at least 1.
        least: Symbols of the shortest string, 1 ≤ least ≤ length.
        values: Number of different symbols, at least 2.

    Shapes: inputs and targets `(count, 3 length)` int32, inputs in [0, values] where `values`
        stands for blank, targets in [0, values); scored alike, true in the answer of each
        episode.

    Scores: accuracy over the answers, each symbol alike. Chance 1/values; ceiling 1. A
        predictor that keeps b symbols has `accuracy_keeping(b)`.

    Ladder: length 5, 10, 20, 40, 80, 160.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Delétang et al. (2023), "Duplicate String": 1–40 symbols of 2, tested on 41–500.

    >>> import numpy as np
    >>> episodes = Duplicate(length=3, values=10).draw(np.random.default_rng(0), 1)
    >>> episodes.inputs[0].tolist(), episodes.targets[episodes.scored].tolist()
    ([2, 0, 10, 10, 10, 10, 10, 10, 10], [2, 0, 2, 0])
    """

    source: ClassVar[str] = DELETANG
    separates: ClassVar[str] = "states that still hold a string when it was given back"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 40, 80, 160))
    group: ClassVar[str] = "recall by position"
    kept: ClassVar[str] = "first"
    copies: ClassVar[int] = 2

    def _source_steps(
        self, targets: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        return _in_order(targets, lengths)


def _in_order(targets: NDArray[np.intp], lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """The step of the string that each step of an answer repeats, from its first on."""
    return (targets - lengths) % np.maximum(lengths, 1)
