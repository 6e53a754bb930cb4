"""Mamba, against the published equations in loops."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from layer_cases import in_double

from longlag.models import Mamba, MambaLayer, MambaState, Sizes
from longlag.models.selective import Parts, all_at_once, one_by_one, selective_scan

MAKES = [
    {"convolution": convolution, "negative": negative}
    for convolution in (True, False)
    for negative in (False, True)
]


def created(features=5, width=4, seed=0, **options):
    return MambaLayer.create(features, width, np.random.default_rng(seed), **options)


def silu(x):
    return x / (1 + np.exp(-x))


def by_loop(layer, inputs, mask, states, recent):
    """The published equations, a step, a channel and a state at a time, in float64."""
    enter, select, delta, bias, log_rate, skip, leave = (
        np.asarray(getattr(layer, name), float)
        for name in ("enter", "select", "delta", "delta_bias", "log_rate", "skip", "leave")
    )
    count, channels = log_rate.shape
    states, recent, outputs = states.copy(), [*recent], []
    for x, counts in zip(inputs, mask, strict=True):
        if not counts:
            outputs.append(np.zeros(leave.shape[1]))
            continue
        u, z = np.split(x @ enter, 2)
        if layer.convolution is not None:
            recent = [*recent[-3:], u]
            weight = np.asarray(layer.convolution.weight, float)
            u = sum(w * each for w, each in zip(weight, recent, strict=True))
            u = u + np.asarray(layer.convolution.bias, float)
        u = silu(u)
        chosen = u @ select
        low, write, read = np.split(chosen, [len(delta), len(delta) + count])
        steps = np.log1p(np.exp(low @ delta + bias))
        y = np.zeros(channels)
        for c in range(channels):
            for n in range(count):
                decay = math.exp(-steps[c] * math.exp(log_rate[n, c]))
                decay = 2 * decay - 1 if layer.negative else decay
                states[n, c] = decay * states[n, c] + steps[c] * write[n] * u[c]
                y[c] += read[n] * states[n, c]
            y[c] += skip[c] * u[c]
        outputs.append((y * silu(z)) @ leave)
    return np.stack(outputs), states, recent[-3:]


@pytest.mark.parametrize("options", MAKES, ids=str)
def test_each_step_is_that_of_the_equations(options):
    rng = np.random.default_rng(1)
    inputs, mask = rng.normal(size=(40, 5)), rng.random(40) < 0.8
    start, recent = rng.normal(size=(3, 8)), rng.normal(size=(3, 8))
    with jax.enable_x64(True):
        layer = in_double(created(states=3, **options))
        state = MambaState(jnp.asarray(start), jnp.asarray(recent))
        if layer.convolution is None:
            state = state._replace(recent=None)
        hidden, after = eqx.filter_jit(layer)(jnp.asarray(inputs), jnp.asarray(mask), state)
    outputs, states, recent = by_loop(layer, inputs, mask, start, recent)
    np.testing.assert_allclose(hidden, outputs, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(after.states, states, rtol=1e-10, atol=1e-12)
    if layer.convolution is not None:
        np.testing.assert_allclose(after.recent, recent, rtol=1e-12)
    else:
        assert after.recent is None


@pytest.mark.parametrize("width", [4, 16, 17, 64])
@pytest.mark.parametrize("convolution", [True, False])
def test_weights_and_states_are_those_of_the_published_formula(width, convolution):
    layer = created(width, width, convolution=convolution)
    channels, rank = 2 * width, math.ceil(width / 16)
    weights = 3 * width * channels + channels * (rank + 2 * 16) + channels * rank
    weights += channels + channels * 16 + channels + 5 * channels * convolution
    assert sum(leaf.size for leaf in jax.tree.leaves(layer)) == weights
    if (width, convolution) == (64, True):
        assert weights == 32_640
    model = Mamba(hidden_size=width, layers=2, convolution=convolution)(Sizes(5, 4, 9), 0)
    assert model.state_size == 2 * channels * (16 + 3 * convolution)


def test_weights_begin_as_published():
    layer = created(40, 400, states=5)
    np.testing.assert_allclose(np.exp(layer.log_rate).T, np.tile([1, 2, 3, 4, 5], (800, 1)), 1e-6)
    assert (layer.skip == 1).all()
    limits = {"enter": 40**-0.5, "select": 800**-0.5, "delta": 25**-0.5, "leave": 800**-0.5}
    drawn = {name: np.asarray(getattr(layer, name)) for name in limits}
    limits |= {"weight": 0.5, "bias": 0.5}
    drawn |= {name: np.asarray(getattr(layer.convolution, name)) for name in ("weight", "bias")}
    for name, limit in limits.items():
        assert 0.98 * limit < np.abs(drawn[name]).max() <= limit * (1 + 1e-6)
        assert abs(drawn[name].mean()) < 0.1 * limit
        assert drawn[name].std() == pytest.approx(limit / 3**0.5, rel=0.05)


def test_step_sizes_begin_log_uniform_also_within_a_model():
    """A framework that sets all biases to zero would make each of them log 2."""
    model = Mamba(hidden_size=400)(Sizes(5, 4, 9), 0)
    begun = np.log10(np.log1p(np.exp(np.float64(model.blocks[0].layer.delta_bias))))
    assert -3 - 1e-5 < begun.min() < -2.95
    assert -1.05 < begun.max() < -1 + 1e-5
    assert begun.mean() == pytest.approx(-2, abs=0.1)
    assert begun.std() == pytest.approx(2 / 12**0.5, rel=0.05)


@pytest.mark.parametrize("convolution", [True, False])
def test_without_its_states_it_is_a_window_of_four_steps_or_of_one(convolution):
    layer = created(convolution=convolution)
    keep = np.s_[:, : -layer.log_rate.shape[0]]  # nothing is read from the states
    select = jnp.zeros_like(layer.select).at[keep].set(layer.select[keep])

    def last(inputs, select):
        blind = MambaLayer(**{**vars(layer), "select": select})
        return blind(inputs, None, blind.initial_state())[0][-1]

    reached = jax.jit(jax.jacobian(last))
    inputs = jax.random.normal(jax.random.key(0), (9, 5))
    far = [(np.abs(reached(inputs, each)).sum(axis=(0, 2)) > 0) for each in (select, layer.select)]
    assert far[0].tolist() == [step >= 9 - (4 if convolution else 1) for step in range(9)]
    assert far[1].all()


def parts(rng, time, *batch, states=3, channels=4):
    normal = functools.partial(rng.normal, size=(time, *batch, channels))
    reads = (rng.normal(size=(time, *batch, states)) for _ in range(2))
    return Parts(np.abs(normal()), normal(), *reads)


@pytest.mark.parametrize(
    ("time", "batch", "signed"),
    [(1, (2,), False), (16, (), True), (35, (2, 3), False), (35, (2, 3), True)],
)
def test_the_way_back_and_all_forms_are_those_of_one_step_after_another(time, batch, signed):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        given = parts(rng, time, *batch), -rng.random((3, 4)), rng.normal(size=(*batch, 3, 4))
        given = jax.tree.map(jnp.asarray, given)
        by_read, by_after = rng.normal(size=(time, *batch, 4)), rng.normal(size=(*batch, 3, 4))

        def slopes(run):
            def total(*given):
                read, after = run(*given)
                return (by_read * read).sum() + (by_after * after).sum(), (read, after)

            return jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True))(*given)

        expected = slopes(functools.partial(one_by_one, signed))
        for run in (
            functools.partial(selective_scan, signed=signed),
            functools.partial(all_at_once, signed),
        ):
            every = zip(jax.tree.leaves(slopes(run)), jax.tree.leaves(expected), strict=True)
            for here, there in every:
                assert jnp.abs(there).max() > 1e-3
                np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("platform", "loops"), [("cpu", True), ("cuda", False)])
def test_only_a_cpu_goes_from_step_to_step(platform, loops):
    given = jax.tree.map(jnp.asarray, parts(np.random.default_rng(0), 20, 2))

    def total(parts):
        return selective_scan(parts, -jnp.ones((3, 4)), jnp.zeros((2, 3, 4)))[0].sum()

    lowered = export.export(jax.jit(jax.grad(total)), platforms=[platform])(given)
    assert ("stablehlo.while" in lowered.mlir_module()) == loops


def test_only_signed_factors_count_modulo_two():
    """A one makes a large step and a zero none: the sign of the state is the parity."""
    bits = np.random.default_rng(0).integers(2, size=50)
    zero = jnp.zeros((50, 1))
    steps = Parts(30.0 * jnp.asarray(bits[:, None]), zero, zero, zero + 1)
    start, rate = jnp.ones((1, 1)), -jnp.ones((1, 1))
    flipped, _ = selective_scan(steps, rate, start, signed=True)
    np.testing.assert_allclose(flipped[:, 0], 1 - 2 * (bits.cumsum() % 2), atol=1e-6)
    sizes = Parts(jnp.abs(jax.random.normal(jax.random.key(0), (50, 1))), zero, zero, zero + 1)
    kept, _ = selective_scan(sizes, rate, start)
    assert (kept > 0).all()
    assert (jnp.diff(kept[:, 0]) < 0).all()  # a state contracts
    assert Mamba().dynamics == "positive"
    assert Mamba(negative=True).dynamics == "signed"


@pytest.mark.parametrize("negative", [False, True])
def test_a_thousand_steps_of_large_inputs_stay_finite_and_so_do_their_slopes(negative):
    layer = created(negative=negative)
    inputs = 30 * jax.random.normal(jax.random.key(0), (1000, 5))

    def total(layer, inputs):
        hidden, after = layer(inputs, None, layer.initial_state())
        return hidden.sum() + after.states.sum()

    for each in jax.tree.leaves(jax.jit(jax.value_and_grad(total, (0, 1)))(layer, inputs)):
        assert jnp.isfinite(each).all()


def test_a_layer_that_no_memory_holds_is_refused_before_it_is_drawn():
    with pytest.raises(ValueError, match=r"^A layer of 20,000 × 80,000 has .* smaller hidden_size"):
        Mamba(hidden_size=20_000)(Sizes(5, 4, 9), 0)
