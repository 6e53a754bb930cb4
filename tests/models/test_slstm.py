"""The sLSTM: the published recurrence with loops, its backward pass, and what it begins as."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import in_double

import longlag as ll
from longlag.models import SLSTM, Sizes, SLSTMLayer, SLSTMLayerState

KEYS = jax.random.split(jax.random.key(0), 8)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def made(hidden_size=6, features=4, **how):
    return SLSTMLayer.create(features, hidden_size, np.random.default_rng(0), **how)


def by_loops(layer, inputs):
    """The equations of the paper, without a stabiliser, one step and one cell after another."""
    w = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), layer)
    heads, _, _, size = w.recurrent.shape
    h, c, n = np.zeros((3, heads, size))
    outputs = []
    for t, x in enumerate(inputs):
        looked = x
        if w.convolution is not None:
            looked = w.convolution.bias.copy()
            for lag in range(min(t, 3) + 1):
                looked += w.convolution.weight[3 - lag] * inputs[t - lag]
            looked = looked * sigmoid(looked)
        before = h.copy()
        for head in range(heads):
            seen, own = (np.split(each, heads)[head] for each in (looked, x))
            for cell in range(size):
                raw = [
                    of @ w.kernel[head, :, gate, cell]
                    + before[head] @ w.recurrent[head, :, gate, cell]
                    + w.bias[head, gate, cell]
                    for gate, of in enumerate((seen, seen, own, own))
                ]
                input, forget, output = np.exp(raw[0]), sigmoid(raw[1]), sigmoid(raw[3])
                c[head, cell] = forget * c[head, cell] + input * np.tanh(raw[2])
                n[head, cell] = forget * n[head, cell] + input
                h[head, cell] = output * c[head, cell] / n[head, cell]
        normed = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 1e-5)
        outputs.append(normed.reshape(-1) * w.norm.scale)
    return np.array(outputs)


@pytest.mark.parametrize("how", [{}, {"heads": 2, "convolution": True}], ids=str)
def test_it_is_the_published_recurrence(how):
    layer = made(**how)
    inputs = np.random.default_rng(1).normal(size=(9, 4))
    with jax.enable_x64(True):
        double = in_double(layer)
        hidden, _ = eqx.filter_jit(double)(jnp.asarray(inputs), None, double.initial_state())
    np.testing.assert_allclose(hidden, by_loops(layer, inputs), rtol=1e-9, atol=1e-11)


def one_by_one(layer, inputs, mask, state):
    """The published step with its stabiliser, and autodiff's gradient through all of it."""
    heads, _, _, size = layer.recurrent.shape

    def step(state, each):
        inputs, counts = each
        split = inputs.reshape(*inputs.shape[:-1], heads, -1)
        before = state.read.reshape(*inputs.shape[:-1], heads, size)
        raw = jnp.einsum("bhf,hfgo->gbho", split, layer.kernel)
        raw += jnp.einsum("bhi,higo->gbho", before, layer.recurrent)
        raw = (raw + jnp.swapaxes(layer.bias, 0, 1)[:, None]).reshape(4, len(inputs), -1)
        input, forget, candidate, output = raw
        kept = jax.nn.log_sigmoid(forget) + state.stabiliser
        stabiliser = jnp.maximum(kept, input)
        kept, opened = jnp.exp(kept - stabiliser), jnp.exp(input - stabiliser)
        cell = kept * state.cell + opened * jnp.tanh(candidate)
        normaliser = kept * state.normaliser + opened
        read = jax.nn.sigmoid(output) * cell / normaliser
        after = SLSTMLayerState(read, cell, normaliser, stabiliser, state.earlier)

        def held(new, old):
            return jnp.where(counts.reshape(-1, *[1] * (old.ndim - 1)), new, old)

        after = jax.tree.map(held, after, state)
        return after, layer.norm(after.read)

    steps = jnp.moveaxis(inputs, 1, 0), jnp.moveaxis(mask, 1, 0)
    after, hidden = jax.lax.scan(step, state, steps)
    return jnp.moveaxis(hidden, 0, 1), after


@pytest.mark.parametrize("heads", [1, 2])
def test_the_backward_pass_written_by_hand_is_that_of_autodiff(heads):
    """No gradient goes through m there: what comes after is the same for every m."""
    with jax.enable_x64(True):
        layer = in_double(made(heads=heads))
        inputs = jax.random.normal(KEYS[0], (3, 15, 4), jnp.float64)
        mask = jax.random.bernoulli(KEYS[1], 0.7, (3, 15))
        by = jax.random.normal(KEYS[2], (3, 15, 6), jnp.float64)
        read, cell, normaliser, stabiliser = jax.random.normal(KEYS[3], (4, 3, 6), jnp.float64)
        earlier = jnp.zeros((3, 0, 4), jnp.float64)
        start = SLSTMLayerState(read, cell, jnp.abs(normaliser) + 0.5, stabiliser, earlier)

        def slopes(run):
            @jax.jit
            def total(layer, inputs, start):
                """Of a run in two pieces, so that the state between them counts as well."""
                first, state = run(layer, inputs[:, :8], mask[:, :8], start)
                second, _ = run(layer, inputs[:, 8:], mask[:, 8:], state)
                return (by * jnp.concatenate([first, second], axis=1)).sum()

            return jax.grad(total, argnums=(0, 1, 2))(layer, inputs, start)

        ours, theirs = slopes(lambda layer, *shown: layer(*shown)), slopes(one_by_one)
        for here, there in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            assert here.dtype == jnp.float64
            assert not here.size or jnp.abs(there).max() > 1e-3
            np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("convolution", [False, True])
