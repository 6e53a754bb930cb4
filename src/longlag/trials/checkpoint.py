"""Checkpoints: a trained model as safetensors, its setting as JSON in the header.

Nothing is unpickled: a file is arrays with names, and a document that says how to build the
model that they belong to.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy
from jaxtyping import Float, Num

from longlag import files
from longlag.models import AnyModel, ExternalModel
from longlag.scores.evaluation import Evaluation
from longlag.trials import documents, sensitivity
from longlag.trials.setting import Setting

_FORMAT = 1

_SERIES = "problem.values"  # beside the arrays of a model


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """A trained model with what it was trained for.

    Attributes:
        setting: Problem, framing, encoding, model and recipe.
        seed: The seed it was trained with.
        model: The model.
    """

    setting: Setting
    seed: int
    model: AnyModel

    def predict(
        self, sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray
    ) -> Num[np.ndarray, "prediction *shape"]:
        """What the model says about a sequence, at each step that the framing scores."""
        return self.setting.predict(self.model, sequence)

    def evaluate(self, test: str | None = None) -> Evaluation:
        """What the model says about the fresh sequences of its seed.

        Args:
            test: The name of the test; the main one by default.

        Raises:
            ValueError: There is no such test.
        """
        return self.setting.on(test).evaluate(self.model, self.seed)

    def sensitivity(self, sequences: int = 16) -> Float[np.ndarray, "target input"]:
        """How strongly each output depends on each input (`longlag.trials.sensitivity`)."""
        return sensitivity.sensitivity(self.setting, self.model, self.seed, sequences)

    def needs(self, sequences: int = 16) -> Float[np.ndarray, "target input"]:
        """In which share of the same sequences each target depends on each input."""
        return sensitivity.needs_over(self.setting, self.seed, sequences)

    def gates(
        self, sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Gates and states over one sequence, by name, each `(time, hidden)`.

        Args:
            sequence: The values shown; by default the first fresh sequence of the seed.

        Raises:
            ValueError: The model has no gates to read.
        """
        return sensitivity.gates(self.setting, self.model, self.seed, sequence)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, which `longlag.load` reads; a real series goes with it."""
        files.write(path, to_bytes(self))


def load(path: str | os.PathLike[str]) -> Trained:
    """Read a model that `Trained.save`, `Run.save` or `longlag runs --save` wrote.

    Raises:
        ValueError: The file is no checkpoint, or not one of this version.

    >>> import tempfile, longlag as ll
    >>> run = ll.train(ll.EchoLag(lag=0, values=4), ll.Chunks(), ll.LSTM(hidden_size=3), epochs=9)
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> run.save(path)
    >>> bool((load(path).predict([1, 2, 3]) == run.predict([1, 2, 3])).all())
    True
    """
    return from_bytes(Path(path).read_bytes(), os.fspath(path))


def to_bytes(trained: Trained) -> bytes:
    """A trained model as the content of a safetensors file; a real series goes with it."""
    written = {
        "format": _FORMAT,
        "setting": documents.document(trained.setting),
        "seed": trained.seed,
    }
    arrays = {name: np.asarray(leaf) for name, leaf in _named(trained.model).items()}
    for name, array in trained.setting.problem.arrays().items():
        arrays[f"problem.{name}"] = array
    return safetensors.numpy.save(
        arrays,
        metadata={"longlag": json.dumps(written, sort_keys=True)},
    )


def from_bytes(content: bytes, name: str = "the checkpoint") -> Trained:
    """A trained model from the content of a file; `name` is for messages."""
    try:
        arrays = safetensors.numpy.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        written = json.loads(header["__metadata__"]["longlag"])
        kept, seed, told = written["format"], int(written["seed"]), written["setting"]
    except safetensors.SafetensorError as error:
        raise ValueError(f"load: {name} is no safetensors file: {error}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"load: {name} holds no longlag model. Use a file that `save` wrote."
        ) from error
    if kept != _FORMAT:
        raise ValueError(
            f"load: {name} has format {kept}, this longlag reads {_FORMAT}. Use the longlag "
            "that wrote it."
        )
    try:
        setting = documents.setting(told, arrays.pop(_SERIES, None))
        model = setting.create(seed)
    except (TypeError, ValueError, MemoryError) as error:
        raise ValueError(f"load: the setting in {name} cannot be used: {error}") from error
    named = _named(model)
    fits = {key: (array.shape, array.dtype) for key, array in arrays.items()}
    if fits != {key: (leaf.shape, leaf.dtype) for key, leaf in named.items()}:
        raise ValueError(
            f"load: the arrays of {name} do not fit its setting, {setting.model!r}. Use the "
            "longlag that wrote it."
        )
    if isinstance(model, ExternalModel):
        model.put(arrays)
        return Trained(setting, seed, model)
    wanted, skeleton = eqx.partition(model, eqx.is_array)
    leaves = [jnp.asarray(arrays[key]) for key in named]
    parts = jax.tree.unflatten(jax.tree.structure(wanted), leaves)
    return Trained(setting, seed, eqx.combine(parts, skeleton))


def _named(model: Any) -> dict[str, Any]:
    """The arrays of a model by their place in it, in the order of its leaves."""
    if isinstance(model, ExternalModel):
        return model.arrays()
    parts = eqx.filter(model, eqx.is_array)
    leaves = jax.tree_util.tree_leaves_with_path(parts)
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in leaves}
