"""What the sections of a report share: a setting with the outcomes of its seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from longlag.problems import Problem
from longlag.report.format import listed
from longlag.studies.ladder import verdict
from longlag.studies.study import words
from longlag.trials.diagnosis import Diagnosis, diagnose
from longlag.trials.outcome import Outcome


class Group(NamedTuple):
    """One setting with the outcomes of its seeds.

    Attributes:
        problem: The problem in words, without its level.
        model: The model in words.
        outcomes: The outcome of each seed.
        reasons: For each why it fell short; empty where it solved its problem.
        knob: The knob that makes the problem harder, if it is moved.
        value: Its value.
        detail: What else tells the setting from others.
        missing: Seeds not yet run, or that failed.
        test: The test whose examples are shown; the main one by default.
    """

    problem: str
    model: str
    outcomes: tuple[Outcome, ...]
    reasons: tuple[tuple[Diagnosis, ...], ...]
    knob: str = ""
    value: float = 0
    detail: str = ""
    missing: int = 0
    test: str | None = None

    @classmethod
    def of(
        cls, problem: Problem, model: str, outcomes: Sequence[Outcome], solve_at: float, **rest: Any
    ) -> Group:
        """The group of some outcomes, solved from a skill of `solve_at` on."""
        reasons = tuple(diagnose(each, solve_at) for each in outcomes)
        return cls(words(problem), model, tuple(outcomes), reasons, **rest)

    @property
    def level(self) -> str:
        """The value of the knob, in words."""
        return f"{self.knob} {self.value:g}"

    @property
    def where(self) -> str:
        """What tells it from other settings of its problem and model."""
        return ", ".join(filter(None, [self.level if self.knob else "", self.detail]))

    @property
    def solved(self) -> int:
        """How many seeds solved it."""
        return sum(not each for each in self.reasons)

    @property
    def verdict(self) -> str:
        """The verdict over all seeds that ran."""
        return verdict(self.outcomes, self.solved)


def few_sequences(problems: Iterable[Problem]) -> list[str]:
    """A warning where a problem has so few sequences that new ones are not new."""
    few = [f"{words(each)} ({each.sequences})" for each in problems if each.sequences is not None]
    rule = "Skill is measured on new random sequences. Exception, with so few different sequences"
    return [f"{rule} that skill there is memory: {listed(few)}."] if few else []
