"""The selective scan: many states per channel, linear, with a decay that the input sets."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from longlag.models.scans import linear_scan

# Of the lengths that were measured on a CPU, 8 and 16 were fastest; longer pieces leave the cache.
_PIECE = 16


class Parts(NamedTuple):
    """What the input sets at each step.

    Attributes:
        delta: The step size Δ, at least 0; a step of size 0 leaves every state as it was.
        added: Δ x, what a channel adds to its states.
        write: B, how much of it each state takes; the same for all channels.
        read: C, how much of each state is read; the same for all channels.
    """

    delta: Float[Array, "time *batch channel"]
    added: Float[Array, "time *batch channel"]
    write: Float[Array, "time *batch state"]
    read: Float[Array, "time *batch state"]


def selective_scan(
    parts: Parts,
    rate: Float[Array, "state channel"],
    start: Float[Array, "*batch state channel"],
    *,
    signed: bool = False,
) -> tuple[Float[Array, "time *batch channel"], Float[Array, "*batch state channel"]]:
    """Run h' = a h + B Δ x and y = C h over the first axis.

    The decay a is exp(Δ A), or 2 exp(Δ A) - 1 with `signed`. On a CPU one step goes after
    another, and the way back computes the states of a few steps again from the one before them,
    so that states of all steps are never in memory at once. Elsewhere all steps are computed at
    once, as an associative scan.

    Args:
        parts: What the input sets at each step.
        rate: A, below 0.
        start: The states before the first step.
        signed: Whether the decay is between -1 and 1 rather than between 0 and 1.

    Returns:
        What is read from each channel at each step, and the states after the last step.

    Source: Gu and Dao (2023), Mamba; its plain form, with B Δ x as in its code. `signed`: Grazzi
    et al. (2025).

    >>> step = jnp.ones((3, 1))
    >>> read, _ = selective_scan(
    ...     Parts(step, step, step, step), jnp.log(jnp.array([[0.5]])), jnp.zeros((1, 1))
    ... )
    >>> print(read[:, 0])
    [1.   1.5  1.75]
    """
    return _scan(signed, parts, rate, start)


Result = tuple[Array, Array]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _scan(signed: bool, parts: Parts, rate: Array, start: Array) -> Result:
    return jax.lax.platform_dependent(
        cpu=functools.partial(one_by_one, signed, parts, rate, start),
        default=functools.partial(all_at_once, signed, parts, rate, start),
    )


def _forward(signed: bool, parts: Parts, rate: Array, start: Array) -> tuple[Result, tuple]:
    def together() -> tuple[Result, Array]:
        befores = jnp.zeros((_pieces(len(parts.delta))[0], *start.shape), start.dtype)
        return all_at_once(signed, parts, rate, start), befores  # which nobody reads

    result, befores = jax.lax.platform_dependent(
        cpu=functools.partial(in_pieces, signed, parts, rate, start), default=together
    )
    return result, (parts, rate, start, befores)


def _backward(
    signed: bool, residuals: tuple[Parts, Array, Array, Array], by_result: Result
) -> tuple[Parts, Array, Array]:
    parts, rate, start, befores = residuals

    def together() -> tuple[Parts, Array, Array]:
        run = functools.partial(all_at_once, signed)
        return jax.vjp(run, parts, rate, start)[1](by_result)

    return jax.lax.platform_dependent(
        cpu=functools.partial(back_in_pieces, signed, parts, rate, befores, by_result),
        default=together,
    )


_scan.defvjp(_forward, _backward)


def all_at_once(signed: bool, parts: Parts, rate: Array, start: Array) -> Result:
    """`selective_scan` with the states of all steps in memory."""
    states = linear_scan(_decay(signed, parts.delta, rate), _outer(parts.write, parts.added), start)
    return _read(states, parts.read), states[-1]


def one_by_one(signed: bool, parts: Parts, rate: Array, start: Array) -> Result:
    """`selective_scan`, one step after another."""

    def step(state: Array, each: Parts) -> tuple[Array, Array]:
        state = _next(signed, rate, state, each)
        return state, _read(state, each.read)

    after, read = jax.lax.scan(step, start, parts)
    return read, after


def in_pieces(signed: bool, parts: Parts, rate: Array, start: Array) -> tuple[Result, Array]:
    """`one_by_one`, and the states before each piece of its steps."""

    def piece(state: Array, each: Parts) -> tuple[Array, tuple[Array, Array]]:
        read, after = one_by_one(signed, each, rate, state)
        return after, (read, state)

    time = len(parts.delta)
    after, (read, befores) = jax.lax.scan(piece, start, jax.tree.map(_cut, parts))
    return (_joined(read, time), after), befores


def back_in_pieces(
    signed: bool, parts: Parts, rate: Array, befores: Array, by_result: Result
) -> tuple[Parts, Array, Array]:
    """The gradients by parts, rate and start from those by the result."""
    by_reads, by_after = by_result

    def step(carry: Result, each: tuple[Parts, Array, Array]) -> tuple[Result, Parts]:
        by_state, by_rate = carry
        part, before, by_read = each
        decay = _decay(signed, part.delta, rate)
        kept = decay * before
        by_state = by_state + _outer(part.read, by_read)
        state = kept + _outer(part.write, part.added)
        # Of signed decay d = 2 e - 1 the slope by the exponent is 2 e = d + 1.
        by_exponent = by_state * (kept + before if signed else kept)
        by_part = Parts(
            delta=_times(by_exponent, rate).sum(axis=-2),
            added=_read(by_state, part.write),
            write=_over_channels(by_state, part.added),
            read=_over_channels(state, by_read),
        )
        return (by_state * decay, by_rate + by_exponent * part.delta[..., None, :]), by_part

    def piece(carry: Result, each: tuple[Parts, Array, Array]) -> tuple[Result, Parts]:
        part, first, by_read = each

        def before(state: Array, each: Parts) -> tuple[Array, Array]:
            return _next(signed, rate, state, each), state

        states = jax.lax.scan(before, first, part)[1]
        return jax.lax.scan(step, carry, (part, states, by_read), reverse=True)

    steps = jax.tree.map(_cut, parts), befores, _cut(by_reads)
    carry = by_after, jnp.zeros_like(by_after)
    (by_start, by_rate), by_parts = jax.lax.scan(piece, carry, steps, reverse=True)
    batch = tuple(range(by_rate.ndim - rate.ndim))
    by_parts = jax.tree.map(lambda each: _joined(each, len(by_reads)), by_parts)
    return by_parts, by_rate.sum(axis=batch), by_start


def _pieces(time: int) -> tuple[int, int]:
    """The number of pieces, and the steps of each."""
    pieces = max(1, -(-time // _PIECE))
    return pieces, -(-time // pieces)


def _cut(steps: Array) -> Array:
    """Steps in pieces of equal length; those added at the end are of size 0 and change nothing."""
    pieces, length = _pieces(len(steps))
    padding = [(0, pieces * length - len(steps))] + [(0, 0)] * (steps.ndim - 1)
    return jnp.pad(steps, padding).reshape(pieces, length, *steps.shape[1:])


def _joined(pieces: Array, time: int) -> Array:
    return pieces.reshape(-1, *pieces.shape[2:])[:time]


def _next(signed: bool, rate: Array, state: Array, each: Parts) -> Array:
    return _decay(signed, each.delta, rate) * state + _outer(each.write, each.added)


def _decay(signed: bool, delta: Array, rate: Array) -> Array:
    kept = jnp.exp(_times(delta[..., None, :], rate))
    return 2 * kept - 1 if signed else kept


def _times(states: Array, rate: Array) -> Array:
    return states * rate.reshape((1,) * (states.ndim - rate.ndim) + rate.shape)


def _outer(of_state: Array, of_channel: Array) -> Array:
    return of_state[..., :, None] * of_channel[..., None, :]


def _read(states: Array, by: Array) -> Array:
    return jnp.einsum("...nd,...n->...d", states, by)


def _over_channels(states: Array, by: Array) -> Array:
    return jnp.einsum("...nd,...d->...n", states, by)
