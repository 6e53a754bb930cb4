"""The records of a store: finished trials and studies."""

from __future__ import annotations

from typing import Any, NamedTuple

VERDICTS = (
    *("solved", "unreachable", "unstable", "does not generalise", "overfit"),
    *("exposure bias", "stopped", "at chance", "below chance", "undertrained", "stuck", "unclear"),
)
"""The verdicts on a trial: `solved`, or a reason (`longlag.trials.diagnosis.Reason`)."""


class StoreError(ValueError):
    """The store cannot be used; the message has the reason and a remedy."""


class Record(NamedTuple):
    """A finished trial as the store lists it.

    Attributes:
        id: Name of the trial.
        seed: Its seed.
        problem: Problem with the knobs that are not at their defaults, and likewise `framing`
            and `model`.
        skill: Skill on fresh sequences of the main test.
        verdict: `solved`, or the first reason why it is not.
        sequences: Sequences trained on.
        seconds: Seconds of compiling, training and evaluation.
        finished: Time of its end, in UTC.
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
        question: The question, as plain values.
        command: The command line of its latest start.
        started: Time of its first start, in UTC.
        ended: Time of its latest answer, or None.
        usage: The use of time (`longlag.studies.conduct.Usage`), as plain values, or None.
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
"""Types of the fields of `usage`."""

USAGE_SECONDS: dict[str, type] = dict.fromkeys(("compile", "train", "evaluate"), float)
"""Types of the fields of its `spent`."""
