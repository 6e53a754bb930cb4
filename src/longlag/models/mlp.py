"""Multilayer perceptron: the baseline without memory."""

from __future__ import annotations

import dataclasses

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
    glorot_uniform,
    last_step,
    on_device,
    project,
    shift,
    time_axis,
)

_UNROLLED = 32  # steps of context


class MLPModel(Model):
    """A hidden layer over the last `context` steps, each with weights of its own.

    Steps before the start of the sample, and skipped steps, count as vectors of zeros.
    """

    kernel: Float[Array, "context feature hidden"]
    bias: Float[Array, " hidden"]
    readout: Linear

    def initial_state(self, batch: tuple[int, ...] = ()) -> tuple[()]:  # noqa: ARG002
        return ()

    def __call__(
        self, inputs: Inputs, mask: Mask, state: tuple[()], *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], tuple[()]]:
        context = len(self.kernel)
        time = time_axis(inputs)
        length = inputs.shape[time]
        ends = jnp.arange(length - 1 if last is True else 0, length)
        rows = (*inputs.shape[:time], len(ends))
        total = jnp.zeros((*rows, self.kernel.shape[-1]), self.kernel.dtype)

        def add(total: Array, kernel: Array, lag: int | Array) -> Array:
            """Add the product with the inputs `lag` steps earlier."""
            step = ends - lag
            present = jnp.broadcast_to(step >= 0, rows)
            if mask is not None:
                present = present & mask[..., step]
            product = project(kernel, jnp.take(inputs, jnp.maximum(step, 0), axis=time))
            return total + jnp.where(present[..., None], product, 0.0)

        if context <= _UNROLLED:
            for index in range(context):
                total = add(total, self.kernel[index], context - 1 - index)
        else:  # a scan, since compile time grows with each unrolled step
            lags = self.kernel, jnp.arange(context)[::-1]
            total, _ = jax.lax.scan(lambda total, each: (add(total, *each), None), total, lags)
        hidden = jax.nn.relu(shift(total, self.bias))
        return self.readout(last_step(hidden, mask, last) if last == "shown" else hidden), state


@dataclasses.dataclass(frozen=True, kw_only=True)
class MLP(ModelFactory):
    """One hidden layer of rectified units and a dense output: the baseline without memory.

    Args:
        hidden_size: Units of the hidden layer, at least 1.
        context: Number of latest steps in its input, flattened. 1 is the one-step form; by
            default the whole sample, the flattened-window form.

    >>> model = MLP(context=1)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape
    (3, 4)
    """

    hidden_size: int = knob(50, "Units of the hidden layer.", at_least=1)
    context: int | None = knob(
        None, "How many of the latest steps it gets, flattened. Default: all.", at_least=1
    )

    @property
    def window(self) -> int | None:
        return self.context

    def wider(self, window: int) -> str:
        return f"context={window}"

    @property
    def dynamics(self) -> Dynamics:
        return "window"

    @property
    def remembers(self) -> bool:
        return False

    @property
    def any_length(self) -> bool:
        return self.context is not None

    def __call__(self, sizes: Sizes, seed: int) -> MLPModel:
        rng = np.random.default_rng(seed)
        context = self.context or sizes.timesteps
        flat = np.asarray(glorot_uniform(rng, context * sizes.features, self.hidden_size))
        return MLPModel(
            kernel=on_device(flat.reshape(context, sizes.features, self.hidden_size)),
            bias=on_device(np.zeros(self.hidden_size)),
            readout=Linear(self.hidden_size, sizes.outputs, rng),
        )
