"""What the sections of a report share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from longlag.problems import Problem
from longlag.report.content import Point, Words
from longlag.report.words import EXCEPTION, listed
from longlag.studies.ladder import verdict
from longlag.studies.study import words as named
from longlag.trials.diagnosis import Diagnosis, diagnose
from longlag.trials.outcome import Outcome

MEANING = {
    "unreachable": "The inputs that the outputs need cannot reach the model's output.",
    "unstable": "The loss exploded, or jumped back up to a multiple of its lowest value.",
    "does not generalise": "Solves the training problem, but not the main test, another problem.",
    "overfit": "More accurate in training than on fresh sequences.",
    "at chance": "No better than guessing.",
    "below chance": "Clearly worse than guessing.",
    "undertrained": "The loss was still falling when the budget was used up.",
    "stuck": "Better than guessing, but the loss no longer falls.",
    "unclear": "Better than guessing, after too few updates to see whether the loss still falls.",
}


class Group(NamedTuple):
    """One setting with what its seeds came to.

    Attributes:
        problem: The problem, in words, without its rung.
        model: The model, in words.
        where: What else tells it from its neighbours, such as its rung.
        order: Its rung, or another number by which neighbours are sorted.
        outcomes: What the seeds came to.
        reasons: For each why it fell short; empty where it solved its problem.
        knob: The knob whose value its rung is, if any.
        missing: Seeds not yet run, or that failed.
        test: The test whose examples are shown; the main one by default.
    """

    problem: str
    model: str
    where: str
    order: float
    outcomes: tuple[Outcome, ...]
    reasons: tuple[tuple[Diagnosis, ...], ...]
    knob: str = ""
    missing: int = 0

    @classmethod
    def of(
        cls, problem: Problem, model: str, outcomes: Sequence[Outcome], solve_at: float, **rest: Any
    ) -> Group:
        """The group of some outcomes.

        Args:
            problem: The problem.
            model: The model, in words.
            outcomes: What the seeds came to.
            solve_at: Skill from which a trial counts as solved.
            rest: Other attributes.
        """
        return cls(
            problem=named(problem),
            model=model,
            outcomes=tuple(outcomes),
            reasons=tuple(diagnose(each, solve_at) for each in outcomes),
            **rest,
        )

    test: str | None = None

    @property
    def solved(self) -> int:
        """How many seeds solved it."""
        return sum(not each for each in self.reasons)

    @property
    def verdict(self) -> str:
        """What came of it, over all seeds that ran."""
        return verdict(self.outcomes, self.solved)


def seen_again(problems: Iterable[Problem]) -> list[str]:
    """That what is drawn anew is not new, where a problem has but a few sequences."""
    few = [f"{named(each)} ({each.sequences})" for each in problems if each.sequences is not None]
    rule = "Skill is measured on sequences that were not trained on."
    why = "few different sequences, so that skill there is memory"
    return [EXCEPTION.format(rule=rule, which=f"{listed(few)}; {why}")] if few else []


def text(
    *paragraphs: str, title: str = "", points: Iterable[str | Point] = (), command: str = ""
) -> Words:
    """Text."""
    made = tuple(Point("", each) if isinstance(each, str) else each for each in points)
    return Words(title=title, paragraphs=paragraphs, points=made, command=command)
