"""The compiled loop: one generator of progress drives every training run."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures

import equinox as eqx
import jax
import numpy as np

from longlag.arrays import Output
from longlag.events import Event, Started, StopToken
from longlag.models import AnyModel, ExternalModel
from longlag.training.losses import AnyLoss
from longlag.training.program import (
    CROSS_ENTROPY,
    Batches,
    Program,
    compiled,
    initial_state,
    parameters,
)
from longlag.training.recipe import Recipe
from longlag.training.seeds import ExternalGroup, Group, Plan, SeedRun, form


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
) -> Generator[Event]:
    """Fit one model a seed, each to its own stream of batches.

    Results for equal arguments on one machine and version are equal to the bit, whatever
    the order in which the seeds report. Closing the generator ends the run after the
    chunks under way, and so does the token, with the models as they then stand.

    Args:
        models: One model for each seed, alike but for their weights.
        streams: For each seed, chunks of updates, every one of the same shapes.
        recipe: Optimiser, learning rate and criterion to stop; `updates` says how long.
        updates: Updates to make for each seed.
        loss: What is minimised, and how outputs are read; log loss by default.
        output: How a sample is answered.
        seeds: What events call the seeds; by default their places.
        vectorise: Put the seed axis inside one program. By default only where the
            default device is no CPU.
        confirm: Asked of a seed that meets the criterion to stop, and its model, whether it
            may; where it may not the criterion must be met anew. By default it may.
        stop: Looked at before each chunk.

    Yields:
        That each seed has started, what it did in each of its chunks, and its model at the end.

    Raises:
        ValueError: No updates are asked for.
    """
    if updates < 1:
        raise ValueError(
            f"fit: `updates` must be at least 1, got {updates}. Use updates=1 or more."
        )
    if vectorise is None:
        vectorise = jax.default_backend() != "cpu"
    plan = Plan(recipe, updates, loss, output, confirm)
    names = range(len(models)) if seeds is None else seeds
    runs = [SeedRun(plan, *each) for each in zip(names, models, streams, strict=True)]
    foreign = [run for run in runs if isinstance(run.model, ExternalModel)]
    if foreign:
        groups = [ExternalGroup(plan, run) for run in foreign]
    elif vectorise and all(form(run) == form(runs[0]) for run in runs):
        groups = [Group(plan, runs)]
    else:
        groups = [Group(plan, [run]) for run in runs]
    # Another framework's random state is one for all of its models: these take turns.
    pool = futures.ThreadPoolExecutor(1 if foreign else min(cores(), len(groups)))
    events: list[Event] = [Started(run.seed, updates) for run in runs]
    under_way: dict[futures.Future[list[Event]], Group | ExternalGroup] = {}
    try:
        while True:
            for group in groups:
                if stop is not None and stop.stopped:
                    events += group.end()
                elif group.running:
                    here = contextvars.copy_context()
                    under_way[pool.submit(here.run, group.advance)] = group
            yield from events
            if not under_way:
                return
            done, _ = futures.wait(under_way, return_when=futures.FIRST_COMPLETED)
            groups = [under_way.pop(future) for future in done]
            events = [event for future in done for event in future.result()]
    finally:
        pool.shutdown(cancel_futures=True)


def predict(
    model: AnyModel,
    batches: Batches,
    *,
    loss: AnyLoss = CROSS_ENTROPY,
    output: Output = "every",
) -> tuple[np.ndarray, np.ndarray]:
    """Run a model forward over batches, state carried as they say.

    Returns:
        The loss of each output and the value that it says, both of the shape of the
        targets; the loss means nothing where nothing is scored.
    """
    if isinstance(model, ExternalModel):
        return model.predict(batches, loss, output)
    params, skeleton = eqx.partition(model, eqx.is_array)
    program = Program(skeleton, "none", loss, output)
    state = initial_state(model, batches.targets.shape[1:2])
    arguments = params, state, batches
    losses, said, _ = compiled(program, "predict", arguments)(*arguments)
    return np.asarray(losses), np.asarray(said)


def chunk_size(model: AnyModel, batch: tuple[int, ...]) -> int:
    """Updates to make in one chunk: more when updates are cheap.

    It depends on sizes alone, never on the clock, so that equal arguments stop at equal
    updates.
    """
    return int(np.clip(3e9 / (6 * max(parameters(model), 1) * np.prod(batch)), 8, 512))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
