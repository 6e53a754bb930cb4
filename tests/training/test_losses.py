import jax.numpy as jnp
import numpy as np
import pytest

from longlag.encodings import ENCODINGS
from longlag.training.losses import LOSSES


def test_cross_entropy_is_minus_the_log_of_the_softmax():
    outputs = np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]], np.float32)
    losses, said = LOSSES["cross-entropy"](jnp.asarray(outputs), jnp.array([0, 2]), 3)
    softmax = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(losses, -np.log(softmax[[0, 1], [0, 2]]), rtol=1e-6)
    assert said[0] == 1


def test_squared_error_is_taken_on_the_scaled_target():
    outputs = jnp.array([[0.5], [1.4], [-3.0]])
    losses, said = LOSSES["squared-error"](outputs, jnp.array([1, 4, 0]), 5)
    assert losses.tolist() == pytest.approx([0.0625, 0.16, 9.0])
    assert said.tolist() == [2, 4, 0]


@pytest.mark.parametrize("encoding", ENCODINGS.values())
def test_what_a_loss_says_is_what_its_encoding_decodes(encoding):
    code = encoding(values=7)
    outputs = np.random.default_rng(0).normal(0.5, 0.4, (20, code.features)).astype(np.float32)
    _, said = LOSSES[code.loss](jnp.asarray(outputs), jnp.zeros(20, int), 7)
    assert said.tolist() == code.decode(outputs).tolist()
