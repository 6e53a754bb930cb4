"""What every problem is: a distribution over episodes, with named knobs."""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import Knobs, knob


class Episodes(NamedTuple):
    """Inputs and targets aligned in time, every array `(count, length)`.

    The target at step t is what should be said at t knowing the inputs up to t. Where
    `scored` is false there is no target and the value in `targets` means nothing.
    """

    inputs: NDArray[np.int32]
    targets: NDArray[np.int32]
    scored: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem(Knobs):
    """Base of all problems. A subclass declares its knobs and the seven parts below."""

    source: ClassVar[str]
    """Who posed the problem first."""

    length: int = knob(25, "Steps in an episode.", at_least=1)

    @property
    @abc.abstractmethod
    def symbols(self) -> int:
        """Number of different integers among the inputs and the targets."""

    @property
    @abc.abstractmethod
    def chance(self) -> float:
        """Accuracy of the best prediction that ignores the inputs."""

    @property
    @abc.abstractmethod
    def ceiling(self) -> float:
        """Best accuracy that any predictor can reach."""

    @abc.abstractmethod
    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        """Draw `count` independent episodes."""

    @abc.abstractmethod
    def scored(self) -> NDArray[np.bool_]:
        """The steps at which an episode can have a target, `(length,)`."""

    @abc.abstractmethod
    def needs(self) -> NDArray[np.bool_]:
        """Which inputs does the target of each step depend on? Exact, `(target, input)`."""

    @abc.abstractmethod
    def oracle(self, inputs: NDArray[np.int32]) -> NDArray[np.int32]:
        """The best prediction at every step, `(count, length)`; it reaches the ceiling."""
