"""The twelve problems of the suite, its sizes and its baselines."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

from longlag.knobs import lookup
from longlag.models import MODELS, TCN, Blocks, DeltaNet, Mamba, ModelFactory, Residual
from longlag.problems import (
    Adding,
    AssociativeRecall,
    CopyingMemory,
    CountingLanguage,
    CycleNavigation,
    Dyck,
    FlipFlop,
    Induction,
    Parity,
    Problem,
    Reverse,
    SelectiveCopying,
    WordProblem,
)
from longlag.training import Recipe

TIMES = (2, 4, 16)
"""The lengths beyond that of training, as multiples of it."""

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
"""The learning rates to choose from: two decades."""

SIZES = {"parameters": 20_000, "state": 256}
"""How many weights, or numbers of state, a model gets."""

BATCH_SIZE = 32
CLIP_NORM = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """A problem of the suite.

    Attributes:
        problem: The problem that models are trained on.
        sequences: How many training sequences a trial has at most.
        separates: What a model must do to learn it, in a few words.
        capacity: Values of the knob of its ladder, harder and harder, at which a model that learns
            it is trained afresh; none where its length is all that makes it harder.
    """

    problem: Problem
    sequences: int
    separates: str
    capacity: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Its name: that of the problem."""
        return self.problem.title()

    @property
    def length(self) -> int:
        """Number of inputs of a training sequence."""
        return self.problem.steps - self.problem.answers

    def longer(self, times: int) -> Problem:
        """The problem at so many times the length; the task stays the same."""
        problem = self.problem
        if isinstance(problem, CopyingMemory):  # as many symbols, longer ago
            return dataclasses.replace(problem, delay=times * problem.delay)
        if isinstance(problem, FlipFlop):  # as many writes, longer ago
            ignore = 1 - (1 - problem.ignore) / times
            return dataclasses.replace(problem, length=times * problem.length, ignore=ignore)
        return problem.showing(times * self.length)

    @functools.cached_property
    def tests(self) -> dict[str, Problem]:
        """What a trained model is scored on, the training length first."""
        return {"as trained": self.problem, **{named_at(each): self.longer(each) for each in TIMES}}

    @functools.cached_property
    def rungs(self) -> dict[int, Problem]:
        """The problem at each rung of its capacity."""
        return {rung: self.problem.at(rung) for rung in self.capacity}

    def recipe(self, rate: float, effort: float) -> Recipe:
        """How models are trained on it."""
        return Recipe(
            sequences=max(BATCH_SIZE, round(effort * self.sequences)),
            batch_size=BATCH_SIZE,
            learning_rate=rate,
            clip_norm=CLIP_NORM,
        )


def named_at(times: int) -> str:
    """The name of the test at so many times the training length.

    >>> named_at(4)
    '4 times as long'
    """
    return f"{times} times as long"


ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        Row(
            problem=CopyingMemory(symbols=5, values=8, delay=20),
            sequences=100_000,
            separates="a queue of symbols, unchanged for a while",
        ),
        Row(
            problem=SelectiveCopying(length=32, symbols=4, values=8),
            sequences=100_000,
            separates="what to keep is chosen by the input",
        ),
        Row(
            problem=Induction(length=32, values=16),
            sequences=100_000,
            separates="one value, kept from its trigger on",
        ),
        Row(
            problem=AssociativeRecall(length=24, pairs=4, keys=16, values=16),
            sequences=100_000,
            separates="a table of pairs, read by key",
            capacity=(8, 16),
        ),
        Row(
            problem=Parity(length=32),
            sequences=100_000,
            separates="a state that changes sign",
        ),
        Row(
            problem=CycleNavigation(length=32),
            sequences=100_000,
            separates="a state on a ring: complex eigenvalues, or several reflections",
        ),
        Row(
            problem=WordProblem(length=16, monoid="s3"),
            sequences=100_000,
            separates="steps that do not commute",
        ),
        Row(
            problem=FlipFlop(length=64, ignore=0.8),
            sequences=50_000,
            separates="one bit held exactly, not fading",
        ),
        Row(
            problem=CountingLanguage(length=30, letters=3),
            sequences=100_000,
            separates="counters without a bound",
        ),
        Row(
            problem=Reverse(length=10, values=2),
            sequences=100_000,
            separates="a stack, or a queue read backwards",
            capacity=(20, 40),
        ),
        Row(
            problem=Dyck(length=32, pairs=2, depth=4),
            sequences=100_000,
            separates="nested brackets of bounded depth",
        ),
        Row(
            problem=Adding(length=50),
            sequences=100_000,
            separates="two marked reals, summed over a long lag",
        ),
    )
}


def _baselines() -> dict[str, ModelFactory]:
    cells: dict[str, ModelFactory] = {name: Residual(cell=name) for name in ("lstm", "gru", "rnn")}
    others = [kind() for kind in MODELS.values() if issubclass(kind, Blocks | TCN)]
    plain = {each.title(): each for each in others if not isinstance(each, Residual)}
    signed = {"mamba-signed": Mamba(negative=True), "delta-net-signed": DeltaNet(negative=True)}
    return cells | plain | signed


BASELINES: Mapping[str, ModelFactory] = _baselines()
"""The models that a layer is compared with, by name, all in the same residual blocks."""


def rows_of(names: tuple[str, ...] | None) -> dict[str, Row]:
    """The rows of these names, in the order of the suite; all by default.

    Raises:
        ValueError: There is no such problem in the suite.
    """
    wanted = {lookup("problem of the suite", name, ROWS).name for name in names or ROWS}
    return {name: row for name, row in ROWS.items() if name in wanted}
