"""A fixed training set, for sources that train on so many sequences again and again."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import numpy as np

from longlag.claims.wrapped import Wrapped
from longlag.problems import Episodes, Ladder, Part, Problem
from longlag.problems._base import Steps, Values


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedSet(Wrapped):
    """A problem whose training sequences are drawn, with replacement, from a fixed set.

    Every seed trains on the same set, and is scored on fresh sequences of the problem. An epoch of
    a source is as many draws as the set has sequences.

    Args:
        problem: The problem.
        size: Sequences in the set, at least 1.

    Shapes: as of the problem.
    """

    source: ClassVar[str] = "any with a fixed training set"
    ladder: ClassVar[Ladder] = Ladder("size", ())

    size: int

    def for_part(self, part: Part) -> Problem:
        return self if part == "training" else self.problem

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        return _set(self).rows(rng.integers(self.size, size=count))

    def chance_error(self, steps: Steps | None = None) -> float:
        return self.problem.chance_error(steps)

    def guesses(self, inputs: Values) -> dict[str, Values]:
        return self.problem.guesses(inputs)


@functools.lru_cache(8)
def _set(fixed: FixedSet) -> Episodes:
    rng = np.random.default_rng(np.random.SeedSequence(fixed.size, spawn_key=(5,)))
    return fixed.problem.draw(rng, fixed.size)
