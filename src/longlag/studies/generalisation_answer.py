"""The answer of a generalisation study: skill by length, and the longest solved length."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

from longlag.problems import Problem
from longlag.scores.statistics import Estimate, no_interval
from longlag.studies.lower_bound import LowerBound
from longlag.trials.outcome import Outcome


class LengthScore(NamedTuple):
    """The score of the seeds of a model at one length.

    Attributes:
        length: Number of inputs of a sequence.
        skill: Skill over seeds.
        solved: Number of seeds that solve it.
        seeds: Number of scored seeds.
        chance: Accuracy of the best prediction that ignores the inputs.
        ceiling: Best accuracy that any predictor can reach.
        standing: Whether accuracy is above, at or below chance.
    """

    length: int
    skill: Estimate
    solved: int
    seeds: int
    chance: float
    ceiling: float
    standing: Literal["above", "at", "below"]


class ModelAnswer(NamedTuple):
    """The results of a model at each length.

    Attributes:
        model: The label of the model.
        scores: Its score at each length that it can process, from short to long.
        per_seed: For each trained seed the longest length that it solves together with all
            lengths from the training length on; 0 if it does not solve the training length.
        median: The longest length that half of these seeds or more solve; 0 for none.
        interval: Interval for the median, from order statistics.
        coverage: The probability that it covers the median; below 0.95 with few seeds.
        fixed: The number of timesteps of a sample, if the model takes no other; else None.
        unread: Lengths without a score for that reason.
        missing: Number of seeds that failed, or are not trained yet.
        failures: The number of failed seeds, by reason.
        reasons: The number of seeds that did not solve the training length, by reason.
        outcomes: The outcomes of the finished seeds.
    """

    model: str
    scores: tuple[LengthScore, ...]
    per_seed: tuple[int, ...]
    median: int
    interval: tuple[float, float]
    coverage: float
    fixed: int | None
    unread: tuple[int, ...]
    missing: int
    failures: Mapping[str, int]
    reasons: Mapping[str, int]
    outcomes: tuple[Outcome, ...]

    def __str__(self) -> str:
        if not self.per_seed:
            why = ", ".join(self.failures)
            return f"missing ({why})" if why else "nothing so far"
        low, high = (f"{bound:g}" if bound else "none" for bound in self.interval)
        # With unscored lengths the limit is the model's own.
        last = self.median == self.scores[-1].length and not self.unread
        median = f"length {self.median}{' or more' if last else ''}" if self.median else "no length"
        few = no_interval(len(self.per_seed))
        return f"{median} {f'({few})' if few else f'[{low}, {high}]'}"

    @property
    def refusal(self) -> str:
        """Why some lengths have no score, in a sentence; else empty."""
        if self.fixed is None:
            return ""
        lengths = "length" if len(self.unread) == 1 else "lengths"
        return (
            f"{self.model} reads samples of exactly {self.fixed} timesteps: it cannot run at "
            f"{lengths} {', '.join(map(str, self.unread))}."
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeneralisationAnswer:
    """The results of each model at lengths other than that of training.

    Attributes:
        problem: The problem.
        train: The training length.
        test: The test lengths, from short to long.
        models: The models, in the order of the question.
        complete: Whether every seed of every model was scored.
        lower_bound: The trials still learning when the budget ended; None if there are none.
    """

    problem: Problem
    train: int
    test: tuple[int, ...]
    models: tuple[ModelAnswer, ...]
    complete: bool
    lower_bound: LowerBound | None

    def __str__(self) -> str:
        models = "; ".join(f"{each.model}: {each}" for each in self.models)
        return f"{models}. {self.lower_bound.advice(flags=False)}" if self.lower_bound else models
