"""The rows of a real series: validation and split by time."""

from __future__ import annotations

import contextlib
import itertools
import re
import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longlag.arrays import EXACT, ROUNDED
from longlag.problems._base import Part, Values

PARTS: tuple[Part, ...] = ("training", "validation", "evaluation")
"""In order of time."""


class Span(NamedTuple):
    """Rows from `begin` up to `end`, exclusive."""

    begin: int
    end: int

    def holds(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these rows are in the span, as flags of the same shape."""
        return (rows >= self.begin) & (rows < self.end)


def spans(count: int, chosen_on: float, scored_on: float) -> dict[Part, Span]:
    """The rows of each part.

    Args:
        count: Number of rows.
        chosen_on: Share of validation rows.
        scored_on: Share of test rows.

    >>> spans(100, 0.15, 0.15)["validation"]
    Span(begin=70, end=85)
    """
    test = max(1, round(count * scored_on))
    validation = max(1, round(count * chosen_on))
    bounds = 0, count - test - validation, count - test, count
    return dict(zip(PARTS, itertools.starmap(Span, itertools.pairwise(bounds)), strict=True))


def numbers(owner: str, values: Any) -> NDArray[np.float64]:
    """Values `(row, column)`, NaN where one is missing.

    Args:
        owner: The name of the argument, for the message.
        values: The argument.

    Raises:
        TypeError: The values are not numbers.
        ValueError: They have another shape, or whole numbers that reals of 64 bits round.
    """
    try:
        plain = np.asarray(values)
        if isinstance(values, np.ma.MaskedArray):
            plain = np.where(np.ma.getmaskarray(values), np.nan, plain)
        text = plain.dtype.kind == "O" and any(isinstance(each, str) for each in plain.flat)
        if text or plain.dtype.kind not in "biufO":
            raise TypeError(f"got {'text' if text else plain.dtype.name}")
        rows = np.array(plain, dtype=np.float64)
    except OverflowError as error:
        raise ValueError(f"{owner} must be numbers that fit into 64 bits: {error}.") from error
    except (TypeError, ValueError) as error:
        raise TypeError(f"{owner} must be numbers: {error}.") from error
    _check_exact(owner, values.compressed() if isinstance(values, np.ma.MaskedArray) else plain)
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"{owner} must be (row,) or (row, column), got the shape {plain.shape}.")
    rows[np.isnan(rows)] = (
        np.nan
    )  # one bit pattern for all NaN, so that equal values have equal digests
    rows.setflags(write=False)
    return rows


def _check_exact(owner: str, values: NDArray[Any]) -> None:
    """Raise if a whole number, of any type for these, is another as a real of 64 bits."""
    if values.dtype.kind not in "iuO":
        return
    whole = values.dtype.kind != "O"
    for number in values[np.abs(values) >= EXACT] if whole else values.flat:
        if isinstance(number, int | np.integer) and int(number) != int(float(number)):
            raise ValueError(f"{owner} has {number}. {ROUNDED.capitalize()}.")


def columns_of(values: Any) -> tuple[Any, tuple[str, ...]]:
    """The values and names of a data frame or of a named column; other values unchanged.

    Raises:
        ValueError: A column is not numeric, or the rows are not in the order of time.
    """
    module = type(values).__module__.partition(".")[0]
    if module not in ("pandas", "polars", "pyarrow", "modin", "cudf"):
        return values, ()
    import narwhals as nw

    _check_frame(values)
    try:
        data = nw.from_native(values, eager_only=True, allow_series=True)
    except TypeError:  # an index, or a single value
        return values, ()
    columns = (
        [data] if isinstance(data, nw.Series) else [data[:, at] for at in range(data.shape[1])]
    )
    for column in columns:
        if not (column.dtype.is_numeric() or column.dtype == nw.Boolean):
            raise ValueError(
                f"Series: {_called(column.name)} holds no numbers ({column.dtype}). "
                f"{_remedy(values, column)}"
            )
    if not columns:
        return np.empty((0, 0)), ()
    for column in columns:
        if column.dtype in (nw.Int64, nw.UInt64):
            _check_exact(f"Series: {_called(column.name)}", column.drop_nulls().to_numpy())
    arrays = [column.cast(nw.Float64).to_numpy() for column in columns]
    has_names = all(isinstance(column.name, str) and column.name for column in columns)
    return np.stack(arrays, axis=1), tuple(c.name for c in columns) if has_names else ()


def _called(name: Any) -> str:
    return "the column" if name is None or name == "" else f"column `{name}`"


def _remedy(values: Any, column: Any) -> str:
    """What to do with a column of a frame that holds no numbers."""
    times = str(column.dtype).startswith("Date") or re.fullmatch(
        r"date|time|datetime|timestamp|datum|zeit|ds", str(column.name), re.IGNORECASE
    )
    if not times or getattr(values, "ndim", 2) == 1:
        return "Leave it out, for example with .drop."
    if not hasattr(values, "set_index"):
        return f'Use .sort("{column.name}").drop("{column.name}").'
    return f'Use .set_index("{column.name}").sort_index().'


def _check_frame(values: Any) -> None:
    """Raise if the labels of a pandas frame or column are no names and times in order."""
    index: Any = getattr(values, "index", None)
    labels: Any = getattr(values, "columns", None)
    if getattr(labels, "nlevels", 1) > 1:
        raise ValueError(
            "Series: the names of columns have several levels. Choose columns of one level, for "
            "example with .droplevel(1, axis=1)."
        )
    if hasattr(labels, "duplicated") and labels.duplicated().any():
        twice = labels[labels.duplicated()][0]
        count = int((labels == twice).sum())
        remedy = "Rename one." if count == 2 else "Rename all but one."
        which = "two" if count == 2 else count
        raise ValueError(f"Series: {which} columns are called `{twice}`. {remedy}")
    if getattr(index, "nlevels", 1) > 1:
        raise ValueError(
            "Series: the index has several levels. Choose one series, for example with .xs, so "
            "that the index is its time."
        )
    if not hasattr(index, "is_monotonic_increasing"):
        return
    if not any(kind in str(index.dtype) for kind in ("datetime", "period", "timestamp")):
        _check_texts(index)
        return
    if not index.is_monotonic_increasing:
        raise ValueError("Series: the rows are not in the order of time. Use .sort_index().")
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ValueError(
            f"Series: several rows have the time {twice}. Use .groupby(level=0).mean(), or one "
            "series."
        )
    if "period" in str(index.dtype) or index.freq is not None or len(index) < 3:
        return
    steps = (index[1:] - index[:-1]).value_counts()
    step, most = steps.index[0], steps.index.max()
    multiples = all(each % step == step - step for each in steps.index)
    # Months differ in length and working days have week-ends: only other steps are gaps.
    if steps.iloc[0] > 0.8 * (len(index) - 1) and most > step and multiples:
        raise ValueError(
            f"Series: rows are missing between times: most are {step} apart, some {most}. Use "
            f'.asfreq("{step.total_seconds():g}s"), which fills in NaN.'
        )


def _check_texts(index: Any) -> None:
    """Raise if labels are times as text in any order but that of time."""
    if not str(index.dtype).startswith(("object", "str")):
        return
    import pandas as pd

    labels = index.map(str)
    if not all(re.search(r"(?<!\d)(1[5-9]|2[01])\d\d(?!\d)", label) for label in labels):
        return
    remedies: list[tuple[int, str]] = []  # after the warnings of pandas about its guess
    by_day = "lambda day: pd.to_datetime(day, dayfirst=True)"
    for first, key in (False, "pd.to_datetime"), (True, by_day):
        noted = warnings.catch_warnings(record=True, action="always")
        with noted as guesses, contextlib.suppress(ValueError):
            times = pd.to_datetime(labels, utc=True, dayfirst=first)
            if times.is_monotonic_increasing:
                return
            remedies.append((len(guesses), f"Use .sort_index(key={key})."))
    if remedies:
        raise ValueError(f"Series: the rows are not in the order of time. {min(remedies)[1]}")


def column_names(names: Any, count: int) -> tuple[str, ...]:
    """The names of `count` columns; 1, 2, … by default.

    Raises:
        ValueError: There are not `count` different names.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    names = names or tuple(str(index + 1) for index in range(count))
    if len(names) != count or len(set(names)) < count or not all(isinstance(n, str) for n in names):
        raise ValueError(
            f"Series: `names` must be {count} different names, one a column, got "
            f"{', '.join(map(str, names))}."
        )
    return names


def forward_fill(column: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    """A column with each missing value replaced by the last one before it, or by `otherwise`.

    >>> forward_fill(np.array([np.nan, 2.0, np.nan]), 0.5).tolist()
    [0.5, 2.0, 2.0]
    """
    rows = np.where(np.isnan(column), 0, np.arange(len(column)))
    latest = column[np.maximum.accumulate(rows)]
    return np.where(np.isnan(latest), otherwise, latest)


def with_lags(rows: NDArray[np.float64], lags: int) -> NDArray[np.float32]:
    """The last `lags` rows as the features of each row, the latest last; NaN in the first rows."""
    past = [np.roll(rows, lag, axis=0) for lag in range(lags - 1, -1, -1)]
    features = np.concatenate(past, axis=1)
    features[: lags - 1] = np.nan
    return features.astype(np.float32)


def any_from(flags: Any, starts: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """Whether one of the flags `(row,)` is set within `length` rows from each start.

    >>> any_from([False, True, False, False], np.array([0, 1, 2]), 2).tolist()
    [True, True, False]
    """
    total = np.concatenate([[0], np.cumsum(flags)])
    return total[starts + length] > total[starts]


def covering_starts(
    starts: NDArray[np.int64], begin: int, first: int, length: int, count: int
) -> NDArray[np.int64]:
    """The covering_starts of these episodes that cover the targets of all of them."""
    cover: list[int] = []
    uncovered = begin
    for start, following in itertools.pairwise([*starts.tolist(), count]):
        uncovered = max(uncovered, start + first)
        if following + first > uncovered <= start + length - 1:
            cover.append(start)
            uncovered = start + length
    return np.array(cover, dtype=np.int64)


def first_targets(rows: NDArray[np.int64], counts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which targets are the first of their row, of those that count, as flags `(count, step)`.

    Args:
        rows: The row of each target, `(count, step)`.
        counts: Which targets count.
    """
    _, first_index = np.unique(np.where(counts, rows, -1), return_index=True)
    is_first = np.zeros(rows.size, dtype=bool)
    is_first[first_index] = True
    return is_first.reshape(rows.shape) & counts


def to_inputs(
    features: NDArray[np.float32], missing: Literal["drop", "mark", "mask"]
) -> tuple[Values, NDArray[np.bool_] | None]:
    """Features as inputs of episodes.

    Args:
        features: `(count, step, feature)`, NaN where one is missing.
        missing: The treatment of missing values.

    Returns:
        The inputs `(count, step, feature)`, or `(count, step)` where there is one feature; and
        which steps are present, `(count, step)`, or None for all.
    """
    absent = np.isnan(features)
    inputs = np.where(absent, np.float32(0), features)
    if missing == "mark":
        inputs = np.concatenate([inputs, absent.astype(np.float32)], axis=-1)
    present = ~np.asarray(absent.any(axis=-1)) if missing == "mask" else None
    return inputs[..., 0] if inputs.shape[-1] == 1 else inputs, present


def check_shares(chosen_on: float, scored_on: float) -> None:
    """Raise if the shares leave no rows to train on."""
    if chosen_on + scored_on >= 1:
        raise ValueError(
            "Series: `chosen_on` and `scored_on` must leave rows to train on, got "
            f"{chosen_on:g} and {scored_on:g}. Use smaller shares."
        )


def check_changes(column: NDArray[np.float64], name: str) -> None:
    """Raise if a target does not change in the training rows."""
    known = column[~np.isnan(column)]
    if not len(known) or known.max() == known.min():
        fault = "does not change" if len(known) else "is missing"
        exact = not len(known) or abs(known[0]) < EXACT
        remedy = "" if exact else f" {ROUNDED.capitalize()}."
        raise ValueError(
            f"Series: {name} {fault} in all rows that train, so there is nothing to learn. Use "
            f"another column.{remedy}"
        )


def rows_to_predict(
    values: Any, count: int, names: Sequence[str], missing: str
) -> NDArray[np.float64]:
    """Validate rows for a prediction: `(row, column)`, in the unit of each column.

    Args:
        values: The rows of an episode, `(row,)` or `(row, column)`.
        count: The number of rows that it must have.
        names: Names of the columns.
        missing: The treatment of missing values.

    Raises:
        TypeError: They are not numbers.
        ValueError: They have another shape, or lack a value where `missing` is `drop`.
    """
    rows = numbers("predict: `sequence`", values)
    if rows.shape != (count, len(names)):
        columns = f" of {', '.join(names)}" if len(names) > 1 else ""
        raise ValueError(
            f"predict: `sequence` must be {count} rows{columns}, got the shape "
            f"{np.shape(values)}. Give the latest {count}."
        )
    if missing == "drop" and np.isnan(rows).any():
        raise ValueError(
            "predict: `sequence` lacks a value, and such episodes were left out of training. "
            "Use missing='mask' or missing='mark' to train."
        )
    return rows
