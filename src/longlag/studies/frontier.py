"""Frontier: the largest value of a problem's ladder that a model still solves."""

from __future__ import annotations

import functools
import math
import operator
import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, SupportsIndex

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel
from longlag.encodings import IntegerEncoding
from longlag.framings import Framing
from longlag.knobs import named_arguments
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.scores import statistics
from longlag.scores.evaluation import seed_list
from longlag.scores.statistics import SOLVED
from longlag.store.store import STORE
from longlag.studies.about import About
from longlag.studies.ask import Progress, run_study
from longlag.studies.frontier_answer import FrontierAnswer, Step
from longlag.studies.ladder import BUDGET, at, check_framing, checked_solve_at, ladder_of
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
"""Gap between solved and unsolved values, as a share of the solved one, that ends a search."""


class Frontier(Study):
    """The largest value of the problem's ladder that is still solved within a budget.

    Each seed has its own search: it doubles the value from the first rung on while it solves
    the problem, then bisects between the largest solved and the smallest unsolved value, until the
    gap is a tenth. Where a value does not fit the framing, the nearest one that does is tried. The
    search assumes that a seed that solves a value solves all smaller ones.

    Args:
        setting: Problem, framing, model and recipe. Its `sequences` are the budget of a trial,
            which ends earlier once it solves the problem.
        seeds: The seeds.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        limit: The largest value to try; by default the last rung of the ladder.
        resolution: Gap, as a share of the largest solved value, that ends a search.

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
    ):
        self.seeds, self.resolution = seed_list(seeds), float(resolution)
        self.solve_at = checked_solve_at("Frontier", solve_at)
        self.knob, rungs = ladder_of(setting.problem)
        self.first, self.last = rungs[0], rungs[-1] if limit is None else operator.index(limit)
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
        self.setting, self.rates = setting, (setting.recipe.learning_rate,)
        self.problems = {words(setting.problem): setting.problem}
        # Seeds try the same values.
        self._at = functools.cache(functools.partial(at, setting, solve_at=self.solve_at))
        ends = [setting.problem.at(value) for value in (self.first, self.last)]
        check_framing(setting.framing, setting.recipe.batch_size, ends)
        for value in (self.first, self.last):
            _ = self._at(value).layout  # raises if the framing does not fit
        self._searches = {seed: _Search(self.first, self.last, resolution) for seed in self.seeds}
        self._steps: dict[tuple[int, int], Step] = {}

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Frontier:
        rest = {name: value for name, value in question.items() if name != "setting"}
        return cls(documents.setting(question["setting"]), **rest)

    def question(self) -> dict[str, Any]:
        return {
            "setting": documents.stored(self.setting),
            "seeds": list(self.seeds),
            "solve_at": self.solve_at,
            "limit": self.last,
            "resolution": self.resolution,
        }

    def ask(self) -> Trial | None:
        # The seed with the fewest trials goes first: its search ends last.
        order = sorted(self._searches.items(), key=lambda each: len(each[1].solves))
        for seed, search in order:
            while (value := search.next_value()) is not None and value != search.running:
                try:
                    setting = self._at(value)
                    _ = setting.layout
                except ValueError:  # for example uneven batches
                    search.unfit.add(value)
                    continue
                search.running = value
                return Trial(setting=setting, seed=seed)
        return None

    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        value = getattr(trial.setting.problem, self.knob)
        if outcome is None:  # a failure: the seed has no answer
            self._searches[trial.seed].failed = True
            return
        reasons = diagnose(outcome, self.solve_at)
        solved = self._searches[trial.seed].solves[value] = not reasons
        step = Step(value, trial.seed, trial.id, outcome, solved, reasons)
        self._steps[trial.seed, value] = step

    def examples(self) -> list[Setting]:
        first = self.setting.problem.ladder.rungs[0]
        return [at(self.setting, first, self.solve_at)]

    def largest(self) -> list[Setting]:
        return [self._at(self.last)]

    def left(self) -> int | None:
        return sum(search.left() for search in self._searches.values())

    def answer(self) -> FrontierAnswer:
        """The answer from the outcomes so far."""
        searches = [self._searches[seed] for seed in self.seeds]
        per_seed = [search.solved for search in searches]
        _, interval, coverage = statistics.median_interval(per_seed)
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
            per_seed=tuple(per_seed),
            open=tuple(
                seed
                for seed in self.seeds
                if self._searches[seed].failed or self._searches[seed].next_value() is not None
            ),
            median=sorted(per_seed)[len(per_seed) // 2],
            interval=interval,
            coverage=coverage,
            first=self.first,
            last=self.last,
            reached_end=sum(solved == self.last for solved in per_seed),
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
        names = [step.reasons[0].reason for step in ends]
        if not names:
            return ""
        common = ends[names.index(max(names, key=names.count))]
        reason = common.reasons[0].reason
        easiest = [each.problem for each in self.examples()]
        text = remedy(reason, self._at(common.value), easiest)
        return text and f"{reason.capitalize()}: {text}"

    def _ends(self) -> list[Step]:
        """The trial of each seed with the smallest unsolved value."""
        failed = [step for step in self._steps.values() if not step.solved]
        least = {step.seed: step for step in sorted(failed, key=lambda step: -step.value)}
        return list(least.values())

    def _failure(self, seed: int) -> str:
        """The reason why the search of a seed failed; empty if it did not."""
        if not self.failures or (value := self._searches[seed].value_to_try()) is None:
            return ""
        return next(iter(self.why_missing(at(self.setting, value, self.solve_at), [seed])), "")


class _Search:
    """Doubling, then bisection, for one seed."""

    def __init__(self, first: int, last: int, resolution: float):
        self.first, self.last, self.resolution = first, last, resolution
        self.solves: dict[int, bool] = {}
        self.unfit = set[int]()
        self.running: int | None = None
        self.failed = False  # whether a trial failed

    @property
    def solved(self) -> int:
        """The largest solved value below the smallest unsolved one; 0 for none."""
        return max(
            (v for v, solved in self.solves.items() if solved and v < self._unsolved), default=0
        )

    @property
    def _unsolved(self) -> float:
        return min((v for v, solved in self.solves.items() if not solved), default=math.inf)

    def next_value(self) -> int | None:
        """The next value to try; None after the last, or after a failed trial."""
        return None if self.failed else self.value_to_try()

    def value_to_try(self) -> int | None:
        """The next value, also after a failed trial."""
        return self._next(self.solved, self._unsolved)

    def _next(self, solved: int, unsolved: float) -> int | None:
        """The next value, from the largest solved and the smallest unsolved value."""
        if not solved:
            return self.first if unsolved == math.inf else None
        if unsolved == math.inf:
            best = min(2 * solved, self.last)
            between = range(solved + 1, best + 1)
        else:
            gap = int(unsolved) - solved
            if gap <= self.resolution * solved:
                return None
            best = solved + gap // 2
            between = range(solved + 1, int(unsolved))
        if best in between and best not in self.unfit:
            return best
        fits = (value for value in between if value not in self.unfit)
        return min(fits, key=lambda value: abs(value - best), default=None)

    def left(self) -> int:
        """The largest possible number of values still to try."""

        @functools.cache
        def most(solved: int, unsolved: float) -> int:
            value = self._next(solved, unsolved)
            return 0 if value is None else 1 + max(most(value, unsolved), most(solved, value))

        return 0 if self.failed else most(self.solved, self._unsolved)


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
    store: str | os.PathLike[str] | None = STORE,
    executor: Executor | None = None,
    progress: Progress = True,
    track: Track = (),
) -> FrontierAnswer:
    """The largest value of a problem's ladder that a model still solves (`Frontier`).

    Args:
        problem: The problem; the search changes the knob of its ladder.
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
        limit: The largest value to try; by default the last rung of the ladder.
        resolution: Gap, as a share of the largest solved value, that ends a search.
        store: File of the finished trials, none of which runs twice; None keeps none.
        executor: Runs the trials; by default one process for each core.
        progress: Whether to show the progress; or a function of events and progress.
        track: Where each trial is logged: `tensorboard`, `wandb`, `mlflow`, `aim`, or a tracker.

    Returns:
        The largest solved value of each seed, and their median with its interval.

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
    study = Frontier(setting, seeds=seeds, solve_at=solve_at, limit=limit, resolution=resolution)
    return run_study(study, store=store, executor=executor, progress=progress, track=track).answer()
