"""Parts of layers whose features are split into heads, each with a memory of its own."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.models._base import on_device, scale

_EPSILON = 1e-5


def check_heads(owner: str, heads: int, width: int, what: str, least: int = 1) -> None:
    """Refuse heads of unequal size, or too small ones, with the nearest number that will do.

    Args:
        owner: The class whose knob it is.
        heads: Number of heads.
        width: Number of features that they share.
        what: What these features are, as it is named to the caller.
        least: Features that each of several heads has at least; 2 where they are normed by head,
            since the norm of a single feature is 0.

    Raises:
        ValueError: The heads do not divide the features, or into fewer each.

    >>> check_heads("DeltaNet", 3, 8, "hidden_size")
    Traceback (most recent call last):
    ValueError: DeltaNet: `heads` must divide hidden_size (8), got 3. Use heads=2.
    >>> check_heads("SLSTM", 3, 8, "hidden_size", least=2)
    Traceback (most recent call last):
    ValueError: SLSTM: `heads` must divide hidden_size (8) into 2 or more each, got 3. Use heads=2.
    """
    if heads > 1 and (width % heads or width < least * heads):
        fewer = range(2, min(heads, width // least) + 1)
        nearest = max((each for each in fewer if width % each == 0), default=1)
        rule = f"divide {what} ({width})" + (f" into {least} or more each" if least > 1 else "")
        raise ValueError(f"{owner}: `heads` must {rule}, got {heads}. Use heads={nearest}.")


def in_blocks(
    inputs: Float[Array, "*axes feature"], weight: Float[Array, "block feature_in feature_out"]
) -> Float[Array, "*axes feature"]:
    """Features split into blocks, each times a matrix of its own."""
    split = inputs.reshape(*inputs.shape[:-1], len(weight), -1)
    return jnp.einsum("...bi,bio->...bo", split, weight).reshape(*inputs.shape[:-1], -1)


class HeadNorm(eqx.Module):
    """The features of each head less their mean, over their deviation, times a learned scale.

    The scale of each feature is at first 1; there is no bias. Source: Ba et al. (2016); by head
    Wu and He (2018).
    """

    scale: Float[Array, " feature"]
    heads: int = eqx.field(static=True)

    @classmethod
    def create(cls, features: int, heads: int) -> HeadNorm:
        return cls(on_device(np.ones(features)), heads)

    def __call__(self, inputs: Float[Array, "*axes feature"]) -> Float[Array, "*axes feature"]:
        split = inputs.reshape(*inputs.shape[:-1], self.heads, -1)
        split = split - split.mean(axis=-1, keepdims=True)
        square = jnp.mean(split**2, axis=-1, keepdims=True)
        return scale((split * jax.lax.rsqrt(square + _EPSILON)).reshape(inputs.shape), self.scale)
