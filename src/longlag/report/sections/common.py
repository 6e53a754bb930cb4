"""What the sections of a report share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from longlag.problems import Integers, Problem, Reals
from longlag.report.content import (
    Point,
    Words,
)
from longlag.report.words import listed
from longlag.studies.study import words as named
from longlag.trials.diagnosis import Diagnosis
from longlag.trials.outcome import Outcome

MEANING = {
    "unreachable": "What the targets need is not in sight of the model.",
    "unstable": "The loss left all bounds or rose again to a multiple of its lowest value.",
    "does not generalise": "Solves the problem trained on, and not the main test, another one.",
    "overfit": "Right in training more often than on fresh sequences.",
    "at chance": "Its right answers could be a guesser's.",
    "below chance": "A constant prediction does better.",
    "undertrained": "The loss was still falling when the budget was used up.",
    "stuck": "Above chance, but the loss no longer falls.",
    "unclear": "Above chance, after too few updates to tell whether the loss still falls.",
}


class Group(NamedTuple):
    """One setting with what its seeds came to.

    Attributes:
        problem: The problem, in words, without its rung.
        model: The model, in words.
        where: What else tells it from its neighbours, such as its rung.
        order: Its rung, or another number by which neighbours are sorted.
        tolerance: Within which a prediction is right.
        blank: The value that says that nothing is shown, if any.
        outcomes: What the seeds came to.
        reasons: For each why it fell short; empty where it solved its problem.
        test: The test whose examples are shown; the main one by default.
    """

    problem: str
    model: str
    where: str
    order: float
    tolerance: float
    blank: int | None
    outcomes: tuple[Outcome, ...]
    reasons: tuple[tuple[Diagnosis, ...], ...]
    test: str | None = None

    @property
    def solved(self) -> int:
        """How many seeds solved it."""
        return sum(not each for each in self.reasons)


def tolerance(problem: Problem) -> float:
    """Within which a prediction about a problem is right."""
    return problem.targets.within if isinstance(problem.targets, Reals) else 0.0


def blank(problem: Problem) -> int | None:
    """The value that says that nothing is shown, if any."""
    shown = problem.inputs
    return shown.values if isinstance(shown, Integers) and shown.blank else None


def guesses(knob: str, tried: Iterable[tuple[str, str]]) -> list[str]:
    """Where a model does no better than a guesser, in words.

    Args:
        knob: The knob that makes the problem harder.
        tried: For each value how it stands to chance, and the value in words.
    """
    found = defaultdict[str, list[str]](list)
    for stands, said in tried:
        found[stands].append(said)
    told = {"at": "cannot be told from chance", "below": "does worse than chance"}
    return [f"{verb} at {knob} {listed(found[at])}" for at, verb in told.items() if found[at]]


def seen_again(problems: Iterable[Problem]) -> list[str]:
    """That what is drawn anew is not new, where a problem has but a few sequences."""
    few = {named(each): each.sequences for each in problems if each.sequences is not None}
    if not few:
        return []
    said = listed(f"{name} ({count})" for name, count in few.items())
    return [
        f"Few different sequences: {said}. What is drawn anew there was trained on: skill is "
        "memory, whatever stream of draws it is measured on."
    ]


def told(
    *paragraphs: str, title: str = "", points: Iterable[str | Point] = (), command: str = ""
) -> Words:
    """Text."""
    made = tuple(Point("", each) if isinstance(each, str) else each for each in points)
    return Words(title=title, paragraphs=paragraphs, points=made, command=command)
