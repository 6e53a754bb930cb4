"""Seeds in training: each with its model, its stream of batches and its progress."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from longlag.arrays import Output
from longlag.events import Advanced, Event, Finished
from longlag.models import AnyModel, ExternalModel
from longlag.training.losses import AnyLoss
from longlag.training.optimizer import Optimizer
from longlag.training.program import (
    Batches,
    Program,
    compiled,
    initial_state,
)
from longlag.training.recipe import Recipe

DIVERGED = 1e3
"""A run has diverged once its loss is not finite, or this many times its first loss (or 1)."""

STOP_WINDOW = 1000
"""Number of latest scored targets of training over which the stopping criterion is computed."""


def form(seed: SeedRun) -> Any:
    """The structure of a model without its arrays; seeds of one program share it."""
    return jax.tree.structure(seed.model)


class Plan(NamedTuple):
    """The arguments that all seeds of a run share."""

    recipe: Recipe
    updates: int
    loss: AnyLoss
    output: Output
    confirm: Callable[[int, AnyModel], bool] | None
    rates: np.ndarray | None


class SeedRun:
    """The progress of one seed through a run."""

    def __init__(self, plan: Plan, seed: int, model: AnyModel, stream: Iterator[Batches]):
        self.plan, self.seed, self.model, self.stream = plan, seed, model, stream
        self.updates, self.running = 0, True
        self.bound: float | None = None
        self.recent_counts: list[tuple[float, float]] = []  # correct and scored targets, by chunk

    @property
    def remaining(self) -> int:
        """Number of updates still to make."""
        return self.plan.updates - self.updates if self.running else 0

    def report(self, figures: np.ndarray, model: Callable[[], AnyModel]) -> list[Event]:
        """The events of a chunk, from its rows of loss, correct and scored targets."""
        losses, correct, scored = figures.T
        if self.bound is None and scored.any():
            self.bound = DIVERGED * max(1.0, float(losses[scored > 0][0]))
        bound = np.inf if self.bound is None else self.bound
        beyond = np.flatnonzero(~(losses <= bound) | ~np.isfinite(losses))
        diverged_at = None
        outcome = "running"
        if len(beyond):
            outcome, diverged_at = "diverged", self.updates + int(beyond[0]) + 1
        elif self._may_stop(float(correct.sum()), float(scored.sum()), model):
            outcome = "stopped"
        elif len(losses) == self.remaining:
            outcome = "finished"
        self.updates += len(losses)
        advanced = Advanced(
            seed=self.seed,
            updates=self.updates,
            total=self.plan.updates,
            losses=losses,
            accuracy=float(correct.sum() / max(scored.sum(), 1)),
            outcome=outcome,
            diverged_at=diverged_at,
            shares=correct / np.maximum(scored, 1),
        )
        return [advanced] if outcome == "running" else [advanced, *self.end(model)]

    def end(self, model: Callable[[], AnyModel]) -> list[Event]:
        """Make no more updates: `Finished` with the model, unless it was reported before."""
        was_running, self.running = self.running, False
        return [Finished(self.seed, model())] if was_running else []

    def _may_stop(self, correct: float, scored: float, model: Callable[[], AnyModel]) -> bool:
        """Whether the seed meets the stopping criterion on enough targets, and `confirm` agrees."""
        stop_at, confirm = self.plan.recipe.stop_at, self.plan.confirm
        if stop_at is None:
            return False
        self.recent_counts.append((correct, scored))
        while sum(count for _, count in self.recent_counts[1:]) >= STOP_WINDOW:
            del self.recent_counts[0]
        hits, targets = map(sum, zip(*self.recent_counts, strict=True))
        if targets < STOP_WINDOW or hits < stop_at * targets:
            return False
        if confirm is None or confirm(self.seed, model()):
            return True
        self.recent_counts.clear()
        return False


class ExternalGroup:
    """One seed whose model has its own training loop."""

    def __init__(self, plan: Plan, seed: SeedRun):
        assert isinstance(seed.model, ExternalModel)
        self.seed, self.model = seed, seed.model
        self.train = self.model.trainer(plan.recipe, plan.loss, plan.output, plan.rates)

    @property
    def running(self) -> bool:
        return self.seed.running

    def advance(self) -> list[Event]:
        """Make one chunk of updates."""
        batches = next(self.seed.stream)
        count = min(len(batches.targets), self.seed.remaining)
        return self.seed.report(self.train(batches, count), lambda: self.model)

    def end(self) -> list[Event]:
        """Make no more updates."""
        return self.seed.end(lambda: self.model)


class Group:
    """Seeds that advance together: a single one, or all of them in one vectorised program."""

    def __init__(self, plan: Plan, seeds: list[SeedRun]):
        self.plan, self.seeds = plan, seeds
        self.single = len(seeds) == 1
        self.batches = self._draw()
        parts = [eqx.partition(seed.model, eqx.is_array) for seed in seeds]
        params = self._join([each for each, _ in parts])
        self.skeletons = [skeleton for _, skeleton in parts]
        optimizer = Optimizer.of(plan.recipe)
        optimizer_state = self._join([optimizer.initial_state(each) for each, _ in parts])
        batch = 1 if self.single else 2  # the axis of rows, after those of seeds and updates
        rows = self.batches.targets.shape[batch : batch + 1]
        state = self._join([initial_state(seed.model, rows) for seed in seeds])
        self.carry = _copied((params, optimizer_state, state))
        self.program = Program(
            self.skeletons[0], optimizer, plan.loss, plan.output, plan.recipe.dtype
        )
        stage = "train" if self.single else "train seeds"
        self.compiled = compiled(self.program, stage, self._arguments())

    @property
    def running(self) -> bool:
        return any(seed.running for seed in self.seeds)

    def advance(self) -> list[Event]:
        """Make one chunk of updates for every seed still running."""
        counts = self._counts()
        *carry, figures = self.compiled.call(*self._arguments())
        self.carry = tuple(carry)
        after = zip(self.seeds, counts, strict=True)
        if any(seed.updates + count < self.plan.updates for seed, count in after):
            self.batches = self._draw()  # on the host, while the device computes
        figures = np.asarray(figures).reshape(len(self.seeds), -1, 3)
        events: list[Event] = []
        for index, seed in enumerate(self.seeds):
            if seed.running:
                model = functools.partial(self._model, index)
                events += seed.report(figures[index, : counts[index]], model)
        return events

    def end(self) -> list[Event]:
        """Make no more updates."""
        ends = [
            seed.end(functools.partial(self._model, index)) for index, seed in enumerate(self.seeds)
        ]
        return [event for events in ends for event in events]

    def _model(self, index: int) -> Any:
        """A copy of the current model of a seed, which the next chunk does not overwrite."""
        params = self.carry[0]
        own = _copied(params) if self.single else jax.tree.map(lambda leaf: leaf[index], params)
        return eqx.combine(own, self.skeletons[index])

    def _arguments(self) -> tuple[Any, ...]:
        counts = self._counts()
        count = np.int32(counts[0]) if self.single else np.array(counts, np.int32)
        return *self.carry, self.batches, count, self._rates()

    def _rates(self) -> Any:
        """The learning rate, or that of each update of the next chunk `(update,)`."""
        if self.plan.rates is None:
            return np.float32(self.plan.recipe.learning_rate)
        first = max(seed.updates for seed in self.seeds)  # those still running are equally far
        chunk = self.batches.targets.shape[0 if self.single else 1]
        rates = self.plan.rates[first : first + chunk]
        return np.pad(rates, (0, chunk - len(rates)))

    def _counts(self) -> list[int]:
        chunk = self.batches.targets.shape[0 if self.single else 1]
        return [min(chunk, seed.remaining) for seed in self.seeds]

    def _draw(self) -> Batches:
        return self._join([next(seed.stream) for seed in self.seeds])

    def _join(self, trees: list[Any]) -> Any:
        if self.single:
            return trees[0]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def _copied(tree: Any) -> Any:
    """A copy of the arrays, since a program overwrites those that it is called with."""
    return jax.device_put(tree, may_alias=False)
