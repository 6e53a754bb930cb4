"""Gated recurrent units, with access to the gates."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import Dynamics, Inputs, Mask, ModelFactory, Sizes
from longlag.models.layer import RecurrentModel
from longlag.models.recurrent import HiddenState, StepBackLayer, halved_slope, sigmoid_of_half


class GRUGates(NamedTuple):
    """Every gate and state of a GRU over time, each `(*batch, time, hidden)`."""

    update: Float[Array, "*batch time hidden"]
    reset: Float[Array, "*batch time hidden"]
    candidate: Float[Array, "*batch time hidden"]
    hidden: Float[Array, "*batch time hidden"]


class GRULayer(StepBackLayer):
    """Gated recurrent units: an update gate and a reset gate.

        z, r = sigmoid(x W + b + h U + c)    the gates: update, reset
        n = tanh(x W + b + r (h U + c))      the candidate
        h' = z h + (1 - z) n                 the hidden state

    with weights W, b, U, c of its own for each of z, r, n; products of vectors are elementwise.
    The reset gate acts on the product, as in Keras (`reset_after`) and PyTorch.

    Args:
        kernel, recurrent, bias, recurrent_bias: W, U, b and c of z, r, n, side by side; b and c
            are at first 0.

    Shapes: `kernel` `(feature, 3 * hidden)`, `recurrent` `(hidden, 3 * hidden)`, `bias` and
        `recurrent_bias` `(3 * hidden,)`; the state is h, `(*batch, hidden)`.

    Source: Cho et al. (2014), in the variant of cuDNN.

    >>> import numpy as np
    >>> layer = GRULayer.create(features=2, hidden_size=3, rng=np.random.default_rng(0))
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.hidden.shape, layer.kernel.shape
    ((3, 3), (3,), (2, 9))
    """

    carries: ClassVar = HiddenState
    halved: ClassVar[tuple[bool, ...]] = (True, True, False)
    biases: ClassVar[tuple[float, ...]] = (0.0, 0.0, 0.0)
    inner_bias: ClassVar[bool] = True

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
        before: HiddenState, after: HiddenState, residuals: tuple[Array, Array]
    ) -> tuple[Array, Array, Array]:
        del after
        gates, recalled = residuals
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
        """Every gate and the hidden state over time; a skipped step leaves the state unchanged."""
        trace = self.trace(inputs, mask, state)
        update, reset, candidate = jnp.split(trace.residuals[0], 3, axis=-1)
        return GRUGates(update, reset, candidate, trace.after.hidden)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GRU(ModelFactory):
    """One layer of gated recurrent units (`GRULayer`) and a dense output at every step.

    Args:
        hidden_size: Units, at least 1.

    >>> model = GRU(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> outputs, state = model(jnp.array([0, 1, 1]), None, model.initial_state())
    >>> outputs.shape, state.hidden.shape
    ((3, 4), (3,))
    """

    hidden_size: int = knob(50, "Units.", at_least=1)

    @property
    def dynamics(self) -> Dynamics:
        return "nonlinear"

    def __call__(self, sizes: Sizes, seed: int) -> RecurrentModel[GRULayer]:
        return RecurrentModel.create(GRULayer.create, self.hidden_size, sizes, seed)
