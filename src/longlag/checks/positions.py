"""Whether a model of JAX reads outside an array: JAX gives its last or first row in silence."""

from __future__ import annotations

import contextlib
import re
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.experimental import checkify
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

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

    steps = runs.layout.steps.shape[-1]
    with contextlib.suppress(Exception):  # of code that cannot be traced so
        left: list[str] = []
        bounded = _bounded(jax.make_jaxpr(run)(arrays), steps, filled, left)
        if not left:
            return None
        checked = checkify.checkify(jaxpr_as_fun(bounded), errors=checkify.index_checks)
        error, _ = jax.jit(checked)(*jax.tree.leaves(arrays))
        if match := _PAST.search(error.get() or ""):
            shape = tuple(int(each) for each in match[1].split(",") if each.strip())
            return Read(shape, int(match[2]), int(match[3]))
    return None


def _bounded(part: Any, steps: int, filled: bool, left: list[str]) -> Any:
    """A program, or one inside it, whose reads that may lie outside an array are kept inside.

    Of several reads outside an array only the first is found, which must be one that may not lie
    there. The names of those that may not are added to `left`.
    """
    if type(part) in (tuple, list):
        return type(part)(_bounded(each, steps, filled, left) for each in part)
    if isinstance(part, ClosedJaxpr):
        return part.replace(jaxpr=_bounded(part.jaxpr, steps, filled, left))
    if not isinstance(part, Jaxpr):
        return part
    equations = []
    for equation in part.eqns:
        if equation.primitive.name in ("gather", "dynamic_slice"):
            equations.append(_bounded_read(equation, steps, filled, left))
        else:
            inner = {
                name: _bounded(each, steps, filled, left) for name, each in equation.params.items()
            }
            equations.append(equation.replace(params=inner))
    return part.replace(eqns=equations)


def _bounded_read(equation: Any, steps: int, filled: bool, left: list[str]) -> Any:
    """A read with its indices kept inside each axis of `steps` rows or more; all if it is meant."""
    primitive, given = equation.primitive, equation.params
    gathers, sizes = primitive.name == "gather", equation.invars[0].aval.shape
    axes = given["dimension_numbers"].start_index_map if gathers else range(len(sizes))
    meant = gathers and _is_meant(given, filled)
    ends = [
        sizes[axis] - given["slice_sizes"][axis] if meant or sizes[axis] >= steps else None
        for axis in axes
    ]
    if None in ends:
        left.append(primitive.name)

    @jax.jit
    def read(operand: Any, *indices: Any) -> Any:
        each = [indices[0][..., at] for at in range(len(ends))] if gathers else indices
        kept = [_within(index, end) for index, end in zip(each, ends, strict=True)]
        return primitive.bind(operand, *([jnp.stack(kept, axis=-1)] if gathers else kept), **given)

    if all(end is None for end in ends):
        return equation
    (call,) = jax.make_jaxpr(read)(*(each.aval for each in equation.invars)).eqns
    return call.replace(invars=equation.invars, outvars=equation.outvars)


def _within(index: Any, end: int | None) -> Any:
    if end is None:
        return index
    most = min(end, int(jnp.iinfo(index.dtype).max))
    return jax.lax.clamp(index.dtype.type(0), index, index.dtype.type(most))


def _is_meant(given: dict[str, Any], filled: bool) -> bool:
    """Whether a read names what it gives past the end.

    A `dynamic_slice` under `vmap` clips too, without being told to; it keeps all axes.
    """
    mode = str(given["mode"])
    if "FILL" in mode:
        return not filled
    return "CLIP" in mode and bool(given["dimension_numbers"].collapsed_slice_dims)
