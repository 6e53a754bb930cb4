from statistics import NormalDist

import numpy as np
import pytest

import longlag as ll
from longlag.checks.problem import check_problem
from longlag.problems import NoiseAndSignal


@pytest.mark.parametrize(("signal", "ceiling"), [(1, 0.98733), (3, 0.99995)])
def test_noise_on_the_signal_flips_it_as_often_as_the_likelihood_says(signal, ceiling):
    problem = NoiseAndSignal(length=30, signal=signal, noise="everywhere")
    assert problem.ceiling() == pytest.approx(ceiling, abs=1e-5)
    assert problem.ceiling() == pytest.approx(NormalDist().cdf((signal / 0.2) ** 0.5))
    episodes = problem.draw(np.random.default_rng(0), 40_000)
    right = problem.targets.matches(problem.oracle(episodes.inputs), episodes.targets)
    assert right[episodes.scored].mean() == pytest.approx(ceiling, abs=2.5e-3)


@pytest.mark.parametrize("signal", [1, 2])
def test_noise_everywhere_keeps_the_contract(signal):
    problem = NoiseAndSignal(length=8, signal=signal, noise="everywhere")
    assert all(check.passed for check in check_problem(problem))


def test_one_clean_input_of_the_signal_is_enough():
    problem = NoiseAndSignal(length=9, signal=3)
    one = np.zeros((problem.steps, problem.steps), dtype=bool)
    one[:, 1] = True
    assert problem.ceiling(sees=one) == 1
    noisy = NoiseAndSignal(length=9, signal=3, noise="everywhere")
    assert noisy.ceiling(sees=one) == pytest.approx(NoiseAndSignal(noise="everywhere").ceiling())


def test_noise_and_lengths_are_those_of_the_source():
    problem = NoiseAndSignal(length=100, signal=3)
    episodes = problem.draw(np.random.default_rng(0), 5000)
    lengths = 1 + episodes.scored.argmax(axis=1)
    assert sorted(set(lengths)) == [*range(100, 111)]
    later = episodes.inputs[:, 3:100]
    assert later.mean() == pytest.approx(0, abs=5e-3)
    assert later.var() == pytest.approx(0.2, abs=5e-3)
    assert (abs(episodes.inputs[:, :3]) == 1).all()
    targets = episodes.targets[episodes.scored]
    assert np.mean(targets == 1) == pytest.approx(0.5, abs=0.03)
    # Class and length are made of one number: neither tells of the other.
    assert abs(np.corrcoef(lengths, targets)[0, 1]) < 0.05


def test_targets_are_noisy_in_training_alone():
    problem = NoiseAndSignal(length=20, noise="targets")
    episodes = problem.draw(np.random.default_rng(0), 20_000)
    clean = problem.for_part("evaluation").draw(np.random.default_rng(0), 20_000)
    assert (episodes.inputs == clean.inputs).all()
    assert set(clean.targets[clean.scored].tolist()) == {np.float32(0.2), np.float32(0.8)}
    off = (episodes.targets - clean.targets)[clean.scored]
    assert off.mean() == pytest.approx(0, abs=0.01)
    assert off.var() == pytest.approx(0.1, abs=5e-3)
    assert problem.for_part("training") is problem
    assert problem.for_part("evaluation").for_part("validation").chance_error() == pytest.approx(
        0.3
    )
    assert problem.chance_error() == pytest.approx((0.09 + 0.1) ** 0.5)


def test_a_model_is_scored_by_the_clean_targets():
    run = ll.train(
        NoiseAndSignal(length=4, noise="targets"),
        ll.Whole(),
        ll.MLP(hidden_size=4),
        sequences=40,
        batch_size=20,
    )
    targets = run.evaluations[0].targets[run.evaluations[0].scored]
    assert set(targets.tolist()) == {np.float32(0.2), np.float32(0.8)}


def test_a_sum_of_all_inputs_loses_the_signal_with_length():
    scores = []
    for length in (10, 100):
        problem = NoiseAndSignal(length=length)
        episodes = problem.draw(np.random.default_rng(1), 8000)
        (guess,) = problem.guesses(episodes.inputs).values()
        right = problem.targets.matches(guess, episodes.targets)[episodes.scored].mean()
        steps = problem.length + problem.length // 20
        assert right == pytest.approx(NormalDist().cdf(1 / (0.2 * (steps - 1)) ** 0.5), abs=0.02)
        scores.append(right)
    assert scores[0] > scores[1] + 0.1
