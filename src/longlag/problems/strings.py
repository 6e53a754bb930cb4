"""String problems: a string of any length is shown, then given back in another order."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers
from longlag.problems.tallies import best_of_place, order_shares

_DELETANG = "Delétang et al. (2023), neural networks and the Chomsky hierarchy"

_FEW = (1, 4)  # symbols that a simple rule keeps


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Strings(Problem):
    """A random string, and after its end as many steps for the answer, its symbols in an order."""

    source: ClassVar[str] = _DELETANG

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
        return 2 * self.length

    @property
    def answers(self) -> int:
        return self.length

    @property
    def varies(self) -> bool:
        return self.least < self.length

    @property
    def masks(self) -> bool:
        return self.varies

    def answer_length(self, length: int) -> int:
        return length

    def scored(self) -> Steps:
        return np.arange(self.steps) >= self.least

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, 1 + self.length))  # one call, for the lengths and the symbols
        lengths = self.least + (drawn[:, 0] * (self.length + 1 - self.least)).astype(np.intp)
        shown = (drawn[:, 1:] * self.values).astype(np.int32)
        shown[np.arange(self.length) >= lengths[:, None]] = self.values
        inputs = self.with_blank_answer(shown)
        present = np.arange(self.steps) < 2 * lengths[:, None]
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
        place = np.arange(self.steps) - lengths
        inside = (place >= 0) & (place < np.minimum(lengths, ordered.shape[1]))
        found = np.take_along_axis(ordered, np.where(inside, place, 0), axis=1)
        return np.where(inside, found, default).astype(np.int32)

    def _fits(self) -> NDArray[np.bool_]:
        """Whether a target at a step may belong to a string of a length, `(target, length)`."""
        target, length = np.arange(self.steps)[:, None], np.arange(self.length + 1)
        return (length >= self.least) & (length <= target) & (target < 2 * length)

    def average(self, by_step: NDArray[np.float64], steps: Steps) -> float:
        times = self._fits().sum(axis=1)[steps]  # all lengths are equally likely
        return float(np.average(by_step[steps], weights=times if times.any() else None))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Copies(_Strings):
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
        target = np.arange(length, 2 * length)
        needs[target, self._source_steps(target, np.full(length, length))] = True
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
class Duplicate(_Copies):
    """What is the string, once more? The answer comes after the whole string.

    A string of symbols drawn uniformly from `values`, its length uniform from `least` to
    `length`. Then the input is blank for as many steps as it had symbols, and the target is
    its first symbol, its second, …, its last.

    Args:
        length: Symbols of the longest string, at least 1.
        least: Symbols of the shortest string, 1 ≤ least ≤ length. Equal to `length` this is
            EchoSubsequence.
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

    Source: Delétang et al. (2023), "Duplicate String": 1–40 symbols of 2, tested on 41–500.

    >>> import numpy as np
    >>> episodes = Duplicate(length=3, values=10).draw(np.random.default_rng(0), 1)
    >>> episodes.inputs[0].tolist(), episodes.targets[episodes.scored].tolist()
    ([2, 0, 10, 10, 10, 10], [2, 0])
    """

    group: ClassVar[str] = "recall by position"
    separates: ClassVar[str] = "queues from states that hold no more symbols than in training"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 40, 80, 160))
    kept: ClassVar[str] = "first"

    def _source_steps(
        self, targets: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        return targets - lengths


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sort(_Strings):
    """What is the string, sorted? The answer comes after the whole string.

    A string of symbols drawn uniformly from `values`, its length uniform from `least` to
    `length`. Then the input is blank for as many steps as it had symbols, and the targets are
    its symbols from small to large. A count of each symbol is enough.

    Args:
        length: Symbols of the longest string, at least 1.
        least: Symbols of the shortest string, 1 ≤ least ≤ length.
        values: Number of different symbols, from 2 to 1000.

    Shapes: inputs and targets `(count, 2 length)` int32, inputs in [0, values] where `values`
        stands for blank, targets in [0, values); scored alike, true in the answer of each
        episode.

    Scores: accuracy over the answers, each symbol alike. Chance knows the step alone, exact
        from binomials; `accuracy_of_places` is that of a guesser who knows length and place
        too, and no symbol. Ceiling 1; with some symbols in sight, exact up to 4,000 possible
        counts of them, else to about 1 %.

    Ladder: length 5, 10, 20, 40, 80, 160.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Delétang et al. (2023), "Bucket Sort": 1–40 symbols of 5, tested on 41–500.

    >>> import numpy as np
    >>> episodes = Sort(length=3, values=10).draw(np.random.default_rng(0), 1)
    >>> episodes.inputs[0].tolist(), episodes.targets[episodes.scored].tolist()
    ([2, 0, 10, 10, 10, 10], [0, 2])
    """

    group: ClassVar[str] = "counter"
    separates: ClassVar[str] = "models that count each symbol from those that know the place alone"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 40, 80, 160))

    values: int = knob(5, "Number of different symbols.", at_least=2, at_most=1000)

    def chance_by_step(self) -> NDArray[np.float64]:
        return _constants(self.least, self.length, self.values).copy()

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        best, fits = self.chance_array.copy(), self._fits()
        for step in np.flatnonzero(self.scored()):
            # Lengths with as many symbols in sight cannot be told apart.
            visible = np.concatenate([[0], np.cumsum(sees[step, : self.length])])
            lengths = np.flatnonzero(fits[step])
            best[step] = 0.0
            for seen in np.unique(visible[lengths]):
                alike = lengths[visible[lengths] == seen]
                places = tuple((int(n - seen), int(step - n)) for n in alike)
                share = len(alike) / len(lengths)
                best[step] += share * best_of_place(self.values, int(seen), places)
        return best

    def needs(self) -> NDArray[np.bool_]:
        # Of every episode: where equal symbols hide one, a model still has to count it.
        longest = np.minimum(np.arange(self.steps), self.length)[:, None]
        shown = np.arange(self.steps) < longest
        return shown & self.scored()[:, None]

    def guesses(self, inputs: Values) -> dict[str, Values]:
        lengths = self._lengths(inputs)[:, None]
        likeliest = _likeliest(self.length, self.values)[lengths[:, 0]]
        return {"the likeliest symbol of each place": self._placed(likeliest, lengths, 0)}

    def accuracy_of_places(self, *, by_string: bool = False) -> float:
        """Accuracy of the best guesser who knows the length and the place, and no symbol.

        Args:
            by_string: The mean over strings of the accuracy of each, as Delétang et al. score; by
                default each symbol counts alike.

        >>> round(Sort(length=40).accuracy_of_places(by_string=True), 2)
        0.65
        """
        lengths = np.arange(self.least, self.length + 1)
        each = [order_shares(self.values, int(n)).max(axis=1).mean() for n in lengths]
        return float(np.average(each, weights=None if by_string else lengths))

    def _ordered(self, shown: Values, lengths: NDArray[np.intp]) -> Values:  # noqa: ARG002
        return np.sort(shown, axis=1)  # blanks are larger than all symbols


@functools.lru_cache(64)
def _constants(least: int, length: int, values: int) -> NDArray[np.float64]:
    """Accuracy of the best constant of each step, over the strings of all lengths."""
    shares = np.zeros((2 * length, values))
    for each in range(least, length + 1):
        shares[each : 2 * each] += order_shares(values, each)
    total = shares.sum(axis=1)
    return np.where(total > 0, shares.max(axis=1) / np.maximum(total, 1), 1 / values)


@functools.lru_cache(64)
def _likeliest(length: int, values: int) -> NDArray[np.int32]:
    """The likeliest symbol at each place of a sorted string, `(string length, place)`."""
    best = np.zeros((length + 1, length), np.int32)
    for each in range(1, length + 1):
        best[each, :each] = order_shares(values, each).argmax(axis=1)
    return best
