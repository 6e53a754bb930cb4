"""Evaluation: the predictions of a model on fresh sequences."""

from __future__ import annotations

import dataclasses
import itertools
import numbers
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, SupportsIndex

import numpy as np
from jaxtyping import Bool, Float, Num

from longlag import streams
from longlag.arguments import short_repr
from longlag.arrays import MISSING
from longlag.framings import Framing, Layout, Samples
from longlag.knobs import lookup
from longlag.problems import Episodes, Part, Problem, Spec
from longlag.problems.drawing import draw
from longlag.scores import statistics

EVALUATION_SEQUENCES = 1000
"""Minimum number of fresh sequences in an evaluation."""

STEPS_AT_ONCE = 2**16
"""Steps of the samples that are predicted in one call, unless a block has more."""

Predict = Callable[[Samples, np.ndarray | None], np.ndarray]
"""Predicted values `(update, row, target)` for samples with a leading update axis; the second
argument is true for the updates before which carried state is dropped, None where none is."""


class Tally(NamedTuple):
    """Counts of correct predictions of an evaluation, which can be added over seeds.

    Attributes:
        hits: Number of scored steps with a correct prediction.
        scored: Number of scored steps.
        sequences: Number of sequences.
        shares: Sum over sequences of the share of scored steps that are correct.
        squares: Sum over sequences of the square of that share.
    """

    hits: int
    scored: int
    sequences: int
    shares: float
    squares: float


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """Predictions on fresh sequences, beside inputs and targets: `(count, step, *shape)` each.

    A prediction is right if it matches the target by `spec`: equal, or within its tolerance.
    """

    inputs: Num[np.ndarray, "count step ..."]
    targets: Num[np.ndarray, "count step ..."]
    scored: Bool[np.ndarray, "count step"]
    predicted: Num[np.ndarray, "count step ..."]
    spec: Spec

    @classmethod
    def join(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """Concatenate several evaluations."""
        names = ["inputs", "targets", "scored", "predicted"]
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**joined, spec=parts[0].spec)

    @property
    def right(self) -> Bool[np.ndarray, "count step"]:
        """Where a step is scored and its prediction is right, `(count, step)`."""
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
    def tally(self) -> Tally:
        """Counts of correct predictions."""
        right, scored = self.right.sum(axis=1), self.scored.sum(axis=1)
        shares = right / scored
        counts = int(right.sum()), int(scored.sum()), len(scored)
        return Tally(*counts, float(shares.sum()), float((shares**2).sum()))

    @property
    def error(self) -> float:
        """Root of the mean squared difference over the scored steps."""
        residuals = (self.predicted - self.targets)[self.scored].astype(np.float64)
        return float(np.sqrt(np.mean(residuals**2)))

    @property
    def by_step(self) -> Float[np.ndarray, " step"]:
        """Accuracy at each step of the sequence; NaN where nothing is scored."""
        counts = self.scored.sum(axis=0)
        return np.where(counts > 0, self.right.sum(axis=0) / np.maximum(counts, 1), np.nan)


