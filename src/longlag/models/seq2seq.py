"""Encoder and decoder: one layer reads the input, another predicts the answer."""

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
    DecoderTargets,
    Inputs,
    Linear,
    Mask,
    ModelFactory,
    Sizes,
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
        """The attention weights of each output over the input steps; they add up to 1."""
        scores = (query @ self.score) @ jnp.swapaxes(memory, -1, -2)
        if mask is not None:
            scores = jnp.where(mask[..., None, :], scores, -jnp.inf)
        return jax.nn.softmax(scores, axis=-1)

    def __call__(self, query: Array, memory: Array, mask: Mask) -> Array:
        context = self.weights(query, memory, mask) @ memory
        return jnp.tanh(self.mix(jnp.concatenate([context, query], axis=-1)))


class Seq2SeqModel(Decoder):
    """An encoder, a decoder that starts from the encoder's final state, and a dense readout.

    The inputs of the decoder have one feature more than the targets, for the start token.
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
        final, start = (
            jax.tree.map(jnp.shape, each.initial_state()) for each in (encoder, decoder)
        )
        if final != start or final == ():
            raise ValueError(
                "Seq2Seq: the state of `make_layer` must be of one shape for any features, got "
                f"{final} of the encoder and {start} of the decoder. Use a recurrent layer."
            )
        width = encoder.hidden_size
        attention_layer = None
        if attention:
            attention_layer = Attention(
                glorot_uniform(rng, width, width), Linear(2 * width, width, rng)
            )
        return cls(encoder, decoder, attention_layer, Linear(width, sizes.outputs, rng))

    @property
    def state_size(self) -> int | None:
        return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(self.encoder.initial_state()))

    def decode_teacher_forced(
        self, inputs: Inputs, mask: Mask, targets: DecoderTargets
    ) -> Float[Array, "*batch target output"]:
        memory, state = self._encode(inputs, mask)
        time = time_axis(targets)
        first = jax.lax.slice_in_dim(targets, 0, 1, axis=time)
        previous = jax.lax.slice_in_dim(targets, 0, targets.shape[time] - 1, axis=time)
        shifted = jnp.concatenate([self._start_token(first), _decoder_input(previous)], axis=time)
        hidden, _ = self.decoder(shifted, None, state)
        return self._outputs(hidden, memory, mask)

    def decode_free_running(
        self, inputs: Inputs, mask: Mask, feedback: Callable[[Array], Array], count: int
    ) -> Float[Array, "*batch target output"]:
        memory, state = self._encode(inputs, mask)
        no_output = jnp.zeros((*memory.shape[:-2], 1, self.readout.weight.shape[1]))

        def step(carry, _):
            previous, state = carry
            hidden, state = self.decoder(previous, None, state)
            output = self._outputs(hidden, memory, mask)
            return (_decoder_input(feedback(output)), state), output[..., 0, :]

        start = self._start_token(feedback(no_output))
        _, outputs = jax.lax.scan(step, (start, state), None, length=count)
        return jnp.moveaxis(outputs, 0, -2)

    def _encode(self, inputs: Inputs, mask: Mask) -> tuple[Array, Any]:
        zero = self.encoder.initial_state(inputs.shape[: time_axis(inputs)])
        return self.encoder(inputs, mask, zero)

    def _outputs(self, hidden: Array, memory: Array, mask: Mask) -> Array:
        if self.attention is not None:
            hidden = self.attention(hidden, memory, mask)
        return self.readout(hidden)

    def _start_token(self, like: Array) -> Array:
        """The input before the first value: one class more, or one feature more."""
        index = self.readout.weight.shape[1]
        if _is_integer(like):
            return jnp.full_like(like, index)
        return jnp.zeros_like(_decoder_input(like)).at[..., index].set(1.0)


def _is_integer(values: Array) -> bool:
    return jnp.issubdtype(values.dtype, jnp.integer)


def _decoder_input(values: Array) -> Array:
    """Values as inputs of the decoder: reals get the feature of the start token, 0."""
    return (
        values if _is_integer(values) else jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, 1)])
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seq2Seq(ModelFactory):
    """Encoder and decoder of recurrent cells, for the framing `EncoderDecoder`.

    The decoder starts from the final state of the encoder. Its input at each step is the
    previous value of the answer.

    Args:
        cell: `lstm`, `gru` or `rnn`.
        hidden_size: Cells of the encoder, and of the decoder, at least 1.
        attention: Whether each output looks back at every state of the encoder.

    Source: Sutskever, Vinyals and Le (2014); attention after Luong et al. (2015).

    >>> model = Seq2Seq(hidden_size=3)(Sizes(features=3, outputs=2, timesteps=5), seed=0)
    >>> model.decode_teacher_forced(jnp.array([0, 1, 1]), None, targets=jnp.array([1, 1])).shape
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
