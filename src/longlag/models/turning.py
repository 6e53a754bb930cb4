"""Complex numbers as two real arrays, and their products."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

T = TypeVar("T")


class ComplexState(NamedTuple):
    """Complex numbers as two real arrays; the state of layers of complex states."""

    real: Float[Array, "..."]
    imaginary: Float[Array, "..."]


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
