"""The answer of a comparison."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from longlag.scores.statistics import Estimate, caveat, over_seeds, share_interval
from longlag.studies.lower_bound import LowerBound
from longlag.studies.time_to_solve import TimeToSolve
from longlag.trials.outcome import Outcome


class Place(NamedTuple):
    """The place of a trial in a comparison."""

    problem: str
    model: str
    rung: int
    rate: float


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
        outcomes: The outcomes of the finished seeds.
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
    outcomes: tuple[Outcome, ...]
    skill: Estimate | None
    time: TimeToSolve | None
    reasons: Mapping[str, int]
    missing: int
    failures: Mapping[str, int]

    @property
    def shortfalls(self) -> Counter[str]:
        """The number of seeds that fell short, failed or are not run, by reason."""
        not_run = self.missing - sum(self.failures.values())
        return Counter(self.reasons) + Counter(self.failures) + Counter({"not run": not_run})

    @property
    def noise(self) -> tuple[float, float]:
        """How much the test sequences alone may lower and raise the skill, by chance."""
        first = self.outcomes[0]
        if first.one_sequence:
            return 0.0, 0.0
        count = len(self.outcomes) * first.tally.sequences
        mean = float(np.mean([outcome.accuracy for outcome in self.outcomes]))
        low, high = share_interval(mean * count, count)
        span = first.ceiling - first.chance or np.inf
        return (mean - low) / span, (high - mean) / span

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest possible skill, and that of the ceiling."""
        first = self.outcomes[0]
        return -first.chance / (first.ceiling - first.chance or np.inf), 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonAnswer:
    """The answer of a comparison.

    Attributes:
        problems: The labels of the problems, in their order.
        models: The labels of the models, in their order.
        rates: The learning rates of the first rung.
        cells: Every model at every rung of every problem, at its chosen rate.
        ladder: Every model at the first rung of every problem, at every rate.
        complete: Whether all trials have ended.
        lower_bound: The trials still learning when the budget ended; None if there are none.
    """

    problems: tuple[str, ...]
    models: tuple[str, ...]
    rates: tuple[float, ...]
    cells: tuple[Cell, ...]
    ladder: tuple[Cell, ...]
    complete: bool
    lower_bound: LowerBound | None

    def __str__(self) -> str:
        lines = []
        for cell in self.cells:
            skill = f"skill {cell.skill}" if cell.skill else "missing"
            why = ", ".join(f"{reason} ({count})" for reason, count in cell.shortfalls.items())
            where = f"{cell.problem}, {cell.knob} {cell.rung}, {cell.model}"
            lines.append(f"{where}: {skill}{'; ' * bool(why)}{why}")
        if self.lower_bound:
            lines.append(self.lower_bound.advice(flags=False))
        return "\n".join(lines)

    def mean_skill(self, model: str) -> Estimate | None:
        """The mean skill of a model over all problems and rungs; None where one is missing.

        Its interval covers the spread between seeds and the noise of the test sequences.
        """
        cells = [cell for cell in self.cells if cell.model == model]
        skills = [cell.skill.per_seed for cell in cells if cell.skill and not cell.missing]
        if not self.complete or not cells or len(skills) < len(cells):
            return None
        least, most = np.array([cell.bounds for cell in cells]).mean(axis=0).tolist()
        skill = over_seeds(np.mean(skills, axis=0).tolist())
        noise = np.array([cell.noise for cell in cells])
        # Test sequences of different cells are independent, so that their variances add up.
        below, above = np.sqrt((noise**2).sum(axis=0)) / len(cells)
        low, high = skill.mean - below, skill.mean + above
        if len(skill.per_seed) > 1:
            low = min(low, max(skill.interval[0], least))
            high = max(high, min(skill.interval[1], most))
        interval = float(low), float(high)
        doubt = caveat(skill.per_seed, interval, most - least) if len(skill.per_seed) > 1 else ""
        return Estimate(skill.mean, interval, skill.per_seed, doubt)
