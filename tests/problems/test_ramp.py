import numpy as np
import pytest

from longlag.problems import Ramp


def test_the_ramp_is_the_sources():
    inputs, targets, _ = Ramp(length=10).draw(np.random.default_rng(0), 1)
    np.testing.assert_allclose(inputs[0], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], rtol=1e-6)
    np.testing.assert_allclose(targets[0], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], rtol=1e-6)


def test_chance_is_that_of_one_constant():
    assert Ramp(length=10).chance() == pytest.approx(1 / 9)
    assert Ramp(length=10, tolerance=0.05).chance() == pytest.approx(2 / 9)
    assert Ramp(length=10, tolerance=0.06).chance() == pytest.approx(2 / 9)
    assert Ramp(length=10, tolerance=0.1).chance() == pytest.approx(3 / 9)
    assert Ramp(length=10).chance_error() == pytest.approx(np.std(np.arange(1, 10) / 10))


def test_a_tolerance_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"^Ramp: `tolerance` must be above 0, got 0"):
        Ramp(tolerance=0.0)
