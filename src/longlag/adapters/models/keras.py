"""Keras models on its JAX backend, of rows of samples: no `fit`, no `compile`."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras  # pyright: ignore[reportMissingImports]
import numpy as np

from longlag.adapters.models.functional import (
    Answer,
    FunctionalModel,
    UnsupportedModel,
    pair,
    takes,
)
from longlag.models import (
    GRULayer,
    HiddenState,
    LSTMLayer,
    LSTMState,
    RNNLayer,
    Sizes,
    StepBackLayer,
)

_SIGMOID = keras.activations.sigmoid

_OURS: dict[type, type[StepBackLayer]] = {
    keras.layers.LSTM: LSTMLayer,
    keras.layers.GRU: GRULayer,
    keras.layers.SimpleRNN: RNNLayer,
}
"""Keras's recurrent layers and ours, whose weights have the same layout."""


def functional_model(model: keras.Model, sizes: Sizes, *, values: bool) -> FunctionalModel:
    """A Keras model taken apart.

    It takes `(row, time, feature)` and gives `(row, time, output)` or `(row, output)`. What layers
    with `stateful=True` carry is its state. Weights that `trainable` says are fixed stay as they
    are; penalties of its layers are added to the loss. A last softmax is known for what it is.
    Recurrent layers of the usual kind run on our loop, as they do on cuDNN where Keras finds that:
    the same function, and faster.

    Args:
        model: The model, built or not.
        sizes: Of the problem.
        values: Whether it is shown values `(row, time)` rather than features.

    Raises:
        UnsupportedModel: Keras runs on another backend.
    """
    if keras.config.backend() != "jax":
        raise UnsupportedModel(
            f"Keras runs on {keras.config.backend()} here, its models are trained on jax. Set "
            "KERAS_BACKEND=jax before it is imported."
        )
    if not model.built:
        shape = (2, sizes.timesteps) if values else (2, sizes.timesteps, sizes.features)
        model(np.zeros(shape, np.int32 if values else np.float32))
    for variable in model.trainable_variables:
        if variable.constraint is not None:
            raise UnsupportedModel(
                f"its weight {variable.path} has a constraint, which the compiled loop does not "
                "keep. Leave it out, or put it into the layer."
            )
    carried = [
        variable
        for layer in model._flatten_layers()
        if getattr(layer, "stateful", False)
        for variable in jax.tree.leaves(getattr(layer, "states", None))
    ]
    rows = {variable.shape[0] for variable in carried} or {_rows(model)}
    told = takes(model.call, "mask", "state")
    by_name = "state" in told
    passed_over = {
        float(layer.mask_value)
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Masking)
    }
    masking = passed_over.pop() if len(passed_over) == 1 and not values else None

    def call(
        trained: Any, buffers: Any, inputs: Any, mask: Any, state: Any, training: bool
    ) -> Answer:
        pairs = [
            *zip(model.trainable_variables, trained, strict=True),
            *zip(model.non_trainable_variables, buffers, strict=True),
        ]
        ids = None
        if not values and jnp.issubdtype(inputs.dtype, jnp.integer):
            ids, inputs = inputs, jax.nn.one_hot(inputs, sizes.features)
        if carried and state is None:
            state = [jnp.zeros(variable.shape, variable.dtype) for variable in carried]
        if carried:
            pairs += zip(carried, state, strict=True)
        given: dict[str, Any] = {"training": training}
        if mask is not None and "mask" in told:
            given["mask"] = mask
        if mask is not None and masking is not None:  # so that `Masking` finds what is masked
            inputs, ids = jnp.where(mask[..., None], inputs, masking), None
        if by_name:
            given["state"] = state
        scope = keras.StatelessScope(state_mapping=pairs)
        with _quiet_about_masks(), _own_loops(model, inputs, ids), scope:
            outputs = model(inputs, **given)
            penalty = sum(model.losses, 0.0) if training else 0.0

        def after(variables: Any, before: Any) -> list[Any]:
            now = [scope.get_current_value(variable) for variable in variables]
            return [old if new is None else new for new, old in zip(now, before, strict=True)]

        if by_name:
            outputs, state = pair(outputs)
        elif carried:
            state = after(carried, state)
        return Answer(outputs, state, after(model.non_trainable_variables, buffers), penalty)

    def module(trained: Any, buffers: Any) -> Any:
        for variable, value in zip(model.trainable_variables, trained, strict=True):
            variable.assign(value)
        for variable, value in zip(model.non_trainable_variables, buffers, strict=True):
            variable.assign(value)
        return model

    return FunctionalModel(
        trained=[variable.value for variable in model.trainable_variables],
        buffers=[variable.value for variable in model.non_trainable_variables],
        call=call,
        module=module,
        takes_mask="mask" in told or masking is not None,
        takes_state=bool(carried) or by_name,
        rows=rows.pop(),
        outputs="probabilities" if _ends_in_softmax(model) else "logits",
        ids=not values,
    )


