"""Channels: several named values a step, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longlag.problems.specs import Bool, Spec, best_of


@dataclasses.dataclass(frozen=True, init=False)
class Channels(Spec):
    """Several named values a step, side by side: a value and a marker, or several targets.

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
        named = channels.items() if isinstance(channels, Mapping) else channels
        object.__setattr__(self, "channels", tuple(named))

    @property
    def parts(self) -> tuple[Spec, ...]:
        """The specs, in the order of the columns."""
        return tuple(spec for _, spec in self.channels)

    @property
    def widths(self) -> tuple[int, ...]:
        """How many columns each channel has."""
        return tuple(max(1, int(np.prod(spec.shape))) for spec in self.parts)

    def split(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """The values of each channel, in its own shape and type."""
        columns = np.split(values, np.cumsum(self.widths)[:-1], axis=-1)
        return [
            column.reshape((*values.shape[:-1], *spec.shape)).astype(spec.dtype)
            for column, spec in zip(columns, self.parts, strict=True)
        ]

    def join(self, values: list[Any]) -> NDArray[Any]:
        """The opposite of `split`."""
        axes = [len(spec.shape) for spec in self.parts]
        columns = [
            np.reshape(each, (*np.shape(each)[: np.ndim(each) - own], -1))
            for each, own in zip(values, axes, strict=True)
        ]
        return np.concatenate(columns, axis=-1).astype(self.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(self.widths),)

    @property
    def dtype(self) -> np.dtype[Any]:
        whole = all(np.issubdtype(spec.dtype, np.integer) for spec in self.parts)
        return np.dtype(np.int32 if whole else np.float32)

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
        good = np.asarray(np.isfinite(values).all(axis=-1))
        return good & self._all(method, np.where(good[..., None], values, 0))

    def matches(self, predicted: NDArray[Any], targets: NDArray[Any]) -> Bool:
        return self._all("matches", predicted, np.nan_to_num(targets))

    def _all(self, method: str, *arrays: NDArray[Any]) -> Bool:
        split = zip(*map(self.split, arrays), strict=True)
        each = zip(self.parts, split, strict=True)
        return np.logical_and.reduce([getattr(spec, method)(*columns) for spec, columns in each])

    def best_constant(self, values: NDArray[Any]) -> Any:
        columns = zip(self.parts, self.split(values), strict=True)
        apart = self.join([spec.best_constant(column) for spec, column in columns])
        return best_of(self, apart, values)

    def perturb(self, values: NDArray[Any], rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        columns = self.split(values)
        for place, spec in enumerate(self.parts):
            for other in spec.perturb(columns[place], rng):
                yield self.join([*columns[:place], other, *columns[place + 1 :]])

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        return self.join([spec.sample(rng, shape) for spec in self.parts])

    def extremes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        ends = zip(*(spec.extremes() for spec in self.parts), strict=True)
        least, most = (self.join(list(end)) for end in ends)
        return least, most

    def format(self, value: Any) -> str:
        columns = zip(self.parts, self.split(np.asarray(value)), strict=True)
        return ":".join(spec.format(column) for spec, column in columns)
