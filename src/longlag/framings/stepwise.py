"""Framings with targets at the input steps."""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Int

from longlag.arrays import MISSING, Output
from longlag.framings.base import Framing
from longlag.knobs import knob
from longlag.problems import Problem


class Stepwise(Framing):
    """Base of the framings with targets at the input steps."""

    @abc.abstractmethod
    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        """The input steps of each sample of one sequence; -1 where a row lacks data."""

    def tables(
        self, problem: Problem
    ) -> tuple[Int[np.ndarray, "sample time"], Int[np.ndarray, "sample target"]]:
        inputs = self.table(problem.steps)
        return inputs, inputs if self.output == "every" else inputs.max(axis=1, keepdims=True)


def _check_timesteps(owner: Framing, timesteps: int, length: int) -> int:
    if timesteps > length:
        raise ValueError(
            f"{type(owner).__name__}: `timesteps` must be at most the number of steps of "
            f"the sequence, {length}, got {timesteps}. Use timesteps={length} or fewer."
        )
    return timesteps


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chunks(Stepwise):
    """Consecutive pieces of `timesteps` steps, with an output at every step.

    With `carry` this is truncated back-propagation with horizon `timesteps`: the state
    passes from piece to piece, the gradient does not. One step with `carry` is the
    stateful one-step framing. A last piece that is too short is padded and masked.

    Args:
        timesteps: Steps in a piece, at least 1, at most the length of the sequence.
        carry: Whether state passes from one piece to the next.
        rows: The rows of a batch when state is carried. `parallel`: each row has its own
            sequence. `consecutive`: the rows are consecutive pieces of one sequence, so a
            row starts from the state of the row `batch_size` pieces earlier. Leading pieces
            without a target are dropped if the last batch would not be full. `shuffled`: training
            takes the pieces of `batch_size` sequences in random order, so a row starts from the
            state of any other piece (Keras: `stateful=True` without `shuffle=False`); evaluation
            takes them in order.

    >>> Chunks(timesteps=2).table(5).tolist()
    [[0, 1], [2, 3], [4, -1]]
    """

    output: ClassVar[Output] = "every"
    instead: ClassVar[str] = ", or rows='parallel'"

    timesteps: int = knob(1, "Steps per piece.", at_least=1)
    carry: bool = knob(False, "Keep the state between pieces (Keras: stateful=True).")
    rows: Literal["parallel", "consecutive", "shuffled"] = knob(
        "parallel",
        "With carry. parallel: each row of a batch is another sequence; consecutive: the rows of a "
        "batch are neighbouring pieces of one sequence; shuffled: pieces in random order.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows != "parallel" and not self.carry:
            raise ValueError(
                f"Chunks: `rows` must be parallel where no state is carried, got {self.rows}. "
                "Use carry=True."
            )

    @property
    def carries(self) -> bool:
        return self.carry

    @property
    def parallel(self) -> bool:
        return self.rows != "consecutive"

    @property
    def shuffles(self) -> bool:
        return self.rows == "shuffled"

    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        pieces = -(-length // _check_timesteps(self, self.timesteps, length))
        steps = np.arange(pieces * self.timesteps).reshape(pieces, self.timesteps)
        return np.where(steps < length, steps, MISSING)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window(Stepwise):
    """A sliding window: the last `timesteps` observations, one output at the end.

    Args:
        timesteps: Steps in a window, at least 1, at most the length of the sequence.
        missing: The treatment of windows that start before the sequence. `drop` drops the first
            `timesteps` rows, as the source does (20 of 25 rows remain at 5 steps; the last
            dropped row is complete, and one row always remains). `mark` keeps every row,
            with inputs of -1 at the steps that lack data. `mask` keeps every row and masks
            those steps.
        carry: Whether row b starts from the final state of row b of the previous batch, as a
            stateful layer without resets between batches does.

    >>> Window(timesteps=3).table(5).tolist()
    [[1, 2, 3], [2, 3, 4]]
    >>> Window(timesteps=3, missing="mark").table(3).tolist()
    [[-1, -1, 0], [-1, 0, 1], [0, 1, 2]]
    """

    output: ClassVar[Output] = "last"

    timesteps: int = knob(5, "Steps per window.", at_least=1)
    missing: Literal["drop", "mark", "mask"] = knob(
        "drop",
        "Windows that start before the sequence does: drop them, mark missing steps with -1, or "
        "mask them.",
    )
    carry: bool = knob(False, "Keep the state between batches (Keras: stateful=True).")

    @property
    def carries(self) -> bool:
        return self.carry

    @property
    def marks(self) -> bool:
        return self.missing == "mark"

    def input_steps(self, problem: Problem) -> int:
        return problem.steps * min(self.timesteps, problem.steps)

    def misfit(self, problem: Problem) -> str:
        spec = problem.inputs
        if not self.marks or not spec.allows(np.full((1, *spec.shape), MISSING, spec.dtype)).all():
            return ""
        return (
            f"`missing` marks with -1, which is an ordinary value of {type(problem).__name__}. Use "
            "missing='mask'."
        )

    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        timesteps = _check_timesteps(self, self.timesteps, length)
        first = min(timesteps, length - 1) if self.missing == "drop" else 0
        last = np.arange(first, length)
        return np.maximum(last[:, None] + np.arange(1 - timesteps, 1), MISSING)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prefix(Stepwise):
    """A growing context: one sample per step, with all inputs up to that step.

    Samples are padded to the length of the sequence, and the padding is masked; one output per
    sample, at its last step.

    Args:
        pad: The place of the padding: at the `start`, or at the `end`, as in packed sequences
            (PyTorch's `pack_padded_sequence`).

    >>> Prefix().table(3).tolist()
    [[-1, -1, 0], [-1, 0, 1], [0, 1, 2]]
    >>> Prefix(pad="end").table(3).tolist()
    [[0, -1, -1], [0, 1, -1], [0, 1, 2]]
    """

    pad: Literal["start", "end"] = knob(
        "start",
        "Where shorter samples are padded (PyTorch packs those padded at the end).",
        added=True,
    )

    @property
    def output(self) -> Output:  # pyright: ignore[reportIncompatibleVariableOverride]
        return "end" if self.pad == "end" else "last"

    def input_steps(self, problem: Problem) -> int:
        return problem.steps**2

    def table(self, length: int) -> Int[np.ndarray, "sample time"]:
        if self.pad == "end":
            return np.where(np.tri(length, dtype=bool), np.arange(length), MISSING)
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
