"""The compiled loop: one generator of progress drives every training run."""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any

import equinox as eqx
import jax
import numpy as np

from longlag import arguments
from longlag.arrays import Output
from longlag.events import Event, Started
from longlag.knobs import require
from longlag.models import AnyModel, ExternalModel
from longlag.stop import StopToken
from longlag.training.losses import AnyLoss, Loss, Losses
from longlag.training.optimizer import Optimizer, learning_rates
from longlag.training.program import (
    COMPILING,
    CROSS_ENTROPY,
    Batches,
    Program,
    compiled,
    initial_state,
)
from longlag.training.recipe import Recipe
from longlag.training.seeds import ExternalGroup, Group, Plan, SeedRun, Until, Watch, form


def fit(
    models: Sequence[AnyModel],
    streams: Sequence[Iterator[Batches]],
    recipe: Recipe,
    *,
    updates: int,
    loss: AnyLoss = CROSS_ENTROPY,
    output: Output = "every",
    seeds: Sequence[int] | None = None,
    vectorise: bool | None = None,
    confirm: Callable[[int, AnyModel], bool] | None = None,
    stop: StopToken | None = None,
    watch: Watch | None = None,
    piece: int | None = None,
    until: Until | None = None,
) -> Generator[Event]:
    """Fit one model per seed, each to its own stream of batches.

    Results for equal arguments on one machine and version are equal to the bit, whatever
    the order in which the seeds report. Closing the generator, or setting the token, ends the
    run after the current pieces, with the models of that moment.

    Args:
        models: One model for each seed, equal but for their weights.
        streams: For each seed, chunks of updates, all of the same shapes.
        recipe: Optimiser, learning rate and stopping criterion; `updates` sets the duration.
        updates: Updates to make for each seed.
        loss: The loss, and how outputs become predictions; log loss by default.
        output: Which outputs a sample has (`longlag.arrays.Output`).
        seeds: The seeds, as named in events; by default from 0 on.
        vectorise: Put the seed axis inside one program. By default only where the
            default device is no CPU.
        confirm: A function of a seed and its model, called when the seed meets the stopping
            criterion: whether it may stop. Where not, the criterion must be met again.
        stop: A token that is checked before each piece of a chunk.
        watch: Called in a worker thread with a seed, its number of updates and a function that
            copies its model: before its first update and after each report. The copy must be made
            within the call; later updates do not change it.
        piece: The most updates between two reports of a seed: chunks are cut into pieces. The
            results are the same to the bit. By default each chunk is one piece.
        until: Called at the end of each chunk with a seed, the figures of its updates and a
            function that copies its model: whether the seed stops there.

    Yields:
        `Started` for each seed, `Advanced` for each of its pieces, `Finished` with its model.

    Raises:
        TypeError: An argument is of another type.
        ValueError: `updates` is below 1, or there are not as many models, streams and seeds.
    """
    _check(locals())
    if updates < 1:
        raise ValueError(
            f"fit: `updates` must be at least 1, got {updates}. Use updates=1 or more."
        )
    if vectorise is None:
        vectorise = jax.default_backend() != "cpu"
    rates = learning_rates(recipe, updates)
    plan = Plan(recipe, updates, loss, output, confirm, rates, piece, watch, until)
    names = range(len(models)) if seeds is None else seeds
    runs = [SeedRun(plan, *each) for each in zip(names, models, streams, strict=True)]
    external = [run for run in runs if isinstance(run.model, ExternalModel)]
    if external:
        groups = [ExternalGroup(plan, run) for run in external]
    elif vectorise and all(form(run) == form(runs[0]) for run in runs):
        groups = [Group(plan, runs)]
    else:
        groups = [Group(plan, [run]) for run in runs]
    # Another framework has one random state for all models: they take turns.
    pool = futures.ThreadPoolExecutor(1 if external else min(cores(), len(groups)))
    events: list[Event] = [Started(run.seed, updates) for run in runs]
    pending: dict[futures.Future[list[Event]], Group | ExternalGroup] = {}
    try:
        while True:
            for group in groups:
                if stop is not None and stop.stopped:
                    events += group.end()
                elif group.running:
                    context = contextvars.copy_context()
                    pending[pool.submit(context.run, group.advance)] = group
            yield from events
            if not pending:
                return
            done, _ = futures.wait(pending, return_when=futures.FIRST_COMPLETED)
            groups = [pending.pop(future) for future in done]
            events = [event for future in done for event in future.result()]
    finally:
        pool.shutdown(cancel_futures=True)


def _check(given: Mapping[str, Any]) -> None:
    """Refuse arguments of `fit` of another type, or other numbers of what each seed has."""
    arguments.check(fit, given)
    require("fit", "recipe", given["recipe"], Recipe, "a recipe, such as Recipe()")
    require("fit", "loss", given["loss"], (Loss, Losses), "a loss")
    if given["stop"] is not None:
        require("fit", "stop", given["stop"], StopToken, "a StopToken()")
    for name in ("confirm", "watch", "until"):
        if (called := given[name]) is not None and not callable(called):
            got = arguments.short_repr(called)
            raise TypeError(f"fit: `{name}` must be a function or None, got {got}.")
    for name in ("models", "streams", "seeds"):
        several = given[name]
        if name == "seeds" and several is None:
            continue
        require("fit", name, several, Collection, f"a list of {name}")
        if len(several) != (count := len(given["models"])):
            raise ValueError(
                f"fit: `{name}` must be {count}, one for each model, got {len(several)}."
            )


def predict(
    model: AnyModel,
    batches: Batches,
    *,
    loss: AnyLoss = CROSS_ENTROPY,
    output: Output = "every",
) -> tuple[np.ndarray, np.ndarray]:
    """Run a model forward over batches; `reset` says where carried state is dropped.

    Returns:
        The loss and the predicted value of each output, both of the shape of the targets; the
        loss is meaningless where nothing is scored.
    """
    if isinstance(model, ExternalModel):
        with _measured(batches):
            return model.predict(batches, loss, output)
    params, skeleton = eqx.partition(model, eqx.is_array)
    program = Program(skeleton, Optimizer("none"), loss, output)
    state = initial_state(model, batches.targets.shape[1:2])
    arguments = params, state, batches
    call = compiled(program, "predict", arguments).call
    with _measured(batches):
        losses, predictions, _ = call(*arguments)
        return np.asarray(losses), np.asarray(predictions)


@contextlib.contextmanager
def _measured(batches: Batches) -> Iterator[None]:
    """Note the time of predictions, for the clock of the current run."""
    start = time.perf_counter()
    yield
    if (clock := COMPILING.get(None)) is not None:
        seconds = (time.perf_counter() - start) / math.prod(batches.inputs.shape[:3])
        clock.seconds_per_step = min(seconds, clock.seconds_per_step or math.inf)


def chunk_size(weights: int, batch: tuple[int, ...]) -> int:
    """Number of updates in one chunk: more when updates are cheap.

    It depends on sizes only, never on the clock, so that equal arguments stop at equal
    updates.

    Args:
        weights: Number of trained weights (`parameters`).
        batch: Rows and steps of a batch.
    """
    return int(np.clip(3e9 / (6 * max(weights, 1) * np.prod(batch)), 8, 512))


def cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
