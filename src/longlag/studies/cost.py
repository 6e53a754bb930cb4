"""How long the next trial of a profile is expected to take, by what trials have taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from longlag.studies.belief import Belief
from longlag.studies.profile_answer import Place
from longlag.trials.setting import Setting

_COMPILE = 2.5  # seconds for a program, until more is known

_A_STEP = 1e-5  # seconds for one step of one sequence, until more is known


def costs(belief: Belief, settings: Mapping[Place, Setting]) -> Callable[[Place], float]:
    """The seconds that one more trial at a place is expected to take.

    Args:
        belief: What is known.
        settings: The setting of each place.
    """
    finished = belief.results.finished
    done = [(settings[place], each) for place in belief.results.known for each in finished(place)]
    compiled = [each.seconds.compile for _, each in done if each.seconds.compile > 0.05]
    steps = sum(each.sequences * setting.problem.steps for setting, each in done)
    trained = sum(each.seconds.train for _, each in done)
    a_program = float(np.mean(compiled)) if compiled else _COMPILE
    a_step = trained / steps if steps else _A_STEP

    def seconds(place: Place) -> float:
        if known := finished(place):
            return float(np.mean([each.seconds.total for each in known]))
        sequences = place.effort.sequences
        below = [
            outcome.sequences
            for value in belief.ladders[place.problem].rungs
            if value < place.rung
            for outcome in finished(place._replace(rung=value))
        ]
        if below:
            sequences = min(sequences, 2 * below[-1])
        alike = (place._replace(effort=place.effort._replace(rate=rate)) for rate in belief.rates)
        # The rate is no part of the program.
        program = 0.0 if any(map(finished, alike)) else a_program
        return program + a_step * sequences * settings[place].problem.steps

    return seconds
