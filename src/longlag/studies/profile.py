"""Profile: what one model remembers, over several problems, within a time limit."""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel
from longlag.encodings import IntegerEncoding
from longlag.framings import Framing, Whole
from longlag.knobs import named_arguments
from longlag.models import ModelFactory
from longlag.notices import notice
from longlag.problems import Problem
from longlag.scores.statistics import SOLVED
from longlag.store.store import STORE, Store
from longlag.studies.about import About
from longlag.studies.ask import Progress, run_study
from longlag.studies.belief import Belief, Results
from longlag.studies.cost import costs
from longlag.studies.ladder import (
    BUDGET,
    FIVE,
    LEARNING_RATES,
    at,
    check_framing,
    checked_rates,
    checked_solve_at,
    ladder_of,
    setting_on,
)
from longlag.studies.lower_bound import lower_bound
from longlag.studies.profile_answer import Effort, Place, ProfileAnswer
from longlag.studies.reach import gaps, reach
from longlag.studies.study import Study, named, words
from longlag.trackers import Track
from longlag.training import Dtype, OptimizerName, Recipe, Schedule
from longlag.trials import documents
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor

LONGER = (4, 16)
"""Larger budgets, as multiples of the first, for models that were still learning."""

AT_THE_END = 2.5
"""Seconds for the last chunk and the answer."""

_MIN_BITS = 0.002  # of a trial: below, it is not worth its time


