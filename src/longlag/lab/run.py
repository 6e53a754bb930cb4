"""Runs: what came out of training, beside chance and ceiling."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Num

from longlag.lab import statistics
from longlag.lab.diagnosis import SOLVED
from longlag.lab.shortcuts import shortcuts
from longlag.lab.statistics import Estimate
from longlag.models import Decoder, Model
from longlag.problems import Reals
from longlag.training.engine import Progress

if TYPE_CHECKING:
    from longlag.lab.checkpoint import Trained
    from longlag.lab.trial import Setting
    from longlag.lab.tuning import Tuned


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """What a model said about fresh sequences, beside what was asked: `(count, step)` each.

    A prediction is right when it is the target, or, for reals, within `tolerance` of it.
    """

    inputs: Num[np.ndarray, "count step"]
    targets: Num[np.ndarray, "count step"]
    scored: Bool[np.ndarray, "count step"]
    predicted: Num[np.ndarray, "count step"]
    tolerance: float = 0.0

    @classmethod
    def join(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """One evaluation out of several."""
        names = ["inputs", "targets", "scored", "predicted"]
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**joined, tolerance=parts[0].tolerance)

    @property
    def right(self) -> Bool[np.ndarray, "count step"]:
        """Where the prediction counts and is right."""
        return self.scored & (np.abs(self.predicted - self.targets) <= self.tolerance)

    @property
    def accuracy(self) -> float:
        """Share of the scored steps that are right."""
        return float(self.right.sum() / self.scored.sum())

    @property
    def whole(self) -> float:
        """Share of the sequences of which every scored step is right."""
        return float((self.right | ~self.scored).all(axis=1).mean())

    @property
    def error(self) -> float:
        """Root of the mean squared difference over the scored steps."""
        apart = (self.predicted - self.targets)[self.scored].astype(np.float64)
        return float(np.sqrt(np.mean(apart**2)))

    @property
    def by_step(self) -> Float[np.ndarray, " step"]:
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
        tuned: The search that chose the setting, if any.
    """

    setting: Setting
    seeds: tuple[int, ...]
    models: tuple[Model | Decoder, ...]
    history: tuple[tuple[Progress, ...], ...]
    evaluations: tuple[Evaluation, ...]
    interrupted: bool
    compile_seconds: float
    train_seconds: float
    total_seconds: float
    tuned: Tuned | None = None

    @functools.cached_property
    def accuracy(self) -> Estimate:
        """Accuracy on fresh sequences: mean over seeds, interval, each seed."""
        return self._share([evaluation.accuracy for evaluation in self.evaluations])

    @functools.cached_property
    def whole(self) -> Estimate:
        """Share of fresh sequences that are right at every scored step."""
        return self._share([evaluation.whole for evaluation in self.evaluations])

    def _share(self, shares: list[float]) -> Estimate:
        single = self.setting.problem.sequences == 1
        return statistics.accuracy(shares, None if single else len(self.evaluations[0].inputs))

    @functools.cached_property
    def error(self) -> Estimate | None:
        """For real targets: the root mean square error, over seeds; else None."""
        if not isinstance(self.setting.problem.targets, Reals):
            return None
        return statistics.over_seeds([evaluation.error for evaluation in self.evaluations])

    @functools.cached_property
    def chance(self) -> float:
        """Accuracy of the best prediction that ignores the inputs."""
        return self.setting.problem.chance(self.setting.scored)

    @functools.cached_property
    def chance_error(self) -> float | None:
        """For real targets: the error of the best prediction that ignores the inputs."""
        if self.error is None:
            return None
        return self.setting.problem.chance_error(self.setting.scored)

    @property
    def ceiling(self) -> float:
        """Best accuracy that any predictor can reach."""
        return self.setting.problem.ceiling(self.setting.scored)

    @functools.cached_property
    def shortcuts(self) -> dict[str, float]:
        """Accuracy of the shortcuts on the same fresh sequences (`longlag.lab.shortcuts`)."""
        return shortcuts(self.setting.problem, Evaluation.join(self.evaluations))

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

        The exact binomial test over all scored targets where these are independent, or one
        a sequence; else a test on the shares of right answers of whole sequences.
        """
        right = np.concatenate([evaluation.right for evaluation in self.evaluations])
        scored = np.concatenate([evaluation.scored for evaluation in self.evaluations])
        if self.setting.problem.independent or (scored.sum(axis=1) == 1).all():
            hits, trials = int(right.sum()), int(scored.sum())
            return statistics.chance_probability(hits, trials, self.chance)
        return statistics.above_probability(right.sum(axis=1) / scored.sum(axis=1), self.chance)

    @property
    def diverged_at(self) -> tuple[int | None, ...]:
        """The update at which each seed diverged, None for a seed that did not."""
        return tuple(reports[-1].diverged_at if reports else None for reports in self.history)

    @property
    def verdict(self) -> str:
        """The first that is true.

        `diverged`, `solved`, `below chance` (the whole interval), `at chance`, else `partly
        learned`.
        """
        if any(at is not None for at in self.diverged_at):
            return "diverged"
        if all(self.solved):
            return "solved"
        if self.accuracy.interval[1] < self.chance:
            return "below chance"
        if self.chance_probability > 1 - statistics.CONFIDENCE:
            return "at chance"
        return "partly learned"

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        solved, count = sum(self.solved), len(self.seeds)
        name = "accuracy" if self.error is None else "within tolerance"
        figures = f"{name} {self.accuracy.mean:.3f}, chance {self.chance:.3g}"
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
            case "below chance":
                return f"a constant prediction does better; {figures}"
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
        self, sequence: Sequence[float] | np.ndarray, *, seed: int | None = None
    ) -> Num[np.ndarray, " prediction"]:
        """What the model of a seed says about a sequence.

        Args:
            sequence: The values shown, before the answer where there is one. Another number
                of them than in training will do where the problem stays the same.
            seed: Whose model, one of `seeds`; the first by default.

        Returns:
            The predicted values, one for each step that the framing scores.
        """
        return self.trained(seed).predict(sequence)

    def save(self, path: str | os.PathLike[str], *, seed: int | None = None) -> None:
        """Write the model of a seed, the first by default, as safetensors (`longlag.load`)."""
        self.trained(seed).save(path)

    def trained(self, seed: int | None = None) -> Trained:
        """The model of a seed, the first by default, with what it was trained for."""
        from longlag.lab.checkpoint import Trained

        seed = self.seeds[0] if seed is None else seed
        return Trained(self.setting, seed, self.models[self._place(seed)])

    def _place(self, seed: int) -> int:
        if seed not in self.seeds:
            raise ValueError(f"Run: `seed` must be one of {list(self.seeds)}, got {seed}.")
        return self.seeds.index(seed)

    def __repr__(self) -> str:
        return f"Run({self.verdict}: {self.reason})"
