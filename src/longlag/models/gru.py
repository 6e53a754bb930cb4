"""Gated recurrent units, with gates that can be read."""

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
    HiddenState,
    Layer,
    RecurrentModel,
    halved_slope,
    recurrent_model,
    sigmoid_of_half,
)


class GRUGates(NamedTuple):
    """Every gate and state of a GRU over time, each `(*batch, time, hidden)`."""

    update: Float[Array, "*batch time hidden"]
    reset: Float[Array, "*batch time hidden"]
    candidate: Float[Array, "*batch time hidden"]
    hidden: Float[Array, "*batch time hidden"]


class GRULayer(Layer):
    """A layer of gated recurrent units: update, reset, candidate.

    The reset gate acts on the product with the recurrent weights, as in Keras (`reset_after`)
    and PyTorch, and there is a bias of its own inside it. An update gate of 1 keeps the state.

    Source: Cho et al. (2014), in the variant of cuDNN.
    """

    halved: ClassVar[tuple[bool, ...]] = (True, True, False)

    @classmethod
    def begin(cls, features: int, hidden_size: int, rng: np.random.Generator) -> GRULayer:
        """As Keras does: Glorot uniform, orthogonal, zero biases."""
        layer = super().begin(features, hidden_size, rng)
        zero = jnp.zeros(3 * hidden_size)
        return eqx.tree_at(
            lambda layer: layer.recurrent_bias, layer, zero, is_leaf=lambda leaf: leaf is None
        )

    @staticmethod
    def step(
        drive: Array, product: Array, state: HiddenState
    ) -> tuple[HiddenState, tuple[Array, Array]]:
        width = state.hidden.shape[-1]
        recalled = product[..., 2 * width :]
        pair = sigmoid_of_half(jnp.tanh(drive[..., : 2 * width] + product[..., : 2 * width]))
        update, reset = jnp.split(pair, 2, axis=-1)
        candidate = jnp.tanh(drive[..., 2 * width :] + reset * recalled)
        hidden = candidate + update * (state.hidden - candidate)
        return HiddenState(hidden), (jnp.concatenate([pair, candidate], axis=-1), recalled)

    @staticmethod
    def slopes(
        before: HiddenState, after: HiddenState, kept: tuple[Array, Array]
    ) -> tuple[Array, Array, Array]:
        del after
        gates, recalled = kept
        update, reset, candidate = jnp.split(gates, 3, axis=-1)
        by_candidate = (1 - update) * (1 - candidate**2)
        by_gates = [
            (before.hidden - candidate) * halved_slope(update),
            by_candidate * recalled * halved_slope(reset),
            by_candidate,
        ]
        return jnp.concatenate(by_gates, axis=-1), reset, update

    @staticmethod
    def back(
        by_state: HiddenState, slopes: tuple[Array, Array, Array]
    ) -> tuple[Array, Array, HiddenState]:
        by_gates, reset, update = slopes
        by_drive = by_gates * jnp.concatenate([by_state.hidden] * 3, axis=-1)
        one = jnp.ones_like(reset)
        by_product = by_drive * jnp.concatenate([one, one, reset], axis=-1)
        return by_drive, by_product, HiddenState(by_state.hidden * update)

    def gates(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> GRUGates:
        """Read every gate over time; at a step passed over, hidden is as it was."""
        trace = self.trace(inputs, mask, state)
        every = [*jnp.split(trace.kept[0], 3, axis=-1), trace.after.hidden]
        return GRUGates(*(jnp.moveaxis(each, 0, -2) for each in every))


@dataclasses.dataclass(frozen=True, kw_only=True)
class GRU(ModelFactory):
    """One layer of gated recurrent units and a dense output, initialised as Keras does.

    Glorot uniform kernel, orthogonal recurrent kernel, zero biases.

    Args:
        hidden_size: Units, at least 1.

    >>> model = GRU(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> outputs, state = model(jnp.array([0, 1, 1]), None, model.initial_state())
    >>> outputs.shape, state.hidden.shape
    ((3, 4), (3,))
    """

    hidden_size: int = knob(50, "Units.", at_least=1)

    def __call__(self, sizes: Sizes, seed: int) -> RecurrentModel[GRULayer]:
        return recurrent_model(GRULayer, self.hidden_size, sizes, seed)
