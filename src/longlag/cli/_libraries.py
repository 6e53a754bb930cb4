"""Before JAX and pandas start: they need memory and known flags, or crash or stand still."""

from __future__ import annotations

import importlib.util
import math
import os
import re
import sys
import warnings

_NEEDED = {"jax": 1.65, "pandas": 0.75, "scipy": 0.75}  # GiB of address space, on two cores


class _Gate:
    """Finds nothing, and refuses a library where it could not start."""

    def find_spec(self, name: str, *_: object) -> None:
        if name in _NEEDED and (limit := _limit()) < _NEEDED[name]:
            raise ValueError(
                f"{name} needs {_NEEDED[name]} GiB of memory to start, and this process may have "
                f"{math.floor(limit * 100) / 100:.2f} GiB. Allow more: ulimit -v "
                f"{math.ceil(_NEEDED['jax'] * 2**20)}."
            )
        if name == "jax":
            _silence_callbacks()
            if os.environ.get("XLA_FLAGS") and hasattr(os, "fork"):
                _refuse_flags()


_gate = _Gate()


def guard_libraries() -> None:
    """From here on, refuse in one line to start a library that could not."""
    if _gate not in sys.meta_path:
        sys.meta_path.insert(0, _gate)


def _silence_callbacks() -> None:
    """Let JAX print no callback of a user's model that raises: that is an error of the model."""
    import logging  # slow to load for `longlag --help`

    for name in ("jax._src.callback", "jax._src.debugging"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _refuse_flags() -> None:
    """Refuse flags at which XLA ends the process; a child reads them first."""
    from jaxlib import xla_client

    reader, writer = os.pipe()
    with warnings.catch_warnings(action="ignore"):  # that other threads stand still in a child
        child = os.fork()
    if not child:
        os.dup2(writer, 2)
        xla_client.CompileOptions()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, errors="replace") as stream:
        line = next(iter(stream), "")
    if os.waitpid(child, 0)[1]:
        why = re.sub(r"^\w.*?\] ", "", line.strip()).rstrip(".")
        raise ValueError(f"JAX does not start: {why or 'XLA_FLAGS is wrong'}. Unset XLA_FLAGS.")


def _limit() -> float:
    """The GiB of address space that this process may have."""
    if importlib.util.find_spec("resource") is None:  # Windows
        return math.inf
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return math.inf if limit == resource.RLIM_INFINITY else limit / 2**30
