"""Weights of the recurrent models in the layouts of PyTorch and of Keras, and back.

It needs no framework: PyTorch's `state_dict()` is a mapping of names to arrays, Keras's
`get_weights()` a list of them. Outputs agree within single precision.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from longlag.models import (
    GRULayer,
    Linear,
    LSTMLayer,
    OneHotInput,
    RecurrentModel,
    RNNLayer,
    StepBackLayer,
)

_GATES: dict[type[StepBackLayer], list[int]] = {
    LSTMLayer: [0, 1, 2, 3],
    GRULayer: [1, 0, 2],
    RNNLayer: [0],
}
"""The index in PyTorch of each of our gates, which are those of Keras; its own inverse."""


class Torch(NamedTuple):
    """The weights of a model in PyTorch's layout.

    Attributes:
        layer: State of an `nn.LSTM`, `nn.GRU` or `nn.RNN` of one layer.
        readout: State of the `nn.Linear` after it.
    """

    layer: Mapping[str, Any]
    readout: Mapping[str, Any]


class Keras(NamedTuple):
    """The weights of a model in Keras's layout.

    Attributes:
        layer: Weights of an `LSTM`, `GRU` or `SimpleRNN`.
        readout: Weights of the `Dense` after it.
    """

    layer: Sequence[Any]
    readout: Sequence[Any]


def to_torch(model: RecurrentModel | OneHotInput) -> Torch:
    """The weights of an LSTM, GRU or RNN in PyTorch's layout, for `load_state_dict`.

    Raises:
        TypeError: It is another model.

    >>> from longlag.models import GRU, Sizes
    >>> layer, readout = to_torch(GRU(hidden_size=3)(Sizes(5, 2, 4), seed=0))
    >>> layer["weight_ih_l0"].shape, readout["weight"].shape
    ((9, 5), (2, 3))
    """
    kernel, recurrent, bias, second, readout = _parts(model)
    order = _GATES[type(_inner(model).layer)]
    parts = {"weight_ih": kernel, "weight_hh": recurrent, "bias_ih": bias, "bias_hh": second}
    state = {f"{name}_l0": _reorder(part, order).T for name, part in parts.items()}
    return Torch(state, {"weight": np.array(readout[0]).T, "bias": np.array(readout[1])})


def from_torch(layer: Mapping[str, Any], readout: Mapping[str, Any]) -> RecurrentModel:
    """The model with the weights of a PyTorch model.

    Args:
        layer: State of an `nn.LSTM`, `nn.GRU` or `nn.RNN` (tanh) of one layer.
        readout: State of the `nn.Linear` after it.

    Raises:
        ValueError: They are not the weights of one such layer and a readout of its size.
    """
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    _check_names("from_torch", layer, names)
    _check_names("from_torch", readout, ("weight", "bias"))
    kernel, recurrent, bias, second = (_array(layer[name]).T for name in names)
    kind = _kind("from_torch", recurrent)
    parts = [_reorder(part, _GATES[kind]) for part in (kernel, recurrent, bias, second)]
    return _model("from_torch", kind, parts, [_array(readout["weight"]).T, _array(readout["bias"])])


def to_keras(model: RecurrentModel | OneHotInput) -> Keras:
    """The weights of an LSTM, GRU or RNN in Keras's layout, for `set_weights`.

    Raises:
        TypeError: It is another model.

    >>> from longlag.models import LSTM, Sizes
    >>> [weight.shape for weight in to_keras(LSTM(hidden_size=3)(Sizes(5, 2, 4), seed=0)).layer]
    [(5, 12), (3, 12), (12,)]
    """
    kernel, recurrent, bias, second, readout = _parts(model)
    two_biases = isinstance(_inner(model).layer, GRULayer)
    weights = [kernel, recurrent, jnp.stack([bias, second]) if two_biases else bias]
    return Keras(*([np.array(part) for part in parts] for parts in (weights, readout)))


def from_keras(layer: Sequence[Any], readout: Sequence[Any]) -> RecurrentModel:
    """The model with the weights of a Keras model.

    Args:
        layer: Weights of an `LSTM`, `GRU` (`reset_after`, its default) or `SimpleRNN`.
        readout: Weights of the `Dense` after it.

    Raises:
        ValueError: They are not the weights of one such layer and a readout of its size.
    """
    if (len(layer), len(readout)) != (3, 2):
        raise ValueError(
            f"from_keras: a layer has 3 weights and a readout 2, got {len(layer)} and "
            f"{len(readout)}. Use layer.get_weights() of layers with biases."
        )
    kernel, recurrent, bias = map(_array, layer)
    kind = _kind("from_keras", recurrent)
    if kind is GRULayer and bias.ndim != 2:
        raise ValueError("from_keras: the GRU has one bias. Use reset_after=True.")
    pair = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    return _model("from_keras", kind, [kernel, recurrent, *pair], list(map(_array, readout)))


def _inner(model: Any) -> RecurrentModel[StepBackLayer]:
    inner: Any = model.model if isinstance(model, OneHotInput) else model
    layer = inner.layer if isinstance(inner, RecurrentModel) else inner
    if not isinstance(layer, tuple(_GATES)):
        raise TypeError(f"`model` must be an LSTM, a GRU or an RNN, got {type(layer).__name__}.")
    return inner


def _parts(model: Any) -> tuple[Array, Array, Array, Array, tuple[Array, Array]]:
    """Kernel, recurrent weights, both biases, and the readout."""
    inner = _inner(model)
    layer, readout = inner.layer, inner.readout
    second = jnp.zeros_like(layer.bias) if layer.recurrent_bias is None else layer.recurrent_bias
    return layer.kernel, layer.recurrent, layer.bias, second, (readout.weight, readout.bias)


def _reorder(part: Any, order: Sequence[int]) -> np.ndarray:
    """Reorder the gates along the last axis."""
    gates = np.split(np.asarray(part), len(order), axis=-1)
    return np.concatenate([gates[index] for index in order], axis=-1)


def _array(value: Any) -> np.ndarray:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    return np.array(value, np.float32)


def _check_names(owner: str, state: Mapping[str, Any], names: Sequence[str]) -> None:
    if set(state) != set(names):
        raise ValueError(
            f"{owner}: the state must have {', '.join(names)}, got {', '.join(state)}. Use one "
            "layer in one direction, with biases."
        )


def _kind(owner: str, recurrent: np.ndarray) -> type[StepBackLayer]:
    """The layer whose recurrent weights have this shape."""
    rows, columns = recurrent.shape
    for kind, order in _GATES.items():
        if columns == len(order) * rows:
            return kind
    raise ValueError(
        f"{owner}: no layer has recurrent weights of {rows} by {columns}. Use an LSTM, a GRU or an "
        "RNN without projection."
    )


def _model(
    owner: str,
    kind: type[StepBackLayer],
    parts: Sequence[np.ndarray],
    readout: Sequence[np.ndarray],
) -> RecurrentModel:
    kernel, recurrent, bias, second = map(jnp.asarray, parts)
    if readout[0].shape[0] != recurrent.shape[0]:
        raise ValueError(
            f"{owner}: the readout takes {readout[0].shape[0]} features, the layer gives "
            f"{recurrent.shape[0]}. Use the readout after it."
        )
    # Only a GRU needs two biases; in other layers they are added.
    two_biases = kind is GRULayer
    layer = kind(
        kernel=kernel,
        recurrent=recurrent,
        bias=bias if two_biases else bias + second,
        recurrent_bias=second if two_biases else None,
    )
    weight, offset = map(jnp.asarray, readout)
    linear = Linear(weight.shape[0], weight.shape[1], np.random.default_rng(0))
    linear = eqx.tree_at(lambda each: (each.weight, each.bias), linear, (weight, offset))
    return RecurrentModel(layer, linear)
