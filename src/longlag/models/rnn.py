"""The simple recurrent network of Elman."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from longlag.knobs import knob
from longlag.models._base import ModelFactory, Sizes
from longlag.models.recurrent import HiddenState, Layer, RecurrentModel, recurrent_model


class RNNLayer(Layer):
    """A layer whose hidden state is tanh of input, last hidden state and bias.

    Source: Elman (1990).
    """

    halved: ClassVar[tuple[bool, ...]] = (False,)

    @staticmethod
    def step(drive: Array, product: Array, state: HiddenState) -> tuple[HiddenState, tuple[()]]:
        del state
        return HiddenState(jnp.tanh(drive + product)), ()

    @staticmethod
    def slopes(before: HiddenState, after: HiddenState, kept: tuple[()]) -> Array:
        del before, kept
        return 1 - after.hidden**2

    @staticmethod
    def back(by_state: HiddenState, slopes: Array) -> tuple[Array, Array, HiddenState]:
        by_total = by_state.hidden * slopes
        return by_total, by_total, HiddenState(jnp.zeros_like(by_total))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RNN(ModelFactory):
    """One layer of simple recurrent units and a dense output, initialised as Keras does.

    Glorot uniform kernel, orthogonal recurrent kernel, zero biases.

    Args:
        hidden_size: Units, at least 1.

    >>> model = RNN(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> outputs, state = model(jnp.array([0, 1, 1]), None, model.initial_state())
    >>> outputs.shape, state.hidden.shape
    ((3, 4), (3,))
    """

    hidden_size: int = knob(50, "Units.", at_least=1)

    def __call__(self, sizes: Sizes, seed: int) -> RecurrentModel[RNNLayer]:
        return recurrent_model(RNNLayer, self.hidden_size, sizes, seed)
