"""The mLSTM: a matrix as memory, exponential gates, and no product of the hidden state."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import Dynamics, Inputs, Mask, on_device, project, scale, shift, zeros
from longlag.models.convolution import ShortConvolution
from longlag.models.heads import HeadNorm, check_heads, in_blocks
from longlag.models.initial import normal, small_normal
from longlag.models.layer import SequenceLayer
from longlag.models.residual import Blocks
from longlag.models.scans import linear_scan

_WIDER = 2  # features inside the layer for each one outside
_BLOCK = 4  # features that are projected together to a query, a key or a value
_REACH = 4  # steps of the short convolution
_EPSILON = 1e-6
_NEVER = -1e30  # log of an input gate that is shut; that of infinity has no finite gradient
_CHUNK = 64


class MLSTMState(NamedTuple):
    """The memory of an mLSTM, its stabiliser, and the steps that its convolution looks back at.

    Memory and normaliser stand for exp(stabiliser) times what is stored.
    """

    memory: Float[Array, "*batch head key value"]
    normaliser: Float[Array, "*batch head key"]
    stabiliser: Float[Array, "*batch head"]
    earlier: Float[Array, "*batch reach inner"]


class MLSTMLayer(SequenceLayer):
    """Long short-term memory with a matrix as memory, of which queries read.

        u, z = x U                           twice as many features as the layer has units
        c = silu(convolution(u))             of the last 4 steps; c = silu(u) without
        q, k, v = c Q, c K / √d, u V         of each head, d features; Q, K, V in blocks of 4
        i = exp([q, k √d, v] A + a)          the input gate of each head
        f = sigmoid([q, k √d, v] B + b)      its forget gate
        M' = f M + i k v                     the memory, a matrix d × d
        n' = f n + i k                       the normaliser
        h = q M' / max(|q n'|, 1)            read by the query
        y = ((norm(h) + s c) silu(z)) W      norm over each head, skip, gate, output

    M and n are stored over exp(m) for m' = max(m + log f, log i, 0), so that no exponential
    overflows. h is the same for every m, but for rounding and the 1e-6 that is added to its
    divisor in these units; so the source's m, without the 0, gives the same, and no gradient
    goes through m. A chunk of steps is read at once, chunk after chunk.

    The memory keeps a share f > 0 of each of its entries, so it counts and stores, but does not
    change sign with each input as parity asks for.

    Args:
        up: U, and without a bias as all matrices but the gates'.
        convolution: The short convolution, or None.
        query, key, value: Q, K and V, in blocks of 4 features (of 2 where D is odd).
        gate_weight, gate_bias: A and B side by side, at first 0; a normal with deviation 0.1, b
            from 3 to 6 over the heads.
        norm, skip, down: The scale of the norm and s, at first 1; W.

    Shapes: for D units of as many inputs and heads of d = 2 D / heads features, 6 D² + 24 D
        weights of the matrices, 10 D of the convolution, 2 heads (6 D + 1) of the gates, 4 D of
        norm and skip. The state has heads (d² + d + 1) numbers, and 6 D for the convolution.

    Differs from the reference implementation in the 0 in m; without a convolution it gives what
    that gives with one that passes the input through. What surrounds it in the source, a layer
    norm and the sum with x, is that of `ResidualModel`, which has a root mean square norm.

    Source: Beck et al. (2024), xLSTM; initial weights of NX-AI/xlstm.

    >>> layer = MLSTMLayer.create(features=2, hidden_size=4, rng=np.random.default_rng(0), heads=2)
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.memory.shape
    ((3, 4), (2, 4, 4))
    """

    up: Float[Array, "feature twice_inner"]
    convolution: ShortConvolution | None
    query: Float[Array, "block feature_in feature_out"]
    key: Float[Array, "block feature_in feature_out"]
    value: Float[Array, "block feature_in feature_out"]
    gate_weight: Float[Array, "three_inner twice_heads"]
    gate_bias: Float[Array, " twice_heads"]
    norm: HeadNorm
    skip: Float[Array, " inner"]
    down: Float[Array, "inner hidden"]

    @classmethod
    def create(
        cls,
        features: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        heads: int = 1,
        convolution: bool = True,
        blocks: int = 1,
    ) -> MLSTMLayer:
        """A layer with the initial weights of the reference implementation.

        Args:
            features: Features of its inputs.
            hidden_size: Features of its outputs, D; inside there are twice as many.
            rng: The generator of the weights.
            heads: Memories, a divisor of 2 D.
            convolution: Whether queries and keys see the last 4 steps.
            blocks: Layers of the network, whose outputs are summed: the deviation of the output
                weights is 2 / blocks / √D.

        Raises:
            ValueError: The heads do not divide 2 D.
        """
        inner = _WIDER * hidden_size
        check_heads("MLSTMLayer", heads, inner, "2 × hidden_size", least=2)
        block = math.gcd(inner, _BLOCK)
        up = small_normal(rng, (features, 2 * inner), features)
        short = ShortConvolution.create(inner, _REACH, rng) if convolution else None
        query, key, value = (
            small_normal(rng, (inner // block, block, block), hidden_size) for _ in range(3)
        )
        bias = np.concatenate([rng.normal(0, 0.1, heads), np.linspace(3, 6, heads)])
        return cls(
            up=up,
            convolution=short,
            query=query,
            key=key,
            value=value,
            gate_weight=on_device(np.zeros((3 * inner, 2 * heads))),
            gate_bias=on_device(bias),
            norm=HeadNorm.create(inner, heads),
            skip=on_device(np.ones(inner)),
            down=normal(rng, (inner, hidden_size), 2 / blocks / math.sqrt(hidden_size)),
        )

    @property
    def hidden_size(self) -> int:
        return self.down.shape[1]

    @property
    def heads(self) -> int:
        """Number of memories."""
        return self.norm.heads

    def initial_state(self, batch: tuple[int, ...] = ()) -> MLSTMState:
        size = len(self.skip) // self.heads
        reach = 0 if self.convolution is None else _REACH - 1
        shapes = (
            (self.heads, size, size),
            (self.heads, size),
            (self.heads,),
            (reach, len(self.skip)),
        )
        return MLSTMState(*(zeros((*batch, *shape), self.up) for shape in shapes))

    def __call__(
        self, inputs: Inputs, mask: Mask, state: MLSTMState
    ) -> tuple[Float[Array, "*batch time hidden"], MLSTMState]:
        ahead, gate = jnp.split(project(self.up, inputs), 2, axis=-1)
        looked, earlier = ahead, state.earlier
        if self.convolution is not None:
            looked, earlier = self.convolution(ahead, mask, state.earlier)
        looked = jax.nn.silu(looked)
        seen = (
            in_blocks(looked, self.query), in_blocks(looked, self.key), in_blocks(ahead, self.value)
        )  # fmt: skip
        opened = shift(jnp.concatenate(seen, axis=-1) @ self.gate_weight, self.gate_bias)
        query, key, value = (self._by_head(each) for each in seen)
        input, forget = (jnp.moveaxis(each, -1, -2) for each in jnp.split(opened, 2, axis=-1))
        read, after = read_memory(
            query, key / math.sqrt(key.shape[-1]), value, input, jax.nn.log_sigmoid(forget), mask,
            state,
        )  # fmt: skip
        read = jnp.moveaxis(read, -3, -2).reshape(looked.shape)
        hidden = ((self.norm(read) + scale(looked, self.skip)) * jax.nn.silu(gate)) @ self.down
        if mask is not None:
            hidden = jnp.where(mask[..., None], hidden, 0.0)
        return hidden, after._replace(earlier=earlier)

    def _by_head(self, steps: Array) -> Array:
        """`(*batch, time, inner)` as `(*batch, head, time, feature)`."""
        return jnp.moveaxis(steps.reshape(*steps.shape[:-1], self.heads, -1), -2, -3)


def read_memory(
    query: Float[Array, "*batch head time key"],
    key: Float[Array, "*batch head time key"],
    value: Float[Array, "*batch head time value"],
    input: Float[Array, "*batch head time"],
    forget: Float[Array, "*batch head time"],
    mask: Mask,
    state: MLSTMState,
    chunk: int = _CHUNK,
) -> tuple[Float[Array, "*batch head time value"], MLSTMState]:
    """What the queries read from a memory to which values are added under their keys.

    Args:
        query, key, value: Of each step and head.
        input, forget: The logarithms of the gates.
        mask: `(*batch, time)`, false where a step is skipped; what is read there is arbitrary,
            but finite. None where every step counts.
        state: The memory before the first step.
        chunk: The most steps that are read at once.

    Returns:
        h of each step, and the memory after the last.
    """
    time = query.shape[-2]
    if mask is not None:
        input = jnp.where(mask[..., None, :], input, _NEVER)
        forget = jnp.where(mask[..., None, :], forget, 0.0)
    count = -(-time // chunk)
    length = -(-time // count)

    def chunked(steps: Array, axis: int, fill: float = 0.0) -> Array:
        """Time as chunks; the steps that fill up the last one are as if they were skipped."""
        axis += steps.ndim
        widths = [(0, count * length - time if each == axis else 0) for each in range(steps.ndim)]
        steps = jnp.pad(steps, widths, constant_values=fill)
        return steps.reshape(*steps.shape[:axis], count, length, *steps.shape[axis + 1 :])

    query, key, value = (chunked(each, -2) for each in (query, key, value))
    input, forget = chunked(input, -1, _NEVER), jnp.cumsum(chunked(forget, -1), axis=-1)
    before, at, after = _stabilisers(input, forget, state.stabiliser)

    # Within a chunk: the share of each step's value that a later step reads.
    ages = forget[..., :, None] - forget[..., None, :] + (input[..., None, :] - at[..., :, None])
    earlier = np.tri(length, dtype=bool).reshape((1,) * (ages.ndim - 2) + (length, length))
    shares = (query @ jnp.swapaxes(key, -1, -2)) * jnp.exp(jnp.where(earlier, ages, _NEVER))

    # From chunk to chunk: the memory at the start of each.
    total = forget[..., -1]
    stored = key * jnp.exp(total[..., None] - forget + (input - after[..., None]))[..., None]
    kept = jnp.exp(total + before - after)
    memory = _starts(kept[..., None, None], jnp.swapaxes(stored, -1, -2) @ value, state.memory, 2)
    normaliser = _starts(kept[..., None], stored.sum(axis=-2), state.normaliser, 1)

    # One product: that of a memory known to be zero came out wrong, fused by jax 0.10.2 for CPUs.
    asked = query * jnp.exp(forget + before[..., None] - at)[..., None]
    shown = jnp.concatenate([value, memory[0]], axis=-2)
    read = jnp.concatenate([shares, asked], axis=-1) @ shown
    size = shares.sum(axis=-1) + (asked * normaliser[0][..., None, :]).sum(axis=-1)
    read = read / (jnp.maximum(jnp.abs(size), jnp.exp(-at)) + _EPSILON)[..., None]
    read = read.reshape(*read.shape[:-3], count * length, -1)[..., :time, :]
    return read, state._replace(
        memory=memory[1], normaliser=normaliser[1], stabiliser=after[..., -1]
    )


def _stabilisers(
    input: Float[Array, "*axes chunk time"],
    forget: Float[Array, "*axes chunk time"],
    start: Float[Array, "*axes"],
) -> tuple[Array, Array, Array]:
    """m before each chunk, at each step, and after each chunk; a gradient by `start` alone.

    `forget` is the sum of the logarithms from the start of the chunk on.
    """
    input, forget = jax.lax.stop_gradient((input, forget))
    reached = forget + jax.lax.cummax(input - forget, axis=input.ndim - 1)

    def step(stabiliser: Array, each: tuple[Array, Array]) -> tuple[Array, Array]:
        total, most = each
        stabiliser = jnp.maximum(jnp.maximum(total + stabiliser, most), 0.0)
        return stabiliser, stabiliser

    ends = jnp.moveaxis(forget[..., -1], -1, 0), jnp.moveaxis(reached[..., -1], -1, 0)
    after = jax.lax.scan(step, jax.lax.stop_gradient(start), ends)[1]
    before = jnp.moveaxis(jnp.concatenate([start[None], after[:-1]]), 0, -1)
    held = jax.lax.stop_gradient(before)[..., None] + forget
    at = jnp.maximum(jnp.maximum(held, reached), 0.0)
    return before, at, jnp.moveaxis(after, 0, -1)


def _starts(kept: Array, added: Array, start: Array, axes: int) -> tuple[Array, Array]:
    """The states before each chunk, and that after the last; a chunk is `axes` before the end."""
    place = -1 - axes
    after = linear_scan(jnp.moveaxis(kept, place, 0), jnp.moveaxis(added, place, 0), start)
    before = jnp.concatenate([start[None], after[:-1]])
    return jnp.moveaxis(before, 0, place), after[-1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MLSTM(Blocks):
    """Residual blocks of long short-term memories with a matrix as memory (`MLSTMLayer`).

    Args:
        hidden_size: Features between the blocks, at least 1; twice as many inside.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the memory of each block; not in the source.
        heads: Memories of a block, a divisor of `hidden_size` (or of twice that): more of them are
            smaller.
        convolution: Whether queries and keys see the last 4 steps, or their own alone.

    Raises:
        ValueError: A knob is outside its range, or `heads` does not divide 2 × `hidden_size`.

    >>> from longlag.models import Sizes
    >>> model = MLSTM(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape
    (3, 4)
    """

    heads: int = knob(1, "Heads, each with a memory of its own.", at_least=1)
    convolution: bool = knob(True, "A short convolution, over the last 4 steps.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_heads("MLSTM", self.heads, _WIDER * self.hidden_size, "2 × hidden_size", least=2)

    @property
    def dynamics(self) -> Dynamics:
        return "positive"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> MLSTMLayer:
        return MLSTMLayer.create(
            features,
            hidden_size,
            rng,
            heads=self.heads,
            convolution=self.convolution,
            blocks=self.layers,
        )
