"""What the store lists: finished trials and studies."""

from __future__ import annotations

from typing import Any, NamedTuple

VERDICTS = (
    *("solved", "unreachable", "unstable", "does not generalise", "overfit", "at chance"),
    *("below chance", "undertrained", "stuck", "unclear"),
)
"""What may be said of a trial: `solved`, or a reason (`longlag.trials.diagnosis.Reason`)."""


class StoreError(ValueError):
    """The store cannot be used; the message says why, and what to do."""


class Record(NamedTuple):
    """A finished trial as the store lists it.

    Attributes:
        id: Name of the trial.
        seed: Its seed.
        problem: Problem with the knobs that are not at their defaults, and likewise `framing`
            and `model`.
        skill: Skill on fresh sequences of the main test.
        verdict: `solved`, or the first reason why it was not.
        sequences: Sequences trained on.
        seconds: Time it took.
        finished: When, in UTC.
        parts: Versions of the parts that decided its result.
    """

    id: str
    seed: int
    problem: str
    framing: str
    model: str
    skill: float
    verdict: str
    sequences: int
    seconds: float
    finished: str
    parts: str


class StudyRecord(NamedTuple):
    """A study as the store lists it.

    Attributes:
        id: Name of the study: the hash of its question.
        kind: Its kind, one of `longlag.studies.registry.KINDS`.
        question: What was asked, as plain values.
        command: The command line that asked last.
        started: When it was first asked, in UTC.
        ended: When it was last answered, or None.
        usage: Where the time went, as plain values, or None.
    """

    id: str
    kind: str
    question: dict[str, Any]
    command: str
    started: str
    ended: str | None
    usage: dict[str, Any] | None


USAGE = {
    **dict.fromkeys(("ran", "reused", "cut", "workers"), int),
    "failed": list[list[str]],
    "wall": float,
    "spent": dict[str, float],
    "interrupted": bool,
}
"""Types of what `usage` holds."""

SPENT: dict[str, type] = dict.fromkeys(("compile", "train", "evaluate"), float)
"""Types of what it holds as `spent`."""
