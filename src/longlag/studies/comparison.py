"""Comparison: the skill of several models at each rung of several problems."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, SupportsIndex

import numpy as np

from longlag.encodings import IntegerEncoding
from longlag.framings import Framing, Whole
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.scores.evaluation import seed_list
from longlag.scores.statistics import SOLVED
from longlag.studies import labels
from longlag.studies.about import About, SeedResult
from longlag.studies.comparison_answer import ComparisonAnswer
from longlag.studies.comparison_cell import Cell
from longlag.studies.labels import SeveralModels
from longlag.studies.ladder import (
    BUDGET,
    FIVE,
    LEARNING_RATES,
    Place,
    at,
    check_framing,
    checked_rates,
    checked_solve_at,
    ladder_of,
    setting_on,
)
from longlag.studies.lower_bound import lower_bound
from longlag.studies.match import Match, Sized, at_width, sized
from longlag.studies.rates import RateSearch, beyond, working
from longlag.studies.study import Study, named, words
from longlag.studies.time_to_solve import time_to_solve
from longlag.training import Recipe
from longlag.trials import documents
from longlag.trials.diagnosis import diagnose
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome, side_of_chance, skill
from longlag.trials.setting import Setting

_LAST = float("inf")  # the priority of a trial without a turn of its own

RUNGS = 3
"""Default number of rungs of each problem's ladder."""


