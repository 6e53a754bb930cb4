"""Cases, their faults, and the table of both."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

FAMILIES = "inputs", "kills", "interrupts"

FAULTS = {
    "traceback": "an exception, or a Python warning, that the user sees",
    "crash": "the process died",
    "hang": "it stood still, or did not end after Ctrl-C",
    "lost": "a finished trial is gone",
    "doubled": "a trial was stored or run twice",
    "differs": "the answer is another one than without the kill",
    "destroyed": "a file of the user's was overwritten or removed",
    "code run": "a file was imported that the command did not name",
    "unclear": "a refusal that is not one line, or another exit code",
}


@dataclasses.dataclass(frozen=True)
class Fault:
    """What went wrong in a case: one of `FAULTS`, and the evidence."""

    kind: str
    text: str


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a case.

    Attributes:
        case: Its name, as in `inputs:17`.
        words: What it did, for a reader.
        faults: What went wrong.
        slow: Whether it was ended because it had a long task to do.
    """

    case: str
    words: str
    faults: tuple[Fault, ...] = ()
    slow: bool = False


def generator(seed: int, case: str) -> np.random.Generator:
    """Where the draws of a case come from; they depend on no other case."""
    family, _, number = case.partition(":")
    return np.random.default_rng([seed, FAMILIES.index(family), int(number)])


def local(text: str) -> str:
    """A text as this process is given it by a shell, whatever the encoding of its locale."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def pick(rng: np.random.Generator, choices: Sequence[Any]) -> Any:
    """One of several, of any types."""
    return choices[int(rng.integers(len(choices)))]


def document(results: Sequence[Result]) -> dict[str, Any]:
    """Counts by family, and the cases with faults."""
    counts = {}
    for family in FAMILIES:
        own = [each for each in results if each.case.startswith(family)]
        faults = Counter(fault.kind for each in own for fault in each.faults)
        slow = sum(each.slow for each in own)
        counts[family] = {
            "cases": len(own),
            "slow": slow,
            **{kind: faults[kind] for kind in FAULTS},
        }
    return {
        "counts": counts,
        "faults": [dataclasses.asdict(each) for each in results if each.faults],
    }


def table(results: Sequence[Result]) -> str:
    """The counts as a Markdown table: a row for each family."""
    counts = document(results)["counts"]
    names = ["cases", "slow", *FAULTS]
    rows = [["", *names], ["---"] * (len(names) + 1)]
    rows += [[family, *(str(counts[family][name]) for name in names)] for family in FAMILIES]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
