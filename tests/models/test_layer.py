"""What every layer must keep, and what can be made of it. A new layer is added to LAYERS."""

import functools
import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layer_cases import (
    OTHER_LAYERS,
    BareMinGRU,
    Convolution,
    ConvolutionLayer,
    FastWeights,
    Leaky,
    LeakyLayer,
    in_double,
)

import longlag as ll
from longlag.adapters import weights
from longlag.models import (
    LAYERS,
    GatedLayer,
    LRULayer,
    MinGRULayer,
    MinLSTMLayer,
    RecurrentModel,
    S4DLayer,
    Seq2SeqModel,
    SequenceLayer,
    Sizes,
    StepBackLayer,
)
from longlag.training import Recipe
from longlag.trials.sensitivity import gates, sensitivity
from longlag.trials.setting import Setting

SCANS = [MinGRULayer, MinLSTMLayer, LRULayer, S4DLayer]
KINDS = [*LAYERS.values(), *SCANS, *OTHER_LAYERS]
BY_HAND = [kind for kind in KINDS if issubclass(kind, StepBackLayer)]
every_layer = pytest.mark.parametrize("kind", KINDS)
KEYS = jax.random.split(jax.random.key(0), 4)


def made(kind, seed=0):
    return kind.create(6, 7, np.random.default_rng(seed))


def features(*batch, steps=5):
    return jax.random.normal(KEYS[0], (*batch, steps, 6))


def mask(*batch, steps=5):
    return jax.random.bernoulli(KEYS[1], 0.6, (*batch, steps))


def random_state(layer, *batch):
    zero, drawn = layer.initial_state(batch), np.random.default_rng(1)
    return jax.tree.map(lambda leaf: jnp.asarray(drawn.normal(size=leaf.shape), leaf.dtype), zero)


@eqx.filter_jit
def run(layer, inputs, mask, state):
    """A layer compiled once for each shape, which is quicker than one operation after another."""
    return layer(inputs, mask, state)


def close(ours, theirs):
    for here, there in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(here, there, atol=2e-6)


@every_layer
def test_any_leading_axes_will_do_and_every_row_stands_alone(kind):
    layer = made(kind)
    inputs, passed, start = features(2, 3), mask(2, 3), random_state(layer, 2, 3)
    hidden, after = run(layer, inputs, passed, start)
    assert hidden.shape == (2, 3, 5, layer.hidden_size)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, start)
    for row in np.ndindex(2, 3):
        part = functools.partial(jax.tree.map, lambda each, row=row: each[row])
        close(run(layer, inputs[row], passed[row], part(start)), part((hidden, after)))


@every_layer
def test_nothing_depends_on_a_later_input(kind):
    layer = made(kind)

    def hidden(inputs):
        return layer(inputs, None, layer.initial_state())[0]

    slopes = jax.jit(jax.jacobian(hidden))(features())
    strength = np.abs(slopes).sum(axis=(1, 3))
    assert not np.triu(strength, k=1).any()
    assert np.diag(strength).all()


@every_layer
def test_a_masked_step_leaves_the_state_as_it_was_and_shows_nothing(kind):
    layer = made(kind)
    inputs, start = features(3), random_state(layer, 3)
    for steps in range(6):  # that count; those after them are passed over
        passed = jnp.broadcast_to(jnp.arange(5) < steps, (3, 5))
        hidden, after = run(layer, inputs, passed, start)
        if not steps:
            close(after, start)
            continue
        close((hidden[:, :steps], after), run(layer, inputs[:, :steps], None, start))
    passed = mask(3)
    other = jnp.where(passed[..., None], inputs, 99.0)
    close(run(layer, inputs, passed, start), run(layer, other, passed, start))


@every_layer
def test_masked_steps_are_as_if_they_were_not_there(kind):
    layer = made(kind)
    inputs, start, passed = features(), random_state(layer), jnp.array([1, 0, 1, 0, 1], bool)
    hidden, after = run(layer, inputs, passed, start)
    close((hidden[passed], after), run(layer, inputs[passed], None, start))


