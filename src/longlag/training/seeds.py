"""Seeds under way: each with its model, its stream of batches and its figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import numpy as np

from longlag.models import AnyModel, Foreign
from longlag.training.losses import AnyLoss
from longlag.training.program import OPTIMIZERS, Batches, Output, Program, compiled, initial_state
from longlag.training.recipe import Recipe

DIVERGED = 1e3
"""A run has diverged once its loss is not finite, or this many times what it began with (or 1)."""

ENOUGH = 1000
"""Scored targets, the latest ones of training, on which the criterion to stop is judged."""


@dataclasses.dataclass(frozen=True, eq=False)
class Progress:
    """What one seed did in one chunk of updates.

    Attributes:
        place: Place of the seed on the seed axis.
        updates: Updates made so far.
        total: Updates of the whole run.
        losses: Loss of each update of this chunk.
        accuracy: Share of scored targets of this chunk that were right before the update.
        model: The model as it stands; None in the history of a run.
        outcome: `running`, or why the seed ended: `finished` all updates, `stopped` at
            the accuracy asked for, or `diverged`.
        diverged_at: The update at which the loss first left all bounds (`DIVERGED`), if any.
    """

    place: int
    updates: int
    total: int
    losses: np.ndarray
    accuracy: float
    model: AnyModel | None
    outcome: Literal["running", "finished", "stopped", "diverged"]
    diverged_at: int | None = None

    @property
    def loss(self) -> float:
        """Mean loss of the chunk."""
        return float(self.losses.mean())


def form(seed: SeedRun) -> Any:
    """What a model is but for its arrays; seeds of one program have the same."""
    return jax.tree.structure(seed.model)


class Job(NamedTuple):
    recipe: Recipe
    updates: int
    loss: AnyLoss
    output: Output
    confirm: Callable[[int, AnyModel], bool] | None


class SeedRun:
    """One seed on its way through a run."""

    def __init__(self, job: Job, place: int, model: AnyModel, stream: Iterator[Batches]):
        self.job, self.place, self.model, self.stream = job, place, model, stream
        self.updates, self.running = 0, True
        self.bound: float | None = None
        self.recent: list[tuple[float, float]] = []  # targets right and scored, by chunk

    @property
    def left(self) -> int:
        """Updates to be made."""
        return self.job.updates - self.updates if self.running else 0

    def report(self, figures: np.ndarray, model: AnyModel) -> Progress:
        """What the figures of a chunk say, and whether the seed goes on."""
        losses, right, scored = figures.T
        if self.bound is None and scored.any():
            self.bound = DIVERGED * max(1.0, float(losses[scored > 0][0]))
        bound = np.inf if self.bound is None else self.bound
        wrong = np.flatnonzero(~(losses <= bound) | ~np.isfinite(losses))
        diverged_at = None
        outcome = "running"
        if len(wrong):
            outcome, diverged_at = "diverged", self.updates + int(wrong[0]) + 1
        elif self._may_stop(float(right.sum()), float(scored.sum()), model):
            outcome = "stopped"
        elif len(losses) == self.left:
            outcome = "finished"
        self.updates += len(losses)
        self.running = outcome == "running"
        return Progress(
            place=self.place,
            updates=self.updates,
            total=self.job.updates,
            losses=losses,
            accuracy=float(right.sum() / max(scored.sum(), 1)),
            model=model,
            outcome=outcome,
            diverged_at=diverged_at,
        )

    def _may_stop(self, right: float, scored: float, model: AnyModel) -> bool:
        """Whether the seed meets the criterion on enough targets, and it is confirmed."""
        stop_at, confirm = self.job.recipe.stop_at, self.job.confirm
        if stop_at is None:
            return False
        self.recent.append((right, scored))
        while sum(count for _, count in self.recent[1:]) >= ENOUGH:
            del self.recent[0]
        hits, targets = map(sum, zip(*self.recent, strict=True))
        if targets < ENOUGH or hits < stop_at * targets:
            return False
        if confirm is None or confirm(self.place, model):
            return True
        self.recent.clear()
        return False


class ExternalGroup:
    """One seed whose model has a loop of its own."""

    def __init__(self, job: Job, seed: SeedRun):
        assert isinstance(seed.model, Foreign)
        self.seed, self.model = seed, seed.model
        self.train = self.model.trainer(job.recipe, job.loss, job.output)

    @property
    def running(self) -> bool:
        return self.seed.running

    def advance(self) -> list[Progress]:
        """Make one chunk of updates."""
        batches = next(self.seed.stream)
        count = min(len(batches.targets), self.seed.left)
        return [self.seed.report(self.train(batches, count), self.model)]


class Group:
    """Seeds that advance together: one alone, or all of them in one vectorised program."""

    def __init__(self, job: Job, seeds: list[SeedRun]):
        self.job, self.seeds = job, seeds
        self.alone = len(seeds) == 1
        self.batches = self._draw()
        parted = [eqx.partition(seed.model, eqx.is_array) for seed in seeds]
        params = self._join([each for each, _ in parted])
        self.skeletons = [skeleton for _, skeleton in parted]
        optimizer = OPTIMIZERS[job.recipe.optimizer](job.recipe.learning_rate)
        weights = [eqx.filter(each, eqx.is_inexact_array) for each, _ in parted]
        optimizer_state = self._join([optimizer.init(each) for each in weights])
        batch = 1 if self.alone else 2  # the axis of rows, after those of seeds and updates
        rows = self.batches.targets.shape[batch : batch + 1]
        state = self._join([initial_state(seed.model, rows) for seed in seeds])
        self.carried = params, optimizer_state, state
        program = Program(self.skeletons[0], job.recipe.optimizer, job.loss, job.output)
        stage = "train" if self.alone else "train seeds"
        self.call = compiled(program, stage, self._arguments())

    @property
    def running(self) -> bool:
        return any(seed.running for seed in self.seeds)

    def advance(self) -> list[Progress]:
        """Make one chunk of updates for every seed still running."""
        counts = self._counts()
        *carried, figures = self.call(*self._arguments())
        self.carried = tuple(carried)
        made = zip(self.seeds, counts, strict=True)
        if any(seed.updates + count < self.job.updates for seed, count in made):
            self.batches = self._draw()  # on the host, while the device computes
        figures = np.asarray(figures).reshape(len(self.seeds), -1, 3)
        return [
            seed.report(figures[index, : counts[index]], self._model(index))
            for index, seed in enumerate(self.seeds)
            if seed.running
        ]

    def _model(self, index: int) -> Any:
        params = self.carried[0]
        if not self.alone:
            params = jax.tree.map(lambda leaf: leaf[index], params)
        return eqx.combine(params, self.skeletons[index])

    def _arguments(self) -> tuple[Any, ...]:
        counts = self._counts()
        count = np.int32(counts[0]) if self.alone else np.array(counts, np.int32)
        return *self.carried, self.batches, count, np.float32(self.job.recipe.learning_rate)

    def _counts(self) -> list[int]:
        chunk = self.batches.targets.shape[0 if self.alone else 1]
        return [min(chunk, seed.left) for seed in self.seeds]

    def _draw(self) -> Batches:
        return self._join([next(seed.stream) for seed in self.seeds])

    def _join(self, trees: list[Any]) -> Any:
        if self.alone:
            return trees[0]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)
