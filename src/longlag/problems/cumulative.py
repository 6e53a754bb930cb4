"""Cumulative threshold: has the sum of the inputs reached a threshold?"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers, Reals


@dataclasses.dataclass(frozen=True, kw_only=True)
class CumulativeThreshold(Problem):
    """Has the sum of the inputs reached the threshold?

    Each step shows a real drawn uniformly from [0, 1). The target is 0 until the running
    sum, the current input included, reaches `threshold`, then 1.

    Args:
        length: Steps in an episode, at least 1.
        threshold: The sum at which the label flips, 0 < threshold < length; length / 4 by
            default.

    Shapes: inputs `(count, length)` float32 in [0, 1); targets `(count, length)` int32, 0
        or 1; scored alike, true.

    Scores: accuracy over all steps. Chance is that of a predictor that only counts steps
        and predicts the likelier label at each, from the distribution of a sum of uniform
        reals, to 1e-9; ceiling 1.

    Ladder: length 10, 20, 50, 100, 200, 500, with the default threshold.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Brownlee (2017), five sequence problems, "Sequence Classification".

    >>> import numpy as np
    >>> inputs, targets, _ = CumulativeThreshold(length=4).draw(np.random.default_rng(0), 1)
    >>> inputs[0].astype(float).cumsum().round(2).tolist(), targets[0].tolist()
    ([0.85, 1.49, 2.0, 2.27], [0, 1, 1, 1])
    """

    source: ClassVar[str] = "Brownlee (2017), five sequence problems"
    group: ClassVar[str] = "counter"
    separates: ClassVar[str] = "models that add up from those that count steps"
    ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200, 500))

    accumulates: ClassVar[bool] = True

    length: int = knob(10, "Steps per sequence.", at_least=1)
    threshold: float | None = knob(
        None, "Sum at which the label flips. Default: length / 4.", above=0, below="length"
    )

    @property
    def inputs(self) -> Reals:
        return Reals(low=0, high=1)

    @property
    def targets(self) -> Integers:
        return Integers(2)

    @property
    def limit(self) -> float:
        """The sum at which the label flips."""
        return self.length / 4 if self.threshold is None else float(self.threshold)

    def chance_by_step(self) -> NDArray[np.float64]:
        below = [sum_below(self.limit, step + 1) for step in range(self.length)]
        return np.maximum(below, 1 - np.array(below))

    def chance_at_flip(self) -> float:
        """Accuracy on the step of the flip, for the best predictor that only counts steps.

        It predicts one step. Episodes whose label never flips do not count.
        """
        reached = [1 - sum_below(self.limit, step + 1) for step in range(self.length)]
        return float(np.diff(reached, prepend=0.0).max() / reached[-1])

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        visible = np.tril(sees).sum(axis=1)
        return np.array(
            [
                _best_guess(self.limit, int(seen), (step + 1 - int(seen),))
                for step, seen in enumerate(visible)
            ]
        )

    def ceiling_without_clock(
        self, sees: NDArray[np.bool_], groups: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        best, visible = self.ceiling_by_step(sees), np.tril(sees).sum(axis=1)
        for group in np.unique(groups[groups >= 0]):
            steps = np.flatnonzero(groups == group)
            seen = int(visible[steps[0]])
            best[steps] = _best_guess(self.limit, seen, tuple((steps + 1 - seen).tolist()))
        return best

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        inputs = rng.random((count, self.length), dtype=np.float32)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def scored(self) -> Steps:
        return np.ones(self.length, dtype=bool)

    def needs(self) -> NDArray[np.bool_]:
        # Up to `limit` steps cannot reach the threshold: their label is 0 for all inputs.
        open_steps = np.arange(1, self.length + 1) > self.limit
        return np.tri(self.length, dtype=bool) & open_steps[:, None]

    def oracle(self, inputs: Values) -> Values:
        return (inputs.cumsum(axis=1, dtype=np.float64) >= self.limit).astype(np.int32)

    def showing(self, length: int) -> CumulativeThreshold:
        self._at_least(math.floor(self.limit) + 1, length)
        return dataclasses.replace(self, length=length, threshold=self.limit)


_EXACT_TERMS = 12  # terms, up to which the alternating sum is accurate


@functools.lru_cache(2**14)
def sum_below(bound: float, terms: int) -> float:
    """Probability that the sum of `terms` uniform reals of [0, 1) is below a bound, to 1e-9.

    The distribution of Irwin and Hall: their alternating sum for few terms, else the inversion of
    the characteristic function by a Fourier sum, with a period longer than the support, so that
    there is no aliasing.

    >>> sum_below(0.5, 1), sum_below(1.0, 2), sum_below(500.0, 1000)
    (0.5, 0.5, 0.5)
    """
    if bound <= 0:
        return 0.0
    if bound >= terms:
        return 1.0
    if terms <= _EXACT_TERMS:
        parts = (
            (-1) ** k * math.comb(terms, k) * (bound - k) ** terms for k in range(int(bound) + 1)
        )
        return min(1.0, max(0.0, math.fsum(parts) / math.factorial(terms)))
    highest = 60.0 if terms <= 40 else min(2 * math.pi, 32 / math.sqrt(terms))
    gap = math.pi / (terms + 1)
    frequency = (np.arange(highest / gap) + 0.5) * gap
    weight = (np.sin(frequency / 2) / (frequency / 2)) ** terms
    waves = np.sin(frequency * (bound - terms / 2)) / frequency * weight
    return float(min(1.0, max(0.0, 0.5 + gap / math.pi * waves.sum())))


_QUADRATURE_CELLS = 200


@functools.lru_cache(2**14)
def _best_guess(limit: float, seen: int, hidden: tuple[int, ...]) -> float:
    """Accuracy of the best guess whether a sum reaches a limit from `seen` of its terms.

    `hidden` has the possible numbers of other terms, all equally likely. Exact where all terms or
    none are seen; else by quadrature over the sum of the seen terms, to 1e-3.
    """
    if not any(hidden):
        return 1.0
    if not seen:
        below = float(np.mean([sum_below(limit, terms) for terms in hidden]))
        return max(below, 1 - below)
    spread = 8 * math.sqrt(seen / 12)
    edges = np.linspace(
        max(0.0, seen / 2 - spread), min(seen, seen / 2 + spread), _QUADRATURE_CELLS + 1
    )
    share = np.diff([sum_below(float(edge), seen) for edge in edges])
    middle = ((edges[1:] + edges[:-1]) / 2).tolist()
    below = np.mean([[sum_below(limit - at, terms) for at in middle] for terms in hidden], axis=0)
    return float((share * np.maximum(below, 1 - below)).sum() / share.sum())
