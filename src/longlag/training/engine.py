"""The compiled loop: one generator of progress drives every training run.

A chunk of updates is one program; nothing returns to Python inside it. The seeds are an
axis of the program. On a CPU each seed is a call of one executable, the calls shared out
to threads, which is faster there than one vectorised program; on an accelerator the axis
is vectorised. Draws for the next chunk are made on the host while the device computes.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from longlag.models import AnyModel, Buffers, Decoder, Foreign
from longlag.training.losses import Loss, scored
from longlag.training.recipe import Recipe

Output = Literal["every", "last", "vector", "decoder"]
"""How a sample is answered: at every step, by the last output, by the last output cut into
the values of an answer, or by a decoder that is taught while training and speaks else."""

DIVERGED = 1e3
"""A run has diverged once its loss is not finite, or this many times what it began with (or 1)."""

ENOUGH = 1000
"""Scored targets, the latest ones of training, on which the criterion to stop is judged."""


CROSS_ENTROPY = Loss()


class Batches(NamedTuple):
    """Updates to be made in one go, as arrays with a leading update axis.

    Attributes:
        inputs: `(update, batch, time)` integers or `(update, batch, time, feature)`.
        targets: `(update, batch, said)` integers, -1 where nothing is scored, or reals,
            NaN where nothing is scored. The axis `said` is `time` with the output `every`,
            1 with `last`, the values of an answer with `vector` and `decoder`.
        mask: `(update, batch, time)`, false where a step is to be passed over, or None.
        reset: `(update,)`, true where state carried so far is dropped, or None where no
            state is carried.
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray | None
    reset: np.ndarray | None


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


OPTIMIZERS = {
    # Keras's epsilon, so that figures compare with the sources'; optax adds it after the
    # bias correction, Keras before, which moves losses by less than 1e-4 in 200 updates.
    "adam": functools.partial(optax.adam, eps=1e-7),
    "sgd": optax.sgd,
}


class _Program(NamedTuple):
    """The parts of a program that are fixed when it is compiled."""

    skeleton: Any
    optimizer: str
    loss: Loss
    output: Output

    def train(self, params, optimizer_state, state, batches: Batches, updates, learning_rate):
        """Make the first `updates` updates; give the new state and a row of figures for each."""
        optimizer = OPTIMIZERS[self.optimizer](learning_rate)

        def update(index, carried):
            params, optimizer_state, state, figures = carried
            batch = jax.tree.map(
                lambda each: jax.lax.dynamic_index_in_dim(each, index, keepdims=False), batches
            )
            grad = eqx.filter_value_and_grad(self._loss, has_aux=True)
            (loss, (right, scored, state, buffers)), by_params = grad(params, batch, state)
            by_params = jax.tree.map(_downhill, by_params)
            changes, optimizer_state = optimizer.update(by_params, optimizer_state, params)
            params = _renewed(eqx.apply_updates(params, changes), buffers)
            row = jnp.stack([loss, right, scored])
            figures = jax.lax.dynamic_update_index_in_dim(figures, row, index, axis=0)
            return params, optimizer_state, state, figures

        figures = jnp.zeros((len(batches.inputs), 3))
        start = params, optimizer_state, state, figures
        return jax.lax.fori_loop(0, updates, update, start)

    def predict(self, params, state, batches: Batches):
        """Run forward through all updates; give the predicted values and the state."""

        def step(state, batch):
            losses, said, state, *_ = self._run(params, batch, state, teach=False)
            return state, (losses, said)

        state, (losses, said) = jax.lax.scan(step, state, batches)
        return losses, said, state

    def _loss(self, params, batch: Any, state):  # one update's part of Batches, traced
        losses, said, state, buffers, penalty = self._run(params, batch, state, teach=True)
        counts = scored(batch.targets)
        count = counts.sum()
        loss = jnp.where(counts, losses, 0.0).sum() / jnp.maximum(count, 1) + penalty
        right = (counts & self.loss.right(said, batch.targets)).sum()
        return loss, (right.astype(loss.dtype), count.astype(loss.dtype), state, buffers)

    def _run(self, params, batch: Any, state, *, teach):
        model: Any = eqx.combine(params, self.skeleton)
        targets = jnp.where(scored(batch.targets), batch.targets, 0)
        if self.output == "decoder":
            if teach:
                outputs = model.teach(batch.inputs, batch.mask, self.loss.told(targets))
            else:
                count = targets.shape[-1]
                outputs = model.speak(batch.inputs, batch.mask, self.loss.fed_back, count)
            return *self.loss(outputs, targets), state, None, 0.0
        zero = model.initial_state(targets.shape[:1])
        start = zero
        if batch.reset is not None:
            start = jax.tree.map(lambda new, old: jnp.where(batch.reset, new, old), zero, state)
        last = self.output != "every"
        arguments = batch.inputs, batch.mask, start
        buffers, penalty = None, 0.0
        if teach:
            outputs, after, buffers, penalty = model.learn(*arguments, last=last)
        else:
            outputs, after = model(*arguments, last=last)
        if self.output == "vector":
            outputs = outputs.reshape(*targets.shape, -1)
        carried = state if batch.reset is None else after
        return *self.loss(outputs, targets), carried, buffers, penalty


