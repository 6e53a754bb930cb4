"""Checkpoints: a trained model as safetensors, its setting as JSON in the header.

Nothing is unpickled: a file is arrays with names, and a document from which the model is
built.
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
import numpy as np
import safetensors
import safetensors.numpy
from jaxtyping import Float, Num

from longlag import arguments, files
from longlag.adapters import user_code
from longlag.adapters.models.arguments import split as given_arguments
from longlag.adapters.models.user_model import MakeModel, UserModel
from longlag.framings import Prefix
from longlag.knobs import Knobs
from longlag.models import AnyModel, ExternalModel
from longlag.problems import Problem
from longlag.scores.evaluation import Evaluation
from longlag.trials import documents, sensitivity
from longlag.trials.setting import Setting

_FORMAT = 1

_LARGEST = 10**8  # steps × timesteps that a file may have

SERIES = "problem.values"
"""The name of a series beside the arrays of a model."""


@arguments.checked
@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """A trained model with its setting and seed.

    Attributes:
        setting: Problem, framing, encoding, model and recipe.
        seed: The seed of its initialisation and training data.
        model: The model.
    """

    setting: Setting
    seed: int
    model: AnyModel

    def predict(
        self, sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray
    ) -> Num[np.ndarray, "prediction *shape"]:
        """The predictions `(prediction, *shape)` for a sequence, one per scored step."""
        return self.setting.predict(self.model, sequence)

    def evaluate(self, test: str | None = None) -> Evaluation:
        """The predictions of the model on the fresh sequences of its seed.

        Args:
            test: The name of the test; the main one by default.

        Raises:
            ValueError: There is no such test.
        """
        return self.setting.on(test).evaluate(self.model, self.seed)

    def sensitivity(self, sequences: int = 16) -> Float[np.ndarray, "target input"]:
        """How much each output depends on each input (`longlag.trials.sensitivity`)."""
        return sensitivity.sensitivity(self.setting, self.model, self.seed, sequences)

    def needs(self, sequences: int = 16) -> Float[np.ndarray, "target input"]:
        """The share of the same sequences in which each target depends on each input."""
        return sensitivity.needs_over(self.setting, self.seed, sequences)

    def gates(
        self, sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Gates and states over one sequence, by name, each `(time, hidden)`.

        Args:
            sequence: The inputs; by default the first fresh sequence of the seed.

        Raises:
            ValueError: The model has no gates.
        """
        return sensitivity.gates(self.setting, self.model, self.seed, sequence)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the model to a file for `longlag.load`; a real series is included.

        Args:
            path: The file; `.safetensors` is usual.
            force: Replace a file that longlag did not write.

        Raises:
            ValueError: It ends as a file of another kind does, or longlag did not write the file
                that is there.
        """
        arguments.path("save", "path", path)
        files.check_ending(path, "save", {"save": (path, "safetensors")})
        files.check_model_ending(path, "save")
        files.check_save(path, "save", "safetensors", force=force)
        files.write(path, to_bytes(self))


def load(
    path: str | os.PathLike[str],
    *,
    model: str | MakeModel | UserModel | None = None,
    problem: str | type[Problem] | None = None,
) -> Trained:
    """Read a model that `Trained.save`, `Run.save` or `longlag runs --save` wrote.

    Nothing is unpickled, and code that the file names runs only if you name it too.

    Args:
        path: The file.
        model: For a model from a function of your own: `mine.py:make_model`, whose file must
            be unchanged since the model was saved; or the function itself.
        problem: Likewise for a problem whose class is your own: `mine.py:Parity`, or the
            class.

    Returns:
        The model, with its setting and its seed.

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
    arguments.path("load", "path", path, folder=True)
    name = os.fspath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"load: {name} is no regular file. Name a file that longlag saved.")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"load: {name} cannot be read: {error.strerror or error}.") from error
    return from_bytes(content, name, model=model, problem=problem)


def to_bytes(trained: Trained) -> bytes:
    """A trained model as the content of a safetensors file; a real series is included."""
    document = {
        "format": _FORMAT,
        "setting": documents.public(documents.document(trained.setting)),
        "seed": trained.seed,
    }
    arrays = {
        name: np.asarray(leaf, _file_dtype(leaf.dtype))
        for name, leaf in _arrays_by_name(trained.model).items()
    }
    for name, array in trained.setting.problem.arrays().items():
        arrays[f"problem.{name}"] = array
    return safetensors.numpy.save(
        arrays,
        metadata={"longlag": json.dumps(document, sort_keys=True)},
    )


def with_setting(content: bytes, setting: Setting) -> bytes:
    """The content of a file with another setting of the same model."""
    arrays, document = _read(content, "the stored model")
    document["setting"] = documents.public(documents.document(setting))
    metadata = {"longlag": json.dumps(document, sort_keys=True)}
    return safetensors.numpy.save(arrays, metadata=metadata)


