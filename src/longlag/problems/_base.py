"""Problems: distributions over episodes, with named knobs."""

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

_EPISODES = 512  # for `cases`, where the needs of a target differ between episodes

_ERROR_EPISODES = 20_000  # for the default estimate of `chance_error`

Part = Literal["training", "validation", "evaluation"]
"""The purpose of episodes: to train, to choose a setting, to score."""

Values = NDArray[Any]
"""An array of int32 or of float32, `(count, step, *shape)`, where `shape` is that of the spec."""
Steps = NDArray[np.bool_]
"""Flags for the steps of an episode, `(step,)`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Episodes:
    """Inputs and targets aligned in time, every array `(count, step)` and the spec's shape.

    Unpacks as inputs, targets and scored; most problems need no more.

    The target at step t is what should be predicted at t from the inputs up to t. Where `scored`
    is false there is no target, and the value in `targets` is meaningless.

    Attributes:
        inputs: The input of each step.
        targets: The target of each step.
        scored: `(count, step)`, true where there is a target.
        present: `(count, step)`, false where a step is skipped, because it lacks data or is after
            the end of a shorter episode; None where every step is present.
        answer: `(count,)`, the first step of the answer of each episode; None where it is the
            same for all.
    """

    inputs: Values
    targets: Values
    scored: NDArray[np.bool_]
    present: NDArray[np.bool_] | None = None
    answer: NDArray[np.intp] | None = None

    @classmethod
    def join(cls, parts: Sequence[Episodes]) -> Episodes:
        """Concatenate several."""
        columns = zip(*(part.arrays() for part in parts), strict=True)
        return cls(*(None if c[0] is None else np.concatenate(c) for c in columns))  # pyright: ignore[reportArgumentType]

    def __iter__(self) -> Iterator[Values]:
        yield from self.arrays()[:3]  # pyright: ignore[reportReturnType]

    def arrays(self) -> tuple[Values | None, ...]:
        """Its arrays, in the order of the attributes."""
        return self.inputs, self.targets, self.scored, self.present, self.answer

    def rows(self, index: NDArray[Any]) -> Episodes:
        """The episodes with these indices."""
        return Episodes(*(None if array is None else array[index] for array in self.arrays()))  # pyright: ignore[reportArgumentType]


class Ladder(NamedTuple):
    """The one knob that makes a problem harder, and its values from easy to hard."""

    knob: str
    rungs: tuple[int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem(Knobs):
    """Base of all problems. A subclass declares its knobs and implements the methods below."""

    source: ClassVar[str]
    """The publication of the problem."""

    ladder: ClassVar[Ladder]
    """The knob that makes it harder, with its values."""

    independent: ClassVar[bool] = False
    """Whether the targets of an episode are independent draws."""

    forecasts: ClassVar[bool] = False
    """Whether it is a real series, compared with naive baselines rather than by skill."""

    accumulates: ClassVar[bool] = False
    """Whether all targets follow from one update rule, applied at each step to its last result."""

    group: ClassVar[str] = ""
    """What a model must keep (`longlag.problems.groups`); empty for a problem of your own."""

    separates: ClassVar[str] = ""
    """In a line: the models that it tells apart."""

    length: int = knob(25, "Steps per sequence.", at_least=1)

    @property
    @abc.abstractmethod
    def inputs(self) -> Spec:
        """The spec of the inputs."""

    @property
    @abc.abstractmethod
    def targets(self) -> Spec:
        """The spec of the targets."""

    @property
    def steps(self) -> int:
        """Number of steps in an episode, including the answer."""
        return self.length

    @property
    def answers(self) -> int:
        """Number of steps of the answer, after the end of the input; 0 where there is none."""
        return 0

    @property
    def sequences(self) -> int | None:
        """Number of different episodes; None where repetition is unlikely."""
        return None

    @property
    def masks(self) -> bool:
        """Whether steps may be absent, because they lack data or the episode has ended."""
        return False

    @property
    def varies(self) -> bool:
        """Whether its episodes differ in length, or in the steps that are scored.

        Shorter ones are padded at the end with blank steps that are not present; an answer begins
        at the end of the input of its episode.
        """
        return False

    @property
    def exhaustive(self) -> bool:
        """Whether an evaluation scores all episodes, so that it has no sampling noise."""
        return self.sequences == 1

    def for_part(self, part: Part) -> Problem:  # noqa: ARG002
        """The problem that draws the episodes of a part; itself where streams separate parts."""
        return self

    def held_out(self, part: Part, scored: Steps) -> Episodes | None:  # noqa: ARG002
        """The episodes of a part that has a finite number of targets, each scored once.

        None where any number of fresh episodes can be drawn.
        """
        return None

    def chance(self, steps: Steps | None = None) -> float:
        """Score, over these steps, of the best prediction that ignores the inputs.

        The score is the share of targets that are right, or within tolerance. Over all
        scored steps by default.
        """
        return self.average(self.chance_array, self.scored() if steps is None else steps)

    @functools.cached_property
    def chance_array(self) -> NDArray[np.float64]:
        """`chance_by_step` as an array of NumPy: one of your own may be of JAX, or narrow."""
        array = np.array(self.chance_by_step(), np.float64)
        array.flags.writeable = False
        return array

    @abc.abstractmethod
    def chance_by_step(self) -> NDArray[np.float64]:
        """Score of the best constant of each step, `(step,)`."""

    def chance_error(self, steps: Steps | None = None) -> float:
        """For real targets: the error (root mean square) of the best constant of each step.

        By default an estimate from random episodes, to about 1 %.
        """
        if not self.targets.has_error:
            raise ValueError(f"{type(self).__name__}: integer targets are right or wrong.")
        steps = self.scored() if steps is None else steps
        episodes = self.draw(np.random.default_rng(0), _ERROR_EPISODES)
        counts = (episodes.scored & steps)[..., *[None] * len(self.targets.shape)]
        targets = np.where(counts, episodes.targets.astype(np.float64), np.nan)[:, steps]
        return float(np.nanmean((targets - np.nanmean(targets, axis=0)) ** 2) ** 0.5)

    def ceiling(self, steps: Steps | None = None, sees: NDArray[np.bool_] | None = None) -> float:
        """Best score, over these steps, of any predictor with these inputs.

        Args:
            steps: The steps to score; all scored ones by default.
            sees: The inputs that reach the prediction of each step, `(target, input)`; by
                default all that its target needs.
        """
        steps = self.scored() if steps is None else steps
        best = np.ones(self.steps) if sees is None else self.ceiling_by_step(sees)
        return self.average(best, steps)

    def average(self, by_step: NDArray[np.float64], steps: Steps) -> float:
        """The mean over steps; where episodes differ, weighted by how often each step is scored."""
        if not self.varies:
            return float(by_step[steps].mean())
        times = np.bincount(_cases(self)[0], minlength=self.steps)[steps]
        return float(np.average(by_step[steps], weights=times if times.any() else None))

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Best score at each step `(step,)` for a predictor with these inputs.

        By default: 1 where the predictor has all inputs that the target needs, else chance. That
        is exact where a part of these inputs carries no information about the target.
        """
        chance = self.chance_array
        if not self._by_episode:
            return np.where((sees | ~self.needs()).all(axis=1), 1.0, chance)
        targets, needed = self.cases()
        complete = (sees[targets] | ~needed).all(axis=1)
        times = np.bincount(targets, minlength=self.steps)
        share = np.bincount(targets, complete, self.steps) / np.maximum(times, 1)
        return np.where(times > 0, share + (1 - share) * chance, chance)

    def ceiling_without_clock(
        self,
        sees: NDArray[np.bool_],  # noqa: ARG002
        groups: NDArray[np.intp],  # noqa: ARG002
    ) -> NDArray[np.float64] | None:
        """Best score at each step for a predictor that cannot distinguish the steps of a group.

        None where it is unknown; `ceiling_by_step` is then an upper bound.

        Args:
            sees: The inputs that reach the prediction of each step, `(target, input)`.
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

        It differs from `needs` where that depends on the episode: on a marker, or on a key.

        Args:
            inputs: The inputs of the episode, `(step, *shape)`.
        """
        return self.needs()

    @property
    def _by_episode(self) -> bool:
        """Whether the needs of a target differ between episodes."""
        return self.varies or type(self).needs_of is not Problem.needs_of

    def cases(self) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Target steps `(case,)`, and which inputs each depends on, `(case, input)`.

        One case for each scored step; where needs differ between episodes, one for each scored step
        of some random episodes.
        """
        if self._by_episode:
            return _cases(self)
        steps = np.flatnonzero(self.scored())
        return steps, self.needs()[steps]

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        """Which of these inputs an episode may have, `(count,)`.

        All by default. Override it where inputs constrain each other (two markers, different
        keys), so that a perturbation of one input is tried only where the result is valid. Where
        later inputs follow from earlier ones, as in a grammar, give `(count, step)`: whether the
        inputs up to each step may begin an episode.
        """
        return np.ones(len(inputs), dtype=bool)

    @abc.abstractmethod
    def oracle(self, inputs: Values) -> Values:
        """The best prediction at every step, `(count, step)`; it reaches the ceiling."""

    def guesses(self, inputs: Values) -> dict[str, Values]:  # noqa: ARG002
        """Predictions `(count, step)` of this problem's simple rules, by name; none by default.

        What a model may have learned in place of the task: scored beside it.
        """
        return {}

    def at(self, rung: int) -> Problem:
        """The problem at a rung of its ladder, with other knobs changed where necessary."""
        return dataclasses.replace(self, **{self.ladder.knob: rung})

    def showing(self, length: int) -> Problem:
        """The same problem over sequences with `length` input values.

        Raises:
            ValueError: With another length it would be another problem, or have no target.
        """
        if self.varies:
            raise ValueError(
                f"{type(self).__name__}: its episodes have lengths of their own. Write `showing` "
                "so that it gives the problem of another length."
            )
        if length != self.steps - self.answers:
            raise ValueError(
                f"{type(self).__name__}: its sequences have {self.steps - self.answers} inputs, "
                f"not {length}: at another length it is another problem. A problem such as EchoLag "
                "takes any length."
            )
        return self

    def _at_least(self, fewest: int, length: int) -> None:
        if length < fewest:
            raise ValueError(
                f"{type(self).__name__}: a sequence must show at least {fewest} values, "
                f"got {length}. Give {fewest} or more."
            )

    def with_blank_answer(self, inputs: Values) -> Values:
        """Inputs with blank steps for the answer after them, `(count, step, *shape)`."""
        blank = np.broadcast_to(
            self.inputs.blank_value, (len(inputs), self.answers, *self.inputs.shape)
        )
        return np.concatenate([inputs, blank.astype(inputs.dtype)], axis=1)

    def episode(self, inputs: Values) -> tuple[Problem, Episodes]:
        """One episode with these inputs `(step, *shape)`, its targets unknown.

        Returns:
            The problem of that length, and the episode.

        Raises:
            TypeError: They are not values of this problem.
            ValueError: A value, or their number, is not allowed.
        """
        values = self.inputs.validate(inputs, "predict: `sequence`")
        if self.varies:
            return self, self._padded(values)
        problem = self.showing(len(values))
        targets = np.zeros((1, problem.steps, *self.targets.shape), self.targets.dtype)
        return problem, Episodes(
            problem.with_blank_answer(values[None]), targets, problem.scored()[None]
        )

    def answer_length(self, length: int) -> int:  # noqa: ARG002
        """Number of steps of the answer to an input of this length, where lengths differ."""
        return self.answers

    def _padded(self, values: Values) -> Episodes:
        """The episode with these inputs, blank and not present after its end."""
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
        """Predictions in the unit of the user's values."""
        return predicted

    def document(self) -> dict[str, Any]:
        """Plain values beyond the knobs that define it."""
        return {}

    def arrays(self) -> dict[str, Values]:
        """Arrays that a checkpoint must include."""
        return {}


@functools.lru_cache(64)
def _cases(problem: Problem) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The scored steps of some random episodes, and which inputs each depends on."""
    episodes = problem.draw(np.random.default_rng(0), _EPISODES)
    pairs = zip(episodes.inputs, episodes.scored, strict=True)
    needed = [problem.needs_of(inputs)[scored] for inputs, scored in pairs]
    return np.nonzero(episodes.scored)[1], np.concatenate(needed)
