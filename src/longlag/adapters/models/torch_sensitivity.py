"""How much each output of a PyTorch module depends on each input step, and which get a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]

from longlag.arrays import MISSING
from longlag.framings import Layout


def jacobian_norms(
    run: Callable[..., tuple[Any, Any]],
    features: torch.Tensor,
    mask: torch.Tensor | None,
    layout: Layout,
) -> np.ndarray:
    """The norms of `ExternalModel.sensitivity`; rows do not influence each other.

    Args:
        run: Inputs, mask, state, rows and targets, and kind of output to outputs and state.
        features: `(sequence, step, feature)`.
        mask: `(sequence, update, row, time)`, or None.
        layout: The samples of a sequence.
    """
    given = features.clone().requires_grad_()
    padded = torch.cat([given, torch.full_like(given[:, :1], MISSING)], dim=1)
    count, results, state = len(features), [], None
    shape = count * layout.steps.shape[1], layout.target_steps.shape[-1]
    for update, each in enumerate(torch.from_numpy(layout.steps).to(features.device)):
        inputs = padded[:, each].flatten(0, 1)  # step -1 is the row of -1
        hidden = None if mask is None else mask[:, update].flatten(0, 1)
        with torch.backends.cudnn.flags(enabled=False):  # which has no gradient in evaluation
            outputs, state = run(inputs, hidden, state, shape, layout.output)
        results.append(outputs.unflatten(0, (count, -1)))
    chosen = torch.stack(results, dim=1)[:, *np.nonzero(layout.scored)]
    squares = features.new_zeros(chosen.shape[1], *features.shape[:2])
    for target, outputs in enumerate(chosen.unbind(1)):
        for each in outputs.sum(0) if chosen.requires_grad else ():
            (slope,) = torch.autograd.grad(each, [given], retain_graph=True, allow_unused=True)
            squares[target] += 0.0 if slope is None else slope.square().sum(-1)
    return squares.sqrt().transpose(0, 1).cpu().numpy()


def steps_reached(
    module: torch.nn.Module, run: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor
) -> np.ndarray | None:
    """Whether each input step gets a gradient from the last output; None if none can.

    Args:
        module: The module; values get a gradient where its embeddings give their vectors.
        run: Inputs to the last outputs `(row, output)`.
        inputs: Features `(row, time, feature)`, or values `(row, time)`.
    """
    leaves: list[torch.Tensor] = []

    def embedded(_: Any, __: Any, vectors: torch.Tensor) -> torch.Tensor:
        if vectors.shape[:2] != inputs.shape:
            return vectors  # as of positions
        leaves.append(vectors.detach().requires_grad_())
        return leaves[-1].clone()  # which a module may change in place

    hooks = []
    if inputs.is_floating_point():
        leaves.append(inputs.requires_grad_())
        inputs = inputs.clone()
    else:
        layers = (each for each in module.modules() if isinstance(each, torch.nn.Embedding))
        hooks = [each.register_forward_hook(embedded) for each in layers]
    try:
        last = run(inputs)
    finally:
        for each in hooks:
            each.remove()
    total = (last * torch.randn_like(last)).sum()
    found = torch.autograd.grad(total, leaves, allow_unused=True) if leaves else ()
    steps = [(each != 0).any(2).any(0) for each in found if each is not None]
    return torch.stack(steps).any(0).cpu().numpy() if steps else None
