import numpy as np
import pytest

from longlag.problems import EchoLag


def test_lag_zero_echoes_the_current_value():
    inputs, targets, scored = EchoLag(lag=0).draw(np.random.default_rng(0), 3)
    assert (inputs == targets).all()
    assert scored.all()


def test_chance_is_one_in_values():
    assert EchoLag(values=100).chance == pytest.approx(0.01)


def test_a_lag_as_long_as_the_sequence_is_refused():
    with pytest.raises(
        ValueError, match=r"^EchoLag: `lag` must be below `length` \(25\), got 30. Use length=31"
    ):
        EchoLag(lag=30)
