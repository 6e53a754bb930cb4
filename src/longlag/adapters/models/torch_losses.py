"""The losses of the outputs of a PyTorch module."""

from __future__ import annotations

from typing import Any

import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from longlag.training import AnyLoss, Loss, Losses


def mean_loss(outputs: Any, targets: Any, count: int, loss: AnyLoss) -> Any:
    """The mean loss of the scored targets, so many."""
    if not count:
        return outputs.sum() * 0.0
    if isinstance(loss, Loss) and loss.name == "cross-entropy":
        return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten(), ignore_index=-1)
    each = loss_of_each(outputs, targets, loss)
    first = targets if loss.size is None else targets[..., 0]
    scored = first >= 0 if not first.is_floating_point() else ~first.isnan()
    return torch.where(scored, each, 0.0).sum() / count


def loss_of_each(outputs: Any, targets: Any, loss: AnyLoss) -> Any:
    """The loss of each target; undefined where a target is not scored."""
    if isinstance(loss, Losses):
        sizes = [part.size or 1 for part in loss.parts]
        each = zip(
            loss.parts,
            outputs.split(loss.widths, dim=-1),
            targets.split(sizes, dim=-1),
            strict=True,
        )
        return sum(
            loss_of_each(output, column if part.size is not None else column[..., 0], part)
            for part, output, column in each
        )
    if loss.name == "binary-cross-entropy":
        labels = targets.clamp(min=0).to(outputs.dtype)
        each = functional.binary_cross_entropy_with_logits(outputs, labels, reduction="none")
        return each.mean(dim=-1)
    if loss.size is not None:
        return ((outputs - targets.nan_to_num()) ** 2).mean(dim=-1)
    if loss.name == "cross-entropy":
        flat = outputs.flatten(0, -2), targets.flatten().nan_to_num().long().clamp(min=0)
        return functional.cross_entropy(*flat, reduction="none").reshape(targets.shape)
    scaled = targets if loss.values is None else targets / (loss.values - 1)
    return (outputs[..., 0] - scaled.nan_to_num()) ** 2
