"""Perturbation: which inputs move what an oracle says, found by changing one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from longlag.problems import Integers, Problem, Reals

NOISE = 1e-6
"""Differences of real targets that single precision leaves to chance."""

_DRAWN = 4000  # episodes in which a rare target is looked for

_CHANGED = 256  # of them, how many are changed at every step

_CELLS = 4_000_000  # episodes × steps × steps that a round may change

_ROUNDS = 4

_HALVINGS = 12  # finer, and a rounding error might be taken for a move

Oracle = Callable[[np.ndarray], np.ndarray]


class Moves(NamedTuple):
    """Which input moved which target, `(target, input)`.

    Attributes:
        likely: In an episode as it is drawn, or put together from two that are.
        any: In those and in extreme ones that no draw may give.
        episodes: Number of changed episodes that were tried.
    """

    likely: np.ndarray
    any: np.ndarray
    episodes: int


def moves(problem: Problem, oracle: Oracle, claimed: np.ndarray, rng: np.random.Generator) -> Moves:
    """Find the inputs that move a target, looking longer for those that are claimed to.

    One input at a time is changed in drawn episodes. That seldom moves a label such as
    whether a sum has reached a threshold. So two episodes whose targets differ are brought
    together until they differ in one input and by little; there, each input that counts
    moves the target.

    Args:
        problem: Whose episodes are changed.
        oracle: What it says of inputs, `(count, step)`.
        claimed: The inputs said to move each target, `(target, input)`.
        rng: What the changes are drawn from.

    >>> from longlag.problems import EchoLag
    >>> problem = EchoLag(lag=1, length=3)
    >>> found = moves(problem, problem.oracle, problem.needs(), np.random.default_rng(0))
    >>> found.likely.astype(int).tolist()
    [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    """
    search = _Search(problem, oracle, rng)
    found = search.changed(search.drawn[: min(_CHANGED, search.most)])
    found |= search.changed(search.boundary(search.drawn, search.scored))
    every = found.copy()
    for _ in range(_ROUNDS):
        missing = claimed & ~every
        if not np.any(missing):
            break
        every |= search.changed(search.boundary(search.extremes(), np.any(missing, axis=1)))
    return Moves(found, every, search.tried)


class _Search:
    def __init__(self, problem: Problem, oracle: Oracle, rng: np.random.Generator) -> None:
        self.kind, self.rng, self._oracle = problem.inputs, rng, oracle
        self.exact = isinstance(problem.targets, Integers)
        self.steps, self.question = problem.steps, problem.steps - problem.answers
        self.scored = problem.scored()
        self.tried = 0
        self.most = max(16, _CELLS // self.steps**2)
        self.drawn = problem.draw(rng, _DRAWN).inputs
        shown = self.drawn[:, : self.question]
        self.low, self.high = float(shown.min()), float(shown.max())

    def says(self, inputs: np.ndarray) -> np.ndarray:
        self.tried += len(inputs)
        return self._oracle(inputs)

    def apart(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        differ = one != other if self.exact else ~(np.abs(one - other) <= NOISE)
        return differ & self.scored

    def changed(self, inputs: np.ndarray) -> np.ndarray:
        """The targets that one input moves in these episodes, whatever the others are."""
        found = np.zeros((self.steps, self.steps), dtype=bool)
        if not len(inputs):
            return found
        usual = self.says(inputs)
        for step in range(self.question):
            other = inputs.copy()
            for column in changes(self.kind, inputs[:, step], self.low, self.high, self.rng):
                other[:, step] = column
                found[:, step] |= self.apart(usual, self.says(other)).any(axis=0)
        return found

    def extremes(self) -> np.ndarray:
        """Drawn episodes, and others that show the least, the largest or any values."""
        kind, shape = self.kind, (len(self.drawn) // 4, self.question)
        if isinstance(kind, Reals):
            # Draws of [0, 1) come as near to 1 as this, and no nearer.
            low, high = np.float32(0), max(np.float32(self.high), np.nextafter(np.float32(1), 0))
            anything = self.rng.random(shape, dtype=np.float32)
        else:
            low, high = np.int32(0), np.int32(kind.values - 1)
            anything = self.rng.integers(kind.values, size=shape, dtype=np.int32)
        shown = self.drawn[: shape[0], : self.question]
        either = np.where(self.rng.random(shape) < 0.5, shown, anything)
        other = np.repeat(self.drawn[:1], 4 * shape[0], axis=0)
        other[:, : self.question] = np.concatenate(
            [np.full(shape, low), np.full(shape, high), anything, either]
        )
        return np.concatenate([self.drawn, other])

    def boundary(self, episodes: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Pairs of episodes that differ in one input, and by little, yet in a target.

        Args:
            episodes: What they are put together from, step by step.
            targets: The steps whose targets are looked at, `(step,)`.
        """
        before, after, target = self._pairs(episodes, np.flatnonzero(targets))
        if not len(before):
            return before
        rows = np.arange(len(before))
        said = self.says(before)

        def crossed(inputs: np.ndarray) -> np.ndarray:
            return self.apart(said, self.says(inputs))[rows, target]

        # Steps go over from one episode to the other in an order of chance.
        place = self.rng.permuted(np.tile(np.arange(self.steps), (len(rows), 1)), axis=1)
        least, most = np.zeros_like(rows), np.full_like(rows, self.steps)
        while (most - least > 1).any():
            middle = (least + most) // 2
            over = crossed(np.where(place < middle[:, None], after, before))
            least, most = np.where(over, least, middle), np.where(over, middle, most)
        near = np.where(place < least[:, None], after, before)
        far = np.where(place < most[:, None], after, before)
        if isinstance(self.kind, Reals):
            for _ in range(_HALVINGS):
                middle = (near + far) / 2
                over = crossed(middle)[:, None]
                near, far = np.where(over, near, middle), np.where(over, middle, far)
        return np.concatenate([near, far])

    def _pairs(
        self, episodes: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs of episodes, some for each of these targets, that differ in it."""
        said = self.says(episodes)
        each = max(1, min(16, self.most // (2 * max(1, len(targets)))))
        one, other, at = [], [], []
        for target in targets:
            column = said[:, target]
            # Rare values first, so that a target that seldom changes is met too.
            _, value, counts = np.unique(column, return_inverse=True, return_counts=True)
            order = self.rng.permutation(len(episodes))
            for place in order[np.argsort(counts[value][order], kind="stable")][:each]:
                unlike = np.flatnonzero(column != column[place])
                if len(unlike):
                    one.append(place)
                    other.append(self.rng.choice(unlike))
                    at.append(target)
        return episodes[one], episodes[other], np.array(at, dtype=int)


def changes(
    kind: Integers | Reals,
    values: np.ndarray,
    low: float,
    high: float,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Other values for one step of some episodes, each array one value an episode.

    Args:
        kind: The kind of the values.
        values: What the step shows.
        low: The least value that is drawn.
        high: The largest value that is drawn.
        rng: What is drawn from.

    >>> rng = np.random.default_rng(0)
    >>> [column.tolist() for column in changes(Integers(3), np.array([0, 2]), 0, 2, rng)]
    [[1, 0], [2, 1], [2, 0]]
    """
    if isinstance(kind, Integers):
        ahead = range(1, kind.values) if kind.values <= 6 else (1, 2, -1, kind.values // 2)
        for more in ahead:
            yield ((values.astype(np.int64) + more) % kind.values).astype(values.dtype)
    else:
        for value in (low, high):
            yield np.full_like(values, value)
        for more in (0.1, -0.1, 0.5):
            yield np.clip(values + more * (high - low), low, high).astype(values.dtype)
    yield np.roll(values, int(rng.integers(1, max(2, len(values)))))
