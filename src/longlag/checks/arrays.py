"""Arrays and outputs of a model of any library."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from longlag.adapters.models import user_model
from longlag.adapters.models.functional import NOISE, parameters_of
from longlag.arrays import last_of
from longlag.models import AnyModel, Buffers, ExternalModel, Model
from longlag.training import Batches


def with_noise(model: AnyModel) -> AnyModel:
    if isinstance(model, ExternalModel):
        return model.perturbed(0)
    rng = np.random.default_rng(0)

    def shake(leaf: Any) -> Any:
        if isinstance(leaf, Buffers) or not eqx.is_inexact_array(leaf):
            return leaf
        noise = rng.standard_normal(leaf.shape)
        if jnp.iscomplexobj(leaf):
            noise = noise + 1j * rng.standard_normal(leaf.shape)
        return leaf + jnp.asarray(NOISE * noise, leaf.dtype)

    return jax.tree.map(shake, model, is_leaf=lambda node: isinstance(node, Buffers))


def outputs_of(model: Any, batches: Batches, output: str) -> np.ndarray:
    last = last_of(output)

    @eqx.filter_jit
    def run(model: Any, inputs: Any, mask: Any, state: Any) -> Any:
        return model(inputs, mask, state, last=last)

    state = model.initial_state(batches.inputs.shape[1:2])
    results = []
    for update, inputs in enumerate(batches.inputs):
        mask = None if batches.mask is None else batches.mask[update]
        if batches.reset is None:
            state = model.initial_state(batches.inputs.shape[1:2])
        outputs, state = run(model, jnp.asarray(inputs), _on_device(mask), state)
        results.append(np.asarray(outputs))
    return np.stack(results)


def training_outputs_of(model: Any, batches: Batches, output: str) -> np.ndarray:
    mask = None if batches.mask is None else batches.mask[0]
    state = model.initial_state(batches.inputs.shape[1:2])
    run = eqx.filter_jit(
        lambda model, *arguments: model.apply_train(*arguments, last=last_of(output)).outputs
    )
    return np.asarray(run(model, jnp.asarray(batches.inputs[0]), _on_device(mask), state))


def _on_device(mask: np.ndarray | None) -> Any:
    return None if mask is None else jnp.asarray(mask)


def takes_mask(model: Any) -> bool:
    """Whether a user's model takes the mask as an argument."""
    if (program := getattr(model, "program", None)) is not None:
        return program.takes_mask
    forward: Any = getattr(getattr(model, "module", None), "forward", None)
    return forward is not None and bool(parameters_of(forward, "mask"))


def takes_state(model: AnyModel) -> bool:
    if isinstance(model, ExternalModel):
        return model.takes_state
    return isinstance(model, Model) and bool(jax.tree.leaves(model.initial_state((1,))))


def sums_to_one(outputs: np.ndarray) -> bool:
    inside = (outputs >= 0).all() and (outputs <= 1).all()
    return bool(inside and np.allclose(outputs.sum(axis=-1), 1, atol=1e-4))


def wrong_axis(outputs: np.ndarray) -> str:
    """The axis, not the last, over which outputs `(update, row, time, output)` sum to 1."""
    for axis, name in ((1, "the rows"), (2, "time")):
        if outputs.shape[axis] > 1 and sums_to_one(np.moveaxis(outputs, axis, -1)):
            return name
    return ""


def _arrays(module: Any) -> Sequence[tuple[str, np.ndarray]]:
    """All arrays of a module of any framework, by name."""
    kind = user_model.framework(module)
    if kind == "torch":
        from longlag.adapters.models.torch import arrays_of

        return list(arrays_of(module).items())
    if kind == "keras":
        variables = module.variables if module.built else []
        return [(str(index), np.asarray(each.value)) for index, each in enumerate(variables)]
    if kind == "flax":
        from flax import nnx  # pyright: ignore[reportMissingImports]

        module = nnx.split(module)[1]
    leaves = jax.tree_util.tree_leaves_with_path(module)
    return [
        (jax.tree_util.keystr(path), _plain(leaf)) for path, leaf in leaves if eqx.is_array(leaf)
    ]


def _plain(leaf: Any) -> np.ndarray:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def digest_of(module: Any) -> str:
    digest = hashlib.sha256()
    for name, array in _arrays(module):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def non_finite(module: Any) -> str:
    """A sentence with the first weight that is not finite; empty if all are."""
    for name, array in _arrays(module):
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            return f" The weight {name.strip('.')} is not finite."
    return ""


def mixed_types(module: Any) -> str:
    """A sentence with the types of the weights of a PyTorch module, if they are several."""
    if user_model.framework(module) != "torch":
        return ""
    by_type = {
        str(each.dtype).removeprefix("torch."): name for name, each in module.named_parameters()
    }
    types = ", ".join(f"{name} is {kind}" for kind, name in by_type.items())
    return (
        f" Its weights are of several types ({types}): make them one." if len(by_type) > 1 else ""
    )


def device_of(model: AnyModel) -> str:
    if isinstance(model, ExternalModel):
        return str(model.device)
    return jax.default_backend()
