"""Seeds under way: each with its model, its stream of batches and its figures."""

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
from longlag.training.program import OPTIMIZERS, Batches, Program, compiled, initial_state
from longlag.training.recipe import Recipe

DIVERGED = 1e3
"""A run has diverged once its loss is not finite, or this many times what it began with (or 1)."""

ENOUGH = 1000
"""Scored targets, the latest ones of training, on which the criterion to stop is judged."""


def form(seed: SeedRun) -> Any:
    """What a model is but for its arrays; seeds of one program have the same."""
    return jax.tree.structure(seed.model)


class Plan(NamedTuple):
    """What all seeds of a run have in common."""

    recipe: Recipe
    updates: int
    loss: AnyLoss
    output: Output
    confirm: Callable[[int, AnyModel], bool] | None


class SeedRun:
    """One seed on its way through a run."""

    def __init__(self, plan: Plan, seed: int, model: AnyModel, stream: Iterator[Batches]):
        self.plan, self.seed, self.model, self.stream = plan, seed, model, stream
        self.updates, self.running = 0, True
        self.bound: float | None = None
        self.recent: list[tuple[float, float]] = []  # targets right and scored, by chunk

    @property
    def left(self) -> int:
        """Updates to be made."""
        return self.plan.updates - self.updates if self.running else 0

    def report(self, figures: np.ndarray, model: Callable[[], AnyModel]) -> list[Event]:
        """What the figures of a chunk say, and the model where the seed goes on no more."""
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
        advanced = Advanced(
            seed=self.seed,
            updates=self.updates,
            total=self.plan.updates,
            losses=losses,
            accuracy=float(right.sum() / max(scored.sum(), 1)),
            outcome=outcome,
            diverged_at=diverged_at,
        )
        return [advanced] if outcome == "running" else [advanced, *self.end(model)]

    def end(self, model: Callable[[], AnyModel]) -> list[Event]:
        """Make no more updates: the model as it stands, if that was not said before."""
        was, self.running = self.running, False
        return [Finished(self.seed, model())] if was else []

    def _may_stop(self, right: float, scored: float, model: Callable[[], AnyModel]) -> bool:
        """Whether the seed meets the criterion on enough targets, and it is confirmed."""
        stop_at, confirm = self.plan.recipe.stop_at, self.plan.confirm
        if stop_at is None:
            return False
        self.recent.append((right, scored))
        while sum(count for _, count in self.recent[1:]) >= ENOUGH:
            del self.recent[0]
        hits, targets = map(sum, zip(*self.recent, strict=True))
        if targets < ENOUGH or hits < stop_at * targets:
            return False
        if confirm is None or confirm(self.seed, model()):
            return True
        self.recent.clear()
        return False


class ExternalGroup:
    """One seed whose model has a loop of its own."""

    def __init__(self, plan: Plan, seed: SeedRun):
        assert isinstance(seed.model, ExternalModel)
        self.seed, self.model = seed, seed.model
        self.train = self.model.trainer(plan.recipe, plan.loss, plan.output)

    @property
    def running(self) -> bool:
        return self.seed.running

    def advance(self) -> list[Event]:
        """Make one chunk of updates."""
        batches = next(self.seed.stream)
        count = min(len(batches.targets), self.seed.left)
        return self.seed.report(self.train(batches, count), lambda: self.model)

    def end(self) -> list[Event]:
        """Make no more."""
        return self.seed.end(lambda: self.model)


class Group:
    """Seeds that advance together: one alone, or all of them in one vectorised program."""

    def __init__(self, plan: Plan, seeds: list[SeedRun]):
        self.plan, self.seeds = plan, seeds
        self.alone = len(seeds) == 1
        self.batches = self._draw()
        parted = [eqx.partition(seed.model, eqx.is_array) for seed in seeds]
        params = self._join([each for each, _ in parted])
        self.skeletons = [skeleton for _, skeleton in parted]
        optimizer = OPTIMIZERS[plan.recipe.optimizer](plan.recipe.learning_rate)
        weights = [eqx.filter(each, eqx.is_inexact_array) for each, _ in parted]
        optimizer_state = self._join([optimizer.init(each) for each in weights])
        batch = 1 if self.alone else 2  # the axis of rows, after those of seeds and updates
        rows = self.batches.targets.shape[batch : batch + 1]
        state = self._join([initial_state(seed.model, rows) for seed in seeds])
        self.carried = _copied((params, optimizer_state, state))
        program = Program(self.skeletons[0], plan.recipe.optimizer, plan.loss, plan.output)
        stage = "train" if self.alone else "train seeds"
        self.call = compiled(program, stage, self._arguments())

    @property
    def running(self) -> bool:
        return any(seed.running for seed in self.seeds)

    def advance(self) -> list[Event]:
        """Make one chunk of updates for every seed still running."""
        counts = self._counts()
        *carried, figures = self.call(*self._arguments())
        self.carried = tuple(carried)
        made = zip(self.seeds, counts, strict=True)
        if any(seed.updates + count < self.plan.updates for seed, count in made):
            self.batches = self._draw()  # on the host, while the device computes
        figures = np.asarray(figures).reshape(len(self.seeds), -1, 3)
        events: list[Event] = []
        for place, seed in enumerate(self.seeds):
            if seed.running:
                model = functools.partial(self._model, place)
                events += seed.report(figures[place, : counts[place]], model)
        return events

    def end(self) -> list[Event]:
        """Make no more updates."""
        ends = [
            seed.end(functools.partial(self._model, place)) for place, seed in enumerate(self.seeds)
        ]
        return [event for events in ends for event in events]

    def _model(self, place: int) -> Any:
        """The model of a seed as it stands, which the next chunk leaves alone."""
        params = self.carried[0]
        own = _copied(params) if self.alone else jax.tree.map(lambda leaf: leaf[place], params)
        return eqx.combine(own, self.skeletons[place])

    def _arguments(self) -> tuple[Any, ...]:
        counts = self._counts()
        count = np.int32(counts[0]) if self.alone else np.array(counts, np.int32)
        return *self.carried, self.batches, count, np.float32(self.plan.recipe.learning_rate)

    def _counts(self) -> list[int]:
        chunk = self.batches.targets.shape[0 if self.alone else 1]
        return [min(chunk, seed.left) for seed in self.seeds]

    def _draw(self) -> Batches:
        return self._join([next(seed.stream) for seed in self.seeds])

    def _join(self, trees: list[Any]) -> Any:
        if self.alone:
            return trees[0]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def _copied(tree: Any) -> Any:
    """The same arrays in buffers of their own: those that a program is given, it uses up."""
    return jax.device_put(tree, may_alias=False)
