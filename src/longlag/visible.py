"""Visible inputs: those that get to an output, and those that a gradient gets back to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from longlag.framings import Layout

Map = Bool[np.ndarray, "target input"]


def _context(window: int) -> str:
    return f"context={window}"


class Reach(NamedTuple):
    """The inputs that a kind of model can use.

    Attributes:
        context: The latest steps that reach an output, across samples where state is carried;
            None for all.
        state: Whether carried state passes information on.
        future: Whether an output may use later steps of its sample: it is not causal.
        wider: The knob that lets so many steps reach an output, as text; empty without one.
    """

    context: int | None = None
    state: bool = True
    future: bool = False
    wider: Callable[[int], str] = _context

    @classmethod
    def of(cls, model: Any) -> Reach:
        """That of a model, as `MLP(context=3)`."""
        reach = cls(model.window, model.remembers, not model.causal)
        return reach if reach.context is None else reach._replace(wider=model.wider)


RECURRENT = Reach()
"""The reach of a recurrent model: all inputs so far, and carried state."""


def visible_and_trained(layout: Layout, length: int, reach: Reach = RECURRENT) -> tuple[Map, Map]:
    """The maps `sees` and `learns` of a block of one sequence, update by update."""
    updates, batch, time = layout.steps.shape
    context = reach.context or time
    forgets = layout.carry and reach.state and reach.context is not None
    # Where nothing asks for what is met on the way, the end of a sample is enough.
    at_end = not forgets and (reach.future or (layout.output_positions == time - 1).all())
    positions = np.zeros_like(layout.output_positions) if at_end else layout.output_positions
    sees = np.zeros((length, length), dtype=bool)
    learns = np.zeros((length, length), dtype=bool)
    state = np.zeros((batch, 1, length), dtype=bool)
    latest = np.full((batch, context), -1)
    for update in range(updates):
        steps = layout.steps[update]
        near = steps[:, -(time if reach.future else context) :]
        sample = _at_end(near, length) if at_end else _on_the_way(steps, length, context)
        visible = sample | state if layout.carry and reach.state else sample
        if forgets:
            for time_step in range(time):  # such a state holds only the latest inputs
                shifted = np.concatenate([latest[:, 1:], steps[:, time_step, None]], axis=1)
                latest = np.where(layout.present[update, :, time_step, None], shifted, latest)
                in_state = (latest[..., None] == np.arange(length)).any(axis=1)
                visible[:, time_step] = sample[:, time_step] | in_state
        scored, targets = layout.scored[update], layout.target_steps[update]
        at = np.arange(batch)[:, None], positions[update]
        sees[targets[scored]] = visible[at][scored]
        learns[targets[scored]] = sample[at][scored]
        state = visible[:, -1:]
    return sees, learns


def _at_end(steps: Int[np.ndarray, "batch time"], length: int) -> Bool[np.ndarray, "batch 1 input"]:
    """The inputs that each row has met at its end."""
    met = np.zeros((len(steps), length + 1), dtype=bool)  # the last column is for what is missing
    np.put_along_axis(met, steps, True, axis=1)
    return met[:, None, :length]


def _on_the_way(
    steps: Int[np.ndarray, "batch time"], length: int, context: int
) -> Bool[np.ndarray, "batch time input"]:
    """The inputs that each row has met at each of its steps, within its context."""
    shown = steps[..., None] == np.arange(length)
    if context >= steps.shape[1]:
        return np.logical_or.accumulate(shown, axis=1)
    # Inputs met so far, less those met before the context began.
    met = np.pad(shown.cumsum(axis=1), ((0, 0), (context, 0), (0, 0)))
    return met[:, context:] > met[:, :-context]
