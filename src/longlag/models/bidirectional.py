"""Two recurrent layers over one sample, one of them from its end: not causal."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.arrays import Last
from longlag.knobs import knob
from longlag.models._base import Inputs, Linear, Mask, Model, ModelFactory, Sizes, State, time_axis
from longlag.models.cells import LAYERS, Cell
from longlag.models.layer import MakeLayer, SequenceLayer


class BidirectionalModel(Model):
    """A layer forwards, a layer backwards, and a dense output over both.

    Carried state is that of the layer that runs forwards; the other one begins each sample
    from zero, at its end. With `last` each direction gives the state it ends in, as in Keras.
    """

    forwards: SequenceLayer
    backwards: SequenceLayer
    readout: Linear

    @classmethod
    def create(
        cls, make_layer: MakeLayer, hidden_size: int, sizes: Sizes, seed: int
    ) -> BidirectionalModel:
        """A model of two such layers, freshly initialised."""
        rng = np.random.default_rng(seed)
        there, back = (make_layer(sizes.features, hidden_size, rng) for _ in range(2))
        return cls(there, back, Linear(there.hidden_size + back.hidden_size, sizes.outputs, rng))

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        return self.forwards.initial_state(batch)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        there, after = self.forwards(inputs, mask, state)
        turned = None if mask is None else jnp.flip(mask, -1)
        zero = self.backwards.initial_state(there.shape[:-2])
        back, _ = self.backwards(jnp.flip(inputs, time_axis(inputs)), turned, zero)
        both = (there[..., -1:, :], back[..., -1:, :]) if last else (there, jnp.flip(back, -2))
        return self.readout(jnp.concatenate(both, axis=-1)), after


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bidirectional(ModelFactory):
    """Two layers of recurrent cells, one in each direction, and a dense output over both.

    Every output depends on the whole sample: the model is not causal, and the audit says
    where that lets it see what comes after the step it speaks of.

    Args:
        cell: `lstm`, `gru` or `rnn`.
        hidden_size: Cells in each direction, at least 1.

    Source: Schuster and Paliwal (1997).

    >>> model = Bidirectional(cell="gru", hidden_size=3)(Sizes(2, 4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape
    (3, 4)
    """

    causal: ClassVar[bool] = False

    cell: Cell = knob("lstm", "Kind of recurrent cell.")
    hidden_size: int = knob(50, "Units in each direction.", at_least=1)

    def __call__(self, sizes: Sizes, seed: int) -> BidirectionalModel:
        make_layer = LAYERS[self.cell].create
        return BidirectionalModel.create(make_layer, self.hidden_size, sizes, seed)
