"""The answer of a profile."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from longlag.scores.statistics import Estimate
from longlag.studies.lower_bound import LowerBound
from longlag.trials.outcome import Outcome


class Effort(NamedTuple):
    """What a trial is trained with: a learning rate, and sequences at most."""

    rate: float
    sequences: int


class Place(NamedTuple):
    """Where in a profile a trial stands."""

    problem: str
    effort: Effort
    rung: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rung:
    """What is known of one rung of one problem.

    Attributes:
        value: Value of the knob.
        outcomes: What the seeds came to.
        solved: How many of them solved it.
        within: Probability that the model's reach includes this rung.
        skill: Skill over seeds; None where it was not tried.
        reasons: Why seeds fell short, by reason: how many.
    """

    value: int
    outcomes: tuple[Outcome, ...]
    solved: int
    within: float
    skill: Estimate | None
    reasons: Mapping[str, int]


class Further(NamedTuple):
    """How far a model gets with a larger budget.

    Attributes:
        sequences: The budget of a trial.
        value: As that of a reach, and likewise `interval`.
        interval: As that of a reach.
        solved: Trials that solved it, all rungs together.
        tried: Trials with that budget.
    """

    sequences: int
    value: int | None
    interval: tuple[int, int]
    solved: int
    tried: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reach:
    """How far up the ladder of one problem a model gets.

    Attributes:
        problem: The problem, in words.
        knob: The knob that makes it harder.
        rate: The learning rate, the best of those tried on the validation stream.
        others: The other rates that were tried, each with its reach.
        longer: How far it gets with each of the larger budgets that were tried.
        undertrained: The largest budget tried, in sequences, if the loss was still falling
            beyond the reach with it; else None.
        rungs: What is known of each rung at that rate and the first budget.
        value: The highest rung that a trial solved and that is more probably within reach than
            not; 0 if the first is not; None where that is not known.
        more: Whether it probably gets further: nothing was tried beyond, or the ladder ends.
        interval: The rungs between which the reach lies with probability 0.95; 0 for none.
        share: Mean share of the rungs within reach; None where nothing was tried.
        failed: Trials that failed, which count neither way.
    """

    problem: str
    knob: str
    rate: float
    others: tuple[tuple[float, int], ...]
    longer: tuple[Further, ...]
    undertrained: int | None
    rungs: tuple[Rung, ...]
    value: int | None
    more: bool
    interval: tuple[int, int]
    share: float | None
    failed: int

    @property
    def tried(self) -> int:
        """Trials at that rate and the first budget."""
        return sum(len(rung.outcomes) for rung in self.rungs)

    @property
    def words(self) -> str:
        """The reach without its interval."""
        tried = [rung.value for rung in self.rungs if rung.outcomes]
        if not tried:
            return f"missing ({self.failed} trials failed)" if self.failed else "not tried"
        if not self.value:
            return f"{self.knob} below {min(tried)}"
        return f"{self.knob} {self.value}{' or more' if self.more else ''}"

    @property
    def reasons(self) -> Counter[str]:
        """Why seeds fell short, over all rungs, by reason: how many."""
        return sum((Counter(rung.reasons) for rung in self.rungs), Counter[str]())

    @property
    def longer_texts(self) -> list[str]:
        """How far it gets with each larger budget."""
        return [
            f"{each.sequences:,} sequences: {self.knob} {each.value or 'none'} "
            f"{self.between(each.interval)}"
            for each in self.longer
        ]

    def between(self, interval: tuple[int, int]) -> str:
        """An interval of its rungs."""
        low, high = (bound or f"below {self.rungs[0].value}" for bound in interval)
        return f"[{low}, {high}]"

    def __str__(self) -> str:
        return f"{self.words} {self.between(self.interval)}" if self.tried else self.words


class Gap(NamedTuple):
    """Something that was not tried, or is not settled.

    Attributes:
        problem: The problem, in words; empty for all of them.
        gap: What kind of gap: `rungs not tried`, `reach open`, `seeds differ`, `longer training`,
            `learning rates`, `learning rates not tried`, `framings`, `failed`.
        where: At which values.
    """

    problem: str
    gap: str
    where: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProfileAnswer:
    """What a profile found.

    Attributes:
        model: The model, in words.
        reaches: How far it gets on each problem.
        left_out: What was not tried, or is not settled.
        solve_at: Skill from which a trial counted as solved.
        budget: Sequences that a trial was trained on at most, where nothing else is said.
        lower_bound: Where trials were still learning when the budget ended: how many; else None.
        unfinished: Trials that the end of the time cut short, in words, and how far each had come.
    """

    model: str
    reaches: tuple[Reach, ...]
    left_out: tuple[Gap, ...]
    solve_at: float
    budget: int
    unfinished: tuple[tuple[str, float], ...]
    lower_bound: LowerBound | None

    def __str__(self) -> str:
        lines = [f"{reach.problem}: {reach}" for reach in self.reaches]
        advice = self.lower_bound.advice(flags=False) if self.lower_bound else ""
        return "\n".join(filter(None, [*lines, self.unanswered, advice]))

    @property
    def unanswered(self) -> str:
        """That no trial came to its end in the time, and how far they had come; else empty."""
        if any(reach.tried for reach in self.reaches):
            return ""
        lines = ["No trial finished in the time, so nothing is known of any problem."]
        for trial, share in self.unfinished:
            stage = f"{share:.0%} of its {self.budget:,} sequences" if share else "compiling"
            lines.append(f"{trial}: cut short at {stage}.")
        if not self.unfinished:
            lines.append("Not even one would have fitted.")
        return " ".join(lines)
