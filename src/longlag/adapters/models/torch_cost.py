"""The operations of a PyTorch module, and its memory."""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import torch  # pyright: ignore[reportMissingImports]
from torch.nn.attention import (  # pyright: ignore[reportMissingImports]
    SDPBackend,
    sdpa_kernel,
)
from torch.utils._python_dispatch import (  # pyright: ignore[reportMissingImports]
    TorchDispatchMode,
)
from torch.utils.flop_counter import FlopCounterMode  # pyright: ignore[reportMissingImports]
from torch.utils.weak import WeakIdKeyDictionary  # pyright: ignore[reportMissingImports]


def flops(run: Callable[[], torch.Tensor], weights: Sequence[torch.Tensor] = ()) -> int | None:
    """Floating-point operations of matrix products, convolutions and attention.

    None where the counter of PyTorch fails, as it does over weights with a parametrization.

    Args:
        run: Runs the module.
        weights: Weights whose gradients are computed too.
    """
    with contextlib.ExitStack() as plain:
        # What these libraries have as one operation, the counter does not know.
        plain.enter_context(warnings.catch_warnings(action="ignore"))  # of other devices
        plain.enter_context(torch.backends.mkldnn.flags(enabled=False))
        plain.enter_context(torch.backends.cudnn.flags(enabled=False))
        plain.enter_context(sdpa_kernel(SDPBackend.MATH))
        counter = plain.enter_context(FlopCounterMode(display=False))
        try:
            outputs = run()
            if weights and outputs.requires_grad:
                torch.autograd.grad(outputs.sum(), list(weights), allow_unused=True)
        except RuntimeError:
            return None
        return counter.get_total_flops()


def peak_memory(run: Callable[[], object], kept: Iterable[torch.Tensor]) -> int | None:
    """The most bytes of tensors that live at once while something runs.

    What an operation holds in itself is not seen. None where the run fails.

    Args:
        run: Runs the module.
        kept: Tensors that live before, such as the weights.
    """
    with _Alive() as alive:
        alive.see(*kept)
        try:
            run()
        except RuntimeError:
            return None
    return alive.most


class _Alive(TorchDispatchMode):
    """Counts the bytes of the tensors that operations are given and give, while they live."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self._now = 0
        self._seen = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **kwargs or {})
        self.see(args, kwargs, result)
        return result

    def see(self, *several: Any) -> None:
        for each in jax.tree.leaves(several):
            if isinstance(each, torch.Tensor):
                storage = each.untyped_storage()
                if storage not in self._seen:
                    self._seen[storage] = size = storage.nbytes()
                    weakref.finalize(storage, self._free, size)
                    self._now += size
        self.most = max(self.most, self._now)

    def _free(self, size: int) -> None:
        self._now -= size
