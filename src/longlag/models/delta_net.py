"""DeltaNet: a matrix of keys and values as the state, written by the delta rule."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import Dynamics, Inputs, Mask, on_device, project, scale, shift, zeros
from longlag.models.convolution import ShortConvolution
from longlag.models.delta_rule import Steps, delta_rule
from longlag.models.heads import check_heads
from longlag.models.initial import step_bias, uniform
from longlag.models.layer import SequenceLayer
from longlag.models.residual import Blocks

_WIDTH = 4  # steps of the short convolution
_RATES = (0.0, 16.0)
_OF_UNIT, _OF_NORM = 1e-6, 1e-5  # what is added to a sum, and to a mean, of squares


class DeltaNetState(NamedTuple):
    """The state of a DeltaNet layer.

    Attributes:
        memory: The matrix of each head.
        earlier: The last inputs of the short convolution; None without one.
    """

    memory: Float[Array, "*batch head key value"]
    earlier: Float[Array, "*batch reach feature"] | None


class Decay(eqx.Module):
    """What a head keeps of its memory: a = exp(-exp(r) softplus(x W + b))."""

    weight: Float[Array, "feature head"]
    log_rate: Float[Array, " head"]
    bias: Float[Array, " head"]

    @classmethod
    def create(cls, features: int, heads: int, rng: np.random.Generator) -> Decay:
        """Rates exp(r) uniform in 0 … 16; softplus(b) log-uniform in 0.001 … 0.1."""
        weight = uniform(rng, (features, heads), features)
        rates = np.maximum(rng.uniform(*_RATES, heads), np.finfo(np.float32).tiny)
        return cls(weight, on_device(np.log(rates)), step_bias(rng, heads))

    def __call__(self, inputs: Inputs) -> Float[Array, "*axes head"]:
        """The logarithm of a."""
        time = jax.nn.softplus(shift(project(self.weight, inputs), self.bias))
        return scale(-time, jnp.exp(self.log_rate))


class DeltaNetLayer(SequenceLayer):
    """A memory of keys and values for each head, written by the delta rule.

        q, k, v = silu(convolution(x W))    of each, W and the convolution of its own
        q, k = q / |q|, k / |k|
        b = sigmoid(x U)                    2 sigmoid(x U) with `negative`
        M' = (I - b k kᵀ) M + b k vᵀ
        y = rms_norm(M'ᵀ q / √d) O          the norm over the d features of a head

    With `decay` the memory is first multiplied by a = exp(-exp(r) softplus(x A + c)), a number
    for each head (the gated delta rule). With `gate` what is normed is multiplied by silu(x G).
    Gated DeltaNet has both. The short convolution of 4 steps is of each feature by itself; with
    `convolution` false there is none.

    Weights for D features in and out: 4 D² + D heads + 12 D + D / heads; without convolution 12 D
    less; with decay (D + 2) heads more; with gate D² more. The state is heads d² = D² / heads
    numbers, and 9 D of the convolution.

    I - b k kᵀ has the eigenvalue 1 - b once and else 1. It is positive for b < 1, so that no
    memory can change sign with each input, as parity asks for; with `negative` it reaches -1.

    Initial weights are those of PyTorch's dense layers and convolutions, without biases, as in
    the layers of the library of Yang et al.; its language models draw N(0, 0.02) instead. r and
    c begin as there, where no decay of weights acts on them: here it acts on all. Reads are so
    small at first that the 1e-5 under the root of the norm counts. Differs from Gated DeltaNet
    there in that values are as long as keys.

    Sources: Yang et al. (2024), Parallelizing linear transformers with the delta rule over
    sequence length; Yang et al. (2025), Gated delta networks; `negative`: Grazzi et al. (2025),
    Unlocking state-tracking in linear RNNs through negative eigenvalues.

    >>> layer = DeltaNetLayer.create(2, 6, np.random.default_rng(0), heads=2)
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.memory.shape, state.earlier.shape
    ((3, 6), (2, 3, 3), (3, 18))
    """

    drive: Float[Array, "feature three_hidden"]
    strength: Float[Array, "feature head"]
    convolution: ShortConvolution | None
    decay: Decay | None
    gate: Float[Array, "feature hidden"] | None
    norm: Float[Array, " head_feature"]
    output: Float[Array, "hidden hidden"]
    negative: bool = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        features: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        heads: int = 1,
        negative: bool = False,
        decay: bool = False,
        gate: bool = False,
        convolution: bool = True,
    ) -> DeltaNetLayer:
        width = 3 * hidden_size
        return cls(
            drive=uniform(rng, (features, width), features),
            strength=uniform(rng, (features, heads), features),
            convolution=ShortConvolution.create(width, _WIDTH, rng, bias=False)
            if convolution
            else None,
            decay=Decay.create(features, heads, rng) if decay else None,
            gate=uniform(rng, (features, hidden_size), features) if gate else None,
            norm=on_device(np.ones(hidden_size // heads)),
            output=uniform(rng, (hidden_size, hidden_size), hidden_size),
            negative=negative,
        )

    @property
    def hidden_size(self) -> int:
        return len(self.output)

    def initial_state(self, batch: tuple[int, ...] = ()) -> DeltaNetState:
        heads = self.strength.shape[1]
        size = self.hidden_size // heads
        return DeltaNetState(
            zeros((*batch, heads, size, size), self.output),
            None if self.convolution is None else self.convolution.initial_state(batch),
        )

    def __call__(
        self, inputs: Inputs, mask: Mask, state: DeltaNetState
    ) -> tuple[Float[Array, "*batch time hidden"], DeltaNetState]:
        heads, size = state.memory.shape[-3:-1]
        mixed, earlier = project(self.drive, inputs), state.earlier
        if self.convolution is not None and earlier is not None:
            mixed, earlier = self.convolution(mixed, mask, earlier)
        mixed = jax.nn.silu(mixed)
        mixed = mixed.reshape(*mixed.shape[:-1], 3, heads, size)
        query, key, value = (mixed[..., part, :, :] for part in range(3))
        strength = (2 if self.negative else 1) * jax.nn.sigmoid(project(self.strength, inputs))
        kept = None if self.decay is None else self.decay(inputs)
        if mask is not None:
            strength = jnp.where(mask[..., None], strength, 0.0)
            kept = None if kept is None else jnp.where(mask[..., None], kept, 0.0)
        steps = Steps(_unit(query) * size**-0.5, _unit(key), value, strength, kept)
        time = mixed.ndim - 4
        steps = jax.tree.map(lambda each: jnp.moveaxis(each, time, 0), steps)
        read, memory = delta_rule(steps, state.memory)
        read = scale(_normed(jnp.moveaxis(read, 0, time)), self.norm)
        read = read.reshape(*read.shape[:-2], self.hidden_size)
        if self.gate is not None:
            read = read * jax.nn.silu(project(self.gate, inputs))
        if mask is not None:
            read = jnp.where(mask[..., None], read, 0.0)
        return read @ self.output, DeltaNetState(memory, earlier)


def _unit(vectors: Float[Array, "*axes feature"]) -> Float[Array, "*axes feature"]:
    """Divided by the norm; a vector of zeros stays one."""
    return vectors * jax.lax.rsqrt((vectors**2).sum(-1, keepdims=True) + _OF_UNIT)


def _normed(vectors: Float[Array, "*axes feature"]) -> Float[Array, "*axes feature"]:
    return vectors * jax.lax.rsqrt((vectors**2).mean(-1, keepdims=True) + _OF_NORM)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeltaNet(Blocks):
    """Residual blocks of memories written by the delta rule (`DeltaNetLayer`).

    Args:
        hidden_size: Features of a step, at least 1.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the memory of each block.
        heads: Memories side by side, each of hidden_size / heads features; 1 to 256, a divisor of
            hidden_size.
        negative: Eigenvalues from -1 to 1 rather than from 0 to 1.
        decay: Whether the memory decays, by a factor that each step chooses.
        gate: Whether each step gates what it reads. Gated DeltaNet has `decay` and `gate`.
        convolution: Whether a short convolution over four steps comes first.

    Raises:
        ValueError: `heads` does not divide `hidden_size`.

    >>> from longlag.models import Sizes
    >>> model = DeltaNet(hidden_size=6, heads=2)(Sizes(features=2, outputs=4, timesteps=5), 0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape, model.state_size
    ((3, 4), 72)
    """

    heads: int = knob(1, "Heads: parts of the features, each by itself.", at_least=1, at_most=256)
    negative: bool = knob(False, "Eigenvalues of the state from -1 to 1, not from 0 to 1.")
    decay: bool = knob(False, "The state decays, by a factor that each step chooses.")
    gate: bool = knob(False, "Each step gates what it reads from the state.")
    convolution: bool = knob(True, "A short convolution over four steps in front.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_heads("DeltaNet", self.heads, self.hidden_size, "hidden_size")

    @property
    def dynamics(self) -> Dynamics:
        return "reflections" if self.negative else "positive"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> DeltaNetLayer:
        return DeltaNetLayer.create(
            features,
            hidden_size,
            rng,
            heads=self.heads,
            negative=self.negative,
            decay=self.decay,
            gate=self.gate,
            convolution=self.convolution,
        )
