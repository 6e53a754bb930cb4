"""Layouts: the samples and batches of episodes, as indices into their steps."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from longlag.encodings import MISSING
from longlag.problems import Episodes


class Samples(NamedTuple):
    """Samples as plain arrays, in the order of sequences, then of steps.

    A target is -1 (NaN where targets are reals) where nothing is scored; `mask` is false
    where a step lacks data and is to be passed over. The axis `said` is as long as `time`
    for framings with an output at every step, 1 for those with one at the end, and as
    long as the answer for those that give it whole.
    """

    inputs: Num[np.ndarray, "sample time"] | Float[np.ndarray, "sample time feature"]
    targets: Num[np.ndarray, "sample said"]
    mask: Bool[np.ndarray, "sample time"]

    @property
    def scored(self) -> Bool[np.ndarray, "sample said"]:
        """Where a prediction counts."""
        if np.issubdtype(self.targets.dtype, np.integer):
            return self.targets != MISSING
        return ~np.isnan(self.targets)


class Batch(NamedTuple):
    """One batch of samples for a trainer, as plain arrays.

    Attributes:
        inputs: Values `(row, time)`, or features `(row, time, feature)`.
        targets: Values `(row, said)`, -1 (NaN for reals) where nothing is scored.
        mask: `(row, time)`, false where a step lacks data and is to be passed over.
        reset: Whether state carried so far is dropped before it: always, where none is.
    """

    inputs: Num[np.ndarray, "row time"] | Float[np.ndarray, "row time feature"]
    targets: Num[np.ndarray, "row said"]
    mask: Bool[np.ndarray, "row time"]
    reset: bool


Output = Literal["every", "last", "vector", "decoder"]
"""How a sample is answered: at every step, at its last, by one vector at its last for a
whole answer, or by a decoder that gives the answer value by value."""


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """A block: the fewest sequences that fill whole batches, as indices into their steps.

    Attributes:
        output: How a sample is answered.
        sequences: Sequences in a block.
        steps: `(update, batch, time)`: the step shown, or -1 where the row lacks data.
        rows: `(update, batch)`: which sequence of the block the row belongs to.
        asked: `(update, batch, said)`: the step whose target is asked for, or -1 where
            none is scored.
        present: `(update, batch, time)`: false where a step is to be passed over.
        carry: Whether row b of an update starts from the state that row b of the update
            before ended in. The first update of a block starts from the zero state.
    """

    output: Output
    sequences: int
    steps: Int[np.ndarray, "update batch time"]
    rows: Int[np.ndarray, "update batch"]
    asked: Int[np.ndarray, "update batch said"]
    present: Bool[np.ndarray, "update batch time"]
    carry: bool

    @property
    def scored(self) -> Bool[np.ndarray, "update batch said"]:
        """Where a prediction counts."""
        return self.asked != MISSING

    @property
    def asked_steps(self) -> Int[np.ndarray, " target"]:
        """The steps of an episode whose targets count."""
        return np.unique(self.asked[self.scored])

    @property
    def places(self) -> Int[np.ndarray, " said"]:
        """The place on the time axis at which each output is given."""
        said, time = self.asked.shape[-1], self.steps.shape[-1]
        return np.arange(time) if self.output == "every" else np.full(said, time - 1)

    def gather(self, episodes: Episodes) -> Samples:
        """Lay out episodes, a whole number of blocks, as `(block * update * batch, …)`."""
        count, length = episodes.targets.shape
        if not count or count % self.sequences:
            raise ValueError(
                f"gather: the episodes must fill whole blocks of {self.sequences}, got {count}. "
                f"Draw a multiple of {self.sequences}."
            )

        def take(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
            blocks = values.reshape(-1, self.sequences, length, *values.shape[2:])
            return blocks[:, self.rows[..., None], steps]

        inputs = take(episodes.inputs, self.steps)
        targets = take(episodes.targets, self.asked)
        scored = take(episodes.scored, self.asked) & self.scored
        none = MISSING if np.issubdtype(targets.dtype, np.integer) else np.nan
        targets = np.where(scored, targets, np.array(none, targets.dtype))
        axes = (1,) * (episodes.inputs.ndim - 2)
        if (self.steps == MISSING).any():
            lacks = (self.steps == MISSING).reshape(*self.steps.shape, *axes)
            inputs = np.where(lacks, np.array(MISSING, inputs.dtype), inputs)
        present = np.broadcast_to(self.present, inputs.shape[: inputs.ndim - len(axes)])
        if np.issubdtype(inputs.dtype, np.floating) and np.isnan(inputs).any():
            gone = np.isnan(inputs)
            present = present & ~(gone.any(axis=-1) if axes else gone)
            inputs = np.where(gone, np.array(0, inputs.dtype), inputs)
        flat = (array.reshape(-1, *array.shape[3:]) for array in (inputs, targets, present))
        return Samples(*flat)
