import numpy as np
import pytest

from longlag.problems import Memorization


def test_the_two_sequences_are_those_of_the_sources_text():
    inputs, targets, _ = Memorization().draw(np.random.default_rng(0), 50)
    whole = {(*row, last) for row, last in zip(inputs.tolist(), targets[:, -1], strict=True)}
    assert whole == {(3, 0, 1, 2, 3), (4, 0, 1, 2, 4)}


def test_chance_knows_all_but_the_last_step():
    assert Memorization(length=5).chance() == pytest.approx((3 + 1 / 2) / 4)
    assert Memorization(length=5, ask="last", contexts=4).chance() == pytest.approx(1 / 4)


def test_another_length_is_another_problem():
    with pytest.raises(
        ValueError,
        match="its sequences have 4 inputs, not 6: at another length",
    ):
        Memorization(length=5).showing(6)
