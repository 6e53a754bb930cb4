from fractions import Fraction
from math import comb, factorial

import numpy as np
import pytest

from longlag.problems import CumulativeThreshold
from longlag.problems.cumulative import _best_guess, sum_below


def exactly(bound, terms):
    """Irwin and Hall's sum in rational numbers."""
    bound = Fraction(bound)
    parts = ((-1) ** k * comb(terms, k) * (bound - k) ** terms for k in range(int(bound) + 1))
    return float(sum(parts) / factorial(terms))


@pytest.mark.parametrize("terms", [1, 2, 7, 12, 13, 25, 40, 41, 70, 150])
def test_the_distribution_of_a_sum_is_right_to_the_precision_stated(terms):
    for share in (0.05, 0.25, 0.4, 0.5, 0.61, 0.9):
        bound = share * terms
        assert sum_below(bound, terms) == pytest.approx(exactly(bound, terms), abs=1e-9)


def test_a_sum_is_above_nothing_and_below_its_terms():
    assert sum_below(0.0, 5) == sum_below(-1.0, 5) == 0
    assert sum_below(5.0, 5) == sum_below(50.0, 40) == 1


@pytest.mark.parametrize(("seen", "hidden"), [(1, 4), (3, 2), (1, 1), (5, 20)])
def test_the_best_guess_on_a_part_is_what_a_table_over_its_sum_reaches(seen, hidden):
    limit = (seen + hidden) * 0.45
    rng = np.random.default_rng(0)
    shown = rng.random((200_000, seen)).sum(axis=1)
    label = shown + rng.random((200_000, hidden)).sum(axis=1) >= limit
    cell = (shown * 100).astype(int)
    ones, all = np.bincount(cell, label), np.bincount(cell)
    reached = np.maximum(ones, all - ones).sum() / len(label)
    assert _best_guess(limit, seen, (hidden,)) == pytest.approx(reached, abs=4e-3)


def test_the_flip_is_found_by_counting_as_often_as_stated():
    problem = CumulativeThreshold()
    _, targets, _ = problem.draw(np.random.default_rng(0), 100_000)
    flips = targets[targets.any(axis=1)].argmax(axis=1)
    best = np.bincount(flips).max() / len(flips)
    assert problem.chance_at_flip() == pytest.approx(best, abs=5e-3)


def test_the_labels_of_the_source_flip_where_the_sum_reaches_a_quarter_of_the_length():
    inputs = np.array([[0.31, 0.67, 0.72, 0.78, 0.50, 0.57, 0.61, 0.37, 0.18, 0.81]], np.float32)
    labels = CumulativeThreshold(length=10).oracle(inputs)
    assert labels[0].tolist() == [0] * 4 + [1] * 6


def test_a_sequence_of_another_length_keeps_the_threshold():
    assert CumulativeThreshold(length=10).showing(20).limit == 2.5


def test_a_threshold_that_cannot_be_reached_is_refused():
    with pytest.raises(ValueError, match=r"`threshold` must be below `length` \(10\), got 10"):
        CumulativeThreshold(threshold=10.0)
