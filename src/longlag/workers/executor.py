"""The base class of executors."""

from __future__ import annotations

import abc
import contextlib
import os
import queue
import sys
from collections.abc import Iterable
from typing import TypeVar

from longlag.events import Event, Finished
from longlag.workers.messages import Job

E = TypeVar("E", bound="Executor")
T = TypeVar("T")

TRIES = 3
"""Number of attempts at a job, after lost processes."""

MOST_SEEDS = 256
"""Largest number of seeds of a job on an accelerator; memory limits how many train at once."""


class ExecutorError(RuntimeError):
    """No trial can run; the message has the reason."""


class Executor(abc.ABC):
    """Runs jobs. At the end of a `with` block it ends its workers.

    Attributes:
        workers: Number of jobs that it runs at once.
        capacity: Number of jobs to submit, running ones included, so that no worker waits.
        job_size: Largest number of seeds of a job; None until it is known.
        patience: Seconds after `stop` for the current chunk of updates, before a kill.
    """

    workers: int
    capacity: int
    job_size: int | None = 1
    patience: float = 10.0

    @abc.abstractmethod
    def submit(self, job: Job) -> None:
        """Queue a job."""

    @abc.abstractmethod
    def wait(self, seconds: float | None = None) -> list[Event]:
        """New events; waits for the first one, at most `seconds`."""

    @abc.abstractmethod
    def stop(self) -> list[Event]:
        """Stop running jobs after their current chunk, drop the rest; returns the last results."""

    @abc.abstractmethod
    def close(self) -> None:
        """End all workers, at once."""

    def __enter__(self: E) -> E:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def drain(inbox: queue.SimpleQueue[T], seconds: float | None) -> list[T]:
    """All items of a queue; waits for the first one, at most `seconds`."""
    items: list[T] = []
    with contextlib.suppress(queue.Empty):
        items.append(inbox.get(timeout=seconds))
        while True:
            items.append(inbox.get_nowait())
    return items


_IGNORED = tuple(
    f"ignore:Error {doing} persistent compilation cache entry:UserWarning"
    for doing in ("reading", "writing")
)
"""Of a damaged program in the compile cache; workers of `longlag.workers.start` replace it."""


def compiled_programs() -> dict[str, str]:
    """The environment variables by which a worker shares the compile cache of this process."""
    jax = sys.modules.get("jax")
    folder = None if jax is None else jax.config.jax_compilation_cache_dir
    if not folder:
        return {}
    return {
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), *_IGNORED])),
    }


def results(events: Iterable[Event]) -> list[Event]:
    """The events with the outcome of a trial."""
    return [event for event in events if isinstance(event, Finished) and not event.why]
