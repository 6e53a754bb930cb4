"""Models of one's own: a function of sizes and seed that makes a module of any framework."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from longlag.adapters import user_code
from longlag.adapters.models.hints import hint
from longlag.adapters.randomness import libraries_with_random_state, seeded
from longlag.adapters.user_code import Origin
from longlag.knobs import knob, named_arguments
from longlag.models import AnyModel, Decoder, Model, ModelFactory, Sizes

if TYPE_CHECKING:
    from longlag.adapters.models.functional import FunctionalModel


MakeModel = Callable[[Sizes, int], Any]
"""Makes a model, given the sizes of the problem and a seed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserModel(ModelFactory):
    """A model that a user's function makes (`longlag.adopt`).

    Args:
        function: Its name.
        path: The file that it stands in, or the module; None where no other process can import
            it.
        code: The hash of that file and of what it imports from beside it.
        inputs: What the model is shown.
        outputs: What it gives where one of several values is asked for.
        causal: Whether no output depends on a later step of its sample.
        compiled: For PyTorch: whether to run what `torch.compile` makes of it.
    """

    function: str
    code: str
    path: str | None = dataclasses.field(default=None, compare=False)
    inputs: Literal["features", "values"] = knob("features", "What the model is shown.")
    outputs: Literal["logits", "probabilities"] = knob("logits", "What the model gives.")
    causal: bool = knob(  # pyright: ignore[reportIncompatibleVariableOverride]
        True, "Whether no output depends on a later step of its sample."
    )
    compiled: bool = knob(False, "For PyTorch: whether torch.compile is used.")

    @property
    def origin(self) -> Origin:
        """Where its function comes from."""
        return Origin(self.function, self.path, self.code)

    @property
    def words(self) -> str:
        return " ".join([self.origin.words, *self.non_default()])

    def __call__(self, sizes: Sizes, seed: int) -> AnyModel:
        return self.adopt(self.make(sizes, seed), sizes, seed)

    def make(self, sizes: Sizes, seed: int) -> Any:
        """What the user's function makes, as it is.

        Raises:
            UnnamedCode: It is of a document, and the user did not name it.
            ValueError: It fails.
        """
        make = user_code.resolve(self.origin)
        if isinstance(make, UserModel):
            make = user_code.resolve(make.origin)
        before = libraries_with_random_state()
        try:
            with seeded(seed):
                model = make(sizes, seed)
            if libraries_with_random_state() != before:  # imported just now, so not seeded before
                with seeded(seed):
                    model = make(sizes, seed)
        except (Exception, SystemExit) as error:
            cure = hint(error, features=self.inputs == "features")
            raise ValueError(
                f"{self.words}: it {described_failure(error)} {cure}".rstrip()
            ) from error
        return model

    def adopt(self, module: Any, sizes: Sizes, seed: int) -> AnyModel:
        """A module that the function made, as a model."""
        if isinstance(module, Model | Decoder):
            return module
        kind = framework(module)
        if kind is None:
            raise ValueError(
                f"{self.words}: it gives {_described(module)}, which is no model. Return an "
                "Equinox module, a Flax module, a Keras model or a PyTorch module."
            )
        if kind == "torch":
            from longlag.adapters.models.torch import TorchModel

            return TorchModel(
                module,
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
                parts = self._functional(kind, module, sizes, seed)
                if self.outputs == "probabilities":
                    parts = dataclasses.replace(parts, outputs="probabilities")
                return functional.adopted(parts, sizes, self.inputs)
        except functional.UnsupportedModel as error:
            raise ValueError(f"{self.words}: {error}") from error
        except (Exception, SystemExit) as error:
            shown, other = f"features ({sizes.features})", "values"
            if self.inputs == "values":
                shown, other = "values", "features"
            kinds = re.search("dtype|integer|shape|embedding|rank|dim", str(error), re.IGNORECASE)
            cure = hint(error, features=self.inputs == "features")
            if kinds and not cure:
                cure = f"Does it take {other}? Then use adopt(…, inputs='{other}')."
            raise ValueError(
                f"{self.words}: the model, shown {shown} of {sizes.timesteps} steps, "
                f"{described_failure(error)} {cure}".rstrip()
            ) from error

    def _functional(self, kind: str, module: Any, sizes: Sizes, seed: int) -> FunctionalModel:
        if kind == "equinox":
            from longlag.adapters.models import equinox

            return equinox.functional_model(module, seed)
        if kind in ("flax", "linen"):
            from longlag.adapters.models import flax

            if kind == "linen":
                module = flax.bridged(module, sizes, seed, values=self.inputs == "values")
            return flax.functional_model(module)
        from longlag.adapters.models import keras

        return keras.functional_model(module, sizes, values=self.inputs == "values")


@named_arguments
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
        make: Makes the model, given `Sizes` and a seed: an Equinox module, a Flax module, a
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
    >>> ll.train(ll.EchoLag(lag=0, values=4), ll.Whole(), adopt(make), sequences=2000).verdict
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
    name, path, code = user_code.origin_of(make)
    return UserModel(
        function=name,
        path=path,
        code=code,
        inputs=inputs,
        outputs=outputs,
        causal=causal,
        compiled=compiled,
    )


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
    thing, origin = user_code.from_reference(reference)
    if not callable(thing) and not isinstance(thing, UserModel):
        raise ValueError(
            f"{origin.words} is {_described(thing)}, which makes no model. Name a function of "
            "sizes and seed."
        )
    try:
        model = thing if isinstance(thing, UserModel) else adopt(thing)
    except TypeError as error:
        raise ValueError(f"{origin.words} cannot be used. {error}") from error
    return dataclasses.replace(model, function=origin.name, path=origin.path, code=origin.code)


def framework(thing: Any) -> Literal["equinox", "flax", "linen", "keras", "torch"] | None:
    """Whose model something is; none is imported to find that out."""
    bases = {
        "torch": ("torch.nn", "Module"),
        "keras": ("keras", "Model"),
        "flax": ("flax.nnx", "Module"),
        "linen": ("flax.linen", "Module"),
        "equinox": ("equinox", "Module"),
    }
    for name, (module, base) in bases.items():
        known = getattr(sys.modules.get(module), base, None)
        if known is not None and isinstance(thing, known):
            return name  # pyright: ignore[reportReturnType]
    return None


def described_failure(error: BaseException) -> str:
    """What went wrong in code of a user's, in a sentence.

    >>> described_failure(ValueError("no such\\n axis"))
    'fails: ValueError: no such axis.'
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # some write in colours
    text = " ".join(plain.split()).rstrip(".")
    text = text if len(text) <= 300 else f"{text[:300]}…"
    place = user_code.raised_at(error)
    return f"fails{' at ' * bool(place)}{place}: {type(error).__name__}: {text}."


def _described(thing: Any) -> str:
    kind = type(thing)
    plain = kind in (type(None), bool, int, float, str)
    return repr(thing)[:60] if plain else f"a {kind.__name__}"
