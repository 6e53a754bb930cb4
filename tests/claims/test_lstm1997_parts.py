"""Parts of the cards of 1997: strings of experiment 1, ends of sequences, random weights."""

import dataclasses

import numpy as np
import pytest

import longlag as ll
from longlag.claims.lstm1997.guessing import Guessing, outputs
from longlag.claims.lstm1997.outputs import AsOutputs, LastRight
from longlag.claims.lstm1997.strings import LegalFirst, NextSymbol
from longlag.trials.criterion import OnTest

SYMBOLS = "BTPSXVE"


def setting_of(problem):
    recipe = ll.Recipe(sequences=100, batch_size=1)
    return ll.Setting(
        problem=problem, framing=ll.Whole(), model=ll.LSTM(hidden_size=4), recipe=recipe
    )


def words(episodes):
    """The strings, with the symbol that the last target names."""
    found = []
    for inputs, targets, scored in zip(*episodes.arrays()[:3], strict=True):
        last = targets[scored.nonzero()[0][-1]].argmax()
        found.append("".join(SYMBOLS[each] for each in [*inputs[scored], last]))
    return found


@pytest.mark.parametrize("pair", [0, 1])
def test_training_draws_from_256_strings_and_the_test_has_others(pair):
    problem = NextSymbol(pair=pair)
    both = words(problem.all_strings())
    training, test = both[:256], both[256:]
    assert len(test) == 256
    assert not set(training) & set(test)
    drawn = words(problem.draw(np.random.default_rng(1), 3000))
    assert set(drawn) == set(training)
    assert all(each[0] + each[-1] == "BE" and each[1] == each[-2] for each in both)
    assert words(NextSymbol(pair=pair + 1).all_strings()) != both
    assert problem.mean_steps == pytest.approx(np.mean([len(each) - 1 for each in training]))


def test_each_target_is_the_symbol_that_comes_next():
    episodes = NextSymbol().all_strings()
    for inputs, targets, scored in zip(*episodes.arrays()[:3], strict=True):
        count = int(scored.sum())
        assert scored[:count].all()
        assert (targets[:count].sum(axis=1) == 1).all()
        assert (targets[: count - 1].argmax(axis=1) == inputs[1:count]).all()
        assert SYMBOLS[targets[count - 1].argmax()] == "E"


def test_all_legal_symbols_must_be_more_active_than_any_other():
    problem = NextSymbol()
    setting, criterion = setting_of(problem), LegalFirst()
    strings = criterion.test_set(setting, 0)
    judged = setting.evaluate_on(setting.create(0), strings)
    legal = problem.grammar.oracle(strings.inputs)
    outputs = np.where(legal == 1, 0.4, 0.3).astype(np.float32)
    assert criterion.is_met(dataclasses.replace(judged, predicted=outputs))
    outputs[400, 2] = 0.3  # all equally active
    judged = dataclasses.replace(judged, predicted=outputs)
    assert not criterion.is_met(judged)
    assert criterion.right(judged).nonzero()[0].tolist() == [i for i in range(512) if i != 400]


def test_of_2b_the_last_step_alone_counts():
    lags = ll.LongLags(length=6, middle="random", ask="every")
    setting = setting_of(AsOutputs(problem=lags, tolerance=0.25))
    criterion = LastRight(sequences=9)
    test_set = criterion.test_set(setting, 0)
    judged = setting.evaluate_on(setting.create(0), test_set)
    near = np.full_like(test_set.targets, 9)
    near[:, -1] = test_set.targets[:, -1] + np.float32(0.2)
    assert criterion.is_met(dataclasses.replace(judged, predicted=near))
    near[4, -1, 2] += 0.1
    assert not criterion.is_met(dataclasses.replace(judged, predicted=near))


def by_hand(weights, sequence):
    """The output of a network at the end of a sequence, in double precision."""
    of_input, recurrent, bias, of_units, output_bias = (each.astype(float) for each in weights)
    state = np.zeros(len(bias))
    for value in sequence:
        state = np.tanh(of_input[:, 0] * value + recurrent @ state + bias)
    return 1 / (1 + np.exp(-(of_units @ state + output_bias)))


def test_random_networks_compute_what_a_loop_does():
    rng = np.random.default_rng(2)
    shapes = (3, 1), (3, 3), (3,), (3,), ()
    networks = tuple(rng.normal(size=(4, *shape)).astype(np.float32) for shape in shapes)
    episodes = ll.NoiseAndSignal(length=20).draw(np.random.default_rng(0), 5)
    found = outputs(networks, episodes)
    for network in range(4):
        for row in range(5):
            end = int(episodes.scored[row].argmax()) + 1
            expected = by_hand([each[network] for each in networks], episodes.inputs[row, :end])
            assert found[network, row] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("wrong", [0, 2])
def test_the_sequences_shown_to_random_networks_are_counted_as_in_a_loop(wrong):
    problem = ll.NoiseAndSignal(length=10)
    guessing = Guessing(problem=problem, criterion=OnTest(sequences=40, wrong=wrong, error=0.05))
    test_set = problem.draw(np.random.default_rng(5), 40)
    rng, shown = np.random.default_rng(7), 0
    expected = None
    while expected is None:
        networks = guessing._draw(rng)  # in the same blocks
        for found in np.abs(outputs(networks, test_set) - test_set.targets[test_set.scored]):
            failed = (np.cumsum(found > 0.2) > wrong).nonzero()[0]
            shown += int(failed[0]) + 1 if len(failed) else 40
            if not len(failed) and found.mean() < 0.05:
                expected = shown
                break
    assert guessing.sequences(test_set, np.random.default_rng(7)) == expected
    for most, found in ((expected, expected), (expected - 1, None)):
        again = dataclasses.replace(guessing, most=most)
        assert again.sequences(test_set, np.random.default_rng(7)) == found
