"""Devices: the device that this process trains on, and how many seeds fit into its memory."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax

from longlag.models import AnyModel, ExternalModel
from longlag.training.loop import chunk_size
from longlag.training.program import parameters

_UNKNOWN = 4 * 2**30  # bytes of memory assumed where a device does not report it

_SHARE = 0.5  # of the memory that the estimate may fill, since the estimate is rough


def describe() -> dict[str, Any]:
    """The JAX platform, and how many of its devices this process sees: `platform`, `count`."""
    return {"platform": jax.default_backend(), "count": jax.local_device_count()}


def memory() -> int | None:
    """Bytes of memory of the device; None for a CPU, which trains seeds one by one."""
    if jax.default_backend() == "cpu":
        return None
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit", _UNKNOWN)


def seeds_at_once(model: AnyModel, batch: tuple[int, int, int], *, room: int | None = None) -> int:
    """How many seeds of a model fit into the memory of the device at once.

    Args:
        model: The model of one seed.
        batch: Rows, steps and features of a batch of inputs.
        room: Bytes of memory; by default those of the device.

    Returns:
        The number of seeds, at least 1; 1 on a CPU and for models of other frameworks.

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
    """Memory for one seed, estimated."""
    leaves = [leaf for leaf in jax.tree.leaves(model) if eqx.is_array(leaf)]
    rows, steps, _ = batch
    # The weights, two moments, the gradient and the update of each.
    weights = 5 * sum(leaf.nbytes for leaf in leaves)
    # Inputs and targets of a chunk, and of the next one.
    data = 2 * chunk_size(parameters(model), (rows, steps)) * (math.prod(batch) + rows * steps) * 4
    # The activations of each layer at each step, four times: gates and slopes, forward and back.
    widths = sum(leaf.shape[-1] for leaf in leaves if leaf.ndim > 1)
    return weights + data + 4 * rows * steps * widths * 4
