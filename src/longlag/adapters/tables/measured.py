"""Which columns of numbers look measured, unlike ids, codes, places and parts of dates."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_NAMES = frozenset(
    "id ids code codes cd station stations site wban wmo fips geoid zip postcode year years yr yrs "
    "yyyy yyy month months mo mon mn mnth mth day days dy dd weekday dow hour hours hr hrs hh "
    "minute minutes week weeks wk quarter qtr date datetime timestamp doy julian mjd jd "
    "jahr monat tag stunde woche quartal année mois jour heure año ano mes mês dia día hora "
    "lat latitude lon long lng longitude elev elevation alt altitude qc flag flags quality index "
    "rank version row 品質情報 均質番号".split()
)
_TARGETS = (
    frozenset("target label y".split()),
    frozenset(
        "sales demand load consumption traffic close cnt count rentals rides trips passengers "
        "price value glucose".split()
    ),
)
_AFTER = frozenset("no nr num number key".split())  # of another word, as in `site no`
_FEW = 3  # different values of a code, at most
_SHOWN = 0.5  # least share of rows with a value


def likely(names: Sequence[str], values: Float[np.ndarray, "row column"]) -> str:
    """The column that looks most like a measured series: by its name, else the first.

    >>> hours = np.stack([np.arange(9.0) % 2, np.arange(9.0) ** 2 % 11], axis=1)
    >>> likely(["STATION", "warm"], hours), likely(["day", "siteID"], hours)
    ('warm', 'siteID')
    >>> likely(["warm", "traffic_volume"], hours * 1.5)
    'traffic_volume'
    """
    columns = zip(names, values.T, strict=True)
    each = [(doubts(name, column), _targeted(name)) for name, column in columns]
    return names[each.index(min(each))]


def _targeted(name: str) -> int:
    """How far a name is from one of what people predict: 0 to 2."""
    words = {*_words(name)}
    return next((at for at, each in enumerate(_TARGETS) if words & each), len(_TARGETS))


def is_doubtful(name: str, column: Float[np.ndarray, " row"]) -> bool:
    """Whether a column has the name of an id, code, place or part of a date; or never changes."""
    words = _words(name)
    last = words[-1] if words else ""
    named = last in _NAMES or "hh" in words or (len(words) > 1 and last in _AFTER)
    return named or len(np.unique(column[~np.isnan(column)])) < 2


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def doubts(name: str, column: Float[np.ndarray, " row"]) -> tuple[int, int]:
    """Reasons against a column: it is doubtful, counts up or has decimal years; lesser ones."""
    known = column[~np.isnan(column)]
    steps = np.diff(known)
    counts = len(steps) > 1 and steps[0] != 0 and bool((steps == steps[0]).all())
    within = (known.min(), known.max()) if len(known) else (0, 0)
    years = within[0] > 1500 and within[1] < 2200 and bool((known % 1 != 0).any())
    whole = bool((known % 1 == 0).all())
    dates = years or "time" in _words(name)  # Transmitter Time (Long Integer)
    dates = dates and len(steps) > 1 and bool((steps > 0).all())
    dates |= whole and len(steps) > 1 and bool((abs(steps - 29.5) < 2).all())  # days of months
    code = len(np.unique(known)) <= _FEW and whole
    days = whole and within[0] >= -1 and 28 <= within[1] <= 31
    days |= whole and within in ((0, 23), (1, 24), (1, 25), (1, 12))  # hours, months
    rare = len(known) < _SHOWN * len(column)
    main = is_doubtful(name, column), counts, dates
    return sum(map(int, main)), sum(map(int, (code, rare, days)))
