"""The recall problems of seq_icl: every next token is a target, only the last can be known."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.problems import Episodes, Integers, Ladder, Problem
from longlag.problems._base import Steps, Values

_VOCABULARY, _SYMBOLS = 20, 18  # two are special: the prefix, and one that is never shown

_PREFIX = 18


@dataclasses.dataclass(frozen=True, kw_only=True)
class _NextToken(Problem):
    """A sequence of tokens whose last one follows from the others."""

    source: ClassVar[str] = "berlino/seq_icl (2023), synthetic tasks"
    ladder: ClassVar[Ladder] = Ladder("length", ())

    last: bool = False
    """Whether the last token alone is a target; else every next one, as in the source."""

    @property
    def inputs(self) -> Integers:
        return Integers(_VOCABULARY)

    @property
    def targets(self) -> Integers:
        return Integers(_VOCABULARY)

    @property
    def random(self) -> float:
        """Accuracy of the best constant at the last step."""
        raise NotImplementedError

    def scored(self) -> Steps:
        return (np.arange(self.steps) == self.steps - 1) | (not self.last)

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, self.random)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        tokens = self.tokens(rng, count)
        scored = np.broadcast_to(self.scored(), (count, self.steps))
        return Episodes(tokens[:, :-1], np.ascontiguousarray(tokens[:, 1:]), scored)

    def tokens(self, rng: np.random.Generator, count: int) -> Values:
        """Whole sequences, `(count, steps + 1)`."""
        raise NotImplementedError

    def needs(self) -> NDArray[np.bool_]:
        # Of the last token; the others are random, and a bound on what they depend on.
        return np.tri(self.steps, dtype=bool)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairRecall(_NextToken):
    """Which value has this key? Pairs of one of 9 keys and its value, then a key that was shown.

    Args:
        length: Tokens of the pairs, even.
        last: Whether the last token alone is a target.

    Shapes: inputs and targets `(count, length + 2)` int32 in [0, 20): keys below 9, values below
        18, 18 stands before the last key.

    Scores: accuracy over targets. Chance at the last step 1/9; there ceiling 1.
    """

    @property
    def steps(self) -> int:
        return self.length + 2

    @property
    def random(self) -> float:
        return 2 / _SYMBOLS

    def tokens(self, rng: np.random.Generator, count: int) -> Values:
        half, pairs = _SYMBOLS // 2, self.length // 2
        value = half + rng.integers(half, size=(count, half))
        keys = rng.integers(half, size=(count, pairs))
        asked = keys[np.arange(count), _first_of_a_kind(keys, rng)][:, None]
        shown = np.stack([keys, np.take_along_axis(value, keys, axis=1)], axis=2)
        answer = np.take_along_axis(value, asked, axis=1)
        prefix = np.full((count, 1), _PREFIX)
        parts = [shown.reshape(count, -1), prefix, asked, answer]
        return np.concatenate(parts, axis=1).astype(np.int32)

    def oracle(self, inputs: Values) -> Values:
        best = np.zeros_like(inputs)
        keys, values = inputs[:, 0 : self.length : 2], inputs[:, 1 : self.length : 2]
        same = keys == inputs[:, -1:]
        best[:, -1] = np.take_along_axis(values, same.argmax(axis=1)[:, None], axis=1)[:, 0]
        return best

    def guesses(self, inputs: Values) -> dict[str, Values]:
        counts = (inputs[:, 1 : self.length : 2, None] == np.arange(_VOCABULARY)).sum(axis=1)
        frequent = np.zeros_like(inputs)
        frequent[:, -1] = counts.argmax(axis=1)
        return {"the value that was shown most often": frequent}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenInduction(_NextToken):
    """Which token followed the prefix? It stands once among random ones, and again at the end.

    Args:
        length: Tokens before the last prefix.
        last: Whether the last token alone is a target.

    Shapes: inputs and targets `(count, length + 1)` int32 in [0, 20), 18 the prefix.

    Scores: accuracy over targets. Chance at the last step 1/18; there ceiling 1.
    """

    @property
    def steps(self) -> int:
        return self.length + 1

    @property
    def random(self) -> float:
        return 1 / _SYMBOLS

    def tokens(self, rng: np.random.Generator, count: int) -> Values:
        tokens = rng.integers(_SYMBOLS, size=(count, self.length + 2)).astype(np.int32)
        rows, first = np.arange(count), rng.integers(self.length - 2, size=count)
        tokens[rows, first] = tokens[:, -2] = _PREFIX
        tokens[:, -1] = tokens[rows, first + 1]
        return tokens

    def oracle(self, inputs: Values) -> Values:
        best = np.zeros_like(inputs)
        first = (inputs == _PREFIX).argmax(axis=1)
        best[:, -1] = inputs[np.arange(len(inputs)), first + 1]
        return best


def _first_of_a_kind(keys: NDArray[np.int_], rng: np.random.Generator) -> NDArray[np.intp]:
    """The place of a key of each row, uniform over the different keys that it has."""
    each = (keys[:, None, :] == np.arange(_SYMBOLS // 2)[:, None]).any(axis=2)
    chosen = (rng.random(each.shape) * each).argmax(axis=1)
    return (keys == chosen[:, None]).argmax(axis=1)
