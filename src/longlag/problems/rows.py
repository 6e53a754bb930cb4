"""The rows of a real series: numbers in order of time, their parts, how they are scaled."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longlag.problems._base import Part, Values

LARGEST = 1e100
"""Value of a file: squares of larger values overflow."""

LARGEST_SCALED = 1e18
"""Scaled value, in single precision."""

PARTS: tuple[Part, ...] = ("training", "validation", "evaluation")
"""In order of time."""


class Span(NamedTuple):
    """Rows from `begin` up to, but without, `end`."""

    begin: int
    end: int

    def holds(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows are among them."""
        return (rows >= self.begin) & (rows < self.end)


def spans(count: int, chosen_on: float, scored_on: float) -> dict[Part, Span]:
    """The rows of each part.

    Args:
        count: Rows in all.
        chosen_on: Share of the rows that choose.
        scored_on: Share of the rows that score.

    >>> spans(100, 0.15, 0.15)["validation"]
    Span(begin=70, end=85)
    """
    scored = max(1, round(count * scored_on))
    chosen = max(1, round(count * chosen_on))
    bounds = 0, count - scored - chosen, count - scored, count
    return dict(zip(PARTS, itertools.starmap(Span, itertools.pairwise(bounds)), strict=True))


def numbers(owner: str, given: Any) -> NDArray[np.float64]:
    """Values `(row, column)`, NaN where one is missing.

    Args:
        owner: Whose they are, for the message.
        given: What was given for them.

    Raises:
        TypeError: They are no numbers.
        ValueError: They are of another shape.
    """
    try:
        plain = np.asarray(given)
        if isinstance(given, np.ma.MaskedArray):
            plain = np.where(np.ma.getmaskarray(given), np.nan, plain)
        text = plain.dtype.kind == "O" and any(isinstance(each, str) for each in plain.flat)
        if text or plain.dtype.kind not in "biufO":
            raise TypeError(f"got {'text' if text else plain.dtype.name}")
        rows = np.array(plain, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{owner} must be numbers: {error}.") from error
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"{owner} must be (row,) or (row, column), got the shape {plain.shape}.")
    rows[np.isnan(rows)] = np.nan  # one of the many, so that equal values have equal digests
    rows.setflags(write=False)
    return rows


def columns_of(given: Any) -> tuple[Any, tuple[str, ...]]:
    """The values of a data frame or of a named column, and their names; anything else as it is.

    Raises:
        ValueError: A column holds no numbers, or the rows are not in the order of time.
    """
    module = type(given).__module__.partition(".")[0]
    if module not in ("pandas", "polars", "pyarrow", "modin", "cudf"):
        return given, ()
    import narwhals as nw

    if "datetime" in str(getattr(getattr(given, "index", None), "dtype", "")) and not (
        given.index.is_monotonic_increasing
    ):
        raise ValueError("Series: the rows are not in the order of time. Use .sort_index().")
    data = nw.from_native(given, eager_only=True, allow_series=True)
    columns = [data] if isinstance(data, nw.Series) else [data[name] for name in data.columns]
    for column in columns:
        if not (column.dtype.is_numeric() or column.dtype == nw.Boolean):
            raise ValueError(
                f"Series: column `{column.name}` holds no numbers ({column.dtype}). Leave it out, "
                "for example with .drop."
            )
    values = [column.cast(nw.Float64).to_numpy() for column in columns]
    named = all(isinstance(column.name, str) and column.name for column in columns)
    return np.stack(values, axis=1), tuple(c.name for c in columns) if named else ()


def column_names(given: Any, count: int) -> tuple[str, ...]:
    """Names of so many columns; 1, 2, … where none are given.

    Raises:
        ValueError: They are not so many different names.
    """
    names = (given,) if isinstance(given, str) else tuple(given)
    names = names or tuple(str(place + 1) for place in range(count))
    if len(names) != count or len(set(names)) < count or not all(isinstance(n, str) for n in names):
        raise ValueError(
            f"Series: `names` must be {count} different names, one a column, got "
            f"{', '.join(map(str, names))}."
        )
    return names


