"""Keras models on the JAX backend, on batches of samples, without `fit` or `compile`."""

from __future__ import annotations

import contextlib
import functools
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras  # pyright: ignore[reportMissingImports]
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
from longlag.models import (
    GRULayer,
    HiddenState,
    LSTMLayer,
    LSTMState,
    RNNLayer,
    Sizes,
    StepBackLayer,
)

_TRACING = threading.RLock()  # seeds that share a program trace one model, each in its thread

_SIGMOID = keras.activations.sigmoid

_LAYERS: dict[type, type[StepBackLayer]] = {
    keras.layers.LSTM: LSTMLayer,
    keras.layers.GRU: GRULayer,
    keras.layers.SimpleRNN: RNNLayer,
}
"""The layers of longlag for recurrent layers of Keras: their weights have the same layout."""


def functional_model(model: keras.Model, sizes: Sizes, *, values: bool) -> FunctionalModel:
    """A Keras model as a `FunctionalModel`.

    It takes `(row, time, feature)` and returns `(row, time, output)` or `(row, output)`. Its state
    is that of layers with `stateful=True`. Weights with `trainable=False` do not change; penalties
    of its layers are added to the loss. A final softmax is detected. Standard recurrent layers run
    on the loop of longlag, as on cuDNN where Keras finds it: the same function, but faster.

    Args:
        model: The model, built or not.
        sizes: The sizes of the problem.
        values: Whether its inputs are values `(row, time)` rather than features.

    Raises:
        UnsupportedModel: Keras runs on another backend, a weight has a constraint, or a stateful
            model does not name its number of rows.
    """
    if keras.config.backend() != "jax":
        raise UnsupportedModel(
            f"Keras runs on {keras.config.backend()} here, its models are trained on jax. Set "
            "KERAS_BACKEND=jax before it is imported."
        )
    if unbuilt := unbuilt_layers(model):
        if any(getattr(layer, "stateful", False) for layer in unbuilt):
            shape = "sizes.timesteps" if values else "sizes.timesteps, sizes.features"
            raise UnsupportedModel(
                "a stateful layer needs the number of rows before it is called. Begin with "
                f"keras.Input(batch_shape=(batch_size, {shape}))."
            )
        shape = (sizes.timesteps,) if values else (sizes.timesteps, sizes.features)
        dtype = "int32" if values else "float32"
        rows = next((each.shape[0] for each in _states(model)), None)
        with softmax_of_values(model):
            try:  # without rows, since a Sequential takes those of its first call for ever
                model(keras.Input(shape, rows, dtype))
            except Exception:  # of a model that looks at its number of rows
                if isinstance(model, keras.Sequential):
                    raise
                model(np.zeros((rows or 2, *shape), dtype))
    for variable in model.trainable_variables:
        if variable.constraint is not None:
            raise UnsupportedModel(
                f"its weight {variable.path} has a constraint, which the compiled loop does not "
                "keep. Leave it out, or put it into the layer."
            )
    if values and any(map(_masks_zero, model._flatten_layers())):
        raise UnsupportedModel(
            "its Embedding masks the value 0, which counts here as any other. Leave mask_zero out."
        )
    carried = _states(model)
    rows = {variable.shape[0] for variable in carried} or {_rows(model)}
    arguments = parameters_of(model.call, "mask", "state")
    modes = parameters_of(model.call, *MODES) | {"training"}
    by_name = "state" in arguments
    mask_values = {
        float(layer.mask_value)
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Masking)
    }
    masking = mask_values.pop() if len(mask_values) == 1 and not values else None

    def call(
        trained: Any, buffers: Any, inputs: Any, mask: Any, state: Any, training: bool
    ) -> Result:
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
        keywords = keywords_of(modes, training=training)
        if mask is not None and "mask" in arguments:
            keywords["mask"] = mask
        if mask is not None and masking is not None:  # for the layer `Masking`
            inputs, ids = jnp.where(mask[..., None], inputs, masking), None
        if by_name:
            keywords["state"] = state
        scope = _Scope(state_mapping=pairs)
        loops = _own_loops(model, inputs, ids)
        with _TRACING, _without_mask_warnings(), softmax_of_values(model), loops, scope:
            outputs = model(inputs, **keywords)
            penalty = sum(model.losses, 0.0) if training else 0.0
        if scope.elsewhere:
            raise UnsupportedModel(
                f"it uses {scope.elsewhere[0]}, of a layer that is none of its own, as a global or "
                "in a closure: nothing trains it. Make each layer in __init__, as an attribute of "
                "the model, or in a functional model outside of Lambda."
            )

        def after(variables: Any, before: Any) -> list[Any]:
            values = [scope.get_current_value(variable) for variable in variables]
            return [old if new is None else new for new, old in zip(values, before, strict=True)]

        if by_name:
            outputs, state = pair(outputs)
        elif carried:
            state = after(carried, state)
        return Result(outputs, state, after(model.non_trainable_variables, buffers), penalty)

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
        takes_mask="mask" in arguments or masking is not None,
        takes_state=bool(carried) or by_name,
        rows=rows.pop(),
        outputs="probabilities" if _ends_in_softmax(model) else "logits",
        ids=not values,
    )


