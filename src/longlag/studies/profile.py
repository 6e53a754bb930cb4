"""Profile: what one model remembers, over several problems, in the time there is."""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel
from longlag.encodings import IntegerEncoding, takes_encoding
from longlag.framings import Framing, Whole
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.scores.statistics import CONFIDENCE, SOLVED
from longlag.store.store import Store
from longlag.studies.ask import run_study
from longlag.studies.ladder import BUDGET, FIVE, LEARNING_RATES, at, checked_rates, checked_solve_at
from longlag.studies.profile_answer import Effort, Further, Place, ProfileAnswer, Reach, Rung
from longlag.studies.study import Study, named, words
from longlag.training import Recipe
from longlag.trials import documents
from longlag.trials.diagnosis import diagnose, falls_short
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome, skill
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor

LONGER = (4, 16)
"""Budgets that are tried where the first one ends too soon, as multiples of it."""

RELIABLE = 0.9
"""How probable it is taken to be that a seed solves a rung within reach, or fails one beyond."""

_COMPILE = 2.5  # seconds for a program, until more is known

_A_STEP = 1e-5  # seconds for one step of one sequence, until more is known

_CERTAIN = 0.02  # bits of a trial below which a ladder is settled, and other rates are tried

_NOTHING = 0.002  # bits below which a trial is not worth any time

_SEEDS = 12  # of a rung at most: where seeds differ so much, more tell nothing new

_GIVEN_UP = 2  # trials of a place that came to nothing, after which it is left alone

_NEAR = 0.5  # how much less probable the reach at another effort is for each rung it lies away

_UNLEARNED = 0.1  # the same for each rung that longer training would lose


