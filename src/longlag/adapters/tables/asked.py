"""Names of columns as people type them: whole, or the start of one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from longlag.adapters.tables.words import flag
from longlag.knobs import listed, unknown_name


def column(name: str, names: Sequence[str]) -> str | None:
    """The column of this name, or the only one that begins with it; None without.

    Case makes no difference.

    >>> column("henry hub", ["Date", "Henry Hub Spot Price (Dollars per Million Btu)"])
    'Henry Hub Spot Price (Dollars per Million Btu)'
    >>> column("open", ["Open", "Open Interest"]), column("o", ["Open", "Open Interest"])
    ('Open', None)
    """
    if name in names:
        return name
    key = name.casefold()
    same = [each for each in names if each.casefold() == key]
    starts = same or [each for each in names if key and each.casefold().startswith(key)]
    return starts[0] if len(starts) == 1 else None


def unknown(rule: str, name: str, names: Sequence[str], option: str) -> str:
    """One line for a column that does not exist, with the nearest as a flag to paste."""
    begin = [each for each in names if each.casefold().startswith(name.casefold())]
    if name and len(begin) > 1:
        return f"{rule} `{name}`, but {quoted(begin)}. Use {flag(option, begin[0])}, say."
    text = unknown_name(rule, name, names)
    near = re.search(r"Did you mean `(.*?)`( or `.*`)?\?$", text)
    if near:
        return f"{text} Use {flag(option, near[1])}."
    told, known, _ = text.partition(" Known: ")
    return f"{told} It has {quoted(names)}." if known else text


def quoted(names: Sequence[str]) -> str:
    """Names, each as a shell takes it.

    >>> quoted(["warm", "a b"])
    "warm, 'a b'"
    """
    return listed([shlex.quote(each) for each in names])
