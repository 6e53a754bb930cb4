"""S4D against its published equations, its first weights, and its two ways over time."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import in_double

import longlag as ll
from longlag.models import S4D, S4DLayer, Sizes
from longlag.models.s4d import _toeplitz

KEYS = jax.random.split(jax.random.key(0), 4)


def made(features=6, hidden_size=7, **knobs):
    return S4DLayer.create(features, hidden_size, np.random.default_rng(0), **knobs)


@eqx.filter_jit
def convolved(layer, steps, mask, state, most):
    return layer.convolved(steps, mask, state, most)


def drawn(layer, *batch, steps=13):
    features = len(layer.skip)
    state = jax.tree.map(
        lambda leaf: jax.random.normal(KEYS[1], leaf.shape, leaf.dtype), layer.initial_state(batch)
    )
    return jax.random.normal(KEYS[0], (*batch, steps, features), layer.skip.dtype), state


def by_loops(layer, inputs):
    """The published recurrence with the input as held from step to step, one state after another.

    x' = exp(s A) x + (exp(s A) - 1) / A u and y = 2 Re(C x) + d u, then GELU and the gate.
    """
    weights = jax.tree.map(np.float64, layer)
    features, pairs = weights.log_decay.shape
    states, hidden = np.zeros((features, pairs), complex), []
    for step in inputs:
        y = weights.skip * step
        for k in range(features):
            for n in range(pairs):
                a = -np.exp(weights.log_decay[k, n]) + 1j * weights.frequency[k, n]
                factor = np.exp(np.exp(weights.log_step[k]) * a)
                states[k, n] = factor * states[k, n] + (factor - 1) / a * step[k]
                c = weights.output_real[k, n] + 1j * weights.output_imaginary[k, n]
                y[k] += 2 * (c * states[k, n]).real
        y = np.array([0.5 * each * (1 + math.erf(each / math.sqrt(2))) for each in y])
        both = y @ weights.mix.weight + weights.mix.bias
        width = layer.hidden_size
        hidden.append(both[:width] / (1 + np.exp(-both[width:])))
    return np.array(hidden)


def test_it_does_what_the_paper_says():
    layer = made(states=6, largest_step=1.0)
    inputs = np.random.default_rng(1).normal(size=(9, 6))
    state = layer.initial_state()
    hidden, _ = eqx.filter_jit(layer)(jnp.asarray(inputs, jnp.float32), None, state)
    np.testing.assert_allclose(hidden, by_loops(layer, inputs), atol=2e-6)


@pytest.mark.parametrize("masked", [False, True])
def test_pieces_of_any_length_give_what_one_step_after_another_gives(masked):
    """Of one step they are the recurrence, of all steps one product: the convolution."""
    with jax.enable_x64(True):
        layer = in_double(made(states=6))
        steps, state = drawn(layer, 3)
        mask = jax.random.bernoulli(KEYS[2], 0.6, (3, 13)) if masked else None
        counts = jnp.ones((3, 13), bool) if mask is None else mask
        by = jax.random.normal(KEYS[3], steps.shape)

        def slopes(most):
            def total(layer, steps, state):
                outputs, after = layer.convolved(steps, mask, state, most)
                ends = sum((each**2).sum() for each in after)
                outputs = jnp.where(counts[..., None], outputs, 0)
                return (by * outputs).sum() + ends, (outputs, after)

            made = jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True)
            return jax.jit(made)(layer, steps, state)

        expected = slopes(1)
        assert all(np.abs(leaf).max() > 1e-3 for leaf in jax.tree.leaves(expected[0]))
        for most in (5, 128):  # 13 steps are 1 and three of 4; and 13
            for here, there in zip(
                jax.tree.leaves(slopes(most)), jax.tree.leaves(expected), strict=True
            ):
                np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-11)


def test_the_convolution_is_that_of_an_fft():
    layer = made(states=64)
    steps, _ = drawn(layer, 2, steps=300)
    turn, worth = (np.asarray(jax.lax.complex(*each)) for each in layer.discrete())
    kernel = (worth[..., None] * turn.astype(complex)[..., None] ** np.arange(300)).sum(1).real
    wide = np.fft.rfft(np.moveaxis(np.asarray(steps), 1, 2), 600) * np.fft.rfft(kernel, 600)
    expected = np.moveaxis(np.fft.irfft(wide, 600)[..., :300], 2, 1)
    ours, _ = convolved(layer, steps, None, layer.initial_state((2,)), 128)
    np.testing.assert_allclose(ours, expected, atol=2e-5 * np.abs(expected).max())


def test_the_matrix_of_a_convolution_has_its_kernel_below_every_step():
    assert _toeplitz(jnp.array([[1.0, 2.0, 3.0]]))[0].tolist() == [[1, 2, 3], [0, 1, 2], [0, 0, 1]]


@pytest.mark.parametrize(("features", "hidden_size", "states"), [(16, 16, 64), (6, 7, 10)])
def test_it_has_as_many_weights_as_published(features, hidden_size, states):
    layer = made(features, hidden_size, states=states)
    count = sum(leaf.size for leaf in jax.tree.leaves(layer))
    assert count == features * (2 * states + 2) + 2 * (features + 1) * hidden_size
    assert count == 2_624 or features != 16  # S4D(16) of the reference counts so many
    assert {leaf.dtype for leaf in jax.tree.leaves(layer)} == {jnp.dtype("float32")}


def test_states_are_counted_as_real_numbers():
    sizes = Sizes(features=3, outputs=2, timesteps=5)
    assert S4D(hidden_size=8)(sizes, 0).state_size == 8 * 64
    assert S4D(hidden_size=8, layers=2, states=6)(sizes, 0).state_size == 2 * 8 * 6


def test_first_weights_are_those_of_s4d_lin():
    layer = made(2_000, 3, states=8)
    np.testing.assert_allclose(
        layer.frequency, np.tile(np.pi * np.arange(4), (2_000, 1)), rtol=1e-6
    )
    np.testing.assert_allclose(layer.log_decay, np.log(0.5), rtol=1e-6)
    share = (np.asarray(layer.log_step) - np.log(0.001)) / np.log(100)
    assert 0 < share.min() < share.max() < 1
    np.testing.assert_allclose(np.quantile(share, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.04)
    for weight in (layer.output_real, layer.output_imaginary):
        assert float(weight.var()) == pytest.approx(0.5, rel=0.05)
    assert float(layer.skip.std()) == pytest.approx(1, rel=0.05)
    for weight in (layer.mix.weight, layer.mix.bias):
        assert 0 < float(jnp.abs(weight).max()) <= 2_000**-0.5
    assert float(layer.mix.weight.std()) == pytest.approx((3 * 2_000) ** -0.5, rel=0.03)


def test_the_smallest_step_says_how_long_anything_is_kept():
    for step in (0.001, 0.01):
        layer = made(50, 3, smallest_step=step, largest_step=100 * step)
        longest = 1 / -np.log(np.abs(jax.lax.complex(*layer.discrete()[0])))
        assert 0.5 < longest.max() / (2 / step) < 1.01
        assert longest.min() < 0.1 * longest.max()


def test_the_hold_keeps_its_digits_where_a_step_is_small():
    """exp(s A) - 1 in single precision would have three or four of them here."""
    layer = made(4, 3, states=2, smallest_step=1e-5, largest_step=2e-5)
    weights = jax.tree.map(np.float64, layer)
    a = -np.exp(weights.log_decay) + 1j * weights.frequency
    exact = np.expm1(np.exp(weights.log_step)[:, None] * a.real) / a.real  # the frequency is 0
    c = weights.output_real + 1j * weights.output_imaginary
    np.testing.assert_allclose(
        np.asarray(jax.lax.complex(*layer.discrete()[1])), 2 * c * exact, rtol=1e-6
    )


def test_a_thousand_steps_stay_finite_as_do_their_gradients():
    layer = made()
    steps, state = drawn(layer, steps=1_000)

    def total(layer):
        hidden, after = layer(10 * steps, None, state)
        return (hidden**2).mean() + sum((each**2).mean() for each in after)

    value, slopes = jax.jit(jax.value_and_grad(total))(layer)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() and leaf.any() for leaf in jax.tree.leaves(slopes))


def test_no_output_of_a_long_sequence_depends_on_a_later_input_not_even_by_rounding():
    layer = made(states=8)
    steps, state = drawn(layer, 1, steps=300)
    here, _ = convolved(layer, steps, None, state, 128)
    there, _ = convolved(layer, steps.at[:, 200:].set(1e4), None, state, 128)
    np.testing.assert_array_equal(here[:, :200], there[:, :200])
    assert (here[:, 200] != there[:, 200]).all()


def test_half_precision_turns_by_the_same_angle():
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), made())
    wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), half)
    steps, state = drawn(half, 2, steps=60)
    ours, _ = convolved(half, steps, None, state, 128)
    exact, _ = convolved(wide, steps.astype(jnp.float32), None, in_single(state), 128)
    np.testing.assert_allclose(
        ours.astype(jnp.float32), exact, atol=0.02 * float(jnp.abs(exact).max())
    )


def in_single(state):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), state)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"states": 7}, r"S4D: `states` must be even, got 7\. Use states=8\."),
        ({"states": 1}, r"S4D: `states` must be at least 2, got 1\. Use states=2 or more\."),
        (
            {"smallest_step": 0.2},
            r"S4D: `smallest_step` must be below `largest_step` \(0\.1\), got 0\.2\.",
        ),
        ({"largest_step": 11}, r"S4D: `largest_step` must be at most 10, got 11\."),
    ],
)
def test_what_cannot_be_is_refused(knobs, message):
    with pytest.raises(ValueError, match=message):
        S4D(**knobs)


def test_it_learns_to_echo():
    problem, model = ll.EchoLag(lag=2, length=8, values=3), S4D(hidden_size=12, states=16)
    run = ll.train(problem, ll.Whole(), model, sequences=2000, learning_rate=0.01)
    assert run.verdict == "solved"
