"""Encoder and decoder: one layer reads the input, another gives the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import (
    Decoder,
    Inputs,
    Linear,
    Mask,
    ModelFactory,
    Sizes,
    Told,
    glorot_uniform,
    time_axis,
)
from longlag.models.cells import LAYERS, Cell
from longlag.models.layer import MakeLayer, SequenceLayer


class Attention(eqx.Module):
    """A look back at every state of the encoder: Luong's global attention, general score.

    Source: Luong, Pham and Manning (2015).
    """

    score: Float[Array, "hidden hidden"]
    mix: Linear

    def weights(
        self, query: Array, memory: Array, mask: Mask
    ) -> Float[Array, "*batch target time"]:
        """How much each output looks at each step, adding up to 1."""
        scores = (query @ self.score) @ jnp.swapaxes(memory, -1, -2)
        if mask is not None:
            scores = jnp.where(mask[..., None, :], scores, -jnp.inf)
        return jax.nn.softmax(scores, axis=-1)

    def __call__(self, query: Array, memory: Array, mask: Mask) -> Array:
        context = self.weights(query, memory, mask) @ memory
        return jnp.tanh(self.mix(jnp.concatenate([context, query], axis=-1)))


class Seq2SeqModel(Decoder):
    """An encoder, a decoder that starts from the state in which it ended, a dense output.

    What is told to the decoder has one feature more than an answer: a start, told first.
    """

    encoder: SequenceLayer
    decoder: SequenceLayer
    attention: Attention | None
    readout: Linear

    @classmethod
    def create(
        cls, make_layer: MakeLayer, hidden_size: int, sizes: Sizes, seed: int, attention: bool
    ) -> Seq2SeqModel:
        """A model of two such layers, freshly initialised.

        Raises:
            ValueError: The decoder cannot start from the state of the encoder.
        """
        rng = np.random.default_rng(seed)
        encoder = make_layer(sizes.features, hidden_size, rng)
        decoder = make_layer(sizes.outputs + 1, hidden_size, rng)
        left, begun = (jax.tree.map(jnp.shape, each.initial_state()) for each in (encoder, decoder))
        if left != begun or left == ():
            raise ValueError(
                "Seq2Seq: the state of `make_layer` must be of one shape for any features, got "
                f"{left} of the encoder and {begun} of the decoder. Use a recurrent layer."
            )
        width = encoder.hidden_size
        looks = None
        if attention:
            looks = Attention(glorot_uniform(rng, width, width), Linear(2 * width, width, rng))
        return cls(encoder, decoder, looks, Linear(width, sizes.outputs, rng))

    def decode_teacher_forced(
        self, inputs: Inputs, mask: Mask, told: Told
    ) -> Float[Array, "*batch target output"]:
        memory, state = self._read(inputs, mask)
        time = time_axis(told)
        first = jax.lax.slice_in_dim(told, 0, 1, axis=time)
        rest = jax.lax.slice_in_dim(told, 0, told.shape[time] - 1, axis=time)
        heard = jnp.concatenate([self._start(first), _heard(rest)], axis=time)
        hidden, _ = self.decoder(heard, None, state)
        return self._say(hidden, memory, mask)

    def decode_free_running(
        self, inputs: Inputs, mask: Mask, say: Callable[[Array], Array], count: int
    ) -> Float[Array, "*batch target output"]:
        memory, state = self._read(inputs, mask)
        nothing = jnp.zeros((*memory.shape[:-2], 1, self.readout.weight.shape[1]))

        def step(carried, _):
            heard, state = carried
            hidden, state = self.decoder(heard, None, state)
            output = self._say(hidden, memory, mask)
            return (_heard(say(output)), state), output[..., 0, :]

        start = self._start(say(nothing))
        _, outputs = jax.lax.scan(step, (start, state), None, length=count)
        return jnp.moveaxis(outputs, 0, -2)

    def _read(self, inputs: Inputs, mask: Mask) -> tuple[Array, Any]:
        zero = self.encoder.initial_state(inputs.shape[: time_axis(inputs)])
        return self.encoder(inputs, mask, zero)

    def _say(self, hidden: Array, memory: Array, mask: Mask) -> Array:
        if self.attention is not None:
            hidden = self.attention(hidden, memory, mask)
        return self.readout(hidden)

    def _start(self, like: Array) -> Array:
        """What is told before the first value: a class or a feature of its own."""
        place = self.readout.weight.shape[1]
        if _classes(like):
            return jnp.full_like(like, place)
        return jnp.zeros_like(_heard(like)).at[..., place].set(1.0)


def _classes(said: Array) -> bool:
    return jnp.issubdtype(said.dtype, jnp.integer)


def _heard(said: Array) -> Array:
    """Values as the decoder is told them: reals get the feature of the start, empty."""
    return said if _classes(said) else jnp.pad(said, [(0, 0)] * (said.ndim - 1) + [(0, 1)])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seq2Seq(ModelFactory):
    """Encoder and decoder of recurrent cells, for the framing `EncoderDecoder`.

    The decoder starts from the state in which the encoder ended and hears, before each
    value of the answer, the one before it.

    Args:
        cell: `lstm`, `gru` or `rnn`.
        hidden_size: Cells of the encoder, and of the decoder, at least 1.
        attention: Whether each output looks back at every state of the encoder.

    Source: Sutskever, Vinyals and Le (2014); attention after Luong et al. (2015).

    >>> model = Seq2Seq(hidden_size=3)(Sizes(features=3, outputs=2, timesteps=5), seed=0)
    >>> model.decode_teacher_forced(jnp.array([0, 1, 1]), None, told=jnp.array([1, 1])).shape
    (2, 2)
    >>> largest = lambda outputs: outputs.argmax(-1)
    >>> model.decode_free_running(jnp.array([0, 1, 1]), None, largest, count=4).shape
    (4, 2)
    """

    decodes: ClassVar[bool] = True

    cell: Cell = knob("lstm", "Kind of recurrent cell.")
    hidden_size: int = knob(50, "Units of the encoder, and of the decoder.", at_least=1)
    attention: bool = knob(False, "Attention over the whole input.")

    def __call__(self, sizes: Sizes, seed: int) -> Seq2SeqModel:
        make_layer = LAYERS[self.cell].create
        return Seq2SeqModel.create(make_layer, self.hidden_size, sizes, seed, self.attention)
