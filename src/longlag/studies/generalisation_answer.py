"""What a generalisation study answers: skill against length, and the longest length solved."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

from longlag.problems import Problem
from longlag.scores.statistics import Estimate, no_interval
from longlag.studies.lower_bound import LowerBound
from longlag.trials.outcome import Outcome


class LengthScore(NamedTuple):
    """What the seeds of a model scored at one length.

    Attributes:
        length: Values that a sequence shows.
        skill: Skill over seeds.
        solved: Seeds that solve it.
        seeds: Seeds that were scored.
        chance: Accuracy of the best prediction that ignores the inputs.
        ceiling: Best accuracy that any predictor can reach.
        standing: How right answers compare with those of a guesser: above, at or below chance.
    """

    length: int
    skill: Estimate
    solved: int
    seeds: int
    chance: float
    ceiling: float
    standing: Literal["above", "at", "below"]


class ModelAnswer(NamedTuple):
    """How a model does at each length.

    Attributes:
        model: The model, in words.
        scores: What it scored at each length that it can read, from short to long.
        per_seed: For each seed that was trained the longest length that it solves, all lengths
            from the training length up to it included; 0 where it does not solve that.
        median: The longest length that half of these seeds or more solve; 0 for none.
        interval: Interval for the median, from the order of the seeds alone.
        coverage: The probability that it covers the median; below 0.95 with few seeds.
        fixed: The timesteps of a sample, where the model reads no others; else None.
        unread: Lengths that it cannot read for that.
        missing: Seeds that failed, or are not trained yet.
        failures: Why seeds failed, by reason: how many.
        reasons: Why seeds did not solve the length trained at, and how many.
        outcomes: What each seed came to.
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
        # Beyond what it cannot read there is no more.
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
    """How each model does at lengths that it was not trained at.

    Attributes:
        problem: The problem trained on.
        train: The length trained at.
        test: The lengths scored at, from short to long.
        models: The models, in the order of the question.
        complete: Whether every seed of every model was scored.
        lower_bound: Where trials were still learning when the budget ended: how many; else None.
    """

    problem: Problem
    train: int
    test: tuple[int, ...]
    models: tuple[ModelAnswer, ...]
    complete: bool
    lower_bound: LowerBound | None

    def __str__(self) -> str:
        found = "; ".join(f"{each.model}: {each}" for each in self.models)
        return f"{found}. {self.lower_bound.advice(flags=False)}" if self.lower_bound else found
