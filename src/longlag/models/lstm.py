"""Long short-term memory, with a backward pass written by hand and gates that can be read."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import (
    Inputs,
    Linear,
    Mask,
    Model,
    ModelFactory,
    Sizes,
    glorot_uniform,
    orthogonal,
    project,
    shift,
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


class LSTMModel(Model):
    """One layer of LSTM cells and a dense output.

    The axis `gates` has 4 × hidden entries: input, forget, candidate, output, as in Keras.
    """

    kernel: Float[Array, "feature gates"]
    recurrent: Float[Array, "hidden gates"]
    bias: Float[Array, " gates"]
    readout: Linear

    def initial_state(self, batch: tuple[int, ...] = ()) -> LSTMState:
        zero = jnp.zeros((*batch, self.recurrent.shape[0]), self.recurrent.dtype)
        return LSTMState(zero, zero)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: LSTMState, *, last: bool = False
    ) -> tuple[Float[Array, "*batch said output"], LSTMState]:
        hidden, state = _lstm(self._drive(inputs), self.recurrent, state, _time_first(mask))
        # The dense layer is dear beside the cell: keep it off the steps nobody reads.
        hidden = hidden[-1:] if last else hidden
        return self.readout(jnp.moveaxis(hidden, 0, -2)), state

    def gates(self, inputs: Inputs, mask: Mask = None, state: LSTMState | None = None) -> Gates:
        """Read every gate over time."""
        drive = self._drive(inputs)
        state = self.initial_state(drive.shape[1:-1]) if state is None else state
        _, _, trace = _forward(drive, self.recurrent, state, _time_first(mask))
        every = [*jnp.split(trace.gates, 4, axis=-1), trace.after.cell, trace.after.hidden]
        return Gates(*(jnp.moveaxis(each, 0, -2) for each in every))

    def _drive(self, inputs: Inputs) -> Float[Array, "time *batch gates"]:
        return jnp.moveaxis(shift(project(self.kernel, inputs), self.bias), -2, 0)


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

    hidden_size: int = knob(50, "Memory cells.", at_least=1)

    def __call__(self, sizes: Sizes, seed: int) -> LSTMModel:
        rng = np.random.default_rng(seed)
        width = self.hidden_size
        return LSTMModel(
            kernel=glorot_uniform(rng, sizes.features, 4 * width),
            recurrent=orthogonal(rng, width, 4 * width),
            bias=jnp.repeat(jnp.array([0.0, 1.0, 0.0, 0.0]), width),
            readout=Linear(width, sizes.outputs, rng),
        )


class _Trace(NamedTuple):
    gates: Float[Array, "time *batch gates"]
    before: LSTMState
    after: LSTMState


def _forward(drive, recurrent, state, mask):
    def step(state, now):
        drive, mask = now
        gates, after = _cell(drive + state.hidden @ recurrent, state.cell)
        if mask is not None:
            after = jax.tree.map(lambda new, old: jnp.where(mask, new, old), after, state)
        return after, _Trace(gates, state, after)

    state, trace = jax.lax.scan(step, state, (drive, mask), unroll=_unroll(drive))
    return trace.after.hidden, state, trace


def _cell(total, cell):
    input, forget, candidate, output = jnp.split(total, 4, axis=-1)
    input, forget, output = (jax.nn.sigmoid(gate) for gate in (input, forget, output))
    candidate = jnp.tanh(candidate)
    cell = forget * cell + input * candidate
    gates = jnp.concatenate([input, forget, candidate, output], axis=-1)
    return gates, LSTMState(output * jnp.tanh(cell), cell)


@jax.custom_vjp
def _lstm(drive, recurrent, state, mask):
    hidden, state, _ = _forward(drive, recurrent, state, mask)
    return hidden, state


def _lstm_forward(drive, recurrent, state, mask):
    hidden, state, trace = _forward(drive, recurrent, state, mask)
    return (hidden, state), (recurrent, trace, mask)


def _lstm_backward(saved, cotangents):
    """Sweep back once for the gates; the weight gradient is one matrix product at the end."""
    recurrent, trace, mask = saved
    by_hidden, by_state = cotangents

    def step(by_state, now):
        by_hidden, gates, before, after, mask = now
        by_hidden, by_cell = by_state.hidden + by_hidden, by_state.cell
        passed = LSTMState(jnp.zeros_like(by_hidden), jnp.zeros_like(by_cell))
        if mask is not None:
            passed = LSTMState(*(jnp.where(mask, 0.0, by) for by in (by_hidden, by_cell)))
            by_hidden, by_cell = (jnp.where(mask, by, 0.0) for by in (by_hidden, by_cell))
        input, forget, candidate, output = jnp.split(gates, 4, axis=-1)
        squashed = jnp.tanh(after.cell)
        by_cell = by_cell + by_hidden * output * (1 - squashed**2)
        by_total = jnp.concatenate(
            [
                by_cell * candidate * input * (1 - input),
                by_cell * before.cell * forget * (1 - forget),
                by_cell * input * (1 - candidate**2),
                by_hidden * squashed * output * (1 - output),
            ],
            axis=-1,
        )
        into = LSTMState(passed.hidden + by_total @ recurrent.T, passed.cell + by_cell * forget)
        return into, by_total

    by_state, by_drive = jax.lax.scan(
        step,
        by_state,
        (by_hidden, trace.gates, trace.before, trace.after, mask),
        reverse=True,
        unroll=_unroll(by_hidden),
    )
    flat = trace.before.hidden.reshape(-1, recurrent.shape[0])
    by_recurrent = flat.T @ by_drive.reshape(-1, recurrent.shape[1])
    return by_drive, by_recurrent, by_state, None


_lstm.defvjp(_lstm_forward, _lstm_backward)


def _unroll(sequence: Array) -> int:
    # Short sequences run fastest unrolled whole; past that compile time outgrows the gain.
    return len(sequence) if len(sequence) <= 12 else 4


def _time_first(mask: Mask) -> Array | None:
    return None if mask is None else jnp.moveaxis(mask, -1, 0)[..., None]
