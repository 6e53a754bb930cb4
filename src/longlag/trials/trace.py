"""Traces: predictions, gates and states over one sequence, as the framing lays it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from longlag.arrays import MISSING
from longlag.framings import Layout, Samples
from longlag.models import AnyModel, OneHotInput
from longlag.problems import Episodes
from longlag.scores import evaluation as evaluations
from longlag.scores.evaluation import single_size
from longlag.training import Batches, loop
from longlag.trials.sensitivity import episode_of, gated_layer, no_gates
from longlag.trials.setting import Setting


class Chain(NamedTuple):
    """Steps through which one state passes, from zero on.

    Without carried state it is one sample. With it, it is one row of all batches, one after the
    other: a whole sequence, or every `batch_size`-th piece of it.

    Attributes:
        steps: `(position,)`: the input step; -1 where the row lacks data.
        starts: The positions at which a sample begins: no gradient passes them.
        maps: Gates and states by name, `(position, unit)` each.
    """

    steps: Int[np.ndarray, " position"]
    starts: Int[np.ndarray, " sample"]
    maps: dict[str, Float[np.ndarray, "position unit"]]


class Trace(NamedTuple):
    """The predictions for one episode, and the chains of states that lead to them.

    Attributes:
        episodes: The one episode. Its targets are zeros where the sequence was given.
        predicted: The predictions, `(step, *shape)`, as those of an `Evaluation`; zeros where the
            framing gives none.
        scored: `(step,)`: whether a prediction is scored.
        chains: The chains; none where the model has no gates to read.
        chain_of: `(step,)`: the index of the chain that the prediction for a step comes from; -1
            where there is none.
        position_of: `(step,)`: its position in that chain, or -1.
        why: Why there are no chains, with the remedy; else empty.
    """

    episodes: Episodes
    predicted: Num[np.ndarray, "step ..."]
    scored: Bool[np.ndarray, " step"]
    chains: tuple[Chain, ...]
    chain_of: Int[np.ndarray, " step"]
    position_of: Int[np.ndarray, " step"]
    why: str


def trace(
    setting: Setting,
    model: AnyModel,
    sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None = None,
    seed: int = 0,
) -> Trace:
    """Predictions, gates and states of a model over one sequence.

    They are those of the samples of the framing, with the state that it carries, where `gates` runs
    over the whole sequence. Any model gives predictions; `LSTM`, `GRU`, `RNN` and other layers
    derived from `GatedLayer` also gates and states.

    Args:
        setting: The setting of the model.
        model: The model.
        sequence: The inputs, before the answer where there is one.
        seed: The seed of the default sequence: its first fresh one.

    >>> from longlag import EchoLag, LSTM, Window
    >>> window = Window(timesteps=2)
    >>> setting = Setting(problem=EchoLag(length=4), framing=window, model=LSTM(hidden_size=3))
    >>> found = trace(setting, setting.create(0))
    >>> [chain.steps.tolist() for chain in found.chains], found.chains[0].maps["cell"].shape
    ([[1, 2], [2, 3]], (2, 3))
    """
    problem, episodes = episode_of("trace", setting, seed, sequence)
    size = single_size(setting.framing, setting.recipe.batch_size)
    layout = setting.layout_for(problem, size)
    read: list[Batches] = []

    def predict(samples: Samples, reset: np.ndarray | None) -> np.ndarray:
        read.append(setting.arrays(samples, reset, layout))
        return loop.predict(model, read[-1], loss=setting.loss, output=layout.output)[1]

    evaluation = evaluations.predictions(problem, layout, episodes, predict)
    chains, chain_of = (), np.full((2, problem.steps), MISSING)
    if gated_layer(model) is not None:
        shown = jax.device_put((read[0].inputs, read[0].mask))
        found = _gates(model, *shown)._asdict().items()
        maps = {name: np.asarray(each) for name, each in found if each.ndim == 4}
        chains, chain_of = _chains(layout, maps), _places(layout, episodes)
    return Trace(
        episodes=episodes,
        predicted=evaluation.predicted[0],
        scored=evaluation.scored[0],
        chains=chains,
        chain_of=chain_of[0],
        position_of=chain_of[1],
        why="" if chains else no_gates(setting),
    )


def _by_row(layout: Layout, array: np.ndarray) -> Num[np.ndarray, "update row ..."]:
    """An array of the layout of one sequence; all samples are one batch where no state passes."""
    return array.reshape(len(layout.steps) if layout.carry else 1, -1, array.shape[-1])


def _chains(
    layout: Layout, maps: dict[str, Float[np.ndarray, "update row time unit"]]
) -> tuple[Chain, ...]:
    steps = _by_row(layout, layout.steps)
    updates, rows, time = steps.shape
    return tuple(
        Chain(
            steps[:, row].ravel(),
            np.arange(updates) * time,
            {name: each[:, row].reshape(updates * time, -1) for name, each in maps.items()},
        )
        for row in range(rows)
    )


def _places(layout: Layout, episodes: Episodes) -> Int[np.ndarray, "2 step"]:
    """The chain, and the position in it, of the prediction for each step; -1 where none is."""
    target_steps = _by_row(layout, layout.target_steps_of(episodes))
    positions = _by_row(layout, layout.output_positions)
    update, row, _ = where = np.nonzero(target_steps != MISSING)
    places = np.full((2, episodes.targets.shape[1]), MISSING)
    places[:, target_steps[where]] = row, positions[where] + update * layout.steps.shape[-1]
    return places


@eqx.filter_jit
def _gates(
    model: Any,
    inputs: Num[Array, "update row time ..."],
    mask: Bool[Array, "update row time"] | None,
) -> Any:
    """Gates and states of each update; each starts from the state that the one before ended in."""
    layer: Any = gated_layer(model)

    def update(state: Any, batch: tuple[Any, Any]) -> tuple[Any, Any]:
        inputs, mask = batch
        inputs = model.encoded(inputs) if isinstance(model, OneHotInput) else inputs
        return layer(inputs, mask, state)[1], layer.gates(inputs, mask, state)

    start = layer.initial_state(inputs.shape[1:2])
    return jax.lax.scan(update, start, (inputs, mask))[1]
