"""Long short-term memory, with access to the gates."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import Dynamics, Inputs, Mask, ModelFactory, Sizes, on_device
from longlag.models.layer import RecurrentModel
from longlag.models.recurrent import StepBackLayer, halved_slope, sigmoid_of_half


class LSTMState(NamedTuple):
    """The state of an LSTM."""

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


class LSTMLayer(StepBackLayer):
    """Long short-term memory: input, forget and output gates around a memory cell.

        i, f, o = sigmoid(x W + h U + b)     the gates: input, forget, output
        g = tanh(x W + h U + b)              the candidate
        c' = f c + i g                       the cell
        h' = o tanh(c')                      the hidden state

    with weights W, U, b of its own for each of i, f, g, o; products of vectors are elementwise.

    Args:
        kernel, recurrent, bias: W, U and b of i, f, g, o, side by side; b is at first 1 for f,
            so that cells remember, and 0 for the others.
        recurrent_bias: None.

    Shapes: `kernel` `(feature, 4 * hidden)`, `recurrent` `(hidden, 4 * hidden)`, `bias`
        `(4 * hidden,)`; the state is h and c, `(*batch, hidden)` each.

    Source: Hochreiter and Schmidhuber (1997); the forget gate is that of Gers et al. (2000).

    >>> import numpy as np
    >>> layer = LSTMLayer.create(features=2, hidden_size=3, rng=np.random.default_rng(0))
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.cell.shape, layer.kernel.shape
    ((3, 3), (3,), (2, 12))
    """

    carries: ClassVar = LSTMState
    halved: ClassVar[tuple[bool, ...]] = (True, True, False, True)
    biases: ClassVar[tuple[float, ...]] = (0.0, 1.0, 0.0, 0.0)
    inner_bias: ClassVar[bool] = False

    @staticmethod
    def step(drive: Array, product: Array, state: LSTMState) -> tuple[LSTMState, Array]:
        squashed = jnp.tanh(drive + product)
        input, forget, candidate, output = _gates(squashed)
        cell = forget * state.cell + input * candidate
        return LSTMState(output * jnp.tanh(cell), cell), squashed

    @staticmethod
    def slopes(before: LSTMState, after: LSTMState, residuals: Array) -> tuple[Array, Array, Array]:
        input, forget, candidate, output = _gates(residuals)
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
        """Every gate and state over time; a skipped step leaves cell and hidden unchanged."""
        trace = self.trace(inputs, mask, state)
        return Gates(*_gates(trace.residuals), trace.after.cell, trace.after.hidden)


def _gates(squashed: Array) -> tuple[Array, Array, Array, Array]:
    input, forget, candidate, output = jnp.split(squashed, 4, axis=-1)
    return sigmoid_of_half(input), sigmoid_of_half(forget), candidate, sigmoid_of_half(output)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LSTM(ModelFactory):
    """One layer of LSTM cells (`LSTMLayer`) and a dense output at every step.

    Args:
        hidden_size: Memory cells, at least 1.
        chrono: The longest lag to expect, at least 3 steps: forget gates start with a bias of
            log u for a random u from 1 to `chrono` - 1, input gates with its negative, so that
            cells keep values for up to so many steps. None: 1 and 0, as in Keras.

    Source of `chrono`: Tallec and Ollivier (2018).

    >>> model = LSTM(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> outputs, state = model(jnp.array([0, 1, 1]), None, model.initial_state())
    >>> outputs.shape, state.cell.shape
    ((3, 4), (3,))
    """

    hidden_size: int = knob(50, "Units.", at_least=1)
    chrono: int | None = knob(
        None,
        "Initial biases for lags of up to so many steps. Default: 1 of forget gates.",
        at_least=3,
        added=True,
    )

    @property
    def dynamics(self) -> Dynamics:
        return "nonlinear"

    def __call__(self, sizes: Sizes, seed: int) -> RecurrentModel[LSTMLayer]:
        model = RecurrentModel.create(LSTMLayer.create, self.hidden_size, sizes, seed)
        if self.chrono is None:
            return model
        rng = np.random.default_rng([seed, self.chrono])  # the other weights stay as they are
        forget = np.log(rng.uniform(1, self.chrono - 1, self.hidden_size))
        rest = np.zeros(2 * self.hidden_size)
        bias = on_device(np.concatenate([-forget, forget, rest]))
        return eqx.tree_at(lambda each: each.layer.bias, model, bias)
