"""The delta rule: a memory of keys and values, in which a value is replaced, not added."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

CHUNK = 32
"""Steps that `in_chunks` takes at once."""


class Steps(NamedTuple):
    """What each step shows to the memory, time first.

    Attributes:
        query: What is read, `(time, *batch, key)`.
        key: Where is written, of norm 1 or 0, `(time, *batch, key)`.
        value: What is written, `(time, *batch, value)`.
        strength: The share of the old value that is replaced, `(time, *batch)`; 2 reflects.
        log_decay: The logarithm of what is kept of the memory, at most 0, `(time, *batch)`;
            None where all is kept.
    """

    query: Array
    key: Array
    value: Array
    strength: Array
    log_decay: Array | None = None


def delta_rule(
    steps: Steps, start: Float[Array, "*batch key value"]
) -> tuple[Float[Array, "time *batch value"], Float[Array, "*batch key value"]]:
    """What each step reads from the memory after it has written, and the memory at the end.

        error = v - (a M)ᵀ k
        M' = a M + b k errorᵀ          = a (I - b k kᵀ) M + b k vᵀ
        o = M'ᵀ q

    One step after another on a CPU, and in chunks elsewhere; both give the same within rounding.
    A strength of 0 and a decay of 1 leave the memory as it was. Neither form keeps the memory of
    each step for the backward pass: on a CPU it is built once more, from the errors.

    Sources: Yang et al. (2024), Parallelizing linear transformers with the delta rule over
    sequence length; with decay Yang et al. (2025), Gated delta networks.

    >>> first, second = jnp.eye(2)
    >>> keys, values = jnp.stack([first, second, first]), jnp.array([[5.0], [6.0], [7.0]])
    >>> reads, memory = delta_rule(Steps(keys, keys, values, jnp.ones(3)), jnp.zeros((2, 1)))
    >>> print(reads[:, 0], memory[:, 0])
    [5. 6. 7.] [7. 6.]
    """
    return _rule(steps, start)


@jax.custom_vjp
def _rule(steps: Steps, start: Array) -> tuple[Array, Array]:
    return _forward(steps, start)[0]


class _Residuals(NamedTuple):
    steps: Steps
    start: Array
    errors: Array
    outputs: Array
    end: Array


def _forward(steps: Steps, start: Array) -> tuple[tuple[Array, Array], _Residuals]:
    outputs, errors, end = jax.lax.platform_dependent(
        steps, start, cpu=one_by_one, default=in_chunks
    )
    return (outputs, end), _Residuals(steps, start, errors, outputs, end)


def _backward(residuals: _Residuals, by: tuple[Array, Array]) -> tuple[Steps, Array]:
    return jax.lax.platform_dependent(
        residuals, by, cpu=back_one_by_one, default=_back_through_chunks
    )


_rule.defvjp(_forward, _backward)


def one_by_one(steps: Steps, start: Array) -> tuple[Array, Array, Array]:
    """Outputs, errors and the last memory, one step after another."""

    def step(memory: Array, each: Steps) -> tuple[Array, tuple[Array, Array]]:
        memory = _decayed(memory, each.log_decay)
        error = each.value - _read(memory, each.key)
        memory = memory + _outer(each.key, each.strength[..., None] * error)
        return memory, (_read(memory, each.query), error)

    end, (outputs, errors) = jax.lax.scan(step, start, steps)
    return outputs, errors, end


def in_chunks(steps: Steps, start: Array) -> tuple[Array, Array, Array]:
    """Outputs, errors and the last memory, by products over `CHUNK` steps at once.

    The errors within a chunk solve a triangular system. The inverse as a sum of powers, which
    needs products alone, loses all digits where equal keys follow each other at a strength of 2.
    """
    time = len(steps.value)
    size = min(CHUNK, time)

    def cut(each: Array) -> Array:
        """Steps as chunks, `(chunk, *batch, step, …)`; steps added at the end do nothing."""
        padding = [(0, -time % size), *[(0, 0)] * (each.ndim - 1)]
        chunks = jnp.pad(each, padding).reshape(-1, size, *each.shape[1:])
        return jnp.moveaxis(chunks, 1, -1 if each.ndim == steps.strength.ndim else -2)

    def joined(chunks: Array) -> Array:
        return jnp.moveaxis(chunks, -2, 1).reshape(-1, *steps.value.shape[1:])[:time]

    query, key, value, strength, log_decay = jax.tree.map(cut, steps)
    past = jnp.tril(jnp.ones((size, size), bool))
    past = past.reshape((1,) * (strength.ndim - 1) + past.shape)  # (…, step, earlier step)
    among, asked = key @ _turned(key), query @ _turned(key)
    if log_decay is not None:
        total = jnp.cumsum(log_decay, axis=-1)
        # Before the exponential: that of a later step would overflow.
        since = jnp.exp(jnp.where(past, total[..., :, None] - total[..., None, :], 0.0))
        among, asked = among * since, asked * since
        kept = jnp.exp(total)[..., None]
        carried = jnp.exp(total[..., -1:] - total)[..., None]
        from_key, from_query, to_key = kept * key, kept * query, carried * key
        left = kept[..., -1:, :]
    else:
        from_key, from_query, to_key, left = key, query, key, None
    among = jnp.where(past, among * strength[..., None, :], 0.0)  # its diagonal is taken for 1
    written = jnp.concatenate([value, from_key], axis=-1)
    written = jax.lax.linalg.triangular_solve(
        among, written, left_side=True, lower=True, unit_diagonal=True
    )
    value, by_memory = jnp.split(written, [steps.value.shape[-1]], axis=-1)
    asked = jnp.where(past, asked * strength[..., None, :], 0.0)
    to_key = strength[..., None] * to_key

    def step(memory: Array, each: Any) -> tuple[Array, tuple[Array, Array]]:
        value, by_memory, from_query, asked, to_key, left = each
        errors = value - by_memory @ memory
        outputs = from_query @ memory + asked @ errors
        memory = memory if left is None else left * memory
        return memory + _turned(to_key) @ errors, (outputs, errors)

    chunks = value, by_memory, from_query, asked, to_key, left
    end, (outputs, errors) = jax.lax.scan(step, start, chunks)
    return joined(outputs), joined(errors), end


def _back_through_chunks(residuals: _Residuals, by: tuple[Array, Array]) -> tuple[Steps, Array]:
    def run(steps: Steps, start: Array) -> tuple[Array, Array]:
        outputs, _, end = in_chunks(steps, start)
        return outputs, end

    return jax.vjp(run, residuals.steps, residuals.start)[1](by)


def back_one_by_one(residuals: _Residuals, by: tuple[Array, Array]) -> tuple[Steps, Array]:
    """The gradients of `one_by_one`: a loop backwards, and one forwards for the memory."""
    steps, start, errors, outputs, end = residuals
    by_outputs, by_end = by
    written = steps.strength[..., None] * errors

    def back(by_memory: Array, each: tuple[Steps, Array, Array]) -> tuple[Array, Any]:
        step, written, by_output = each
        by_memory = by_memory + _outer(step.query, by_output)
        by_written = _read(by_memory, step.key)
        by_key = _asked(by_memory, written)
        by_memory = by_memory - _outer(step.key, step.strength[..., None] * by_written)
        return _decayed(by_memory, step.log_decay), (by_written, by_key)

    by_start, (by_written, by_key) = jax.lax.scan(
        back, by_end, (steps, written, by_outputs), reverse=True
    )
    by_value = steps.strength[..., None] * by_written  # and minus that by what was read

    def again(memory: Array, each: tuple[Steps, Array, Array, Array]) -> tuple[Array, Any]:
        step, written, by_value, by_output = each
        memory = _decayed(memory, step.log_decay)
        by_key = _asked(memory, by_value)
        memory = memory + _outer(step.key, written)
        return memory, (by_key, _asked(memory, by_output))

    _, (through_read, by_query) = jax.lax.scan(again, start, (steps, written, by_value, by_outputs))
    by_log_decay = None
    if steps.log_decay is not None:
        # With M over the product of all decays so far as the memory, decays scale only what is
        # read and what is written, so that no memory is needed for their gradient.
        scales = (outputs * by_outputs).sum(-1) - (steps.value * by_value).sum(-1)
        after = jax.lax.cumsum(scales, axis=0, reverse=True)
        by_log_decay = after + (end * by_end).sum((-1, -2))[None]
    by_strength = (by_written * errors).sum(-1)
    by_steps = Steps(by_query, by_key - through_read, by_value, by_strength, by_log_decay)
    return by_steps, by_start


def _read(memory: Array, key: Array) -> Array:
    return jnp.einsum("...k,...kv->...v", key, memory)


def _asked(memory: Array, value: Array) -> Array:
    return jnp.einsum("...kv,...v->...k", memory, value)


def _outer(key: Array, value: Array) -> Array:
    return key[..., None] * value[..., None, :]


def _turned(matrix: Array) -> Array:
    return jnp.swapaxes(matrix, -1, -2)


def _decayed(memory: Array, log_decay: Array | None) -> Array:
    return memory if log_decay is None else jnp.exp(log_decay)[..., None, None] * memory
