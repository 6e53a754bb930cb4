"""Gated linear units, which stand after the recurrence in the blocks of LRU and S4D."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.models._base import on_device, shift
from longlag.models.initial import truncated_normal, uniform


class GLU(eqx.Module):
    """The product of a dense layer and the sigmoid of another: 2 (D + 1) H weights.

    Source: Dauphin et al. (2017).
    """

    weight: Float[Array, "feature both"]
    bias: Float[Array, " both"]

    @classmethod
    def create_normal(cls, features: int, outputs: int, rng: np.random.Generator) -> GLU:
        """Truncated normal of variance 1/D and no bias, as Haiku and Flax begin a dense layer."""
        weight = truncated_normal(rng, (features, 2 * outputs), features**-0.5)
        return cls(weight, on_device(np.zeros(2 * outputs)))

    @classmethod
    def create_uniform(cls, features: int, outputs: int, rng: np.random.Generator) -> GLU:
        """Weights and biases uniform in ±1/√D, as PyTorch begins a dense layer."""
        weight = uniform(rng, (features, 2 * outputs), features)
        return cls(weight, uniform(rng, (2 * outputs,), features))

    @property
    def outputs(self) -> int:
        return len(self.bias) // 2

    def __call__(self, inputs: Float[Array, "*axes feature"]) -> Float[Array, "*axes output"]:
        value, gate = jnp.split(shift(inputs @ self.weight, self.bias), 2, axis=-1)
        return value * jax.nn.sigmoid(gate)
