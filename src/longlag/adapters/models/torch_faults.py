"""Faults of PyTorch modules that show only in training."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch  # pyright: ignore[reportMissingImports]

from longlag.adapters.randomness import seeded
from longlag.training import Batches

_Run = Callable[[torch.nn.Module, Batches], np.ndarray]


def fault_in_training(
    module: torch.nn.Module, run: _Run, batches: Batches, others: Batches
) -> tuple[str, str]:
    """What is wrong with a module in training, and the remedy; empty if nothing is.

    Args:
        module: The module, which stays as it is.
        run: The outputs of such a module in training mode, except for batch statistics.
        batches: Batches of its setting.
        others: The same with other inputs.
    """
    outputs = []
    for first in batches, others:
        twin = copy.deepcopy(module)
        before = {name: each.clone() for name, each in twin.named_buffers()}
        with seeded(0):
            run(twin, first)
        if not twin.training and any(map(_differs_in_training, twin.modules())):
            return (
                "its forward leaves training mode: dropout and batch statistics never act",
                "Leave eval() out of forward.",
            )
        for name, each in twin.named_buffers():  # running statistics may tell of another batch
            each.data = before.get(name, each)
        with seeded(0):
            outputs.append(run(twin, batches))
    if np.allclose(*outputs, atol=1e-5 * np.abs(outputs[0]).max(), rtol=0):
        return "", ""
    return (
        "the outputs in training depend on the batch before",
        "Start each batch from zeros; or take the state as an argument and return it, rather than "
        "store it on the model.",
    )


def _differs_in_training(module: torch.nn.Module) -> bool:
    kinds = torch.nn.modules.batchnorm._NormBase, torch.nn.modules.dropout._DropoutNd
    return isinstance(module, kinds) or bool(getattr(module, "dropout", 0))
