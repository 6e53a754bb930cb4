import jax
import jax.numpy as jnp
import numpy as np
import pytest

from longlag.models import GRU, Sizes


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_loop(layer, inputs, mask, hidden):
    """The textbook, one step at a time, in NumPy; reset after the product, as in Keras."""
    kernel, recurrent, bias, inner = (
        np.asarray(w) for w in (layer.kernel, layer.recurrent, layer.bias, layer.recurrent_bias)
    )
    rows = []
    for features, present in zip(np.asarray(inputs), mask, strict=True):
        shown, recalled = features @ kernel + bias, hidden @ recurrent + inner
        z, r = (sigmoid(shown[k : k + 7] + recalled[k : k + 7]) for k in (0, 7))
        n = np.tanh(shown[14:] + r * recalled[14:])
        if present:
            hidden = z * hidden + (1 - z) * n
        rows.append((z, r, n, hidden))
    return [np.array(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("length", [1, 5, 30])
def test_gates_states_and_outputs_are_the_textbooks(length):
    model = GRU(hidden_size=7)(Sizes(features=6, outputs=4, timesteps=5), 0)
    layer = model.layer
    object.__setattr__(layer, "recurrent_bias", jnp.linspace(-1, 1, 21))
    inputs = jax.random.normal(jax.random.key(0), (length, 6))
    mask = np.random.default_rng(0).random(length) < 0.8
    start = model.initial_state()._replace(hidden=jax.random.normal(jax.random.key(1), (7,)))
    expected = by_loop(layer, inputs, mask, np.asarray(start.hidden))
    gates = layer.gates(inputs, jnp.asarray(mask), start)
    for ours, theirs in zip(gates, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    outputs, after = model(inputs, jnp.asarray(mask), start)
    readout = expected[-1] @ np.asarray(model.readout.weight) + np.asarray(model.readout.bias)
    np.testing.assert_allclose(outputs, readout, atol=4e-6)
    np.testing.assert_allclose(after.hidden, expected[-1][-1], atol=2e-6)


def test_it_begins_as_keras_does():
    layer = GRU(hidden_size=50)(Sizes(features=100, outputs=100, timesteps=5), 0).layer
    recurrent = np.asarray(layer.recurrent, np.float64)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(50), atol=1e-6)
    assert np.abs(layer.kernel).max() <= np.sqrt(6 / (100 + 150))
    assert not layer.bias.any()
    assert layer.recurrent_bias is not None
    assert layer.recurrent_bias.shape == (150,)
    assert not layer.recurrent_bias.any()