class Profile(Study):
    """The reach of one model on each of several problems, the most informative trials first.

    For each problem it holds a probability for each rung of the ladder that the model's reach ends
    there, uniform at first. A seed is assumed to solve a rung within reach with probability 0.9,
    and one beyond it with 0.1. The first rung of each problem is tried first; then the next trial
    is the one with the most expected information (in bits) per expected second. It ends when no
    trial has enough information: give `conduct` a time limit.

    Once the reach at the first learning rate is settled, the other rates are tried beyond it. Where
    the loss still falls beyond the reach at the best rate, larger budgets come last: the answer is
    the reach at the first budget, by which models compare, and the reaches at larger budgets are
    reported next to it. The validation stream chooses the next trial and the best rate; the answer
    is measured on fresh sequences.

    Args:
        model: The model.
        problems: The problems; by default the five.
        framing: How episodes become samples; `Whole()` by default.
        encoding: `OneHot` or `Scaled`, for problems with integers.
        recipe: Its `sequences` are the budget of a trial.
        rates: Learning rates, the first of which is tried first; by default that of the recipe.
        longer: Further budgets, as multiples of the first.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        seconds: Time limit; trials that would take longer are not started.

    Raises:
        ValueError: A value is out of range, or the model or framing does not fit a problem.
    """

    kind: ClassVar[str] = "profile"
    eager: ClassVar[bool] = False

    def __init__(
        self,
        model: ModelFactory | MakeModel | str,
        problems: Iterable[Problem] | None = None,
        *,
        framing: Framing | None = None,
        encoding: type[IntegerEncoding] | None = None,
        recipe: Recipe | None = None,
        rates: Iterable[float] | None = None,
        longer: Iterable[int] = LONGER,
        solve_at: float = SOLVED,
        seconds: float | None = None,
    ):
        self.model: ModelFactory = user_model.as_factory(model)
        self.encoding, self.seeds = encoding, (0,)
        self.framing = Whole() if framing is None else framing
        self.recipe = Recipe(sequences=BUDGET) if recipe is None else recipe
        self.solve_at = checked_solve_at("Profile", solve_at)
        chosen = [kind() for kind in FIVE] if problems is None else problems
        self.problems = named("Profile", "problems", chosen)
        default = [self.recipe.learning_rate]
        self.rates = checked_rates("Profile", default if rates is None else rates)
        self.longer = _checked_longer(longer)
        self.budgets = tuple(times * self.recipe.sequences for times in (1, *self.longer))
        places = (
            Place(name, Effort(rate, sequences), rung)
            for sequences in self.budgets
            for rate in self.rates
            for name, problem in self.problems.items()
            for rung in ladder_of(problem).rungs
        )
        levels = [
            each.at(rung) for each in self.problems.values() for rung in ladder_of(each).rungs
        ]
        check_framing(self.framing, self.recipe.batch_size, levels)
        self._settings = {place: self._setting(place) for place in places}
        for setting in self._settings.values():
            _ = setting.layout  # raises if the framing does not fit
        self._place_of = {setting: place for place, setting in self._settings.items()}
        if len(self._place_of) < len(self._settings):
            raise ValueError(
                "Profile: two of the `problems` are the same at a difficulty level. Name one "
                "of them."
            )
        self._results = Results(self._settings, self.solve_at)
        ladders = {name: problem.ladder for name, problem in self.problems.items()}
        self._belief = Belief(self._results, ladders, self.rates, self.budgets)
        self._until = None if seconds is None else time.monotonic() + seconds

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Profile:
        settings = [documents.setting(document) for document in question["settings"]]
        encoding = next((each.encoding for each in settings if each.encoding), None)
        return cls(
            settings[0].model,
            [setting.problem for setting in settings],
            framing=settings[0].framing,
            encoding=encoding,
            recipe=settings[0].recipe,
            rates=question["rates"],
            longer=question.get("longer", ()),  # absent in old studies
            solve_at=question["solve_at"],
        )

    def question(self) -> dict[str, Any]:
        settings = (self._base_setting(problem) for problem in self.problems.values())
        return {
            "settings": [documents.stored(setting) for setting in settings],
            "rates": list(self.rates),
            "longer": list(self.longer),
            "solve_at": self.solve_at,
        }

    def ask(self) -> Trial | None:
        seconds_left = math.inf if self._until is None else self._until - time.monotonic()
        seconds = costs(self._belief, self._settings)
        place = self._first(seconds)
        if place is None or seconds(place) > seconds_left:
            worth = ((each, bits) for each, bits in self._belief.worth() if bits >= _MIN_BITS)
            rates = (
                (bits / cost, each)
                for each, bits in worth
                if (cost := seconds(each)) <= seconds_left
            )
            _, place = max(rates, key=lambda each: each[0], default=(0.0, None))
        if place is None:
            return None
        seeds = self._results.requested[place]
        seed = next(seed for seed in itertools.count() if seed not in seeds)
        seeds.add(seed)
        return Trial(setting=self._settings[place], seed=seed)

    def _first(self, seconds: Callable[[Place], float]) -> Place | None:
        """The first rung of the problem without trials whose rung takes the least time."""
        effort = Effort(self.rates[0], self.budgets[0])
        firsts = (Place(name, effort, each.ladder.rungs[0]) for name, each in self.problems.items())
        tried = {place.problem for place, seeds in self._results.requested.items() if seeds}
        return min(
            (each for each in firsts if each.problem not in tried), key=seconds, default=None
        )

    def recall(self, store: Store) -> int:
        # Stored outcomes count, whether or not their trials would fit the time limit now.
        self.replay(store)
        return sum(map(len, self._results.outcomes.values()))

    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        place = self._place_of.get(trial.setting)
        if place is not None:  # else it is of a ladder that has changed since
            self._results.tell(place, trial.seed, outcome)

    def examples(self) -> list[Setting]:
        effort = Effort(self.rates[0], self.budgets[0])
        return [
            self._settings[Place(name, effort, problem.ladder.rungs[0])]
            for name, problem in self.problems.items()
        ]

    def largest(self) -> list[Setting]:
        return list(self._settings.values())

    def left(self) -> int | None:
        return None

    def answer(self) -> ProfileAnswer:
        """The answer from the outcomes so far."""
        reaches = tuple(reach(self._belief, name) for name in self.problems)
        return ProfileAnswer(
            about=About(
                self.kind,
                words(self.framing),
                (),
                self.budgets[0],
                self.solve_at,
                self.versions,
                self.recipe.details,
            ),
            model=words(self.model),
            reaches=reaches,
            left_out=tuple(
                gaps(self._belief, reaches, words(self.framing), Counter(self.failures.values()))
            ),
            unfinished=tuple(self.cut.items()),
            interrupted=self.interrupted,
            lower_bound=lower_bound(
                (trial for each in reaches for rung in each.rungs for trial in rung.trials),
                sum(reach.tried for reach in reaches),
                "trials",
                self.recipe,
                budget=self.budgets[0],
            ),
        )

    def _base_setting(self, problem: Problem) -> Setting:
        return setting_on(problem, self.model, self.framing, self.encoding, self.recipe)

    def _setting(self, place: Place) -> Setting:
        setting = self._base_setting(self.problems[place.problem])
        rate, sequences = place.effort
        recipe = dataclasses.replace(setting.recipe, learning_rate=rate, sequences=sequences)
        return at(dataclasses.replace(setting, recipe=recipe), place.rung, self.solve_at)


