"""Perturbation: the inputs that change an oracle's predictions, changing one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from longlag.checks.episodes import possible_to
from longlag.problems import Episodes, Integers, Problem, Spec

NOISE = 1e-6
"""Largest difference of real targets, by their size, that is rounding in single precision."""

_EPISODES = 4000  # to search for rare targets

_EPISODES_CHANGED = 256  # of them, changed at every step

_CELLS = 4_000_000  # episodes × steps × steps that a round may change

_ROUNDS = 4

_OTHER_VALUES = 8  # random values of a step for one episode, where there are more than

_ALL_VALUES = 64  # integers: of few, as of symbols in a grammar, all are tried

_OWN_VALUES = 32  # values of an episode's other steps, tried at each step: keys and marks recur

_FOR_A_PAIR = 2  # episodes that are changed for a rare pair of target and input

_BISECTIONS = 12  # with more, a rounding error may look like a move

Oracle = Callable[[np.ndarray], np.ndarray]


class Moves(NamedTuple):
    """Which input moved which target, `(target, input)`.

    Attributes:
        likely: In a random episode, or in a mixture of two.
        any: In those, or in extreme episodes that `draw` may never give.
        met: Pairs that were looked for: all, or those of the episodes drawn where these differ in
            length, each of which is changed at its own length.
        episodes: Number of changed episodes.
    """

    likely: np.ndarray
    any: np.ndarray
    met: np.ndarray
    episodes: int


def moves(problem: Problem, oracle: Oracle, stated: np.ndarray, rng: np.random.Generator) -> Moves:
    """Find the inputs that move a target; those of `stated` are searched for longer.

    One input at a time is changed in random episodes. That seldom moves a label such as
    whether a sum has reached a threshold. So two episodes whose targets differ are brought
    together until they differ little and in one input; there, each input that matters
    moves the target.

    Args:
        problem: The problem.
        oracle: Predictions `(count, step)` from inputs `(count, step)`.
        stated: The inputs stated to move each target, `(target, input)`.
        rng: The source of the changes.

    >>> from longlag.problems import EchoLag
    >>> problem = EchoLag(lag=1, length=3)
    >>> result = moves(problem, problem.oracle, problem.needs(), np.random.default_rng(0))
    >>> result.likely.astype(int).tolist()
    [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    """
    if problem.varies:
        return _moves_by_episode(problem, oracle, stated, rng)
    search = _Search(problem, oracle, rng)
    likely = search.changed(search.episodes[: min(_EPISODES_CHANGED, search.most)])
    likely |= search.changed(search.boundary(search.episodes, search.scored))
    every = likely.copy()
    for _ in range(_ROUNDS):
        missing = stated & ~every
        if not np.any(missing):
            break
        every |= search.changed(search.boundary(search.extremes(), np.any(missing, axis=1)))
    missing = stated & ~every
    if missing.any() and type(problem).needs_of is not Problem.needs_of:
        ordered = search.ordered()
        scored = np.broadcast_to(search.scored, ordered.shape[:2])
        for inputs, scores, pairs in _needing(problem, Episodes(ordered, ordered, scored), missing):
            steps = np.flatnonzero(pairs.any(axis=0))
            every |= moves_of(problem, search.predict, inputs, scores, rng, steps)
    return Moves(likely, every, np.ones_like(every), search.count)


class _Search:
    def __init__(self, problem: Problem, oracle: Oracle, rng: np.random.Generator) -> None:
        self.problem, self.rng, self._oracle = problem, rng, oracle
        self.spec = problem.inputs
        self.steps = problem.steps
        self.question = problem.steps - (0 if problem.varies else problem.answers)
        self.scored = problem.scored()
        self.count = 0
        self.most = max(16, _CELLS // self.steps**2)
        self.episodes = problem.draw(rng, _EPISODES).inputs

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        self.count += len(inputs)
        return self._oracle(inputs)

    def differ(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return differ(self.problem.targets, one, other) & self.scored

    def changed(self, inputs: np.ndarray) -> np.ndarray:
        """The targets that each input moves in some of these episodes, `(target, input)`."""
        moved = np.zeros((self.steps, self.steps), dtype=bool)
        if not len(inputs):
            return moved
        before = self.predict(inputs)
        for step in range(self.question):
            other = inputs.copy()
            for column in self.spec.perturb(inputs[:, step], self.rng):
                other[:, step] = column
                apart = self.differ(before, self.predict(other))
                moved[:, step] |= (apart & possible_to(self.problem, other)).any(axis=0)
        return moved

    def extremes(self) -> np.ndarray:
        """Random episodes, and others with the smallest, the largest or any input values."""
        shape = (len(self.episodes) // 4, self.question)
        least, most = (np.broadcast_to(edge, (*shape, *self.spec.shape)) for edge in self._edges)
        anything = self.spec.sample(self.rng, shape)
        inputs = self.episodes[: shape[0], : self.question]
        either = _choose(self.rng.random(shape) < 0.5, inputs, anything)
        other = np.repeat(self.episodes[:1], 4 * shape[0], axis=0)
        other[:, : self.question] = np.concatenate([least, most, anything, either])
        episodes = np.concatenate([self.episodes, other])
        return episodes[self._possible(episodes)]

    def _possible(self, episodes: np.ndarray) -> np.ndarray:
        """Which of these can be drawn, to their end."""
        return np.asarray(possible_to(self.problem, episodes).all(axis=1))

    def ordered(self) -> np.ndarray:
        """Random episodes, and others with the same inputs in order of size, from any step on.

        So all marked steps stand together, at every place: a draw may never give that.
        """
        if self.episodes.ndim > 2:
            return self.episodes
        some = self.episodes[:_FOR_A_PAIR]
        rolled = np.tile(some, (self.question, 1))
        in_order = np.sort(some[:, : self.question], axis=1)
        shifts = [np.roll(in_order, shift, axis=1) for shift in range(self.question)]
        rolled[:, : self.question] = np.concatenate(shifts)
        return np.concatenate([self.episodes, rolled[self._possible(rolled)]])

    @property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        return self.spec.extremes()

    def boundary(self, episodes: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Pairs of episodes that differ little, in one input, but also in a target.

        Args:
            episodes: The episodes to combine, step by step.
            targets: Whether a step's target is to differ in some pair, `(step,)`.
        """
        before, after, target = self._pairs(episodes, np.flatnonzero(targets))
        if not len(before):
            return before
        rows = np.arange(len(before))
        predicted = self.predict(before)

        def crossed(inputs: np.ndarray) -> np.ndarray:
            moved = self.differ(predicted, self.predict(inputs))[rows, target]
            return moved & possible_to(self.problem, inputs)[rows, target]

        # Steps pass from one episode to the other in a random order.
        order = self.rng.permuted(np.tile(np.arange(self.steps), (len(rows), 1)), axis=1)
        least, most = np.zeros_like(rows), np.full_like(rows, self.steps)
        while (most - least > 1).any():
            middle = (least + most) // 2
            over = crossed(_choose(order < middle[:, None], after, before))
            least, most = np.where(over, least, middle), np.where(over, middle, most)
        near = _choose(order < least[:, None], after, before)
        far = _choose(order < most[:, None], after, before)
        for _ in range(_BISECTIONS):
            if (middle := self.spec.between(near, far)) is None:
                break
            over = np.broadcast_to(crossed(middle)[:, None], near.shape[:2])
            near, far = _choose(over, near, middle), _choose(over, middle, far)
        both = np.concatenate([near, far])
        return both[self._possible(both)]

    def _pairs(
        self, episodes: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs of episodes that differ in a target, some for each of these targets."""
        predicted = self.predict(episodes)
        each = max(1, min(16, self.most // (2 * max(1, len(targets)))))
        one, other, at = [], [], []
        for target in targets:
            column = predicted[:, target]
            # Rare values first, for targets that seldom change.
            _, value, counts = np.unique(column, axis=0, return_inverse=True, return_counts=True)
            value = value.ravel()
            order = self.rng.permutation(len(episodes))
            for index in order[np.argsort(counts[value][order], kind="stable")][:each]:
                unlike = np.flatnonzero((column != column[index]).reshape(len(column), -1).any(1))
                if len(unlike):
                    one.append(index)
                    other.append(self.rng.choice(unlike))
                    at.append(target)
        return episodes[one], episodes[other], np.array(at, dtype=int)


def moves_of(
    problem: Problem,
    oracle: Oracle,
    inputs: np.ndarray,
    scored: np.ndarray,
    rng: np.random.Generator,
    steps: np.ndarray | None = None,
) -> np.ndarray:
    """The inputs that move the targets of one episode when only they change, `(target, input)`.

    Args:
        problem: The problem of the episode.
        oracle: Predictions from inputs.
        inputs: The inputs of the episode, `(step, *shape)`.
        scored: The steps with a target, `(step,)`.
        rng: The source of the changes.
        steps: The steps to change; by default all that have an input.
    """
    moved = np.zeros((problem.steps, problem.steps), dtype=bool)
    before = oracle(inputs[None])
    shown = np.flatnonzero(problem.inputs.allows(inputs))  # not where it is blank
    shown = shown if steps is None else np.intersect1d(shown, steps)
    if not len(shown):
        return moved
    changes = _changes(problem.inputs, inputs, shown, rng)
    # All changes of some steps at once: a call of the oracle has its price.
    together = max(1, _CELLS // (problem.steps * changes.shape[1]))
    for start in range(0, len(shown), together):
        at = shown[start : start + together]
        others = np.broadcast_to(inputs, (len(at), changes.shape[1], *inputs.shape)).copy()
        others[np.arange(len(at)), :, at] = changes[start : start + together]
        flat = others.reshape(-1, *inputs.shape)
        apart = possible_to(problem, flat).copy()
        kept = apart.any(axis=1)  # an oracle need not answer what cannot be
        apart[kept] &= differ(problem.targets, oracle(flat[kept]), before)
        moved[:, at] |= apart.reshape(*others.shape[:2], -1).any(axis=1).T & scored[:, None]
    return moved


def _changes(
    spec: Spec, inputs: np.ndarray, steps: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Other values for steps of one episode, `(step, change, *shape)`."""
    if isinstance(spec, Integers) and spec.values <= _ALL_VALUES:
        values = list(np.arange(spec.values))
    else:
        shown = inputs[spec.allows(inputs)]
        own = rng.permutation(np.unique(shown, axis=0))[:_OWN_VALUES]
        values = [*spec.perturb(inputs[steps], rng), *spec.sample(rng, (_OTHER_VALUES,)), *own]
    return np.stack([np.broadcast_to(each, inputs[steps].shape) for each in values], axis=1)


def _moves_by_episode(
    problem: Problem, oracle: Oracle, stated: np.ndarray, rng: np.random.Generator
) -> Moves:
    """The moves where episodes differ in length or in what is scored: each is changed alone.

    Pairs that are rare are looked for in the episodes that are said to have them.
    """
    episodes = problem.draw(rng, _EPISODES)
    _, different = np.unique(episodes.inputs, axis=0, return_index=True)  # few, in some problems
    some = episodes.rows(np.sort(different)[:_EPISODES_CHANGED])
    moved, count = np.zeros_like(stated), len(some.inputs)
    for inputs, scored in zip(some.inputs, some.scored, strict=True):
        moved |= moves_of(problem, oracle, inputs, scored, rng)
    missing, met = stated & ~moved, moved.copy()
    if missing.any():
        for inputs, scored, pairs in _needing(problem, episodes, missing):
            steps = np.flatnonzero(pairs.any(axis=0))
            moved |= moves_of(problem, oracle, inputs, scored, rng, steps) & missing
            met |= pairs
            count += 1
    return Moves(moved, moved, met, count)


def _needing(
    problem: Problem, episodes: Episodes, missing: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Episodes that need these pairs of target and input by the problem's own word: some for each.

    Gives the inputs and the scored steps of each, and the pairs.
    """
    left = _FOR_A_PAIR * missing.astype(int)
    for inputs, scored in zip(episodes.inputs, episodes.scored, strict=True):
        found = problem.needs_of(inputs) & scored[:, None] & (left > 0)
        if found.any():
            left -= found
            yield inputs, scored, found
        if not left.any():
            break


def differ(spec: Spec, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where targets differ by more than rounding, `(count, step)`."""
    size = np.maximum(_sizes(spec, one), _sizes(spec, other))
    noise = NOISE * size if np.issubdtype(one.dtype, np.floating) else 0.0
    apart = ~(np.abs(one.astype(np.float64) - other) <= noise)
    return np.asarray(apart.any(axis=-1)) if spec.shape else apart


def _sizes(spec: Spec, targets: np.ndarray) -> np.ndarray:
    """The largest size of the targets of each step, `(step, *shape)`."""
    known = np.where(np.isfinite(targets), np.abs(targets.astype(np.float64)), 0.0)
    return known.max(axis=tuple(range(known.ndim - 1 - len(spec.shape))), initial=0.0)


def _choose(which: np.ndarray, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Values of the first or of the second episodes, step by step."""
    return np.where(which.reshape(*which.shape, *(1,) * (ones.ndim - which.ndim)), ones, others)
