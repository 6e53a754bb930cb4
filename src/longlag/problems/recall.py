"""Recall by position and by mark: give back what was shown, in its order."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.distinct import distinct
from longlag.problems.specs import Integers

_HALF = "the first half of the symbols"


class _Copying(Problem):
    """Symbols among fill, and their copy after the input: at fixed or at random places."""

    independent: ClassVar[bool] = True

    symbols: int
    values: int

    @property
    def shown(self) -> int:
        """Number of steps before the answer."""
        raise NotImplementedError

    @property
    def steps(self) -> int:
        return self.shown + self.symbols

    @property
    def answers(self) -> int:
        return self.symbols

    @property
    def targets(self) -> Integers:
        return Integers(self.values)

    def scored(self) -> Steps:
        return np.arange(self.steps) >= self.shown

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 1 / self.values)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, 2 * self.symbols))
        symbols = (drawn[:, : self.symbols] * self.values).astype(np.int32)
        inputs = np.tile(self._frame(), (count, 1))
        np.put_along_axis(inputs, self._drawn_places(drawn[:, self.symbols :]), symbols, axis=1)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self._answered(symbols), scored)

    def oracle(self, inputs: Values) -> Values:
        return self._answered(np.take_along_axis(inputs, self._found_places(inputs), axis=1))

    def guesses(self, inputs: Values) -> dict[str, Values]:
        if self.symbols < 2:
            return {}
        half = self.oracle(inputs)
        half[:, self.shown + self.symbols // 2 :] = 0
        return {_HALF: half}

    def _answered(self, symbols: Values) -> Values:
        """The targets that end in these symbols, `(count, step)`."""
        elsewhere = np.zeros((len(symbols), self.shown), np.int32)
        return np.concatenate([elsewhere, symbols], axis=1)

    def _frame(self) -> Values:
        """The inputs of an episode without its symbols, `(step,)`: fill, and blank at the end."""
        frame = np.full(self.steps, self.values, np.int32)
        frame[self.shown :] = self.inputs.blank_value
        return frame

    def _drawn_places(self, uniform: NDArray[np.float64]) -> NDArray[Any]:
        """The steps of the symbols, `(count, symbol)`, from as many random numbers of [0, 1)."""
        raise NotImplementedError

    def _found_places(self, inputs: Values) -> NDArray[Any]:
        """The steps of the symbols of these inputs, `(count, symbol)`."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopyingMemory(_Copying):
    """Which symbols were shown first, long ago? The copying memory problem.

    `symbols` steps show symbols drawn uniformly from `values`; delay - 1 steps show fill, and
    the next one a marker: go. Then the input has ended and is blank for as many steps as
    there were symbols; the targets there are the symbols in their order.

    Args:
        symbols: Symbols to remember, at least 1.
        values: Number of different symbols, at least 2.
        delay: Steps from the last symbol to the marker, at least 1: T of the literature.
        ask: `answer` scores the answer, `every` all steps; fill is the target elsewhere.

    Shapes: inputs and targets `(count, delay + 2 symbols)` int32. Inputs in [0, values + 2]:
        `values` stands for fill, values + 1 for the marker, values + 2 for blank. Targets in
        [0, values), or `values` for fill; scored alike.

    Scores: accuracy over scored steps. Chance: 1/values in the answer, 1 elsewhere; ceiling 1.

    Ladder: delay 5, 10, 20, 50, 100, 200, 500.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Hochreiter and Schmidhuber (1997), the idea; Arjovsky, Shah and Bengio (2016), this
        form: 10 of 8 symbols, delay 100 to 500, all steps scored.

    >>> import numpy as np
    >>> problem = CopyingMemory(symbols=3, delay=2)
    >>> inputs, targets, scored = problem.draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist(), targets[0][scored[0]].tolist()
    ([4, 7, 1, 8, 9, 10, 10, 10], [4, 7, 1])
    """

    source: ClassVar[str] = "Arjovsky, Shah and Bengio (2016), unitary evolution RNNs"
    group: ClassVar[str] = "recall by position"
    separates: ClassVar[str] = "states by how many symbols they hold, and for how long untouched"
    ladder: ClassVar[Ladder] = Ladder("delay", (5, 10, 20, 50, 100, 200, 500))

    # No knob: an episode is as long as its symbols, delay and answer.
    length: ClassVar[None] = None  # pyright: ignore[reportIncompatibleVariableOverride]

    symbols: int = knob(5, "Symbols to remember.", at_least=1)
    values: int = knob(8, "Number of different symbols.", at_least=2, at_most=2**30)
    delay: int = knob(10, "Steps from the last symbol to the marker.", at_least=1)
    ask: Literal["answer", "every"] = knob("answer", "Score the answer alone, or every step.")

    @property
    def shown(self) -> int:
        return self.symbols + self.delay

    @property
    def inputs(self) -> Integers:
        return Integers(self.values + 2, blank=True)

    @property
    def targets(self) -> Integers:
        return Integers(self.values + (self.ask == "every"))

    def memoryless_loss(self) -> float:
        """Cross-entropy over scored steps of a predictor that knows the step and nothing else.

        >>> round(CopyingMemory(symbols=10, delay=1000, ask="every").memoryless_loss(), 4)
        0.0204
        """
        return self.symbols * math.log(self.values) / int(self.scored().sum())

    def scored(self) -> Steps:
        return np.ones(self.steps, bool) if self.ask == "every" else super().scored()

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.where(super().scored(), 1 / self.values, 1.0)

    def needs(self) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        needs[self.shown + np.arange(self.symbols), np.arange(self.symbols)] = True
        return needs

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        symbols, rest = np.split(inputs, [self.symbols], axis=1)
        framed = rest == self._frame()[self.symbols :]
        return (symbols < self.values).all(axis=1) & framed.all(axis=1)

    def showing(self, length: int) -> Problem:
        self._at_least(self.symbols + 1, length)
        return dataclasses.replace(self, delay=length - self.symbols)

    def _answered(self, symbols: Values) -> Values:
        answered = super()._answered(symbols)
        if self.ask == "every":
            answered[:, : self.shown] = self.values
        return answered

    def _frame(self) -> Values:
        frame = super()._frame()
        frame[self.shown - 1] = self.values + 1
        return frame

    def _drawn_places(self, uniform: NDArray[np.float64]) -> NDArray[Any]:
        return np.broadcast_to(np.arange(self.symbols), uniform.shape)

    def _found_places(self, inputs: Values) -> NDArray[Any]:
        return np.broadcast_to(np.arange(self.symbols), (len(inputs), self.symbols))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SelectiveCopying(_Copying):
    """Which symbols stood among the fill? Their places differ in every sequence.

    `length` steps show fill, but for `symbols` of them, at random places, which show symbols
    drawn uniformly from `values`. Then the input has ended and is blank for as many steps as
    there were symbols; the targets there are the symbols in their order.

    Args:
        length: Steps shown, at least `symbols`.
        symbols: Symbols to remember, at least 1.
        values: Number of different symbols, at least 2.

    Shapes: inputs and targets `(count, length + symbols)` int32. Inputs in [0, values + 1]:
        `values` stands for fill, values + 1 for blank. Targets in [0, values); scored alike,
        true in the answer.

    Scores: accuracy over the answer. Chance 1/values; ceiling 1.

    Ladder: length 20, 50, 100, 200, 500, 1000.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range, or there are more symbols than steps.

    Source: Gu and Dao (2023), Mamba: 16 symbols of 14 values at a length of 4,096, drawn as by
        the copying generator of S4 (Gu, Goel and Ré 2022) with variable places.

    >>> import numpy as np
    >>> problem = SelectiveCopying(length=8, symbols=2, values=4)
    >>> inputs, targets, scored = problem.draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist(), targets[0][scored[0]].tolist()
    ([4, 2, 4, 4, 4, 4, 4, 3, 5, 5], [2, 3])
    """

    source: ClassVar[str] = "Gu and Dao (2023), Mamba"
    group: ClassVar[str] = "recall by mark"
    separates: ClassVar[str] = "models that choose what to keep from filters with fixed lags"
    ladder: ClassVar[Ladder] = Ladder("length", (20, 50, 100, 200, 500, 1000))

    length: int = knob(20, "Steps shown, symbols and fill.", at_least=1)
    symbols: int = knob(3, "Symbols to remember.", at_least=1)
    values: int = knob(8, "Number of different symbols.", at_least=2, at_most=2**30)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.symbols > self.length:
            raise ValueError(
                f"SelectiveCopying: `symbols` must be at most `length` ({self.length}), got "
                f"{self.symbols}. Use length={self.symbols} or more."
            )

    @property
    def shown(self) -> int:
        return self.length

    @property
    def inputs(self) -> Integers:
        return Integers(self.values + 1, blank=True)

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Exact for a predictor that sees the input up to its end, or from its beginning."""
        best = self.chance_by_step()
        seen = (self._place_shares() * sees[self.shown :, : self.shown]).sum(axis=1)
        best[self.shown :] += np.minimum(seen, 1) * (1 - 1 / self.values)
        return best

    def needs(self) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        needs[self.shown :, : self.shown] = self._place_shares() > 0
        return needs

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        needs[np.arange(self.shown, self.steps), self._found_places(inputs[None])[0]] = True
        return needs

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        question = inputs[:, : self.shown]
        number = (question < self.values).sum(axis=1) == self.symbols
        return number & (question <= self.values).all(axis=1)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        usual = inputs[:, self._place_shares().argmax(axis=1)]
        usual = np.where(usual < self.values, usual, 0)
        return {"the likeliest place of each symbol": self._answered(usual)} | super().guesses(
            inputs
        )

    def at(self, rung: int) -> Problem:
        return dataclasses.replace(self, length=rung, symbols=min(self.symbols, rung))

    def showing(self, length: int) -> Problem:
        self._at_least(self.symbols, length)
        return dataclasses.replace(self, length=length)

    def _drawn_places(self, uniform: NDArray[np.float64]) -> NDArray[Any]:
        return np.sort(distinct(uniform, self.length).astype(np.intp), axis=1)

    def _found_places(self, inputs: Values) -> NDArray[Any]:
        fill = inputs[:, : self.shown] >= self.values
        return np.argsort(fill, axis=1, kind="stable")[:, : self.symbols]

    def _place_shares(self) -> NDArray[np.float64]:
        """The probability that a symbol stands at a step, `(symbol, step)`."""
        log_factorial = np.cumsum(np.log(np.maximum(np.arange(self.length + 1), 1)))

        def log_choose(of: NDArray[Any], some: NDArray[Any]) -> NDArray[np.float64]:
            rest = np.maximum(of - some, 0)
            return log_factorial[of] - log_factorial[np.minimum(some, of)] - log_factorial[rest]

        at, before = np.arange(self.length), np.arange(self.symbols)[:, None]
        left, after = self.length - 1 - at, self.symbols - 1 - before
        whole = math.log(math.comb(self.length, self.symbols))
        logs = log_choose(at, before) + log_choose(left, after) - whole
        return np.where((before <= at) & (after <= left), np.exp(logs), 0.0)
