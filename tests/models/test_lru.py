"""The linear recurrent unit against its published equations, and its first weights."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import in_double

import longlag as ll
from longlag.models import LRU, LRULayer, Sizes
from longlag.models.turning import powers

KEYS = jax.random.split(jax.random.key(0), 6)


def made(features=6, hidden_size=7, **knobs):
    return LRULayer.create(features, hidden_size, np.random.default_rng(0), **knobs)


def complex_of(pair):
    return np.asarray(pair[0], complex) + 1j * np.asarray(pair[1])


@eqx.filter_jit
def gates(layer, inputs):
    return layer.gates(inputs)


def by_loops(layer, inputs):
    """The published equations, one number after another, from a state of zeros."""
    weights = jax.tree.map(np.float64, layer)
    turn = np.exp(-np.exp(weights.nu / 10) + 1j * np.exp(weights.theta / 10))
    gamma = np.exp(weights.log_gamma)
    into = complex_of((weights.input_real, weights.input_imaginary))
    out = complex_of((weights.output_real, weights.output_imaginary))
    state, hidden = np.zeros(len(turn), complex), []
    width = layer.hidden_size
    for step in inputs:
        new = np.zeros_like(state)
        for j in range(len(state)):
            new[j] = turn[j] * state[j] + gamma[j] * sum(step[k] * into[k, j] for k in range(6))
        state = new
        y = (state @ out).real + weights.skip * step
        y = 0.5 * y * (1 + np.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y**3)))
        both = y @ weights.mix.weight + weights.mix.bias
        hidden.append(both[:width] / (1 + np.exp(-both[width:])))
    return np.array(hidden), state


def test_it_does_what_the_paper_says():
    layer = made(states=4)
    inputs = np.random.default_rng(1).normal(size=(9, 6))
    state = layer.initial_state()
    hidden, state = eqx.filter_jit(layer)(jnp.asarray(inputs, jnp.float32), None, state)
    expected, last = by_loops(layer, inputs)
    np.testing.assert_allclose(hidden, expected, atol=2e-6)
    np.testing.assert_allclose(complex_of(state), last, atol=2e-6)


@pytest.mark.parametrize(("features", "hidden_size", "states"), [(64, 64, 64), (6, 7, 5)])
def test_it_has_as_many_weights_as_published(features, hidden_size, states):
    layer = made(features, hidden_size, states=states)
    count = sum(leaf.size for leaf in jax.tree.leaves(layer))
    recurrence = 3 * states + 4 * states * features + features
    assert count == recurrence + 2 * (features + 1) * hidden_size
    assert recurrence == 16_640 or features != 64  # that of width 64
    assert {leaf.dtype for leaf in jax.tree.leaves(layer)} == {jnp.dtype("float32")}


def test_states_are_counted_as_real_numbers():
    sizes = Sizes(features=3, outputs=2, timesteps=5)
    assert LRU(hidden_size=8)(sizes, 0).state_size == 16
    assert LRU(hidden_size=8, layers=2, states=5)(sizes, 0).state_size == 20


def test_radii_are_even_in_area_and_phases_even():
    layer = made(4, 4, states=20_000, min_radius=0.5, max_radius=0.9, max_phase=3.0)
    turn = complex_of(layer.turn())
    area = (np.abs(turn) ** 2 - 0.25) / (0.81 - 0.25)
    phase = np.exp(np.asarray(layer.theta) / 10) / 3
    for share in (area, phase):
        assert 0 < share.min() < share.max() < 1
        np.testing.assert_allclose(np.quantile(share, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02)
    assert abs(np.corrcoef(area, phase)[0, 1]) < 0.03
    assert np.abs(complex_of(made(4, 4, states=500).turn())).min() > 0.9


def test_first_weights_have_the_published_spread():
    layer = made(100, 120, states=80)
    for weight, spread in [
        (layer.input_real, (2 * 100) ** -0.5),
        (layer.input_imaginary, (2 * 100) ** -0.5),
        (layer.output_real, 80**-0.5),
        (layer.output_imaginary, 80**-0.5),
        (layer.mix.weight, 100**-0.5),
    ]:
        assert float(weight.std()) == pytest.approx(spread, rel=0.03)
        assert abs(float(weight.mean())) < 0.05 * spread
    assert float(jnp.abs(layer.mix.weight).max()) < 2 / 0.8796 * 100**-0.5  # truncated
    assert float(made(5_000, 1, states=1).skip.std()) == pytest.approx(1, rel=0.05)
    assert not layer.mix.bias.any()


@pytest.mark.parametrize("max_radius", [0.999, 1.0])
def test_no_first_weight_is_infinite_however_near_its_end_a_draw_lies(max_radius):

    class Ends(np.random.Generator):
        """It draws nothing but the ends of a range."""

        def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
            return np.resize([low, high], size)

    ends = Ends(np.random.PCG64(0))
    layer = LRULayer.create(4, 4, ends, min_radius=0.0, max_radius=max_radius)
    assert all(np.isfinite(leaf).all() for leaf in (layer.nu, layer.theta, layer.log_gamma))
    assert np.abs(complex_of(layer.turn())).max() < 1
    assert float(jnp.exp(layer.log_gamma).min()) > 9e-4


def test_white_noise_gives_every_state_the_variance_of_what_it_is_given():
    """What √(1 - |λ|²) is for: also where |λ| is nearly 1."""
    layer = made(50, 50, states=200, min_radius=0.5, max_radius=0.99)
    noise = jax.random.normal(KEYS[0], (400, 50))
    read = gates(layer, noise)
    power = (read.real[100:] ** 2 + read.imaginary[100:] ** 2).mean()
    assert float(power) == pytest.approx(1, rel=0.15)
    assert 0.3 < float(read.hidden[100:].std()) < 1


def test_the_factor_of_the_input_is_a_weight_of_its_own():
    """It is set once: a radius that moves leaves it where it is."""
    layer = made()
    moved = eqx.tree_at(lambda each: each.nu, layer, layer.nu + 5)
    assert not np.allclose(complex_of(layer.turn()), complex_of(moved.turn()), rtol=0.01)
    np.testing.assert_array_equal(layer.log_gamma, moved.log_gamma)
    np.testing.assert_allclose(
        np.exp(2 * layer.log_gamma), 1 - np.abs(complex_of(layer.turn())) ** 2, rtol=1e-3
    )


def test_radius_and_phase_move_by_a_tenth_of_a_step_of_the_others():
    layer = made()
    moved = eqx.tree_at(lambda each: (each.nu, each.theta), layer, (layer.nu + 1, layer.theta + 1))
    here, there = (complex_of(each.turn()) for each in (layer, moved))
    np.testing.assert_allclose(np.log(np.abs(there)) / np.log(np.abs(here)), np.exp(0.1), rtol=1e-4)
    turns = np.exp(np.asarray(layer.theta) / 10) * (np.exp(0.1) - 1)
    turned = there / here * np.abs(here / there)
    np.testing.assert_allclose(turned, np.exp(1j * turns), atol=1e-4)


def test_what_was_shown_long_ago_is_still_there_at_the_default_radii():
    """A layer whose states all fade is at chance on any long lag, whatever it learns."""
    layer = made(8, 64)
    kept = jnp.abs(jax.lax.complex(*powers(layer.turn(), 301)))[..., 300]
    assert (kept > 0.1).sum() >= 1
    disc = made(8, 64, min_radius=0.0)
    assert (np.abs(complex_of(disc.turn())) > 0.99).mean() < 0.05


def test_a_thousand_steps_stay_finite_as_do_their_gradients():
    layer = made(max_radius=1.0)
    inputs = 10 * jax.random.normal(KEYS[0], (1000, 6))

    def total(layer):
        hidden, state = layer(inputs, None, layer.initial_state())
        return (hidden**2).mean() + sum((each**2).mean() for each in state)

    value, slopes = jax.jit(jax.value_and_grad(total))(layer)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() and leaf.any() for leaf in jax.tree.leaves(slopes))


def test_half_precision_turns_by_the_same_angle():
    layer = made(min_radius=0.99, max_radius=0.999)
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), layer)
    inputs = jax.random.normal(KEYS[0], (3, 20, 6)).astype(jnp.bfloat16)
    wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), half)
    read, exact = gates(half, inputs), gates(wide, inputs.astype(jnp.float32))
    assert read.hidden.dtype == read.real.dtype == jnp.bfloat16
    np.testing.assert_allclose(read.real.astype(jnp.float32), exact.real, atol=0.05)


def test_double_precision_is_kept():
    with jax.enable_x64(True):
        layer = in_double(made())
        read = gates(layer, jnp.ones((5, 6), jnp.float64))
        assert read.hidden.dtype == read.real.dtype == jnp.float64


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        (
            {"min_radius": 0.95, "max_radius": 0.9},
            r"LRU: `min_radius` must be below `max_radius` \(0\.9\), got 0\.95\.",
        ),
        ({"max_radius": 1.5}, r"LRU: `max_radius` must be at most 1, got 1\.5\."),
        ({"max_phase": 7.0}, r"LRU: `max_phase` must be at most 6\.2832, got 7\.0\."),
        ({"states": 0}, r"LRU: `states` must be at least 1, got 0\. Use states=1 or more\."),
    ],
)
def test_what_cannot_be_is_refused(knobs, message):
    with pytest.raises(ValueError, match=message):
        LRU(**knobs)


def test_it_learns_to_echo():
    problem = ll.EchoLag(lag=2, length=8, values=3)
    run = ll.train(problem, ll.Whole(), LRU(hidden_size=16), sequences=2000, learning_rate=0.01)
    assert run.verdict == "solved"
