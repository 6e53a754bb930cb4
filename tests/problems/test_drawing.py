"""What a problem of one's own draws is looked at before it is used."""

import dataclasses

import numpy as np
import pytest

import longlag as ll
from longlag.problems import EchoLag, Episodes
from longlag.problems.drawing import draw


def another(change):
    """A problem that draws what `EchoLag` does, changed."""

    class Mine(EchoLag):
        def draw(self, rng, count):
            return change(super().draw(rng, count))

    return Mine(length=5, values=3)


WRONG = {
    "nothing": (lambda _: None, TypeError, "must return Episodes, got NoneType"),
    "short": (
        lambda e: dataclasses.replace(e, inputs=e.inputs[:, :-1]),
        ValueError,
        r"inputs must be \(4, 5\), got \(4, 4\)",
    ),
    "fewer": (
        lambda e: Episodes(e.inputs[:-1], e.targets[:-1], e.scored[:-1]),
        ValueError,
        r"scored must be \(4, 5\), got \(3, 5\)",
    ),
    "objects": (
        lambda e: dataclasses.replace(e, inputs=e.inputs.astype(object)),
        TypeError,
        "inputs must be numbers, got object",
    ),
    "too large": (
        lambda e: dataclasses.replace(e, inputs=e.inputs + 2),
        ValueError,
        "inputs must be from 0 to 2, got",
    ),
    "no number": (
        lambda e: dataclasses.replace(e, targets=np.full(e.targets.shape, np.nan)),
        ValueError,
        "targets must be from 0 to 2, got nan",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_draw_is_refused_by_its_name(wrong):
    change, kind, message = WRONG[wrong]
    with pytest.raises(kind, match=f"`draw` of Mine.*{message}"):
        draw(another(change), np.random.default_rng(0), 4)


@pytest.mark.parametrize("wrong", WRONG)
def test_nothing_is_trained_or_shown_on_it(wrong):
    change, kind, _ = WRONG[wrong]
    with pytest.raises(kind, match="`draw` of Mine"):
        ll.train(another(change), ll.Whole(), ll.RNN(hidden_size=2), sequences=4)
    with pytest.raises(kind, match="`draw` of Mine"):
        ll.Whole().sample(another(change), np.random.default_rng(0), 4)


def test_a_draw_that_is_right_is_given_as_it_is():
    mine = another(lambda episodes: episodes)
    for one, other in zip(
        draw(mine, np.random.default_rng(0), 4),
        draw(EchoLag(length=5, values=3), np.random.default_rng(0), 4),
        strict=True,
    ):
        assert np.array_equal(one, other)


def test_only_what_counts_is_looked_at():
    def blanked(episodes):
        targets = np.where(episodes.scored, episodes.targets, -7)
        return dataclasses.replace(episodes, targets=targets)

    assert draw(another(blanked), np.random.default_rng(0), 4).targets.min() == -7
