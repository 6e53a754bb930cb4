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
    keywords_of,
    pair,
    parameters_of,
)


def functional_model(module: Any, seed: int) -> FunctionalModel:
    """An Equinox module, or a pair of one and its `eqx.nn.State`, as a `FunctionalModel`.

    It takes one sample `(time, feature)` and returns `(time, output)` or `(output,)`. If its call
    has parameters of these names it gets the `mask` `(time,)`, the `state` (None at first; then
    it returns a pair of outputs and state), and a `key` for each row. In a pair as from
    `eqx.nn.make_with_state`, the call gets and returns the `eqx.nn.State` as its `state`, one for
    all rows, which training changes; the axis of rows has the name that `BatchNorm` has for it.

    Raises:
        UnsupportedModel: A field is a random key, or the `eqx.nn.State` is missing or not taken.
    """
    module, kept = module if isinstance(module, tuple) else (module, None)
    arguments = parameters_of(type(module).__call__, "mask", "state", "key", *MODES)
    for path, leaf in jax.tree_util.tree_leaves_with_path(module):
        if eqx.is_array(leaf) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            raise UnsupportedModel(
                f"its field {jax.tree_util.keystr(path).strip('.')} is a random key, which would "
                "never change. Give its call a parameter `key` instead."
            )
    has_index = any(map(_is_index, jax.tree.leaves(module, is_leaf=_is_index)))
    if has_index and kept is None:
        raise UnsupportedModel(
            "it has layers that need an eqx.nn.State, as BatchNorm does. Return the pair of model "
            "and state that eqx.nn.make_with_state(Net)(…) makes."
        )
    if kept is not None and "state" not in arguments:
        raise UnsupportedModel(
            "its call must take the eqx.nn.State by a parameter `state`, and return a pair of "
            "outputs and state."
        )
    takes_state = "state" in arguments and kept is None
    norms = [each for each in jax.tree.leaves(module, is_leaf=_is_norm) if _is_norm(each)]
    axis_name = norms[0].axis_name if norms else "batch"
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

        def row(inputs: Any, mask: Any, state: Any, key: Any, kept: Any) -> Any:
            given = keywords_of(
                arguments - {"key"},
                training=training,
                mask=mask,
                state=state if kept is None else kept,
            )
            given |= {"key": key} if "key" in arguments else {}
            result = model(inputs, **given)
            outputs, after = pair(result) if "state" in arguments else (result, ())
            return (outputs, after, None) if kept is None else (outputs, (), after)

        rows = jax.vmap(
            row,
            in_axes=(0, None if mask is None else 0, None if state is None else 0, 0, None),
            out_axes=(0, 0, None),
            axis_name=axis_name,
        )
        outputs, state, kept = rows(inputs, mask, state, keys, buffers[2])
        return Result(outputs, state, (buffers[0], jax.random.key_data(after), kept))

    def whole(trained: Any, buffers: Any) -> Any:
        module = eqx.combine(trained, buffers[0], static)
        if buffers[2] is None:
            return module
        return module, jax.tree.map(lambda each: each, buffers[2])  # a State is used up by `set`

    return FunctionalModel(
        trained=trained,
        buffers=(arrays, key, kept),
        call=call,
        module=whole,
        takes_mask="mask" in arguments,
        takes_state=takes_state,
    )


def _is_index(node: Any) -> bool:
    return isinstance(node, eqx.nn.StateIndex)


def _is_norm(node: Any) -> bool:
    return isinstance(node, eqx.nn.BatchNorm)
