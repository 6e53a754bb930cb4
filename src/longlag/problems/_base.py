"""What every problem is: a distribution over episodes, with named knobs."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import Knobs, knob

Part = Literal["training", "validation", "evaluation"]
"""What episodes are for: to train on, to choose on, to score on."""

Values = NDArray[Any]
"""An array of int32 or of float32, `(count, step)`; inputs of several reals have a third axis."""
Steps = NDArray[np.bool_]
"""Which steps of an episode are meant, `(step,)`."""


class Integers(NamedTuple):
    """Integers in [0, values). With `blank`, `values` itself says that nothing is shown."""

    values: int
    blank: bool = False


class Reals(NamedTuple):
    """Reals; those shown lie in [0, 1]. A prediction within `tolerance` of the target is right.

    Those of a real series lie where its scaling puts them; `features` is how many a step shows.
    """

    tolerance: float = 0.0
    features: int = 1

    @property
    def within(self) -> float:
        """The tolerance as it is applied, with room for single precision."""
        return self.tolerance + 1e-6


class Episodes(NamedTuple):
    """Inputs and targets aligned in time, every array `(count, step)`.

    The target at step t is what should be said at t knowing the inputs up to t. Where
    `scored` is false there is no target and the value in `targets` means nothing. Where inputs are
    NaN the step lacks data and is to be passed over.
    """

    inputs: Values
    targets: Values
    scored: NDArray[np.bool_]


class Ladder(NamedTuple):
    """The one knob that makes a problem harder, and its values from easy to hard."""

    knob: str
    rungs: tuple[int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem(Knobs):
    """Base of all problems. A subclass declares its knobs and the parts below."""

    source: ClassVar[str]
    """Who posed the problem first."""

    ladder: ClassVar[Ladder]
    """What makes it harder."""

    independent: ClassVar[bool] = False
    """Whether the targets of an episode are independent draws."""

    accumulates: ClassVar[bool] = False
    """Whether one rule, applied at each step to what it left at the last, gives all targets."""

    length: int = knob(25, "Steps in an episode.", at_least=1)

    @property
    @abc.abstractmethod
    def inputs(self) -> Integers | Reals:
        """What kind of values the inputs are."""

    @property
    @abc.abstractmethod
    def targets(self) -> Integers | Reals:
        """What kind of values the targets are."""

    @property
    def steps(self) -> int:
        """Steps in an episode, those of the answer included."""
        return self.length

    @property
    def answers(self) -> int:
        """Steps of the answer, after the input has ended; 0 where there is none."""
        return 0

    @property
    def sequences(self) -> int | None:
        """Number of different episodes; None where none is likely to be met twice."""
        return None

    @property
    def masks(self) -> bool:
        """Whether some of its steps lack data."""
        return False

    def for_part(self, part: Part) -> Problem:  # noqa: ARG002
        """The problem that draws the episodes of a part; itself where streams keep parts apart."""
        return self

    def held_out(self, part: Part, scored: Steps) -> Episodes | None:  # noqa: ARG002
        """The episodes of a part, where there are only so many: each target scored once.

        None where any number of fresh ones can be drawn.
        """
        return None

    def chance(self, steps: Steps | None = None) -> float:
        """Score, over these steps, of the best prediction that ignores the inputs.

        The score is the share of targets that are right, or within tolerance. Over all
        scored steps by default.
        """
        steps = self.scored() if steps is None else steps
        return float(self.chance_by_step()[steps].mean())

    @abc.abstractmethod
    def chance_by_step(self) -> NDArray[np.float64]:
        """Score, at each step alone, of the best constant."""

    def chance_error(self, steps: Steps | None = None) -> float:  # noqa: ARG002
        """For real targets: the error (root mean square) of the best constant."""
        raise ValueError(f"{type(self).__name__}: integer targets are right or wrong.")

    def ceiling(self, steps: Steps | None = None, sees: NDArray[np.bool_] | None = None) -> float:
        """Best score, over these steps, of any predictor that sees these inputs.

        Args:
            steps: The steps that count; all scored ones by default.
            sees: The inputs seen by the prediction of each step, `(target, input)`; by
                default all that its target needs.
        """
        steps = self.scored() if steps is None else steps
        best = np.ones(self.steps) if sees is None else self.ceiling_by_step(sees)
        return float(best[steps].mean())

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Best score at each step for a predictor that sees these inputs.

        Here: 1 where all that the target needs is seen, else chance, which is exact where
        no part of what is needed tells anything by itself.
        """
        return np.where((sees | ~self.needs()).all(axis=1), 1.0, self.chance_by_step())

    @abc.abstractmethod
    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        """Draw `count` independent episodes."""

    @abc.abstractmethod
    def scored(self) -> Steps:
        """The steps that have a target."""

    @abc.abstractmethod
    def needs(self) -> NDArray[np.bool_]:
        """Which inputs does the target of each step depend on? Exact, `(target, input)`."""

    @abc.abstractmethod
    def oracle(self, inputs: Values) -> Values:
        """The best prediction at every step, `(count, step)`; it reaches the ceiling."""

    def at(self, rung: int) -> Problem:
        """The problem at a rung of its ladder, other knobs moved where they must."""
        return dataclasses.replace(self, **{self.ladder.knob: rung})

    def showing(self, length: int) -> Problem:
        """The same problem over sequences that show `length` values.

        Raises:
            ValueError: Another length would be another problem, or has no target.
        """
        if length != self.steps - self.answers:
            raise ValueError(
                f"{type(self).__name__}: a sequence shows {self.steps - self.answers} values, "
                f"got {length}. Give as many."
            )
        return self

    def _at_least(self, fewest: int, length: int) -> None:
        if length < fewest:
            raise ValueError(
                f"{type(self).__name__}: a sequence must show at least {fewest} values, "
                f"got {length}. Give more."
            )

    def whole(self, shown: Values) -> Values:
        """The inputs of whole episodes, given what they show before the answer begins."""
        blank = [(0, 0), (0, self.answers)]
        filler = self.inputs.values if isinstance(self.inputs, Integers) else 0
        return np.pad(shown, blank, constant_values=filler)
