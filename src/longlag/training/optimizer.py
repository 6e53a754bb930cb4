"""Optimisers of optax, and the learning rate of each update."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import optax

from longlag.arrays import LARGEST_SINGLE
from longlag.training.recipe import Recipe

# Keras's epsilon, for comparison with the figures of the sources; optax adds it after the
# bias correction, Keras before, which moves losses by less than 1e-4 in 200 updates.
EPSILON = 1e-7

OPTIMIZERS = {
    "adam": functools.partial(optax.adam, eps=EPSILON),
    "adamw": functools.partial(optax.adamw, eps=EPSILON),
    "sgd": optax.sgd,
}


class Optimizer(NamedTuple):
    """What of an optimiser is fixed when a program is compiled: all but the learning rate."""

    name: str
    weight_decay: float | None = None
    clip_norm: float | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> Optimizer:
        """The optimiser of a recipe."""
        decay = recipe.decay if recipe.optimizer == "adamw" else None
        knobs = (each and min(each, LARGEST_SINGLE) for each in (decay, recipe.clip_norm))
        return cls(recipe.optimizer, *knobs)

    def at(self, learning_rate: Any) -> optax.GradientTransformation:
        """The optimiser at a learning rate, which may be traced."""
        knobs = {} if self.weight_decay is None else {"weight_decay": self.weight_decay}
        optimizer = OPTIMIZERS[self.name](learning_rate, **knobs)
        if self.clip_norm is None:
            return optimizer
        return optax.chain(optax.clip_by_global_norm(self.clip_norm), optimizer)

    def initial_state(self, weights: Any) -> Any:
        """The state before the first update: zeros.

        They are made without JAX, which would compile a program for each new shape.
        """
        weights = eqx.filter(weights, eqx.is_inexact_array)
        shapes = jax.eval_shape(self.at(0.0).init, weights)
        return jax.tree.map(lambda each: np.zeros(each.shape, each.dtype), shapes)


def learning_rates(recipe: Recipe, updates: int) -> np.ndarray | None:
    """The learning rate of each update `(update,)`; None where it is the same for all.

    >>> recipe = Recipe(learning_rate=1.0, schedule="cosine", warmup=0.5)
    >>> learning_rates(recipe, 8).astype(float).round(2).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0, 0.85, 0.5, 0.15]
    """
    rate, rise = recipe.learning_rate, round(recipe.warmup * updates)
    if recipe.schedule == "constant" and not rise:
        return None
    after = optax.constant_schedule(rate)
    if recipe.schedule == "cosine":
        after = optax.cosine_decay_schedule(rate, updates - rise)
    rising = optax.linear_schedule(0.0, rate, rise)
    schedule = optax.join_schedules([rising, after], [rise])
    return np.broadcast_to(schedule(np.arange(updates)), updates).astype(np.float32)
