"""What every model must keep. A new model is added to MODELS and passes this first.

So must its layer: test_layer.py.
"""

import copy
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import Convolution, FastWeights, Leaky

from longlag.models import (
    GRU,
    LRU,
    LSTM,
    LSTM1997,
    MLP,
    MLSTM,
    MODELS,
    RNN,
    S4D,
    SLSTM,
    TCN,
    Bidirectional,
    DeltaNet,
    Mamba,
    MinGRU,
    MinLSTM,
    OneHotInput,
    Residual,
    Seq2Seq,
    Sizes,
    Transformer,
)

SIZES = Sizes(features=6, outputs=4, timesteps=5)
TRIED = [
    LSTM(hidden_size=7),
    LSTM(hidden_size=7, chrono=9),
    LSTM1997(blocks=2, cells=3),
    LSTM1997(biases="no", output_gate=False, recurrent=False, direct=True, squash="plain"),
    GRU(hidden_size=7),
    RNN(hidden_size=7),
    Bidirectional(hidden_size=7),
    Bidirectional(cell="gru", hidden_size=7),
    MLP(hidden_size=8),
    MLP(hidden_size=8, context=1),
    MLP(context=9),
    Leaky(hidden_size=7),
    FastWeights(hidden_size=7),
    MinGRU(hidden_size=7),
    MinLSTM(hidden_size=7, layers=2, mlp=True),
    Mamba(hidden_size=7),
    Mamba(hidden_size=7, layers=2, mlp=True, states=3, convolution=False, negative=True),
    MLSTM(hidden_size=6),
    MLSTM(hidden_size=6, layers=2, mlp=True, heads=3, convolution=False),
    SLSTM(hidden_size=7),
    SLSTM(hidden_size=6, layers=2, mlp=True, heads=2, convolution=True),
    DeltaNet(hidden_size=7),
    DeltaNet(
        hidden_size=8,
        layers=2,
        mlp=True,
        heads=2,
        negative=True,
        decay=True,
        gate=True,
        convolution=False,
    ),
    Transformer(hidden_size=7),
    Transformer(hidden_size=8, layers=1, mlp=False, heads=2, positions="alibi"),
    Transformer(hidden_size=8, layers=1, heads=4, positions="no"),
    TCN(hidden_size=7),
    TCN(hidden_size=6, kernel=2, levels=2),
    LRU(hidden_size=7),
    LRU(
        hidden_size=7,
        layers=2,
        mlp=True,
        states=5,
        min_radius=0.5,
        max_radius=0.9,
        max_phase=1.0,
    ),
    S4D(hidden_size=7),
    S4D(hidden_size=7, layers=2, mlp=True, states=6, smallest_step=0.01, largest_step=0.5),
    Residual(hidden_size=7),
    Residual(cell="gru", hidden_size=7, layers=2, mlp=True),
    Convolution(hidden_size=7, steps=4),
]
every_model = pytest.mark.parametrize("factory", TRIED, ids=repr)
KEY = jax.random.key(0)

call = eqx.filter_jit(lambda model, *shown, **how: model(*shown, **how))


def features(*batch):
    return jax.random.normal(KEY, (*batch, 5, 6))


def mask(*batch):
    return jax.random.bernoulli(jax.random.key(1), 0.6, (*batch, 5))


def close(ours, theirs):
    for here, there in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(here, there, atol=2e-6)


def test_every_model_is_tried():
    assert {type(factory) for factory in TRIED} | {Seq2Seq} >= set(MODELS.values())


@every_model
def test_shapes(factory):
    model = factory(SIZES, 0)
    for batch in ((), (3,), (2, 3)):
        state = model.initial_state(batch)
        outputs, after = call(model, features(*batch), None, state)
        assert outputs.shape == (*batch, 5, 4)
        assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)


@every_model
def test_equal_seeds_give_equal_models_and_other_seeds_other_ones(factory):
    first, again, other = (jax.tree.leaves(factory(SIZES, seed)) for seed in (3, 3, 4))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@every_model
@pytest.mark.parametrize("masked", [False, True])
def test_batch_rows_are_independent(factory, masked):
    model = factory(SIZES, 0)
    inputs, passed = features(3), mask(3) if masked else None
    together = call(model, inputs, passed, model.initial_state((3,)))
    for row in range(3):
        alone = call(
            model, inputs[row], None if passed is None else passed[row], model.initial_state()
        )
        close(alone, jax.tree.map(lambda each, row=row: each[row], together))


