import os
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
import pytest

from longlag.adapters import weights
from longlag.models import GRU, LSTM, MLP, RNN, Sizes

SIZES = Sizes(features=5, outputs=3, timesteps=7)
every_kind = pytest.mark.parametrize("kind", [LSTM, GRU, RNN])


def random(kind):
    """A model none of whose weights is zero."""
    rng = np.random.default_rng(1)
    layer, readout = weights.to_keras(kind(hidden_size=4)(SIZES, 0))
    moved = [part + rng.normal(0, 0.3, part.shape).astype(np.float32) for part in layer]
    return weights.from_keras(moved, [readout[0], readout[1] + 0.1])


def outputs(model, inputs):
    return np.asarray(model(jnp.asarray(inputs), None, model.initial_state(inputs.shape[:1]))[0])


def shown():
    return np.random.default_rng(2).normal(size=(6, 7, 5)).astype(np.float32)


@every_kind
@pytest.mark.parametrize("name", ["torch", "keras"])
def test_there_and_back_a_model_is_what_it_was(kind, name):
    model = random(kind)
    to, back = getattr(weights, f"to_{name}"), getattr(weights, f"from_{name}")
    again = back(*to(model))
    assert type(again.layer) is type(model.layer)
    np.testing.assert_array_equal(outputs(again, shown()), outputs(model, shown()))


@every_kind
def test_pytorch_says_the_same_with_these_weights(kind):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
    model = random(kind)
    layer = getattr(torch.nn, kind.__name__)(5, 4, batch_first=True)
    readout = torch.nn.Linear(4, 3)
    for module, state in zip((layer, readout), weights.to_torch(model), strict=True):
        module.load_state_dict({name: torch.from_numpy(part) for name, part in state.items()})
    said = readout(layer(torch.from_numpy(shown()))[0]).detach().numpy()
    np.testing.assert_allclose(said, outputs(model, shown()), atol=2e-6)
    # And of weights that PyTorch has drawn.
    layer.reset_parameters()
    said = readout(layer(torch.from_numpy(shown()))[0]).detach().numpy()
    made = weights.from_torch(layer.state_dict(), readout.state_dict())
    np.testing.assert_allclose(outputs(made, shown()), said, atol=2e-6)


@every_kind
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_keras_says_the_same_with_these_weights(kind):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", reason="Keras is not installed here")
    import jax

    model = random(kind)
    jax.config.update("jax_numpy_rank_promotion", "allow")  # as Keras has it
    try:
        name = "SimpleRNN" if kind is RNN else kind.__name__
        layer = getattr(keras.layers, name)(4, return_sequences=True)
        readout = keras.layers.Dense(3)
        network = keras.Sequential([keras.Input((7, 5)), layer, readout])
        for part, state in zip((layer, readout), weights.to_keras(model), strict=True):
            part.set_weights(state)
        said = network.predict(shown(), verbose=0)
        made = weights.from_keras(layer.get_weights(), readout.get_weights())
    finally:
        jax.config.update("jax_numpy_rank_promotion", "raise")
    np.testing.assert_allclose(said, outputs(model, shown()), atol=2e-6)
    np.testing.assert_array_equal(outputs(made, shown()), outputs(model, shown()))


def test_other_models_are_refused():
    with pytest.raises(TypeError, match=r"`model`|parameter .?model"):
        weights.to_torch(cast("Any", MLP()(SIZES, 0)))


def test_weights_of_other_layers_are_refused():
    layer, readout = weights.to_torch(random(LSTM))
    with pytest.raises(ValueError, match="must have weight_ih_l0, weight_hh_l0"):
        weights.from_torch({**layer, "weight_ih_l1": layer["weight_ih_l0"]}, readout)
    with pytest.raises(ValueError, match="no layer has recurrent weights of 3 by 16"):
        weights.from_torch({**layer, "weight_hh_l0": layer["weight_hh_l0"][:, :3]}, readout)
    with pytest.raises(ValueError, match="the readout takes 2 features, the layer gives 4"):
        weights.from_torch(layer, {**readout, "weight": readout["weight"][:, :2]})
    kernels, dense = weights.to_keras(random(GRU))
    with pytest.raises(ValueError, match="Use reset_after=True"):
        weights.from_keras([*kernels[:2], kernels[2][0]], dense)
    with pytest.raises(ValueError, match="got 2 and 2"):
        weights.from_keras(kernels[:2], dense)
