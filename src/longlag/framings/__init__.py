"""Framings: how episodes become samples x timesteps, and samples become batches.

A framing is two tables of step indices: the input steps and the target steps of each sample. The
samples, the batches and the maps of `longlag.maps` all come from them, so they cannot disagree.
"""

from longlag.framings.answering import Answering, EncoderDecoder, Vector
from longlag.framings.base import Framing, check_batch_size
from longlag.framings.layout import Batch, Layout, Samples
from longlag.framings.stepwise import Chunks, Prefix, Stepwise, Whole, Window
from longlag.problems import Problem

__all__ = [
    "FRAMINGS",
    "Answering",
    "Batch",
    "Chunks",
    "EncoderDecoder",
    "Framing",
    "Layout",
    "Prefix",
    "Samples",
    "Stepwise",
    "Vector",
    "Whole",
    "Window",
    "check_batch_size",
    "fitting",
]

FRAMINGS: dict[str, type[Framing]] = {
    framing.title(): framing for framing in [Chunks, Window, Prefix, Whole, Vector, EncoderDecoder]
}


def fitting(problem: Problem) -> dict[str, type[Framing]]:
    """The framings that fit a problem, by name."""
    return {name: kind for name, kind in FRAMINGS.items() if not kind().misfit(problem)}
