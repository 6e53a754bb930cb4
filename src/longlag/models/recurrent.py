"""Layers that go step by step: one loop over time, and backward passes written by hand.

`StepLayer` owes a step forward alone: autodiff makes its backward pass. `StepBackLayer` owes a
step, its slopes, and a step back, which is faster. The loop gives its step the product of the
hidden state with the recurrent weights. The slopes are worked out for all steps at once, so
that the loop back does little more than the products that only it can do; the gradient of
the weights is one matrix product at the end.
"""

from __future__ import annotations

import abc
import functools
from typing import Any, ClassVar, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.models._base import (
    Inputs,
    Linear,
    Mask,
    glorot_uniform,
    orthogonal,
    project,
    shift,
    time_axis,
)
from longlag.models.layer import GatedLayer


class HiddenState(NamedTuple):
    """What a layer carries whose hidden state is all of its state."""

    hidden: Float[Array, "*batch hidden"]


class StepLayer(GatedLayer):
    """Base of the recurrent layers that owe a step alone: their backward pass is autodiff's."""

    drive: eqx.AbstractVar[Linear]
    """What the inputs give to each step, worked out for all steps at once."""

    @abc.abstractmethod
    def step(self, drive: Array, state: Any) -> Any:
        """One step: the state after it, a named tuple whose `hidden` is what the layer gives."""

    def __call__(
        self, inputs: Inputs, mask: Mask, state: Any
    ) -> tuple[Float[Array, "*batch time hidden"], Any]:
        after, states = self._run(inputs, mask, state)
        return states.hidden, after

    def gates(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> Any:
        """Read every state over time; a gate that is to be read is a part of the state."""
        state = self.initial_state(inputs.shape[: time_axis(inputs)]) if state is None else state
        return self._run(inputs, mask, state)[1]

    def _run(self, inputs: Inputs, mask: Mask, state: Any) -> tuple[Any, Any]:
        """The last state, and the states over time."""
        drive = jnp.moveaxis(self.drive(inputs), -2, 0)
        after, trace = _scan(lambda *now: (self.step(*now), ()), drive, state, _time_first(mask))
        return after, jax.tree.map(lambda each: jnp.moveaxis(each, 0, drive.ndim - 2), trace.after)


B = TypeVar("B", bound="StepBackLayer")


class StepBackLayer(GatedLayer):
    """Base of the recurrent layers whose backward pass is written by hand, as static methods.

    The axis `gates` has `len(halved)` × hidden entries, in the order of Keras.
    """

    carries: ClassVar[type[Any]]
    """The named tuple that is its state: vectors as wide as the layer, one of them `hidden`."""

    halved: ClassVar[tuple[bool, ...]]
    """For each gate and candidate: whether `step` gets it halved, for `sigmoid_of_half`."""

    biases: ClassVar[tuple[float, ...]]
    """For each gate and candidate: the bias that it begins with."""

    inner_bias: ClassVar[bool]
    """Whether the product with the recurrent weights has a bias of its own, at first zero."""

    kernel: Float[Array, "feature gates"]
    recurrent: Float[Array, "hidden gates"]
    bias: Float[Array, " gates"]
    recurrent_bias: Float[Array, " gates"] | None = None

    @classmethod
    def create(cls: type[B], features: int, hidden_size: int, rng: np.random.Generator) -> B:
        """A layer initialised as Keras does: Glorot uniform kernel, orthogonal recurrent one."""
        width = len(cls.halved) * hidden_size
        return cls(
            kernel=glorot_uniform(rng, features, width),
            recurrent=orthogonal(rng, hidden_size, width),
            bias=jnp.repeat(jnp.array(cls.biases, jnp.float32), hidden_size),
            recurrent_bias=jnp.zeros(width, jnp.float32) if cls.inner_bias else None,
        )

    @property
    def hidden_size(self) -> int:
        return self.recurrent.shape[0]

    def initial_state(self, batch: tuple[int, ...] = ()) -> Any:
        zero = jnp.zeros((*batch, self.hidden_size), self.recurrent.dtype)
        return self.carries(*[zero] * len(self.carries._fields))

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
        self, inputs: Inputs, mask: Mask, state: Any
    ) -> tuple[Float[Array, "*batch time hidden"], Any]:
        ran: Any = _recur(type(self), *self._scaled(inputs), state, _time_first(mask))
        return jnp.moveaxis(ran[0], 0, -2), ran[1]

    def trace(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> Trace:
        """Every state, and what each step keeps, over time."""
        state = self.initial_state(inputs.shape[: time_axis(inputs)]) if state is None else state
        ran = _forward(type(self), *self._scaled(inputs), state, _time_first(mask))
        return jax.tree.map(lambda each: jnp.moveaxis(each, 0, -2), ran[2])

    def _scaled(self, inputs: Inputs) -> tuple[Array, Array, Array | None]:
        """Drive with time first, recurrent weights and bias, the sigmoid gates halved."""
        inputs = jnp.moveaxis(inputs, time_axis(inputs), 0)
        drive = shift(project(self.kernel, inputs), self.bias)
        halved = jnp.array(self.halved, drive.dtype).repeat(self.hidden_size)
        parts = drive, self.recurrent, self.recurrent_bias
        if not any(self.halved):
            return parts
        scale = 1 - halved / 2
        return jax.tree.map(
            lambda part: part * scale.reshape((1,) * (part.ndim - 1) + (-1,)), parts
        )


class Trace(NamedTuple):
    """What the way forward leaves for the way back, stacked over time."""

    after: Any
    kept: Any


def sigmoid_of_half(squashed: Array) -> Array:
    """The sigmoid of x, given tanh of x / 2: so that one tanh serves all gates."""
    return 0.5 * squashed + 0.5


def halved_slope(gate: Array) -> Array:
    """The slope of such a gate by the half of x."""
    return 2 * gate * (1 - gate)


def _scan(step, drive, state, mask):
    """Run over the first axis: the state at the end, and the trace."""

    def masked(state, now):
        drive, mask = now
        after, kept = step(drive, state)
        if mask is not None:
            after = jax.tree.map(functools.partial(_choose, mask), after, state)
        return after, Trace(after, kept)

    return jax.lax.scan(masked, state, (drive, mask), unroll=_unroll(drive))


def _choose(mask, new, old):
    return jnp.where(mask.reshape(mask.shape + (1,) * (new.ndim - mask.ndim)), new, old)


def _forward(kind, drive, recurrent, recurrent_bias, state, mask):
    def step(drive, state):
        product = state.hidden @ recurrent
        if recurrent_bias is not None:
            product = shift(product, recurrent_bias)
        return kind.step(drive, product, state)

    state, trace = _scan(step, drive, state, mask)
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
