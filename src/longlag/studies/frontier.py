"""Frontier: the largest value of a problem's ladder, or the smallest model, that still solves."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, SupportsIndex

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel, UserModel
from longlag.encodings import IntegerEncoding
from longlag.framings import Framing
from longlag.knobs import named_arguments
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.scores import statistics
from longlag.scores.evaluation import seed_list
from longlag.scores.statistics import SOLVED
from longlag.store.store import STORE
from longlag.studies import match
from longlag.studies.about import About
from longlag.studies.ask import Progress, run_study
from longlag.studies.bisection import Bisection
from longlag.studies.frontier_answer import FrontierAnswer, Step
from longlag.studies.ladder import (
    BUDGET,
    at,
    check_framing,
    checked_solve_at,
    ladder_of,
    until_solved,
)
from longlag.studies.lower_bound import lower_bound
from longlag.studies.study import Study, words
from longlag.trackers import Track
from longlag.training import Dtype, OptimizerName, Recipe, Schedule
from longlag.trials import documents
from longlag.trials.diagnosis import diagnose
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome
from longlag.trials.remedies import remedy
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor

RESOLUTION = 0.1
"""Gap between solved and unsolved values, as a share of the smaller one, that ends a search."""

LARGEST_SIZE = 128
"""Largest size of a model that is tried, unless another is given."""


class Frontier(Study):
    """The largest value of the problem's ladder that is still solved within a budget.

    Each seed has its own search: it doubles the value from the first rung on while it solves
    the problem, then bisects between the largest solved and the smallest unsolved value, until the
    gap is a tenth. Where a value does not fit the framing, the nearest one that does is tried. The
    search assumes that a seed that solves a value solves all smaller ones.

    Over a size of the model it is the other way round: the smallest size that solves the problem
    as it is, doubled from 1 on until one does; all larger ones are taken to solve it too.

    Args:
        setting: Problem, framing, model and recipe. Its `sequences` are the budget of a trial,
            which ends earlier once it solves the problem.
        seeds: The seeds.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        limit: The largest value to try; by default the last rung of the ladder, of a size 128.
        resolution: Gap, as a share of the smaller value, that ends a search.
        over: What is varied: `hidden_size` or another whole number of the model; by default the
            knob of the problem's ladder.
        first: The smallest size; by default the first that the model can have.

    Raises:
        ValueError: A value is out of range, or the framing does not fit.
    """

    kind: ClassVar[str] = "frontier"

    def __init__(
        self,
        setting: Setting,
        *,
        seeds: SupportsIndex | Iterable[int] = 5,
        solve_at: float = SOLVED,
        limit: int | None = None,
        resolution: float = RESOLUTION,
        over: str | None = None,
        first: int | None = None,
    ):
        self.seeds, self.resolution = seed_list(seeds), float(resolution)
        self.solve_at = checked_solve_at("Frontier", solve_at)
        self.setting, self.over = setting, over
        self._at = functools.cache(self._setting_at)  # seeds try the same values
        if over is None:
            self.knob, rungs = ladder_of(setting.problem)
            self.first, self.last = rungs[0], rungs[-1]
        else:
            # That of a stored study is known, and its model may be of a file that is not named.
            self.knob = match.whole_number(setting.model, over) if first is None else over
            sizes = filter(self._fits, range(1, LARGEST_SIZE))
            self.first = operator.index(next(sizes, 1) if first is None else first)
            self.last = LARGEST_SIZE
        if limit is not None:
            self.last = operator.index(limit)
        if self.last < self.first:
            raise ValueError(
                f"Frontier: `limit` must be at least the first level ({self.first}), got {limit}. "
                f"Use limit={self.first} or more."
            )
        if not 0 < resolution <= 1:
            raise ValueError(
                f"Frontier: `resolution` must be above 0 and at most 1, got {resolution}. Use "
                f"{RESOLUTION}."
            )
        if setting.tests:
            raise ValueError(
                "Frontier: `setting` must have no tests, since its problem is moved, got "
                f"{', '.join(dict(setting.tests))}. Use tests=()."
            )
        self.rates = (setting.recipe.learning_rate,)
        self.problems = {words(setting.problem): setting.problem}
        varied = over is None  # the problem
        values = (self.first, self.last) if varied else (self.first,)
        ends = [setting.problem.at(value) if varied else setting.problem for value in values]
        check_framing(setting.framing, setting.recipe.batch_size, ends)
        for value in values:
            _ = self._at(value).layout  # raises if the framing does not fit
        self._searches = {
            seed: Bisection(self.first, self.last, resolution, solved_first=varied)
            for seed in self.seeds
        }
        self._steps: dict[tuple[int, int], Step] = {}

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Frontier:
        rest = {name: value for name, value in question.items() if name != "setting"}
        return cls(documents.setting(question["setting"]), **rest)

    def question(self) -> dict[str, Any]:
        # What earlier studies did not have is left out, so that they keep their names.
        over = {} if self.over is None else {"over": self.knob, "first": self.first}
        return {
            "setting": documents.stored(self.setting),
            "seeds": list(self.seeds),
            "solve_at": self.solve_at,
            "limit": self.last,
            "resolution": self.resolution,
            **over,
        }

    def _fits(self, value: int) -> bool:
        """Whether the value fits the framing, and a model can have this size: by its heads, say."""
        try:
            setting = self._at(value)
            _ = setting.layout
            if self.over is not None and isinstance(setting.model, UserModel):
                setting.model.make(setting.sizes, 0)
        except ValueError:
            return False
        return True

    def _setting_at(self, value: int) -> Setting:
        if self.over is None:
            return at(self.setting, value, self.solve_at)
        model = match.with_argument(self.setting.model, self.knob, value)
        return until_solved(dataclasses.replace(self.setting, model=model), self.solve_at)

    def _value_of(self, setting: Setting) -> int:
        if self.over is None:
            return getattr(setting.problem, self.knob)
        return match.argument(setting.model, self.knob) or 0

    def ask(self) -> Trial | None:
        # The seed with the fewest trials goes first: its search ends last.
        order = sorted(self._searches.items(), key=lambda each: len(each[1].solves))
        for seed, search in order:
            while (value := search.next_value()) is not None and value != search.running:
                if not self._fits(value):  # for example uneven batches
                    search.unfit.add(value)
                    continue
                search.running = value
                return Trial(setting=self._at(value), seed=seed)
        return None

    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        value = self._value_of(trial.setting)
        if outcome is None:  # a failure: the seed has no answer
            self._searches[trial.seed].failed = True
            return
        reasons = diagnose(outcome, self.solve_at)
        solved = self._searches[trial.seed].solves[value] = not reasons
        step = Step(value, trial.seed, trial.id, outcome, solved, reasons)
        self._steps[trial.seed, value] = step

    def examples(self) -> list[Setting]:
        return [self._at(self.first)]

    def largest(self) -> list[Setting]:
        if self.over is None:
            return [self._at(self.last)]
        sizes = filter(self._fits, range(self.last, self.first, -1))
        return [self._at(next(sizes, self.first))]

    def left(self) -> int | None:
        return sum(search.left() for search in self._searches.values())

    def answer(self) -> FrontierAnswer:
        """The answer from the outcomes so far."""
        searches = [self._searches[seed] for seed in self.seeds]
        per_seed = [search.end for search in searches]
        # What no value solves lies below all of a ladder, and above all sizes.
        none = 0 if self.over is None else math.inf
        ranks = sorted(none if end is None else end for end in per_seed)
        _, interval, coverage = statistics.median_interval(ranks)
        order = sorted(self._steps, key=lambda each: (self.seeds.index(each[0]), each[1]))
        setting = self.setting
        return FrontierAnswer(
            about=About(
                self.kind,
                words(setting.framing),
                self.seeds,
                setting.recipe.sequences,
                self.solve_at,
                self.versions,
                setting.recipe.details_with_rate,
            ),
            problem=words(setting.problem),
            model=words(setting.model),
            knob=self.knob,
            smallest=self.over is not None,
            per_seed=tuple(per_seed) if self.over else tuple(end or 0 for end in per_seed),
            open=tuple(
                seed
                for seed in self.seeds
                if self._searches[seed].failed or self._searches[seed].next_value() is not None
            ),
            median=_finite(ranks[(len(ranks) - 1) // 2 if self.over else len(ranks) // 2]),
            interval=interval,
            coverage=coverage,
            first=self.first,
            last=self.last,
            reached_end=sum(
                end is None and search.value_to_try() is None if self.over else end == self.last
                for end, search in zip(per_seed, searches, strict=True)
            ),
            failures={seed: why for seed in self.seeds if (why := self._failure(seed))},
            lower_bound=lower_bound(
                [step.result for step in self._ends()],
                len(self.seeds),
                "seeds",
                self.setting.recipe,
                rate=self.setting.recipe.learning_rate,
            ),
            advice=self._advice(),
            steps=tuple(self._steps[each] for each in order),
        )

    def _advice(self) -> str:
        """The commonest reason why seeds got no further, with what to change; else empty."""
        ends = self._ends()
        if self.over:  # beside a size that solves it, a smaller one that does not needs no advice
            ends = [step for step in ends if self._searches[step.seed].end is None]
        names = [step.reasons[0].reason for step in ends]
        if not names:
            return ""
        common = ends[names.index(max(names, key=names.count))]
        reason = common.reasons[0].reason
        easiest = [each.problem for each in self.examples()]
        text = remedy(reason, self._at(common.value), easiest)
        return text and f"{reason.capitalize()}: {text}"

    def _ends(self) -> list[Step]:
        """The unsolved trial of each seed next to what it solved."""
        failed = sorted(
            (step for step in self._steps.values() if not step.solved),
            key=lambda step: step.value if self.over else -step.value,
        )
        return list({step.seed: step for step in failed}.values())

    def _failure(self, seed: int) -> str:
        """The reason why the search of a seed failed; empty if it did not."""
        if not self.failures or (value := self._searches[seed].value_to_try()) is None:
            return ""
        return next(iter(self.why_missing(self._at(value), [seed])), "")


def _finite(value: float) -> int | None:
    return int(value) if value < math.inf else None


@named_arguments
def frontier(
    problem: Problem,
    framing: Framing,
    model: ModelFactory | MakeModel | str,
    *,
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
    limit: int | None = None,
    resolution: float = RESOLUTION,
    over: str | None = None,
    store: str | os.PathLike[str] | None = STORE,
    executor: Executor | None = None,
    progress: Progress = True,
    track: Track = (),
) -> FrontierAnswer:
    """The largest value of a problem's ladder, or the smallest model, that solves it (`Frontier`).

    Args:
        problem: The problem; the search changes the knob of its ladder, unless `over` is given.
        framing: How its episodes become samples.
        model: `LSTM(...)`, `GRU(...)`, `MLP(...)` or another of `longlag.models`; or a function
            of sizes and seed that makes a model of your own (`longlag.adopt`).
        encoding: `OneHot` or `Scaled`, for integers; one-hot by default.
        budget: Largest number of training sequences of a trial.
        batch_size: Samples in a batch.
        learning_rate: Step size of the optimiser.
        optimizer: `adam`, `adamw` or `sgd`.
        weight_decay, clip_norm, schedule, warmup, dtype: As of `Recipe`.
        seeds: A number of seeds, or the seeds themselves.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        limit: The largest value to try; by default the last rung of the ladder, of a size 128.
        resolution: Gap, as a share of the smaller value, that ends a search.
        over: `hidden_size`, or another whole number of the model: the smallest that solves the
            problem as it is; by default the knob of the problem's ladder.
        store: File of the finished trials, none of which runs twice; None keeps none.
        executor: Runs the trials; by default one process for each core.
        progress: Whether to show the progress; or a function of events and progress.
        track: Where each trial is logged: `tensorboard`, `wandb`, `mlflow`, `aim`, or a tracker.

    Returns:
        The largest solved value of each seed (the smallest solved size), and their median with its
        interval.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> model = LSTM(hidden_size=8)
    >>> answer = frontier(
    ...     EchoLag(values=4), Whole(), model, budget=2000, seeds=2, limit=2, store=None
    ... )
    >>> answer.knob, answer.complete
    ('lag', True)
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
    setting = Setting(
        problem=problem,
        framing=framing,
        model=user_model.as_factory(model),
        encoding=encoding,
        recipe=recipe,
    )
    study = Frontier(
        setting, seeds=seeds, solve_at=solve_at, limit=limit, resolution=resolution, over=over
    )
    return run_study(study, store=store, executor=executor, progress=progress, track=track).answer()
