"""The operations of a PyTorch module."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Sequence

import torch  # pyright: ignore[reportMissingImports]
from torch.nn.attention import (  # pyright: ignore[reportMissingImports]
    SDPBackend,
    sdpa_kernel,
)
from torch.utils.flop_counter import FlopCounterMode  # pyright: ignore[reportMissingImports]


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
