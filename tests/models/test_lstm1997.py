"""The LSTM of 1997 against its published weight counts, and loops written from its equations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from longlag.models import LSTM, LSTM1997, Sizes

RNG = np.random.default_rng(1)
LAG = {"biases": "no", "output_gate": False, "recurrent": False, "direct": True}


@pytest.mark.parametrize(
    ("experiment", "features", "outputs", "count", "model"),
    [
        ("1", 7, 7, 264, LSTM1997(blocks=4, cells=1, biases="gates")),
        ("1", 7, 7, 276, LSTM1997(blocks=3, cells=2, biases="gates")),
        ("2a", 101, 101, 10_504, LSTM1997(blocks=1, cells=1, squash="plain", **LAG)),
        ("2c", 54, 2, 364, LSTM1997(blocks=2, cells=1, biases="no")),
        ("2c", 104, 2, 664, LSTM1997(blocks=2, cells=1, biases="no")),
        ("2c", 1004, 2, 6064, LSTM1997(blocks=2, cells=1, biases="no")),
        ("3", 1, 1, 102, LSTM1997(blocks=3, cells=1, biases="units")),
        ("4", 2, 1, 93, LSTM1997(blocks=2, cells=2)),
        ("6a", 8, 4, 156, LSTM1997(blocks=2, cells=2)),
        ("6b", 8, 8, 308, LSTM1997(blocks=3, cells=2)),
    ],
)
def test_weights_are_as_many_as_published(experiment, features, outputs, count, model):
    made = model(Sizes(features, outputs, timesteps=10), 0)
    assert sum(leaf.size for leaf in jax.tree.leaves(made)) == count, experiment


def logistic(x):
    return 1 / (1 + np.exp(-x))


def by_hand(model, inputs):
    """Outputs of all steps, with loops over units, and the derivatives of cells by their weights.

    The derivatives are the recursions of the paper's appendix: a cell's weights act through its
    state alone, and what units read of the step before is a constant.
    """
    layer, cells, blocks = model.layer, model.layer.hidden_size, model.layer.blocks
    kernel, recurrent = (np.asarray(each, float) for each in (layer.drive.weight, layer.recurrent))
    units = kernel.shape[1]
    bias = np.zeros(units)
    bias[units - len(layer.drive.bias) :] = layer.drive.bias
    readout, c = np.asarray(model.readout.weight, float), np.asarray(model.readout.bias, float)
    s, read, outputs = np.zeros(cells), np.zeros(units), []
    by_cell = np.zeros((cells, len(read) + kernel.shape[0]))
    by_gate = np.zeros((cells, len(read) + kernel.shape[0]))
    y = np.zeros(units)
    for x in inputs:
        net = [
            bias[u] + sum(x * kernel[:, u]) + sum(read[v] * recurrent[v, u] for v in range(units))
            for u in range(units)
        ]
        y = np.zeros(units)
        source = np.concatenate([x, read])
        for j in range(cells):
            gate = cells + j // layer.cells
            i, g = logistic(net[gate]), 4 * logistic(net[j]) - 2
            s[j] += i * g
            by_cell[j] += i * 4 * logistic(net[j]) * (1 - logistic(net[j])) * source
            by_gate[j] += g * i * (1 - i) * source
            y[gate] = i
            y[gate + blocks] = logistic(net[gate + blocks])
            y[j] = y[gate + blocks] * (2 * logistic(s[j]) - 1)
        out = [logistic(c[k] + sum(y[:cells] * readout[:, k])) for k in range(readout.shape[1])]
        outputs.append(out)
        read = y
    return np.array(outputs), s, y, by_cell, by_gate, readout


MODEL = LSTM1997(initial_range=0.8, input_bias=-1, input_bias_step=-2, logistic=True)(
    Sizes(features=3, outputs=2, timesteps=9), 5
)
INPUTS = RNG.standard_normal((9, 3)).astype(np.float32)


def test_outputs_are_those_of_the_equations():
    outputs, state = MODEL(jnp.asarray(INPUTS), None, MODEL.initial_state())
    expected, s, y, *_ = by_hand(MODEL, INPUTS)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(state.cell, s, atol=1e-5)
    np.testing.assert_allclose(
        np.concatenate([state.hidden, state.input, state.output]), y, atol=1e-5
    )


def test_the_gradient_is_the_truncated_one_of_the_appendix():
    target = np.array([1.0, 0.0])

    def error(model):
        outputs, _ = model(jnp.asarray(INPUTS), None, model.initial_state(), last=True)
        return ((outputs[0] - target) ** 2).sum() / 2

    found = eqx.filter_grad(error)(MODEL).layer
    outputs, s, y, by_cell, by_gate, readout = by_hand(MODEL, INPUTS)
    out = outputs[-1]
    by_net = (out - target) * out * (1 - out)
    columns = np.vstack([found.drive.weight, found.recurrent])
    for j in range(4):
        gate = 4 + j // 2
        squash = 2 * logistic(s[j]) * (1 - logistic(s[j]))
        by_state = y[gate + 2] * squash * (readout[j] * by_net).sum()
        np.testing.assert_allclose(columns[:, j], by_state * by_cell[j], atol=1e-6)
    for block in range(2):
        pair = [2 * block, 2 * block + 1]
        by_states = [
            y[6 + block] * 2 * logistic(s[j]) * (1 - logistic(s[j])) * (readout[j] * by_net).sum()
            for j in pair
        ]
        expected = sum(by * by_gate[j] for by, j in zip(by_states, pair, strict=True))
        np.testing.assert_allclose(columns[:, 4 + block], expected, atol=1e-6)


def test_initial_weights_and_biases_are_as_asked():
    layer = LSTM1997(
        blocks=3, cells=1, biases="gates", output_bias=-1, output_bias_step=-1, initial_range=0.2
    )(Sizes(features=7, outputs=7, timesteps=9), 0).layer
    assert np.asarray(layer.drive.bias).tolist() == [0, 0, 0, -1, -2, -3]
    assert layer.recurrent is not None
    weights = np.concatenate([np.ravel(each) for each in (layer.drive.weight, layer.recurrent)])
    assert 0.19 < np.abs(weights).max() <= 0.2
    assert abs(weights.mean()) < 0.04


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"biases": "no", "input_bias": -1.0}, "must be 0 with biases='no', got -1. Use"),
        ({"output_gate": False, "output_bias": -1.0}, "with output_gate=False, got -1. Use output"),
    ],
)
def test_biases_of_what_is_not_there_are_refused(knobs, message):
    with pytest.raises(ValueError, match=message):
        LSTM1997(**knobs)


def test_chrono_biases_are_logarithms_of_lags_up_to_the_longest():
    sizes = Sizes(features=2, outputs=1, timesteps=9)
    usual, chrono = (LSTM(hidden_size=400, chrono=each)(sizes, 0) for each in (None, 100))
    assert (usual.layer.kernel == chrono.layer.kernel).all()
    input, forget, rest = np.split(np.asarray(chrono.layer.bias, float), [400, 800])
    assert (input == -forget).all()
    assert not rest.any()
    lags = np.exp(forget)
    assert lags.min() >= 1
    assert lags.max() <= 99
    assert abs(lags.mean() - 50) < 5 * 98 / 12**0.5 / 400**0.5
