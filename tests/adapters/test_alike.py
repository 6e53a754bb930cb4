"""One LSTM in five frameworks, from the same weights on the same draws: one loss curve."""

import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("torch", reason="PyTorch is not installed here")
pytest.importorskip("keras", reason="Keras is not installed here")
pytest.importorskip("flax", reason="Flax is not installed here")

import equinox as eqx
import jax
import jax.numpy as jnp
import keras  # pyright: ignore[reportMissingImports]
import torch  # pyright: ignore[reportMissingImports]
from flax import nnx  # pyright: ignore[reportMissingImports]

import longlag as ll
from longlag.adapters import weights

HIDDEN = 20


def ours(sizes, seed):
    return ll.LSTM(hidden_size=HIDDEN)(sizes, seed)


def in_torch(sizes, seed):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(sizes.features, HIDDEN, batch_first=True)
            self.readout = torch.nn.Linear(HIDDEN, sizes.outputs)

        def forward(self, inputs):
            return self.readout(self.lstm(inputs)[0])

    net = Net()
    layer, readout = weights.to_torch(ours(sizes, seed))
    net.lstm.load_state_dict({name: torch.tensor(each) for name, each in layer.items()})
    net.readout.load_state_dict({name: torch.tensor(each) for name, each in readout.items()})
    net.lstm.bias_hh_l0.requires_grad_(False)  # the second bias, which only PyTorch has
    return net


def in_keras(sizes, seed):
    net = keras.Sequential(
        [
            keras.Input((sizes.timesteps, sizes.features)),
            keras.layers.LSTM(HIDDEN, return_sequences=True),
            keras.layers.Dense(sizes.outputs, activation="softmax"),
        ]
    )
    layer, readout = weights.to_keras(ours(sizes, seed))
    net.layers[0].set_weights(layer)
    net.layers[1].set_weights(readout)
    return net


def in_flax(sizes, seed):
    class Net(nnx.Module):
        def __init__(self, rngs):
            self.lstm: Any = nnx.RNN(nnx.LSTMCell(sizes.features, HIDDEN, rngs=rngs))
            self.readout: Any = nnx.Linear(HIDDEN, sizes.outputs, rngs=rngs)

        def __call__(self, inputs):
            return self.readout(self.lstm(inputs))

    net, model = Net(nnx.Rngs(seed)), ours(sizes, seed)
    cell = net.lstm.cell  # its gates in our order: input, forget, candidate, output
    pairs = (cell.ii, cell.hi), (cell.if_, cell.hf), (cell.ig, cell.hg), (cell.io, cell.ho)
    layer = model.layer
    parts = (np.split(np.asarray(each), 4, -1) for each in (layer.kernel, layer.recurrent))
    kernels, recurrents = map(list, parts)
    biases = np.split(np.asarray(layer.bias), 4)
    for place, (shown, recalled) in enumerate(pairs):
        shown.kernel[...] = jnp.asarray(kernels[place])
        recalled.kernel[...] = jnp.asarray(recurrents[place])
        recalled.bias[...] = jnp.asarray(biases[place])
    net.readout.kernel[...] = model.readout.weight
    net.readout.bias[...] = model.readout.bias
    return net


def in_equinox(sizes, seed):
    class Net(eqx.Module):
        cell: eqx.nn.LSTMCell
        readout: eqx.nn.Linear

        def __call__(self, inputs):
            def step(state, shown):
                state = self.cell(shown, state)
                return state, state[0]

            zero = jnp.zeros(HIDDEN), jnp.zeros(HIDDEN)
            return jax.vmap(self.readout)(jax.lax.scan(step, zero, inputs)[1])

    key = jax.random.key(0)
    net = Net(
        eqx.nn.LSTMCell(sizes.features, HIDDEN, key=key),
        eqx.nn.Linear(HIDDEN, sizes.outputs, key=key),
    )
    model = ours(sizes, seed)
    layer = model.layer
    new = layer.kernel.T, layer.recurrent.T, layer.bias, model.readout.weight.T, model.readout.bias
    return eqx.tree_at(
        lambda net: (
            net.cell.weight_ih,
            net.cell.weight_hh,
            net.cell.bias,
            net.readout.weight,
            net.readout.bias,
        ),
        net,
        new,
    )


@pytest.fixture(scope="module")
def curves():
    problem = ll.EchoLag(lag=2, length=10, values=8)
    found = {}
    for make in (ours, in_torch, in_keras, in_flax, in_equinox):
        run = ll.train(problem, ll.Whole(), make, sequences=1000, learning_rate=0.003, seeds=[3])
        assert run.updates == 200
        found[make.__name__] = np.concatenate([report.losses for report in run.history[0]])
    return found


@pytest.mark.parametrize("name", ["in_torch", "in_keras", "in_flax", "in_equinox"])
def test_the_loss_curve_of_200_updates_is_ours(curves, name):
    expected = curves["ours"]
    assert expected[-10:].mean() < 0.9 * expected[:10].mean()  # it does learn meanwhile
    np.testing.assert_allclose(curves[name], expected, rtol=2e-5)
