import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_cases import outcome

from longlag.studies.time_to_solve import of_times, time_to_solve

seeds = st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=12)


def product_limit(times, solved):
    """Kaplan and Meier's estimate from each time on, one seed after another."""
    left = {0: 1.0}
    share = 1.0
    for time in sorted(set(times)):
        at_risk = sum(1 for other in times if other >= time)
        events = sum(
            1 for other, event in zip(times, solved, strict=True) if other == time and event
        )
        share *= 1 - events / at_risk
        left[time] = share
    return left


def at(found, time):
    """The share unsolved at a time, read off the steps of the curve."""
    share = None
    for start, height in zip(found.times, found.unsolved, strict=True):
        if start <= time:
            share = height
    return share


@given(seeds)
def test_the_curve_is_the_product_limit(seeds):
    times, solved = (list(column) for column in zip(*seeds, strict=True))
    times = [time if event else 30 for time, event in zip(times, solved, strict=True)]
    found = of_times(np.array(times), np.array(solved), budget=30)
    for time, share in product_limit(times, solved).items():
        assert at(found, time) == pytest.approx(share, abs=1e-12)
    for low, share, high in zip(found.low, found.unsolved, found.high, strict=True):
        assert -1e-12 <= low <= share + 1e-12
        assert share - 1e-12 <= high <= 1 + 1e-12
    assert list(found.times) == sorted(found.times)
    assert found.times[-1] == 30


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=12))
def test_the_restricted_mean_is_the_mean_of_what_each_took_or_the_budget(seeds):
    came = [
        outcome(1.0 if solved else 0.5, sequences=taken if solved else 30)
        for taken, solved in seeds
    ]
    found = time_to_solve(came, 0.99, 30)
    expected = [min(taken, 30) if solved else 30 for taken, solved in seeds]
    assert found.mean.mean == pytest.approx(sum(expected) / len(expected))
    assert found.mean.per_seed == tuple(expected)
    assert 0 <= found.mean.interval[0] <= found.mean.interval[1] <= 30
    assert (found.solved, found.count) == (sum(solved for _, solved in seeds), len(seeds))


def test_the_share_that_solved_it_has_the_exact_interval():
    found = of_times(np.array([3, 5, 5, 9]), np.array([True, True, True, False]), budget=9)
    assert found.rate.mean == 0.75
    assert found.rate.interval == pytest.approx((0.19412, 0.99369), abs=1e-4)
    assert found.rate.per_seed == (1.0, 1.0, 1.0, 0.0)


def test_all_solved():
    found = of_times(np.array([3, 5]), np.array([True, True]), budget=9)
    assert found.times == (0, 3, 5, 9)
    assert found.unsolved == (1, 0.5, 0, 0)
    assert found.mean.mean == 4


@pytest.mark.parametrize("count", [1, 3])
def test_none_solved(count):
    found = of_times(np.full(count, 9), np.zeros(count, bool), budget=9)
    assert (found.times, found.unsolved) == ((0, 9), (1, 1))
    assert (found.solved, found.rate.mean, found.mean.mean) == (0, 0, 9)
    assert found.mean.interval[0] < 9
    assert found.low[-1] < 1


def test_one_seed_leaves_its_time_open():
    found = of_times(np.array([4]), np.array([True]), budget=9)
    assert (found.times, found.unsolved) == ((0, 4, 9), (1, 0, 0))
    assert found.mean.mean == 4
    assert found.mean.interval == (0, 9)


def test_one_that_diverged_counts_with_the_whole_budget():
    """It used up a tenth of it, and would not have solved the problem with the rest."""
    lost = outcome(1.0, ended="diverged", diverged_at=10, sequences=10)
    found = time_to_solve([lost, outcome(sequences=20)], 0.99, 100)
    assert found.solved == 1
    assert found.mean.per_seed == (100, 20)


def test_the_criterion_is_the_skill_asked_for():
    came = [outcome(0.8, sequences=10), outcome(0.9, sequences=20)]
    assert time_to_solve(came, 0.85, 50).solved == 1
    assert time_to_solve(came, 0.8, 50).solved == 2


def test_a_last_block_beyond_the_budget_does_not_count():
    over = dataclasses.replace(outcome(), sequences=104)
    found = time_to_solve([over], 0.99, 100)
    assert found.times[-1] == 100
    assert found.mean.mean == 100
