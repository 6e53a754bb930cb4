"""Losses: how far outputs are from targets, and what the outputs say.

The names are those that `longlag.encodings` give as fitting their targets.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

Loss = Callable[
    [Float[Array, "*axes output"], Int[Array, "*axes"], int],
    tuple[Float[Array, "*axes"], Int[Array, "*axes"]],
]


def cross_entropy(
    outputs: Float[Array, "*axes output"], targets: Int[Array, "*axes"], _values: int
) -> tuple[Float[Array, "*axes"], Int[Array, "*axes"]]:
    """Log loss in nats of each target, and the most probable value."""
    losses = optax.softmax_cross_entropy_with_integer_labels(outputs, targets)
    return losses, jnp.argmax(outputs, axis=-1)


def squared_error(
    outputs: Float[Array, "*axes output"], targets: Int[Array, "*axes"], values: int
) -> tuple[Float[Array, "*axes"], Int[Array, "*axes"]]:
    """Squared distance to the target scaled into [0, 1], and the nearest value."""
    real = outputs[..., 0]
    nearest = jnp.rint(real * (values - 1)).clip(0, values - 1)
    return (real - targets / (values - 1)) ** 2, nearest.astype(jnp.int32)


LOSSES: dict[str, Loss] = {"cross-entropy": cross_entropy, "squared-error": squared_error}
