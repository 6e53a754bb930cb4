"""Gated linear units, which stand after the recurrence in the blocks of LRU and S4D."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import ndtr, ndtri

from longlag.models._base import on_device, shift


class GLU(eqx.Module):
    """The product of a dense layer and the sigmoid of another: 2 (D + 1) H weights.

    Source: Dauphin et al. (2017).
    """

    weight: Float[Array, "feature both"]
    bias: Float[Array, " both"]

    @classmethod
    def create_normal(cls, features: int, outputs: int, rng: np.random.Generator) -> GLU:
        """Truncated normal of variance 1/D and no bias, as Haiku and Flax begin a dense layer."""
        drawn = truncated_normal(rng, (features, 2 * outputs)) / features**0.5
        return cls(on_device(drawn), on_device(np.zeros(2 * outputs)))

    @classmethod
    def create_uniform(cls, features: int, outputs: int, rng: np.random.Generator) -> GLU:
        """Weights and biases uniform in ±1/√D, as PyTorch begins a dense layer."""
        limit = features**-0.5
        weight = on_device(rng.uniform(-limit, limit, (features, 2 * outputs)))
        return cls(weight, on_device(rng.uniform(-limit, limit, 2 * outputs)))

    @property
    def outputs(self) -> int:
        return len(self.bias) // 2

    def __call__(self, inputs: Float[Array, "*axes feature"]) -> Float[Array, "*axes output"]:
        value, gate = jnp.split(shift(inputs @ self.weight, self.bias), 2, axis=-1)
        return value * jax.nn.sigmoid(gate)


def truncated_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal draws without those past two standard deviations, scaled to variance 1."""
    low, high = ndtr(-2.0), ndtr(2.0)
    tail = 2 * 2 * np.exp(-2.0) / np.sqrt(2 * np.pi)  # what the cut takes from the variance
    return ndtri(rng.uniform(low, high, shape)) / np.sqrt(1 - tail / (high - low))