def test_rows_that_begin_later_than_others_begin_as_they_do(convolution):
    """With the gate of the first step that counts, however small; and gradients are finite."""
    layer = made(convolution=convolution)
    layer = eqx.tree_at(lambda each: each.bias, layer, layer.bias.at[:, 0].set(-200.0))
    inputs = jax.random.normal(KEYS[0], (2, 9, 4))
    mask = jnp.arange(9)[None] >= jnp.array([[0], [4]])

    @eqx.filter_jit
    @eqx.filter_value_and_grad(has_aux=True)
    def run(layer, inputs, mask):
        hidden, after = layer(inputs, mask, layer.initial_state((len(inputs),)))
        return (hidden[:, -1] ** 3).sum(), (hidden, after)

    (_, (hidden, after)), slopes = run(layer, inputs, mask)
    (_, (alone, expected)), _ = run(layer, inputs[1:, 4:], mask[1:, 4:])
    np.testing.assert_allclose(hidden[1:, 4:], alone, atol=2e-6)
    np.testing.assert_allclose(after.normaliser[1:], expected.normaliser, rtol=1e-6)
    assert jnp.abs(alone[:, 0]).max() > 0.5
    assert (after.normaliser >= 1).all()
    for leaf in jax.tree.leaves(slopes):
        assert jnp.isfinite(leaf).all()


def test_a_thousand_steps_and_extreme_gates_stay_finite_and_so_do_gradients():
    layer, inputs = made(), 3 * jax.random.normal(KEYS[0], (2, 1000, 4))

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def loss(layer):
        hidden, state = layer(inputs, None, layer.initial_state((2,)))
        return (hidden**2).sum() + sum((each**2).sum() for each in state)

    for opened in (-200.0, 200.0):
        bias = layer.bias.at[:, 0, ::2].set(opened)
        for leaf in jax.tree.leaves(loss(eqx.tree_at(lambda each: each.bias, layer, bias))):
            assert jnp.isfinite(leaf).all()


def test_the_heads_do_not_see_each_other():
    layer = made(heads=2)
    start, inputs = layer.initial_state(), jax.random.normal(KEYS[0], (6, 4))
    slopes = jax.jit(jax.jacobian(lambda inputs: layer(inputs, None, start)[0][-1]))(inputs)
    assert not slopes[:3, :, 2:].any()
    assert not slopes[3:, :, :2].any()
    assert slopes[:3, 0, :2].any()


def test_weights_and_state_are_as_many_as_the_formulas_say():
    rng = np.random.default_rng(0)
    for size, heads, convolution in ((64, 4, False), (64, 1, False), (12, 3, True)):
        layer = SLSTMLayer.create(size, size, rng, heads=heads, convolution=convolution)
        cells = 4 * size * (size / heads + size / heads + 1)
        weights = sum(leaf.size for leaf in jax.tree.leaves(layer))
        assert weights == cells + size + 5 * size * convolution
        if heads == 4:
            assert cells == 8_448
        state = sum(leaf.size for leaf in layer.initial_state())
        assert state == 4 * size + 3 * size * convolution


def test_it_begins_as_the_reference_implementation_does():
    """With its `standard` recurrent weights: with zeros, its default, h is not seen at first."""
    layer = SLSTMLayer.create(64, 64, np.random.default_rng(0), heads=2)
    assert np.std(layer.kernel) == pytest.approx((2 / (5 * 64)) ** 0.5, rel=0.05)
    assert np.std(layer.recurrent) == pytest.approx(1 / 8 / 3**0.5, rel=0.05)
    assert 0.12 < np.abs(layer.recurrent).max() <= 1 / 8
    np.testing.assert_array_equal(layer.norm.scale, 1)
    assert not layer.bias[:, jnp.array([0, 2, 3])].any()


def test_forget_gates_begin_spread_out_and_otherwise_in_later_blocks():
    def biases(model):
        return [np.asarray(block.layer.bias[:, 1]) for block in model(Sizes(2, 2, 5), 0).blocks]

    (only,), (first, middle, last) = (
        biases(SLSTM(hidden_size=8)),
        biases(SLSTM(hidden_size=8, heads=2, layers=3)),
    )
    np.testing.assert_allclose(only, [5 - 12 * (np.arange(8) / 7) ** 0.3], rtol=1e-6)
    for bias, power in ((first, 0.3), (middle, 0.95), (last, 1.6)):
        np.testing.assert_allclose(bias, [5 - 12 * (np.arange(4) / 3) ** power] * 2, rtol=1e-6)


def test_heads_divide_the_cells_into_two_or_more():
    with pytest.raises(
        ValueError, match=r"^SLSTM: `heads` must divide hidden_size \(8\) into 2 or m"
    ):
        SLSTM(hidden_size=8, heads=3)
    with pytest.raises(ValueError, match=r"got 8\. Use heads=4\.$"):
        SLSTM(hidden_size=8, heads=8)
    assert SLSTM(hidden_size=1)(Sizes(2, 2, timesteps=5), 0).state_size == 4
    with pytest.raises(
        ValueError, match=r"features \(3\) into 2 or more each, got 2\. Use heads=1\.$"
    ):
        SLSTMLayer.create(3, 4, np.random.default_rng(0), heads=2)


def test_it_learns_parity():
    run = ll.train(
        ll.Parity(length=10), ll.Whole(), SLSTM(hidden_size=32),
        sequences=10_000, learning_rate=0.003, batch_size=32,
    )  # fmt: skip
    assert run.verdict == "solved"
