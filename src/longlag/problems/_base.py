"""What every problem is: a distribution over episodes, with named knobs."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import Knobs, knob
from longlag.problems.specs import Spec

_EPISODES = 512  # drawn to see what targets depend on, where that differs between episodes

_ERRORS = 20_000  # drawn for the error of the best constant, where nobody says it

Part = Literal["training", "validation", "evaluation"]
"""What episodes are for: to train on, to choose on, to score on."""

Values = NDArray[Any]
"""An array of int32 or of float32, `(count, step, *shape)`, where `shape` is that of the spec."""
Steps = NDArray[np.bool_]
"""Which steps of an episode are meant, `(step,)`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Episodes:
    """Inputs and targets aligned in time, every array `(count, step)` and the spec's shape.

    Unpacks as inputs, targets and scored, which is all that most problems have.

    The target at step t is what should be predicted at t knowing the inputs up to t. Where
    `scored` is false there is no target and the value in `targets` means nothing.

    Attributes:
        inputs: What each step shows.
        targets: What each step asks for.
        scored: `(count, step)`, true where there is a target.
        present: `(count, step)`, false where the step lacks data or comes after the end of a
            shorter episode, and is to be passed over; None where every step is there.
        answer: `(count,)`, the step at which the answer of each episode begins; None where it is
            the same for all.
    """

    inputs: Values
    targets: Values
    scored: NDArray[np.bool_]
    present: NDArray[np.bool_] | None = None
    answer: NDArray[np.intp] | None = None

    @classmethod
    def join(cls, parts: Sequence[Episodes]) -> Episodes:
        """All of several."""
        columns = zip(*(part.arrays() for part in parts), strict=True)
        return cls(*(None if c[0] is None else np.concatenate(c) for c in columns))  # pyright: ignore[reportArgumentType]

    def __iter__(self) -> Iterator[Values]:
        yield from self.arrays()[:3]  # pyright: ignore[reportReturnType]

    def arrays(self) -> tuple[Values | None, ...]:
        """All of its arrays, in the order of the attributes."""
        return self.inputs, self.targets, self.scored, self.present, self.answer

    def rows(self, which: NDArray[Any]) -> Episodes:
        """Some of the episodes."""
        return Episodes(*(None if array is None else array[which] for array in self.arrays()))  # pyright: ignore[reportArgumentType]


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

    forecasts: ClassVar[bool] = False
    """Whether it is a real series, judged beside naive baselines rather than by skill."""

    accumulates: ClassVar[bool] = False
    """Whether one rule, applied at each step to what it left at the last, gives all targets."""

    length: int = knob(25, "Steps per sequence.", at_least=1)

    @property
    @abc.abstractmethod
    def inputs(self) -> Spec:
        """What a step shows."""

    @property
    @abc.abstractmethod
    def targets(self) -> Spec:
        """What a step asks for."""

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
        """Whether some steps of its episodes may be absent: they lack data, or it has ended."""
        return False

    @property
    def varies(self) -> bool:
        """Whether its episodes differ in length.

        Then they are padded at the end with blank steps that are not present, and an answer begins
        where the input of its episode has ended.
        """
        return False

    @property
    def exhaustive(self) -> bool:
        """Whether an evaluation scores all that there is, so that draws bring no noise."""
        return self.sequences == 1

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
        return self._average(self.chance_by_step(), steps)

    @abc.abstractmethod
    def chance_by_step(self) -> NDArray[np.float64]:
        """Score, at each step alone, of the best constant."""

    def chance_error(self, steps: Steps | None = None) -> float:
        """For real targets: the error (root mean square) of the best constant of each step.

        Here: over drawn episodes, to about a hundredth of it.
        """
        if not self.targets.has_error:
            raise ValueError(f"{type(self).__name__}: integer targets are right or wrong.")
        steps = self.scored() if steps is None else steps
        episodes = self.draw(np.random.default_rng(0), _ERRORS)
        counts = (episodes.scored & steps)[..., *[None] * len(self.targets.shape)]
        targets = np.where(counts, episodes.targets.astype(np.float64), np.nan)[:, steps]
        return float(np.nanmean((targets - np.nanmean(targets, axis=0)) ** 2) ** 0.5)

    def ceiling(self, steps: Steps | None = None, sees: NDArray[np.bool_] | None = None) -> float:
        """Best score, over these steps, of any predictor that sees these inputs.

        Args:
            steps: The steps that count; all scored ones by default.
            sees: The inputs seen by the prediction of each step, `(target, input)`; by
                default all that its target needs.
        """
        steps = self.scored() if steps is None else steps
        best = np.ones(self.steps) if sees is None else self.ceiling_by_step(sees)
        return self._average(best, steps)

    def _average(self, by_step: NDArray[np.float64], steps: Steps) -> float:
        """The mean over steps; of episodes that differ in length, as often as each is scored."""
        if not self.varies:
            return float(by_step[steps].mean())
        times = np.bincount(_cases(self)[0], minlength=self.steps)[steps]
        return float(np.average(by_step[steps], weights=times if times.any() else None))

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Best score at each step for a predictor that sees these inputs.

        Here: 1 where all that the target needs is seen, else chance, which is exact where
        no part of what is needed tells anything by itself.
        """
        chance = self.chance_by_step()
        if not self._by_episode:
            return np.where((sees | ~self.needs()).all(axis=1), 1.0, chance)
        targets, needed = self.cases()
        whole = (sees[targets] | ~needed).all(axis=1)
        best, times = chance.copy(), np.bincount(targets, minlength=self.steps)
        share = np.bincount(targets, whole, self.steps) / np.maximum(times, 1)
        return np.where(times > 0, share + (1 - share) * best, best)

    def ceiling_without_clock(
        self,
        sees: NDArray[np.bool_],  # noqa: ARG002
        groups: NDArray[np.intp],  # noqa: ARG002
    ) -> NDArray[np.float64] | None:
        """Best score at each step for a predictor that cannot tell the steps of a group apart.

        None where it is not known; `ceiling_by_step` is then an upper bound.

        Args:
            sees: The inputs seen by the prediction of each step, `(target, input)`.
            groups: The group of each step, `(target,)`; -1 where nothing is scored.
        """
        return None

    @abc.abstractmethod
    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        """Draw `count` independent episodes."""

    @abc.abstractmethod
    def scored(self) -> Steps:
        """The steps that have a target."""

    @abc.abstractmethod
    def needs(self) -> NDArray[np.bool_]:
        """Which inputs may the target of each step depend on? Exact, `(target, input)`.

        The union over episodes: a pair is true if the target depends on the input in some episode.
        """

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:  # noqa: ARG002
        """Which inputs do the targets of one episode depend on? Exact, `(target, input)`.

        Another than `needs` where that depends on what is drawn: on a marker, or on a key.

        Args:
            inputs: The inputs of the episode, `(step, *shape)`.
        """
        return self.needs()

    @property
    def _by_episode(self) -> bool:
        """Whether what targets need depends on what is drawn."""
        return self.varies or type(self).needs_of is not Problem.needs_of

    def cases(self) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Targets, and which inputs each depends on: steps `(case,)`, and `(case, input)`.

        One for each scored step; or, where that depends on what is drawn, one for each scored step
        of some drawn episodes.
        """
        if self._by_episode:
            return _cases(self)
        steps = np.flatnonzero(self.scored())
        return steps, self.needs()[steps]

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        """Which of these inputs an episode may have, `(count,)`.

        All by default. A problem whose inputs must fit together (two markers, keys that differ)
        says so, so that a change of one input is tried only where it leaves an episode.
        """
        return np.ones(len(inputs), dtype=bool)

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
        if self.varies:
            raise ValueError(
                f"{type(self).__name__}: its episodes have lengths of their own. Write `showing` "
                "so that it gives the problem of another length."
            )
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

    def with_blank_answer(self, shown: Values) -> Values:
        """The inputs of whole episodes, given what they show before the answer begins."""
        blank = np.broadcast_to(
            self.inputs.blank_value, (len(shown), self.answers, *self.inputs.shape)
        )
        return np.concatenate([shown, blank.astype(shown.dtype)], axis=1)

    def episode(self, shown: Values) -> tuple[Problem, Episodes]:
        """The one episode that shows these values `(step, *shape)`, its targets unknown.

        Returns:
            The problem of that length, and the episode.

        Raises:
            TypeError: They are no values of this problem.
            ValueError: A value is not allowed, or their number.
        """
        values = self.inputs.validate(shown, "predict: `sequence`")
        if self.varies:
            return self, self._padded(values)
        problem = self.showing(len(values))
        targets = np.zeros((1, problem.steps, *self.targets.shape), self.targets.dtype)
        return problem, Episodes(
            problem.with_blank_answer(values[None]), targets, problem.scored()[None]
        )

    def answer_length(self, length: int) -> int:  # noqa: ARG002
        """Steps of the answer to an input of this length, where episodes differ in length."""
        return self.answers

    def _padded(self, values: Values) -> Episodes:
        """The episode that shows these values, blank and not present after its end."""
        length, steps = len(values), np.arange(self.steps)
        if not 0 < length <= self.steps - self.answers:
            raise ValueError(
                f"{type(self).__name__}: a sequence must show from 1 to "
                f"{self.steps - self.answers} values, got {length}. Give fewer."
            )
        inputs = np.repeat(self.inputs.blank_value[None], self.steps, axis=0).astype(values.dtype)
        inputs[:length] = values
        end = length + (self.answer_length(length) if self.answers else 0)
        scored = self.scored() & (steps < end) & (steps >= (length if self.answers else 0))
        targets = np.zeros((1, self.steps, *self.targets.shape), self.targets.dtype)
        answer = np.array([length]) if self.answers else None
        return Episodes(inputs[None], targets, scored[None], (steps < end)[None], answer)

    def in_unit(self, predicted: Values) -> Values:
        """Predictions in the unit in which a user gives values."""
        return predicted

    def document(self) -> dict[str, Any]:
        """What else than its knobs says what it is, as plain values."""
        return {}

    def arrays(self) -> dict[str, Values]:
        """Data of its own that must go with a trained model."""
        return {}


@functools.lru_cache(64)
def _cases(problem: Problem) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The scored steps of some drawn episodes, and what each depends on."""
    episodes = problem.draw(np.random.default_rng(0), _EPISODES)
    pairs = zip(episodes.inputs, episodes.scored, strict=True)
    needed = [problem.needs_of(inputs)[scored] for inputs, scored in pairs]
    return np.nonzero(episodes.scored)[1], np.concatenate(needed)
