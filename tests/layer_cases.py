"""Layers of kinds that the package does not have, and a model of each."""

import dataclasses
import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from longlag.knobs import knob
from longlag.models import (
    HiddenState,
    Linear,
    MinGRULayer,
    ModelFactory,
    RecurrentModel,
    SequenceLayer,
    StepLayer,
)


class LeakyLayer(StepLayer):
    """A step cell, with a weight that is no matrix: h' = h + r (tanh(x W + b + h U) - h)."""

    drive: Linear
    recurrent: Array
    rate: Array

    @classmethod
    def create(cls, features, hidden_size, rng):
        recurrent = Linear(hidden_size, hidden_size, rng).weight
        return cls(Linear(features, hidden_size, rng), recurrent, jnp.zeros(hidden_size))

    @property
    def hidden_size(self):
        return len(self.recurrent)

    def initial_state(self, batch=()):
        return HiddenState(jnp.zeros((*batch, self.hidden_size), self.recurrent.dtype))

    def step(self, drive, state):
        new = jnp.tanh(drive + state.hidden @ self.recurrent)
        rate = jnp.broadcast_to(jax.nn.sigmoid(self.rate), new.shape)
        return HiddenState(state.hidden + rate * (new - state.hidden))


class FastWeightsState(NamedTuple):
    hidden: Array
    memory: Array


class FastWeightsLayer(StepLayer):
    """A step cell that carries a matrix: M' = 0.9 M + k v, h' = tanh(q M'), k, v, q = x W + b."""

    drive: Linear

    @classmethod
    def create(cls, features, hidden_size, rng):
        return cls(Linear(features, 3 * hidden_size, rng))

    @property
    def hidden_size(self):
        return len(self.drive.bias) // 3

    def initial_state(self, batch=()):
        zero = jnp.zeros((*batch, self.hidden_size), self.drive.bias.dtype)
        return FastWeightsState(zero, zero[..., None] * zero[..., None, :])

    def step(self, drive, state):
        key, value, query = jnp.split(drive, 3, axis=-1)
        memory = 0.9 * state.memory + key[..., None] * value[..., None, :]
        return FastWeightsState(jnp.tanh((query[..., None, :] @ memory)[..., 0, :]), memory)


class ConvolutionLayer(SequenceLayer):
    """A causal convolution: h[t] = tanh(Σ x[t - k] W[k] + b) over the `window` steps up to t.

    It carries the last `window` - 1 inputs. A step passed over is not among the steps of any
    window, and gives zeros.
    """

    kernel: Array
    bias: Array

    @classmethod
    def create(cls, features, hidden_size, rng, window=3):
        flat = Linear(window * features, hidden_size, rng)
        return cls(flat.weight.reshape(window, features, hidden_size), flat.bias)

    @property
    def hidden_size(self):
        return len(self.bias)

    def initial_state(self, batch=()):
        window, features, _ = self.kernel.shape
        return jnp.zeros((*batch, window - 1, features), self.kernel.dtype)

    def __call__(self, inputs, mask, state):
        window, features, _ = self.kernel.shape
        if jnp.issubdtype(inputs.dtype, jnp.integer):
            inputs = jax.nn.one_hot(inputs, features, dtype=self.kernel.dtype)
        mask = jnp.ones(inputs.shape[:-1], bool) if mask is None else mask
        # The steps that count moved together, those before the sample in front.
        present = jnp.concatenate([jnp.ones(state.shape[:-1], bool), mask], axis=-1)
        order = jnp.argsort(~present, axis=-1, stable=True)
        counted = taken(jnp.concatenate([state, inputs], axis=-2), order)
        ends = jnp.cumsum(present, axis=-1)[..., window - 1 :]
        hidden = jnp.broadcast_to(self.bias, (*mask.shape, self.hidden_size))
        for place in range(window):
            hidden += taken(counted, ends - window + place) @ self.kernel[place]
        after = [taken(counted, ends[..., -1:] - place) for place in range(window - 1, 0, -1)]
        hidden = jnp.where(mask[..., None], jnp.tanh(hidden), 0.0)
        return hidden, jnp.concatenate([state[..., :0, :], *after], axis=-2)


def taken(steps, places):
    return jnp.take_along_axis(steps, jnp.maximum(places, 0)[..., None], axis=-2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leaky(ModelFactory):
    hidden_size: int = knob(50, "Units.", at_least=1)

    def __call__(self, sizes, seed):
        return RecurrentModel.create(LeakyLayer.create, self.hidden_size, sizes, seed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FastWeights(ModelFactory):
    hidden_size: int = knob(50, "Units.", at_least=1)

    def __call__(self, sizes, seed):
        return RecurrentModel.create(FastWeightsLayer.create, self.hidden_size, sizes, seed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BareMinGRU(ModelFactory):
    """A layer of the package without residual blocks."""

    hidden_size: int = knob(50, "Units.", at_least=1)

    def __call__(self, sizes, seed):
        return RecurrentModel.create(MinGRULayer.create, self.hidden_size, sizes, seed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Convolution(ModelFactory):
    hidden_size: int = knob(50, "Channels.", at_least=1)
    steps: int = knob(3, "Steps that it convolves.", at_least=1)

    @property
    def window(self):
        return self.steps

    def __call__(self, sizes, seed):
        create = functools.partial(ConvolutionLayer.create, window=self.steps)
        return RecurrentModel.create(create, self.hidden_size, sizes, seed)


OTHER_LAYERS: list[type[SequenceLayer]] = [
    LeakyLayer,
    FastWeightsLayer,
    ConvolutionLayer,
]


def in_double(module):
    """A module whose weights are in double precision."""
    weights, rest = eqx.partition(module, eqx.is_inexact_array)
    return eqx.combine(jax.tree.map(lambda leaf: leaf.astype(jnp.float64), weights), rest)
