"""Problems beyond one number a step: channels, sets, several targets, episodes of other lengths."""

import dataclasses
from typing import ClassVar

import numpy as np

from longlag.knobs import knob
from longlag.problems import (
    Channels,
    Episodes,
    Integers,
    Ladder,
    Problem,
    Reals,
    Sets,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adding(Problem):
    """The sum of the two values that are marked.

    One mark lies in the first half, one in the second; the target stands at the last step.
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997)"
    ladder: ClassVar[Ladder] = Ladder("length", (4, 10, 20, 50, 100))

    length: int = knob(6, "Steps in an episode.", at_least=4)
    tolerance: float = knob(0.04, "Distance that is right.", above=0)

    @property
    def inputs(self) -> Channels:
        return Channels({"value": Reals(low=0, high=1), "mark": Integers(2)})

    @property
    def targets(self) -> Reals:
        return Reals(tolerance=self.tolerance)

    def scored(self):
        return np.arange(self.length) == self.length - 1

    def draw(self, rng, count):
        half, rows = self.length // 2, np.arange(count)
        drawn = rng.random((count, self.length + 2), dtype=np.float32)
        values, marks = drawn[:, 2:], np.zeros((count, self.length), np.float32)
        marks[rows, (drawn[:, 0] * half).astype(int)] = 1
        marks[rows, half + (drawn[:, 1] * (self.length - half)).astype(int)] = 1
        inputs = np.stack([values, marks], axis=-1)
        scored = np.broadcast_to(self.scored(), (count, self.length))
        return Episodes(inputs, self.oracle(inputs), scored)

    def possible(self, inputs):
        marks, half = inputs[..., 1], self.length // 2
        return (marks[:, :half].sum(axis=1) == 1) & (marks[:, half:].sum(axis=1) == 1)

    def needs(self):
        return np.outer(self.scored(), np.ones(self.length, bool))

    def needs_of(self, inputs):
        return np.outer(self.scored(), inputs[:, 1] == 1)

    def oracle(self, inputs):
        return (inputs[..., 0] * inputs[..., 1]).cumsum(axis=1).astype(np.float32)

    def chance_by_step(self):
        # The sum of two uniforms is triangular on [0, 2], most probable around 1.
        within = self.targets.within
        best = 1 - (1 - within) ** 2
        return np.full(self.length, best)

    def chance_error(self, steps=None):  # noqa: ARG002
        return float(np.sqrt(1 / 6))

    def ceiling_by_step(self, sees):
        every = sees.all(axis=1)
        return np.where(every, 1.0, self.chance_by_step())

    def showing(self, length):
        return dataclasses.replace(self, length=length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopyBack(Problem):
    """Give back what was shown, from its end: episodes of any length up to `length`."""

    source: ClassVar[str] = "tests"
    ladder: ClassVar[Ladder] = Ladder("length", (2, 3, 4, 5, 6))
    independent: ClassVar[bool] = True

    length: int = knob(4, "Values shown at most.", at_least=2)
    values: int = knob(5, "Number of different integers.", at_least=2)

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
        return True

    @property
    def masks(self) -> bool:
        return True

    def answer_length(self, length):
        return length

    def scored(self):
        return np.arange(self.steps) >= 1

    def draw(self, rng, count):
        drawn = rng.random((count, 1 + self.steps))
        lengths = 1 + (drawn[:, 0] * self.length).astype(np.intp)
        steps = np.arange(self.steps)
        shown = (drawn[:, 1:] * self.values).astype(np.int32)
        inputs = np.where(steps < lengths[:, None], shown, np.int32(self.values))
        present = steps < 2 * lengths[:, None]
        scored = present & (steps >= lengths[:, None])
        return Episodes(inputs, self.oracle(inputs), scored, present, lengths)

    def possible(self, inputs):
        blank = inputs == self.values
        return ~blank[:, 0] & (blank[:, 1:] >= blank[:, :-1]).all(axis=1)

    def needs(self):
        target, shown = np.indices((self.steps, self.steps))
        lengths = (target + shown + 1) / 2
        fits = (lengths == np.floor(lengths)) & (lengths <= self.length)
        return fits & (shown < lengths) & (target >= lengths)

    def needs_of(self, inputs):
        length = int((inputs != self.values).sum())
        needed = np.zeros((self.steps, self.steps), bool)
        target = np.arange(length, 2 * length)
        needed[target, 2 * length - 1 - target] = True
        return needed

    def oracle(self, inputs):
        length = (inputs != self.values).sum(axis=1)[:, None]
        source = 2 * length - 1 - np.arange(self.steps)
        inside = (source >= 0) & (source < length)
        found = np.take_along_axis(inputs, np.clip(source, 0, self.steps - 1), axis=1)
        return np.where(inside, found, 0).astype(np.int32)

    def chance_by_step(self):
        return np.full(self.steps, 1 / self.values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Legal(Problem):
    """Which symbols may come next? After 0 any, after another one only 0 and the same."""

    source: ClassVar[str] = "tests"
    ladder: ClassVar[Ladder] = Ladder("values", (2, 3, 4, 5, 6))

    length: int = knob(6, "Steps in an episode.", at_least=2)
    values: int = knob(3, "Number of different symbols.", at_least=2)

    @property
    def inputs(self) -> Integers:
        return Integers(self.values)

    @property
    def targets(self) -> Sets:
        return Sets(self.values)

    def scored(self):
        return np.ones(self.length, bool)

    def draw(self, rng, count):
        inputs = rng.integers(self.values, size=(count, self.length), dtype=np.int32)
        scored = np.ones(inputs.shape, bool)
        return Episodes(inputs, self.oracle(inputs), scored)

    def needs(self):
        return np.eye(self.length, dtype=bool)

    def oracle(self, inputs):
        legal = inputs[..., None] == np.arange(self.values)
        legal[..., 0] = True
        return (legal | (inputs == 0)[..., None]).astype(np.int32)

    def chance_by_step(self):
        best = 1.0 if self.values == 1 else 1 / self.values
        return np.full(self.length, max(best, 1 / self.values))

    def showing(self, length):
        return dataclasses.replace(self, length=length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TwoTargets(Problem):
    """The value one step ago, and the sum so far as a share of the length."""

    source: ClassVar[str] = "tests"
    ladder: ClassVar[Ladder] = Ladder("length", (3, 4, 5, 6, 7))

    length: int = knob(5, "Steps in an episode.", at_least=3)

    @property
    def inputs(self) -> Integers:
        return Integers(2)

    @property
    def targets(self) -> Channels:
        return Channels({"before": Integers(2), "share": Reals(tolerance=0.3 / self.length)})

    def scored(self):
        return np.arange(self.length) >= 1

    def draw(self, rng, count):
        inputs = rng.integers(2, size=(count, self.length), dtype=np.int32)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def needs(self):
        return np.tri(self.length, dtype=bool) & self.scored()[:, None]

    def oracle(self, inputs):
        before = np.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1)
        return np.stack([before, inputs.cumsum(axis=1) / self.length], axis=-1).astype(np.float32)

    def chance_by_step(self):
        return self.ceiling_by_step(np.zeros((self.length, self.length), dtype=bool))

    def ceiling_by_step(self, sees):
        # Every joint outcome, counted: the best answer for both targets to what is in sight.
        best = []
        for step in range(self.length):
            shown = np.array(list(np.ndindex(*(2,) * (step + 1))))
            before, total = shown[:, max(step - 1, 0)], shown.sum(axis=1)
            right = dict[tuple[int, ...], dict[tuple[int, int], int]]()
            for row, answer in zip(shown, zip(before, total, strict=True), strict=True):
                counts = right.setdefault(tuple(row[sees[step, : step + 1]]), {})
                counts[answer] = counts.get(answer, 0) + 1
            best.append(sum(max(counts.values()) for counts in right.values()) / len(shown))
        return np.array(best)

    def showing(self, length):
        return dataclasses.replace(self, length=length)
