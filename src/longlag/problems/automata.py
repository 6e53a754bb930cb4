"""Finite automata: a state that every input may change, asked for at every step or at the last."""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.monoids import Monoid, cyclic, group
from longlag.problems.specs import Integers

_WINDOW = 4  # inputs of the simple rule that forgets the others

_CHOMSKY = "Delétang et al. (2023), Neural Networks and the Chomsky Hierarchy"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Walk(Problem):
    """A walk on a group: each input stands for an element, and the state is their product."""

    group: ClassVar[str] = "automaton"
    accumulates: ClassVar[bool] = True

    length: int = knob(20, "Steps per sequence.", at_least=1)
    ask: Literal["every", "last"] = knob("every", "Score every step, or only the last.")

    @property
    @abc.abstractmethod
    def _monoid(self) -> Monoid:
        """The table of the products."""

    @property
    @abc.abstractmethod
    def _letters(self) -> NDArray[np.intp]:
        """The element that each input stands for."""

    @property
    def inputs(self) -> Integers:
        return Integers(len(self._letters))

    @property
    def targets(self) -> Integers:
        return Integers(self._monoid.elements)

    def chance_by_step(self) -> NDArray[np.float64]:
        return self._hidden().max(axis=1)[1:]

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        return self._hidden().max(axis=1)[self._unseen(sees)]

    def ceiling_without_clock(
        self, sees: NDArray[np.bool_], groups: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        best, unseen, hidden = np.zeros(self.steps), self._unseen(sees), self._hidden()
        for each in np.unique(groups):
            same = groups == each
            best[same] = hidden[unseen[same]].mean(axis=0).max()
        return best

    def _hidden(self) -> NDArray[np.float64]:
        """The distribution of the product of 0, 1, … inputs that are not seen.

        What is seen multiplies it by known elements, which permutes it: exact where the unseen
        inputs are in one piece, and for all where the order of a product makes no difference.
        """
        return self._monoid.walk(self._letters, self.length)

    def _unseen(self, sees: NDArray[np.bool_]) -> NDArray[np.intp]:
        """How many of the inputs up to each step are not seen."""
        return (np.tri(self.length, dtype=bool) & ~sees).sum(axis=1)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        inputs = rng.integers(len(self._letters), size=(count, self.length), dtype=np.int32)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def scored(self) -> Steps:
        steps = np.arange(self.length)
        return steps == self.length - 1 if self.ask == "last" else steps >= 0

    def needs(self) -> NDArray[np.bool_]:
        return np.tri(self.length, dtype=bool) & self.scored()[:, None]

    def oracle(self, inputs: Values) -> Values:
        return self._monoid.running(self._letters[inputs]).astype(np.int32)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        near = self._monoid.running(self._letters[inputs], _WINDOW).astype(np.int32)
        return {f"the state after the last {_WINDOW} inputs alone": near}

    def showing(self, length: int) -> Problem:
        return dataclasses.replace(self, length=length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parity(_Walk):
    """Is the number of ones so far odd?

    Each step shows 0 or 1, with equal probability; the target is 1 where the number of ones, the
    current input included, is odd. One wrong or missed input turns all later targets.

    Args:
        length: Steps in an episode, at least 1.
        ask: `every` scores all steps, `last` only the last one.

    Shapes: inputs and targets `(count, length)` int32, 0 or 1; scored `(count, length)` bool.

    Scores: accuracy over scored steps. Chance 1/2, also for a predictor that misses a single
        input; ceiling 1.

    Ladder: length 10, 20, 50, 100, 200, 500.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Delétang et al. (2023), "Parity Check": lengths 1 to 40 in training, the answer asked
        for after the input. Here it is asked for with the last input, or at every step.

    >>> import numpy as np
    >>> inputs, targets, _ = Parity(length=8).draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist(), targets[0].tolist()
    ([0, 1, 1, 1, 0, 0, 1, 1], [0, 1, 0, 1, 1, 1, 0, 1])
    """

    source: ClassVar[str] = _CHOMSKY
    separates: ClassVar[str] = "states that an input can turn round from those that only decay"
    ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200, 500))
    independent: ClassVar[bool] = True  # uniform, whatever came before

    @property
    def _monoid(self) -> Monoid:
        return cyclic(2)

    @property
    def _letters(self) -> NDArray[np.intp]:
        return np.arange(2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CycleNavigation(_Walk):
    """At which place of a ring does a walk stand?

    It starts at place 0 of a ring of `places`. Each step shows a move, with equal probability: 0
    stays, 1 goes to the next place, 2 to the previous one. The target is the place after it.

    Args:
        length: Steps in an episode, at least 1.
        ask: `every` scores all steps, `last` only the last one.
        places: Places of the ring, at least 2.

    Shapes: inputs `(count, length)` int32, 0, 1 or 2; targets `(count, length)` int32 in
        [0, places); scored `(count, length)` bool.

    Scores: accuracy over scored steps. Chance is the likeliest place after that many moves, the
        start: near 1/places after many moves, exact by the distribution of the walk; ceiling 1.

    Ladder: length 10, 20, 50, 100, 200, 500.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Delétang et al. (2023), "Cycle Navigation": a ring of 5, the end asked for.

    >>> import numpy as np
    >>> inputs, targets, _ = CycleNavigation(length=8).draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist(), targets[0].tolist()
    ([1, 1, 2, 2, 0, 0, 2, 2], [1, 2, 1, 0, 0, 0, 4, 3])
    """

    source: ClassVar[str] = _CHOMSKY
    separates: ClassVar[str] = "states that can turn through a ring from those that only flip"
    ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200, 500))

    places: int = knob(5, "Places of the ring.", at_least=2, at_most=1000)

    @property
    def _monoid(self) -> Monoid:
        return cyclic(self.places)

    @property
    def _letters(self) -> NDArray[np.intp]:
        return np.array([0, 1, self.places - 1])


