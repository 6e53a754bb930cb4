"""Minimal GRU and LSTM, against the published equations in loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from longlag.models import MinGRU, MinGRULayer, MinLSTMLayer, Sizes


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(linear, x):
    return x @ np.asarray(linear.weight, float) + np.asarray(linear.bias, float)


def min_gru(layer, x, h):
    z = sigmoid(dense(layer.update, x))
    return (1 - z) * h + z * dense(layer.candidate, x)


def min_lstm(layer, x, h):
    f, i = sigmoid(dense(layer.forget, x)), sigmoid(dense(layer.input, x))
    return f / (f + i) * h + i / (f + i) * dense(layer.candidate, x)


@pytest.mark.parametrize(
    ("kind", "step", "matrices"), [(MinGRULayer, min_gru, 2), (MinLSTMLayer, min_lstm, 3)]
)
def test_each_step_is_that_of_the_equations_and_weights_are_counted(kind, step, matrices):
    rng = np.random.default_rng(0)
    layer = kind.create(5, 4, rng)
    inputs, h = rng.normal(size=(40, 5)), rng.normal(size=4)
    state = type(layer.initial_state())(jnp.asarray(h, jnp.float32))
    hidden, after = layer(jnp.asarray(inputs, jnp.float32), None, state)
    for t, x in enumerate(inputs):
        h = step(layer, x, h)
        np.testing.assert_allclose(hidden[t], h, rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(after.hidden, hidden[-1])
    assert sum(leaf.size for leaf in jax.tree.leaves(layer)) == matrices * 4 * (5 + 1)


def test_what_a_unit_keeps_has_a_share_between_nothing_and_all():
    """So that it cannot change sign, whatever comes in: parity is out of reach."""
    layer = MinGRULayer.create(3, 6, np.random.default_rng(0))
    inputs = 30 * jax.random.normal(jax.random.key(0), (200, 3))
    read = layer.gates(inputs)
    assert ((read.update >= 0) & (read.update <= 1)).all()
    assert jnp.isfinite(read.hidden).all()


def test_blocks_have_the_weights_of_their_parts():
    width, features, outputs = 8, 5, 4
    ends = width * (features + 1) + width + outputs * (width + 1)
    for layers in (1, 3):
        for mlp in (False, True):
            model = MinGRU(hidden_size=width, layers=layers, mlp=mlp)(Sizes(5, 4, 9), 0)
            block = width + 2 * width * (width + 1)
            block += width + 8 * width**2 + 5 * width if mlp else 0
            found = sum(leaf.size for leaf in jax.tree.leaves(model))
            assert found == ends + layers * block
            assert model.state_size == layers * width
