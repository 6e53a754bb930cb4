"""Rows of columns in the order of their times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from longlag.adapters.tables import times
from longlag.adapters.tables.same import Duplicates


def order(
    when: times.Times,
    rows: Sequence[str],
    frame: pd.DataFrame,
    duplicates: Duplicates,
    chosen: Sequence[str],
    columns: Sequence[str],
    known: Mapping[str, np.ndarray],
) -> times.Order:
    """The order of the rows; of irregular ones without those that have no value.

    As of a device that writes what it measures by itself and what its user asks for to two columns.
    """
    certain = columns or (chosen if len(chosen) == 1 else ())
    found = times.in_order(when, rows, frame, duplicates, chosen, certain)
    empty = np.all([np.isnan(known[name]) for name in chosen], axis=0)
    if found.regular or not empty.any() or empty.all():
        return found
    kept = np.flatnonzero(~empty)
    with_values = times.in_order(
        when._replace(values=when.values.reset_index(drop=True).iloc[kept]),
        [rows[row] for row in kept.tolist()],
        frame.reset_index(drop=True).iloc[kept],
        duplicates,
        chosen,
        certain,
    )
    note = f"{empty.sum():,} rows without a value left out, since the rows are irregular"
    return with_values._replace(
        rows=np.where(with_values.rows < 0, -1, kept[with_values.rows]),
        notes=(*with_values.notes, note),
        merged=with_values.merged and [kept[each] for each in with_values.merged],
    )


def values(
    columns: Float[np.ndarray, "row column"], order: times.Order
) -> Float[np.ndarray, "ordered column"]:
    """Columns in an order of rows, NaN in those that are absent."""
    rows = np.full((len(order.rows), columns.shape[1]), np.nan)
    present = order.rows >= 0
    rows[present] = columns[order.rows[present]]
    if order.merged is not None:
        for row in np.flatnonzero(present):
            same = columns[order.merged[row]]
            for column in range(same.shape[1]):
                numbers = same[:, column][~np.isnan(same[:, column])]
                rows[row, column] = numbers.mean() if len(numbers) else np.nan
    return rows