class _Scope(keras.StatelessScope):
    """A scope that knows which trained weights are read in it beside those that it was given."""

    def __init__(self, **given: Any):
        super().__init__(**given)
        self.elsewhere: list[str] = []

    def get_current_value(self, variable: Any) -> Any:
        value = super().get_current_value(variable)
        made = variable._value is not None  # before this call
        if value is None and made and variable.trainable:
            self.elsewhere.append(variable.path)
        return value


def unbuilt_layers(model: Any) -> list[Any]:
    """Its layers without weights yet; `build` alone makes none for layers used in `call`."""
    return [layer for layer in model._flatten_layers() if not layer.built]


def _masks_zero(layer: Any) -> bool:
    """Whether it is an embedding of the inputs that skips the value 0."""
    if not getattr(layer, "mask_zero", False):
        return False
    try:
        source = layer.input._keras_history.operation
    except AttributeError:  # of a model that is no graph of layers
        return True
    return isinstance(source, keras.layers.InputLayer)


def _states(model: Any) -> list[Any]:
    """The state variables of its stateful layers."""
    return [
        variable
        for layer in model._flatten_layers()
        if getattr(layer, "stateful", False)
        for variable in jax.tree.leaves(getattr(layer, "states", None))
    ]


@contextlib.contextmanager
def _own_loops(model: Any, inputs: Any, ids: Any) -> Iterator[None]:
    """Run the standard recurrent layers of a model with the loop of longlag.

    With `ids`, `inputs` are their one-hot features: a product with them is a row of the matrix.
    """
    loops = {
        layer: functools.partial(_inner_loop, layer, inputs, ids)
        for layer in model._flatten_layers()
        if _is_standard(layer)
    }
    with _replaced("inner_loop", loops):
        yield


@contextlib.contextmanager
def softmax_of_values(model: Any) -> Iterator[None]:
    """Keep a mask of timesteps from the layers `Softmax`, which take it for one of values."""

    def without(layer: Any) -> Callable[..., Any]:
        def call(inputs: Any, mask: Any = None) -> Any:
            of_values = mask is not None and mask.ndim == inputs.ndim
            return type(layer).call(layer, inputs, mask if of_values else None)

        return call

    every = (each for each in model._flatten_layers() if isinstance(each, keras.layers.Softmax))
    with _replaced("call", {layer: without(layer) for layer in every}):
        yield


@contextlib.contextmanager
def _replaced(method: str, by_layer: dict[Any, Callable[..., Any]]) -> Iterator[None]:
    """Give layers another method for the time of a call."""
    for layer, other in by_layer.items():
        object.__setattr__(layer, method, other)  # Keras would track it
    try:
        yield
    finally:
        for layer in by_layer:
            object.__delattr__(layer, method)


def _is_standard(layer: Any) -> bool:
    """Whether it is a recurrent layer of Keras with the settings that cuDNN supports."""
    kind = type(layer)
    if kind not in _LAYERS or layer.go_backwards or layer.dropout or layer.recurrent_dropout:
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
    model_inputs: Any,
    ids: Any,
    sequences: Any,
    initial_state: Any,
    mask: Any,
    training: bool = False,  # noqa: ARG001 - there is no dropout
) -> tuple[Any, Any, list[Any]]:
    """`RNN.inner_loop`: returns the last output, all outputs, and the state."""
    cell = layer.cell
    tensor: Any = keras.ops.convert_to_tensor
    kernel, recurrent, bias = map(tensor, (cell.kernel, cell.recurrent_kernel, cell.bias))
    biases = (bias, None) if bias.ndim == 1 else (bias[0], bias[1])
    run = _LAYERS[type(layer)](kernel, recurrent, *biases)
    states: Any = initial_state if isinstance(initial_state, list | tuple) else [initial_state]
    mask = mask[0] if isinstance(mask, list | tuple) else mask
    mask = None if mask is None else jnp.asarray(mask)
    has_cell = len(states) > 1
    start = LSTMState(hidden=states[0], cell=states[1]) if has_cell else HiddenState(states[0])
    inputs = ids if ids is not None and sequences is model_inputs else sequences
    hidden, after = run(inputs, mask, start)
    ends = [after.hidden, after.cell] if has_cell else [after.hidden]
    return hidden[:, -1], hidden, ends


@contextlib.contextmanager
def _without_mask_warnings() -> Iterator[None]:
    """Silence Keras about layers that ignore a mask: the checks test whether the model does."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*does not support masking")
        yield


def _rows(model: Any) -> int | None:
    """The fixed number of rows of a model; None if it has none."""
    shape = getattr(model, "input_shape", None) if model.built else None
    return shape[0] if isinstance(shape, tuple) and shape else None


def _ends_in_softmax(model: Any) -> bool:
    last = model.layers[-1] if model.layers else None
    if not isinstance(model, keras.Sequential):
        # The last of `layers` need not be the output layer.
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