@dataclasses.dataclass(frozen=True, kw_only=True)
class WordProblem(_Walk):
    """What is the product of the elements of a group that were shown?

    Each step shows an element, with equal probability; the target is the product of all so far, the
    first one applied first. The elements are numbered from the identity on, 0: permutations in
    lexicographic order, an element (a, z) of A4 × Z5 by 5 a + z.

    Args:
        length: Steps in an episode, at least 1.
        ask: `every` scores all steps, `last` only the last one.
        monoid: The group: `z60` addition modulo 60; `s3`, `s5` all permutations of 3 or 5 things;
            `a5` the even ones of 5; `a4xz5` even permutations of 4 things, and addition modulo 5.
        generators: `all` elements are inputs, or the identity and a `few`, of which all others
            are products.

    Shapes: inputs `(count, length)` int32 in [0, elements), or of the few; targets
        `(count, length)` int32 in [0, elements); scored `(count, length)` bool.

    Scores: accuracy over scored steps. Chance 1/elements; with a few generators the likeliest
        product of that many, exact by the distribution of the walk; ceiling 1.

    Ladder: length 5, 10, 20, 50, 100.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Merrill, Petty and Sabharwal (2024), The Illusion of State: Z60, A4 × Z5 and A5, all
        of 60 elements, lengths up to 20.

    >>> import numpy as np
    >>> inputs, targets, _ = WordProblem(length=6).draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist(), targets[0].tolist()
    ([2, 3, 4, 5, 0, 0], [2, 5, 2, 3, 3, 3])
    """

    source: ClassVar[str] = "Merrill, Petty and Sabharwal (2024), The Illusion of State"
    separates: ClassVar[str] = "states whose changes need not commute from layers of fixed depth"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 50, 100))

    monoid: Literal["z60", "a4xz5", "a5", "s3", "s5"] = knob("s3", "Group of the word problem.")
    generators: Literal["all", "few"] = knob(
        "all", "Elements that are shown: all, or the identity and a few."
    )

    @property
    def _monoid(self) -> Monoid:
        return group(self.monoid)

    @property
    def _letters(self) -> NDArray[np.intp]:
        table = self._monoid
        few = self.generators == "few"
        return np.array([0, *table.generators]) if few else np.arange(table.elements)