@every_layer
def test_state_carried_over_a_cut_gives_what_no_cut_gives(kind):
    layer = made(kind)
    inputs, passed, start = features(3), mask(3), random_state(layer, 3)
    whole = run(layer, inputs, passed, start)
    for cut in range(1, 5):
        first, state = run(layer, inputs[:, :cut], passed[:, :cut], start)
        second, after = run(layer, inputs[:, cut:], passed[:, cut:], state)
        close((jnp.concatenate([first, second], axis=1), after), whole)


@every_layer
def test_integers_stand_for_one_hot_vectors(kind):
    layer = made(kind)
    ids = jax.random.randint(KEYS[0], (3, 5), 0, 6)
    start = random_state(layer, 3)
    close(run(layer, ids, mask(3), start), run(layer, jax.nn.one_hot(ids, 6), mask(3), start))


@every_layer
def test_equal_draws_make_equal_layers_and_other_draws_other_ones(kind):
    first, again, other = (jax.tree.leaves(made(kind, seed)) for seed in (3, 3, 4))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, GatedLayer)])
def test_gates_are_read_over_time_and_the_hidden_state_is_what_the_layer_gives(kind):
    layer = made(kind)
    inputs, passed, start = features(3), mask(3), random_state(layer, 3)
    read = layer.gates(inputs, passed, start)
    hidden, after = layer(inputs, passed, start)
    close(read.hidden, hidden)
    for name, values in after._asdict().items():
        close(getattr(read, name)[:, -1], values)
    assert {values.shape[:2] for values in read} == {(3, 5)}
    close(layer.gates(inputs), layer.gates(inputs, None, layer.initial_state((3,))))


@pytest.mark.parametrize("kind", BY_HAND)
@pytest.mark.parametrize("steps", [1, 6, 20])
@pytest.mark.parametrize("masked", [False, True])
def test_a_backward_pass_written_by_hand_is_that_of_autodiff(kind, steps, masked):
    with jax.enable_x64(True):
        layer = in_double(made(kind))
        if layer.recurrent_bias is not None:  # at first zero, which would hide a part
            bias = jax.random.normal(KEYS[2], layer.recurrent_bias.shape, jnp.float64)
            layer = eqx.tree_at(lambda layer: layer.recurrent_bias, layer, bias)
        inputs = jax.random.normal(KEYS[0], (3, steps, 6), jnp.float64)
        passed = jax.random.bernoulli(KEYS[1], 0.5, (3, steps)) if masked else None
        start, by_state = random_state(layer, 3), random_state(layer, 3)
        by_hidden = jax.random.normal(KEYS[3], (3, steps, 7), jnp.float64)

        def by_hand(layer, inputs, start):
            return layer(inputs, passed, start)

        def by_autodiff(layer, inputs, start):
            states = layer.trace(inputs, passed, start).after
            return states.hidden, jax.tree.map(lambda each: each[:, -1], states)

        def slopes(run):
            def total(*parts):
                hidden, after = run(*parts)
                ends = sum((by * each).sum() for by, each in zip(by_state, after, strict=True))
                return (by_hidden * hidden).sum() + ends

            return jax.jit(jax.grad(total, argnums=(0, 1, 2)))(layer, inputs, start)

        ours, autodiffs = slopes(by_hand), slopes(by_autodiff)
        for here, there in zip(jax.tree.leaves(ours), jax.tree.leaves(autodiffs), strict=True):
            assert here.dtype == jnp.float64
            assert jnp.abs(there).max() > 1e-3
            np.testing.assert_allclose(here, there, rtol=1e-10, atol=1e-12)


def implemented(kind):
    """What a class itself implements, by name."""
    parts = {name: part for name, part in vars(kind).items() if name not in MADE_BY_EQUINOX}
    functions = {
        name: getattr(part, "__isabstractmethod__", False)
        for name, part in parts.items()
        if callable(getattr(kind, name)) or isinstance(part, property)
    }
    return {name for name, abstract in functions.items() if not abstract}


MADE_BY_EQUINOX = {"__init__", "__doc__", "__hash__", "__eq__", "__repr__", "__replace__"}


@every_layer
def test_a_kind_of_layer_is_abstract_or_final_and_nothing_implemented_is_written_anew(kind):
    line = [each for each in kind.__mro__ if issubclass(each, SequenceLayer)]
    assert not inspect.isabstract(kind)
    assert all(inspect.isabstract(each) for each in line[1:])
    for place, each in enumerate(line):
        for base in line[place + 1 :]:
            assert not implemented(each) & implemented(base)