def check_sizes(
    rows: NDArray[np.float64],
    values: NDArray[np.float64],
    names: tuple[str, ...],
    largest: float,
    when: str,
) -> None:
    """Refuse rows with a value that is too large.

    Args:
        rows: The rows.
        values: The same in the unit of each column, for the message.
        names: Names of the columns.
        largest: The largest there may be.
        when: At what they are too large, for the message.

    Raises:
        ValueError: One is larger.
    """
    too_large = np.argwhere(np.abs(rows) > largest)
    if len(too_large):
        row, column = map(int, too_large[0])
        value = values[row, column]
        remedy = "NaN where a value is missing" if np.isinf(value) else "another unit"
        raise ValueError(
            f"Series: {names[column]} is too large{when} in row {row + 1}: {value:g}. Use {remedy}."
        )


def gaps(part: Part, span: Span, target: NDArray[np.float64], name: str, missing: str) -> str:
    """What to say where missing values leave a part without targets."""
    if np.isnan(target[span.begin : span.end]).all():
        return (
            f"Series: {name} is missing in all rows of the {part} part "
            f"({span.begin + 1} to {span.end}). Use another column, or other rows."
        )
    remedy = "Use fewer timesteps, or a column that is there."
    if missing == "drop":
        remedy = "Use missing='mask', missing='mark' or fewer timesteps."
    return (
        f"Series: every episode of the {part} part (rows {span.begin + 1} to {span.end}) shows "
        f"a missing value or asks for one. {remedy}"
    )


def usual_change(column: NDArray[np.float64], apart: int) -> float:
    """How far values lie from those some rows before: root mean square, where it is above 0."""
    changes = column[apart:] - column[:-apart]
    changes = changes[~np.isnan(changes)]
    usual = float(np.sqrt((changes**2).mean())) if len(changes) else 0.0
    return usual if usual > 0 else float(np.nanstd(column))