@every_model
def test_an_output_depends_on_a_later_input_only_where_the_model_says_so(factory):
    model = factory(SIZES, 0)

    def said(inputs):
        return call(model, inputs, None, model.initial_state())[0]

    slopes = np.abs(jax.jit(jax.jacobian(said))(features())).sum(axis=(1, 3))
    assert np.triu(slopes, k=1).any() != factory.causal
    assert np.diag(slopes).all()


@every_model
def test_integers_stand_for_one_hot_vectors(factory):
    model = factory(SIZES, 0)
    ids = jax.random.randint(KEY, (3, 5), 0, 6)
    state = model.initial_state((3,))
    close(call(model, ids, None, state), call(model, jax.nn.one_hot(ids, 6), None, state))


@every_model
def test_the_last_output_alone_is_the_last_of_all(factory):
    if not factory.causal:
        return  # it gives the end of each direction: test_bidirectional.py
    model = factory(SIZES, 0)
    state = model.initial_state((3,))
    every, _ = call(model, features(3), mask(3), state)
    last, _ = call(model, features(3), mask(3), state, last=True)
    close(last, every[:, -1:])


@every_model
def test_masked_steps_in_front_are_as_if_they_were_not_there(factory):
    model = factory(SIZES, 0)
    inputs = features(3)
    hidden = jnp.array([False, False, True, True, True])
    padded, after = call(model, inputs, jnp.broadcast_to(hidden, (3, 5)), model.initial_state((3,)))
    short, expected = call(model, inputs[:, 2:], None, model.initial_state((3,)))
    close((padded[:, 2:], after), (short, expected))


@every_model
def test_what_a_masked_step_shows_does_not_matter(factory):
    model = factory(SIZES, 0)
    passed = mask(3).at[:, -1].set(True)
    inputs = features(3)
    other = jnp.where(passed[..., None], inputs, 99.0)
    state = model.initial_state((3,))
    close(call(model, inputs, passed, state), call(model, other, passed, state))


@every_model
def test_state_carried_over_a_cut_gives_what_no_cut_gives(factory):
    model = factory(SIZES, 0)
    if not factory.remembers:
        assert model.initial_state((3,)) == ()
        return
    if not factory.causal:
        return  # a cut also parts it from what comes later
    inputs, passed = features(3), mask(3)
    whole, end = call(model, inputs, passed, model.initial_state((3,)))
    first, state = call(model, inputs[:, :2], passed[:, :2], model.initial_state((3,)))
    second, after = call(model, inputs[:, 2:], passed[:, 2:], state)
    close((jnp.concatenate([first, second], axis=1), after), (whole, end))


@every_model
def test_a_model_for_any_length_says_at_every_step_what_it_says_of_the_beginning_alone(factory):
    model, longer = factory(SIZES, 0), jax.random.normal(KEY, (3, 9, 6))
    if not factory.any_length:
        made = (factory(SIZES._replace(timesteps=length), 0) for length in (5, 9))
        weights = [jax.tree.map(jnp.shape, each) for each in made]
        assert weights[0] != weights[1]
        return
    outputs, _ = call(model, longer, None, model.initial_state((3,)))
    assert outputs.shape == (3, 9, 4)
    if factory.causal:
        close(outputs[:, :5], call(model, longer[:, :5], None, model.initial_state((3,)))[0])


def test_only_a_model_made_for_its_sample_runs_at_one_length():
    assert [factory for factory in TRIED if not factory.any_length] == [MLP(hidden_size=8)]
    assert Seq2Seq().any_length


@every_model
def test_marked_integers_become_vectors_of_minus_one(factory):
    model = factory(SIZES, 0)
    ids = jnp.array([[-1, 2, 5, -1, 0]])
    encoded = jax.nn.one_hot(ids, 6).at[0, jnp.array([0, 3])].set(-1.0)
    state = model.initial_state((1,))
    close(call(OneHotInput(model, 6), ids, None, state), call(model, encoded, None, state))


def test_an_unknown_size_is_refused_with_those_there_are():
    with pytest.raises(AttributeError, match=r"no `inputs`\. Known: features, outputs, timesteps"):
        getattr(SIZES, "inputs")  # noqa: B009 - of no such name
    assert copy.deepcopy(SIZES) == pickle.loads(pickle.dumps(SIZES)) == SIZES
