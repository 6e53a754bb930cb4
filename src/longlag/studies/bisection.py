"""The search of one seed: doubling, then bisection."""

from __future__ import annotations

import functools
import math


class Bisection:
    """Where the outcome changes from that of small values to that of large ones.

    It doubles the value from the first one on while the outcome stays, then halves the gap.

    Args:
        first: The smallest value.
        last: The largest value.
        resolution: Gap, as a share of the smaller of two neighbours, that ends it.
        solved_first: Whether small values are the solved ones, as of a lag; those of a size are
            not.
    """

    def __init__(self, first: int, last: int, resolution: float, *, solved_first: bool):
        self.first, self.last, self.resolution = first, last, resolution
        self.solved_first = solved_first
        self.solves: dict[int, bool] = {}
        self.unfit = set[int]()
        self.running: int | None = None
        self.failed = False  # whether a trial failed

    @property
    def below(self) -> int:
        """The largest value before the change; 0 for none."""
        before = (v for v, s in self.solves.items() if s == self.solved_first and v < self.above)
        return max(before, default=0)

    @property
    def above(self) -> float:
        """The smallest value after the change; infinite for none."""
        after = (v for v, s in self.solves.items() if s != self.solved_first)
        return min(after, default=math.inf)

    @property
    def end(self) -> int | None:
        """The solved value beside the change; None for none."""
        value = self.below if self.solved_first else self.above
        return int(value) if 0 < value < math.inf else None

    def next_value(self) -> int | None:
        """The next value to try; None after the last, or after a failed trial."""
        return None if self.failed else self.value_to_try()

    def value_to_try(self) -> int | None:
        """The next value, also after a failed trial."""
        return self._next(self.below, self.above)

    def _next(self, below: int, above: float) -> int | None:
        if not below:
            return self.first if above == math.inf else None
        if above == math.inf:
            best = min(2 * below, self.last)
            between = range(below + 1, best + 1)
        else:
            gap = int(above) - below
            if gap <= self.resolution * below:
                return None
            best = below + gap // 2
            between = range(below + 1, int(above))
        if best in between and best not in self.unfit:
            return best
        fits = (value for value in between if value not in self.unfit)
        return min(fits, key=lambda value: abs(value - best), default=None)

    def left(self) -> int:
        """The largest possible number of values still to try."""

        @functools.cache
        def most(below: int, above: float) -> int:
            value = self._next(below, above)
            return 0 if value is None else 1 + max(most(value, above), most(below, value))

        return 0 if self.failed else most(self.below, self.above)
