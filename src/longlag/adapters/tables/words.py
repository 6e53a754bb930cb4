"""Words among the numbers of a column, such as `n/e` or `Ice`, and the flags that name them."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterable

import numpy as np
import pandas as pd

from longlag.adapters.tables.cells import Numbers

FEW_FAULTS = 0.1
"""The share of cells that are no numbers below which a column is one of numbers, but for those."""

_MAX_WORDS, _MAX_WORD = 5, 20  # different words among numbers, and their characters, at most


def among(column: Numbers, text: pd.Series) -> dict[str, int]:
    """The few words that a column has among its numbers, with their counts; else none.

    >>> from longlag.adapters.tables.cells import numbers
    >>> text = pd.Series(["1.5", "Ice", "2", "Ice"])
    >>> among(numbers(text), text)
    {'Ice': 2}
    """
    if not column.faults.any() or np.isnan(column.values).all():
        return {}
    counts = text[column.faults].map(lambda cell: str(cell).strip()).value_counts()
    short = counts.index.str.len().max() <= _MAX_WORD
    again = len(counts) == 1 or counts.sum() >= 2 * len(counts)
    few = len(counts) <= _MAX_WORDS and (again or column.faults.mean() < FEW_FAULTS)
    if not (short and few) or any(map(_is_number, counts.index)):
        return {}
    return {str(word): int(count) for word, count in counts.items()}


def is_limit(word: str) -> bool:
    """Whether a word is a value of which only a limit is known, as `<1` of Google Trends."""
    return bool(re.fullmatch(r"[<>≤≥]=?\s*\d+([.,]\d+)?", word))


def units(text: pd.Series) -> list[str]:
    """The few units that stand after the numbers of all cells, the most frequent first; or none.

    >>> units(pd.Series(["1.5 kW", "2 kW", "900 W"])), units(pd.Series(["a 1", "2 kW"]))
    (['kW', 'W'], [])
    """
    parts = text.astype(str).str.extract(r"^\s*[+-]?\d[\d.,]*\s*((?:[^\W\d_]|°)[\w/°²³]{0,9})\s*$")[
        0
    ]
    counts = parts.value_counts()
    return [] if parts.isna().any() or len(counts) > _MAX_WORDS else list(counts.index)


def missing_codes(words: Iterable[str]) -> str:
    """The flags that make words missing."""
    return " ".join(flag("--missing-code", word) for word in words)


def flag(name: str, value: str) -> str:
    """A flag with its value, to be pasted.

    >>> flag("--column", "a b"), flag("--missing-code", "-x")
    ("--column 'a b'", '--missing-code=-x')
    """
    return f"{name}{'=' if value.startswith('-') else ' '}{shlex.quote(value)}"


def _is_number(word: str) -> bool:
    """Whether a flag would take a word for a number, such as inf."""
    with contextlib.suppress(ValueError):
        float(word)
        return True
    return False
