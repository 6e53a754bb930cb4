"""Trials in processes of this machine."""

from __future__ import annotations

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
from typing import Any

from longlag.workers import messages
from longlag.workers.executor import TRIES, Event, Executor, ExecutorError, compiled_programs
from longlag.workers.messages import Task, TrialDone, TrialFailed, TrialProgress

Said = tuple["_Process", dict[str, Any], bytes | None]
"""What a worker process said: a document, and perhaps bytes."""

_ONE_CORE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""For other libraries than ours, in a worker: a trial keeps one core busy."""

_PATIENCE = 10.0  # seconds that a chunk of updates may take before a stop is enforced


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
            while (frame := messages.receive(reports)) is not None:
                said.put((self, *frame))
        said.put((self, {"say": "gone"}, None))

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
    """Processes of this machine, one trial each at a time.

    Args:
        workers: Number of processes; by default one for each core, since a trial keeps one
            core busy.
        command: What starts a worker.

    >>> from longlag.workers.messages import Task
    >>> with Local(workers=1) as executor:
    ...     executor.submit(Task("some id", {}, seed=0))
    ...     executor.wait()
    [TrialFailed(id='some id', why='ValueError: setting: the document has no part `problem`.')]
    """

    def __init__(
        self,
        workers: int | None = None,
        command: Sequence[str] = (sys.executable, "-m", "longlag.workers.worker"),
    ):
        if workers is None:
            from longlag.training.loop import cores

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
                process.tell({"say": messages.STOP, "id": process.task.id})
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
        return [event for event in events if isinstance(event, TrialDone)]

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
            events.append(TrialProgress(**document))
            return
        process.task = None
        events.append(
            TrialDone(document["id"], document["outcome"], content)
            if said == "done"
            else TrialFailed(**document)
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
                events.append(
                    TrialFailed(task.id, f"{why}. Perhaps it needs more memory than there is")
                )
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
