"""Equinox modules, which take one sample, without an axis of rows."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np

from longlag.adapters.models.functional import (
    MODES,
    FunctionalModel,
    Result,
    UnsupportedModel,
    pair,
    parameters_of,
)


def functional_model(module: eqx.Module, seed: int) -> FunctionalModel:
    """An Equinox module as a `FunctionalModel`.

    It takes one sample `(time, feature)` and returns `(time, output)` or `(output,)`. If its call
    has parameters of these names it gets the `mask` `(time,)`, the `state` (None at first; then
    it returns a pair of outputs and state), and a `key` for each row.

    Raises:
        UnsupportedModel: A field is a random key.
    """
    arguments = parameters_of(type(module).__call__, "mask", "state", "key", *MODES)
    for path, leaf in jax.tree_util.tree_leaves_with_path(module):
        if eqx.is_array(leaf) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            raise UnsupportedModel(
                f"its field {jax.tree_util.keystr(path).strip('.')} is a random key, which would "
                "never change. Give its call a parameter `key` instead."
            )
    trained, rest = eqx.partition(module, eqx.is_inexact_array)
    kinds = {leaf.dtype for leaf in jax.tree.leaves(trained)}
    kind = kinds.pop() if len(kinds) == 1 else None  # features get the type of the weights
    arrays, static = eqx.partition(rest, eqx.is_array)
    key = np.asarray(jax.random.key_data(jax.random.key(seed)))

    def call(
        trained: Any, buffers: Any, inputs: Any, mask: Any, state: Any, training: bool
    ) -> Result:
        model: Any = eqx.nn.inference_mode(eqx.combine(trained, buffers[0], static), not training)
        after, now = jax.random.split(jax.random.wrap_key_data(buffers[1]))
        keys = jax.random.split(now, len(inputs))
        if kind is not None and jax.numpy.issubdtype(inputs.dtype, jax.numpy.floating):
            inputs = inputs.astype(kind)

        def row(inputs: Any, mask: Any, state: Any, key: Any) -> Any:
            values: dict[str, Any] = {"mask": mask, "state": state, "key": key}
            values |= {name: training is when for name, when in MODES.items()}
            result = model(inputs, **{name: values[name] for name in arguments})
            return pair(result) if "state" in arguments else (result, ())

        axes = 0, None if mask is None else 0, None if state is None else 0, 0
        outputs, state = jax.vmap(row, in_axes=axes)(inputs, mask, state, keys)
        return Result(outputs, state, (buffers[0], jax.random.key_data(after)))

    return FunctionalModel(
        trained=trained,
        buffers=(arrays, key),
        call=call,
        module=lambda trained, buffers: eqx.combine(trained, buffers[0], static),
        takes_mask="mask" in arguments,
        takes_state="state" in arguments,
    )
