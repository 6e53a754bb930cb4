"""Finite monoids: tables of products, running products, and the distribution of random ones."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class Monoid:
    """A finite set with an associative product; element 0 is its identity.

    Args:
        table: The product of each pair, `(first, second)`: the first is applied before the second.
        generators: A few elements, of which all others are products.

    >>> cyclic(5).running(np.array([[3, 4, 1]])).tolist()
    [[3, 2, 3]]
    """

    table: NDArray[np.intp]
    generators: tuple[int, ...] = ()

    @property
    def elements(self) -> int:
        """Number of elements."""
        return len(self.table)

    def times(self, first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.intp]:
        """The products of pairs of elements."""
        return np.take(self.table, first * self.elements + second)

    def running(self, elements: NDArray[Any], window: int | None = None) -> NDArray[np.intp]:
        """The product up to each step, `(count, step)`, of the last `window` elements or of all.

        By doubling: the products of 1, 2, 4, … elements, so that no step waits for another.
        """
        steps = elements.shape[1]
        # More than all is all, and a power of two takes the fewest products.
        most = 2 ** max(0, steps - 1).bit_length() if window is None else window
        spans, result = elements.astype(np.intp), np.zeros(elements.shape, np.intp)
        done, size = 0, 1
        while True:
            if most & size:  # these end where those that are done begin
                result = self.times(_later(spans, done), result) if done else spans
                done += size
            if done >= most:
                return result
            spans, size = self.times(_later(spans, size), spans), 2 * size

    def walk(self, letters: NDArray[Any], steps: int) -> NDArray[np.float64]:
        """The distribution of the product of 0, 1, … `steps` letters, each as likely.

        Returns:
            Probabilities, `(steps + 1, element)`.

        >>> cyclic(2).walk(np.array([0, 1, 1]), 2).round(3).tolist()
        [[1.0, 0.0], [0.333, 0.667], [0.556, 0.444]]
        """
        following = self.table[:, letters]
        result = np.zeros((steps + 1, self.elements))
        result[0, 0] = 1
        for step in range(steps):
            share = np.repeat(result[step] / len(letters), len(letters))
            result[step + 1] = np.bincount(following.ravel(), share, self.elements)
        return result


def _later(elements: NDArray[np.intp], steps: int) -> NDArray[np.intp]:
    """The elements some steps later, after identities."""
    result = np.zeros_like(elements)
    result[:, steps:] = elements[:, : elements.shape[1] - steps]
    return result


@functools.lru_cache(64)
def cyclic(size: int) -> Monoid:
    """Addition modulo `size`."""
    each = np.arange(size)
    return Monoid(np.add.outer(each, each) % size, (1,))


@functools.cache
def reset() -> Monoid:
    """The flip-flop: 0 keeps a bit, 1 writes a zero, 2 writes a one."""
    return Monoid(np.array([[0, 1, 2], [1, 1, 2], [2, 1, 2]]), (1, 2))


def permutations(size: int, *, even: bool = False) -> list[tuple[int, ...]]:
    """The permutations of a symmetric or an alternating group, in lexicographic order.

    >>> permutations(3, even=True)
    [(0, 1, 2), (1, 2, 0), (2, 0, 1)]
    """
    every = itertools.permutations(range(size))
    return [each for each in every if not (even and _inversions(each) % 2)]


def _inversions(order: tuple[int, ...]) -> int:
    return sum(a > b for a, b in itertools.combinations(order, 2))


def _permuting(size: int, generators: tuple[tuple[int, ...], ...], *, even: bool = False) -> Monoid:
    orders = permutations(size, even=even)
    number = {order: index for index, order in enumerate(orders)}
    table = [[number[tuple(b[at] for at in a)] for b in orders] for a in orders]
    return Monoid(np.array(table), tuple(number[each] for each in generators))


def _pairs(one: Monoid, other: Monoid) -> Monoid:
    """The direct product: the pair (a, b) has the number a · elements + b."""
    first, second = np.divmod(np.arange(one.elements * other.elements), other.elements)
    table = one.table[np.ix_(first, first)] * other.elements + other.table[np.ix_(second, second)]
    each = (other.elements * a for a in one.generators)
    return Monoid(table, (*each, *other.generators))


@functools.cache
def group(name: str) -> Monoid:
    """A group of the word problems.

    >>> [group(name).elements for name in ("z60", "a4xz5", "a5", "s3", "s5")]
    [60, 60, 60, 6, 120]
    """
    match name:
        case "z60":
            return cyclic(60)
        case "s3":
            return _permuting(3, ((1, 0, 2), (1, 2, 0)))
        case "s5":
            return _permuting(5, ((1, 0, 2, 3, 4), (1, 2, 3, 4, 0)))
        case "a5":
            return _permuting(5, ((1, 2, 0, 3, 4), (1, 2, 3, 4, 0)), even=True)
        case "a4xz5":
            return _pairs(_permuting(4, ((1, 2, 0, 3), (1, 0, 3, 2)), even=True), cyclic(5))
    raise ValueError(f"group: there is no `{name}`. Use z60, a4xz5, a5, s3 or s5.")
