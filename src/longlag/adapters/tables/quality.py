"""Cells of a value and its quality code, such as `+0123,1`, as in the files of NOAA."""

from __future__ import annotations

import re

import pandas as pd

_SAMPLE = 50  # rows
_SIGNED = r"[+-]0\d{3,4},\w"
_ANY = r"[+-]?(\d{4,6}),\w"


def parted(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """A table with the values alone, and a note for each such column.

    A value of nines is missing. Without a column of signed values with leading zeros, which no
    decimal comma has, the cells stay as they are.

    >>> frame, notes = parted(pd.DataFrame({"TMP": ["+0123,1", "-0004,1", "+9999,9"]}))
    >>> frame["TMP"].tolist(), notes
    (['+0123', '-0004', ''], {'TMP': 'codes after commas left out; 9999 read as missing (1)'})
    """
    if not any(re.fullmatch(_SIGNED, str(cell)) for cell in frame.iloc[:_SAMPLE].to_numpy().flat):
        return frame, {}
    notes: dict[str, str] = {}
    parts: dict[str, pd.Series] = {}
    for name in frame.columns:
        text = frame[name].astype(str).str.strip()
        digits = text.str.extract(f"^{_ANY}$", expand=False)
        if digits.isna().any():
            continue
        absent = digits.str.fullmatch("9{4,}")
        parts[name] = text.str.split(",").str[0].mask(absent, "")
        notes[name] = "codes after commas left out"
        if absent.any():
            notes[name] += f"; {digits[absent].iloc[0]} read as missing ({int(absent.sum()):,})"
    return frame.assign(**parts), notes
