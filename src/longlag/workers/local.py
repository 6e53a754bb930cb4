"""Jobs in processes of this machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longlag.events import Event, Finished
from longlag.workers import messages
from longlag.workers.executor import (
    MOST_SEEDS,
    TRIES,
    Executor,
    ExecutorError,
    compiled_programs,
    drained,
    results,
)
from longlag.workers.messages import FREE, READY, STOP, Job

_USUAL = {
    "OMP_NUM_THREADS": "1",  # libraries other than JAX: a trial keeps one core busy
    "MKL_NUM_THREADS": "1",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # else one process takes all memory of a device
}
"""Variables of a worker, where the user has not set them."""

_START = 180.0  # seconds that a worker may take to start

_PROGRAMS = 64  # that a process keeps (`longlag.training.program`)

_LOOK = 1.0  # seconds between two looks for workers that do not start


Message = Event | dict[str, Any] | None
"""What a worker sends: an event, another document, or None once it has ended."""

Inbox = queue.SimpleQueue[tuple["_Worker", Message]]


class _Worker:
    """A worker process, and a thread that passes its messages on."""

    def __init__(
        self,
        command: Sequence[str],
        inbox: Inbox,
        index: int,
        device: dict[str, str],
    ):
        self.index = index
        self.job: Job | None = None
        self.ready = False
        self.programs: dict[str, None] = {}  # that it has compiled, the latest last
        self.fault = ""  # why it was given up, where it has not simply ended
        self.started = time.monotonic()
        self.ended: float | None = None  # when it was first seen to have ended
        in_main = threading.current_thread() is threading.main_thread()
        dies = {"LONGLAG_ENDS_WITH_PARENT": "1"} if in_main else {}  # with its thread, to be exact
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**_USUAL, **os.environ, **compiled_programs(), **device, **dies},
                start_new_session=True,  # Ctrl-C is for the coordinator, which says when to stop
            )
        except OSError as error:
            raise ExecutorError(f"A worker cannot be started: {error}.") from error
        _alive.add(self)
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()

    def _listen(self, inbox: Inbox) -> None:
        assert self.process.stdout is not None
        try:
            with self.process.stdout as stream:
                while (frame := messages.receive(stream)) is not None:
                    document, content = frame
                    is_event = messages.is_event(document)
                    inbox.put(
                        (self, messages.to_event(document, content) if is_event else document)
                    )
        except Exception as error:  # whatever it has sent, it must not end this thread unnoticed
            self.fault = f"it sent what is no message: {error}"
        inbox.put((self, None))

    def send(self, document: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # a process that is gone will be noticed as gone
            messages.send(self.process.stdin, document)

    def end(self) -> None:
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        self.kill()
        self.process.wait()
        _alive.discard(self)

    def kill(self) -> None:
        """End it at once, with all that a model in it may have started."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)


_alive = weakref.WeakSet[_Worker]()


def kill_all() -> None:
    """End all workers of this process at once."""
    for worker in list(_alive):
        worker.kill()


