"""Runs: the results of training, beside chance and ceiling."""

from __future__ import annotations

import dataclasses
import functools
import numbers
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Num

from longlag.arguments import short_repr
from longlag.events import Advanced
from longlag.models import AnyModel
from longlag.problems import Problem
from longlag.scores.evaluation import Evaluation
from longlag.scores.score import Score, Scored

if TYPE_CHECKING:
    from longlag.trials.checkpoint import Trained
    from longlag.trials.setting import Setting


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Run(Scored):
    """A setting trained with several seeds.

    Its figures are those of the main test, the first; `scores` has those of every test.

    Attributes:
        setting: Problem, framing, encoding, model and recipe.
        seeds: The seeds, in the order of all tuples below.
        models: The trained models.
        history: The progress of each seed, chunk by chunk.
        evaluations: The predictions of each model on fresh sequences of the main test.
        interrupted: Whether the user stopped the training early.
        compile_seconds: Time for compiling, or for waiting until another trial has compiled.
        train_seconds: Time for training, drawing sequences included.
        total_seconds: Time for everything, evaluation included.
        remarks: Notes on the figures: the search that chose the setting.
        others: The predictions of each model on fresh sequences of the other tests, by name.
    """

    setting: Setting
    seeds: tuple[int, ...]
    models: tuple[AnyModel, ...]
    history: tuple[tuple[Advanced, ...], ...]
    evaluations: tuple[Evaluation, ...]
    interrupted: bool
    compile_seconds: float
    train_seconds: float
    total_seconds: float
    remarks: tuple[str, ...] = ()
    others: Mapping[str, tuple[Evaluation, ...]] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def problem(self) -> Problem:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The problem of the main test."""
        return self.setting.on().problem

    @functools.cached_property
    def scored(self) -> Bool[np.ndarray, " step"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The steps of an episode of the main test that are scored."""
        return self.setting.on().scored

    @functools.cached_property
    def scores(self) -> dict[str, Score]:
        """The score on each test, by name, the main test first."""
        main = next(iter(self.setting.scored_on))
        by_test = {main: self.evaluations, **self.others}
        return {name: self._score(name, each) for name, each in by_test.items()}

    def _score(self, test: str, evaluations: tuple[Evaluation, ...]) -> Score:
        on = self.setting.on(test)
        return Score(
            problem=on.problem,
            framing=on.framing,
            scored=on.scored,
            seeds=self.seeds,
            evaluations=evaluations,
            diverged=self.diverged_at,
        )

    @functools.cached_property
    def reachable(self) -> float:
        """Best possible score on the main test, from the inputs that reach the model (`audit`)."""
        return self.setting.on().audit().ceiling

    @property
    def verdict(self) -> str:
        """The first that applies, as of any predictor (`longlag.scores.score.Scored`).

        Where no input in sight says more than guessing, better than guessing is luck: `at chance`.
        """
        verdict = super().verdict
        lucky = verdict == "partly learned" and self.reachable <= self.chance
        return "at chance" if lucky else verdict

    @property
    def diverged_at(self) -> tuple[int | None, ...]:
        """The update at which each seed diverged, None for a seed that did not."""
        return tuple(reports[-1].diverged_at if reports else None for reports in self.history)

    @property
    def updates(self) -> int:
        """Number of updates of the seed with the most."""
        return max((reports[-1].updates for reports in self.history if reports), default=0)

    @property
    def sequences(self) -> tuple[int, ...]:
        """Number of training sequences of each seed."""
        layout = self.setting.layout
        counts = (reports[-1].updates if reports else 0 for reports in self.history)
        return tuple(updates * layout.sequences // len(layout.steps) for updates in counts)

    def predict(
        self,
        sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray,
        *,
        seed: int | None = None,
    ) -> Num[np.ndarray, "prediction *shape"]:
        """The predictions of the model of a seed for a sequence.

        Args:
            sequence: The inputs, before the answer where there is one. Their number may differ
                from training where the problem stays the same. For a real series: the latest
                `length + lags - 1` rows, in the unit of each column.
            seed: Whose model, one of `seeds`; the first by default.

        Returns:
            The predictions `(prediction, *shape)`, one per scored step; for a real series in the
            unit of the target, the forecast from its latest row last.
        """
        return self.trained(seed).predict(sequence)

    def save(self, path: str | os.PathLike[str], *, seed: int | None = None) -> None:
        """Write the model of a seed, the first by default, as safetensors (`longlag.load`)."""
        self.trained(seed).save(path)

    def trained(self, seed: int | None = None) -> Trained:
        """The model of a seed, the first by default, with its setting."""
        from longlag.trials.checkpoint import Trained

        seed = self.seeds[0] if seed is None else seed
        return Trained(self.setting, seed, self.models[self.place(seed)])

    def place(self, seed: int) -> int:
        """The index of a seed among the seeds."""
        if not isinstance(seed, numbers.Integral) or seed not in self.seeds:
            raise ValueError(
                f"Run: `seed` must be one of {list(self.seeds)}, got {short_repr(seed)}."
            )
        return self.seeds.index(seed)
