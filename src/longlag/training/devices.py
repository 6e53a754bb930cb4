"""Devices: what this process trains on, and how many seeds it has room for at once."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax

from longlag.models import AnyModel, ExternalModel
from longlag.training.loop import chunk_size

_UNKNOWN = 4 * 2**30  # bytes of memory taken for granted where a device does not say

_SHARE = 0.5  # of the memory that the estimate may fill, since it is one


def describe() -> dict[str, Any]:
    """The kind of device, as JAX calls it, and how many of them this process sees."""
    return {"platform": jax.default_backend(), "count": jax.local_device_count()}


def memory() -> int | None:
    """Bytes of memory of the device; None of a CPU, whose seeds are trained one by one."""
    if jax.default_backend() == "cpu":
        return None
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit", _UNKNOWN)


def seeds_at_once(model: AnyModel, batch: tuple[int, int, int], *, room: int | None = None) -> int:
    """How many seeds of a model may be trained at once.

    Args:
        model: The model of one of them.
        batch: Rows, steps, and numbers that a step shows, of a batch.
        room: Bytes of memory; by default those of the device.

    >>> from longlag.models import MLP, Sizes
    >>> model = MLP(hidden_size=1000)(Sizes(features=1000, outputs=10, timesteps=1), 0)
    >>> seeds_at_once(model, (100, 1, 1000), room=2**30)
    19
    """
    room = memory() if room is None else room
    if room is None or isinstance(model, ExternalModel):
        return 1
    return max(1, int(_SHARE * room / _bytes(model, batch)))


def _bytes(model: Any, batch: tuple[int, int, int]) -> int:
    """Memory that a seed takes, roughly."""
    leaves = [leaf for leaf in jax.tree.leaves(model) if eqx.is_array(leaf)]
    rows, steps, _ = batch
    # The weights, two moments of each, their gradient and their change.
    weights = 5 * sum(leaf.nbytes for leaf in leaves)
    # Inputs and targets of a chunk, and of the next one.
    data = 2 * chunk_size(model, (rows, steps)) * (math.prod(batch) + rows * steps) * 4
    # What each layer gives at each step, four times: gates, slopes, and both on the way back.
    widths = sum(leaf.shape[-1] for leaf in leaves if leaf.ndim > 1)
    return weights + data + 4 * rows * steps * widths * 4
