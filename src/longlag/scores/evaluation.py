"""Evaluation: the predictions of a model on fresh sequences."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable, Iterable, Sequence
from typing import SupportsIndex

import numpy as np
from jaxtyping import Bool, Float, Num

from longlag import streams
from longlag.arrays import MISSING
from longlag.framings import Framing, Layout, Samples
from longlag.problems import Episodes, Part, Problem, Spec

EVALUATION_SEQUENCES = 1000
"""Least number of fresh sequences that every evaluation draws."""

Stream = Callable[[int], np.random.Generator]
"""One of `longlag.streams`."""

_PARTS: dict[Stream, Part] = {
    streams.training: "training",
    streams.validation: "validation",
    streams.evaluation: "evaluation",
}

Predict = Callable[[Samples, np.ndarray | None], np.ndarray]
"""Predicted values `(update, row, target)` for samples with a leading update axis; the second
argument is true for the updates before which carried state is dropped, None where none is."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """Predictions on fresh sequences, beside inputs and targets: `(count, step, *shape)` each.

    A prediction is right where `spec` says so: it is the target, or within its tolerance.
    """

    inputs: Num[np.ndarray, "count step ..."]
    targets: Num[np.ndarray, "count step ..."]
    scored: Bool[np.ndarray, "count step"]
    predicted: Num[np.ndarray, "count step ..."]
    spec: Spec

    @classmethod
    def join(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """One evaluation out of several."""
        names = ["inputs", "targets", "scored", "predicted"]
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**joined, spec=parts[0].spec)

    @property
    def right(self) -> Bool[np.ndarray, "count step"]:
        """Where the prediction counts and is right."""
        return self.scored & self.spec.matches(self.predicted, self.targets)

    @property
    def accuracy(self) -> float:
        """Share of the scored steps that are right."""
        return float(self.right.sum() / self.scored.sum())

    @property
    def sequence_accuracy(self) -> float:
        """Share of the sequences of which every scored step is right."""
        return float((self.right | ~self.scored).all(axis=1).mean())

    @property
    def error(self) -> float:
        """Root of the mean squared difference over the scored steps."""
        apart = (self.predicted - self.targets)[self.scored].astype(np.float64)
        return float(np.sqrt(np.mean(apart**2)))

    @property
    def by_step(self) -> Float[np.ndarray, " step"]:
        """Accuracy at each step of the sequence; NaN where nothing is scored."""
        counts = self.scored.sum(axis=0)
        return np.where(counts > 0, self.right.sum(axis=0) / np.maximum(counts, 1), np.nan)


def evaluate(
    problem: Problem, layout: Layout, single: Layout, stream: Stream, seed: int, say: Predict
) -> Evaluation:
    """Have at least 1,000 sequences of a stream predicted, or all that there are.

    Args:
        problem: What is predicted.
        layout: How sequences are laid out in training.
        single: How as few of them as can be are laid out.
        stream: Where they are drawn from.
        seed: Whose stream.
        say: What predicts them.
    """
    scored = np.isin(np.arange(problem.steps), layout.scored_steps)
    if (held := problem.held_out(_PARTS[stream], scored)) is not None:
        return _all_of(problem, single, held, say)
    rng = stream(seed)
    updates, batch, timesteps = layout.steps.shape
    wanted = -(-EVALUATION_SEQUENCES // layout.sequences)
    # Rows worked on at once: enough to be fast, few enough to stay small.
    at_once = max(1, 2**16 // (batch * timesteps * (1 if layout.carry else updates)))
    calls = -(-wanted // at_once)
    blocks = -(-wanted // calls)
    parts: list[Evaluation] = []
    for _ in range(calls):
        episodes = problem.draw(rng, blocks * layout.sequences)
        parts.append(predicted(problem, layout, episodes, say))
    return Evaluation.join(parts)


def _all_of(problem: Problem, layout: Layout, episodes: Episodes, say: Predict) -> Evaluation:
    count, groups = len(episodes.inputs), layout.steps.size * len(episodes.inputs) // 2**16 + 1
    rows = np.array_split(np.arange(count), min(groups, count))
    return Evaluation.join([predicted(problem, layout, episodes.rows(some), say) for some in rows])


def predicted(problem: Problem, layout: Layout, episodes: Episodes, say: Predict) -> Evaluation:
    """Have episodes predicted, a whole number of blocks."""
    samples = layout.gather(episodes)
    blocks = len(episodes.inputs) // layout.sequences
    updates, batch, _ = layout.target_steps.shape
    # Blocks go side by side as rows; updates stay apart only where state is carried.
    apart = updates if layout.carry else 1
    axes = (1, 0, 2, 3) if layout.carry else (0, 1, 2, 3)

    def merge(array: np.ndarray) -> np.ndarray:
        shaped = array.reshape(blocks, updates, batch, *array.shape[1:])
        ordered = shaped.transpose(*axes, *range(4, shaped.ndim))
        return ordered.reshape(apart, -1, *ordered.shape[3:])

    reset = np.arange(updates) == 0 if layout.carry else None
    said = say(Samples(*map(merge, samples)), reset)
    ordered = (updates, blocks) if layout.carry else (blocks, updates)
    value = problem.targets.shape
    said = said.reshape(*ordered, batch, -1, *value)
    said = said.transpose(*axes, *range(4, said.ndim))
    # Back from rows to sequences: each scored step of each sequence has one prediction.
    shape = said.shape[:4]
    asked = layout.target_steps_of(episodes)
    where = np.broadcast_to(asked != MISSING, shape)
    sequence = np.arange(blocks)[:, None, None, None] * layout.sequences
    place = np.broadcast_to(sequence + layout.rows[..., None], shape)[where]
    step = np.broadcast_to(asked, shape)[where]
    values = np.zeros(episodes.targets.shape, problem.targets.dtype)
    values[place, step] = said[where]
    scored = np.zeros(episodes.targets.shape[:2], dtype=bool)
    scored[place, step] = True
    return Evaluation(
        inputs=episodes.inputs,
        targets=episodes.targets,
        scored=scored & episodes.scored,
        predicted=values,
        spec=problem.targets,
    )


def single_size(framing: Framing, batch_size: int) -> int:
    """The least rows of a batch: a row may start from where the row a batch earlier ended."""
    return 1 if framing.parallel or not framing.carries else batch_size


def seed_list(seeds: SupportsIndex | Iterable[int]) -> tuple[int, ...]:
    """The seeds meant by a number of them, or by a list.

    >>> seed_list(3)
    (0, 1, 2)
    """
    if isinstance(seeds, numbers.Integral) and not isinstance(seeds, bool):
        if seeds < 1:
            raise ValueError(f"`seeds` must be at least 1, got {seeds}. Use seeds=1 or more.")
        return tuple(range(int(seeds)))
    listed: list[int] = []
    if isinstance(seeds, Iterable) and not isinstance(seeds, str):
        listed = [int(seed) for seed in seeds]
    if not listed or min(listed) < 0 or len(set(listed)) < len(listed):
        raise ValueError(
            f"`seeds` must be a number of seeds or different numbers of at least 0, got {seeds}."
        )
    return tuple(listed)
