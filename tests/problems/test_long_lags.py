import numpy as np
import pytest

from longlag.problems import LongLags, Memorization, RandomLags


def test_the_two_fixed_sequences_are_those_of_memorization_with_two_contexts():
    ours = LongLags(length=9, middle="fixed", ask="every").draw(np.random.default_rng(0), 30)
    other = Memorization(length=10, contexts=2).draw(np.random.default_rng(1), 30)
    pairs = [
        {(tuple(i), tuple(t)) for i, t in zip(each.inputs, each.targets, strict=True)}
        for each in (ours, other)
    ]
    assert pairs[0] == pairs[1]


def test_a_random_middle_has_every_symbol_but_the_two_that_count():
    inputs = LongLags(length=6).draw(np.random.default_rng(0), 2000).inputs
    assert sorted(set(inputs[:, 1:].ravel())) == [0, 1, 2, 3, 4]
    assert np.mean(inputs[:, 0] == 5) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("middle", "chance", "ceiling"), [("fixed", 1, 1), ("random", 1 / 9, 1 / 9)]
)
def test_what_can_be_told_before_the_end(middle, chance, ceiling):
    problem = LongLags(length=10, middle=middle, ask="every")
    assert problem.chance() == pytest.approx((9 * chance + 0.5) / 10)
    assert problem.ceiling() == pytest.approx((9 * ceiling + 1) / 10)


def test_the_length_of_random_lags_is_geometric_and_cut_where_stated():
    problem = RandomLags(length=5, distractors=3, most=12)
    episodes = problem.draw(np.random.default_rng(0), 60_000)
    more = episodes.scored.argmax(axis=1) - 7
    assert np.mean(more == 0) == pytest.approx(0.1, abs=5e-3)
    assert np.mean(more == 7) == pytest.approx(0.1 * 0.9**7, abs=5e-3)
    assert np.mean(more == 12) == pytest.approx(0.9**12, abs=6e-3)  # all longer ones too
    assert more.max() == 12


def test_the_mean_lag_is_that_of_the_source():
    episodes = RandomLags(length=50, most=400).draw(np.random.default_rng(0), 20_000)
    last = episodes.scored.argmax(axis=1)
    assert last.mean() == pytest.approx(50 + 2 + 9, abs=0.3)


def test_the_symbols_are_those_of_the_source():
    problem = RandomLags(length=50, distractors=50)
    assert problem.inputs.values == 54
    assert problem.targets.values == 2
    assert 0.9 ** (problem.most + 1) == pytest.approx(0.000024, abs=1e-6)
