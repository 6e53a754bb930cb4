"""Workers: processes that run one job after another and report their events.

A worker reads jobs on standard input and writes events on standard output, both as frames
(`longlag.workers.messages`). Nothing is pickled. It ends with its coordinator, when standard
input is closed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import signal
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from longlag.adapters import leaving, user_code
from longlag.adapters.models.hints import shortened
from longlag.events import Advanced, Event, Finished
from longlag.stop import StopToken
from longlag.workers import messages
from longlag.workers.messages import FREE, READY, STOP, Job, Perform

if TYPE_CHECKING:  # which load jax
    from longlag.trials.outcome import Outcome
    from longlag.trials.run import Run

_REPORT_SECONDS = 0.2  # between two reports of the progress of a seed


def perform(job: Job) -> Generator[Event]:
    """Train and score the seeds of a job; on an accelerator as many at once as fit into memory.

    The results of a seed are equal to the bit on one kind of machine; on an accelerator, with the
    same number of seeds at once.

    Raises:
        RuntimeError: This worker has another version of longlag than the coordinator.
    """
    from longlag.training import devices
    from longlag.trials import checkpoint, documents, identity
    from longlag.trials.fit import fit

    setting = documents.setting(job.setting, trusted=True)  # the user's own command wrote it
    if job.parts not in (None, identity.parts(setting)):
        raise RuntimeError(
            "this worker has another version of longlag. Use the same version for both"
        )
    at_once = len(job.seeds)
    if at_once > 1:
        width = 1 if setting.input_encoding.as_integers else setting.sizes.features
        batch = (*setting.layout.steps.shape[1:], width)
        at_once = devices.seeds_at_once(setting.create(job.seeds[0]), batch)
    for start in range(0, len(job.seeds), at_once):
        with contextlib.closing(fit(setting, job.seeds[start : start + at_once])) as events:
            for event in events:
                if not isinstance(event, Finished):
                    yield dataclasses.replace(event, job=job.id)
                    continue
                run, seed = event.result, event.seed
                outcome = outcome_of(run).document()
                weights = checkpoint.to_bytes(run.trained()) if seed in job.keep else None
                identity.canonical(outcome)  # raises on values that are not finite
                where = run.environment.document()
                yield Finished(seed, outcome, weights=weights, environment=where, job=job.id)


def outcome_of(run: Run) -> Outcome:
    """The outcome of a run of one seed, with its accuracy on the validation stream."""
    (model,), (seed,) = run.models, run.seeds
    validation = run.setting.evaluate(model, seed, part="validation").accuracy
    return run.outcome(validation=validation)


def events_of(work: Perform, job: Job, stop: StopToken) -> Iterator[Event]:
    """The events of the seeds of a job, until a token is set; at a failure, its reason per seed."""
    open_seeds, own = list(job.seeds), os.getpid()
    try:
        with leaving.no_children(), contextlib.closing(work(job)) as job_events:
            for event in job_events:
                if os.getpid() != own:
                    break
                if isinstance(event, Finished):
                    open_seeds.remove(event.seed)
                elif stop.stopped:
                    return
                yield event
                if stop.stopped:
                    return
        why = "the worker did not report its end"
    except GeneratorExit:
        raise
    except BaseException as error:  # whatever a user's file raises
        place = user_code.raised_at(error)
        why = f"{place}{' raises ' * bool(place)}{type(error).__name__}: {shortened(error)}"
    yield from (Finished(seed, why=why, job=job.id) for seed in open_seeds)


def serve(
    work: Perform = perform,
    device: Mapping[str, Any] | None = None,
    jobs: int = 0,
    output: int = 1,
) -> None:
    """Run jobs until the coordinator ends.

    Args:
        work: The function that runs a job.
        device: The device of this process, for the coordinator.
        jobs: The descriptor of the frames to read.
        output: The descriptor of the frames to write.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator stops it
    frames = os.fdopen(os.dup(output), "wb")
    os.dup2(2, 1)  # printed text must not come between frames
    source = os.fdopen(os.dup(jobs), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nor a model read what is sent here
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    stops: dict[str, StopToken] = {}  # of unfinished jobs

    def read() -> None:
        while (frame := messages.receive(source)) is not None:
            if frame[0].get("type") != STOP:
                job = Job.read(frame[0])
                stops[job.id] = StopToken()
                waiting.put(job)
            elif (stop := stops.get(frame[0]["job"])) is not None:
                stop.stop()
        os._exit(0)  # the coordinator has ended or was killed

    threading.Thread(target=read, daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        messages.send(frames, {"type": READY, **(device or {})})
        while True:
            job = waiting.get()
            ended = _report(events_of(work, job, stops[job.id]), frames)
            del stops[job.id]
            if ended < len(job.seeds):  # else the coordinator knows it
                messages.send(frames, {"type": FREE, "job": job.id})
    os._exit(0)  # the coordinator has ended


def _report(events: Iterator[Event], frames: IO[bytes]) -> int:
    """Send events, with progress at intervals; returns the number of finished seeds."""
    latest: dict[int, float] = {}
    ended = 0
    for event in events:
        if isinstance(event, Advanced):
            now = time.monotonic()
            if now - latest.setdefault(event.seed, now) < _REPORT_SECONDS:
                continue
            latest[event.seed] = now
        weights = None
        if isinstance(event, Finished):
            weights, ended = event.weights, ended + 1
        messages.send(frames, messages.to_document(event), weights)
    return ended
