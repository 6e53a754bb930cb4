"""The expected time of trials, from the times of finished trials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from longlag.store.records import Record
from longlag.studies.belief import Belief
from longlag.studies.profile_answer import Effort, Place
from longlag.studies.study import words
from longlag.trials.outcome import Outcome, Seconds
from longlag.trials.setting import Setting

_COMPILE_SECONDS = 2.5  # of a program, before the first measurement

_STEP_SECONDS = 1e-5  # of one step of one sequence, before the first measurement

_COMPILED = 0.05  # seconds above which a program was compiled, not only read from the cache

Group = tuple[str, str]
"""A model and a kind of problem, by label."""


class Times:
    """Measured times: mean seconds of a trial per model and kind of problem; compile times."""

    def __init__(self) -> None:
        self._runs = defaultdict[Group, list[float]](list)
        self._compiles = defaultdict[Group, list[float]](list)
        self._programs = set[tuple[str, str]]()

    def note(self, setting: Setting, seconds: Seconds) -> None:
        """Take the times of a trial of a setting."""
        self._runs[_group(setting)].append(seconds.total - seconds.compile)
        if seconds.compile > _COMPILED:
            self._compiles[words(setting.model), ""].append(seconds.compile)
        self._programs.add(_program(setting))

    def note_stored(self, record: Record, outcome: Outcome, budget: int) -> None:
        """Take the times of a stored trial, as if it had trained on so many sequences."""
        seconds, longer = outcome.seconds, budget / max(1, outcome.sequences)
        group = record.model, record.problem.partition(" ")[0]
        self._runs[group].append(longer * seconds.train + seconds.evaluate)
        if seconds.compile > _COMPILED:
            self._compiles[record.model, ""].append(seconds.compile)

    def of(self, trials: Iterable[tuple[Setting, int]]) -> float:
        """Expected seconds of the trials of each setting, run one by one."""
        runs, known = _spread(self._runs), set(self._programs)
        compiles = _spread(self._compiles, np.median)  # the first of a process takes longer
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
    times: Mapping[Group, list[float]], average: Callable[[list[float]], Any] = np.mean
) -> Callable[[Group], float]:
    """The mean of a group; without times, a factor of its model times one of its problem."""
    if not times:
        return lambda _: 0.0
    means = {group: float(average(values)) for group, values in times.items()}
    names = sorted({(index, name) for group in means for index, name in enumerate(group)})
    logs = np.log(np.maximum(list(means.values()), 1e-9))
    hits = np.array([[group[index] == name for index, name in names] for group in means], float)
    normal = hits.T @ hits + 0.01 * np.eye(len(names))  # groups without times get the mean
    factors = np.linalg.solve(normal, hits.T @ (logs - logs.mean()))

    def mean(group: Group) -> float:
        if group in means:
            return means[group]
        own = [
            factor
            for (index, name), factor in zip(names, factors, strict=True)
            if group[index] == name
        ]
        return float(np.exp(logs.mean() + sum(own)))

    return mean


def costs(belief: Belief, settings: Mapping[Place, Setting]) -> Callable[[Place], float]:
    """The expected seconds of one more trial at a place.

    Args:
        belief: The outcomes so far.
        settings: The setting of each place.

    Returns:
        A function of a place.
    """
    finished = belief.results.finished
    done = [
        (settings[place], each) for place in belief.results.outcomes for each in finished(place)
    ]
    first_sequences = [  # of first rungs
        outcome.sequences
        for name, ladder in belief.ladders.items()
        for outcome in finished(
            Place(name, Effort(belief.rates[0], belief.budgets[0]), ladder.rungs[0])
        )
    ]
    compiled = [each.seconds.compile for _, each in done if each.seconds.compile > _COMPILED]
    steps = sum(each.sequences * setting.problem.steps for setting, each in done)
    trained = sum(each.seconds.train for _, each in done)
    program_seconds = float(np.mean(compiled)) if compiled else _COMPILE_SECONDS
    step_seconds = trained / steps if steps else _STEP_SECONDS

    def seconds(place: Place) -> float:
        if outcomes := finished(place):
            return float(np.mean([each.seconds.total for each in outcomes]))
        sequences = place.effort.sequences
        rungs = belief.ladders[place.problem].rungs
        firsts = first_sequences if place.rung == rungs[0] else []
        below = [
            outcome.sequences
            for value in rungs
            if value < place.rung
            for outcome in finished(place._replace(rung=value))
        ]
        if below or firsts:
            sequences = min(sequences, 2 * (below[-1] if below else max(firsts)))
        alike = (place._replace(effort=place.effort._replace(rate=rate)) for rate in belief.rates)
        # All rates share one program.
        program = 0.0 if any(map(finished, alike)) else program_seconds
        return program + step_seconds * sequences * settings[place].problem.steps

    return seconds
