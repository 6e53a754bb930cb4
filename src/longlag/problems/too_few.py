"""What is said where rows are too few: in all, or between missing values."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from longlag.problems._base import Part
from longlag.problems.rows import Span


def too_few_message(
    count: int, training: int, needed: int, held_out: float, timesteps: int, horizon: int
) -> str:
    """The message for too few training rows.

    Args:
        count: All rows.
        training: Those that train.
        needed: Those of an episode.
        held_out: The share of rows that do not train.
        timesteps: Those of an episode.
        horizon: Rows from an input to its target.
    """
    least, over = math.ceil((needed + 2) / (1 - held_out)), needed - training
    ways = [f"{least} rows or more"]
    if timesteps - over > 0:
        ways.append(f"timesteps={timesteps - over} or fewer")
    if horizon - over > 0:
        ways.append(f"horizon={horizon - over} or less")
    *first, last = ways
    use = f"{', '.join(first)}, or {last}" if first else last
    return (
        f"Series: too few rows: an episode takes {needed}, and of {count} rows {training} train. "
        f"Use {use}."
    )


def no_target_message(
    part: Part,
    parts: dict[Part, Span],
    values: NDArray[np.float64],
    target: tuple[int, str],
    horizon: int,
    missing: str,
) -> str:
    """The message where missing values leave a part without targets.

    Args:
        part: The part.
        parts: The rows of each.
        values: All columns.
        target: Index and name of the target column.
        horizon: Rows from an input to its target.
        missing: The treatment of missing inputs.
    """
    (column, name), span = target, parts[part]
    if np.isnan(values[span.begin : span.end, column]).all():
        return (
            f"Series: {name} is missing in all rows of the {part} part "
            f"({span.begin + 1} to {span.end}). Use another column, or other rows."
        )
    remedy = "Use fewer timesteps, or a column that is there."
    if missing == "drop":
        most = _most_rows(values, column, horizon, parts.values())
        fewer = f"timesteps={most} or fewer, " if most else ""
        remedy = f"Use {fewer}missing='mask' or missing='mark'."
    return (
        f"Series: every episode of the {part} part (rows {span.begin + 1} to {span.end}) shows "
        f"a missing value or asks for one. {remedy}"
    )


def _most_rows(
    values: NDArray[np.float64], column: int, horizon: int, parts: Iterable[Span]
) -> int:
    """The most rows without a missing value before a known target of each part; 0 if none."""
    rows = np.arange(len(values))
    gaps = np.maximum.accumulate(np.where(np.isnan(values).any(axis=1), rows, -1))
    known = rows[horizon:][~np.isnan(values[horizon:, column])]
    shown = (rows - gaps)[known - horizon]  # rows since the latest gap
    return min(int(shown[part.holds(known)].max(initial=0)) for part in parts)
