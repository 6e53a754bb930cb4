"""What the trials of a profile have come to, and how far a model then probably gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from longlag.problems import Ladder
from longlag.studies.profile_answer import Effort, Place
from longlag.trials.diagnosis import diagnose, falls_short
from longlag.trials.outcome import Outcome

RELIABLE = 0.9
"""How probable it is taken to be that a seed solves a rung within reach, or fails one beyond."""

SEEDS = 12
"""Of a rung at most: where seeds differ so much, more tell nothing new."""

_CERTAIN = 0.02  # bits of a trial below which a ladder is settled, and other rates are tried

_GIVEN_UP = 2  # trials of a place that failed, after which it is left alone

_NEAR = 0.5  # how much less probable the reach at another effort is for each rung it lies away

_UNLEARNED = 0.1  # the same for each rung that longer training would lose


class Results:
    """What the trials at each place have come to.

    Args:
        places: All there are.
        solve_at: Skill from which a trial counts as solved.
    """

    def __init__(self, places: Iterable[Place], solve_at: float):
        self.known: dict[Place, dict[int, Outcome | None]] = {place: {} for place in places}
        self.asked: dict[Place, set[int]] = {place: set() for place in self.known}
        self.solve_at = solve_at

    def tell(self, place: Place, seed: int, outcome: Outcome | None) -> None:
        """What came of a trial; None where nothing did."""
        self.asked[place].add(seed)
        self.known[place][seed] = outcome

    def finished(self, place: Place) -> list[Outcome]:
        """What the seeds came to; a trial that failed says nothing of the model."""
        known = self.known[place]
        return [outcome for seed in sorted(known) if (outcome := known[seed]) is not None]

    def lost(self, place: Place) -> int:
        """Trials that failed."""
        return len(self.known[place]) - len(self.finished(place))

    def solved(self, place: Place, *, validation: bool = False) -> tuple[int, int]:
        """How many seeds solved a rung, and how many were tried."""
        known = self.finished(place)
        if validation:
            return sum(map(self.validated, known)), len(known)
        return sum(not diagnose(each, self.solve_at) for each in known), len(known)

    def validated(self, outcome: Outcome) -> bool:
        """Whether a trial solved its problem on the validation stream."""
        return outcome.ended != "diverged" and outcome.validation_skill >= self.solve_at


class Belief:
    """How probable it is that the reach of a model ends at each rung of each problem.

    Args:
        results: What is known.
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
            lost = _NEAR if nearest.sequences == effort.sequences else _UNLEARNED
            logs += np.abs(further) * np.log(np.where(further < 0, lost, _NEAR))
        for step, rung in enumerate(rungs):
            solved, tried = self.results.solved(Place(name, effort, rung), validation=validation)
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

    def efforts(self, name: str, sequences: int) -> list[Effort]:
        """Those with so many sequences that a problem was tried with."""
        efforts = (Effort(rate, sequences) for rate in self.rates)
        return [effort for effort in efforts if self.tried(name, effort)]

    def tried(self, name: str, effort: Effort) -> bool:
        """Whether a trial of a problem has finished with an effort."""
        rungs = self.ladders[name].rungs
        return any(self.results.finished(Place(name, effort, rung)) for rung in rungs)

    def chosen(self, name: str, sequences: int) -> Effort:
        """That with so many sequences which gets furthest on the validation stream."""
        tried = self.efforts(name, sequences) or [Effort(self.rates[0], sequences)]
        return max(tried, key=lambda effort: mean(self.ends(name, effort, validation=True)))

    def undertrained(self, name: str, effort: Effort, steps: int) -> bool:
        """Whether the loss still fell at the first rung beyond so many within reach."""
        return any(
            falls_short(outcome, self.results.solve_at)
            for rung in self.ladders[name].rungs[steps:][:1]
            for outcome in self.results.finished(Place(name, effort, rung))
            if not self.results.validated(outcome)
        )

    def worth(self) -> Iterator[tuple[Place, float]]:
        """Bits that one more trial at each place is expected to tell of where a reach ends."""
        for name in self.ladders:
            for stage in self._stages(name):
                worth = [(place, self._bits(place)) for place in stage]
                yield from worth
                if any(bits >= _CERTAIN for _, bits in worth):
                    break

    def _stages(self, name: str) -> Iterator[list[Place]]:
        """Where a problem may be tried, each lot of places once those before are settled."""
        rungs, (budget, *longer) = self.ladders[name].rungs, self.budgets
        first, *others = (Effort(rate, budget) for rate in self.rates)
        yield [Place(name, first, rung) for rung in rungs]
        # Of another rate it is only of interest whether it gets further than the rest.
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
        """How many rungs are within reach, on the validation stream."""
        return middle(self.ends(name, effort, validation=True))

    def _bits(self, place: Place) -> float:
        """Bits that one more trial tells, by how probably its rung is within reach."""
        step = self.ladders[place.problem].rungs.index(place.rung)
        ends = self.ends(place.problem, place.effort, validation=True)
        within = float(ends[step + 1 :].sum())
        solves = within * RELIABLE + (1 - within) * (1 - RELIABLE)
        asked = len(self.results.asked[place])
        if self.results.lost(place) >= _GIVEN_UP or asked >= SEEDS:
            return 0.0
        under_way = asked - len(self.results.known[place])
        return (_entropy(solves) - _entropy(RELIABLE)) / (1 + 2 * under_way)


def middle(ends: np.ndarray) -> int:
    """The median number of rungs within reach."""
    return int(np.searchsorted(ends.cumsum(), 0.5 - 1e-12))


def mean(ends: np.ndarray) -> float:
    """The mean number of rungs within reach."""
    return float((ends * np.arange(len(ends))).sum())


def _entropy(probability: float) -> float:
    """Of a yes or no, in bits."""
    pair = np.array([probability, 1 - probability])
    return float(-(pair * np.log2(np.clip(pair, 1e-300, 1))).sum())
