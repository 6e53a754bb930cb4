"""Trials on a Dask cluster, for studies that have outgrown one machine.

The store still says what is finished and only the coordinator writes to it: the cluster is handed
a few jobs at a time, so that its scheduler and the coordinator stay small however many there
are. A job is one trial, since the coordinator does not know on what its workers run.
"""

from __future__ import annotations

import contextlib
import json
import queue
import time
import uuid
from collections.abc import Iterator
from typing import Any

from longlag.events import Event, Finished, StopToken
from longlag.workers import messages
from longlag.workers.executor import (
    TRIES,
    Executor,
    ExecutorError,
    compiled_programs,
    results,
)
from longlag.workers.messages import Perform, Task
from longlag.workers.worker import events_of, perform

_BETWEEN = 0.5  # seconds between two reports of progress

_PATIENCE = 10.0  # seconds to wait for a scheduler to answer


class Dask(Executor):
    """Workers of a Dask cluster.

    Dask's own configuration applies, that of TLS included: with certificates named there
    (`DASK_DISTRIBUTED__COMM__TLS__CA_FILE` and its kin) give an address that begins with `tls://`.

    Args:
        address: Of the scheduler, such as `tcp://10.0.0.1:8786`. By default a cluster is started
            on this machine and ended with the executor; it listens on loopback alone.
        workers: Processes of a cluster that is started here; by default one for each core.
        work: What a worker does with a task.

    Raises:
        ExecutorError: Dask is not installed, or the scheduler does not answer.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        work: Perform = perform,
    ):
        try:
            import distributed
        except ImportError:
            raise ExecutorError("Dask is not installed. Use pip install 'longlag[dask]'.") from None
        self._cluster: Any = None
        self._work = work
        if address is None:
            self._cluster = _started_here(workers)
        else:
            _check(address)
        try:
            self._client = distributed.Client(
                self._cluster or address, timeout=_PATIENCE, set_as_default=False
            )
        except (OSError, ValueError, TypeError) as error:
            raise ExecutorError(
                f"No Dask scheduler answers at {address}: {error}. Start one with `dask scheduler`."
            ) from error
        self._address = address or "this machine"
        # Studies that share a cluster must not share trials: one's stop would end the other's.
        self._name = f"longlag-{uuid.uuid4().hex}"
        self._futures: dict[str, Any] = {}
        self._tasks: dict[str, Task] = {}
        self._tries: dict[str, int] = {}
        self._said: queue.SimpleQueue[Event | tuple[str, Any]] = queue.SimpleQueue()
        self._client.subscribe_topic(self._name, self._hear)
        self._counted, self._workers = 0.0, 1

    @property
    def workers(self) -> int:  # type: ignore[override]
        """Jobs that the cluster runs at once; it may grow or shrink."""
        if time.monotonic() - self._counted > 1.0:
            self._counted = time.monotonic()
            known = self._client.scheduler_info(n_workers=-1)["workers"]
            self._workers = max(1, sum(worker["nthreads"] for worker in known.values()))
        return self._workers

    @property
    def places(self) -> int:  # type: ignore[override]
        """Jobs that it is given at once."""
        return 4 * self.workers

    def submit(self, task: Task) -> None:
        text, again = json.dumps(task._asdict()), self._tries.get(task.id, 0)
        key = f"{self._name}-{task.id}-{again}"
        with self._reached():
            future = self._client.submit(
                _perform, text, self._work, self._name, key=key, pure=False
            )
        self._tasks[task.id], self._futures[task.id] = task, future
        future.add_done_callback(lambda ended: self._said.put((task.id, ended)))

    def wait(self, seconds: float | None = None) -> list[Event]:
        events: list[Event] = []
        ended: list[str] = []
        with contextlib.suppress(queue.Empty):
            self._sort(self._said.get(timeout=seconds), events, ended)
            while True:  # what else has come in meanwhile
                self._sort(self._said.get_nowait(), events, ended)
        with self._reached():
            return events + self._gather(ended)

    def stop(self) -> list[Event]:
        ended = [id for id, future in self._futures.items() if future.status == "finished"]
        with self._reached():
            done = self._gather(ended)
            # A worker notices after its present chunk that nobody wants its job any more.
            self._client.cancel(list(self._futures.values()))
        self._futures.clear()
        self._tasks.clear()
        return results(done)

    def close(self) -> None:
        with contextlib.suppress(Exception):  # a cluster on its way out may say anything
            self._client.close(timeout=2)
        if self._cluster is not None:
            self._cluster.close(timeout=5)

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        self._said.put(messages.event(event[1]["longlag"]))

    def _sort(self, said: Event | tuple[str, Any], events: list[Event], ended: list[str]) -> None:
        if not isinstance(said, tuple):
            if said.job in self._futures:  # it may arrive after the end
                events.append(said)
        elif self._futures.get(said[0]) is said[1]:  # not one that was stopped before
            ended.append(said[0])

    def _gather(self, ended: list[str]) -> list[Event]:
        futures = {id: self._futures.pop(id) for id in ended}
        tasks = {id: self._tasks.pop(id) for id in ended}  # kept no longer than they are wanted
        good = {id: future for id, future in futures.items() if future.status == "finished"}
        gathered: Any = self._client.gather(list(good.values())) if good else []
        found: list[Event] = [
            messages.event(json.loads(text), content) for ends in gathered for text, content in ends
        ]
        for id, future in futures.items():
            why = f"the cluster has lost it {TRIES} times"
            if future.status == "error":
                error = future.exception()
                why = f"{type(error).__name__}: {error}"
            elif id in good:
                continue
            else:  # the scheduler has lost it
                self._tries[id] = self._tries.get(id, 0) + 1
                if self._tries[id] < TRIES:
                    self.submit(tasks[id])
                    continue
            found += [Finished(seed, why=why, job=id) for seed in tasks[id].seeds]
        return found

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Say in one line that the scheduler is gone, or what it says."""
        error: Exception | None = None
        try:
            yield
        except ExecutorError:
            raise
        except Exception as raised:
            error = raised
        after = "What is finished is stored; the same command goes on from there"
        if self._client.status != "running" or isinstance(error, OSError):
            gone = f"The Dask scheduler at {self._address} is gone"
            raise ExecutorError(f"{gone}. {after} once there is one again.") from error
        if error is not None:
            why = f"{type(error).__name__}: {error}"
            raise ExecutorError(
                f"The cluster at {self._address} failed: {why}. {after}."
            ) from error


