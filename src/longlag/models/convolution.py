"""Looks back by a fixed number of steps: what causal convolutions are made of."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.models._base import Mask, scale, shift, zeros
from longlag.models.initial import uniform


def earlier_steps(
    steps: Float[Array, "*batch time feature"],
    mask: Mask,
    state: Float[Array, "*batch reach feature"],
    lags: Sequence[int],
) -> tuple[list[Float[Array, "*batch time feature"]], Float[Array, "*batch reach feature"]]:
    """What each step had some steps earlier, among those that count.

    Args:
        steps: The features of each step.
        mask: False where a step is skipped, which is then at no lag from any other; what stands
            in the result there is of the step that counted last. None where every step counts.
        state: The last steps that counted before the first, at least as many as the largest lag.
        lags: How many steps to look back; 0 is the step itself.

    Returns:
        The steps of each lag, and the state after the last step.

    >>> steps, state = jnp.arange(1.0, 5.0)[:, None], jnp.zeros((2, 1))
    >>> (now, before), after = earlier_steps(steps, None, state, lags=(0, 2))
    >>> print(before[:, 0], after[:, 0])
    [0. 0. 1. 2.] [3. 4.]
    >>> (_, before), after = earlier_steps(steps, jnp.array([1, 0, 1, 1], bool), state, (0, 2))
    >>> print(before[:, 0], after[:, 0])
    [0. 0. 0. 1.] [3. 4.]
    """
    reach, time = state.shape[-2], steps.shape[-2]
    every = jnp.concatenate([state.astype(steps.dtype), steps], axis=-2)
    if mask is None:
        looks = [every[..., reach - lag : reach - lag + time, :] for lag in lags]
        return looks, every[..., time:, :]
    present = jnp.concatenate([jnp.ones(state.shape[:-1], bool), mask], axis=-1)
    order = jnp.argsort(~present, axis=-1, stable=True)  # those that count, moved together
    counted = jnp.take_along_axis(every, order[..., None], axis=-2)
    ends = jnp.cumsum(present, axis=-1)[..., reach:] - 1

    def at(places: Array) -> Array:
        return jnp.take_along_axis(counted, jnp.maximum(places, 0)[..., None], axis=-2)

    last = [ends[..., -1:] - lag for lag in range(reach - 1, -1, -1)]
    return [at(ends - lag) for lag in lags], at(jnp.concatenate([ends[..., :0], *last], axis=-1))


class ShortConvolution(eqx.Module):
    """A causal convolution of each feature by itself: y[t] = Σ x[t - lag] w[lag] + b.

    Args:
        weight: w, the newest step last, as PyTorch stores it.
        bias: b, or None.
    """

    weight: Float[Array, "width feature"]
    bias: Float[Array, " feature"] | None

    @classmethod
    def create(
        cls, features: int, width: int, rng: np.random.Generator, *, bias: bool = True
    ) -> ShortConvolution:
        """Uniform in ±1/√width, as PyTorch initialises a convolution of one channel."""
        weight = uniform(rng, (width, features), width)
        return cls(weight, uniform(rng, (features,), width) if bias else None)

    def initial_state(self, batch: tuple[int, ...] = ()) -> Float[Array, "*batch reach feature"]:
        width, features = self.weight.shape
        return zeros((*batch, width - 1, features), self.weight)

    def __call__(
        self,
        inputs: Float[Array, "*batch time feature"],
        mask: Mask,
        state: Float[Array, "*batch reach feature"],
    ) -> tuple[Float[Array, "*batch time feature"], Float[Array, "*batch reach feature"]]:
        width = len(self.weight)
        looks, state = earlier_steps(inputs, mask, state, range(width - 1, -1, -1))
        total = scale(looks[0], self.weight[0])
        for look, weight in zip(looks[1:], self.weight[1:], strict=True):
            total = total + scale(look, weight)
        return total if self.bias is None else shift(total, self.bias), state
