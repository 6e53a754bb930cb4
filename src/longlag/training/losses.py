"""Losses: how far outputs are from targets, what the outputs say, and whether that is right."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Num

UNSCORED = -1
"""Stands in integer targets where nothing is scored; in real ones NaN does."""


class Loss(NamedTuple):
    """What is minimised, and how outputs are read.

    Attributes:
        name: `cross-entropy` on integer targets, log loss in nats, the most probable value
            is said; `squared-error` on reals, or on integers scaled into [0, 1], where the
            nearest value is said.
        values: For `squared-error`: the number of different integers, None for reals.
        tolerance: For reals: the distance from the target within which the output is right.

    >>> loss = Loss("squared-error", values=5)
    >>> losses, said = loss(jnp.array([[0.3], [0.9]]), jnp.array([1, 3]))
    >>> said.tolist(), loss.right(said, jnp.array([1, 3])).tolist()
    ([1, 4], [True, False])
    """

    name: Literal["cross-entropy", "squared-error"] = "cross-entropy"
    values: int | None = None
    tolerance: float = 0.0

    def __call__(
        self, outputs: Float[Array, "*axes output"], targets: Num[Array, "*axes"]
    ) -> tuple[Float[Array, "*axes"], Num[Array, "*axes"]]:
        """The loss of each target, and the value that each output says."""
        if self.name == "cross-entropy":
            losses = optax.softmax_cross_entropy_with_integer_labels(outputs, targets)
        else:
            losses = (outputs[..., 0] - self.told(targets)[..., 0]) ** 2
        return losses, self.said(outputs)

    def said(self, outputs: Float[Array, "*axes output"]) -> Num[Array, "*axes"]:
        """The value that each output says."""
        if self.name == "cross-entropy":
            return jnp.argmax(outputs, axis=-1)
        if self.values is None:
            return outputs[..., 0]
        top = self.values - 1
        return jnp.rint(outputs[..., 0] * top).clip(0, top).astype(jnp.int32)

    def right(
        self, said: Num[Array, "*axes"], targets: Num[Array, "*axes"]
    ) -> Bool[Array, "*axes"]:
        """Whether what was said is right."""
        if self.name == "squared-error" and self.values is None:
            return jnp.abs(said - targets) <= self.tolerance
        return said == targets

    def told(self, targets: Num[Array, "*axes"]) -> Num[Array, "..."]:
        """Targets as a decoder is told them: integers, or reals with a feature axis."""
        if self.name == "cross-entropy":
            return targets
        return (targets if self.values is None else targets / (self.values - 1))[..., None]

    def fed_back(self, outputs: Float[Array, "*axes output"]) -> Num[Array, "..."]:
        """Outputs as a decoder hears them again: what was said, as it would be told it."""
        return self.told(self.said(outputs))


def scored(targets: Any) -> Any:
    """Where a target counts, for an array of JAX or of NumPy, as one of its kind."""
    if jnp.issubdtype(targets.dtype, jnp.integer):
        return targets != UNSCORED
    return targets == targets  # NaN is not
