"""Models of other JAX libraries as pure functions of arrays, for the compiled loop.

The modules for Equinox, Flax NNX and Keras turn a model into a function of its trained
arrays, its buffers, inputs, mask and state. The rest, here, is the same for all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import math
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.adapters.models.outputs import checked
from longlag.arrays import Last
from longlag.models import Buffers, Model, Sizes, TrainOutput
from longlag.models._base import Inputs, Mask, State

InputKind = Literal["features", "values"]
"""The inputs of a model: vectors of features, or the values themselves, for an embedding."""

OutputKind = Literal["logits", "probabilities"]
"""The outputs of a model where the target is one of several values."""

NO_VALUES = (
    "the model takes values, but the inputs are features. Use inputs='features', or a framing and "
    "an encoding with integer inputs."
)

_SMALLEST = 1e-7  # probability, as in Keras: its logarithm is finite


class Result(NamedTuple):
    """The result of a call of a model of another library."""

    outputs: Array
    state: State = ()
    buffers: Any = ()
    penalty: Array | float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FunctionalModel:
    """A model of another library, as arrays and functions.

    Attributes:
        trained: Its trained arrays.
        buffers: Its other arrays.
        call: The `Result` of `(trained, buffers, inputs, mask, state, training)`: inputs `(row,
            time, feature)` or `(row, time)`, a mask `(row, time)` or None; at the beginning of a
            sequence the state is None.
        module: The model itself with other arrays `(trained, buffers)`.
        takes_mask: Whether it uses the mask.
        takes_state: Whether it carries state.
        rows: Number of rows that each call must have; None if any number works.
        outputs: Whether it returns logits or probabilities.
        ids: Whether its call also takes integers `(row, time)` in place of one-hot features.
    """

    trained: Any
    buffers: Any
    call: Callable[..., Result]
    module: Callable[[Any, Any], Any]
    takes_mask: bool
    takes_state: bool
    rows: int | None = None
    outputs: OutputKind = "logits"
    ids: bool = False


class Program:
    """The call of a model, equal to another if both compile to the same program.

    Two models of one architecture are different objects, but share one compiled program.
    """

    def __init__(self, pure: FunctionalModel, sizes: Sizes, takes: InputKind):
        self.call, self.module, self.outputs = pure.call, pure.module, pure.outputs
        self.takes_mask, self.takes_state = pure.takes_mask, pure.takes_state
        self.rows, self.ids = pure.rows, pure.ids
        self.sizes, self.takes = sizes, takes
        self._hash = self._fingerprint(pure)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self._hash == other._hash

    def __hash__(self) -> int:
        return hash(self._hash)

    def example(self, rows: int) -> np.ndarray:
        """Inputs of the kind that the model takes."""
        steps = rows, self.sizes.timesteps
        if self.takes == "values":
            return np.zeros(steps, np.int32)
        return np.zeros((*steps, self.sizes.features), np.float32)

    def _fingerprint(self, pure: FunctionalModel) -> str:
        inputs = self.example(self.rows or 2)
        mask = np.ones(inputs.shape[:2], bool) if self.takes_mask else None

        def total_of(trained: Any, buffers: Any, state: Any, training: bool) -> Any:
            result = pure.call(trained, buffers, inputs, mask, state, training)
            leaves = [jnp.asarray(each) for each in jax.tree.leaves(result.outputs)]
            total = sum((each.astype(jnp.float32).sum() for each in leaves), jnp.zeros(()))
            return total + result.penalty, result

        # The gradient too, since a model may have gradient rules of its own.
        train = jax.value_and_grad(functools.partial(total_of, training=True), has_aux=True)
        predict = functools.partial(total_of, training=False)
        parts = pure.trained, pure.buffers
        programs = [jax.make_jaxpr(each)(*parts, None) for each in (train, predict)]
        if self.takes_state:
            state = jax.eval_shape(predict, *parts, None)[1].state
            programs += [jax.make_jaxpr(each)(*parts, state) for each in (train, predict)]
        digest = hashlib.sha256()
        digest.update(f"{self.takes_mask} {self.rows} {self.outputs} {self.sizes}".encode())
        digest.update(str(jax.tree.structure((pure.trained, pure.buffers))).encode())
        for program in programs:
            text = str(program)
            digest.update(re.sub(r" at 0x[0-9a-f]+", "", text).encode())
            for constant in _constants(program):
                digest.update(np.asarray(constant).tobytes())
            if "callback" in text:  # Python code, which cannot be compared
                digest.update(f"{id(pure.call)}".encode())
        return digest.hexdigest()


def _constants(part: Any) -> Iterator[Any]:
    """The arrays in a program and in the programs inside it."""
    if isinstance(part, tuple | list):
        for each in part:
            yield from _constants(each)
    # A program and one closed over its constants are two types up to JAX 0.10, one from 0.12 on.
    elif hasattr(part, "eqns"):
        yield from getattr(part, "consts", ())
        for equation in part.eqns:
            yield from (each.val for each in equation.invars if hasattr(each, "val"))
            yield from _constants(list(equation.params.values()))


class AdoptedModel(Model):
    """A model of another JAX library: its arrays and its program."""

    any_dtype: ClassVar[bool] = False
    trained: Any
    buffers: Buffers
    program: Program = eqx.field(static=True)

    @property
    def module(self) -> Any:
        """The model of the other library, with the current weights."""
        return self.program.module(self.trained, self.buffers.arrays)

    @property
    def state_size(self) -> int | None:
        rows = self.program.rows or 2
        return numbers_a_row(self.initial_state((rows,)), rows) or None

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        """Zeros, the state at the start of a sequence."""
        if not self.program.takes_state:
            return ()
        rows = self.program.rows or math.prod(batch)
        inputs = self.program.example(rows)
        result = jax.eval_shape(lambda: self._call(jnp.asarray(inputs), None, None, training=False))

        def zeros(leaf: Any) -> Array:  # jnp.zeros would compile a program for each shape
            shape = (*batch * (leaf.ndim > 0), *leaf.shape[1:])  # each row's state is its own
            return jax.device_put(np.zeros(shape, leaf.dtype))

        return jax.tree.map(zeros, result.state)

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        result = self._run(inputs, mask, state, last, training=False)
        return result.outputs, result.state

    def apply_train(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> TrainOutput:
        return self._run(inputs, mask, state, last, training=True)

    def called(self, inputs: Inputs, mask: Mask, state: State, last: Last) -> AdoptedModel:
        """The model with its buffers as a call outside training leaves them."""
        after = self._run(inputs, mask, state, last, training=False).buffers
        same = jax.tree.structure(after) == jax.tree.structure(self.buffers)
        return eqx.tree_at(lambda each: each.buffers, self, after) if same else self

    def _run(
        self, inputs: Inputs, mask: Mask, state: State, last: Last, *, training: bool
    ) -> TrainOutput:
        program = self.program
        encoded, time = self._encode(inputs)
        batch = inputs.shape[:time]
        axes = len(batch)
        merge = functools.partial(_merge, axes=axes)
        encoded, rows_mask = merge(encoded), None if mask is None else merge(mask)
        carried = _by_rows(merge, state, axes) if program.takes_state else None
        result = self._rowwise(encoded, rows_mask, carried, training)
        at = None
        if last == "shown" and rows_mask is not None:
            steps_back = jnp.argmax(rows_mask[:, ::-1], axis=1)
            at = jnp.arange(len(rows_mask)), rows_mask.shape[1] - 1 - steps_back
        outputs = checked(result.outputs, encoded.shape[:2], program.sizes.outputs, bool(last), at)
        outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
        if program.outputs == "probabilities" and outputs.shape[-1] > 1:  # else a real value
            outputs = jnp.log(jnp.clip(outputs, _SMALLEST, 1 - _SMALLEST))
        split = lambda leaf: leaf.reshape(*batch, *leaf.shape[1:])  # noqa: E731
        return TrainOutput(
            outputs=split(outputs),
            state=_by_rows(split, result.state, axes) if program.takes_state else state,
            buffers=Buffers(result.buffers),
            penalty=result.penalty,
        )

    def _encode(self, inputs: Array) -> tuple[Array, int]:
        """The inputs in the form that the model takes, and the index of the time axis."""
        program = self.program
        if not jnp.issubdtype(inputs.dtype, jnp.integer):
            if program.takes == "values":
                raise ValueError(NO_VALUES)
            return inputs, inputs.ndim - 2
        if program.takes == "values" or program.ids:
            return inputs, inputs.ndim - 1
        return jax.nn.one_hot(inputs, program.sizes.features), inputs.ndim - 1

    def _rowwise(self, inputs: Array, mask: Any, state: Any, training: bool) -> Result:
        """The result for any number of rows, also of a model with a fixed number of rows."""
        rows = self.program.rows
        if rows in (None, len(inputs)):
            return self._call(inputs, mask, state, training=training)
        count = len(inputs)
        if count % rows and not training:
            pad = functools.partial(_pad_rows, rows=rows)
            padded = pad(inputs), None if mask is None else pad(mask), _by_rows(pad, state)
            result = self._rowwise(*padded, training)
            cut = _by_rows(lambda leaf: leaf[:count], result._replace(buffers=(), penalty=()))
            return cut._replace(buffers=result.buffers)
        if count % rows:
            open_ = "" if self.program.takes_state else ", or leave the number of rows open in it"
            raise ValueError(
                f"the model takes {rows} rows at a time, got {count}. Use batch_size={rows}{open_}."
            )

        def split(leaf: Array) -> Array:
            shared = jnp.broadcast_to(leaf, (count // rows,)) if not leaf.ndim else leaf
            return shared.reshape(-1, *(rows,) * (leaf.ndim > 0), *leaf.shape[1:])

        result = jax.vmap(lambda *part: self._call(*part, training=training))(
            split(inputs), None if mask is None else split(mask), jax.tree.map(split, state)
        )
        join = lambda leaf: leaf.reshape(-1, *leaf.shape[2:]) if leaf.ndim > 1 else leaf[0]  # noqa: E731
        return Result(
            join(result.outputs),
            jax.tree.map(join, result.state),
            jax.tree.map(lambda leaf: leaf[0], result.buffers),
            jnp.mean(result.penalty),
        )

    def _call(self, inputs: Array, mask: Any, state: Any, *, training: bool) -> Result:
        mask = mask if self.program.takes_mask else None
        buffers = jax.lax.stop_gradient(self.buffers.arrays)
        return self.program.call(self.trained, buffers, inputs, mask, state, training)


def parameters_of(function: Callable[..., Any], *names: str) -> frozenset[str]:
    """Those of `names` that are parameters of a function."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return frozenset()
    return frozenset(name for name in names if name in parameters)


