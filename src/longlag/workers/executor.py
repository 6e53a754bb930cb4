"""What every executor is."""

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
"""Processes that a job may cost before it is given up."""

MOST_SEEDS = 256
"""Seeds of a job on an accelerator; its worker trains as many at once as it has room for."""


class ExecutorError(RuntimeError):
    """No trial can be run; the message says why."""


class Executor(abc.ABC):
    """Runs jobs. Used in a `with` block, it lets go of its workers at the end.

    Attributes:
        workers: Jobs that it runs at once.
        capacity: Jobs that it should have, those that run included, so that no worker waits.
        job_size: Seeds that a job should have, if there are so many; None until it is known.
        patience: Seconds that a chunk of updates may take before `stop` is enforced, where it is.
    """

    workers: int
    capacity: int
    job_size: int | None = 1
    patience: float = 10.0

    @abc.abstractmethod
    def submit(self, job: Job) -> None:
        """Run this job when its turn comes."""

    @abc.abstractmethod
    def wait(self, seconds: float | None = None) -> list[Event]:
        """What has happened; waits for something to happen, or so long."""

    @abc.abstractmethod
    def stop(self) -> list[Event]:
        """End what is running after its present chunk, drop the rest; gives what still finished."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of all workers, at once."""

    def __enter__(self: E) -> E:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def drained(inbox: queue.SimpleQueue[T], seconds: float | None) -> list[T]:
    """All that is in a queue; waits for a first thing, at most so long."""
    things: list[T] = []
    with contextlib.suppress(queue.Empty):
        things.append(inbox.get(timeout=seconds))
        while True:
            things.append(inbox.get_nowait())
    return things


_QUIETLY = "ignore:Error reading persistent compilation cache entry:UserWarning"
"""Of a kept program that is only half there: JAX compiles it again."""


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
        "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), _QUIETLY])),
    }


def results(events: Iterable[Event]) -> list[Event]:
    """The events that bring the outcome of a trial."""
    return [event for event in events if isinstance(event, Finished) and not event.why]
