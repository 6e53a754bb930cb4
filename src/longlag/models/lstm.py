"""Long short-term memory, with gates that can be read."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import Inputs, Mask, ModelFactory, Sizes
from longlag.models.recurrent import (
    Layer,
    RecurrentModel,
    halved_slope,
    recurrent_model,
    sigmoid_of_half,
)


class LSTMState(NamedTuple):
    """What an LSTM carries from step to step."""

    hidden: Float[Array, "*batch hidden"]
    cell: Float[Array, "*batch hidden"]


class Gates(NamedTuple):
    """Every gate and state of an LSTM over time, each `(*batch, time, hidden)`."""

    input: Float[Array, "*batch time hidden"]
    forget: Float[Array, "*batch time hidden"]
    candidate: Float[Array, "*batch time hidden"]
    output: Float[Array, "*batch time hidden"]
    cell: Float[Array, "*batch time hidden"]
    hidden: Float[Array, "*batch time hidden"]


class LSTMLayer(Layer):
    """A layer of LSTM cells with forget gates: input, forget, candidate, output.

    Source: Hochreiter and Schmidhuber (1997); the forget gate is that of Gers et al. (2000).
    """

    halved: ClassVar[tuple[bool, ...]] = (True, True, False, True)

    @classmethod
    def begin(cls, features: int, hidden_size: int, rng: np.random.Generator) -> LSTMLayer:
        """As Keras does: biases are zero but 1 for the forget gate, so that cells keep at first."""
        layer = super().begin(features, hidden_size, rng)
        bias = jnp.repeat(jnp.array([0.0, 1.0, 0.0, 0.0]), hidden_size)
        return eqx.tree_at(lambda layer: layer.bias, layer, bias)

    def initial_state(self, batch: tuple[int, ...] = ()) -> LSTMState:
        (zero,) = super().initial_state(batch)
        return LSTMState(zero, zero)

    @staticmethod
    def step(drive: Array, product: Array, state: LSTMState) -> tuple[LSTMState, Array]:
        squashed = jnp.tanh(drive + product)
        input, forget, candidate, output = _gates(squashed)
        cell = forget * state.cell + input * candidate
        return LSTMState(output * jnp.tanh(cell), cell), squashed

    @staticmethod
    def slopes(before: LSTMState, after: LSTMState, kept: Array) -> tuple[Array, Array, Array]:
        input, forget, candidate, output = _gates(kept)
        squashed = jnp.tanh(after.cell)
        by_cell = [
            candidate * halved_slope(input),
            before.cell * halved_slope(forget),
            input * (1 - candidate**2),
        ]
        by_hidden = squashed * halved_slope(output)
        return jnp.concatenate([*by_cell, by_hidden], axis=-1), output * (1 - squashed**2), forget

    @staticmethod
    def back(
        by_state: LSTMState, slopes: tuple[Array, Array, Array]
    ) -> tuple[Array, Array, LSTMState]:
        by_gates, into_cell, forget = slopes
        by_cell = by_state.cell + by_state.hidden * into_cell
        by_total = by_gates * jnp.concatenate([by_cell] * 3 + [by_state.hidden], axis=-1)
        return by_total, by_total, LSTMState(jnp.zeros_like(by_cell), by_cell * forget)

    def gates(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> Gates:
        """Read every gate over time; at a step passed over, cell and hidden are as they were."""
        trace = self.trace(inputs, mask, state)
        every = [*_gates(trace.kept), trace.after.cell, trace.after.hidden]
        return Gates(*(jnp.moveaxis(each, 0, -2) for each in every))


def _gates(squashed: Array) -> tuple[Array, Array, Array, Array]:
    input, forget, candidate, output = jnp.split(squashed, 4, axis=-1)
    return sigmoid_of_half(input), sigmoid_of_half(forget), candidate, sigmoid_of_half(output)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LSTM(ModelFactory):
    """One layer of LSTM cells and a dense output at every step, initialised as Keras does.

    Glorot uniform kernel, orthogonal recurrent kernel, zero biases but 1 for the forget gate.

    Args:
        hidden_size: Memory cells, at least 1.

    >>> model = LSTM(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> outputs, state = model(jnp.array([0, 1, 1]), None, model.initial_state())
    >>> outputs.shape, state.cell.shape
    ((3, 4), (3,))
    """

    hidden_size: int = knob(50, "Units.", at_least=1)

    def __call__(self, sizes: Sizes, seed: int) -> RecurrentModel[LSTMLayer]:
        return recurrent_model(LSTMLayer, self.hidden_size, sizes, seed)
