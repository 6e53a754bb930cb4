"""Facts of the automata that the contract cannot see."""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from longlag import audit
from longlag.framings import Chunks, Window
from longlag.problems import CycleNavigation, FlipFlop, Parity, WordProblem
from longlag.problems.monoids import cyclic, group, reset
from longlag.scores.shortcuts import shortcuts_of


@pytest.mark.parametrize("monoid", [cyclic(7), reset(), *map(group, ("s3", "a4xz5", "a5"))])
def test_a_table_is_that_of_a_monoid(monoid):
    table, each = monoid.table, np.arange(monoid.elements)
    assert (table[0] == each).all()
    assert (table[:, 0] == each).all()
    assert (table[table[:, :, None], each] == table[each[:, None, None], table]).all()


@pytest.mark.parametrize(
    ("name", "elements", "commuting"),
    [("z60", 60, 60), ("a4xz5", 60, 20), ("a5", 60, 5), ("s3", 6, 3), ("s5", 120, 7)],
)
def test_groups_are_told_apart_by_how_many_elements_commute(name, elements, commuting):
    """As many pairs commute as there are elements times classes."""
    table = group(name).table
    assert all(sorted(row) == [*range(elements)] for row in table.tolist())
    assert (table == table.T).sum() == elements * commuting


@pytest.mark.parametrize("name", ["z60", "a4xz5", "a5", "s3", "s5"])
def test_all_elements_are_products_of_the_few(name):
    monoid, reached = group(name), {0}
    while more := {int(monoid.table[a, b]) for a in reached for b in monoid.generators} - reached:
        reached |= more
    assert len(reached) == monoid.elements


@pytest.mark.parametrize("window", [1, 3, 4, 6, None])
def test_running_products_are_those_of_the_last_elements(window):
    monoid, elements = group("s3"), np.random.default_rng(0).integers(6, size=(5, 6))
    expected = np.zeros_like(elements)
    for row, step in np.ndindex(*elements.shape):
        for element in elements[row, : step + 1][-(window or 6) :]:
            expected[row, step] = monoid.table[expected[row, step], element]
    assert (monoid.running(elements, window) == expected).all()


@pytest.mark.parametrize(
    "problem",
    [
        CycleNavigation(length=5),
        CycleNavigation(length=5, places=2),
        WordProblem(length=5, generators="few"),
    ],
)
def test_chance_is_the_share_of_the_likeliest_state_of_all_sequences(problem):
    inputs = np.array([*itertools.product(range(3), repeat=5)], np.int32)
    targets = problem.oracle(inputs)
    best = [np.bincount(column).max() / len(inputs) for column in targets.T]
    np.testing.assert_allclose(problem.chance_by_step(), best, rtol=1e-12)


def test_a_blind_guess_of_the_end_of_a_walk_is_that_of_the_reference():
    """Best over lengths 1 to 40: .21, and uniform from about ten moves on."""
    chance = CycleNavigation(length=40).chance_by_step()
    assert round(chance.mean(), 2) == 0.21
    assert chance[:3] == pytest.approx([1 / 3, 1 / 3, 7 / 27])
    assert chance[9:].max() < 0.21


def test_uniform_elements_leave_a_state_uniform():
    for problem in (Parity(), WordProblem(monoid="a5"), WordProblem(monoid="z60")):
        assert problem.chance_by_step() == pytest.approx(1 / problem.targets.values)


@pytest.mark.parametrize("problem", [CycleNavigation(length=6), WordProblem(length=6)])
@pytest.mark.parametrize("window", [1, 2, 4])
def test_the_ceiling_of_a_window_is_that_of_a_table_of_all_sequences(problem, window):
    """The most frequent state after what is seen, with and without the step."""
    symbols = problem.inputs.values
    inputs = np.array([*itertools.product(range(symbols), repeat=6)], np.int32)
    targets = problem.oracle(inputs)
    sees = np.tri(6, dtype=bool) & ~np.tri(6, k=-window, dtype=bool)
    tables = np.zeros((6, symbols**window, problem.targets.values))
    for step in range(6):
        seen = inputs[:, max(0, step + 1 - window) : step + 1]
        key = seen @ symbols ** np.arange(seen.shape[1])
        np.add.at(tables[step], (key, targets[:, step]), 1 / len(inputs))
    np.testing.assert_allclose(problem.ceiling_by_step(sees), tables.max(axis=2).sum(axis=1))
    groups = np.minimum(np.arange(6), window - 1)
    best = tables[window - 1 :].sum(axis=0).max(axis=1).sum() / (7 - window)
    found = problem.ceiling_without_clock(sees, groups)
    np.testing.assert_allclose(found[window - 1 :], best)


def test_a_window_that_misses_the_first_symbol_is_worth_nothing():
    best = audit(WordProblem(length=8, ask="last", monoid="a5"), Window(timesteps=7)).ceiling
    assert best == pytest.approx(1 / 60)
    found = shortcuts_of(Parity(length=6, ask="last"))
    assert found["the state after the last 4 inputs alone"] == pytest.approx(0.5, abs=0.05)


def test_every_input_turns_the_parity():
    problem = Parity(length=9, ask="last")
    inputs = problem.draw(np.random.default_rng(0), 1).inputs
    flipped = np.abs(np.eye(9, dtype=np.int32) - inputs)
    assert (problem.oracle(flipped)[:, -1] != problem.oracle(inputs)[:, -1]).all()


