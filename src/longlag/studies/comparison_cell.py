"""A cell of a comparison: one model at one level of one problem."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

from longlag.answers.estimate import Estimate
from longlag.studies.about import SeedResult
from longlag.studies.ladder import verdict
from longlag.studies.time_to_solve import TimeToSolve
from longlag.trials.outcome import Outcome, side_of_chance, size_and_speed


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One model at one rung of one problem, at one learning rate.

    Attributes:
        problem: The label of the problem.
        model: The label of the model.
        knob: The knob that makes the problem harder.
        rung: Its value.
        rate: Learning rate.
        chosen: Whether this rate was chosen for the model on this problem.
        trials: The finished seeds.
        skill: Skill over seeds, with interval; None where no seed finished.
        time: Sequences to solve it, unsolved seeds included; None where no seed finished.
        reasons: The number of seeds that fell short, by reason.
        missing: Number of seeds not yet run, or failed.
        failures: The number of failed seeds, by reason.
    """

    problem: str
    model: str
    knob: str
    rung: int
    rate: float
    chosen: bool
    trials: tuple[SeedResult, ...] = dataclasses.field(repr=False)
    skill: Estimate | None
    time: TimeToSolve | None = dataclasses.field(repr=False)
    reasons: Mapping[str, int]
    missing: int
    failures: Mapping[str, int]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the finished seeds."""
        return tuple(trial.outcome for trial in self.trials)

    @property
    def verdict(self) -> str:
        """What the seeds came to together, as of `ladder.verdict`, or `missing`."""
        return verdict(self.outcomes, self.time.solved) if self.time else "missing"

    @property
    def marked(self) -> str:
        """The verdict, with a mark where some seeds are missing: then it is that of the others."""
        return f"{self.verdict}{'*' * bool(self.missing and self.time)}"

    @property
    def shortfalls(self) -> Counter[str]:
        """The number of seeds that fell short, failed or are not run, by reason."""
        return Counter(self.reasons) + self.absences

    @property
    def absences(self) -> Counter[str]:
        """The number of seeds that failed or are not run, by reason."""
        not_run = self.missing - sum(self.failures.values())
        why = "not run" if self.chosen else "no rate chosen yet"
        return Counter(self.failures) + Counter({why: not_run})


def plain(cell: Cell) -> dict[str, Any]:
    """A cell as plain values."""
    mean = cell.time.mean if cell.time else None
    time = mean and {"mean": mean.mean, "interval": None if mean.left_out else mean.interval}
    return {
        "problem": cell.problem,
        "model": cell.model,
        "knob": cell.knob,
        "rung": cell.rung,
        "skill": cell.skill,
        "missing": cell.missing,
        "reasons": cell.reasons,
        "failures": cell.failures,
        "learning_rate": cell.rate,
        "solved": cell.time.solved if cell.time else 0,
        "seeds": len(cell.trials),
        "restricted_mean": time,
        **size_and_speed(cell.outcomes),
        "stands": f"{side_of_chance(cell.outcomes)} chance" if cell.outcomes else None,
    }
