"""The answer of a frontier: the last value that each seed solved, and their median."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, table, text
from longlag.answers.estimate import no_interval
from longlag.answers.format import INTERVALS, MEASURED, OPEN
from longlag.studies.about import About, SeedResult
from longlag.studies.lower_bound import LowerBound
from longlag.trials.diagnosis import Diagnosis
from longlag.trials.outcome import ModelSize, Outcome, size_and_speed


class Step(NamedTuple):
    """One trial: a value and a seed."""

    value: int
    seed: int
    trial: str
    outcome: Outcome
    solved: bool
    reasons: tuple[Diagnosis, ...]

    @property
    def result(self) -> SeedResult:
        """The trial, with the first reason why it fell short."""
        reason = self.reasons[0].reason if self.reasons else ""
        return SeedResult(self.seed, self.outcome, reason)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class FrontierAnswer(Answer):
    """The largest value, or the smallest size, that each seed solved, and their median.

    Attributes:
        about: The terms of the study.
        problem: The label of the problem.
        model: The label of the model.
        knob: The knob that makes the problem harder, or the size of the model.
        smallest: Whether it is a size of the model, whose smallest solved value is looked for.
        per_seed: The largest value that each seed solved; 0 for none. Of a size the smallest; None
            for none.
        open: Seeds whose search has not ended: they may get further.
        median: The largest value that half of the seeds or more solve; 0 for none. Of a size the
            smallest; None for none.
        interval: Interval for the median, from order statistics; meaningless until all searches
            have ended.
        coverage: The probability that it covers the median; below 0.95 with few seeds.
        first: The smallest value.
        last: The largest value.
        reached_end: Number of seeds whose limit may be larger than `last`: they solved it, or of
            a size did not.
        lower_bound: The seeds still learning when the budget ended; None if there are none.
        advice: What to change, where seeds got no further for another reason; else empty.
        failures: The reason of each failed search, by seed.
        steps: All trials, in the order of seeds, then of values.
    """

    about: About
    problem: str
    model: str
    knob: str
    smallest: bool = False
    per_seed: tuple[int | None, ...]
    open: tuple[int, ...]
    median: int | None
    interval: tuple[float, float]
    coverage: float
    first: int
    last: int
    reached_end: int
    failures: Mapping[int, str]
    lower_bound: LowerBound | None
    advice: str
    steps: tuple[Step, ...]

    figures: ClassVar = ("trials",)

    @property
    def complete(self) -> bool:
        """Whether every search has ended."""
        return not self.open

    @property
    def failed(self) -> Mapping[str, str]:
        begun = {step.seed for step in self.steps}
        unrun = {seed: "search not ended" if seed in begun else "not run" for seed in self.open}
        return {f"seed {seed}": why for seed, why in {**unrun, **self.failures}.items()}

    @property
    def words(self) -> str:
        """The median with its interval, as text."""
        none = f"above {self.last}" if self.smallest else f"below {self.first}"
        low, high = (f"{bound:g}" if 0 < bound < math.inf else none for bound in self.interval)
        if not self.complete:
            why = Counter(self.failures.values()).items()
            failed = "".join(f"; seeds that failed: {count} ({reason})" for reason, count in why)
            value = f"{self.knob} {self.median:g}" if self.median else "nothing"
            return f"{value} so far{failed}"
        if self.lower_bound and not self.median:
            most = f"{self.last} or less" if self.smallest else f"{self.first} or more"
            return f"none yet ({self.knob} {most} is possible)"
        median = f"{self.median:g}" if self.median else none
        end = not self.smallest and self.reached_end and self.median == self.last
        beyond = " or more" if end else ""
        few = no_interval(len(self.per_seed))
        return f"{self.knob} {median}{beyond} {f'({few})' if few else f'[{low}, {high}]'}"

    @property
    def by_half(self) -> str:
        """What `median` is where the two middle seeds differ, of which it is one.

        Empty where it is the median.
        """
        ordered = sorted(math.inf if end is None else end for end in self.per_seed)
        half = len(ordered) // 2
        between = len(ordered) % 2 == 0 and ordered[half - 1] < ordered[half]
        return "by half of the seeds or more" if between else ""

    @property
    def extreme(self) -> str:
        """Which of the solved values is looked for."""
        return "smallest" if self.smallest else "largest"

    @property
    def caption(self) -> str:
        model = f"{self.model} ({self.sizes})" if self.steps else self.model
        open = f" {self._open}" if self.open else ""
        subject = (
            f"{self.extreme.capitalize()} {self.knob} at which {model} solves {self.problem}, seed "
            f"by seed.{open}"
        )
        return self.about.caption(subject, (step.outcome for step in self.steps))

    @property
    def sizes(self) -> ModelSize:
        """The weights and the numbers of state of the models tried."""
        return ModelSize.of(step.outcome for step in self.steps)

    @property
    def _open(self) -> str:
        return OPEN.format(what=f"{len(self.open)} of {len(self.about.seeds)} searches open")

    def blocks(self) -> Sequence[Block]:
        seeds = len(self.about.seeds)
        few = no_interval(seeds)
        source = f"for the median of {seeds} seeds"
        interval = INTERVALS.format(level=f"{self.coverage:.1%}", source=source)
        if not self.complete:
            interval = self._open
        elif few:
            interval = f"{few.capitalize()}."
        verb = "do not solve" if self.smallest else "solve"
        subject = f"Seeds that {verb} limit={self.last}, the largest value allowed"
        figure = f"{self.reached_end} of {seeds}"
        solved = self.words.removesuffix(f" ({few})")
        parts = self.problem, self.about.framing, self.model, self.about.recipe
        setup = ", ".join(filter(None, parts))
        headline = f"{self.extreme.capitalize()} value solved {self.by_half}".rstrip()
        return [
            text(f"{headline}: {solved} ({setup})", kind="strong"),
            text(str(self.sizes)),
            text(
                f"{interval} Solved: skill (0 chance, 1 the best on the problem) of "
                f"{self.about.solve_at:g} or more within {self.about.budget:,} sequences per "
                "trial.",
            ),
            text(
                MEASURED.format(subject=subject, figure=figure) if self.reached_end else "",
                kind="advice",
            ),
            text(self.bound(flags=False), kind="notice"),
            table(
                "",
                ("seed", f"{self.extreme} solved", f"{self._next} failed", "reason"),
                map(self._table_row, self.about.seeds, self.per_seed),
            ),
            text("" if self.lower_bound else self.advice, kind="advice"),
        ]

    @property
    def _next(self) -> str:
        return "largest" if self.smallest else "smallest"

    def bound(self, *, flags: bool) -> str:
        """What to try where seeds were still learning; else empty.

        Args:
            flags: As flags of the command line, not as arguments in Python.
        """
        if self.lower_bound is None:
            return ""
        bound = "An upper bound" if self.smallest else "A lower bound"
        return self.lower_bound.advice(flags=flags, bound=bound)

    def _table_row(self, seed: int, solved: int | None) -> tuple[str, ...]:
        first = self.first_failed(seed)
        reason = str(first.reasons[0]) if first else ""
        if seed in self.failures:
            reason = f"missing: {self.failures[seed]}"
        so_far = " so far" if seed in self.open else ""
        value = str(first.value) if first else ""
        return str(seed), f"{solved or 'nothing'}{so_far}", value, reason

    def first_failed(self, seed: int) -> Step | None:
        """The unsolved trial of a seed next to what it solved."""
        failed = (step for step in self.steps if step.seed == seed and not step.solved)
        side = max if self.smallest else min
        return side(failed, key=lambda step: step.value, default=None)

    def document(self) -> dict[str, Any]:
        ends = tuple(end if end < math.inf else None for end in self.interval)
        interval = None if no_interval(len(self.per_seed)) else ends
        figures = {"median": self.median, "interval": interval, "coverage": self.coverage}
        return {
            "knob": self.knob,
            "smallest": self.smallest,
            "per_seed": self.per_seed,
            "reached_end": self.reached_end,
            "complete": self.complete,
            "open": self.open,
            "failures": self.failures,
            "lower_bound": self.lower_bound and self.lower_bound._asdict(),
            **{name: value if self.complete else None for name, value in figures.items()},
            **size_and_speed(step.outcome for step in self.steps),
            "steps": [
                {
                    "value": step.value,
                    "seed": step.seed,
                    "trial": step.trial,
                    "solved": step.solved,
                    "skill": step.outcome.skill,
                    "sequences": step.outcome.sequences,
                    "reasons": [reason._asdict() for reason in step.reasons],
                }
                for step in self.steps
            ],
            **self.about.provenance(step.outcome for step in self.steps),
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        place = {"problem": self.problem, "model": self.model, "knob": self.knob}
        if level == "trial":
            return [
                step.result.row(
                    self.about, **place, value=step.value, trial=step.trial, solved=step.solved
                )
                for step in self.steps
            ]
        none = not self.complete or bool(no_interval(len(self.per_seed)))
        low, high = (None if none or end == math.inf else end for end in self.interval)
        shared = {
            "median": self.median if self.complete else None,
            "median_low": low,
            "median_high": high,
            **size_and_speed(step.outcome for step in self.steps),
            "problem_version": self.about.versions.get(self.problem),
        }
        return [
            {
                **place,
                "seed": seed,
                f"{self.extreme}_solved": solved,
                f"{self._next}_failed": first.value if (first := self.first_failed(seed)) else None,
                "open": seed in self.open,
                "failure": self.failures.get(seed, ""),
                "reason": first.result.reason if first else "",
                **shared,
            }
            for seed, solved in zip(self.about.seeds, self.per_seed, strict=True)
        ]