# The flip-flop language.


def test_an_odd_number_of_tokens_is_refused():
    with pytest.raises(ValueError, match=r"FlipFlop: `length` must be even.*Use length=8\.$"):
        FlipFlop(length=7)


@pytest.mark.parametrize(
    ("ignore", "reads", "gap"), [(0.8, 26.4, 10), (0.98, 3.5, 100), (0.1, 115, 2.2)]
)
def test_reads_and_gaps_are_those_of_the_reference(ignore, reads, gap):
    """At 512 tokens: reads of a sequence, and pairs between two writes."""
    problem = FlipFlop(length=512, ignore=ignore)
    inputs, _, scored = problem.draw(np.random.default_rng(0), 2000)
    assert scored.sum(axis=1).mean() == pytest.approx(reads, rel=0.02)
    writes = (inputs[:, 2:-2:2] == 2).mean()
    assert 1 / writes == pytest.approx(gap, rel=0.03)


@pytest.mark.parametrize(
    ("ignore", "pairs", "share"),
    [(0.8, 1, 0.60), (0.98, 1, 0.51), (0.1, 1, 0.95), (0.8, 10, 0.95), (0.98, 10, 0.59)],
)
def test_a_window_scores_what_the_reference_says(ignore, pairs, share):
    """1 − ignore^pairs / 2, for a rule and for the best predictor, far from the beginning."""
    assert share == pytest.approx(1 - ignore**pairs / 2, abs=0.006)
    problem = FlipFlop(length=200, ignore=ignore)
    sees = np.tri(200, dtype=bool) & ~np.tri(200, k=-1 - 2 * pairs, dtype=bool)
    assert problem.ceiling_by_step(sees)[100] == pytest.approx(1 - ignore**pairs / 2)
    _, targets, scored = episodes = problem.draw(np.random.default_rng(1), 2000)
    scored = scored & (np.arange(200) > 2 * pairs)
    guess = next(g for name, g in problem.guesses(episodes.inputs).items() if f" {pairs} " in name)
    assert (guess == targets)[scored].mean() == pytest.approx(share, abs=0.02)


def test_with_all_ignored_one_bit_is_written_and_read_at_the_end():
    problem = FlipFlop(length=30, ignore=1.0)
    inputs, targets, scored = problem.draw(np.random.default_rng(0), 20)
    assert (inputs[:, 2:-2:2] == 4).all()
    assert (targets[:, -2] == inputs[:, 1]).all()
    assert np.argwhere(scored)[:, 1].tolist() == [28] * 20
    assert np.argwhere(problem.needs()).tolist() == [[28, 1]]


def sequences(problem):
    """All sequences of the language with their probabilities, by steps of the definition."""
    change, last = (1 - Fraction(problem.ignore)) / 2, problem.length // 2 - 1
    found: list[Any] = [((), None, Fraction(1))]
    for pair in range(last + 1):
        more = []
        for tokens, memory, share in found:
            kinds = {2: change, 3: change, 4: 1 - 2 * change}
            kinds = {2: Fraction(1)} if pair == 0 else {3: Fraction(1)} if pair == last else kinds
            for kind, likely in kinds.items():
                for bit in [memory] if kind == 3 else [0, 1]:
                    half = likely if kind == 3 else likely / 2
                    state = bit if kind == 2 else memory
                    more.append(((*tokens, kind, bit), state, share * half))
        found = [each for each in more if each[2]]
    return found


@pytest.mark.parametrize("ignore", [0.0, 0.5, 0.75])
def test_the_ceiling_is_that_of_the_most_likely_bit_after_what_is_seen(ignore):
    problem = FlipFlop(length=8, ignore=ignore)
    every, rng = sequences(problem), np.random.default_rng(2)
    assert sum(share for *_, share in every) == 1
    for seen in [
        *np.tri(6, dtype=bool),
        *np.tri(6, dtype=bool)[:, ::-1],
        *(rng.random((9, 6)) < 0.5),
    ]:
        sees = np.zeros((8, 8), dtype=bool)
        sees[6, :6] = seen
        ways = {}
        for tokens, _, share in every:
            shown = tuple(np.array(tokens)[:6][seen].tolist())
            ways.setdefault(shown, [0.0, 0.0])[tokens[7]] += float(share)
        best = sum(max(both) for both in ways.values())
        assert problem.ceiling_by_step(sees)[6] == pytest.approx(best, abs=1e-8)


def test_reads_are_weighted_by_how_often_they_occur():
    """In pieces of two pairs: the second of each sees the first, whose bit may tell."""
    problem = FlipFlop(length=8, ignore=0.5)
    found = audit(problem, Chunks(timesteps=4))
    by_step = {2: 1.0, 4: 0.5, 6: 1 - 0.5 / 2}
    times = {2: 0.25, 4: 0.25, 6: 1.0}
    best = sum(by_step[step] * times[step] for step in times) / sum(times.values())
    assert found.ceiling == pytest.approx(best)
    assert not found.bound


def test_a_sequence_of_ones_own_is_asked_where_it_reads():
    problem, episodes = FlipFlop().episode(np.array([2, 1, 4, 0, 3, 1, 3, 1]))
    assert problem == FlipFlop(length=8)
    assert np.flatnonzero(episodes.scored).tolist() == [4, 6]
