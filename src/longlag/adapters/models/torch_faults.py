"""Faults of PyTorch modules that show only in training, and modules as they were before it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]

from longlag.adapters.randomness import seeded
from longlag.training import Batches

_Run = Callable[[torch.nn.Module, Batches], np.ndarray]


def copied(module: torch.nn.Module) -> torch.nn.Module:
    """A copy, also of a module that stores tensors with a gradient, which deepcopy refuses.

    Those are weights that it computes from others in each call, as `weight_norm` and pruning do,
    and views of weights, such as a transposed one.
    """
    memo: dict[int, Any] = {}
    for each in module.modules():
        for tensor in _tensors(list(vars(each).values())):
            if tensor.is_leaf:
                continue
            if tensor._base is not None and tensor._base.is_leaf:
                place = tensor.size(), tensor.stride(), tensor.storage_offset()
                memo[id(tensor)] = copy.deepcopy(tensor._base, memo).as_strided(*place)
            else:
                memo[id(tensor)] = tensor.detach().clone()
    return copy.deepcopy(module, memo)


@contextlib.contextmanager
def restored(module: torch.nn.Module) -> Iterator[None]:
    """Restore buffers and weights, which a call in training may change, as spectral_norm does."""
    buffers = {name: each.detach().clone() for name, each in module.named_buffers()}
    weights = [(each, each.detach().clone()) for each in module.parameters()]
    try:
        yield
    finally:
        for name, each in module.named_buffers():
            each.data = buffers.get(name, each.data)
        for weight, before in weights:
            weight.data.copy_(before)


def require_registered(module: torch.nn.Module) -> None:
    """Refuse a module with layers in a plain list or dict, or tensors, that no optimiser knows.

    Raises:
        ValueError: It has some with weights that would be trained; or lazy layers without weights;
            or it is compiled by `torch.jit`.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise ValueError(
            "it is compiled by torch.jit, so that no check can look into it. Return the module as "
            "it was before; adopt(…, compiled=True) runs what torch.compile makes of it."
        )
    for name, each in module.named_parameters():
        if isinstance(each, torch.nn.parameter.UninitializedParameter):
            raise ValueError(
                f"its `{name}` has no size yet. Give lazy layers their sizes, or call the model "
                "once before it is returned."
            )
    known = {id(each) for each in module.parameters()}
    for place, part in module.named_modules():
        for name, value in vars(part).items():
            if name.startswith("_") or not isinstance(value, dict | list | tuple | torch.Tensor):
                continue
            trained = (
                each for each in _tensors(value, layers=True) if each.requires_grad and each.is_leaf
            )
            if any(id(each) not in known for each in trained):
                raise ValueError(
                    f"its `{f'{place}.{name}'.strip('.')}` is a plain {type(value).__name__} with "
                    "weights that are not among its parameters, so that nothing trains them. Use "
                    "torch.nn.ModuleList or ModuleDict, for weights Parameter or ParameterList."
                )


def weights_elsewhere(module: torch.nn.Module, first: torch.Tensor, again: torch.Tensor) -> int:
    """How many weights two results are made with that are no parameters, as of a global layer.

    What each call makes anew, such as a first state, is none.
    """
    known = {id(each) for each in module.parameters()}
    both = {id(each) for each in _leaves(first)} - known
    return sum(each.numel() for each in _leaves(again) if id(each) in both)


def _leaves(result: torch.Tensor) -> list[torch.Tensor]:
    """The tensors that a backward pass from a result would give a gradient."""
    found, seen, left = dict[int, torch.Tensor](), set(), [result.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(leaf := getattr(node, "variable", None), torch.Tensor):
            found[id(leaf)] = leaf
        left += [each for each, _ in node.next_functions]
    return list(found.values())


def require_evaluation(module: torch.nn.Module) -> None:
    """Refuse a module whose forward has put layers into training mode.

    Raises:
        ValueError: It has.
    """
    if any(each.training and _differs_in_training(each) for each in module.modules()):
        raise ValueError(
            "its forward calls train(): dropout and batch statistics act outside training too. "
            "Leave train() out of forward."
        )


def changed_by(module: torch.nn.Module, run: Callable[[], object]) -> str:
    """The name of a tensor of a module that `run` changes, a buffer or attribute; or empty."""

    def tensors() -> dict[str, torch.Tensor]:
        return {
            f"{place}.{name}".strip("."): each.detach().clone()
            for place, part in module.named_modules()
            for name, value in (vars(part) | part._buffers).items()
            if name not in ("_buffers", "_parameters")
            for each in _tensors(value)
        }

    before = tensors()
    run()
    for name, after in tensors().items():
        if name not in before or not torch.equal(after, before[name]):
            return name
    return ""


def fault_in_training(
    module: torch.nn.Module, run: _Run, batches: Batches, others: Batches
) -> tuple[str, str]:
    """What is wrong with a module in training, and the remedy; empty if nothing is.

    Args:
        module: The module, which stays as it is.
        run: The outputs of such a module in training mode, except for batch statistics; its
            buffers stay, since running statistics may depend on another batch.
        batches: Batches of its setting.
        others: The same with other inputs.
    """
    outputs = []
    for first in batches, others:
        twin = copied(module)
        modes: list[list[bool]] = []
        note = twin.register_forward_pre_hook(lambda *_: modes.append(_modes(twin)))  # noqa: B023
        with seeded(0):
            run(twin, first)
        note.remove()
        differs = any(map(_differs_in_training, twin.modules()))
        if (not twin.training and differs) or _modes(twin) != modes[0]:
            return (
                "its forward leaves training mode: dropout and batch statistics never act",
                "Leave eval() out of forward.",
            )
        with seeded(0):
            outputs.append(run(twin, batches))
    if np.allclose(*outputs, atol=1e-5 * np.abs(outputs[0]).max(), rtol=0):
        return "", ""
    return (
        "the outputs in training depend on the batch before",
        "Start each batch from zeros; or take the state as an argument and return it, rather than "
        "store it on the model.",
    )


def _modes(module: torch.nn.Module) -> list[bool]:
    parts = (each for each in module.modules() if _differs_in_training(each))
    return [each.training for each in (module, *parts)]


def _differs_in_training(module: torch.nn.Module) -> bool:
    kinds = torch.nn.modules.batchnorm._NormBase, torch.nn.modules.dropout._DropoutNd
    return isinstance(module, kinds) or bool(getattr(module, "dropout", 0))


def _tensors(value: Any, *, layers: bool = False) -> Iterator[torch.Tensor]:
    """The tensors in a value; with `layers` the weights of layers in it too."""
    if isinstance(value, torch.Tensor):
        yield value
    elif layers and isinstance(value, torch.nn.Module):
        yield from value.parameters()
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _tensors(each, layers=layers)
