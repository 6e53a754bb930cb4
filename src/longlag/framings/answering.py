"""Framings that show what comes before an answer, and ask for all of it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from longlag.arrays import Output
from longlag.framings.base import Framing
from longlag.problems import Problem


class Answering(Framing):
    """Base of the framings that show what comes before an answer and ask for all of it."""

    def misfit(self, problem: Problem) -> str:
        if problem.answers:
            return ""
        return (
            f"{type(problem).__name__} has no answer after its input. Use Chunks, Prefix, Whole or "
            "Window."
        )

    def tables(
        self, problem: Problem
    ) -> tuple[Int[np.ndarray, "sample time"], Int[np.ndarray, "sample target"]]:
        shown = problem.steps - problem.answers
        return np.arange(shown)[None], np.arange(shown, problem.steps)[None]


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
