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
    """Where in a comparison a trial stands."""

    problem: str
    model: str
    rung: int
    rate: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One model at one rung of one problem, at one learning rate.

    Attributes:
        problem: The problem, in words.
        model: The model, in words.
        knob: The knob that makes the problem harder.
        rung: Its value.
        rate: Learning rate.
        chosen: Whether this rate was chosen for the model on this problem.
        outcomes: What the seeds came to.
        skill: Skill over seeds, with interval; None where no seed came to anything.
        time: Sequences to solve it, failures counted; None likewise.
        reasons: Why seeds fell short, by reason: how many.
        missing: Seeds not yet run, or that failed.
        failures: Why seeds failed, by reason: how many.
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
        """Why its seeds fell short, failed or are not run, by reason: how many."""
        not_run = self.missing - sum(self.failures.values())
        return Counter(self.reasons) + Counter(self.failures) + Counter({"not run": not_run})

    @property
    def noise(self) -> tuple[float, float]:
        """How far the noise of the draws alone may take its skill down and up."""
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
        """The least skill there can be, and that of the ceiling."""
        first = self.outcomes[0]
        return -first.chance / (first.ceiling - first.chance or np.inf), 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonAnswer:
    """What a comparison found.

    Attributes:
        problems: The problems, in words, in their order; and likewise `models`.
        rates: The learning rates that were tried at the first rung.
        cells: Every model at every rung of every problem, at its chosen rate.
        ladder: Every model at the first rung of every problem, at every rate.
        complete: Whether nothing is left to run.
        lower_bound: Where trials were still learning when the budget ended: how many; else None.
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
            found = f"skill {cell.skill}" if cell.skill else "missing"
            why = ", ".join(f"{reason} ({count})" for reason, count in cell.shortfalls.items())
            where = f"{cell.problem}, {cell.knob} {cell.rung}, {cell.model}"
            lines.append(f"{where}: {found}{'; ' * bool(why)}{why}")
        if self.lower_bound:
            lines.append(self.lower_bound.advice(flags=False))
        return "\n".join(lines)

    def mean_skill(self, model: str) -> Estimate | None:
        """The mean skill of a model over all problems and rungs; None where one is missing.

        Its interval covers the spread between seeds, and is no narrower than the noise of draws.
        """
        cells = [cell for cell in self.cells if cell.model == model]
        skills = [cell.skill.per_seed for cell in cells if cell.skill and not cell.missing]
        if not self.complete or not cells or len(skills) < len(cells):
            return None
        least, most = np.array([cell.bounds for cell in cells]).mean(axis=0).tolist()
        found = over_seeds(np.mean(skills, axis=0).tolist())
        noise = np.array([cell.noise for cell in cells])
        # Draws of different cells are independent, so that their noise adds up in squares.
        below, above = np.sqrt((noise**2).sum(axis=0)) / len(cells)
        low, high = found.mean - below, found.mean + above
        if len(found.per_seed) > 1:
            low = min(low, max(found.interval[0], least))
            high = max(high, min(found.interval[1], most))
        interval = float(low), float(high)
        doubt = caveat(found.per_seed, interval, most - least) if len(found.per_seed) > 1 else ""
        return Estimate(found.mean, interval, found.per_seed, doubt)
