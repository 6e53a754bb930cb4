"""Jobs in processes of this machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any

from longlag.events import Event, Finished
from longlag.workers import messages
from longlag.workers.executor import (
    MOST_SEEDS,
    TRIES,
    Executor,
    ExecutorError,
    compiled_programs,
    results,
)
from longlag.workers.messages import FREE, READY, STOP, Task

Said = tuple["_Process", dict[str, Any], bytes | None]
"""What a worker process said: a document, and perhaps bytes."""

_USUAL = {
    "OMP_NUM_THREADS": "1",  # other libraries than ours: a trial keeps one core busy
    "MKL_NUM_THREADS": "1",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # else one process takes all memory of a device
}
"""Variables of a worker, where the user has not set them."""

_GONE = "gone"  # said in the name of a process that has ended

_PATIENCE = 10.0  # seconds that a chunk of updates may take before a stop is enforced


class _Process:
    """A worker process, and a thread that passes on what it says."""

    def __init__(
        self,
        command: Sequence[str],
        said: queue.SimpleQueue[Said],
        place: int,
        device: dict[str, str],
    ):
        self.place = place
        self.task: Task | None = None
        self.ready = False
        self.program = ""
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**_USUAL, **os.environ, **compiled_programs(), **device, "PYTHONPATH": _path()},
            start_new_session=True,  # Ctrl-C is for the coordinator, which says when to stop
        )
        threading.Thread(target=self._listen, args=(said,), daemon=True).start()

    def _listen(self, said: queue.SimpleQueue[Said]) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as reports:
            while (frame := messages.receive(reports)) is not None:
                said.put((self, *frame))
        said.put((self, {"say": _GONE}, None))

    def tell(self, document: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # a process that is gone will be noticed as gone
            messages.send(self.process.stdin, document)

    def end(self) -> None:
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Local(Executor):
    """Processes of this machine, one job each at a time.

    Args:
        workers: Number of processes; by default one for each core, since a trial keeps one
            core busy, or one for each accelerator.
        command: What starts a worker.

    >>> from longlag.workers.messages import Task
    >>> with Local(workers=1) as executor:
    ...     executor.submit(Task("some id", {}, seeds=(0,)))
    ...     executor.wait()[0].why
    'ValueError: setting: the document has no part `problem`.'
    """

    def __init__(
        self,
        workers: int | None = None,
        command: Sequence[str] = (sys.executable, "-m", "longlag.workers.worker"),
    ):
        if workers is not None and workers < 1:
            raise ValueError(
                f"Local: `workers` must be at least 1, got {workers}. Use workers=1 or more."
            )
        self._command = tuple(command)
        self._said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._waiting: list[Task] = []
        self._tries: dict[str, int] = {}
        self._stillborn = 0
        self._processes: list[_Process] = []
        self._wanted, self._devices = workers, 1
        if _perhaps_accelerated():
            self.job_size = None  # until the first worker has said what it runs on
            self._grow(1)
        else:
            self._grow(workers or _cores())
        self._end = weakref.finalize(self, _end, self._processes)

    def submit(self, task: Task) -> None:
        if not self._end.alive:
            raise ExecutorError("This executor is closed. Use a new one.")
        self._waiting.append(task)

    def wait(self, seconds: float | None = None) -> list[Event]:
        self._hand_out()
        events: list[Event] = []
        until = None if seconds is None else time.monotonic() + seconds
        while not events:
            left = None if until is None else max(0.0, until - time.monotonic())
            try:
                said = self._said.get(timeout=left)
            except queue.Empty:
                break
            before = self.job_size
            self._hear(*said, events)
            while True:  # what else has come in meanwhile
                try:
                    said = self._said.get_nowait()
                except queue.Empty:
                    break
                self._hear(*said, events)
            self._hand_out()
            if self.job_size != before:
                break  # whoever waits for that can go on
        return events

    def stop(self) -> list[Event]:
        self._waiting.clear()
        for process in self._processes:
            if process.task is not None:
                process.tell({"say": STOP, "job": process.task.id})
        events: list[Event] = []
        until = time.monotonic() + _PATIENCE
        while any(process.task for process in self._processes) and time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                said = self._said.get(timeout=max(0.0, until - time.monotonic()))
                self._hear(*said, events)
        for process in self._processes:
            if process.task is not None:
                process.task = None
                process.process.kill()  # another takes its place once it is noticed as gone
        self._waiting.clear()  # of processes that died meanwhile
        return results(events)

    def close(self) -> None:
        self._end()

    def _hear(
        self,
        process: _Process,
        document: dict[str, Any],
        content: bytes | None,
        events: list[Event],
    ) -> None:
        said, task = document["say"], process.task
        if said == _GONE:
            self._replace(process, events)
        elif said == READY:
            process.ready, self._stillborn = True, 0
            if self.job_size is None:
                self._meet(document)
        elif task is None or document["job"] != task.id:
            pass  # of a job that nobody waits for any more
        elif said == FREE:
            process.task = None
        else:
            event = messages.event(document, content)
            events.append(event)
            if isinstance(event, Finished):
                left = tuple(seed for seed in task.seeds if seed != event.seed)
                process.task = task._replace(seeds=left) if left else None

    def _grow(self, workers: int) -> None:
        self.workers, self.places = workers, 4 * workers
        for place in range(len(self._processes), workers):
            self._processes.append(self._started(place))

    def _started(self, place: int) -> _Process:
        """A worker on its place's device, where there are several."""
        device: dict[str, str] = {}
        if self._devices > 1:
            seen = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(
                map(str, range(self._devices))
            )
            device["CUDA_VISIBLE_DEVICES"] = seen.split(",")[place % self._devices]
        return _Process(self._command, self._said, place, device)

    def _meet(self, device: dict[str, Any]) -> None:
        """The first worker says what it runs on: start as many more as that is good for."""
        accelerated = device.get("platform", "cpu") != "cpu"
        self.job_size = MOST_SEEDS if accelerated else 1
        if device.get("platform") == "gpu":
            self._devices = device["count"]
        self._grow(self._wanted or (self._devices if accelerated else _cores()))

    def _replace(self, process: _Process, events: list[Event]) -> None:
        """A worker has died: run what it has left in another, unless that was tried enough."""
        if process not in self._processes:
            return
        process.end()
        self._processes.remove(process)
        if not process.ready:
            self._stillborn += 1
            if self._stillborn > 2 * self.workers:
                raise ExecutorError(
                    f"The workers end before they begin (exit code {process.process.returncode}); "
                    "what they said stands above."
                )
        if (task := process.task) is not None:
            self._tries[task.id] = self._tries.get(task.id, 0) + 1
            if self._tries[task.id] < TRIES:
                self._waiting.insert(0, task)
            else:
                code = process.process.returncode
                why = f"its process died {TRIES} times, at last with exit code {code}"
                why = f"{why}. Perhaps it needs more memory than there is"
                events += [Finished(seed, why=why, job=task.id) for seed in task.seeds]
        self._processes.append(self._started(process.place))

    def _hand_out(self) -> None:
        for process in self._processes:
            if process.ready and process.task is None and self._waiting:
                process.task = self._waiting.pop(self._fitting(process))
                process.program = _program(process.task)
                process.tell(process.task._asdict())

    def _fitting(self, process: _Process) -> int:
        """The task for a worker: one whose program it has, else one whose program nobody has."""
        programs = [_program(task) for task in self._waiting]
        if process.program in programs:
            return programs.index(process.program)
        others = {each.program for each in self._processes}
        return next((place for place, each in enumerate(programs) if each not in others), 0)


def _end(processes: list[_Process]) -> None:
    for process in processes:
        if process.task is not None:
            process.process.kill()
    for process in processes:
        process.end()
    processes.clear()


def _program(task: Task) -> str:
    """What decides which program a job compiles: all but the learning rate."""
    recipe = {**task.setting.get("recipe", {}), "learning_rate": None, "stop_at": None}
    return json.dumps({**task.setting, "recipe": recipe}, sort_keys=True)


def _path() -> str:
    """Where this process finds modules, so that a worker finds a user's there as well."""
    folders = [os.path.abspath(folder) for folder in sys.path if not folder.endswith(".zip")]
    return os.pathsep.join(dict.fromkeys(folders))


def _cores() -> int:
    from longlag.training.loop import cores

    return cores()


def _perhaps_accelerated() -> bool:
    """Whether JAX may find more than a CPU here, told without loading it."""
    if os.environ.get("JAX_PLATFORMS") == "cpu":
        return False
    plugins = map(importlib.util.find_spec, ("jax_plugins", "libtpu"))
    return any(plugins) or bool(importlib.metadata.entry_points(group="jax_plugins"))
