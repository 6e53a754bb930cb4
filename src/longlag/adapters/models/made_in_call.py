"""Layers that a model makes in its call: they are new each time, so that nothing trains them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def layer_made_in(run: Callable[[], object]) -> str:
    """The type of the first layer of PyTorch or Flax NNX with weights that `run` makes, or empty.

    Only this thread is watched.
    """
    torch_weight, flax_weight = (
        getattr(sys.modules.get(module), name, None)
        for module, name in (("torch.nn", "Parameter"), ("flax.nnx", "Param"))
    )
    functions = getattr(torch_weight, "__new__", None), getattr(flax_weight, "__init__", None)
    makers = [getattr(each, "__code__", None) for each in functions]
    found, end = [], sys._getframe()

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or frame.f_code not in makers or found:
            return
        made = frame.f_locals.get("self")
        if made is None or isinstance(made, flax_weight or ()):  # and no random state
            found.extend(_layer(frame, end))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(before)
    return found[0] if found else ""


def _layer(frame: FrameType | None, end: FrameType) -> list[str]:
    """The type of the outermost object of which a frame before `end` is the `__init__`."""
    kinds = [""]
    while (frame := frame.f_back if frame else None) not in (None, end):
        if frame.f_globals.get("__name__", "").startswith("flax.nnx.bridge"):
            return []  # a Linen module, whose weights are stored elsewhere
        if frame.f_code.co_name == "__init__" and "self" in frame.f_locals:
            kinds.append(type(frame.f_locals["self"]).__name__)
    return [kinds[-1] or "weight"]
