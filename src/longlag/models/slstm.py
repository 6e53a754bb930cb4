"""The sLSTM: scalar memories, exponential gates, and a recurrence within each head."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

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
    Sizes,
    on_device,
    project,
    shift,
    time_axis,
    zeros,
)
from longlag.models.convolution import ShortConvolution, earlier_steps
from longlag.models.heads import HeadNorm, check_heads
from longlag.models.initial import small_normal, uniform
from longlag.models.layer import GatedLayer
from longlag.models.recurrent import recur, run_steps, time_first
from longlag.models.residual import Blocks, ResidualModel

_GATES = 4  # input, forget, candidate, output
_REACH = 4  # steps of the short convolution


class SLSTMState(NamedTuple):
    """The state of the cells of an sLSTM.

    Cell and normaliser stand for exp(stabiliser) times what is stored; a normaliser of zero for
    cells that have seen no step.
    """

    hidden: Float[Array, "*batch hidden"]
    cell: Float[Array, "*batch hidden"]
    normaliser: Float[Array, "*batch hidden"]
    stabiliser: Float[Array, "*batch hidden"]


class SLSTMLayerState(NamedTuple):
    """The state of an sLSTM: of its cells, their hidden state as `read`, and of its convolution."""

    read: Float[Array, "*batch hidden"]
    cell: Float[Array, "*batch hidden"]
    normaliser: Float[Array, "*batch hidden"]
    stabiliser: Float[Array, "*batch hidden"]
    earlier: Float[Array, "*batch reach feature"]


class SLSTMGates(NamedTuple):
    """Every gate and state of an sLSTM over time; input and forget gate over exp(stabiliser)."""

    input: Float[Array, "*batch time hidden"]
    forget: Float[Array, "*batch time hidden"]
    candidate: Float[Array, "*batch time hidden"]
    output: Float[Array, "*batch time hidden"]
    read: Float[Array, "*batch time hidden"]
    cell: Float[Array, "*batch time hidden"]
    normaliser: Float[Array, "*batch time hidden"]
    stabiliser: Float[Array, "*batch time hidden"]
    earlier: Float[Array, "*batch time reach feature"]
    hidden: Float[Array, "*batch time hidden"]


class SLSTMLayer(GatedLayer):
    """Long short-term memory with exponential gates and a normaliser, in heads.

        i = exp(x W + h U + b)               the input gate
        f, o = sigmoid(x W + h U + b)        forget and output gate
        g = tanh(x W + h U + b)              the candidate
        c' = f c + i g                       the cell
        n' = f n + i                         the normaliser: how much the cell has taken in
        h' = o c' / n'                       what is read, and seen by the next step
        y = norm(h')                         over each head

    with weights W, U, b of its own for each of i, f, g, o. A head sees its own share of the
    features and its own h. With `convolution` x stands for silu(convolution(x)) in i and f.

    c and n are stored over exp(m) for m' = max(m + log f, log i), and m' = log i in the first
    step, where n is 0: so n' is never below 1. h is the same for every m, so no gradient goes
    through it.

    Args:
        kernel, recurrent: W and U, by head, from, gate and to, the gates in the order i, f, g, o.
        bias: b, by head, gate and cell; at first 0 but for f.
        norm: The scale of the norm, at first 1.
        convolution: The short convolution, or None.

    Shapes: 4 H (D / heads + H / heads + 1) weights for D features and H cells, H of the norm, 5 D
        of the convolution. The state has 4 H numbers, and 3 D for the convolution.

    Initial weights: W is normal with deviation √(2 / (5 D)). U is uniform in ±1/√H: `standard` in
    the reference implementation, whose default is zero; no release has the runs on formal
    languages, so that theirs are not known here. The bias of f falls from 5 to -7 over the cells
    of each head, as 5 - 12 r^0.3 in the first block of several, or the only one, and 5 - 12 r^1.6
    in the last.

    Differs from the reference implementation in the first step, which is one for each row here
    and for the whole batch there. What surrounds it in the source, a layer norm, the sum with x
    and a gated feed-forward part, is that of `ResidualModel`.

    Source: Beck et al. (2024), xLSTM; initial weights of NX-AI/xlstm.

    >>> layer = SLSTMLayer.create(features=4, hidden_size=6, rng=np.random.default_rng(0), heads=2)
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.cell.shape, layer.recurrent.shape
    ((3, 6), (6,), (2, 3, 4, 3))
    """

    kernel: Float[Array, "head feature gate hidden"]
    recurrent: Float[Array, "head hidden_before gate hidden"]
    bias: Float[Array, "head gate hidden"]
    norm: HeadNorm
    convolution: ShortConvolution | None

    @classmethod
    def create(
        cls,
        features: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        heads: int = 1,
        convolution: bool = False,
        depth: float = 0.0,
    ) -> SLSTMLayer:
        """A layer with the initial weights of the reference implementation.

        Args:
            features: Features of its inputs.
            hidden_size: Cells.
            rng: The generator of the weights.
            heads: Groups of features and cells that do not see each other within the layer.
            convolution: Whether input and forget gates see the last 4 steps.
            depth: Where the layer stands among several, from 0 for the first to 1 for the last.

        Raises:
            ValueError: The heads do not divide the features and the cells.
        """
        check_heads("SLSTMLayer", heads, features, "features", least=2)
        check_heads("SLSTMLayer", heads, hidden_size, "hidden_size", least=2)
        size = hidden_size // heads
        kernel = small_normal(rng, (heads, features // heads, _GATES, size), features)
        return cls(
            kernel=kernel,
            recurrent=uniform(rng, (heads, size, _GATES, size), hidden_size),
            bias=_first_bias(heads, size, depth),
            norm=HeadNorm.create(hidden_size, heads),
            convolution=ShortConvolution.create(features, _REACH, rng) if convolution else None,
        )

    @property
    def hidden_size(self) -> int:
        return len(self.norm.scale)

    def initial_state(self, batch: tuple[int, ...] = ()) -> SLSTMLayerState:
        zero = zeros((*batch, self.hidden_size), self.bias)
        features = self.kernel.shape[0] * self.kernel.shape[1]
        reach = 0 if self.convolution is None else _REACH - 1
        earlier = zeros((*batch, reach, features), self.bias)
        return SLSTMLayerState(zero, zero, zero, zero, earlier)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: SLSTMLayerState
    ) -> tuple[Float[Array, "*batch time hidden"], SLSTMLayerState]:
        drive, earlier = self._drive(inputs, mask, state)
        result: Any = recur(
            SLSTMLayer, drive, _full(self.recurrent), None, _cells(state), time_first(mask)
        )
        hidden, (read, cell, normaliser, stabiliser) = result
        after = SLSTMLayerState(read, cell, normaliser, stabiliser, earlier)
        return self.norm(jnp.moveaxis(hidden, 0, -2)), after

    def gates(
        self, inputs: Inputs, mask: Mask = None, state: SLSTMLayerState | None = None
    ) -> SLSTMGates:
        """Gates and states over time; a skipped step leaves the states."""
        if state is None:
            state = self.initial_state(inputs.shape[: time_axis(inputs)])
        drive, _ = self._drive(inputs, mask, state)
        _, _, trace = run_steps(
            SLSTMLayer, drive, _full(self.recurrent), None, _cells(state), time_first(mask)
        )
        trace = jax.tree.map(lambda each: jnp.moveaxis(each, 0, -2), trace)
        lags = range(state.earlier.shape[-2] - 1, -1, -1)
        shape = trace.after.hidden.shape[:-1]
        earlier = state.earlier.reshape(*shape[:-1], 1, *state.earlier.shape[-2:])
        earlier = jnp.broadcast_to(earlier, (*shape, *state.earlier.shape[-2:]))
        if lags:
            looks, _ = earlier_steps(self._dense(inputs), mask, state.earlier, lags)
            earlier = jnp.stack(looks, axis=-2)
        input, forget, _, candidate, output = trace.residuals
        read, cell, normaliser, stabiliser = trace.after
        return SLSTMGates(
            input, forget, candidate, output, read, cell, normaliser, stabiliser, earlier,
            self.norm(read),
        )  # fmt: skip

    def _dense(self, inputs: Inputs) -> Array:
        """Integers as one-hot vectors."""
        if time_axis(inputs) != -1:
            return inputs
        features = self.kernel.shape[0] * self.kernel.shape[1]
        return jax.nn.one_hot(inputs, features, dtype=self.bias.dtype)

    def _drive(
        self, inputs: Inputs, mask: Mask, state: SLSTMLayerState
    ) -> tuple[Float[Array, "time *batch gates"], Array]:
        """x W + b of every step, time first, and the state of the convolution."""
        kernel, bias = _full(self.kernel), jnp.swapaxes(self.bias, 0, 1).reshape(-1)
        if self.convolution is None:
            drive, earlier = project(kernel, inputs), state.earlier
        else:
            steps = self._dense(inputs)
            looked, earlier = self.convolution(steps, mask, state.earlier)
            seen, own = jnp.split(kernel, 2, axis=-1)
            drive = jnp.concatenate([jax.nn.silu(looked) @ seen, steps @ own], axis=-1)
        return shift(jnp.moveaxis(drive, -2, 0), bias), earlier

    @staticmethod
    def step(drive: Array, product: Array, state: SLSTMState) -> tuple[SLSTMState, Any]:
        """One step of the cells, and the gates as they are applied."""
        input, forget, candidate, output = jnp.split(drive + product, _GATES, axis=-1)
        kept = state.stabiliser + jax.nn.log_sigmoid(forget)
        first = state.normaliser == 0
        stabiliser = jax.lax.stop_gradient(jnp.where(first, input, jnp.maximum(input, kept)))
        opened = jnp.exp(input - stabiliser)
        held = jnp.exp(jnp.where(first, 0.0, kept - stabiliser))  # of nothing; else it overflows
        candidate, shown = jnp.tanh(candidate), jax.nn.sigmoid(output)
        cell = held * state.cell + opened * candidate
        normaliser = held * state.normaliser + opened
        gates = opened, held, jax.nn.sigmoid(-forget), candidate, shown
        return SLSTMState(shown * cell / normaliser, cell, normaliser, stabiliser), gates

    @staticmethod
    def slopes(before: SLSTMState, after: SLSTMState, residuals: Any) -> Any:
        """The local derivatives that `back` needs."""
        opened, held, lost, candidate, shown = residuals
        normaliser = jnp.where(after.normaliser == 0, 1.0, after.normaliser)  # no step counted yet
        return (
            after.hidden * (1 - shown),
            shown / normaliser,
            after.hidden / normaliser,
            opened * candidate,
            opened,
            opened * (1 - candidate**2),
            held * before.cell,
            held * before.normaliser,
            held,
            lost,
        )

    @staticmethod
    def back(by_state: SLSTMState, slopes: Any) -> tuple[Array, Array, SLSTMState]:
        """One step back; the stabiliser after a step counts as a constant."""
        (
            output,
            into_cell,
            into_normaliser,
            taken,
            opened,
            candidate,
            cell,
            normaliser,
            held,
            lost,
        ) = slopes
        by_cell = by_state.cell + by_state.hidden * into_cell
        by_normaliser = by_state.normaliser - by_state.hidden * into_normaliser
        by_kept = by_cell * cell + by_normaliser * normaliser
        by_gates = jnp.concatenate(
            [
                by_cell * taken + by_normaliser * opened,
                by_kept * lost,
                by_cell * candidate,
                by_state.hidden * output,
            ],
            axis=-1,
        )
        zero = jnp.zeros_like(by_cell)
        before = SLSTMState(zero, by_cell * held, by_normaliser * held, by_kept)
        return by_gates, by_gates, before


def _cells(state: SLSTMLayerState) -> SLSTMState:
    return SLSTMState(state.read, state.cell, state.normaliser, state.stabiliser)


def _full(weight: Float[Array, "head before gate after"]) -> Float[Array, "all_before gates"]:
    """The weights of all heads as one matrix, zero between heads: `project` takes its rows."""
    heads, before, gates, after = weight.shape
    apart = jnp.eye(heads, dtype=weight.dtype)
    return jnp.einsum("hj,hbga->hbgja", apart, weight).reshape(
        heads * before, gates * heads * after
    )


def _first_bias(heads: int, size: int, depth: float) -> Float[Array, "head gate hidden"]:
    """Zero, but for the forget gates: from 5 to -7 over the cells of a head."""
    places = np.arange(size) / max(size - 1, 1)
    bias = np.zeros((heads, _GATES, size))
    bias[:, 1] = 5 - 12 * places ** (0.3 + 1.3 * depth)
    return on_device(bias)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SLSTM(Blocks):
    """Residual blocks of long short-term memories with exponential gates (`SLSTMLayer`).

    Args:
        hidden_size: Cells, and features between the blocks, at least 1.
        layers: Blocks, at least 1.
        mlp: Whether a feed-forward part follows the cells of each block.
        heads: Groups of cells that do not see each other, a divisor of `hidden_size`.
        convolution: Whether input and forget gates see the last 4 steps.

    Raises:
        ValueError: A knob is outside its range, or `heads` does not divide `hidden_size`.

    >>> from longlag.models import Sizes
    >>> model = SLSTM(hidden_size=3)(Sizes(features=2, outputs=4, timesteps=5), seed=0)
    >>> model(jnp.array([0, 1, 1]), None, model.initial_state())[0].shape
    (3, 4)
    """

    heads: int = knob(1, "Heads, each with a memory of its own.", at_least=1)
    convolution: bool = knob(False, "A short convolution, over the last 4 steps.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_heads("SLSTM", self.heads, self.hidden_size, "hidden_size", least=2)

    @property
    def dynamics(self) -> Dynamics:
        return "nonlinear"

    def layer(self, features: int, hidden_size: int, rng: np.random.Generator) -> SLSTMLayer:
        return SLSTMLayer.create(
            features, hidden_size, rng, heads=self.heads, convolution=self.convolution
        )

    def __call__(self, sizes: Sizes, seed: int) -> ResidualModel:
        model = super().__call__(sizes, seed)
        size, last = self.hidden_size // self.heads, max(self.layers - 1, 1)
        biases = [_first_bias(self.heads, size, place / last) for place in range(self.layers)]
        return eqx.tree_at(lambda each: [block.layer.bias for block in each.blocks], model, biases)
