"""Compiled programs: a chunk of updates, or predictions, as one call."""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
import threading
import time
from collections import OrderedDict
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from longlag.arrays import Output, last_of
from longlag.models import AnyModel, Buffers, Decoder, ExternalModel
from longlag.training.flops import flops_of_update
from longlag.training.losses import AnyLoss, Loss
from longlag.training.optimizer import Optimizer
from longlag.training.recipe import Dtype

CROSS_ENTROPY = Loss()


class Batches(NamedTuple):
    """The batches of several updates, as arrays with a leading update axis.

    Attributes:
        inputs: `(update, batch, time)` integers or `(update, batch, time, feature)`.
        targets: `(update, batch, target)` integers, -1 where nothing is scored, or reals,
            NaN where nothing is scored. The axis `target` is `time` with the output `every`,
            1 with `last`, the values of an answer with `vector` and `decoder`.
        mask: `(update, batch, time)`, false where a step is skipped, or None.
        reset: `(update,)`, true where carried state is reset to zero, or None where no state is
            carried.
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray | None
    reset: np.ndarray | None


class Program(NamedTuple):
    """The parts of a program that are fixed when it is compiled."""

    skeleton: Any
    optimizer: Optimizer
    loss: AnyLoss
    output: Output
    dtype: Dtype = "float32"

    def train(self, params, optimizer_state, state, batches: Batches, updates, learning_rate):
        """Make the first `updates` updates: the new state, and loss, correct and scored of each.

        The learning rate is that of all updates, or of each `(update,)`.
        """
        fixed, scheduled = self.optimizer.at(learning_rate), jnp.ndim(learning_rate) == 1

        def update(index, carry):
            params, optimizer_state, state, figures = carry
            batch = jax.tree.map(
                lambda each: jax.lax.dynamic_index_in_dim(each, index, keepdims=False), batches
            )
            grad = eqx.filter_value_and_grad(self._loss, has_aux=True)
            (loss, (correct, scored, state, buffers)), grads = grad(params, batch, state)
            grads = jax.tree.map(_descent_direction, grads)
            optimizer = self.optimizer.at(learning_rate[index]) if scheduled else fixed
            weights = eqx.filter(params, eqx.is_inexact_array)
            changes, optimizer_state = optimizer.update(grads, optimizer_state, weights)
            after = jax.tree.map(_keep_dtype, eqx.apply_updates(params, changes), params)
            params = _with_buffers(after, buffers)
            row = jnp.stack([loss, correct, scored])
            row = row.astype(jnp.float32)  # also where JAX has 64 bits
            figures = jax.lax.dynamic_update_index_in_dim(figures, row, index, axis=0)
            return params, optimizer_state, state, figures

        figures = jnp.zeros((len(batches.inputs), 3), jnp.float32)
        start = params, optimizer_state, state, figures
        return jax.lax.fori_loop(0, updates, update, start)

    def predict(self, params, state, batches: Batches):
        """Run forward through all updates: losses, predicted values and the final state."""

        def step(state, batch):
            losses, predictions, state, *_ = self._run(params, batch, state, training=False)
            return state, (losses, predictions)

        state, (losses, predictions) = jax.lax.scan(step, state, batches)
        return losses, predictions, state

    def _loss(self, params, batch: Any, state):  # one update's part of Batches, traced
        losses, predictions, state, buffers, penalty = self._run(
            params, batch, state, training=True
        )
        scored = self.loss.scored(batch.targets)
        count = scored.sum()
        loss = jnp.where(scored, losses, 0.0).sum() / jnp.maximum(count, 1) + penalty
        correct = (scored & self.loss.is_correct(predictions, batch.targets)).sum()
        return loss, (correct.astype(loss.dtype), count.astype(loss.dtype), state, buffers)

    def _run(self, params, batch: Any, state, *, training):
        narrow = training and self.dtype != "float32"
        if narrow:
            params, inputs = _cast((params, batch.inputs), self.dtype)
            batch = batch._replace(inputs=inputs)
        model: Any = eqx.combine(params, self.skeleton)
        scored = self.loss.scored(batch.targets)
        expanded = scored if self.loss.size is None else scored[..., None]
        targets = jnp.where(expanded, batch.targets, 0)
        if self.output == "decoder":
            if training:
                previous = self.loss.decoder_targets(targets)
                previous = _cast(previous, self.dtype) if narrow else previous
                outputs = model.decode_teacher_forced(batch.inputs, batch.mask, previous)
                outputs = _cast(outputs, "float32") if narrow else outputs
            else:
                count = scored.shape[-1]
                outputs = model.decode_free_running(
                    batch.inputs, batch.mask, self.loss.decoder_feedback, count
                )
            return *self.loss(outputs, targets), state, None, 0.0
        zero = model.initial_state(targets.shape[:1])
        start = zero
        if batch.reset is not None:
            start = jax.tree.map(lambda new, old: jnp.where(batch.reset, new, old), zero, state)
        if narrow:
            start = _cast(start, self.dtype)
        last = last_of(self.output)
        arguments = batch.inputs, batch.mask, start
        buffers, penalty = None, 0.0
        if training:
            outputs, after, buffers, penalty = model.apply_train(*arguments, last=last)
        else:
            outputs, after = model(*arguments, last=last)
        if self.output == "vector":
            outputs = outputs.reshape(*scored.shape, -1)
        state = state if batch.reset is None else after
        if narrow:
            outputs, state, penalty = _cast((outputs, state, penalty), "float32")
        return *self.loss(outputs, targets), state, buffers, penalty


def _cast(tree: Any, dtype: Dtype) -> Any:
    """The real numbers of a tree in another type, but for `Buffers`."""

    def cast(leaf: Any) -> Any:
        real = eqx.is_array(leaf) and jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(dtype) if real else leaf

    return jax.tree.map(cast, tree, is_leaf=lambda node: isinstance(node, Buffers))


def _descent_direction(gradient: Any) -> Any:
    """The gradient for the optimiser: JAX gives the conjugate for a complex weight."""
    return jnp.conj(gradient) if jnp.iscomplexobj(gradient) else gradient


def _keep_dtype(new: Any, old: Any) -> Any:
    """A weight in the type that it has, which may be a narrow one."""
    return new if new.dtype == old.dtype else new.astype(old.dtype)


def _with_buffers(params: Any, buffers: Buffers | None) -> Any:
    """The parameters with these buffers."""
    if buffers is None:
        return params

    def replace(node: Any) -> Any:
        return buffers if isinstance(node, Buffers) else node

    return jax.tree.map(replace, params, is_leaf=lambda node: isinstance(node, Buffers))


def parameters(model: AnyModel) -> int:
    """Number of trained weights."""
    if isinstance(model, ExternalModel):
        return model.parameters
    leaves = jax.tree.leaves(model, is_leaf=lambda node: isinstance(node, Buffers))
    return sum(leaf.size for leaf in leaves if eqx.is_inexact_array(leaf))


class Compiled(NamedTuple):
    """A compiled program.

    Attributes:
        call: Runs it.
        flops: Floating-point operations of an update of the weights; None for predictions, and
            where they cannot be counted.
        memory: Bytes that it holds at once: what it is given, gives and needs between; None where
            the device does not say.
    """

    call: Any
    flops: int | None
    memory: int | None


class Clock:
    """The time that a run spends on compiling, or on waiting for the compilation of others.

    Attributes:
        training: The latest program of training of the run; None where it has none.
        seconds_per_step: Of predictions, a step of a sample, in the fastest call; None before.
    """

    def __init__(self) -> None:
        self.training: Compiled | None = None
        self.seconds_per_step: float | None = None
        self._lock = threading.Lock()
        self._total, self._since, self._inside = 0.0, 0.0, 0

    @property
    def seconds(self) -> float:
        """Seconds so far; threads that compile at the same time count once."""
        with self._lock:
            running = time.perf_counter() - self._since if self._inside else 0.0
            return self._total + running

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._since = time.perf_counter()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._total += time.perf_counter() - self._since


COMPILING: contextvars.ContextVar[Clock] = contextvars.ContextVar("COMPILING")
"""The clock of the current run, if any; helper threads run in a copy of its context."""


def initial_state(model: Any, rows: tuple[int, ...]) -> Any:
    """The first state of a model for so many rows; an empty tuple for a Decoder."""
    return () if isinstance(model, Decoder) else model.initial_state(rows)


# JAX options that change the compiled program.
_CONFIGURATION = "jax_enable_x64", "jax_default_matmul_precision", "jax_default_device"

_EAGER = "jax_disable_jit"

_compile_lock = threading.Lock()

_programs: OrderedDict[Any, Any] = OrderedDict()

_PROGRAMS = 64  # each takes about 140 memory maps, of which a Linux process may have 65,530


def compiled(program: Program, stage: str, arguments: tuple[Any, ...]) -> Compiled:
    """The program for arguments of these shapes, compiled once in a process."""
    if getattr(jax.config, _EAGER):
        own = "JAX_DISABLE_JIT" not in os.environ
        name, remedy = (
            ("jax_disable_jit", "Leave it out of your code")
            if own
            else ("JAX_DISABLE_JIT", "Unset it")
        )
        raise ValueError(f"{name} is set, but training is compiled. {remedy}.")
    leaves, structure = jax.tree.flatten(arguments)
    shapes = tuple((np.shape(leaf), _type(leaf)) for leaf in leaves)
    fixed, form = jax.tree.flatten(program)
    kinds = tuple(map(type, fixed))  # 1, 1.0 and True are equal keys, perhaps different programs
    options = tuple(getattr(jax.config, name) for name in _CONFIGURATION)
    key = tuple(fixed), form, kinds, stage, structure, shapes, options
    clock = COMPILING.get(None)
    with clock or contextlib.nullcontext(), _compile_lock:
        if key not in _programs:
            function = program.predict if stage == "predict" else program.train
            if stage == "train seeds":
                function = jax.vmap(function, in_axes=(0, 0, 0, 0, 0, None))
            # New weights, optimiser state and carried state replace the old ones in memory.
            donate = () if stage == "predict" else (0, 1, 2)
            traced = jax.jit(function, donate_argnums=donate).trace(*arguments)
            _check_memory(traced.jaxpr)
            call = traced.lower().compile()
            seeds = len(arguments[-2]) if stage == "train seeds" else 1
            operations = None if stage == "predict" else flops_of_update(traced.jaxpr)
            _programs[key] = Compiled(call, operations and operations // seeds, _memory(call))
        _programs.move_to_end(key)
        while len(_programs) > _PROGRAMS:
            _programs.popitem(last=False)
        found = _programs[key]
        if clock is not None and stage != "predict":
            clock.training = found
        return found


def _memory(call: Any) -> int | None:
    found = call.memory_analysis()
    if found is None:
        return None
    given = found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes
    return given + found.temp_size_in_bytes


def _check_memory(program: Any) -> None:
    """Refuse a program before it is compiled whose loops alone give more than this machine holds.

    XLA would end the process, or the system would.
    """
    if jax.default_backend() == "cpu":  # an accelerator says so itself
        instead = "a smaller batch_size or hidden_size, or fewer timesteps"
        require_memory(_largest_loop(program), instead)


def require_memory(least: int, instead: str) -> None:
    """Refuse what takes more memory than this machine has.

    Args:
        least: Bytes that it takes.
        instead: What else to use.

    Raises:
        ValueError: There are not as many.
    """
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if least > most:
        raise ValueError(
            f"Training needs {least / 2**30:,.0f} GiB of memory or more, this machine has "
            f"{most / 2**30:,.0f}. Use {instead}."
        )


def _largest_loop(program: Any) -> int:
    """Bytes of what the largest loop of a program gives, or one inside another."""
    largest = 0
    for step in program.eqns:
        inner = [each for value in step.params.values() for each in jax.tree.leaves(value)]
        inner = [getattr(each, "jaxpr", each) for each in inner]
        parts = [_largest_loop(each) for each in inner if hasattr(each, "eqns")]
        if step.primitive.name == "scan":
            shapes = [each.aval for each in step.outvars]
            parts.append(sum(math.prod(each.shape) * each.dtype.itemsize for each in shapes))
        largest = max(largest, *parts, 0)
    return largest


def _type(leaf: Any) -> Any:
    """The dtype of a number or an array; no array is copied."""
    return leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
