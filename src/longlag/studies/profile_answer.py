"""The answer of a profile."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Table, table, text
from longlag.answers.blocks import cell as as_cell
from longlag.answers.estimate import Estimate
from longlag.answers.format import INTERVALS, causes, counted
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.about import About, SeedResult
from longlag.studies.lower_bound import LowerBound
from longlag.trials.outcome import ModelSize, Outcome, size_and_speed

RELIABLE = 0.9
"""Assumed probability that a seed solves a rung within reach, or fails one beyond it."""


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
        trials: The finished seeds.
        solved: Number of seeds that solved it.
        within: Probability that the model's reach includes this rung.
        skill: Skill over seeds; None where it was not tried.
    """

    value: int
    trials: tuple[SeedResult, ...]
    solved: int
    within: float
    skill: Estimate | None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the finished seeds."""
        return tuple(trial.outcome for trial in self.trials)

    @property
    def reasons(self) -> Counter[str]:
        """The number of seeds that fell short, by reason."""
        return Counter(trial.reason for trial in self.trials if trial.reason)


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
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the trials at that rate and the first budget."""
        return tuple(each for rung in self.rungs for each in rung.outcomes)

    @property
    def tried(self) -> int:
        """Number of trials at that rate and the first budget."""
        return len(self.outcomes)

    @property
    def words(self) -> str:
        """The reach without its interval, as text."""
        tried = [rung.value for rung in self.rungs if rung.outcomes]
        if not tried:
            return (
                f"missing ({counted(self.failed, 'trial')} failed)" if self.failed else "not tried"
            )
        if not self.value:
            return f"{self.knob} below {min(tried)}"
        return f"{self.knob} {self.value}{' or more' if self.more else ''}"

    @property
    def reasons(self) -> Counter[str]:
        """The number of seeds that fell short, over all rungs, by reason."""
        return sum((rung.reasons for rung in self.rungs), Counter[str]())

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


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class ProfileAnswer(Answer):
    """What one model remembers, over several problems.

    Attributes:
        about: The terms of the study; its budget is the first, others were up to
            larger ones.
        model: The label of the model.
        reaches: Its reach on each problem.
        left_out: Settings without trials, and uncertain results.
        lower_bound: The trials still learning when the budget ended; None if there are none.
        unfinished: Trials stopped at the time limit, each with its progress from 0 to 1.
        interrupted: Whether the user stopped it.
    """

    about: About
    model: str
    reaches: tuple[Reach, ...]
    left_out: tuple[Gap, ...]
    unfinished: tuple[tuple[str, float], ...]
    interrupted: bool
    lower_bound: LowerBound | None

    figures: ClassVar = ("reach",)

    @property
    def failed(self) -> Mapping[str, str]:
        return {
            reach.problem: f"{counted(reach.failed, 'trial')} failed" if reach.failed else "not run"
            for reach in self.reaches
            if reach.failed or not reach.tried
        }

    @property
    def caption(self) -> str:
        rungs = [rung for reach in self.reaches for rung in reach.rungs]
        seeds = len({trial.seed for rung in rungs for trial in rung.trials})
        subject = f"What {self.model} remembers: its reach on each problem."
        sizes = f" {ModelSize.of(self.outcomes)}; {counted(seeds, 'seed')}." if seeds else ""
        return self.about.caption(f"{subject}{sizes}", self.outcomes)

    def blocks(self) -> Iterator[Block]:
        yield text(f"What {self.model} remembers", kind="strong")
        yield text(str(ModelSize.of(self.outcomes)))
        yield self.table()
        yield text(self.unanswered, kind="notice")
        source = f"assuming that each trial gives the right answer with probability {RELIABLE:g}"
        yield text(
            f"{INTERVALS.format(level=f'{CONFIDENCE:.0%}', source=source)} Solved: skill of "
            f"{self.about.solve_at:g} or more within {self.about.budget:,} sequences. "
            f"{self.about.recipe_sentence}".strip()
        )
        if self.lower_bound:
            more = "Raise `minutes` with it: longer trials are fewer in the same time."
            yield text(f"{self.lower_bound.advice(flags=False)} {more}", kind="notice")
        gaps = ((gap.problem or "all", gap.gap, gap.where) for gap in self.left_out)
        yield table("", ("left out", "", ""), gaps)

    def table(self) -> Table:
        head = "problem", "reach", "rate", "solved of tried at each level", "why not"
        rows = []
        for reach in self.reaches:
            tried = [rung for rung in reach.rungs if rung.outcomes]
            levels = (f"{rung.value}: {rung.solved}/{len(rung.outcomes)}" for rung in tried)
            rows.append(
                (
                    reach.problem,
                    as_cell(str(reach))._replace(kind="strong" if tried else "text"),
                    f"{reach.rate:g}" if tried else "",
                    "  ".join(levels),
                    causes(reach.reasons.elements()),
                    "; ".join(reach.longer_texts),
                )
            )
        return table("", (*head, "trained longer"), rows)

    def document(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "problems": list(map(_plain, self.reaches)),
            "left_out": [gap._asdict() for gap in self.left_out],
            "unfinished": [{"trial": trial, "share": share} for trial, share in self.unfinished],
            "answered": not self.unanswered,
            "lower_bound": self.lower_bound and self.lower_bound._asdict(),
            **self.about.provenance(self.outcomes),
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        rows = []
        for reach in self.reaches:
            place = {
                "problem": reach.problem,
                "model": self.model,
                "knob": reach.knob,
                "learning_rate": reach.rate,
            }
            if level == "trial":
                rows += [
                    trial.row(self.about, **place, level=rung.value)
                    for rung in reach.rungs
                    for trial in rung.trials
                ]
                continue
            low, high = reach.interval if reach.tried else (None, None)
            rows.append(
                {
                    **place,
                    "reach": reach.value,
                    "reach_low": low,
                    "reach_high": high,
                    "or_more": reach.more,
                    "trials": reach.tried,
                    "failed": reach.failed,
                    **size_and_speed(reach.outcomes),
                    "why_not": causes(reach.reasons.elements()),
                    "problem_version": self.about.versions.get(reach.problem),
                }
            )
        return rows

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of all trials of the table."""
        return tuple(each for reach in self.reaches for each in reach.outcomes)

    @property
    def unanswered(self) -> str:
        """A notice if no trial finished in the time, with the progress of each; else empty."""
        if any(reach.tried for reach in self.reaches):
            return ""
        if self.interrupted:
            return (
                "Interrupted before a trial finished, so nothing is known of any problem. Run it "
                "again, to start anew."
            )
        lines = ["No trial finished in the time, so nothing is known of any problem."]
        for trial, share in self.unfinished:
            stage = f"{share:.0%} of its {self.about.budget:,} sequences" if share else "compiling"
            lines.append(f"{trial}: cut short at {stage}.")
        if not self.unfinished:
            lines.append("Not even one would have fitted.")
        lines.append("Use a larger `minutes`, or a smaller `budget`.")
        return " ".join(lines)


def _plain(reach: Reach) -> dict[str, Any]:
    return {
        "problem": reach.problem,
        "knob": reach.knob,
        "share": reach.share,
        "failed": reach.failed,
        "reaches": reach.value,
        "or_more": reach.more,
        "learning_rate": reach.rate,
        "undertrained_at": reach.undertrained,
        "interval": reach.interval if reach.tried else None,
        **size_and_speed(reach.outcomes),
        "other_rates": [{"learning_rate": rate, "reaches": value} for rate, value in reach.others],
        "longer": [
            {
                "sequences": each.sequences,
                "interval": each.interval,
                "solved": each.solved,
                "tried": each.tried,
                "reaches": each.value,
            }
            for each in reach.longer
        ],
        "rungs": [
            {
                "value": rung.value,
                "solved": rung.solved,
                "within": rung.within,
                "reasons": rung.reasons,
                "tried": len(rung.trials),
                "skill": rung.skill and rung.skill.mean,
                "updates_per_second": size_and_speed(rung.outcomes)["updates_per_second"],
            }
            for rung in reach.rungs
        ],
    }
