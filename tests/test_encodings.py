import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longlag.encodings import ENCODINGS

every_encoding = pytest.mark.parametrize("kind", ENCODINGS.values())


@every_encoding
@given(values=st.integers(2, 300), data=st.data())
def test_decoding_returns_what_was_encoded_gaps_included(kind, values, data):
    drawn = data.draw(st.lists(st.integers(-1, values - 1), min_size=1, max_size=30))
    code = kind(values=values)
    encoded = code.encode(np.array(drawn, np.int32))
    assert encoded.dtype == np.float32
    assert encoded.shape == (len(drawn), code.features)
    assert code.decode(encoded).tolist() == drawn
    assert (encoded[np.array(drawn) == -1] == -1).all()


@every_encoding
def test_a_value_without_an_encoding_is_refused(kind):
    with pytest.raises(ValueError, match=r"from 0 to 3, or -1 for none, got 0 to 7\. Use values=8"):
        kind(values=4).encode(np.array([0, 7]))


def test_one_hot_has_one_one():
    encoded = ENCODINGS["one-hot"](values=5).encode(np.arange(5))
    assert (encoded == np.eye(5)).all()


def test_scaled_decodes_to_the_nearest_value():
    code = ENCODINGS["scaled"](values=11)
    assert code.decode(np.array([[0.44], [0.46], [-0.2], [1.4]])).tolist() == [4, 5, 0, 10]


def test_one_hot_decodes_any_shape_by_its_largest_entry():
    outputs = np.random.default_rng(0).normal(size=(2, 3, 7))
    assert (ENCODINGS["one-hot"](values=7).decode(outputs) == outputs.argmax(-1)).all()
