"""Embedded Reber grammar: which symbols may come next?"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems import reber_grammar as grammar
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers, Sets

_SHORTEST = 9  # symbols of the shortest string of the grammar


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddedReber(Problem):
    """Which symbols may come next in a string of the embedded Reber grammar?

    A string is B, then T or P, then a string of Reber's grammar, then the same T or P, then E;
    each branch has probability 1/2. Each step shows a symbol, and the target is the set of those
    that may come next. Most sets follow from the last two symbols; that before the end, T or P,
    must be kept from the second symbol on.

    Args:
        length: Symbols of the longest string, at least 9. The grammar has strings of any length;
            longer ones are not drawn: 0.13 % of all with 30, the default, 0.0003 % with 50.
        shortest: Symbols of the shortest string that is drawn, from 9, of all strings, to length.

    Shapes: inputs `(count, length - 1)` int32: B, T, P, S, X, V, E as 0 to 6, and 7 after the
        end; targets `(count, length - 1, 7)` int32, a set as zeros and ones; scored
        `(count, length - 1)` bool, true at each symbol of the string but its last.

    Scores: share of sets that are right, every member and no other. Chance is that of the best
        set for each step, exact; ceiling 1. Who ignores the outer T and P is right but at one step
        of each string, so look at `by_step` or at whole sequences.

    Ladder: shortest 9, 12, 16, 20, 25, 30, 40, 50; length grows to 21 more.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Hochreiter and Schmidhuber (1997), experiment 1; after Reber (1967).

    >>> import numpy as np
    >>> problem = EmbeddedReber(length=12)
    >>> inputs, targets, _ = problem.draw(np.random.default_rng(1), 1)
    >>> "".join("BTPSXVE_"[symbol] for symbol in inputs[0])
    'BPBPTVVEP__'
    >>> " ".join(problem.targets.format(target) for target in targets[0, :9])
    '{1,2} {0} {1,2} {1,5} {1,5} {2,5} {6} {2} {6}'
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997), experiment 1"
    group: ClassVar[str] = "automaton"
    separates: ClassVar[str] = "models that keep a symbol through a grammar from those that lose it"
    ladder: ClassVar[Ladder] = Ladder("shortest", (9, 12, 16, 20, 25, 30, 40, 50))

    length: int = knob(30, "Symbols of the longest string.", at_least=_SHORTEST)
    shortest: int = knob(_SHORTEST, "Symbols of the shortest string.", at_least=_SHORTEST)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shortest > self.length:
            raise ValueError(
                f"EmbeddedReber: `shortest` must be at most `length` ({self.length}), got "
                f"{self.shortest}. Use length={self.shortest} or more."
            )

    @property
    def inputs(self) -> Integers:
        return Integers(len(grammar.SYMBOLS), blank=True)

    @property
    def targets(self) -> Sets:
        return Sets(len(grammar.SYMBOLS))

    @property
    def steps(self) -> int:
        return self.length - 1

    @property
    def varies(self) -> bool:
        return self.shortest < self.length

    @property
    def masks(self) -> bool:
        return self.varies

    @property
    def share(self) -> float:
        """Share of the strings of the grammar that have such a length."""
        return self._strings.share

    @property
    def _strings(self) -> grammar.Lengths:
        return grammar.lengths(self.shortest - 1, self.steps)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        takes_first = rng.random((count, self.steps)).T
        inputs = np.empty((self.steps, count), np.int32)
        now = np.full(count, grammar.START)
        for step, first in enumerate(self._strings.first):
            branch = np.where(takes_first[step] < first[now], 0, 1)
            inputs[step] = grammar.BRANCHES[now, branch]
            now = grammar.NEXT[now, inputs[step]]
        inputs = np.ascontiguousarray(inputs.T)
        present = inputs != grammar.BLANK
        return Episodes(inputs, self.oracle(inputs), present, present if self.varies else None)

    def scored(self) -> Steps:
        return np.ones(self.steps, dtype=bool)

    def oracle(self, inputs: Values) -> Values:
        return grammar.LEGAL[grammar.states_of(inputs)]

    def needs(self) -> NDArray[np.bool_]:
        return grammar.needed(self.shortest - 1, self.steps)

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        # Every symbol is changed alone, to every other one, in one table of strings.
        known = int((inputs != grammar.BLANK).sum())
        changed = np.tile(inputs, (known, len(grammar.SYMBOLS), 1))
        places = np.arange(known)
        changed[places, :, places] = np.arange(len(grammar.SYMBOLS))
        flat = changed.reshape(-1, self.steps)
        states = grammar.states_of(flat)
        sets = grammar.SET_OF[states].reshape(changed.shape)
        moved = (sets != grammar.SET_OF[grammar.states_of(inputs[None])]) & self._live(
            states
        ).reshape(changed.shape)
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        needs[:known, :known] = moved.any(axis=1).T[:known]
        return needs

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        """Whether the symbols up to each step begin a string, `(count, step)`."""
        return self._live(grammar.states_of(inputs))

    def _live(self, states: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether a string may be in this state at this step, or has ended before."""
        live = self._strings.live[1:].copy()
        live[self.shortest - 2 :, grammar.END] = True
        return live[np.arange(self.steps), states]

    def chance_by_step(self) -> NDArray[np.float64]:
        return self.ceiling_by_step(np.zeros((self.steps, self.steps), dtype=bool))

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        fewest = self.shortest - 1
        best = np.ones(self.steps)  # where all is seen
        for at, row in enumerate(sees):
            if not row[: at + 1].all():
                best[at] = grammar.best_share(fewest, self.steps, at, row)
        return best

    def guesses(self, inputs: Values) -> dict[str, Values]:
        guess = self.oracle(inputs)
        before_end = np.isin(grammar.states_of(inputs), grammar.OUTER)
        guess[before_end] = grammar.LEGAL[grammar.OUTER[0]]
        return {"the inner grammar with T for the outer symbol": guess}

    def at(self, rung: int) -> Problem:
        return dataclasses.replace(self, shortest=rung, length=max(self.length, rung + 21))

    def showing(self, length: int) -> EmbeddedReber:
        """The problem of strings up to one with this number of inputs."""
        self._at_least(self.shortest - 1, length)
        return dataclasses.replace(self, length=length + 1)