NOISE = 0.05
"""Standard deviation of the noise for the checks: weights of 0 would hide dependence."""

MODES = {
    **dict.fromkeys(("train", "training", "is_training", "is_train", "enable_dropout"), True),
    **dict.fromkeys(("deterministic", "inference", "use_running_average"), False),
}
"""Parameters for the training mode of a model, with their value in training."""


def keywords_of(
    names: Collection[str], *, training: bool, mask: Any = None, state: Any = None
) -> dict[str, Any]:
    """The arguments of a call by name, of those that `parameters_of` found.

    >>> keywords_of(("mask", "deterministic"), training=True)
    {'mask': None, 'deterministic': False}
    """
    values: dict[str, Any] = {name: training is when for name, when in MODES.items()}
    values |= {"mask": mask, "state": state}
    return {name: values[name] for name in names}


def pair(result: Any) -> tuple[Any, Any]:
    """The outputs and state that a model with a parameter `state` returns.

    Raises:
        UnsupportedModel: They are not a pair, or the state has leaves that are not arrays.
    """
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise UnsupportedModel(
            "the model has a parameter `state`, so it must give a pair of outputs and state."
        )
    for path, leaf in jax.tree_util.tree_leaves_with_path(result[1]):
        array = hasattr(leaf, "dtype") and hasattr(leaf, "shape")
        key = "key<" in str(getattr(leaf, "dtype", ""))
        if key or not (array or isinstance(leaf, int | float | complex)):
            place = f" at {at}" if (at := jax.tree_util.keystr(path)) else ""
            what = "random key" if key else type(leaf).__name__
            raise UnsupportedModel(
                f"the state that the model gives is a {what}{place}, which is no array of numbers. "
                "Give arrays, in tuples and dicts of any depth."
            )
    return result[0], result[1]


