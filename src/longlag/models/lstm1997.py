"""The LSTM of 1997: blocks of memory cells, no forget gates, a truncated gradient."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.arrays import Last
from longlag.knobs import knob
from longlag.models._base import (
    Inputs,
    Mask,
    Model,
    ModelFactory,
    Sizes,
    State,
    last_step,
    on_device,
    project,
    shift,
    zeros,
)
from longlag.models.recurrent import StepLayer

Biases = Literal["all", "units", "gates", "no"]
Squash = Literal["centred", "plain"]

_MOST = 1_000_000  # of a first weight or bias: far less saturates every unit


class Block1997State(NamedTuple):
    """The state of a layer of 1997: what its units read of the step before."""

    hidden: Float[Array, "*batch cell"]
    cell: Float[Array, "*batch cell"]
    input: Float[Array, "*batch block"]
    output: Float[Array, "*batch gate"]


class Affine(eqx.Module):
    """A weight, and a bias for the last columns or none."""

    weight: Float[Array, "feature output"]
    bias: Float[Array, " biased"] | None

    def __call__(self, inputs: Inputs) -> Float[Array, "*axes output"]:
        product = project(self.weight, inputs)
        if self.bias is None:
            return product
        missing = product.shape[-1] - self.bias.shape[0]
        return shift(product, jnp.pad(self.bias, (missing, 0)) if missing else self.bias)


class LSTM1997Layer(StepLayer):
    """Blocks of memory cells that share an input gate and an output gate; nothing is forgotten.

        i, o = sigmoid(x W + y U + b)        the gates of a block
        s' = s + i g(x W + y U + b)          the cells, with g(x) = 4 sigmoid(x) - 2
        h' = o h(s')                         their outputs, with h(x) = 2 sigmoid(x) - 1

    y are all outputs and gates of the step before. The gradient is truncated: it flows back in time
    through s alone, not through y.

    Args:
        drive: W and b, columns for cells, input gates and output gates.
        recurrent: U; None where units read the inputs alone.
        blocks: Number of blocks.
        squash: `centred` as above; `plain`: g is the sigmoid, h the identity.

    Shapes: `drive.weight` `(feature, unit)`, `recurrent` `(unit, unit)`, where units are cells and
        gates; the state is h and s `(*batch, cell)`, i `(*batch, block)` and o, of width 0 where
        there is no output gate.

    Source: Hochreiter and Schmidhuber (1997).

    >>> import numpy as np
    >>> layer = LSTM1997Layer.create(features=2, hidden_size=3, rng=np.random.default_rng(0))
    >>> hidden, state = layer(jnp.array([0, 1, 1]), None, layer.initial_state())
    >>> hidden.shape, state.cell.shape, layer.drive.weight.shape
    ((3, 3), (3,), (2, 9))
    """

    drive: Affine
    recurrent: Float[Array, "unit unit"] | None
    blocks: int = eqx.field(static=True)
    cells: int = eqx.field(static=True)
    output_gate: bool = eqx.field(static=True)
    squash: Squash = eqx.field(static=True)

    @classmethod
    def create(cls, features: int, hidden_size: int, rng: np.random.Generator) -> LSTM1997Layer:
        """`hidden_size` blocks of one cell, with the defaults of `LSTM1997`."""
        return _layer(LSTM1997(blocks=hidden_size, cells=1), features, rng)

    @property
    def hidden_size(self) -> int:
        return self.blocks * self.cells

    def initial_state(self, batch: tuple[int, ...] = ()) -> Block1997State:
        widths = self.hidden_size, self.hidden_size, self.blocks, self.blocks * self.output_gate
        return Block1997State(*(zeros((*batch, width), self.drive.weight) for width in widths))

    def step(self, drive: Array, state: Block1997State) -> Block1997State:
        if self.recurrent is not None:
            before = jnp.concatenate([state.hidden, state.input, state.output], axis=-1)
            drive = drive + jax.lax.stop_gradient(before) @ self.recurrent
        ends = self.hidden_size, self.hidden_size + self.blocks
        candidate, input, output = jnp.split(drive, ends, axis=-1)
        input, output = jax.nn.sigmoid(input), jax.nn.sigmoid(output)
        plain = self.squash == "plain"
        candidate = jax.nn.sigmoid(candidate) if plain else 2 * jnp.tanh(candidate / 2)
        cell = state.cell + self._of_cells(input) * candidate
        hidden = cell if plain else jnp.tanh(cell / 2)
        hidden = self._of_cells(output) * hidden if self.output_gate else hidden
        return Block1997State(hidden, cell, input, output)

    def _of_cells(self, gate: Array) -> Array:
        """The gate of each cell, from that of its block."""
        return jnp.repeat(gate, self.cells, axis=-1)


class LSTM1997Model(Model):
    """A layer of 1997 and outputs, which read the cells and may read the inputs."""

    layer: LSTM1997Layer
    readout: Affine
    direct: Float[Array, "feature output"] | None
    logistic: bool = eqx.field(static=True)

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        return self.layer.initial_state(batch)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        hidden, state = self.layer(inputs, mask, state)
        outputs = self.readout(last_step(hidden, mask, last) if last else hidden)
        if self.direct is not None:
            seen = project(self.direct, inputs)
            seen = seen if mask is None else jnp.where(mask[..., None], seen, 0.0)
            outputs = outputs + (last_step(seen, mask, last) if last else seen)
        return jax.nn.sigmoid(outputs) if self.logistic else outputs, state


@dataclasses.dataclass(frozen=True, kw_only=True)
class LSTM1997(ModelFactory):
    """The LSTM of 1997 (`LSTM1997Layer`) with the connections of its experiments.

    Train it as there with `optimizer="sgd"` and `batch_size=1`. A loss that is the mean of a
    squared error has half the gradient of their sum for each of two outputs: the learning rate of
    the paper is that of the half sum.

    Args:
        blocks: Memory cell blocks, at least 1.
        cells: Cells in a block, at least 1.
        biases: Who has a bias: `all` units and outputs (experiments 4 to 6), `units` but no
            output (3), `gates` alone (1), or `no` unit (2).
        output_gate: Whether blocks have an output gate (not in 2a and 2b).
        recurrent: Whether units read all units of the step before (not in 2a and 2b).
        direct: Whether outputs read the inputs too (only in 2a and 2b).
        squash: `centred`: g and h as published, in [-2, 2] and [-1, 1]; `plain`: g the sigmoid and
            h the identity (2a and 2b).
        logistic: Whether outputs are logistic, in (0, 1), as published: for targets that are
            reals. Else they are linear, as a cross-entropy takes them.
        initial_range: Weights are at first uniform in ± this range (0.2 in experiments 1 and 2,
            else 0.1).
        input_bias: Initial bias of the input gate of the first block.
        input_bias_step: Added for each further block.
        output_bias: The same of the output gates, and likewise
        output_bias_step: what is added.

    Source: Hochreiter and Schmidhuber (1997), experiments 1 to 6. Initial biases of the gates: −1,
        −2, −3(, −4) at the output gates in 1; −1, −3, −5 at the input and −2, −4, −6 at the output
        gates in 3; −3, −6 at the input gates in 4; −2, −4(, −6) in 6. All others begin at random
        in ± `initial_range` there, and with 0 here.

    >>> adding = LSTM1997(blocks=2, cells=2, input_bias=-3, input_bias_step=-3)
    >>> model = adding(Sizes(features=2, outputs=1, timesteps=100), seed=0)
    >>> sum(leaf.size for leaf in jax.tree.leaves(model))  # as published
    93
    """

    blocks: int = knob(2, "Memory cell blocks.", at_least=1)
    cells: int = knob(2, "Cells in a block.", at_least=1)
    biases: Biases = knob("all", "Who has a bias.")
    output_gate: bool = knob(True, "Whether blocks have an output gate.")
    recurrent: bool = knob(True, "Whether units read those of the step before.")
    direct: bool = knob(False, "Whether outputs read the inputs too.")
    squash: Squash = knob("centred", "The functions g and h.")
    logistic: bool = knob(False, "Whether outputs are in (0, 1), for targets that are reals.")
    initial_range: float = knob(0.1, "Weights are at first in ± this.", above=0, at_most=_MOST)
    input_bias: float = knob(0.0, "Bias of the first input gate.", at_least=-_MOST, at_most=_MOST)
    input_bias_step: float = knob(
        0.0, "Added for each further block.", at_least=-_MOST, at_most=_MOST
    )
    output_bias: float = knob(0.0, "Bias of the first output gate.", at_least=-_MOST, at_most=_MOST)
    output_bias_step: float = knob(
        0.0, "Added for each further block.", at_least=-_MOST, at_most=_MOST
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for gate in "input", "output":
            given = [name for name in (f"{gate}_bias", f"{gate}_bias_step") if getattr(self, name)]
            if given and self.biases == "no":
                raise ValueError(self._useless(given[0], "biases='no'", "biases='gates'"))
            if given and gate == "output" and not self.output_gate:
                raise ValueError(self._useless(given[0], "output_gate=False", "output_gate=True"))

    def _useless(self, name: str, why: str, remedy: str) -> str:
        return (
            f"LSTM1997: `{name}` must be 0 with {why}, got {getattr(self, name):g}. Use {remedy}."
        )

    @property
    def memory_cells(self) -> int:
        """Number of memory cells, of all blocks."""
        return self.blocks * self.cells

    def __call__(self, sizes: Sizes, seed: int) -> LSTM1997Model:
        rng = np.random.default_rng(seed)
        layer = _layer(self, sizes.features, rng)
        weight = _uniform(rng, (self.memory_cells, sizes.outputs), self.initial_range)
        biased = self.biases == "all"
        bias = _uniform(rng, (sizes.outputs,), self.initial_range) if biased else None
        size = sizes.features, sizes.outputs
        direct = _uniform(rng, size, self.initial_range) if self.direct else None
        return LSTM1997Model(layer, Affine(weight, bias), direct, self.logistic)


def _layer(of: LSTM1997, features: int, rng: np.random.Generator) -> LSTM1997Layer:
    """The layer of a description, freshly initialised."""
    cells, gates = of.memory_cells, of.blocks * (1 + of.output_gate)
    units = cells + gates
    weight = _uniform(rng, (features, units), of.initial_range)
    recurrent = _uniform(rng, (units, units), of.initial_range) if of.recurrent else None
    bias = None
    if of.biases != "no":
        starts = [(of.input_bias, of.input_bias_step), (of.output_bias, of.output_bias_step)]
        block = np.arange(of.blocks)
        first = [start + step * block for start, step in starts[: 1 + of.output_gate]]
        noise = rng.uniform(-of.initial_range, of.initial_range, cells)
        bias = on_device(np.concatenate([*([] if of.biases == "gates" else [noise]), *first]))
    return LSTM1997Layer(
        Affine(weight, bias), recurrent, of.blocks, of.cells, of.output_gate, of.squash
    )


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], initial_range: float) -> Array:
    return on_device(rng.uniform(-initial_range, initial_range, shape))
