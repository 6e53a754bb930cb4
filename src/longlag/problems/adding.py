"""Adding and multiplication: a calculation with two marked values among many."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Ladder, Steps, Values
from longlag.problems.at_end import AtEnd, below
from longlag.problems.channels import Channels
from longlag.problems.specs import Reals

Variant = Literal["halves", "anywhere", "1997"]

TOLERANCE = 0.04
"""Distance from the target that is right, in 1997 and here."""

_FIRST = 10  # pairs, of which the one that is marked first is chosen

_FEWEST = {"halves": 2, "anywhere": 2, "1997": 2 * _FIRST}  # pairs


class _Shares(NamedTuple):
    """Share of right answers of the best guess, where two values count or only one, by how many
    of these the predictor knows.
    """

    one_of_two: float
    none_of_two: float
    none_of_one: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Marked(AtEnd):
    """Pairs of a value and a mark; the target is made of the marked values."""

    group: ClassVar[str] = "recall by mark"
    ladder: ClassVar[Ladder] = Ladder("length", (20, 50, 100, 200, 500, 1000))
    _shares: ClassVar[dict[bool, _Shares]]
    """By whether the variant is that of 1997."""
    _neutral: ClassVar[float]
    """The value, of 1997, of a first pair that is picked."""

    length: int = knob(20, "Pairs per sequence; with variant 1997 at least.", at_least=2)
    variant: Variant = knob("halves", "Where the marks are, and from what range the values.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length < (fewest := _FEWEST[self.variant]):
            raise ValueError(
                f"{type(self).__name__}: `length` must be at least {fewest} with variant "
                f"{self.variant}, got {self.length}. Use length={fewest} or more."
            )

    @property
    def _published(self) -> bool:
        return self.variant == "1997"

    @property
    def _lowest(self) -> float:
        """The least value."""
        return 0.0

    @property
    def inputs(self) -> Channels:
        marks = Reals(low=-1.0 if self._published else 0.0, high=1.0)
        return Channels({"value": Reals(low=self._lowest, high=1.0), "mark": marks})

    @property
    def targets(self) -> Reals:
        return Reals(tolerance=TOLERANCE)

    @property
    def shortest(self) -> int:
        return self.length

    @property
    def steps(self) -> int:
        return self.length + (self.length // 10 if self._published else 0)

    def draw(self, rng, count):
        drawn = rng.random((count, 3 + self.steps), dtype=np.float32)
        rows = np.arange(count)
        inputs = np.empty((count, self.steps, 2), np.float32)
        inputs[..., 0] = drawn[:, 3:] * np.float32(1 - self._lowest) + np.float32(self._lowest)
        inputs[..., 1] = 0
        one, two = self._places(drawn[:, 0], drawn[:, 1])
        inputs[rows, one, 1] = inputs[rows, two, 1] = 1
        lengths = self.uniform_lengths(drawn[:, 2])
        if self._published:
            # The mark of the first pair says that it is the first, also where that is picked.
            inputs[:, 0, 1] = inputs[rows, lengths - 1, 1] = -1
            inputs[(one == 0) | (two == 0), 0, 0] = self._neutral
            inputs[np.arange(self.steps) >= lengths[:, None]] = 0
        return self.asked(inputs, lengths)

    def _places(
        self, first: NDArray[np.float32], second: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The two pairs that are picked, from two columns of uniform reals."""
        half = self.length // 2
        if self.variant == "halves":
            return below(first, half), half + below(second, self.length - half)
        among, others = (_FIRST, half - 1) if self._published else (self.length, self.length - 1)
        one, two = below(first, among), below(second, others)
        return one, two + (two >= one)  # one that is still unmarked

    def _pairs(self) -> NDArray[np.float64]:
        """The probability that one pair and another are picked, `(step, step)`, symmetric."""
        share, half = np.zeros((self.steps, self.steps)), self.length // 2
        if self.variant == "halves":
            share[:half, half:] = 1 / (half * (self.length - half))
        elif self._published:
            share[:_FIRST, :half] = 1 / (_FIRST * (half - 1))
        else:
            share[:] = 1 / (self.length * (self.length - 1))
        np.fill_diagonal(share, 0)
        return (share + share.T) / 2

    def needs(self) -> NDArray[np.bool_]:
        counts = np.asarray(self._pairs().any(axis=0))
        if self._published:
            counts[0] = False
        return np.outer(self.scored(), counts)

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        return np.outer(self.scored(), inputs[:, 1] == 1)

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        marks, steps = inputs[..., 1], np.arange(self.steps)
        marked = marks == 1
        plain = np.asarray((marked | (marks == 0)).all(axis=1))
        half = self.length // 2
        if self.variant == "anywhere":
            return plain & (marked.sum(axis=1) == 2)
        if self.variant == "halves":
            return plain & (marked[:, :half].sum(axis=1) == 1) & (marked.sum(axis=1) == 2)
        last = self.steps - 1 - (marks == -1)[:, ::-1].argmax(axis=1)
        edge = (steps == 0) | (steps == last[:, None])
        kept = np.where(edge, marks == -1, marked | (marks == 0)).all(axis=1)
        after = (steps > last[:, None]) & (inputs != 0).any(axis=-1)
        count, early = marked.sum(axis=1), marked[:, :_FIRST].any(axis=1)
        alone = inputs[:, 0, 0] == self._neutral
        placed = np.where(alone, count == 1, (count == 2) & early)
        inside = ~marked[:, half:].any(axis=1) & (last >= self.shortest - 1)
        return kept & ~after.any(axis=1) & placed & inside

    @property
    def _first_picked(self) -> float:
        """Probability that the first pair is picked, which then does not count."""
        half = self.length // 2
        return 1 / _FIRST + (1 - 1 / _FIRST) / (half - 1) if self._published else 0.0

    def chance_by_step(self) -> NDArray[np.float64]:
        alone, shares = self._first_picked, self._shares[self._published]
        best = (1 - alone) * shares.none_of_two + alone * shares.none_of_one
        return np.full(self.steps, best)

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        # The best guess is the same whether one or two values count, so that shares add up.
        shares, pairs = self._shares[self._published], self._pairs()
        alone = np.zeros(self.steps)
        if self._published:
            alone = 2 * pairs[0]
            pairs[0] = pairs[:, 0] = 0
        seen = (sees & np.tri(self.steps, dtype=bool)).astype(np.float64)
        by_first = seen @ pairs
        both = (by_first * seen).sum(axis=1)
        either = 2 * (by_first.sum(axis=1) - both)
        neither = pairs.sum() - both - either
        known = seen @ alone
        found = both + either * shares.one_of_two + neither * shares.none_of_two
        return found + known + (alone.sum() - known) * shares.none_of_one

    def _kept(self, inputs: Values) -> tuple[Values, NDArray[np.bool_]]:
        """The values in double precision, and whether each is marked."""
        return inputs[..., 0].astype(np.float64), inputs[..., 1] == 1

    def _last_marked(self, inputs: Values) -> Values:
        """The value that was marked last, up to each step; 0 before any."""
        values, marked = self._kept(inputs)
        last = np.maximum.accumulate(np.where(marked, np.arange(self.steps), -1), axis=1)
        found = np.take_along_axis(values, np.maximum(last, 0), axis=1)
        return np.where(last >= 0, found, 0)

    def _error(self, mean: float, square: float, steps: Steps | None) -> float:
        del steps  # the same at all
        return math.sqrt(square - mean**2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adding(_Marked):
    """What is the sum of the two marked values?

    Each step shows a pair: a value drawn uniformly, and a mark. Two of the pairs have the mark 1.
    The target, at the last step alone, is the sum of their values.

    Args:
        length: Pairs in a sequence, at least 2; 20 with variant 1997, where the length is drawn
            uniformly from length … length + length // 10.
        variant: `halves`: values from [0, 1), one mark in each half, the form that is usual
            today. `anywhere`: values from [0, 1), marks at two different places. `1997`, the first
            form: values from [-1, 1); the first mark in one of the first 10 pairs, the second in
            one of the first length // 2 - 1 that are still unmarked; the mark of the first and
            the last pair is -1, and a first pair that is picked has the value 0; the target is
            0.5 + sum / 4.

    Shapes: inputs `(count, steps, 2)` float32, the value and the mark; targets `(count, steps)`
        float32; scored `(count, steps)` bool, true at the last step.

    Scores: share of answers within 0.04 of the target. Chance 0.0784, that of a constant 1, whose
        mean squared error is 1/6; with variant 1997 0.154 and 0.5; ceiling 1.

    Ladder: length 20, 50, 100, 200, 500, 1000.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Hochreiter and Schmidhuber (1997), experiment 4; both marks in halves or anywhere
        since.

    >>> import numpy as np
    >>> inputs, targets, _ = Adding(length=4).draw(np.random.default_rng(3), 1)
    >>> inputs[0].astype(float).round(2).tolist(), targets[0, -1].astype(float).round(2).item()
    ([[0.24, 0.0], [0.18, 1.0], [0.8, 1.0], [0.87, 0.0]], 0.98)
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997), experiment 4"
    separates: ClassVar[str] = "models that keep two reals over a long lag from those that keep one"

    _neutral: ClassVar[float] = 0.0

    # The sum of two uniform reals is triangular, of one that is known flat.
    _shares: ClassVar[dict[bool, _Shares]] = {
        False: _Shares(2 * TOLERANCE, 1 - (1 - TOLERANCE) ** 2, 2 * TOLERANCE),
        True: _Shares(4 * TOLERANCE, 1 - (1 - 2 * TOLERANCE) ** 2, 4 * TOLERANCE),
    }

    @property
    def _lowest(self) -> float:
        return -1.0 if self._published else 0.0

    def oracle(self, inputs: Values) -> Values:
        values, marked = self._kept(inputs)
        total = np.where(marked, values, 0).cumsum(axis=1)
        return (0.5 + total / 4 if self._published else total).astype(np.float32)

    def chance_error(self, steps: Steps | None = None) -> float:
        if not self._published:
            return self._error(0, 1 / 6, steps)
        return self._error(0, (2 - self._first_picked) / 3 / 16, steps)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        last = self._last_marked(inputs)
        guess = 0.5 + last / 4 if self._published else 0.5 + last
        return {"the last marked value with the mean for the other": guess.astype(np.float32)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Multiplication(_Marked):
    """What is the product of the two marked values?

    Each step shows a pair: a value drawn uniformly from [0, 1), and a mark. Two of the pairs have
    the mark 1. The target, at the last step alone, is the product of their values.

    Args:
        length: Pairs in a sequence, at least 2; 20 with variant 1997, where the length is drawn
            uniformly from length … length + length // 10.
        variant: `halves`: one mark in each half. `anywhere`: marks at two different places.
            `1997`, the published form: the first mark in one of the first 10 pairs, the second in
            one of the first length // 2 - 1 that are still unmarked; the mark of the first and
            the last pair is -1, and a first pair that is picked has the value 1.

    Shapes: inputs `(count, steps, 2)` float32, the value and the mark; targets `(count, steps)`
        float32; scored `(count, steps)` bool, true at the last step.

    Scores: share of answers within 0.04 of the target. Chance 0.282, that of a constant 0.04,
        since products are mostly small; with variant 1997 and length 100 0.258; ceiling 1.

    Ladder: length 20, 50, 100, 200, 500, 1000.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Hochreiter and Schmidhuber (1997), experiment 5.

    >>> import numpy as np
    >>> inputs, targets, _ = Multiplication(length=4).draw(np.random.default_rng(3), 1)
    >>> inputs[0].astype(float).round(2).tolist(), targets[0, -1].astype(float).round(2).item()
    ([[0.24, 0.0], [0.18, 1.0], [0.8, 1.0], [0.87, 0.0]], 0.15)
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997), experiment 5"
    separates: ClassVar[str] = "models that multiply what they keep from those that add it up"

    _neutral: ClassVar[float] = 1.0

    # P(xy ≤ z) = z - z ln z, and of x known the best interval holds z / x: on average the same.
    _shares: ClassVar[dict[bool, _Shares]] = dict.fromkeys(
        (False, True),
        _Shares(
            2 * TOLERANCE * (1 - math.log(2 * TOLERANCE)),
            2 * TOLERANCE * (1 - math.log(2 * TOLERANCE)),
            2 * TOLERANCE,
        ),
    )

    def oracle(self, inputs: Values) -> Values:
        values, marked = self._kept(inputs)
        return np.where(marked, values, 1).cumprod(axis=1).astype(np.float32)

    def chance_error(self, steps: Steps | None = None) -> float:
        alone = self._first_picked
        mean = (1 - alone) / 4 + alone / 2
        return self._error(mean, (1 - alone) / 9 + alone / 3, steps)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        guess = self._last_marked(inputs) / 2
        return {"half of the last marked value": guess.astype(np.float32)}
