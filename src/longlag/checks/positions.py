"""Whether a model of JAX reads outside an array: JAX gives its last or first row in silence."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
from jax.experimental import checkify

from longlag.adapters.models.hints import TOO_SHORT
from longlag.adapters.models.user_model import UserModel
from longlag.arrays import last_of
from longlag.checks.arrays import on_device
from longlag.checks.check import CheckFailed
from longlag.checks.runs import Runs
from longlag.models import ExternalModel
from longlag.training import program

_PAST = re.compile(
    r"array of shape \(([^)]*)\): index (-?\d+) is out of bounds for axis \d+ with size (\d+)"
)


class Read(NamedTuple):
    """A read outside an array: its shape, the row, and the size of that axis."""

    shape: tuple[int, ...]
    row: int
    size: int


def require_positions(runs: Runs) -> None:
    """Require that no array with fewer rows than timesteps is read outside it.

    Raises:
        CheckFailed: One is, as a table of positions that is too short.
    """
    if isinstance(runs.setting.model, UserModel) and (found := read_past_end(runs)):
        raise CheckFailed(
            f"it reads row {found.row} of an array {found.shape}, in place of which JAX gives "
            f"the {'first' if found.row < 0 else 'last'} one",
            TOO_SHORT,
        )


def remedy_past_end(runs: Runs) -> str:
    """The remedy where a read past the end of an array gives NaN; else empty."""
    return TOO_SHORT if read_past_end(runs, filled=True) else ""


def read_past_end(runs: Runs, *, filled: bool = False) -> Read | None:
    """The first read outside an array, if that has fewer than `timesteps` rows; else None.

    An index that the model clips itself, by mode="clip" too, is none. Programs that cannot be
    looked at have none.

    Args:
        runs: The runs of the model.
        filled: Whether reads that give NaN in place of the last row count, as `jnp.take` does.
    """
    if isinstance(runs.model, ExternalModel):
        return None  # PyTorch raises
    last, batches = last_of(runs.layout.output), runs.batches
    inputs = on_device(batches.inputs[0])
    mask = on_device(None if batches.mask is None else batches.mask[0])
    arrays, rest = eqx.partition(runs.model, eqx.is_array)

    def run(arrays: Any) -> Any:
        model = eqx.combine(arrays, rest)
        state = program.initial_state(model, inputs.shape[:1])
        return model(inputs, mask, state, last=last)[0]

    with contextlib.suppress(Exception):  # of code that cannot be traced so
        shapes = set(_shapes_read(jax.make_jaxpr(run)(arrays), filled))
        if not shapes:
            return None
        error, _ = jax.jit(checkify.checkify(run, errors=checkify.index_checks))(arrays)
        if match := _PAST.search(error.get() or ""):
            shape = tuple(int(each) for each in match[1].split(",") if each.strip())
            read = Read(shape, int(match[2]), int(match[3]))
            if shape in shapes and read.size < runs.layout.steps.shape[-1]:
                return read
    return None


def _shapes_read(part: Any, filled: bool) -> Iterator[tuple[int, ...]]:
    """The shapes of the arrays that a program, or one inside it, reads by an index it computes."""
    if isinstance(part, tuple | list):
        for each in part:
            yield from _shapes_read(each, filled)
    elif hasattr(part, "eqns"):
        for equation in part.eqns:
            name, given = equation.primitive.name, equation.params
            if name == "dynamic_slice" or (name == "gather" and not _is_meant(given, filled)):
                yield tuple(equation.invars[0].aval.shape)
            yield from _shapes_read(list(given.values()), filled)


def _is_meant(given: dict[str, Any], filled: bool) -> bool:
    """Whether a read names what it gives past the end.

    A `dynamic_slice` under `vmap` clips too, without being told to; it keeps all axes.
    """
    mode = str(given["mode"])
    if "FILL" in mode:
        return not filled
    return "CLIP" in mode and bool(given["dimension_numbers"].collapsed_slice_dims)
