import itertools

import numpy as np
import pytest

from longlag.problems import TemporalOrder
from longlag.problems.temporal_order import X, Y


@pytest.mark.parametrize(
    ("marks", "windows"),
    [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])],
)
def test_the_published_problems_have_the_published_places_and_lengths(marks, windows):
    problem = TemporalOrder(length=100, marks=marks)
    assert problem.windows == windows
    episodes = problem.draw(np.random.default_rng(0), 5000)
    assert sorted(set(1 + episodes.scored.argmax(axis=1))) == [*range(100, 111)]
    marked = (episodes.inputs == X) | (episodes.inputs == Y)
    places = [[*range(low, high + 1)] for low, high in windows]
    assert np.flatnonzero(marked.any(axis=0)).tolist() == [*itertools.chain(*places)]
    shares = np.bincount(episodes.targets[episodes.scored]) / 5000
    np.testing.assert_allclose(shares, 0.5**marks, atol=0.03)


@pytest.mark.parametrize("marks", [2, 3])
@pytest.mark.parametrize("length", range(10, 40))
def test_windows_of_any_length_lie_apart_and_inside(marks, length):
    problem = TemporalOrder(length=length, marks=marks)
    places = [place for window in problem.windows for place in window]
    assert places == sorted(places)
    starts = [low for low, _ in problem.windows[1:]]
    assert all(high < low for (_, high), low in zip(problem.windows, starts, strict=False))
    assert places[0] >= 1
    assert places[-1] < length - 1


@pytest.mark.parametrize(("marks", "unordered", "last"), [(2, 3 / 4, 1 / 2), (3, 1 / 2, 1 / 4)])
def test_the_simple_rules_score_what_counting_them_says(marks, unordered, last):
    problem = TemporalOrder(length=20, marks=marks)
    episodes = problem.draw(np.random.default_rng(0), 8000)
    shares = [
        problem.targets.matches(guess, episodes.targets)[episodes.scored].mean()
        for guess in problem.guesses(episodes.inputs).values()
    ]
    assert shares == pytest.approx([unordered, last], abs=0.02)


def test_the_ceiling_is_one_of_two_for_a_mark_that_is_not_seen():
    problem = TemporalOrder(length=100)
    late = np.broadcast_to(np.arange(problem.steps) >= 30, (problem.steps, problem.steps))
    assert problem.ceiling(sees=late) == pytest.approx(0.5)
    half = np.broadcast_to(np.arange(problem.steps) >= 15, (problem.steps, problem.steps))
    assert problem.ceiling(sees=half) == pytest.approx(0.5 + 0.5 * 6 / 11)


def test_another_number_of_marks_is_refused():
    with pytest.raises(ValueError, match=r"TemporalOrder: `marks` must be at most 3, got 4. Use"):
        TemporalOrder(marks=4)
