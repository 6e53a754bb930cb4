import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from longlag.lab import statistics


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_the_mean_interval_is_students(values):
    low, high = statistics.mean_interval(values)
    error = stats.sem(values)
    if error > 1e-12:
        expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (low, high) == pytest.approx(expected, abs=1e-9)
    else:
        assert low == pytest.approx(high, abs=1e-9)


@given(trials=st.integers(1, 500), data=st.data())
def test_the_share_interval_is_clopper_and_pearsons(trials, data):
    hits = data.draw(st.integers(0, trials))
    exact = stats.binomtest(hits, trials).proportion_ci(0.95, method="exact")
    assert statistics.share_interval(hits, trials) == pytest.approx((exact.low, exact.high))


@given(trials=st.integers(1, 500), chance=st.floats(0.01, 0.99), data=st.data())
def test_the_test_against_chance_is_the_exact_binomial_one(trials, chance, data):
    hits = data.draw(st.integers(0, trials))
    exact = stats.binomtest(hits, trials, chance, alternative="greater").pvalue
    assert statistics.chance_probability(hits, trials, chance) == pytest.approx(exact, abs=1e-12)


def test_seeds_that_agree_still_have_an_interval():
    estimate = statistics.accuracy([1.0] * 5, sequences=100)
    assert estimate.interval[0] == pytest.approx(stats.beta.ppf(0.025, 500, 1))
    assert estimate.interval[1] == 1


def test_seeds_that_differ_widen_it():
    apart = statistics.accuracy([0.2, 0.9, 0.5], sequences=1000)
    alike = statistics.accuracy([0.53, 0.54, 0.53], sequences=1000)
    assert apart.interval[0] == 0
    assert apart.interval[1] == 1
    assert alike.interval[1] - alike.interval[0] < 0.05


def test_the_interval_of_an_accuracy_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        truth = rng.uniform(0.5, 0.9, 5)
        seeds = truth.mean() + rng.normal(0, 0.03, 5)
        low, high = statistics.accuracy((rng.binomial(1000, seeds) / 1000).tolist(), 1000).interval
        covered += low <= truth.mean() <= high
    assert covered >= 0.93 * 400


def test_a_difference_is_paired_by_seed():
    estimate = statistics.difference([0.9, 0.5, 0.7], [0.8, 0.4, 0.6])
    assert estimate.mean == pytest.approx(0.1)
    assert estimate.interval == pytest.approx((0.1, 0.1))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=9))
def test_the_rank_correlation_is_spearmans(pairs):
    one, other = zip(*pairs, strict=True)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert statistics.rank_correlation(one, other) == 0
        return
    expected = stats.spearmanr(one, other)[0]
    assert statistics.rank_correlation(one, other) == pytest.approx(expected, abs=1e-9)


def test_one_sequence_leaves_nothing_to_the_draws():
    assert statistics.accuracy([1.0, 1.0], None).interval == (1.0, 1.0)
    low, high = statistics.accuracy([1.0, 0.8], None).interval
    assert low < 0.8
    assert high == 1.0


def test_a_mean_is_tested_against_a_level():
    values = np.random.default_rng(0).random(1000)
    assert statistics.above_probability(values, values.mean() + 0.1) > 0.999
    _, expected = stats.ttest_1samp(values, values.mean() - 0.01, alternative="greater")
    found = statistics.above_probability(values, float(values.mean()) - 0.01)
    assert found == pytest.approx(expected, rel=0.02)