def _check(address: str) -> None:
    """Refuse what is no address: a client of none would take its time to say so."""
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(address, strict=True)
    except ValueError as error:
        raise ExecutorError(
            f"`{address}` is no address of a Dask scheduler: {error}. Use one such as "
            "tcp://10.0.0.1:8786."
        ) from error


def _started_here(workers: int | None) -> Any:
    """A cluster on this machine, that listens on loopback alone."""
    import distributed

    from longlag.training.loop import cores

    make: Any = distributed.LocalCluster  # whose hints know no address of None
    return make(
        n_workers=workers or cores(),
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # any port, lest two clusters meet on one
        worker_dashboard_address=None,
        silence_logs=50,
        env=compiled_programs(),
    )


def _perform(text: str, work: Perform, topic: str) -> list[tuple[str, bytes | None]]:
    """A task on a worker of the cluster: how each of its seeds ended."""
    from distributed import get_worker
    from distributed.worker import thread_state  # pyright: ignore[reportPrivateImportUsage]

    here, key, said = get_worker(), thread_state.key, time.monotonic()
    stop, ends = StopToken(), []
    for event in events_of(work, Task.read(json.loads(text)), stop):
        known = here.state.tasks.get(key)
        if known is None or known.state == "cancelled":
            stop.stop()
        if isinstance(event, Finished):
            ends.append((json.dumps(messages.document(event)), event.weights))
        elif time.monotonic() - said > _BETWEEN:
            said = time.monotonic()
            here.log_event(topic, {"longlag": messages.document(event)})
    return ends
