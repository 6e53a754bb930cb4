"""Noise and signal on one channel: the class is told by the first inputs."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Part, Problem, Steps, Values
from longlag.problems.at_end import AtEnd
from longlag.problems.specs import Reals

_VARIANCE = 0.2
"""Variance of the noise."""

_TARGET_VARIANCE = 0.1
"""Variance of the noise on the targets of training in 3c."""

Noise = Literal["after", "everywhere", "targets"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoiseAndSignal(AtEnd):
    """Which of two classes? The first inputs tell, all later ones are noise on the same channel.

    Each step shows a real. The first `signal` of them are 1 for one class and -1 for the other,
    each with equal probability; all later ones are drawn from a normal distribution with mean 0
    and variance 0.2. The target, at the last step alone, is 1 or 0.

    Args:
        length: Steps in the shortest sequence, at least 2; lengths are drawn uniformly from
            length … length + length // 10.
        signal: Inputs that tell the class, 1 ≤ signal < length.
        noise: `after` the signal alone (3a); `everywhere`, on the signal too (3b); `targets`: as
            `after`, with targets 0.8 and 0.2, and normal noise of variance 0.1 on those of
            training (3c).

    With `targets` an episode drawn from the problem is one of training; `for_part("evaluation")`
    gives the problem with the clean targets, by which it is scored.

    Shapes: inputs and targets `(count, steps)` float32; scored `(count, steps)` bool, true at the
        last step.

    Scores: share of answers within 0.2 of the target, with noise on targets within 0.1. Chance
        1/2; ceiling 1, with noise everywhere Phi(sqrt(signal / 0.2)): 0.9873 for one signal.

    Ladder: length 20, 50, 100, 200, 500, 1000.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range.

    Source: Hochreiter and Schmidhuber (1997), experiment 3, length 100 and 1000, signal 1 and 3.

    >>> import numpy as np
    >>> problem = NoiseAndSignal(length=5, signal=2)
    >>> inputs, targets, _ = problem.draw(np.random.default_rng(0), 1)
    >>> inputs[0].astype(float).round(2).tolist(), targets[0, -1].item()
    ([1.0, 1.0, -0.03, 0.03, -0.01], 1.0)
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997), experiment 3"
    group: ClassVar[str] = "recall by position"
    separates: ClassVar[str] = "models that shut noise out of their state from those that add it up"
    ladder: ClassVar[Ladder] = Ladder("length", (20, 50, 100, 200, 500, 1000))

    length: int = knob(20, "Steps in the shortest sequence.", at_least=2)
    signal: int = knob(1, "Inputs that tell the class.", at_least=1, below="length")
    noise: Noise = knob("after", "Where there is noise (3a, 3b, 3c).")

    @property
    def inputs(self) -> Reals:
        return Reals()

    @property
    def targets(self) -> Reals:
        return Reals(tolerance=0.1 if self.noise == "targets" else 0.2)

    @property
    def shortest(self) -> int:
        return self.length

    @property
    def steps(self) -> int:
        return self.length + self.length // 10

    @property
    def _clean(self) -> bool:
        """Whether its targets have no noise: those of scores never have."""
        return self.noise != "targets" or "_scored" in vars(self)

    def for_part(self, part: Part) -> Problem:
        if self._clean or part == "training":
            return self
        clean = copy.copy(self)
        object.__setattr__(clean, "_scored", True)
        return clean

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        # One call, so that episodes do not depend on how many are drawn at once: the angle of two
        # normal reals is uniform.
        drawn = rng.standard_normal((count, 3 + self.steps), dtype=np.float32)
        turn = (np.arctan2(drawn[:, 0], drawn[:, 1]).astype(np.float64) + np.pi) / (2 * np.pi)
        turn = np.clip(turn, 0, 1 - 1e-9)
        lengths = self.uniform_lengths(turn)
        inputs = drawn[:, 3:] * np.float32(math.sqrt(_VARIANCE))
        # What is left of it, once the length is known, is uniform too.
        left = turn * (self.steps - self.shortest + 1) % 1
        sign = np.where(left < 0.5, np.float32(-1), np.float32(1))[:, None]
        if self.noise == "everywhere":
            inputs[:, : self.signal] += sign
        else:
            inputs[:, : self.signal] = sign
        inputs[np.arange(self.steps) >= lengths[:, None]] = 0
        targets = np.repeat(self._classes(sign), self.steps, axis=1)
        if not self._clean:
            targets = targets + drawn[:, 2:3] * np.float32(math.sqrt(_TARGET_VARIANCE))
        return dataclasses.replace(self.asked(inputs, lengths), targets=targets)

    @property
    def _levels(self) -> tuple[float, float]:
        """The target of each class."""
        return (0.8, 0.2) if self.noise == "targets" else (1.0, 0.0)

    @property
    def _telling(self) -> NDArray[np.intp]:
        """The steps whose inputs the best prediction takes: without noise one of them will do."""
        first = 0 if self.noise == "everywhere" else self.signal - 1
        return np.arange(first, self.signal)

    def needs(self) -> NDArray[np.bool_]:
        return np.outer(self.scored(), np.isin(np.arange(self.steps), self._telling))

    def oracle(self, inputs: Values) -> Values:
        # With equal noise on all of them the likelier class is the sign of their sum.
        total = inputs[:, self._telling].sum(axis=1, dtype=np.float64, keepdims=True)
        return self._classes(np.repeat(total, self.steps, axis=1))

    def _classes(self, sums: Values) -> Values:
        high, low = self._levels
        return np.where(sums > 0, high, low).astype(np.float32)

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, 0.5)

    def chance_error(self, steps: Steps | None = None) -> float:
        del steps  # the same at all
        high, low = self._levels
        return math.sqrt((high - low) ** 2 / 4 + (0 if self._clean else _TARGET_VARIANCE))

    def ceiling(self, steps: Steps | None = None, sees: NDArray[np.bool_] | None = None) -> float:
        sees = np.tri(self.steps, dtype=bool) if sees is None else sees
        return super().ceiling(steps, sees)

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        seen = (sees & np.tri(self.steps, dtype=bool))[:, : self.signal].sum(axis=1)
        if self.noise != "everywhere":
            return np.where(seen > 0, 1.0, 0.5)
        # The sum of n inputs is n from the border between the classes, in noise of variance 0.2 n.
        return np.array([(1 + math.erf(math.sqrt(n / _VARIANCE / 2))) / 2 for n in seen])

    def guesses(self, inputs: Values) -> dict[str, Values]:
        return {"the sign of the sum of all inputs": self._classes(inputs.cumsum(axis=1))}
