"""Transformer: causal attention within the sample, and nothing carried beyond it."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from longlag.knobs import knob
from longlag.models._base import Dynamics, Inputs, Linear, Mask, time_axis
from longlag.models.heads import check_heads
from longlag.models.initial import uniform
from longlag.models.layer import SequenceLayer
from longlag.models.residual import Blocks

Positions = Literal["rope", "alibi", "no"]
"""How a step shows where it stands: rotated queries and keys, a penalty of distance, not at all."""

_BASE = 10_000.0


class AttentionLayer(SequenceLayer):
    """Causal attention of several heads: each step reads all steps up to it.

        q, k, v = x W + b                          of each head
        s = q kᵀ / √d + position                   for this step and those before that count
        y = softmax(s) v O + c                     the heads side by side

    With `rope` the features i and i + d/2 of a query and a key are turned by p 10000^(-2i/d) at
    position p (an odd last feature is not), so that s depends on the distance alone. With `alibi`
    distance times 2^(-8h/heads) is taken from s at head h = 1 … heads, or what is published for
    a number that is no power of two. With `no` only the causal order tells. Positions count the
    steps that count, from 0 at the start of the sample. It has no state.

    4 D² + 4 D weights for D features in and out, W and O with bias. They begin as those of
    PyTorch's MultiheadAttention: W Glorot uniform as one matrix, O uniform in ±1/√D, biases 0.

    Sources: Vaswani et al. (2017); Su et al. (2021), RoFormer; Press et al. (2022), Train short,
    test long.

    >>> layer = AttentionLayer.create(2, 6, np.random.default_rng(0), heads=2)
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state
    ((3, 6), ())
    """

    drive: Linear
    output: Linear
    heads: int = eqx.field(static=True)
    positions: Positions = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        features: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        heads: int = 1,
        positions: Positions = "rope",
    ) -> AttentionLayer:
        drive = Linear(features, 3 * hidden_size, rng)
        output = Linear(hidden_size, hidden_size, rng)
        weight = uniform(rng, (hidden_size, hidden_size), hidden_size)
        output = eqx.tree_at(lambda output: output.weight, output, weight)
        return cls(drive, output, heads, positions)

    @property
    def hidden_size(self) -> int:
        return len(self.output.bias)

    def initial_state(self, batch: tuple[int, ...] = ()) -> tuple[()]:  # noqa: ARG002
        return ()

    def __call__(
        self, inputs: Inputs, mask: Mask, state: tuple[()]
    ) -> tuple[Float[Array, "*batch time hidden"], tuple[()]]:
        mixed = self.drive(inputs)
        mixed = mixed.reshape(*mixed.shape[:-1], 3, self.heads, -1)
        # (3, *batch, head, time, feature)
        mixed = jnp.moveaxis(jnp.moveaxis(mixed, -3, 0), -2, -3)
        query, key, value = mixed
        axis = time_axis(inputs) % inputs.ndim
        counts = jnp.ones(inputs.shape[: axis + 1], bool) if mask is None else mask
        places = jnp.cumsum(counts, axis=-1) - 1
        if self.positions == "rope":
            query, key = rotated(query, places), rotated(key, places)
        scores = query @ jnp.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
        if self.positions == "alibi":
            scores = scores - _penalties(places, self.heads).astype(scores.dtype)
        scores = jnp.where(_visible(counts)[..., None, :, :], scores, -jnp.inf)
        read = jnp.swapaxes(jax.nn.softmax(scores, axis=-1) @ value, -2, -3)
        hidden = self.output(read.reshape(*read.shape[:-2], self.hidden_size))
        return hidden if mask is None else jnp.where(mask[..., None], hidden, 0.0), state


def _visible(counts: Bool[Array, "*batch time"]) -> Bool[Array, "*batch time earlier"]:
    """Which steps each step reads; one that is skipped reads itself, as it must read something."""
    time = counts.shape[-1]
    ones = (1,) * (counts.ndim - 1)
    past = jnp.tril(jnp.ones((time, time), bool)).reshape(*ones, time, time)
    itself = jnp.eye(time, dtype=bool).reshape(*ones, time, time)
    return (past & counts[..., None, :]) | itself


def rotated(
    vectors: Float[Array, "*batch head time feature"], places: Int[Array, "*batch time"]
) -> Float[Array, "*batch head time feature"]:
    """Pairs of features turned by angles that grow with the place, the last pairs slowest."""
    half = vectors.shape[-1] // 2
    speeds = _BASE ** (-np.arange(half) / max(half, 1))
    speeds = jnp.asarray(speeds, vectors.dtype).reshape((1,) * places.ndim + (half,))
    angles = (places[..., None] * speeds)[..., None, :, :]
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    first, second = vectors[..., :half], vectors[..., half : 2 * half]
    turned = first * cos - second * sin, first * sin + second * cos
    return jnp.concatenate([*turned, vectors[..., 2 * half :]], axis=-1)


def _penalties(places: Int[Array, "*batch time"], heads: int) -> Float[Array, "..."]:
    distance = (places[..., :, None] - places[..., None, :])[..., None, :, :]
    return distance * jnp.asarray(slopes(heads)).reshape((1,) * (places.ndim - 1) + (heads, 1, 1))


def slopes(heads: int) -> np.ndarray:
    """The penalty of a step of distance for each head.

    2^(-8h/heads) for h = 1 … heads, a power of two; else those of the next smaller power n, and
    then every other one of those of 2n.

    >>> print(slopes(2), slopes(3))
    [0.0625     0.00390625] [0.0625     0.00390625 0.25      ]
    """
    power = 2 ** int(math.log2(heads))
    first = 2.0 ** (-8 * np.arange(1, power + 1) / power)
    return (
        np.concatenate([first, slopes(2 * power)[::2][: heads - power]]) if heads > power else first
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transformer(Blocks):
    """Residual blocks of causal attention (`AttentionLayer`), with a feed-forward part each.

    It reads the whole sample and carries nothing into the next. One block cannot find what
    followed the last time a symbol came: that takes two.

    Args:
        hidden_size: Features of a step, at least 1.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the attention of each block.
        heads: Heads, each of hidden_size / heads features; 1 to 256, a divisor of hidden_size.
        positions: `rope`: queries and keys are turned by their position; `alibi`: what is farther
            away counts for less; `no`: nothing tells the position but the causal order.

    Raises:
        ValueError: `heads` does not divide `hidden_size`.

    >>> from longlag.models import Sizes
    >>> model = Transformer(hidden_size=6, heads=2)(Sizes(features=2, outputs=4, timesteps=5), 0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape, model.state_size
    ((3, 4), 0)
    """

    layers: int = knob(2, "Residual blocks, one after another.", at_least=1, at_most=64)
    mlp: bool = knob(True, "A feed-forward part after the layer of each block.")
    heads: int = knob(1, "Heads: parts of the features, each by itself.", at_least=1, at_most=256)
    positions: Positions = knob("rope", "How a step shows where it stands.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_heads("Transformer", self.heads, self.hidden_size, "hidden_size")

    @property
    def dynamics(self) -> Dynamics:
        return "attention"

    @property
    def remembers(self) -> bool:
        return False

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> AttentionLayer:
        return AttentionLayer.create(
            features, hidden_size, rng, heads=self.heads, positions=self.positions
        )
