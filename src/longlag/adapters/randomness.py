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
"""Held by whoever sets the global random states of a library, of which there is one a process."""


WAITING: contextvars.ContextVar[contextlib.AbstractContextManager[object]] = contextvars.ContextVar(
    "WAITING"
)
"""The clock of what is in hand for the time in which others have `randomness`."""


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Hold `randomness`; the time until it is free is counted as waiting."""
    with WAITING.get(contextlib.nullcontext()):
        randomness.acquire()
    try:
        yield
    finally:
        randomness.release()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """All global random states begun from a seed, and those that can be set back as they were."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(randomness)
        before = random.getstate()
        stack.callback(random.setstate, before)
        legacy = np.random.get_state()  # noqa: NPY002 - what other libraries draw from
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
    """The libraries at hand that have a random state of their own."""
    return {"torch", "keras"} & set(sys.modules)
