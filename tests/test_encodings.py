import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longlag.encodings import ENCODINGS, AsIs, MultiHot, OneHot, Scaled, encoding_of
from longlag.problems import Channels, Integers, Reals

every_encoding = pytest.mark.parametrize("kind", ENCODINGS.values())


@every_encoding
@given(values=st.integers(2, 300), data=st.data())
def test_decoding_returns_what_was_encoded_but_for_gaps(kind, values, data):
    blank = data.draw(st.booleans())
    drawn = data.draw(st.lists(st.integers(-1, values - 1 + blank), min_size=1, max_size=30))
    code = kind(values=values, blank=blank)
    features = code.encode(np.array(drawn, np.int32))
    assert features.dtype == np.float32
    assert features.shape == (len(drawn), code.features)
    gaps = np.array(drawn) == -1
    assert (code.decode(features) == drawn)[~gaps].all()
    assert (features[gaps] == -1).all()


@every_encoding
def test_outputs_of_minus_one_are_a_value_and_not_missing(kind):
    outputs = np.full((1, kind(values=4).features), -1.0)
    assert kind(values=4).decode(outputs).tolist() == [0]


@every_encoding
def test_a_value_without_an_encoding_is_refused(kind):
    with pytest.raises(ValueError, match=r"from 0 to 3, or -1 for none, got 0 to 7\. Use values=8"):
        kind(values=4).encode(np.array([0, 7]))


@every_encoding
@pytest.mark.parametrize(
    ("values", "kind_of_error", "message"),
    [
        ([1.5, 2], ValueError, "values must be whole numbers, got 1.5"),
        (np.array([np.nan, 2]), ValueError, "whole numbers, got nan"),
        (np.ma.array([1, 2], mask=[True, False]), ValueError, "values are a masked array. Fill it"),
        (["one"], TypeError, r"values must be numbers, got \['one'\]"),
        ([-2, 1], ValueError, "from 0 to 3, or -1 for none, got -2 to 1.$"),
        ([1e300], ValueError, r"got 1e\+300 to 1e\+300\.$"),
    ],
)
def test_what_is_no_whole_number_in_range_is_refused(kind, values, kind_of_error, message):
    with pytest.raises(kind_of_error, match=f"{kind.__name__}: .*{message}"):
        kind(values=4).encode(values)


@pytest.mark.parametrize(
    ("code", "values"),
    [
        (OneHot(values=4), [[0, 3], [2, -1]]),
        (OneHot(values=4), 2),
        (OneHot(values=4), [1.0, 2.0]),
        (Scaled(values=5, blank=True), [0, 5, 4]),
        (AsIs(), [0.5, 1.0]),
        (AsIs(width=2), [[0.5, 1.0]]),
        (MultiHot(values=3), [[1, 0, 1]]),
        (encoding_of(Channels({"value": Reals(), "mark": Integers(2)})), [[0.5, 1], [0.25, 0]]),
    ],
    ids=repr,
)
def test_lists_are_encoded_and_decoded_as_arrays_are(code, values):
    features = code.encode(values)
    assert features.dtype == np.float32
    assert (features == code.encode(np.array(values))).all()
    given = np.array(values)
    assert (code.decode(features.tolist()) == given)[given != -1].all()


@pytest.mark.parametrize(
    ("code", "wide"), [(OneHot(values=4), 4), (AsIs(width=2), 2), (MultiHot(values=3), 3)]
)
def test_features_of_another_width_are_refused(code, wide):
    with pytest.raises(ValueError, match=rf"must be {wide} wide, got shape \(1, 5\)"):
        code.decode(np.zeros((1, 5)))


def test_what_a_part_of_channels_cannot_show_is_refused():
    code = encoding_of(Channels({"value": Reals(), "mark": Integers(2)}))
    with pytest.raises(ValueError, match=r"OneHot: values must be whole numbers, got 0\.5"):
        code.encode([[0.5, 0.5]])
    with pytest.raises(ValueError, match="MultiHot: values must be zeros and ones, got 2"):
        MultiHot(values=2).encode([[0, 2]])


def test_more_integers_than_an_encoding_can_tell_apart_are_refused():
    with pytest.raises(ValueError, match="OneHot: `values` must be at most 1048576"):
        ENCODINGS["one-hot"](values=2**20 + 1)
    with pytest.raises(ValueError, match="Scaled: `values` must be at most 16777216"):
        ENCODINGS["scaled"](values=2**24 + 1)
    code = ENCODINGS["scaled"](values=2**24)
    drawn = np.array([0, 12_345_677, 2**24 - 1])
    assert code.decode(code.encode(drawn)).tolist() == drawn.tolist()


def test_one_hot_has_one_one():
    features = ENCODINGS["one-hot"](values=5).encode(np.arange(5))
    assert (features == np.eye(5)).all()


def test_scaled_decodes_to_the_nearest_value():
    code = ENCODINGS["scaled"](values=11)
    assert code.decode(np.array([[0.44], [0.46], [-0.2], [1.4]])).tolist() == [4, 5, 0, 10]


def test_one_hot_decodes_any_shape_by_its_largest_entry():
    outputs = np.random.default_rng(0).normal(size=(2, 3, 7))
    assert (ENCODINGS["one-hot"](values=7).decode(outputs) == outputs.argmax(-1)).all()


@every_encoding
def test_a_blank_step_has_a_feature_of_its_own(kind):
    features = kind(values=4, blank=True).encode(np.array([4, 0, 3]))
    assert features[:, -1].tolist() == [1, 0, 0]
    assert not features[0, :-1].any()
    with pytest.raises(ValueError, match="from 0 to 3"):
        kind(values=4).encode(np.array([4]))


def test_reals_stay_as_they_are():
    code = encoding_of(Reals(tolerance=0.1))
    assert code == AsIs()
    drawn = np.array([0.25, -0.5], np.float32)
    assert code.encode(drawn).tolist() == [[0.25], [-0.5]]
    assert code.decode(code.encode(drawn)).tolist() == drawn.tolist()
    assert encoding_of(Integers(4, blank=True)).features == 5
