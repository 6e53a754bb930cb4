import numpy as np
import pytest

from longlag.checks.problem import check_problem
from longlag.problems import Adding, Multiplication


def drawn(problem, count=40_000, seed=0):
    """Episodes, and the target of each."""
    episodes = problem.draw(np.random.default_rng(seed), count)
    return episodes, episodes.targets[episodes.scored].astype(float)


def squared_error(targets, constant):
    return float(((targets - constant) ** 2).mean())


def test_the_modern_null_is_a_sixth():
    problem = Adding(length=50)
    assert problem.chance_error() ** 2 == pytest.approx(1 / 6)
    assert squared_error(drawn(problem)[1], 1) == pytest.approx(1 / 6, abs=3e-3)


@pytest.mark.parametrize("variant", ["halves", "anywhere"])
def test_who_keeps_one_value_stays_at_a_twelfth(variant):
    problem = Adding(length=30, variant=variant)
    episodes, targets = drawn(problem)
    (guess,) = problem.guesses(episodes.inputs).values()
    assert squared_error(targets, guess[:, -1]) == pytest.approx(1 / 12, abs=2e-3)
    assert np.mean(abs(guess[:, -1] - targets) <= 0.04) == pytest.approx(0.08, abs=5e-3)


def test_the_null_of_1997_is_as_published_where_two_values_count():
    problem = Adding(length=100, variant="1997")
    episodes, targets = drawn(problem)
    two = (episodes.inputs[..., 1] == 1).sum(axis=1) == 2
    assert squared_error(targets[two], 0.5) == pytest.approx(0.0417, abs=1e-3)
    # A first pair that is picked counts as 0, which makes the target easier to guess.
    assert np.mean(~two) == pytest.approx(1 / 10 + 9 / 10 / 49, abs=5e-3)
    assert problem.chance_error() ** 2 == pytest.approx(0.0392, abs=5e-5)
    assert squared_error(targets, 0.5) == pytest.approx(0.0392, abs=1e-3)


def test_a_constant_is_right_as_often_as_published():
    problem = Adding(length=100, variant="1997")
    assert problem.chance() == pytest.approx(0.154, abs=5e-4)
    assert np.mean(abs(drawn(problem)[1] - 0.5) <= 0.04) == pytest.approx(0.154, abs=5e-3)


@pytest.mark.parametrize("variant", ["halves", "1997"])
def test_the_error_of_the_best_constant_of_a_product_is_that_of_the_draws(variant):
    problem = Multiplication(length=20, variant=variant)
    targets = drawn(problem)[1]
    assert problem.chance_error() == pytest.approx(targets.std(), abs=3e-3)
    assert problem.chance() == pytest.approx(np.mean(targets <= 0.08), abs=1e-2)


def test_lengths_and_places_are_those_of_the_source():
    problem = Adding(length=100, variant="1997")
    inputs = drawn(problem, 4000)[0].inputs
    values, marks = inputs[..., 0], inputs[..., 1]
    last = 109 - (marks == -1)[:, ::-1].argmax(axis=1)
    assert sorted(set(last)) == [*range(99, 110)]
    assert (marks[:, 0] == -1).all()
    assert -1 <= values.min() < -0.99
    assert 0.99 < values.max() < 1
    marked = marks == 1
    assert not marked[:, 50:].any()  # the shortest lag is half of the shortest sequence
    assert marked[:, :10].any(axis=1).mean() > 0.9
    assert marked.any(axis=0)[1:50].all()


def test_marks_lie_anywhere_or_in_either_half():
    anywhere = drawn(Adding(length=6, variant="anywhere"), 3000)[0].inputs[..., 1]
    pairs = {tuple(np.flatnonzero(row)) for row in anywhere}
    assert len(pairs) == 15
    halves = drawn(Adding(length=6), 3000)[0].inputs[..., 1]
    assert {tuple(np.flatnonzero(row)) for row in halves} == {
        (one, two) for one in range(3) for two in range(3, 6)
    }


def score_of_best_guess(problem, seen):
    """The best interval for what is not seen, over a grid, on average over episodes."""
    episodes, _ = drawn(problem, 6000, 3)
    values, marked = episodes.inputs[..., 0].astype(float), episodes.inputs[..., 1] == 1
    adds = isinstance(problem, Adding)
    rng, others = np.random.default_rng(1), []
    for row, marks in zip(values, marked, strict=True):
        known = row[marks & seen]
        hidden = rng.random((300, int((marks & ~seen).sum()))) * 1.0
        if problem.variant == "1997" and adds:
            hidden = 2 * hidden - 1
        made = (hidden.sum(1) + known.sum()) if adds else hidden.prod(1) * known.prod()
        made = 0.5 + made / 4 if problem.variant == "1997" and adds else made
        low = made.mean() - 0.04 if adds else max(0.0, made.max() - 0.08) * (len(known) > 0)
        others.append(np.mean((made >= low - 1e-9) & (made <= low + 0.08)) if len(made) else 1)
    return float(np.mean(others))


@pytest.mark.parametrize(
    "problem",
    [
        Adding(length=8),
        Adding(length=9, variant="anywhere"),
        Adding(length=20, variant="1997"),
        Multiplication(length=8),
        Multiplication(length=20, variant="1997"),
    ],
    ids=repr,
)
def test_the_ceiling_on_a_part_is_what_the_best_guess_of_the_rest_scores(problem):
    seen = np.arange(problem.steps) >= problem.length // 3
    sees = np.broadcast_to(seen, (problem.steps, problem.steps))
    assert problem.ceiling(sees=sees) == pytest.approx(
        score_of_best_guess(problem, seen), abs=0.025
    )


@pytest.mark.parametrize("kind", [Adding, Multiplication])
def test_too_short_a_sequence_of_1997_is_refused(kind):
    rule = rf"^{kind.__name__}: `length` must be at least 20 with variant 1997, got 19. Use length"
    with pytest.raises(ValueError, match=rule):
        kind(length=19, variant="1997")


def test_the_published_length_keeps_the_contract():
    """Where lengths differ, few of the pairs of an end and a place are met in a draw."""
    assert all(check.passed for check in check_problem(Adding(length=40, variant="1997")))


def test_one_sequence_is_asked_for_at_its_end_alone():
    problem = Adding(length=20, variant="1997")
    episodes = problem.draw(np.random.default_rng(0), 1)
    assert episodes.present is not None
    shown = episodes.inputs[0][episodes.present[0]]
    _, one = problem.episode(shown)
    assert (one.scored == episodes.scored).all()
    assert (one.present == episodes.present).all()
    rule = "Adding: a sequence must show from 20 to 22 values, got 3. Give 20 or more."
    with pytest.raises(ValueError, match=rule):
        problem.episode(shown[:3])
