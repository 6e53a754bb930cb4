"""Integers with a mark for missing steps, as features of any model."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from longlag.arrays import Last
from longlag.models._base import Inputs, Mask, Model, State, TrainOutput


class OneHotInput(Model):
    """A model whose integer inputs may be -1: one-hot encoded first, -1 as a vector of -1."""

    model: Model
    features: int = eqx.field(static=True)

    @property
    def state_size(self) -> int | None:
        return self.model.state_size

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        return self.model.initial_state(batch)

    def __call__(
        self, inputs: Int[Array, "*batch time"], mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        return self.model(self.encoded(inputs), mask, state, last=last)

    def apply_train(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> TrainOutput:
        return self.model.apply_train(self.encoded(inputs), mask, state, last=last)

    def encoded(self, inputs: Array) -> Array:
        """The features that the model reads."""
        weights = [each for each in jax.tree.leaves(self.model) if eqx.is_inexact_array(each)]
        kind = jnp.finfo(jnp.result_type(jnp.bfloat16, *weights)).dtype  # real, also of complex
        return jnp.where(
            inputs[..., None] < 0, -1.0, jax.nn.one_hot(inputs, self.features, dtype=kind)
        )
