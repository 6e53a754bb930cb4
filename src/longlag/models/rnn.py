"""The simple recurrent network of Elman."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from longlag.knobs import knob
from longlag.models._base import Dynamics, Inputs, Mask, ModelFactory, Sizes
from longlag.models.layer import RecurrentModel
from longlag.models.recurrent import HiddenState, StepBackLayer


class RNNLayer(StepBackLayer):
    """Simple recurrent units: the hidden state is the only state.

        h' = tanh(x W + h U + b)

    Args:
        kernel, recurrent, bias: W, U and b, which is at first 0.
        recurrent_bias: None.

    Shapes: `kernel` `(feature, hidden)`, `recurrent` `(hidden, hidden)`, `bias` `(hidden,)`; the
        state is h, `(*batch, hidden)`.

    Source: Elman (1990).

    >>> import numpy as np
    >>> layer = RNNLayer.create(features=2, hidden_size=3, rng=np.random.default_rng(0))
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.hidden.shape, layer.kernel.shape
    ((3, 3), (3,), (2, 3))
    """

    carries: ClassVar = HiddenState
    halved: ClassVar[tuple[bool, ...]] = (False,)
    biases: ClassVar[tuple[float, ...]] = (0.0,)
    inner_bias: ClassVar[bool] = False

    @staticmethod
    def step(drive: Array, product: Array, state: HiddenState) -> tuple[HiddenState, tuple[()]]:
        del state
        return HiddenState(jnp.tanh(drive + product)), ()

    @staticmethod
    def slopes(before: HiddenState, after: HiddenState, residuals: tuple[()]) -> Array:
        del before, residuals
        return 1 - after.hidden**2

    @staticmethod
    def back(by_state: HiddenState, slopes: Array) -> tuple[Array, Array, HiddenState]:
        by_total = by_state.hidden * slopes
        return by_total, by_total, HiddenState(jnp.zeros_like(by_total))

    def gates(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> HiddenState:
        """The hidden state over time; a skipped step leaves it unchanged."""
        return self.trace(inputs, mask, state).after


@dataclasses.dataclass(frozen=True, kw_only=True)
class RNN(ModelFactory):
    """One layer of simple recurrent units (`RNNLayer`) and a dense output at every step.

    Args:
        hidden_size: Units, at least 1.

    >>> model = RNN(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> outputs, state = model(jnp.array([0, 1, 1]), None, model.initial_state())
    >>> outputs.shape, state.hidden.shape
    ((3, 4), (3,))
    """

    hidden_size: int = knob(50, "Units.", at_least=1)

    @property
    def dynamics(self) -> Dynamics:
        return "nonlinear"

    def __call__(self, sizes: Sizes, seed: int) -> RecurrentModel[RNNLayer]:
        return RecurrentModel.create(RNNLayer.create, self.hidden_size, sizes, seed)
