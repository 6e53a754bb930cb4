"""Generalisation: models trained at one length of sequence, scored at others."""

from __future__ import annotations

import dataclasses
import operator
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, SupportsIndex

from longlag.encodings import IntegerEncoding
from longlag.framings import Framing
from longlag.knobs import named_arguments, require
from longlag.models import ModelFactory
from longlag.problems import PROBLEMS, Problem
from longlag.scores import statistics
from longlag.scores.evaluation import seed_list
from longlag.scores.statistics import SOLVED
from longlag.store.store import STORE
from longlag.studies import labels
from longlag.studies.about import About, SeedResult
from longlag.studies.ask import Progress, run_study
from longlag.studies.generalisation_answer import (
    GeneralisationAnswer,
    LengthScore,
    ModelAnswer,
    name_at,
)
from longlag.studies.labels import SeveralModels
from longlag.studies.ladder import BUDGET, checked_solve_at, until_solved
from longlag.studies.lower_bound import lower_bound
from longlag.studies.study import Study, words
from longlag.trackers import Track
from longlag.training import Dtype, OptimizerName, Recipe, Schedule
from longlag.trials import documents
from longlag.trials.diagnosis import diagnose
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome, side_of_chance, skill
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor

TIMES = (1, 2, 4, 16)
"""Default test lengths, as multiples of the training length."""


