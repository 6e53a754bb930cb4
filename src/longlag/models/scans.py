"""Linear recurrences, h' = a h + b: the loop that layers without a hidden product are made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from longlag.models._base import Mask


def linear_scan(
    decay: Float[Array, "..."] | Complex[Array, "..."],
    added: Float[Array, "..."] | Complex[Array, "..."],
    start: Float[Array, "..."] | Complex[Array, "..."],
    mask: Mask = None,
) -> Array:
    """Every state of h' = decay * h + added, elementwise, over the first axis.

    One step after another on a CPU, which was faster there at every size that was measured;
    all steps at once, as an associative scan, elsewhere. Both give the same within rounding.

    Args:
        decay: `(time, *batch, *feature)`; or `(1, *feature)` where it is the same at every step.
        added: `(time, *batch, *feature)`, of the same type.
        start: The state before the first step, `(*batch, *feature)`.
        mask: `(*batch, time)`, false where a step is skipped: the state stays as it was. None
            where every step counts.

    Returns:
        The state after each step, `(time, *batch, *feature)`.

    Source of the associative form: Martin and Cundy (2018).

    >>> half, one = jnp.full((1, 2), 0.5), jnp.ones((3, 2))
    >>> print(linear_scan(half, one, jnp.zeros(2))[:, 0])
    [1.   1.5  1.75]
    """
    decay = decay.reshape(decay.shape[:1] + (1,) * (added.ndim - decay.ndim) + decay.shape[1:])
    if mask is not None:
        counts = jnp.moveaxis(mask, -1, 0)
        counts = counts.reshape(counts.shape + (1,) * (added.ndim - counts.ndim))
        decay, added = jnp.where(counts, decay, 1), jnp.where(counts, added, 0)
    return _states(decay, added, start)


@jax.custom_vjp
def _states(decay: Array, added: Array, start: Array) -> Array:
    return _scan(decay, added, start)


def _forward(decay: Array, added: Array, start: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    states = _scan(decay, added, start)
    return states, (decay, states, start)


def _backward(
    residuals: tuple[Array, Array, Array], by_states: Array
) -> tuple[Array, Array, Array]:
    # The gradient runs backwards by the same recurrence, with the decay of the step after.
    decay, states, start = residuals
    after = jnp.roll(decay, -1, axis=0)  # that of the last step meets a gradient of zero
    by_added = _scan(after, by_states, jnp.zeros_like(start), reverse=True)
    by_decay = by_added * jnp.concatenate([start[None], states[:-1]])
    shared = [axis for axis, size in enumerate(decay.shape) if size == 1 < states.shape[axis]]
    if shared:
        by_decay = by_decay.sum(axis=shared, keepdims=True)
    return by_decay, by_added, decay[0] * by_added[0]


_states.defvjp(_forward, _backward)


def _scan(decay: Array, added: Array, start: Array, *, reverse: bool = False) -> Array:
    def in_order(decay: Array, added: Array, start: Array) -> Array:
        return one_by_one(decay, added, start, reverse=reverse)

    def together(decay: Array, added: Array, start: Array) -> Array:
        return all_at_once(decay, added, start, reverse=reverse)

    return jax.lax.platform_dependent(decay, added, start, cpu=in_order, default=together)


def one_by_one(decay: Array, added: Array, start: Array, *, reverse: bool = False) -> Array:
    """The states of `linear_scan`, one step after another."""

    def step(state: Array, each: tuple[Array | None, Array]) -> tuple[Array, Array]:
        by, plus = each
        state = (decay[0] if by is None else by) * state + plus
        return state, state

    by_step = None if len(decay) == 1 else decay
    return jax.lax.scan(step, start, (by_step, added), reverse=reverse)[1]


def all_at_once(decay: Array, added: Array, start: Array, *, reverse: bool = False) -> Array:
    """The states of `linear_scan`, as an associative scan."""

    def joined(first: tuple[Array, Array], then: tuple[Array, Array]) -> tuple[Array, Array]:
        return then[0] * first[0], then[0] * first[1] + then[1]

    steps = jnp.broadcast_to(decay, added.shape), added
    kept, total = jax.lax.associative_scan(joined, steps, reverse=reverse)
    return kept * start[None] + total
