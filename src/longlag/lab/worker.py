"""Workers: processes that run one trial after another and tell what came of it.

A worker reads tasks on standard input and writes reports on standard output, both as frames:
a length, a JSON document, a length, bytes. Nothing is pickled. It ends with its coordinator:
when standard input is closed.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import IO, Any, NamedTuple

_LENGTHS = struct.Struct("<IQ")
_BETWEEN = 0.2  # seconds between two reports of progress
STOP = "stop"


class Task(NamedTuple):
    """A trial to run.

    Attributes:
        id: Name of the trial.
        setting: Its setting, as a document.
        seed: Its seed.
        keep: Whether the trained model is wanted.
        parts: The versions of the parts it uses, which the worker must have too.
    """

    id: str
    setting: Mapping[str, Any]
    seed: int
    keep: bool = False
    parts: str | None = None


class Moved(NamedTuple):
    """How far a trial has come: updates made and to be made, latest loss and accuracy."""

    id: str
    updates: int
    total: int
    loss: float
    accuracy: float


class Done(NamedTuple):
    """A finished trial: its outcome as a document, and the trained model where wanted."""

    id: str
    outcome: dict[str, Any]
    weights: bytes | None = None


class Failed(NamedTuple):
    """A trial that came to nothing, and why."""

    id: str
    why: str


Perform = Callable[[Task], Generator[Moved, None, Done]]
"""Runs a task: yields progress, returns what came out. Closing it ends the trial."""


def perform(task: Task) -> Generator[Moved, None, Done]:
    """Train and score one trial; the same bits wherever it is done on one kind of machine."""
    from longlag import streams
    from longlag.lab import checkpoint, identity
    from longlag.lab.outcome import Outcome
    from longlag.lab.trial import fit
    from longlag.training import engine

    setting = identity.setting(task.setting)
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
            yield Moved(task.id, report.updates, report.total, *figures)
    model = run.models[0]
    validation = setting.evaluate(model, task.seed, stream=streams.validation).accuracy
    counted = engine.parameters(model)
    outcome = Outcome.of(run, validation=validation, parameters=counted).document()
    weights = checkpoint.to_bytes(run.trained()) if task.keep else None
    identity.canonical(outcome)  # refuses figures that are no numbers, which no store takes
    return Done(task.id, outcome, weights)


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


def _run(working: Generator[Moved, None, Done], unwanted: set[str], reports: IO[bytes]) -> None:
    said = time.monotonic()
    with contextlib.closing(working):
        while True:
            try:
                moved = next(working)
            except StopIteration as end:
                done: Done = end.value
                break
            if moved.id in unwanted:
                send(reports, {"say": "failed", "id": moved.id, "why": STOP})
                return
            if time.monotonic() - said > _BETWEEN:
                said = time.monotonic()
                send(reports, {"say": "moved", **moved._asdict()})
    send(reports, {"say": "done", "id": done.id, "outcome": done.outcome}, done.weights)


def send(stream: IO[bytes], document: Mapping[str, Any], content: bytes | None = None) -> None:
    """Write a frame."""
    text = json.dumps(document).encode()
    stream.write(_LENGTHS.pack(len(text), 0 if content is None else len(content)))
    stream.write(text)
    stream.write(content or b"")
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes | None] | None:
    """Read a frame; None at the end of the stream, or where it is cut off."""
    head = stream.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    text, content = _LENGTHS.unpack(head)
    body = stream.read(text + content)
    if len(body) < text + content:
        return None
    return json.loads(body[:text]), body[text:] or None


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    import longlag.lab.trial  # noqa: F401 - loaded before the first task comes in

    serve()