class Generalisation(Study):
    """The skill of models at sequence lengths other than that of training.

    Each seed of each model is trained once, at the length of the problem, and scored at every
    length on fresh sequences. The training length is always scored, and is the main test. A longer
    length counts as solved only if all lengths from the training length up to it are solved.
    Training ends once the problem is solved at its own length: scores at other lengths choose
    nothing.

    Args:
        problem: The problem, at the training length.
        framing: How its episodes become samples.
        models: The models, or a mapping of the names to show to models.
        test: Numbers of inputs of a test sequence; by default 1, 2, 4 and 16 times that of
            training.
        encoding: `OneHot` or `Scaled`, for integers; one-hot by default.
        recipe: Its `sequences` are the budget of a trial.
        seeds: The seeds.
        solve_at: Skill on fresh sequences from which a length counts as solved.

    Raises:
        ValueError: A value is out of range, a length would be another problem, or the framing does
            not fit.

    >>> from longlag import EchoLag, LSTM, MLP, Whole
    >>> study = Generalisation(EchoLag(length=10), Whole(), [LSTM(), MLP()], test=[20])
    >>> study.train, study.test, [list(each.scored_on) for each in study.examples()]
    (10, (10, 20), [['length 10', 'length 20'], ['length 10']])
    """

    kind: ClassVar[str] = "generalise"

    def __init__(
        self,
        problem: Problem,
        framing: Framing,
        models: SeveralModels,
        *,
        test: Iterable[int] | None = None,
        encoding: type[IntegerEncoding] | None = None,
        recipe: Recipe | None = None,
        seeds: SupportsIndex | Iterable[int] = 5,
        solve_at: float = SOLVED,
    ):
        self.seeds = seed_list(seeds)
        self.solve_at = checked_solve_at("Generalisation", solve_at)
        require("Generalisation", "problem", problem, Problem, "a problem, such as EchoLag()")
        self.problem, self.framing, self.encoding = problem, framing, encoding
        self.recipe = Recipe(sequences=BUDGET) if recipe is None else recipe
        self.train = problem.steps - problem.answers
        self.rates = (self.recipe.learning_rate,)
        self.problems = {words(problem): problem}
        self._models = labels.models_by_label("Generalisation", models)
        self._label = {model: name for name, model in self._models.items()}
        chosen = [times * self.train for times in TIMES] if test is None else list(test)
        lengths = {self.train, *_lengths(chosen)}
        self.test = tuple(sorted(lengths))
        # The training length comes first, as the main test.
        order = [self.train, *(each for each in self.test if each != self.train)]
        by_length = {length: _with_length(problem, length) for length in order}
        self._settings = {
            name: self._setting(each, by_length) for name, each in self._models.items()
        }
        self._queue = [(name, seed) for seed in self.seeds for name in self._models]
        self._outcome: dict[tuple[str, int], Outcome | None] = {}
        self._reasons: dict[tuple[str, int], str] = {}

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Generalisation:
        settings = [documents.setting(document) for document in question["settings"]]
        rest = {name: question[name] for name in ("test", "seeds", "solve_at")}
        shared = settings[0]
        return cls(
            shared.problem,
            shared.framing,
            labels.of(question, [setting.model for setting in settings]),
            encoding=shared.encoding,
            recipe=shared.recipe,
            **rest,
        )

    def question(self) -> dict[str, Any]:
        plain = (self._plain(model) for model in self._models.values())
        return {
            "settings": [documents.stored(setting) for setting in plain],
            "test": list(self.test),
            "seeds": list(self.seeds),
            "solve_at": self.solve_at,
            **labels.document(self._models),
        }

    def ask(self) -> Trial | None:
        if not self._queue:
            return None
        name, seed = self._queue.pop(0)
        return Trial(setting=self._settings[name], seed=seed)

    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        key = self._label.get(trial.setting.model, ""), trial.seed
        if outcome is not None and (reasons := diagnose(outcome, self.solve_at)):
            self._reasons[key] = reasons[0].reason
        if outcome is not None and not self.keep_curves:
            outcome = outcome.without_details()
        self._outcome[key] = outcome

    def examples(self) -> list[Setting]:
        return list(self._settings.values())

    def left(self) -> int | None:
        return len(self._models) * len(self.seeds) - len(self._outcome)

    def ahead(self) -> Iterator[tuple[Setting, int]]:
        for name, setting in self._settings.items():
            ended = sum((name, seed) in self._outcome for seed in self.seeds)
            yield setting, len(self.seeds) - ended

    def answer(self) -> GeneralisationAnswer:
        """The answer from the outcomes so far."""
        models = tuple(map(self._answer, self._models))
        terms = self.kind, words(self.framing), self.seeds, self.recipe.sequences, self.solve_at
        recipe = self.recipe.details_with_rate
        return GeneralisationAnswer(
            about=About(*terms, self.versions, recipe, labels.given_names(self._models)),
            problem=words(self.problem),
            train=self.train,
            test=self.test,
            models=models,
            complete=not any(each.missing for each in models),
            lower_bound=lower_bound(
                (trial for each in models for trial in each.trials),
                sum(len(each.outcomes) for each in models),
                "trials",
                self.recipe,
                rate=self.recipe.learning_rate,
            ),
        )

    def _answer(self, name: str) -> ModelAnswer:
        by_seed = ((seed, self._outcome.get((name, seed))) for seed in self.seeds)
        trials = tuple(
            SeedResult(seed, outcome, self._reasons.get((name, seed), ""))
            for seed, outcome in by_seed
            if outcome is not None
        )
        outcomes = tuple(trial.outcome for trial in trials)
        setting = self._settings[name]
        scored = tuple(each for each in self.test if name_at(each) in setting.scored_on)
        unscored = tuple(each for each in self.test if each not in scored)
        per_seed = [self._longest(outcome, scored) for outcome in outcomes]
        interval, coverage = (0.0, 0.0), 0.0
        if per_seed:
            _, interval, coverage = statistics.median_interval(per_seed)
        return ModelAnswer(
            model=name,
            scores=tuple(self._score(setting, outcomes, each) for each in scored)
            if outcomes
            else (),
            per_seed=tuple(per_seed),
            # As in a frontier: half of the seeds or more solve it.
            median=sorted(per_seed)[len(per_seed) // 2] if per_seed else 0,
            interval=interval,
            coverage=coverage,
            fixed=setting.sizes.timesteps if unscored else None,
            unread=unscored,
            missing=len(self.seeds) - len(outcomes),
            failures=self.why_missing(setting, self.seeds),
            reasons=Counter(trial.reason for trial in trials if trial.reason),
            trials=trials,
        )

    def _score(self, setting: Setting, outcomes: tuple[Outcome, ...], length: int) -> LengthScore:
        test = name_at(length)
        scores = [outcome.score(test) for outcome in outcomes]
        return LengthScore(
            length=length,
            skill=skill(outcomes, test),
            solved=sum(score.skill >= self.solve_at for score in scores),
            seeds=len(scores),
            chance=scores[0].chance,
            ceiling=scores[0].ceiling,
            reachable=setting.on(test).audit().ceiling,
            standing=side_of_chance(outcomes, test),
        )

    def _longest(self, outcome: Outcome, lengths: tuple[int, ...]) -> int:
        longest = 0
        for length in lengths:
            if length >= self.train:
                if outcome.score(name_at(length)).skill < self.solve_at:
                    break
                longest = length
        return longest

    def _plain(self, model: ModelFactory) -> Setting:
        return Setting(
            problem=self.problem,
            framing=self.framing,
            model=model,
            encoding=self.encoding,
            recipe=self.recipe,
        )

    def _setting(self, model: ModelFactory, by_length: Mapping[int, Problem]) -> Setting:
        plain = until_solved(self._plain(model), self.solve_at)
        # A model of fixed timesteps has no tests at other lengths.
        tests = {
            name_at(length): problem
            for length, problem in by_length.items()
            if model.any_length or plain.fixed_timesteps(problem) is None
        }
        return dataclasses.replace(plain, tests=tests)


def _lengths(test: Iterable[int]) -> list[int]:
    lengths = [operator.index(length) for length in test]
    if not lengths or min(lengths) < 1 or len(set(lengths)) < len(lengths):
        raise ValueError(
            "Generalisation: `test` must be different lengths of at least 1, got "
            f"{', '.join(map(str, lengths)) or 'none'}. Use test=(40, 80), say."
        )
    return lengths


def _with_length(problem: Problem, length: int) -> Problem:
    try:
        return problem if length == problem.steps - problem.answers else problem.showing(length)
    except ValueError as error:
        kind, why = type(problem), str(error)
        if kind.showing is Problem.showing and PROBLEMS.get(kind.title()) is not kind:
            why = (
                f"{kind.__name__} does not say what it is at another length. Give the class a "
                "method: def showing(self, length): return dataclasses.replace(self, length=length)"
            )
        raise ValueError(f"Generalisation: `test` has length {length}: {why}") from error


@named_arguments
def generalise(
    problem: Problem,
    framing: Framing,
    models: SeveralModels,
    *,
    train: int | None = None,
    test: Iterable[int] | None = None,
    encoding: type[IntegerEncoding] | None = None,
    budget: int = BUDGET,
    batch_size: int = Recipe.batch_size,
    learning_rate: float = Recipe.learning_rate,
    optimizer: OptimizerName = Recipe.optimizer,
    weight_decay: float | None = Recipe.weight_decay,
    clip_norm: float | None = Recipe.clip_norm,
    schedule: Schedule = Recipe.schedule,
    warmup: float = Recipe.warmup,
    dtype: Dtype = Recipe.dtype,
    seeds: SupportsIndex | Iterable[int] = 5,
    solve_at: float = SOLVED,
    store: str | os.PathLike[str] | None = STORE,
    executor: Executor | None = None,
    progress: Progress = True,
    track: Track = (),
) -> GeneralisationAnswer:
    """The skill of models at lengths that they were not trained at (`Generalisation`).

    Args:
        problem: The problem.
        framing: How its episodes become samples.
        models: The models, each as in `train`; or a mapping of names to models.
        train: Number of inputs of a training sequence; by default that of the problem.
        test: Numbers of inputs of a test sequence; by default 1, 2, 4 and 16 times that of
            training.
        encoding: `OneHot` or `Scaled`, for integers; one-hot by default.
        budget: Largest number of training sequences of a trial.
        batch_size: Samples in a batch.
        learning_rate: Step size of the optimiser.
        optimizer: `adam`, `adamw` or `sgd`.
        weight_decay, clip_norm, schedule, warmup, dtype: As of `Recipe`.
        seeds: A number of seeds, or the seeds themselves.
        solve_at: Skill on fresh sequences from which a length counts as solved.
        store: File of the finished trials, none of which runs twice; None keeps none.
        executor: Runs the trials; by default one process for each core.
        progress: Whether to show the progress; or a function of events and progress.
        track: Where each trial is logged: `tensorboard`, `wandb`, `mlflow`, `aim`, or a tracker.

    Returns:
        For each model its skill at each length, and the longest length that it solves.

    Raises:
        ValueError: A length would be another problem, or the framing does not fit.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> models, problem = [LSTM(hidden_size=4)], EchoLag(values=3, length=4)
    >>> answer = generalise(
    ...     problem, Whole(), models, test=(4, 8), budget=200, seeds=1, store=None
    ... )
    >>> answer.train, [score.length for score in answer.models[0].scores]
    (4, [4, 8])
    """
    recipe = Recipe(
        sequences=budget,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        weight_decay=weight_decay,
        clip_norm=clip_norm,
        schedule=schedule,
        warmup=warmup,
        dtype=dtype,
    )
    require("generalise", "problem", problem, Problem, "a problem, such as EchoLag()")
    study = Generalisation(
        problem if train is None else problem.showing(train),
        framing,
        models,
        test=test,
        encoding=encoding,
        recipe=recipe,
        seeds=seeds,
        solve_at=solve_at,
    )
    return run_study(study, store=store, executor=executor, progress=progress, track=track).answer()
