"""S4D: a diagonal state space model, several complex states for each feature."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from longlag.knobs import knob
from longlag.models._base import Dynamics, Inputs, Mask, on_device, scale, time_axis, zeros
from longlag.models.glu import GLU
from longlag.models.layer import SequenceLayer
from longlag.models.residual import Blocks
from longlag.models.turning import ComplexState, in_single, powers, times

_MOST_STEPS = 64  # of a piece whose outputs are one product


class S4DLayer(SequenceLayer):
    """A diagonal state space model (S4D-Lin): each feature drives complex states of its own.

        λ = exp(s A), A = -exp(a) + i b     A of each state; s, the step, of each feature
        h' = λ h + x                        each state of a feature sees that feature alone
        y = Re(Σ 2 C (λ - 1) / A h') + d x
        hidden = u ∘ sigmoid(v)             u and v dense in GELU(y)

    With N states for each of D features, in N/2 conjugate pairs of which one half is computed,
    these are D (2 N + 2) + 2 (D + 1) H weights for hidden size H, and D N real numbers of state.
    (λ - 1) / A is the zero-order hold. Nothing selects: λ is the same whatever a step shows.

    At first a = log ½, b = 0, π, 2π …, C and d are normal of variance 1, log s is even between the
    logarithms of the smallest and the largest step. A state fades to 1/e in 2 / s steps and turns
    by b s in one: 1e-3 keeps some thousand steps, and blurs the last few.

    The outputs of up to 64 steps are one product, y = K x, with the matrix of the convolution,
    and what the state adds to it; longer sequences go from piece to piece. An FFT gives the same
    and was no faster on a CPU at 25 to 400 steps; its rounding would show later inputs to earlier
    outputs. Steps that are skipped are taken out of a piece.

    Differs from s4d.py in state-spaces/s4 in one learning rate for all weights, where a, b and s
    have at most 1e-3 and no decay, and in C times the hold, which loses no digits here where s A
    is small.

    Source: Gu et al. (2022), On the parameterization and initialization of diagonal state space
    models.

    >>> layer = S4DLayer.create(features=2, hidden_size=3, rng=np.random.default_rng(0), states=8)
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.real.shape
    ((3, 3), (2, 4))
    """

    log_step: Float[Array, " feature"]
    log_decay: Float[Array, "feature pairs"]
    frequency: Float[Array, "feature pairs"]
    output_real: Float[Array, "feature pairs"]
    output_imaginary: Float[Array, "feature pairs"]
    skip: Float[Array, " feature"]
    mix: GLU

    @classmethod
    def create(
        cls,
        features: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        states: int = 64,
        smallest_step: float = 0.001,
        largest_step: float = 0.1,
    ) -> S4DLayer:
        """A layer initialised as published.

        Args:
            features: Features of an input step.
            hidden_size: Length of the hidden vector.
            rng: Generator of the initial weights.
            states: Real numbers of state of each feature, even.
            smallest_step: Smallest initial step s.
            largest_step: Largest initial step s.
        """
        pairs = (features, states // 2)
        step = rng.uniform(np.log(smallest_step), np.log(largest_step), features)
        output = rng.standard_normal((2, *pairs)) * 0.5**0.5  # a complex normal of variance 1
        return cls(
            log_step=on_device(step),
            log_decay=on_device(np.full(pairs, np.log(0.5))),
            frequency=on_device(np.pi * np.broadcast_to(np.arange(pairs[1]), pairs)),
            output_real=on_device(output[0]),
            output_imaginary=on_device(output[1]),
            skip=on_device(rng.standard_normal(features)),
            mix=GLU.create_uniform(features, hidden_size, rng),
        )

    @property
    def hidden_size(self) -> int:
        return self.mix.outputs

    def initial_state(self, batch: tuple[int, ...] = ()) -> ComplexState:
        zero = zeros((*batch, *self.log_decay.shape), self.log_decay)
        return ComplexState(zero, zero)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: ComplexState
    ) -> tuple[Float[Array, "*batch time hidden"], ComplexState]:
        if time_axis(inputs) == -1:
            inputs = jax.nn.one_hot(inputs, len(self.skip), dtype=self.skip.dtype)
        batch = inputs.shape[:-2]
        steps = inputs.reshape(-1, *inputs.shape[-2:])
        counts = None if mask is None else mask.reshape(-1, mask.shape[-1])
        begin = jax.tree.map(lambda each: each.reshape(-1, *each.shape[-2:]), state)
        convolved, after = self.convolved(steps, counts, begin)
        mixed = convolved.reshape(inputs.shape) + scale(inputs, self.skip)
        hidden = self.mix(jax.nn.gelu(mixed, approximate=False))
        if mask is not None:
            hidden = jnp.where(mask[..., None], hidden, 0.0)
        return hidden, jax.tree.map(lambda each: each.reshape(*batch, *each.shape[1:]), after)

    def convolved(
        self,
        steps: Float[Array, "batch time feature"],
        mask: Mask,
        state: ComplexState,
        most: int = _MOST_STEPS,
    ) -> tuple[Float[Array, "batch time feature"], ComplexState]:
        """What the states say after each step, without d x; and the last state.

        `most` is the number of steps of a piece, whose outputs are one product.
        """
        time = steps.shape[1]
        count = -(-time // most)
        size, rest = time // count, time % count
        if rest:  # a short piece first, then pieces of one length
            masks = (None, None) if mask is None else (mask[:, :rest], mask[:, rest:])
            first, state = self.convolved(steps[:, :rest], masks[0], state, most)
            after, state = self.convolved(steps[:, rest:], masks[1], state, most)
            return jnp.concatenate([first, after], axis=1), state
        pieces = steps.reshape(-1, count, size, steps.shape[-1])
        turn, worth = self.discrete()
        every = powers(turn, size + 1)
        early, late, ends = pieces, pieces, None
        kept = jax.tree.map(lambda each: each[None, None, ..., -1], every)
        if mask is not None:
            counts = mask.reshape(-1, count, size)
            early, late, ends = _together(pieces, counts)
            kept = jax.tree.map(
                lambda each: jnp.moveaxis(each[..., counts.sum(axis=-1)], (2, 3), (0, 1)), every
            )
        fading = _stacked(*(each[..., size - 1 :: -1] for each in every))
        real, imaginary = jnp.split(_product("dns,bcsd->bcdn", fading, late), 2, axis=-1)
        begin, state = _between(kept, ComplexState(real, imaginary), state)
        said = times(jax.tree.map(lambda each: each[..., None], worth), every)
        outputs = _product("dst,bcsd->bctd", _toeplitz(said.real[..., :size].sum(axis=1)), early)
        told = _stacked(said.real[..., 1:], -said.imaginary[..., 1:])
        outputs += _product("dnt,bcdn->bctd", told, jnp.concatenate(begin, axis=-1))
        if ends is not None:
            outputs = jnp.take_along_axis(outputs, ends[..., None], axis=-2)
        return outputs.reshape(steps.shape), state

    def discrete(self) -> tuple[ComplexState, ComplexState]:
        """λ, and what a state is worth to the output, 2 C (λ - 1) / A; in single precision."""
        log_step, log_decay, angle, *output = in_single(
            (
                self.log_step[:, None],
                self.log_decay,
                self.frequency,
                self.output_real,
                self.output_imaginary,
            )
        )
        step, rate = jnp.exp(log_step), -jnp.exp(log_decay)
        shrunk, turned = step * rate, step * angle
        radius, sine = jnp.exp(shrunk), jnp.sin(turned)
        turn = ComplexState(radius * jnp.cos(turned), radius * sine)
        # λ - 1 in a form that loses no digits where it is small.
        less = jnp.expm1(shrunk) * jnp.cos(turned) - 2 * jnp.sin(turned / 2) ** 2
        square = rate**2 + angle**2
        hold = times(
            ComplexState(less, radius * sine), ComplexState(2 * rate / square, -2 * angle / square)
        )
        return turn, times(ComplexState(*output), hold)


def _product(form: str, weight: Array, values: Array) -> Array:
    return jnp.einsum(form, weight.astype(values.dtype), values)


def _stacked(real: Array, imaginary: Array) -> Array:
    return jnp.concatenate([real, imaginary], axis=-2)


def _toeplitz(
    kernel: Float[Array, "feature time"],
) -> Float[Array, "feature time time"]:
    """kernel[target - time] where it is not negative, else 0; without a look-up, which is slow."""
    features, size = kernel.shape
    wide = jnp.pad(kernel, ((0, 0), (0, size)))
    rows = jnp.broadcast_to(wide[:, None], (features, size, 2 * size)).reshape(features, -1)
    # Each row that is one shorter begins one place earlier: what was before it moves right.
    return rows[:, :-size].reshape(features, size, 2 * size - 1)[..., :size]


def _together(
    pieces: Float[Array, "batch piece time feature"], counts: Bool[Array, "batch piece time"]
) -> tuple[Array, Array, Array]:
    """The steps that count, moved to the front and moved to the end of each piece; zeros elsewhere.

    And for each step the place in front of the last that counts, itself included.
    """
    pieces = jnp.where(counts[..., None], pieces, 0.0)
    front, back = (jnp.argsort(order, axis=-1, stable=True) for order in (~counts, counts))
    early, late = (
        jnp.take_along_axis(pieces, order[..., None], axis=-2) for order in (front, back)
    )
    return early, late, jnp.maximum(jnp.cumsum(counts, axis=-1) - 1, 0)


def _between(
    kept: ComplexState, added: ComplexState, state: ComplexState
) -> tuple[ComplexState, ComplexState]:
    """The state before each piece, `(batch, piece, feature, pairs)`, and after the last."""
    added = jax.tree.map(lambda each: jnp.moveaxis(each, 1, 0), added)
    kept = jax.tree.map(lambda each: jnp.moveaxis(each, 1, 0), kept)

    def step(before, each):
        by, plus = (kept0, each) if fixed else each
        return jax.tree.map(jnp.add, times(by, before), plus), before

    fixed = len(kept.real) == 1
    kept0 = jax.tree.map(lambda each: each[0], kept)
    each = added if fixed else (kept, added)
    if len(added.real) == 1:  # as mostly: a loop over one piece would only cost time
        state, before = step(state, jax.tree.map(lambda part: part[0], each))
        return jax.tree.map(lambda part: part[:, None], before), state
    state, before = jax.lax.scan(step, state, each)
    return jax.tree.map(lambda each: jnp.moveaxis(each, 0, 1), before), state


@dataclasses.dataclass(frozen=True, kw_only=True)
class S4D(Blocks):
    """Residual blocks of diagonal state space models (`S4DLayer`).

    Args:
        hidden_size: Features between the blocks, at least 1; each has states of its own.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the layer of each block.
        states: Real numbers of state of each feature, even, at least 2.
        smallest_step: Smallest step to begin with, above 0 and below `largest_step`. A state
            fades to 1/e in 2 / step steps of a sequence.
        largest_step: Largest step to begin with, 0 < largest_step ≤ 10.

    Raises:
        ValueError: An argument is outside its range.

    >>> from longlag.models import Sizes
    >>> model = S4D(hidden_size=3, states=4)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape, model.state_size
    ((3, 4), 12)
    """

    states: int = knob(64, "Numbers of state of each feature.", at_least=2)
    smallest_step: float = knob(0.001, "Smallest initial step.", above=0, below="largest_step")
    largest_step: float = knob(0.1, "Largest initial step.", above=0, at_most=10)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.states % 2:
            raise ValueError(
                f"S4D: `states` must be even, got {self.states}. Use states={self.states + 1}."
            )

    @property
    def dynamics(self) -> Dynamics:
        return "fixed"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> S4DLayer:
        return S4DLayer.create(
            features,
            hidden_size,
            rng,
            states=self.states,
            smallest_step=self.smallest_step,
            largest_step=self.largest_step,
        )
