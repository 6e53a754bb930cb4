import numpy as np
import pytest

import longlag as ll
from longlag.scores.evaluation import Evaluation
from longlag.scores.shortcuts import shortcuts


def scores(problem, count=3000):
    inputs, targets, scored = problem.draw(np.random.default_rng(9), count)
    asked = Evaluation(
        inputs=inputs, targets=targets, scored=scored, predicted=targets, spec=problem.targets
    )
    return shortcuts(problem, asked)


def test_the_copy_that_solves_a_lag_is_named():
    assert scores(ll.EchoLag(lag=0, values=9))["copy current"] == 1
    previous = scores(ll.EchoLag(lag=1, values=9))
    assert previous["copy previous"] == 1
    assert previous["copy current"] == pytest.approx(1 / 9, abs=0.02)
    assert previous["most frequent"] == pytest.approx(1 / 9, abs=0.02)


def test_counting_steps_gives_all_but_the_last_of_a_memorization():
    found = scores(ll.Memorization(length=6))
    assert found["constant per step"] == pytest.approx(4.5 / 5, abs=0.01)
    assert found["most frequent"] == pytest.approx(1 / 5, abs=0.01)


def test_counting_steps_is_chance_for_a_threshold():
    problem = ll.CumulativeThreshold()
    found = scores(problem)
    assert found["constant per step"] == pytest.approx(problem.chance(), abs=0.01)
    assert set(found) == {"most frequent", "constant per step"}  # a label copies no real


def test_the_best_constant_on_the_ramp_has_most_targets_within_tolerance():
    found = scores(ll.Ramp(length=10, tolerance=0.16))
    assert found["most frequent"] == pytest.approx(4 / 9)
    assert found["copy current"] == 1  # a step of the ramp is less than the tolerance
