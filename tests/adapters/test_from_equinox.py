from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import longlag

ll: Any = longlag  # whose models have what their own libraries give them

SIZES = ll.Sizes(features=3, outputs=2, timesteps=4)
BATCH = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)


class Recurrent(eqx.Module):
    """Takes state and mask; dropout with a key."""

    cell: eqx.nn.GRUCell
    readout: eqx.nn.Linear
    dropout: eqx.nn.Dropout
    scale: Any

    def __init__(self, sizes, key, share=0.5):
        cell, readout = jax.random.split(key)
        self.cell = eqx.nn.GRUCell(sizes.features, 6, key=cell)
        self.readout = eqx.nn.Linear(6, sizes.outputs, key=readout)
        self.dropout = eqx.nn.Dropout(share)
        self.scale = np.array([2], np.int32)

    def __call__(self, inputs, mask=None, state=None, key=None):
        start = jnp.zeros(6) if state is None else state
        counts = jnp.ones(len(inputs), bool) if mask is None else mask

        def step(hidden, now):
            shown, counts = now
            hidden = jnp.where(counts, self.cell(shown, hidden), hidden)
            return hidden, hidden

        state, hidden = jax.lax.scan(step, start, (inputs, counts))
        said = jax.vmap(self.readout)(self.dropout(hidden, key=key))
        return said * self.scale, state


def make(sizes, seed):
    return Recurrent(sizes, jax.random.key(seed))


def adopted(seed=0):
    return ll.adopt(make)(SIZES, seed)


def test_a_model_that_sets_its_own_numbers_is_not_trained_in_others():
    with pytest.raises(ValueError, match=r"`dtype` bfloat16 .* set it in the model: .* in Keras"):
        ll.train(ll.EchoLag(values=3), ll.Whole(), make, sequences=10, dtype="bfloat16")


def test_outputs_are_those_of_the_module_row_by_row():
    model = adopted()
    state = model.initial_state((5,))
    outputs, after = model(jnp.asarray(BATCH), None, state)
    plain = eqx.nn.inference_mode(make(SIZES, 0))
    for row in range(5):
        said, hidden = plain(BATCH[row])
        np.testing.assert_allclose(outputs[row], said, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(after[row], hidden, rtol=1e-5, atol=1e-6)


def test_the_state_goes_on_and_the_mask_is_heeded():
    model = adopted()
    state = model.initial_state((5,))
    whole, end = model(jnp.asarray(BATCH), None, state)
    first, between = model(jnp.asarray(BATCH[:, :2]), None, state)
    second, after = model(jnp.asarray(BATCH[:, 2:]), None, between)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-5)
    np.testing.assert_allclose(after, end, rtol=1e-5)
    mask = np.ones((5, 4), bool)
    mask[:, 1] = False
    told, _ = model(jnp.asarray(BATCH), jnp.asarray(mask), state)
    moved = BATCH.copy()
    moved[:, 1] = 9
    again, _ = model(jnp.asarray(moved), jnp.asarray(mask), state)
    np.testing.assert_array_equal(told, again)
    assert not np.allclose(told, whole)


def test_dropout_is_for_training_and_draws_anew_each_time():
    model = adopted()
    state = model.initial_state((5,))
    quiet = model(jnp.asarray(BATCH), None, state)[0]
    first = model.apply_train(jnp.asarray(BATCH), None, state)
    assert not np.allclose(quiet, first.outputs)
    later = eqx.tree_at(lambda model: model.buffers, model, first.buffers)
    second = later.apply_train(jnp.asarray(BATCH), None, state)
    assert not np.allclose(first.outputs, second.outputs)
    again = model.apply_train(jnp.asarray(BATCH), None, state)
    np.testing.assert_array_equal(first.outputs, again.outputs)


def test_an_array_of_integers_is_not_trained():
    model = adopted()
    assert model.trained.scale is None
    assert model.module.scale == 2

    def loss(model):
        return model(jnp.asarray(BATCH), None, model.initial_state((5,)))[0].sum()

    grads = eqx.filter_grad(loss)(model)
    assert np.abs(grads.trained.cell.weight_ih).max() > 0
    assert all(np.abs(leaf).max() == 0 for leaf in jax.tree.leaves(grads.buffers))


def test_training_moves_the_random_state_and_ends_where_it_did_before():
    problem = ll.EchoLag(lag=1, length=6, values=3)
    runs = [
        ll.train(problem, ll.Chunks(timesteps=3, carry=True), make, sequences=200) for _ in range(2)
    ]
    first, second = (jax.tree.leaves(run.models[0]) for run in runs)
    for here, there in zip(first, second, strict=True):
        np.testing.assert_array_equal(here, there)
    keys = [model.buffers.arrays[1] for model in (adopted(), runs[0].models[0])]
    assert (keys[0] != keys[1]).any()


