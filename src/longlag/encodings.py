"""Encodings: how a value becomes features, and back.

A step that lacks data (marked by a framing with -1) becomes a vector of -1.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from longlag.knobs import Knobs, knob

MISSING = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoding(Knobs):
    """Base of the encodings of integers in [0, values)."""

    loss: ClassVar[str]
    """The loss that fits the encoded target: `cross-entropy` or `squared-error`."""

    as_integers: ClassVar[bool]
    """Whether models take the integers themselves as standing for the encoded vectors."""

    values: int = knob(100, "Number of different integers.", at_least=2, at_most=2**31 - 1)

    @property
    @abc.abstractmethod
    def features(self) -> int:
        """Length of the vector that stands for one value."""

    @abc.abstractmethod
    def encode(self, values: Int[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape feature"]:
        """Values to features, in float32; -1 becomes a vector of -1."""

    def check(self, values: Int[np.ndarray, "*shape"]) -> None:
        """Refuse values that have no encoding."""
        if values.size and not MISSING <= values.min() <= values.max() < self.values:
            raise ValueError(
                f"{type(self).__name__}: values must be from 0 to {self.values - 1}, or -1 for "
                f"none, got {values.min()} to {values.max()}. Use values={values.max() + 1}."
            )

    @abc.abstractmethod
    def decode(self, features: Float[np.ndarray, "*shape feature"]) -> Int[np.ndarray, "*shape"]:
        """Features, or a model's outputs, to the values they stand for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneHot(Encoding):
    """A vector of `values` zeros with a one at the value; decoded by the largest entry.

    Scored as classification: right or wrong, however near.

    >>> OneHot(values=4).encode(np.array([2, -1])).tolist()
    [[0.0, 0.0, 1.0, 0.0], [-1.0, -1.0, -1.0, -1.0]]
    >>> OneHot(values=4).decode(OneHot(values=4).encode(np.array([2, -1]))).tolist()
    [2, -1]
    """

    loss: ClassVar[str] = "cross-entropy"
    as_integers: ClassVar[bool] = True

    @property
    def features(self) -> int:
        return self.values

    def encode(self, values: Int[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape feature"]:
        self.check(values)
        encoded = (values[..., None] == np.arange(self.values)).astype(np.float32)
        encoded[values == MISSING] = MISSING
        return encoded

    def decode(self, features: Float[np.ndarray, "*shape feature"]) -> Int[np.ndarray, "*shape"]:
        missing = (features == MISSING).all(axis=-1)
        return np.where(missing, MISSING, features.argmax(axis=-1)).astype(np.int32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scaled(Encoding):
    """The value divided by the largest one, a real in [0, 1]; decoded to the nearest value.

    Fitted as regression, so a near miss costs little; the score still asks for the exact value.

    >>> Scaled(values=5).encode(np.array([0, 1, 4, -1])).ravel().tolist()
    [0.0, 0.25, 1.0, -1.0]
    >>> Scaled(values=5).decode(np.array([[0.3], [7.0], [-1.0]], np.float32)).tolist()
    [1, 4, -1]
    """

    loss: ClassVar[str] = "squared-error"
    as_integers: ClassVar[bool] = False

    @property
    def features(self) -> int:
        return 1

    def encode(self, values: Int[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape feature"]:
        self.check(values)
        scaled = values / np.float32(self.values - 1)
        return np.where(values == MISSING, MISSING, scaled).astype(np.float32)[..., None]

    def decode(self, features: Float[np.ndarray, "*shape feature"]) -> Int[np.ndarray, "*shape"]:
        real = features[..., 0]
        nearest = np.rint(real * (self.values - 1)).clip(0, self.values - 1)
        return np.where(real == MISSING, MISSING, nearest).astype(np.int32)


ENCODINGS: dict[str, type[Encoding]] = {kind.title(): kind for kind in [OneHot, Scaled]}
