"""Models of other JAX libraries as ours: pure functions of arrays, for the compiled loop.

Equinox, Flax NNX and Keras each say how one of their models is a function of its trained
arrays, its buffers, inputs, mask and state. What stays is alike for all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from longlag.arrays import Last
from longlag.models import Buffers, Model, Sizes, TrainOutput
from longlag.models._base import Inputs, Mask, State

Shown = Literal["features", "values"]
"""What a model is shown: vectors of features, or the values themselves, for an embedding."""

Said = Literal["logits", "probabilities"]
"""What a model gives where one of several values is asked for."""

_SMALLEST = 1e-7  # probability, as Keras has it, so that its logarithm is finite


class Answer(NamedTuple):
    """What a model of another library gives."""

    outputs: Array
    state: State = ()
    buffers: Any = ()
    penalty: Array | float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FunctionalModel:
    """A model of another library, taken apart.

    Attributes:
        trained: Its trained arrays.
        buffers: Its other arrays.
        call: The answer to `(trained, buffers, inputs, mask, state, training)`: inputs `(row,
            time, feature)` or `(row, time)`, a mask `(row, time)` or None; at the beginning of a
            sequence the state is None.
        module: The model itself with other arrays `(trained, buffers)`.
        takes_mask: Whether it is told the mask.
        takes_state: Whether it carries state.
        rows: Number of rows that each call must have; None where any will do.
        outputs: Whether it gives logits or probabilities.
        ids: Whether its call also takes integers `(row, time)` that stand for one-hot features.
    """

    trained: Any
    buffers: Any
    call: Callable[..., Answer]
    module: Callable[[Any, Any], Any]
    takes_mask: bool
    takes_state: bool
    rows: int | None = None
    outputs: Said = "logits"
    ids: bool = False


class Program:
    """The call of a model, equal to another if both compile to the same program.

    Two models of one architecture are different objects; what is compiled for one serves both.
    """

    def __init__(self, pure: FunctionalModel, sizes: Sizes, shown: Shown):
        self.call, self.module, self.outputs = pure.call, pure.module, pure.outputs
        self.takes_mask, self.takes_state = pure.takes_mask, pure.takes_state
        self.rows, self.ids = pure.rows, pure.ids
        self.sizes, self.shown = sizes, shown
        self._print = self._fingerprint(pure)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self._print == other._print

    def __hash__(self) -> int:
        return hash(self._print)

    def example(self, rows: int) -> np.ndarray:
        """Inputs of the kind that the model takes."""
        steps = rows, self.sizes.timesteps
        if self.shown == "values":
            return np.zeros(steps, np.int32)
        return np.zeros((*steps, self.sizes.features), np.float32)

    def _fingerprint(self, pure: FunctionalModel) -> str:
        inputs = self.example(self.rows or 2)
        mask = np.ones(inputs.shape[:2], bool) if self.takes_mask else None

        def spoken(trained: Any, buffers: Any, state: Any, training: bool) -> Any:
            answer = pure.call(trained, buffers, inputs, mask, state, training)
            leaves = [jnp.asarray(each) for each in jax.tree.leaves(answer.outputs)]
            total = sum((each.astype(jnp.float32).sum() for each in leaves), jnp.zeros(()))
            return total + answer.penalty, answer

        # Through the gradient too, in which rules of one's own for it are written out.
        taught = jax.value_and_grad(functools.partial(spoken, training=True), has_aux=True)
        asked = functools.partial(spoken, training=False)
        parts = pure.trained, pure.buffers
        programs = [jax.make_jaxpr(each)(*parts, None) for each in (taught, asked)]
        if self.takes_state:
            state = jax.eval_shape(asked, *parts, None)[1].state
            programs += [jax.make_jaxpr(each)(*parts, state) for each in (taught, asked)]
        told = hashlib.sha256()
        told.update(f"{self.takes_mask} {self.rows} {self.outputs} {self.sizes}".encode())
        told.update(str(jax.tree.structure((pure.trained, pure.buffers))).encode())
        for program in programs:
            text = str(program)
            told.update(re.sub(r" at 0x[0-9a-f]+", "", text).encode())
            for constant in _constants(program):
                told.update(np.asarray(constant).tobytes())
            if "callback" in text:  # of Python code, which nobody can compare
                told.update(f"{id(pure.call)}".encode())
        return told.hexdigest()


def _constants(part: Any) -> Iterator[Any]:
    """The arrays that a program has in it, those of the programs inside included."""
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
    """A model of another JAX library, its arrays apart from its program."""

    trained: Any
    buffers: Buffers
    program: Program = eqx.field(static=True)

    @property
    def module(self) -> Any:
        """The model of the other library, with the weights that this one has."""
        return self.program.module(self.trained, self.buffers.arrays)

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        """Zeros, which is what it starts from where it is given no state."""
        if not self.program.takes_state:
            return ()
        rows = self.program.rows or math.prod(batch)
        inputs = self.program.example(rows)
        answer = jax.eval_shape(lambda: self._call(jnp.asarray(inputs), None, None, training=False))
        # Each row's state is its own: the axis of rows comes first.
        return jax.tree.map(
            lambda leaf: jnp.zeros((*batch * (leaf.ndim > 0), *leaf.shape[1:]), leaf.dtype),
            answer.state,
        )

    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        lesson = self._run(inputs, mask, state, last, training=False)
        return lesson.outputs, lesson.state

    def apply_train(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> TrainOutput:
        return self._run(inputs, mask, state, last, training=True)

    def _run(
        self, inputs: Inputs, mask: Mask, state: State, last: Last, *, training: bool
    ) -> TrainOutput:
        program = self.program
        shown, time = self._shown(inputs)
        batch = inputs.shape[:time]
        axes = len(batch)
        merge = functools.partial(_merged, axes=axes)
        shown, told = merge(shown), None if mask is None else merge(mask)
        carried = _by_rows(merge, state, axes) if program.takes_state else None
        answer = self._rowwise(shown, told, carried, training)
        at = None
        if last == "shown" and told is not None:
            at = jnp.arange(len(told)), told.shape[1] - 1 - jnp.argmax(told[:, ::-1], axis=1)
        outputs = checked(answer.outputs, shown.shape[:2], program.sizes.outputs, bool(last), at)
        outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
        if program.outputs == "probabilities" and outputs.shape[-1] > 1:  # else it is a real
            outputs = jnp.log(jnp.clip(outputs, _SMALLEST, 1 - _SMALLEST))
        split = lambda leaf: leaf.reshape(*batch, *leaf.shape[1:])  # noqa: E731
        return TrainOutput(
            outputs=split(outputs),
            state=_by_rows(split, answer.state, axes) if program.takes_state else state,
            buffers=Buffers(answer.buffers) if training else None,
            penalty=answer.penalty,
        )

    def _shown(self, inputs: Array) -> tuple[Array, int]:
        """The inputs as the model is shown them, and which axis is time."""
        program = self.program
        if not jnp.issubdtype(inputs.dtype, jnp.integer):
            if program.shown == "values":
                raise ValueError(
                    "the model takes values, but here are features. Use inputs='features', "
                    "or a framing and an encoding that show integers."
                )
            return inputs, inputs.ndim - 2
        if program.shown == "values" or program.ids:
            return inputs, inputs.ndim - 1
        return jax.nn.one_hot(inputs, program.sizes.features), inputs.ndim - 1

    def _rowwise(self, shown: Array, mask: Any, state: Any, training: bool) -> Answer:
        """The answer to any number of rows, also from a model that takes so many at once."""
        rows = self.program.rows
        if rows in (None, len(shown)):
            return self._call(shown, mask, state, training=training)
        count = len(shown)
        if count % rows and not training:
            fill = functools.partial(_filled, rows=rows)
            padded = fill(shown), None if mask is None else fill(mask), _by_rows(fill, state)
            answer = self._rowwise(*padded, training)
            return _by_rows(lambda leaf: leaf[:count], answer._replace(buffers=(), penalty=()))
        if count % rows:
            raise ValueError(
                f"the model takes {rows} rows at a time, got {len(shown)}. Use "
                f"batch_size={rows}, or leave the number of rows open in the model."
            )

        def cut(leaf: Array) -> Array:
            shared = jnp.broadcast_to(leaf, (count // rows,)) if not leaf.ndim else leaf
            return shared.reshape(-1, *(rows,) * (leaf.ndim > 0), *leaf.shape[1:])

        answer = jax.vmap(lambda *now: self._call(*now, training=training))(
            cut(shown), None if mask is None else cut(mask), jax.tree.map(cut, state)
        )
        joined = lambda leaf: leaf.reshape(-1, *leaf.shape[2:]) if leaf.ndim > 1 else leaf[0]  # noqa: E731
        return Answer(
            joined(answer.outputs),
            jax.tree.map(joined, answer.state),
            jax.tree.map(lambda leaf: leaf[0], answer.buffers),
            jnp.mean(answer.penalty),
        )

    def _call(self, shown: Array, mask: Any, state: Any, *, training: bool) -> Answer:
        told = mask if self.program.takes_mask else None
        buffers = jax.lax.stop_gradient(self.buffers.arrays)
        return self.program.call(self.trained, buffers, shown, told, state, training)


def takes(function: Callable[..., Any], *names: str) -> frozenset[str]:
    """Which of these parameters a function has by name."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return frozenset()
    return frozenset(name for name in names if name in parameters)


