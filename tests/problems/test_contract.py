"""What every problem must keep. A new one is added to `problem_cases` and passes this first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from problem_cases import CASES, ORACLES

from longlag.checks.problem import check_problem
from longlag.problems import PROBLEMS, Ramp
from longlag.problems.groups import GROUPS

every_case = pytest.mark.parametrize("problem", CASES, ids=repr)


@pytest.mark.parametrize("kind", PROBLEMS.values())
def test_every_problem_has_cases_an_oracle_and_a_ladder_of_five_rungs(kind):
    assert any(type(case) is kind for case in CASES)
    assert kind in ORACLES
    assert len(kind.ladder.rungs) >= 5
    assert kind.group in GROUPS
    assert kind.separates


@every_case
def test_simple_rules_predict_values_of_the_targets(problem):
    episodes = problem.draw(np.random.default_rng(1), 50)
    for name, guess in problem.guesses(episodes.inputs).items():
        assert guess.shape == episodes.targets.shape, name
        assert problem.targets.allows(guess)[episodes.scored].all(), name


@every_case
def test_it_keeps_the_contract(problem):
    checks = check_problem(problem)
    assert not any("another size" in check.found for check in checks)  # equal draws in any number
    failed = [check for check in checks if not check.passed]
    if problem == Ramp(length=2):  # one target, so that a constant is always right
        assert [check.found for check in failed] == ["chance 1 is not below the ceiling 1"]
    else:
        assert not failed


@every_case
@given(seed=st.integers(0, 2**32))
def test_the_targets_are_those_of_the_oracle_written_with_loops(problem, seed):
    episodes = problem.draw(np.random.default_rng(seed), 2)
    for inputs, targets, scored in zip(*episodes, strict=True):
        expected = ORACLES[type(problem)](problem, inputs.tolist())
        assert [value is not None for value in expected] == scored.tolist()
        said = [value for value in expected if value is not None]
        np.testing.assert_allclose(targets[scored], said, rtol=1e-6)
