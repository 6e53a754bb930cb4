"""User models: a function of sizes and seed that makes a module of any framework."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from longlag.adapters import user_code
from longlag.adapters.models import arguments
from longlag.adapters.models.hints import NEEDS_VALUES, hint, hint_of_steps, shortened
from longlag.adapters.randomness import libraries_with_random_state, seeded
from longlag.adapters.user_code import Origin
from longlag.knobs import knob, named_arguments
from longlag.models import AnyModel, Decoder, Model, ModelFactory, Sizes
from longlag.models.by_name import by_name

if TYPE_CHECKING:
    from longlag.adapters.models.functional import FunctionalModel


_WIDTHS = "hidden_size", "width"

_SOME = 2  # different integers, in place of those that an input of reals does not have

MakeModel = Callable[[Sizes, int], Any]
"""Makes a model, given the sizes of the problem and a seed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserModel(ModelFactory):
    """A model from a user's function (`longlag.adopt`).

    Args:
        function: The name of the function.
        path: Its file or module; None if no other process can import it.
        code: The hash of that file and of the files next to it that it imports.
        inputs: Whether the model takes features or values.
        outputs: Whether it returns logits or probabilities, for a target of several values.
        causal: Whether no output depends on a later step of its sample.
        compiled: For PyTorch: whether to run it with `torch.compile`.
        arguments: What the function gets besides sizes and seed: `width=64`.
    """

    function: str
    code: str
    path: str | None = dataclasses.field(default=None, compare=False, repr=False)
    inputs: Literal["features", "values"] = knob("features", "The inputs of the model.")
    outputs: Literal["logits", "probabilities"] = knob("logits", "The outputs of the model.")
    causal: bool = knob(  # pyright: ignore[reportIncompatibleVariableOverride]
        True, "Whether no output depends on a later step of its sample."
    )
    compiled: bool = knob(False, "For PyTorch: whether torch.compile is used.")
    arguments: str = knob("", "What the function gets besides sizes and seed.", added=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        arguments.values(self.arguments)  # which refuses what is no literal

    @property
    def origin(self) -> Origin:
        """The origin of its function."""
        return Origin(self.function, self.path, self.code)

    @property
    def words(self) -> str:
        call = f"({self.arguments})" if self.arguments else ""
        return " ".join(
            [
                f"{self.origin.words}{call}",
                *dataclasses.replace(self, arguments="").non_default(),
            ]
        )

    @property
    def width_argument(self) -> str | None:
        """The argument of its function that is its width; None if it has none."""
        make = user_code.resolve(self.origin)
        names = arguments.further(make) if not isinstance(make, UserModel) else ()
        return next((name for name in _WIDTHS if name in names), None)

    def with_argument(self, name: str, value: object) -> UserModel:
        """The model whose function gets this argument too."""
        given = {**arguments.values(self.arguments), name: value}
        return dataclasses.replace(self, arguments=arguments.text(given) or "")

    def __call__(self, sizes: Sizes, seed: int) -> AnyModel:
        return self.adopt(self.make(sizes, seed), sizes, seed)

    def make(self, sizes: Sizes, seed: int) -> Any:
        """The module that the user's function makes.

        Raises:
            UnnamedCode: A stored document names the function, but the user did not.
            ValueError: The function fails.
        """
        make = user_code.resolve(self.origin)
        if isinstance(make, UserModel):
            make = user_code.resolve(make.origin)
        given = arguments.values(self.arguments)
        try:
            arguments.require_fit(make, given)
        except TypeError as error:
            raise ValueError(f"{self.words}: {error}") from error
        before = libraries_with_random_state()

        def again() -> object:
            return make(sizes._replace(values=_SOME), seed, **given)

        try:
            with seeded(seed):
                model = make(sizes, seed, **given)
            if libraries_with_random_state() != before:  # newly imported, so not yet seeded
                with seeded(seed):
                    model = make(sizes, seed, **given)
        except (Exception, SystemExit) as error:
            if sizes.values is None and _needs_values(error, again):
                raise ValueError(f"{self.words}: {NEEDS_VALUES}") from error
            remedy = hint(error, features=self.inputs == "features", reals=sizes.values is None)
            if isinstance(make, type) and (not remedy or "Sizes" in str(error)):
                remedy = (
                    f"It is called as {make.__name__}(sizes, seed): write a function "
                    f"make_model(sizes, seed) that returns {make.__name__}(…)."
                )
            raise ValueError(f"{self.words}: it {failure_text(error)} {remedy}".rstrip()) from error
        if inspect.iscoroutine(model):
            model.close()  # Python would warn that it was never awaited
        return model

    def adopt(self, module: Any, sizes: Sizes, seed: int) -> AnyModel:
        """A module from the function, as a model."""
        if isinstance(module, Model | Decoder):
            return module
        kind = framework(module)
        if isinstance(module, ModelFactory):
            given = type(module).__name__
            raise ValueError(
                f"{self.words}: it gives {given}(…), which has no sizes yet. Return "
                f"{given}(…)(sizes, seed)."
            )
        if kind is None:
            raise ValueError(
                f"{self.words}: it gives {_describe(module)}, which is not a model. Return an "
                "Equinox module, a Flax module, a Keras model or a PyTorch module."
            )
        if kind == "torch":
            from longlag.adapters.models.torch import TorchModel
            from longlag.adapters.models.torch_faults import require_registered

            require_registered(module)
            return TorchModel(
                module,
                sizes,
                seed,
                takes=self.inputs,
                returns=self.outputs,
                compiled=self.compiled,
            )
        if self.compiled:
            raise ValueError(
                f"{self.words}: `compiled` is for PyTorch; the others are compiled anyway. Leave "
                "it out."
            )
        from longlag.adapters.models import functional

        def again() -> object:  # a module may be filled as it is called
            some = sizes._replace(values=_SOME)
            return self._functional(kind, self.make(some, seed), some, seed)

        try:
            with seeded(seed):
                parts = self._functional(kind, module, sizes, seed)
                if self.outputs == "probabilities":
                    parts = dataclasses.replace(parts, outputs="probabilities")
                return functional.adopted(parts, sizes, self.inputs)
        except functional.UnsupportedModel as error:
            raise ValueError(f"{self.words}: {error}") from error
        except (Exception, SystemExit) as error:
            if sizes.values is None and _needs_values(error, again):
                raise ValueError(f"{self.words}: {NEEDS_VALUES}") from error
            shown, other = f"features ({sizes.features})", "values"
            if self.inputs == "values":
                shown, other = "values", "features"
            text = str(error)
            about_inputs = re.search("dtype|integer|shape|embedding|rank|dim", text, re.I)
            remedy = hint(error, features=self.inputs == "features", reals=sizes.values is None)
            if kind == "equinox":
                remedy = hint_of_steps(error, sizes.features, sizes.timesteps) or remedy
            if about_inputs and not remedy and "mask" not in text and sizes.values:
                remedy = f"Does it take {other}? Then use adopt(…, inputs='{other}')."
            raise ValueError(
                f"{self.words}: the model, with {shown} of {sizes.timesteps} steps, "
                f"{failure_text(error)} {remedy}".rstrip()
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
    """A model of your own, for any function with a parameter `model`.

    With the default settings, pass the plain function instead.

    Args:
        make: Makes the model, given `Sizes` and a seed: an Equinox module, a Flax module, a
            Keras model or a PyTorch module. Also a class with these arguments, or a
            `functools.partial` that gives it further ones by name.
        inputs: Inputs of the model: `features` `(row, time, feature)`, or `values`
            `(row, time)`, integers for an embedding.
        outputs: Outputs of the model for a target of several values: `logits`, or
            `probabilities` after a softmax (a final softmax of a Keras model is detected).
        causal: Whether no output depends on a later step of its sample. Use False for a model
            that reads the whole sample first; the audit then shows which later steps it sees.
        compiled: For PyTorch: run it with `torch.compile`.

    Returns:
        The model, for `train`, `preflight` and the studies.

    Raises:
        TypeError: `make` is not a function, or is a model itself.

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
            f"adopt: `make` must be a function that makes a model, got {_describe(make)}. Use "
            "lambda sizes, seed: … with the code that makes it, so that every seed has its own."
        )
    if not callable(make):
        raise TypeError(
            f"adopt: `make` must be a function of sizes and seed, got {_describe(make)}."
        )
    given = ""
    if isinstance(make, functools.partial) and not make.args:
        given = arguments.text(make.keywords) or ""
        make = make.func if given or not make.keywords else make
    name, path, code = user_code.origin_of(make)
    return UserModel(
        arguments=given,
        function=name,
        path=path,
        code=code,
        inputs=inputs,
        outputs=outputs,
        causal=causal,
        compiled=compiled,
    )


def as_factory(model: Any) -> Any:
    """The model of a text or of a user's function; any other object unchanged."""
    if isinstance(model, str):
        return from_reference(model) if user_code.is_reference(model) else by_name(model)
    is_factory = isinstance(model, ModelFactory) or (
        isinstance(model, type) and issubclass(model, ModelFactory)
    )
    return model if is_factory or not callable(model) else adopt(model)


def from_reference(reference: str) -> UserModel:
    """The model at `path/to/file.py:name`: a function, a class, or an adopted model.

    The function gets the arguments in brackets, as in `mine.py:make_model(width=64)`.

    Raises:
        ValueError: There is no such file, or it has no such name that makes a model.
    """
    function, given = arguments.split(reference)
    thing, origin = user_code.from_reference(function)
    if not callable(thing) and not isinstance(thing, UserModel):
        raise ValueError(
            f"{origin.words} is {_describe(thing)}, which makes no model. Name a function of "
            "sizes and seed."
        )
    try:
        adopted = isinstance(thing, UserModel)
        # The name in the file stands for a partial and its arguments.
        model = thing if adopted else dataclasses.replace(adopt(thing), arguments="")
    except TypeError as error:
        raise ValueError(f"{origin.words} cannot be used. {error}") from error
    if given and isinstance(thing, UserModel) and thing.arguments:
        raise ValueError(
            f"{origin.words} has arguments of its own: {thing.arguments}. Leave these out."
        )
    origin_fields = {"function": origin.name, "path": origin.path, "code": origin.code}
    return dataclasses.replace(model, arguments=given or model.arguments, **origin_fields)


def framework(thing: Any) -> Literal["equinox", "flax", "linen", "keras", "torch"] | None:
    """The framework of an object, if it is a model; does not import any framework.

    A pair of an Equinox module and its `eqx.nn.State` is one too.
    """
    if isinstance(thing, tuple) and len(thing) == 2:
        nn = getattr(sys.modules.get("equinox"), "nn", None)
        return "equinox" if nn is not None and isinstance(thing[1], nn.State) else None
    bases = {
        "keras": ("keras", "Model"),  # which may be a module of PyTorch too
        "torch": ("torch.nn", "Module"),
        "flax": ("flax.nnx", "Module"),
        "linen": ("flax.linen", "Module"),
        "equinox": ("equinox", "Module"),
    }
    for name, (module, base) in bases.items():
        cls = getattr(sys.modules.get(module), base, None)
        if cls is not None and isinstance(thing, cls):
            return name  # pyright: ignore[reportReturnType]
    return None


def _needs_values(error: BaseException, again: Callable[[], object]) -> bool:
    """Whether code fails in another way, or not at all, where a step may show several integers."""
    if not isinstance(error, TypeError | ValueError):
        return False
    text = lambda failure: re.sub("0x[0-9a-f]+", "", str(failure))  # noqa: E731 - of addresses
    try:
        again()
    except (Exception, SystemExit) as other:
        return text(other) != text(error)
    return True


def failure_text(error: BaseException) -> str:
    """The failure of a user's code, as a sentence.

    >>> failure_text(ValueError("no such\\n axis"))
    'fails: ValueError: no such axis.'
    """
    text = shortened(error).rstrip(".")
    place = user_code.raised_at(error)
    return f"fails{' at ' * bool(place)}{place}: {type(error).__name__}: {text}."


def _describe(thing: Any) -> str:
    kind = type(thing)
    plain = kind in (type(None), bool, int, float, str)
    return repr(thing)[:60] if plain else f"a {kind.__name__}"