class Local(Executor):
    """Processes of this machine, one job each at a time.

    Args:
        workers: Number of processes; by default one for each core, since a trial keeps one
            core busy, or one for each accelerator.
        command: What starts a worker.

    Raises:
        ExecutorError: No worker can be started.

    >>> from longlag.workers.messages import Job
    >>> with Local(workers=1) as executor:
    ...     executor.submit(Job("some id", {}, seeds=(0,)))
    ...     executor.wait()[0].why
    'ValueError: setting: the document has no part `problem`.'
    """

    def __init__(self, workers: int | None = None, command: Sequence[str] | None = None):
        if workers is not None and workers < 1:
            raise ValueError(
                f"Local: `workers` must be at least 1, got {workers}. Use workers=1 or more."
            )
        self._command = _usual_command() if command is None else tuple(command)
        self._inbox: Inbox = queue.SimpleQueue()
        self._waiting: list[tuple[str, Job]] = []  # each with its program
        self._tries: dict[str, int] = {}
        self._stillborn = 0
        self._processes: list[_Worker] = []
        self._end = weakref.finalize(self, _end, self._processes)
        self._wanted, self._devices = workers, 1
        if _perhaps_accelerated():
            self.job_size = None  # until the first worker reports what it runs on
            self._grow(1)
        else:
            self._grow(workers or _cores())

    def submit(self, job: Job) -> None:
        if not self._end.alive:
            raise ExecutorError("This executor is closed. Use a new one.")
        self._waiting.append((_program(job), job))

    def wait(self, seconds: float | None = None) -> list[Event]:
        self._hand_out()
        events: list[Event] = []
        until = math.inf if seconds is None else time.monotonic() + seconds
        before = self.job_size
        while not events and self.job_size == before:  # whoever waits for that can go on
            rest = max(0.0, until - time.monotonic())
            for worker, message in drained(self._inbox, min(rest, _LOOK)):
                self._take(worker, message, events)
            self._look_after(events)
            self._hand_out()
            if not rest:
                break
        return events

    def stop(self) -> list[Event]:
        self._waiting.clear()
        for worker in self._processes:
            if worker.job is not None:
                worker.send({"type": STOP, "job": worker.job.id})
        events: list[Event] = []
        until = time.monotonic() + self.patience
        while any(worker.job for worker in self._processes) and time.monotonic() < until:
            for worker, message in drained(self._inbox, max(0.0, until - time.monotonic())):
                self._take(worker, message, events)
        for worker in self._processes:
            if worker.job is not None:
                worker.job = None
                worker.kill()  # another takes its place once it is noticed as gone
        self._waiting.clear()  # of processes that died meanwhile
        return results(events)

    def close(self) -> None:
        self._end()

    def _take(self, worker: _Worker, message: Message, events: list[Event]) -> None:
        job = worker.job
        if message is None:
            self._replace(worker, events)
        elif isinstance(message, dict):
            if message.get("type") == READY:
                worker.ready, self._stillborn = True, 0
                if self.job_size is None:
                    self._meet(message)
            elif message.get("type") == FREE and job is not None and message.get("job") == job.id:
                worker.job = None
        elif job is not None and message.job == job.id:  # else nobody waits for it any more
            events.append(message)
            if isinstance(message, Finished):
                rest = tuple(seed for seed in job.seeds if seed != message.seed)
                worker.job = job._replace(seeds=rest) if rest else None

    def _grow(self, workers: int) -> None:
        # Enough that jobs of several programs wait: then each worker compiles its own.
        self.workers, self.capacity = workers, 32 * workers
        for index in range(len(self._processes), workers):
            self._processes.append(self._started(index))

    def _started(self, index: int) -> _Worker:
        """A worker on its own device, where there are several."""
        device: dict[str, str] = {}
        if self._devices > 1:
            seen = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(
                map(str, range(self._devices))
            )
            device["CUDA_VISIBLE_DEVICES"] = seen.split(",")[index % self._devices]
        return _Worker(self._command, self._inbox, index, device)

    def _meet(self, device: dict[str, Any]) -> None:
        """The first worker reports what it runs on: start as many more as that is good for."""
        accelerated = device.get("platform", "cpu") != "cpu"
        self.job_size = MOST_SEEDS if accelerated else 1
        if device.get("platform") == "gpu":
            self._devices = device["count"]
        self._grow(self._wanted or (self._devices if accelerated else _cores()))

    def _look_after(self, events: list[Event]) -> None:
        """Kill the workers that do not start, and replace those that have ended.

        What a model has forked may hold the pipe of a worker that is gone: it alone tells nothing.
        """
        for worker in list(self._processes):
            if worker.process.poll() is not None:
                worker.ended = worker.ended or time.monotonic()
                if time.monotonic() > worker.ended + _LOOK:  # else it may still be read
                    self._replace(worker, events)
            elif not (worker.ready or worker.fault) and time.monotonic() > worker.started + _START:
                worker.fault = f"it did not start within {_START:g} seconds"
                worker.kill()

    def _replace(self, worker: _Worker, events: list[Event]) -> None:
        """A worker is lost: run the rest of its job in another, unless that was tried enough."""
        if worker not in self._processes:
            return
        worker.end()
        self._processes.remove(worker)
        why = worker.fault or f"exit code {worker.process.returncode}"
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn > 2 * self.workers:
                raise ExecutorError(f"Workers do not start ({why}); their output is above.")
        if (job := worker.job) is not None:
            self._tries[job.id] = self._tries.get(job.id, 0) + 1
            if self._tries[job.id] < TRIES:
                self._waiting.insert(0, (_program(job), job))
            else:
                why = f"its process died {TRIES} times ({why}). Perhaps it needs more memory"
                events += [Finished(seed, why=why, job=job.id) for seed in job.seeds]
        self._processes.append(self._started(worker.index))

    def _hand_out(self) -> None:
        for worker in self._processes:
            if worker.ready and worker.job is None and self._waiting:
                program, job = self._waiting.pop(self._fitting(worker))
                worker.programs.pop(program, None)
                worker.programs[program] = None
                if len(worker.programs) > _PROGRAMS:
                    del worker.programs[next(iter(worker.programs))]
                worker.job = job
                worker.send(job._asdict())

    def _fitting(self, worker: _Worker) -> int:
        """The job for a worker: the first whose program it has, or nobody has."""
        others = {each for other in self._processes for each in other.programs}
        others -= worker.programs.keys()
        fit = (index for index, (program, _) in enumerate(self._waiting) if program not in others)
        return next(fit, 0)


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        if worker.job is not None:
            worker.kill()
    for worker in workers:
        worker.end()
    workers.clear()


def _usual_command() -> tuple[str, ...]:
    """What starts a worker: no folder of the user's comes before a library's."""
    folders = [os.path.abspath(folder) for folder in sys.path if not folder.endswith(".zip")]
    return sys.executable, "-P", str(Path(__file__).with_name("start.py")), *dict.fromkeys(folders)


def _program(job: Job) -> str:
    """What decides which program a job compiles: neither the learning rate nor how long."""
    free = {"learning_rate": None, "stop_at": None, "sequences": None}
    recipe = {**job.setting.get("recipe", {}), **free}
    return json.dumps({**job.setting, "recipe": recipe}, sort_keys=True)


def _cores() -> int:
    from longlag.training.loop import cores

    return cores()


def _perhaps_accelerated() -> bool:
    """Whether JAX may find more than a CPU here, told without loading it."""
    if os.environ.get("JAX_PLATFORMS") == "cpu":
        return False
    plugins = map(importlib.util.find_spec, ("jax_plugins", "libtpu"))
    return any(plugins) or bool(importlib.metadata.entry_points(group="jax_plugins"))
