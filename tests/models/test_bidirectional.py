import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import OTHER_LAYERS

from longlag.models import LAYERS, Bidirectional, BidirectionalModel, RecurrentModel, Sizes

SIZES = Sizes(features=6, outputs=4, timesteps=5)


@pytest.mark.parametrize("kind", [*LAYERS.values(), *OTHER_LAYERS])
@pytest.mark.parametrize("last", [False, True])
def test_it_is_two_models_one_of_them_on_the_reversed_sequence(kind, last):
    model = BidirectionalModel.create(kind.create, 7, SIZES, 0)
    inputs = jax.random.normal(jax.random.key(0), (3, 5, 6))
    mask = jnp.ones((3, 5), bool).at[0, 0].set(False)
    outputs, _ = model(inputs, mask, model.initial_state((3,)), last=last)
    half = np.split(np.asarray(model.readout.weight), 2)
    total = np.zeros(outputs.shape) + np.asarray(model.readout.bias)
    for layer, weight, turn in ((model.forwards, half[0], 1), (model.backwards, half[1], -1)):
        alone = RecurrentModel(layer, model.readout)
        state = alone.initial_state((3,))
        hidden, _ = alone.layer(inputs[:, ::turn], mask[:, ::turn], state)
        hidden = np.asarray(hidden)
        total += (hidden[:, -1:] if last else hidden[:, ::turn]) @ weight
    np.testing.assert_allclose(outputs, total, atol=1e-5)


def test_the_state_it_carries_is_that_of_the_layer_that_runs_forwards():
    model = Bidirectional(hidden_size=7)(SIZES, 0)
    inputs = jax.random.normal(jax.random.key(0), (5, 6))
    _, after = model(inputs, None, model.initial_state())
    _, alone = model.forwards(inputs, None, model.forwards.initial_state())
    assert all((a == b).all() for a, b in zip(after, alone, strict=True))
