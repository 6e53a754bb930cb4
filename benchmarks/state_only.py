"""What is learned where only carried state can bring the inputs: running rules and look-backs.

    python benchmarks/state_only.py

Each setting has the verdict `state-only`. Its skill stands beside that of a readout fitted to the
untrained layer, whose state nothing has taught, and that of a gradient through the whole sequence.
No gradient trains the state to keep an input for later. But each step's gradient trains it for its
own output: where the next target follows from the last one (parity) that is all it takes.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

import longlag as ll
from longlag import streams
from longlag.problems import Episodes, Integers, Ladder, Problem


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bits(Problem):
    """Bits, a target at every step."""

    source: ClassVar[str] = "made up"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10))

    @property
    def inputs(self) -> Integers:
        return Integers(2)

    @property
    def targets(self) -> Integers:
        return Integers(2)

    def draw(self, rng, count):
        inputs = rng.integers(2, size=(count, self.length), dtype=np.int32)
        return Episodes(inputs, self.oracle(inputs), np.tile(self.scored(), (count, 1)))

    def scored(self):
        return np.ones(self.length, bool)

    def needs(self):
        return np.tri(self.length, dtype=bool)

    def chance_by_step(self):
        return np.full(self.length, 0.5)


class Parity(Bits):
    """Is the number of ones so far odd?"""

    accumulates = True

    def oracle(self, inputs):
        return (inputs.cumsum(axis=1) % 2).astype(np.int32)


class Majority(Bits):
    """Have there been more ones than zeros?"""

    accumulates = True

    def oracle(self, inputs):
        return ((2 * inputs - 1).cumsum(axis=1) > 0).astype(np.int32)

    def chance_by_step(self):
        shares = self.oracle(np.random.default_rng(0).integers(2, size=(200_000, self.length)))
        return np.maximum(shares.mean(axis=0), 1 - shares.mean(axis=0))


class Differs(Bits):
    """Is the bit another one than two steps ago?"""

    def oracle(self, inputs):
        before = np.pad(inputs, ((0, 0), (2, 0)))[:, :-2]
        return (inputs != before).astype(np.int32)

    def scored(self):
        return np.arange(self.length) >= 2

    def needs(self):
        return np.eye(self.length, dtype=bool) | np.eye(self.length, k=-2, dtype=bool)


def one(timesteps=1):
    return ll.Chunks(timesteps=timesteps, carry=True)


SETTINGS = {
    "sum, 1 step": (ll.CumulativeThreshold(), one()),
    "sum, 2 steps": (ll.CumulativeThreshold(), one(2)),
    "sum of 20, 1 step": (ll.CumulativeThreshold(length=20), one()),
    "sum of 20, 4 steps": (ll.CumulativeThreshold(length=20), one(4)),
    "majority, 1 step": (Majority(length=9), one()),
    "parity, 1 step": (Parity(length=6), one()),
    "lag 1, 1 step": (ll.EchoLag(lag=1, length=10, values=20), one()),
    "lag 2, 2 steps": (ll.EchoLag(lag=2, length=10, values=20), one(2)),
    "lag 3, 1 step": (ll.EchoLag(lag=3, length=10, values=10), one()),
    "value 4 back, 1 step": (ll.EchoValue(lag=4, length=5, values=10), one()),
    "other than two ago, 1 step": (Differs(length=10), one()),
    "context of 10, 1 step": (ll.Memorization(contexts=10, length=10), one()),
    "context of 2, 1 step": (ll.Memorization(), one()),
    "answer of 3, 2 steps": (ll.EchoSubsequence(length=4, count=4, values=10), one(2)),
}


def skills(problem, framing, sequences=8000, seeds=2):
    """The mean skill of an LSTM on a setting."""
    model, recipe = ll.LSTM(hidden_size=24), {"batch_size": 10, "learning_rate": 0.01}
    return float(
        np.mean(ll.train(problem, framing, model, sequences=sequences, seeds=seeds, **recipe).skill)
    )


def untrained(problem, framing, seeds=2):
    """The mean skill of a readout fitted to the states of the layer as it is initialised."""
    setting = ll.Setting(problem=problem, framing=framing, model=ll.LSTM(hidden_size=24))
    return float(np.mean([_readout(setting, seed) for seed in range(seeds)]))


def _readout(setting, seed):
    problem, layer = setting.problem, setting.create(seed).layer

    @jax.jit
    def states(features):
        return layer(features, None, layer.initial_state(features.shape[:1]))[0]

    def draw(rng, count):
        episodes = problem.draw(rng, count)
        hidden = states(jnp.asarray(setting.input_encoding.encode(episodes.inputs)))
        where = np.nonzero(episodes.scored & setting.scored)
        return np.asarray(hidden)[where], episodes.targets[where]

    hidden, targets = draw(streams.training(seed), 8000)
    values = problem.targets.values
    weights = jnp.zeros((hidden.shape[1] + 1, values))
    optimizer = optax.adam(0.05)

    def outputs(weights, hidden):
        return hidden @ weights[:-1] + weights[-1]

    @jax.jit
    def update(carry, _):
        weights, state = carry
        slope = jax.grad(
            lambda w: optax.softmax_cross_entropy_with_integer_labels(
                outputs(w, hidden), targets
            ).mean()
        )(weights)
        moved, state = optimizer.update(slope, state)
        return (optax.apply_updates(weights, moved), state), None

    weights, _ = jax.lax.scan(update, (weights, optimizer.init(weights)), None, 1000)[0]
    hidden, targets = draw(streams.evaluation(seed), 1000)
    right = np.asarray(outputs(weights, hidden)).argmax(axis=1) == targets
    chance = problem.chance(setting.scored)
    return (right.mean() - chance) / (1 - chance)


def main():
    print("| setting | rule | untrained state | trained | gradient through all |")
    print("|---|---|---|---|---|")
    for name, (problem, framing) in SETTINGS.items():
        found = ll.audit(problem, framing, batch_size=10)
        rule = "running" if found.running else "look-back"
        figures = [skills(problem, each) for each in (framing, ll.Whole())]
        print(
            f"| {name} ({found.verdict}) | {rule} | {figures[0]:.2f} | {figures[1]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
