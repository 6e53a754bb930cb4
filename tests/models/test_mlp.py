import jax
import jax.numpy as jnp
import numpy as np

from longlag.models import MLP, Sizes


def test_the_flattened_window_is_one_dense_layer_over_all_steps():
    model = MLP(hidden_size=8)(Sizes(features=3, outputs=4, timesteps=5), 0)
    inputs = jax.random.normal(jax.random.key(0), (2, 5, 3))
    outputs, _ = model(inputs, None, (), last=True)
    flat = np.asarray(inputs).reshape(2, 15)
    hidden = np.maximum(flat @ np.asarray(model.kernel).reshape(15, 8), 0)
    np.testing.assert_allclose(outputs[:, 0], hidden @ np.asarray(model.readout.weight), atol=1e-5)


def test_its_program_does_not_grow_with_the_context():
    def program(timesteps):
        model = MLP(hidden_size=2)(Sizes(features=3, outputs=4, timesteps=timesteps), 0)
        inputs = jnp.zeros((1, timesteps), int)
        return str(jax.make_jaxpr(lambda each: model(each, None, ())[0])(inputs)).count("\n")

    assert program(40) == program(400)


def test_one_step_of_context_sees_one_step():
    model = MLP(hidden_size=8, context=1)(Sizes(features=3, outputs=4, timesteps=5), 0)
    first = jnp.array([[0, 1, 2, 0, 1]])
    other = jnp.array([[2, 2, 0, 1, 1]])
    ours, theirs = (model(each, None, ())[0] for each in (first, other))
    assert (ours[:, -1] == theirs[:, -1]).all()
    assert (ours[:, 0] != theirs[:, 0]).any()
