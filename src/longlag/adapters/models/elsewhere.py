"""Weights that a compiled model uses, though they are none of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import equinox as eqx
import jax
from jax.core import Tracer

from longlag.adapters.models.calls import watched


def layer_elsewhere(run: Callable[[], object]) -> str:
    """The type of the first layer with weights that are no part of what `run` traces, or empty.

    It is one of Equinox or Flax NNX, such as a global. The weights of the model are traced.

    """
    nnx = sys.modules.get("flax.nnx")
    flax_module, flax_weight = getattr(nnx, "Module", ()), getattr(nnx, "Param", ())
    found: list[str] = []

    def watch(frame: FrameType) -> None:
        if frame.f_code.co_name != "__call__" or found:
            return
        layer = frame.f_locals.get("self")
        if isinstance(layer, eqx.Module):
            own = jax.tree.leaves(eqx.filter(layer, eqx.is_inexact_array))
        elif isinstance(layer, flax_module):
            held = (each for each in vars(layer).values() if isinstance(each, flax_weight))
            own = [each.get_value() for each in held]
        else:
            return
        if any(isinstance(each, jax.Array) and not isinstance(each, Tracer) for each in own):
            found.append(type(layer).__name__)

    watched(run, watch)
    return found[0] if found else ""
