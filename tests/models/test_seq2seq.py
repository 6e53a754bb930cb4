import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import FastWeightsLayer, LeakyLayer

from longlag.models import MinGRULayer, Seq2Seq, Seq2SeqModel, Sizes

TRIED = [
    Seq2Seq(cell=cell, hidden_size=7, attention=attention)
    for cell in ("lstm", "gru", "rnn")
    for attention in (False, True)
]
OTHERS = [
    functools.partial(Seq2SeqModel.create, kind.create, 7, attention=attention)
    for kind in (LeakyLayer, FastWeightsLayer, MinGRULayer)
    for attention in (False, True)
]
every_model = pytest.mark.parametrize("factory", [*TRIED, *OTHERS], ids=repr)
CLASSES = Sizes(features=6, outputs=4, timesteps=5)
REALS = Sizes(features=6, outputs=1, timesteps=5)
speak = eqx.filter_jit(lambda model, *asked, count: model.decode_free_running(*asked, count))
teach = eqx.filter_jit(lambda model, *asked: model.decode_teacher_forced(*asked))
INPUTS = jax.random.normal(jax.random.key(0), (3, 5, 6))


def chosen(outputs):
    return outputs.argmax(-1)


def as_it_is(outputs):
    return outputs


@every_model
@pytest.mark.parametrize(("sizes", "say"), [(CLASSES, chosen), (REALS, as_it_is)])
def test_told_what_it_said_itself_it_says_it_again(factory, sizes, say):
    """Free running is teaching with its own words."""
    model = factory(sizes, 0)
    spoken = speak(model, INPUTS, None, say, count=4)
    assert spoken.shape == (3, 4, sizes.outputs)
    taught = teach(model, INPUTS, None, say(spoken))
    np.testing.assert_allclose(taught, spoken, atol=1e-5)


@every_model
def test_it_hears_the_right_value_only_after_it_had_to_say_it(factory):
    model = factory(CLASSES, 0)
    told = jnp.array([0, 1, 2, 3])
    usual = teach(model, INPUTS[0], None, told)
    for place in range(4):
        other = teach(model, INPUTS[0], None, told.at[place].set((told[place] + 1) % 4))
        moved = (other != usual).any(axis=-1)
        assert moved.tolist() == [said > place for said in range(4)]


@every_model
def test_batch_rows_are_independent_and_masked_steps_do_not_matter(factory):
    model = factory(CLASSES, 0)
    told = jax.random.randint(jax.random.key(1), (3, 4), 0, 4)
    mask = jnp.ones((3, 5), bool).at[:, :2].set(False)
    together = teach(model, INPUTS, mask, told)
    other = teach(model, INPUTS.at[:, :2].set(9.0), mask, told)
    np.testing.assert_allclose(together, other, atol=1e-6)
    short = teach(model, INPUTS[:, 2:], None, told)
    np.testing.assert_allclose(together, short, atol=1e-5)
    for row in range(3):
        alone = teach(model, INPUTS[row], mask[row], told[row])
        np.testing.assert_allclose(alone, together[row], atol=1e-5)


@every_model
def test_integers_stand_for_one_hot_vectors(factory):
    model = factory(CLASSES, 0)
    ids, told = jnp.array([0, 5, 2]), jnp.array([1, 3])
    one_hot = teach(model, jax.nn.one_hot(ids, 6), None, told)
    np.testing.assert_allclose(teach(model, ids, None, told), one_hot, atol=1e-6)


def test_attention_adds_up_to_one_over_the_steps_that_count():
    model = Seq2Seq(hidden_size=7, attention=True)(CLASSES, 0)
    query, memory = (jax.random.normal(jax.random.key(k), (3, 5, 7)) for k in (0, 1))
    mask = jnp.ones((3, 5), bool).at[:, 1].set(False)
    assert model.attention is not None
    weights = model.attention.weights(query, memory, mask)
    assert weights.shape == (3, 5, 5)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    assert not weights[..., 1].any()


def test_equal_seeds_give_equal_models():
    first, again, other = (jax.tree.leaves(TRIED[1](CLASSES, seed)) for seed in (3, 3, 4))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))
