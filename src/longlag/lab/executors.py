"""Executors: who runs the trials. Processes of this machine, or a Dask cluster.

An executor knows nothing of studies and stores: it is given tasks and tells what came of them.
A trial whose process was killed is run again elsewhere; its result is the same.
"""

from __future__ import annotations

import abc
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent import futures
from typing import Any, TypeVar

from longlag.lab import worker
from longlag.lab.worker import Done, Failed, Moved, Task

Event = Moved | Done | Failed
Said = tuple["_Process", dict[str, Any], bytes | None]
"""What a worker process said: a document, and perhaps bytes."""

E = TypeVar("E", bound="Executor")

TRIES = 3
"""Processes that a trial may cost before it is given up."""

_ONE_CORE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""For other libraries than ours, in a worker: a trial keeps one core busy."""

_PATIENCE = 10.0  # seconds that a chunk of updates may take before a stop is enforced


class ExecutorError(RuntimeError):
    """No trial can be run; the message says why."""


class Executor(abc.ABC):
    """Runs tasks. Used in a `with` block, it lets go of its workers at the end.

    Attributes:
        workers: Trials that it runs at once.
        places: Tasks that it should be given at once, so that no worker waits.
    """

    workers: int
    places: int

    @abc.abstractmethod
    def submit(self, task: Task) -> None:
        """Run this task when its turn comes."""

    @abc.abstractmethod
    def wait(self, seconds: float | None = None) -> list[Event]:
        """What has happened; waits for something to happen, or so long."""

    @abc.abstractmethod
    def stop(self) -> list[Event]:
        """End what is running after its present chunk, drop the rest; what still came in."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of all workers, at once."""

    def __enter__(self: E) -> E:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Process:
    """A worker process, and a thread that passes on what it says."""

    def __init__(self, command: Sequence[str], said: queue.SimpleQueue[Said]):
        self.task: Task | None = None
        self.ready = False
        self.program = ""
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**_ONE_CORE, **os.environ, **compiled_programs(), "PYTHONPATH": _path()},
            start_new_session=True,  # Ctrl-C is for the coordinator, which says when to stop
        )
        threading.Thread(target=self._listen, args=(said,), daemon=True).start()

    def _listen(self, said: queue.SimpleQueue[Said]) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as reports:
            while (frame := worker.receive(reports)) is not None:
                said.put((self, *frame))
        said.put((self, {"say": "gone"}, None))

    def tell(self, document: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # a process that is gone will be noticed as gone
            worker.send(self.process.stdin, document)

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
    """Processes of this machine, one trial each at a time.

    Args:
        workers: Number of processes; by default one for each core, since a trial keeps one
            core busy.
        command: What starts a worker.

    >>> from longlag.lab.worker import Task
    >>> with Local(workers=1) as executor:
    ...     executor.submit(Task("some id", {}, seed=0))
    ...     executor.wait()
    [Failed(id='some id', why='ValueError: setting: the document has no part `problem`.')]
    """

    def __init__(
        self,
        workers: int | None = None,
        command: Sequence[str] = (sys.executable, "-m", "longlag.lab.worker"),
    ):
        if workers is None:
            from longlag.training.engine import cores

            workers = cores()
        if workers < 1:
            raise ValueError(
                f"Local: `workers` must be at least 1, got {workers}. Use workers=1 or more."
            )
        self.workers, self.places = workers, 4 * workers
        self._command = tuple(command)
        self._said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._waiting: list[Task] = []
        self._tries: dict[str, int] = {}
        self._stillborn = 0
        self._processes = [_Process(self._command, self._said) for _ in range(workers)]
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
            self._hear(*said, events)
            while True:  # what else has come in meanwhile
                try:
                    said = self._said.get_nowait()
                except queue.Empty:
                    break
                self._hear(*said, events)
            self._hand_out()
        return events

    def stop(self) -> list[Event]:
        self._waiting.clear()
        for process in self._processes:
            if process.task is not None:
                process.tell({"say": worker.STOP, "id": process.task.id})
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
        return [event for event in events if isinstance(event, Done)]

    def close(self) -> None:
        self._end()

    def _hear(
        self,
        process: _Process,
        document: dict[str, Any],
        content: bytes | None,
        events: list[Event],
    ) -> None:
        said = document.pop("say")
        if said == "gone":
            self._replace(process, events)
            return
        if said == "ready":
            process.ready, self._stillborn = True, 0
            return
        if process.task is None or document["id"] != process.task.id:
            return  # of a task that nobody waits for any more
        if said == "moved":
            events.append(Moved(**document))
            return
        process.task = None
        events.append(
            Done(document["id"], document["outcome"], content)
            if said == "done"
            else Failed(**document)
        )

    def _replace(self, process: _Process, events: list[Event]) -> None:
        """A worker has died: run its trial again in another, unless that has been tried enough."""
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
                events.append(Failed(task.id, f"{why}. Perhaps it needs more memory than there is"))
        self._processes.append(_Process(self._command, self._said))

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


class Threads(Executor):
    """Threads of this process, one trial each at a time: for models that no other process can make.

    Args:
        workers: Number of threads; by default one for each core.
        work: What runs a task.
    """

    def __init__(self, workers: int | None = None, work: worker.Perform = worker.perform):
        if workers is None:
            from longlag.training.engine import cores

            workers = cores()
        if workers < 1:
            raise ValueError(
                f"Threads: `workers` must be at least 1, got {workers}. Use workers=1 or more."
            )
        self.workers = self.places = workers
        self._work = work
        self._pool = futures.ThreadPoolExecutor(workers)
        self._said: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._running: set[futures.Future[None]] = set()
        self._over = threading.Event()

    def submit(self, task: Task) -> None:
        self._over.clear()
        running = self._pool.submit(self._run, task)
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    def wait(self, seconds: float | None = None) -> list[Event]:
        events: list[Event] = []
        with contextlib.suppress(queue.Empty):
            events.append(self._said.get(timeout=seconds))
            while True:  # what else has come in meanwhile
                events.append(self._said.get_nowait())
        return events

    def stop(self) -> list[Event]:
        self._over.set()
        futures.wait(list(self._running))
        return [event for event in self.wait(0) if isinstance(event, Done)]

    def close(self) -> None:
        self._over.set()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, task: Task) -> None:
        if self._over.is_set():
            return
        try:
            with contextlib.closing(self._work(task)) as working:
                while not self._over.is_set():
                    self._said.put(next(working))
        except StopIteration as end:
            self._said.put(end.value)
        except Exception as error:
            self._said.put(Failed(task.id, f"{type(error).__name__}: {error}"))


def _end(processes: list[_Process]) -> None:
    for process in processes:
        if process.task is not None:
            process.process.kill()
    for process in processes:
        process.end()
    processes.clear()


def _program(task: Task) -> str:
    """What decides which program a trial compiles: all but the learning rate and the seed."""
    recipe = {**task.setting.get("recipe", {}), "learning_rate": None, "stop_at": None}
    return json.dumps({**task.setting, "recipe": recipe}, sort_keys=True)


def _path() -> str:
    """Where this process finds modules, so that a worker finds a user's there as well."""
    folders = [os.path.abspath(folder) for folder in sys.path if not folder.endswith(".zip")]
    return os.pathsep.join(dict.fromkeys(folders))


def compiled_programs() -> dict[str, str]:
    """The variables by which a worker keeps compiled programs where this process keeps them."""
    jax = sys.modules.get("jax")
    folder = None if jax is None else jax.config.jax_compilation_cache_dir
    if not folder:
        return {}
    return {
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }
