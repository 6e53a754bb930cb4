"""Dyck languages of bounded depth: which brackets may come next?"""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers, Sets

_MOST_BELIEFS = 4096  # that are followed through a window; beyond, the likeliest of them


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dyck(Problem):
    """Which brackets may come next, nested in pairs up to a depth?

    Each step shows a bracket of one of several kinds: an opening one, 0 to pairs - 1, or a
    closing one, pairs to 2 pairs - 1. The target is the set of what may follow: every opening
    bracket below the largest depth, the closing one of the last that is open, and the end, the
    symbol 2 pairs, where none is open. Moves are random: where it may open or close it closes
    with probability `close`; the kinds of opening brackets are equally likely. The episode is
    the beginning of a string, brackets may be open at its end. After a bracket that breaks
    the rule nothing may follow: the empty set. So every bracket up to a step counts.

    Args:
        length: Steps in an episode, above `depth`.
        pairs: Kinds of brackets, from 1 to 50. With 1 a count is enough, with 2 a stack is
            needed.
        depth: Brackets open at once, 2 ≤ depth < length.
        close: Probability to close where both are legal, from 0.05 to 0.95.

    Shapes: inputs `(count, length)` int32 in [0, 2 pairs); targets `(count, length, 2 pairs +
        1)` int32, sets as zeros and ones; scored `(count, length)` bool, true.

    Scores: accuracy over all steps; a set is right if it is named exactly. Chance knows the
        step, exact from the distribution of the depth; ceiling 1. With the last brackets in
        sight the ceiling is exact, up to 4,096 different beliefs about the depth.

    Ladder: depth 2, 3, 5, 8, 12; the length grows to four times the depth.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Bhattamishra et al. (2020), ability of transformers to recognize formal languages.

    >>> import numpy as np
    >>> problem = Dyck(length=4)
    >>> inputs, targets, _ = problem.draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist(), [problem.targets.format(each) for each in targets[0]]
    ([1, 1, 3, 1], ['{0,1,3}', '{0,1,3}', '{0,1,3}', '{0,1,3}'])
    """

    source: ClassVar[str] = "Bhattamishra et al. (2020), transformers and formal languages"
    group: ClassVar[str] = "stack"
    separates: ClassVar[str] = "models that keep a stack from those that count the depth"
    ladder: ClassVar[Ladder] = Ladder("depth", (2, 3, 5, 8, 12))

    accumulates: ClassVar[bool] = True

    length: int = knob(20, "Steps per sequence.", at_least=3)
    pairs: int = knob(2, "Kinds of brackets.", at_least=1, at_most=50)
    depth: int = knob(3, "Brackets open at once.", at_least=2, below="length")
    close: float = knob(
        0.5, "Probability to close where both are legal.", at_least=0.05, at_most=0.95
    )

    @property
    def inputs(self) -> Integers:
        return Integers(2 * self.pairs)

    @property
    def targets(self) -> Sets:
        return Sets(2 * self.pairs + 1)

    def scored(self) -> Steps:
        return np.ones(self.length, dtype=bool)

    def needs(self) -> NDArray[np.bool_]:
        return np.tri(self.length, dtype=bool)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = np.ascontiguousarray(rng.random((count, self.length)).T)
        rows, depth = np.arange(count), np.zeros(count, np.intp)
        stacks = np.zeros((count, self.depth + 1), np.int32)
        inputs, depths, tops = np.empty((3, self.length, count), np.int32)
        for step, each in enumerate(drawn):
            closes = (depth > 0) & ((depth == self.depth) | (each < self.close))
            fresh = np.where(depth > 0, (each - self.close) / (1 - self.close), each)
            level = depth - closes  # of the bracket
            kind = np.where(closes, stacks[rows, level], (fresh * self.pairs).astype(np.int32))
            stacks[rows, level] = kind
            inputs[step] = kind + self.pairs * closes
            depth = np.where(closes, level, depth + 1)
            depths[step], tops[step] = depth, stacks[rows, np.maximum(depth - 1, 0)]
        shown, deep, top = (np.ascontiguousarray(each.T) for each in (inputs, depths, tops))
        return Episodes(shown, self._sets(deep, top), np.ones(shown.shape, dtype=bool))

    def oracle(self, inputs: Values) -> Values:
        depth, top, legal = self._read(inputs)
        return self._sets(depth, top) * legal[..., None]

    def _read(self, inputs: Values) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
        """After each step: the depth, the kind of the last open bracket, whether it is legal."""
        opens, steps = inputs < self.pairs, np.arange(self.length)
        depth = np.where(opens, 1, -1).cumsum(axis=1)
        legal, top = (depth >= 0) & (depth <= self.depth), np.zeros_like(depth)
        for level in range(1, self.depth + 1):
            opened = np.where(opens & (depth == level), steps, -1)
            last = np.maximum.accumulate(opened, axis=1)
            kind = np.take_along_axis(inputs, np.maximum(last, 0), axis=1)
            closes = ~opens & (depth == level - 1)
            legal &= ~closes | (inputs - self.pairs == kind)
            top = np.where(depth == level, kind, top)
        return depth, top, np.logical_and.accumulate(legal, axis=1)

    def _sets(self, depth: Values, top: Values) -> NDArray[np.int32]:
        sets = np.zeros((*depth.shape, 2 * self.pairs + 1), np.int32)
        sets[..., : self.pairs] = (depth < self.depth)[..., None]
        kinds = top[..., None] == np.arange(self.pairs)
        sets[..., self.pairs : -1] = kinds & (depth > 0)[..., None]
        sets[..., -1] = depth == 0
        return sets

    def guesses(self, inputs: Values) -> dict[str, Values]:
        depth, _, _ = self._read(inputs)
        opens = inputs < self.pairs
        last = self._sets(opens.astype(np.intp), np.where(opens, inputs, 0))
        counted = self._sets(depth, np.zeros_like(depth))
        return {"the last bracket alone": last, "the depth alone": counted}

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.array([self._best((step + 1,), 0) for step in range(self.length)])

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        return self.ceiling_without_clock(sees, np.arange(self.length))

    def ceiling_without_clock(
        self, sees: NDArray[np.bool_], groups: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        best = np.ones(self.length)
        for group in np.unique(groups[groups >= 0]):
            steps = np.flatnonzero(groups == group)
            # Only the inputs without a gap up to the step are used.
            gaps = np.flatnonzero(~sees[steps[0], : steps[0] + 1])
            seen = int(steps[0] - gaps[-1]) if len(gaps) else int(steps[0] + 1)
            best[steps] = self._best(tuple((steps + 1 - seen).tolist()), seen)
        return best

    def _best(self, starts: tuple[int, ...], seen: int) -> float:
        """Accuracy of the best guess from the last brackets, those before unknown.

        Args:
            starts: Possible numbers of brackets before, equally likely.
            seen: Number of brackets in sight.
        """
        if starts == (0,):
            return 1.0
        depths = _depths(self.depth, self.close, self.length)[list(starts)].mean(axis=0)
        return _best_from(self.pairs, self.close, seen, tuple(depths.tolist()))

    def at(self, rung: int) -> Problem:
        return dataclasses.replace(self, depth=rung, length=max(self.length, 4 * rung))

    def showing(self, length: int) -> Problem:
        self._at_least(self.depth + 1, length)
        return dataclasses.replace(self, length=length)


def _moves(deepest: int, close: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probability to open and to close at each depth."""
    closes = np.full(deepest + 1, close)
    closes[0], closes[-1] = 0.0, 1.0
    return 1 - closes, closes


@functools.lru_cache(64)
def _depths(deepest: int, close: float, steps: int) -> NDArray[np.float64]:
    """Distribution of the depth after each number of brackets, `(steps + 1, depth)`."""
    opens, closes = _moves(deepest, close)
    depths = np.zeros((steps + 1, deepest + 1))
    depths[0, 0] = 1.0
    for step in range(steps):
        depths[step + 1, 1:] += (depths[step] * opens)[:-1]
        depths[step + 1, :-1] += (depths[step] * closes)[1:]
    return depths


@functools.lru_cache(2**12)
def _best_from(pairs: int, close: float, seen: int, depths: tuple[float, ...]) -> float:
    """Accuracy of the best guess after so many brackets, from a distribution of the depth before.

    All sequences of opening and closing brackets are followed together: a belief about the depth,
    as joint probabilities, and the number of open brackets that were seen to open. Beliefs that
    are alike are one.
    """
    opens, closes = _moves(len(depths) - 1, close)
    belief, known = np.array([depths]), np.zeros(1, np.intp)
    for _ in range(seen):
        up, down = np.zeros_like(belief), np.zeros_like(belief)
        up[:, 1:], down[:, :-1] = (belief * opens)[:, :-1], (belief * closes)[:, 1:]
        known = np.concatenate([known + 1, np.maximum(known - 1, 0)])
        belief, known = _merged(np.concatenate([up, down]), known)
    inside = np.maximum(belief[:, 1:-1].sum(axis=1), belief[:, -1])
    kinds = np.where(known > 0, 1, pairs)  # of the closing bracket
    best = np.maximum(belief[:, 0], inside / kinds).sum()
    return float(best / belief.sum())


def _merged(
    belief: NDArray[np.float64], known: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The sums of those that are alike but for their probability."""
    total = belief.sum(axis=1)
    belief, known, total = belief[total > 0], known[total > 0], total[total > 0]
    shape = np.concatenate([known[:, None], (belief / total[:, None]).round(9)], axis=1)
    unique, first, alike = np.unique(shape, axis=0, return_index=True, return_inverse=True)
    joined = np.zeros((len(unique), belief.shape[1]))
    np.add.at(joined, alike.ravel(), belief)
    known = known[first]
    if len(joined) > _MOST_BELIEFS:
        kept = np.argsort(-joined.sum(axis=1), kind="stable")[:_MOST_BELIEFS]
        joined, known = joined[kept], known[kept]
    return joined, known
