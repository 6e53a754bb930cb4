"""Layers: (inputs, mask, state) -> (hidden, state), as Equinox modules."""

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
    """Base of all layers: a hidden vector for every step of a sequence, and a state.

    A layer may run over time in any way: a scan, an associative scan, a convolution, attention.
    Any leading batch axes, or none; rows are independent. Subclasses are abstract or final: no
    class overrides a method that its base implements.
    """

    @classmethod
    @abc.abstractmethod
    def create(cls: type[L], features: int, hidden_size: int, rng: np.random.Generator) -> L:
        """A freshly initialised layer for inputs with this number of features."""

    @property
    @abc.abstractmethod
    def hidden_size(self) -> int:
        """Length of the hidden vector of a step."""

    @abc.abstractmethod
    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        """The zero state for these batch axes; an empty tuple for a layer without state."""

    @abc.abstractmethod
    def __call__(
        self, inputs: Inputs, mask: Mask, state: State
    ) -> tuple[Float[Array, "*batch time hidden"], State]:
        """Run over the time axis.

        Args:
            inputs: Features, or integers that stand for one-hot vectors.
            mask: False where a step is skipped: the state does not change, and no output
                depends on the inputs of that step. None where every step counts.
            state: The initial state of the rows.

        Returns:
            The hidden vectors and the final state. A sequence run in two pieces, from that state
            on, gives the same as in one, unless the layer has no state.
        """


class GatedLayer(SequenceLayer):
    """Base of the layers with access to gates and states."""

    @abc.abstractmethod
    def gates(self, inputs: Inputs, mask: Mask = None, state: Any = None) -> Any:
        """Every gate and state over time, by name: a named tuple, `(*batch, time, hidden)` each.

        One of them is `hidden`, the output of the layer. A skipped step leaves states unchanged.
        """


MakeLayer = Callable[[int, int, np.random.Generator], L]
"""A function of features, hidden size and generator that returns a layer: its `create`."""


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
        # The readout costs more than the cell: skip the steps that nobody reads.
        return self.readout(last_step(hidden, mask, last) if last else hidden), state
