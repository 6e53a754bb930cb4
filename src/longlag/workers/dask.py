"""Trials on a Dask cluster, for studies that have outgrown one machine.

Finished trials are in the store, and only the coordinator writes to it. The cluster gets a few jobs
at a time, so that its scheduler and the coordinator stay small. A job is one trial, since the
coordinator does not know the devices of its workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent import futures
from multiprocessing import resource_tracker
from typing import Any

from longlag.events import Event, Finished
from longlag.stop import StopToken
from longlag.training.loop import cores
from longlag.workers import messages
from longlag.workers.executor import (
    TRIES,
    Executor,
    ExecutorError,
    compiled_programs,
    drain,
    results,
)
from longlag.workers.messages import Job, Perform
from longlag.workers.worker import events_of, perform

_REPORT_SECONDS = 0.5  # between two reports of progress

_TIMEOUT = 10.0  # seconds to wait for a scheduler, or for a worker that has a result

_RESTART_SECONDS = 5.0  # between two checks for lost workers of a local cluster


class Dask(Executor):
    """Workers of a Dask cluster.

    Dask's own configuration applies, that of TLS included: with certificates named there
    (`DASK_DISTRIBUTED__COMM__TLS__CA_FILE` and similar) use an address that begins with `tls://`.

    Args:
        address: Address of the scheduler, such as `tcp://10.0.0.1:8786`. By default a local cluster
            starts, and ends with the executor; it listens only on loopback.
        workers: Number of processes of a local cluster; by default one for each core.
        work: The function that runs a job.

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
            self._size = workers or cores()
            self._cluster = _local_cluster(self._size)
        else:
            _check(address)
            _require_scheduler(address)
        # A scheduler that is gone is an error of one line, in place of the tracebacks Dask logs.
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._client = distributed.Client.__new__(distributed.Client)
        try:
            self._client.__init__(self._cluster or address, timeout=_TIMEOUT, set_as_default=False)
        except Exception as error:
            self._client.status = "closed"  # else, once deleted, it would wait to be closed
            raise _no_answer(address, error) from error
        self._address = address or "this machine"
        # Studies on one cluster must not share trials: one's stop would end the other's.
        self._name = f"longlag-{uuid.uuid4().hex}"
        self._futures: dict[str, Any] = {}
        self._jobs: dict[str, Job] = {}
        self._tries: dict[str, int] = {}
        self._inbox: queue.SimpleQueue[Event | tuple[str, Any]] = queue.SimpleQueue()
        self._client.subscribe_topic(self._name, self._take)
        self._counted, self._workers, self._restarted = 0.0, 1, time.monotonic()

    @property
    def workers(self) -> int:  # type: ignore[override]
        """Number of jobs that the cluster runs at once; it may grow or shrink."""
        if time.monotonic() - self._counted > 1.0:
            self._counted = time.monotonic()
            info = self._client.scheduler_info(n_workers=-1)["workers"]
            self._workers = max(1, sum(worker["nthreads"] for worker in info.values()))
        return self._workers

    @property
    def capacity(self) -> int:  # type: ignore[override]
        """Number of jobs to submit, running ones included."""
        return 4 * self.workers

    def submit(self, job: Job) -> None:
        text, tries = json.dumps(job._asdict()), self._tries.get(job.id, 0)
        key = f"{self._name}-{job.id}-{tries}"
        with self._clear_errors():
            future = self._client.submit(
                _perform, text, self._work, self._name, key=key, pure=False
            )
        self._jobs[job.id], self._futures[job.id] = job, future
        future.add_done_callback(lambda ended: self._inbox.put((job.id, ended)))

    def wait(self, seconds: float | None = None) -> list[Event]:
        self._restart()
        events: list[Event] = []
        ended: list[str] = []
        for message in drain(self._inbox, seconds):
            if not isinstance(message, tuple):
                if message.job in self._futures:  # it may arrive after the end
                    events.append(message)
            elif self._futures.get(message[0]) is message[1]:  # else it was stopped before
                ended.append(message[0])
        with self._clear_errors():
            return events + self._gather(ended)

    def stop(self) -> list[Event]:
        ended = [id for id, future in self._futures.items() if future.status == "finished"]
        with self._clear_errors():
            done = self._gather(ended)
            # A worker notices after its current chunk that its job was cancelled.
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

    def _restart(self) -> None:
        """Replace each worker that Dask has dropped, since it restarted too slowly."""
        if self._cluster is not None and time.monotonic() - self._restarted > _RESTART_SECONDS:
            self._restarted = time.monotonic()
            with self._clear_errors():
                self._cluster.scale(self._size)

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
                # A lost worker may have had the result, or may have seen the job as cancelled.
                with contextlib.suppress(TimeoutError, futures.CancelledError):
                    ends = future.result(timeout=_TIMEOUT)
                    finished = [messages.to_event(json.loads(text), more) for text, more in ends]
            events += finished
            ended_seeds = {event.seed for event in finished}
            if rest := tuple(seed for seed in job.seeds if seed not in ended_seeds):
                self._tries[id] = self._tries.get(id, 0) + 1
                if self._tries[id] < TRIES:
                    self.submit(job._replace(seeds=rest))
                    continue
                why = f"the cluster has lost it {TRIES} times"
                events += [Finished(seed, why=why, job=id) for seed in rest]
            self._tries.pop(id, None)
        return events

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Turn an exception into one line: the scheduler is gone, or another failure."""
        error: Exception | None = None
        try:
            yield
        except ExecutorError:
            raise
        except Exception as exception:
            error = exception
        after = "What is finished is stored; the same command continues from there"
        if self._client.status != "running" or isinstance(error, OSError):
            gone = f"The Dask scheduler at {self._address} is gone"
            raise ExecutorError(f"{gone}. {after} once there is one again.") from error
        if error is not None:
            why = f"{type(error).__name__}: {error}"
            raise ExecutorError(
                f"The cluster at {self._address} failed: {why}. {after}."
            ) from error


def _check(address: str) -> None:
    """Refuse an invalid address at once; a client would wait for its timeout."""
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(address, strict=True)
    except ValueError as error:
        raise ExecutorError(
            f"`{address}` is not an address of a Dask scheduler: {error}. Use one such as "
            "tcp://10.0.0.1:8786."
        ) from error


def _require_scheduler(address: str) -> None:
    """Refuse an address at which nothing answers as a scheduler does, in some seconds.

    A client would wait for ever for another program that listens there.
    """
    import distributed

    async def ask() -> None:
        secure = distributed.Security().get_connection_args("client")
        async with distributed.rpc(address, timeout=_TIMEOUT, connection_args=secure) as scheduler:
            await scheduler.identity()

    async def ask_in_time() -> None:
        await asyncio.wait_for(ask(), _TIMEOUT)

    with futures.ThreadPoolExecutor(1) as pool:  # the caller may have an event loop of its own
        try:
            pool.submit(asyncio.run, ask_in_time()).result()
        except Exception as error:
            raise _no_answer(address, error) from error


def _no_answer(address: str | None, error: Exception) -> ExecutorError:
    why = f"{error}".partition("\n")[0].rstrip(".") or f"nothing came in {_TIMEOUT:.0f} s"
    return ExecutorError(
        f"No Dask scheduler answers at {address}: {why}. Start one with `dask scheduler`."
    )


def kill_all() -> None:
    """Kill the workers of a local cluster, also those that are just starting."""
    if (psutil := sys.modules.get("psutil")) is None:  # Dask brings it
        return
    for each in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any("multiprocessing.spawn" in word for word in each.cmdline()):
                each.kill()


def _local_cluster(workers: int) -> Any:
    """A cluster on this machine, which listens only on loopback."""
    import distributed
    from dask import config

    make: Any = distributed.LocalCluster  # its type hints lack None as an address
    # For workers before any import: files of the working folder must not shadow libraries.
    environment = {"distributed.nanny.pre-spawn-environ.PYTHONSAFEPATH": "1"}
    with config.set(environment), _out_of_reach_of_ctrl_c():
        try:
            return make(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # any free port, for several clusters
                worker_dashboard_address=None,
                silence_logs=50,
                env=compiled_programs(),
            )
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise ExecutorError(f"A Dask cluster cannot be started here: {why}.") from error


@contextlib.contextmanager
def _out_of_reach_of_ctrl_c() -> Iterator[None]:
    """Start processes and threads to which Ctrl-C in the terminal does not come: they are stopped.

    What they start later inherits that, such as a worker in place of a lost one.
    """
    # It clears up after processes that were killed, which is no news to the user.
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    resource_tracker.ensure_running()  # at its start it would let Ctrl-C through again
    sys.warnoptions.pop()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _perform(text: str, work: Perform, topic: str) -> list[tuple[str, bytes | None]]:
    """Run a job on a worker of the cluster: the end of each of its seeds, with its weights."""
    from distributed import get_worker
    from distributed.worker import thread_state  # pyright: ignore[reportPrivateImportUsage]

    worker, key, latest = get_worker(), thread_state.key, time.monotonic()
    stop, ends = StopToken(), []
    for event in events_of(work, Job.read(json.loads(text)), stop):
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            stop.stop()
        if isinstance(event, Finished):
            ends.append((json.dumps(messages.to_document(event)), event.weights))
        elif time.monotonic() - latest > _REPORT_SECONDS:
            latest = time.monotonic()
            worker.log_event(topic, {"longlag": messages.to_document(event)})
    return ends
