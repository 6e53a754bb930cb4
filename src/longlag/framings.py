"""Framings: how episodes become samples x timesteps, and samples become batches.

A framing is two tables of step indices, shown and asked for. The samples, the batches and the
maps of `longlag.maps` are all read from them, so they cannot disagree.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from longlag import streams
from longlag.encodings import MISSING, IntegerEncoding, encodings
from longlag.knobs import BATCH_SIZE, Knobs, knob
from longlag.problems import Episodes, Problem

_DRAWN = 2**15  # values that a stream draws at once


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Framing(Knobs):
    """Base of all framings. A subclass says what each sample of a sequence shows and asks."""

    output: ClassVar[Output]
    """How a sample is answered."""

    @property
    def carries(self) -> bool:
        """Whether state passes from one update to the next."""
        return False

    @property
    def parallel(self) -> bool:
        """Whether, where state is carried, each row of a batch has its own sequence."""
        return False

    @property
    def marks(self) -> bool:
        """Whether steps that lack data are shown to the model as a vector of -1."""
        return False

    def fits(self, problem: Problem) -> bool:  # noqa: ARG002
        """Whether episodes of this problem can be framed so."""
        return True

    @abc.abstractmethod
    def tables(
        self, problem: Problem
    ) -> tuple[Int[np.ndarray, "sample time"], Int[np.ndarray, "sample said"]]:
        """The steps shown and the steps asked for by each sample of one sequence.

        -1 where a row lacks data. Whether a step asked for has a target is the problem's.
        """

    def layout(self, problem: Problem, batch_size: int) -> Layout:
        """Fill batches of `batch_size` rows with the samples of as few sequences as will do.

        Args:
            problem: Whose episodes are laid out.
            batch_size: Rows in a batch.

        Raises:
            ValueError: The framing does not fit the problem, or the batch size does not
                divide the samples of a sequence whose state is carried from row to row.
        """
        check_batch_size(type(self).__name__, batch_size)
        if not self.fits(problem):
            fit = sorted(kind.__name__ for kind in fitting(problem).values())
            raise ValueError(
                f"{type(self).__name__}: {type(problem).__name__} has no answer after its "
                f"input. Use {', '.join(fit[:-1])} or {fit[-1]}."
            )
        shown, asked = self.tables(problem)
        asked = np.where((asked != MISSING) & problem.scored()[asked], asked, MISSING)
        samples = len(shown)
        if self.carries and self.parallel:
            sequences = batch_size
            sample = np.repeat(np.arange(samples)[:, None], batch_size, axis=1)
            rows = np.repeat(np.arange(batch_size)[None], samples, axis=0)
        elif self.carries:
            sequences = 1
            first = self._left_out(asked != MISSING, batch_size)
            sample = np.arange(first, samples).reshape(-1, batch_size)
            rows = np.zeros_like(sample)
        else:
            sequences = math.lcm(samples, batch_size) // samples
            flat = np.arange(sequences * samples).reshape(-1, batch_size)
            rows, sample = np.divmod(flat, samples)
        steps = shown[sample]
        present = (steps != MISSING) | self.marks
        layout = Layout(self.output, sequences, steps, rows, asked[sample], present, self.carries)
        if not layout.scored.any():
            raise ValueError(
                f"{type(self).__name__}: no sample of {problem!r} has a target. "
                "Use fewer timesteps, or Whole()."
            )
        return layout

    def _left_out(self, asked: Bool[np.ndarray, "sample said"], batch_size: int) -> int:
        """How many leading samples, none of them with a target, to leave out of full batches."""
        samples = len(asked)
        empty = samples if not asked.any() else int(asked.any(axis=1).argmax())
        first = samples % batch_size
        if first <= empty and first < samples:
            return first
        fits = [size for size in range(1, samples + 1) if samples % size <= empty]
        near = ", ".join(str(size) for size in sorted(fits, key=lambda s: abs(s - batch_size))[:3])
        raise ValueError(
            f"{type(self).__name__}: `batch_size` must divide the {samples} samples of a sequence "
            f"when state is carried from row to row, got {batch_size}. Use {near}"
            + (", or rows='parallel'." if isinstance(self, Chunks) else ".")
        )

    def sample(self, problem: Problem, rng: np.random.Generator, count: int) -> Samples:
        """Draw `count` sequences and frame them: plain arrays for any trainer.

        Returns:
            inputs `(sample, time)`, targets `(sample, said)` with -1 (NaN for reals) where
            nothing is scored, and the mask `(sample, time)`, false where a step lacks data.

        >>> from longlag.problems import EchoLag
        >>> rng = np.random.default_rng(0)
        >>> inputs, targets, mask = Window(timesteps=5).sample(EchoLag(lag=1), rng, 2)
        >>> inputs.shape, targets.shape, bool((inputs[:, -2] == targets[:, 0]).all())
        ((40, 5), (40, 1), True)
        """
        return self.layout(problem, 1).gather(problem.draw(rng, count))

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
        """Batches for ever: those that `longlag.train` trains this seed on, bit by bit.

        Args:
            problem: Whose episodes are drawn.
            batch_size: Rows in a batch.
            seed: Whose training stream; evaluation draws from another.
            features: Give inputs as features rather than as values.
            encoding: As which: `OneHot` or `Scaled`, for integers; one-hot by default.
            part: Of several workers, which one; each gives every so many batches, and all of
                them in turn give what one alone would.
            parts: Number of workers.

        Raises:
            ValueError: The framing does not fit, or there is no such part.

        >>> from longlag.problems import EchoLag
        >>> batches = Window(timesteps=5).stream(EchoLag(lag=1), batch_size=8, seed=0)
        >>> batch = next(batches)
        >>> batch.inputs.shape, bool((batch.inputs[:, -2] == batch.targets[:, 0]).all())
        ((8, 5), True)
        """
        if not 0 <= part < parts:
            raise ValueError(
                f"stream: `part` must be from 0 to {parts - 1}, got {part}. Count workers from 0."
            )
        layout, rng = self.layout(problem, batch_size), streams.training(seed)
        shown_as, _ = encodings(problem, encoding)
        # Draws cost least by the thousand, and come out the same however many are made at once.
        blocks = max(1, _DRAWN // (layout.sequences * problem.steps))

        def batches() -> Iterator[Batch]:
            updates, before = blocks * len(layout.steps), 0
            while True:
                samples = layout.gather(problem.draw(rng, blocks * layout.sequences))
                inputs, targets, mask = (
                    array.reshape(updates, -1, *array.shape[1:]) for array in samples
                )
                for update in range((part - before) % parts, updates, parts):
                    shown = inputs[update]
                    yield Batch(
                        inputs=shown_as.encode(shown) if features else shown,
                        targets=targets[update],
                        mask=mask[update],
                        reset=not layout.carry or update % len(layout.steps) == 0,
                    )
                before += updates

        return batches()


class Stepwise(Framing):
    """Base of the framings that ask for targets while the steps are shown."""

    @abc.abstractmethod
    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        """The steps shown by each sample of one sequence; -1 where a row lacks data."""

    def tables(
        self, problem: Problem
    ) -> tuple[Int[np.ndarray, "sample time"], Int[np.ndarray, "sample said"]]:
        shown = self.table(problem.steps)
        return shown, shown if self.output == "every" else shown[:, -1:]


class Answering(Framing):
    """Base of the framings that show what comes before an answer and ask for all of it."""

    def fits(self, problem: Problem) -> bool:
        return problem.answers > 0

    def tables(
        self, problem: Problem
    ) -> tuple[Int[np.ndarray, "sample time"], Int[np.ndarray, "sample said"]]:
        shown = problem.steps - problem.answers
        return np.arange(shown)[None], np.arange(shown, problem.steps)[None]


def check_batch_size(owner: str, batch_size: int) -> None:
    """Refuse a batch without rows."""
    if batch_size < 1:
        raise ValueError(
            f"{owner}: `batch_size` must be at least 1, got {batch_size}. Use batch_size=1 or more."
        )


def _cut(owner: Framing, timesteps: int, length: int) -> int:
    if timesteps > length:
        raise ValueError(
            f"{type(owner).__name__}: `timesteps` must be at most the length of the sequence "
            f"({length}), got {timesteps}. Use timesteps={length} or fewer."
        )
    return timesteps


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chunks(Stepwise):
    """A sequence cut into pieces of `timesteps` steps, an output at every step.

    With `carry` this is truncated back-propagation with horizon `timesteps`: the state
    passes from piece to piece, the gradient does not. One step with `carry` is the
    stateful one-step framing. A last piece that is too short is padded and masked.

    Args:
        timesteps: Steps in a piece, at least 1, at most the length of the sequence.
        carry: Whether state passes from one piece to the next.
        rows: What the rows of a batch are when state is carried. `parallel`: each row has
            its own sequence. `consecutive`: the rows are consecutive pieces of one
            sequence, so a row starts from the state of the row `batch_size` pieces
            earlier. Leading pieces without a target are left out if the batches
            would not come out even.

    >>> Chunks(timesteps=2).table(5).tolist()
    [[0, 1], [2, 3], [4, -1]]
    """

    output: ClassVar[Output] = "every"

    timesteps: int = knob(1, "Steps in a piece.", at_least=1)
    carry: bool = knob(False, "Whether state passes from one piece to the next.")
    rows: Literal["parallel", "consecutive"] = knob(
        "parallel", "With carry: each batch row its own sequence, or consecutive pieces of one."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows == "consecutive" and not self.carry:
            raise ValueError(
                "Chunks: `rows` must be parallel where no state is carried, got consecutive. "
                "Use carry=True."
            )

    @property
    def carries(self) -> bool:
        return self.carry

    @property
    def parallel(self) -> bool:
        return self.rows == "parallel"

    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        pieces = -(-length // _cut(self, self.timesteps, length))
        steps = np.arange(pieces * self.timesteps).reshape(pieces, self.timesteps)
        return np.where(steps < length, steps, MISSING)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window(Stepwise):
    """A sliding window: the last `timesteps` observations, one output at the end.

    Args:
        timesteps: Steps in a window, at least 1, at most the length of the sequence.
        missing: What becomes of rows that reach back before the sequence began. `drop`
            leaves out the first `timesteps` rows, as the source does (20 of 25 rows
            remain at 5 steps; the last of the rows left out is complete, and one row
            always remains). `mark` keeps every row and shows -1 at the steps that lack
            data. `mask` keeps every row and passes over those steps.
        carry: Whether row b starts from the state in which row b of the batch before
            ended, as a stateful layer does when it is not reset between batches.

    >>> Window(timesteps=3).table(5).tolist()
    [[1, 2, 3], [2, 3, 4]]
    >>> Window(timesteps=3, missing="mark").table(3).tolist()
    [[-1, -1, 0], [-1, 0, 1], [0, 1, 2]]
    """

    output: ClassVar[Output] = "last"

    timesteps: int = knob(5, "Steps in a window.", at_least=1)
    missing: Literal["drop", "mark", "mask"] = knob(
        "drop", "Rows that lack data: left out, marked with -1, or masked."
    )
    carry: bool = knob(False, "Whether state passes from one batch to the next.")

    @property
    def carries(self) -> bool:
        return self.carry

    @property
    def marks(self) -> bool:
        return self.missing == "mark"

    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        timesteps = _cut(self, self.timesteps, length)
        first = min(timesteps, length - 1) if self.missing == "drop" else 0
        last = np.arange(first, length)
        return np.maximum(last[:, None] + np.arange(1 - timesteps, 1), MISSING)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prefix(Stepwise):
    """A growing context: one sample a step, showing everything up to that step.

    Padded in front to the length of the sequence, the padding masked; one output at the
    end of each sample.

    >>> Prefix().table(3).tolist()
    [[-1, -1, 0], [-1, 0, 1], [0, 1, 2]]
    """

    output: ClassVar[Output] = "last"

    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        return Window(timesteps=length, missing="mask").table(length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Whole(Stepwise):
    """The whole sequence as one sample, an output at every step.

    >>> Whole().table(3).tolist()
    [[0, 1, 2]]
    """

    output: ClassVar[Output] = "every"

    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        return Chunks(timesteps=length).table(length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vector(Answering):
    """Many-to-one: the whole answer as one vector, given when the input has been shown.

    The output layer is as wide as all values of the answer together.

    >>> from longlag.problems import EchoSubsequence
    >>> shown, asked = Vector().tables(EchoSubsequence(length=4, count=2))
    >>> shown.tolist(), asked.tolist()
    ([[0, 1, 2, 3]], [[4, 5]])
    """

    output: ClassVar[Output] = "vector"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderDecoder(Answering):
    """Many-to-many: one network reads the input, another gives the answer value by value.

    In training the decoder is told the right value before each next one (teacher forcing);
    in evaluation it goes on from what it said itself.

    >>> from longlag.problems import EchoSubsequence
    >>> EncoderDecoder().layout(EchoSubsequence(length=4, count=2), 3).steps.shape
    (1, 3, 4)
    """

    output: ClassVar[Output] = "decoder"


FRAMINGS: dict[str, type[Framing]] = {
    framing.title(): framing for framing in [Chunks, Window, Prefix, Whole, Vector, EncoderDecoder]
}


def fitting(problem: Problem) -> dict[str, type[Framing]]:
    """The framings that fit a problem, by name."""
    return {name: kind for name, kind in FRAMINGS.items() if kind().fits(problem)}
