"""Workers: processes that run one trial after another and tell what came of it.

A worker reads tasks on standard input and writes reports on standard output, both as frames:
a length, a JSON document, a length, bytes. Nothing is pickled. It ends with its coordinator:
when standard input is closed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Generator
from typing import IO

from longlag.workers.messages import STOP, Perform, Task, TrialDone, TrialProgress, receive, send

_BETWEEN = 0.2  # seconds between two reports of progress


def perform(task: Task) -> Generator[TrialProgress, None, TrialDone]:
    """Train and score one trial; the same bits wherever it is done on one kind of machine."""
    from longlag import streams
    from longlag.training import program
    from longlag.trials import checkpoint, documents, identity
    from longlag.trials.fit import fit
    from longlag.trials.outcome import Outcome

    setting = documents.setting(task.setting)
    if task.parts not in (None, identity.parts(setting)):
        raise RuntimeError("this worker has another version of longlag. Give it the same one")
    fitting = fit(setting, (task.seed,))
    with contextlib.closing(fitting):
        while True:
            try:
                report = next(fitting)
            except StopIteration as end:
                run = end.value
                break
            figures = report.loss, report.accuracy
            yield TrialProgress(task.id, report.updates, report.total, *figures)
    model = run.models[0]
    validation = setting.evaluate(model, task.seed, stream=streams.validation).accuracy
    counted = program.parameters(model)
    outcome = Outcome.of(run, validation=validation, parameters=counted).document()
    weights = checkpoint.to_bytes(run.trained()) if task.keep else None
    identity.canonical(outcome)  # refuses figures that are no numbers, which no store takes
    return TrialDone(task.id, outcome, weights)


def serve(work: Perform = perform) -> None:
    """Run the tasks that come in, until no more can come."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator says when to stop
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anyone prints must not come between the frames
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    unwanted = set[str]()  # trials to be ended after their present chunk

    def read() -> None:
        while (frame := receive(sys.stdin.buffer)) is not None:
            if frame[0].get("say") == STOP:
                unwanted.add(frame[0]["id"])
            else:
                tasks.put(Task(**frame[0]))
        os._exit(0)  # the coordinator is gone, perhaps killed: nobody waits for this trial

    threading.Thread(target=read, daemon=True).start()
    try:
        send(reports, {"say": "ready"})
        while True:
            task = tasks.get()
            try:
                _run(work(task), unwanted, reports)
            except BrokenPipeError:
                raise
            except Exception as error:
                send(reports, {"say": "failed", "id": task.id, "why": _named(error)})
            unwanted.discard(task.id)  # perhaps told to stop when it had ended
    except BrokenPipeError:
        os._exit(0)  # likewise


def _run(
    working: Generator[TrialProgress, None, TrialDone], unwanted: set[str], reports: IO[bytes]
) -> None:
    said = time.monotonic()
    with contextlib.closing(working):
        while True:
            try:
                moved = next(working)
            except StopIteration as end:
                done: TrialDone = end.value
                break
            if moved.id in unwanted:
                send(reports, {"say": "failed", "id": moved.id, "why": STOP})
                return
            if time.monotonic() - said > _BETWEEN:
                said = time.monotonic()
                send(reports, {"say": "moved", **moved._asdict()})
    send(reports, {"say": "done", "id": done.id, "outcome": done.outcome}, done.weights)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    import longlag.trials.fit  # noqa: F401 - loaded before the first task comes in

    serve()
