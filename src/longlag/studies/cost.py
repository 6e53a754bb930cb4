"""How long trials are expected to take, by what trials have taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from longlag.studies.belief import Belief
from longlag.studies.profile_answer import Effort, Place
from longlag.studies.study import words
from longlag.trials.outcome import Seconds
from longlag.trials.setting import Setting

_COMPILE = 2.5  # seconds for a program, until more is known

_A_STEP = 1e-5  # seconds for one step of one sequence, until more is known

_COMPILED = 0.05  # seconds above which a program was compiled, and not only looked up

Group = tuple[str, str]
"""A model and a kind of problem, in words."""


class Times:
    """How long trials take: a mean for each model and kind of problem, and for programs."""

    def __init__(self) -> None:
        self._runs = defaultdict[Group, list[float]](list)
        self._compiles = defaultdict[Group, list[float]](list)
        self._programs = set[tuple[str, str]]()

    def note(self, setting: Setting, seconds: Seconds) -> None:
        """How long a trial of a setting took."""
        self._runs[_group(setting)].append(seconds.total - seconds.compile)
        if seconds.compile > _COMPILED:
            self._compiles[words(setting.model), ""].append(seconds.compile)
        self._programs.add(_program(setting))

    def of(self, trials: Iterable[tuple[Setting, int]]) -> float:
        """Seconds that so many trials of each setting are expected to take, one by one."""
        runs, known = _spread(self._runs), set(self._programs)
        compiles = _spread(self._compiles, np.median)  # the first of a process takes far longer
        total = 0.0
        for setting, count in trials:
            total += count * runs(_group(setting))
            if count and _program(setting) not in known:
                known.add(_program(setting))
                total += compiles((words(setting.model), ""))
        return total


def _group(setting: Setting) -> Group:
    return words(setting.model), setting.problem.title()


def _program(setting: Setting) -> tuple[str, str]:
    return words(setting.model), words(setting.problem)


def _spread(
    seen: Mapping[Group, list[float]], usual: Callable[[list[float]], Any] = np.mean
) -> Callable[[Group], float]:
    """The mean of a group; of one not seen a factor of its model times one of its problem."""
    if not seen:
        return lambda _: 0.0
    means = {group: float(usual(values)) for group, values in seen.items()}
    names = sorted({(place, name) for group in means for place, name in enumerate(group)})
    logs = np.log(np.maximum(list(means.values()), 1e-9))
    hits = np.array([[group[place] == name for place, name in names] for group in means], float)
    normal = hits.T @ hits + 0.01 * np.eye(len(names))  # what is not seen counts as the middle
    factors = np.linalg.solve(normal, hits.T @ (logs - logs.mean()))

    def mean(group: Group) -> float:
        if group in means:
            return means[group]
        own = [
            factor
            for (place, name), factor in zip(names, factors, strict=True)
            if group[place] == name
        ]
        return float(np.exp(logs.mean() + sum(own)))

    return mean


def costs(belief: Belief, settings: Mapping[Place, Setting]) -> Callable[[Place], float]:
    """The seconds that one more trial at a place is expected to take.

    Args:
        belief: What is known.
        settings: The setting of each place.
    """
    finished = belief.results.finished
    done = [(settings[place], each) for place in belief.results.known for each in finished(place)]
    begun = [  # of first rungs
        outcome.sequences
        for name, ladder in belief.ladders.items()
        for outcome in finished(
            Place(name, Effort(belief.rates[0], belief.budgets[0]), ladder.rungs[0])
        )
    ]
    compiled = [each.seconds.compile for _, each in done if each.seconds.compile > _COMPILED]
    steps = sum(each.sequences * setting.problem.steps for setting, each in done)
    trained = sum(each.seconds.train for _, each in done)
    a_program = float(np.mean(compiled)) if compiled else _COMPILE
    a_step = trained / steps if steps else _A_STEP

    def seconds(place: Place) -> float:
        if known := finished(place):
            return float(np.mean([each.seconds.total for each in known]))
        sequences = place.effort.sequences
        rungs = belief.ladders[place.problem].rungs
        firsts = begun if place.rung == rungs[0] else []
        below = [
            outcome.sequences
            for value in rungs
            if value < place.rung
            for outcome in finished(place._replace(rung=value))
        ]
        if below or firsts:
            sequences = min(sequences, 2 * (below[-1] if below else max(firsts)))
        alike = (place._replace(effort=place.effort._replace(rate=rate)) for rate in belief.rates)
        # The rate is no part of the program.
        program = 0.0 if any(map(finished, alike)) else a_program
        return program + a_step * sequences * settings[place].problem.steps

    return seconds
