"""Residual blocks: the same surroundings for every layer, so that layers can be compared."""

from __future__ import annotations

import abc
import dataclasses
from typing import Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.arrays import Last
from longlag.knobs import knob
from longlag.models._base import (
    Dynamics,
    Inputs,
    Linear,
    Mask,
    Model,
    ModelFactory,
    Sizes,
    State,
    last_step,
    on_device,
    scale,
)
from longlag.models.cells import LAYERS, Cell
from longlag.models.layer import MakeLayer, SequenceLayer

L = TypeVar("L", bound=SequenceLayer)

_EPSILON = 1e-6
_MLP_FACTOR = 4


class RMSNorm(eqx.Module):
    """Features divided by the root of their mean square, times a learned scale, at first 1.

    Source: Zhang and Sennrich (2019).
    """

    scale: Float[Array, " feature"]

    @classmethod
    def create(cls, features: int) -> RMSNorm:
        return cls(on_device(np.ones(features)))

    def __call__(self, inputs: Float[Array, "*axes feature"]) -> Float[Array, "*axes feature"]:
        square = jnp.mean(inputs**2, axis=-1, keepdims=True)
        return scale(inputs * jax.lax.rsqrt(square + _EPSILON), self.scale)


class FeedForward(eqx.Module):
    """Two dense layers at each step, GELU between them: 8 D² + 5 D weights for width D."""

    wide: Linear
    narrow: Linear

    @classmethod
    def create(cls, width: int, rng: np.random.Generator) -> FeedForward:
        wide = _MLP_FACTOR * width
        return cls(Linear(width, wide, rng), Linear(wide, width, rng))

    def __call__(self, inputs: Float[Array, "*axes feature"]) -> Float[Array, "*axes feature"]:
        return self.narrow(jax.nn.gelu(self.wide(inputs)))


class Block(eqx.Module, Generic[L]):
    """x + layer(norm(x)), and then, where there is one, x + feed-forward(norm(x))."""

    norm: RMSNorm
    layer: L
    mlp_norm: RMSNorm | None
    mlp: FeedForward | None

    def __call__(
        self, steps: Float[Array, "*batch time feature"], mask: Mask, state: State
    ) -> tuple[Float[Array, "*batch time feature"], State]:
        mixed, state = self.layer(self.norm(steps), mask, state)
        steps = steps + mixed
        if self.mlp is not None and self.mlp_norm is not None:
            steps = steps + self.mlp(self.mlp_norm(steps))
        return steps, state


class ResidualModel(Model, Generic[L]):
    """A dense input, residual blocks around a layer each, a norm and a dense output.

    The state is a tuple with that of each layer.
    """

    embedding: Linear
    blocks: tuple[Block[L], ...]
    norm: RMSNorm
    readout: Linear

    @classmethod
    def create(
        cls,
        make_layer: MakeLayer[L],
        hidden_size: int,
        sizes: Sizes,
        seed: int,
        *,
        layers: int = 1,
        mlp: bool = False,
    ) -> ResidualModel[L]:
        """A model of such layers, freshly initialised.

        Args:
            make_layer: A function of features, hidden size and generator that returns a layer;
                both are the width of the blocks here.
            hidden_size: The width D of the blocks: features of a step between them.
            sizes: The sizes of the problem.
            seed: Seed of the initial weights.
            layers: Number of blocks.
            mlp: Whether a feed-forward part follows the layer in each block.

        Raises:
            ValueError: The hidden vectors of the layer have another length than its inputs.
        """
        rng = np.random.default_rng(seed)
        embedding = Linear(sizes.features, hidden_size, rng)
        blocks = []
        for _ in range(layers):
            layer = make_layer(hidden_size, hidden_size, rng)
            if layer.hidden_size != hidden_size:
                raise ValueError(
                    f"ResidualModel: the layer must give as many features as it takes "
                    f"({hidden_size}), got {layer.hidden_size}. Use make_layer(features, "
                    "hidden_size, rng) as it is called."
                )
            after = (
                (RMSNorm.create(hidden_size), FeedForward.create(hidden_size, rng))
                if mlp
                else (None, None)
            )
            blocks.append(Block(RMSNorm.create(hidden_size), layer, *after))
        readout = Linear(hidden_size, sizes.outputs, rng)
        return cls(embedding, tuple(blocks), RMSNorm.create(hidden_size), readout)

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        states = tuple(block.layer.initial_state(batch) for block in self.blocks)
        return states if jax.tree.leaves(states) else ()

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        steps = self.embedding(inputs)
        if mask is not None:  # what is skipped shows nothing past the layers either
            steps = jnp.where(mask[..., None], steps, 0.0)
        without = not jax.tree.leaves(state)
        states = [()] * len(self.blocks) if without else state
        after = []
        for block, each in zip(self.blocks, states, strict=True):
            steps, each = block(steps, mask, each)
            after.append(each)
        steps = last_step(steps, mask, last) if last else steps
        return self.readout(self.norm(steps)), () if without else tuple(after)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blocks(ModelFactory):
    """Base of the models of residual blocks around a layer of their own (`ResidualModel`)."""

    hidden_size: int = knob(50, "Units.", at_least=1)
    layers: int = knob(1, "Residual blocks, one after another.", at_least=1, at_most=64)
    mlp: bool = knob(False, "A feed-forward part after the layer of each block.")

    @abc.abstractmethod
    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> SequenceLayer:
        """A freshly initialised layer."""

    def __call__(self, sizes: Sizes, seed: int) -> ResidualModel:
        return ResidualModel.create(
            self.layer, self.hidden_size, sizes, seed, layers=self.layers, mlp=self.mlp
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Residual(Blocks):
    """Residual blocks around recurrent cells: the baseline in the surroundings of newer layers.

    Args:
        cell: `lstm`, `gru` or `rnn`.
        hidden_size: Units, and features between the blocks, at least 1.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the cells of each block.

    >>> model = Residual(cell="gru", hidden_size=3, layers=2)(Sizes(2, 4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape, model.state_size
    ((3, 4), 6)
    """

    cell: Cell = knob("lstm", "Kind of recurrent cell.")

    @property
    def dynamics(self) -> Dynamics:
        return "nonlinear"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> SequenceLayer:
        return LAYERS[self.cell].create(features, hidden_size, rng)
