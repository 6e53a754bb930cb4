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
from concurrent import futures
from typing import Any

from longlag.events import Event, Finished, StopToken
from longlag.training.loop import cores
from longlag.workers import messages
from longlag.workers.executor import (
    TRIES,
    Executor,
    ExecutorError,
    compiled_programs,
    drained,
    results,
)
from longlag.workers.messages import Job, Perform
from longlag.workers.worker import events_of, perform

_BETWEEN = 0.5  # seconds between two reports of progress

_PATIENCE = 10.0  # seconds to wait for a scheduler, or for a worker that has a result

_HEAL = 5.0  # seconds between two looks for workers of a cluster of ours that are gone


class Dask(Executor):
    """Workers of a Dask cluster.

    Dask's own configuration applies, that of TLS included: with certificates named there
    (`DASK_DISTRIBUTED__COMM__TLS__CA_FILE` and its kin) give an address that begins with `tls://`.

    Args:
        address: Of the scheduler, such as `tcp://10.0.0.1:8786`. By default a cluster is started
            on this machine and ended with the executor; it listens on loopback alone.
        workers: Processes of a cluster that is started here; by default one for each core.
        work: What a worker does with a job.

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
            self._wanted = workers or cores()
            self._cluster = _local_cluster(self._wanted)
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
        self._jobs: dict[str, Job] = {}
        self._tries: dict[str, int] = {}
        self._inbox: queue.SimpleQueue[Event | tuple[str, Any]] = queue.SimpleQueue()
        self._client.subscribe_topic(self._name, self._take)
        self._counted, self._workers, self._healed = 0.0, 1, time.monotonic()

    @property
    def workers(self) -> int:  # type: ignore[override]
        """Jobs that the cluster runs at once; it may grow or shrink."""
        if time.monotonic() - self._counted > 1.0:
            self._counted = time.monotonic()
            known = self._client.scheduler_info(n_workers=-1)["workers"]
            self._workers = max(1, sum(worker["nthreads"] for worker in known.values()))
        return self._workers

    @property
    def capacity(self) -> int:  # type: ignore[override]
        """Jobs that it should have."""
        return 4 * self.workers

    def submit(self, job: Job) -> None:
        text, tries = json.dumps(job._asdict()), self._tries.get(job.id, 0)
        key = f"{self._name}-{job.id}-{tries}"
        with self._reached():
            future = self._client.submit(
                _perform, text, self._work, self._name, key=key, pure=False
            )
        self._jobs[job.id], self._futures[job.id] = job, future
        future.add_done_callback(lambda ended: self._inbox.put((job.id, ended)))

    def wait(self, seconds: float | None = None) -> list[Event]:
        self._heal()
        events: list[Event] = []
        ended: list[str] = []
        for message in drained(self._inbox, seconds):
            if not isinstance(message, tuple):
                if message.job in self._futures:  # it may arrive after the end
                    events.append(message)
            elif self._futures.get(message[0]) is message[1]:  # not one that was stopped before
                ended.append(message[0])
        with self._reached():
            return events + self._gather(ended)

    def stop(self) -> list[Event]:
        ended = [id for id, future in self._futures.items() if future.status == "finished"]
        with self._reached():
            done = self._gather(ended)
            # A worker notices after its present chunk that nobody wants its job any more.
            self._client.cancel(list(self._futures.values()))
        self._futures.clear()
        self._jobs.clear()
        return results(done)

    def close(self) -> None:
        with contextlib.suppress(Exception):  # a cluster that ends may raise anything
            self._client.close(timeout=2)
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=5)

    def _take(self, event: tuple[float, dict[str, Any]]) -> None:
        self._inbox.put(messages.to_event(event[1]["longlag"]))

    def _heal(self) -> None:
        """Start a worker in place of each that Dask has given up: those slow to start again."""
        if self._cluster is not None and time.monotonic() - self._healed > _HEAL:
            self._healed = time.monotonic()
            with self._reached():
                self._cluster.scale(self._wanted)

    def _gather(self, ended: list[str]) -> list[Event]:
        events: list[Event] = []
        for id in ended:
            future, job = self._futures.pop(id), self._jobs.pop(id)
            if future.status == "error":
                error = future.exception()
                why = f"{type(error).__name__}: {error}"
                events += [Finished(seed, why=why, job=id) for seed in job.seeds]
                continue
            finished: list[Event] = []
            if future.status == "finished":
                # A worker that is gone may have had the result, or may have thought it unwanted.
                with contextlib.suppress(TimeoutError, futures.CancelledError):
                    ends = future.result(timeout=_PATIENCE)
                    finished = [messages.to_event(json.loads(text), more) for text, more in ends]
            events += finished
            done = {event.seed for event in finished}
            if rest := tuple(seed for seed in job.seeds if seed not in done):
                self._tries[id] = self._tries.get(id, 0) + 1
                if self._tries[id] < TRIES:
                    self.submit(job._replace(seeds=rest))
                    continue
                why = f"the cluster has lost it {TRIES} times"
                events += [Finished(seed, why=why, job=id) for seed in rest]
            self._tries.pop(id, None)
        return events

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Report in one line that the scheduler is gone, or what failed."""
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


def _local_cluster(workers: int) -> Any:
    """A cluster on this machine, that listens on loopback alone."""
    import distributed
    from dask import config

    make: Any = distributed.LocalCluster  # whose hints know no address of None
    # Variables for workers before they import anything: no file of the working folder comes first.
    before = {"distributed.nanny.pre-spawn-environ.PYTHONSAFEPATH": "1"}
    with config.set(before):
        try:
            return make(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # any port, lest two clusters meet on one
                worker_dashboard_address=None,
                silence_logs=50,
                env=compiled_programs(),
            )
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise ExecutorError(f"A Dask cluster cannot be started here: {why}.") from error


def _perform(text: str, work: Perform, topic: str) -> list[tuple[str, bytes | None]]:
    """A job on a worker of the cluster: how each of its seeds ended."""
    from distributed import get_worker
    from distributed.worker import thread_state  # pyright: ignore[reportPrivateImportUsage]

    here, key, latest = get_worker(), thread_state.key, time.monotonic()
    stop, ends = StopToken(), []
    for event in events_of(work, Job.read(json.loads(text)), stop):
        known = here.state.tasks.get(key)
        if known is None or known.state == "cancelled":
            stop.stop()
        if isinstance(event, Finished):
            ends.append((json.dumps(messages.to_document(event)), event.weights))
        elif time.monotonic() - latest > _BETWEEN:
            latest = time.monotonic()
            here.log_event(topic, {"longlag": messages.to_document(event)})
    return ends
