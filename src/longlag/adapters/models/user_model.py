"""Models of one's own: a function of sizes and seed that makes a module of any framework."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import os
import re
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from longlag.adapters import user_code
from longlag.adapters.randomness import libraries_with_random_state, seeded
from longlag.knobs import knob
from longlag.models import AnyModel, Decoder, Model, ModelFactory, Sizes

if TYPE_CHECKING:
    from longlag.adapters.models.functional import FunctionalModel


MakeModel = Callable[[Sizes, int], Any]
"""Makes a model, given the sizes of the problem and a seed."""

_process = uuid.uuid4().hex[:8]

_numbers = itertools.count()

_live: dict[tuple[str, str], MakeModel] = {}

_lock = threading.RLock()


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserModel(ModelFactory):
    """A model that a user's function makes (`longlag.adopt`).

    Args:
        function: Its name.
        place: The file that it stands in, or the module; None where no other process can import
            it.
        code: The hash of that file and of what it imports from beside it.
        inputs: What the model is shown.
        outputs: What it gives where one of several values is asked for.
        causal: Whether no output depends on a later step of its sample.
        compiled: For PyTorch: whether to run what `torch.compile` makes of it.
    """

    function: str
    code: str
    place: str | None = dataclasses.field(default=None, compare=False)
    inputs: Literal["features", "values"] = knob("features", "What the model is shown.")
    outputs: Literal["logits", "probabilities"] = knob("logits", "What the model gives.")
    causal: bool = knob(  # pyright: ignore[reportIncompatibleVariableOverride]
        True, "Whether no output depends on a later step of its sample."
    )
    compiled: bool = knob(False, "For PyTorch: whether torch.compile is used.")

    @property
    def words(self) -> str:
        where = f"{Path(self.place).name}:" if self.place is not None else ""
        return " ".join([f"{where}{self.function}", *self.non_default()])

    @property
    def portable(self) -> bool:
        """Whether another process can make the model."""
        return self.place is not None

    def __call__(self, sizes: Sizes, seed: int) -> AnyModel:
        return self.adopt(self.make(sizes, seed), sizes, seed)

    def make(self, sizes: Sizes, seed: int) -> Any:
        """What the user's function makes, as it is."""
        make = self._found()
        before = libraries_with_random_state()
        try:
            with seeded(seed):
                made = make(sizes, seed)
            if (
                libraries_with_random_state() != before
            ):  # imported meanwhile, and so not seeded before
                with seeded(seed):
                    made = make(sizes, seed)
        except (Exception, SystemExit) as error:
            raise ValueError(f"{self.words}: it {described_failure(error)}") from error
        return made

    def adopt(self, made: Any, sizes: Sizes, seed: int) -> AnyModel:
        """A module that the function made, as a model."""
        if isinstance(made, Model | Decoder):
            return made
        kind = framework(made)
        if kind is None:
            raise ValueError(
                f"{self.words}: it gives {_described(made)}, which is no model. Return an Equinox "
                "module, a Flax NNX module, a Keras model or a PyTorch module."
            )
        if kind == "torch":
            from longlag.adapters.models.torch import TorchModel

            return TorchModel(
                made,
                sizes,
                seed,
                shown=self.inputs,
                said=self.outputs,
                compiled=self.compiled,
            )
        if self.compiled:
            raise ValueError(
                f"{self.words}: `compiled` is for PyTorch; the others are compiled anyway. Leave "
                "it out."
            )
        from longlag.adapters.models import functional

        try:
            with seeded(seed):
                apart = self._apart(kind, made, sizes, seed)
                if self.outputs == "probabilities":
                    apart = dataclasses.replace(apart, outputs="probabilities")
                return functional.adopted(apart, sizes, self.inputs)
        except functional.UnsupportedModel as error:
            raise ValueError(f"{self.words}: {error}") from error
        except (Exception, SystemExit) as error:
            shown = "values" if self.inputs == "values" else f"features ({sizes.features})"
            other = "features" if self.inputs == "values" else "values"
            kinds = re.search("dtype|integer|shape|embedding|rank|dim", str(error), re.IGNORECASE)
            hint = f" Does it take {other}? Then use adopt(…, inputs='{other}')." if kinds else ""
            raise ValueError(
                f"{self.words}: the model, shown {shown} of {sizes.timesteps} steps, "
                f"{described_failure(error)}{hint}"
            ) from error

    def _apart(self, kind: str, made: Any, sizes: Sizes, seed: int) -> FunctionalModel:
        if kind == "equinox":
            from longlag.adapters.models import equinox

            return equinox.pure(made, seed)
        if kind == "flax":
            from longlag.adapters.models import flax

            return flax.pure(made)
        from longlag.adapters.models import keras

        return keras.pure(made, sizes, values=self.inputs == "values")

    def _found(self) -> MakeModel:
        """The user's function, imported if it must be."""
        with _lock:
            if (make := _live.get((self.function, self.code))) is not None:
                return make
            if self.place is None:
                raise ValueError(
                    f"{self.function} was written in a process that has ended, or is not this "
                    "one. Put it in a file, at the top level."
                )
            file = _file(self.place)
            if not file.is_file():
                raise ValueError(f"{self.words}: there is no file {file} any more.")
            if user_code.code_of(file) != self.code:
                raise ValueError(
                    f"{self.words}: {file.name} was edited after this study began. Run the command "
                    "again to use the new version."
                )
            make = _named(self.place, self.function)
            _live[self.function, self.code] = make
            return make


