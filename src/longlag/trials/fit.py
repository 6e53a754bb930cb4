"""Fitting: train the seeds of a setting, and score each on fresh sequences."""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures

import numpy as np

from longlag import streams
from longlag.events import Advanced, Event, Finished, Scored, StopToken
from longlag.framings import Samples
from longlag.models import AnyModel
from longlag.problems import Part
from longlag.problems.drawing import drawn
from longlag.scores.evaluation import Evaluation
from longlag.training import Batches, loop, program
from longlag.trials.run import Run
from longlag.trials.setting import Setting

_REPORTS = 50  # of a long run, so that its curve and the moment at which it stops are fine

_BYTES = 16  # a weight and what trains it: its gradient and its two moments

_FEWEST_UPDATES = 128  # between two reports, so that they cost next to nothing


def fit(
    setting: Setting,
    seeds: Sequence[int],
    *,
    vectorise: bool | None = None,
    part: Part = "evaluation",
    stop: StopToken | None = None,
) -> Generator[Event, None, Run]:
    """Train every seed of a setting and score it on each test, as soon as it is trained.

    The sequences of every test are drawn from the beginning of the stream of the seed.

    Args:
        setting: What is trained.
        seeds: Which seeds.
        vectorise: Put the seeds inside one program (`longlag.training.fit`).
        part: What the sequences to score it on are drawn for.
        stop: Ends training after the chunks under way; what stands then is scored and the
            run says that it was interrupted.

    Yields:
        What becomes of each seed; at its end the run of this seed alone, whose times are its
        share of those of all.

    Returns:
        The run of all seeds.
    """
    stop = stop or StopToken()
    began, clock = time.perf_counter(), program.Clock()
    context = contextvars.copy_context()
    context.run(program.COMPILING.set, clock)
    batches_a_block = len(setting.layout.steps)
    updates = -(-setting.recipe.epochs // setting.layout.sequences) * batches_a_block
    models = {seeds[0]: setting.create(seeds[0])}
    weights = program.parameters(models[seeds[0]])
    program.require_memory(_BYTES * weights * len(seeds), "fewer seeds, or a smaller model")
    models |= {seed: setting.create(seed) for seed in seeds[1:]}
    rows, timesteps = setting.layout.steps.shape[1:]
    chunk = loop.chunk_size(models[seeds[0]], (rows, timesteps))
    chunk = min(chunk, max(_FEWEST_UPDATES, updates // _REPORTS))
    blocks = max(1, min(chunk, updates) // batches_a_block)
    history: dict[int, list[Advanced]] = {seed: [] for seed in seeds}
    evaluations: dict[int, dict[str, Evaluation]] = {}
    tests = {name: setting.on(name) for name in setting.scored_on}
    main, *rest = tests
    ready, compiled_ready = time.perf_counter(), clock.seconds
    training = 0.0

    def may_stop(seed: int, model: AnyModel) -> bool:
        checked = setting.evaluate(model, seed, part="validation")
        return checked.accuracy >= (setting.recipe.stop_at or 0.0)

    def train_time() -> float:
        return time.perf_counter() - ready - (clock.seconds - compiled_ready)

    def run(of: Sequence[int], share: float) -> Run:
        return Run(
            setting=setting,
            seeds=tuple(of),
            models=tuple(models[seed] for seed in of),
            history=tuple(tuple(history[seed]) for seed in of),
            evaluations=tuple(evaluations[seed][main] for seed in of),
            others={name: tuple(evaluations[seed][name] for seed in of) for name in rest},
            interrupted=stop.stopped,
            compile_seconds=share * clock.seconds,
            train_seconds=share * (training or train_time()),
            total_seconds=share * (time.perf_counter() - began),
        )

    def evaluated(model: AnyModel, seed: int) -> dict[str, Evaluation]:
        return {name: test.evaluate(model, seed, part=part) for name, test in tests.items()}

    def ends(scored: set[futures.Future[dict[str, Evaluation]]]) -> Iterator[Event]:
        for each in scored:
            seed, by_test = scoring.pop(each), each.result()
            evaluations[seed] = by_test
            yield Scored(seed, by_test[main].accuracy)
            yield Finished(seed, run([seed], 1 / len(seeds)))

    scoring: dict[futures.Future[dict[str, Evaluation]], int] = {}
    reports = loop.fit(
        list(models.values()),
        [_draws(setting, streams.training(seed), blocks) for seed in seeds],
        setting.recipe,
        updates=updates,
        loss=setting.loss,
        output=setting.layout.output,
        seeds=seeds,
        vectorise=vectorise,
        confirm=may_stop,
        stop=stop,
    )
    with futures.ThreadPoolExecutor(loop.cores()) as pool, contextlib.closing(reports):
        while (event := context.run(next, reports, None)) is not None:
            yield from ends({each for each in scoring if each.done()})
            if isinstance(event, Finished):
                models[event.seed] = event.result
                score = context.copy().run, evaluated, event.result, event.seed
                scoring[pool.submit(*score)] = event.seed
            else:
                if isinstance(event, Advanced):
                    history[event.seed].append(event)
                yield event
        training = train_time()
        while scoring:
            yield from ends(futures.wait(scoring, return_when=futures.FIRST_COMPLETED).done)
    return run(seeds, 1.0)


def _draws(setting: Setting, rng: np.random.Generator, blocks: int) -> Iterator[Batches]:
    updates = blocks * len(setting.layout.steps)
    reset = None
    if setting.layout.carry:
        reset = np.arange(updates) % len(setting.layout.steps) == 0
    while True:
        episodes = drawn(setting.problem, rng, blocks * setting.layout.sequences)
        samples = setting.layout.gather(episodes)
        shaped = (array.reshape(updates, -1, *array.shape[1:]) for array in samples)
        yield setting.arrays(Samples(*shaped), reset)


def finish(
    fitting: Generator[Event, None, Run], listen: Callable[[Event], object] = lambda _: None
) -> Run:
    """Follow a fit to its end, telling `listen` of all events on the way."""
    while True:
        try:
            event = next(fitting)
        except StopIteration as end:
            return end.value
        listen(event)
