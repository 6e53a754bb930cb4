"""Specs by themselves: what is allowed, right, blank, printed, changed; and their encodings."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longlag.encodings import OneHot, Scaled, encoding_of
from longlag.problems import Channels, Integers, Reals, Sets
from longlag.trials.setting import loss_of

SPECS = [
    Integers(4),
    Integers(3, blank=True),
    Reals(tolerance=0.1),
    Reals(size=2, low=0, high=1),
    Sets(4),
    Channels({"value": Reals(low=0, high=1), "mark": Integers(2)}),
    Channels({"key": Integers(3), "value": Integers(5)}),
    Channels({"legal": Sets(3), "count": Reals(tolerance=0.2, low=-1, high=1)}),
]
names = [repr(spec) for spec in SPECS]


@pytest.mark.parametrize("spec", SPECS, ids=names)
@given(seed=st.integers(0, 2**16))
def test_what_is_drawn_is_allowed_right_and_changed_within_the_rules(spec, seed):
    rng = np.random.default_rng(seed)
    values = spec.sample(rng, (7,))
    assert values.shape == (7, *spec.shape)
    assert values.dtype == spec.dtype
    assert spec.allows(values).all()
    assert spec.matches(values, values).all()
    assert (spec.validate(values, "values") == values).all()
    least, most = spec.extremes()
    assert spec.allows(np.stack([least, most])).all()
    changed = list(spec.perturb(values, rng))
    assert changed
    for other in changed:
        assert other.shape == values.shape
        assert other.dtype == values.dtype
        # Changing members of a set may leave none, which no problem draws.
        assert spec.accepts(other).any()


@pytest.mark.parametrize("spec", SPECS, ids=names)
@pytest.mark.parametrize("choice", [OneHot, Scaled])
def test_values_come_back_from_their_encoding(spec, choice):
    values = spec.sample(np.random.default_rng(1), (3, 5))
    encoding = encoding_of(spec, choice)
    features = encoding.encode(values)
    assert features.shape == (3, 5, encoding.features)
    assert features.dtype == np.float32
    again = encoding.decode(features)
    assert again.shape == values.shape
    assert spec.matches(again.astype(spec.dtype), values).all()


@pytest.mark.parametrize("spec", SPECS, ids=names)
def test_the_best_constant_beats_others(spec):
    rng = np.random.default_rng(2)
    values = spec.sample(rng, (4,))[rng.integers(4, size=300)]
    best = spec.best_constant(values)
    share = spec.matches(np.broadcast_to(best, values.shape), values).mean()
    for other in values[:50]:
        assert share >= spec.matches(np.broadcast_to(other, values.shape), values).mean() - 1e-9


@pytest.mark.parametrize("unit", [1e6, 1.0, 1e-5, 1e-9, 1e-12])
def test_reals_are_right_within_their_tolerance_in_any_unit(unit):
    spec = Reals(tolerance=0.1 * unit)
    targets = np.array([0.2, 0.3, 0.5, 7.0]) * unit
    predicted = np.array([0.3, 0.2, 0.601, 7.1]) * unit  # all but the third just so far away
    singles = predicted.astype(np.float32), targets.astype(np.float32)
    loss = loss_of(spec, encoding_of(spec))
    for right in (spec.matches(*singles), loss.is_correct(*map(jnp.asarray, singles))):
        assert right.tolist() == [True, True, False, True]
    values = (np.array([0.1, 0.3, 0.9]) * unit).astype(np.float32)
    best = np.full_like(values, spec.best_constant(values))
    assert spec.matches(best, values).tolist() == [True, True, False]


def test_a_tolerance_beyond_single_precision_is_that_of_all(recwarn):
    loss = loss_of(Reals(tolerance=1e300), encoding_of(Reals()))
    assert loss.is_correct(jnp.array([3e38]), jnp.array([-3e37])).tolist() == [True]
    large = np.array([3e38], np.float32)
    assert Reals(tolerance=1e300).matches(large, -large).tolist() == [True]
    assert not recwarn.list


def test_a_blank_step_is_not_a_value_and_stays_blank():
    spec = Integers(3, blank=True)
    values = np.array([0, 3, 2], np.int32)
    assert spec.allows(values).tolist() == [True, False, True]
    assert spec.format(values[1]) == "_"
    assert all(other[1] == 3 for other in spec.perturb(values, np.random.default_rng(0)))


def test_symbols_are_printed_by_their_names():
    spec = Integers(3, blank=True, names=("w", "r"))
    assert [spec.format(value) for value in range(4)] == ["w", "r", "2", "_"]


def test_channels_are_right_together():
    spec = Channels({"key": Integers(3), "share": Reals(tolerance=0.1)})
    targets = np.array([[1, 0.5], [1, 0.5], [2, 0.5]], np.float32)
    predicted = np.array([[1, 0.55], [1, 0.7], [1, 0.5]], np.float32)
    assert spec.matches(predicted, targets).tolist() == [True, False, False]
    assert spec.format(targets[0]) == "1:0.5"


def test_a_set_is_right_when_exactly_its_members_are_named():
    spec = Sets(3)
    targets = np.array([[1, 0, 1]] * 3)
    predicted = np.array([[1, 0, 1], [1, 1, 1], [1, 0, 0]])
    assert spec.matches(predicted, targets).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("spec", "values", "error", "message"),
    [
        (Integers(4), [1, 4], ValueError, r"must hold values from 0 to 3, got 4 at step 1"),
        (Integers(4), [0.5], TypeError, "must be a list of whole numbers"),
        (Integers(4), [[1]], TypeError, r"values, got shape \(1, 1\)\. Give one sequence at"),
        (Reals(size=2), [0.5], TypeError, r"values of 2 each, got shape \(1,\)"),
        (Reals(), [np.nan], ValueError, "must hold values that are finite"),
        (
            Channels({"value": Reals(low=0, high=1), "mark": Integers(2)}),
            [[0.5, 2.0]],
            ValueError,
            r"`value` that are finite and `mark` from 0 to 1, got 0\.5:2 at step 0",
        ),
        (Sets(2), [[0, 2]], ValueError, "2 zeros and ones"),
    ],
)
def test_what_is_no_value_is_refused_in_one_line(spec, values, error, message):
    with pytest.raises(error, match=message):
        spec.validate(np.array(values), "here")
