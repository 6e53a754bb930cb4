"""What every problem must keep. A new one is added to `problem_cases.py` and passes this first."""

import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from problem_cases import CASES, ORACLES, OTHERS, moved

from longlag.problems import PROBLEMS, Integers, Reals

every_case = pytest.mark.parametrize("problem", CASES, ids=repr)
every_kind = pytest.mark.parametrize("kind", PROBLEMS.values())


def drawn(problem, count=200, seed=0):
    return problem.draw(np.random.default_rng(seed), count)


def right(problem, said, targets):
    kind = problem.targets
    within = kind.within if isinstance(kind, Reals) else 0
    return np.abs(said - targets) <= within


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
    assert [array.shape for array in episodes] == [(7, problem.steps)] * 3
    assert episodes.scored.dtype == np.bool_
    for values, kind in ((episodes.inputs, problem.inputs), (episodes.targets, problem.targets)):
        assert values.dtype == (np.int32 if isinstance(kind, Integers) else np.float32)
        assert values.min() >= 0
        if isinstance(kind, Integers):
            assert values.max() < kind.values + kind.blank
        else:
            assert values.max() <= 1
    asked = episodes.targets[episodes.scored]
    assert isinstance(problem.targets, Reals) or asked.max() < problem.targets.values
    assert (episodes.scored == problem.scored()).all()
    assert episodes.scored.any()


@every_case
def test_the_answer_is_what_comes_after_the_input_has_ended(problem):
    inputs, _, scored = drawn(problem)
    question = problem.steps - problem.answers
    blank = inputs == problem.inputs.values if isinstance(problem.inputs, Integers) else inputs < 0
    assert not blank[:, :question].any()
    assert blank[:, question:].all()
    assert scored[:, question:].all()
    assert problem.whole(inputs[:, :question]).tolist() == inputs.tolist()


@every_case
def test_equal_seeds_give_equal_bytes_and_other_seeds_other_ones(problem):
    assert drawn(problem).inputs.tobytes() == drawn(problem).inputs.tobytes()
    differ = drawn(problem).inputs.tobytes() != drawn(problem, seed=1).inputs.tobytes()
    assert differ == (problem.sequences != 1)


@every_case
def test_the_number_of_different_sequences_is_as_stated(problem):
    different = len(np.unique(drawn(problem, count=500).inputs, axis=0))
    if problem.sequences is not None:
        assert different == problem.sequences


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
        said = [value for value in expected if value is not None]
        np.testing.assert_allclose(targets[scored], said, rtol=1e-6)


@every_case
def test_the_oracle_reaches_the_ceiling(problem):
    inputs, targets, scored = drawn(problem)
    assert right(problem, problem.oracle(inputs), targets)[scored].mean() == problem.ceiling()


@every_case
def test_the_best_prediction_that_ignores_the_inputs_scores_chance(problem):
    """Tried, not computed: every constant a step (on the ramp, every constant)."""
    _, targets, scored = drawn(problem, count=4000)
    targets = targets[:, scored[0]]
    options = np.unique(targets)
    if isinstance(problem.targets, Reals):
        options = np.linspace(0, 1, 20 * problem.length + 1)
        best = max(right(problem, option, targets).mean() for option in options)
    else:
        hits = np.stack([right(problem, option, targets).mean(axis=0) for option in options])
        best = hits.max(axis=0).mean()
    bias = np.sqrt(2 * np.log(len(options) + 1) / 4000)  # the best of many on few draws
    assert problem.chance() - 0.02 <= best <= problem.chance() + 0.02 + bias / 4


@every_case
def test_chance_at_a_step_alone_is_at_least_its_part_in_the_whole(problem):
    by_step = problem.chance_by_step()
    assert ((by_step >= 0) & (by_step <= 1)).all()
    assert by_step[problem.scored()].mean() >= problem.chance() - 1e-12


@every_case
def test_the_ceiling_lies_between_chance_and_1_by_what_is_seen(problem):
    scored = problem.scored()
    everything = np.tri(problem.steps, dtype=bool)
    nothing = np.zeros_like(everything)
    assert problem.ceiling(scored, everything) == pytest.approx(problem.ceiling())
    # The ramp's chance is that of one constant, since a constant for each step is perfect.
    blind = problem.chance() if problem.sequences != 1 else 1.0
    assert problem.ceiling(scored, nothing) == pytest.approx(blind)
    current = problem.ceiling(scored, np.eye(problem.steps, dtype=bool))
    assert blind - 1e-9 <= current <= 1


@every_case
def test_needs_are_the_inputs_that_move_the_target(problem):
    inputs, _, _ = drawn(problem, count=50)
    question = problem.steps - problem.answers
    found = np.zeros((problem.steps, problem.steps), dtype=bool)
    for step in range(question):
        for usual, other in moved(problem, inputs, step):
            apart = problem.oracle(other) != problem.oracle(usual)
            found[:, step] |= apart.any(axis=0)
    scored = problem.scored()
    assert (found[scored] == problem.needs()[scored]).all()
    assert not problem.needs()[~scored].any()
    assert not np.triu(problem.needs(), k=1).any(), "a target may need no later input"


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, name, value) for kind, others in OTHERS.items() for name, value in others.items()],
)
def test_every_knob_changes_the_data_or_the_score(kind, name, value):
    other = dataclasses.replace(kind(), **{name: value})
    assert other.targets != kind().targets or any(
        here.shape != there.shape or (here != there).any()
        for here, there in zip(drawn(kind()), drawn(other), strict=True)
    )


@every_kind
def test_every_rung_of_the_ladder_can_be_stood_on(kind):
    knob, rungs = kind.ladder
    assert list(rungs) == sorted(rungs)
    assert len(rungs) >= 5
    for rung in rungs:
        problem = kind().at(rung)
        assert getattr(problem, knob) == rung
        assert drawn(problem, count=1).scored.any()


@every_case
def test_a_sequence_of_the_same_length_is_the_same_problem(problem):
    same = problem.showing(problem.steps - problem.answers)
    assert (same.needs() == problem.needs()).all()
    assert (same.oracle(drawn(problem).inputs) == drawn(problem).targets).all()
