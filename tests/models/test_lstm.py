import jax
import jax.numpy as jnp
import numpy as np
import pytest

from longlag.models import LSTM, LSTMState, Sizes

SIZES = Sizes(features=6, outputs=4, timesteps=5)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_loop(layer, inputs, mask, hidden, cell):
    """The textbook, one step and one row at a time, in NumPy."""
    kernel, recurrent, bias = (np.asarray(w) for w in (layer.kernel, layer.recurrent, layer.bias))
    rows = []
    for features, present in zip(np.asarray(inputs), mask, strict=True):
        i, f, g, o = np.split(features @ kernel + hidden @ recurrent + bias, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        if present:
            cell = f * cell + i * g
            hidden = o * np.tanh(cell)
        rows.append((i, f, g, o, cell, hidden))
    return [np.array(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("length", [1, 5, 30])
def test_gates_states_and_outputs_are_the_textbooks(length):
    model = LSTM(hidden_size=7)(SIZES, 0)
    inputs = jax.random.normal(jax.random.key(0), (length, 6))
    mask = np.random.default_rng(0).random(length) < 0.8
    start = LSTMState(*jax.random.normal(jax.random.key(1), (2, 7)))
    expected = by_loop(model.layer, inputs, mask, *(np.asarray(each) for each in start))
    gates = model.layer.gates(inputs, jnp.asarray(mask), start)
    for ours, theirs in zip(gates, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    outputs, after = model(inputs, jnp.asarray(mask), start)
    readout = expected[-1] @ np.asarray(model.readout.weight) + np.asarray(model.readout.bias)
    np.testing.assert_allclose(outputs, readout, atol=4e-6)
    np.testing.assert_allclose(after.cell, expected[4][-1], atol=2e-6)


def test_it_begins_as_keras_does():
    model = LSTM(hidden_size=50)(Sizes(features=100, outputs=100, timesteps=5), 0)
    recurrent = np.asarray(model.layer.recurrent, np.float64)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(50), atol=1e-6)
    limit = np.sqrt(6 / (100 + 200))
    assert np.abs(model.layer.kernel).max() <= limit
    assert np.asarray(model.layer.kernel).std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert model.layer.bias.tolist() == [0.0] * 50 + [1.0] * 50 + [0.0] * 100
    assert np.abs(model.readout.weight).max() <= np.sqrt(6 / 150)
    assert not model.readout.bias.any()
