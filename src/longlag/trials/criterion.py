"""Criteria: the published end of a training, and the sequences that it takes to get there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from longlag import arguments, streams
from longlag.events import Advanced
from longlag.knobs import require
from longlag.models import AnyModel
from longlag.problems import Episodes
from longlag.problems.drawing import draw
from longlag.scores.evaluation import Evaluation
from longlag.training.seeds import Until
from longlag.trials.setting import Setting


def _check(criterion: Criterion | OnTest, **least: int) -> None:
    """Refuse values of another type, and numbers below the least."""
    kind = type(criterion)
    arguments.check(kind, vars(criterion))
    for name, bound in least.items():
        if (value := getattr(criterion, name)) < bound:
            raise ValueError(
                f"{kind.__name__}: `{name}` must be at least {bound}, got {value}. "
                f"Use {name}={bound} or more."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Criterion:
    """So many successive training sequences with so few errors, each before its own update.

    For recipes of one sequence an update (`batch_size=1`, framing `Whole`). A sequence is right
    where all its targets are.

    Args:
        sequences: Number of successive sequences, at least 1.
        wrong: The most of them that may be wrong.
        loss: The largest mean of their losses; None for any.
        counted: Whether these sequences count as training; else they show that it is over.

    >>> Criterion(sequences=2).reached(np.zeros(4), np.array([1.0, 0.5, 1.0, 1.0]))
    4
    """

    sequences: int = 2000
    wrong: int = 0
    loss: float | None = None
    counted: bool = True

    def __post_init__(self) -> None:
        _check(self, sequences=1, wrong=0)

    def reached(self, losses: np.ndarray, shares: np.ndarray) -> int | None:
        """The number of sequences after which it is met for the first time; None if never.

        Args:
            losses: The loss of each sequence, `(sequence,)`.
            shares: The share of its targets that are correct.
        """
        if len(losses) < self.sequences:
            return None
        met = _sums(shares < 1, self.sequences) <= self.wrong
        if self.loss is not None:
            met &= _sums(losses, self.sequences) <= self.loss * self.sequences
        return int(met.argmax()) + self.sequences if met.any() else None

    def of_history(self, history: Sequence[Advanced]) -> int | None:
        """The same from the events of a seed (`Run.history`), those that count."""
        if not history:
            return None
        losses, shares = ([each.by_update[i] for each in history] for i in (0, 1))
        reached = self.reached(np.concatenate(losses), np.concatenate(shares))
        return reached if reached is None or self.counted else reached - self.sequences

    every = None  # it is found to the sequence, however long the chunks are

    def until(self, setting: Setting) -> Until:  # noqa: ARG002
        """A function for `fit(until=)`: each seed stops once it has met the criterion."""
        latest: dict[int, tuple[np.ndarray, np.ndarray]] = {}

        def is_met(seed: int, losses: np.ndarray, shares: np.ndarray, _: object) -> bool:
            before = latest.get(seed, (losses[:0], shares[:0]))
            both = [np.concatenate(pair) for pair in zip(before, (losses, shares), strict=True)]
            old = max(0, len(both[0]) + 1 - self.sequences)  # no window begins there any more
            latest[seed] = both[0][old:], both[1][old:]
            return self.reached(both[0], both[1]) is not None

        return is_met

    def right(self, evaluation: Evaluation) -> np.ndarray:
        """Whether each sequence is right, `(sequence,)`."""
        return all_right(evaluation)

    @property
    def words(self) -> str:
        """When it is met, for a sentence."""
        which = "last" if self.counted else "next"
        return f"{_at_most(self.wrong)} of the {which} {self.sequences:,} is wrong"


_DRAWS = 100
"""Test sets that are drawn, of which noise may have made some unreachable."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OnTest:
    """So few errors on a test set, which each seed draws once from its stream for validation.

    A seed ends with the model that meets it, and what it has trained on is what it took.

    Args:
        sequences: Number of sequences in the set, at least 1.
        wrong: The most of them that may be wrong.
        error: The largest mean of the absolute errors of scored targets; None for any.
        every: Sequences of training between two looks at the set.
    """

    sequences: int = 256
    wrong: int = 0
    error: float | None = None
    every: int = 100

    def __post_init__(self) -> None:
        _check(self, sequences=1, wrong=0, every=1)

    def test_set(self, setting: Setting, seed: int) -> Episodes:
        """The test set of a seed: the first of its stream on which the best rule is good enough."""
        problem, rng = setting.problem.for_part("validation"), streams.validation(seed)
        for _ in range(_DRAWS):
            episodes = draw(problem, rng, self.sequences)
            best = Evaluation(
                inputs=episodes.inputs,
                targets=episodes.targets,
                scored=episodes.scored,
                predicted=problem.oracle(episodes.inputs),
                spec=problem.targets,
            )
            if int((~self.right(best)).sum()) <= self.wrong:
                return episodes
        raise ValueError(
            f"OnTest: `wrong` must be what the best rule can reach, got {self.wrong} of "
            f"{self.sequences}. Use a larger number."
        )

    def right(self, evaluation: Evaluation) -> np.ndarray:
        """Whether each sequence is right, `(sequence,)`."""
        return all_right(evaluation)

    def is_met(self, evaluation: Evaluation) -> bool:
        """Whether predictions of the test set meet it."""
        errors = np.abs(evaluation.predicted - evaluation.targets)[evaluation.scored]
        small = self.error is None or float(errors.mean()) < self.error
        return int((~self.right(evaluation)).sum()) <= self.wrong and small

    def until(self, setting: Setting) -> Until:
        """A function for `fit(until=)`: each seed stops once it has met the criterion."""
        sets: dict[int, Episodes] = {}

        def is_met(
            seed: int, losses: np.ndarray, shares: np.ndarray, model: Callable[[], AnyModel]
        ) -> bool:
            del losses, shares
            if seed not in sets:
                sets[seed] = self.test_set(setting, seed)
            return self.is_met(setting.evaluate_on(model(), sets[seed]))

        return is_met

    def of_history(self, history: Sequence[Advanced]) -> int | None:
        """The sequences that it took, from the events of a seed (`Run.history`); None: never."""
        met = bool(history) and history[-1].outcome == "stopped"
        return history[-1].updates if met else None

    @property
    def words(self) -> str:
        """When it is met, for a sentence."""
        small = "" if self.error is None else f", with a mean error below {self.error:g}"
        return f"{_at_most(self.wrong)} of a test set of {self.sequences:,} is wrong{small}"


def all_right(evaluation: Evaluation) -> np.ndarray:
    """Whether each sequence is right at every scored step, `(sequence,)`."""
    return np.asarray((evaluation.right | ~evaluation.scored).all(axis=1))


def _at_most(wrong: int) -> str:
    return f"at most {wrong}" if wrong else "none"


@dataclasses.dataclass(frozen=True, kw_only=True)
class UntilMet:
    """A setting that trains each seed until it meets a criterion, or for its whole budget."""

    setting: Setting
    criterion: Criterion | OnTest

    def __post_init__(self) -> None:
        require("UntilMet", "setting", self.setting, Setting, "a setting, such as Setting(...)")
        kinds = Criterion, OnTest
        require("UntilMet", "criterion", self.criterion, kinds, "a criterion: Criterion()")
        if self.setting.recipe.batch_size != 1 or self.setting.layout.sequences != 1:
            raise ValueError(
                "UntilMet: an update must be on one sequence. Use batch_size=1 and framing Whole()."
            )


def _sums(values: np.ndarray, window: int) -> np.ndarray:
    """The sums of all windows of successive values."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return total[window:] - total[:-window]