class Profile(Study):
    """How far one model gets on each of several problems, the most telling trials first.

    Of each problem it holds how probable it is that the model's reach ends at each rung of the
    ladder: all alike at first, a rung within reach being solved by a seed with probability 0.9
    and one beyond it with 0.1. The next trial is the one expected to tell most (in bits) for each
    second that it is expected to take. It never ends by itself until nothing more is to be
    learned: give `conduct` a time.

    Once the reach at the first learning rate is settled the others are tried beyond it: do they
    get further? Where the loss still falls beyond the reach at the best of them, longer training
    comes last: the reach at one budget, by which models compare, stays the answer, and what more
    sequences would gain stands beside it. Which trial comes next, and which rate is the best, is
    decided on the validation stream; what is answered is measured on fresh sequences.

    Args:
        model: The model.
        problems: The problems; by default the five.
        framing: How episodes become samples.
        encoding: `OneHot` or `Scaled`, for problems with integers.
        recipe: Its `epochs` are the budget of a trial, in sequences.
        rates: Learning rates, the first of which is tried first; by default that of the recipe.
        longer: Further budgets, as multiples of the first.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        seconds: Time there is; trials that would not fit are not begun.

    Raises:
        ValueError: A value is out of range, or the model or framing does not fit a problem.
    """

    kind: ClassVar[str] = "profile"
    eager: ClassVar[bool] = False

    def __init__(
        self,
        model: ModelFactory | MakeModel,
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
        self.recipe = Recipe(epochs=BUDGET) if recipe is None else recipe
        self.solve_at = checked_solve_at("Profile", solve_at)
        posed = [kind() for kind in FIVE] if problems is None else problems
        self._problems = named("Profile", "problems", posed)
        usual = [self.recipe.learning_rate]
        self.rates = checked_rates("Profile", usual if rates is None else rates)
        self.longer = _checked_longer(longer)
        self.budgets = tuple(times * self.recipe.epochs for times in (1, *self.longer))
        places = (
            Place(name, Effort(rate, sequences), rung)
            for sequences in self.budgets
            for rate in self.rates
            for name, problem in self._problems.items()
            for rung in problem.ladder.rungs
        )
        self._settings = {place: self._setting(place) for place in places}
        for setting in self._settings.values():
            _ = setting.layout  # refuses what does not fit, before all
        self._place_of = {setting: place for place, setting in self._settings.items()}
        if len(self._place_of) < len(self._settings):
            raise ValueError(
                "Profile: two of the `problems` are the same at a rung of their ladder. Name one "
                "of them."
            )
        self._known: dict[Place, dict[int, Outcome | None]] = {
            place: {} for place in self._settings
        }
        self._asked: dict[Place, set[int]] = {place: set() for place in self._settings}
        self._until = None if seconds is None else time.monotonic() + seconds

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Profile:
        settings = [documents.setting(written) for written in question["settings"]]
        encoding = next((each.encoding for each in settings if each.encoding), None)
        return cls(
            settings[0].model,
            [setting.problem for setting in settings],
            framing=settings[0].framing,
            encoding=encoding,
            recipe=settings[0].recipe,
            rates=question["rates"],
            longer=question.get("longer", ()),  # run_study before there was such a thing
            solve_at=question["solve_at"],
        )

    def question(self) -> dict[str, Any]:
        settings = (self._unmoved(problem) for problem in self._problems.values())
        return {
            "settings": [documents.document(setting) for setting in settings],
            "rates": list(self.rates),
            "longer": list(self.longer),
            "solve_at": self.solve_at,
        }

    def ask(self) -> Trial | None:
        left = math.inf if self._until is None else self._until - time.monotonic()
        costs = self._costs()
        best, place = 0.0, None
        for each, told in self._worth():
            if told < _NOTHING or (cost := self._cost(each, costs)) > left:
                continue
            if told / cost > best:
                best, place = told / cost, each
        if place is None:
            return None
        seed = next(seed for seed in itertools.count() if seed not in self._asked[place])
        self._asked[place].add(seed)
        return Trial(setting=self._settings[place], seed=seed)

    def recall(self, store: Store) -> int:
        # What is known must not depend on whether it would fit the time there is now.
        self.replay(store)
        return sum(map(len, self._known.values()))

    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        place = self._place_of.get(trial.setting)
        if place is None:  # of a ladder that was another then
            return
        self._asked[place].add(trial.seed)
        self._known[place][trial.seed] = outcome

    def examples(self) -> list[Setting]:
        effort = Effort(self.rates[0], self.budgets[0])
        return [
            self._settings[Place(name, effort, problem.ladder.rungs[0])]
            for name, problem in self._problems.items()
        ]

    def left(self) -> int | None:
        return None

    def answer(self) -> ProfileAnswer:
        """What is known so far."""
        reaches = tuple(self._reach(name) for name in self._problems)
        return ProfileAnswer(
            model=words(self.model),
            reaches=reaches,
            left_out=tuple(self._left_out(reaches)),
            solve_at=self.solve_at,
            budget=self.budgets[0],
        )

    # What is known.

    def _solved(self, place: Place, *, validation: bool = False) -> tuple[int, int]:
        """How many seeds solved a rung, and how many were tried."""
        known = self._finished(place)
        if validation:
            return sum(map(self._validated, known)), len(known)
        return sum(not diagnose(each, self.solve_at) for each in known), len(known)

    def _finished(self, place: Place) -> list[Outcome]:
        """What the seeds came to; a trial that came to nothing says nothing of the model."""
        known = self._known[place]
        return [outcome for seed in sorted(known) if (outcome := known[seed]) is not None]

    def _validated(self, outcome: Outcome) -> bool:
        return outcome.ended != "diverged" and outcome.validation_skill >= self.solve_at

    def _posterior(self, name: str, effort: Effort, *, validation: bool = False) -> np.ndarray:
        """The probability that the reach ends after each number of rungs, from 0 on."""
        rungs = self._problems[name].ladder.rungs
        ends = np.arange(len(rungs) + 1)
        logs = np.zeros(len(ends))
        if (nearest := self._nearest(effort)) is not None:
            further = ends - _middle(self._posterior(name, nearest, validation=validation))
            lost = _NEAR if nearest.sequences == effort.sequences else _UNLEARNED
            logs += np.abs(further) * np.log(np.where(further < 0, lost, _NEAR))
        for step, rung in enumerate(rungs):
            solved, tried = self._solved(Place(name, effort, rung), validation=validation)
            solves = np.where(step < ends, RELIABLE, 1 - RELIABLE)
            logs += solved * np.log(solves) + (tried - solved) * np.log(1 - solves)
        odds = np.exp(logs - logs.max())
        return odds / odds.sum()

    def _nearest(self, effort: Effort) -> Effort | None:
        """The effort whose reach says where to look for that of this one."""
        if effort.sequences != self.budgets[0]:
            before = self.budgets[self.budgets.index(effort.sequences) - 1]
            return effort._replace(sequences=before)
        return None if effort.rate == self.rates[0] else effort._replace(rate=self.rates[0])

    def _efforts(self, name: str, sequences: int) -> list[Effort]:
        """Those with so many sequences that a problem was tried with."""
        efforts = (Effort(rate, sequences) for rate in self.rates)
        return [effort for effort in efforts if self._tried(name, effort)]

    def _tried(self, name: str, effort: Effort) -> bool:
        rungs = self._problems[name].ladder.rungs
        return any(self._finished(Place(name, effort, rung)) for rung in rungs)

    def _steps(self, name: str, effort: Effort) -> int:
        """How many rungs are within reach, on the validation stream."""
        return _middle(self._posterior(name, effort, validation=True))

    def _worth(self) -> Iterator[tuple[Place, float]]:
        """Bits that one more trial at each place is expected to tell of where a reach ends."""
        for name in self._problems:
            for stage in self._stages(name):
                told = [(place, self._told(place)) for place in stage]
                yield from told
                if any(bits >= _CERTAIN for _, bits in told):
                    break

    def _stages(self, name: str) -> Iterator[list[Place]]:
        """Where a problem may be tried, each lot of places once those before are settled."""
        rungs, (budget, *longer) = self._problems[name].ladder.rungs, self.budgets
        first, *others = (Effort(rate, budget) for rate in self.rates)
        yield [Place(name, first, rung) for rung in rungs]
        # Of another rate it is only of interest whether it gets further than the rest.
        reached = {each: self._steps(name, each) for each in self._efforts(name, budget)}
        rest = {
            effort: max((steps for each, steps in reached.items() if each != effort), default=0)
            for effort in others
        }
        yield [Place(name, effort, rung) for effort in others for rung in rungs[rest[effort] :]]
        for sequences in longer:
            before = self._chosen(name, budget)
            steps = self._steps(name, before)
            if not self._undertrained(name, before, steps):
                return
            effort, budget = before._replace(sequences=sequences), sequences
            yield [Place(name, effort, rung) for rung in rungs[steps:]]

    def _undertrained(self, name: str, effort: Effort, steps: int) -> bool:
        """Whether the loss still fell at the first rung beyond so many within reach."""
        return any(
            falls_short(outcome, self.solve_at)
            for rung in self._problems[name].ladder.rungs[steps:][:1]
            for outcome in self._finished(Place(name, effort, rung))
            if not self._validated(outcome)
        )

    def _told(self, place: Place) -> float:
        """Bits that one more trial tells, by how probably its rung is within reach."""
        step = self._problems[place.problem].ladder.rungs.index(place.rung)
        ends = self._posterior(place.problem, place.effort, validation=True)
        within = float(ends[step + 1 :].sum())
        solves = within * RELIABLE + (1 - within) * (1 - RELIABLE)
        lost = len(self._known[place]) - len(self._finished(place))
        if lost >= _GIVEN_UP or len(self._asked[place]) >= _SEEDS:
            return 0.0
        under_way = len(self._asked[place]) - len(self._known[place])
        return (_entropy(solves) - _entropy(RELIABLE)) / (1 + 2 * under_way)

    def _chosen(self, name: str, sequences: int) -> Effort:
        """That with so many sequences which gets furthest on the validation stream."""

        def merit(effort: Effort) -> float:
            ends = self._posterior(name, effort, validation=True)
            return float((ends * np.arange(len(ends))).sum())

        tried = self._efforts(name, sequences)
        return max(tried or [Effort(self.rates[0], sequences)], key=merit)

    # What it costs.

    def _costs(self) -> tuple[float, float]:
        """Seconds for a program, and for one step of one sequence."""
        done = [
            (self._settings[place], outcome)
            for place in self._known
            for outcome in self._finished(place)
        ]
        compiled = [each.seconds.compile for _, each in done if each.seconds.compile > 0.05]
        steps = sum(each.sequences * setting.problem.steps for setting, each in done)
        trained = sum(each.seconds.train for _, each in done)
        return (
            float(np.mean(compiled)) if compiled else _COMPILE,
            trained / steps if steps else _A_STEP,
        )

    def _cost(self, place: Place, costs: tuple[float, float]) -> float:
        """Seconds that one more trial at a rung is expected to take, and fifty for certain."""
        if known := self._finished(place):
            return float(np.mean([each.seconds.total for each in known]))
        compiled, a_step = costs
        sequences = place.effort.sequences
        below = [
            outcome.sequences
            for value in self._problems[place.problem].ladder.rungs
            if value < place.rung
            for outcome in self._finished(place._replace(rung=value))
        ]
        if below:
            sequences = min(sequences, 2 * below[-1])
        alike = (place._replace(effort=place.effort._replace(rate=rate)) for rate in self.rates)
        if any(map(self._finished, alike)):
            compiled = 0.0  # the rate is no part of the program
        return compiled + a_step * sequences * self._settings[place].problem.steps

    # What it comes to.

    def _reach(self, name: str) -> Reach:
        problem, (budget, *longer) = self._problems[name], self.budgets
        chosen = self._chosen(name, budget)
        ends = self._posterior(name, chosen)
        value, interval = self._value(name, chosen)
        rungs = []
        for step, rung in enumerate(problem.ladder.rungs):
            finished = tuple(self._finished(Place(name, chosen, rung)))
            reasons: dict[str, int] = {}
            for outcome in finished:
                for found in diagnose(outcome, self.solve_at)[:1]:
                    reasons[found.reason] = reasons.get(found.reason, 0) + 1
            rungs.append(
                Rung(
                    value=rung,
                    outcomes=finished,
                    solved=self._solved(Place(name, chosen, rung))[0],
                    within=float(ends[step + 1 :].sum()),
                    skill=skill(finished) if finished else None,
                    reasons=reasons,
                )
            )
        return Reach(
            problem=name,
            knob=problem.ladder.knob,
            rate=chosen.rate,
            others=tuple(
                (other.rate, (0, *problem.ladder.rungs)[_middle(self._posterior(name, other))])
                for other in self._efforts(name, budget)
                if other != chosen
            ),
            longer=tuple(
                self._further(name, self._chosen(name, more))
                for more in longer
                if self._efforts(name, more)
            ),
            undertrained=self._still_falling(name),
            rungs=tuple(rungs),
            value=value,
            more=bool(value) and self._goes_on(name, chosen, value or 0),
            interval=interval,
            share=float((ends * np.arange(len(ends))).sum() / (len(ends) - 1))
            if self._tried(name, chosen)
            else None,
        )

    def _value(self, name: str, effort: Effort) -> tuple[int | None, tuple[int, int]]:
        """The highest rung solved and within reach, and the interval of the reach."""
        ends, rungs = self._posterior(name, effort), self._problems[name].ladder.rungs
        cumulative = ends.cumsum()
        low, high = (
            (0, *rungs)[int(np.searchsorted(cumulative, share - 1e-12))]
            for share in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
        )
        within = rungs[: _middle(ends)]
        solved = [rung for rung in within if self._solved(Place(name, effort, rung))[0]]
        known = 0 if not within and self._finished(Place(name, effort, rungs[0])) else None
        return (solved[-1] if solved else known), (low, high)

    def _goes_on(self, name: str, effort: Effort, value: int) -> bool:
        """Whether the reach probably lies beyond a rung, or the ladder does not."""
        rungs, steps = self._problems[name].ladder.rungs, _middle(self._posterior(name, effort))
        return value == rungs[-1] or value < rungs[steps - 1]

    def _further(self, name: str, effort: Effort) -> Further:
        """How far it gets with a larger budget."""
        rungs = self._problems[name].ladder.rungs
        counts = [self._solved(Place(name, effort, rung)) for rung in rungs]
        solved, tried = map(sum, zip(*counts, strict=True))
        return Further(effort.sequences, *self._value(name, effort), solved, tried)

    def _still_falling(self, name: str) -> int | None:
        """The largest budget tried, if more of it might take the reach further."""
        budget = max((each for each in self.budgets if self._efforts(name, each)), default=None)
        if budget is None:
            return None
        effort = self._chosen(name, budget)
        steps = _middle(self._posterior(name, effort))
        return budget if self._undertrained(name, effort, steps) else None

    def _left_out(self, reaches: Iterable[Reach]) -> list[str]:
        said = []
        for reach in reaches:
            if not reach.tried:
                said.append(f"{reach.problem}: nothing was tried.")
                continue
            untried = [rung for rung in reach.rungs if not rung.outcomes]
            open_ = [rung.value for rung in untried if 0.05 < rung.within < 0.95]
            if open_:
                values = ", ".join(map(str, open_))
                said.append(f"{reach.problem}: {reach.knob} {values} not tried, and open.")
            if reach.interval[0] != reach.interval[1]:
                low, high = (bound or "none" for bound in reach.interval)
                trials = "1 trial leaves" if reach.tried == 1 else f"{reach.tried} trials leave"
                said.append(f"{reach.problem}: {trials} the reach between {low} and {high}.")
            lucky = [
                f"{rung.value} ({rung.solved} of {len(rung.outcomes)})"
                for rung in reach.rungs
                if len(rung.outcomes) >= _SEEDS and 1 / 4 < rung.solved / len(rung.outcomes) < 3 / 4
            ]
            if lucky:
                values = ", ".join(lucky)
                said.append(f"{reach.problem}: a matter of luck at {reach.knob} {values}.")
            for each in reach.longer:
                low, high = (bound or "none" for bound in each.interval)
                if low != high:
                    trials = "1 trial leaves" if each.tried == 1 else f"{each.tried} trials leave"
                    said.append(
                        f"{reach.problem}: with {each.sequences:,} sequences {trials} the reach "
                        f"between {low} and {high}."
                    )
            if reach.undertrained is not None:
                said.append(
                    f"{reach.problem}: undertrained at {reach.undertrained:,} sequences; more were "
                    "not tried."
                )
        rates = ", ".join(f"{rate:g}" for rate in self.rates)
        one = len(self.rates) == 1
        if not one and any(reach.longer for reach in reaches):
            said.append("Longer training was tried at the best of the learning rates alone.")
        lost = sum(len(known) - len(self._finished(place)) for place, known in self._known.items())
        if lost:
            said.append(f"{lost} trials came to nothing; they count neither way.")
        said.append(
            f"{'One learning rate' if one else 'Learning rates'} ({rates}), one framing "
            f"({words(self.framing)}): others were not tried."
        )
        untried = [
            f"{name} at {rate:g}"
            for name in self._problems
            for rate in self.rates
            if not self._tried(name, Effort(rate, self.budgets[0])) and self._unfinished(name)
        ]
        if untried and not one:
            said.append(f"Learning rates not tried: {', '.join(untried)}.")
        return said

    def _unfinished(self, name: str) -> bool:
        """Whether the ladder goes on beyond the reach."""
        ends = self._posterior(name, self._chosen(name, self.budgets[0]))
        return _middle(ends) < len(ends) - 1

    def _unmoved(self, problem: Problem) -> Setting:
        takes = takes_encoding(problem)
        return Setting(
            problem=problem,
            framing=self.framing,
            model=self.model,
            encoding=self.encoding if takes else None,
            recipe=self.recipe,
        )

    def _setting(self, place: Place) -> Setting:
        setting = self._unmoved(self._problems[place.problem])
        rate, sequences = place.effort
        recipe = dataclasses.replace(setting.recipe, learning_rate=rate, epochs=sequences)
        return at(dataclasses.replace(setting, recipe=recipe), place.rung, self.solve_at)


def _checked_longer(longer: Iterable[int]) -> tuple[int, ...]:
    times = tuple(map(operator.index, longer))
    if any(after <= before for before, after in itertools.pairwise((1, *times))):
        raise ValueError(
            f"Profile: `longer` must rise from above 1, got {times}. Use longer={LONGER}."
        )
    return times


def _middle(ends: np.ndarray) -> int:
    """The median number of rungs within reach."""
    return int(np.searchsorted(ends.cumsum(), 0.5 - 1e-12))


def _entropy(probability: float) -> float:
    """Of a yes or no, in bits."""
    pair = np.array([probability, 1 - probability])
    return float(-(pair * np.log2(np.clip(pair, 1e-300, 1))).sum())


def profile(
    model: ModelFactory | MakeModel,
    problems: Iterable[Problem] | None = None,
    *,
    minutes: float = 5.0,
    framing: Framing | None = None,
    encoding: type[IntegerEncoding] | None = None,
    budget: int = BUDGET,
    batch_size: int = Recipe.batch_size,
    learning_rates: Iterable[float] = LEARNING_RATES,
    optimizer: Literal["adam", "sgd"] = Recipe.optimizer,
    solve_at: float = SOLVED,
    store: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> ProfileAnswer:
    """How far one model gets on each of several problems, in the time there is (`Profile`).

    Args:
        model: A description of ours, or a function of sizes and seed that makes a model of your
            own (`longlag.adopt`).
        problems: The problems; the five by default.
        minutes: Time there is.
        framing: How episodes become samples; `Whole()` by default.
        encoding: `OneHot` or `Scaled`, for problems with integers.
        budget: Sequences that a trial may train on.
        batch_size: Samples in a batch.
        learning_rates: Learning rates, the first of which is tried first.
        optimizer: `adam` or `sgd`.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        store: File in which finished trials are kept; by default nothing is kept.
        executor: Who runs the trials; by default one process for each core.
    """
    if not 0 < minutes < 1e6:
        raise ValueError(f"profile: `minutes` must be above 0, got {minutes}. Use minutes=5.")
    recipe = Recipe(epochs=budget, batch_size=batch_size, optimizer=optimizer)
    study = Profile(
        model,
        problems,
        framing=framing,
        encoding=encoding,
        recipe=recipe,
        rates=learning_rates,
        solve_at=solve_at,
        seconds=60 * minutes,
    )
    return run_study(study, store=store, executor=executor, seconds=60 * minutes).answer()
