"""Arrays and outputs of a model of any library."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from longlag.adapters.models import user_model
from longlag.adapters.models.functional import NOISE, parameters_of
from longlag.arrays import last_of
from longlag.models import AnyModel, Buffers, ExternalModel, Model
from longlag.training import Batches, program


def with_noise(
    model: AnyModel,
    *,
    scale: float = NOISE,
    only: Collection[str] | None = None,
    seed: int = 0,
) -> AnyModel:
    """A copy with noise added to its weights, or only to those of these names."""
    if isinstance(model, ExternalModel):
        return model.perturbed(seed, scale, only)
    rng, names = np.random.default_rng(seed), _names(model)

    def shake(path: Any, leaf: Any) -> Any:
        if path not in names or (only is not None and names[path] not in only):
            return leaf
        noise = rng.standard_normal(leaf.shape)
        if jnp.iscomplexobj(leaf):
            noise = noise + 1j * rng.standard_normal(leaf.shape)
        return _sum(leaf, scale * noise)

    return jax.tree_util.tree_map_with_path(shake, model, is_leaf=_is_buffer)


def _names(model: Any) -> dict[Any, str]:
    """The names of the trained weights of a model of JAX, by their path."""
    leaves = jax.tree_util.tree_leaves_with_path(model, is_leaf=_is_buffer)
    paths = [path for path, leaf in leaves if eqx.is_inexact_array(leaf)]
    module = getattr(model, "module", None)
    if user_model.framework(module) == "keras":
        named = [each.path.replace("/", ".") for each in module.trainable_variables]  # pyright: ignore
        return dict(zip(paths, named, strict=False))
    texts = (re.sub(r"\W+", ".", jax.tree_util.keystr(path)).strip(".") for path in paths)
    return dict(zip(paths, (text.removeprefix("trained.") for text in texts), strict=True))


def _is_buffer(node: Any) -> bool:
    return isinstance(node, Buffers)


def _sum(leaf: Any, noise: np.ndarray) -> Any:
    """An array plus noise, of its type; JAX compiles a program for each new shape."""
    return jax.device_put(np.asarray(leaf) + noise.astype(leaf.dtype))


def runner(output: str) -> Callable[..., Any]:
    """A function that runs a model, compiled once for each form of model and inputs."""
    last = last_of(output)

    def run(model: Any, inputs: Any, mask: Any, state: Any) -> Any:
        return model(inputs, mask, state, last=last)

    return eqx.filter_jit(run)


def outputs_of(run: Callable[..., Any], model: Any, batches: Batches) -> np.ndarray:
    """The outputs of a model, `(update, row, output step, output)`, by its `runner`."""
    zero = program.initial_state(model, batches.inputs.shape[1:2])
    state = zero
    results = []
    for update, inputs in enumerate(batches.inputs):
        mask = None if batches.mask is None else batches.mask[update]
        if batches.reset is None:
            state = zero
        outputs, state = run(model, on_device(inputs), on_device(mask), state)
        results.append(np.asarray(outputs))
    return np.stack(results)


def training_of(
    batches: Batches, output: str, features: int | None
) -> Callable[[Any], tuple[np.ndarray, Any, np.ndarray | None]]:
    """A function from a model to its outputs in training, to whether each array of it gets a
    gradient from any of them, and to whether each input step gets one from the last output.

    Args:
        batches: The batches; only the first is used.
        output: The outputs of the layout.
        features: The features of each input; None to leave the steps out.
    """
    rng = np.random.default_rng(0)
    mask = None if batches.mask is None else batches.mask[0]
    shown = batches.inputs[0]
    if features is not None and np.issubdtype(shown.dtype, np.integer):
        shown = (shown[..., None] == np.arange(features)).astype(np.float32)

    def total(model: Any, inputs: Any, state: Any, first: int = 0) -> Any:
        result = model.apply_train(inputs, on_device(mask), state, last=last_of(output))
        outputs = result.outputs[:, first:]
        return (outputs * rng.standard_normal(outputs.shape, np.float32)).sum(), outputs

    @eqx.filter_jit
    def run(model: Any, inputs: Any, state: Any) -> Any:
        grads, outputs = eqx.filter_grad(total, has_aux=True)(model, inputs, state)
        steps = None
        if features is not None and mask is None:
            with contextlib.suppress(Exception):  # what has no gradient of inputs can be right
                by_input = jax.grad(lambda each: total(model, each, state, -1)[0])(inputs)
                steps = (by_input != 0).any(axis=(0, 2))
        return outputs, jax.tree.map(lambda each: (each != 0).any(), grads), steps

    def started(model: Any) -> tuple[np.ndarray, Any, np.ndarray | None]:
        state = program.initial_state(model, batches.inputs.shape[1:2])
        if batches.reset is not None:  # later updates start from what others left
            noise = lambda leaf: _sum(leaf, rng.standard_normal(leaf.shape))  # noqa: E731
            state = jax.tree.map(
                lambda each: noise(each) if eqx.is_inexact_array_like(each) else each, state
            )
        outputs, grads, steps = run(model, on_device(shown), state)
        return np.asarray(outputs), grads, None if steps is None else np.asarray(steps)

    return started


def gradients_of(model: Any, grads: Any) -> dict[str, tuple[bool, tuple[int, ...]]]:
    """Whether each trained weight gets a gradient, and its shape, by name."""
    names = _names(model)
    leaves, found = (
        dict(jax.tree_util.tree_leaves_with_path(each, is_leaf=_is_buffer))
        for each in (model, grads)
    )
    return {
        name: (bool(found[path]), tuple(leaves[path].shape))
        for path, name in names.items()
        if path in found
    }


def on_device(array: np.ndarray | None) -> Any:
    return None if array is None else jax.device_put(array)


def takes_mask(model: Any) -> bool:
    """Whether a user's model takes the mask as an argument of its own."""
    module: Any = getattr(model, "module", None)
    if (program := getattr(model, "program", None)) is not None:
        given = getattr(getattr(type(module), "call", None), "__module__", "")
        return program.takes_mask and not given.startswith("keras.")  # as that of Sequential
    forward: Any = getattr(module, "forward", None)
    return forward is not None and bool(parameters_of(forward, "mask"))


