"""The suite: what a layer can do, on twelve problems, beside baselines of equal size."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, SupportsIndex

from longlag.framings import Whole
from longlag.knobs import lookup
from longlag.scores.evaluation import seed_list
from longlag.scores.statistics import SOLVED
from longlag.studies import labels
from longlag.studies.about import About, SeedResult
from longlag.studies.labels import SeveralModels
from longlag.studies.ladder import checked_rates, checked_solve_at
from longlag.studies.match import Match, width
from longlag.studies.rates import working
from longlag.studies.study import Study, described, words
from longlag.studies.suite_answer import SuiteAnswer, SuiteCell
from longlag.studies.suite_baselines import suite_baselines
from longlag.studies.suite_rows import RATES, SIZES, TIMES, rows_of
from longlag.studies.suite_setting import setting_of
from longlag.studies.theory import predict
from longlag.trials import documents
from longlag.trials.diagnosis import diagnose
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome
from longlag.trials.setting import Setting

CLIMBERS = 3
"""Seeds that look for the capacity, at most."""

_SWEEP, _SEEDS, _CAPACITY = range(3)  # the stages, one after another


class Place(NamedTuple):
    """Where a trial stands: its problem, model, stage, learning rate and rung of capacity."""

    problem: str
    model: str
    stage: int
    rate: float
    rung: int = 0


class Suite(Study):
    """What models learn of twelve problems, and to which length they go on.

    Each model gets the width at which it has as many weights, or numbers of state, as all others.
    On each problem one seed that is not scored is trained at every learning rate, and the best by
    skill on the validation stream is taken: among rates that solve it, the one that needs the
    fewest sequences. Then every seed is trained at that rate, at one length, and scored on fresh
    sequences of it and of 2, 4 and 16 times the length. Where a problem has a capacity and half of
    the seeds or more learn it, seeds are trained at harder and harder rungs, until fewer do.

    First come the rates and one seed, problem by problem, then one more seed after another on all
    problems, then capacity, so that an answer that is not complete has a problem whole.

    Args:
        models: The models, or a mapping of the names to show to models.
        problems: Names of problems of the suite; all twelve by default.
        match: `parameters` or `state`: what all models have equally much of.
        rates: The learning rates to choose from.
        seeds: The seeds.
        effort: Multiplies the training sequences of every problem.
        solve_at: Skill on fresh sequences from which a seed counts as having learned a length.

    Raises:
        ValueError: A value is out of range, a model takes sequences of one length only, or has no
            width to change.

    >>> from longlag import GRU
    >>> study = Suite([GRU()], ["parity", "reverse"])
    >>> [(each.problem.words, each.model.words) for each in study.examples()]
    [('parity length=32', 'gru hidden_size=79'), ('reverse length=10', 'gru hidden_size=79')]
    """

    kind: ClassVar[str] = "suite"

    def __init__(
        self,
        models: SeveralModels,
        problems: Iterable[str] | None = None,
        *,
        match: Match = "parameters",
        rates: Iterable[float] = RATES,
        seeds: SupportsIndex | Iterable[int] = 5,
        effort: float = 1.0,
        solve_at: float = SOLVED,
    ):
        self.seeds = seed_list(seeds)
        self.solve_at = checked_solve_at("Suite", solve_at)
        self.rates = tuple(sorted(checked_rates("Suite", rates)))
        lookup("match", match, SIZES)
        self.match: Match = match
        self.effort = _checked_effort(effort)
        self.rows = rows_of(None if problems is None else tuple(problems))
        self.problems = {name: row.problem for name, row in self.rows.items()}
        self._models = labels.models_by_label("Suite", models)
        for name, model in self._models.items():
            if not model.any_length or model.decodes:
                raise ValueError(
                    f"Suite: {name} cannot run at lengths beyond that of training, on which the "
                    "suite scores it. Use a model that takes any length."
                )
        self._chooser = max(self.seeds) + 1
        self._settings: dict[Place, Setting] = {}  # of the places that were needed
        self._outcomes: dict[tuple[Place, int], Outcome | None] = {}
        self._reasons: dict[tuple[Place, int], str] = {}
        self._rate: dict[tuple[str, str], float] = {}
        self._asked = defaultdict[Place, set[int]](set)
        self._queue: list[tuple[int, ...]] = []
        self._by_order = tuple(self._places())
        self._order = {place: turn for turn, place in enumerate(self._by_order)}
        for place in self._by_order:
            if place.stage == _SWEEP and len(self.rates) > 1:
                self._enqueue(place, self._chooser)
        if len(self.rates) == 1:
            for problem in self.rows:
                for model in self._models:
                    self._advance(problem, model)

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Suite:
        models = [documents.setting(document).model for document in question["settings"]]
        rest = ("problems", "match", "rates", "seeds", "effort", "solve_at")
        return cls(labels.of(question, models), **{name: question[name] for name in rest})

    def question(self) -> dict[str, Any]:
        first = next(iter(self.rows.values()))
        settings = (
            Setting(problem=first.problem, framing=Whole(), model=model)
            for model in self._models.values()
        )
        return {
            "settings": [documents.stored(setting) for setting in settings],
            "problems": list(self.rows),
            "match": self.match,
            "rates": list(self.rates),
            "seeds": list(self.seeds),
            "effort": self.effort,
            "solve_at": self.solve_at,
            **labels.document(self._models),
        }

    def ask(self) -> Trial | None:
        if not self._queue:
            return None
        *_, turn, seed = heapq.heappop(self._queue)
        return Trial(setting=self._setting(self._by_order[turn]), seed=seed)

    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        place = self._place_of(trial.setting)
        if place is None:  # of a suite that has changed since
            return
        if outcome is not None and (reasons := diagnose(outcome, self.solve_at)):
            self._reasons[place, trial.seed] = reasons[0].reason
        if outcome is not None and not self.keep_curves:
            outcome = outcome.without_details()
        self._outcomes[place, trial.seed] = outcome
        self._advance(place.problem, place.model)

    def examples(self) -> list[Setting]:
        first = (each for each in self._by_order if each.stage == _SEEDS)
        return [self._setting(each) for each in first if each.rate == self.rates[0]]

    def left(self) -> int | None:
        return sum(count for _, count in self._waiting())

    def ahead(self) -> Iterator[tuple[Setting, int]]:
        for place, count in self._waiting():
            yield self._setting(place), count

    def _waiting(self) -> Iterator[tuple[Place, int]]:
        for place in self._by_order:
            asked = self._asked.get(place, ())
            waiting = sum((place, seed) not in self._outcomes for seed in asked)
            chosen = (place.problem, place.model) in self._rate
            if place.stage == _SEEDS and not chosen and place.rate == self.rates[0]:
                waiting = len(self.seeds)
            if waiting:
                yield place, waiting

    def answer(self) -> SuiteAnswer:
        """The answer from the outcomes so far."""
        cells = tuple(self._cell(row, model) for row in self.rows for model in self._models)
        budget = max(row.recipe(self.rates[0], self.effort).sequences for row in self.rows.values())
        terms = self.kind, words(Whole()), self.seeds, budget, self.solve_at
        return SuiteAnswer(
            about=About(*terms, self.versions, "", labels.given_names(self._models)),
            problems=tuple(self.rows),
            separates={name: row.separates for name, row in self.rows.items()},
            lengths={name: row.length for name, row in self.rows.items()},
            models=tuple(self._models),
            match=self.match,
            size=SIZES[self.match],
            effort=self.effort,
            rates=self.rates,
            cells=cells,
            left=self.left() or 0,
            baselines=suite_baselines(self.match).of(self.rows),
        )

    def _cell(self, problem: str, model: str) -> SuiteCell:
        row, rate = self.rows[problem], self._rate.get((problem, model))
        trials: tuple[SeedResult, ...] = ()
        place = Place(problem, model, _SEEDS, self.rates[0] if rate is None else rate)
        if rate is not None:
            trials = self._trials(place)
        sweep = {
            each: outcome.validation_skill
            for each in self.rates
            if (outcome := self._outcomes.get(self._sweep(problem, model, each)))
        }
        failed = [seed for seed in self.seeds if self._outcomes.get((place, seed)) is None]
        furthest = row.longer(max(TIMES))
        return SuiteCell(
            problem=problem,
            model=model,
            width=width(self._setting(place).model),
            rate=rate,
            sweep=sweep,
            good=working(sweep, rate, self.solve_at) if rate in sweep and len(sweep) > 1 else None,
            trials=trials,
            solve_at=self.solve_at,
            theory=predict(self._models[model], problem, furthest.steps),
            capacity=self._capacity(problem, model, trials) if row.capacity and trials else None,
            knob=row.problem.ladder.knob,
            missing=len(self.seeds) - len(trials),
            failures=self.why_missing(self._setting(place), failed),
        )

    def _capacity(
        self, problem: str, model: str, trials: tuple[SeedResult, ...]
    ) -> tuple[int, bool] | None:
        """The hardest rung that half of its seeds learn, and whether a harder one was tried."""
        if not self._learned([each.outcome for each in trials]):
            return None
        row = self.rows[problem]
        best = getattr(row.problem, row.problem.ladder.knob)
        for rung in row.capacity:
            outcomes = [trial.outcome for trial in self._trials(self._rung(problem, model, rung))]
            if len(outcomes) < len(self._climbers):
                return best, False
            if not self._learned(outcomes):
                return best, True
            best = rung
        return best, False

    @property
    def _climbers(self) -> tuple[int, ...]:
        return self.seeds[:CLIMBERS]

    def _learned(self, outcomes: list[Outcome]) -> bool:
        """Whether half of the seeds or more learned it."""
        solved = sum(each.skill >= self.solve_at for each in outcomes)
        return bool(outcomes) and 2 * solved >= len(outcomes)

    def _trials(self, place: Place) -> tuple[SeedResult, ...]:
        found = ((seed, self._outcomes.get((place, seed))) for seed in self.seeds)
        return tuple(
            SeedResult(seed, outcome, self._reasons.get((place, seed), ""))
            for seed, outcome in found
            if outcome is not None
        )

    def _advance(self, problem: str, model: str) -> None:
        """Ask for what the outcomes so far lead to."""
        if (problem, model) not in self._rate and not self._choose(problem, model):
            return
        place = Place(problem, model, _SEEDS, self._rate[problem, model])
        for seed in self.seeds:
            self._enqueue(place, seed)
        if not all(self._ended(place, seed) for seed in self.seeds):
            return
        outcomes = [trial.outcome for trial in self._trials(place)]
        for rung in self.rows[problem].capacity:
            if not self._learned(outcomes):
                return
            place = self._rung(problem, model, rung)
            for seed in self._climbers:
                self._enqueue(place, seed)
            if not all(self._ended(place, seed) for seed in self._climbers):
                return
            outcomes = [trial.outcome for trial in self._trials(place)]

    def _choose(self, problem: str, model: str) -> bool:
        """Choose the learning rate, if the trials of all of them have ended."""
        if len(self.rates) == 1:
            self._rate[problem, model] = self.rates[0]
            return True
        places = [self._sweep(problem, model, rate) for rate in self.rates]
        if not all(self._ended(*each) for each in places):
            return False
        self._rate[problem, model] = max(places, key=self._merit)[0].rate
        return True

    def _ended(self, place: Place, seed: int) -> bool:
        """Whether a trial has ended; a study of a store has no outcomes of failed ones."""
        if (place, seed) in self._outcomes:
            return True
        failed = bool(self.failures)
        return failed and described(Trial(setting=self._setting(place), seed=seed)) in self.failures

    def _merit(self, at: tuple[Place, int]) -> tuple[float, float]:
        outcome = self._outcomes.get(at)
        if outcome is None:
            return -float("inf"), 0.0
        # Rates that solve the problem are equal; then fewer sequences are better.
        return min(outcome.validation_skill, self.solve_at), -float(outcome.sequences)

    def _sweep(self, problem: str, model: str, rate: float) -> tuple[Place, int]:
        return Place(problem, model, _SWEEP, rate), self._chooser

    def _rung(self, problem: str, model: str, rung: int) -> Place:
        return Place(problem, model, _CAPACITY, self._rate[problem, model], rung)

    def _enqueue(self, place: Place, seed: int) -> None:
        if seed in self._asked[place] or (place, seed) in self._outcomes:
            return
        self._asked[place].add(seed)
        turn = 0 if place.stage == _SWEEP else self.seeds.index(seed)
        if place.stage == _CAPACITY:
            turn += len(self.seeds)
        problem = list(self.rows).index(place.problem)
        heapq.heappush(self._queue, (turn, problem, place.stage, self._order[place], seed))

    def _places(self) -> Iterator[Place]:
        for stage in (_SWEEP, _SEEDS, _CAPACITY):
            for rate in self.rates:
                for problem, row in self.rows.items():
                    for rung in row.capacity if stage == _CAPACITY else (0,):
                        for model in self._models:
                            yield Place(problem, model, stage, rate, rung)

    def _place_of(self, setting: Setting) -> Place | None:
        """The place of a setting; None if it is none of this suite."""
        row, rate = self.rows.get(setting.problem.title()), setting.recipe.learning_rate
        if row is None:
            return None
        stage, rung = _SEEDS if setting.tests else _SWEEP, 0
        if setting.problem != row.problem:
            stage = _CAPACITY
            rung = next((n for n, each in row.rungs.items() if each == setting.problem), 0)
        places = (Place(row.name, model, stage, rate, rung) for model in self._models)
        found = (each for each in places if each in self._order and self._setting(each) == setting)
        return next(found, None)

    def _setting(self, place: Place) -> Setting:
        if place not in self._settings:
            self._settings[place] = self._new_setting(place)
        return self._settings[place]

    def _new_setting(self, place: Place) -> Setting:
        row = self.rows[place.problem]
        return setting_of(
            row,
            self._models[place.model],
            match=self.match,
            rate=place.rate,
            effort=self.effort,
            solve_at=self.solve_at,
            problem=row.rungs[place.rung] if place.stage == _CAPACITY else row.problem,
            tests=row.tests if place.stage == _SEEDS else {},
        )


def _checked_effort(effort: float) -> float:
    if not 0 < effort <= 1000:
        raise ValueError(
            f"Suite: `effort` must be above 0 and at most 1000, got {effort}. Use effort=1."
        )
    return float(effort)
