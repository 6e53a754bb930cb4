"""Strings that are given back: chance, what a few symbols are worth, published figures."""

import itertools

import numpy as np
import pytest

import longlag as ll
from longlag.problems import Duplicate, EchoSubsequence, Repeat, Reverse, Sort
from longlag.problems.tallies import best_of_majority, binomial, order_shares, tallies

COPIES = [Reverse, Repeat, Duplicate]


def drawn(problem, count=4000, seed=0):
    return problem.draw(np.random.default_rng(seed), count)


@pytest.mark.parametrize("kind", [*COPIES, Sort])
def test_lengths_and_symbols_are_uniform(kind):
    problem = kind(length=7, least=3, values=4)
    episodes = drawn(problem, 20_000)
    lengths = np.bincount(episodes.answer, minlength=8)
    assert lengths[:3].sum() == 0
    assert np.allclose(lengths[3:] / 20_000, 0.2, atol=0.015)
    shown = episodes.inputs[episodes.inputs < 4]
    assert np.allclose(np.bincount(shown) / len(shown), 0.25, atol=0.01)


@pytest.mark.parametrize("kind", [*COPIES, Sort])
def test_strings_of_one_length_have_no_mask_and_no_length_of_their_own(kind):
    episodes = drawn(kind(length=5, least=5), 3)
    assert (episodes.present, episodes.answer) == (None, None)
    assert episodes.scored.sum() == (30 if kind is Duplicate else 15)


@pytest.mark.parametrize("kind", [*COPIES, Sort])
def test_the_shortest_string_is_no_longer_than_the_longest(kind):
    line = f"{kind.__name__}: `least` must be at most `length` (5), got 6. Use length=6 or more."
    with pytest.raises(ValueError, match="least") as error:
        kind(length=5, least=6)
    assert str(error.value) == line


@pytest.mark.parametrize("kind", [*COPIES, Sort])
def test_another_length_is_that_length_alone(kind):
    problem = kind(length=6)
    assert problem.showing(6) is problem
    assert problem.showing(9) == kind(length=9, least=9)
    with pytest.raises(ValueError, match="must show at least 1 value"):
        problem.showing(0)


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("symbols", [0, 2, 5])
def test_a_predictor_that_keeps_some_symbols_scores_what_is_stated(kind, symbols):
    problem = kind(length=8, least=2, values=3)
    episodes = drawn(problem)
    place = (np.arange(problem.steps) - episodes.answer[:, None]) % episodes.answer[:, None]
    guess = np.random.default_rng(1).integers(3, size=place.shape)
    right = np.where(place < symbols, episodes.targets, guess) == episodes.targets
    pooled = right[episodes.scored].mean()
    each = (right & episodes.scored).sum(axis=1) / episodes.scored.sum(axis=1)
    assert problem.accuracy_keeping(symbols) == pytest.approx(pooled, abs=0.02)
    assert problem.accuracy_keeping(symbols, by_string=True) == pytest.approx(each.mean(), abs=0.02)


@pytest.mark.parametrize("kind", COPIES)
def test_the_simple_rules_score_what_keeping_so_many_symbols_does(kind):
    problem = kind(length=8, values=2)
    episodes = drawn(problem)
    for (name, guess), kept in zip(problem.guesses(episodes.inputs).items(), (1, 4), strict=True):
        score = (guess == episodes.targets)[episodes.scored].mean()
        assert score == pytest.approx(problem.accuracy_keeping(kept), abs=0.02), name


def test_strings_of_one_length_are_an_echo_of_all_that_was_shown():
    problem = Repeat(length=4, least=4)
    echo = EchoSubsequence(length=4, values=10)
    inputs = drawn(echo, 20).inputs
    assert (problem.oracle(inputs) == echo.oracle(inputs))[:, 4:].all()
    assert (problem.needs() == echo.needs()).all()


def test_forty_symbols_kept_are_the_published_score_of_the_lstm_on_reverse():
    tested = Reverse(length=500, least=41)
    assert tested.accuracy_keeping(40, by_string=True) == pytest.approx(0.6093, abs=1e-4)
    gain = (tested.accuracy_keeping(8, by_string=True) - 0.5) / (0.5 * 8)
    assert gain == pytest.approx(0.00547, abs=1e-5)  # a symbol


def test_28_and_20_symbols_kept_are_the_published_scores_on_duplicate_and_odds_first():
    tested = Duplicate(length=500, least=41)
    assert tested.accuracy_keeping(28, by_string=True) == pytest.approx(0.576, abs=1e-3)
    assert tested.accuracy_keeping(20, by_string=True) == pytest.approx(0.556, abs=2e-3)


