"""Fitting: train the seeds of a setting, and score each on fresh sequences."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from longlag import streams
from longlag.framings import Samples
from longlag.models import AnyModel
from longlag.scores.evaluation import Stream
from longlag.training import Batches, Progress, loop, program
from longlag.trials.run import Run
from longlag.trials.setting import Setting

_REPORTS = 50  # of a long run, so that its curve and the moment at which it stops are fine

_FEWEST_UPDATES = 128  # between two reports, so that they cost next to nothing


def fit(
    setting: Setting,
    seeds: Sequence[int],
    *,
    vectorise: bool | None = None,
    stream: Stream = streams.evaluation,
) -> Generator[Progress, None, Run]:
    """Train every seed of a setting and score it on each test: yields progress, returns the run.

    The sequences of every test are drawn from the beginning of the stream of the seed.

    Interrupting the loop (Ctrl-C) ends training after the chunks under way; what
    stands then is evaluated and the run says that it was interrupted.
    """
    began, compiled_before = time.perf_counter(), program.compile_seconds()
    batches_a_block = len(setting.layout.steps)
    updates = -(-setting.recipe.epochs // setting.layout.sequences) * batches_a_block
    models = [setting.create(seed) for seed in seeds]
    chunk = loop.chunk_size(models[0], setting.layout.steps.shape[1:])
    chunk = min(chunk, max(_FEWEST_UPDATES, updates // _REPORTS))
    blocks = max(1, min(chunk, updates) // batches_a_block)
    draws = [_draws(setting, streams.training(seed), blocks) for seed in seeds]
    history: list[list[Progress]] = [[] for _ in seeds]
    interrupted = False
    ready, compiled_ready = time.perf_counter(), program.compile_seconds()

    def may_stop(place: int, model: AnyModel) -> bool:
        checked = setting.evaluate(model, seeds[place], stream=streams.validation)
        return checked.accuracy >= (setting.recipe.stop_at or 0.0)

    reports = loop.fit(
        models,
        draws,
        setting.recipe,
        updates=updates,
        loss=setting.loss,
        output=setting.layout.output,
        vectorise=vectorise,
        confirm=may_stop,
    )
    try:
        with contextlib.closing(reports):
            for progress in reports:
                # The models of every chunk would soon fill the memory.
                history[progress.place].append(dataclasses.replace(progress, model=None))
                models[progress.place] = progress.model or models[progress.place]
                yield progress
    except KeyboardInterrupt:
        interrupted = True
    training = time.perf_counter() - ready
    training -= program.compile_seconds() - compiled_ready
    with ThreadPoolExecutor(loop.cores()) as pool:
        tests = {name: setting.on(name) for name in setting.scored_on}
        scoring = {
            name: [
                pool.submit(test.evaluate, *each, stream=stream)
                for each in zip(models, seeds, strict=True)
            ]
            for name, test in tests.items()
        }
        try:
            futures.wait([each for test in scoring.values() for each in test])
        except KeyboardInterrupt:
            interrupted = True  # scoring is short: let it end, so that nothing is lost
        evaluations, *rest = (tuple(each.result() for each in test) for test in scoring.values())
    return Run(
        setting=setting,
        seeds=tuple(seeds),
        models=tuple(models),
        history=tuple(tuple(reports) for reports in history),
        evaluations=evaluations,
        others=dict(zip(list(scoring)[1:], rest, strict=True)),
        interrupted=interrupted,
        compile_seconds=program.compile_seconds() - compiled_before,
        train_seconds=training,
        total_seconds=time.perf_counter() - began,
    )


def _draws(setting: Setting, rng: np.random.Generator, blocks: int) -> Iterator[Batches]:
    updates = blocks * len(setting.layout.steps)
    reset = None
    if setting.layout.carry:
        reset = np.arange(updates) % len(setting.layout.steps) == 0
    while True:
        episodes = setting.problem.draw(rng, blocks * setting.layout.sequences)
        samples = setting.layout.gather(episodes)
        shaped = (array.reshape(updates, -1, *array.shape[1:]) for array in samples)
        yield setting.arrays(Samples(*shaped), reset)


def finish(
    fitting: Generator[Progress, None, Run], listen: Callable[[Progress], object] = lambda _: None
) -> Run:
    """Follow a fit to its end, or to Ctrl-C, telling `listen` of all progress on the way."""
    try:
        while True:
            listen(next(fitting))
    except StopIteration as end:
        return end.value
    except KeyboardInterrupt:
        # It struck while listening: let the fit itself end as if it had struck there.
        try:
            fitting.throw(KeyboardInterrupt())
        except StopIteration as end:
            return end.value
        raise
