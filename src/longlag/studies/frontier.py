"""Frontier: the largest value of a problem's ladder that a model still solves."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, SupportsIndex

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
from longlag.studies.ask import run_study
from longlag.studies.ladder import BUDGET, at, checked_solve_at, ladder_of
from longlag.studies.lower_bound import LowerBound, lower_bound
from longlag.studies.study import Study, words
from longlag.training import Recipe
from longlag.trials import documents
from longlag.trials.diagnosis import Diagnosis, diagnose
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor

RESOLUTION = 0.1
"""Gap between what is solved and what is not, as a share, at which a search ends."""


class Step(NamedTuple):
    """One value that one seed has tried."""

    value: int
    seed: int
    trial: str
    outcome: Outcome
    solved: bool
    reasons: tuple[Diagnosis, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrontierAnswer:
    """How far each seed got, and the median of that.

    Attributes:
        knob: The knob that makes the problem harder.
        per_seed: The largest value that each seed solved; 0 where it solved not even the first.
        open: Seeds whose search has not come to its end: they may yet solve more.
        median: The largest value that half of the seeds or more solve; 0 for none.
        interval: Interval for the median, from the order of the seeds alone; meaningless
            until all searches have ended.
        coverage: The probability that it covers the median; below 0.95 with few seeds.
        first: The smallest value that was tried.
        last: The largest value that may be tried.
        reached_end: How many seeds solved `last`, so that their own limit lies beyond it.
        lower_bound: Where trials were still learning when the budget ended: how many; else None.
        failures: Why the search of a seed failed, by seed.
        steps: All values tried, in the order of seeds and then of values.
    """

    knob: str
    per_seed: tuple[int, ...]
    open: tuple[int, ...]
    median: int
    interval: tuple[float, float]
    coverage: float
    first: int
    last: int
    reached_end: int
    failures: Mapping[int, str]
    lower_bound: LowerBound | None
    steps: tuple[Step, ...]

    @property
    def complete(self) -> bool:
        """Whether every search has come to its end."""
        return not self.open

    def __str__(self) -> str:
        advice = self.lower_bound.advice(flags=False) if self.lower_bound else ""
        return f"{self.words}. {advice}" if advice else self.words

    @property
    def words(self) -> str:
        """The median with its interval, in words."""
        low, high = (f"{bound:g}" if bound else f"below {self.first}" for bound in self.interval)
        if not self.complete:
            why = Counter(self.failures.values()).items()
            lost = "".join(f"; seeds that failed: {count} ({reason})" for reason, count in why)
            found = f"{self.knob} {self.median:g}" if self.median else "nothing"
            return f"{found} so far{lost}"
        median = f"{self.median:g}" if self.median else f"below {self.first}"
        beyond = " or more" if self.reached_end and self.median >= self.last else ""
        few = statistics.no_interval(len(self.per_seed))
        return f"{self.knob} {median}{beyond} {f'({few})' if few else f'[{low}, {high}]'}"


class Frontier(Study):
    """The largest value of the problem's ladder that is still solved within a budget.

    Each seed searches for itself: it doubles the value from the first rung on while it solves
    the problem, then halves the gap between what it solved and what it did not, until the gap is
    a tenth. Where a value does not fit the framing, the nearest one that does is tried. The search
    takes it that what is solved at a value is solved below it.

    Args:
        setting: Problem, framing, model and recipe. Its `sequences` are the budget of a trial, in
            sequences; a trial ends sooner once it has solved the problem.
        seeds: The seeds.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        limit: The largest value to try; by default the last rung of the ladder.
        resolution: Gap, as a share of the value solved, at which a search ends.

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
                f"Frontier: `limit` must be at least the first rung ({self.first}), got {limit}. "
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
        for value in (self.first, self.last):
            _ = at(setting, value, self.solve_at).layout  # refuses what does not fit, before all
        self._searches = {seed: _Search(self.first, self.last, resolution) for seed in self.seeds}
        self._steps: dict[tuple[int, int], Step] = {}

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Frontier:
        rest = {name: value for name, value in question.items() if name != "setting"}
        return cls(documents.setting(question["setting"]), **rest)

    def question(self) -> dict[str, Any]:
        return {
            "setting": documents.document(self.setting),
            "seeds": list(self.seeds),
            "solve_at": self.solve_at,
            "limit": self.last,
            "resolution": self.resolution,
        }

    def ask(self) -> Trial | None:
        # The seed that has come least far goes first: it is the last to end.
        order = sorted(self._searches.items(), key=lambda each: len(each[1].known))
        for seed, search in order:
            while (value := search.wanted()) is not None and value != search.asked:
                try:
                    setting = at(self.setting, value, self.solve_at)
                    _ = setting.layout
                except ValueError:  # batches that do not come out even, say
                    search.refused.add(value)
                    continue
                search.asked = value
                return Trial(setting=setting, seed=seed)
        return None

    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        value = getattr(trial.setting.problem, self.knob)
        if outcome is None:  # that says nothing of the model, and the seed has no answer
            self._searches[trial.seed].broken = True
            return
        reasons = diagnose(outcome, self.solve_at)
        solved = self._searches[trial.seed].known[value] = not reasons
        step = Step(value, trial.seed, trial.id, outcome, solved, reasons)
        self._steps[trial.seed, value] = step

    def examples(self) -> list[Setting]:
        first = self.setting.problem.ladder.rungs[0]
        return [at(self.setting, first, self.solve_at)]

    def left(self) -> int | None:
        return sum(search.left() for search in self._searches.values())

    def answer(self) -> FrontierAnswer:
        """How far each seed got, as far as is known."""
        searches = [self._searches[seed] for seed in self.seeds]
        per_seed = [search.solved for search in searches]
        _, interval, coverage = statistics.median_interval(per_seed)
        order = sorted(self._steps, key=lambda each: (self.seeds.index(each[0]), each[1]))
        return FrontierAnswer(
            knob=self.knob,
            per_seed=tuple(per_seed),
            open=tuple(
                seed
                for seed in self.seeds
                if self._searches[seed].broken or self._searches[seed].wanted() is not None
            ),
            median=sorted(per_seed)[len(per_seed) // 2],
            interval=interval,
            coverage=coverage,
            first=self.first,
            last=self.last,
            reached_end=sum(solved == self.last for solved in per_seed),
            failures={seed: why for seed in self.seeds if (why := self._failure(seed))},
            lower_bound=lower_bound(
                [step.reasons[0].reason for step in self._ends()],
                len(self.seeds),
                "seeds",
                self.setting.recipe.sequences,
                self.setting.recipe.learning_rate,
            ),
            steps=tuple(self._steps[each] for each in order),
        )

    def _ends(self) -> list[Step]:
        """The smallest value that each seed did not solve."""
        failed = [step for step in self._steps.values() if not step.solved]
        least = {step.seed: step for step in sorted(failed, key=lambda step: -step.value)}
        return list(least.values())

    def _failure(self, seed: int) -> str:
        """Why the search of a seed failed; empty where it did not."""
        if not self.failures or (value := self._searches[seed].next()) is None:
            return ""
        return next(iter(self.why_missing(at(self.setting, value, self.solve_at), [seed])), "")


class _Search:
    """Doubling, then bisection, for one seed."""

    def __init__(self, first: int, last: int, resolution: float):
        self.first, self.last, self.resolution = first, last, resolution
        self.known: dict[int, bool] = {}
        self.refused = set[int]()
        self.asked: int | None = None
        self.broken = False  # a trial of it failed

    @property
    def solved(self) -> int:
        """The largest value solved below the smallest that was not; 0 for none."""
        return max((v for v, solved in self.known.items() if solved and v < self._lost), default=0)

    @property
    def _lost(self) -> float:
        return min((v for v, solved in self.known.items() if not solved), default=math.inf)

    def wanted(self) -> int | None:
        """The next value to try; None at the end."""
        return None if self.broken else self.next()

    def next(self) -> int | None:
        """The same, whether or not a trial of it failed."""
        return self._wanted(self.solved, self._lost)

    def _wanted(self, solved: int, lost: float) -> int | None:
        """The next value, given the largest solved and the smallest that was not."""
        if not solved:
            return self.first if lost == math.inf else None
        if lost == math.inf:
            best = min(2 * solved, self.last)
            between = range(solved + 1, best + 1)
        else:
            gap = int(lost) - solved
            if gap <= self.resolution * solved:
                return None
            best = solved + gap // 2
            between = range(solved + 1, int(lost))
        if best in between and best not in self.refused:
            return best
        fits = (value for value in between if value not in self.refused)
        return min(fits, key=lambda value: abs(value - best), default=None)

    def left(self) -> int:
        """At most so many values are yet to be tried."""

        @functools.cache
        def most(solved: int, lost: float) -> int:
            value = self._wanted(solved, lost)
            return 0 if value is None else 1 + max(most(value, lost), most(solved, value))

        return 0 if self.broken else most(self.solved, self._lost)


@named_arguments
def frontier(
    problem: Problem,
    framing: Framing,
    model: ModelFactory | MakeModel,
    *,
    encoding: type[IntegerEncoding] | None = None,
    budget: int = BUDGET,
    batch_size: int = Recipe.batch_size,
    learning_rate: float = Recipe.learning_rate,
    optimizer: Literal["adam", "sgd"] = Recipe.optimizer,
    seeds: SupportsIndex | Iterable[int] = 5,
    solve_at: float = SOLVED,
    limit: int | None = None,
    resolution: float = RESOLUTION,
    store: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> FrontierAnswer:
    """The largest value of a problem's ladder that a model still solves (`Frontier`).

    Args:
        problem: The problem; its ladder's knob is moved.
        framing: How its episodes become samples.
        model: `LSTM(...)`, `GRU(...)`, `MLP(...)` or another of `longlag.models`; or a function
            of sizes and seed that makes a model of your own (`longlag.adopt`).
        encoding: `OneHot` or `Scaled`, for integers; one-hot by default.
        budget: Sequences that a trial may train on.
        batch_size: Samples in a batch.
        learning_rate: Step size of the optimiser.
        optimizer: `adam` or `sgd`.
        seeds: A number of seeds, or the seeds themselves.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        limit: The largest value to try; by default the last rung of the ladder.
        resolution: Gap, as a share of the value solved, at which a search ends.
        store: File in which finished trials are kept; by default nothing is kept.
        executor: Who runs the trials; by default one process for each core.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> found = frontier(
    ...     EchoLag(values=4), Whole(), LSTM(hidden_size=8), budget=2000, seeds=2, limit=2
    ... )
    >>> found.knob, found.complete
    ('lag', True)
    """
    recipe = Recipe(
        sequences=budget, batch_size=batch_size, learning_rate=learning_rate, optimizer=optimizer
    )
    setting = Setting(
        problem=problem,
        framing=framing,
        model=user_model.as_factory(model),
        encoding=encoding,
        recipe=recipe,
    )
    study = Frontier(setting, seeds=seeds, solve_at=solve_at, limit=limit, resolution=resolution)
    return run_study(study, store=store, executor=executor).answer()
