"""Nested expressions: their symbols, their values, and which strings are one.

A digit d, −d, (d) and (−d) are expressions of 1 to 4 symbols; a longer one is (A + B) or (A − B).
Symbols are numbers: the digits below the modulus, then those of `SYMBOLS`.
"""

from __future__ import annotations

import functools
import re

import numpy as np
from numpy.typing import NDArray

SYMBOLS = "+-()"
PLUS, MINUS, OPEN, CLOSE = range(4)

_ATOM = re.compile(rb"\(-?d\)")
_OPERATION = re.compile(rb"\((?:-?d|E)[+-](?:-?d|E)\)")


def expressions(drawn: NDArray[np.float64], modulus: int) -> NDArray[np.int32]:
    """Random expressions from uniform numbers, one for each symbol, `(count, symbol)`.

    All parts of one depth are written at once.
    """
    count, length = drawn.shape
    symbols = (drawn * modulus).astype(np.int32)
    rows, start, size = np.arange(count), np.zeros(count, int), np.full(count, length)

    while len(rows):
        last, whole = start + size - 1, size > 4
        left = 1 + (drawn[rows, start] * (size - 4)).astype(int)
        middle = np.where(whole, start + 1 + left, start)
        plus = drawn[rows, middle] < 0.5
        for symbol, which, at in (
            (MINUS, (size == 2) | (size == 4), np.where(size == 2, start, start + 1)),
            (OPEN, size > 2, start),
            (CLOSE, size > 2, last),
            (PLUS, whole & plus, middle),
            (MINUS, whole & ~plus, middle),
        ):
            symbols[rows[which], at[which]] = modulus + symbol
        rows, both = rows[whole], (start[whole] + 1, middle[whole] + 1)
        sizes = left[whole], (last - middle - 1)[whole]
        rows, start, size = np.tile(rows, 2), np.concatenate(both), np.concatenate(sizes)
    return symbols


def values(symbols: NDArray[np.int32], modulus: int) -> NDArray[np.int32]:
    """The value of each expression, modulo `modulus`, `(count,)`.

    The sum of its digits, each with the sign that the minuses before it and before the brackets
    around it give.
    """
    minus, opens, closes = (symbols == modulus + each for each in (MINUS, OPEN, CLOSE))
    depth = opens.cumsum(axis=1) - closes.cumsum(axis=1)
    padded = np.pad(minus, ((0, 0), (2, 0)))
    turned = padded[:, 1:-1] & ~padded[:, :-2]  # two minuses are none
    negative, steps = turned.copy(), np.arange(symbols.shape[1])
    for level in range(1, int(depth.max(initial=0)) + 1):
        began = np.maximum.accumulate(np.where(opens & (depth == level), steps, 0), axis=1)
        negative ^= np.take_along_axis(turned, began, axis=1) & (depth >= level)
    digits = np.where(symbols < modulus, symbols, 0)
    return (np.where(negative, -digits, digits).sum(axis=1) % modulus).astype(np.int32)


def valid(symbols: NDArray[np.int32], modulus: int) -> NDArray[np.bool_]:
    """Which strings are expressions, `(count,)`: those that can be reduced to one."""
    letters = np.frombuffer(b"d" * modulus + SYMBOLS.encode() + b"?", np.uint8)
    text = letters[np.minimum(symbols, modulus + len(SYMBOLS))]
    lines = np.pad(text, ((0, 0), (0, 1)), constant_values=ord("\n")).tobytes()
    lines, changes = _ATOM.subn(b"E", lines)[0], 1
    while changes:
        lines, changes = _OPERATION.subn(b"E", lines)
    return np.array([each in (b"d", b"-d", b"E") for each in lines.split(b"\n")[:-1]])


@functools.lru_cache(256)
def places(length: int) -> tuple[frozenset[int], frozenset[int]]:
    """Where an expression of this length may have a digit, and a sign between two parts.

    >>> [sorted(each) for each in places(6)]
    [[1, 2, 4], [2, 3]]
    """
    if length < 5:
        return frozenset({(0, 1, 1, 2)[length - 1]}), frozenset()
    digits, signs = set[int](), set[int]()
    for left in range(1, length - 3):
        signs.add(1 + left)
        for start, size in ((1, left), (2 + left, length - 3 - left)):
            inner = places(size)
            digits |= {start + each for each in inner[0]}
            signs |= {start + each for each in inner[1]}
    return frozenset(digits), frozenset(signs)
