import jax
import jax.numpy as jnp
import numpy as np
import pytest

from longlag.models import LSTM, LSTMState, Sizes
from longlag.models.lstm import _forward, _lstm

SIZES = Sizes(features=6, outputs=4, timesteps=5)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_loop(model, inputs, mask, hidden, cell):
    """The textbook, one step and one row at a time, in NumPy."""
    kernel, recurrent, bias = (np.asarray(w) for w in (model.kernel, model.recurrent, model.bias))
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
    expected = by_loop(model, inputs, mask, *(np.asarray(each) for each in start))
    for ours, theirs in zip(model.gates(inputs, jnp.asarray(mask), start), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    outputs, after = model(inputs, jnp.asarray(mask), start)
    readout = expected[-1] @ np.asarray(model.readout.weight) + np.asarray(model.readout.bias)
    np.testing.assert_allclose(outputs, readout, atol=4e-6)
    np.testing.assert_allclose(after.cell, expected[4][-1], atol=2e-6)


@pytest.mark.parametrize("length", [1, 6, 20])
@pytest.mark.parametrize("masked", [False, True])
def test_the_backward_pass_written_by_hand_is_autodiffs(length, masked):
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), 6)
        drive = jax.random.normal(keys[0], (length, 3, 20), jnp.float64)
        recurrent = jax.random.normal(keys[1], (5, 20), jnp.float64)
        state = LSTMState(*jax.random.normal(keys[2], (2, 3, 5), jnp.float64))
        mask = jax.random.bernoulli(keys[3], 0.5, (length, 3, 1)) if masked else None
        by_hidden = jax.random.normal(keys[4], (length, 3, 5), jnp.float64)
        by_state = jax.random.normal(keys[5], (2, 3, 5), jnp.float64)

        def weigh(run):
            def total(drive, recurrent, state):
                hidden, after = run(drive, recurrent, state, mask)[:2]
                ends = sum((by * each).sum() for by, each in zip(by_state, after, strict=True))
                return (by_hidden * hidden).sum() + ends

            return jax.grad(total, argnums=(0, 1, 2))(drive, recurrent, state)

        ours, autodiffs = weigh(_lstm), weigh(_forward)
        for here, there in zip(jax.tree.leaves(ours), jax.tree.leaves(autodiffs), strict=True):
            assert here.dtype == jnp.float64
            np.testing.assert_allclose(here, there, rtol=1e-10, atol=1e-12)


def test_it_begins_as_keras_does():
    model = LSTM(hidden_size=50)(Sizes(features=100, outputs=100, timesteps=5), 0)
    recurrent = np.asarray(model.recurrent, np.float64)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(50), atol=1e-6)
    limit = np.sqrt(6 / (100 + 200))
    assert np.abs(model.kernel).max() <= limit
    assert np.asarray(model.kernel).std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert model.bias.tolist() == [0.0] * 50 + [1.0] * 50 + [0.0] * 100
    assert np.abs(model.readout.weight).max() <= np.sqrt(6 / 150)
    assert not model.readout.bias.any()
