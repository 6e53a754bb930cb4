"""Framings whose inputs are the steps before an answer, and whose targets are all of it."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from longlag.arrays import Output
from longlag.framings.base import Framing
from longlag.problems import Problem, Series


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


def check_decoder(owner: str, problem: Problem, framing: Framing, model: Any) -> None:
    """Raise if only one of framing and model has a decoder, or there is no answer for it.

    Args:
        owner: The function or class, for the message.
        problem: The problem.
        framing: The framing.
        model: A model; its class needs JAX, which an audit does without.
    """
    needs_decoder, decodes = framing.output == "decoder", getattr(model, "decodes", False)
    own = type(model).__name__
    if decodes and (misfit := framing.misfit(problem)):  # no model helps
        raise ValueError(f"{type(framing).__name__}: {misfit}")
    if decodes and not problem.answers:
        other = ", or problem EchoSubsequence() and framing EncoderDecoder()"
        raise ValueError(
            f"{owner}: {own} predicts an answer after the input, which {type(problem).__name__} "
            f"does not have. Use model LSTM(){'' if isinstance(problem, Series) else other}."
        )
    if decodes and not needs_decoder:
        raise ValueError(
            f"{owner}: {own} predicts an answer value by value after the input, the framing "
            f"{type(framing).__name__} has its outputs elsewhere. Use framing EncoderDecoder()."
        )
    if needs_decoder and not decodes and problem.answers:
        raise ValueError(
            f"{owner}: {type(framing).__name__} needs a model with a decoder, got {own}. Use "
            "model Seq2Seq()."
        )
