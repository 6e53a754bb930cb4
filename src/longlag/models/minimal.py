"""Minimal recurrent cells: gates that see the input alone, so that all steps are one scan."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.models._base import Dynamics, Inputs, Linear, Mask, time_axis, zeros
from longlag.models.layer import GatedLayer
from longlag.models.recurrent import HiddenState
from longlag.models.residual import Blocks
from longlag.models.scans import linear_scan


class MinGRUGates(NamedTuple):
    """Gate, candidate and state of a minimal GRU over time."""

    update: Float[Array, "*batch time hidden"]
    candidate: Float[Array, "*batch time hidden"]
    hidden: Float[Array, "*batch time hidden"]


class MinLSTMGates(NamedTuple):
    """Gates, candidate and state of a minimal LSTM over time; the gates as they are applied."""

    input: Float[Array, "*batch time hidden"]
    forget: Float[Array, "*batch time hidden"]
    candidate: Float[Array, "*batch time hidden"]
    hidden: Float[Array, "*batch time hidden"]


class MinGRULayer(GatedLayer):
    """A gated recurrent unit whose gate and candidate depend on the input alone.

        z = sigmoid(x W + b)           the share that is replaced
        n = x V + c                    the candidate, of any sign
        h' = (1 - z) h + z n

    2 H (D + 1) weights for D features and H units; the state is h. What a state keeps of an
    earlier one is positive, so no unit can change sign with each input, as parity asks for.

    The source has candidates g(n) > 0 in its main form, computed with logarithms; this is its
    plain form. Both are those of Martin and Cundy (2018).

    Source: Feng et al. (2024), Were RNNs all we needed?

    >>> layer = MinGRULayer.create(features=2, hidden_size=3, rng=np.random.default_rng(0))
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.hidden.shape
    ((3, 3), (3,))
    """

    update: Linear
    candidate: Linear

    @classmethod
    def create(cls, features: int, hidden_size: int, rng: np.random.Generator) -> MinGRULayer:
        return cls(*(Linear(features, hidden_size, rng) for _ in range(2)))

    @property
    def hidden_size(self) -> int:
        return len(self.update.bias)

    def initial_state(self, batch: tuple[int, ...] = ()) -> HiddenState:
        return HiddenState(zeros((*batch, self.hidden_size), self.update.bias))

    def gates(
        self, inputs: Inputs, mask: Mask = None, state: HiddenState | None = None
    ) -> MinGRUGates:
        """Gate, candidate and hidden state over time; a skipped step leaves the state."""
        inputs = jnp.moveaxis(inputs, time_axis(inputs), 0)
        update, candidate = jax.nn.sigmoid(self.update(inputs)), self.candidate(inputs)
        start = self.initial_state(update.shape[1:-1]) if state is None else state
        hidden = linear_scan(1 - update, update * candidate, start.hidden, mask)
        return MinGRUGates(*(jnp.moveaxis(each, 0, -2) for each in (update, candidate, hidden)))

    def __call__(
        self, inputs: Inputs, mask: Mask, state: HiddenState
    ) -> tuple[Float[Array, "*batch time hidden"], HiddenState]:
        hidden = self.gates(inputs, mask, state).hidden
        return hidden, HiddenState(hidden[..., -1, :])


class MinLSTMLayer(GatedLayer):
    """A long short-term memory whose gates and candidate depend on the input alone.

        f, i = sigmoid(x W + b)        of each, with weights of its own
        n = x V + c                    the candidate, of any sign
        h' = f / (f + i) h + i / (f + i) n

    3 H (D + 1) weights for D features and H units; the state is h.

    Source: Feng et al. (2024), Were RNNs all we needed?

    >>> layer = MinLSTMLayer.create(features=2, hidden_size=3, rng=np.random.default_rng(0))
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.hidden.shape
    ((3, 3), (3,))
    """

    input: Linear
    forget: Linear
    candidate: Linear

    @classmethod
    def create(cls, features: int, hidden_size: int, rng: np.random.Generator) -> MinLSTMLayer:
        return cls(*(Linear(features, hidden_size, rng) for _ in range(3)))

    @property
    def hidden_size(self) -> int:
        return len(self.forget.bias)

    def initial_state(self, batch: tuple[int, ...] = ()) -> HiddenState:
        return HiddenState(zeros((*batch, self.hidden_size), self.forget.bias))

    def gates(
        self, inputs: Inputs, mask: Mask = None, state: HiddenState | None = None
    ) -> MinLSTMGates:
        """Gates, candidate and hidden state over time; a skipped step leaves the state."""
        inputs = jnp.moveaxis(inputs, time_axis(inputs), 0)
        # i / (f + i) of two sigmoids is a sigmoid of the difference of their logarithms.
        share = jax.nn.sigmoid(
            jax.nn.log_sigmoid(self.input(inputs)) - jax.nn.log_sigmoid(self.forget(inputs))
        )
        candidate = self.candidate(inputs)
        start = self.initial_state(share.shape[1:-1]) if state is None else state
        hidden = linear_scan(1 - share, share * candidate, start.hidden, mask)
        every = (share, 1 - share, candidate, hidden)
        return MinLSTMGates(*(jnp.moveaxis(each, 0, -2) for each in every))

    def __call__(
        self, inputs: Inputs, mask: Mask, state: Any
    ) -> tuple[Float[Array, "*batch time hidden"], HiddenState]:
        hidden = self.gates(inputs, mask, state).hidden
        return hidden, HiddenState(hidden[..., -1, :])


@dataclasses.dataclass(frozen=True, kw_only=True)
class MinGRU(Blocks):
    """Residual blocks of minimal gated recurrent units (`MinGRULayer`).

    Args:
        hidden_size: Units, and features between the blocks, at least 1.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the units of each block.

    >>> from longlag.models import Sizes
    >>> model = MinGRU(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape
    (3, 4)
    """

    @property
    def dynamics(self) -> Dynamics:
        return "positive"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> MinGRULayer:
        return MinGRULayer.create(features, hidden_size, rng)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MinLSTM(Blocks):
    """Residual blocks of minimal long short-term memories (`MinLSTMLayer`).

    Args:
        hidden_size: Units, and features between the blocks, at least 1.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the units of each block.

    >>> from longlag.models import Sizes
    >>> model = MinLSTM(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape
    (3, 4)
    """

    @property
    def dynamics(self) -> Dynamics:
        return "positive"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> MinLSTMLayer:
        return MinLSTMLayer.create(features, hidden_size, rng)
