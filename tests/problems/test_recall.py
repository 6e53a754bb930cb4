import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest

from longlag.problems import (
    AssociativeRecall,
    CopyingMemory,
    Induction,
    SelectiveCopying,
)
from longlag.problems.distinct import distinct
from longlag.scores.shortcuts import shortcuts_of


def draws(problem, count, seed=0):
    return problem.draw(np.random.default_rng(seed), count)


def guessed(problem, name, count=4000):
    inputs, targets, scored = draws(problem, count)
    return float((problem.guesses(inputs)[name] == targets)[scored].mean())


# Every episode of a small problem, all equally likely: the best prediction from a part of the
# inputs is then the most frequent target of the episodes that look alike there.


def best_from(problem, episodes, sees):
    """The score at each step of the best table from the inputs in sight to a target."""
    best = np.full(problem.steps, np.nan)
    targets = problem.oracle(episodes)
    scored = np.zeros(episodes.shape, bool)
    for row, inputs in enumerate(episodes):
        scored[row] = problem.needs_of(inputs).any(axis=1)
    for step in np.flatnonzero(scored.any(axis=0)):
        table = defaultdict(Counter)
        asked = scored[:, step]
        for inputs, target in zip(episodes[asked], targets[asked, step], strict=True):
            table[tuple(inputs[sees[step]])][target] += 1
        right = sum(max(each.values()) for each in table.values())
        best[step] = right / scored[:, step].sum()
    return best


def selective(problem):
    for places in itertools.combinations(range(problem.length), problem.symbols):
        for symbols in itertools.product(range(problem.values), repeat=problem.symbols):
            shown = [problem.values] * problem.length
            for place, symbol in zip(places, symbols, strict=True):
                shown[place] = symbol
            yield shown + [problem.values + 1] * problem.symbols


def induction(problem):
    for shown in itertools.product(range(problem.values), repeat=problem.length - 2):
        for first in range(problem.length - 3):
            yield [*shown[:first], problem.values, *shown[first:], problem.values]


def associative(problem):
    fill = problem.keys + problem.values
    for keys in itertools.permutations(range(problem.keys), problem.pairs):
        for values in itertools.permutations(range(problem.keys, fill), problem.pairs):
            shown = [each for pair in zip(keys, values, strict=True) for each in pair]
            for slots in itertools.combinations(problem.slots, problem.asked):
                for asked in itertools.permutations(keys, problem.asked):
                    rest = [fill] * problem.length
                    rest[: 2 * problem.pairs] = shown
                    for slot, key in zip(slots, asked, strict=True):
                        rest[slot] = key
                    yield rest


SMALL = [
    (SelectiveCopying(length=5, symbols=2, values=3), selective),
    (SelectiveCopying(length=4, symbols=3, values=2), selective),
    (Induction(length=7, values=2), induction),
    (Induction(length=6, values=3), induction),
    (AssociativeRecall(length=7, pairs=3, keys=3, values=4, queries=1), associative),
    (AssociativeRecall(length=9, pairs=2, keys=3, values=3, queries=2), associative),
    (AssociativeRecall(length=8, pairs=2, keys=2, values=2, queries=1), associative),
]


@pytest.mark.parametrize(
    ("problem", "every"), SMALL, ids=lambda each: getattr(each, "__name__", repr(each))
)
def test_the_ceiling_of_a_window_is_that_of_the_best_table(problem, every):
    episodes = np.array(list(every(problem)), np.int32)
    assert problem.possible(episodes).all()
    drawn = {tuple(inputs) for inputs in draws(problem, 200).inputs.tolist()}
    assert drawn <= set(map(tuple, episodes.tolist()))
    steps = np.arange(problem.steps)
    for window in range(1, problem.steps + 1):
        sees = (steps <= steps[:, None]) & (steps > steps[:, None] - window)
        best = best_from(problem, episodes, sees)
        scored = ~np.isnan(best)
        assert (scored == problem.scored()).all()
        np.testing.assert_allclose(problem.ceiling_by_step(sees)[scored], best[scored])


@pytest.mark.parametrize(
    ("problem", "every"), SMALL, ids=lambda each: getattr(each, "__name__", repr(each))
)
def test_chance_is_the_share_of_the_most_frequent_target(problem, every):
    episodes = np.array(list(every(problem)), np.int32)
    blind = best_from(problem, episodes, np.zeros((problem.steps, problem.steps), bool))
    scored = problem.scored()
    np.testing.assert_allclose(problem.chance_by_step()[scored], blind[scored])


