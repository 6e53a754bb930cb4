"""Flax modules, NNX and bridged Linen ones, on batches of samples."""

from __future__ import annotations

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx  # pyright: ignore[reportMissingImports]

from longlag.adapters.models.functional import (
    MODES,
    FunctionalModel,
    Result,
    keywords_of,
    pair,
    parameters_of,
)
from longlag.models import Sizes


def bridged(module: Any, sizes: Sizes, seed: int, *, values: bool) -> Any:
    """A Linen module as an NNX one, its parameters initialised from a seed, not in training."""
    shape = (1, sizes.timesteps) if values else (1, sizes.timesteps, sizes.features)
    wrapped: Any = nnx.bridge.ToNNX(module, rngs=nnx.Rngs(params=seed, dropout=seed))
    inputs = jnp.zeros(shape, jnp.int32 if values else jnp.float32)
    keywords = keywords_of(_arguments(wrapped), training=False)
    return nnx.bridge.lazy_init(wrapped, inputs, **keywords)


def functional_model(module: nnx.Module) -> FunctionalModel:
    """An NNX module as a `FunctionalModel`.

    It takes `(row, time, feature)` and returns `(row, time, output)` or `(row, output)`. If its
    call has parameters of these names it gets the `mask` `(row, time)` and the `state` (None at
    first; then it returns a pair of outputs and state). Training changes its `nnx.Param` by
    gradient; its other variables change as in its call, those of a Linen module in training alone.
    """
    arguments = _arguments(module)
    graph, params, rest = nnx.split(module, nnx.Param, ...)
    mutable = _collections(rest) if isinstance(module, nnx.bridge.ToNNX) else None
    weights, shape = jax.tree.flatten(params)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    names = [re.sub(r"\W+", ".", path).strip(".").removesuffix(".value") for path in paths]
    leaves, structure = jax.tree.flatten(rest)
    # NumPy has no typed keys: they are stored as their data.
    kinds = [str(jax.random.key_impl(leaf)) if _is_key(leaf) else None for leaf in leaves]

    def plain(leaves: list[Any]) -> list[Any]:
        pairs = zip(leaves, kinds, strict=True)
        return [leaf if kind is None else jax.random.key_data(leaf) for leaf, kind in pairs]

    def merge(trained: Any, buffers: Any) -> Any:
        pairs = zip(buffers, kinds, strict=True)
        leaves = [
            leaf if kind is None else jax.random.wrap_key_data(leaf, impl=kind)
            for leaf, kind in pairs
        ]
        params = jax.tree.unflatten(shape, [trained[name] for name in names])
        return nnx.merge(graph, params, jax.tree.unflatten(structure, leaves))

    def call(
        trained: Any, buffers: Any, inputs: Any, mask: Any, state: Any, training: bool
    ) -> Result:
        module = merge(trained, buffers)
        module.train() if training else module.eval()
        keywords = keywords_of(arguments, training=training, mask=mask, state=state)
        if mutable and training:
            keywords["mutable"] = mutable
        result = module(inputs, **keywords)
        outputs, state = pair(result) if "state" in arguments else (result, ())
        nnx.pop(module, nnx.Intermediate)  # what `sow` stores
        after = jax.tree.leaves(nnx.split(module, nnx.Param, ...)[2])
        return Result(outputs, state, plain(after))

    return FunctionalModel(
        trained=dict(zip(names, weights, strict=True)),
        buffers=[np.asarray(leaf) for leaf in plain(leaves)],
        call=call,
        module=merge,
        takes_mask="mask" in arguments,
        takes_state="state" in arguments,
    )


def _arguments(module: Any) -> frozenset[str]:
    """What the call of a module is given by name; of a bridged one, that of the Linen module."""
    bridge = isinstance(module, nnx.bridge.ToNNX)
    kind = type(module.to_nnx__module) if bridge else type(module)
    # The mask of a layer of Linen is one of attention.
    own = ("mask", "state") if not kind.__module__.startswith("flax.linen.") else ()
    return parameters_of(kind.__call__, *own, *MODES)


def _collections(rest: Any) -> list[str]:
    """The collections of a Linen module that training may change; not those that `sow` adds to."""
    names = {
        nnx.variable_name_from_type(type(variable))
        for _, variable in nnx.to_flat_state(rest)
        if not isinstance(variable, nnx.RngState | nnx.Intermediate)
        and not isinstance(variable.get_value(), tuple)
    }
    return sorted(names)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
