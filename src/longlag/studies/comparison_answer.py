"""The answer of a comparison."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from longlag.scores.statistics import Estimate
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
        skill: Skill over seeds, with interval.
        time: Sequences to solve it, failures counted.
        reasons: Why seeds fell short, by reason: how many.
        missing: Seeds not yet run, or that came to nothing.
    """

    problem: str
    model: str
    knob: str
    rung: int
    rate: float
    chosen: bool
    outcomes: tuple[Outcome, ...]
    skill: Estimate
    time: TimeToSolve
    reasons: Mapping[str, int]
    missing: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonAnswer:
    """What a comparison found.

    Attributes:
        problems: The problems, in words, in their order; and likewise `models`.
        rates: The learning rates that were tried at the first rung.
        cells: Every model at every rung of every problem, at its chosen rate.
        ladder: Every model at the first rung of every problem, at every rate.
        complete: Whether nothing is left to run.
    """

    problems: tuple[str, ...]
    models: tuple[str, ...]
    rates: tuple[float, ...]
    cells: tuple[Cell, ...]
    ladder: tuple[Cell, ...]
    complete: bool