# Copying memory.


@pytest.mark.parametrize(
    ("delay", "loss"), [(100, 0.1733), (200, 0.0945), (500, 0.0400), (1000, 0.0204)]
)
def test_the_loss_without_memory_is_that_of_the_literature(delay, loss):
    problem = CopyingMemory(symbols=10, values=8, delay=delay, ask="every")
    assert problem.memoryless_loss() == pytest.approx(loss, abs=5e-5)
    assert problem.steps == delay + 20


def test_scoring_every_step_hides_what_is_forgotten():
    every = CopyingMemory(symbols=10, delay=100, ask="every")
    assert every.chance() == pytest.approx((110 + 10 / 8) / 120)
    assert CopyingMemory(symbols=10, delay=100).chance() == 1 / 8


@pytest.mark.parametrize("symbols", [2, 5, 10])
def test_half_of_the_symbols_score_as_a_state_of_that_capacity(symbols):
    kept = symbols // 2
    expected = (kept + (symbols - kept) / 8) / symbols
    problem = CopyingMemory(symbols=symbols)
    assert guessed(problem, "the first half of the symbols") == pytest.approx(expected, abs=0.01)
    assert not CopyingMemory(symbols=1).guesses(draws(CopyingMemory(symbols=1), 1).inputs)


def test_another_length_is_another_delay():
    assert CopyingMemory(symbols=3).showing(12) == CopyingMemory(symbols=3, delay=9)
    with pytest.raises(ValueError, match=r"^CopyingMemory: a sequence must show at least 6 values"):
        CopyingMemory(symbols=5).showing(5)


# Selective copying.


def test_mambas_setting_has_the_chance_and_the_size_of_the_source():
    problem = SelectiveCopying(length=4096, symbols=16, values=14)
    assert problem.chance() == pytest.approx(0.0714, abs=5e-5)
    assert problem.steps == 4096 + 16
    assert problem.symbols * np.log2(problem.values) == pytest.approx(61, abs=0.1)
    inputs, targets, _ = draws(problem, 3)
    shown = inputs[:, : problem.length]
    assert (shown[shown < 14].reshape(3, 16) == targets[:, problem.length :]).all()


def test_all_sets_of_places_are_equally_likely():
    problem = SelectiveCopying(length=5, symbols=2)
    filled = draws(problem, 20_000).inputs[:, :5] < problem.values
    counts = Counter(map(tuple, filled.tolist()))
    assert len(counts) == 10
    assert all(abs(count - 2000) < 250 for count in counts.values())


def test_a_symbol_at_its_likeliest_place_is_worth_what_enumeration_says():
    problem = SelectiveCopying(length=9, symbols=3, values=4)
    every = list(itertools.combinations(range(9), 3))
    usual = [Counter(places[rank] for places in every).most_common(1)[0][1] for rank in range(3)]
    share = np.mean(usual) / len(every)
    expected = share + (1 - share) / 4
    found = guessed(problem, "the likeliest place of each symbol", 20_000)
    assert found == pytest.approx(expected, abs=0.015)


def test_more_symbols_than_steps_are_refused():
    line = r"^SelectiveCopying: `symbols` must be at most `length` \(4\), got 5. Use length=5 or"
    with pytest.raises(ValueError, match=line):
        SelectiveCopying(length=4, symbols=5)
    shorter = SelectiveCopying(length=90, symbols=30).at(20)
    assert shorter == SelectiveCopying(length=20, symbols=20)


# Induction.


def test_the_first_trigger_is_anywhere_but_next_to_the_last():
    inputs = draws(Induction(length=8), 20_000).inputs
    counts = Counter((inputs == 16).argmax(axis=1).tolist())
    assert sorted(counts) == [0, 1, 2, 3, 4]
    assert all(abs(count - 4000) < 350 for count in counts.values())
    assert (inputs[:, -1] == 16).all()


def test_mambas_setting_of_the_induction_head():
    assert Induction(length=256).chance() == 0.0625
    near = guessed(Induction(length=256), "the last quarter of the steps")
    share = 62 / 253  # of the 253 places of the first trigger
    assert near == pytest.approx(share + (1 - share) / 16, abs=0.03)