def _read(content: bytes, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the document of a file."""
    try:
        arrays = safetensors.numpy.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        document = json.loads(header["__metadata__"]["longlag"])
        _ = [document[key] for key in ("format", "seed", "setting")]
    except safetensors.SafetensorError as error:
        raise ValueError(f"load: {name} is no safetensors file: {_brief(error)}.") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"load: {name} holds no longlag model. Use a file that `save` wrote."
        ) from error
    return arrays, document


def from_bytes(
    content: bytes,
    name: str = "the checkpoint",
    *,
    model: str | MakeModel | UserModel | None = None,
    problem: str | type[Problem] | None = None,
) -> Trained:
    """A trained model from the content of a file, as `load`; `name` is for messages."""
    arrays, document = _read(content, name)
    version, seed, setting_document = (document[key] for key in ("format", "seed", "setting"))
    if version != _FORMAT:
        raise ValueError(
            f"load: {name} has format {_brief(version)}, this longlag reads {_FORMAT}. Use the "
            "longlag that wrote it."
        )
    try:
        if type(seed) is not int or not 0 <= seed < 2**64:
            raise ValueError(f"`seed` must be a whole number of at least 0, got {_brief(seed)}.")
        origins = documents.origins(setting_document)
        for argument, code in (("model", model), ("problem", problem)):
            if code is not None and argument not in origins:
                raise ValueError(f"its {argument} is longlag's own. Leave `{argument}` out.")
            if code is not None:
                plain = _without_arguments(code, setting_document[argument])
                user_code.use(origins[argument], plain, argument)
        setting = documents.setting(setting_document, arrays.pop(SERIES, None))
        check_size(setting, sum(array.size for array in arrays.values()))
        template = setting.create(seed)
    except user_code.UnnamedCode as error:
        own = documents.origins(setting_document)
        names = (f"{argument}={origin.argument}" for argument, origin in own.items())
        raise user_code.UnnamedCode(
            f"load: {name}: it was made by {' and '.join(each.words for each in own.values())}. "
            f"Name it: ll.load(path, {', '.join(names)})."
        ) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, MemoryError) as error:
        raise ValueError(f"load: the setting in {name} cannot be used: {_brief(error)}") from error
    leaves = _arrays_by_name(template)
    shapes = {key: (array.shape, array.dtype) for key, array in arrays.items()}
    if shapes != {key: (leaf.shape, _file_dtype(leaf.dtype)) for key, leaf in leaves.items()}:
        own = isinstance(setting.model, UserModel)
        raise ValueError(
            f"load: the arrays of {name} do not fit its setting, {_brief(setting.model)}. "
            f"{'Name the function that made it' if own else 'Use the longlag that wrote it'}."
        )
    if isinstance(template, ExternalModel):
        template.put(arrays)
        return Trained(setting, seed, template)
    params, skeleton = eqx.partition(template, eqx.is_array)
    weights = [jax.device_put(arrays[key].astype(leaf.dtype)) for key, leaf in leaves.items()]
    params = jax.tree.unflatten(jax.tree.structure(params), weights)
    return Trained(setting, seed, eqx.combine(params, skeleton))


def _without_arguments(code: Any, document: Mapping[str, Any]) -> Any:
    """The function of `mine.py:make_model(width=8)`, whose arguments are those of the document."""
    if not isinstance(code, str):
        return code
    function, given = given_arguments(code)
    if given not in ("", kept := document.get("arguments", "")):
        raise ValueError(f"it was made with {kept or 'no arguments'}. Leave {given} out.")
    return function


def _file_dtype(dtype: Any) -> Any:
    """The type that a file has for one: NumPy alone knows no bfloat16."""
    return np.dtype(np.float32) if dtype.kind == "V" else dtype


def check_size(setting: Setting, weights: int) -> None:
    """Raise if a setting would fill the memory, or has more weights than a file says."""
    steps, framing = setting.problem.steps, _whole_numbers(setting.framing)
    timesteps = steps if isinstance(setting.framing, Prefix) else framing.get("timesteps", 1)
    if steps * min(timesteps, steps) > _LARGEST:
        raise ValueError(f"sequences of {steps:,} steps are too long to be read from a file.")
    if isinstance(setting.model, UserModel):
        return
    model, sizes = _whole_numbers(setting.model), setting.sizes
    width, context = model.get("hidden_size", 1), model.get("context") or sizes.timesteps
    # A matrix from the inputs, one to the outputs, and one from the state where it has one.
    inputs = sizes.features * (context if "context" in model else 1)
    fewest = width * (inputs + sizes.outputs + (0 if "context" in model else width))
    if fewest > weights:
        raise ValueError(f"{_brief(setting.model)} has {fewest:,} weights or more, the file fewer.")


def _whole_numbers(part: Knobs) -> dict[str, int]:
    """The knobs that are whole numbers, by name."""
    knobs = (knob for knob in part.knobs() if knob.kind is int)
    return {knob.name: getattr(part, knob.name) for knob in knobs}


def _brief(value: Any) -> str:
    """A message, or a value, as one line of at most 300 characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= 300 else f"{text[:300]}…"


def _arrays_by_name(model: Any) -> dict[str, Any]:
    """The arrays of a model by their path in its tree, in the order of its leaves."""
    if isinstance(model, ExternalModel):
        return model.arrays()
    parts = eqx.filter(model, eqx.is_array)
    leaves = jax.tree_util.tree_leaves_with_path(parts)
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in leaves}
