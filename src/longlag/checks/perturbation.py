"""Perturbation: which inputs move what an oracle says, found by changing one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from longlag.problems import Problem, Spec

NOISE = 1e-6
"""Differences of real targets that single precision leaves to chance."""

_DRAWN = 4000  # episodes in which a rare target is looked for

_CHANGED = 256  # of them, how many are changed at every step

_CELLS = 4_000_000  # episodes × steps × steps that a round may change

_ROUNDS = 4

_TRIED = 8  # other values of a step that are drawn for one episode

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
    if problem.varies:
        return _moves_by_episode(problem, oracle, rng)
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
        self.problem, self.rng, self._oracle = problem, rng, oracle
        self.spec = problem.inputs
        self.steps = problem.steps
        self.question = problem.steps - (0 if problem.varies else problem.answers)
        self.scored = problem.scored()
        self.tried = 0
        self.most = max(16, _CELLS // self.steps**2)
        self.drawn = problem.draw(rng, _DRAWN).inputs

    def says(self, inputs: np.ndarray) -> np.ndarray:
        self.tried += len(inputs)
        return self._oracle(inputs)

    def apart(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return differ(self.problem.targets, one, other) & self.scored

    def changed(self, inputs: np.ndarray) -> np.ndarray:
        """The targets that one input moves in these episodes, whatever the others are."""
        found = np.zeros((self.steps, self.steps), dtype=bool)
        if not len(inputs):
            return found
        usual = self.says(inputs)
        for step in range(self.question):
            other = inputs.copy()
            for column in self.spec.perturb(inputs[:, step], self.rng):
                other[:, step] = column
                tried = self.problem.possible(other)
                found[:, step] |= self.apart(usual, self.says(other))[tried].any(axis=0)
        return found

    def extremes(self) -> np.ndarray:
        """Drawn episodes, and others that show the least, the largest or any values."""
        shape = (len(self.drawn) // 4, self.question)
        least, most = (np.broadcast_to(edge, (*shape, *self.spec.shape)) for edge in self._edges)
        anything = self.spec.sample(self.rng, shape)
        shown = self.drawn[: shape[0], : self.question]
        either = _choose(self.rng.random(shape) < 0.5, shown, anything)
        other = np.repeat(self.drawn[:1], 4 * shape[0], axis=0)
        other[:, : self.question] = np.concatenate([least, most, anything, either])
        episodes = np.concatenate([self.drawn, other])
        return episodes[self.problem.possible(episodes)]

    @property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        return self.spec.extremes()

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
            moved = self.apart(said, self.says(inputs))[rows, target]
            return moved & self.problem.possible(inputs)

        # Steps go over from one episode to the other in an order of chance.
        place = self.rng.permuted(np.tile(np.arange(self.steps), (len(rows), 1)), axis=1)
        least, most = np.zeros_like(rows), np.full_like(rows, self.steps)
        while (most - least > 1).any():
            middle = (least + most) // 2
            over = crossed(_choose(place < middle[:, None], after, before))
            least, most = np.where(over, least, middle), np.where(over, middle, most)
        near = _choose(place < least[:, None], after, before)
        far = _choose(place < most[:, None], after, before)
        for _ in range(_HALVINGS):
            if (middle := self.spec.between(near, far)) is None:
                break
            over = np.broadcast_to(crossed(middle)[:, None], near.shape[:2])
            near, far = _choose(over, near, middle), _choose(over, middle, far)
        both = np.concatenate([near, far])
        return both[self.problem.possible(both)]

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
            _, value, counts = np.unique(column, axis=0, return_inverse=True, return_counts=True)
            value = value.ravel()
            order = self.rng.permutation(len(episodes))
            for place in order[np.argsort(counts[value][order], kind="stable")][:each]:
                unlike = np.flatnonzero((column != column[place]).reshape(len(column), -1).any(1))
                if len(unlike):
                    one.append(place)
                    other.append(self.rng.choice(unlike))
                    at.append(target)
        return episodes[one], episodes[other], np.array(at, dtype=int)


def moves_of(
    problem: Problem,
    oracle: Oracle,
    inputs: np.ndarray,
    scored: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The inputs that move the targets of one episode, `(target, input)`, the others as they are.

    Args:
        problem: Whose episode it is.
        oracle: What it says of inputs.
        inputs: Those of the episode, `(step, *shape)`.
        scored: The steps that have a target, `(step,)`.
        rng: What the changes are drawn from.
    """
    found = np.zeros((problem.steps, problem.steps), dtype=bool)
    usual = oracle(inputs[None])
    around = problem.inputs.sample(rng, (_TRIED,))
    for step in np.flatnonzero(problem.inputs.allows(inputs)):  # not where it is blank
        same = np.repeat(inputs[step][None], len(around), axis=0)
        for values in (*problem.inputs.perturb(same, rng), around):
            others = np.repeat(inputs[None], len(values), axis=0)
            others[:, step] = values
            others = others[problem.possible(others)]
            if len(others):
                apart = differ(problem.targets, oracle(others), usual)
                found[:, step] |= apart.any(axis=0) & scored
    return found


def _moves_by_episode(problem: Problem, oracle: Oracle, rng: np.random.Generator) -> Moves:
    """Of episodes that differ in length: each is changed for itself, its length left alone."""
    episodes = problem.draw(rng, _CHANGED)
    pairs = zip(episodes.inputs, episodes.scored, strict=True)
    each = [moves_of(problem, oracle, inputs, scored, rng) for inputs, scored in pairs]
    found = np.asarray(np.any(each, axis=0))
    return Moves(found, found, len(each))


def differ(spec: Spec, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where targets differ by more than rounding, `(count, step)`."""
    apart = ~(np.abs(one.astype(np.float64) - other) <= NOISE)
    return np.asarray(apart.any(axis=-1)) if spec.shape else apart


def _choose(which: np.ndarray, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Values of the first or of the second episodes, step by step."""
    return np.where(which.reshape(*which.shape, *(1,) * (ones.ndim - which.ndim)), ones, others)
