"""The delta rule and DeltaNet against their equations, written with loops."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import in_double

from longlag.models import DeltaNet, Sizes
from longlag.models.delta_rule import Steps, delta_rule, in_chunks, one_by_one

PLAIN = {"heads": 2}
GATED = {"heads": 3, "negative": True, "decay": True, "gate": True}
BARE = {"heads": 1, "negative": True, "convolution": False}
OPTIONS = pytest.mark.parametrize("options", [PLAIN, GATED, BARE], ids=["plain", "gated", "bare"])


def made(features=5, hidden_size=6, **options):
    return DeltaNet(**options, hidden_size=hidden_size).layer(
        features, hidden_size, np.random.default_rng(0)
    )


def count(module):
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(module, eqx.is_array)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_loop(layer, inputs, mask, state, *, negative=False):
    """The published equations, one step and one head after another."""
    weights = jax.tree.map(np.asarray, layer)
    hidden_size, heads = len(weights.output), weights.strength.shape[1]
    size, outputs = hidden_size // heads, []
    memories = [np.array(each) for each in state.memory]
    earlier = None if state.earlier is None else [np.array(each) for each in state.earlier]
    for shown, counts in zip(np.asarray(inputs), mask, strict=True):
        if not counts:
            outputs.append(np.zeros(hidden_size))
            continue
        mixed = shown @ weights.drive
        if earlier is not None:
            window = [*earlier, mixed]
            mixed = sum(w * x for w, x in zip(weights.convolution.weight, window, strict=True))
            earlier = window[1:]
        query, key, value = np.split(mixed * sigmoid(mixed), 3)
        total = np.zeros(hidden_size)
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            q, k, v = (
                query[part] / np.sqrt((query[part] ** 2).sum() + 1e-6),
                key[part] / np.sqrt((key[part] ** 2).sum() + 1e-6),
                value[part],
            )
            beta = sigmoid(shown @ weights.strength[:, head]) * (2 if negative else 1)
            kept = 1.0
            if weights.decay is not None:
                time = np.log1p(
                    np.exp(shown @ weights.decay.weight[:, head] + weights.decay.bias[head])
                )
                kept = np.exp(-np.exp(weights.decay.log_rate[head]) * time)
            reflection = np.eye(size) - beta * np.outer(k, k)
            memories[head] = kept * reflection @ memories[head] + beta * np.outer(k, v)
            read = q @ memories[head] / np.sqrt(size)
            total[part] = read / np.sqrt((read**2).mean() + 1e-5) * weights.norm
        if weights.gate is not None:
            gate = shown @ weights.gate
            total = total * gate * sigmoid(gate)
        outputs.append(total @ weights.output)
    return np.array(outputs), np.array(memories), earlier


@OPTIONS
def test_it_follows_the_published_equations(options):
    with jax.enable_x64(True):
        layer, drawn = in_double(made(**options)), np.random.default_rng(1)
        inputs, mask = drawn.normal(size=(9, 5)), drawn.random(9) < 0.7
        state = jax.tree.map(lambda each: drawn.normal(size=each.shape), layer.initial_state())
        hidden, after = jax.jit(lambda *each: layer(*each))(inputs, mask, state)
        negative = options.get("negative", False)
        outputs, memories, earlier = by_loop(layer, inputs, mask, state, negative=negative)
        np.testing.assert_allclose(hidden, outputs, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(after.memory, memories, rtol=1e-9, atol=1e-12)
        if earlier is not None:
            np.testing.assert_allclose(after.earlier, earlier, rtol=1e-9)


def steps_of(time, *batch, decay, seed=0, kind: type = np.float32, size=4, values=3):
    """Random steps with keys of norm 1 and strengths up to 2; some decays leave hardly a thing."""
    drawn = np.random.default_rng(seed)
    query, key = drawn.normal(size=(2, time, *batch, size))
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    value, strength = drawn.normal(size=(time, *batch, values)), 2 * drawn.random((time, *batch))
    log_decay = -(drawn.exponential(size=(time, *batch)) ** 3) / 3 if decay else None
    start = drawn.normal(size=(*batch, size, values))
    every: Any = query, key, value, strength, log_decay, start
    *parts, start = jax.tree.map(lambda each: jnp.asarray(each, kind), every)
    return Steps(*parts), start


@pytest.mark.parametrize("decay", [False, True])
@pytest.mark.parametrize("time", [1, 5, 75])
def test_chunks_give_what_one_step_after_another_gives(time, decay):
    steps, start = steps_of(time, 2, decay=decay)
    plain, chunks = jax.jit(one_by_one)(steps, start), jax.jit(in_chunks)(steps, start)
    for here, there in zip(chunks, plain, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=2e-5)


def test_chunks_keep_their_digits_where_equal_keys_reflect_each_other():
    """A sum of powers would have terms of 10^9 here, of which nothing may be left."""
    steps, start = steps_of(64, decay=False)
    same = steps._replace(
        key=jnp.broadcast_to(steps.key[:1], steps.key.shape),
        strength=jnp.full_like(steps.strength, 2),
    )
    plain, chunks = jax.jit(one_by_one)(same, start), jax.jit(in_chunks)(same, start)
    for here, there in zip(chunks, plain, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decay", [False, True])
def test_both_backward_passes_are_those_of_autodiff(decay):
    with jax.enable_x64(True):
        steps, start = steps_of(40, 2, decay=decay, kind=np.float64)
        drawn = np.random.default_rng(2)
        by = drawn.normal(size=steps.value.shape), drawn.normal(size=start.shape)

        def slopes(rule):
            def total(steps, start):
                outputs, end = rule(steps, start)
                return (by[0] * outputs).sum() + (by[1] * end).sum()

            return jax.tree.leaves(jax.jit(jax.grad(total, argnums=(0, 1)))(steps, start))

        def without_errors(rule, *each):
            outputs, _, end = rule(*each)
            return outputs, end

        autodiffs = slopes(functools.partial(without_errors, one_by_one))
        for rule in (delta_rule, functools.partial(without_errors, in_chunks)):
            for here, there in zip(slopes(rule), autodiffs, strict=True):
                assert jnp.abs(there).max() > 1e-3
                np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-10)


def test_a_backward_pass_keeps_no_memory_of_each_step():
    steps, start = steps_of(64, decay=True, size=32, values=32)

    def total(steps, start):
        return delta_rule(steps, start)[0].sum()

    program: Any = jax.jit(jax.grad(total)).lower(steps, start).compile()
    whole = 64 * 32 * 32 * 4  # bytes of one matrix for each step
    assert program.memory_analysis().temp_size_in_bytes < whole


def test_weights_and_state_are_as_many_as_published():
    width, heads = 64, 4
    layer = made(width, width, heads=heads)
    assert count(layer) == 4 * width**2 + width * heads + 12 * width + width // heads == 17_424
    assert count(layer.initial_state()) == heads * 16**2 + 9 * width
    bare = made(width, width, heads=heads, convolution=False)
    assert count(bare) == 17_424 - 12 * width
    assert count(bare.initial_state()) == heads * 16**2
    gated = made(width, width, heads=heads, decay=True, gate=True)
    assert count(gated) == 17_424 + width * heads + 2 * heads + width**2


def test_weights_begin_as_published():
    layer: Any = made(400, 400, heads=50, decay=True, gate=True)
    for weight in (layer.drive, layer.strength, layer.output, layer.gate, layer.decay.weight):
        assert 0.99 / 20 < np.abs(weight).max() <= 1 / 20
        assert np.std(weight) == pytest.approx(1 / 20 / 3**0.5, rel=0.02)
    assert np.abs(layer.convolution.weight).max() == pytest.approx(1 / 2, rel=0.01)
    assert layer.convolution.bias is None
    assert (layer.norm == 1).all()
    rates, times = np.exp(layer.decay.log_rate), np.logaddexp(0, layer.decay.bias)
    assert 0 < rates.min() < 2 < 14 < rates.max() < 16
    assert rates.mean() == pytest.approx(8, abs=2)
    assert 1e-3 <= times.min() < 2e-3 < 5e-2 < times.max() <= 0.1001
    assert np.log10(times).mean() == pytest.approx(-2, abs=0.3)


@pytest.mark.parametrize("negative", [False, True])
def test_a_memory_changes_sign_only_with_negative_eigenvalues(negative):
    """With a strength at its bound and no value, a key finds 0 or minus what was there."""
    model = DeltaNet(hidden_size=4, negative=negative, convolution=False)
    layer = model(Sizes(2, 2, timesteps=3), 0).blocks[0].layer
    drive = np.zeros((4, 12))
    drive[0, 4] = drive[1, 0] = 100.0  # the key and the query, of the first feature each
    strength = np.full((4, 1), 100.0)
    layer = eqx.tree_at(
        lambda layer: (layer.drive, layer.strength),
        layer,
        (jnp.asarray(drive, jnp.float32), jnp.asarray(strength, jnp.float32)),
    )
    state = layer.initial_state()._replace(memory=jnp.eye(4)[None])
    _, after = layer(jnp.array([[1.0, 1.0, 0.0, 0.0]]), None, state)
    assert after.memory[0, 0, 0] == pytest.approx(-1 if negative else 0, abs=1e-5)
    np.testing.assert_allclose(after.memory[0, 1:, 1:], np.eye(3))


def test_large_inputs_over_a_thousand_steps_stay_bounded_and_so_do_gradients():
    """Keys that are not of norm 1 would grow beyond all bounds at a strength over 1."""
    layer = made(**GATED)
    inputs = 30 * jax.random.normal(jax.random.key(0), (1000, 5))

    def total(layer):
        hidden, state = layer(inputs, None, layer.initial_state())
        return (hidden**2).sum(), (hidden, state)

    slopes, (hidden, state) = eqx.filter_jit(eqx.filter_grad(total, has_aux=True))(layer)
    for leaf in jax.tree.leaves((slopes, hidden, state)):
        assert np.isfinite(leaf).all()
    assert np.abs(state.memory).max() < 2 * 30 * 5 * 1000


def test_single_precision_is_good_for_a_thousand_steps():
    with jax.enable_x64(True):
        steps, start = steps_of(1000, decay=True, kind=np.float64)
        single = jax.tree.map(lambda each: each.astype(jnp.float32), (steps, start))

        def slopes(steps, start):
            return jax.grad(lambda *each: (delta_rule(*each)[0] ** 2).sum())(steps, start)

        exact, ours = jax.jit(slopes)(steps, start), jax.jit(slopes)(*single)
        for here, there in zip(ours, exact, strict=True):
            assert here.dtype == jnp.float32
            np.testing.assert_allclose(here, there, atol=1e-4 * np.abs(there).max())


def test_heads_must_divide_the_width():
    with pytest.raises(
        ValueError, match=r"`heads` must divide hidden_size \(50\), got 4\. Use hea"
    ):
        DeltaNet(heads=4)


def test_it_says_whether_eigenvalues_may_be_negative():
    assert [DeltaNet(negative=each).dynamics for each in (False, True)] == [
        "positive",
        "reflections",
    ]