@contextlib.contextmanager
def _own_loops(model: Any, shown: Any, ids: Any) -> Iterator[None]:
    """Have the usual recurrent layers of a model run by ours, where Keras lets a backend do so.

    What is shown stands for `ids`, if any: then a product with it is a row of the matrix.
    """
    layers = [layer for layer in model._flatten_layers() if _is_usual(layer)]
    for layer in layers:
        loop = functools.partial(_inner_loop, layer, shown, ids)
        object.__setattr__(layer, "inner_loop", loop)  # Keras would track it
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "inner_loop")


def _is_usual(layer: Any) -> bool:
    """Whether it is one of Keras's layers with the settings that cuDNN takes as well."""
    kind = type(layer)
    if kind not in _OURS or layer.go_backwards or layer.dropout or layer.recurrent_dropout:
        return False
    gates = kind is keras.layers.SimpleRNN or layer.recurrent_activation is _SIGMOID
    return (
        layer.activation is keras.activations.tanh
        and gates
        and layer.use_bias
        and layer.compute_dtype == "float32"
        and not layer.zero_output_for_mask
        and getattr(layer, "reset_after", True)
    )


def _inner_loop(
    layer: Any,
    shown: Any,
    ids: Any,
    sequences: Any,
    initial_state: Any,
    mask: Any,
    training: bool = False,  # noqa: ARG001 - there is no dropout
) -> tuple[Any, Any, list[Any]]:
    """What `RNN.inner_loop` gives: the last output, all of them, the state."""
    cell = layer.cell
    tensor: Any = keras.ops.convert_to_tensor
    kernel, recurrent, bias = map(tensor, (cell.kernel, cell.recurrent_kernel, cell.bias))
    pair = (bias, None) if bias.ndim == 1 else (bias[0], bias[1])
    ours = _OURS[type(layer)](kernel, recurrent, *pair)
    states: Any = initial_state if isinstance(initial_state, list | tuple) else [initial_state]
    told = mask[0] if isinstance(mask, list | tuple) else mask
    told = None if told is None else jnp.asarray(told)
    gated = len(states) > 1
    start = LSTMState(hidden=states[0], cell=states[1]) if gated else HiddenState(states[0])
    inputs = ids if ids is not None and sequences is shown else sequences
    hidden, after = ours(inputs, told, start)
    ends = [after.hidden, after.cell] if gated else [after.hidden]
    return hidden[:, -1], hidden, ends


@contextlib.contextmanager
def _quiet_about_masks() -> Iterator[None]:
    """Layers that pass a mask over are met in any model; whether it is heeded is looked at."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*does not support masking")
        yield


def _rows(model: Any) -> int | None:
    """The number of rows that it was made for, if it was."""
    shape = getattr(model, "input_shape", None) if model.built else None
    return shape[0] if isinstance(shape, tuple) and shape else None


def _ends_in_softmax(model: Any) -> bool:
    last = model.layers[-1] if model.layers else None
    if not isinstance(model, keras.Sequential):
        # The layer that was named last need not be the one that speaks.
        ends = getattr(model, "outputs", None) or []
        if len(ends) != 1 or ends[0]._keras_history.operation is not last:
            return False
    while isinstance(last, keras.layers.TimeDistributed):
        last = last.layer
    if isinstance(last, keras.Model):
        return _ends_in_softmax(last)
    return isinstance(last, keras.layers.Softmax) or (
        getattr(last, "activation", None) is keras.activations.softmax
    )
