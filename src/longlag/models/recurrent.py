"""What all recurrent layers share: one loop over time, its backward pass, a dense output.

A cell is a step forward, its slopes, and a step back. The loop gives it the product of the
hidden state with the recurrent weights. The slopes are worked out for all steps at once, so
that the loop back does little more than the products that only it can do; the gradient of
the weights is one matrix product at the end.
"""

from __future__ import annotations

import abc
import functools
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.models._base import (
    Inputs,
    Linear,
    Mask,
    Model,
    Sizes,
    State,
    glorot_uniform,
    orthogonal,
    project,
    shift,
)


class HiddenState(NamedTuple):
    """What a layer carries whose hidden state is all of its state."""

    hidden: Float[Array, "*batch hidden"]


L = TypeVar("L", bound="Layer")


class Layer(eqx.Module):
    """A recurrent layer: weights, and a cell as static methods. A subclass is a kind of cell.

    The axis `gates` has `len(halved)` × hidden entries, in the order of Keras.
    """

    halved: ClassVar[tuple[bool, ...]]
    """For each gate and candidate: whether `step` gets it halved, for `sigmoid_of_half`."""

    kernel: Float[Array, "feature gates"]
    recurrent: Float[Array, "hidden gates"]
    bias: Float[Array, " gates"]
    recurrent_bias: Float[Array, " gates"] | None = None

    @classmethod
    def begin(cls: type[L], features: int, hidden_size: int, rng: np.random.Generator) -> L:
        """A layer initialised as Keras does: Glorot uniform, orthogonal, zero biases."""
        width = len(cls.halved) * hidden_size
        return cls(
            kernel=glorot_uniform(rng, features, width),
            recurrent=orthogonal(rng, hidden_size, width),
            bias=jnp.zeros(width),
        )

    @property
    def hidden_size(self) -> int:
        """Width of the hidden state."""
        return self.recurrent.shape[0]

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        """The zero state for the given batch axes."""
        return HiddenState(jnp.zeros((*batch, self.hidden_size), self.recurrent.dtype))

    @staticmethod
    @abc.abstractmethod
    def step(drive: Array, product: Array, state: Any) -> tuple[Any, Any]:
        """One step: the state after it, and what its slopes and `gates` are told from."""

    @staticmethod
    @abc.abstractmethod
    def slopes(before: Any, after: Any, kept: Any) -> Any:
        """What `back` needs of steps, for any number of them at once."""

    @staticmethod
    @abc.abstractmethod
    def back(by_state: Any, slopes: Any) -> tuple[Array, Array, Any]:
        """One step back: by drive, by product, and by the state before it.

        That state's part in the product is not counted here.
        """

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State
    ) -> tuple[Float[Array, "time *batch hidden"], State]:
        """Run over the time axis; the hidden states come with time first."""
        arguments = self._scaled(inputs)
        return _recur(type(self), *arguments, state, _time_first(mask))

    def trace(self, inputs: Inputs, mask: Mask = None, state: State | None = None) -> Trace:
        """Every state, and what each step keeps, with time first."""
        arguments = self._scaled(inputs)
        state = self.initial_state(arguments[0].shape[1:-1]) if state is None else state
        return _forward(type(self), *arguments, state, _time_first(mask))[2]

    def _scaled(self, inputs: Inputs) -> tuple[Array, Array, Array | None]:
        """Drive with time first, recurrent weights and bias, the sigmoid gates halved."""
        time = -1 if jnp.issubdtype(inputs.dtype, jnp.integer) else -2
        drive = shift(project(self.kernel, jnp.moveaxis(inputs, time, 0)), self.bias)
        halved = jnp.array(self.halved, drive.dtype).repeat(self.hidden_size)
        parts = drive, self.recurrent, self.recurrent_bias
        if not any(self.halved):
            return parts
        scale = 1 - halved / 2
        return jax.tree.map(
            lambda part: part * scale.reshape((1,) * (part.ndim - 1) + (-1,)), parts
        )


class RecurrentModel(Model, Generic[L]):
    """One recurrent layer and a dense output."""

    layer: L
    readout: Linear

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        return self.layer.initial_state(batch)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: bool = False
    ) -> tuple[Float[Array, "*batch said output"], State]:
        hidden, state = self.layer(inputs, mask, state)
        # The dense layer is dear beside the cell: keep it off the steps nobody reads.
        hidden = hidden[-1:] if last else hidden
        return self.readout(jnp.moveaxis(hidden, 0, -2)), state