def takes_state(model: AnyModel) -> bool:
    if isinstance(model, ExternalModel):
        return model.takes_state
    return isinstance(model, Model) and bool(jax.tree.leaves(program.initial_state(model, (1,))))


def _arrays(module: Any) -> Sequence[tuple[str, np.ndarray]]:
    """All arrays of a module of any framework, by name."""
    kind = user_model.framework(module)
    if kind == "torch":
        from longlag.adapters.models.torch_arrays import arrays_of

        return list(arrays_of(module).items())
    if kind == "keras":
        from longlag.adapters.models.keras import unbuilt_layers

        variables = [] if unbuilt_layers(module) else module.variables
        return [(str(index), _plain(each.value)) for index, each in enumerate(variables)]
    if kind == "flax":
        from flax import nnx  # pyright: ignore[reportMissingImports]

        module = nnx.split(module)[1]
    leaves = jax.tree_util.tree_leaves_with_path(module)
    return [
        (jax.tree_util.keystr(path), _plain(leaf)) for path, leaf in leaves if eqx.is_array(leaf)
    ]


def _plain(leaf: Any) -> np.ndarray:
    jax.block_until_ready(leaf)  # NumPy would end the process where there was no memory for it
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def digest_of(module: Any) -> str:
    digest = hashlib.sha256()
    for name, array in _arrays(module):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def digest_of_model(model: AnyModel) -> str:
    """The digest of all arrays of a model as it runs."""
    return digest_of(getattr(model, "module", None) if isinstance(model, ExternalModel) else model)


def first_changed(one: Any, other: Any) -> str:
    """The name, in the user's module, of an array of reals in which two models differ."""
    before = _arrays(one.module)
    pairs = list(zip(before, _arrays(other.module), strict=False))
    module = one.module  # a Keras model has its own arrays again
    differ = [
        (name, array)
        for (name, array), (_, new) in pairs
        if array.dtype.kind == "f" and not np.array_equal(array, new)
    ]
    if not differ:
        return ""
    name = differ[0][0]
    if user_model.framework(module) == "keras":
        return module.variables[int(name)].path
    return re.sub(r"\W+", ".", name).strip(".").removesuffix(".value")


def random_changed(one: Any, other: Any) -> str:
    """The name of a random stream of a Flax module that two models have drawn from differently."""
    module = getattr(one, "module", None)
    if user_model.framework(module) != "flax":
        return ""
    from flax import nnx  # pyright: ignore[reportMissingImports]

    counts = [
        jax.tree_util.tree_leaves_with_path(nnx.state(each.module, nnx.RngCount))
        for each in (one, other)
    ]
    for (path, before), (_, after) in zip(*counts, strict=False):
        if not np.array_equal(before, after):
            name = re.sub(r"\W+", ".", jax.tree_util.keystr(path)).strip(".")
            return name.removesuffix(".value").removesuffix(".count")
    return ""


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