def _checked_longer(longer: Iterable[int]) -> tuple[int, ...]:
    times = tuple(map(operator.index, longer))
    if any(after <= before for before, after in itertools.pairwise((1, *times))):
        raise ValueError(
            f"Profile: `longer` must rise from above 1, got {times}. Use longer={LONGER}."
        )
    return times


@named_arguments
def profile(
    model: ModelFactory | MakeModel | str,
    problems: Iterable[Problem] | None = None,
    *,
    minutes: float = 5.0,
    framing: Framing | None = None,
    encoding: type[IntegerEncoding] | None = None,
    budget: int = BUDGET,
    batch_size: int = Recipe.batch_size,
    learning_rates: Iterable[float] = LEARNING_RATES,
    optimizer: OptimizerName = Recipe.optimizer,
    weight_decay: float | None = Recipe.weight_decay,
    clip_norm: float | None = Recipe.clip_norm,
    schedule: Schedule = Recipe.schedule,
    warmup: float = Recipe.warmup,
    dtype: Dtype = Recipe.dtype,
    solve_at: float = SOLVED,
    store: str | os.PathLike[str] | None = STORE,
    executor: Executor | None = None,
    progress: Progress = True,
    track: Track = (),
) -> ProfileAnswer:
    """The reach of one model on each of several problems, within a time limit (`Profile`).

    Args:
        model: `LSTM(...)`, `GRU(...)`, `MLP(...)` or another of `longlag.models`; or a function
            of sizes and seed that makes a model of your own (`longlag.adopt`).
        problems: The problems; the five by default.
        minutes: Time limit, checks of the model and compiling included.
        framing: How episodes become samples; `Whole()` by default.
        encoding: `OneHot` or `Scaled`, for problems with integers.
        budget: Largest number of training sequences of a trial.
        batch_size: Samples in a batch.
        learning_rates: Learning rates, the first of which is tried first.
        optimizer: `adam`, `adamw` or `sgd`.
        weight_decay, clip_norm, schedule, warmup, dtype: As of `Recipe`.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        store: File of the finished trials, none of which runs twice; None keeps none.
        executor: Runs the trials; by default one process for each core.
        progress: Whether to show the progress; or a function of events and progress.
        track: Where each trial is logged: `tensorboard`, `wandb`, `mlflow`, `aim`, or a tracker.

    Returns:
        The reach on each problem with its interval, and what was not tried.
    """
    if not 0 < minutes < 1e6:
        raise ValueError(f"profile: `minutes` must be above 0, got {minutes}. Use minutes=5.")
    until = time.monotonic() + 60 * minutes - AT_THE_END
    recipe = Recipe(
        sequences=budget,
        batch_size=batch_size,
        optimizer=optimizer,
        weight_decay=weight_decay,
        clip_norm=clip_norm,
        schedule=schedule,
        warmup=warmup,
        dtype=dtype,
    )
    study = Profile(
        model,
        problems,
        framing=framing,
        encoding=encoding,
        recipe=recipe,
        rates=learning_rates,
        solve_at=solve_at,
        seconds=max(0.0, until - time.monotonic()),
    )
    answer = run_study(
        study, store=store, executor=executor, progress=progress, track=track, until=until
    ).answer()
    if answer.unanswered and not study.interrupted:  # which was said
        notice(answer.unanswered)
    return answer
