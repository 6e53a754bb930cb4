"""The mLSTM: the published recurrence with loops, chunks of steps, and what it begins as."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import in_double

from longlag.models import MLSTM, MLSTMLayer, Sizes
from longlag.models.mlstm import MLSTMState, read_memory

KEYS = jax.random.split(jax.random.key(0), 8)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def made(hidden_size=4, features=3, **how):
    """A layer whose gates depend on what it sees, which at first they do not."""
    layer = MLSTMLayer.create(features, hidden_size, np.random.default_rng(0), **how)
    weight = 0.5 * jax.random.normal(KEYS[7], layer.gate_weight.shape)
    return eqx.tree_at(lambda each: each.gate_weight, layer, weight)


def by_loops(layer, inputs):
    """The equations of the paper, without a stabiliser, one step and one head after another."""
    w = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), layer)
    inner = len(w.skip)
    size = inner // layer.heads
    ahead = [x @ np.asarray(w.up)[:, :inner] for x in inputs]
    memory = np.zeros((layer.heads, size, size))
    normaliser = np.zeros((layer.heads, size))
    outputs = []
    for t, x in enumerate(inputs):
        looked = ahead[t].copy()
        if w.convolution is not None:
            looked = w.convolution.bias.copy()
            for lag in range(4):
                if t >= lag:
                    looked += w.convolution.weight[3 - lag] * ahead[t - lag]
        looked = looked * sigmoid(looked)
        query, key, value = (
            np.concatenate([part @ m for part, m in zip(np.split(of, len(by)), by, strict=True)])
            for of, by in ((looked, w.query), (looked, w.key), (ahead[t], w.value))
        )
        opened = np.concatenate([query, key, value]) @ w.gate_weight + w.gate_bias
        read = []
        for head in range(layer.heads):
            part = slice(head * size, (head + 1) * size)
            input, forget = np.exp(opened[head]), sigmoid(opened[layer.heads + head])
            k = key[part] / np.sqrt(size)
            memory[head] = forget * memory[head] + input * np.outer(k, value[part])
            normaliser[head] = forget * normaliser[head] + input * k
            h = query[part] @ memory[head] / max(abs(query[part] @ normaliser[head]), 1)
            read.append((h - h.mean()) / np.sqrt(h.var() + 1e-5))
        gate = x @ w.up[:, inner:]
        y = w.norm.scale * np.concatenate(read) + w.skip * looked
        outputs.append((y * gate * sigmoid(gate)) @ w.down)
    return np.array(outputs)


@pytest.mark.parametrize(
    "how", [{}, {"heads": 2}, {"heads": 4, "convolution": False}, {"hidden_size": 3}], ids=str
)
def test_it_is_the_published_recurrence(how, monkeypatch):
    monkeypatch.setattr("longlag.models.mlstm._EPSILON", 0.0)  # which the paper does not have
    layer = made(**how)
    inputs = np.random.default_rng(1).normal(size=(9, 3))
    with jax.enable_x64(True):
        double = in_double(layer)
        hidden, _ = eqx.filter_jit(double)(jnp.asarray(inputs), None, double.initial_state())
    np.testing.assert_allclose(hidden, by_loops(layer, inputs), rtol=1e-9, atol=1e-11)


def one_by_one(query, key, value, input, forget, state):
    """The published step with its stabiliser, and a gradient through it."""

    def step(state, each):
        query, key, value, input, forget = each
        stabiliser = jnp.maximum(forget + state.stabiliser, input)
        held, opened = jnp.exp(forget + state.stabiliser - stabiliser), jnp.exp(input - stabiliser)
        memory = held[..., None, None] * state.memory
        memory += opened[..., None, None] * key[..., :, None] * value[..., None, :]
        normaliser = held[..., None] * state.normaliser + opened[..., None] * key
        size = jnp.maximum(jnp.abs((query * normaliser).sum(-1)), jnp.exp(-stabiliser))
        read = jnp.einsum("...k,...kv->...v", query, memory) / size[..., None]
        return MLSTMState(memory, normaliser, stabiliser, state.earlier), read

    steps = jax.tree.map(lambda each: jnp.moveaxis(each, 2, 0), (query, key, value, input, forget))
    after, read = jax.lax.scan(step, state, steps)
    return jnp.moveaxis(read, 0, 2), after


def drawn(steps, batch=2, heads=2, size=3, shift=0.0):
    query, key, value = (
        jax.random.normal(each, (batch, heads, steps, size), jnp.float64) for each in KEYS[:3]
    )
    input, forget = (2 * jax.random.normal(each, (batch, heads, steps)) for each in KEYS[3:5])
    start = MLSTMState(
        jax.random.normal(KEYS[5], (batch, heads, size, size), jnp.float64),
        jax.random.normal(KEYS[6], (batch, heads, size), jnp.float64),
        jnp.abs(jax.random.normal(KEYS[7], (batch, heads), jnp.float64)),
        jnp.zeros((batch, 0, heads * size), jnp.float64),
    )
    return (query, key, value, input + shift, jax.nn.log_sigmoid(forget), start)


@pytest.mark.parametrize(("chunk", "shift"), [(4, 0.0), (64, 5.0)])
def test_chunks_and_their_gradients_are_those_of_one_step_after_another(chunk, shift, monkeypatch):
    """Whichever m they have: the published one has no 0 in it, and a gradient goes through it."""
    monkeypatch.setattr("longlag.models.mlstm._EPSILON", 0.0)  # the one part that m changes
    with jax.enable_x64(True):
        parts, by = drawn(17, shift=shift), jax.random.normal(KEYS[3], (2, 2, 17, 3), jnp.float64)

        def chunked(*parts):
            query, key, value, input, forget, start = parts
            return read_memory(query, key, value, input, forget, None, start, chunk=chunk)

        def told(run):
            def total(*parts):
                """Of a run in two pieces, so that the state between them counts as well."""
                first, state = run(*(each[:, :, :10] for each in parts[:-1]), parts[-1])
                second, _ = run(*(each[:, :, 10:] for each in parts[:-1]), state)
                return (by * jnp.concatenate([first, second], axis=2)).sum()

            read, after = jax.jit(run)(*parts)
            scaled = after.memory * jnp.exp(after.stabiliser)[..., None, None]
            return read, scaled, jax.jit(jax.grad(total, argnums=range(6)))(*parts)

        for ours, theirs in zip(
            *map(jax.tree.leaves, map(told, (chunked, one_by_one))), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


def test_from_the_start_the_source_gives_the_same_whether_m_begins_at_zero_or_at_the_first_gate():
    """Its step begins with m = 0, its parallel form with the first input gate."""
    with jax.enable_x64(True):
        *parts, start = drawn(6, shift=-3.0)
        start = jax.tree.map(jnp.zeros_like, start)
        first = start._replace(stabiliser=start.stabiliser - 1e30)
        ours = jax.jit(read_memory)(*parts, None, start)[0]
        published = jax.jit(one_by_one)
        for begun in (start, first):
            np.testing.assert_allclose(ours, published(*parts, begun)[0], rtol=1e-5, atol=1e-9)


def test_what_is_read_from_a_memory_that_is_known_to_be_zero_is_right():
    """In one program with large products, where XLA for CPUs has given 1e30."""
    query, key, value = (jax.random.normal(each, (32, 1, 200, 64)) for each in KEYS[:3])
    input, forget = (jax.random.normal(each, (32, 1, 200)) for each in KEYS[3:5])
    parts = query, key, value, input, jax.nn.log_sigmoid(forget)
    memory, normaliser, stabiliser = (jnp.zeros((32, 1, *each)) for each in ((64, 64), (64,), ()))
    start = MLSTMState(memory, normaliser, stabiliser, jnp.zeros((32, 0, 64)))

    def total(query, start):
        return jnp.tanh(read_memory(query, *parts[1:], None, start, chunk=256)[0]).sum()

    known = jax.jit(jax.value_and_grad(lambda query: total(query, start)))(query)
    given = jax.jit(jax.value_and_grad(total))(query, start)
    read = jax.jit(lambda query: read_memory(query, *parts[1:], None, start, chunk=256)[0])(query)
    assert jnp.abs(read).max() < 1e5
    for ours, theirs in zip(known, given, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3 * np.abs(theirs).max())


def test_a_thousand_steps_and_extreme_gates_stay_finite_and_so_do_gradients():
    layer = made(heads=2)
    inputs = jax.random.normal(KEYS[0], (2, 1000, 3))
    mask = jnp.arange(1000)[None] >= jnp.array([[3], [0]])

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def loss(layer):
        hidden, state = layer(inputs, mask, layer.initial_state((2,)))
        return (hidden**2).sum() + sum((each**2).sum() for each in state)

    for opened in (-200.0, 200.0):
        bias = layer.gate_bias.at[:2].set(opened)
        for leaf in jax.tree.leaves(loss(eqx.tree_at(lambda each: each.gate_bias, layer, bias))):
            assert jnp.isfinite(leaf).all()


@pytest.mark.parametrize(("hidden_size", "heads"), [(64, 4), (64, 1), (10, 2)])
def test_weights_and_state_are_as_many_as_the_formulas_say(hidden_size, heads):
    for convolution in (True, False):
        layer = MLSTMLayer.create(
            hidden_size, hidden_size, np.random.default_rng(0), heads=heads, convolution=convolution
        )
        weights = sum(leaf.size for leaf in jax.tree.leaves(layer))
        short = 2 * hidden_size * 5 * convolution
        expected = 6 * hidden_size**2 + 24 * hidden_size + 2 * heads * (6 * hidden_size + 1)
        assert weights == expected + short + 4 * hidden_size
        size = 2 * hidden_size // heads
        state = sum(leaf.size for leaf in layer.initial_state())
        assert state == heads * (size**2 + size + 1) + 6 * hidden_size * convolution
        if convolution and (hidden_size, heads) == (64, 4):
            assert weights == 30_088


def test_it_begins_as_the_reference_implementation_does():
    layer = MLSTMLayer.create(64, 64, np.random.default_rng(0), heads=8, blocks=2)
    for weight in (layer.up, layer.query, layer.key, layer.value):
        assert np.std(weight) == pytest.approx((2 / (5 * 64)) ** 0.5, rel=0.1)
    assert np.std(layer.down) == pytest.approx(2 / 2 / 64**0.5, rel=0.05)
    assert layer.convolution is not None
    assert 0.45 < np.abs(layer.convolution.weight).max() <= 0.5
    assert not layer.gate_weight.any()
    assert np.std(layer.gate_bias[:8]) == pytest.approx(0.1, rel=0.6)
    np.testing.assert_allclose(layer.gate_bias[8:], np.linspace(3, 6, 8), rtol=1e-6)
    for weight in (layer.skip, layer.norm.scale):
        np.testing.assert_array_equal(weight, 1)


def test_heads_divide_the_features_inside_into_two_or_more():
    with pytest.raises(
        ValueError, match=r"^MLSTM: `heads` must divide 2 × hidden_size \(10\) into "
    ):
        MLSTM(hidden_size=5, heads=4)
    with pytest.raises(ValueError, match=r"\(10\) into 2 or more each, got 10\. Use heads=5\.$"):
        MLSTM(hidden_size=5, heads=10)
    assert MLSTM(hidden_size=5, heads=2)(Sizes(2, 2, timesteps=5), 0).state_size == 2 * 31 + 30
