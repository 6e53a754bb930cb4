"""Compiled programs: a chunk of updates, or predictions, as one call."""

from __future__ import annotations

import contextlib
import contextvars
import functools
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
import optax

from longlag.arrays import Output
from longlag.models import AnyModel, Buffers, Decoder, ExternalModel
from longlag.training.losses import AnyLoss, Loss

CROSS_ENTROPY = Loss()


class Batches(NamedTuple):
    """Updates to be made in one go, as arrays with a leading update axis.

    Attributes:
        inputs: `(update, batch, time)` integers or `(update, batch, time, feature)`.
        targets: `(update, batch, said)` integers, -1 where nothing is scored, or reals,
            NaN where nothing is scored. The axis `said` is `time` with the output `every`,
            1 with `last`, the values of an answer with `vector` and `decoder`.
        mask: `(update, batch, time)`, false where a step is to be passed over, or None.
        reset: `(update,)`, true where state carried so far is dropped, or None where no
            state is carried.
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray | None
    reset: np.ndarray | None


OPTIMIZERS = {
    # Keras's epsilon, so that figures compare with the sources'; optax adds it after the
    # bias correction, Keras before, which moves losses by less than 1e-4 in 200 updates.
    "adam": functools.partial(optax.adam, eps=1e-7),
    "sgd": optax.sgd,
}


class Program(NamedTuple):
    """The parts of a program that are fixed when it is compiled."""

    skeleton: Any
    optimizer: str
    loss: AnyLoss
    output: Output

    def train(self, params, optimizer_state, state, batches: Batches, updates, learning_rate):
        """Make the first `updates` updates; give the new state and a row of figures for each."""
        optimizer = OPTIMIZERS[self.optimizer](learning_rate)

        def update(index, carried):
            params, optimizer_state, state, figures = carried
            batch = jax.tree.map(
                lambda each: jax.lax.dynamic_index_in_dim(each, index, keepdims=False), batches
            )
            grad = eqx.filter_value_and_grad(self._loss, has_aux=True)
            (loss, (right, scored, state, buffers)), by_params = grad(params, batch, state)
            by_params = jax.tree.map(_downhill, by_params)
            changes, optimizer_state = optimizer.update(by_params, optimizer_state, params)
            params = _renewed(eqx.apply_updates(params, changes), buffers)
            row = jnp.stack([loss, right, scored]).astype(jnp.float32)  # also where JAX has 64 bits
            figures = jax.lax.dynamic_update_index_in_dim(figures, row, index, axis=0)
            return params, optimizer_state, state, figures

        figures = jnp.zeros((len(batches.inputs), 3), jnp.float32)
        start = params, optimizer_state, state, figures
        return jax.lax.fori_loop(0, updates, update, start)

    def predict(self, params, state, batches: Batches):
        """Run forward through all updates; give the predicted values and the state."""

        def step(state, batch):
            losses, said, state, *_ = self._run(params, batch, state, teach=False)
            return state, (losses, said)

        state, (losses, said) = jax.lax.scan(step, state, batches)
        return losses, said, state

    def _loss(self, params, batch: Any, state):  # one update's part of Batches, traced
        losses, said, state, buffers, penalty = self._run(params, batch, state, teach=True)
        counts = self.loss.scored(batch.targets)
        count = counts.sum()
        loss = jnp.where(counts, losses, 0.0).sum() / jnp.maximum(count, 1) + penalty
        right = (counts & self.loss.is_correct(said, batch.targets)).sum()
        return loss, (right.astype(loss.dtype), count.astype(loss.dtype), state, buffers)

    def _run(self, params, batch: Any, state, *, teach):
        model: Any = eqx.combine(params, self.skeleton)
        counts = self.loss.scored(batch.targets)
        wide = counts if self.loss.size is None else counts[..., None]
        targets = jnp.where(wide, batch.targets, 0)
        if self.output == "decoder":
            if teach:
                outputs = model.decode_teacher_forced(
                    batch.inputs, batch.mask, self.loss.decoder_targets(targets)
                )
            else:
                count = counts.shape[-1]
                outputs = model.decode_free_running(
                    batch.inputs, batch.mask, self.loss.decoder_feedback, count
                )
            return *self.loss(outputs, targets), state, None, 0.0
        zero = model.initial_state(targets.shape[:1])
        start = zero
        if batch.reset is not None:
            start = jax.tree.map(lambda new, old: jnp.where(batch.reset, new, old), zero, state)
        last = self.output != "every"
        arguments = batch.inputs, batch.mask, start
        buffers, penalty = None, 0.0
        if teach:
            outputs, after, buffers, penalty = model.apply_train(*arguments, last=last)
        else:
            outputs, after = model(*arguments, last=last)
        if self.output == "vector":
            outputs = outputs.reshape(*counts.shape, -1)
        carried = state if batch.reset is None else after
        return *self.loss(outputs, targets), carried, buffers, penalty


def _downhill(gradient: Any) -> Any:
    """JAX's gradient by a complex weight is the conjugate of the way up."""
    return jnp.conj(gradient) if jnp.iscomplexobj(gradient) else gradient


