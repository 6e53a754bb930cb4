"""Losses: the loss of outputs, the values that they predict, and whether these are correct."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Num

from longlag.arrays import near, scored


class Loss(NamedTuple):
    """A loss function, and how outputs become predictions.

    Attributes:
        name: `cross-entropy` on integer targets, log loss in nats, the most probable value
            is predicted; `squared-error` on reals, or on integers scaled into [0, 1], where the
            nearest value is predicted; `binary-cross-entropy` on sets, vectors of zeros and ones,
            the mean over members, where those with outputs above 0 are predicted.
        values: For `squared-error`: the number of different integers, None for reals.
        tolerance: For reals: the distance from the target within which a prediction is correct.
        size: Numbers in one target, on an axis of their own; None for a single number.

    >>> loss = Loss("squared-error", values=5)
    >>> losses, predicted = loss(jnp.array([[0.3], [0.9]]), jnp.array([1, 3]))
    >>> predicted.tolist(), loss.is_correct(predicted, jnp.array([1, 3])).tolist()
    ([1, 4], [True, False])
    """

    name: Literal["cross-entropy", "squared-error", "binary-cross-entropy"] = "cross-entropy"
    values: int | None = None
    tolerance: float = 0.0
    size: int | None = None

    def __call__(
        self, outputs: Float[Array, "*axes output"], targets: Num[Array, "..."]
    ) -> tuple[Float[Array, "*axes"], Num[Array, "..."]]:
        """The loss of each target, and the value that each output predicts."""
        if self.name == "cross-entropy":
            losses = optax.softmax_cross_entropy_with_integer_labels(outputs, targets)
        elif self.name == "binary-cross-entropy":
            members = targets.astype(outputs.dtype)
            losses = optax.sigmoid_binary_cross_entropy(outputs, members).mean(axis=-1)
        elif self.size is None:
            losses = (outputs[..., 0] - self.decoder_targets(targets)[..., 0]) ** 2
        else:
            losses = ((outputs - targets) ** 2).mean(axis=-1)
        return losses, self.decode(outputs)

    def decode(self, outputs: Float[Array, "*axes output"]) -> Num[Array, "..."]:
        """The value that each output predicts."""
        if self.name == "cross-entropy":
            return jnp.argmax(outputs, axis=-1)
        if self.name == "binary-cross-entropy":
            return (outputs > 0).astype(jnp.int32)
        if self.values is None:
            return outputs[..., 0] if self.size is None else outputs
        top = self.values - 1
        return jnp.rint(outputs[..., 0] * top).clip(0, top).astype(jnp.int32)

    def is_correct(
        self, predictions: Num[Array, "..."], targets: Num[Array, "..."]
    ) -> Bool[Array, "*axes"]:
        """Whether each prediction is correct."""
        if self.name == "squared-error" and self.values is None:
            right = near(predictions, targets, self.tolerance)
        else:
            right = predictions == targets
        return right if self.size is None else right.all(axis=-1)

    def decoder_targets(self, targets: Num[Array, "..."]) -> Num[Array, "..."]:
        """Targets as inputs of a decoder: integers, or reals with a feature axis."""
        if self.name == "cross-entropy":
            return targets
        if self.size is not None:
            return targets.astype(jnp.float32)
        return (targets if self.values is None else targets / (self.values - 1))[..., None]

    def decoder_feedback(self, outputs: Float[Array, "*axes output"]) -> Num[Array, "..."]:
        """Outputs as inputs of a decoder: its predictions, in the form of `decoder_targets`."""
        return self.decoder_targets(self.decode(outputs))

    def scored(self, targets: Any) -> Any:
        """Where a target counts (`longlag.arrays.scored`), one flag per target."""
        return scored(targets if self.size is None else targets[..., 0])


class Losses(NamedTuple):
    """The losses of several targets per step, concatenated; their sum is minimised.

    A step is correct where each of its targets is.

    Attributes:
        parts: The loss of each target.
        widths: Number of outputs for each.
    """

    parts: tuple[Loss, ...]
    widths: tuple[int, ...]

    def __call__(
        self, outputs: Float[Array, "*axes output"], targets: Num[Array, "*axes column"]
    ) -> tuple[Float[Array, "*axes"], Num[Array, "*axes column"]]:
        """The loss of each step, and the values that its outputs predict."""
        each = zip(self.parts, self._outputs(outputs), self._columns(targets), strict=True)
        losses = jnp.stack([part(some, column)[0] for part, some, column in each])
        return losses.sum(axis=0), self.decode(outputs)

    def decode(self, outputs: Float[Array, "*axes output"]) -> Num[Array, "*axes column"]:
        """The values that each output predicts."""
        each = zip(self.parts, self._outputs(outputs), strict=True)
        return self._concatenate([part.decode(some) for part, some in each])

    def is_correct(
        self, predictions: Num[Array, "*axes column"], targets: Num[Array, "*axes column"]
    ) -> Bool[Array, "*axes"]:
        """Whether all predictions of a step are correct."""
        each = zip(self.parts, self._columns(predictions), self._columns(targets), strict=True)
        return jnp.stack([part.is_correct(some, column) for part, some, column in each]).all(axis=0)

    def decoder_targets(self, targets: Num[Array, "*axes column"]) -> Float[Array, "*axes output"]:
        """Targets as inputs of a decoder: the features of all of them, concatenated."""
        columns = []
        each = zip(self.parts, self.widths, self._columns(targets), strict=True)
        for part, width, column in each:
            values = part.decoder_targets(column)
            one_hot = part.name == "cross-entropy"
            columns.append(jax.nn.one_hot(values, width) if one_hot else values)
        return jnp.concatenate(columns, axis=-1)

    def decoder_feedback(
        self, outputs: Float[Array, "*axes output"]
    ) -> Float[Array, "*axes output"]:
        """Outputs as inputs of a decoder: its predictions, in the form of `decoder_targets`."""
        return self.decoder_targets(self.decode(outputs))

    def scored(self, targets: Any) -> Any:
        """Where a step counts, one flag per step."""
        return scored(targets[..., 0])

    @property
    def size(self) -> int:
        """Number of columns of the targets."""
        return sum(part.size or 1 for part in self.parts)

    def _outputs(self, outputs: Array) -> list[Array]:
        return jnp.split(outputs, _split_points(self.widths), axis=-1)

    def _columns(self, targets: Array) -> list[Array]:
        columns = jnp.split(
            targets, _split_points([part.size or 1 for part in self.parts]), axis=-1
        )
        return [
            self._column_values(part, column if part.size is not None else column[..., 0])
            for part, column in zip(self.parts, columns, strict=True)
        ]

    @staticmethod
    def _column_values(part: Loss, column: Array) -> Array:
        """A column of the targets, as integers where the loss needs them."""
        return column.astype(jnp.int32) if part.name != "squared-error" else column

    def _concatenate(self, values: list[Array]) -> Array:
        columns = zip(self.parts, values, strict=True)
        wide = [value if part.size is not None else value[..., None] for part, value in columns]
        integers = all(jnp.issubdtype(column.dtype, jnp.integer) for column in wide)
        return jnp.concatenate([c if integers else c.astype(jnp.float32) for c in wide], axis=-1)


AnyLoss = Loss | Losses


def _split_points(widths: Any) -> list[int]:
    """Where to split an axis into parts of these widths."""
    return [sum(widths[:index]) for index in range(1, len(widths))]