def lag_setting(model, framing, batch_size=4, lag=1):
    problem, recipe = ll.EchoLag(lag=lag, length=6, values=3), Recipe(batch_size=batch_size)
    return Setting(problem=problem, framing=framing, model=model, recipe=recipe)


@pytest.mark.parametrize(
    ("factory", "lag"), [(Leaky, 1), (FastWeights, 0), (BareMinGRU, 1), (Convolution, 1)]
)
def test_it_learns_to_echo(factory, lag):
    run = ll.train(
        ll.EchoLag(lag=lag, length=6, values=3),
        ll.Whole(),
        factory(hidden_size=24),
        sequences=3000,
        learning_rate=0.01,
    )
    assert run.verdict == "solved"


@pytest.mark.parametrize("framing", [ll.Whole(), ll.Chunks(timesteps=2, carry=True)], ids=repr)
@pytest.mark.parametrize("lag", [1, 2, 3])
def test_a_convolution_sees_its_window_and_no_more_whatever_is_carried(framing, lag):
    """Its window is of three steps: an echo of lag 3 lies before them."""
    found = lag_setting(Convolution(), framing, lag=lag).audit()
    assert (found.verdict == "unreachable") == (lag == 3)


FRAMED = [
    (ll.Chunks(timesteps=2, carry=True), 4),
    (ll.Whole(), 3),
    (ll.Chunks(timesteps=1, carry=True), 2),
    (ll.Chunks(timesteps=1, carry=True, rows="consecutive"), 2),
    (ll.Window(timesteps=4), 2),
    (ll.Window(timesteps=4, missing="mask"), 1),
    (ll.Window(timesteps=2, missing="mask", carry=True), 3),
    (ll.Window(timesteps=3, missing="mark", carry=True), 3),
]
CONVOLUTIONS = [Convolution(hidden_size=8, steps=steps) for steps in (2, 3)]


@pytest.mark.parametrize(
    ("model", "framing", "batch_size"),
    [
        *((model, *framed) for model in CONVOLUTIONS for framed in FRAMED),
        *((kind(hidden_size=8), *FRAMED[0]) for kind in (Leaky, FastWeights, BareMinGRU)),
    ],
    ids=repr,
)
def test_what_it_can_use_is_what_the_audit_says_it_sees(model, framing, batch_size):
    setting = lag_setting(model, framing, batch_size)
    used = sensitivity(setting, setting.create(0), sequences=2)
    assert (used > 0).tolist() == setting.audit().sees.tolist()


def test_the_gates_and_states_of_other_layers_are_read_too():
    read = {
        type(model): set(gates(setting, setting.create(0)))
        for model in (Leaky(), FastWeights(), BareMinGRU())
        for setting in [lag_setting(model, ll.Whole())]
    }
    assert read == {
        Leaky: {"hidden"},
        FastWeights: {"hidden"},  # its memory is a matrix
        BareMinGRU: {"update", "candidate", "hidden"},
    }
    without = lag_setting(Convolution(), ll.Whole())
    with pytest.raises(ValueError, match=r"gates: Convolution has no .* derived from GatedLayer"):
        gates(without, without.create(0))


def test_weights_of_other_layers_have_no_layout_in_pytorch_or_keras():
    model = BareMinGRU()(Sizes(features=6, outputs=4, timesteps=5), 0)
    for convert in (weights.to_torch, weights.to_keras):
        with pytest.raises(TypeError, match=r"an LSTM, a GRU or an RNN, got MinGRULayer\."):
            convert(model)


def test_a_decoder_cannot_start_from_a_state_that_depends_on_what_was_shown():
    sizes = Sizes(features=6, outputs=4, timesteps=5)
    with pytest.raises(ValueError, match=r"got \(2, 6\) of the encoder and \(2, 5\) of the de"):
        Seq2SeqModel.create(ConvolutionLayer.create, 7, sizes, 0, attention=False)


def test_a_readout_is_as_wide_as_what_its_layer_gives():
    def wide(features, hidden_size, rng):
        return LeakyLayer.create(features, 2 * hidden_size, rng)

    model = RecurrentModel.create(wide, 7, Sizes(features=6, outputs=4, timesteps=5), 0)
    assert model.readout.weight.shape == (14, 4)
