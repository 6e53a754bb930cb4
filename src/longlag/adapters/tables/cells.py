"""Cells of a column as numbers, in many notations."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from longlag.arrays import EXACT

MISSING = frozenset(
    {"", "na", "n/a", "#na", "#n/a", "<na>", "nan", "-nan", "nat", "null", "none", "?", "-"}
)
"""The cells that mean a missing value, in lower case."""

LONGEST = 300
"""The most characters of a number or a date."""

_CURRENCY = r"(?:[$€£¥₹]|USD|EUR|GBP|JPY|CHF|INR|kr|Rs\.?)"
_THOUSANDS = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?"
_INDIAN = r"[+-]?\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d*)?"
_DECIMAL_COMMA = r"[+-]?(?:\d*,\d+|\d{1,3}(?:\.\d{3})+(?:,\d+)?)"
_POINTS = r"[+-]?[1-9]\d{0,2}(?:\.\d{3}){2,}"  # two or more: certainly between thousands
_SPACES = {"spaces": r"[ \u00a0\u2007\u2009\u202f]", "apostrophes": "['’ʼ`´]"}
_MINUS_AFTER = r"\d[\d.,'’ \u00a0\u202f]* ?-"
_CODE = (
    r"\.{1,3}|\*{1,5}|-{2,}|[–—]|:(?: [a-z])?"  # for a missing value, where the others are numbers
)
_LETTERS = "[bcdefnprsuz]{1,2}"  # of what is provisional, say; no units
_MARK = rf"\s*[*#]| {_LETTERS}| ?\({_LETTERS}\)| ?\[{_LETTERS}\]"
_GROUPED = r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+"
_DECIMAL_POINTS = "decimal points; use --decimal , if the points group thousands"
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE).fullmatch
_MULTIPLES = {"K": 1e3, "M": 1e6, "B": 1e9}


_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_WIDE = re.compile("[\u00a0\u2007\u2009\u202f]")


class Numbers(NamedTuple):
    """A column of cells as numbers.

    Attributes:
        values: `(row,)`, NaN where a cell is missing or not a number.
        faults: `(row,)`, true where a cell is neither a number nor missing.
        notes: The notation of the cells, if it is not plain.
    """

    values: np.ndarray
    faults: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def holds_numbers(self) -> bool:
        """Whether all cells are numbers or missing, and some are numbers."""
        return not self.faults.any() and not np.isnan(self.values).all()


def missing(cells: pd.Series) -> np.ndarray:
    """Where a cell is missing, `(row,)`."""
    pairs = zip(cells.notna(), cells.tolist(), strict=True)
    return np.array([not there or str(cell).strip().lower() in MISSING for there, cell in pairs])


def shortened(cell: object) -> object:
    """A text as it is, or, if it is too long for a number or a date, its beginning after a mark."""
    text = str(cell) if isinstance(cell, list | tuple | dict | np.ndarray) else cell
    if not isinstance(text, str) or len(text) <= LONGEST or len(text := text.strip()) <= LONGEST:
        return text
    return f"…{text[:LONGEST]}"


def visible(text: str) -> str:
    """A text without characters of no width, such as marks of an encoding, and with plain spaces.

    >>> visible("\\ufeffday\\u200b"), visible("3\\u00a0500")
    ('day', '3 500')
    """
    return text if text.isascii() else _WIDE.sub(" ", _UNSEEN.sub("", text))


def is_code(cell: str) -> bool:
    """Whether a cell stands for a missing value where the others are numbers."""
    return re.fullmatch(_CODE, cell.strip()) is not None


def numbers(
    cells: pd.Series,
    *,
    decimal: str | None = None,
    doubtful: str = ".",
    points: str = ".",
    commas: str = ".",
) -> Numbers:
    """A column as numbers.

    Plain numbers, or with a decimal comma, separators between thousands (`1,234.5`, `1.234,5`,
    `1 234`, `1'234`, `1,23,456`), a currency, a per cent sign, K, M or B for a thousand, million or
    billion, or parentheses for a negative number.

    Args:
        cells: The column: text, or numbers.
        decimal: The decimal mark, `.` or `,`; detected by default.
        doubtful: The decimal mark if cells such as `1,234` leave it open.
        points: The decimal mark if cells such as `1.234` beside `809` leave it open.
        commas: The decimal mark if cells such as `1,234` beside `809` leave it open.

    >>> numbers(pd.Series(["1,100.94", "", "$20"])).values.tolist()
    [1100.94, nan, 20.0]
    """
    blank = missing(cells).copy()
    if pd.api.types.is_bool_dtype(cells) or pd.api.types.is_datetime64_any_dtype(cells):
        return Numbers(np.full(len(cells), np.nan), ~blank)
    if pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        return Numbers(np.where(np.isinf(values), np.nan, values), np.isinf(values))
    if decimal != "," and (values := _all_plain(cells.tolist(), decimal)) is not None:
        return Numbers(np.where(np.isinf(values), np.nan, values), np.isinf(values))
    texts = cells[~blank].map(lambda cell: "" if isinstance(cell, bool) else str(cell)).str.strip()
    coded, codes = texts.str.fullmatch(_CODE), list[str]()
    if coded.any() and not coded.all():
        counts = texts[coded].value_counts()
        codes = [f"`{code}` read as missing ({count:,})" for code, count in counts.items()]
        blank[np.flatnonzero(~blank)[coded]] = True
        texts = texts[~coded]
    plain = texts.str.replace("−", "-").map(_number).astype(float)
    notes: list[str] = []
    if decimal == "," or plain.isna().any() or (decimal is None and _may_be_grouped(texts)):
        plain, notes = _parse(texts, decimal, doubtful, points, commas)
    elif decimal is None and points == "," and len(texts) and texts.str.fullmatch(_GROUPED).all():
        notes = [_DECIMAL_POINTS]
    notes += codes
    values = np.full(len(cells), np.nan)
    values[~blank] = plain.to_numpy(dtype=np.float64, na_value=np.nan)
    faults = ~blank & ~np.isfinite(values)
    return Numbers(np.where(faults, np.nan, values), faults, tuple(notes))


def rounded(cells: pd.Series, values: np.ndarray) -> int | None:
    """The first row whose whole number is another one in its values; None without.

    >>> text = pd.Series(["9,007,199,254,740,992", "9007199254740993"])
    >>> rounded(text, numbers(text).values)
    1
    """
    for row in np.flatnonzero(np.abs(values) >= EXACT).tolist():
        text, near = str(cells.iloc[row]), str(int(abs(values[row])))
        if isinstance(cells.iloc[row], float) or re.search(r"\d[eEKMB]", text):
            continue
        digits = re.sub(r"\D", "", text).lstrip("0")
        if digits[: len(near)] != near or digits[len(near) :].strip("0"):
            return row
    return None


def _all_plain(cells: list[object], decimal: str | None) -> np.ndarray | None:
    """The numbers of a column of plain numbers and empty cells, without pandas; else None."""
    texts = [cell for cell in cells if isinstance(cell, str) and (not cell or _PLAIN(cell))]
    if len(texts) < len(cells):
        return None
    if decimal is None and any(re.fullmatch(_GROUPED, text) for text in texts):
        return None
    return np.array([float(text or "nan") for text in texts])


def _number(text: str) -> float:
    """A plain number, rounded as Python rounds it; NaN for anything else."""
    try:
        return np.nan if "_" in text else float(text)
    except ValueError:
        return np.nan


def _may_be_grouped(text: pd.Series, mark: str = ".") -> bool:
    """Whether each mark is before three digits, and numbers without one have at most three."""
    grouped = text.str.fullmatch(_GROUPED.replace(r"\.", re.escape(mark)))
    whole = text.str.fullmatch(r"[+-]?\d{1,3}")
    return bool(grouped.any() and whole.any() and (grouped | whole).all())


def _parse(
    cells: pd.Series, decimal: str | None, doubtful: str, points: str, commas: str
) -> tuple[pd.Series, list[str]]:
    """The numbers of cells that are not all plain, and notes on their notation."""
    notes: list[str] = []

    def strip(text: pd.Series, pattern: str, note: str) -> pd.Series:
        if text.str.contains(pattern).any():
            notes.append(note)
        return text.str.replace(pattern, "", regex=True)

    text = cells.str.replace("−", "-")
    negative = text.str.fullmatch(r"\(\D*\d.*\)")
    if negative.any():
        notes.append("negative numbers in parentheses")
        text = text.where(~negative, "-" + text.str.slice(1, -1))
    after = text.str.fullmatch(_MINUS_AFTER)
    if after.any():
        notes.append("minus signs after numbers")
        text = text.mask(after, "-" + text.str.rstrip("- "))
    text = strip(text, rf"^{_CURRENCY}\s*|(?<!\s)\s*{_CURRENCY}$", "a currency")
    text = text.str.replace(rf"^-\s*{_CURRENCY}\s*", "-", regex=True)
    plain_and_per_cent = per_cent_mixed(text)
    text = strip(text, r"(?<=\d)\s*%$", "per cent")
    text = strip(text, rf"(?<=\d)(?:{_MARK})$", "marks such as * after numbers left out")
    letter = text.str.extract(r"\d([KMB])$", expand=False)
    if letter.notna().any():
        notes.append("K, M, B for a thousand, million, billion")
        text = text.str.replace(r"[KMB]$", "", regex=True)
    for name, space in _SPACES.items():
        spaced = text.str.fullmatch(rf"[+-]?\d{{1,3}}(?:{space}\d{{3}})+(?:[.,]\d*)?")
        if spaced.any():
            notes.append(f"{name} between thousands")
            text = text.mask(spaced, text.str.replace(space, "", regex=True))
    mark = decimal or _decimal_mark(text, doubtful)
    if mark == "," and text.str.fullmatch(_POINTS).any():
        notes.append("points between thousands")
    elif decimal is None and mark == "," and _may_be_grouped(text, ","):
        mark = commas
    elif decimal is None and _may_be_grouped(text):
        mark = points
        notes.append(
            "points between thousands; use --decimal . if they are decimal points"
            if points == ","
            else _DECIMAL_POINTS
        )
    if mark == ",":
        with_commas = text[text.str.contains(",")]
        if len(with_commas):
            grouped = decimal is None and with_commas.str.fullmatch(_THOUSANDS).all()
            hint = "; use --decimal . if the commas group thousands" if grouped else ""
            notes.append(f"decimal commas{hint}")
        fits = text.str.fullmatch(_DECIMAL_COMMA)
        plain = text.str.replace(".", "").str.replace(",", ".")
    else:
        indian = text.str.fullmatch(_INDIAN)
        fits = text.str.fullmatch(_THOUSANDS) | indian
        if fits.any():
            notes.append(f"commas between thousands{', as in 1,23,456' if indian.any() else ''}")
        plain = text.str.replace(",", "")
    values = text.where(~fits, plain).map(_number).astype(float)
    if mark == "," and decimal is None:  # a dot before three digits separates thousands
        dotted = text.str.fullmatch(r"[+-]?\d+\.\d+") & ~fits
        values = values.where(~dotted)
    values = values.where(~plain_and_per_cent)
    return values * letter.map(_MULTIPLES).fillna(1.0), notes


def per_cent_mixed(text: pd.Series) -> pd.Series:
    """The rarer of cells with and without a per cent sign, `(row,)`; a 0 needs none."""
    signed = text.str.contains(r"\d\s*%$")
    other = text.map(_number).fillna(0).ne(0) & ~signed
    if not (signed.any() and other.any()):
        return signed & False
    return other if other.sum() <= signed.sum() else signed


def _decimal_mark(text: pd.Series, doubtful: str) -> str:
    commas = text[text.str.contains(",")]
    if not len(commas):
        return "," if text.str.fullmatch(_POINTS).any() else "."
    if not commas.str.fullmatch(_DECIMAL_COMMA).all():
        return "."
    return doubtful if commas.str.fullmatch(_THOUSANDS).all() else ","
