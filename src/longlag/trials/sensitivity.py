"""Sensitivity: which inputs a trained model uses and its problem needs; and its gates."""

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
from longlag.arrays import MISSING, last_of, unmasked
from longlag.framings import Layout
from longlag.models import AnyModel, Decoder, ExternalModel, GatedLayer, OneHotInput, RecurrentModel
from longlag.problems import Episodes, Problem
from longlag.problems.drawing import draw
from longlag.trials.setting import Setting


def sensitivity(
    setting: Setting, model: AnyModel, seed: int = 0, sequences: int = 16
) -> Float[np.ndarray, "target input"]:
    """How much each output depends on each input, over fresh sequences.

    The Frobenius norm of the Jacobian of the outputs for a target step with respect to the
    features of an input step, through samples and through carried state, as root mean square
    over sequences. The axes are those of `needs`, `sees` and `learns`; a row is 0 where the
    framing scores nothing.

    Args:
        setting: The setting of the model.
        model: The model.
        seed: The seed of the fresh sequences.
        sequences: Number of sequences.

    Raises:
        ValueError: `sequences` is below 1, or the model takes values rather than features.

    >>> from longlag import Chunks, EchoLag, LSTM
    >>> setting = Setting(problem=EchoLag(length=4), framing=Chunks(), model=LSTM(hidden_size=3))
    >>> used = sensitivity(setting, setting.create(0))
    >>> (used > 0).tolist()[2]
    [False, False, True, False]
    """
    _require_one("sensitivity", sequences)
    if getattr(setting.model, "inputs", "features") == "values":
        raise ValueError(
            "sensitivity: the model takes values, which have no gradient. Use inputs='features', "
            "with a linear layer in place of the embedding."
        )
    layout, steps = _one_sequence(setting), setting.problem.steps
    target_steps = layout.target_steps[np.nonzero(layout.scored)]
    problem = setting.problem.for_part("evaluation")
    episodes = draw(problem, streams.evaluation(seed), sequences)
    features = setting.input_encoding.encode(episodes.inputs)
    present = np.ones(features.shape[:2], bool) if episodes.present is None else episodes.present
    if isinstance(model, ExternalModel):
        mask = _mask(layout, present) if _masks(setting, layout) else None
        norms = model.sensitivity(features, mask, layout)
    else:
        norms = _norms(setting, model, jax.device_put(features), jax.device_put(present))
    uses = np.zeros((steps, steps))
    uses[target_steps] = np.sqrt((np.asarray(norms) ** 2).mean(axis=0))
    return uses


def needs_over(
    setting: Setting, seed: int = 0, sequences: int = 16
) -> Float[np.ndarray, "target input"]:
    """The share of the sequences of `sensitivity` in which each target depends on each input.

    Args:
        setting: The setting of the model.
        seed: The seed of the fresh sequences.
        sequences: Number of sequences.

    Returns:
        Shares from 0 to 1, `(target, input)`; a row is 0 where the framing scores nothing.

    Raises:
        ValueError: `sequences` is below 1.
    """
    _require_one("needs", sequences)
    problem = setting.problem.for_part("evaluation")
    episodes = draw(problem, streams.evaluation(seed), sequences)
    shares = np.mean([problem.needs_of(inputs) for inputs in episodes.inputs], axis=0)
    return np.where(setting.scored[:, None], shares, 0.0)


def _require_one(owner: str, sequences: int) -> None:
    if sequences < 1:
        raise ValueError(
            f"{owner}: `sequences` must be at least 1, got {sequences}. Use sequences=16."
        )


def gates(
    setting: Setting,
    model: AnyModel,
    seed: int = 0,
    sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None = None,
) -> dict[str, Float[np.ndarray, "time hidden"]]:
    """Gates and states of a recurrent layer over one whole sequence, by name.

    Steps that lack data are skipped: the state does not change.

    Args:
        setting: The setting of the model.
        model: A model of one layer with access to its gates (`LSTM`, `GRU`, `RNN`).
        seed: The seed of the default sequence: its first fresh one.
        sequence: The inputs, before the answer where there is one.

    Raises:
        ValueError: The model has no such layer.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> setting = Setting(problem=EchoLag(length=4), framing=Whole(), model=LSTM(hidden_size=3))
    >>> sorted(gates(setting, setting.create(0))), gates(setting, setting.create(0))["forget"].shape
    (['candidate', 'cell', 'forget', 'hidden', 'input', 'output'], (4, 3))
    """
    layer = gated_layer(model)
    if layer is None:
        raise ValueError(f"gates: {no_gates(setting)}")
    episodes = gates_episode(setting, seed, sequence)
    features = jnp.asarray(setting.input_encoding.encode(episodes.inputs[0]))
    mask = None if episodes.present is None else jnp.asarray(episodes.present[0])
    arrays = layer.gates(features, mask)._asdict().items()
    return {name: np.asarray(each) for name, each in arrays if each.ndim == 2}  # no matrices


