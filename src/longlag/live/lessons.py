"""Lessons: pairs of setups that differ in little, one that breaks and one that works."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple


class Side(NamedTuple):
    """One side of a lesson: its knobs, and the verdict that its training ends with."""

    knobs: dict[str, str]
    verdict: str
    audit: str = "learnable"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lesson:
    """A lesson.

    Attributes:
        name: As `--lesson` takes it.
        title: Its title.
        text: Paragraphs.
        breaks, works: The two setups.
        attempt: Something to try.
        question: A question to end with.
    """

    name: str
    title: str
    text: tuple[str, ...]
    breaks: Side
    works: Side
    attempt: str
    question: str

    @property
    def differs(self) -> list[str]:
        """The knobs in which the two sides differ."""
        names = dict.fromkeys([*self.breaks.knobs, *self.works.knobs])
        return [n for n in names if self.breaks.knobs.get(n) != self.works.knobs.get(n)]

    def document(self) -> dict[str, Any]:
        """The lesson as the page has it."""
        return {
            "name": self.name,
            "title": self.title,
            "text": list(self.text),
            "try": self.attempt,
            "question": self.question,
            "breaks": self.breaks._asdict(),
            "works": self.works._asdict(),
            "differs": self.differs,
        }


_STATEFUL = {
    "problem": "echo-lag",
    "lag": "1",
    "framing": "chunks",
    "carry": "true",
    "batch-size": "6",
}

_ALL = (
    Lesson(
        name="beginners-mistake",
        title="The beginner's mistake",
        text=(
            "One value at a time, a stateful LSTM, and the value of the step before as the target: "
            "the state should carry it over. It never does, however long you train.",
            "The six rows of a batch are six neighbouring steps of one sequence, so each row "
            "goes on from the state of six steps ago. The value that it needs was in the row "
            "above, whose state it never gets: the map of what it sees shows it.",
        ),
        breaks=Side(
            {**_STATEFUL, "timesteps": "1", "rows": "consecutive"}, "at chance", "unreachable"
        ),
        works=Side({**_STATEFUL, "timesteps": "2", "rows": "parallel"}, "solved"),
        attempt="Set rows to parallel but leave timesteps at 1: the value is now in sight, and yet "
        "no gradient reaches it. How far does luck alone bring it?",
        question="Why does a state that is carried not teach the network what to carry?",
    ),
)
LESSONS = {lesson.name: lesson for lesson in _ALL}
"""The lessons by name, in their order."""
