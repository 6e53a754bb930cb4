"""The outcomes of a profile, and the probable reach of the model from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from longlag.problems import Ladder
from longlag.studies.about import SeedResult
from longlag.studies.profile_answer import RELIABLE, Effort, Place
from longlag.trials.diagnosis import diagnose, falls_short
from longlag.trials.outcome import Outcome

SEEDS = 12
"""The largest number of seeds of a rung: more would add nothing, however they differ."""

_CERTAIN = 0.02  # bits of a trial below which a ladder is settled, and other rates follow

_MAX_FAILURES = 2  # failed trials at a place after which it gets no more

_PRIOR_DECAY = 0.5  # factor of the prior for each rung between the reaches of two efforts

_PRIOR_LOSS = 0.1  # the same for each rung that longer training would lose


class Results:
    """The outcomes of the trials at each place.

    Args:
        places: All places of the profile.
        solve_at: Skill from which a trial counts as solved.
    """

    def __init__(self, places: Iterable[Place], solve_at: float):
        self.outcomes: dict[Place, dict[int, Outcome | None]] = {place: {} for place in places}
        self.requested: dict[Place, set[int]] = {place: set() for place in self.outcomes}
        self.solve_at = solve_at

    def tell(self, place: Place, seed: int, outcome: Outcome | None) -> None:
        """Take the outcome of a trial; None if it failed."""
        self.requested[place].add(seed)
        self.outcomes[place][seed] = outcome

    def finished(self, place: Place) -> list[Outcome]:
        """The outcomes of the seeds, without failed trials."""
        by_seed = self.outcomes[place]
        return [outcome for seed in sorted(by_seed) if (outcome := by_seed[seed]) is not None]

    def trials(self, place: Place) -> tuple[SeedResult, ...]:
        """The finished seeds, each with the reason why it fell short."""
        results = []
        for seed, outcome in sorted(self.outcomes[place].items()):
            if outcome is not None:
                reasons = diagnose(outcome, self.solve_at)
                results.append(SeedResult(seed, outcome, reasons[0].reason if reasons else ""))
        return tuple(results)

    def failed(self, place: Place) -> int:
        """The number of failed trials."""
        return len(self.outcomes[place]) - len(self.finished(place))

    def solved(self, place: Place, *, validation: bool = False) -> tuple[int, int]:
        """The number of seeds that solved a rung, and of all finished seeds."""
        outcomes = self.finished(place)
        if validation:
            return sum(map(self.validated, outcomes)), len(outcomes)
        return sum(not diagnose(each, self.solve_at) for each in outcomes), len(outcomes)

    def validated(self, outcome: Outcome) -> bool:
        """Whether a trial solved its problem on the validation stream."""
        return outcome.ended != "diverged" and outcome.validation_skill >= self.solve_at


class Belief:
    """How probable it is that the reach of a model ends at each rung of each problem.

    Args:
        results: The outcomes so far.
        ladders: The ladder of each problem.
        rates: Learning rates, the first of which is tried first.
        budgets: Sequences of a trial, the smallest first.
    """

    def __init__(
        self,
        results: Results,
        ladders: Mapping[str, Ladder],
        rates: tuple[float, ...],
        budgets: tuple[int, ...],
    ):
        self.results, self.ladders = results, ladders
        self.rates, self.budgets = rates, budgets

    def ends(self, name: str, effort: Effort, *, validation: bool = False) -> np.ndarray:
        """The probability that the reach ends after each number of rungs, from 0 on."""
        rungs = self.ladders[name].rungs
        ends = np.arange(len(rungs) + 1)
        logs = np.zeros(len(ends))
        if (nearest := self._nearest(effort)) is not None:
            further = ends - middle(self.ends(name, nearest, validation=validation))
            factor = _PRIOR_DECAY if nearest.sequences == effort.sequences else _PRIOR_LOSS
            logs += np.abs(further) * np.log(np.where(further < 0, factor, _PRIOR_DECAY))
        for step, rung in enumerate(rungs):
            solved, tried = self.results.solved(Place(name, effort, rung), validation=validation)
            solves = np.where(step < ends, RELIABLE, 1 - RELIABLE)
            logs += solved * np.log(solves) + (tried - solved) * np.log(1 - solves)
        odds = np.exp(logs - logs.max())
        return odds / odds.sum()

    def _nearest(self, effort: Effort) -> Effort | None:
        """The effort whose reach is the prior of this one's; None for the first."""
        if effort.sequences != self.budgets[0]:
            before = self.budgets[self.budgets.index(effort.sequences) - 1]
            return effort._replace(sequences=before)
        return None if effort.rate == self.rates[0] else effort._replace(rate=self.rates[0])

    def efforts(self, name: str, sequences: int) -> list[Effort]:
        """The efforts of a budget with a finished trial of a problem."""
        efforts = (Effort(rate, sequences) for rate in self.rates)
        return [effort for effort in efforts if self.tried(name, effort)]

    def tried(self, name: str, effort: Effort) -> bool:
        """Whether a trial of a problem has finished with an effort."""
        rungs = self.ladders[name].rungs
        return any(self.results.finished(Place(name, effort, rung)) for rung in rungs)

    def chosen(self, name: str, sequences: int) -> Effort:
        """The effort of a budget with the largest mean reach on the validation stream."""
        tried = self.efforts(name, sequences) or [Effort(self.rates[0], sequences)]
        return max(tried, key=lambda effort: mean(self.ends(name, effort, validation=True)))

    def undertrained(self, name: str, effort: Effort, steps: int) -> bool:
        """Whether the loss was still falling at the first rung after `steps` rungs."""
        return any(
            falls_short(outcome, self.results.solve_at)
            for rung in self.ladders[name].rungs[steps:][:1]
            for outcome in self.results.finished(Place(name, effort, rung))
            if not self.results.validated(outcome)
        )

    def worth(self) -> Iterator[tuple[Place, float]]:
        """Expected information of one more trial at each place, in bits on the end of a reach."""
        for name in self.ladders:
            for stage in self._stages(name):
                worth = [(place, self._bits(place)) for place in stage]
                yield from worth
                if any(bits >= _CERTAIN for _, bits in worth):
                    break

    def _stages(self, name: str) -> Iterator[list[Place]]:
        """The places of a problem in stages; a stage starts once those before it are settled."""
        rungs, (budget, *longer) = self.ladders[name].rungs, self.budgets
        first, *others = (Effort(rate, budget) for rate in self.rates)
        yield [Place(name, first, rung) for rung in rungs]
        # Another rate matters only where it gets further than the rest.
        reached = {each: self._steps(name, each) for each in self.efforts(name, budget)}
        rest = {
            effort: max((steps for each, steps in reached.items() if each != effort), default=0)
            for effort in others
        }
        yield [Place(name, effort, rung) for effort in others for rung in rungs[rest[effort] :]]
        for sequences in longer:
            before = self.chosen(name, budget)
            steps = self._steps(name, before)
            if not self.undertrained(name, before, steps):
                return
            effort, budget = before._replace(sequences=sequences), sequences
            yield [Place(name, effort, rung) for rung in rungs[steps:]]

    def _steps(self, name: str, effort: Effort) -> int:
        """The median number of rungs within reach, on the validation stream."""
        return middle(self.ends(name, effort, validation=True))

    def _bits(self, place: Place) -> float:
        """Expected information of one more trial, from the probability that it solves its rung."""
        step = self.ladders[place.problem].rungs.index(place.rung)
        ends = self.ends(place.problem, place.effort, validation=True)
        within = float(ends[step + 1 :].sum())
        solves = within * RELIABLE + (1 - within) * (1 - RELIABLE)
        requested = len(self.results.requested[place])
        if self.results.failed(place) >= _MAX_FAILURES or requested >= SEEDS:
            return 0.0
        running = requested - len(self.results.outcomes[place])
        return (_entropy(solves) - _entropy(RELIABLE)) / (1 + 2 * running)


def middle(ends: np.ndarray) -> int:
    """The median number of rungs within reach."""
    return int(np.searchsorted(ends.cumsum(), 0.5 - 1e-12))


def mean(ends: np.ndarray) -> float:
    """The mean number of rungs within reach."""
    return float((ends * np.arange(len(ends))).sum())


def _entropy(probability: float) -> float:
    """The entropy of a binary variable, in bits."""
    pair = np.array([probability, 1 - probability])
    return float(-(pair * np.log2(np.clip(pair, 1e-300, 1))).sum())
