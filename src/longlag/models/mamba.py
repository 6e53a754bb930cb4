"""Mamba: a state space whose step size, input and output the input selects."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import (
    Dynamics,
    Inputs,
    Mask,
    on_device,
    project,
    scale,
    shift,
    zeros,
)
from longlag.models.convolution import ShortConvolution
from longlag.models.initial import step_bias, uniform
from longlag.models.layer import SequenceLayer
from longlag.models.residual import Blocks
from longlag.models.selective import Parts, selective_scan

_EXPANSION = 2  # channels per unit
_WIDTH = 4  # steps of the convolution
_UNITS_PER_RANK = 16  # of the product that sets the step size


class MambaState(NamedTuple):
    """The state of a Mamba layer: that of each channel, and what the convolution looks back at."""

    states: Float[Array, "*batch state channel"]
    recent: Float[Array, "*batch reach channel"] | None


class MambaLayer(SequenceLayer):
    """A selective state space (S6) with its convolution and gate, for H units in E = 2 H channels.

        u, z = x W                       two streams of E channels
        u ← silu(conv(u))                a causal convolution over 4 steps of each channel
        r, B, C = u V                    of R = ⌈H / 16⌉, N and N numbers
        Δ = softplus(r U + b)            the step size of each channel
        h' = exp(-Δ exp(α)) h + B Δ u    N states in each channel
        y = (C h' + s u) silu(z) P

    With `negative` the first factor is 2 exp(-Δ exp(α)) - 1, so that a state may change sign with
    an input, as parity asks for; it then is between -1 and 1, else between 0 and 1. Without
    `convolution` u ← silu(u): the convolution alone is a window of 4 steps, and a comparison should
    show the layer without it too.

    2 E D + 5 E + E (R + 2 N) + E R + E + E N + E + E H weights for D features, 5 E fewer without
    convolution. The state is h, E N numbers, and with convolution its last 3 inputs, 3 E numbers.

    At first α is log 1 … log N, s is 1, softplus(b) is log-uniform in 0.001 … 0.1, U is uniform in
    ±1/√R; the other weights are uniform in ±1/√(their inputs), as in PyTorch. The source has no
    weight decay on α and s.

    Differs from the code of the source in that its language model also divides P by the root of the
    number of layers, and its convolution carries one input more than it looks back at.

    Source: Gu and Dao (2023), Mamba. `negative`: Grazzi et al. (2025), Unlocking state-tracking.

    >>> layer = MambaLayer.create(features=2, hidden_size=3, rng=np.random.default_rng(0))
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.states.shape, state.recent.shape
    ((3, 3), (16, 6), (3, 6))
    """

    enter: Float[Array, "feature streams"]
    convolution: ShortConvolution | None
    select: Float[Array, "channel selected"]
    delta: Float[Array, "rank channel"]
    delta_bias: Float[Array, " channel"]
    log_rate: Float[Array, "state channel"]
    skip: Float[Array, " channel"]
    leave: Float[Array, "channel hidden"]
    negative: bool = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        features: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        states: int = 16,
        convolution: bool = True,
        negative: bool = False,
    ) -> MambaLayer:
        """A layer initialised as that of the source.

        Args:
            features: Features of an input step.
            hidden_size: Units H.
            rng: Where the weights are drawn from.
            states: Numbers of state N of a channel.
            convolution: Whether a convolution over 4 steps comes first.
            negative: Whether a factor of the state is between -1 and 1 rather than 0 and 1.
        """
        channels, rank = _EXPANSION * hidden_size, math.ceil(hidden_size / _UNITS_PER_RANK)
        return cls(
            enter=uniform(rng, (features, 2 * channels), features),
            convolution=ShortConvolution.create(channels, _WIDTH, rng) if convolution else None,
            select=uniform(rng, (channels, rank + 2 * states), channels),
            delta=uniform(rng, (rank, channels), rank),
            delta_bias=step_bias(rng, channels),
            log_rate=on_device(
                np.repeat(np.log(np.arange(1.0, states + 1))[:, None], channels, axis=1)
            ),
            skip=on_device(np.ones(channels)),
            leave=uniform(rng, (channels, hidden_size), channels),
            negative=negative,
        )

    @property
    def hidden_size(self) -> int:
        return self.leave.shape[1]

    def initial_state(self, batch: tuple[int, ...] = ()) -> MambaState:
        states = zeros((*batch, *self.log_rate.shape), self.log_rate)
        earlier = None if self.convolution is None else self.convolution.initial_state(batch)
        return MambaState(states, earlier)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: MambaState
    ) -> tuple[Float[Array, "*batch time hidden"], MambaState]:
        stream, gate = jnp.split(project(self.enter, inputs), 2, axis=-1)
        stream, recent = _counted(stream, mask), None
        if self.convolution is not None and state.recent is not None:
            stream, recent = self.convolution(stream, mask, state.recent)
        stream = jax.nn.silu(stream)
        rank, states = len(self.delta), len(self.log_rate)
        low, write, read = jnp.split(stream @ self.select, (rank, rank + states), axis=-1)
        # A step of size 0 leaves the state as it was.
        delta = _counted(jax.nn.softplus(shift(low @ self.delta, self.delta_bias)), mask)
        parts = (jnp.moveaxis(each, -2, 0) for each in (delta, delta * stream, write, read))
        rate = -jnp.exp(self.log_rate)
        outputs, after = selective_scan(Parts(*parts), rate, state.states, signed=self.negative)
        outputs = jnp.moveaxis(outputs, 0, -2) + scale(stream, self.skip)
        hidden = (outputs * jax.nn.silu(gate)) @ self.leave
        return _counted(hidden, mask), MambaState(after, recent)


def _counted(steps: Float[Array, "*batch time feature"], mask: Mask) -> Array:
    """Zero where a step is skipped."""
    return steps if mask is None else jnp.where(mask[..., None], steps, 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mamba(Blocks):
    """Residual blocks of selective state spaces (`MambaLayer`).

    Args:
        hidden_size: Units, and features between the blocks, at least 1; there are twice as many
            channels.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the layer of each block; not so in the source.
        states: Numbers of state in each channel, 1 to 1024.
        convolution: Whether a convolution over 4 steps comes before the states. It is a window of
            its own: compare with and without.
        negative: Whether a factor of the state is between -1 and 1 rather than 0 and 1. Without it
            no number of layers computes parity at every length.

    >>> from longlag.models import Sizes
    >>> model = Mamba(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape
    (3, 4)
    """

    states: int = knob(16, "Numbers of state per channel.", at_least=1, at_most=1024)
    convolution: bool = knob(True, "A short convolution first.")
    negative: bool = knob(False, "Factors of the state from -1 to 1, not from 0 to 1.")

    @property
    def dynamics(self) -> Dynamics:
        """How the state of a step becomes that of the next: by factors above 0, or of any sign."""
        return "signed" if self.negative else "positive"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> MambaLayer:
        return MambaLayer.create(
            features,
            hidden_size,
            rng,
            states=self.states,
            convolution=self.convolution,
            negative=self.negative,
        )
