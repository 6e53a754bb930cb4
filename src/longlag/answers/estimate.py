"""Estimates: means over seeds with their intervals."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

FEW = 3
"""Seeds that may be too few for an interval."""

OR_MORE = "or more: a seed ended at its limit"
"""The caveat of a mean that is a lower bound, which has no interval."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval.

    Attributes:
        mean: Mean over seeds.
        interval: Interval of 95 % for the mean over seeds; with one seed it covers only the
            noise of the test sequences, so it is an interval for that one model.
        per_seed: The value of each seed.
        caveat: Why the interval may be far too narrow; else empty.

    >>> print(Estimate(0.5, (0.25, 0.75), (0.4, 0.45, 0.55, 0.6)))
    0.500 [0.250, 0.750]
    >>> print(Estimate(0.5, (0.45, 0.55), (0.5,), "one seed: no interval"))
    0.500 (one seed: no interval)
    >>> print(Estimate(900.0, (900.0, 900.0), (900.0, 900.0), OR_MORE).text(",.0f"))
    900 (or more: a seed ended at its limit)
    """

    mean: float
    interval: tuple[float, float]
    per_seed: tuple[float, ...]
    caveat: str = ""

    @property
    def left_out(self) -> str:
        """Why the interval is not printed: it would not be one over seeds; else empty."""
        few = no_interval(len(self.per_seed))
        if self.caveat == OR_MORE:
            return OR_MORE
        if len(self.per_seed) == 1:
            return few if self.caveat else ""
        return self.caveat if self.caveat in (few, far_apart(len(self.per_seed))) else ""

    def __str__(self) -> str:
        return self.text()

    def text(self, form: str = ".3f") -> str:
        """The mean with its interval, each number in this form.

        >>> Estimate(27380.0, (25000.0, 30000.0), (26000.0, 28760.0)).text(",.0f")
        '27,380 [25,000, 30,000]'
        """
        low, high = self.interval
        figures = format(self.mean, form)
        if self.left_out:
            return f"{figures} ({self.left_out})"
        if math.isfinite(low) and math.isfinite(high):
            figures += f" [{low:{form}}, {high:{form}}]"
        return figures


def no_interval(seeds: int) -> str:
    """Why so few seeds have no interval; empty where they are enough.

    >>> no_interval(1), no_interval(3), no_interval(4)
    ('one seed: no interval', 'too few seeds for an interval', '')
    """
    if seeds > FEW:
        return ""
    return "one seed: no interval" if seeds == 1 else "too few seeds for an interval"


def far_apart(seeds: int) -> str:
    """Why so few seeds have no interval, where as many that are alike have one.

    >>> far_apart(3), far_apart(4)
    ('3 seeds too far apart for an interval', '')
    """
    return f"{seeds} seeds too far apart for an interval" if 1 < seeds <= FEW else ""


def caveats(estimates: Iterable[Estimate]) -> str:
    """The caveats of printed estimates as sentences, each once; empty where none has one.

    Bounds are left out: `OR_MORE` stands beside each of them.

    >>> caveats([Estimate(share, (0.8, 1.0), (share,), "of one seed") for share in (0.9, 1.0)])
    'One seed: no interval.'
    """
    each = dict.fromkeys(estimate.left_out or estimate.caveat for estimate in estimates)
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in each if text not in ("", OR_MORE))
