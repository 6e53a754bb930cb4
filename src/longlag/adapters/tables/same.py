"""Rows of the same time: alike, of different series, or of parts of a day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from longlag.adapters.tables.cells import numbers
from longlag.adapters.tables.dates import dates
from longlag.adapters.tables.parts import in_a_day, times_of_day
from longlag.adapters.tables.words import flag

Duplicates = Literal["refuse", "mean", "first", "last"]
"""The treatment of rows of the same time."""

_MOST = 0.5  # share of times that repeat, from which on the rows are of different series
_FEW = 10  # rows of a series, at least
_REST_NAME = re.compile(
    r"(.*[^a-z])?(time|month|week|day|hour|he|hr|minute|quarter|period|interval|zeit|monat|tag"
    r"|stunde|mois|heure|jour|hora|ora|uur)([^a-z].*)?",
    re.IGNORECASE,
)


def once(
    values: pd.Series,
    order: np.ndarray,
    rows: Sequence[str],
    same: pd.DataFrame,
    duplicates: Duplicates,
    columns: tuple[str, ...],
    used: Sequence[str],
    asked: Sequence[str],
    notes: list[str],
) -> tuple[np.ndarray, list[np.ndarray] | None]:
    """The indices of the sorted rows to use, one for each time; and the rows that each averages.

    Columns that are asked for are values: no remedy takes them for times or for names of series.
    """
    repeated = values.duplicated(keep=False).to_numpy()
    if not repeated.any():
        return np.arange(len(order)), None
    cells = same.iloc[order].reset_index(drop=True)
    twice = pd.concat([values.reset_index(drop=True).rename("\0time"), cells], axis=1).duplicated()
    first = np.flatnonzero(~twice.to_numpy())
    if twice.any():
        verb = "was" if twice.sum() == 1 else "were"
        notes.append(f"{count_text(int(twice.sum()))} left out that {verb} there twice")
    clash = values.iloc[first].duplicated(keep=False).to_numpy()
    if not clash.any():
        return first, None
    if duplicates == "refuse":
        pair = order[first[np.flatnonzero(clash)[:2]]]
        remedy = "Use --duplicates mean, first or last, or --no-time; or give one series a file."
        known = *columns, *asked
        if more := _completing(values.iloc[first], cells.iloc[first], known):
            both = " and ".join(f"`{column}`" for column in (*columns, more))
            remedy = f"Join {both} to one column of times, such as 2024-12-31 23:00, or --no-time."
            if not _REST_NAME.fullmatch(more):
                what = "names series" if in_a_day(cells[more]) else "is how long something took"
                remedy += f" If `{more}` {what}, keep the rows of one series."
        elif clash.mean() < _MOST and not _differ(values, cells[list(used)]):
            kept = " and ".join(f"`{name}`" for name in used)
            remedy = f"In {kept} they are alike: use --duplicates first."
        elif kinds := _telling_apart(values.iloc[first], cells.iloc[first], known):
            kept = " and ".join(f"`{kind}`" for kind in kinds)
            remedy = f"They are of different series: keep the rows of one {kept}."
            if len(kinds) == 1 and _may_be_clock(values, cells[kinds[0]]):
                both = " and ".join(f"`{column}`" for column in (*columns, *kinds))
                remedy = (
                    f"If {kept} is the time of day, join {both} to one column of times, such as "
                    "2024-12-31 23:00; if it names series, keep the rows of one."
                )
        elif other := _other_times(cells.iloc[first], known):
            remedy = f"`{other}` has times that are all different: use {flag('--time', other)}."
        raise ValueError(
            f"{rows[pair[0]]} and {rows[pair[1]]} have the same `{' and '.join(columns)}`, "
            f"{values.iloc[first[np.flatnonzero(clash)[0]]]}, and other values "
            f"({int(clash.sum()):,} such rows). {remedy}"
        )
    groups = [
        group.to_numpy() for _, group in pd.Series(first).groupby(values.iloc[first].to_numpy())
    ]
    notes.append(f"rows of the same time: {duplicates} taken ({int(clash.sum()):,} rows)")
    if duplicates == "mean":
        return np.array([group[0] for group in groups]), [order[group] for group in groups]
    return np.array([group[0 if duplicates == "first" else -1] for group in groups]), None


def _differ(values: pd.Series, cells: pd.DataFrame) -> bool:
    """Whether rows of one time have other cells."""
    pairs = cells.assign(**{"\0time": values.to_numpy()}).drop_duplicates()
    return bool(pairs["\0time"].duplicated().any())


def _completing(values: pd.Series, cells: pd.DataFrame, columns: tuple[str, ...]) -> str | None:
    """A column that, by its name and cells, has the rest of times that repeat; None without."""
    for column in cells.columns:
        rest = cells[column]
        if column in columns or 2 * rest.nunique() > len(rest):
            continue
        if rest.nunique() > 1 and times_of_day(rest) is not None:
            return column
        if not _REST_NAME.fullmatch(column) and not in_a_day(rest):
            continue
        pairs = pd.DataFrame({"time": values.to_numpy(), "rest": rest.to_numpy()})
        if not pairs.duplicated().any():
            return column
    return None


def _other_times(cells: pd.DataFrame, known: tuple[str, ...]) -> str | None:
    """Another column of times, each of them once; None without."""
    for column in cells.columns:
        reading = None if column in known else dates(cells[column])
        if reading and not reading.faults.any() and reading.values.is_unique:
            return column
    return None


def _may_be_clock(values: pd.Series, cells: pd.Series) -> bool:
    """Whether cells may be times of day in a form that is not known: digits beside days."""
    if not pd.api.types.is_datetime64_any_dtype(values) or cells.nunique() < _FEW:
        return False
    digits = cells.astype(str).str.match(r"\s*\D?\d").all()
    return bool(digits and (values == values.dt.normalize()).all())


def _telling_apart(values: pd.Series, cells: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """The columns, few, of text if possible, in whose groups each time is there once; or none."""
    rows = cells.assign(**{"\0time": values.to_numpy()})
    few = [
        name
        for name in cells.columns
        if name not in columns and 1 < rows[name].nunique() <= len(rows) / 2
    ]
    kinds = [name for name in few if numbers(rows[name]).faults.any()]
    kinds += [name for name in few if name not in kinds and _is_balanced(rows[name])]
    if not kinds or rows.duplicated([*kinds, "\0time"]).any():
        return []
    for name in reversed(kinds):
        rest = [kind for kind in kinds if kind != name]
        if rest and not rows.duplicated([*rest, "\0time"]).any():
            kinds = rest
    return kinds


def refuse_blocks(frame: pd.DataFrame) -> None:
    """Raises if series stand one below another: a column names them, another repeats in each.

    >>> refuse_blocks(pd.DataFrame({"land": ["A"] * 10 + ["B"] * 10, "when": [*range(10)] * 2}))
    Traceback (most recent call last):
    ValueError: The rows are of different series, one below another: keep the rows of one `land`.
    """
    for name in frame.columns:
        kinds = frame[name]
        starts = (kinds != kinds.shift()).sum()
        if not 1 < starts <= len(kinds) / _FEW or starts != kinds.nunique(dropna=False):
            continue
        if not numbers(kinds).faults.any():
            continue
        for other in frame.columns:
            repeated = frame[other].duplicated(keep=False).mean() > 0.5
            if other != name and repeated and not frame.duplicated([name, other]).any():
                raise ValueError(
                    "The rows are of different series, one below another: keep the rows of one "
                    f"`{name}`."
                )


def refuse_turns(frame: pd.DataFrame, name: str) -> None:
    """Raises if series take turns: a column names them, and each of their times is there for all.

    Args:
        frame: Columns of cells.
        name: The column of times, in a form that may not be known.

    >>> refuse_turns(pd.DataFrame({"at": [*"1122"], "of": [*"ABAB"]}), "at")
    Traceback (most recent call last):
    ValueError: The rows of one `at` are of different series: keep the rows of one `of`. If ...
    """
    rows = frame.drop_duplicates()
    # A time of day is there again on the next day: only rows side by side are of one time.
    turns = (rows[name] != rows[name].shift()).cumsum()
    if turns.duplicated(keep=False).mean() <= _MOST:
        return
    texts = [each for each in rows.columns if each != name and numbers(rows[each]).faults.any()]
    kinds = _telling_apart(turns, rows[texts], ())
    if not kinds or any(_REST_NAME.fullmatch(kind) for kind in kinds):
        return
    if any(times_of_day(rows[kind]) is not None for kind in kinds):
        return
    kept = " and ".join(f"`{kind}`" for kind in kinds)
    raise ValueError(
        f"The rows of one `{name}` are of different series: keep the rows of one {kept}. If they "
        "are one series, use --no-time."
    )


def _is_balanced(cells: pd.Series) -> bool:
    """Whether numbers name series of equal length: few, each as often as the others."""
    counts = cells.value_counts()
    return counts.nunique() == 1 and int(counts.iloc[0]) >= _FEW


def count_text(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"
