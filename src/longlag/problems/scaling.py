"""The scale of the columns of a real series, and how much they change."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e100
"""Largest value of a file: squares of larger values overflow."""

LARGEST_SCALED = 1e18
"""Largest scaled value, in single precision."""

SMALLEST = 1 / LARGEST_SCALED
"""Least size of an unscaled column: in single precision the squares of smaller values are 0."""

EQUAL = 1e-13
"""Relative difference of values that are equal but for rounding."""

Kind = Literal["standard", "range", "none"]
"""How a column is scaled."""


def check_sizes(rows: NDArray[np.float64], names: tuple[str, ...]) -> None:
    """Raise if a value of a file is too large.

    Args:
        rows: The rows, in the unit of each column.
        names: Names of the columns.

    Raises:
        ValueError: A value is.
    """
    _check_largest(rows, rows, names, LARGEST, "")


def check_scale(
    kind: Kind, scaled: NDArray[np.float64], rows: NDArray[np.float64], names: tuple[str, ...]
) -> None:
    """Raise if scaled values do not fit into single precision.

    Args:
        kind: How they are scaled.
        scaled: The scaled rows.
        rows: The rows, in the unit of each column.
        names: Names of the columns.

    Raises:
        ValueError: A value is too large, or all of an unscaled column are too small.
    """
    _check_largest(scaled, rows, names, LARGEST_SCALED, " once it is scaled")
    sizes = np.fmax.reduce(np.abs(scaled), axis=0).tolist()
    for name, size in zip(names, sizes, strict=True):
        if kind == "none" and 0 < size < SMALLEST:
            raise ValueError(
                f"Series: {name} is too small for single precision, at most {size:g}. Use another "
                "unit, or scale='standard'."
            )


def _check_largest(
    scaled: NDArray[np.float64],
    rows: NDArray[np.float64],
    names: tuple[str, ...],
    largest: float,
    when: str,
) -> None:
    too_large = np.argwhere(np.abs(scaled) > largest)
    if len(too_large):
        row, column = map(int, too_large[0])
        value = rows[row, column]
        remedy = "NaN where a value is missing" if np.isinf(value) else "another unit"
        raise ValueError(
            f"Series: {names[column]} is too large{when} in row {row + 1}: {value:g}. Use {remedy}."
        )


def root_mean_square(values: NDArray[np.float64]) -> float:
    """The root of the mean square of some values, however small or large they are."""
    exponent = _exponent(values)
    return float(np.ldexp(np.sqrt((np.ldexp(values, -exponent) ** 2).mean()), exponent))


def _exponent(values: NDArray[np.float64]) -> int:
    """The power of two above the largest size; division by it changes no digit."""
    return int(np.frexp(np.abs(values).max())[1])


def change_over(column: NDArray[np.float64], rows: int) -> float:
    """Root mean square change over `rows` rows; 0 where no two rows so far apart are known.

    Values that are equal but for rounding do not change.
    """
    changes = column[rows:] - column[:-rows]
    changes = changes[~np.isnan(changes)]
    change = root_mean_square(changes) if len(changes) else 0.0
    return change if change > EQUAL * np.nanmax(np.abs(column)) else 0.0


def typical_change(column: NDArray[np.float64], rows: int) -> float:
    """The change over `rows` rows; the standard deviation where that is 0."""
    return change_over(column, rows) or _deviation(column[~np.isnan(column)])


def _deviation(values: NDArray[np.float64]) -> float:
    """The standard deviation of some values, however small or large they are."""
    exponent = _exponent(values)
    return float(np.ldexp(np.ldexp(values, -exponent).std(), exponent))


class Scale(NamedTuple):
    """The offset and the divisor of each column."""

    off: NDArray[np.float64]
    by: NDArray[np.float64]

    @classmethod
    def fitted(cls, kind: Kind, rows: NDArray[Any]) -> Scale:
        """The scale of this kind for some rows, `(row, column)`."""
        columns = rows.shape[1]
        if kind == "none":
            return cls(np.zeros(columns), np.ones(columns))
        known = [column[~np.isnan(column)] for column in rows.T]
        if kind == "standard":
            pairs = [(each.mean(), _deviation(each)) if len(each) else (0.0, 1.0) for each in known]
        else:
            pairs = [(each.min(), np.ptp(each)) if len(each) else (0.0, 1.0) for each in known]
        off, by = np.array(pairs).T
        # Rounding gives equal values a deviation that is not quite 0.
        changes = np.array([len(each) > 0 and each.min() < each.max() for each in known])
        return cls(off, np.where(changes & (by > 0), by, 1.0))

    def of(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Scale rows."""
        return (rows - self.off) / self.by
