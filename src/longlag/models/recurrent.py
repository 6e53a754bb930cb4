"""Layers that run step by step: one loop over time, and hand-written backward passes.

A `StepLayer` implements only the forward step: its backward pass is autodiff's. A
`StepBackLayer` implements a step, its slopes and a step back, which is faster. The loop passes
the product of hidden state and recurrent weights to the step. The slopes are computed for all
steps at once, so that the backward loop does little more than its matrix products; the gradient
of the weights is one matrix product at the end.
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
    Mask,
    glorot_uniform,
    on_device,
    orthogonal,
    project,
    scale,
    shift,
    time_axis,
    zeros,
)
from longlag.models.layer import GatedLayer


class HiddenState(NamedTuple):
    """The state of a layer whose hidden state is its only state."""

    hidden: Float[Array, "*batch hidden"]


class StepLayer(GatedLayer):
    """Base of the recurrent layers that implement only a step; autodiff makes the backward pass."""

    drive: eqx.AbstractVar[Any]
    """The part of each step that depends on the inputs only, computed for all steps at once."""

    @abc.abstractmethod
    def step(self, drive: Array, state: Any) -> Any:
        """One step: the next state, a named tuple whose `hidden` is the output of the layer."""

    def __call__(
        self, inputs: Inputs, mask: Mask, state: Any
    ) -> tuple[Float[Array, "*batch time hidden"], Any]:
        final, states = self._run(inputs, mask, state)
        return states.hidden, final

    def gates(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> Any:
        """Every state over time; to expose a gate, make it part of the state."""
        state = self.initial_state(inputs.shape[: time_axis(inputs)]) if state is None else state
        return self._run(inputs, mask, state)[1]

    def _run(self, inputs: Inputs, mask: Mask, state: Any) -> tuple[Any, Any]:
        """The final state, and the states over time."""
        drive = jnp.moveaxis(self.drive(inputs), -2, 0)
        final, trace = _scan(lambda *each: (self.step(*each), ()), drive, state, time_first(mask))
        return final, jax.tree.map(lambda each: jnp.moveaxis(each, 0, drive.ndim - 2), trace.after)


B = TypeVar("B", bound="StepBackLayer")


class StepBackLayer(GatedLayer):
    """Base of the recurrent layers with a hand-written backward pass, as static methods.

    The axis `gates` has `len(halved)` × hidden entries, in the order of Keras.
    """

    carries: ClassVar[type[Any]]
    """The named tuple of its state: vectors of length `hidden_size`, one of them `hidden`."""

    halved: ClassVar[tuple[bool, ...]]
    """For each gate and candidate: whether the input of `step` is halved (`sigmoid_of_half`)."""

    biases: ClassVar[tuple[float, ...]]
    """For each gate and candidate: the initial bias."""

    inner_bias: ClassVar[bool]
    """Whether the product with the recurrent weights has its own bias, initially zero."""

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
            bias=on_device(np.repeat(cls.biases, hidden_size)),
            recurrent_bias=on_device(np.zeros(width)) if cls.inner_bias else None,
        )

    @property
    def hidden_size(self) -> int:
        return self.recurrent.shape[0]

    def initial_state(self, batch: tuple[int, ...] = ()) -> Any:
        zero = zeros((*batch, self.hidden_size), self.recurrent)
        return self.carries(*[zero] * len(self.carries._fields))

    @staticmethod
    @abc.abstractmethod
    def step(drive: Array, product: Array, state: Any) -> tuple[Any, Any]:
        """One step: the next state, and the residuals that `slopes` and `gates` need."""

    @staticmethod
    @abc.abstractmethod
    def slopes(before: Any, after: Any, residuals: Any) -> Any:
        """The local derivatives that `back` needs, for any number of steps at once."""

    @staticmethod
    @abc.abstractmethod
    def back(by_state: Any, slopes: Any) -> tuple[Array, Array, Any]:
        """One step back: the gradients by drive, by product and by the previous state.

        The gradient through the product with the recurrent weights is not included.
        """

    def __call__(
        self, inputs: Inputs, mask: Mask, state: Any
    ) -> tuple[Float[Array, "*batch time hidden"], Any]:
        result: Any = recur(type(self), *self._scaled(inputs), state, time_first(mask))
        return jnp.moveaxis(result[0], 0, -2), result[1]

    def trace(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> Trace:
        """The states and the residuals over time, each `(*batch, time, …)`."""
        state = self.initial_state(inputs.shape[: time_axis(inputs)]) if state is None else state
        _, _, trace = run_steps(type(self), *self._scaled(inputs), state, time_first(mask))
        return jax.tree.map(lambda each: jnp.moveaxis(each, 0, -2), trace)

    def _scaled(self, inputs: Inputs) -> tuple[Array, Array, Array | None]:
        """Drive with time first, recurrent weights and bias, the sigmoid gates halved.

        Halving weights costs less than halving what they give, and changes no bit.
        """
        parts = self.kernel, self.bias, self.recurrent, self.recurrent_bias
        if any(self.halved):
            halved = jnp.array(self.halved, self.kernel.dtype).repeat(self.hidden_size)
            parts = jax.tree.map(lambda part: scale(part, 1 - halved / 2), parts)
        kernel, bias, recurrent, recurrent_bias = parts
        inputs = jnp.moveaxis(inputs, time_axis(inputs), 0)
        return shift(project(kernel, inputs), bias), recurrent, recurrent_bias


class Trace(NamedTuple):
    """The results of the forward pass that the backward pass needs, stacked over time."""

    after: Any
    residuals: Any


def sigmoid_of_half(squashed: Array) -> Array:
    """The sigmoid of x from the tanh of x / 2, so that one tanh serves all gates."""
    return 0.5 * squashed + 0.5


def halved_slope(gate: Array) -> Array:
    """The derivative of such a gate by x / 2."""
    return 2 * gate * (1 - gate)


def _scan(step, drive, state, mask):
    """Run over the first axis: the final state, and the trace."""

    def masked(state, each):
        drive, mask = each
        after, residuals = step(drive, state)
        if mask is not None:
            after = jax.tree.map(functools.partial(_where, mask), after, state)
        return after, Trace(after, residuals)

    return jax.lax.scan(masked, state, (drive, mask), unroll=_unroll(drive))


def _where(mask, new, old):
    return jnp.where(mask.reshape(mask.shape + (1,) * (new.ndim - mask.ndim)), new, old)


def run_steps(kind, drive, recurrent, recurrent_bias, state, mask):
    """The hidden vectors, the final state and the trace, of the arguments of `recur`."""

    def step(drive, state):
        product = state.hidden @ recurrent
        if recurrent_bias is not None:
            product = shift(product, recurrent_bias)
        return kind.step(drive, product, state)

    state, trace = _scan(step, drive, state, mask)
    return trace.after.hidden, state, trace


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def recur(kind, drive, recurrent, recurrent_bias, state, mask):
    """The hidden vectors and the final state, with the backward pass written by hand.

    Args:
        kind: A class with `step`, `slopes` and `back` as of `StepBackLayer`.
        drive: What each step gets from its inputs, time first.
        recurrent: U, by which the hidden state is multiplied; its bias follows, or None.
        state: The state before the first step, a named tuple.
        mask: Of `time_first`.
    """
    hidden, state, _ = run_steps(kind, drive, recurrent, recurrent_bias, state, mask)
    return hidden, state


def _recur_forward(kind, drive, recurrent, recurrent_bias, state, mask):
    hidden, after, trace = run_steps(kind, drive, recurrent, recurrent_bias, state, mask)
    return (hidden, after), (recurrent, recurrent_bias, state, trace, mask)


def _recur_backward(kind, residuals, cotangents):
    recurrent, recurrent_bias, start, trace, mask = residuals
    by_hidden, by_state = cotangents
    before = jax.tree.map(
        lambda first, rest: jnp.concatenate([first[None], rest[:-1]]), start, trace.after
    )
    # The barrier keeps XLA from fusing the slopes into the loop, where each step would pay.
    slopes = jax.lax.optimization_barrier(kind.slopes(before, trace.after, trace.residuals))
    # A product whose width is a multiple of 16 takes half the time of one slightly narrower.
    width = recurrent.shape[0]
    transposed = jax.lax.optimization_barrier(jnp.pad(recurrent.T, ((0, 0), (0, -width % 16))))

    def step(by_state, each):
        by_hidden, slopes, mask = each
        by_state = by_state._replace(hidden=by_state.hidden + by_hidden)
        incoming = by_state
        if mask is not None:
            by_state = jax.tree.map(lambda by: jnp.where(mask, by, 0.0), by_state)
        by_drive, by_product, by_previous = kind.back(by_state, slopes)
        through_product = (by_product @ transposed)[..., :width]
        by_previous = by_previous._replace(hidden=by_previous.hidden + through_product)
        if mask is not None:
            skipped = jax.tree.map(lambda by: jnp.where(mask, 0.0, by), incoming)
            by_previous = jax.tree.map(jnp.add, by_previous, skipped)
        # For most cells the two gradients are one array: stack it only once.
        return by_previous, (by_drive, None if by_product is by_drive else by_product)

    by_state, (by_drive, by_product) = jax.lax.scan(
        step, by_state, (by_hidden, slopes, mask), reverse=True, unroll=_unroll(by_hidden)
    )
    flat = (by_drive if by_product is None else by_product).reshape(-1, recurrent.shape[1])
    by_recurrent = before.hidden.reshape(-1, width).T @ flat
    by_bias = None if recurrent_bias is None else flat.sum(axis=0)
    return by_drive, by_recurrent, by_bias, by_state, None


recur.defvjp(_recur_forward, _recur_backward)


def _unroll(sequence: Array) -> int:
    # Short sequences run fastest fully unrolled; for longer ones that only slows compiling.
    return len(sequence) if len(sequence) <= 12 else 1


def time_first(mask: Mask) -> Array | None:
    """A mask as the loops take it, `(time, *batch, 1)`."""
    return None if mask is None else jnp.moveaxis(mask, -1, 0)[..., None]
