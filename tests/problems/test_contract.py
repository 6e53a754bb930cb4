"""What every problem must keep. A new one is added to `problem_cases.py` and passes this first."""

import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from problem_cases import CASES, ORACLES, OTHERS

from longlag.problems import PROBLEMS

every_case = pytest.mark.parametrize("problem", CASES, ids=repr)
every_kind = pytest.mark.parametrize("kind", PROBLEMS.values())


def drawn(problem, count=200, seed=0):
    return problem.draw(np.random.default_rng(seed), count)


@every_kind
def test_every_problem_has_cases_an_oracle_and_other_knobs(kind):
    assert any(type(case) is kind for case in CASES)
    assert kind in ORACLES
    assert set(OTHERS[kind]) == {knob.name for knob in kind.knobs()}
    assert kind.source
    assert kind.__doc__


@every_case
def test_shapes_types_and_ranges(problem):
    episodes = drawn(problem, count=7)
    assert [array.shape for array in episodes] == [(7, problem.length)] * 3
    assert [array.dtype for array in episodes] == [np.int32, np.int32, np.bool_]
    for values in (episodes.inputs, episodes.targets):
        assert values.min() >= 0
        assert values.max() < problem.symbols
    assert (episodes.scored <= problem.scored()).all()
    assert episodes.scored.any()


@every_case
def test_equal_seeds_give_equal_bytes_and_other_seeds_other_ones(problem):
    assert drawn(problem).inputs.tobytes() == drawn(problem).inputs.tobytes()
    assert drawn(problem).inputs.tobytes() != drawn(problem, seed=1).inputs.tobytes()


def test_equal_seeds_give_equal_bytes_in_another_process():
    code = (
        "import hashlib, numpy as np; from longlag.problems import PROBLEMS\n"
        "for kind in PROBLEMS.values():\n"
        "    for array in kind().draw(np.random.default_rng(5), 9):\n"
        "        print(hashlib.sha256(array.tobytes()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [
        hashlib.sha256(array.tobytes()).hexdigest()
        for kind in PROBLEMS.values()
        for array in kind().draw(np.random.default_rng(5), 9)
    ]
    assert there.stdout.split() == here


@every_case
@given(seed=st.integers(0, 2**32))
def test_the_targets_are_those_of_the_oracle_written_with_loops(problem, seed):
    episodes = drawn(problem, count=2, seed=seed)
    for inputs, targets, scored in zip(*episodes, strict=True):
        expected = ORACLES[type(problem)](problem, inputs.tolist())
        assert [value is not None for value in expected] == scored.tolist()
        assert [value for value in expected if value is not None] == targets[scored].tolist()


@every_case
def test_the_oracle_reaches_the_ceiling(problem):
    inputs, targets, scored = drawn(problem)
    assert (problem.oracle(inputs) == targets)[scored].mean() == problem.ceiling


@every_case
def test_the_best_constant_scores_chance(problem):
    _, targets, scored = drawn(problem, count=4000)
    best = max(np.bincount(targets[scored], minlength=problem.symbols)) / scored.sum()
    noise = np.sqrt(problem.chance / scored.sum())
    assert problem.chance - 5 * noise <= best <= problem.chance + 5 * noise


@every_case
def test_needs_are_the_inputs_that_move_the_target(problem):
    inputs, _, _ = drawn(problem, count=50)
    found = np.zeros((problem.length, problem.length), dtype=bool)
    for step in range(problem.length):
        other = inputs.copy()
        other[:, step] = (other[:, step] + 1) % problem.symbols
        found[:, step] = (problem.oracle(other) != problem.oracle(inputs)).any(axis=0)
    scored = problem.scored()
    assert (found[scored] == problem.needs()[scored]).all()
    assert not problem.needs()[~scored].any()
    assert not np.triu(problem.needs(), k=1).any(), "a target may need no later input"


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, name, value) for kind, others in OTHERS.items() for name, value in others.items()],
)
def test_every_knob_changes_the_data(kind, name, value):
    usual, other = drawn(kind()), drawn(dataclasses.replace(kind(), **{name: value}))
    assert any(
        here.shape != there.shape or (here != there).any()
        for here, there in zip(usual, other, strict=True)
    )
