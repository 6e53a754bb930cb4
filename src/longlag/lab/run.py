"""Runs: what came out of training, beside chance and ceiling."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from longlag.lab import statistics
from longlag.lab.statistics import Estimate
from longlag.models import Model
from longlag.training.engine import Progress

if TYPE_CHECKING:
    from longlag.lab.trial import Setting

SOLVED = 0.99
"""Skill from which a seed counts as having solved its problem."""


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model said about fresh sequences, beside what was asked: `(count, length)` each."""

    inputs: Int[np.ndarray, "count length"]
    targets: Int[np.ndarray, "count length"]
    scored: Bool[np.ndarray, "count length"]
    predicted: Int[np.ndarray, "count length"]

    @classmethod
    def join(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """One evaluation out of several."""
        fields = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))

    @property
    def right(self) -> Bool[np.ndarray, "count length"]:
        """Where the prediction counts and is right."""
        return self.scored & (self.predicted == self.targets)

    @property
    def accuracy(self) -> float:
        """Share of the scored steps that are right."""
        return float(self.right.sum() / self.scored.sum())

    @property
    def by_step(self) -> Float[np.ndarray, " length"]:
        """Accuracy at each step of the sequence; NaN where nothing is scored."""
        counts = self.scored.sum(axis=0)
        return np.where(counts > 0, self.right.sum(axis=0) / np.maximum(counts, 1), np.nan)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A setting fitted for a number of seeds.

    Attributes:
        setting: Problem, framing, encoding, model and recipe.
        seeds: The seeds, in the order of everything below.
        models: The trained models.
        history: The progress of each seed, a report a chunk.
        evaluations: What each model said about fresh sequences.
        interrupted: Whether training was cut short by hand.
        compile_seconds: Time spent on compiling.
        train_seconds: Time spent on training, draws included.
        total_seconds: All of it, evaluation included.
    """

    setting: Setting
    seeds: tuple[int, ...]
    models: tuple[Model, ...]
    history: tuple[tuple[Progress, ...], ...]
    evaluations: tuple[Evaluation, ...]
    interrupted: bool
    compile_seconds: float
    train_seconds: float
    total_seconds: float

    @functools.cached_property
    def accuracy(self) -> Estimate:
        """Accuracy on fresh sequences: mean over seeds, interval, each seed."""
        shares = [evaluation.accuracy for evaluation in self.evaluations]
        return statistics.accuracy(shares, len(self.evaluations[0].inputs))

    @property
    def chance(self) -> float:
        """Accuracy of the best prediction that ignores the inputs."""
        return self.setting.problem.chance

    @property
    def ceiling(self) -> float:
        """Best accuracy that any predictor can reach."""
        return self.setting.problem.ceiling

    @property
    def skill(self) -> tuple[float, ...]:
        """(accuracy - chance) / (ceiling - chance) of each seed."""
        span = self.ceiling - self.chance
        return tuple((share - self.chance) / span for share in self.accuracy.per_seed)

    @property
    def solved(self) -> tuple[bool, ...]:
        """Which seeds reached a skill of 0.99."""
        return tuple(skill >= SOLVED for skill in self.skill)

    @functools.cached_property
    def chance_probability(self) -> float:
        """How probable so many right answers are for a guesser at chance.

        The binomial test over all scored targets, exact where targets are independent.
        """
        right = sum(int(evaluation.right.sum()) for evaluation in self.evaluations)
        scored = sum(int(evaluation.scored.sum()) for evaluation in self.evaluations)
        return statistics.chance_probability(right, scored, self.chance)

    @property
    def diverged_at(self) -> tuple[int | None, ...]:
        """The update at which each seed diverged, None for a seed that did not."""
        return tuple(reports[-1].diverged_at if reports else None for reports in self.history)

    @property
    def verdict(self) -> str:
        """`diverged`, `solved`, `at chance`, or `partly learned`, in that order of checking."""
        if any(at is not None for at in self.diverged_at):
            return "diverged"
        if all(self.solved):
            return "solved"
        if self.chance_probability > 1 - statistics.CONFIDENCE:
            return "at chance"
        return "partly learned"

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        solved, count = sum(self.solved), len(self.seeds)
        figures = f"accuracy {self.accuracy.mean:.3f}, chance {self.chance:.3g}"
        match self.verdict:
            case "solved":
                return f"{solved} of {count} seeds reach {SOLVED:.0%} of the skill; {figures}"
            case "diverged":
                at = [
                    f"seed {seed} at update {update}"
                    for seed, update in zip(self.seeds, self.diverged_at, strict=True)
                    if update is not None
                ]
                return f"the loss of {' and '.join(at)} left all bounds; {figures}"
            case "at chance":
                return (
                    f"not distinguishable from chance ({self.chance:.3g}): "
                    f"p = {self.chance_probability:.2f}"
                )
            case _:
                return f"above chance, {solved} of {count} seeds solved it; {figures}"

    @property
    def updates(self) -> int:
        """Updates made by the seed that made most."""
        return max((reports[-1].updates for reports in self.history if reports), default=0)

    @property
    def sequences(self) -> tuple[int, ...]:
        """Sequences that each seed was trained on."""
        layout = self.setting.layout
        made = (reports[-1].updates if reports else 0 for reports in self.history)
        return tuple(updates * layout.sequences // len(layout.steps) for updates in made)

    def predict(
        self, sequence: Sequence[int] | np.ndarray, *, seed: int | None = None
    ) -> Int[np.ndarray, " prediction"]:
        """What the model of a seed says about a sequence.

        Args:
            sequence: Values, as many as the framing needs at least.
            seed: Whose model, one of `seeds`; the first by default.

        Returns:
            The predicted values, one for each step that the framing scores.
        """
        if seed is not None and seed not in self.seeds:
            raise ValueError(f"predict: `seed` must be one of {list(self.seeds)}, got {seed}.")
        place = 0 if seed is None else self.seeds.index(seed)
        return self.setting.predict(self.models[place], sequence)

    def __repr__(self) -> str:
        return f"Run({self.verdict}: {self.reason})"
