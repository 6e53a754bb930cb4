"""Runs: the results of training, beside chance and ceiling."""

from __future__ import annotations

import dataclasses
import functools
import numbers
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Bool, Num

from longlag import arguments
from longlag.answers.answer import Level, kind_of
from longlag.answers.blocks import Block, text
from longlag.answers.format import counted
from longlag.arguments import short_repr
from longlag.events import Advanced
from longlag.models import AnyModel
from longlag.problems import Problem
from longlag.scores.evaluation import Evaluation
from longlag.scores.score import Score
from longlag.scores.scored import Scored
from longlag.training import program
from longlag.trials.diagnosis import Diagnosis, diagnose
from longlag.trials.environment import Environment, here, libraries
from longlag.trials.outcome import (
    Bounds,
    ModelSize,
    Outcome,
    Seconds,
    learning_curve,
    noise,
    scored_updates,
    size_and_speed,
    updates_with_loss,
)
from longlag.trials.resources import Resources
from longlag.trials.seed_score import SeedScore

if TYPE_CHECKING:
    from longlag.trials.checkpoint import Trained
    from longlag.trials.setting import Setting


_CUT = "Interrupted: the score so far."


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
        resources: What training and predicting took besides, the same for every seed.
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
    resources: Resources = Resources()

    @functools.cached_property
    def problem(self) -> Problem:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The problem of the main test."""
        return self.setting.on().problem

    @functools.cached_property
    def scored(self) -> Bool[np.ndarray, " step"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The steps of an episode of the main test that are scored."""
        return self.setting.on().scored

    figures: ClassVar = ("training", "steps")

    @property
    def subject(self) -> str:
        setting = self.setting
        return f"{setting.model.words} on {setting.problem.words}, {setting.framing.words}"

    @property
    def predictor(self) -> str:
        return self.setting.model.words

    @property
    def best(self) -> str:
        return self._main.best

    def by_test(self) -> Mapping[str, Scored]:
        return self.scores

    @property
    def why(self) -> Diagnosis | None:
        """The most frequent first reason why seeds fell short, with its remedy as arguments."""
        return None if (found := self.shortfall) is None else found[1]

    @functools.cached_property
    def shortfall(self) -> tuple[int, Diagnosis] | None:
        """The first seed with the most frequent first reason, and that."""
        if self.interrupted or self.verdict in ("solved", "better"):
            return None
        firsts = {s: reasons[0] for s in self.seeds if (reasons := diagnose(self, seed=s))}
        names = [each.reason for each in firsts.values()]
        most = max(names, key=names.count, default=None)
        return next(((s, each) for s, each in firsts.items() if each.reason == most), None)

    def blocks(self) -> Iterator[Block]:
        yield from super().blocks()
        if self.interrupted:
            yield text(_CUT, kind="notice")
        if (found := self.shortfall) is not None:
            seed, why = found
            yield text(f"{why}" if len(self.seeds) == 1 else f"Seed {seed}: {why}", kind="advice")

    def _trained(self) -> str:
        recipe, sequences = self.setting.recipe.details_with_rate, max(self.sequences)
        return (
            f"{ModelSize.of([self.outcome()])}; trained on {counted(sequences, 'sequence')} per "
            f"seed{f', {recipe}' if recipe else ''}. {f'{_CUT} ' if self.interrupted else ''}"
        )

    def _libraries(self) -> str:
        return libraries([self.environment])

    def _figures(self) -> dict[str, str]:
        sequences = f"{counted(max(self.sequences), 'sequence')} per seed"
        recipe = self.setting.recipe.details_with_rate
        return {
            **super()._figures(),
            "model": str(ModelSize.of([self.outcome()])),
            "trained": f"{counted(self.updates, 'update')} on {sequences}",
            **({"recipe": recipe} if recipe else {}),
            "seconds": f"{self.compile_seconds:.1f} compile, {self.train_seconds:.1f} train, "
            f"{self.total_seconds:.1f} total",
        }

    def document(self) -> dict[str, Any]:
        setting, why = self.setting, self.why
        parts = ("problem", "framing", "model", "recipe")
        return {
            **{name: repr(getattr(setting, name)) for name in parts},
            "encoding": setting.encoding and setting.encoding.title(),
            **super().document(),
            "environments": [self.environment.document()],
            **size_and_speed([self.outcome()]),
            "updates": self.updates,
            "sequences": self.sequences,
            "diverged_at": self.diverged_at,
            "interrupted": self.interrupted,
            "why": why and why._asdict(),
            "seconds": {
                "compile": self.compile_seconds,
                "train": self.train_seconds,
                "total": self.total_seconds,
            },
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        rows = super().rows(level)
        if level == "trial":
            sizes = {
                seed: size_and_speed([self.outcome(place)]) for place, seed in enumerate(self.seeds)
            }
            return [row | sizes[row["seed"]] | self.environment.columns() for row in rows]
        own = {
            **size_and_speed([self.outcome()]),
            "recipe": self.setting.recipe.details_with_rate,
        }
        baseline = {"recipe": ""}  # which a forecast stands beside
        return [row | (own if row["model"] == self.predictor else baseline) for row in rows]

    @functools.cached_property
    def scores(self) -> dict[str, Score]:
        """The score on each test, by name, the main test first."""
        main = next(iter(self.setting.scored_on))
        by_test = {main: self.evaluations, **self.others}
        return {name: self._score(name, each) for name, each in by_test.items()}

    @property
    def _main(self) -> Score:
        """The score on the main test."""
        return next(iter(self.scores.values()))

    def _score(self, test: str, evaluations: tuple[Evaluation, ...]) -> Score:
        on = self.setting.on(test)
        return Score(
            problem=on.problem,
            framing=on.framing,
            scored=on.scored,
            seeds=self.seeds,
            evaluations=evaluations,
            diverged=self.diverged_at,
            audit=on.audit(),
        )

    @property
    def reachable(self) -> float:
        """Best possible score on the main test, from the inputs that reach the model (`audit`)."""
        return self._main.reachable

    @property
    def verdict(self) -> str:
        """The first that applies, as of any predictor (`longlag.scores.scored.Scored`).

        Where no input in sight says more than chance, above chance is luck: `at chance`.
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

    def outcome(self, place: int = 0, *, validation: float | None = None) -> Outcome:
        """The outcome of one seed, as the store has it.

        Args:
            place: Its index among the seeds.
            validation: Its accuracy on the validation stream, if that was measured.
        """
        history, setting, model = self.history[place], self.setting, self.models[place]
        problem, audit = setting.problem, setting.audit()
        scored = scored_updates(setting.layout)
        losses = np.concatenate([np.zeros(0), *(each.losses for each in history)])
        held_out = problem.held_out("evaluation", setting.scored)
        last = history[-1] if history else None
        evaluating = self.total_seconds - self.compile_seconds - self.train_seconds
        return Outcome(
            ended="finished" if last is None or last.outcome == "running" else last.outcome,
            diverged_at=self.diverged_at[place],
            updates=0 if last is None else last.updates,
            sequences=self.sequences[place],
            validation=validation,
            reachable=audit.ceiling,
            audit=audit.verdict,
            bounds=Bounds(problem.chance(setting.scored), problem.ceiling(setting.scored)),
            curve=learning_curve([each.by_update for each in history], scored),
            parameters=program.parameters(model),
            state=model.state_size,
            seconds=Seconds(self.compile_seconds, self.train_seconds, evaluating),
            scores={
                name: SeedScore.of(score, place, in_distribution=score.problem == problem)
                for name, score in self.scores.items()
            },
            environment=self.environment,
            fresh=held_out is None and setting.framing.output != "decoder",
            teacher_forcing=setting.framing.output == "decoder",
            resources=self.resources,
            noise=noise(losses[updates_with_loss(losses, scored)]),
        )

    @functools.cached_property
    def environment(self) -> Environment:
        """The libraries, the machine and the device that it was trained with."""
        return here(next(iter(self.models), None), self.setting.recipe.dtype)

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

    def save(
        self, path: str | os.PathLike[str], *, seed: int | None = None, force: bool = False
    ) -> None:
        """Write the model of a seed as safetensors (`longlag.load`), or the answer.

        Args:
            path: `.safetensors`, or no ending, gives the model; an ending of an answer, such as
                `.json` or `.tex`, the answer.
            seed: Whose model, one of `seeds`; the first by default.
            force: Replace a file that longlag did not write.

        Raises:
            ValueError: It ends otherwise, or longlag did not write the file that is there.
        """
        arguments.path("save", "path", path)
        if arguments.ending(path) in ("", ".safetensors"):
            self.trained(seed).save(path, force=force)
        else:
            kind_of(path, "save", model=True)
            super().save(path, force=force)

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