def test_features_and_leading_axes_are_as_of_any_model():
    model = adopted()
    state = model.initial_state((2, 5))
    both = np.stack([BATCH, 2 * BATCH])
    outputs, after = model(jnp.asarray(both), None, state)
    assert outputs.shape == (2, 5, 4, 2)
    assert after.shape == (2, 5, 6)
    alone = model(jnp.asarray(both[1]), None, model.initial_state((5,)))[0]
    np.testing.assert_allclose(outputs[1], alone, rtol=1e-6)
    last = model(jnp.asarray(both), None, state, last=True)[0]
    np.testing.assert_allclose(last[..., 0, :], outputs[..., -1, :], rtol=1e-6)


def test_a_module_of_bfloat16_is_trained_and_kept(trained_and_kept):
    """Features come in its type: what is carried from step to step keeps it."""

    class Narrow(eqx.Module):
        cell: eqx.nn.GRUCell
        readout: eqx.nn.Linear

        def __call__(self, inputs):
            def step(hidden, shown):
                hidden = self.cell(shown, hidden)
                return hidden, hidden

            hidden = jax.lax.scan(step, jnp.zeros(8, jnp.bfloat16), inputs)[1]
            return jax.vmap(self.readout)(hidden)

    def narrow(sizes, seed):
        one, two = jax.random.split(jax.random.key(seed))
        kind: Any = jnp.bfloat16
        cell = eqx.nn.GRUCell(sizes.features, 8, dtype=kind, key=one)
        return Narrow(cell, eqx.nn.Linear(8, sizes.outputs, dtype=kind, key=two))

    assert trained_and_kept(narrow).model.module.readout.weight.dtype == jnp.bfloat16


@pytest.mark.parametrize("framing", [ll.Whole(), ll.Chunks(timesteps=2, carry=True)], ids=repr)
def test_state_of_any_shape_is_carried_and_counted(framing):
    class Deep(eqx.Module):
        linear: eqx.nn.Linear
        words: bool = eqx.field(static=True)

        def __call__(self, inputs, state=None):
            zero = {"count": jnp.zeros(()), "deep": (jnp.zeros(inputs.shape[1]), {})}
            before = zero if state is None else state
            total = before["deep"][0] + jnp.cumsum(inputs, axis=0) + before["count"]
            deep = "seen" if self.words else total[-1]
            return jax.vmap(self.linear)(total), {"count": before["count"] + 1, "deep": (deep, {})}

    def deep(words):
        return lambda sizes, seed: Deep(
            eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)), words
        )

    problem = ll.EchoLag(lag=1, length=6, values=4)
    found = ll.preflight(problem, framing, deep(False))
    assert found.passed
    assert found.state == 5
    with pytest.raises(ValueError, match=r"is a str at \['deep'\]\[0\], which is no array"):
        ll.train(problem, framing, deep(True))


class Normed(eqx.Module):
    """Statistics of a batch and a power iteration, in an `eqx.nn.State`; dropout with a key."""

    linear: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    spectral: eqx.nn.SpectralNorm
    dropout: eqx.nn.Dropout

    def __init__(self, sizes, seed, axis="batch", mode: Any = "batch", share=0.0):
        keys = jax.random.split(jax.random.key(seed), 3)
        self.linear = eqx.nn.Linear(sizes.features, 6, use_bias=False, key=keys[0])
        self.norm = eqx.nn.BatchNorm(6, axis_name=axis, mode=mode)
        readout = eqx.nn.Linear(6, sizes.outputs, key=keys[1])
        self.spectral = eqx.nn.SpectralNorm(readout, "weight", key=keys[2])
        self.dropout = eqx.nn.Dropout(share)

    def __call__(self, inputs, state, key=None):
        hidden, state = self.norm(jax.vmap(self.linear)(inputs).T, state)
        hidden = self.dropout(hidden.T, key=key)
        each = jax.vmap(self.spectral, in_axes=(0, None), out_axes=(0, None))
        return each(hidden, state)


def normed(sizes, seed, **settings):
    return eqx.nn.make_with_state(Normed)(sizes, seed, **settings)


@pytest.mark.parametrize(("make", "timesteps"), [(make, 1), (make, 4), (normed, 4)])
def test_it_is_vectorised_over_seeds_as_any_model(make, timesteps):
    problem = ll.EchoLag(lag=0, length=timesteps, values=3)
    setting = ll.Setting(
        problem=problem, framing=ll.Whole(), model=ll.adopt(make), recipe=ll.Recipe(sequences=100)
    )
    from longlag.trials.fit import finish, fit

    together, apart = (finish(fit(setting, (0, 1), vectorise=flag)) for flag in (True, False))
    for one, other in zip(together.models, apart.models, strict=True):
        for here, there in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("mode", ["ema", "batch"])