@pytest.mark.parametrize(
    ("values", "least", "length", "score"),
    [(5, 1, 40, 0.65), (5, 41, 500, 0.901), (10, 41, 500, 0.79), (10, 40, 256, 0.73)],
)
def test_a_guesser_of_places_scores_what_is_published(values, least, length, score):
    problem = Sort(length=length, least=least, values=values)
    places = problem.accuracy_of_places(by_string=True)
    assert places == pytest.approx(score, abs=0.005 if score < 0.9 else 5e-4)


def test_a_guesser_of_places_at_one_length():
    for length, score in (41, 0.78), (500, 0.94):
        places = Sort(length=length, least=length).accuracy_of_places()
        assert places == pytest.approx(score, abs=0.005)


def test_the_guesser_of_places_is_a_simple_rule():
    problem = Sort(length=9, least=2)
    episodes = drawn(problem)
    (guess,) = problem.guesses(episodes.inputs).values()
    score = (guess == episodes.targets)[episodes.scored].mean()
    assert score == pytest.approx(problem.accuracy_of_places(), abs=0.015)
    assert problem.chance() < problem.accuracy_of_places()


def strings(values, length):
    return np.array(list(itertools.product(range(values), repeat=length)))


def test_places_of_sorted_strings_by_going_through_all():
    ordered = np.sort(strings(3, 4), axis=1)
    counted = [np.bincount(column, minlength=3) / len(ordered) for column in ordered.T]
    assert np.allclose(order_shares(3, 4), counted)


def best(observed, targets):
    """The share of targets that the best rule from these observations finds."""
    kinds = {}
    for key, target in zip(map(tuple, observed), targets, strict=True):
        kinds.setdefault(key, []).append(target)
    return sum(np.bincount(each).max() for each in kinds.values()) / len(targets)


@pytest.mark.parametrize("seed", range(4))
def test_the_ceiling_of_sort_by_going_through_all_strings(seed):
    """Some inputs in sight, the steps of strings of two lengths as likely as they are."""
    problem = Sort(length=3, least=2, values=3)
    sees = np.random.default_rng(seed).random((6, 6)) < 0.5
    found = problem.ceiling_by_step(sees)
    rows = [np.pad(strings(3, n), ((0, 0), (0, 6 - n)), constant_values=3) for n in (2, 3)]
    inputs = np.concatenate([np.repeat(rows[0], 3, axis=0), rows[1]]).astype(np.int32)
    lengths, targets = (inputs < 3).sum(axis=1), problem.oracle(inputs)
    for step in range(2, 6):
        asked = (lengths <= step) & (step < 2 * lengths)
        seen = inputs[asked][:, sees[step]]
        assert found[step] == pytest.approx(best(seen, targets[asked, step])), step


def test_drawn_tallies_stand_for_all_of_them():
    counts, share = tallies(4, 30, 2000)
    assert (counts.sum(axis=1) == 30).all()
    assert len(counts) == 2000  # of 5,456
    assert (share @ counts) == pytest.approx(np.full(4, 7.5), abs=0.2)


@pytest.mark.parametrize(("values", "seen", "hidden"), [(3, 2, 2), (3, 0, 4), (2, 3, 2), (4, 1, 2)])
def test_the_best_guess_of_a_majority_by_going_through_all(values, seen, hidden):
    every = strings(values, seen + hidden)
    winners = [np.bincount(row, minlength=values).argmax() for row in every]
    assert best_of_majority(values, seen, hidden) == pytest.approx(best(every[:, :seen], winners))


def test_binomials_of_many_draws():
    share = binomial(1000, 0.1)
    assert share.sum() == pytest.approx(1)
    assert share @ np.arange(1001) == pytest.approx(100)
    assert binomial(3, 1.0).tolist() == [0, 0, 0, 1]


def test_chance_weighs_steps_by_how_often_they_are_asked():
    problem = Sort(length=6, values=3)
    episodes = drawn(problem, 20_000)
    times = episodes.scored.mean(axis=0)
    expected = np.average(problem.chance_by_step()[1:], weights=times[1:])
    assert problem.chance() == pytest.approx(expected, abs=0.002)


def test_it_is_trained_at_some_lengths_and_tested_at_others(tmp_path):
    answer = ll.generalise(
        Reverse(length=4),
        ll.Whole(),
        [ll.LSTM(hidden_size=4)],
        test=[8],
        budget=200,
        seeds=1,
        store=tmp_path / "study.db",
    )
    scores = answer.models[0].scores
    assert [score.length for score in scores] == [4, 8]
    assert [(score.seeds, score.chance, score.ceiling) for score in scores] == [(1, 0.5, 1)] * 2
