"""Initial weights as published, of layers that do not begin as Keras's do."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Array
from scipy.special import ndtr, ndtri

from longlag.models._base import check_weights, on_device


def uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> Array:
    """Uniform in ±1/√fan_in, as PyTorch initialises dense layers and convolutions."""
    check_weights(shape[0], math.prod(shape[1:]))
    return on_device(rng.uniform(-(fan_in**-0.5), fan_in**-0.5, shape))


def normal(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> Array:
    """Normal with this standard deviation."""
    check_weights(shape[0], math.prod(shape[1:]))
    return on_device(rng.standard_normal(shape) * deviation)


def small_normal(rng: np.random.Generator, shape: tuple[int, ...], width: int) -> Array:
    """Normal with standard deviation √(2 / (5 width)). Source: Nguyen and Salazar (2019)."""
    return normal(rng, shape, math.sqrt(2 / (5 * width)))


def truncated_normal(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> Array:
    """Normal draws without those past two deviations, scaled to this standard deviation."""
    check_weights(shape[0], math.prod(shape[1:]))
    low, high = ndtr(-2.0), ndtr(2.0)
    tail = 2 * 2 * np.exp(-2.0) / np.sqrt(2 * np.pi)  # what the cut takes from the variance
    drawn = ndtri(rng.uniform(low, high, shape)) / np.sqrt(1 - tail / (high - low))
    return on_device(drawn * deviation)


def step_bias(rng: np.random.Generator, count: int) -> Array:
    """Biases whose softplus, the size of a step, is log-uniform in 0.001 … 0.1, as of Mamba."""
    steps = np.exp(rng.uniform(math.log(1e-3), math.log(1e-1), count))
    return on_device(steps + np.log(-np.expm1(-steps)))