# Associative recall.


@pytest.mark.parametrize(
    ("length", "pairs", "near", "uniform"),
    [(64, 4, 14, 32), (128, 8, 26, 64), (256, 16, 50, 128), (512, 64, 162, 256)],
)
def test_the_published_spread_asks_soon(length, pairs, near, uniform):
    """The median lag from a key to its query; half the length where all slots are alike."""
    for spread, median in ((0.01, near), (1, uniform)):
        problem = AssociativeRecall(length=length, pairs=pairs, keys=99, values=99, spread=spread)
        inputs, _, scored = draws(problem, 1500 * 4 // pairs)
        row, step = np.nonzero(scored)
        keys = inputs[row, : 2 * pairs : 2]
        lag = step - 2 * (keys == inputs[row, step][:, None]).argmax(axis=1)
        assert np.median(lag) == pytest.approx(median, abs=4)


def test_a_value_that_was_shown_is_right_for_one_pair():
    problem = AssociativeRecall(length=64, pairs=4, keys=4095, values=4096)
    assert guessed(problem, "a value that was shown") == 0.25
    assert problem.chance() == 1 / 4096


def test_each_key_is_asked_for_once_and_any_pair_in_any_slot():
    problem = AssociativeRecall(length=12, pairs=3, keys=9, values=9)
    inputs, targets, scored = draws(problem, 6000)
    assert (scored.sum(axis=1) == 3).all()
    assert (np.sort(targets[scored].reshape(-1, 3)) == np.sort(inputs[:, 1:6:2])).all()
    slots = np.arange(6, 12, 2)
    assert (problem.slots == slots).all()
    times = (inputs[:, 0:6:2, None] == inputs[:, None, slots]).mean(axis=0)
    np.testing.assert_allclose(times, 1 / 3, atol=0.03)
    assert (inputs[:, 7::2] == 18).all()


def test_one_query_at_the_end_is_the_associative_recall_of_h3():
    problem = AssociativeRecall(pairs=5, keys=9, values=9, queries=1, length=11)
    assert problem.scored().tolist() == [False] * 10 + [True]
    assert not problem.varies


@pytest.mark.parametrize(
    ("knobs", "line"),
    [
        ({"keys": 2, "pairs": 3, "length": 20}, r"`keys` must be at least `pairs` \(3\), since al"),
        ({"values": 3, "pairs": 4, "length": 20}, r"`values` must be at least `pairs` \(4\), sinc"),
        ({"queries": 3}, r"`queries` must be at most `pairs` \(2\), got 3. Use pairs=3 or more."),
        ({"length": 6}, r"`length` must be at least 7 for 2 pairs and 2 queries, got 6. Use leng"),
    ],
)
def test_associative_recall_refuses_what_leaves_no_room(knobs, line):
    with pytest.raises(ValueError, match=f"^AssociativeRecall: {line}"):
        AssociativeRecall(**knobs)


def test_a_sequence_of_ones_own_is_scored_where_it_asks_for_a_key():
    problem = AssociativeRecall()
    longer, episode = problem.episode(np.array([0, 5, 3, 6, 8, 8, 3, 8, 8, 8, 0, 8, 8, 8]))
    assert longer.length == 14
    assert np.flatnonzero(episode.scored).tolist() == [6, 10]
    assert longer.oracle(episode.inputs)[episode.scored].tolist() == [6, 5]
    with pytest.raises(ValueError, match=r"^AssociativeRecall: a sequence must ask for a key of"):
        problem.episode(np.array([0, 5, 3, 6, 8, 8, 1, 8, 8, 8]))


# What all share.


def test_numbers_without_replacement_are_all_arrangements_alike():
    drawn = distinct(np.random.default_rng(0).random((24_000, 3)), 4)
    counts = Counter(map(tuple, drawn.tolist()))
    assert sorted(counts) == sorted(itertools.permutations(range(4), 3))
    assert all(abs(count - 1000) < 160 for count in counts.values())


def test_no_shortcut_but_half_of_the_answer_comes_near_half():
    for problem in (CopyingMemory(), SelectiveCopying(), Induction()):
        others = {
            name: score
            for name, score in shortcuts_of(problem).items()
            if not name.startswith("the first half")
        }
        assert max(others.values()) < 0.4, problem
