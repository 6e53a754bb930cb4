"""Tiny trials whose results are frozen, and what each is made of."""

import equinox as eqx
import jax
import numpy as np

import longlag as ll
from longlag.training import Recipe
from longlag.trials.setting import Setting

SERIES = ll.Series(np.sin(np.arange(120) * 0.4).astype(np.float32), length=12)


def make_filter(sizes, seed):
    """A convolution over two steps, as Equinox has it: no module of ours."""

    class Filter(eqx.Module):
        past: eqx.nn.Linear
        now: eqx.nn.Linear

        def __call__(self, inputs):
            before = jax.numpy.pad(inputs, ((1, 0), (0, 0)))[:-1]
            return jax.vmap(self.now)(inputs) + jax.vmap(self.past)(before)

    keys = jax.random.split(jax.random.key(seed))
    return Filter(*(eqx.nn.Linear(sizes.features, sizes.outputs, key=key) for key in keys))


def case(problem, framing, model, *, encoding=None, sequences=60, batch_size=4, learning_rate=0.01):
    """A setting small enough to train in a fraction of a second."""
    recipe = Recipe(sequences=sequences, batch_size=batch_size, learning_rate=learning_rate)
    return Setting(problem=problem, framing=framing, model=model, encoding=encoding, recipe=recipe)


LAG = ll.EchoLag(lag=1, length=8, values=5)
PART = ll.EchoSubsequence(length=4, values=5, count=2)

CASES = {
    "consecutive rows": case(
        LAG, ll.Chunks(timesteps=1, carry=True, rows="consecutive"), ll.LSTM(hidden_size=5)
    ),
    "parallel rows": case(LAG, ll.Chunks(timesteps=2, carry=True), ll.GRU(hidden_size=5)),
    "short last piece": case(LAG, ll.Chunks(timesteps=3, carry=True), ll.RNN(hidden_size=5)),
    "marked": case(LAG, ll.Window(timesteps=3, missing="mark"), ll.LSTM(hidden_size=4)),
    "masked": case(
        LAG, ll.Window(timesteps=3, missing="mask"), ll.GRU(hidden_size=4), encoding=ll.Scaled
    ),
    "carried window": case(
        LAG, ll.Window(timesteps=2, carry=True), ll.LSTM(hidden_size=4), batch_size=3
    ),
    "window of an MLP": case(LAG, ll.Window(timesteps=3), ll.MLP(hidden_size=6)),
    "growing context": case(ll.Ramp(length=6), ll.Prefix(), ll.RNN(hidden_size=4)),
    "memorization": case(
        ll.Memorization(length=4), ll.Chunks(timesteps=1, carry=True), ll.LSTM(hidden_size=4)
    ),
    "last step": case(ll.EchoValue(lag=2, length=6, values=5), ll.Whole(), ll.LSTM(hidden_size=5)),
    "vector": case(PART, ll.Vector(), ll.GRU(hidden_size=5)),
    "decoder": case(PART, ll.EncoderDecoder(), ll.Seq2Seq(hidden_size=5)),
    "both directions": case(
        ll.CumulativeThreshold(length=6), ll.Whole(), ll.Bidirectional(cell="gru", hidden_size=4)
    ),
    "series": case(SERIES, ll.Whole(), ll.LSTM(hidden_size=4)),
    "adopted": case(LAG, ll.Whole(), ll.adopt(make_filter)),
}
