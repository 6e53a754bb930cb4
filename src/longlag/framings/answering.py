"""Framings whose inputs are the steps before an answer, and whose targets are all of it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from longlag.arrays import Output
from longlag.framings.base import Framing
from longlag.problems import Problem


class Answering(Framing):
    """Base of the framings with the steps before the answer as inputs, all of it as targets."""

    def misfit(self, problem: Problem) -> str:
        if problem.answers:
            return ""
        return (
            f"{type(problem).__name__} has no answer after its input. Use framing Whole(), "
            "Prefix(), Chunks() or Window()."
        )

    def tables(
        self, problem: Problem
    ) -> tuple[Int[np.ndarray, "sample time"], Int[np.ndarray, "sample target"]]:
        start = problem.steps - problem.answers
        return np.arange(start)[None], np.arange(start, problem.steps)[None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vector(Answering):
    """Many-to-one: the whole answer as one vector, after the last input.

    The output layer is as wide as all values of the answer together.

    >>> from longlag.problems import EchoSubsequence
    >>> inputs, targets = Vector().tables(EchoSubsequence(length=4, count=2))
    >>> inputs.tolist(), targets.tolist()
    ([[0, 1, 2, 3]], [[4, 5]])
    """

    output: ClassVar[Output] = "vector"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderDecoder(Answering):
    """Many-to-many: one network reads the input, another predicts the answer value by value.

    In training the input of the decoder is the correct previous value (teacher forcing); in
    evaluation it is its own previous prediction (free running).

    >>> from longlag.problems import EchoSubsequence
    >>> EncoderDecoder().layout(EchoSubsequence(length=4, count=2), 3).steps.shape
    (1, 3, 4)
    """

    output: ClassVar[Output] = "decoder"
