"""Format of numbers, intervals, times and lists on the page."""

from __future__ import annotations

import datetime
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from longlag.answers.estimate import Estimate, no_interval

# Templates of a result, of the source of an interval, and of an incomplete part.
MEASURED = "{subject}: {figure}."
INTERVALS = "Intervals of {level}: {source}."
OPEN = "Not complete: {what}."
SKILL = "0 is chance, below 0 worse, 1 the best on the problem"
"""What the values of a skill mean."""


def number(value: float, digits: int = 3) -> str:
    """A figure with a fixed number of decimals and a true minus sign.

    >>> number(-0.0004), number(-0.25, 2), number(1234.5, 0)
    ('0.000', '−0.25', '1,234')
    """
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−" if text.strip("-0.") else "")


def bounds(estimate: Estimate, digits: int = 9) -> tuple[float, float] | tuple[None, None]:
    """The interval of an estimate, rounded; None if it has zero width or infinite ends."""
    low, high = estimate.interval
    if low < high and math.isfinite(high - low) and not estimate.left_out:
        return round(low, digits), round(high, digits)
    return None, None


def interval(estimate: Estimate, digits: int = 3) -> str:
    """The interval of an estimate, or why there is none.

    >>> interval(Estimate(0.5, (0.25, 0.75), (0.4, 0.6)), 2)
    '[0.25, 0.75]'
    >>> interval(Estimate(0.5, (0.5, 0.5), (0.5,)))
    'one seed: no interval'
    """
    low, high = bounds(estimate)
    if low is None or high is None:
        few = estimate.left_out or no_interval(len(estimate.per_seed))
        return few or "all seeds equal: no interval"
    return f"[{number(low, digits)}, {number(high, digits)}]"


def with_interval(estimate: Estimate, digits: int = 3) -> str:
    """A mean with its interval.

    >>> with_interval(Estimate(0.5, (0.25, 0.75), (0.4, 0.6)), 2)
    '0.50 [0.25, 0.75]'
    >>> with_interval(Estimate(0.5, (0.5, 0.5), (0.5, 0.5)), 1)
    '0.5 (too few seeds for an interval)'
    """
    text = interval(estimate, digits)
    return f"{number(estimate.mean, digits)} {text if text[0] == '[' else f'({text})'}"


def within(estimate: Estimate, least: float, most: float = math.inf) -> Estimate:
    """An estimate with its interval, if finite, clipped to the possible range.

    >>> within(Estimate(0.5, (-0.25, 0.75), (0.4, 0.6)), 0).interval
    (0, 0.75)
    """
    low, high = estimate.interval
    if math.isfinite(high - low):
        low, high = max(low, least), min(high, most)
    return Estimate(estimate.mean, (low, high), estimate.per_seed, estimate.caveat)


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 seed`, `1,200 trials`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(items: Iterable[object]) -> str:
    """Items as an enumeration: `a, b and c`."""
    texts = [str(item) for item in items]
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def later_versions(versions: Mapping[str, int]) -> str:
    """A sentence about the problems that are no longer at their first version; empty without.

    >>> later_versions({"ramp": 1}), later_versions({"ramp": 1, "echo-lag": 2})
    ('', ' Version 2 of echo-lag.')
    """
    later = (f"version {number} of {name}" for name, number in versions.items() if number > 1)
    text = listed(later)
    return f" {text[0].upper()}{text[1:]}." if text else ""


def causes(reasons: Iterable[str]) -> str:
    """Reasons with their counts: `stuck (2), at chance (1)`."""
    return ", ".join(f"{reason} ({count})" for reason, count in Counter(reasons).items())


def duration(seconds: float) -> str:
    """A length of time: `0.2 s`, `1 min 15 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def short_time(seconds: float) -> str:
    """A short time.

    >>> short_time(2.5e-06), short_time(0.123), short_time(4)
    ('2.5 µs', '123 ms', '4.0 s')
    """
    units = ("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)
    unit, size = next((each for each in units if seconds >= each[1]), units[-1])
    return f"{seconds / size:,.{int(seconds < 10 * size)}f} {unit}"


def bytes_text(count: int) -> str:
    """A number of bytes.

    >>> bytes_text(40_000), bytes_text(358612), bytes_text(3 * 2**30)
    ('39 KiB', '0.3 MiB', '3,072.0 MiB')
    """
    mebibytes = count / 2**20
    return f"{mebibytes:,.1f} MiB" if mebibytes >= 0.1 else f"{count / 1024:,.0f} KiB"


def moment(timestamp: str) -> str:
    """A timestamp of a store, to the minute: `2026-01-31 12:05 UTC`."""
    return datetime.datetime.fromisoformat(timestamp).strftime("%Y-%m-%d %H:%M UTC")


def slugs(texts: Iterable[str]) -> list[str]:
    """Texts as parts of ids and file names, with a number where two would be equal.

    >>> slugs(["echo/lag", "echo-lag", "ramp length=2"])
    ['echo-lag', 'echo-lag-2', 'ramp-length-2']
    """
    names: list[str] = []
    for text in texts:
        start = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
        later = (f"{start}-{index}" for index in itertools.count(2))
        names.append(next(name for name in itertools.chain([start], later) if name not in names))
    return names


def span(values: Sequence[int]) -> str:
    """The first and the last of some numbers: `1 to 5`, or `3`."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def visible(text: str) -> str:
    """Text with control characters and other invisible characters escaped.

    >>> visible("a\\x1b[31m\\u202e b")
    'a\\\\x1b[31m\\\\u202e b'
    """
    return "".join(
        each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text
    )
