"""Checkpoints: a trained model as safetensors, its setting as JSON in the header.

Nothing is unpickled: a file is arrays with names, and a document that says how to build the
model that they belong to.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
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
from longlag.adapters import user_code
from longlag.adapters.models.user_model import MakeModel, UserModel
from longlag.framings import Prefix
from longlag.knobs import Knobs
from longlag.models import AnyModel, ExternalModel
from longlag.problems import Problem
from longlag.scores.evaluation import Evaluation
from longlag.trials import documents, sensitivity
from longlag.trials.setting import Setting

_FORMAT = 1

_LARGEST = 10**8  # steps × timesteps of a file that is read

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


def load(
    path: str | os.PathLike[str],
    *,
    model: str | MakeModel | UserModel | None = None,
    problem: str | type[Problem] | None = None,
) -> Trained:
    """Read a model that `Trained.save`, `Run.save` or `longlag runs --save` wrote.

    Nothing is unpickled, and no code that the file names is run unless you name it too.

    Args:
        path: The file.
        model: Where a function of your own made the model: `mine.py:make_model`, whose file must
            be as it was when the model was saved; or the function itself.
        problem: Likewise where the class of its problem is your own: `mine.py:Parity`, or the
            class.

    Returns:
        The model, with the setting and the seed it was trained for.

    Raises:
        ValueError: The file is no checkpoint, or not one of this version; its code is your own and
            not named, or was edited.

    >>> import tempfile, longlag as ll
    >>> model = ll.LSTM(hidden_size=3)
    >>> run = ll.train(ll.EchoLag(lag=0, values=4), ll.Chunks(), model, sequences=9)
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> run.save(path)
    >>> bool((load(path).predict([1, 2, 3]) == run.predict([1, 2, 3])).all())
    True
    """
    name = os.fspath(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"load: {name} cannot be read: {error.strerror or error}.") from error
    return from_bytes(content, name, model=model, problem=problem)


def to_bytes(trained: Trained) -> bytes:
    """A trained model as the content of a safetensors file; a real series goes with it."""
    written = {
        "format": _FORMAT,
        "setting": documents.document(trained.setting),
        "seed": trained.seed,
    }
    arrays = {
        name: np.asarray(leaf, _kept_as(leaf.dtype)) for name, leaf in _named(trained.model).items()
    }
    for name, array in trained.setting.problem.arrays().items():
        arrays[f"problem.{name}"] = array
    return safetensors.numpy.save(
        arrays,
        metadata={"longlag": json.dumps(written, sort_keys=True)},
    )


def from_bytes(
    content: bytes,
    name: str = "the checkpoint",
    *,
    model: str | MakeModel | UserModel | None = None,
    problem: str | type[Problem] | None = None,
) -> Trained:
    """A trained model from the content of a file, as `load`; `name` is for messages."""
    try:
        arrays = safetensors.numpy.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        document = json.loads(header["__metadata__"]["longlag"])
        number, seed, written = document["format"], document["seed"], document["setting"]
    except safetensors.SafetensorError as error:
        raise ValueError(f"load: {name} is no safetensors file: {_brief(error)}.") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"load: {name} holds no longlag model. Use a file that `save` wrote."
        ) from error
    if number != _FORMAT:
        raise ValueError(
            f"load: {name} has format {_brief(number)}, this longlag reads {_FORMAT}. Use the "
            "longlag that wrote it."
        )
    try:
        if type(seed) is not int or not 0 <= seed < 2**64:
            raise ValueError(f"`seed` must be a whole number of at least 0, got {_brief(seed)}.")
        origins = documents.origins(written)
        for argument, given in (("model", model), ("problem", problem)):
            if given is not None and argument not in origins:
                raise ValueError(f"its {argument} is longlag's own. Leave `{argument}` out.")
            if given is not None:
                user_code.use(origins[argument], given, argument)
        setting = documents.setting(written, arrays.pop(_SERIES, None))
        _check_size(setting, arrays)
        empty = setting.create(seed)
    except user_code.UnnamedCode as error:
        own = documents.origins(written)
        names = (f"{argument}={origin.argument}" for argument, origin in own.items())
        raise user_code.UnnamedCode(
            f"load: {name}: it was made by {' and '.join(each.words for each in own.values())}. "
            f"Name it: ll.load(path, {', '.join(names)})."
        ) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, MemoryError) as error:
        raise ValueError(f"load: the setting in {name} cannot be used: {_brief(error)}") from error
    named = _named(empty)
    fits = {key: (array.shape, array.dtype) for key, array in arrays.items()}
    if fits != {key: (leaf.shape, _kept_as(leaf.dtype)) for key, leaf in named.items()}:
        raise ValueError(
            f"load: the arrays of {name} do not fit its setting, {_brief(setting.model)}. Use the "
            "longlag that wrote it."
        )
    if isinstance(empty, ExternalModel):
        empty.put(arrays)
        return Trained(setting, seed, empty)
    wanted, skeleton = eqx.partition(empty, eqx.is_array)
    leaves = [jnp.asarray(arrays[key], leaf.dtype) for key, leaf in named.items()]
    parts = jax.tree.unflatten(jax.tree.structure(wanted), leaves)
    return Trained(setting, seed, eqx.combine(parts, skeleton))


def _kept_as(dtype: Any) -> Any:
    """The type that a file has for one: NumPy alone knows no bfloat16."""
    return np.dtype(np.float32) if dtype.kind == "V" else dtype


def _check_size(setting: Setting, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse a setting whose tables or weights would fill the memory, before they are made."""
    steps, framing = setting.problem.steps, _whole_numbers(setting.framing)
    timesteps = steps if isinstance(setting.framing, Prefix) else framing.get("timesteps", 1)
    if steps * min(timesteps, steps) > _LARGEST:
        raise ValueError(f"sequences of {steps:,} steps are too long to be read from a file.")
    if isinstance(setting.model, UserModel):
        return
    model, sizes = _whole_numbers(setting.model), setting.sizes
    width, context = model.get("hidden_size", 1), model.get("context") or sizes.timesteps
    # A matrix from what is shown, one to the outputs, and one from the state where it has one.
    inputs = sizes.features * (context if "context" in model else 1)
    fewest = width * (inputs + sizes.outputs + (0 if "context" in model else width))
    if fewest > sum(array.size for array in arrays.values()):
        raise ValueError(f"{_brief(setting.model)} has {fewest:,} weights or more, the file fewer.")


def _whole_numbers(part: Knobs) -> dict[str, int]:
    """The knobs that are whole numbers, by name."""
    knobs = (knob for knob in part.knobs() if knob.kind is int)
    return {knob.name: getattr(part, knob.name) for knob in knobs}


def _brief(thing: Any) -> str:
    """A message, or a value, as one line that is not too long."""
    text = " ".join(str(thing).split())
    return text if len(text) <= 300 else f"{text[:300]}…"


def _named(model: Any) -> dict[str, Any]:
    """The arrays of a model by their place in it, in the order of its leaves."""
    if isinstance(model, ExternalModel):
        return model.arrays()
    parts = eqx.filter(model, eqx.is_array)
    leaves = jax.tree_util.tree_leaves_with_path(parts)
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in leaves}
