"""Figures in words: how the page writes numbers, intervals, times and lists."""

from __future__ import annotations

import datetime
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from longlag.scores.statistics import Estimate

ASKED = (
    "{subject} Framing {framing}; {seeds}; at most {budget} sequences a trial. Solved: skill of "
    "{solve_at:g} or more."
)
"""What was asked."""

MEASURED = "{subject}: {figure}."
"""What came out."""

INTERVALS = "Intervals of {level}: {source}."
"""What an interval covers."""

OPEN = "Not complete: {what}."
"""What has not run, or failed."""

EXCEPTION = "{rule} Not so: {which}."
"""Where a rule does not hold."""


def number(value: float, digits: int = 3) -> str:
    """A figure with a fixed number of decimals and a true minus sign.

    >>> number(-0.0004), number(-0.25, 2)
    ('0.000', '−0.25')
    """
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def estimate(found: Estimate, digits: int = 3) -> str:
    """A mean with its interval.

    >>> estimate(Estimate(0.5, (0.25, 0.75), (0.4, 0.6)), 2)
    '0.50 [0.25, 0.75]'
    """
    low, high = (number(bound, digits) for bound in found.interval)
    return f"{number(found.mean, digits)} [{low}, {high}]"


def whole(found: Estimate) -> str:
    """A mean of whole numbers with its interval.

    >>> whole(Estimate(1234.5, (1000.0, 2000.0), ()))
    '1,234 [1,000, 2,000]'
    """
    low, high = (f"{bound:,.0f}" for bound in found.interval)
    return f"{found.mean:,.0f} [{low}, {high}]"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things.

    >>> counted(1, "seed"), counted(1200, "trial"), counted(2, "study", "studies")
    ('1 seed', '1,200 trials', '2 studies')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(items: Iterable[object]) -> str:
    """Things in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    texts = [str(item) for item in items]
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def causes(reasons: Iterable[str]) -> str:
    """Reasons, each with how often it is met.

    >>> causes(["stuck", "at chance", "stuck"])
    'stuck (2), at chance (1)'
    """
    return ", ".join(f"{reason} ({count})" for reason, count in Counter(reasons).items())


def duration(seconds: float) -> str:
    """A length of time.

    >>> duration(0.25), duration(75), duration(7500)
    ('0.2 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def moment(written: str) -> str:
    """A moment that a store wrote, to the minute.

    >>> moment("2026-01-31T12:05:09.123+00:00")
    '2026-01-31 12:05 UTC'
    """
    return datetime.datetime.fromisoformat(written).strftime("%Y-%m-%d %H:%M UTC")


def value(given: float | None) -> str:
    """A value of a sequence; nothing where there is none.

    >>> value(3), value(0.25), value(None)
    ('3', '0.25', '')
    """
    return "" if given is None else f"{given:.3g}".replace("-", "−")


def slug(text: str) -> str:
    """A text as part of an address or of a file's name.

    >>> slug("echo-value lag=2 values=10")
    'echo-value-lag-2-values-10'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def slugs(texts: Iterable[str]) -> list[str]:
    """Texts as parts of addresses, numbered where two would be the same.

    >>> slugs(["echo/lag", "echo-lag", "ramp"])
    ['echo-lag', 'echo-lag-2', 'ramp']
    """
    made: dict[str, None] = {}
    for start in map(slug, texts):
        later = (f"{start}-{place}" for place in itertools.count(2))
        made[next(name for name in itertools.chain([start], later) if name not in made)] = None
    return list(made)


def span(values: Sequence[int]) -> str:
    """The first and the last of some numbers.

    >>> span([1, 5, 2]), span([3])
    ('1 to 5', '3')
    """
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
