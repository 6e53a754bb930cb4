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
    drain,
    results,
)
from longlag.workers.messages import FREE, READY, STOP, Job

_DEFAULTS = {
    "OMP_NUM_THREADS": "1",  # libraries other than JAX: a trial keeps one core busy
    "MKL_NUM_THREADS": "1",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # else one process takes all memory of a device
}
"""Environment variables of a worker, unless the user has set them."""

_START_SECONDS = 180.0  # for a worker to start

_PROGRAMS = 64  # in the cache of a process (`longlag.training.program`)

_OUTPUT = "What it wrote to standard error stands above"

_CHECK_SECONDS = 1.0  # between two checks for workers that do not start


Message = Event | dict[str, Any] | None
"""A message of a worker: an event, another document, or None once it has ended."""

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
        self.programs: dict[str, None] = {}  # its compiled programs, the latest last
        self.fault = ""  # the reason for ending it, if it did not end by itself
        self.started = time.monotonic()
        self.ended: float | None = None  # time of the first check after its end
        in_main = threading.current_thread() is threading.main_thread()
        with_parent = (
            {"LONGLAG_ENDS_WITH_PARENT": "1"} if in_main else {}
        )  # strictly, with its parent's thread
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**_DEFAULTS, **os.environ, **compiled_programs(), **device, **with_parent},
                start_new_session=True,  # Ctrl-C goes to the coordinator, which stops workers
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
        except Exception as error:  # no message may end this thread unnoticed
            self.fault = f"it sent an invalid message: {error}"
        inbox.put((self, None))

    def send(self, document: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # a later check finds a lost process
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
        """End it at once, with all processes that a model in it may have started."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)


_alive = weakref.WeakSet[_Worker]()


def kill_all() -> None:
    """End all workers of this process at once."""
    for worker in list(_alive):
        worker.kill()


class Local(Executor):
    """Processes of this machine, each with one job at a time.

    Args:
        workers: Number of processes; by default one for each core, since a trial uses one
            core, or one for each accelerator.
        command: The command that starts a worker.

    Raises:
        ExecutorError: No worker can start.

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
        self._command = _default_command() if command is None else tuple(command)
        self._inbox: Inbox = queue.SimpleQueue()
        self._waiting: list[tuple[str, Job]] = []  # each after its program
        self._tries: dict[str, int] = {}
        self._failed_starts = 0
        self._processes: list[_Worker] = []
        self._end = weakref.finalize(self, _end, self._processes)
        self._size, self._devices = workers, 1
        if _may_have_accelerator():
            self.job_size = None  # until the first worker reports its device
            self._grow(1)
        else:  # they start with the first job: all trials may be in the store
            self._resize(workers or _cores())

    def submit(self, job: Job) -> None:
        if not self._end.alive:
            raise ExecutorError("This executor is closed. Use a new one.")
        if not self._processes:
            self._grow(self.workers)
        self._waiting.append((_program(job), job))

    def wait(self, seconds: float | None = None) -> list[Event]:
        self._assign()
        events: list[Event] = []
        until = math.inf if seconds is None else time.monotonic() + seconds
        before = self.job_size
        while not events and self.job_size == before:  # the caller may wait for that
            rest = max(0.0, until - time.monotonic())
            for worker, message in drain(self._inbox, min(rest, _CHECK_SECONDS)):
                self._take(worker, message, events)
            self._check_workers(events)
            self._assign()
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
            for worker, message in drain(self._inbox, max(0.0, until - time.monotonic())):
                self._take(worker, message, events)
        for worker in self._processes:
            if worker.job is not None:
                worker.job = None
                worker.kill()  # a later check replaces it
        self._waiting.clear()  # jobs of processes that died meanwhile
        return results(events)

    def close(self) -> None:
        self._end()

    def _take(self, worker: _Worker, message: Message, events: list[Event]) -> None:
        job = worker.job
        if message is None:
            self._replace(worker, events)
        elif isinstance(message, dict):
            if message.get("type") == READY:
                worker.ready, self._failed_starts = True, 0
                if self.job_size is None:
                    self._set_device(message)
            elif message.get("type") == FREE and job is not None and message.get("job") == job.id:
                worker.job = None
        elif job is not None and message.job == job.id:  # else its job was stopped
            events.append(message)
            if isinstance(message, Finished):
                rest = tuple(seed for seed in job.seeds if seed != message.seed)
                worker.job = job._replace(seeds=rest) if rest else None

    def _resize(self, workers: int) -> None:
        # Enough for jobs of several programs to wait: then each worker compiles its own.
        self.workers, self.capacity = workers, 32 * workers

    def _grow(self, workers: int) -> None:
        self._resize(workers)
        for index in range(len(self._processes), workers):
            self._processes.append(self._start(index))

    def _start(self, index: int) -> _Worker:
        """Start a worker, on its own device if there are several."""
        device: dict[str, str] = {}
        if self._devices > 1:
            devices = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(
                map(str, range(self._devices))
            )
            device["CUDA_VISIBLE_DEVICES"] = devices.split(",")[index % self._devices]
        return _Worker(self._command, self._inbox, index, device)

    def _set_device(self, device: dict[str, Any]) -> None:
        """Start as many workers as the device of the first worker allows."""
        accelerated = device.get("platform", "cpu") != "cpu"
        self.job_size = MOST_SEEDS if accelerated else 1
        if device.get("platform") == "gpu":
            self._devices = device["count"]
        self._grow(self._size or (self._devices if accelerated else _cores()))

    def _check_workers(self, events: list[Event]) -> None:
        """Kill the workers that do not start, and replace those that have ended.

        A process forked by a model may hold the pipe of a lost worker open, so the pipe is no sign.
        """
        for worker in list(self._processes):
            if worker.process.poll() is not None:
                worker.ended = worker.ended or time.monotonic()
                if (
                    time.monotonic() > worker.ended + _CHECK_SECONDS
                ):  # its last messages may still arrive
                    self._replace(worker, events)
            elif (
                not (worker.ready or worker.fault)
                and time.monotonic() > worker.started + _START_SECONDS
            ):
                worker.fault = f"it did not start within {_START_SECONDS:g} seconds"
                worker.kill()

    def _replace(self, worker: _Worker, events: list[Event]) -> None:
        """Replace a lost worker, which runs the rest of its job unless all attempts are used."""
        if worker not in self._processes:
            return
        worker.end()
        self._processes.remove(worker)
        why = worker.fault or _exit(worker.process.returncode)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts > 2 * self.workers:
                raise ExecutorError(f"Workers do not start ({why}); their output is above.")
        if (job := worker.job) is not None:
            self._tries[job.id] = self._tries.get(job.id, 0) + 1
            if self._tries[job.id] < TRIES:
                self._waiting.insert(0, (_program(job), job))
            else:
                memory = worker.process.returncode == -signal.SIGKILL and not worker.fault
                hint = "Perhaps it needs more memory" if memory else _OUTPUT
                why = f"its process died {TRIES} times ({why}). {hint}"
                events += [Finished(seed, why=why, job=job.id) for seed in job.seeds]
        self._processes.append(self._start(worker.index))

    def _assign(self) -> None:
        for worker in self._processes:
            if worker.ready and worker.job is None and self._waiting:
                program, job = self._waiting.pop(self._choose_job(worker))
                worker.programs.pop(program, None)
                worker.programs[program] = None
                if len(worker.programs) > _PROGRAMS:
                    del worker.programs[next(iter(worker.programs))]
                worker.job = job
                worker.send(job._asdict())

    def _choose_job(self, worker: _Worker) -> int:
        """The index of the job for a worker: the first whose program no other worker has."""
        others = {each for other in self._processes for each in other.programs}
        others -= worker.programs.keys()
        fit = (index for index, (program, _) in enumerate(self._waiting) if program not in others)
        return next(fit, 0)


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        if worker.job is not None or not worker.ready:  # one that is starting cannot listen yet
            worker.kill()
    for worker in workers:
        worker.end()
    workers.clear()


def _exit(code: int) -> str:
    """An exit code as text, with the signal that ended the process."""
    try:
        return (
            f"exit code {code}, {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        )
    except ValueError:  # a signal without a name
        return f"exit code {code}"


def _default_command() -> tuple[str, ...]:
    """The command that starts a worker; no folder of the user shadows a library."""
    folders = [os.path.abspath(folder) for folder in sys.path if not folder.endswith(".zip")]
    return sys.executable, "-P", str(Path(__file__).with_name("start.py")), *dict.fromkeys(folders)


def _program(job: Job) -> str:
    """The key of the program of a job: its setting without learning rate and duration."""
    ignored = {"learning_rate": None, "stop_at": None, "sequences": None}
    recipe = {**job.setting.get("recipe", {}), **ignored}
    return json.dumps({**job.setting, "recipe": recipe}, sort_keys=True)


def _cores() -> int:
    from longlag.training.loop import cores

    return cores()


def _may_have_accelerator() -> bool:
    """Whether JAX may find more than a CPU here, without importing it."""
    if os.environ.get("JAX_PLATFORMS") == "cpu":
        return False
    plugins = map(importlib.util.find_spec, ("jax_plugins", "libtpu"))
    return any(plugins) or bool(importlib.metadata.entry_points(group="jax_plugins"))
