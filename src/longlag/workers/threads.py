"""Trials in threads of this process, for models that no other process can make."""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent import futures

from longlag.workers import messages, worker
from longlag.workers.executor import Event, Executor
from longlag.workers.messages import Task, TrialDone, TrialFailed


class Threads(Executor):
    """Threads of this process, one trial each at a time: for models that no other process can make.

    Args:
        workers: Number of threads; by default one for each core.
        work: What runs a task.
    """

    def __init__(self, workers: int | None = None, work: messages.Perform = worker.perform):
        if workers is None:
            from longlag.training.loop import cores

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
        return [event for event in self.wait(0) if isinstance(event, TrialDone)]

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
            self._said.put(TrialFailed(task.id, f"{type(error).__name__}: {error}"))
