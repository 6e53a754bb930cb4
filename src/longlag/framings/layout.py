"""Layouts: the samples and batches of episodes, as indices into their steps."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from longlag.arrays import MISSING, Output, scored
from longlag.problems import Episodes


class Samples(NamedTuple):
    """Samples as plain arrays, in the order of sequences, then of steps.

    A target is -1 (NaN for reals) where nothing is scored; `mask` is false where a step lacks
    data and must be skipped. The axis `target` is as long as `time` for framings with an output
    at every step, 1 for those with one at the end, and as long as the answer for those that
    predict the whole answer.
    """

    inputs: Num[np.ndarray, "sample time *shape"]
    targets: Num[np.ndarray, "sample target *shape"]
    mask: Bool[np.ndarray, "sample time"]

    @property
    def scored(self) -> Bool[np.ndarray, "sample target"]:
        """Whether a target is scored."""
        return scored(self.targets.reshape(*self.targets.shape[:2], -1)[..., 0])


class Batch(NamedTuple):
    """One batch of samples for a trainer, as plain arrays.

    Attributes:
        inputs: Values `(row, time)`, or features `(row, time, feature)`.
        targets: Values `(row, target)`, -1 (NaN for reals) where nothing is scored.
        mask: `(row, time)`, false where a step lacks data and must be skipped.
        reset: Whether the state is reset before it; always true without carried state.
    """

    inputs: Num[np.ndarray, "row time *shape"] | Float[np.ndarray, "row time feature"]
    targets: Num[np.ndarray, "row target *shape"]
    mask: Bool[np.ndarray, "row time"]
    reset: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """A block: the fewest sequences that fill whole batches, as indices into their steps.

    Attributes:
        output: Where a sample has outputs, and of what kind.
        sequences: Number of sequences in a block.
        steps: `(update, batch, time)`: the input step, or -1 where the row lacks data.
        rows: `(update, batch)`: the index of the row's sequence in the block.
        target_steps: `(update, batch, target)`: the target step, or -1 where none is scored.
        present: `(update, batch, time)`: false where a step must be skipped.
        carry: Whether row b of an update starts from the state that row b of the update
            before ended in. The first update of a block starts from the zero state.
        shuffled: Whether training takes the samples of a block in random order.
    """

    output: Output
    sequences: int
    steps: Int[np.ndarray, "update batch time"]
    rows: Int[np.ndarray, "update batch"]
    target_steps: Int[np.ndarray, "update batch target"]
    present: Bool[np.ndarray, "update batch time"]
    carry: bool
    shuffled: bool = False

    @property
    def scored(self) -> Bool[np.ndarray, "update batch target"]:
        """Whether a target is scored."""
        return self.target_steps != MISSING

    @property
    def scored_steps(self) -> Int[np.ndarray, " target"]:
        """The scored steps of an episode."""
        return np.unique(self.target_steps[self.scored])

    @property
    def output_positions(self) -> Int[np.ndarray, "update batch target"]:
        """The position of each output on the time axis."""
        time = self.steps.shape[-1]
        positions: np.ndarray = np.arange(time) if self.output == "every" else np.array(time - 1)
        if self.output == "end":
            positions = self.steps.argmax(axis=-1)[..., None]
        return np.broadcast_to(positions, self.target_steps.shape)

    def target_steps_of(self, episodes: Episodes) -> Int[np.ndarray, "*block update batch target"]:
        """`target_steps`, shifted to the answers of these episodes.

        If answers begin at different steps, the targets of a framing with whole answers do too.
        """
        if episodes.answer is None or self.output not in ("vector", "decoder"):
            return self.target_steps
        shifted = self.target_steps + self._starts(episodes) - self.steps.shape[-1]
        last = episodes.targets.shape[1] - 1
        return np.where((self.target_steps == MISSING) | (shifted > last), MISSING, shifted)

    def _starts(self, episodes: Episodes) -> Int[np.ndarray, "block update batch 1"]:
        """The step at which the answer of each row begins."""
        assert episodes.answer is not None
        return episodes.answer.reshape(-1, self.sequences)[:, self.rows][..., None]

    def gather(self, episodes: Episodes) -> Samples:
        """The samples of episodes, for full blocks, as arrays `(block * update * batch, …)`."""
        count, length = episodes.targets.shape[:2]
        if not count or count % self.sequences:
            raise ValueError(
                f"gather: the episodes must fill whole blocks of {self.sequences}, got {count}. "
                f"Draw a multiple of {self.sequences}."
            )

        target_steps = self.target_steps_of(episodes)

        def take(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
            blocks = values.reshape(-1, self.sequences, length, *values.shape[2:])
            block = np.arange(len(blocks)).reshape(-1, *(1,) * steps.ndim)
            if steps.ndim == 4:
                block = block[..., 0]
            return blocks[block, self.rows[..., None], steps]

        def where(condition: np.ndarray, values: np.ndarray, other: float) -> np.ndarray:
            axes = (1,) * (values.ndim - condition.ndim)
            wide = condition.reshape(*condition.shape, *axes)
            return np.where(wide, values, np.array(other, values.dtype))

        inputs = take(episodes.inputs, self.steps)
        targets = take(episodes.targets, target_steps)
        scored = take(episodes.scored, target_steps) & (target_steps != MISSING)
        none = MISSING if np.issubdtype(targets.dtype, np.integer) else np.nan
        targets = where(scored, targets, none)
        present = np.broadcast_to(self.present, (len(inputs), *self.present.shape))
        if episodes.present is not None:
            has_data = take(episodes.present, self.steps)
            present = present & (has_data | (self.steps == MISSING))
        if target_steps.ndim == 4:  # steps after the input belong to the answer
            present = present & (self.steps < self._starts(episodes))
        if (self.steps == MISSING).any():
            lacks = np.broadcast_to(self.steps == MISSING, inputs.shape[:4])
            inputs = where(~lacks, inputs, MISSING)
        flat = (array.reshape(-1, *array.shape[3:]) for array in (inputs, targets, present))
        return Samples(*flat)

    def shuffle(self, samples: Samples, order: np.random.Generator) -> Samples:
        """The samples of full blocks, as training takes them: each block in an order of its own."""
        if not self.shuffled:
            return samples
        size = self.rows.size
        firsts = range(0, len(samples.inputs), size)
        places = np.concatenate([first + order.permutation(size) for first in firsts])
        return Samples(*(array[places] for array in samples))
