"""Workers: processes that run one job after another and tell what becomes of it.

A worker reads tasks on standard input and writes events on standard output, both as frames:
a length, a JSON document, a length, bytes. Nothing is pickled. It ends with its coordinator:
when standard input is closed.
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

from longlag.events import Advanced, Event, Finished, StopToken
from longlag.workers import messages
from longlag.workers.messages import FREE, READY, STOP, Perform, Task

_BETWEEN = 0.2  # seconds between two frames about the progress of a seed


def perform(task: Task) -> Generator[Event]:
    """Train and score the seeds of a task, on an accelerator as many at once as it has room for.

    A seed gives the same bits wherever it is trained on one kind of machine, on an accelerator
    where as many others are trained with it.

    Raises:
        RuntimeError: This worker has another version of longlag than the coordinator.
    """
    from longlag.training import devices, program
    from longlag.trials import checkpoint, documents, identity
    from longlag.trials.fit import fit
    from longlag.trials.outcome import Outcome

    setting = documents.setting(task.setting)
    if task.parts not in (None, identity.parts(setting)):
        raise RuntimeError("this worker has another version of longlag. Give it the same one")
    room = len(task.seeds)
    if room > 1:
        width = 1 if setting.input_encoding.as_integers else setting.sizes.features
        batch = (*setting.layout.steps.shape[1:], width)
        room = devices.seeds_at_once(setting.create(task.seeds[0]), batch)
    for start in range(0, len(task.seeds), room):
        with contextlib.closing(fit(setting, task.seeds[start : start + room])) as events:
            for event in events:
                if not isinstance(event, Finished):
                    yield dataclasses.replace(event, job=task.id)
                    continue
                run, seed = event.result, event.seed
                model = run.models[0]
                validation = setting.evaluate(model, seed, part="validation").accuracy
                counted = program.parameters(model)
                outcome = Outcome.of(run, validation=validation, parameters=counted).document()
                weights = checkpoint.to_bytes(run.trained()) if seed in task.keep else None
                identity.canonical(outcome)  # refuses what is no number, which no store takes
                yield Finished(seed, outcome, weights=weights, job=task.id)


def events_of(work: Perform, task: Task, stop: StopToken) -> Iterator[Event]:
    """What becomes of the seeds of a task, until a token is set; where it fails, of each why."""
    left = list(task.seeds)
    try:
        with contextlib.closing(work(task)) as working:
            for event in working:
                if isinstance(event, Finished):
                    left.remove(event.seed)
                elif stop.stopped:
                    return
                yield event
                if stop.stopped:
                    return
        yield from (Finished(seed, why="nothing was said of it", job=task.id) for seed in left)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        yield from (Finished(seed, why=why, job=task.id) for seed in left)


def serve(work: Perform = perform, device: Mapping[str, Any] | None = None) -> None:
    """Run the tasks that come in, until no more can come.

    Args:
        work: What is done with a task.
        device: What this process runs on, as the coordinator is told it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator says when to stop
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anyone prints must not come between the frames
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    stops: dict[str, StopToken] = {}  # of the jobs that have not ended

    def read() -> None:
        while (frame := messages.receive(sys.stdin.buffer)) is not None:
            if frame[0].get("say") != STOP:
                task = Task.read(frame[0])
                stops[task.id] = StopToken()
                tasks.put(task)
            elif (stop := stops.get(frame[0]["job"])) is not None:
                stop.stop()
        os._exit(0)  # the coordinator is gone, perhaps killed: nobody waits for this job

    threading.Thread(target=read, daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        messages.send(frames, {"say": READY, **(device or {})})
        while True:
            task = tasks.get()
            ended = _tell(events_of(work, task, stops[task.id]), frames)
            del stops[task.id]
            if ended < len(task.seeds):  # else the coordinator knows
                messages.send(frames, {"say": FREE, "job": task.id})
    os._exit(0)  # likewise


def _tell(events: Iterator[Event], frames: IO[bytes]) -> int:
    """Pass events on, of a seed's progress only some; how many seeds are finished."""
    told: dict[int, float] = {}
    ended = 0
    for event in events:
        if isinstance(event, Advanced):
            now = time.monotonic()
            if now - told.setdefault(event.seed, now) < _BETWEEN:
                continue
            told[event.seed] = now
        weights = None
        if isinstance(event, Finished):
            weights, ended = event.weights, ended + 1
        messages.send(frames, messages.document(event), weights)
    return ended


if __name__ == "__main__":
    import longlag.trials.fit  # noqa: F401 - loaded before the first task comes in
    from longlag.training import devices

    serve(device=devices.describe())
