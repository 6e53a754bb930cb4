import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import longlag as ll
from longlag.answers.estimate import caveats
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
    estimate = statistics.difference([0.9, 0.5, 0.75], [0.8, 0.4, 0.6])
    assert estimate.mean == pytest.approx(0.35 / 3)
    expected = stats.t.interval(0.95, 2, 0.35 / 3, stats.sem([0.1, 0.1, 0.15]))
    assert estimate.interval == pytest.approx(expected)


def test_equal_pairs_leave_the_noise_of_the_draws():
    """Newcombe's interval, by hand: each share at the far end of its own interval."""
    estimate = statistics.difference([1.0] * 3, [0.5] * 3, sequences=100)
    (low, _), (their_low, their_high) = (
        stats.binomtest(hits, 300).proportion_ci(0.95) for hits in (300, 150)
    )
    below = np.hypot(1 - low, their_high - 0.5)
    assert estimate.interval == pytest.approx((0.5 - below, 0.5 + 0.5 - their_low))
    assert statistics.difference([1.0] * 3, [0.0] * 3, 100).interval[1] == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=9))
def test_the_rank_correlation_is_spearmans(pairs):
    one, other = zip(*pairs, strict=True)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert statistics.rank_correlation(one, other) == 0
        return
    expected = stats.spearmanr(one, other)[0]
    assert statistics.rank_correlation(one, other) == pytest.approx(expected, abs=1e-9)


def test_one_sequence_leaves_nothing_to_the_draws_but_seeds_may_differ():
    assert statistics.accuracy([1.0], None).interval == (1.0, 1.0)
    assert statistics.accuracy([1.0] * 5, None).interval == pytest.approx((0.025**0.2, 1.0))
    low, high = statistics.accuracy([1.0, 0.8], None).interval
    assert low < 0.8
    assert high == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.sampled_from([None, 10, 1000]))
def test_no_interval_leaves_what_is_possible_or_has_no_width_where_seeds_may_differ(shares, count):
    found = statistics.accuracy(shares, count)
    mean = statistics.over_seeds([1000 * share for share in shares], 0, 1000)
    for low, high, most in ((*found.interval, 1), (*mean.interval, 1000)):
        assert 0 <= low <= high <= most
        assert low < high or (len(shares) == 1 and count is None)
    error = statistics.over_seeds(shares, least=0)
    assert error.interval[0] >= 0
    assert statistics.difference(shares, shares[::-1], count).interval[0] >= -1


def test_equal_values_that_need_not_be_equal_have_the_interval_of_a_share():
    """All seeds used up the budget: some may have solved it at once."""
    budget = 50_000
    low, high = statistics.over_seeds([budget] * 5, 0, budget).interval
    assert low == pytest.approx(budget * stats.binomtest(5, 5).proportion_ci(0.95).low)
    assert high == budget


def test_few_seeds_say_what_they_cannot_rule_out():
    assert statistics.accuracy([1.0], 1000).caveat == "one seed: no interval"
    assert (
        "only 5 seeds: up to 45 % of all could fail unseen"
        in statistics.accuracy([1.0] * 5, 9).caveat
    )
    assert statistics.accuracy([1.0, 1.0, 0.5, 1.0, 1.0], 1000).caveat == ""
    assert statistics.accuracy([1.0] * 29, 1000).caveat == ""
    assert caveats([statistics.accuracy([1.0] * 3, 1000)]).endswith("29 seeds leave at most 10 %.")
    assert str(statistics.over_seeds([2.0])) == "2.000 (one seed: no interval)"


@pytest.mark.parametrize(("seeds", "failing"), [(5, 0.1), (5, 0.2), (3, 0.2), (10, 0.1)])
def test_an_interval_covers_where_some_seeds_fail_or_says_that_it_may_not(seeds, failing):
    rng, good, trials = np.random.default_rng(0), 0, 500
    for _ in range(trials):
        found = statistics.accuracy(list(np.where(rng.random(seeds) < failing, 0.5, 1.0)), 1000)
        low, high = found.interval
        good += bool(found.caveat) or low <= 1 - 0.5 * failing <= high
    assert good / trials >= 0.95


# Chance.


@given(st.integers(2, 50), st.integers(1, 9), st.integers(0, 99))
def test_sequences_of_independent_targets_count_as_their_targets(count, targets, seed):
    """In the mean: the shares of sequences vary as those of independent targets do."""
    rng = np.random.default_rng(seed)
    shares = rng.binomial(targets, 0.4, (200, count)) / targets
    found = [
        statistics.effective_trials(count, each.sum(), (each**2).sum(), targets) for each in shares
    ]
    assert count <= min(found)
    assert max(found) <= count * targets * (1 + 1e-9)


def test_targets_that_are_right_or_wrong_together_count_once():
    shares = np.array([1.0] * 700 + [0.0] * 300)
    found = statistics.effective_trials(1000, shares.sum(), (shares**2).sum(), 20)
    assert found == pytest.approx(1000, rel=2e-3)


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_one_sequence_and_equal_sequences_are_tested_too(count):
    """The variance of one sequence is unknown; that of equal ones is 0."""
    for share in (0.0, 0.6, 1.0):
        trials = statistics.effective_trials(count, share * count, share**2 * count, 5)
        assert count <= trials <= 5 * count
        p = statistics.chance_probability(trials * share, trials, 0.36)
        assert 0 <= p <= 1
    assert statistics.effective_trials(1, 0.6, 0.36, 5) == 1


@pytest.mark.parametrize(("length", "threshold"), [(5, 4.0), (6, 4.5), (5, 3.8), (2, 0.1)])
def test_a_constant_is_rarely_called_better_than_chance_even_near_the_ceiling(length, threshold):
    problem = ll.CumulativeThreshold(length=length, threshold=threshold)
    rng, sides, trials = np.random.default_rng(1), [], 400
    targets = problem.draw(rng, 100_000).targets
    constant = targets.mean(axis=0) > 0.5
    for _ in range(trials):
        shares = (problem.draw(rng, 1000).targets == constant).mean(axis=1)
        count = statistics.effective_trials(1000, shares.sum(), (shares**2).sum(), length)
        hits = count * shares.mean()
        sides.append(statistics.side_of_chance(hits, count, problem.chance()))
    assert 1 - sides.count("at") / trials <= 0.06


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
