"""Whether a model that takes values has a row of its embedding for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from longlag.adapters.models.hints import TOO_SHORT, hint
from longlag.adapters.models.user_model import framework
from longlag.checks.arrays import with_noise
from longlag.checks.check import CheckFailed
from longlag.checks.runs import NOISE, Runs, error_text
from longlag.models import ExternalModel

_SCALES = 8 * (1.0, 10.0)
"""Of noise on the weights, since an activation of 0 may hide what an embedding tells apart."""

_ROWS = "num_embeddings", "input_dim"  # of PyTorch, Equinox and Flax; of Keras

_ADDED = 8  # to values at most, for padding, a start and the like; more may be meant otherwise


def remedy_for_high_values(runs: Runs) -> str:
    """The remedy where a model fails, or is not finite, for high values but not for 0; or empty."""
    values = _values(runs)
    if values is None or not _runs_with(runs, 0) or _runs_with(runs, values - 1):
        return ""
    return _remedy(runs, values, _first(values, lambda value: not _runs_with(runs, value)))


def require_values_apart(runs: Runs) -> None:
    """Require that the highest value runs, and that it has other outputs than the one before it.

    JAX takes the last row of a table for each index that is too large.

    Raises:
        CheckFailed: It does not.
    """
    values = _values(runs)
    if values is None or values < 3:
        return
    highest = f"for the integer {values - 1}"
    try:
        shown = runs.run(_in_turn(runs, values - 1, values - 2))
    except (Exception, SystemExit) as error:
        remedy = remedy_for_high_values(runs) or hint(error, features=False)
        raise CheckFailed(f"{highest} it {error_text(error)}", remedy) from error
    if not np.isfinite(shown).all() and (remedy := remedy_for_high_values(runs)):
        raise CheckFailed(f"{highest} its outputs are not finite", remedy)
    if isinstance(runs.model, ExternalModel) or _apart(runs, values - 1, values - 2):
        return  # PyTorch raises
    first = _first(values, lambda value: not _apart(runs, value, values - 1))
    if not first or (first > 1 and not _apart(runs, first - 1, first - 2)):
        return  # none are apart, or only ranges of them, as may be meant
    tables = _tables(runs.module)
    lengths = {each.shape[0] for each in jax.tree.leaves(runs.model) if np.ndim(each) == 2}
    span = f"{first} {'and' if first == values - 2 else 'to'} {values - 1}"
    if first + 1 in lengths or (values in tables and values - 1 - first <= _ADDED):
        raise CheckFailed(
            f"its outputs are equal for the integers {span}",
            _remedy(runs, values, first + 1),
        )


def _values(runs: Runs) -> int | None:
    """The number of values, where a user's model takes these."""
    takes = getattr(runs.setting.model, "inputs", "features")
    return runs.setting.sizes.values if takes == "values" else None


def _first(values: int, is_lost: Callable[[int], bool]) -> int:
    """The first value that is lost, where all after it are and the highest is."""
    low, high = 0, values - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_lost(middle) else (middle + 1, high)
    return low


def _runs_with(runs: Runs, value: int) -> bool:
    """Whether the model runs, and its outputs are finite, where each input is this value."""
    inputs = np.full_like(runs.batches.inputs, value)
    try:
        return bool(np.isfinite(runs.run(runs.batches._replace(inputs=inputs))).all())
    except (Exception, SystemExit):
        return False


def _in_turn(runs: Runs, one: int, other: int) -> Any:
    """Batches in which each input that counts is one of two values."""
    inputs, mask = runs.batches.inputs, runs.batches.mask
    chosen = np.where(np.random.default_rng(0).random(inputs.shape) < 0.5, one, other)
    counts = (inputs >= 0) & (True if mask is None else mask)
    return runs.batches._replace(inputs=np.where(counts, chosen, inputs).astype(inputs.dtype))


def _apart(runs: Runs, one: int, other: int) -> bool:
    """Whether two values in place of each other move an output, with some weights."""
    pair = _in_turn(runs, one, other), _in_turn(runs, other, one)
    for seed, scale in enumerate((0.0, *_SCALES)):
        model = with_noise(runs.subject, scale=scale, seed=seed) if scale else runs.subject
        before, after = (runs.run(each, model) for each in pair)
        if np.abs(after - before).max() > NOISE * np.abs(before).max():
            return True
    return False


def _remedy(runs: Runs, values: int, room: int) -> str:
    """The remedy for a model with room for only so many of the values."""
    tables = _tables(runs.module)
    if room in tables or values not in tables:
        return TOO_SHORT
    return (
        "Larger integers than `sizes.values` - 1 reach an embedding of `sizes.values` rows: leave "
        f"out what is added to the inputs, or use `sizes.values` + {values - room}."
    )


def _tables(module: Any) -> set[int]:
    """The numbers of rows of the embedding layers of a module."""
    kind = framework(module)
    if kind == "torch":
        parts = module.modules()
    elif kind == "keras":
        parts = module._flatten_layers()
    elif kind == "flax":
        from flax import nnx  # pyright: ignore[reportMissingImports]

        parts = [part for _, part in nnx.iter_graph(module)]
    else:
        parts = jax.tree.leaves(module, is_leaf=lambda each: isinstance(each, eqx.nn.Embedding))
    named = (getattr(each, name, None) for each in parts for name in _ROWS)
    return {rows for rows in named if isinstance(rows, int)}
