"""Floating-point operations of a program: those of its matrix products and convolutions."""

from __future__ import annotations

import math
from typing import Any

import jax

_FOREIGN = ("callback", "ffi", "pallas", "custom_call")  # code that is no part of the program


def flops(program: Any) -> int | None:
    """The operations of a traced program, a multiplication and an addition counted as two.

    XLA counts the body of a loop once, so they are counted from the equations.

    Args:
        program: A jaxpr, as of `jax.make_jaxpr`.

    Returns:
        The operations; None where a loop has no fixed number of rounds, or there is other code.

    >>> import jax.numpy as jnp
    >>> def loop(state, weights):
    ...     return jax.lax.scan(lambda state, _: (state @ weights, None), state, length=10)[0]
    >>> flops(jax.make_jaxpr(loop)(jnp.ones((2, 3)), jnp.ones((3, 3)))) == 10 * 2 * 2 * 3 * 3
    True
    """
    total = 0
    for step in getattr(program, "jaxpr", program).eqns:
        count = _of_step(step)
        if count is None:
            return None
        total += count
    return total


def flops_of_update(program: Any) -> int | None:
    """The operations of an update in a traced program of training, which repeats it in a loop."""
    loops = [step for step in program.jaxpr.eqns if step.primitive.name == "while"]
    return flops(loops[0].params["body_jaxpr"]) if loops else None


def _of_step(step: Any) -> int | None:
    name, params = step.primitive.name, step.params
    if name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        left, (result,) = step.invars[0].aval.shape, step.outvars
        return 2 * math.prod(result.aval.shape) * math.prod(left[axis] for axis in contracted)
    if name == "conv_general_dilated":
        kernel, (result,) = step.invars[1].aval.shape, step.outvars
        outputs = kernel[params["dimension_numbers"].rhs_spec[0]]
        return 2 * math.prod(result.aval.shape) * math.prod(kernel) // outputs
    if any(word in name for word in _FOREIGN):
        return None
    counts = [flops(each) for each in inner_programs(step)]
    if name == "while" and any(count != 0 for count in counts):
        return None
    if None in counts:
        return None
    known = [count for count in counts if count is not None]
    if name == "cond":
        return max(known, default=0)
    return sum(known) * params.get("length", 1) if name == "scan" else sum(known)


def inner_programs(step: Any) -> list[Any]:
    """The programs inside a step, such as the body of a loop."""
    values = step.params.values()
    inner = [each for value in values for each in jax.tree.leaves(value, is_leaf=_is_one)]
    return [each for each in inner if _is_one(each)]


def _is_one(value: Any) -> bool:
    """Whether a parameter of a step is a program."""
    return hasattr(getattr(value, "jaxpr", value), "eqns")
