"""A temporal convolutional network against its equations, written with loops."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import in_double

import longlag as ll
from longlag.models import TCN, Sizes, TCNLayer


def made(features=5, hidden_size=6, kernel=3, levels=2) -> Any:
    rng = np.random.default_rng(0)
    return TCNLayer.create(features, hidden_size, rng, kernel=kernel, levels=levels)


def count(module):
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(module, eqx.is_array)))


def convolved(convolution, steps, dilation):
    """A causal convolution of the steps that count, zeros before the first."""
    size = np.sqrt((convolution.direction**2).sum((0, 1)))
    weight = convolution.size * convolution.direction / size
    kernel, outputs = len(weight), []
    for now in range(len(steps)):
        total = np.array(convolution.bias)
        for tap in range(kernel):
            before = now - (kernel - 1 - tap) * dilation
            if before >= 0:
                total += steps[before] @ weight[tap]
        outputs.append(total)
    return np.array(outputs)


def by_loop(layer, inputs, mask):
    steps, weights = inputs[mask], jax.tree.map(np.asarray, layer)
    for number, level in enumerate(weights.levels):
        hidden = np.maximum(convolved(level.first, steps, 2**number), 0)
        hidden = np.maximum(convolved(level.second, hidden, 2**number), 0)
        kept = steps if level.across is None else steps @ level.across[0] + level.across[1]
        steps = np.maximum(kept + hidden, 0)
    outputs = np.zeros((len(inputs), layer.hidden_size))
    outputs[mask] = steps
    return outputs


@pytest.mark.parametrize(("features", "kernel", "levels"), [(5, 3, 3), (6, 2, 2), (6, 4, 1)])
def test_it_follows_the_published_equations(features, kernel, levels):
    with jax.enable_x64(True):
        layer = in_double(made(features, 6, kernel, levels))
        drawn = np.random.default_rng(1)
        scales = jnp.asarray(drawn.normal(size=6))
        layer = eqx.tree_at(lambda layer: layer.levels[0].first.size, layer, scales)
        inputs, mask = drawn.normal(size=(20, features)), drawn.random(20) < 0.7
        hidden, _ = jax.jit(lambda *each: layer(*each, layer.initial_state()))(inputs, mask)
        np.testing.assert_allclose(hidden, by_loop(layer, inputs, mask), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("kernel", "levels"), [(2, 1), (2, 3), (3, 2), (4, 2)])
def test_an_output_sees_the_window_that_the_description_names(kernel, levels):
    window = 1 + 2 * (kernel - 1) * (2**levels - 1)
    assert TCN(kernel=kernel, levels=levels).window == window
    layer = made(kernel=kernel, levels=levels, hidden_size=16)
    inputs = jax.random.normal(jax.random.key(0), (window + 4, 5))
    slopes = jax.jit(
        jax.grad(lambda inputs: layer(inputs, None, layer.initial_state())[0][-1].sum())
    )(inputs)
    assert np.abs(slopes).max(axis=1).astype(bool).tolist() == [False] * 4 + [True] * window


@pytest.mark.parametrize("framing", [ll.Whole(), ll.Chunks(timesteps=2, carry=True)], ids=repr)
@pytest.mark.parametrize(("lag", "seen"), [(6, True), (7, False)])
def test_the_audit_knows_what_lies_before_the_window(framing, lag, seen):
    problem, recipe = ll.EchoLag(lag=lag, length=12, values=3), ll.Recipe(batch_size=4)
    model = TCN(kernel=2, levels=2)
    found = ll.Setting(problem=problem, framing=framing, model=model, recipe=recipe).audit()
    assert (found.verdict != "unreachable") == seen
    assert seen or found.remedy.startswith("Use levels=3")


def test_a_wider_window_is_a_matter_of_levels_as_long_as_there_are_some():
    assert [TCN(kernel=2).wider(window) for window in (1, 7, 8, 8191)] == [
        "levels=1",
        "levels=2",
        "levels=3",
        "levels=12",
    ]
    assert not TCN(kernel=2).wider(8192)
    found = ll.audit(ll.EchoLag(lag=7, length=12), ll.Whole(), model=TCN(kernel=2, levels=2))
    assert found.remedy == "Use levels=3 or model LSTM(). More levels work too."


def test_weights_and_state_are_as_many_as_published():
    kernel, width, features, levels = 7, 24, 2, 3
    layer = made(features, width, kernel, levels)
    first = kernel * width * (features + width) + 4 * width + width * (features + 1)
    assert count(layer) == first + (levels - 1) * 2 * (kernel * width**2 + 2 * width)
    reach = (kernel - 1) * np.array([1, 1, 2, 2, 4, 4])
    assert count(layer.initial_state()) == reach @ [features, *[width] * 5]
    assert TCN(hidden_size=24, kernel=7)(Sizes(2, 1, timesteps=9), 0).state_size == (
        6 * (2 + 24) + 2 * 6 * 24 * (2 + 4 + 8)
    )


def test_weights_begin_as_those_that_the_published_code_trains():
    """Its N(0, 0.01) goes into weights that the weight norm computes from others."""
    layer = made(60, 90, kernel=5, levels=2)
    first, second = layer.levels[0].first, layer.levels[1].first
    for convolution, features in ((first, 60), (second, 90)):
        limit = (5 * features) ** -0.5
        weight = np.asarray(convolution.weight)
        np.testing.assert_allclose(weight, convolution.direction, rtol=1e-5)
        assert 0.99 * limit < np.abs(weight).max() <= 1.00001 * limit
        assert weight.std() == pytest.approx(limit / 3**0.5, rel=0.02)
        assert weight.std() > 0.02
        assert 0.9 * limit < np.abs(convolution.bias).max() <= limit
    across, bias = layer.levels[0].across
    assert across.std() == pytest.approx(0.01, rel=0.05)
    assert 0.9 / 60**0.5 < np.abs(bias).max() <= 60**-0.5
    assert layer.levels[1].across is None
    assert [level.second.dilation for level in layer.levels] == [1, 2]


def test_the_scale_of_a_weight_changes_only_through_its_norm():
    layer = made().levels[0].first
    longer = eqx.tree_at(lambda layer: layer.direction, layer, 3 * layer.direction)
    np.testing.assert_allclose(longer.weight, layer.weight, rtol=1e-5)
    doubled = eqx.tree_at(lambda layer: layer.size, layer, 2 * layer.size)
    np.testing.assert_allclose(doubled.weight, 2 * layer.weight, rtol=1e-5)


def test_a_thousand_steps_stay_finite_and_so_do_gradients():
    layer = made(levels=4)
    inputs = 100 * jax.random.normal(jax.random.key(0), (1000, 5))

    def total(layer):
        return (layer(inputs, None, layer.initial_state())[0] ** 2).mean()

    slopes = eqx.filter_jit(eqx.filter_grad(total))(layer)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_it_carries_its_window_and_runs_at_any_length():
    model = TCN()
    assert (model.remembers, model.any_length, model.causal) == (True, True, True)
    assert (model.window, model.dynamics) == (61, "window")
