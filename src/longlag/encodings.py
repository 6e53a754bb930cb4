"""Encodings: how a value becomes features, and back.

A step that lacks data (-1 in the samples of a framing) becomes a vector of -1. The inputs of a
problem with an answer have blank steps, which have their own feature.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Num
from numpy.typing import ArrayLike

from longlag.arguments import short_repr
from longlag.arrays import MISSING, unmasked
from longlag.knobs import Knobs, knob
from longlag.problems import Channels, Integers, Problem, Reals, Sets, Spec

LossName = Literal["cross-entropy", "squared-error", "binary-cross-entropy"]
"""The losses that fit encoded targets."""


_MOST = 2**24  # integers that single precision distinguishes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoding(Knobs):
    """Base of all encodings."""

    loss: ClassVar[LossName]
    """The loss that fits the encoded target."""

    as_integers: ClassVar[bool] = False
    """Whether models take the integers themselves in place of the encoded vectors."""

    @property
    @abc.abstractmethod
    def features(self) -> int:
        """Length of the vector of one value."""

    @abc.abstractmethod
    def encode(self, values: ArrayLike) -> Float[np.ndarray, "*shape feature"]:
        """Features of values, in float32; -1 becomes a vector of -1.

        Raises:
            TypeError: They are no numbers.
            ValueError: They have a mask, or one of them has no encoding.
        """

    @abc.abstractmethod
    def decode(self, features: ArrayLike) -> Num[np.ndarray, "*shape"]:
        """Values of features, or of a model's outputs.

        Raises:
            TypeError: They are no numbers.
            ValueError: They have a mask, or another width.
        """

    def _numbers(self, values: ArrayLike, width: int | None = None) -> np.ndarray:
        """Values, or features of a width, as an array."""
        owner = f"{type(self).__name__}: {'values' if width is None else 'features'}"
        array = unmasked(f"{owner} are", values)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{owner} must be numbers, got {short_repr(values)}.")
        if width is not None and array.shape[-1:] != (width,):
            raise ValueError(f"{owner} must be {width} wide, got shape {array.shape}.")
        return array


@dataclasses.dataclass(frozen=True, kw_only=True)
class IntegerEncoding(Encoding):
    """Base of the encodings of integers in [0, values).

    Args:
        values: Number of different integers.
        blank: Whether a step may be blank, encoded as the integer `values`, with one more
            feature.
    """

    values: int = knob(100, "Number of different integers.", at_least=2, at_most=2**31 - 2)
    blank: bool = knob(False, "Whether a step may be blank.")

    def check(self, values: ArrayLike) -> np.ndarray:
        """Values as an array of integers.

        Raises:
            TypeError: They are no numbers.
            ValueError: They have a mask, or one of them has no encoding.
        """
        array, owner = self._numbers(values), type(self).__name__
        if len(parts := array[~np.isfinite(array) | (array != np.rint(array))]):
            raise ValueError(f"{owner}: values must be whole numbers, got {parts[0]}.")
        top = self.values - 1 + self.blank
        if array.size and not MISSING <= array.min() <= array.max() <= top:
            least, most = array.min(), array.max()
            more = least >= MISSING and most < _MOST
            raise ValueError(
                f"{owner}: values must be from 0 to {top}, or -1 for none, got {least:.15g} to "
                f"{most:.15g}.{f' Use values={int(most) + 1}.' if more else ''}"
            )
        return array if array.dtype.kind == "i" else array.astype(np.int32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneHot(IntegerEncoding):
    """A vector of `values` zeros with a one at the value; decoded by the largest entry.

    Scored as classification: right or wrong, however near.

    Args:
        values: Number of different integers.
        blank: Whether a step may be blank, encoded as the integer `values`, with one more
            feature.

    >>> OneHot(values=4).encode(np.array([2, -1])).tolist()
    [[0.0, 0.0, 1.0, 0.0], [-1.0, -1.0, -1.0, -1.0]]
    >>> OneHot(values=4).decode(OneHot(values=4).encode(np.array([2, 0]))).tolist()
    [2, 0]
    """

    loss: ClassVar[LossName] = "cross-entropy"
    as_integers: ClassVar[bool] = True

    values: int = knob(100, "Number of different integers.", at_least=2, at_most=2**20)

    @property
    def features(self) -> int:
        return self.values + self.blank

    def encode(self, values: ArrayLike) -> Float[np.ndarray, "*shape feature"]:
        values = self.check(values)
        encoded = (values[..., None] == np.arange(self.features)).astype(np.float32)
        encoded[values == MISSING] = MISSING
        return encoded

    def decode(self, features: ArrayLike) -> Num[np.ndarray, "*shape"]:
        largest = self._numbers(features, self.features).argmax(axis=-1)
        return np.asarray(largest, np.int32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scaled(IntegerEncoding):
    """The value divided by the largest one, a real in [0, 1]; decoded to the nearest value.

    Fitted as regression, so a near miss costs little; the score still asks for the exact
    value. A blank step is 0 with a second feature of 1.

    Args:
        values: Number of different integers.
        blank: Whether a step may be blank, encoded as the integer `values`, with one more
            feature.

    >>> Scaled(values=5).encode(np.array([0, 1, 4, -1])).ravel().tolist()
    [0.0, 0.25, 1.0, -1.0]
    >>> Scaled(values=5).decode(np.array([[0.3], [7.0], [-1.0]], np.float32)).tolist()
    [1, 4, 0]
    """

    loss: ClassVar[LossName] = "squared-error"

    # Single precision cannot distinguish more integers.
    values: int = knob(100, "Number of different integers.", at_least=2, at_most=_MOST)

    @property
    def features(self) -> int:
        return 1 + self.blank

    def encode(self, values: ArrayLike) -> Float[np.ndarray, "*shape feature"]:
        values = self.check(values)
        blank = values == self.values
        scaled = np.where(blank, 0.0, values / np.float32(self.values - 1))
        encoded = np.stack([scaled, blank][: self.features], axis=-1).astype(np.float32)
        encoded[values == MISSING] = MISSING
        return encoded

    def decode(self, features: ArrayLike) -> Num[np.ndarray, "*shape"]:
        features = self._numbers(features, self.features)
        real = features[..., 0]
        nearest = np.rint(real * (self.values - 1)).clip(0, self.values - 1)
        nearest = np.where(features[..., 1] > 0.5, self.values, nearest) if self.blank else nearest
        return np.asarray(nearest, np.int32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AsIs(Encoding):
    """Reals unchanged: one feature, or as many as a step has.

    >>> AsIs().encode(np.array([0.25, 0.5], np.float32)).tolist()
    [[0.25], [0.5]]
    """

    loss: ClassVar[LossName] = "squared-error"

    width: int = knob(1, "Reals that a step shows.", at_least=1)

    @property
    def features(self) -> int:
        return self.width

    def encode(self, values: ArrayLike) -> Float[np.ndarray, "..."]:
        """Features of values, in float32; several reals are features already."""
        if self.width > 1:
            return self._numbers(values, self.width).astype(np.float32)
        return self._numbers(values)[..., None].astype(np.float32)

    def decode(self, features: ArrayLike) -> Num[np.ndarray, "..."]:
        """Values of features: a number, or a vector."""
        features = self._numbers(features, self.width)
        return np.asarray(features[..., 0]) if self.width == 1 else features


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiHot(Encoding):
    """Sets of integers in [0, values) as multi-hot vectors: one feature per integer.

    Outputs are logits: an integer is in the set if its output is above 0.

    >>> MultiHot(values=3).decode(np.array([[0.5, -1.0, 2.0]], np.float32)).tolist()
    [[1, 0, 1]]
    """

    loss: ClassVar[LossName] = "binary-cross-entropy"

    values: int = knob(2, "Number of different members.", at_least=1)

    @property
    def features(self) -> int:
        return self.values

    def encode(self, values: ArrayLike) -> Float[np.ndarray, "..."]:
        values = self._numbers(values, self.values)
        if len(wrong := values[~np.isin(values, (0, 1, MISSING))]):
            raise ValueError(f"MultiHot: values must be zeros and ones, got {wrong[0]}.")
        return values.astype(np.float32)

    def decode(self, features: ArrayLike) -> Num[np.ndarray, "..."]:
        return (self._numbers(features, self.values) > 0).astype(np.int32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SideBySide(Encoding):
    """The concatenation of several channels, each in its own encoding.

    Args:
        channels: The spec of the channels.
        encodings: An encoding for each channel.
    """

    channels: Channels
    encodings: tuple[Encoding, ...]

    @property
    def loss(self) -> LossName:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.encodings[0].loss

    @property
    def features(self) -> int:
        return sum(self.widths)

    @property
    def widths(self) -> tuple[int, ...]:
        """Features of each channel."""
        return tuple(each.features for each in self.encodings)

    def encode(self, values: ArrayLike) -> Float[np.ndarray, "..."]:
        values = self._numbers(values, sum(self.channels.widths))
        columns = np.split(values, np.cumsum(self.channels.widths)[:-1], axis=-1)
        features = [
            encoding.encode(column.reshape(*values.shape[:-1], *spec.shape))
            for encoding, column, spec in zip(
                self.encodings, columns, self.channels.parts, strict=True
            )
        ]
        return np.concatenate(features, axis=-1)

    def decode(self, features: ArrayLike) -> Num[np.ndarray, "..."]:
        features = self._numbers(features, self.features)
        columns = np.split(features, np.cumsum(self.widths)[:-1], axis=-1)
        pairs = zip(self.encodings, columns, strict=True)
        return self.channels.join([each.decode(column) for each, column in pairs])


ENCODINGS: dict[str, type[IntegerEncoding]] = {kind.title(): kind for kind in [OneHot, Scaled]}
"""The encodings for integers; reals are features already."""


def encoding_of(spec: Spec, choice: type[IntegerEncoding] = OneHot) -> Encoding:
    """The encoding of a spec; `choice` is for its integers.

    Raises:
        TypeError: There is none for this kind of spec.
    """
    match spec:
        case Integers():
            return choice(values=spec.values, blank=spec.blank)
        case Reals():
            return AsIs(width=spec.size or 1)
        case Sets():
            return MultiHot(values=spec.values)
        case Channels():
            parts = tuple(encoding_of(part, choice) for part in spec.parts)
            return SideBySide(channels=spec, encodings=parts)
    raise TypeError(
        f"encoding_of: {type(spec).__name__} has none. Use Integers, Reals, Sets or Channels."
    )


def takes_encoding(problem: Problem) -> bool:
    """Whether a problem has integers, with a choice of encodings."""
    specs = problem.inputs, problem.targets
    parts = [part for spec in specs for part in getattr(spec, "parts", (spec,))]
    return any(isinstance(part, Integers) for part in parts)


def encodings(
    problem: Problem, choice: type[IntegerEncoding] | None = None
) -> tuple[Encoding, Encoding]:
    """The encodings of the inputs and of the targets of a problem; one-hot by default.

    Raises:
        ValueError: `choice` is set, but the problem has no integers.
    """
    if choice is not None and not isinstance(choice, type):
        raise TypeError(
            f"`encoding` must be OneHot or Scaled, the class, got {short_repr(choice)}."
        )
    if choice is not None and not takes_encoding(problem):
        raise ValueError(
            f"{type(problem).__name__} has no integers to encode, got `encoding` "
            f"{choice.__name__}. Leave it out: reals are not encoded."
        )
    specs = problem.inputs, problem.targets
    inputs, targets = (encoding_of(spec, choice or OneHot) for spec in specs)
    return inputs, targets
