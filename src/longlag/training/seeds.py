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

Watch = Callable[[int, int, Callable[[], AnyModel]], object]
"""Called with a seed, its number of updates and a function that copies its model of that moment."""

Until = Callable[[int, np.ndarray, np.ndarray, Callable[[], AnyModel]], bool]
"""Called at the end of each chunk with a seed, the loss of each of its updates, the share of
targets that were correct before it, and a function that copies its model: whether the seed stops
there."""

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
    piece: int | None = None
    watch: Watch | None = None
    until: Until | None = None

    def part(self, chunk: int, first: int, remaining: int) -> tuple[int, bool]:
        """How many updates of a chunk to make next, from `first` on; and whether that ends it.

        The pieces of a chunk are equally long, and at most `piece`.
        """
        pieces = 1 if self.piece is None else -(-chunk // self.piece)
        count = min(-(-chunk // pieces), chunk - first, remaining)
        return count, first + count == chunk or count == remaining


class SeedRun:
    """The progress of one seed through a run."""

    def __init__(self, plan: Plan, seed: int, model: AnyModel, stream: Iterator[Batches]):
        self.plan, self.seed, self.model, self.stream = plan, seed, model, stream
        self.updates, self.running = 0, True
        self.bound: float | None = None
        self.recent_counts: list[tuple[float, float]] = []  # correct and scored targets, by chunk
        self.pieces: list[np.ndarray] = []  # the figures of the current chunk so far

    @property
    def remaining(self) -> int:
        """Number of updates still to make."""
        return self.plan.updates - self.updates if self.running else 0

    def show(self, copy: Callable[[], AnyModel]) -> None:
        """Have the model watched as it is now."""
        if self.plan.watch is not None:
            self.plan.watch(self.seed, self.updates, copy)

    def report(
        self, figures: np.ndarray, model: Callable[[], AnyModel], *, ends_chunk: bool = True
    ) -> list[Event]:
        """The events of a piece of a chunk, from its rows of loss, correct and scored targets.

        A seed ends only with a chunk, so that the pieces make no difference.
        """
        before = self.updates - sum(map(len, self.pieces))
        self.pieces.append(figures)
        losses, correct, scored = np.concatenate(self.pieces).T  # of the chunk so far
        if self.bound is None and scored.any():
            self.bound = DIVERGED * max(1.0, float(losses[scored > 0][0]))
        bound = np.inf if self.bound is None else self.bound
        beyond = np.flatnonzero(~(losses <= bound) | ~np.isfinite(losses))
        diverged_at = before + int(beyond[0]) + 1 if len(beyond) else None
        outcome = "running"
        if ends_chunk:
            self.pieces.clear()
            if len(beyond):
                outcome = "diverged"
            elif self._is_to_stop(losses, correct, scored, model):
                outcome = "stopped"
            elif before + len(losses) == self.plan.updates:
                outcome = "finished"
        losses, correct, scored = figures.T
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

    def _is_to_stop(
        self,
        losses: np.ndarray,
        correct: np.ndarray,
        scored: np.ndarray,
        model: Callable[[], AnyModel],
    ) -> bool:
        """Whether a chunk with these figures is the last, by the caller or by the recipe."""
        until = self.plan.until
        shares = correct / np.maximum(scored, 1)
        if until is not None and until(self.seed, losses, shares, model):
            return True
        return self._may_stop(float(correct.sum()), float(scored.sum()), model)

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
        self.plan, self.seed, self.model = plan, seed, seed.model
        self.train = self.model.trainer(plan.recipe, plan.loss, plan.output, plan.rates)
        self.batches: Batches | None = None  # of the current chunk, and its next update
        self.first = 0

    @property
    def running(self) -> bool:
        return self.seed.running

    def advance(self) -> list[Event]:
        """Make one piece of a chunk of updates."""
        if not self.seed.updates:
            self.seed.show(self._copy)
        if self.batches is None:
            self.batches = next(self.seed.stream)
        chunk = len(self.batches.targets)
        count, ends = self.plan.part(chunk, self.first, self.seed.remaining)
        figures = self.train(_from(self.batches, self.first), count)
        self.first += count
        if ends:
            self.batches, self.first = None, 0
        events = self.seed.report(figures, lambda: self.model, ends_chunk=ends)
        self.seed.show(self._copy)
        return events

    def _copy(self) -> AnyModel:
        return self.model.perturbed(0, 0.0, only=())

    def end(self) -> list[Event]:
        """Make no more updates."""
        return self.seed.end(lambda: self.model)


class Group:
    """Seeds that advance together: a single one, or all of them in one vectorised program."""

    def __init__(self, plan: Plan, seeds: list[SeedRun]):
        self.plan, self.seeds = plan, seeds
        self.single = len(seeds) == 1
        self.batches, self.first = self._draw(), 0  # the current chunk, and its next update
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
        """Make one piece of a chunk of updates for every seed still running."""
        for index, seed in enumerate(self.seeds):
            if not seed.updates:
                seed.show(functools.partial(self._model, index))
        count, ends = self._part()
        counts = [min(count, seed.remaining) for seed in self.seeds]
        *carry, figures = self.compiled.call(*self._arguments())
        self.carry, self.first = tuple(carry), 0 if ends else self.first + count
        after = zip(self.seeds, counts, strict=True)
        if ends and any(seed.updates + count < self.plan.updates for seed, count in after):
            self.batches = self._draw()  # on the host, while the device computes
        figures = np.asarray(figures).reshape(len(self.seeds), -1, 3)
        events: list[Event] = []
        for index, seed in enumerate(self.seeds):
            if seed.running:
                model = functools.partial(self._model, index)
                events += seed.report(figures[index, : counts[index]], model, ends_chunk=ends)
                seed.show(model)
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
        count, _ = self._part()
        counts = np.array([min(count, seed.remaining) for seed in self.seeds], np.int32)
        batches = _from(self.batches, self.first, 0 if self.single else 1)
        return *self.carry, batches, counts[0] if self.single else counts, self._rates()

    def _rates(self) -> Any:
        """The learning rate, or that of each update from the next on `(update,)`."""
        if self.plan.rates is None:
            return np.float32(self.plan.recipe.learning_rate)
        first = max(seed.updates for seed in self.seeds)  # those still running are equally far
        rates = self.plan.rates[first : first + self._chunk]
        return np.pad(rates, (0, self._chunk - len(rates)))

    @property
    def _chunk(self) -> int:
        return self.batches.targets.shape[0 if self.single else 1]

    def _part(self) -> tuple[int, bool]:
        """How many updates to make next, and whether they end the chunk."""
        remaining = max(seed.remaining for seed in self.seeds)
        return self.plan.part(self._chunk, self.first, remaining)

    def _draw(self) -> Batches:
        return self._join([next(seed.stream) for seed in self.seeds])

    def _join(self, trees: list[Any]) -> Any:
        if self.single:
            return trees[0]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def _copied(tree: Any) -> Any:
    """A copy of the arrays, since a program overwrites those that it is called with."""
    return jax.device_put(tree, may_alias=False)


def _from(batches: Batches, first: int, axis: int = 0) -> Batches:
    """Batches with the updates from `first` on at the start: of one shape for every piece."""
    return jax.tree.map(lambda each: np.roll(each, -first, axis), batches) if first else batches
