"""Layers that a model makes in its call: they are new each time, so that nothing trains them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from longlag.adapters.models.calls import watched


def layer_made_in(run: Callable[[], object]) -> str:
    """The type of the first layer with weights that `run` makes, or empty.

    It is one of PyTorch, Flax NNX, or Keras, where what a layer is made of is known once it runs.

    """
    torch_weight, flax_weight = (
        getattr(sys.modules.get(module), name, None)
        for module, name in (("torch.nn", "Parameter"), ("flax.nnx", "Param"))
    )
    functions = getattr(torch_weight, "__new__", None), getattr(flax_weight, "__init__", None)
    keras_layer = getattr(sys.modules.get("keras.layers"), "Layer", None)
    add_weight = getattr(getattr(keras_layer, "add_weight", None), "__code__", None)
    makers = [*(getattr(each, "__code__", None) for each in functions), add_weight]
    found, end = [], sys._getframe()

    def watch(frame: FrameType) -> None:
        if frame.f_code not in makers or found:
            return
        if frame.f_code is add_weight:
            found.extend(_built(frame, end, keras_layer))
            return
        made = frame.f_locals.get("self")
        if made is None or isinstance(made, flax_weight or ()):  # and no random state
            found.extend(_layer(frame, end))

    watched(run, watch)
    return found[0] if found else ""


def _built(frame: FrameType | None, end: FrameType, kind: Any) -> list[str]:
    """The type of the outermost layer of Keras in a frame before `end` that has no weights yet."""
    kinds = []
    while frame is not None and frame is not end:
        owner: Any = frame.f_locals.get("self")
        if isinstance(owner, kind) and not owner.built:
            kinds.append(type(owner).__name__)
        frame = frame.f_back
    return kinds[-1:]


def _layer(frame: FrameType | None, end: FrameType) -> list[str]:
    """The type of the outermost object of which a frame before `end` is the `__init__`."""
    kinds = [""]
    while (frame := frame.f_back if frame else None) not in (None, end):
        if frame.f_globals.get("__name__", "").startswith("flax.nnx.bridge"):
            return []  # a Linen module, whose weights are stored elsewhere
        if frame.f_code.co_name == "__init__" and "self" in frame.f_locals:
            kinds.append(type(frame.f_locals["self"]).__name__)
    return [kinds[-1] or "weight"]