class Comparison(Study):
    """The skill of each model at each rung of each problem's ladder, and the sequences to solve it.

    At the first rung every model is tried at every learning rate. The best one is used at the other
    rungs: the best by skill on the validation stream and, among rates that solve the rung, by the
    number of sequences. While the best is at the edge of those tried, the next rate beyond is tried
    too, at most two. Test sequences choose nothing. The skill over all rates shows how robust a
    model is. At the first rung the same seeds choose the rate and are scored, so that a score there
    can be too good where seeds differ much.

    Args:
        models: The models, or a mapping of the names to show to models.
        problems: The problems, each with a ladder; the five by default.
        framing: How episodes become samples, for all problems; `Whole()` by default.
        encoding: `OneHot` or `Scaled`, for problems with integers.
        recipe: Its `sequences` are the budget of a trial; `rates` replace its learning rate.
        rungs: Number of rungs of each ladder, from the first on.
        rates: The learning rates.
        widen: Whether to try rates beyond these where the best is at their edge; one alone is not
            chosen among.
        match: Give each model the width at which it has as many weights (`parameters`), or numbers
            of state (`state`), as the first one, at each level of each problem.
        sizes: The widths that were found for it, of a stored study; by default they are searched.
        seeds: The seeds.
        solve_at: Skill on fresh sequences from which a trial counts as solved.

    Raises:
        ValueError: A value is out of range, or a model or framing does not fit a problem.
    """

    kind: ClassVar[str] = "compare"

    def __init__(
        self,
        models: SeveralModels,
        problems: Iterable[Problem] | None = None,
        *,
        framing: Framing | None = None,
        encoding: type[IntegerEncoding] | None = None,
        recipe: Recipe | None = None,
        rungs: int = RUNGS,
        rates: Iterable[float] = LEARNING_RATES,
        widen: bool = True,
        match: Match | None = None,
        sizes: Iterable[Sized] = (),
        seeds: SupportsIndex | Iterable[int] = 5,
        solve_at: float = SOLVED,
    ):
        self.seeds = seed_list(seeds)
        self.solve_at = checked_solve_at("Comparison", solve_at)
        self.rates = checked_rates("Comparison", rates)
        self.widen = widen and len(self.rates) > 1
        self._beyond = beyond(self.rates) if self.widen else ((), ())
        self.match: Match | None = match
        self.sizes = tuple(sizes)
        self.framing = Whole() if framing is None else framing
        self.encoding, self.rungs = encoding, operator.index(rungs)
        self.recipe = Recipe(sequences=BUDGET) if recipe is None else recipe
        self._models = labels.models_by_label("Comparison", models)
        chosen = [kind() for kind in FIVE] if problems is None else problems
        self.problems = named("Comparison", "problems", chosen)
        if rungs < 1:
            raise ValueError(
                f"Comparison: `rungs` must be at least 1, got {rungs}. Use rungs=1 or more."
            )
        self._ladders = {
            name: ladder_of(problem).rungs[:rungs] for name, problem in self.problems.items()
        }
        ladders = self._ladders.items()
        levels = [self.problems[name].at(rung) for name, some in ladders for rung in some]
        check_framing(self.framing, self.recipe.batch_size, levels)
        self._settings = {place: self._setting(place) for place in self._places()}
        self.sizes = self.sizes or (sized(self.match, self._settings) if self.match else ())
        self._place_of = {
            (setting.problem, setting.model, setting.recipe.learning_rate): place
            for place, setting in self._settings.items()
        }
        if len(self._place_of) < len(self._settings):
            raise ValueError(
                "Comparison: two of the `problems` are the same at a difficulty level. Name "
                "one of them."
            )
        self._outcome: dict[tuple[Place, int], Outcome | None] = {}
        self._reasons: dict[tuple[Place, int], str] = {}
        pairs = itertools.product(self.problems, self._models)
        self._tried = {pair: list(self.rates) for pair in pairs}
        self._rate: dict[tuple[str, str], float] = {}
        self._wanted = set[Place]()
        self._queue: list[tuple[tuple[float, int], int, int]] = []  # a heap of places and seeds
        self._order = {place: turn for turn, place in enumerate(self._settings)}
        # Each model and each problem comes early, for estimates of their times.
        self._early = {
            (problem, list(self._models)[(turn + first) % len(self._models)]): (first, turn)
            for first in range(len(self._models))
            for turn, problem in enumerate(self.problems)
        }
        self._by_order = tuple(self._settings)
        for place in self._settings:
            if place.rung == self._ladders[place.problem][0] and place.rate in self.rates:
                self._enqueue(place)
        if len(self.rates) == 1:
            for pair in self._tried:
                self._choose(*pair)

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Comparison:
        settings = [documents.setting(document) for document in question["settings"]]
        # Models and problems cross, so each occurs more than once.
        models = dict.fromkeys(setting.model for setting in settings)
        problems = dict.fromkeys(setting.problem for setting in settings)
        rest = {name: question[name] for name in ("rungs", "rates", "seeds", "solve_at")}
        shared = settings[0]
        encoding = next((each.encoding for each in settings if each.encoding), None)
        return cls(
            labels.of(question, models),
            problems,
            framing=shared.framing,
            encoding=encoding,
            recipe=shared.recipe,
            widen=question.get("widen", False),  # absent in old studies
            match=question.get("match"),
            sizes=(Sized(*each) for each in question.get("sizes", ())),  # likewise
            **rest,
        )

    def question(self) -> dict[str, Any]:
        settings = (
            self._base_setting(problem, model)
            for problem in self.problems.values()
            for model in self._models.values()
        )
        return {
            "settings": [documents.stored(setting) for setting in settings],
            "rungs": self.rungs,
            "rates": list(self.rates),
            "seeds": list(self.seeds),
            "solve_at": self.solve_at,
            **({"widen": True} if self.widen else {}),
            **({"match": self.match, "sizes": list(map(list, self.sizes))} if self.match else {}),
            **labels.document(self._models),
        }

    def ask(self) -> Trial | None:
        if not self._queue:
            return None
        *_, turn, seed = heapq.heappop(self._queue)
        return Trial(setting=self._settings[self._by_order[turn]], seed=self.seeds[seed])

    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        setting = trial.setting
        rate = setting.recipe.learning_rate
        place = self._place_of.get((setting.problem, setting.model, rate))
        if place is None:  # of a ladder that has changed since
            return
        if outcome is not None and (reasons := diagnose(outcome, self.solve_at)):
            self._reasons[place, trial.seed] = reasons[0].reason
        if outcome is not None and not self.keep_curves:
            outcome = outcome.without_details()
        self._outcome[place, trial.seed] = outcome
        self._choose(place.problem, place.model)

    def examples(self) -> list[Setting]:
        first = {problem: rungs[0] for problem, rungs in self._ladders.items()}
        return [
            setting
            for place, setting in self._settings.items()
            if place.rung == first[place.problem] and place.rate == self.rates[0]
        ]

    def left(self) -> int | None:
        open_ = (pair for pair in self._tried if pair not in self._rate)
        most = max(map(len, self._beyond))
        further = sum(most - len(self._tried[pair]) + len(self.rates) for pair in open_)
        return sum(count for _, count in self.ahead()) + further * len(self.seeds)

    def ahead(self) -> Iterator[tuple[Setting, int]]:
        for place, setting in self._settings.items():
            chosen = self._rate.get((place.problem, place.model))
            later = place.rung != self._ladders[place.problem][0] and place.rate == self.rates[0]
            if place in self._wanted or (chosen is None and later):
                ended = sum((place, seed) in self._outcome for seed in self.seeds)
                yield setting, len(self.seeds) - ended

    def answer(self) -> ComparisonAnswer:
        """The answer from the outcomes so far."""
        cells, ladder = [], []
        for problem, rungs in self._ladders.items():
            for model in self._models:
                self._choose(problem, model)
                chosen = self._rate.get((problem, model))
                rate = self.rates[0] if chosen is None else chosen
                cells += [self._cell(Place(problem, model, rung, rate), chosen) for rung in rungs]
                tried = [
                    self._cell(place, chosen or 0.0)
                    for place in sorted(self._first(problem, model))
                ]
                ladder += [cell for cell in tried if cell.trials or cell.failures]
        terms = self.kind, words(self.framing), self.seeds, self.recipe.sequences, self.solve_at
        return ComparisonAnswer(
            about=About(
                *terms, self.versions, self.recipe.details, labels.given_names(self._models)
            ),
            problems=tuple(self.problems),
            models=tuple(self._models),
            rates=self.rates,
            cells=tuple(cells),
            ladder=tuple(ladder),
            searches=tuple(self._search(*pair) for pair in self._tried),
            match=self.match,
            sizes=self.sizes,
            left=self.left() or 0,
            lower_bound=lower_bound(
                (trial for cell in cells for trial in cell.trials),
                sum(len(cell.outcomes) for cell in cells),
                "trials",
                self.recipe,
            ),
        )

    def _cell(self, place: Place, chosen: float | None) -> Cell:
        """A cell; without trials where no rate was chosen yet."""
        trials = () if chosen is None else self._trials(place)
        outcomes, budget = [trial.outcome for trial in trials], self.recipe.sequences
        failures = self._failures(place)
        return Cell(
            problem=place.problem,
            model=place.model,
            knob=self.problems[place.problem].ladder.knob,
            rung=place.rung,
            rate=place.rate,
            chosen=place.rate == chosen,
            trials=trials,
            skill=skill(outcomes) if outcomes else None,
            time=time_to_solve(outcomes, self.solve_at, budget) if outcomes else None,
            reasons=Counter(trial.reason for trial in trials if trial.reason),
            missing=len(self.seeds) - len(outcomes),
            failures=failures,
        )

    def _failures(self, place: Place) -> Counter[str]:
        """The number of failed seeds, by reason."""
        missing = [seed for seed in self.seeds if self._outcome.get((place, seed)) is None]
        reasons = self.why_missing(self._settings[place], missing)
        unexplained = sum((place, seed) in self._outcome for seed in missing) - reasons.total()
        return reasons + Counter(failed=max(0, unexplained))

    def _trials(self, place: Place) -> tuple[SeedResult, ...]:
        """The finished seeds."""
        outcomes = ((seed, self._outcome.get((place, seed))) for seed in self.seeds)
        return tuple(
            SeedResult(seed, outcome, self._reasons.get((place, seed), ""))
            for seed, outcome in outcomes
            if outcome is not None
        )

    def _outcomes(self, place: Place) -> list[Outcome]:
        return [trial.outcome for trial in self._trials(place)]

    def _choose(self, problem: str, model: str) -> None:
        """Choose the learning rate for the other rungs, once the first rung is complete."""
        tried = self._tried[problem, model]
        while (problem, model) not in self._rate:
            places = self._first(problem, model)
            # A study from a store has no outcomes of failed trials.
            ended = [len(self._outcomes(each)) + self._failures(each).total() for each in places]
            if len(places) > 1 and min(ended) < len(self.seeds):
                return
            best = max(places, key=self._merit) if len(places) > 1 else places[0]
            if (further := self._further(best, places)) is not None:
                tried.append(further)
                self._enqueue(best._replace(rate=further))
                continue
            self._rate[problem, model] = best.rate
            for rung in self._ladders[problem][1:]:
                self._enqueue(best._replace(rung=rung))

    def _first(self, problem: str, model: str) -> list[Place]:
        """The places of the first rung at the rates tried."""
        rung = self._ladders[problem][0]
        return [Place(problem, model, rung, rate) for rate in self._tried[problem, model]]

    def _further(self, best: Place, places: Sequence[Place]) -> float | None:
        """The next rate beyond those tried, if the best is at their edge and none is as good."""
        tried = [place.rate for place in places]
        if sum(self._merit(each) == self._merit(best) for each in places) > 1:
            return None
        for edge, further in zip((min, max), self._beyond, strict=True):
            if best.rate == edge(tried):
                return next((rate for rate in further if rate not in tried), None)
        return None

    def _search(self, problem: str, model: str) -> RateSearch:
        tried, chosen = self._tried[problem, model], self._rate.get((problem, model))
        extra, places = tuple(tried[len(self.rates) :]), self._first(problem, model)
        if chosen is None or len(tried) == 1:
            return RateSearch(problem, model, extra, None)
        outcomes = self._outcomes(places[tried.index(chosen)])
        if not outcomes or side_of_chance(outcomes) != "above":
            return RateSearch(problem, model, extra, None)
        skills = {place.rate: self._validation(place) for place in places}
        return RateSearch(problem, model, extra, working(skills, chosen, self.solve_at))

    def _validation(self, place: Place) -> float:
        """The mean skill on the validation stream; a failed seed counts as skill 0."""
        outcomes = self._outcomes(place)
        if not outcomes:
            return -np.inf
        return sum(outcome.validation_skill for outcome in outcomes) / len(self.seeds)

    def _merit(self, place: Place) -> tuple[float, float]:
        outcomes = self._outcomes(place)
        sequences = float(np.mean([each.sequences for each in outcomes])) if outcomes else 0.0
        # Rates that solve the rung are equal; then fewer sequences are better.
        return min(self._validation(place), self.solve_at), -sequences

    def _enqueue(self, place: Place) -> None:
        self._wanted.add(place)
        first = (place.rung, place.rate) == (self._ladders[place.problem][0], self.rates[0])
        for seed in range(len(self.seeds)):
            early = self._early[place.problem, place.model] if first and not seed else (_LAST, 0)
            heapq.heappush(self._queue, (early, self._order[place], seed))

    def _places(self) -> list[Place]:
        most = max(map(len, self._ladders.values()))
        return [
            Place(problem, model, rungs[step], rate)
            for step in range(most)
            for problem, rungs in self._ladders.items()
            if step < len(rungs)
            for model in self._models
            for rate in (*self.rates, *itertools.chain(*self._beyond))
        ]

    def _base_setting(self, problem: Problem, model: ModelFactory) -> Setting:
        return setting_on(problem, model, self.framing, self.encoding, self.recipe)

    def _setting(self, place: Place) -> Setting:
        setting = self._base_setting(self.problems[place.problem], self._models[place.model])
        recipe = dataclasses.replace(setting.recipe, learning_rate=place.rate)
        setting = at(dataclasses.replace(setting, recipe=recipe), place.rung, self.solve_at)
        if self.match is None:
            return setting
        first = next(iter(self._models.values()))
        model = at_width(self.match, self.sizes, place, setting, first)
        return dataclasses.replace(setting, model=model)
