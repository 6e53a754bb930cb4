"""Causal attention against its equations, written with loops."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import in_double

from longlag.models import AttentionLayer, Sizes, Transformer
from longlag.models.transformer import slopes


def made(features=5, hidden_size=6, **options):
    return AttentionLayer.create(features, hidden_size, np.random.default_rng(0), **options)


def count(module):
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(module, eqx.is_array)))


def turned(vector, place):
    """RoFormer's rotation: features i and i + d/2 are one complex number."""
    half = len(vector) // 2
    for pair in range(half):
        angle = place / 10_000 ** (pair / half)
        turned = (vector[pair] + 1j * vector[pair + half]) * np.exp(1j * angle)
        vector[pair], vector[pair + half] = turned.real, turned.imag
    return vector


def by_loop(layer, inputs, mask):
    """The published equations, over the steps that count alone."""
    weights = jax.tree.map(np.asarray, layer)
    hidden_size = len(weights.output.bias)
    size = hidden_size // layer.heads
    outputs = np.zeros((len(inputs), hidden_size))
    counting = np.flatnonzero(mask)
    mixed = [inputs[at] @ weights.drive.weight + weights.drive.bias for at in counting]
    for now, at in enumerate(counting):
        read = []
        for head in range(layer.heads):
            part = slice(head * size, (head + 1) * size)
            query = np.array(mixed[now][:hidden_size][part])
            query = turned(query, now) if layer.positions == "rope" else query
            scores = []
            for before in range(now + 1):
                key = np.array(mixed[before][hidden_size : 2 * hidden_size][part])
                key = turned(key, before) if layer.positions == "rope" else key
                score = query @ key / np.sqrt(size)
                if layer.positions == "alibi":
                    score -= (now - before) * 2.0 ** (-8 * (head + 1) / layer.heads)
                scores.append(score)
            shares = np.exp(scores) / np.exp(scores).sum()
            values = np.array([each[2 * hidden_size :][part] for each in mixed[: now + 1]])
            read.extend(shares @ values)
        outputs[at] = read @ weights.output.weight + weights.output.bias
    return outputs


@pytest.mark.parametrize("positions", ["rope", "alibi", "no"])
@pytest.mark.parametrize(("heads", "hidden_size"), [(1, 7), (2, 8)])
def test_it_follows_the_published_equations(positions, heads, hidden_size):
    with jax.enable_x64(True):
        layer = in_double(made(5, hidden_size, heads=heads, positions=positions))
        biases = jax.random.normal(jax.random.key(0), (3 * hidden_size,), jnp.float64)
        layer = eqx.tree_at(lambda layer: layer.drive.bias, layer, biases)
        drawn = np.random.default_rng(1)
        inputs = drawn.normal(size=(9, 5))
        mask = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1], bool)
        hidden, state = jax.jit(lambda *each: layer(*each, ()))(inputs, mask)
        assert state == ()
        np.testing.assert_allclose(hidden, by_loop(layer, inputs, mask), rtol=1e-9, atol=1e-12)


def test_penalties_of_distance_are_those_published():
    np.testing.assert_allclose(slopes(8), [2.0**-power for power in range(1, 9)])
    odd = [2.0 ** -(power - 0.5) for power in range(1, 5)]
    np.testing.assert_allclose(slopes(12), [*slopes(8), *odd])
    np.testing.assert_allclose(slopes(1), [2.0**-8])


def test_a_block_has_as_many_weights_as_published():
    width = 64
    model = Transformer(hidden_size=width, layers=1, heads=4)(Sizes(5, 3, timesteps=9), 0)
    attention, mlp, norms = 4 * width**2 + 4 * width, 8 * width**2 + 5 * width, 2 * width
    assert count(model.blocks[0]) == attention + mlp + norms == 12 * width**2 + 11 * width
    assert model.initial_state((3,)) == ()
    assert model.state_size == 0


def test_weights_begin_as_those_of_torch():
    layer = made(300, 300)
    glorot = (6 / (300 + 900)) ** 0.5
    assert 0.99 * glorot < np.abs(layer.drive.weight).max() <= glorot
    assert 0.99 < np.abs(layer.output.weight).max() * 300**0.5 <= 1
    assert np.std(layer.output.weight) == pytest.approx((3 * 300) ** -0.5, rel=0.02)
    assert not layer.drive.bias.any()
    assert not layer.output.bias.any()


@pytest.mark.parametrize("positions", ["rope", "alibi", "no"])
def test_only_without_positions_the_order_of_earlier_steps_does_not_matter(positions):
    layer = made(heads=2, positions=positions)
    inputs = jax.random.normal(jax.random.key(0), (8, 5))
    swapped = inputs[jnp.array([3, 1, 0, 2, 6, 5, 4, 7])]
    ends = [layer(each, None, ())[0][-1] for each in (inputs, swapped)]
    assert np.allclose(*ends, atol=1e-6) == (positions == "no")


def test_a_step_that_counts_for_nothing_has_no_gradient_and_hinders_none():
    layer = made(heads=2)
    inputs, mask = jax.random.normal(jax.random.key(0), (6, 5)), jnp.array([0, 0, 1, 0, 1, 1], bool)
    slopes = jax.jit(jax.grad(lambda inputs: (layer(inputs, mask, ())[0] ** 2).sum()))(inputs)
    assert np.isfinite(slopes).all()
    assert np.abs(slopes).max(axis=1).astype(bool).tolist() == mask.tolist()


def test_a_thousand_steps_of_large_inputs_stay_finite():
    layer = made(heads=2)
    inputs = 100 * jax.random.normal(jax.random.key(0), (1000, 5))
    slopes = eqx.filter_jit(eqx.filter_grad(lambda layer: layer(inputs, None, ())[0].sum()))(layer)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_it_carries_nothing_runs_at_any_length_and_has_two_blocks():
    model = Transformer()
    assert (model.remembers, model.any_length, model.window, model.causal) == (
        False,
        True,
        None,
        True,
    )
    assert (model.layers, model.mlp, model.dynamics) == (2, True, "attention")


def test_heads_must_divide_the_width():
    with pytest.raises(
        ValueError, match=r"`heads` must divide hidden_size \(50\), got 3\. Use hea"
    ):
        Transformer(heads=3)