class Scale(NamedTuple):
    """What is taken off each column, and by what it is divided."""

    off: NDArray[np.float64]
    by: NDArray[np.float64]

    @classmethod
    def fitted(cls, kind: Literal["standard", "range", "none"], rows: NDArray[Any]) -> Scale:
        """The scale of a kind that fits some rows, `(row, column)`."""
        columns = rows.shape[1]
        if kind == "none":
            return cls(np.zeros(columns), np.ones(columns))
        known = [column[~np.isnan(column)] for column in rows.T]
        if kind == "standard":
            pairs = [(each.mean(), each.std()) if len(each) else (0.0, 1.0) for each in known]
        else:
            pairs = [(each.min(), np.ptp(each)) if len(each) else (0.0, 1.0) for each in known]
        off, by = np.array(pairs).T
        # Rounding gives equal values a deviation that is not quite 0.
        changes = np.array([len(each) > 0 and each.min() < each.max() for each in known])
        return cls(off, np.where(changes & (by > 0), by, 1.0))

    def of(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Rows, scaled."""
        return (rows - self.off) / self.by


def filled(column: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    """A column, each missing value that of the row before.

    >>> filled(np.array([np.nan, 2.0, np.nan]), 0.5).tolist()
    [0.5, 2.0, 2.0]
    """
    known = np.where(np.isnan(column), 0, np.arange(len(column)))
    latest = column[np.maximum.accumulate(known)]
    return np.where(np.isnan(latest), otherwise, latest)


def side_by_side(rows: NDArray[np.float64], lags: int) -> NDArray[np.float32]:
    """Rows with those before them, the latest last; those without all of them show NaN."""
    back = [np.roll(rows, lag, axis=0) for lag in range(lags - 1, -1, -1)]
    beside = np.concatenate(back, axis=1)
    beside[: lags - 1] = np.nan
    return beside.astype(np.float32)


def any_from(flags: Any, starts: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """Whether one of the flags `(row,)` is set within `length` rows from each start.

    >>> any_from([False, True, False, False], np.array([0, 1, 2]), 2).tolist()
    [True, True, False]
    """
    total = np.concatenate([[0], np.cumsum(flags)])
    return total[starts + length] > total[starts]


def fewest(
    starts: NDArray[np.int64], begin: int, first: int, length: int, count: int
) -> NDArray[np.int64]:
    """As few of these episodes as meet the targets that all of them meet."""
    chosen: list[int] = []
    unmet = begin
    for start, after in itertools.pairwise([*starts.tolist(), count]):
        unmet = max(unmet, start + first)
        if after + first > unmet <= start + length - 1:
            chosen.append(start)
            unmet = start + length
    return np.array(chosen, dtype=np.int64)


def inputs_of(
    shown: NDArray[np.float32], missing: Literal["drop", "mark", "mask"]
) -> tuple[Values, NDArray[np.bool_] | None]:
    """What steps show, as episodes have it.

    Args:
        shown: The features, `(count, step, feature)`, NaN where one is missing.
        missing: What becomes of missing values.

    Returns:
        The inputs `(count, step, feature)`, or `(count, step)` where there is one feature; and
        which steps are present, `(count, step)`, or None for all.
    """
    gone = np.isnan(shown)
    inputs = np.where(gone, np.float32(0), shown)
    if missing == "mark":
        inputs = np.concatenate([inputs, gone.astype(np.float32)], axis=-1)
    present = ~np.asarray(gone.any(axis=-1)) if missing == "mask" else None
    return inputs[..., 0] if inputs.shape[-1] == 1 else inputs, present


def check_shares(chosen_on: float, scored_on: float) -> None:
    """Refuse shares of the rows that leave none to train on."""
    if chosen_on + scored_on >= 1:
        raise ValueError(
            "Series: `chosen_on` and `scored_on` must leave rows to train on, got "
            f"{chosen_on:g} and {scored_on:g}. Use smaller shares."
        )


def too_few(count: int, trains: int, wanted: int, held_out: float) -> str:
    """Says that of `count` rows too few train: an episode takes `wanted`."""
    least = math.ceil((wanted + 2) / (1 - held_out))
    return (
        f"Series: too few rows: an episode takes {wanted}, and of {count} rows {trains} train. Use "
        f"{least} rows or more, or fewer timesteps."
    )


def check_changes(column: NDArray[np.float64], name: str) -> None:
    """Refuse a target that does not change in the rows that train."""
    known = column[~np.isnan(column)]
    if not len(known) or known.max() == known.min():
        fault = "does not change" if len(known) else "is missing"
        raise ValueError(
            f"Series: {name} {fault} in all rows that train, so there is nothing to learn. Use "
            "another column."
        )


def to_predict(shown: Any, count: int, names: Sequence[str], missing: str) -> NDArray[np.float64]:
    """Rows that a model is asked about, `(row, column)`, in their own unit.

    Args:
        shown: As many rows as an episode shows, `(row,)` or `(row, column)`.
        count: How many those are.
        names: Names of the columns.
        missing: What becomes of missing values.

    Raises:
        TypeError: They are no numbers.
        ValueError: They are of another shape, or lack a value where `missing` is `drop`.
    """
    rows = numbers("predict: `sequence`", shown)
    if rows.shape != (count, len(names)):
        columns = f" of {', '.join(names)}" if len(names) > 1 else ""
        raise ValueError(
            f"predict: `sequence` must be {count} rows{columns}, got the shape "
            f"{np.shape(shown)}. Give the latest {count}."
        )
    if missing == "drop" and np.isnan(rows).any():
        raise ValueError(
            "predict: `sequence` lacks a value, and such episodes were left out of training. "
            "Train with missing='mask' or missing='mark'."
        )
    return rows
