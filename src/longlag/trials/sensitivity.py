"""Sensitivity: what a trained model uses, beside what its problem needs; and gates to read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from longlag import streams
from longlag.arrays import MISSING, last_of
from longlag.framings import Layout
from longlag.models import AnyModel, Decoder, ExternalModel, GatedLayer, OneHotInput, RecurrentModel
from longlag.problems import Episodes
from longlag.problems.drawing import drawn
from longlag.trials.setting import Setting


def sensitivity(
    setting: Setting, model: AnyModel, seed: int = 0, sequences: int = 16
) -> Float[np.ndarray, "target input"]:
    """How strongly each output depends on each input, over fresh sequences.

    The Frobenius norm of the Jacobian of the outputs for a target step with respect to the
    features of an input step, through samples and carried state alike, root mean square over
    sequences. The axes are those of `needs`, `sees` and `learns`; a row is 0 where the
    framing scores nothing.

    Args:
        setting: What the model was trained for.
        model: The model.
        seed: Whose fresh sequences.
        sequences: Number of sequences.

    Raises:
        ValueError: There are no sequences.

    >>> from longlag import Chunks, EchoLag, LSTM
    >>> made = Setting(problem=EchoLag(length=4), framing=Chunks(), model=LSTM(hidden_size=3))
    >>> used = sensitivity(made, made.create(0))
    >>> (used > 0).tolist()[2]
    [False, False, True, False]
    """
    if sequences < 1:
        raise ValueError(
            f"sensitivity: `sequences` must be at least 1, got {sequences}. Use sequences=16."
        )
    if isinstance(model, ExternalModel):
        raise ValueError(
            "sensitivity: a PyTorch model is not seen into. Ask torch.autograd.functional.jacobian "
            "of its module."
        )
    layout, steps = _one_sequence(setting), setting.problem.steps
    asked = layout.target_steps[np.nonzero(layout.scored)]
    problem = setting.problem.for_part("evaluation")
    episodes = drawn(problem, streams.evaluation(seed), sequences)
    features = jnp.asarray(setting.input_encoding.encode(episodes.inputs))
    there = np.ones(features.shape[:2], bool) if episodes.present is None else episodes.present
    found = _norms(setting, model, features, jnp.asarray(there))
    used = np.zeros((steps, steps))
    used[asked] = np.sqrt((np.asarray(found) ** 2).mean(axis=0))
    return used


def needs_over(
    setting: Setting, seed: int = 0, sequences: int = 16
) -> Float[np.ndarray, "target input"]:
    """In which share of the sequences of `sensitivity` each target depends on each input.

    Args:
        setting: What the model was trained for.
        seed: Whose fresh sequences.
        sequences: Number of sequences.
    """
    problem = setting.problem.for_part("evaluation")
    inputs = drawn(problem, streams.evaluation(seed), sequences).inputs
    needed = np.mean([problem.needs_of(shown) for shown in inputs], axis=0)
    return np.where(setting.scored[:, None], needed, 0.0)


def gates(
    setting: Setting,
    model: AnyModel,
    seed: int = 0,
    sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None = None,
) -> dict[str, Float[np.ndarray, "time hidden"]]:
    """Gates and states of a recurrent layer over one whole sequence, by name.

    Steps that lack data are passed over: the state stays as it was.

    Args:
        setting: What the model was trained for.
        model: The model: one layer whose gates can be read (`LSTM`, `GRU`, `RNN`).
        seed: Whose first fresh sequence is shown, where none is given.
        sequence: The values shown, before the answer where there is one.

    Raises:
        ValueError: The model has no such layer.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> made = Setting(problem=EchoLag(length=4), framing=Whole(), model=LSTM(hidden_size=3))
    >>> sorted(gates(made, made.create(0))), gates(made, made.create(0))["forget"].shape
    (['candidate', 'cell', 'forget', 'hidden', 'input', 'output'], (4, 3))
    """
    inner = model.model if isinstance(model, OneHotInput) else model
    if not isinstance(inner, RecurrentModel) or not isinstance(inner.layer, GatedLayer):
        raise ValueError(
            f"gates: {type(setting.model).__name__} has no single recurrent layer to read. Use "
            "LSTM, GRU or RNN, or a layer derived from GatedLayer."
        )
    episodes = shown_episode(setting, seed, sequence)
    features = jnp.asarray(setting.input_encoding.encode(episodes.inputs[0]))
    mask = None if episodes.present is None else jnp.asarray(episodes.present[0])
    read = inner.layer.gates(features, mask)._asdict().items()
    return {name: np.asarray(each) for name, each in read if each.ndim == 2}  # no matrices


def shown_episode(
    setting: Setting,
    seed: int = 0,
    sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None = None,
) -> Episodes:
    """The one episode that `gates` reads, by the same arguments."""
    if sequence is None:
        return drawn(setting.problem.for_part("evaluation"), streams.evaluation(seed), 1)
    return setting.problem.episode(np.asarray(sequence))[1]


def _one_sequence(setting: Setting) -> Layout:
    """The block of one sequence; rows meet only where they are pieces of one sequence."""
    alone = setting.framing.parallel or not setting.framing.carries
    size = 1 if alone else setting.recipe.batch_size
    layout = setting.layout_for(setting.problem, size)
    if layout.carry:
        return layout
    # Where nothing is carried all samples go side by side.
    together = {
        name: getattr(layout, name).reshape(1, -1, getattr(layout, name).shape[-1])
        for name in ("steps", "target_steps", "present")
    }
    return dataclasses.replace(layout, rows=layout.rows.reshape(1, -1), **together)


def _outputs(
    setting: Setting,
    model: Any,
    layout: Layout,
    features: Float[Array, "step feature"],
    there: Bool[Array, " step"],
) -> Float[Array, "update batch target output"]:
    """The outputs of a block of one sequence."""
    inner = model.model if isinstance(model, OneHotInput) else model
    padded = jnp.concatenate([features, jnp.full_like(features[:1], MISSING)])
    masked = setting.problem.masks or not layout.present.all()
    there = jnp.concatenate([there, jnp.ones(1, bool)])

    def update(state: Any, now: tuple[Array, Array]) -> tuple[Any, Array]:
        steps, present = now
        shown = padded[steps]  # step -1 is the row of -1
        mask = present & there[steps] if masked else None
        if isinstance(inner, Decoder):
            count = layout.target_steps.shape[-1]
            return state, inner.decode_free_running(
                shown, mask, setting.loss.decoder_feedback, count
            )
        said, state = inner(shown, mask, state, last=last_of(layout.output))
        if layout.output == "vector":
            said = said.reshape(*layout.target_steps.shape[1:], -1)
        return state, said

    rows = layout.steps.shape[1:2]
    start = () if isinstance(inner, Decoder) else inner.initial_state(rows)
    shown = jnp.asarray(layout.steps), jnp.asarray(layout.present)
    return jax.lax.scan(update, start, shown)[1]


@eqx.filter_jit
def _norms(
    setting: Setting,
    model: Any,
    features: Float[Array, "sequence step feature"],
    there: Bool[Array, "sequence step"],
) -> Array:
    """The norm of each block (target, input) of the Jacobian, for each sequence."""
    layout = _one_sequence(setting)  # not handed in: equal settings share a program
    asked = np.nonzero(layout.scored)

    def norms(episode: tuple[Array, Array]) -> Float[Array, "asked step"]:
        shown, present = episode
        said, pull = jax.vjp(
            lambda shown: _outputs(setting, model, layout, shown, present)[asked], shown
        )
        directions = jnp.eye(said.shape[1], dtype=said.dtype)

        def by_target(place: Array) -> Float[Array, " step"]:
            wanted = jnp.zeros_like(said)
            pulled = jax.vmap(lambda unit: pull(wanted.at[place].set(unit))[0])(directions)
            return jnp.sqrt((pulled**2).sum(axis=(0, 2)))

        return jax.lax.map(by_target, jnp.arange(len(said)))

    return jax.lax.map(norms, (features, there))
