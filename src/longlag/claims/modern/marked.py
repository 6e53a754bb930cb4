"""Selective copying as CogScale draws it: marked symbols among others, given back after a delay."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.problems import Episodes, Integers, Ladder, Problem, Reals
from longlag.problems._base import Steps, Values

_GO = -1  # the last feature tells that the answer is due


@dataclasses.dataclass(frozen=True, kw_only=True)
class MarkedCopying(Problem):
    """Which symbols were marked? All symbols are drawn alike; `symbols` of them have a mark.

    After the symbols come `delay` empty steps and one with a signal, then as many empty steps as
    there were marks: their symbols are the targets, in order.

    Args:
        length: Symbols shown.
        symbols: Symbols that are marked.
        values: Number of different symbols.
        delay: Empty steps before the signal.

    Shapes: inputs `(count, step, values + 2)` float32: the symbol one-hot, its mark, the signal;
        targets `(count, step)` int32 in [0, values).

    Scores: accuracy over the answer. Chance 1/values; ceiling 1.

    Source: CogScale (2026), selective copy; medium: 80 symbols of 8, 10 of them marked, delay 10.
    """

    source: ClassVar[str] = "CogScale (2026), selective copy"
    ladder: ClassVar[Ladder] = Ladder("length", ())
    independent: ClassVar[bool] = True

    symbols: int = 10
    values: int = 8
    delay: int = 10

    @property
    def inputs(self) -> Reals:
        return Reals(size=self.values + 2)

    @property
    def targets(self) -> Integers:
        return Integers(self.values)

    @property
    def shown(self) -> int:
        """Steps before the answer."""
        return self.length + self.delay + 1

    @property
    def steps(self) -> int:
        return self.shown + self.symbols

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 1 / self.values)

    def scored(self) -> Steps:
        return np.arange(self.steps) >= self.shown

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = (rng.random((count, self.length)) * self.values).astype(np.int32)
        places = np.argsort(rng.random((count, self.length)), axis=1)[:, : self.symbols]
        inputs = np.zeros((count, self.steps, self.values + 2), np.float32)
        inputs[:, : self.length, : self.values] = np.eye(self.values, dtype=np.float32)[drawn]
        inputs[np.arange(count)[:, None], places, self.values] = 1
        inputs[:, self.shown - 1, _GO] = 1
        scored = np.broadcast_to(self.scored(), inputs.shape[:2])
        return Episodes(inputs, self.oracle(inputs), scored)

    def needs(self) -> NDArray[np.bool_]:
        needs = np.zeros((self.steps, self.steps), bool)
        needs[self.shown :, : self.length] = True
        return needs

    def oracle(self, inputs: Values) -> Values:
        marked = inputs[:, : self.length, self.values] == 1
        places = np.argsort(~marked, axis=1, kind="stable")[:, : self.symbols]
        shown = inputs[:, : self.length, : self.values].argmax(axis=2)
        targets = np.zeros(inputs.shape[:2], np.int32)
        targets[:, self.shown :] = np.take_along_axis(shown, places, axis=1)
        return targets
