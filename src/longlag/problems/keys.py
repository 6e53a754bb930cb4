"""Recall by key: which value belongs to a key?"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.distinct import distinct
from longlag.problems.specs import Integers


@dataclasses.dataclass(frozen=True, kw_only=True)
class Induction(Problem):
    """Which symbol followed the trigger? The induction head with one trigger.

    Each step shows a symbol drawn uniformly from `values`. A trigger, a symbol of its own, stands
    at one random step and again at the last one; the target there is the symbol after the first.

    Args:
        length: Steps in an episode, both triggers included, at least 4.
        values: Number of different symbols besides the trigger, at least 2.

    Shapes: inputs and targets `(count, length)` int32, inputs in [0, values] where `values`
        stands for the trigger, targets in [0, values); scored alike, true at the last step.

    Scores: accuracy at the last step. Chance 1/values; ceiling 1.

    Ladder: length 16, 32, 64, 128, 256, 512.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Gu and Dao (2023), Mamba: 16 symbols, trained at a length of 256; drawn as by the
        generator of H3 (Fu et al. 2023) with one trigger.

    >>> import numpy as np
    >>> inputs, targets, _ = Induction(length=8).draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist(), targets[0, -1].item()
    ([15, 2, 16, 4, 6, 13, 6, 16], 4)
    """

    source: ClassVar[str] = "Gu and Dao (2023), Mamba"
    group: ClassVar[str] = "recall by key"
    separates: ClassVar[str] = "models that hold one symbol after a trigger at any length"
    ladder: ClassVar[Ladder] = Ladder("length", (16, 32, 64, 128, 256, 512))
    independent: ClassVar[bool] = True

    length: int = knob(20, "Steps per sequence, both triggers included.", at_least=4)
    values: int = knob(16, "Number of different symbols.", at_least=2, at_most=2**30)

    @property
    def inputs(self) -> Integers:
        return Integers(self.values + 1)

    @property
    def targets(self) -> Integers:
        return Integers(self.values)

    @property
    def _triggers(self) -> NDArray[np.intp]:
        """The steps at which the first trigger may stand: a symbol and another one follow."""
        return np.arange(self.length - 3)

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 1 / self.values)

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Exact where at most one symbol is seen whose predecessor is not, as in any window."""
        best, guess = self.chance_by_step(), 1 / self.values
        trigger, symbol = sees[-1, self._triggers], sees[-1, self._triggers + 1]
        unseen = int((~trigger).sum())
        right = (trigger & symbol).sum() + (trigger & ~symbol).sum() * guess + unseen * guess
        if (~trigger & symbol).any():  # it may be that one, if no trigger is in sight
            right += 1 - guess
        best[-1] = right / len(self._triggers)
        return best

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, self.length))
        inputs = np.full((count, self.length), self.values, np.int32)
        inputs[:, :-1] = drawn[:, 1:] * self.values
        first = (drawn[:, 0] * len(self._triggers)).astype(np.intp)
        inputs[np.arange(count), first] = self.values
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def scored(self) -> Steps:
        return np.arange(self.length) == self.length - 1

    def needs(self) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        needs[-1, self._triggers + 1] = True
        return needs

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        needs[-1, self._first(inputs[None])[0] + 1] = True
        return needs

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        trigger = inputs == self.values
        last = len(self._triggers)
        one = trigger[:, :last].sum(axis=1) == 1
        return one & ~trigger[:, last:-1].any(axis=1) & trigger[:, -1]

    def oracle(self, inputs: Values) -> Values:
        targets = np.zeros_like(inputs)
        targets[:, -1] = inputs[np.arange(len(inputs)), self._first(inputs) + 1]
        return targets

    def guesses(self, inputs: Values) -> dict[str, Values]:
        near = self._first(inputs) >= self.length - 1 - self.length // 4
        return {"the last quarter of the steps": np.where(near[:, None], self.oracle(inputs), 0)}

    def showing(self, length: int) -> Problem:
        self._at_least(4, length)
        return dataclasses.replace(self, length=length)

    def _first(self, inputs: Values) -> NDArray[np.intp]:
        """The step of the first trigger, `(count,)`."""
        return (inputs[:, :-1] == self.values).argmax(axis=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AssociativeRecall(Problem):
    """Which value was paired with this key? Several keys are asked for, each once.

    `pairs` keys with a value each come first, all different. Then every second step is a slot:
    `queries` of the slots, drawn at random, show one of the keys, no key twice; all other steps
    show fill. Where a key is asked for, the target is its value. No answer is shown.

    Args:
        length: Steps in an episode, at least 2 pairs + 2 queries - 1.
        pairs: Pairs of a key and its value, at least 2.
        keys: Number of different keys, at least `pairs`.
        values: Number of different values, at least `pairs`.
        queries: Keys asked for, from 1 to `pairs`; all of them by default. With 1 and a length
            of 2 pairs + 1, one key is asked for at the last step.
        spread: Slot x has the weight x ** (spread - 1), above 0: 1 takes all slots alike, less
            prefers those that come soon.

    Shapes: inputs and targets `(count, length)` int32. A key is in [0, keys), a value in
        [keys, keys + values), in inputs and in targets; fill is keys + values. Scored alike,
        true where a key is asked for.

    Scores: accuracy over the queries. Chance 1/values; ceiling 1. A guess among the values that
        were shown scores 1/pairs.

    Ladder: pairs 2, 4, 8, 16, 32, 64; keys, values and length grow with it where they must.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range, or the knobs leave no room.

    Source: Arora et al. (2024), Zoology: multi-query associative recall, 4 pairs at a length of
        64 to 64 pairs at 512, of 4,095 keys and 4,096 values, spread 0.01. One query at the end
        is the associative recall of H3 (Fu et al. 2023) with different keys.

    >>> import numpy as np
    >>> problem = AssociativeRecall(length=10, pairs=2, keys=4, values=4)
    >>> inputs, targets, scored = problem.draw(np.random.default_rng(1), 1)
    >>> inputs[0].tolist()
    [2, 4, 3, 7, 8, 8, 2, 8, 3, 8]
    >>> targets[0][scored[0]].tolist()
    [4, 7]
    """

    source: ClassVar[str] = "Arora et al. (2024), Zoology"
    group: ClassVar[str] = "recall by key"
    separates: ClassVar[str] = "models by how large a table they hold and can look up"
    ladder: ClassVar[Ladder] = Ladder("pairs", (2, 4, 8, 16, 32, 64))

    length: int = knob(12, "Steps per sequence.", at_least=5)
    pairs: int = knob(2, "Pairs of a key and its value.", at_least=2)
    keys: int = knob(4, "Number of different keys.", at_least=2, at_most=2**24)
    values: int = knob(4, "Number of different values.", at_least=2, at_most=2**24)
    queries: int | None = knob(None, "Keys asked for. Default: all.", at_least=1)
    spread: float = knob(1.0, "Slot x has weight x ** (spread - 1).", above=0, at_most=10)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("keys", "values"):
            if (number := getattr(self, name)) < self.pairs:
                raise ValueError(
                    f"AssociativeRecall: `{name}` must be at least `pairs` ({self.pairs}), since "
                    f"all are different, got {number}. Use {name}={self.pairs} or more."
                )
        if self.asked > self.pairs:
            raise ValueError(
                f"AssociativeRecall: `queries` must be at most `pairs` ({self.pairs}), got "
                f"{self.queries}. Use pairs={self.queries} or more."
            )
        if self.length < self._shortest:
            raise ValueError(
                f"AssociativeRecall: `length` must be at least {self._shortest} for {self.pairs} "
                f"pairs and {self.asked} queries, got {self.length}. Use length={self._shortest} "
                "or more."
            )

    @property
    def asked(self) -> int:
        """How many keys are asked for."""
        return self.pairs if self.queries is None else self.queries

    @property
    def slots(self) -> NDArray[np.intp]:
        """The steps at which a key may be asked for."""
        return np.arange(2 * self.pairs, self.length, 2)

    @property
    def _shortest(self) -> int:
        return 2 * self.pairs + 2 * self.asked - 1

    @property
    def inputs(self) -> Integers:
        return Integers(self.keys + self.values + 1)

    @property
    def targets(self) -> Integers:
        return Integers(self.keys + self.values)

    @property
    def varies(self) -> bool:
        return len(self.slots) > self.asked  # then episodes differ in the steps that are scored

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 1 / self.values)

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Exact where the key asked for is in sight, or nothing is."""
        best = self.chance_by_step()
        for step in self.slots:
            key, value = sees[step, : 2 * self.pairs].reshape(-1, 2).T
            hidden = int((~value).sum())
            other = 1 / (self.values - (self.pairs - hidden)) if hidden else 0.0  # none shown twice
            if not sees[step, step]:
                right = self.pairs * (1 / self.pairs if value.any() else other)
            else:
                right = (key & value).sum() + (key & ~value).sum() * other
                # Of pairs whose key is hidden any may be the one.
                right += 1.0 if (~key & value).any() else (~key).sum() * other
            best[step] = right / self.pairs
        return best

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        slots, pairs, asked = self.slots, self.pairs, self.asked
        drawn = rng.random((count, 2 * pairs + asked + len(slots)))
        parts = np.split(drawn, [pairs, 2 * pairs, 2 * pairs + asked], axis=1)
        keys, values = distinct(parts[0], self.keys), distinct(parts[1], self.values) + self.keys
        inputs = np.full((count, self.length), self.keys + self.values, np.int32)
        inputs[:, : 2 * pairs : 2], inputs[:, 1 : 2 * pairs : 2] = keys, values
        # The first of exponential waiting times: without replacement, by weight.
        waits = -np.log1p(-parts[3]) * np.arange(1, len(slots) + 1) ** (1 - self.spread)
        at = slots[np.argpartition(waits, asked - 1, axis=1)[:, :asked]]
        which = distinct(parts[2], pairs)
        np.put_along_axis(inputs, at, np.take_along_axis(keys, which, axis=1), axis=1)
        targets, scored = np.zeros_like(inputs), np.zeros(inputs.shape, bool)
        np.put_along_axis(targets, at, np.take_along_axis(values, which, axis=1), axis=1)
        np.put_along_axis(scored, at, True, axis=1)
        return Episodes(inputs, targets, scored)

    def scored(self) -> Steps:
        scored = np.zeros(self.steps, bool)
        scored[self.slots] = True
        return scored

    def needs(self) -> NDArray[np.bool_]:
        """The key asked for and the values: no key of a pair can change alone, being asked for."""
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        needs[self.slots, self.slots] = True
        needs[np.ix_(self.slots, 1 + 2 * np.arange(self.pairs))] = True
        return needs

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), dtype=bool)
        same = self._same(inputs[None])[0]
        asked = same.any(axis=1)
        steps = self.slots[asked]
        needs[steps, steps] = needs[steps, 1 + 2 * same[asked].argmax(axis=1)] = True
        return needs

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        # A key may be asked for twice and a value stand twice, so that each can change alone.
        keys, values = inputs[:, : 2 * self.pairs : 2], inputs[:, 1 : 2 * self.pairs : 2]
        ordered, fill = np.sort(keys, axis=1), self.keys + self.values
        different = (ordered[:, 1:] > ordered[:, :-1]).all(axis=1) & (ordered[:, -1] < self.keys)
        valued = ((values >= self.keys) & (values < fill)).all(axis=1)
        asked = self._same(inputs).any(axis=2)
        filled = (inputs[:, 2 * self.pairs :] == fill).sum(axis=1)
        rest = filled == self.length - 2 * self.pairs - self.asked
        return different & valued & rest & (asked.sum(axis=1) == self.asked)

    def oracle(self, inputs: Values) -> Values:
        targets = np.zeros_like(inputs)
        place = 1 + 2 * self._same(inputs).argmax(axis=2)
        targets[:, self.slots] = np.take_along_axis(inputs, place, axis=1)
        return targets

    def guesses(self, inputs: Values) -> dict[str, Values]:
        return {"a value that was shown": np.repeat(inputs[:, 1:2], self.steps, axis=1)}

    def at(self, rung: int) -> Problem:
        queries = None if self.queries is None else min(self.queries, rung)
        sizes = {name: max(getattr(self, name), rung) for name in ("keys", "values")}
        length = max(self.length, 4 * rung)
        return dataclasses.replace(self, pairs=rung, queries=queries, length=length, **sizes)

    def showing(self, length: int) -> Problem:
        self._at_least(self._shortest, length)
        return dataclasses.replace(self, length=length)

    def episode(self, inputs: Values) -> tuple[Problem, Episodes]:
        values = self.inputs.validate(inputs, "predict: `sequence`")
        problem = dataclasses.replace(self, length=len(values))
        asked = np.zeros((1, len(values)), bool)
        asked[:, problem.slots] = problem._same(values[None]).any(axis=2)
        if not asked.any():
            raise ValueError(
                f"{type(self).__name__}: a sequence must ask for a key of its {self.pairs} pairs "
                f"at step {2 * self.pairs} or every second one after it, got no such key. "
                "Show one of the keys there."
            )
        return problem, Episodes(values[None], np.zeros_like(values[None]), asked)

    def _same(self, inputs: Values) -> NDArray[Any]:
        """Whether a slot shows the key of a pair, `(count, slot, pair)`."""
        return inputs[:, self.slots, None] == inputs[:, None, : 2 * self.pairs : 2]
