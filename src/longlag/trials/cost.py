"""What a model costs: operations, memory and time of one seed."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax

from longlag import streams
from longlag.framings import Layout
from longlag.models import AnyModel, ExternalModel
from longlag.scores.evaluation import STEPS_AT_ONCE, single_size
from longlag.training import Batches, loop, program
from longlag.training.flops import flops, inner_programs
from longlag.training.optimizer import Optimizer
from longlag.training.program import Program
from longlag.training.seeds import ExternalGroup, Group, Plan, SeedRun
from longlag.trials.fit import (
    batches,
    duration,
    first_update,
    prediction_elsewhere,
    update_elsewhere,
)
from longlag.trials.setting import Setting

_SECONDS = 0.2  # to measure a time for, at least

_WORKER = 340 * 2**20  # bytes of a worker process that trains a tiny model, measured

_OTHER_WORKER = 560 * 2**20  # with PyTorch, measured likewise

_UPDATES = 3  # of PyTorch that its memory holds at most, with what is kept and what is counted

_COPIES = 6  # of the weights: two moments, gradient, update, and a model that is scored

_STEPS = 2000  # of the sequences that predictions are timed on, at least


class Cost(NamedTuple):
    """What a model costs in a setting; None where a figure cannot be had.

    Attributes:
        flops_per_step: Floating-point operations of the matrix products and convolutions of a
            prediction, for each step of a sample; a multiplication and an addition are two.
        flops_per_update: Those of an update of the weights.
        memory: Largest number of bytes that the program of training holds, with its batches; of
            another framework that the tensors of an update hold.
        seconds_per_update: Measured time of an update, drawing its batch included.
        seconds_per_step: Measured time of a step of a prediction for one sequence.
        device: The device of these figures.
    """

    flops_per_step: int | None
    flops_per_update: int | None
    memory: int | None
    seconds_per_update: float
    seconds_per_step: float
    device: str


def cost(setting: Setting) -> Cost:
    """What the model of a setting costs; it compiles, trains and predicts for a moment.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> found = cost(Setting(problem=EchoLag(values=5), framing=Whole(), model=LSTM(hidden_size=8)))
    >>> found.flops_per_step == 2 * (4 * 8 * 8 + 8 * 5)  # one-hot inputs are looked up
    True
    """
    model, output = setting.create(0), setting.layout.output
    chunk = duration(setting, program.parameters(model)).chunk
    stream = batches(setting, setting.layout, streams.training(0), chunk)
    plan = Plan(setting.recipe, sys.maxsize, setting.loss, output, None, rates=None)
    run = SeedRun(plan, 0, model, stream)
    external = isinstance(model, ExternalModel)
    one = _one_sequence(setting)
    updates, rows, timesteps = one.inputs.shape[:3]
    steps = rows * timesteps
    predicting = _flops_of_prediction(setting, model, one)
    if external:
        updating, memory = update_elsewhere(setting, model)
        group, device = ExternalGroup(plan, run), str(model.device)
    else:
        group = Group(plan, [run])
        updating, memory = group.compiled.flops, group.compiled.memory
        device = jax.default_backend()
    group.advance()
    return Cost(
        flops_per_step=predicting and predicting // (_rows_at_once(model, rows) * timesteps),
        flops_per_update=updating,
        memory=memory,
        seconds_per_update=_seconds(group.advance) / chunk,
        seconds_per_step=_seconds(lambda: _predict(setting, model, one)) / (updates * steps),
        device=device,
    )


def peak_memory(setting: Setting) -> int | None:
    """About how many bytes a worker holds at most: itself, and the largest array of a prediction.

    Measured peaks of seven settings were 0.7 to 1.4 times of it. Nothing is compiled. A model of
    another framework makes an update instead; six settings had 0.8 to 1.4 times of that.

    Returns:
        The bytes; None where they cannot be counted.
    """
    model = setting.create(0)
    if isinstance(model, ExternalModel):
        _, update = update_elsewhere(setting, model)
        return update and _OTHER_WORKER + _UPDATES * update
    most = 0
    for name in setting.scored_on:
        on = setting.on(name)
        one = first_update(_one_sequence(on))
        rows = -(-max(STEPS_AT_ONCE, on.layout.steps[0].size) // one.inputs.shape[2])
        traced = _traced_prediction(on, model, _with_rows(one, rows))
        most = max(most, _largest_array(traced))
    return _WORKER + most + _COPIES * 4 * program.parameters(model)


def _with_rows(one: Batches, rows: int) -> Any:
    """The shapes of batches with so many rows."""

    def shape(each: Any) -> Any:
        axes = each.shape if each.ndim < 2 else (1, rows, *each.shape[2:])
        return jax.ShapeDtypeStruct(axes, each.dtype)

    return jax.tree.map(shape, one)


def _largest_array(traced: Any) -> int:
    """Bytes of the largest result of a step of a traced program."""
    sizes = [0]
    for step in getattr(traced, "jaxpr", traced).eqns:
        sizes += map(_largest_array, inner_programs(step))
        shapes = [each.aval for each in step.outvars]
        sizes.append(sum(math.prod(each.shape) * each.dtype.itemsize for each in shapes))
    return max(sizes)


def _one_sequence(setting: Setting) -> Batches:
    """Batches of one sequence each, or of as few as the framing lets carry state."""
    layout = _single(setting)
    updates = len(layout.steps) * max(1, _STEPS // layout.steps.size)
    return next(batches(setting, layout, streams.training(0), updates))


def _single(setting: Setting) -> Layout:
    """The layout of batches of one sequence each, or of as few as let the framing carry state."""
    size = single_size(setting.framing, setting.recipe.batch_size)
    return setting.layout_for(setting.problem, size)


def _predict(setting: Setting, model: AnyModel, one: Batches) -> None:
    loop.predict(model, one, loss=setting.loss, output=setting.layout.output)


def _flops_of_prediction(setting: Setting, model: Any, one: Batches) -> int | None:
    if isinstance(model, ExternalModel):
        return prediction_elsewhere(setting, model, _single(setting))
    return flops(_traced_prediction(setting, model, first_update(one)))


def _rows_at_once(model: Any, rows: int) -> int:
    """The rows that a model computes for so many: some take only a fixed number at a time."""
    adopted = getattr(model, "model", model)  # without the encoding of inputs around it
    fixed = getattr(getattr(adopted, "program", None), "rows", None) or 1
    return -(-rows // fixed) * fixed


def _traced_prediction(setting: Setting, model: Any, one: Any) -> Any:
    params, skeleton = eqx.partition(model, eqx.is_array)
    predict = Program(skeleton, Optimizer("none"), setting.loss, setting.layout.output).predict
    state = jax.eval_shape(lambda: program.initial_state(model, one.targets.shape[1:2]))
    return jax.make_jaxpr(predict)(params, state, one)


def _seconds(call: Callable[[], object]) -> float:
    """The median seconds of a call, after the first."""
    call()
    seconds: list[float] = []
    while sum(seconds) < _SECONDS:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
