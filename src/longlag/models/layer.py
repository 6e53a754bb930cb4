"""What every layer of a model is: (inputs, mask, state) -> (hidden, state), an Equinox module."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from longlag.arrays import Last
from longlag.models._base import Inputs, Linear, Mask, Model, Sizes, State, last_step

L = TypeVar("L", bound="SequenceLayer")


class SequenceLayer(eqx.Module):
    """Base of all layers: a hidden vector for every step of a sequence, and a state to carry on.

    How it goes over time is its own business: a scan, an associative scan, a convolution,
    attention. Any leading batch axes, or none; every row stands alone. The kinds of layer below
    it are abstract or final: what one implements, none below it implements anew.
    """

    @classmethod
    @abc.abstractmethod
    def create(cls: type[L], features: int, hidden_size: int, rng: np.random.Generator) -> L:
        """A freshly initialised layer for inputs of so many features."""

    @property
    @abc.abstractmethod
    def hidden_size(self) -> int:
        """Width of the hidden vector of a step."""

    @abc.abstractmethod
    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        """The zero state for the given batch axes; an empty tuple where nothing is carried."""

    @abc.abstractmethod
    def __call__(
        self, inputs: Inputs, mask: Mask, state: State
    ) -> tuple[Float[Array, "*batch time hidden"], State]:
        """Run over the time axis.

        Args:
            inputs: Features, or integers that stand for one-hot vectors.
            mask: False where a step is passed over: the state stays as it was, and nothing
                depends on what that step shows. None where every step counts.
            state: What the rows start from.

        Returns:
            The hidden vectors and the state they end in. From that state the steps that follow
            give what they give in one piece, unless nothing is carried.
        """


class GatedLayer(SequenceLayer):
    """Base of the layers whose gates and states can be read."""

    @abc.abstractmethod
    def gates(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> Any:
        """Every gate and state over time, by name: a named tuple, `(*batch, time, hidden)` each.

        One of them is `hidden`, what the layer gives. At a step passed over a state is as it was.
        """


MakeLayer = Callable[[int, int, np.random.Generator], L]
"""Makes a layer of features, hidden size and random draws: `create` of a kind of layer."""


class RecurrentModel(Model, Generic[L]):
    """One layer and a dense output."""

    layer: L
    readout: Linear

    @classmethod
    def create(
        cls, make_layer: MakeLayer[L], hidden_size: int, sizes: Sizes, seed: int
    ) -> RecurrentModel[L]:
        """A model of one such layer, freshly initialised."""
        rng = np.random.default_rng(seed)
        layer = make_layer(sizes.features, hidden_size, rng)
        return cls(layer, Linear(layer.hidden_size, sizes.outputs, rng))

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        return self.layer.initial_state(batch)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        hidden, state = self.layer(inputs, mask, state)
        # The dense layer is dear beside the cell: keep it off the steps nobody reads.
        return self.readout(last_step(hidden, mask, last) if last else hidden), state
