"""Recurrences h' = λ h + x of complex numbers, each as two real arrays."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from longlag.models.scans import all_at_once

T = TypeVar("T")


class ComplexState(NamedTuple):
    """Complex numbers as two real arrays; the state of layers of complex states."""

    real: Float[Array, "..."]
    imaginary: Float[Array, "..."]


Counts = Bool[Array, "time *batch 1"] | None


def in_single(arrays: T) -> T:
    """Arrays of at least single precision."""
    return jax.tree.map(
        lambda each: each.astype(jnp.promote_types(each.dtype, jnp.float32)), arrays
    )


def times(first: ComplexState, second: ComplexState) -> ComplexState:
    """The product of complex numbers."""
    return ComplexState(
        first.real * second.real - first.imaginary * second.imaginary,
        first.real * second.imaginary + first.imaginary * second.real,
    )


def conjugate(state: ComplexState) -> ComplexState:
    """The complex conjugate."""
    return ComplexState(state.real, -state.imaginary)


@jax.custom_vjp
def turning_scan(
    turn: ComplexState, added: ComplexState, start: ComplexState, counts: Counts
) -> ComplexState:
    """Every state of h' = turn h + added, elementwise, over the first axis.

    One step after another on a CPU, where an associative scan was slower at every size that was
    measured; all steps at once elsewhere.

    Args:
        turn: The factor of each state, the same at every step, `(states,)`.
        added: `(time, *batch, states)`.
        start: The state before the first step, `(*batch, states)`.
        counts: `(time, *batch, 1)`, false where a step is skipped. None where every step counts.

    Returns:
        The state after each step, `(time, *batch, states)`.

    >>> zero, one = jnp.zeros((3, 1)), jnp.ones((3, 1))
    >>> quarter, start = ComplexState(zero[0], one[0]), ComplexState(one[0], zero[0])
    >>> after = turning_scan(quarter, ComplexState(zero, zero), start, None)
    >>> print(after.real[:, 0], after.imaginary[:, 0])
    [ 0. -1.  0.] [ 1.  0. -1.]
    """
    return jax.lax.platform_dependent(
        turn, added, start, counts, cpu=in_order, default=all_together
    )


def in_order(
    turn: ComplexState, added: ComplexState, start: ComplexState, counts: Counts
) -> ComplexState:
    """The states of `turning_scan`, one step after another."""
    turn = _aligned(turn, start)

    def step(
        state: ComplexState, each: tuple[ComplexState, Array | None]
    ) -> tuple[ComplexState, ComplexState]:
        plus, count = each
        state = _where(count, _plus(times(turn, state), plus), state)
        return state, state

    return jax.lax.scan(step, start, (added, counts))[1]


def all_together(
    turn: ComplexState, added: ComplexState, start: ComplexState, counts: Counts
) -> ComplexState:
    """The states of `turning_scan`, as an associative scan."""
    factor, plus, begin = (jax.lax.complex(*each) for each in (_aligned(turn, added), added, start))
    if counts is not None:
        factor, plus = jnp.where(counts, factor, 1), jnp.where(counts, plus, 0)
    return _parts(all_at_once(factor, plus, begin))


def _forward(turn, added, start, counts):
    states = turning_scan(turn, added, start, counts)
    return states, (turn, states, start, counts)


def _backward(residuals, by_states):
    # The gradient runs backwards and turns the other way.
    turn, *rest = residuals
    by_turn, *others = jax.lax.platform_dependent(
        conjugate(turn), *rest, by_states, cpu=_back_in_order, default=_back_together
    )
    over = tuple(range(by_turn.real.ndim - 1))
    return jax.tree.map(lambda each: each.sum(axis=over), by_turn), *others, None


turning_scan.defvjp(_forward, _backward)


def _back_in_order(back, states, start, counts, by_states):
    back, zero = _aligned(back, start), jax.tree.map(jnp.zeros_like, start)

    def step(carry, each):
        by_state, by_added, by_turn = carry  # by_added is of the step after
        state, count, by_here = each
        by_turn = _plus(by_turn, times(by_added, conjugate(state)))
        by_state = _plus(by_state, by_here)
        by_added = _where(count, by_state, zero)
        by_state = _where(count, times(back, by_state), by_state)
        return (by_state, by_added, by_turn), by_added

    (by_start, first, by_turn), by_added = jax.lax.scan(
        step, (zero, zero, zero), (states, counts, by_states), reverse=True
    )
    return _plus(by_turn, times(first, conjugate(start))), by_added, by_start


def _back_together(back, states, start, counts, by_states):
    factor, by = jax.lax.complex(*_aligned(back, states)), jax.lax.complex(*by_states)
    if counts is not None:
        factor = jnp.where(counts, factor, 1)
    # That of the last step meets a gradient of zero.
    after = jnp.roll(jnp.broadcast_to(factor, by.shape), -1, axis=0)
    by_state = all_at_once(after, by, jnp.zeros_like(by[0]), reverse=True)
    by_added = by_state if counts is None else jnp.where(counts, by_state, 0)
    before = jnp.concatenate([jax.lax.complex(*start)[None], jax.lax.complex(*states)[:-1]])
    by_turn = (by_added * before.conj()).sum(axis=0)
    return _parts(by_turn), _parts(by_added), _parts(factor[0] * by_state[0])


def _aligned(turn: ComplexState, like: ComplexState) -> ComplexState:
    """The factors with leading axes of length 1."""
    axes = like.real.ndim - turn.real.ndim
    return jax.tree.map(lambda each: each.reshape((1,) * axes + each.shape), turn)


def _plus(first: ComplexState, second: ComplexState) -> ComplexState:
    return jax.tree.map(jnp.add, first, second)


def _where(count: Array | None, new: ComplexState, old: ComplexState) -> ComplexState:
    if count is None:
        return new
    return jax.tree.map(lambda here, there: jnp.where(count, here, there), new, old)


def _parts(values: Array) -> ComplexState:
    return ComplexState(values.real, values.imag)


def powers(turn: ComplexState, count: int) -> ComplexState:
    """turn to the powers 0 … count - 1, on a new last axis.

    By products of earlier ones: sines of large angles are slow, and lose digits.
    """
    one = ComplexState(jnp.ones_like(turn.real), jnp.zeros_like(turn.imaginary))
    every, step = _last(one), turn
    length = 1
    while length < count:
        further = times(every, _last(step))
        every = jax.tree.map(lambda *both: jnp.concatenate(both, axis=-1), every, further)
        step, length = times(step, step), 2 * length
    return jax.tree.map(lambda each: each[..., :count], every)


def _last(state: ComplexState) -> ComplexState:
    return jax.tree.map(lambda each: each[..., None], state)
