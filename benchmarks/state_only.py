"""What is learned where only carried state can bring the inputs, and what teaches it.

    python benchmarks/state_only.py [NAME ...]

Each setting has the verdict `state-only`; its name ends with the steps that a gradient goes back.
`again` is what the audit finds: does more than one output need each input? The figures are skills
of an LSTM on fresh sequences:

* reach: one that starts afresh at each sample, but is shown which sample of the sequence it is;
* untaught: one that starts each sample from the state of an untrained copy of it;
* trained: as the audit assumes, state carried, at the best of three learning rates;
* whole: with a gradient through the whole sequence, at the best of three.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import longlag as ll
from longlag import streams
from longlag.models import Sizes
from longlag.problems import Episodes, Integers, Ladder, Problem, Reals, Spec

HIDDEN, SEEDS, RATES = 24, 3, (0.0005, 0.003, 0.01)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Running(Problem):
    """Integers below `values`, and a target at each step that depends on all of them so far."""

    source: ClassVar[str] = "made up"
    ladder: ClassVar[Ladder] = Ladder("length", (6, 12))
    values: ClassVar[int] = 2
    classes: ClassVar[int] = 2

    @property
    def inputs(self):
        return Integers(self.values)

    @property
    def targets(self) -> Spec:
        return Integers(self.classes)

    def draw(self, rng, count):
        inputs = rng.integers(self.values, size=(count, self.length), dtype=np.int32)
        scored = np.tile(self.scored(), (count, 1))
        return Episodes(inputs, self.oracle(inputs).astype(self.targets.dtype), scored)

    def scored(self):
        return np.ones(self.length, bool)

    def needs(self):
        return np.tri(self.length, dtype=bool) & self.scored()[:, None]

    def chance_by_step(self):
        inputs = np.random.default_rng(0).integers(self.values, size=(20_000, self.length))
        shown = self.oracle(inputs).T
        best = [self.targets.best_constant(column) for column in shown]
        pairs = zip(best, shown, strict=True)
        return np.array([self.targets.matches(np.array(a), column).mean() for a, column in pairs])


class Parity(Running):
    """Is the number of ones so far odd?"""

    def oracle(self, inputs):
        return inputs.cumsum(axis=1) % 2


class Majority(Running):
    """Have there been more ones than zeros?"""

    def oracle(self, inputs):
        return (2 * inputs - 1).cumsum(axis=1) > 0


class Fourth(Running):
    """Is the number of ones so far a multiple of four?"""

    def oracle(self, inputs):
        return inputs.cumsum(axis=1) % 4 == 0


class Third(Running):
    """What is left of the number of ones so far, divided by three?"""

    classes = 3

    def oracle(self, inputs):
        return inputs.cumsum(axis=1) % 3


class Highest(Running):
    """What is the highest so far?"""

    values = 20
    classes = 20

    def oracle(self, inputs):
        return np.maximum.accumulate(inputs, axis=1)


class Latch(Running):
    """Which value other than 0 came last?"""

    values = 5
    classes = 5

    def draw(self, rng, count):
        inputs = rng.integers(1, self.values, size=(count, self.length), dtype=np.int32)
        inputs *= rng.random(inputs.shape) < 0.2
        scored = np.tile(self.scored(), (count, 1))
        return Episodes(inputs, self.oracle(inputs), scored)

    def oracle(self, inputs):
        last = np.maximum.accumulate(np.where(inputs > 0, np.arange(self.length), 0), axis=1)
        return np.take_along_axis(inputs, last, axis=1)

    def chance_by_step(self):
        targets = self.draw(np.random.default_rng(0), 20_000).targets
        return np.array([np.bincount(column).max() / len(column) for column in targets.T])


class Mean(Running):
    """The running mean in which each value counts nine tenths of the next."""

    values = 10

    @property
    def targets(self):
        return Reals(tolerance=0.03)

    def oracle(self, inputs):
        means = np.zeros(inputs.shape, np.float32)
        for step in range(self.length):
            before = means[:, step - 1] if step else 0
            means[:, step] = 0.9 * before + 0.1 * inputs[:, step] / self.values
        return means


@dataclasses.dataclass(frozen=True, kw_only=True)
class First(Running):
    """What was the first value, or that of `step`? Asked from `start` on, each `every`th time."""

    values = 10
    classes = 10
    step: int = 0
    start: int = 0
    every: int = 1

    def scored(self):
        after = np.arange(self.length) - self.start
        return (after >= 0) & (after % self.every == 0)

    def needs(self):
        return self.scored()[:, None] & (np.arange(self.length) == self.step)

    def oracle(self, inputs):
        return np.repeat(inputs[:, [self.step]], self.length, axis=1)


class InTurn(Running):
    """What was the first value, at even steps, or the second, at odd ones?"""

    values = 10
    classes = 10

    def needs(self):
        return np.arange(self.length)[:, None] % 2 == np.arange(self.length)

    def oracle(self, inputs):
        return inputs[:, np.arange(self.length) % 2]


class DiffersFromFirst(Running):
    """Is the bit another one than the first?"""

    def scored(self):
        return np.arange(self.length) >= 1

    def needs(self):
        needed = np.eye(self.length, dtype=bool)
        needed[1:, 0] = True
        return needed & self.scored()[:, None]

    def oracle(self, inputs):
        return inputs != inputs[:, :1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Differs(Running):
    """Is the bit another one than `lag` steps ago?"""

    lag: int = 2

    def scored(self):
        return np.arange(self.length) >= self.lag

    def needs(self):
        eye = np.eye(self.length, dtype=bool) | np.eye(self.length, k=-self.lag, dtype=bool)
        return eye & self.scored()[:, None]

    def oracle(self, inputs):
        return inputs != np.roll(inputs, self.lag, axis=1)


class Recent(Running):
    """Is the number of ones among the last five odd?"""

    def needs(self):
        return np.tri(self.length, dtype=bool) & ~np.tri(self.length, k=-5, dtype=bool)

    def oracle(self, inputs):
        total = inputs.cumsum(axis=1)
        return (total - np.pad(total, ((0, 0), (5, 0)))[:, :-5]) % 2


def chunks(timesteps=1):
    return ll.Chunks(timesteps=timesteps, carry=True)


SETTINGS = {
    "first value, at each step; 1": (First(length=12), chunks()),
    "first value, at each 3rd; 4": (First(length=16, every=3), chunks(4)),
    "first value, at each 3rd; 1": (First(length=16, every=3), chunks()),
    "first value, at each 10th; 1": (First(length=31, every=10), chunks()),
    "first value, at the first and last of 12; 1": (First(length=12, every=11), chunks()),
    "parity of 20; 1": (Parity(length=20), chunks()),
    "highest so far; 1": (Highest(length=12), chunks()),
    "last value written; 1": (Latch(length=20), chunks()),
    "running mean; 1": (Mean(length=20), chunks()),
    "majority of 21; 1": (Majority(length=21), chunks()),
    "multiple of four; 1": (Fourth(length=20), chunks()),
    "other than 2 back; 1": (Differs(length=12), chunks()),
    "sum of 10; 1": (ll.CumulativeThreshold(), chunks()),
    "sum of 10; 2": (ll.CumulativeThreshold(), chunks(2)),
    "sum of 20; 4": (ll.CumulativeThreshold(length=20), chunks(4)),
    "parity of the last 5; 1": (Recent(length=20), chunks()),
    "other than 8 back; 1": (Differs(length=24, lag=8), chunks()),
    "context of 10; 1": (ll.Memorization(contexts=10, length=10), chunks()),
    "first value, at the last of 12; 1": (First(length=12, start=11), chunks()),
    "first value, from the 4th on; 1": (First(length=13, start=3), chunks()),
    "first value, at the 7th and 13th; 1": (First(length=13, start=6, every=6), chunks()),
    "lag 1; 1": (ll.EchoLag(lag=1, length=12, values=20), chunks()),
    "lag 3; 1": (ll.EchoLag(lag=3, length=12, values=10), chunks()),
    "lag 2; 2": (ll.EchoLag(lag=2, length=12, values=20), chunks(2)),
    "lag 6; 4": (ll.EchoLag(lag=6, length=12, values=10), chunks(4)),
    "answer of 4; 2": (ll.EchoSubsequence(length=4, values=10), chunks(2)),
    "value 4 back of 5; 1": (ll.EchoValue(lag=4, length=5, values=10), chunks()),
    "other than the first; 1": (DiffersFromFirst(length=12), chunks()),
    # Tried once the rule was chosen.
    "ones modulo 3; 2": (Third(length=20), chunks(2)),
    "first and second value in turn; 1": (InTurn(length=12), chunks()),
    "second value, at the 6th, 10th and 14th; 1": (
        First(length=14, step=1, start=5, every=4),
        chunks(),
    ),
    "context of 2, at the last of 9; 1": (ll.Memorization(length=10, ask="last"), chunks()),
    "lag 5 of 5 values; 2": (ll.EchoLag(lag=5, length=14, values=5), chunks(2)),
    "value 6 back of 12; 1": (ll.EchoValue(lag=6, length=12, values=10), chunks()),
}


def trained(problem, framing):
    """The mean skill of an LSTM, at the best of the learning rates."""
    model = ll.LSTM(hidden_size=HIDDEN)

    def skill(rate):
        run = ll.train(
            problem, framing, model, sequences=8000, batch_size=10, learning_rate=rate, seeds=SEEDS
        )
        return float(np.mean(run.skill))

    return max(map(skill, RATES))


def control(problem, framing, kind):
    """The mean skill of an LSTM whose samples start from what the kind of control gives them."""
    setting = ll.Setting(problem=problem, framing=framing, model=ll.LSTM(hidden_size=HIDDEN))
    return float(np.mean(_control(setting, kind)))


def _control(setting, kind):
    problem, time = setting.problem, setting.framing.timesteps
    pieces = problem.steps // time
    optimizer = optax.adam(0.01)

    def cut(array):  # (episode, step, …) to (piece, episode, time, …)
        return np.moveaxis(array.reshape(len(array), pieces, time, *array.shape[2:]), 1, 0)

    def draw(rng, count):
        episodes = problem.draw(rng, count)
        features = cut(np.asarray(setting.input_encoding.encode(episodes.inputs)))
        shape = (pieces, count, time)
        if kind != "untaught":
            clock = np.broadcast_to(np.eye(pieces)[:, None, None], (*shape, pieces))
            features = np.concatenate([features, clock], axis=-1)
        scored = cut(episodes.scored & setting.scored)
        return features.astype(np.float32), cut(episodes.targets), scored

    @jax.jit
    def states(model, features):
        def piece(state, shown):
            return model(shown, None, state)[1], state

        return jax.lax.scan(piece, model.initial_state(features.shape[1:2]), features)[1]

    def starts(model, features):
        if kind == "untaught":
            return states(model, features)
        return model.initial_state(features.shape[:2])

    @eqx.filter_jit
    def update(model, memory, start, features, targets, scored):
        def loss(model):
            outputs, _ = model(features, None, start)
            return jnp.where(scored, setting.loss(outputs, targets)[0], 0).sum() / scored.sum()

        slope = eqx.filter_grad(loss)(model)
        moved, memory = optimizer.update(slope, memory)
        return eqx.apply_updates(model, moved), memory

    @eqx.filter_jit
    def right(model, start, features, targets):
        return setting.loss.is_correct(
            setting.loss(model(features, None, start)[0], targets)[1], targets
        )

    skills = []
    for seed in range(SEEDS):
        rng = streams.training(seed)
        sizes = setting.sizes
        width = draw(streams.training(0), 1)[0].shape[-1]
        first = model = setting.model(Sizes(width, sizes.outputs, time), seed)
        memory = optimizer.init(eqx.filter(model, eqx.is_array))
        for _ in range(1000):
            features, targets, scored = draw(rng, 20)
            start = starts(first, features)
            model, memory = update(model, memory, start, features, targets, scored)
        features, targets, scored = draw(streams.evaluation(seed), 2000)
        score = np.asarray(right(model, starts(first, features), features, targets))[scored].mean()
        chance = problem.chance(setting.scored)
        skills.append((score - chance) / (1 - chance))
    return skills


def main():
    print("| setting | again | reach | untaught | trained | whole |\n|---|---|---|---|---|---|")
    for name in sys.argv[1:] or SETTINGS:
        problem, framing = SETTINGS[name]
        found = ll.audit(problem, framing, batch_size=10)
        if found.verdict != "state-only":
            raise ValueError(f"{name}: the audit says {found.verdict}.")
        figures = [control(problem, framing, kind) for kind in ("reach", "untaught")]
        figures += [trained(problem, each) for each in (framing, ll.Whole())]
        again = "yes" if found.needed_again else "no"
        print(f"| {name} | {again} | {' | '.join(f'{each:.2f}' for each in figures)} |", flush=True)


if __name__ == "__main__":
    main()
