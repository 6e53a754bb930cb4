"""Channels: several named values per step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longlag.problems.specs import Bool, Spec, best_of


@dataclasses.dataclass(frozen=True, init=False)
class Channels(Spec):
    """Several named values per step: a value and a marker, or several targets.

    A value is a vector with a column for each number, reals if any channel is. A prediction is
    right when it is right in every channel.

    Args:
        channels: Name to spec, in the order of the columns.

    >>> from longlag.problems import Integers, Reals
    >>> spec = Channels({"value": Reals(low=0, high=1), "mark": Integers(2)})
    >>> spec.shape, spec.format(np.array([0.5, 1]))
    ((2,), '0.5:1')
    """

    channels: tuple[tuple[str, Spec], ...]

    def __init__(self, channels: Mapping[str, Spec] | tuple[tuple[str, Spec], ...]):
        pairs = channels.items() if isinstance(channels, Mapping) else channels
        object.__setattr__(self, "channels", tuple(pairs))

    @property
    def parts(self) -> tuple[Spec, ...]:
        """The specs, in the order of the columns."""
        return tuple(spec for _, spec in self.channels)

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of columns of each channel."""
        return tuple(max(1, int(np.prod(spec.shape))) for spec in self.parts)

    def split(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """The values of each channel, in its own shape and type."""
        columns = np.split(values, np.cumsum(self.widths)[:-1], axis=-1)
        return [
            column.reshape((*values.shape[:-1], *spec.shape)).astype(spec.dtype)
            for column, spec in zip(columns, self.parts, strict=True)
        ]

    def join(self, values: list[Any]) -> NDArray[Any]:
        """The inverse of `split`."""
        columns = [
            np.reshape(each, (*np.shape(each)[: np.ndim(each) - len(spec.shape)], -1))
            for each, spec in zip(values, self.parts, strict=True)
        ]
        return np.concatenate(columns, axis=-1).astype(self.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(self.widths),)

    @property
    def dtype(self) -> np.dtype[Any]:
        integers = all(np.issubdtype(spec.dtype, np.integer) for spec in self.parts)
        return np.dtype(np.int32 if integers else np.float32)

    @property
    def blank_value(self) -> NDArray[Any]:
        return self.join([spec.blank_value for spec in self.parts])

    @property
    def rule(self) -> str:
        return " and ".join(f"`{name}` {spec.rule}" for name, spec in self.channels)

    @property
    def accept_rule(self) -> str:
        return " and ".join(f"`{name}` {spec.accept_rule}" for name, spec in self.channels)

    def is_blank(self, values: NDArray[Any]) -> Bool:
        each = zip(self.parts, self.split(np.nan_to_num(values)), strict=True)
        return np.logical_or.reduce([spec.is_blank(column) for spec, column in each])

    def allows(self, values: NDArray[Any]) -> Bool:
        return self._finite("allows", values)

    def accepts(self, values: NDArray[Any]) -> Bool:
        return self._finite("accepts", values)

    def _finite(self, method: str, values: NDArray[Any]) -> Bool:
        finite = np.asarray(np.isfinite(values).all(axis=-1))
        return finite & self._all(method, np.where(finite[..., None], values, 0))

    def matches(self, predicted: NDArray[Any], targets: NDArray[Any]) -> Bool:
        return self._all("matches", predicted, np.nan_to_num(targets))

    def _all(self, method: str, *arrays: NDArray[Any]) -> Bool:
        split = zip(*map(self.split, arrays), strict=True)
        each = zip(self.parts, split, strict=True)
        return np.logical_and.reduce([getattr(spec, method)(*columns) for spec, columns in each])

    def best_constant(self, values: NDArray[Any]) -> Any:
        columns = zip(self.parts, self.split(values), strict=True)
        by_channel = self.join([spec.best_constant(column) for spec, column in columns])
        return best_of(self, by_channel, values)

    def perturb(self, values: NDArray[Any], rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        columns = self.split(values)
        for index, spec in enumerate(self.parts):
            for other in spec.perturb(columns[index], rng):
                yield self.join([*columns[:index], other, *columns[index + 1 :]])

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        return self.join([spec.sample(rng, shape) for spec in self.parts])

    def extremes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        ends = zip(*(spec.extremes() for spec in self.parts), strict=True)
        least, most = (self.join(list(end)) for end in ends)
        return least, most

    def format(self, value: Any) -> str:
        columns = zip(self.parts, self.split(np.asarray(value)), strict=True)
        return ":".join(spec.format(column) for spec, column in columns)
