"""The compiled loop: one generator of progress drives every training run."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures

import equinox as eqx
import jax
import numpy as np

from longlag.models import AnyModel, Foreign
from longlag.training.losses import AnyLoss
from longlag.training.program import (
    CROSS_ENTROPY,
    Batches,
    Output,
    Program,
    compiled,
    initial_state,
    parameters,
)
from longlag.training.recipe import Recipe
from longlag.training.seeds import ExternalGroup, Group, Job, Progress, SeedRun, form


def fit(
    models: Sequence[AnyModel],
    streams: Sequence[Iterator[Batches]],
    recipe: Recipe,
    *,
    updates: int,
    loss: AnyLoss = CROSS_ENTROPY,
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
    job = Job(recipe, updates, loss, output, confirm)
    seeds = [
        SeedRun(job, place, model, stream)
        for place, (model, stream) in enumerate(zip(models, streams, strict=True))
    ]
    foreign = [seed for seed in seeds if isinstance(seed.model, Foreign)]
    if foreign:
        groups = [ExternalGroup(job, seed) for seed in foreign]
    elif vectorise and all(form(seed) == form(seeds[0]) for seed in seeds):
        groups = [Group(job, seeds)]
    else:
        groups = [Group(job, [seed]) for seed in seeds]
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
    loss: AnyLoss = CROSS_ENTROPY,
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
    program = Program(skeleton, "none", loss, output)
    state = initial_state(model, batches.targets.shape[1:2])
    arguments = params, state, batches
    losses, said, _ = compiled(program, "predict", arguments)(*arguments)
    return np.asarray(losses), np.asarray(said)


def chunk_size(model: AnyModel, batch: tuple[int, ...]) -> int:
    """Updates to make in one chunk: many where they are cheap, few where they are dear.

    It depends on sizes alone, never on the clock, so that equal arguments stop at equal
    updates.
    """
    return int(np.clip(3e9 / (6 * max(parameters(model), 1) * np.prod(batch)), 8, 512))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
