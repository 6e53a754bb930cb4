"""The base of framings: two tables of step indices, and the batches from them."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Iterable, Iterator
from numbers import Integral
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int

from longlag import arguments, streams
from longlag.arrays import MISSING, Output
from longlag.encodings import IntegerEncoding, encodings
from longlag.framings.layout import Batch, Layout, Samples
from longlag.knobs import BATCH_SIZE, Knobs, require
from longlag.problems import Problem
from longlag.problems.drawing import draw

_MAX_STEPS = 2**26  # of a block of samples

_DRAW_CHUNK = 2**15  # values that a stream draws at once


@dataclasses.dataclass(frozen=True, kw_only=True)
class Framing(Knobs):
    """Base of all framings. A subclass defines the inputs and targets of each sample."""

    output: ClassVar[Output]
    """Where a sample has outputs, and of what kind."""

    instead: ClassVar[str] = ""
    """An alternative for the error about a batch size that does not fit."""

    @property
    def carries(self) -> bool:
        """Whether state passes from one update to the next."""
        return False

    @property
    def parallel(self) -> bool:
        """Whether each row of a batch has its own sequence, if state is carried."""
        return False

    @property
    def shuffles(self) -> bool:
        """Whether training takes samples in random order, although state is carried."""
        return False

    @property
    def marks(self) -> bool:
        """Whether the inputs of steps that lack data are vectors of -1."""
        return False

    def misfit(self, problem: Problem) -> str:  # noqa: ARG002
        """Why the framing does not fit a problem, with the remedy; empty if it fits."""
        return ""

    @abc.abstractmethod
    def tables(
        self, problem: Problem
    ) -> tuple[Int[np.ndarray, "sample time"], Int[np.ndarray, "sample target"]]:
        """The input steps and the target steps of each sample of one sequence.

        -1 where a row lacks data. The problem decides which of the target steps are scored.
        """

    def layout(self, problem: Problem, batch_size: int) -> Layout:
        """Fill batches of `batch_size` rows with the samples of the fewest possible sequences.

        Args:
            problem: The problem.
            batch_size: Rows in a batch.

        Returns:
            The samples and batches of a block of sequences, as indices.

        Raises:
            ValueError: The framing does not fit the problem, or the batch size does not
                divide the samples of a sequence whose state is carried from row to row.
        """
        owner = type(self).__name__
        require(owner, "problem", problem, Problem, "a problem, such as EchoLag()")
        batch_size = arguments.plain(batch_size)
        require(owner, "batch_size", batch_size, Integral, "a whole number")
        check_batch_size(owner, batch_size)
        if misfit := self.misfit(problem):
            raise ValueError(f"{type(self).__name__}: {misfit}")
        self._check_size(
            problem, self.input_steps(problem), "a shorter sequence or fewer timesteps"
        )
        inputs, targets = self.tables(problem)
        scored = (targets != MISSING) & problem.scored()[targets]
        targets = np.where(scored, targets, MISSING)
        samples = len(inputs)
        if self.carries and self.parallel:
            sequences = batch_size
            sample = np.repeat(np.arange(samples)[:, None], batch_size, axis=1)
            rows = np.repeat(np.arange(batch_size)[None], samples, axis=0)
        elif self.carries:
            sequences = 1
            first = self._leading(scored, batch_size)
            sample = np.arange(first, samples).reshape(-1, batch_size)
            rows = np.zeros_like(sample)
        else:
            sequences = math.lcm(samples, batch_size) // samples
            flat = np.arange(sequences * samples).reshape(-1, batch_size)
            rows, sample = np.divmod(flat, samples)
        self._check_size(problem, sample.size * inputs.shape[1], "a smaller batch_size")
        steps = inputs[sample]
        present = (steps != MISSING) | self.marks
        layout = Layout(
            self.output,
            sequences,
            steps,
            rows,
            targets[sample],
            present,
            self.carries,
            self.shuffles,
        )
        if not layout.scored.any():
            raise ValueError(
                f"{type(self).__name__}: no sample of {problem!r} has a target. "
                "Use fewer timesteps, or Whole()."
            )
        return layout

    def input_steps(self, problem: Problem) -> int:
        """Number of input steps of all samples of one sequence, an upper bound."""
        return problem.steps

    def _check_size(self, problem: Problem, steps: int, instead: str) -> None:
        if steps > _MAX_STEPS:
            raise ValueError(
                f"{type(self).__name__}: a block of samples of {problem!r} has {steps:,} steps, "
                f"at most {_MAX_STEPS:,} fit into memory. Use {instead}."
            )

    def _leading(self, scored: Bool[np.ndarray, "sample target"], batch_size: int) -> int:
        """The number of leading samples, all without a target, to drop so that batches are full."""
        samples, empty = len(scored), _without_target(scored)
        first = samples % batch_size
        if first <= empty and first < samples:
            return first
        sizes = nearest(_sizes(samples, empty), batch_size)
        spare = f" (up to {empty} without a target may be left out)" if 0 < empty < samples else ""
        raise ValueError(
            f"{type(self).__name__}: `batch_size` must divide the {samples} samples of a sequence "
            f"when state is carried from row to row{spare}, got {batch_size}. Use "
            f"batch_size={sizes}{self.instead}."
        )

    def batch_sizes(self, problem: Problem) -> set[int]:
        """Batch sizes that the samples of a sequence fill; empty where any does."""
        if not self.carries or self.parallel:
            return set()
        targets = self.tables(problem)[1]
        scored = (targets != MISSING) & problem.scored()[targets]
        return set(_sizes(len(scored), _without_target(scored)))

    def sample(self, problem: Problem, rng: np.random.Generator, count: int) -> Samples:
        """Draw `count` sequences as samples: plain arrays for any trainer.

        Returns:
            inputs `(sample, time)`, targets `(sample, target)` with -1 (NaN for reals) where
            nothing is scored, and the mask `(sample, time)`, false where a step lacks data.

        >>> from longlag import EchoLag, Window
        >>> rng = np.random.default_rng(0)
        >>> inputs, targets, mask = Window(timesteps=5).sample(EchoLag(lag=1), rng, 2)
        >>> inputs.shape, targets.shape, bool((inputs[:, -2] == targets[:, 0]).all())
        ((40, 5), (40, 1), True)
        """
        count = arguments.plain(count)
        arguments.check(Framing.sample, locals(), "sample")
        require("sample", "rng", rng, np.random.Generator, "numpy.random.default_rng(0), say")
        if count < 1:
            raise ValueError(
                f"sample: `count` must be at least 1, got {count}. Use count=1 or more."
            )
        return self.layout(problem, 1).gather(draw(problem, rng, count))

    def stream(
        self,
        problem: Problem,
        batch_size: int = BATCH_SIZE,
        seed: int = 0,
        *,
        features: bool = False,
        encoding: type[IntegerEncoding] | None = None,
        part: int = 0,
        parts: int = 1,
    ) -> Iterator[Batch]:
        """Endless batches: bit by bit those on which `longlag.train` trains this seed.

        Args:
            problem: The problem.
            batch_size: Rows in a batch.
            seed: The seed of the training stream; evaluation uses another stream.
            features: Whether inputs are features rather than values.
            encoding: The encoding of features: `OneHot` or `Scaled`, for integers; one-hot by
                default.
            part: The index of this worker among several, which share the batches in turn.
            parts: Number of workers.

        Returns:
            An iterator of batches.

        Raises:
            ValueError: The framing does not fit, or there is no such part.

        >>> from longlag import EchoLag, Window
        >>> batches = Window(timesteps=5).stream(EchoLag(lag=1), batch_size=8, seed=0)
        >>> batch = next(batches)
        >>> batch.inputs.shape, bool((batch.inputs[:, -2] == batch.targets[:, 0]).all())
        ((8, 5), True)
        """
        batch_size, seed, part, parts = map(arguments.plain, (batch_size, seed, part, parts))
        arguments.check(Framing.stream, locals(), "stream")
        if parts < 1:
            raise ValueError(f"stream: `parts` must be at least 1, got {parts}. Use parts=1.")
        if not 0 <= part < parts:
            raise ValueError(
                f"stream: `part` must be from 0 to {parts - 1}, got {part}. Count workers from 0."
            )
        layout, rng = self.layout(problem, batch_size), streams.training(seed)
        order = streams.order(rng)
        input_encoding, _ = encodings(problem, encoding)
        # Drawing many sequences at once is fastest, and gives the same values.
        blocks = max(1, _DRAW_CHUNK // (layout.sequences * problem.steps))

        def batches() -> Iterator[Batch]:
            updates, before = blocks * len(layout.steps), 0
            while True:
                samples = layout.gather(draw(problem, rng, blocks * layout.sequences))
                samples = layout.shuffle(samples, order)
                inputs, targets, mask = (
                    array.reshape(updates, -1, *array.shape[1:]) for array in samples
                )
                for update in range((part - before) % parts, updates, parts):
                    values = inputs[update]
                    yield Batch(
                        inputs=input_encoding.encode(values) if features else values,
                        targets=targets[update],
                        mask=mask[update],
                        reset=not layout.carry or update % len(layout.steps) == 0,
                    )
                before += updates

        return batches()


def check_batch_size(owner: str, batch_size: int) -> None:
    """Refuse a batch without rows."""
    if batch_size < 1:
        raise ValueError(
            f"{owner}: `batch_size` must be at least 1, got {batch_size}. Use batch_size=1 or more."
        )


def nearest(sizes: Iterable[int], batch_size: int) -> str:
    """The batch sizes next to this one, at most three, as words.

    >>> nearest([1, 2, 5, 10], 6)
    '5, 2 or 10'
    """
    *near, last = map(str, sorted(sorted(sizes), key=lambda size: abs(size - batch_size))[:3])
    return f"{', '.join(near)} or {last}" if near else last


def _without_target(scored: Bool[np.ndarray, "sample target"]) -> int:
    """The number of leading samples without a target."""
    return int(scored.any(axis=1).argmax()) if scored.any() else len(scored)


def _sizes(samples: int, empty: int) -> list[int]:
    """Batch sizes that the samples fill where up to `empty` are left out."""
    return [size for size in range(1, samples + 1) if samples % size <= empty]
