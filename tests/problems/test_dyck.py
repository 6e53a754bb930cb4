"""Brackets of bounded depth: chance, ceilings and distributions against enumeration."""

import itertools

import numpy as np
import pytest

from longlag.problems import Dyck

SETTINGS = [
    Dyck(length=6),
    Dyck(length=6, pairs=1, depth=2, close=0.3),
    Dyck(length=5, pairs=3, depth=4, close=0.7),
]


def every(problem):
    """Each string with its probability and its targets, by the rules of the draw."""
    for string in itertools.product(range(2 * problem.pairs), repeat=problem.length):
        chance, stack, said = 1.0, [], []
        for bracket in string:
            opening = bracket < problem.pairs
            closes = 0.0 if not stack else 1.0 if len(stack) == problem.depth else problem.close
            if opening:
                chance *= (1 - closes) / problem.pairs
                stack.append(bracket)
            else:
                chance *= closes * bool(stack and stack[-1] == bracket - problem.pairs)
                stack = stack[:-1]
            if not chance:
                break
            said.append((len(stack) < problem.depth, stack[-1] if stack else "end"))
        if chance:
            yield string, chance, said


@pytest.mark.parametrize("problem", SETTINGS, ids=repr)
def test_all_strings_are_drawn_as_often_as_the_rule_says(problem):
    expected = {string: chance for string, chance, _ in every(problem)}
    assert sum(expected.values()) == pytest.approx(1)
    count = 40_000
    inputs = problem.draw(np.random.default_rng(0), count).inputs
    kinds, times = np.unique(inputs, axis=0, return_counts=True)
    found = dict(zip(map(tuple, kinds.tolist()), times / count, strict=True))
    assert found.keys() <= expected.keys()
    distance = sum(abs(found.get(string, 0) - chance) for string, chance in expected.items()) / 2
    assert distance < 1.5 * (len(expected) / count) ** 0.5


@pytest.mark.parametrize("problem", SETTINGS, ids=repr)
@pytest.mark.parametrize("seen", [0, 1, 2, 3, 6])
def test_chance_and_ceiling_of_a_window_by_going_through_all_strings(problem, seen):
    sees = np.tri(problem.length, dtype=bool) & ~np.tri(problem.length, k=-seen, dtype=bool)
    found = problem.ceiling_by_step(sees)
    if seen == 0:
        assert np.array_equal(found, problem.chance_by_step())
    strings = list(every(problem))
    for step in range(problem.length):
        votes = {}
        for string, chance, said in strings:
            kinds = votes.setdefault(string[max(0, step + 1 - seen) : step + 1], {})
            kinds[said[step]] = kinds.get(said[step], 0) + chance
        expected = sum(max(kinds.values()) for kinds in votes.values())
        assert found[step] == pytest.approx(expected), step


def test_steps_that_cannot_be_told_apart_share_a_ceiling():
    problem = Dyck(length=9)
    sees = np.tri(9, dtype=bool) & ~np.tri(9, k=-2, dtype=bool)
    groups = np.array([0, 1, 2, 2, 2, 2, 2, 2, 2])
    found, clocked = problem.ceiling_without_clock(sees, groups), problem.ceiling_by_step(sees)
    assert len(set(found[2:].tolist())) == 1
    assert found[2] < clocked[2:].mean() < 1


def test_a_long_window_reveals_nearly_all():
    problem = Dyck(length=60, depth=5)
    ceilings = [problem._best((60 - seen,), seen) for seen in (0, 2, 8, 30)]
    assert ceilings == sorted(ceilings)
    assert ceilings[-1] > 0.97


def test_nothing_may_follow_after_a_wrong_bracket():
    problem = Dyck(length=4, depth=2)
    for string, legal in (
        ([0, 3, 0, 1], [1, 0, 0, 0]),  # closes another kind
        ([2, 0, 0, 0], [0, 0, 0, 0]),  # closes nothing
        ([0, 0, 0, 0], [1, 1, 0, 0]),  # too deep
        ([0, 1, 3, 2], [1, 1, 1, 1]),
    ):
        found = np.asarray(problem.oracle(np.array([string], np.int32)).any(axis=-1))[0]
        assert found.astype(int).tolist() == legal, string


def test_the_depth_alone_is_enough_for_one_kind_and_not_for_two():
    scores = {}
    for pairs in (1, 2):
        problem = Dyck(pairs=pairs)
        episodes = problem.draw(np.random.default_rng(0), 2000)
        guess = problem.guesses(episodes.inputs)["the depth alone"]
        scores[pairs] = problem.targets.matches(guess, episodes.targets).mean()
    assert scores[1] == 1
    assert 0.5 < scores[2] < 0.7


def test_the_depth_is_below_the_length():
    with pytest.raises(ValueError, match="Dyck") as error:
        Dyck(length=5, depth=5)
    assert str(error.value) == (
        "Dyck: `depth` must be below `length` (5), got 5. Use length=6 or more."
    )
    with pytest.raises(ValueError, match="must show at least 4 values"):
        Dyck().showing(3)


def test_a_deeper_rung_has_room_for_its_depth():
    assert Dyck().at(12) == Dyck(depth=12, length=48)
