"""Fitting: train the seeds of a setting, and score each on fresh sequences."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures
from typing import NamedTuple

import jax
import numpy as np

from longlag import streams
from longlag.adapters import randomness
from longlag.events import Advanced, Event, Finished, Scored
from longlag.framings import Layout, Samples
from longlag.models import AnyModel, ExternalModel
from longlag.problems import Part
from longlag.problems.drawing import draw
from longlag.scores.evaluation import Evaluation
from longlag.stop import StopToken
from longlag.training import Batches, loop, program
from longlag.training.seeds import Until, Watch
from longlag.trials.outcome import Outcome
from longlag.trials.resources import Resources
from longlag.trials.run import Run
from longlag.trials.setting import Setting

_REPORTS = 50  # of a long run, at least, so that its curve and its stop are fine-grained

_BYTES = 16  # a weight and what trains it: its gradient and its two moments

_COUNTED = 16  # updates whose operations are counted at most, where steps are masked

_FEWEST_UPDATES = 128  # between two reports, so that they cost almost nothing


def fit(
    setting: Setting,
    seeds: Sequence[int],
    *,
    vectorise: bool | None = None,
    part: Part = "evaluation",
    stop: StopToken | None = None,
    watch: Watch | None = None,
    reports: int | None = None,
    until: Until | None = None,
    every: int | None = None,
) -> Generator[Event, None, Run]:
    """Train every seed of a setting, and score each on all tests once its training ends.

    The sequences of every test are drawn from the start of the seed's stream.

    Args:
        setting: The setting to train.
        seeds: The seeds.
        vectorise: Put the seeds inside one program (`longlag.training.fit`).
        part: The part whose sequences are scored.
        stop: A token that ends training after the current reports; the models of that moment are
            scored and the run is marked as interrupted.
        watch: Called in a worker thread with a seed, its number of updates and a function that
            copies its model: before its first update and after each report. The copy must be made
            within the call; later updates do not change it.
        reports: The fewest reports of a seed over the planned updates, where it makes as many.
            More of them change no result.
        until: Called with a seed, the loss and the share of correct targets of each update since
            the last call, and a function that copies its model: whether the seed stops there
            (`longlag.trials.criterion`).
        every: Updates between two calls of `until`, whole blocks; by default as many as are fast.

    Yields:
        The events of each seed; its `Finished` has the run of this seed only, with its share of
        the times of all.

    Returns:
        The run of all seeds.

    Raises:
        ValueError: `reports` or `every` is below 1.
    """
    if reports is not None and reports < 1:
        raise ValueError(f"fit: `reports` must be at least 1, got {reports}. Use reports=50.")
    if every is not None and every < 1:
        raise ValueError(f"fit: `every` must be at least 1, got {every}. Use every=100.")
    stop = stop or StopToken()
    start, clock, waiting = time.perf_counter(), program.Clock(), program.Clock()
    context = contextvars.copy_context()
    context.run(program.COMPILING.set, clock)
    context.run(randomness.WAITING.set, waiting)
    models = {seeds[0]: setting.create(seeds[0])}
    weights = program.parameters(models[seeds[0]])
    program.require_memory(_BYTES * weights * len(seeds), "fewer seeds, or a smaller model")
    models |= {seed: setting.create(seed) for seed in seeds[1:]}
    updates, chunk = duration(setting, weights)
    if every is not None:
        block = len(setting.layout.steps)
        chunk = max(block, min(every, updates) // block * block)
    history: dict[int, list[Advanced]] = {seed: [] for seed in seeds}
    evaluations: dict[int, dict[str, Evaluation]] = {}
    tests = {name: setting.on(name) for name in setting.scored_on}
    main, *rest = tests
    train_start, compile_before = time.perf_counter(), clock.seconds
    train_seconds = 0.0

    def may_stop(seed: int, model: AnyModel) -> bool:
        validation = setting.evaluate(model, seed, part="validation")
        return validation.accuracy >= (setting.recipe.stop_at or 0.0)

    def train_time() -> float:
        seconds = time.perf_counter() - train_start - (clock.seconds - compile_before)
        return seconds - waiting.seconds

    @functools.cache
    def update() -> tuple[int | None, int | None]:
        """The operations of an update, and the memory of the program."""
        model, training = models[seeds[0]], clock.training
        if training is not None:
            return training.flops, training.memory
        if stop.stopped or not isinstance(model, ExternalModel):
            return None, None
        with clock:  # another framework counts while it runs
            return update_elsewhere(setting, model)

    def run_of(some: Sequence[int], share: float) -> Run:
        return Run(
            setting=setting,
            seeds=tuple(some),
            models=tuple(models[seed] for seed in some),
            history=tuple(tuple(history[seed]) for seed in some),
            evaluations=tuple(evaluations[seed][main] for seed in some),
            others={name: tuple(evaluations[seed][name] for seed in some) for name in rest},
            interrupted=stop.stopped,
            compile_seconds=share * clock.seconds,
            train_seconds=share * (train_seconds or train_time()),
            total_seconds=share * (time.perf_counter() - start),
            resources=Resources(*update(), clock.seconds_per_step),
        )

    def evaluate(model: AnyModel, seed: int) -> dict[str, Evaluation]:
        randomness.WAITING.set(program.Clock())  # a seed that is scored waits for no training
        return {name: test.evaluate(model, seed, part=part) for name, test in tests.items()}

    def events_of(done: set[futures.Future[dict[str, Evaluation]]]) -> Iterator[Event]:
        for future in done:
            seed = scoring.pop(future)
            evaluations[seed] = future.result()
            yield Scored(seed, evaluations[seed][main].accuracy)
            yield Finished(seed, run_of([seed], 1 / len(seeds)))

    scoring: dict[futures.Future[dict[str, Evaluation]], int] = {}
    events = loop.fit(
        list(models.values()),
        [batches(setting, setting.layout, streams.training(seed), chunk) for seed in seeds],
        setting.recipe,
        updates=updates,
        loss=setting.loss,
        output=setting.layout.output,
        seeds=seeds,
        vectorise=vectorise,
        confirm=may_stop,
        stop=stop,
        watch=watch,
        piece=reports and max(1, updates // reports),
        until=until,
    )
    with futures.ThreadPoolExecutor(loop.cores()) as pool, contextlib.closing(events):
        while (event := context.run(next, events, None)) is not None:
            yield from events_of({each for each in scoring if each.done()})
            if isinstance(event, Finished):
                models[event.seed] = event.result
                call = context.copy().run, evaluate, event.result, event.seed
                scoring[pool.submit(*call)] = event.seed
            else:
                if isinstance(event, Advanced):
                    history[event.seed].append(event)
                yield event
        train_seconds = train_time()
        while scoring:
            yield from events_of(futures.wait(scoring, return_when=futures.FIRST_COMPLETED).done)
    return run_of(seeds, 1.0)


def first_update(several: Batches) -> Batches:
    """The batches of the first update."""
    return _update(several, 0)


def _update(several: Batches, index: int) -> Batches:
    return jax.tree.map(lambda each: each[index : index + 1], several)


def update_elsewhere(setting: Setting, model: ExternalModel) -> tuple[int | None, int | None]:
    """The operations of an update by another framework, and the most bytes that it holds."""
    layout = setting.layout
    several = _some_updates(setting, layout)
    shown = np.zeros(1) if several.mask is None else several.mask.sum(axis=(1, 2))
    largest = _update(several, int(shown.argmax()))

    def update(model: ExternalModel) -> None:
        model.trainer(setting.recipe, setting.loss, layout.output)(largest, 1)

    return _mean_flops(setting, model, several, training=True), model.peak_memory(update)


def prediction_elsewhere(setting: Setting, model: ExternalModel, layout: Layout) -> int | None:
    """The operations of predicting a batch of a layout by another framework."""
    return _mean_flops(setting, model, _some_updates(setting, layout), training=False)


def _mean_flops(
    setting: Setting, model: ExternalModel, several: Batches, *, training: bool
) -> int | None:
    """The operations of an update of these batches, or of the prediction of one.

    Where steps are masked, the mean over them: a model may skip these, as one that packs does.
    """
    times, output = {0: 1}, setting.layout.output
    if several.mask is not None:
        masks = several.mask.reshape(len(several.mask), -1)
        _, first, counts = np.unique(masks, axis=0, return_index=True, return_counts=True)
        times = dict(zip(first.tolist(), counts.tolist(), strict=True))
    total = 0
    for update, count in times.items():
        flops = model.flops(_update(several, update), output, training=training)
        if flops is None:
            return None
        total += count * flops
    return total // sum(times.values())


def _some_updates(setting: Setting, layout: Layout) -> Batches:
    """Updates of whole blocks, at equal distances where a block has many."""
    block = len(layout.steps)
    several = next(batches(setting, layout, streams.training(0), max(1, _COUNTED // block) * block))
    if block <= _COUNTED:
        return several
    some = ((np.arange(_COUNTED) + 0.5) * block / _COUNTED).astype(int)
    return jax.tree.map(lambda each: each[some], several)


class Duration(NamedTuple):
    """The updates of a run, and those of a chunk: it is drawn at once, and may stop at its end."""

    updates: int
    chunk: int


def duration(setting: Setting, weights: int) -> Duration:
    """How many updates a model of so many weights makes."""
    layout = setting.layout
    block = len(layout.steps)
    updates = -(-setting.recipe.sequences // layout.sequences) * block
    chunk = loop.chunk_size(weights, layout.steps.shape[1:])
    chunk = min(chunk, max(_FEWEST_UPDATES, updates // _REPORTS))
    return Duration(updates, max(1, min(chunk, updates) // block) * block)


def same_under(setting: Setting, other: Setting, outcome: Outcome) -> bool:
    """Whether an outcome is, but for its seconds, also what the same trial has with another budget.

    It is where training ended before either budget, and draws and stops after the same updates.

    Args:
        setting: The setting of the outcome.
        other: The same but for its number of sequences.
        outcome: The outcome.
    """
    if setting.recipe.schedule != "constant" or setting.recipe.warmup:
        return False  # the learning rate follows the planned updates
    first, second = (duration(each, outcome.parameters) for each in (setting, other))
    # A last chunk that the budget cut has fewer updates than it would have had.
    whole = outcome.updates % first.chunk == 0 and outcome.updates <= second.updates
    return outcome.ended != "finished" and whole and first.chunk == second.chunk


def batches(
    setting: Setting, layout: Layout, rng: np.random.Generator, updates: int
) -> Iterator[Batches]:
    """Chunks of so many updates, whole blocks of fresh sequences in this layout, endlessly."""
    blocks = updates // len(layout.steps)
    reset = np.arange(updates) % len(layout.steps) == 0 if layout.carry else None
    order = streams.order(rng)
    while True:
        episodes = draw(setting.problem, rng, blocks * layout.sequences)
        samples = layout.shuffle(layout.gather(episodes), order)
        by_update = (array.reshape(updates, -1, *array.shape[1:]) for array in samples)
        yield setting.arrays(Samples(*by_update), reset, layout)


def finish(
    fitting: Generator[Event, None, Run], listen: Callable[[Event], object] = lambda _: None
) -> Run:
    """The run at the end of a fit; `listen` is called with each event on the way."""
    while True:
        try:
            event = next(fitting)
        except StopIteration as end:
            return end.value
        listen(event)
