"""Which inputs move a target, where random changes seldom do."""

import dataclasses

import numpy as np
import pytest

from longlag.checks.check import CheckFailed
from longlag.checks.oracle import check_needs
from longlag.checks.perturbation import moves, moves_of
from longlag.problems import (
    AssociativeRecall,
    CumulativeThreshold,
    EchoLag,
    FlipFlop,
    ModularArithmetic,
    Repeat,
    SelectiveCopying,
)


def found(problem, claimed=None):
    claimed = problem.needs() if claimed is None else claimed
    return moves(problem, problem.oracle, claimed, np.random.default_rng(0))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Alike(EchoLag):
    """Whether all values so far are the largest one: a draw in a million, at the end."""

    def scored(self):
        return np.ones(self.length, dtype=bool)

    def needs(self):
        return np.tri(self.length, dtype=bool)

    def oracle(self, inputs):
        return np.logical_and.accumulate(inputs == self.values - 1, axis=1).astype(np.int32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pattern(Alike):
    """Whether the last three values are 3, 1, 4."""

    def needs(self):
        steps = np.arange(self.length)
        back = steps[:, None] - steps
        return (back >= 0) & (back < 3) & (steps >= 2)[:, None]

    def oracle(self, inputs):
        said = np.zeros_like(inputs)
        said[:, 2:] = (inputs[:, :-2] == 3) & (inputs[:, 1:-1] == 1) & (inputs[:, 2:] == 4)
        return said


@pytest.mark.parametrize(
    "problem",
    [
        CumulativeThreshold(length=60),
        CumulativeThreshold(threshold=9.99),
        CumulativeThreshold(length=14, threshold=6.3),
        Alike(length=20, values=2),
        Pattern(length=12, values=10),
    ],
    ids=repr,
)
def test_exactly_the_inputs_that_count_are_found(problem):
    assert (found(problem).any == problem.needs()).all()


def test_a_label_that_random_changes_hardly_move_shows_each_input_that_counts():
    problem = CumulativeThreshold()
    assert found(problem, np.zeros_like(problem.needs())).likely[9].all()


def test_what_no_draw_shows_proves_a_claim_and_refutes_none():
    problem = CumulativeThreshold(length=60)
    unlikely = found(problem)
    assert unlikely.any[59].all()
    assert not unlikely.likely[59].any()


def test_an_input_that_never_counts_is_never_found():
    problem = CumulativeThreshold(length=12)
    claimed = np.tri(12, dtype=bool)
    assert not found(problem, claimed).any[:2].any()  # two steps cannot reach 3


@pytest.mark.parametrize(
    "problem",
    [
        SelectiveCopying(length=20, symbols=4),  # all symbols at the end: one draw in 4,845
        Repeat(length=30, values=3),
        AssociativeRecall(length=9, keys=200, values=200),  # another key that is shown: one in 201
    ],
    ids=repr,
)
def test_what_few_episodes_need_is_found_where_they_say_so(problem):
    assert check_needs(problem)


class FirstAtTheEnd(SelectiveCopying):
    """Its map says that the first of several symbols may stand at the last place."""

    def needs(self):
        needs = super().needs()
        needs[self.length, self.length - 1] = True
        return needs


class NoPlaces(SelectiveCopying):
    """It says that each symbol of an episode stands at its first possible place."""

    def needs_of(self, inputs):  # noqa: ARG002
        return np.eye(self.steps, k=-self.length, dtype=bool) & self.scored()[:, None]


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (FirstAtTheEnd(), "the input of step 19 never moved the target of step 20, yet `needs`"),
        (NoPlaces(length=6, symbols=2), "in one episode the input of step"),
    ],
)
def test_a_wrong_word_on_what_few_episodes_need_is_found(problem, line):
    with pytest.raises(CheckFailed, match=line):
        check_needs(problem)


def test_rare_pairs_are_looked_for_where_episodes_differ_in_what_is_scored():
    problem = FlipFlop(length=20)  # a write that is read a step later, once in a hundred episodes
    needs = problem.needs()
    result = moves(problem, problem.oracle, needs, np.random.default_rng(4))
    assert (result.any == needs).all()
    assert result.episodes < 400


def test_all_of_a_few_symbols_are_tried():
    """1 * 3 is 1 - 3 modulo 5, so that another operator must be tried."""
    problem, inputs = ModularArithmetic(length=3), np.array([1, 7, 3, 8], np.int32)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        moved = moves_of(problem, problem.oracle, inputs, problem.scored(), rng)
        assert moved[3].tolist() == [True, True, True, False]
