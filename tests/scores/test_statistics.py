import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from longlag.scores import statistics


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


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50), st.floats(0, 1))
def test_sums_tell_what_the_values_tell(values, level):
    total = sum(values)
    squares = sum(value**2 for value in values)
    found = statistics.above_probability_of_sums(len(values), total, squares, level)
    error = np.std(values, ddof=1) / len(values) ** 0.5
    if error > 1e-4:
        expected = stats.norm.sf((np.mean(values) - level) / error)
        assert found == pytest.approx(expected, abs=1e-6)


def test_equal_values_are_above_a_level_or_they_are_not():
    for count in (2, 1000, 100_000):
        total, squares = 0.3 * count, 0.3**2 * count
        by_markov = statistics.above_probability_of_sums(count, total, squares, 0.2)
        assert by_markov == pytest.approx((0.2 / (total / count)) ** count)
        assert statistics.above_probability_of_sums(count, total, squares, 0.3) == 1
        assert statistics.above_probability_of_sums(count, total, squares, 0.4) == 1


def covering(count, low, high):
    """How often the values of these places lie about the median: all signs of all values."""
    covered = 0
    for signs in itertools.product((0, 1), repeat=count):
        below = sum(signs)
        covered += low < below <= high
    return covered / 2**count


@pytest.mark.parametrize("count", range(1, 13))
def test_the_coverage_of_a_median_interval_is_that_of_all_orders(count):
    _, (first, last), coverage = statistics.median_interval(list(range(1, count + 1)))
    low, high = int(first), int(last)
    # The median lies between them where at least `low` and at most `high - 1` values are below.
    expected = covering(count, low - 1, high - 1)
    assert coverage == pytest.approx(expected)
    assert low + high == count + 1
    if count >= 6:
        assert coverage >= 0.95
    if low + 1 <= high - 1:  # one place further in would not do
        assert covering(count, low, high - 2) < 0.95


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_median_and_its_interval_do_not_hang_on_the_order(values, random):
    found = statistics.median_interval(values)
    shuffled = random.sample(values, len(values))
    assert statistics.median_interval(shuffled) == found
    assert found[1][0] <= found[0] <= found[1][1]
    assert set(found[1]) <= set(values)


def test_the_median_interval_covers_the_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for count in (5, 8, 15):
        covered, coverage = 0, 0.0
        for _ in range(1500):
            _, (low, high), coverage = statistics.median_interval(
                rng.exponential(size=count).tolist()
            )
            covered += low <= np.log(2) <= high
        assert covered / 1500 == pytest.approx(coverage, abs=0.02)
