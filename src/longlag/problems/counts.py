"""Counts of independent draws: the majority, the number of ones."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers, Reals
from longlag.problems.tallies import best_of_majority, binomial


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Tally(Problem):
    """Independent draws, and a target that depends on how often each value came."""

    group: ClassVar[str] = "counter"
    accumulates: ClassVar[bool] = True

    length: int = knob(20, "Steps per sequence.", at_least=2)
    ask: Literal["last", "every"] = knob("last", "Score the last step, or every one.")

    def scored(self) -> Steps:
        return (np.arange(self.length) == self.length - 1) | (self.ask == "every")

    def needs(self) -> NDArray[np.bool_]:
        # Of every episode: where the majority is clear, a model still has to count each input.
        return np.tri(self.length, dtype=bool) & self.scored()[:, None]

    def chance_by_step(self) -> NDArray[np.float64]:
        return self.ceiling_by_step(np.zeros((self.length, self.length), dtype=bool))

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        best, visible = np.zeros(self.length), np.tril(sees).sum(axis=1)
        for step in np.flatnonzero(self.scored()):
            best[step] = self._best(int(visible[step]), int(step + 1 - visible[step]))
        return best

    def _best(self, seen: int, hidden: int) -> float:
        """Accuracy of the best guess from `seen` of the draws, without the `hidden` others."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        inputs = self._inputs(rng, count)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def _inputs(self, rng: np.random.Generator, count: int) -> Values:
        raise NotImplementedError

    def showing(self, length: int) -> Problem:
        self._at_least(2, length)
        return dataclasses.replace(self, length=length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Majority(_Tally):
    """Which value was the most frequent? The smallest of several that were.

    Each step shows an integer drawn uniformly from `values`. At the last step, that one
    included, the target is the most frequent of the sequence; of several equally frequent
    ones the smallest.

    Args:
        length: Steps in an episode, at least 2.
        values: Number of different integers, from 2 to 100. With 2 and an odd length there
            are no ties.
        ask: `last` scores the last step, `every` the values so far at each.

    Shapes: inputs and targets `(count, length)` int32 in [0, values); scored alike.

    Scores: accuracy over scored steps. Chance is the share of sequences in which 0 is the most
        frequent, exact; ceiling 1. With some inputs in sight the best guess is the most
        frequent of these: exact up to some thousand possible counts, else to about 2 %.

    Ladder: length 5, 10, 20, 50, 100, 200.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Beck et al. (2024), xLSTM, "Majority"; there 3–40 symbols of up to 64, tested on
        40–256.

    >>> import numpy as np
    >>> problem = Majority(length=6, values=3)
    >>> inputs, targets, _ = problem.draw(np.random.default_rng(0), 1)
    >>> inputs[0].tolist(), targets[0, -1].item()
    ([2, 1, 1, 0, 0, 0], 0)
    """

    source: ClassVar[str] = "Beck et al. (2024), xLSTM: extended long short-term memory"
    separates: ClassVar[str] = "models that count each value from those that know the latest ones"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 50, 100, 200))

    values: int = knob(3, "Number of different integers.", at_least=2, at_most=100)

    @property
    def inputs(self) -> Integers:
        return Integers(self.values)

    @property
    def targets(self) -> Integers:
        return Integers(self.values)

    def _best(self, seen: int, hidden: int) -> float:
        return best_of_majority(self.values, seen, hidden)

    def _inputs(self, rng: np.random.Generator, count: int) -> Values:
        return rng.integers(self.values, size=(count, self.length), dtype=np.int32)

    def oracle(self, inputs: Values) -> Values:
        if self.ask == "every":
            counts = (inputs[..., None] == np.arange(self.values)).cumsum(axis=1, dtype=np.int32)
            return counts.argmax(axis=2).astype(np.int32)  # the first of several
        best = np.zeros_like(inputs)
        best[:, -1] = self._most_frequent(inputs)
        return best

    def _most_frequent(self, inputs: Values) -> NDArray[np.intp]:
        keys = inputs + self.values * np.arange(len(inputs))[:, None]
        counts = np.bincount(keys.ravel(), minlength=self.values * len(inputs))
        return counts.reshape(-1, self.values).argmax(axis=1)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        best = self._most_frequent(inputs[:, self.length // 2 :])
        guess = np.repeat(best[:, None], self.length, axis=1).astype(np.int32)
        return {"the most frequent of the second half": guess} if self.ask == "last" else {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountOnes(_Tally):
    """How many ones were there?

    Each step shows 1 with probability `density`, else 0. At the last step, that one included,
    the target is the number of ones, a real: divided by `scale`, so that a network can output
    it, and right within 0.4 ones.

    Args:
        length: Steps in an episode, at least 2.
        density: Probability of a one, from 0.01 to 0.99.
        scale: Ones that make a target of 1, at least 1.
        ask: `last` scores the last step, `every` the ones so far at each.

    Shapes: inputs `(count, length)` int32, 0 or 1; targets `(count, length)` float32; scored
        alike.

    Scores: accuracy over scored steps, within 0.4 ones. Chance is the likeliest number, exact
        from the binomial distribution; the error of the mean is the standard deviation,
        √(length · density · (1 − density)) / scale at the last step. Ceiling 1.

    Ladder: length 10, 20, 50, 100, 200.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: additive-recurrent-unit (2025), counting; there 100 steps of density 0.1, the
        number itself.

    >>> import numpy as np
    >>> inputs, targets, _ = CountOnes(length=6, density=0.5).draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist(), round(float(targets[0, -1]), 3)
    ([0, 0, 1, 0, 1, 1], 0.3)
    """

    source: ClassVar[str] = "abderahmane-ai/additive-recurrent-unit (2025), counting"
    separates: ClassVar[str] = "states that add without loss from those that decay or saturate"
    ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200))

    density: float = knob(0.1, "Probability of a one.", at_least=0.01, at_most=0.99)
    scale: int = knob(10, "Ones that make a target of 1.", at_least=1)

    @property
    def inputs(self) -> Integers:
        return Integers(2)

    @property
    def targets(self) -> Reals:
        return Reals(0.4 / self.scale)

    def chance_error(self, steps: Steps | None = None) -> float:
        draws = 1 + np.flatnonzero(self.scored() if steps is None else steps)
        return float((draws.mean() * self.density * (1 - self.density)) ** 0.5 / self.scale)

    def _best(self, seen: int, hidden: int) -> float:  # noqa: ARG002
        return float(binomial(hidden, self.density).max())

    def _inputs(self, rng: np.random.Generator, count: int) -> Values:
        return (rng.random((count, self.length)) < self.density).astype(np.int32)

    def oracle(self, inputs: Values) -> Values:
        return (inputs.cumsum(axis=1) / self.scale).astype(np.float32)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        half = self.length // 2
        ones = inputs.copy()
        ones[:, :half] = 0
        likely = np.rint(half * self.density)
        guess = ((ones.cumsum(axis=1) + likely) / self.scale).astype(np.float32)
        return {"the ones of the second half": guess} if self.ask == "last" else {}