def _downhill(gradient: Any) -> Any:
    """JAX's gradient by a complex weight is the conjugate of the way up."""
    return jnp.conj(gradient) if jnp.iscomplexobj(gradient) else gradient


def _renewed(params: Any, buffers: Buffers | None) -> Any:
    """A model with other buffers."""
    if buffers is None:
        return params

    def renew(node: Any) -> Any:
        return buffers if isinstance(node, Buffers) else node

    return jax.tree.map(renew, params, is_leaf=lambda node: isinstance(node, Buffers))


def fit(
    models: Sequence[AnyModel],
    streams: Sequence[Iterator[Batches]],
    recipe: Recipe,
    *,
    updates: int,
    loss: Loss = CROSS_ENTROPY,
    output: Output = "every",
    vectorise: bool | None = None,
    confirm: Callable[[int, AnyModel], bool] | None = None,
) -> Generator[Progress]:
    """Fit one model a seed, each to its own stream of batches.

    Results for equal arguments on one machine and version are equal to the bit, whatever
    the order in which the seeds report. Closing the generator ends the run after the
    chunks under way.

    Args:
        models: One model for each seed, alike but for their weights.
        streams: For each seed, chunks of updates, every one of the same shapes.
        recipe: Optimiser, learning rate and criterion to stop; `updates` says how long.
        updates: Updates to make for each seed.
        loss: What is minimised, and how outputs are read; log loss by default.
        output: How a sample is answered.
        vectorise: Put the seed axis inside one program. By default only where the
            default device is no CPU.
        confirm: Asked of a seed that meets the criterion to stop, by its place and its model,
            whether it may; where it may not the criterion must be met anew. By default it may.

    Yields:
        The progress of one seed after each of its chunks.

    Raises:
        ValueError: No updates are asked for.
    """
    if updates < 1:
        raise ValueError(
            f"fit: `updates` must be at least 1, got {updates}. Use updates=1 or more."
        )
    if vectorise is None:
        vectorise = jax.default_backend() != "cpu"
    job = _Job(recipe, updates, loss, output, confirm)
    seeds = [
        _Seed(job, place, model, stream)
        for place, (model, stream) in enumerate(zip(models, streams, strict=True))
    ]
    foreign = [seed for seed in seeds if isinstance(seed.model, Foreign)]
    if foreign:
        groups = [_ForeignGroup(job, seed) for seed in foreign]
    elif vectorise and all(_form(seed) == _form(seeds[0]) for seed in seeds):
        groups = [_Group(job, seeds)]
    else:
        groups = [_Group(job, [seed]) for seed in seeds]
    # Another framework's random state is one for all of its models: these take turns.
    pool = futures.ThreadPoolExecutor(1 if foreign else min(cores(), len(groups)))
    try:
        under_way = {pool.submit(group.advance): group for group in groups}
        while under_way:
            done, _ = futures.wait(under_way, return_when=futures.FIRST_COMPLETED)
            for future in done:
                group = under_way.pop(future)
                reports = future.result()
                if group.running:
                    under_way[pool.submit(group.advance)] = group
                yield from reports
    finally:
        pool.shutdown(cancel_futures=True)


def predict(
    model: AnyModel,
    batches: Batches,
    *,
    loss: Loss = CROSS_ENTROPY,
    output: Output = "every",
) -> tuple[np.ndarray, np.ndarray]:
    """Run a model forward over batches, state carried as they say.

    Returns:
        The loss of each output and the value that it says, both of the shape of the
        targets; the loss means nothing where nothing is scored.
    """
    if isinstance(model, Foreign):
        return model.predict(batches, loss, output)
    params, skeleton = eqx.partition(model, eqx.is_array)
    program = _Program(skeleton, "none", loss, output)
    state = _initial_state(model, batches.targets.shape[1:2])
    arguments = params, state, batches
    losses, said, _ = _compile(program, "predict", arguments)(*arguments)
    return np.asarray(losses), np.asarray(said)


