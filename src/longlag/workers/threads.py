"""Trials in threads of this process, for models that only this process can make."""

from __future__ import annotations

import queue
from concurrent import futures

from longlag.events import Event
from longlag.stop import StopToken
from longlag.workers import worker
from longlag.workers.executor import MOST_SEEDS, Executor, drain, results
from longlag.workers.messages import Job, Perform


class Threads(Executor):
    """Threads of this process, each with one job at a time, for models only this process can make.

    Args:
        workers: Number of threads; by default one for each core, or one on an accelerator.
        work: The function that runs a job.
    """

    def __init__(self, workers: int | None = None, work: Perform = worker.perform):
        from longlag.training import devices, loop

        accelerated = devices.memory() is not None
        if workers is None:
            workers = 1 if accelerated else loop.cores()
        if workers < 1:
            raise ValueError(
                f"Threads: `workers` must be at least 1, got {workers}. Use workers=1 or more."
            )
        self.workers = self.capacity = workers
        self.job_size = MOST_SEEDS if accelerated else 1
        self._work = work
        self._pool = futures.ThreadPoolExecutor(workers)
        self._inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._running: set[futures.Future[None]] = set()
        self._stop = StopToken()

    def submit(self, job: Job) -> None:
        running = self._pool.submit(self._run, job, self._stop)
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    def wait(self, seconds: float | None = None) -> list[Event]:
        return drain(self._inbox, seconds)

    def stop(self) -> list[Event]:
        self._stop.stop()
        futures.wait(list(self._running))
        self._stop = StopToken()  # for later jobs
        return results(self.wait(0))

    def close(self) -> None:
        self._stop.stop()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, job: Job, stop: StopToken) -> None:
        if not stop.stopped:
            for event in worker.events_of(self._work, job, stop):
                self._inbox.put(event)
