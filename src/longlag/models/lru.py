"""The linear recurrent unit: a diagonal recurrence of complex numbers, which may turn."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.knobs import knob
from longlag.models._base import Dynamics, Inputs, Mask, on_device, scale, time_axis, zeros
from longlag.models.glu import GLU
from longlag.models.initial import normal
from longlag.models.layer import GatedLayer
from longlag.models.residual import Blocks
from longlag.models.scans import linear_scan
from longlag.models.turning import ComplexState, in_single

_EDGE = 1e-6  # of a draw: a phase of 0 or a radius of 1 would have no logarithm
_SLOW = 0.1  # of a weight: ν and θ move by a tenth of what Adam moves the others


class LRUGates(NamedTuple):
    """The complex state of a linear recurrent unit over time, and the output."""

    real: Float[Array, "*batch time states"]
    imaginary: Float[Array, "*batch time states"]
    hidden: Float[Array, "*batch time hidden"]


class LRULayer(GatedLayer):
    """A linear recurrent unit: complex states, each of which shrinks and turns at its own rate.

        λ = exp(-exp(ν) + i exp(θ))          a radius below 1, and a phase
        h' = λ h + exp(g) ∘ (B x)            complex, elementwise
        y = Re(C h') + d ∘ x
        hidden = a ∘ sigmoid(b)              a and b dense in GELU(y)

    3 N + 4 N D + D + 2 (D + 1) H weights for N complex states, D features and hidden size H. The
    state is h, 2 N real numbers. Nothing selects: λ is the same at every step, whatever it shows.

    The radius is drawn evenly in area between two circles, the phase evenly. exp(g) is at first
    √(1 - |λ|²), so that a state has the variance of B x; from then on it is a weight like others.
    Draws stay within 1e-6 of their ends, where the logarithms would be infinite.

    A phase that moves by a little moves by lag times as much in what is read lag steps later. The
    weights `nu` and `theta` are therefore 10 ν and 10 θ: Adam, which moves every weight by about
    the learning rate, moves ν and θ by a tenth of it. Weight decay (adamw) pulls both to 0, that is
    |λ| to 1/e.

    Differs from minimal-LRU, which has half the learning rate for ν, θ, g and B, does not decay
    them, and begins with the whole disc: radii from 0 to 1, of which one in fifty is above .99.

    Source: Orvieto et al. (2023), Resurrecting recurrent neural networks for long sequences.

    >>> layer = LRULayer.create(features=2, hidden_size=3, rng=np.random.default_rng(0), states=4)
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.real.shape
    ((3, 3), (4,))
    """

    nu: Float[Array, " states"]
    theta: Float[Array, " states"]
    log_gamma: Float[Array, " states"]
    input_real: Float[Array, "feature states"]
    input_imaginary: Float[Array, "feature states"]
    output_real: Float[Array, "states feature"]
    output_imaginary: Float[Array, "states feature"]
    skip: Float[Array, " feature"]
    mix: GLU

    @classmethod
    def create(
        cls,
        features: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        states: int | None = None,
        min_radius: float = 0.9,
        max_radius: float = 0.999,
        max_phase: float = 6.28,
    ) -> LRULayer:
        """A layer initialised as published.

        Args:
            features: Features of an input step.
            hidden_size: Length of the hidden vector.
            rng: Generator of the initial weights.
            states: Complex states; None for `hidden_size`.
            min_radius: Smallest initial |λ|.
            max_radius: Largest initial |λ|.
            max_phase: Largest initial phase of λ, in radians.
        """
        states = hidden_size if states is None else states
        drawn = rng.uniform(_EDGE, 1 - _EDGE, (2, states))
        square = min_radius**2 + drawn[0] * (max_radius**2 - min_radius**2)
        into = [normal(rng, (features, states), (2 * features) ** -0.5) for _ in range(2)]
        out = [normal(rng, (states, features), states**-0.5) for _ in range(2)]
        return cls(
            nu=on_device(np.log(-0.5 * np.log(square)) / _SLOW),
            theta=on_device(np.log(max_phase * drawn[1]) / _SLOW),
            log_gamma=on_device(0.5 * np.log1p(-square)),
            input_real=into[0],
            input_imaginary=into[1],
            output_real=out[0],
            output_imaginary=out[1],
            skip=on_device(rng.standard_normal(features)),
            mix=GLU.create_normal(features, hidden_size, rng),
        )

    @property
    def hidden_size(self) -> int:
        return self.mix.outputs

    def initial_state(self, batch: tuple[int, ...] = ()) -> ComplexState:
        zero = zeros((*batch, len(self.nu)), self.nu)
        return ComplexState(zero, zero)

    def turn(self) -> ComplexState:
        """λ: the factor of each state in a step."""
        nu, theta = in_single((self.nu, self.theta))
        radius, phase = jnp.exp(-jnp.exp(_SLOW * nu)), jnp.exp(_SLOW * theta)
        return ComplexState(radius * jnp.cos(phase), radius * jnp.sin(phase))

    def gates(
        self, inputs: Inputs, mask: Mask = None, state: ComplexState | None = None
    ) -> LRUGates:
        """The state and the output over time; a skipped step leaves the state and gives zeros."""
        if time_axis(inputs) == -1:
            inputs = jax.nn.one_hot(inputs, len(self.skip), dtype=self.skip.dtype)
        state = self.initial_state(inputs.shape[:-2]) if state is None else state
        steps = jnp.moveaxis(inputs, -2, 0)
        gain = jnp.exp(self.log_gamma)
        added = (scale(steps @ into, gain) for into in (self.input_real, self.input_imaginary))
        # Half precision would turn a state by another angle.
        parts = in_single((self.turn(), ComplexState(*added), state))
        turn, added, start = (jax.lax.complex(*each) for each in parts)
        states = linear_scan(turn[None], added, start, mask)
        real, imaginary = (each.astype(steps.dtype) for each in (states.real, states.imag))
        read = real @ self.output_real - imaginary @ self.output_imaginary
        hidden = self.mix(jax.nn.gelu(read + scale(steps, self.skip)))
        every = (jnp.moveaxis(each, 0, -2) for each in (real, imaginary, hidden))
        real, imaginary, hidden = every
        if mask is not None:
            hidden = jnp.where(mask[..., None], hidden, 0.0)
        return LRUGates(real, imaginary, hidden)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: ComplexState
    ) -> tuple[Float[Array, "*batch time hidden"], ComplexState]:
        read = self.gates(inputs, mask, state)
        return read.hidden, ComplexState(read.real[..., -1, :], read.imaginary[..., -1, :])


@dataclasses.dataclass(frozen=True, kw_only=True)
class LRU(Blocks):
    """Residual blocks of linear recurrent units (`LRULayer`).

    Args:
        hidden_size: Features between the blocks, at least 1.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the units of each block.
        states: Complex states of each block, at least 1; None for `hidden_size`.
        min_radius: Smallest |λ| to begin with, 0 ≤ min_radius < max_radius.
        max_radius: Largest |λ| to begin with, 0 < max_radius ≤ 1. After T steps a state keeps |λ|
            to the power of T: .999 is for lags of up to some hundred steps.
        max_phase: Largest turn in a step to begin with, in radians, 0 < max_phase ≤ 6.2832.

    Raises:
        ValueError: An argument is outside its range.

    >>> from longlag.models import Sizes
    >>> model = LRU(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape, model.state_size
    ((3, 4), 6)
    """

    states: int | None = knob(None, "Complex states of a block; none for hidden_size.", at_least=1)
    min_radius: float = knob(
        0.9, "Smallest initial radius of an eigenvalue.", at_least=0, below="max_radius"
    )
    max_radius: float = knob(0.999, "Largest initial radius of an eigenvalue.", above=0, at_most=1)
    max_phase: float = knob(
        6.28, "Largest initial phase of an eigenvalue, in radians.", above=0, at_most=6.2832
    )

    @property
    def dynamics(self) -> Dynamics:
        return "fixed"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> LRULayer:
        return LRULayer.create(
            features,
            hidden_size,
            rng,
            states=self.states,
            min_radius=self.min_radius,
            max_radius=self.max_radius,
            max_phase=self.max_phase,
        )
