"""Workers: processes that run one job after another and report what becomes of it.

A worker reads jobs on standard input and writes events on standard output, both as frames
(`longlag.workers.messages`). Nothing is pickled. It ends with its coordinator: when standard
input is closed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from typing import IO, Any

from longlag.adapters import user_code
from longlag.events import Advanced, Event, Finished, StopToken
from longlag.workers import messages
from longlag.workers.messages import FREE, READY, STOP, Job, Perform

_BETWEEN = 0.2  # seconds between two reports of the progress of a seed


def perform(job: Job) -> Generator[Event]:
    """Train and score the seeds of a job, on an accelerator as many at once as it has room for.

    A seed gives the same bits wherever it is trained on one kind of machine, on an accelerator
    where as many others are trained with it.

    Raises:
        RuntimeError: This worker has another version of longlag than the coordinator.
    """
    from longlag.training import devices, program
    from longlag.trials import checkpoint, documents, identity
    from longlag.trials.fit import fit
    from longlag.trials.outcome import Outcome

    setting = documents.setting(job.setting, trusted=True)  # the user's own command wrote it
    if job.parts not in (None, identity.parts(setting)):
        raise RuntimeError("this worker has another version of longlag. Give it the same one")
    room = len(job.seeds)
    if room > 1:
        width = 1 if setting.input_encoding.as_integers else setting.sizes.features
        batch = (*setting.layout.steps.shape[1:], width)
        room = devices.seeds_at_once(setting.create(job.seeds[0]), batch)
    for start in range(0, len(job.seeds), room):
        with contextlib.closing(fit(setting, job.seeds[start : start + room])) as events:
            for event in events:
                if not isinstance(event, Finished):
                    yield dataclasses.replace(event, job=job.id)
                    continue
                run, seed = event.result, event.seed
                model = run.models[0]
                validation = setting.evaluate(model, seed, part="validation").accuracy
                counted = program.parameters(model)
                outcome = Outcome.of(run, validation=validation, parameters=counted).document()
                weights = checkpoint.to_bytes(run.trained()) if seed in job.keep else None
                identity.canonical(outcome)  # refuses what is no number, which no store takes
                yield Finished(seed, outcome, weights=weights, job=job.id)


def events_of(work: Perform, job: Job, stop: StopToken) -> Iterator[Event]:
    """What becomes of the seeds of a job, until a token is set; where it fails, why, of each."""
    open_seeds = list(job.seeds)
    try:
        with contextlib.closing(work(job)) as working:
            for event in working:
                if isinstance(event, Finished):
                    open_seeds.remove(event.seed)
                elif stop.stopped:
                    return
                yield event
                if stop.stopped:
                    return
        why = "the worker reported nothing of it"
    except (Exception, SystemExit) as error:
        place = user_code.raised_at(error)
        why = f"{place}{' raises ' * bool(place)}{type(error).__name__}: {error}"
    yield from (Finished(seed, why=why, job=job.id) for seed in open_seeds)


def serve(
    work: Perform = perform, device: Mapping[str, Any] | None = None, output: int = 1
) -> None:
    """Run the jobs that come in, until no more can come.

    Args:
        work: What is done with a job.
        device: What this process runs on, for the coordinator.
        output: The descriptor for the frames.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator says when to stop
    frames = os.fdopen(os.dup(output), "wb")
    os.dup2(2, 1)  # what anyone prints must not come between the frames
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    stops: dict[str, StopToken] = {}  # of the jobs that have not ended

    def read() -> None:
        while (frame := messages.receive(sys.stdin.buffer)) is not None:
            if frame[0].get("type") != STOP:
                job = Job.read(frame[0])
                stops[job.id] = StopToken()
                jobs.put(job)
            elif (stop := stops.get(frame[0]["job"])) is not None:
                stop.stop()
        os._exit(0)  # the coordinator is gone, perhaps killed: nobody waits for this job

    threading.Thread(target=read, daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        messages.send(frames, {"type": READY, **(device or {})})
        while True:
            job = jobs.get()
            ended = _report(events_of(work, job, stops[job.id]), frames)
            del stops[job.id]
            if ended < len(job.seeds):  # else the coordinator knows
                messages.send(frames, {"type": FREE, "job": job.id})
    os._exit(0)  # likewise


def _report(events: Iterator[Event], frames: IO[bytes]) -> int:
    """Pass events on, of a seed's progress only some; how many seeds are finished."""
    latest: dict[int, float] = {}
    ended = 0
    for event in events:
        if isinstance(event, Advanced):
            now = time.monotonic()
            if now - latest.setdefault(event.seed, now) < _BETWEEN:
                continue
            latest[event.seed] = now
        weights = None
        if isinstance(event, Finished):
            weights, ended = event.weights, ended + 1
        messages.send(frames, messages.to_document(event), weights)
    return ended