def evaluate(
    problem: Problem, layout: Layout, single: Layout, part: Part, seed: int, predict: Predict
) -> Evaluation:
    """Predictions for at least 1,000 sequences of a part, or for all that there are.

    Args:
        problem: The problem.
        layout: The layout of its sequences in training.
        single: The layout of the fewest sequences that make a batch.
        part: The part, which names a stream of `longlag.streams`.
        seed: The seed of the stream.
        predict: The predictor.
    """
    scored = np.isin(np.arange(problem.steps), layout.scored_steps)
    if (episodes := problem.held_out(part, scored)) is not None:
        return _evaluate_all(problem, single, episodes, predict)
    rng, problem = lookup("part", part, _STREAMS)(seed), problem.for_part(part)
    updates, batch, timesteps = layout.steps.shape
    total = -(-EVALUATION_SEQUENCES // layout.sequences)  # blocks
    # Blocks per call: enough to be fast, few enough to stay small.
    at_once = max(1, STEPS_AT_ONCE // (batch * timesteps * (1 if layout.carry else updates)))
    calls = -(-total // at_once)
    blocks = -(-total // calls)
    parts: list[Evaluation] = []
    for _ in range(calls):
        episodes = draw(problem, rng, blocks * layout.sequences)
        parts.append(predictions(problem, layout, episodes, predict))
    return Evaluation.join(parts)


def _evaluate_all(
    problem: Problem, layout: Layout, episodes: Episodes, predict: Predict
) -> Evaluation:
    count, groups = (
        len(episodes.inputs),
        layout.steps.size * len(episodes.inputs) // STEPS_AT_ONCE + 1,
    )
    rows = np.array_split(np.arange(count), min(groups, count))
    parts = (predictions(problem, layout, episodes.rows(some), predict) for some in rows)
    return Evaluation.join(list(parts))


def predictions(
    problem: Problem, layout: Layout, episodes: Episodes, predict: Predict
) -> Evaluation:
    """Predictions for episodes; their number is a multiple of the block size."""
    samples = layout.gather(episodes)
    blocks = len(episodes.inputs) // layout.sequences
    updates, batch, _ = layout.target_steps.shape
    # All blocks become rows of one batch; updates stay separate only where state is carried.
    calls = updates if layout.carry else 1
    axes = (1, 0, 2, 3) if layout.carry else (0, 1, 2, 3)

    def merge(array: np.ndarray) -> np.ndarray:
        array = array.reshape(blocks, updates, batch, *array.shape[1:])
        array = array.transpose(*axes, *range(4, array.ndim))
        return array.reshape(calls, -1, *array.shape[3:])

    reset = np.arange(updates) == 0 if layout.carry else None
    outputs = predict(Samples(*map(merge, samples)), reset)
    leading = (updates, blocks) if layout.carry else (blocks, updates)
    outputs = outputs.reshape(*leading, batch, -1, *problem.targets.shape)
    outputs = outputs.transpose(*axes, *range(4, outputs.ndim))
    # From rows to sequences: each scored step of each sequence has one prediction.
    shape = outputs.shape[:4]
    target_steps = layout.target_steps_of(episodes)
    where = np.broadcast_to(target_steps != MISSING, shape)
    first = np.arange(blocks)[:, None, None, None] * layout.sequences
    sequence = np.broadcast_to(first + layout.rows[..., None], shape)[where]
    step = np.broadcast_to(target_steps, shape)[where]
    values = np.zeros(episodes.targets.shape, problem.targets.dtype)
    values[sequence, step] = outputs[where]
    scored = np.zeros(episodes.targets.shape[:2], dtype=bool)
    scored[sequence, step] = True
    return Evaluation(
        inputs=episodes.inputs,
        targets=episodes.targets,
        scored=scored & episodes.scored,
        predicted=values,
        spec=problem.targets,
    )


def guesses_of(
    tallies: Sequence[Tally], independent: bool, one_sequence: bool
) -> tuple[float, float]:
    """The number of correct predictions, and of independent trials, for a binomial test.

    Every scored target is a trial if targets are independent, or one per sequence; else the number
    of trials follows from the variance between sequences (`statistics.effective_trials`).

    Args:
        tallies: The counts of each seed.
        independent: Whether the targets of a sequence are independent.
        one_sequence: Whether there is only one, so that each seed saw the same targets again and
            again.
    """
    if one_sequence:
        tallies = [Tally(*(each / one.sequences for each in one)) for one in tallies]  # pyright: ignore[reportArgumentType]
        independent = True
    hits, scored, count, shares, squares = map(sum, zip(*tallies, strict=True))
    if independent or scored == count:
        return hits, scored
    trials = statistics.effective_trials(count, shares, squares, scored / count)
    return trials * shares / count, trials


_STREAMS = {
    "training": streams.training,
    "validation": streams.validation,
    "evaluation": streams.evaluation,
}


def single_size(framing: Framing, batch_size: int) -> int:
    """The smallest batch size: consecutive rows carry state from the same row a batch earlier."""
    return 1 if framing.parallel or not framing.carries else batch_size


_MOST_SEEDS = 100_000
_LARGEST_SEED = 2**63 - 1  # of a whole number in a store


def seed_list(seeds: SupportsIndex | Iterable[int]) -> tuple[int, ...]:
    """The seeds as a tuple, from their number or from a list.

    Raises:
        ValueError: The number is below 1, or the list is not of different numbers from 0 on.

    >>> seed_list(3)
    (0, 1, 2)
    """
    if isinstance(seeds, numbers.Integral) and not isinstance(seeds, bool):
        if seeds < 1:
            got = short_repr(int(seeds))
            raise ValueError(f"`seeds` must be at least 1, got {got}. Use seeds=1 or more.")
        if int(seeds) > _MOST_SEEDS:
            got = short_repr(int(seeds))
            raise ValueError(f"`seeds` must be at most {_MOST_SEEDS:,}, got {got}.")
        return tuple(range(int(seeds)))
    values: list[int] = []
    if isinstance(seeds, Iterable) and not isinstance(seeds, str):
        seeds = list(itertools.islice(seeds, _MOST_SEEDS + 1))  # it may be without an end
        if len(seeds) > _MOST_SEEDS:
            raise ValueError(f"`seeds` must be at most {_MOST_SEEDS:,}, got more.")
        values = [int(seed) for seed in seeds if isinstance(seed, numbers.Integral)]
    unlike = isinstance(seeds, list) and len(values) < len(seeds)
    if unlike or not values or min(values) < 0 or len(set(values)) < len(values):
        raise ValueError(
            "`seeds` must be a number of seeds or different whole numbers of at least 0, got "
            f"{short_repr(seeds)}."
        )
    if max(values) > _LARGEST_SEED:
        got = short_repr(max(values))
        raise ValueError(f"`seeds` must be at most {_LARGEST_SEED}, got {got}.")
    return tuple(values)
