"""Temporal convolutional network: what it sees is a window, however it is trained."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import (
    Dynamics,
    Inputs,
    Mask,
    ModelFactory,
    Sizes,
    on_device,
    scale,
    shift,
    time_axis,
    zeros,
)
from longlag.models.convolution import earlier_steps
from longlag.models.initial import normal, uniform
from longlag.models.layer import RecurrentModel, SequenceLayer

_MOST_LEVELS = 12
_SMALL = 0.01  # deviation of the initial weights of a change of width


class DilatedConvolution(eqx.Module):
    """y[t] = Σ x[t - (K - 1 - j) dilation] W[j] + b over j = 0 … K - 1, with weight norm.

    W is g V / |V|, with a norm and a scale g for each output. V and b begin as PyTorch's
    convolution does, uniform in ±1/√(K features), and g as |V|.

    Source of the weight norm: Salimans and Kingma (2016).
    """

    direction: Float[Array, "kernel feature output"]
    size: Float[Array, " output"]
    bias: Float[Array, " output"]
    dilation: int = eqx.field(static=True)

    @classmethod
    def create(
        cls, features: int, outputs: int, kernel: int, dilation: int, rng: np.random.Generator
    ) -> DilatedConvolution:
        fan_in = kernel * features
        direction = uniform(rng, (kernel, features, outputs), fan_in)
        size = on_device(np.sqrt((np.asarray(direction, float) ** 2).sum((0, 1))))
        return cls(direction, size, uniform(rng, (outputs,), fan_in), dilation)

    @property
    def weight(self) -> Float[Array, "kernel feature output"]:
        norm = jnp.sqrt((self.direction**2).sum((0, 1)))
        return scale(self.direction, self.size / norm)

    def initial_state(self, batch: tuple[int, ...] = ()) -> Float[Array, "*batch reach feature"]:
        kernel, features, _ = self.direction.shape
        return zeros((*batch, (kernel - 1) * self.dilation, features), self.bias)

    def __call__(
        self,
        inputs: Float[Array, "*batch time feature"],
        mask: Mask,
        state: Float[Array, "*batch reach feature"],
    ) -> tuple[Float[Array, "*batch time output"], Float[Array, "*batch reach feature"]]:
        weight = self.weight
        lags = range(state.shape[-2], -1, -self.dilation)
        looks, state = earlier_steps(inputs, mask, state, lags)
        together = jnp.concatenate(looks, axis=-1)  # trains faster than one product for each look
        return shift(together @ weight.reshape(-1, weight.shape[-1]), self.bias), state


class Level(eqx.Module):
    """Two convolutions of one dilation, and what came in: relu(x + relu(c₂(relu(c₁(x))))).

    Where the width changes, x goes through a dense layer.
    """

    first: DilatedConvolution
    second: DilatedConvolution
    across: tuple[Float[Array, "feature output"], Float[Array, " output"]] | None

    @classmethod
    def create(
        cls, features: int, outputs: int, kernel: int, dilation: int, rng: np.random.Generator
    ) -> Level:
        first = DilatedConvolution.create(features, outputs, kernel, dilation, rng)
        second = DilatedConvolution.create(outputs, outputs, kernel, dilation, rng)
        if features == outputs:
            return cls(first, second, None)
        weight = normal(rng, (features, outputs), _SMALL)
        return cls(first, second, (weight, uniform(rng, (outputs,), features)))

    def __call__(
        self, inputs: Array, mask: Mask, state: tuple[Array, Array]
    ) -> tuple[Float[Array, "*batch time output"], tuple[Array, Array]]:
        hidden, first = self.first(inputs, mask, state[0])
        hidden, second = self.second(jax.nn.relu(hidden), mask, state[1])
        kept = inputs if self.across is None else shift(inputs @ self.across[0], self.across[1])
        return jax.nn.relu(kept + jax.nn.relu(hidden)), (first, second)


class TCNState(NamedTuple):
    """The last inputs of the two convolutions of each level."""

    earlier: tuple[tuple[Array, Array], ...]


class TCNLayer(SequenceLayer):
    """Levels of two dilated causal convolutions with a residual; the dilation doubles by level.

    With kernel k and L levels an output sees 1 + 2 (k - 1)(2^L - 1) steps, those that count alone,
    and no more. For C channels a level has 2 (k C² + 2 C) weights, of which 2 C are scales of the
    weight norm; the first, from D features, k C (D + C) + 4 C, and C (D + 1) more where D is not
    C. The state of a level of dilation d is 2 (k - 1) d C numbers, the inputs that were last.

    The published code draws the weights of the convolutions from N(0, 0.01) anew, but into what
    its weight norm computes from others at each step: it trains from PyTorch's own start, as this
    does. Only the dense layer of a change of width begins as N(0, 0.01). The readout does there
    too, and not here. There is no dropout, as in its adding and copying.

    Source: Bai, Kolter and Koltun (2018), An empirical evaluation of generic convolutional and
    recurrent networks for sequence modeling.

    >>> layer = TCNLayer.create(2, 3, np.random.default_rng(0), kernel=2, levels=2)
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, [first.shape for first, _ in state.earlier]
    ((3, 3), [(1, 2), (2, 3)])
    """

    levels: tuple[Level, ...]

    @classmethod
    def create(
        cls,
        features: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        kernel: int = 3,
        levels: int = 4,
    ) -> TCNLayer:
        widths = [features] + [hidden_size] * (levels - 1)
        return cls(
            tuple(
                Level.create(width, hidden_size, kernel, 2**level, rng)
                for level, width in enumerate(widths)
            )
        )

    @property
    def hidden_size(self) -> int:
        return len(self.levels[0].first.bias)

    def initial_state(self, batch: tuple[int, ...] = ()) -> TCNState:
        return TCNState(
            tuple(
                (level.first.initial_state(batch), level.second.initial_state(batch))
                for level in self.levels
            )
        )

    def __call__(
        self, inputs: Inputs, mask: Mask, state: TCNState
    ) -> tuple[Float[Array, "*batch time hidden"], TCNState]:
        steps, earlier = inputs, []
        if time_axis(inputs) == -1:
            direction = self.levels[0].first.direction
            steps = jax.nn.one_hot(inputs, direction.shape[1], dtype=direction.dtype)
        for level, each in zip(self.levels, state.earlier, strict=True):
            steps, each = level(steps, mask, each)
            earlier.append(each)
        hidden = steps if mask is None else jnp.where(mask[..., None], steps, 0.0)
        return hidden, TCNState(tuple(earlier))


def _window(kernel: int, levels: int) -> int:
    return 1 + 2 * (kernel - 1) * (2**levels - 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TCN(ModelFactory):
    """A temporal convolutional network (`TCNLayer`) and a dense output.

    Its window is a bound and no finding: it cannot see what lies before it. State carries the
    inputs of the window from sample to sample.

    Args:
        hidden_size: Channels, at least 1.
        kernel: Steps that a convolution takes together, 2 to 64.
        levels: Levels, 1 to 12, with dilations 1, 2, 4, …

    >>> model = TCN(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape, TCN().window
    ((3, 4), 61)
    """

    hidden_size: int = knob(50, "Channels.", at_least=1)
    kernel: int = knob(3, "Steps that a convolution takes together.", at_least=2, at_most=64)
    levels: int = knob(
        4, "Levels of convolutions; the dilation doubles.", at_least=1, at_most=_MOST_LEVELS
    )

    @property
    def dynamics(self) -> Dynamics:
        return "window"

    @property
    def window(self) -> int:
        return _window(self.kernel, self.levels)

    def wider(self, window: int) -> str:
        enough = (
            each for each in range(1, _MOST_LEVELS + 1) if _window(self.kernel, each) >= window
        )
        return next((f"levels={each}" for each in enough), "")

    def __call__(self, sizes: Sizes, seed: int) -> RecurrentModel[TCNLayer]:
        create = functools.partial(TCNLayer.create, kernel=self.kernel, levels=self.levels)
        return RecurrentModel.create(create, self.hidden_size, sizes, seed)
