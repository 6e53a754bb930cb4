import numpy as np
import pytest

from longlag.problems import EchoLag, EchoSubsequence, EchoValue


def test_lag_zero_echoes_the_current_value():
    inputs, targets, scored = EchoLag(lag=0).draw(np.random.default_rng(0), 3)
    assert (inputs == targets).all()
    assert scored.all()


def test_chance_is_one_in_values():
    assert EchoLag(values=100).chance() == pytest.approx(0.01)


def test_a_lag_as_long_as_the_sequence_is_refused():
    with pytest.raises(
        ValueError, match=r"^EchoLag: `lag` must be below `length` \(25\), got 30. Use length=31"
    ):
        EchoLag(lag=30)


def test_the_value_to_echo_is_the_sources_fifth():
    sequence = np.array([[5, 3, 2, 1, 9, 9, 2, 7, 1, 6]])
    assert EchoValue(lag=5, length=10).oracle(sequence)[0, -1] == 9
    assert EchoValue(lag=1, length=5).oracle(sequence[:, :5])[0, -1] == 1


def test_an_answer_longer_than_what_was_shown_is_refused():
    with pytest.raises(ValueError, match=r"`count` must be at most the 3 values from step 2 on"):
        EchoSubsequence(length=5, start=2, count=4)