def numbers_a_row(state: Any, rows: int) -> int:
    """The number of values per row in a state of any shape.

    >>> numbers_a_row({"hidden": (np.zeros((2, 5, 3)), np.zeros((5, 4))), "step": 3}, 5)
    11
    """
    shapes = [tuple(getattr(leaf, "shape", ())) for leaf in jax.tree.leaves(state)]
    return sum(max(1, math.prod(shape) // rows) for shape in shapes)


def adopted(pure: FunctionalModel, sizes: Sizes, takes: InputKind) -> AdoptedModel:
    """A model of another library as a `Model`, with the same arrays."""
    program = Program(pure, sizes, takes)
    arrays = jax.tree.map(jnp.asarray, (pure.trained, pure.buffers))
    return AdoptedModel(arrays[0], Buffers(arrays[1]), program)


def _by_rows(act: Callable[[Array], Array], state: Any, axes: int = 1) -> Any:
    """Apply `act` to the axis of rows of each leaf of a state; a single number has none."""
    return jax.tree.map(lambda leaf: act(leaf) if leaf.ndim or not axes else leaf, state)


def _pad_rows(leaf: Array, rows: int) -> Array:
    """Append rows of zeros up to a multiple of `rows`."""
    return jnp.pad(leaf, ((0, -len(leaf) % rows), *((0, 0),) * (leaf.ndim - 1)))


def _merge(leaf: Array, axes: int) -> Array:
    """Merge the first axes into one, that of rows."""
    return leaf.reshape(math.prod(leaf.shape[:axes]), *leaf.shape[axes:])


class UnsupportedModel(ValueError):  # noqa: N818 - a result, not an error
    """A model that cannot become a `FunctionalModel`, with the reason."""