def _form(seed: _Seed) -> Any:
    """What a model is but for its arrays; seeds of one program have the same."""
    return jax.tree.structure(seed.model)


def parameters(model: AnyModel) -> int:
    """Number of trained weights."""
    if isinstance(model, Foreign):
        return model.parameters
    leaves = jax.tree.leaves(model, is_leaf=lambda node: isinstance(node, Buffers))
    return sum(leaf.size for leaf in leaves if eqx.is_inexact_array(leaf))


def chunk_size(model: AnyModel, batch: tuple[int, ...]) -> int:
    """Updates to make in one chunk: many where they are cheap, few where they are dear.

    It depends on sizes alone, never on the clock, so that equal arguments stop at equal
    updates.
    """
    return int(np.clip(3e9 / (6 * max(parameters(model), 1) * np.prod(batch)), 8, 512))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compile_seconds() -> float:
    """Seconds spent so far, in this process, on tracing and compiling programs."""
    return _compile_seconds


def _initial_state(model: Any, rows: tuple[int, ...]) -> Any:
    return () if isinstance(model, Decoder) else model.initial_state(rows)


class _Job(NamedTuple):
    recipe: Recipe
    updates: int
    loss: Loss
    output: Output
    confirm: Callable[[int, AnyModel], bool] | None


class _Seed:
    """One seed on its way through a run."""

    def __init__(self, job: _Job, place: int, model: AnyModel, stream: Iterator[Batches]):
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


class _ForeignGroup:
    """One seed whose model has a loop of its own."""

    def __init__(self, job: _Job, seed: _Seed):
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


class _Group:
    """Seeds that advance together: one alone, or all of them in one vectorised program."""

    def __init__(self, job: _Job, seeds: list[_Seed]):
        self.job, self.seeds = job, seeds
        self.alone = len(seeds) == 1
        self.batches = self._draw()
        parted = [eqx.partition(seed.model, eqx.is_array) for seed in seeds]
        params = self._join([each for each, _ in parted])
        self.skeletons = [skeleton for _, skeleton in parted]
        optimizer = OPTIMIZERS[job.recipe.optimizer](job.recipe.learning_rate)
        weights = [eqx.filter(each, eqx.is_inexact_array) for each, _ in parted]
        optimizer_state = self._join([optimizer.init(each) for each in weights])
        rows = self.batches.targets.shape[-2:-1]
        state = self._join([_initial_state(seed.model, rows) for seed in seeds])
        self.carried = params, optimizer_state, state
        program = _Program(self.skeletons[0], job.recipe.optimizer, job.loss, job.output)
        stage = "train" if self.alone else "train seeds"
        self.call = _compile(program, stage, self._arguments())

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


_CONFIGURATION = "jax_enable_x64", "jax_default_matmul_precision"  # part of what is compiled
_compile_seconds = 0.0
_compile_lock = threading.Lock()
_programs: OrderedDict[Any, Any] = OrderedDict()
_PROGRAMS = 64  # each takes about 140 memory maps, of which a Linux process may have 65,530


def _compile(program: _Program, stage: str, arguments: tuple[Any, ...]) -> Any:
    """The executable for arguments of these shapes, compiled once in a process."""
    global _compile_seconds
    leaves, structure = jax.tree.flatten(arguments)
    shapes = tuple((np.shape(leaf), np.asarray(leaf).dtype) for leaf in leaves)
    fixed, form = jax.tree.flatten(program)
    kinds = tuple(map(type, fixed))  # 1, 1.0 and True are equal keys, perhaps different programs
    set_to = tuple(getattr(jax.config, name) for name in _CONFIGURATION)
    key = tuple(fixed), form, kinds, stage, structure, shapes, set_to
    with _compile_lock:
        if key not in _programs:
            started = time.perf_counter()
            function = program.predict if stage == "predict" else program.train
            if stage == "train seeds":
                function = jax.vmap(function, in_axes=(0, 0, 0, 0, 0, None))
            _programs[key] = jax.jit(function).lower(*arguments).compile()
            _compile_seconds += time.perf_counter() - started
        _programs.move_to_end(key)
        while len(_programs) > _PROGRAMS:
            _programs.popitem(last=False)
        return _programs[key]
