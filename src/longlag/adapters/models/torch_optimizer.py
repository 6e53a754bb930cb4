"""The updates of a PyTorch module: the optimisers of a recipe, as the compiled loop has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]

from longlag.training import Recipe
from longlag.training.optimizer import EPSILON

_FUSED = "cpu", "cuda"  # devices on which Adam is one kernel


def update_of(weights: list[Any], recipe: Recipe, rates: np.ndarray | None) -> Callable[[], None]:
    """A function that updates weights by their gradients, and then clears these.

    Args:
        weights: The trained weights.
        recipe: The optimiser and its knobs.
        rates: The learning rate of each update `(update,)`; None: that of the recipe.
    """
    optimizer = _optimizer(weights, recipe)
    optimizer.zero_grad()
    each = iter(() if rates is None else rates.tolist())

    def update() -> None:
        if recipe.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(weights, recipe.clip_norm)
        if rates is not None:
            optimizer.param_groups[0]["lr"] = next(each)
        optimizer.step()
        optimizer.zero_grad()

    return update


def _optimizer(weights: list[Any], recipe: Recipe) -> Any:
    """The optimiser, with the epsilon of the compiled loop; one kernel where PyTorch has one."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=recipe.learning_rate)
    fused = all(each.is_floating_point() and each.device.type in _FUSED for each in weights)
    knobs = {"lr": recipe.learning_rate, "eps": EPSILON, "fused": fused or None}
    if recipe.optimizer == "adam":
        return torch.optim.Adam(weights, **knobs)
    return torch.optim.AdamW(weights, weight_decay=recipe.decay, **knobs)