def _renewed(params: Any, buffers: Buffers | None) -> Any:
    """A model with other buffers."""
    if buffers is None:
        return params

    def renew(node: Any) -> Any:
        return buffers if isinstance(node, Buffers) else node

    return jax.tree.map(renew, params, is_leaf=lambda node: isinstance(node, Buffers))


def parameters(model: AnyModel) -> int:
    """Number of trained weights."""
    if isinstance(model, ExternalModel):
        return model.parameters
    leaves = jax.tree.leaves(model, is_leaf=lambda node: isinstance(node, Buffers))
    return sum(leaf.size for leaf in leaves if eqx.is_inexact_array(leaf))


class Clock:
    """The time that something in hand spends on compiling, or on waiting for others to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent, self._since, self._inside = 0.0, 0.0, 0

    @property
    def seconds(self) -> float:
        """Seconds so far, counted once however many threads spend them."""
        with self._lock:
            running = time.perf_counter() - self._since if self._inside else 0.0
            return self._spent + running

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._since = time.perf_counter()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._spent += time.perf_counter() - self._since


COMPILING: contextvars.ContextVar[Clock] = contextvars.ContextVar("COMPILING")
"""The clock of what is in hand, if it has one; a thread that helps is given its context."""


def initial_state(model: Any, rows: tuple[int, ...]) -> Any:
    return () if isinstance(model, Decoder) else model.initial_state(rows)


# Part of what is compiled.
_CONFIGURATION = "jax_enable_x64", "jax_default_matmul_precision", "jax_default_device"

_EAGER = "jax_disable_jit"

_compile_lock = threading.Lock()

_programs: OrderedDict[Any, Any] = OrderedDict()

_PROGRAMS = 64  # each takes about 140 memory maps, of which a Linux process may have 65,530


def compiled(program: Program, stage: str, arguments: tuple[Any, ...]) -> Any:
    """The executable for arguments of these shapes, compiled once in a process."""
    if getattr(jax.config, _EAGER):
        raise ValueError("JAX_DISABLE_JIT is set, but training is compiled. Unset it.")
    leaves, structure = jax.tree.flatten(arguments)
    shapes = tuple((np.shape(leaf), _type(leaf)) for leaf in leaves)
    fixed, form = jax.tree.flatten(program)
    kinds = tuple(map(type, fixed))  # 1, 1.0 and True are equal keys, perhaps different programs
    set_to = tuple(getattr(jax.config, name) for name in _CONFIGURATION)
    key = tuple(fixed), form, kinds, stage, structure, shapes, set_to
    clock = COMPILING.get(contextlib.nullcontext())
    with clock, _compile_lock:
        if key not in _programs:
            function = program.predict if stage == "predict" else program.train
            if stage == "train seeds":
                function = jax.vmap(function, in_axes=(0, 0, 0, 0, 0, None))
            # Weights, optimiser and carried state take the place of the old ones.
            donated = () if stage == "predict" else (0, 1, 2)
            traced = jax.jit(function, donate_argnums=donated).trace(*arguments)
            _check_memory(traced.jaxpr)
            _programs[key] = traced.lower().compile()
        _programs.move_to_end(key)
        while len(_programs) > _PROGRAMS:
            _programs.popitem(last=False)
        return _programs[key]


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
    """The type of a number or an array, which stays where it is."""
    return leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