def adopt(
    make: MakeModel,
    *,
    inputs: Literal["features", "values"] = "features",
    outputs: Literal["logits", "probabilities"] = "logits",
    causal: bool = True,
    compiled: bool = False,
) -> UserModel:
    """A model of one's own, for whatever takes a model; nothing is registered.

    A plain function does as well, where these settings are left as they are.

    Args:
        make: Makes the model, given `Sizes` and a seed: an Equinox module, a Flax NNX module, a
            Keras model or a PyTorch module. Also a class that is called so.
        inputs: What the model is shown: `features` `(row, time, feature)`, or `values`
            `(row, time)`, whole numbers for an embedding.
        outputs: What it gives where one of several values is asked for: `logits`, or
            `probabilities` out of a softmax (of Keras models a last softmax is known).
        causal: Whether no output depends on a later step of its sample. False is said of a model
            that reads the whole sample first; then the audit says where that lets it see ahead.
        compiled: For PyTorch: run what `torch.compile` makes of it.

    Raises:
        TypeError: It is no function, or a model rather than what makes one.

    >>> import equinox as eqx, jax, longlag as ll
    >>> def make(sizes, seed):
    ...     layer = eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed))
    ...     return eqx.filter_vmap(layer)
    >>> ll.train(ll.EchoLag(lag=0, values=4), ll.Whole(), adopt(make), epochs=2000).verdict
    'solved'
    """
    if isinstance(make, UserModel):
        raise TypeError("adopt: `make` is adopted already. Give the function.")
    if framework(make) is not None or isinstance(make, Model | Decoder):
        raise TypeError(
            f"adopt: `make` must be a function that makes a model, got {_described(make)}. Use "
            "lambda sizes, seed: … with what makes it, so that every seed has its own."
        )
    if not callable(make):
        raise TypeError(
            f"adopt: `make` must be a function of sizes and seed, got {_described(make)}."
        )
    name, place = _place_of(make)
    code = f"{_process}-{next(_numbers)}" if place is None else user_code.code_of(_file(place))
    made = UserModel(
        function=name,
        place=place,
        code=code,
        inputs=inputs,
        outputs=outputs,
        causal=causal,
        compiled=compiled,
    )
    with _lock:
        known = {id(each): key for key, each in _live.items()}
        if place is None and id(make) in known:  # the same function again
            made = dataclasses.replace(made, code=known[id(make)][1])
        _live[name, made.code] = make
    return made


def as_factory(model: Any) -> Any:
    """A description of ours as it is, a function of the user's adopted.

    What is neither is given back, to be refused where it was asked for.
    """
    described = isinstance(model, ModelFactory) or (
        isinstance(model, type) and issubclass(model, ModelFactory)
    )
    return model if described or not callable(model) else adopt(model)


def from_reference(reference: str) -> UserModel:
    """The model that `path/to/file.py:name` stands for: a function, a class, or what is adopted.

    Raises:
        ValueError: There is no such file, or nothing in it of this name that makes a model.
    """
    os.environ.setdefault("KERAS_BACKEND", "jax")
    file, name = user_code.split(reference)
    found = user_code.imported(file, name)
    made = found
    if not isinstance(found, UserModel):
        if not callable(found):
            raise ValueError(
                f"{file.name}: {name} is {_described(found)}, which makes no model. Name a "
                "function of sizes and seed."
            )
        try:
            made = adopt(found)
        except TypeError as error:
            raise ValueError(f"{file.name}: {name} cannot be used. {error}") from error
    placed = dataclasses.replace(made, function=name, place=str(file), code=user_code.code_of(file))
    with _lock:
        _live[name, placed.code] = _live[made.function, made.code]
    return placed


def framework(made: Any) -> Literal["equinox", "flax", "keras", "torch"] | None:
    """Whose model something is; none is imported to find that out."""
    bases = {
        "torch": ("torch.nn", "Module"),
        "keras": ("keras", "Model"),
        "flax": ("flax.nnx", "Module"),
        "equinox": ("equinox", "Module"),
    }
    for name, (module, base) in bases.items():
        known = getattr(sys.modules.get(module), base, None)
        if known is not None and isinstance(made, known):
            return name  # pyright: ignore[reportReturnType]
    return None


def described_failure(error: BaseException) -> str:
    """What went wrong in code of a user's, in a sentence.

    >>> described_failure(ValueError("no such\\n axis"))
    'fails: ValueError: no such axis.'
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # some write in colours
    said = " ".join(plain.split()).rstrip(".")
    if len(said) > 300:
        said = f"{said[:300]}…"
    return f"fails: {type(error).__name__}: {said}."


def _place_of(make: Any) -> tuple[str, str | None]:
    """The name of a function, and where another process would find it; None if nowhere."""
    name = getattr(make, "__qualname__", type(make).__name__)
    module = sys.modules.get(getattr(make, "__module__", None) or "")
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.name != getattr(module, "__name__", "") and spec.parent:
        return name, spec.name  # run by `python -m package.module`
    file = getattr(module, "__file__", None)
    if module is None or file is None or getattr(module, name, None) is not make:
        return name.rpartition(".")[2].strip("<>"), None
    package = getattr(module, "__package__", None)
    return name, module.__name__ if package else os.path.abspath(file)


def _file(place: str) -> Path:
    if place.endswith(".py"):
        return Path(place)
    try:
        return Path(importlib.import_module(place).__file__ or "")
    except ImportError as error:
        raise ValueError(f"{place} cannot be imported here: {error}.") from error


def _named(place: str, function: str) -> MakeModel:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    if place.endswith(".py"):
        found = user_code.imported(Path(place), function)
    else:
        found = getattr(sys.modules[place], function)
    return _live[found.function, found.code] if isinstance(found, UserModel) else found


def _described(thing: Any) -> str:
    kind = type(thing)
    plain = kind in (type(None), bool, int, float, str)
    return repr(thing)[:60] if plain else f"a {kind.__name__}"
