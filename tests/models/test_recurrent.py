"""The loop that all recurrent layers share, and its backward pass written by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from longlag.models import LAYERS
from longlag.models.recurrent import _forward, _recur

every_layer = pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)


@every_layer
@pytest.mark.parametrize("length", [1, 6, 20])
@pytest.mark.parametrize("masked", [False, True])
def test_the_backward_pass_written_by_hand_is_autodiffs(kind, length, masked):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)  # JAX would compile a program for each shape
        width = 5 * len(kind.halved)

        def normal(*shape):
            return jnp.asarray(rng.normal(size=shape))

        layer = kind.begin(3, 5, np.random.default_rng(0))
        bias = None if layer.recurrent_bias is None else normal(width)
        shapes = jax.tree.map(jnp.shape, layer.initial_state((3,)))
        state, by_state = (type(shapes)(*(normal(*shape) for shape in shapes)) for _ in range(2))
        drive, recurrent = normal(length, 3, width), normal(5, width)
        by_hidden = normal(length, 3, 5)
        mask = jnp.asarray(rng.random((length, 3, 1)) < 0.5) if masked else None

        def weigh(run):
            def total(drive, recurrent, bias, state):
                hidden, after = run(kind, drive, recurrent, bias, state, mask)[:2]
                ends = sum((by * each).sum() for by, each in zip(by_state, after, strict=True))
                return (by_hidden * hidden).sum() + ends

            slopes = jax.jit(jax.grad(total, argnums=(0, 1, 2, 3)))
            return slopes(drive, recurrent, bias, state)

        ours, autodiffs = weigh(_recur), weigh(_forward)
        for here, there in zip(jax.tree.leaves(ours), jax.tree.leaves(autodiffs), strict=True):
            assert here.dtype == jnp.float64
            assert jnp.abs(there).max() > 1e-3
            np.testing.assert_allclose(here, there, rtol=1e-10, atol=1e-12)


@every_layer
def test_the_slopes_reach_the_weights_of_the_layer(kind):
    """The whole layer, input weights and halved gates included, against autodiff without it."""
    layer = kind.begin(3, 5, np.random.default_rng(0))
    inputs = jax.random.normal(jax.random.key(0), (2, 7, 3))

    def by_hand(layer):
        return (layer(inputs, None, layer.initial_state((2,)))[0] ** 2).sum()

    def by_trace(layer):
        return (layer.trace(inputs).after.hidden ** 2).sum()

    ours, autodiffs = (eqx.filter_jit(eqx.filter_grad(each))(layer) for each in (by_hand, by_trace))
    for here, there in zip(jax.tree.leaves(ours), jax.tree.leaves(autodiffs), strict=True):
        assert jnp.abs(there).max() > 1e-3
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-5)
