import jax.numpy as jnp
import numpy as np
import pytest

from longlag.encodings import ENCODINGS
from longlag.training.losses import Loss, scored


def test_cross_entropy_is_minus_the_log_of_the_softmax():
    outputs = np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]], np.float32)
    losses, said = Loss()(jnp.asarray(outputs), jnp.array([0, 2]))
    softmax = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(losses, -np.log(softmax[[0, 1], [0, 2]]), rtol=1e-6)
    assert said[0] == 1


def test_squared_error_is_taken_on_the_scaled_target():
    outputs = jnp.array([[0.5], [1.4], [-3.0]])
    losses, said = Loss("squared-error", values=5)(outputs, jnp.array([1, 4, 0]))
    assert losses.tolist() == pytest.approx([0.0625, 0.16, 9.0])
    assert said.tolist() == [2, 4, 0]


@pytest.mark.parametrize("encoding", ENCODINGS.values())
def test_what_a_loss_says_is_what_its_encoding_decodes(encoding):
    code = encoding(values=7)
    outputs = np.random.default_rng(0).normal(0.5, 0.4, (20, code.features)).astype(np.float32)
    _, said = Loss(code.loss, values=7)(jnp.asarray(outputs), jnp.zeros(20, int))
    assert said.tolist() == code.decode(outputs).tolist()


def test_reals_are_right_within_their_tolerance():
    loss = Loss("squared-error", tolerance=0.1)
    losses, said = loss(jnp.array([[0.5], [0.7]]), jnp.array([0.45, 0.5]))
    assert losses.tolist() == pytest.approx([0.0025, 0.04])
    assert loss.is_correct(said, jnp.array([0.45, 0.5])).tolist() == [True, False]


@pytest.mark.parametrize("loss", [Loss(), Loss("squared-error", values=7), Loss("squared-error")])
def test_a_decoder_hears_its_own_right_words_as_it_would_be_told_them(loss):
    targets = jnp.array([3.0, 5.0]) if loss == Loss("squared-error") else jnp.array([3, 5])
    told = loss.decoder_targets(targets)
    outputs = jnp.eye(7)[targets] if loss == Loss() else told
    assert loss.decoder_feedback(outputs).tolist() == told.tolist()


def test_a_decoder_of_scaled_integers_hears_the_integer_that_it_said():
    loss = Loss("squared-error", values=5)
    assert loss.decoder_feedback(jnp.array([[0.3], [1.7]])).tolist() == [[0.25], [1.0]]


def test_what_is_not_scored_is_minus_one_or_nan():
    assert scored(jnp.array([0, -1, 3])).tolist() == [True, False, True]
    assert scored(jnp.array([-1.0, jnp.nan])).tolist() == [True, False]
