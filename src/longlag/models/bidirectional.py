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

    Only the forward layer carries state; the backward layer starts from zero at the end of each
    sample. With `last` each direction gives its final hidden state, as in Keras.
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
        forward, backward = (make_layer(sizes.features, hidden_size, rng) for _ in range(2))
        width = forward.hidden_size + backward.hidden_size
        return cls(forward, backward, Linear(width, sizes.outputs, rng))

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        return self.forwards.initial_state(batch)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        forward, state = self.forwards(inputs, mask, state)
        reverse_mask = None if mask is None else jnp.flip(mask, -1)
        zero = self.backwards.initial_state(forward.shape[:-2])
        reverse, _ = self.backwards(jnp.flip(inputs, time_axis(inputs)), reverse_mask, zero)
        ends = forward[..., -1:, :], reverse[..., -1:, :]
        hidden = ends if last else (forward, jnp.flip(reverse, -2))
        return self.readout(jnp.concatenate(hidden, axis=-1)), state


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bidirectional(ModelFactory):
    """Two layers of recurrent cells, one in each direction, and a dense output over both.

    Every output depends on the whole sample: the model is not causal, and the audit reports
    where an output can see later inputs.

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
