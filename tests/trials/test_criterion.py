"""The published end of a training: found where a loop finds it, and training ends there."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import longlag as ll
from longlag import streams
from longlag.events import Advanced
from longlag.trials.criterion import Criterion, OnTest
from longlag.trials.fit import finish, fit

SETTING = ll.Setting(
    problem=ll.EchoLag(lag=0, length=4, values=3),
    framing=ll.Whole(),
    model=ll.LSTM(hidden_size=8),
    recipe=ll.Recipe(sequences=5000, batch_size=1, learning_rate=0.03),
)


def _no_model():
    raise AssertionError("the criterion looks at training alone")


def by_hand(criterion, losses, shares):
    for end in range(criterion.sequences, len(losses) + 1):
        part = slice(end - criterion.sequences, end)
        wrong = sum(share < 1 for share in shares[part])
        small = criterion.loss is None or sum(losses[part]) <= criterion.loss * criterion.sequences
        if wrong <= criterion.wrong and small:
            return end
    return None


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from([0.5, 1.0])), max_size=30),
    st.integers(1, 6),
    st.integers(0, 2),
    st.sampled_from([None, 0.5, 1.0]),
    st.integers(1, 7),
)
def test_it_is_reached_where_a_loop_finds_it_and_piece_by_piece(
    pairs, sequences, wrong, loss, size
):
    criterion = Criterion(sequences=sequences, wrong=wrong, loss=loss)
    losses, shares = np.array(pairs, float).reshape(-1, 2).T
    expected = by_hand(criterion, losses.tolist(), shares.tolist())
    assert criterion.reached(losses, shares) == expected
    until = criterion.until(SETTING)
    ends = range(size, len(losses) + size, size)
    parts = [slice(end - size, end) for end in ends]
    met = [until(7, losses[part], shares[part], _no_model) for part in parts]
    assert any(met) == (expected is not None)
    if expected is not None:
        assert met.index(True) == (expected - 1) // size


def test_a_seed_stops_once_it_has_met_the_criterion():
    setting = SETTING
    criterion = Criterion(sequences=50)
    run = finish(fit(setting, (0, 1), until=criterion.until(setting)))
    for place, history in enumerate(run.history):
        reached = criterion.of_history(history)
        assert reached is not None
        assert history[-1].outcome == "stopped"
        assert reached <= run.sequences[place] < 5000
        assert criterion.of_history(history[:-1]) is None  # it was the last chunk that met it
    plain = finish(fit(setting, (0, 1)))
    assert criterion.of_history(plain.history[0]) == criterion.of_history(run.history[0])


def test_it_is_never_reached_where_too_few_are_shown():
    assert Criterion().reached(np.zeros(1999), np.ones(1999)) is None
    assert Criterion().of_history([]) is None


def test_sequences_that_only_show_that_it_is_over_are_not_counted():
    shares = np.repeat([0.0, 1.0], [30, 50])
    history = [Advanced(0, 80, 80, np.zeros(80), 0.6, shares=shares)]
    assert Criterion(sequences=40).of_history(history) == 70
    assert Criterion(sequences=40, counted=False).of_history(history) == 30


def test_with_a_test_set_a_seed_ends_with_the_model_that_meets_it():
    criterion = OnTest(sequences=40, wrong=1, every=30)
    run = finish(fit(SETTING, (0, 1), until=criterion.until(SETTING), every=criterion.every))
    for seed, model, history in zip(run.seeds, run.models, run.history, strict=True):
        took = criterion.of_history(history)
        assert took is not None
        assert took == history[-1].updates < 5000
        assert took % 30 == 0
        test_set = criterion.test_set(SETTING, seed)
        judged = SETTING.evaluate_on(model, test_set)
        wrong = sum(
            list(a) != list(b) for a, b in zip(judged.predicted, judged.targets, strict=True)
        )
        assert wrong <= 1
        assert criterion.is_met(judged)
    assert criterion.of_history(finish(fit(SETTING, (0,))).history[0]) is None


@pytest.mark.parametrize(("error", "met"), [(None, True), (0.16, True), (0.14, False)])
def test_a_test_set_may_also_bound_the_mean_error(error, met):
    problem = ll.NoiseAndSignal(length=5)
    setting = ll.Setting(
        problem=problem, framing=ll.Whole(), model=ll.LSTM(), recipe=SETTING.recipe
    )
    criterion = OnTest(sequences=20, error=error)
    test_set = criterion.test_set(setting, 3)
    judged = setting.evaluate_on(setting.create(0), test_set)
    off = np.where(np.arange(20)[:, None] % 2, 0.19, -0.11).astype(np.float32)
    assert criterion.is_met(dataclasses.replace(judged, predicted=test_set.targets + off)) == met
    off[3] = 0.21
    assert not criterion.is_met(dataclasses.replace(judged, predicted=test_set.targets + off))
    others = criterion.test_set(setting, 4)
    assert not np.array_equal(test_set.inputs, others.inputs)


def test_updates_between_two_looks_are_at_least_one():
    with pytest.raises(ValueError, match=r"`every` must be at least 1, got 0\. Use every=100"):
        next(fit(SETTING, (0,), every=0))


def test_a_test_set_that_no_rule_can_pass_is_drawn_anew():
    problem = ll.NoiseAndSignal(length=5, noise="everywhere")
    setting = dataclasses.replace(SETTING, problem=problem)
    first = problem.draw(streams.validation(2), 256)
    hopeless = np.abs(problem.oracle(first.inputs) - first.targets)[first.scored] > 0.2
    worst = int(hopeless.sum())
    assert worst > 0
    kept = OnTest(wrong=worst).test_set(setting, 2)
    assert np.array_equal(kept.inputs, first.inputs)
    anew = OnTest(wrong=worst - 1).test_set(setting, 2)
    assert not np.array_equal(anew.inputs, first.inputs)
    off = np.abs(problem.oracle(anew.inputs) - anew.targets)[anew.scored] > 0.2
    assert off.sum() < worst
    with pytest.raises(ValueError, match="OnTest: `wrong` must be what the best rule can reach"):
        OnTest(sequences=5000).test_set(setting, 2)
