"""Random states of other libraries, set from a seed while their models are made or run."""

from __future__ import annotations

import contextlib
import contextvars
import random
import sys
import threading
from collections.abc import Iterator

import numpy as np

randomness = threading.RLock()
"""The lock for setting the global random states of libraries, of which a process has one each."""


WAITING: contextvars.ContextVar[contextlib.AbstractContextManager[object]] = contextvars.ContextVar(
    "WAITING"
)
"""The clock that counts the time of waiting for `randomness`."""


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold the lock `randomness`; the time until it is free counts as waiting."""
    with WAITING.get(contextlib.nullcontext()):
        randomness.acquire()
    try:
        yield
    finally:
        randomness.release()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Set all global random states from a seed; restore all but that of Keras afterwards."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(randomness)
        before = random.getstate()
        stack.callback(random.setstate, before)
        legacy = np.random.get_state()  # noqa: NPY002 - other libraries use it
        stack.callback(np.random.set_state, legacy)
        if (torch := sys.modules.get("torch")) is not None:
            stack.enter_context(torch.random.fork_rng())
            torch.manual_seed(seed)
        if (keras := sys.modules.get("keras")) is not None:
            keras.utils.set_random_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        yield


def libraries_with_random_state() -> set[str]:
    """The imported libraries with a random state of their own."""
    return {"torch", "keras"} & set(sys.modules)
