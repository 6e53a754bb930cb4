import jax
import numpy as np

from longlag.models import RNN, Sizes


def test_states_are_those_of_elman():
    model = RNN(hidden_size=7)(Sizes(features=6, outputs=4, timesteps=5), 0)
    layer = model.layer
    inputs = jax.random.normal(jax.random.key(0), (20, 6))
    outputs, after = model(inputs, None, model.initial_state())
    hidden, said = np.zeros(7), []
    for features in np.asarray(inputs):
        shown = features @ np.asarray(layer.kernel) + np.asarray(layer.bias)
        hidden = np.tanh(shown + hidden @ np.asarray(layer.recurrent))
        said.append(hidden @ np.asarray(model.readout.weight) + np.asarray(model.readout.bias))
    np.testing.assert_allclose(outputs, said, atol=1e-5)
    np.testing.assert_allclose(after.hidden, hidden, atol=1e-5)