def test_a_model_with_its_state_is_trained_as_by_hand(mode):
    model = ll.adopt(lambda *each: normed(*each, axis="rows", mode=mode))(SIZES, 0)
    module, state = normed(SIZES, 0, axis="rows", mode=mode)
    by_hand = jax.vmap(module, in_axes=(0, None), out_axes=(0, None), axis_name="rows")
    for _ in range(2):
        lesson = model.apply_train(jnp.asarray(BATCH), None, ())
        outputs, state = by_hand(BATCH, state)
        np.testing.assert_allclose(lesson.outputs, outputs, atol=1e-6)
        model = eqx.tree_at(lambda each: each.buffers, model, lesson.buffers)
    twin, kept = model.module
    for here, there in zip(jax.tree.leaves(kept), jax.tree.leaves(state), strict=True):
        np.testing.assert_allclose(here, there, atol=1e-6)
    still = eqx.nn.inference_mode(twin)
    outputs, _ = jax.vmap(still, in_axes=(0, None), out_axes=(0, None))(BATCH, kept)
    by_hand(BATCH, kept)  # uses it up
    np.testing.assert_allclose(model(jnp.asarray(BATCH), None, ())[0], outputs, atol=1e-6)


def test_a_model_with_its_state_is_checked_trained_and_kept(trained_and_kept):
    again = trained_and_kept(lambda *each: normed(*each, share=0.1))
    _, state = again.model.module
    assert isinstance(state, eqx.nn.State)
    assert any(np.abs(each).max() > 2 for each in jax.tree.leaves(state))  # the updates, counted


class Each(eqx.Module):
    """A layer with a readout of every step."""

    layer: Any
    readout: eqx.nn.Linear

    def __init__(self, layer, sizes, key):
        self.layer = layer
        self.readout = eqx.nn.Linear(sizes.features, sizes.outputs, key=key)

    def __call__(self, inputs):
        return jax.vmap(self.readout)(self.layer(inputs))


@pytest.mark.parametrize(
    "make",
    [
        lambda sizes, key: eqx.nn.MLP(sizes.features, sizes.outputs, 8, 1, key=key),
        lambda sizes, key: Each(eqx.nn.Linear(sizes.features, 4, key=key), sizes, key),
        lambda sizes, key: Each(eqx.nn.LayerNorm(sizes.features), sizes, key),
    ],
    ids=["mlp", "linear", "norm"],
)
def test_a_layer_that_gets_all_steps_at_once_is_told_to_be_mapped(make):
    problem = ll.EchoLag(lag=0, length=5, values=4)
    with pytest.raises(ValueError, match=r"takes a single step: return eqx.filter_vmap\(layer\)"):
        ll.train(problem, ll.Whole(), lambda sizes, seed: make(sizes, jax.random.key(seed)))


def test_an_embedding_that_gets_all_steps_at_once_is_told_to_be_mapped():
    def embedded(sizes, seed):
        key = jax.random.key(seed)
        return Each(eqx.nn.Embedding(sizes.values, sizes.features, key=key), sizes, key)

    problem = ll.EchoLag(lag=0, length=5, values=4)
    with pytest.raises(ValueError, match=r"takes a single step: return eqx.filter_vmap\(layer\)"):
        ll.train(problem, ll.Whole(), ll.adopt(embedded, inputs="values"))


def test_one_that_is_mapped_but_of_another_width_is_told_of_that():
    def wide(sizes, seed):
        key = jax.random.key(seed)
        return eqx.filter_vmap(eqx.nn.Linear(sizes.features + 1, sizes.outputs, key=key))

    with pytest.raises(ValueError, match=r"Make the first layer `sizes\.features` wide"):
        ll.train(ll.EchoLag(lag=0, length=5, values=4), ll.Whole(), wide)


class Forgetful(Normed):
    def __call__(self, inputs, state, key=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().__call__(inputs, state, key)[0]


class Elsewhere(Normed):
    def __call__(self, inputs, statistics):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().__call__(inputs, statistics)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Normed, "Return the pair of model and state that eqx.nn.make_with_state"),
        (lambda *each: normed(*each)[0], "Return the pair of model and state"),
        (eqx.nn.make_with_state(Elsewhere), "by a parameter `state`"),
        (eqx.nn.make_with_state(Forgetful), "a pair of outputs and state"),
        (lambda *each: (*normed(*each), 1), "a tuple, which is not a model"),
    ],
)
def test_a_model_without_its_state_is_told_where_it_goes(make, said):
    with pytest.raises(ValueError, match=said):
        ll.train(ll.EchoLag(lag=0, length=4, values=3), ll.Whole(), make)
