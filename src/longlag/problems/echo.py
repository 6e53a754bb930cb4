"""Echo problems: say again what was shown some steps ago."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Problem


@dataclasses.dataclass(frozen=True, kw_only=True)
class EchoLag(Problem):
    """Which value came `lag` steps ago?

    Each step shows an integer drawn uniformly from `values`; the target is the integer
    shown `lag` steps earlier. The first `lag` steps have no target.

    Args:
        lag: Steps to look back, 0 ≤ lag < length. 0 echoes the current value.
        length: Steps in an episode, at least 1.
        values: Number of different integers, at least 2.

    Shapes: inputs and targets `(count, length)` int32 in [0, values); scored
        `(count, length)` bool.

    Scores: accuracy over scored steps. Chance 1/values; ceiling 1.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Brownlee (2017), echo random integers; lag 1 of 25 steps, 100 values.

    >>> import numpy as np
    >>> inputs, targets, scored = EchoLag(lag=2, length=6).draw(np.random.default_rng(3), 1)
    >>> inputs[0].tolist()
    [81, 8, 17, 23, 18, 80]
    >>> targets[0][scored[0]].tolist()
    [81, 8, 17, 23]
    """

    source: ClassVar[str] = "Brownlee (2017), echo random integers"

    lag: int = knob(1, "Steps to look back.", at_least=0, below="length")
    values: int = knob(100, "Number of different integers.", at_least=2, at_most=2**31 - 1)

    @property
    def symbols(self) -> int:
        return self.values

    @property
    def chance(self) -> float:
        return 1 / self.values

    @property
    def ceiling(self) -> float:
        return 1.0

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        inputs = rng.integers(self.values, size=(count, self.length), dtype=np.int32)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def scored(self) -> NDArray[np.bool_]:
        return np.arange(self.length) >= self.lag

    def needs(self) -> NDArray[np.bool_]:
        return np.eye(self.length, k=-self.lag, dtype=bool)

    def oracle(self, inputs: NDArray[np.int32]) -> NDArray[np.int32]:
        echoed = np.zeros_like(inputs)
        echoed[:, self.lag :] = inputs[:, : self.length - self.lag]
        return echoed