def gated_layer(model: Any) -> GatedLayer | None:
    """The only layer of a model, if its gates can be read."""
    inner = model.model if isinstance(model, OneHotInput) else model
    layer = inner.layer if isinstance(inner, RecurrentModel) else None
    return layer if isinstance(layer, GatedLayer) else None


def no_gates(setting: Setting) -> str:
    """Why the gates of a model cannot be read, with the remedy."""
    return (
        f"{type(setting.model).__name__} has no single recurrent layer to read. Use LSTM, GRU or "
        "RNN, or a layer derived from GatedLayer."
    )


def gates_episode(
    setting: Setting,
    seed: int = 0,
    sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None = None,
) -> Episodes:
    """The one episode that `gates` reads, by the same arguments."""
    return episode_of("gates", setting, seed, sequence)[1]


def episode_of(
    owner: str,
    setting: Setting,
    seed: int,
    sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None,
) -> tuple[Problem, Episodes]:
    """The first fresh episode of a seed, or that of a sequence; and the problem of its length."""
    if sequence is None:
        problem = setting.problem.for_part("evaluation")
        return problem, draw(problem, streams.evaluation(seed), 1)
    return setting.problem.episode(unmasked(f"{owner}: `sequence` is", sequence))


def _one_sequence(setting: Setting) -> Layout:
    """The layout of a block of one sequence, or of a batch of its consecutive pieces."""
    independent = setting.framing.parallel or not setting.framing.carries
    size = 1 if independent else setting.recipe.batch_size
    layout = setting.layout_for(setting.problem, size)
    if layout.carry:
        return layout
    # Without carried state all samples fit into one batch.
    one_batch = {
        name: getattr(layout, name).reshape(1, -1, getattr(layout, name).shape[-1])
        for name in ("steps", "target_steps", "present")
    }
    return dataclasses.replace(layout, rows=layout.rows.reshape(1, -1), **one_batch)


def _masks(setting: Setting, layout: Layout) -> bool:
    """Whether the model gets a mask."""
    return bool(setting.problem.masks or not layout.present.all())


def _mask(
    layout: Layout, present: Bool[np.ndarray, "sequence step"]
) -> Bool[np.ndarray, "sequence update row time"]:
    """The mask of the samples of each sequence."""
    padded = np.concatenate([present, np.ones_like(present[:, :1])], axis=1)
    return padded[:, layout.steps] & layout.present


def _outputs(
    setting: Setting,
    model: Any,
    layout: Layout,
    features: Float[Array, "step feature"],
    present: Bool[Array, " step"],
) -> Float[Array, "update batch target output"]:
    """The outputs of the block of `_one_sequence`."""
    inner = model.model if isinstance(model, OneHotInput) else model
    padded = jnp.concatenate([features, jnp.full_like(features[:1], MISSING)])
    masked = _masks(setting, layout)
    present = jnp.concatenate([present, jnp.ones(1, bool)])

    def update(state: Any, batch: tuple[Array, Array]) -> tuple[Any, Array]:
        steps, mask = batch
        inputs = padded[steps]  # step -1 is the row of -1
        mask = mask & present[steps] if masked else None
        if isinstance(inner, Decoder):
            count = layout.target_steps.shape[-1]
            return state, inner.decode_free_running(
                inputs, mask, setting.loss.decoder_feedback, count
            )
        outputs, state = inner(inputs, mask, state, last=last_of(layout.output))
        if layout.output == "vector":
            outputs = outputs.reshape(*layout.target_steps.shape[1:], -1)
        return state, outputs

    rows = layout.steps.shape[1:2]
    start = () if isinstance(inner, Decoder) else inner.initial_state(rows)
    batches = jnp.asarray(layout.steps), jnp.asarray(layout.present)
    return jax.lax.scan(update, start, batches)[1]


@eqx.filter_jit
def _norms(
    setting: Setting,
    model: Any,
    features: Float[Array, "sequence step feature"],
    present: Bool[Array, "sequence step"],
) -> Array:
    """The norm of each block (target, input) of the Jacobian, for each sequence."""
    layout = _one_sequence(setting)  # no argument, so that equal settings share a program
    scored = np.nonzero(layout.scored)

    def norms(episode: tuple[Array, Array]) -> Float[Array, "target step"]:
        features, present = episode
        outputs, vjp = jax.vjp(
            lambda features: _outputs(setting, model, layout, features, present)[scored], features
        )
        units = jnp.eye(outputs.shape[1], dtype=outputs.dtype)

        def by_target(index: Array) -> Float[Array, " step"]:
            zero = jnp.zeros_like(outputs)
            jacobian = jax.vmap(lambda unit: vjp(zero.at[index].set(unit))[0])(units)
            return jnp.sqrt((jacobian**2).sum(axis=(0, 2)))

        return jax.lax.map(by_target, jnp.arange(len(outputs)))

    return jax.lax.map(norms, (features, present))