SHAKE = 0.05
"""Deviation of what is added to weights, so that nothing stands still because it begins from 0."""

MODES = {
    "train": True,
    "training": True,
    "is_training": True,
    "deterministic": False,
    "inference": False,
}
"""Parameters by which a model is told whether it is in training, and what they then are."""


def pair(said: Any) -> tuple[Any, Any]:
    """Outputs and state, as a model with a parameter `state` gives them."""
    if not isinstance(said, tuple | list) or len(said) != 2:
        raise UnsupportedModel(
            "the model has a parameter `state`, so it must give a pair of outputs and state."
        )
    for path, leaf in jax.tree_util.tree_leaves_with_path(said[1]):
        array = hasattr(leaf, "dtype") and hasattr(leaf, "shape")
        key = "key<" in str(getattr(leaf, "dtype", ""))
        if key or not (array or isinstance(leaf, int | float | complex)):
            place = f" at {at}" if (at := jax.tree_util.keystr(path)) else ""
            what = "random key" if key else type(leaf).__name__
            raise UnsupportedModel(
                f"the state that the model gives is a {what}{place}, which is no array of numbers. "
                "Give arrays, in tuples and dicts of any depth."
            )
    return said[0], said[1]


def numbers_a_row(state: Any, rows: int) -> int:
    """How many numbers a row carries in a state of any shape.

    >>> numbers_a_row({"hidden": (np.zeros((2, 5, 3)), np.zeros((5, 4))), "step": 3}, 5)
    11
    """
    shapes = [tuple(getattr(leaf, "shape", ())) for leaf in jax.tree.leaves(state)]
    return sum(max(1, math.prod(shape) // rows) for shape in shapes)


def adopted(pure: FunctionalModel, sizes: Sizes, shown: Shown) -> AdoptedModel:
    """A model of another library as one of ours, its arrays untouched."""
    program = Program(pure, sizes, shown)
    arrays = jax.tree.map(jnp.asarray, (pure.trained, pure.buffers))
    return AdoptedModel(arrays[0], Buffers(arrays[1]), program)


def _by_rows(act: Callable[[Array], Array], state: Any, axes: int = 1) -> Any:
    """What is done with the axis of rows of a state; a single number has none."""
    return jax.tree.map(lambda leaf: act(leaf) if leaf.ndim or not axes else leaf, state)


def _filled(leaf: Array, rows: int) -> Array:
    """Rows of zeros at the end until their number divides."""
    return jnp.pad(leaf, ((0, -len(leaf) % rows), *((0, 0),) * (leaf.ndim - 1)))


def _merged(leaf: Array, axes: int) -> Array:
    """The first axes as one, that of rows."""
    return leaf.reshape(math.prod(leaf.shape[:axes]), *leaf.shape[axes:])


class UnsupportedModel(ValueError):  # noqa: N818 - it is what was found out about a model
    """A model that cannot be taken apart, and why."""


def checked(outputs: Any, steps: tuple[int, ...], width: int, last: bool, at: Any = None) -> Any:
    """Outputs `(row, said, output)`, refused where they are of another shape.

    The last one is that `at` these places, rows and their steps, where they are given.
    """
    if isinstance(outputs, tuple | list | dict):
        raise ValueError(
            f"the model gives a {type(outputs).__name__} of {len(outputs)}. Give the outputs "
            "alone; with a parameter `state`, a pair of outputs and state."
        )
    if outputs is None:
        raise ValueError("the model gives nothing (None). Return the outputs.")
    rows, timesteps = steps
    shape = tuple(np.shape(outputs))
    every, single = (rows, timesteps, width), (rows, width)
    if "float" not in str(getattr(outputs, "dtype", type(outputs))):
        kind = getattr(outputs, "dtype", type(outputs).__name__)
        raise ValueError(f"the model gives {kind}, but outputs are floats. Give logits.")
    if last and shape in (single, (rows, 1, width)):
        return outputs.reshape(rows, 1, width)
    if shape != every:
        wanted = f"{every} or {single}" if last else f"{every}"
        raise ValueError(
            f"the model gives outputs {shape}, but {wanted} are asked for. {_remedy(shape, every)}"
        )
    if at is not None:
        return outputs[at][:, None]
    return outputs[:, -1:] if last else outputs


def _remedy(shape: tuple[int, ...], every: tuple[int, ...]) -> str:
    rows, timesteps, width = every
    if shape == (rows, width):
        return (
            "Give an output at every step (return_sequences=True in Keras), or use framing "
            "Window() or Prefix(), which ask at the last."
        )
    if len(shape) > 1 and shape[:2] == (timesteps, rows) and timesteps != rows:
        return "Put rows before time (batch_first=True in PyTorch)."
    if shape[:-1] == every[:-1]:
        return f"Make the last layer `sizes.outputs` ({width}) wide."
    return "Give `(row, time, output)`."
