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
    """The learning rate of a trial, and its largest number of training sequences."""

    rate: float
    sequences: int


class Place(NamedTuple):
    """The place of a trial in a profile."""

    problem: str
    effort: Effort
    rung: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rung:
    """The results at one rung of one problem.

    Attributes:
        value: Value of the knob.
        outcomes: The outcomes of the finished seeds.
        solved: Number of seeds that solved it.
        within: Probability that the model's reach includes this rung.
        skill: Skill over seeds; None where it was not tried.
        reasons: The number of seeds that fell short, by reason.
    """

    value: int
    outcomes: tuple[Outcome, ...]
    solved: int
    within: float
    skill: Estimate | None
    reasons: Mapping[str, int]


class Further(NamedTuple):
    """The reach with a larger budget.

    Attributes:
        sequences: The budget of a trial.
        value: As in `Reach`.
        interval: As in `Reach`.
        solved: Number of trials that solved their rung, over all rungs.
        tried: Number of trials with that budget.
    """

    sequences: int
    value: int | None
    interval: tuple[int, int]
    solved: int
    tried: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reach:
    """The reach of a model on one problem: the last rung of its ladder that it solves.

    Attributes:
        problem: The label of the problem.
        knob: The knob that makes it harder.
        rate: The learning rate, the best one on the validation stream.
        others: The other rates with trials, each with its reach.
        longer: The reach with each larger budget with trials.
        undertrained: The largest budget tried, in sequences, if the loss was still falling
            beyond the reach with it; else None.
        rungs: The results at each rung, with that rate and the first budget.
        value: The highest rung that a trial solved and that is within reach with probability
            above 0.5; 0 if the first is not; None if unknown.
        more: Whether its reach is probably larger: no trial was beyond, or the ladder ends.
        interval: The rungs between which the reach lies with probability 0.95; 0 for none.
        share: Mean share of the rungs within reach; None without trials.
        failed: Number of failed trials, which count neither way.
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
        """Number of trials at that rate and the first budget."""
        return sum(len(rung.outcomes) for rung in self.rungs)

    @property
    def words(self) -> str:
        """The reach without its interval, as text."""
        tried = [rung.value for rung in self.rungs if rung.outcomes]
        if not tried:
            return f"missing ({self.failed} trials failed)" if self.failed else "not tried"
        if not self.value:
            return f"{self.knob} below {min(tried)}"
        return f"{self.knob} {self.value}{' or more' if self.more else ''}"

    @property
    def reasons(self) -> Counter[str]:
        """The number of seeds that fell short, over all rungs, by reason."""
        return sum((Counter(rung.reasons) for rung in self.rungs), Counter[str]())

    @property
    def longer_texts(self) -> list[str]:
        """The reach with each larger budget, as text."""
        return [
            f"{each.sequences:,} sequences: {self.knob} {each.value or 'none'} "
            f"{self.between(each.interval)}"
            for each in self.longer
        ]

    def between(self, interval: tuple[int, int]) -> str:
        """An interval of its rungs, as text."""
        low, high = (bound or f"below {self.rungs[0].value}" for bound in interval)
        return f"[{low}, {high}]"

    def __str__(self) -> str:
        return f"{self.words} {self.between(self.interval)}" if self.tried else self.words


class Gap(NamedTuple):
    """Settings without trials, or an uncertain result.

    Attributes:
        problem: The label of the problem; empty for all of them.
        gap: The kind of gap: `rungs not tried`, `reach open`, `seeds differ`, `longer training`,
            `learning rates`, `learning rates not tried`, `framings`, `failed`.
        where: The values.
    """

    problem: str
    gap: str
    where: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProfileAnswer:
    """The answer of a profile.

    Attributes:
        model: The label of the model.
        reaches: Its reach on each problem.
        left_out: Settings without trials, and uncertain results.
        solve_at: Skill from which a trial counted as solved.
        budget: The first budget: largest number of training sequences of a trial.
        lower_bound: The trials still learning when the budget ended; None if there are none.
        unfinished: Trials stopped at the time limit, each with its progress from 0 to 1.
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
        """A notice if no trial finished in the time, with the progress of each; else empty."""
        if any(reach.tried for reach in self.reaches):
            return ""
        lines = ["No trial finished in the time, so nothing is known of any problem."]
        for trial, share in self.unfinished:
            stage = f"{share:.0%} of its {self.budget:,} sequences" if share else "compiling"
            lines.append(f"{trial}: cut short at {stage}.")
        if not self.unfinished:
            lines.append("Not even one would have fitted.")
        return " ".join(lines)