def recurrent_model(kind: type[L], hidden_size: int, sizes: Sizes, seed: int) -> RecurrentModel[L]:
    """A model of one such layer, freshly initialised."""
    rng = np.random.default_rng(seed)
    layer = kind.begin(sizes.features, hidden_size, rng)
    return RecurrentModel(layer, Linear(hidden_size, sizes.outputs, rng))


class Trace(NamedTuple):
    """What the way forward leaves for the way back: stacked over time, time first."""

    after: Any
    kept: Any


def sigmoid_of_half(squashed: Array) -> Array:
    """The sigmoid of x, given tanh of x / 2: so that one tanh serves all gates."""
    return 0.5 * squashed + 0.5


def halved_slope(gate: Array) -> Array:
    """The slope of such a gate by the half of x."""
    return 2 * gate * (1 - gate)


def _forward(kind, drive, recurrent, recurrent_bias, state, mask):
    def step(state, now):
        drive, mask = now
        product = state.hidden @ recurrent
        if recurrent_bias is not None:
            product = shift(product, recurrent_bias)
        after, kept = kind.step(drive, product, state)
        if mask is not None:
            after = jax.tree.map(lambda new, old: jnp.where(mask, new, old), after, state)
        return after, Trace(after, kept)

    state, trace = jax.lax.scan(step, state, (drive, mask), unroll=_unroll(drive))
    return trace.after.hidden, state, trace


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _recur(kind, drive, recurrent, recurrent_bias, state, mask):
    hidden, state, _ = _forward(kind, drive, recurrent, recurrent_bias, state, mask)
    return hidden, state


def _recur_forward(kind, drive, recurrent, recurrent_bias, state, mask):
    hidden, after, trace = _forward(kind, drive, recurrent, recurrent_bias, state, mask)
    return (hidden, after), (recurrent, recurrent_bias, state, trace, mask)


def _recur_backward(kind, saved, cotangents):
    recurrent, recurrent_bias, start, trace, mask = saved
    by_hidden, by_state = cotangents
    before = jax.tree.map(
        lambda first, rest: jnp.concatenate([first[None], rest[:-1]]), start, trace.after
    )
    # Kept from being fused into the loop, where they would be worked out step by step.
    slopes = jax.lax.optimization_barrier(kind.slopes(before, trace.after, trace.kept))
    # A product whose width is a multiple of 16 takes half the time of one a little narrower.
    width = recurrent.shape[0]
    turned = jax.lax.optimization_barrier(jnp.pad(recurrent.T, ((0, 0), (0, -width % 16))))

    def step(by_state, now):
        by_hidden, slopes, mask = now
        by_state = by_state._replace(hidden=by_state.hidden + by_hidden)
        arrived = by_state
        if mask is not None:
            by_state = jax.tree.map(lambda by: jnp.where(mask, by, 0.0), by_state)
        by_drive, by_product, into = kind.back(by_state, slopes)
        into = into._replace(hidden=into.hidden + (by_product @ turned)[..., :width])
        if mask is not None:
            passed = jax.tree.map(lambda by: jnp.where(mask, 0.0, by), arrived)
            into = jax.tree.map(jnp.add, into, passed)
        # Most cells feed drive and product alike: then there is but one of them to keep.
        return into, (by_drive, None if by_product is by_drive else by_product)

    by_state, (by_drive, by_product) = jax.lax.scan(
        step, by_state, (by_hidden, slopes, mask), reverse=True, unroll=_unroll(by_hidden)
    )
    flat = (by_drive if by_product is None else by_product).reshape(-1, recurrent.shape[1])
    by_recurrent = before.hidden.reshape(-1, width).T @ flat
    by_bias = None if recurrent_bias is None else flat.sum(axis=0)
    return by_drive, by_recurrent, by_bias, by_state, None


_recur.defvjp(_recur_forward, _recur_backward)


def _unroll(sequence: Array) -> int:
    # Short sequences run fastest unrolled whole; of longer ones it only slows compiling.
    return len(sequence) if len(sequence) <= 12 else 1


def _time_first(mask: Mask) -> Array | None:
    return None if mask is None else jnp.moveaxis(mask, -1, 0)[..., None]
