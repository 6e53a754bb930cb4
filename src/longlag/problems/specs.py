"""Specs: the kind of value that a step has as input or target.

A spec defines which values are allowed, whether a prediction is right, the value of a blank step,
how a value is printed, and how it may be perturbed. Arrays of values have the axes `(count, step,
*shape)`, where `shape` is that of one value.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longlag.arrays import RESOLUTION, near

_CANDIDATES = 32  # most frequent vectors that are tried as the best constant

Bool = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Spec(abc.ABC):
    """Base of all specs."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one value: `()` for a number, `(n,)` for several."""
        return ()

    @property
    @abc.abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Type of the values: int32 or float32."""

    @property
    def has_error(self) -> bool:
        """Whether the distance of a prediction from its target is meaningful."""
        return False

    @property
    @abc.abstractmethod
    def blank_value(self) -> NDArray[Any]:
        """The value of a blank step, of the spec's shape."""

    @property
    @abc.abstractmethod
    def rule(self) -> str:
        """Which values are allowed, in words: `from 0 to 9`."""

    @abc.abstractmethod
    def allows(self, values: NDArray[Any]) -> Bool:
        """Which values are allowed, `(...)` for values `(..., *shape)`; a blank is not."""

    def accepts(self, values: NDArray[Any]) -> Bool:
        """Which values a user may pass: for reals also those outside the range of the problem."""
        return self.allows(values)

    @property
    def accept_rule(self) -> str:
        """Which values a user may pass, in words."""
        return self.rule

    def is_blank(self, values: NDArray[Any]) -> Bool:
        """Which values stand for a blank step; none where there is no such value."""
        return np.zeros(values.shape[: values.ndim - len(self.shape)], dtype=bool)

    @abc.abstractmethod
    def matches(self, predicted: NDArray[Any], targets: NDArray[Any]) -> Bool:
        """Which predictions are right, `(...)` for values `(..., *shape)`."""

    @abc.abstractmethod
    def best_constant(self, values: NDArray[Any]) -> Any:
        """The constant that is right for most of these values, `(count, *shape)`."""

    @abc.abstractmethod
    def perturb(self, values: NDArray[Any], rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        """Other values for one step of some episodes, each array like `values`."""

    @abc.abstractmethod
    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Any allowed values, `(*shape, *self.shape)`."""

    @abc.abstractmethod
    def extremes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The least and the largest value."""

    def between(self, near: NDArray[Any], far: NDArray[Any]) -> NDArray[Any] | None:
        """Values half-way between others; None where there are no such values."""
        del near, far
        return None

    @abc.abstractmethod
    def format(self, value: Any) -> str:
        """One value as text."""

    def like(self, other: Spec) -> bool:
        """Whether a value of the other spec can be a value of this one."""
        return type(self) is type(other) and self.shape == other.shape

    def validate(self, values: NDArray[Any], owner: str) -> NDArray[Any]:
        """Values `(count, *shape)` in the spec's type.

        Raises:
            TypeError: They are not numbers of the spec's kind and shape.
            ValueError: A value is not allowed.
        """
        integers = np.issubdtype(self.dtype, np.integer)
        number = np.integer if integers else (np.integer, np.floating)
        if values.ndim != 1 + len(self.shape) or values.shape[1:] != self.shape or not len(values):
            each = f" of {self.shape[0]} each" if self.shape else ""
            several = " Give one sequence at a time." * (values.ndim == 2 + len(self.shape))
            rule = f"{owner} must be a list of values{each}, got shape {values.shape}."
            raise TypeError(rule + several)
        if not issubclass(values.dtype.type, number):
            raise TypeError(f"{owner} must be a list of {'whole ' if integers else ''}numbers.")
        wrong = ~self.accepts(values)
        if wrong.any():
            step = int(wrong.argmax())
            raise ValueError(
                f"{owner} must hold values {self.accept_rule}, got {self.format(values[step])} at "
                f"step {step}."
            )
        return values.astype(self.dtype)


@dataclasses.dataclass(frozen=True)
class Integers(Spec):
    """Integers in [0, values). With `blank`, `values` itself stands for a blank step.

    `names` are printed in place of the numbers: symbols of a language, say.

    >>> Integers(4).matches(np.array([1, 2]), np.array([1, 3])).tolist()
    [True, False]
    """

    values: int
    blank: bool = False
    names: tuple[str, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int32)

    @property
    def blank_value(self) -> NDArray[Any]:
        return np.array(self.values, np.int32)

    @property
    def rule(self) -> str:
        return f"from 0 to {self.values - 1}"

    def allows(self, values: NDArray[Any]) -> Bool:
        return (values >= 0) & (values < self.values)

    def is_blank(self, values: NDArray[Any]) -> Bool:
        return (values == self.values) & self.blank

    def matches(self, predicted: NDArray[Any], targets: NDArray[Any]) -> Bool:
        return predicted == targets

    def best_constant(self, values: NDArray[Any]) -> Any:
        unique, counts = np.unique(values, return_counts=True)
        return unique[counts.argmax()]

    def perturb(self, values: NDArray[Any], rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        offsets = range(1, self.values) if self.values <= 8 else (1, 2, -1, self.values // 2)
        changes = self.allows(values)  # a blank step stays blank
        for offset in offsets:
            other = ((values.astype(np.int64) + offset) % self.values).astype(values.dtype)
            yield np.where(changes, other, values)
        rolled = np.roll(values, int(rng.integers(1, max(2, len(values)))))
        yield np.where(changes & self.allows(rolled), rolled, values)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        return rng.integers(self.values, size=shape, dtype=np.int32)

    def extremes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return np.array(0, np.int32), np.array(self.values - 1, np.int32)

    def format(self, value: Any) -> str:
        if self.blank and value == self.values:
            return "_"
        named = 0 <= value < len(self.names)
        return self.names[int(value)] if named else str(int(value))


@dataclasses.dataclass(frozen=True)
class Reals(Spec):
    """Reals, one per step or several. A prediction within `tolerance` of the target is right.

    Args:
        tolerance: Distance from the target that counts as right, in each of several.
        size: Length of the vector of a step; None for a single number.
        low: The least value; None for any.
        high: The largest value; None for any.
    """

    tolerance: float = 0.0
    size: int | None = None
    low: float | None = None
    high: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return () if self.size is None else (self.size,)

    @property
    def has_error(self) -> bool:
        return True

    @property
    def within(self) -> float:
        """The tolerance, plus a margin for its rounding in single precision."""
        return self.tolerance * (1 + RESOLUTION)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    @property
    def blank_value(self) -> NDArray[Any]:
        return np.zeros(self.shape, np.float32)

    @property
    def rule(self) -> str:
        if self.low is None or self.high is None:
            return "that are finite"
        return f"in [{self.low:g}, {self.high:g}]"

    def allows(self, values: NDArray[Any]) -> Bool:
        valid = np.isfinite(values)
        if self.low is not None and self.high is not None:
            valid &= (values >= self.low) & (values <= self.high)
        return self._all(valid)

    def accepts(self, values: NDArray[Any]) -> Bool:
        return self._all(np.isfinite(values))

    @property
    def accept_rule(self) -> str:
        return "that are finite"

    def matches(self, predicted: NDArray[Any], targets: NDArray[Any]) -> Bool:
        double = np.asarray(predicted, np.float64), np.asarray(targets, np.float64)
        return self._all(near(*double, self.within))

    def _all(self, flags: Bool) -> Bool:
        return flags if self.size is None else np.asarray(flags.all(axis=-1))

    def best_constant(self, values: NDArray[Any]) -> Any:
        if self.shape:
            one = dataclasses.replace(self, size=None)
            by_column = np.array([one.best_constant(column) for column in values.T])
            return best_of(self, by_column, values)
        unique, counts = np.unique(values, return_counts=True)
        # A constant is right for two values where their intervals meet: the best is half-way
        # between the least and the largest of those whose intervals meet that of the least.
        reach = self.within + RESOLUTION * np.abs(unique.astype(np.float64))
        end = np.searchsorted(unique - reach, unique + reach, side="right")
        total = np.concatenate([[0], counts.cumsum()])
        best = int((total[end] - total[:-1]).argmax())
        return (unique[best] + unique[end[best] - 1]) / 2

    def perturb(self, values: NDArray[Any], rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        low, high = (edge.min() for edge in self.extremes())
        for edge in (low, high):
            yield np.full_like(values, edge)
        for share in (0.1, -0.1, 0.5):
            yield np.clip(values + share * (high - low), low, high).astype(values.dtype)
        yield np.roll(values, int(rng.integers(1, max(2, len(values)))), axis=0)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        low, high = self.extremes()
        return low + (high - low) * rng.random((*shape, *self.shape), dtype=np.float32)

    def extremes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The bounds, or -3 and 3 where there are none."""
        low = -3.0 if self.low is None else self.low
        high = 3.0 if self.high is None else self.high
        # The largest value of a draw from [low, high).
        below = np.nextafter(np.float32(high), np.float32(low))
        return np.full(self.shape, low, np.float32), np.full(self.shape, below, np.float32)

    def between(self, near: NDArray[Any], far: NDArray[Any]) -> NDArray[Any]:
        return (near + far) / 2

    def format(self, value: Any) -> str:
        if self.shape:
            return " ".join(f"{each:.3g}" for each in np.ravel(value))
        return f"{value:.3g}"


@dataclasses.dataclass(frozen=True)
class Sets(Spec):
    """Sets of integers in [0, values), as vectors of zeros and ones: the symbols that are legal.

    A prediction is right when it names exactly the members of the set.

    >>> Sets(3).format(np.array([1, 0, 1]))
    '{0,2}'
    """

    values: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.values,)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int32)

    @property
    def blank_value(self) -> NDArray[Any]:
        return np.zeros(self.values, np.int32)

    @property
    def rule(self) -> str:
        return f"that are {self.values} zeros and ones, not all zero"

    def allows(self, values: NDArray[Any]) -> Bool:
        return ((values == 0) | (values == 1)).all(axis=-1) & (values == 1).any(axis=-1)

    def matches(self, predicted: NDArray[Any], targets: NDArray[Any]) -> Bool:
        return (predicted == targets).all(axis=-1)

    def best_constant(self, values: NDArray[Any]) -> Any:
        unique, counts = np.unique(values, axis=0, return_counts=True)
        return unique[counts.argmax()]

    def perturb(self, values: NDArray[Any], rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        for member in range(min(self.values, 6)):
            other = values.copy()
            other[..., member] = 1 - other[..., member]
            yield other
        yield np.roll(values, int(rng.integers(1, max(2, len(values)))), axis=0)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        sets = rng.integers(2, size=(*shape, self.values), dtype=np.int32)
        sets[..., 0] |= ~sets.any(axis=-1)
        return sets

    def extremes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        least = np.zeros(self.values, np.int32)
        least[0] = 1
        return least, np.ones(self.values, np.int32)

    def format(self, value: Any) -> str:
        return "{" + ",".join(map(str, np.flatnonzero(value))) + "}"


def best_of(spec: Spec, by_column: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """The best constant for vectors: the best of each column, or a frequent vector."""
    unique, counts = np.unique(values, axis=0, return_counts=True)
    candidates = [by_column, *unique[np.argsort(-counts, kind="stable")[:_CANDIDATES]]]
    shares = [spec.matches(np.broadcast_to(one, values.shape), values).mean() for one in candidates]
    return candidates[int(np.argmax(shares))]
