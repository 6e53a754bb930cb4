"""Linear recurrences and looks back, against plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from longlag.models.convolution import ShortConvolution, earlier_steps
from longlag.models.scans import all_at_once, linear_scan, one_by_one

RNG = np.random.default_rng(0)


def drawn(*shape, kind=float):
    real = RNG.normal(size=shape)
    return real if kind is float else real + 1j * RNG.normal(size=shape)


def on_device(mask):
    return None if mask is None else jnp.asarray(mask)


def by_loop(decay, added, start, mask):
    states, state = [], start
    for t in range(len(added)):
        by = decay[0 if len(decay) == 1 else t]
        after = by * state + added[t]
        state = after if mask is None else np.where(mask[..., t, None], after, state)
        states.append(state)
    return np.stack(states)


KINDS = pytest.mark.parametrize("kind", [float, complex])
FIXED = pytest.mark.parametrize("fixed", [False, True])
MASKED = pytest.mark.parametrize("masked", [False, True])


def case(kind, fixed, masked):
    decay = drawn(1, 4, kind=kind) if fixed else drawn(6, 2, 3, 4, kind=kind)
    mask = RNG.random((2, 3, 6)) < 0.6 if masked else None
    return decay, drawn(6, 2, 3, 4, kind=kind), drawn(2, 3, 4, kind=kind), mask


@KINDS
@FIXED
@MASKED
def test_every_state_is_that_of_a_loop(kind, fixed, masked):
    decay, added, start, mask = case(kind, fixed, masked)
    with jax.enable_x64(True):
        parts = [jnp.asarray(each) for each in (decay, added, start)]
        states = linear_scan(parts[0], parts[1], parts[2], on_device(mask))
    np.testing.assert_allclose(states, by_loop(decay, added, start, mask), rtol=1e-12)


@KINDS
@FIXED
@pytest.mark.parametrize("form", [one_by_one, all_at_once])
@pytest.mark.parametrize("reverse", [False, True])
def test_one_by_one_and_all_at_once_are_the_same(kind, fixed, form, reverse):
    decay, added, start, _ = case(kind, fixed, False)
    turned = -1 if reverse else 1
    loop = by_loop(decay[::turned], added[::turned], start, None)
    decay = decay.reshape(1, 1, 1, 4) if fixed else decay
    with jax.enable_x64(True):
        states = form(*map(jnp.asarray, (decay, added, start)), reverse=reverse)
    np.testing.assert_allclose(states[::turned], loop, rtol=1e-10)


@KINDS
@FIXED
@MASKED
def test_gradients_are_those_of_autodiff(kind, fixed, masked):
    decay, added, start, mask = case(kind, fixed, masked)
    weights = drawn(6, 2, 3, 4)

    def plain(decay, added, start):
        state, total = start, 0.0
        for t in range(6):
            after = (decay[0] if fixed else decay[t]) * state + added[t]
            state = after if mask is None else jnp.where(mask[..., t, None], after, state)
            total += (weights[t] * (state.real + 0.3 * state.imag)).sum()
        return total

    def ours(decay, added, start):
        states = linear_scan(decay, added, start, on_device(mask))
        return (weights * (states.real + 0.3 * states.imag)).sum()

    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):
        parts = [jnp.asarray(each) for each in (decay, added, start)]
        here, there = (jax.jit(jax.grad(f, argnums=(0, 1, 2)))(*parts) for f in (ours, plain))
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("lags", [(0,), (3, 1, 0), (2, 4)])
@MASKED
def test_looks_back_count_only_the_steps_that_count(lags, masked):
    steps, state = drawn(2, 7, 3), drawn(2, 4, 3)
    mask = RNG.random((2, 7)) < 0.5 if masked else np.ones((2, 7), bool)
    looks, after = earlier_steps(
        jnp.asarray(steps, jnp.float32),
        jnp.asarray(mask) if masked else None,
        jnp.asarray(state, jnp.float32),
        lags,
    )
    for row in range(2):
        counted = list(state[row])
        for t in range(7):
            if mask[row, t]:
                counted.append(steps[row, t])
                for lag, look in zip(lags, looks, strict=True):
                    np.testing.assert_allclose(look[row, t], counted[-1 - lag], rtol=1e-6)
        np.testing.assert_allclose(after[row], counted[-4:], rtol=1e-6)


def test_a_short_convolution_is_that_of_pytorch_s_definition():
    layer = ShortConvolution.create(3, 4, RNG)
    inputs = drawn(2, 7, 3).astype(np.float32)
    outputs, after = layer(jnp.asarray(inputs), None, layer.initial_state((2,)))
    padded = np.concatenate([np.zeros((2, 3, 3)), inputs], axis=1)
    for t in range(7):
        window = (padded[:, t : t + 4] * np.asarray(layer.weight)).sum(axis=1)
        expected = window + np.asarray(layer.bias)
        np.testing.assert_allclose(outputs[:, t], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(after, inputs[:, -3:])
    bounds = np.abs(np.asarray(ShortConvolution.create(1000, 4, RNG).weight)).max()
    assert 0.49 < bounds <= 0.5
