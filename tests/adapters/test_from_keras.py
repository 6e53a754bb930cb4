import itertools
import os
import subprocess
import sys
import time
from concurrent import futures
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("keras", reason="Keras is not installed here")

import jax
import jax.numpy as jnp
import keras  # pyright: ignore[reportMissingImports]
import optax

import longlag
from longlag.checks.model import preflight
from longlag.training.optimizer import OPTIMIZERS

ll: Any = longlag  # whose models have what their own libraries give them

SIZES = ll.Sizes(features=3, outputs=2, timesteps=4)
BATCH = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
layers = keras.layers


def make(sizes, _):
    return keras.Sequential(
        [
            keras.Input((sizes.timesteps, sizes.features)),
            layers.LSTM(6, return_sequences=True, dropout=0.2),
            layers.BatchNormalization(),
            layers.Dense(sizes.outputs, kernel_regularizer="l2"),
        ]
    )


def stateful(sizes, _):
    """As in the tutorial: 5 rows, state carried, a softmax at the end."""
    return keras.Sequential(
        [
            keras.Input(batch_shape=(5, sizes.timesteps, sizes.features)),
            layers.LSTM(16, stateful=True),
            layers.Dense(sizes.outputs, activation="softmax"),
        ]
    )


class Subclass(keras.Model):
    def __init__(self, sizes):
        super().__init__()
        self.hidden = layers.GRU(6, return_sequences=True)
        self.readout = layers.Dense(sizes.outputs)

    def call(self, inputs):
        return self.readout(self.hidden(inputs))


@pytest.mark.parametrize("graph", [True, False])
def test_an_embedding_that_skips_the_value_0_is_refused(graph):
    def make(sizes, seed):
        parts = [
            layers.Embedding(sizes.values, 4, mask_zero=True),
            layers.LSTM(4, return_sequences=True),
            layers.Dense(sizes.outputs),
        ]
        del seed
        return keras.Sequential([keras.Input((None,), dtype="int32"), *parts][not graph :])

    found = preflight(ll.EchoLag(values=3), ll.Whole(), ll.adopt(make, inputs="values"))
    assert "masks the value 0" in found.checks[-1].found
    assert "Leave mask_zero out" in str(found)


def test_outputs_are_those_of_the_model():
    model = ll.adopt(make)(SIZES, 0)
    plain = model.module
    outputs, _ = model(jnp.asarray(BATCH), None, ())
    np.testing.assert_allclose(outputs, plain.predict(BATCH, verbose=0), rtol=1e-5, atol=1e-6)


def test_training_is_that_of_keras_statistics_and_penalties_included():
    model = ll.adopt(make)(SIZES, 0)
    lesson = model.apply_train(jnp.asarray(BATCH), None, ())
    twin = ll.adopt(make)(SIZES, 0).module
    said = twin(BATCH, training=True)
    np.testing.assert_allclose(lesson.outputs, said, rtol=1e-5, atol=1e-6)
    assert float(lesson.penalty) == pytest.approx(float(sum(twin.losses)))
    assert float(lesson.penalty) > 0
    after = [np.asarray(variable.value) for variable in twin.non_trainable_variables]
    for here, there in zip(lesson.buffers.arrays, after, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-6)
    assert model(jnp.asarray(BATCH), None, ())[0].shape == (6, 4, 2)


def test_a_model_that_was_never_called_is_built():
    run = ll.train(
        ll.EchoLag(lag=1, length=5, values=3),
        ll.Whole(),
        lambda sizes, _: Subclass(sizes),
        sequences=2000,
        learning_rate=0.02,
    )
    assert run.verdict == "solved"
    assert run.models[0].module.built


@pytest.mark.filterwarnings("ignore:`build:UserWarning")
@pytest.mark.parametrize("before", ["build", "compile and build", "a layer", "a state"])
def test_layers_that_build_leaves_without_weights_get_them(before):
    def partly(sizes, _):
        model = Subclass(sizes)
        if before == "a layer":
            model.hidden.build((None, sizes.timesteps, sizes.features))
        if before == "a state":
            model.hidden = layers.GRU(6, return_sequences=True, stateful=True)
            model.hidden.build((5, sizes.timesteps, sizes.features))
        if before == "compile and build":
            model.compile("adam", "mse")
        model.build((None, sizes.timesteps, sizes.features))
        return model

    found = ll.preflight(ll.EchoLag(lag=1, length=5, values=3), ll.Whole(), partly)
    assert found.passed, found
    assert found.parameters == 3 * 6 * (3 + 6 + 2) + 3 * (6 + 1)


@pytest.mark.parametrize("inputs", ["features", "values"])
def test_a_sequential_model_without_an_input_takes_any_number_of_rows(inputs):
    def unnamed(sizes, _):
        first = [layers.Embedding(sizes.values, 4)] if inputs == "values" else []
        gru = layers.GRU(4, return_sequences=True)
        return keras.Sequential([*first, gru, layers.Dense(sizes.outputs)])

    problem = ll.EchoLag(lag=1, length=5, values=3)
    found = preflight(problem, ll.Whole(), ll.adopt(unnamed, inputs=inputs))
    assert found.passed, found


def test_weights_that_are_fixed_stay_so():
    def frozen(sizes, seed):
        model = make(sizes, seed)
        model.layers[0].trainable = False
        return model

    problem = ll.EchoLag(lag=0, length=4, values=3)
    run = ll.train(problem, ll.Whole(), frozen, sequences=200)
    before = ll.adopt(frozen)(run.setting.sizes, 0).module.layers
    after = run.models[0].module.layers
    here, there = ([np.asarray(each.value) for each in net[0].weights] for net in (before, after))
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)
    here, there = (np.asarray(net[2].weights[0].value) for net in (before, after))
    assert (here != there).any()


def test_the_tutorial_s_stateful_model_carries_its_state_and_gives_probabilities():
    problem, framing = ll.EchoLag(lag=1, length=25, values=4), ll.Window(timesteps=5, carry=True)
    found = preflight(problem, framing, stateful)
    assert found.passed
    assert found.state == 2 * 16
    assert {check.name: check.found for check in found.checks}["number of rows"] == "5 at a time"
    run = ll.train(problem, framing, stateful, sequences=1500, learning_rate=0.01)
    assert run.verdict == "solved"
    assert run.history[0][-1].loss < 0.5
    plain = run.models[0].module
    shown = np.eye(4, dtype=np.float32)[np.arange(25).reshape(5, 5) % 4]
    for variable in plain.layers[0].states:
        variable.assign(np.zeros(variable.shape))
    said = plain.predict(shown, batch_size=5, verbose=0).argmax(axis=-1)
    assert said.tolist() == (np.arange(25).reshape(5, 5)[:, -2] % 4).tolist()


def test_state_passes_where_it_is_carried_and_is_dropped_where_it_is_not():
    model = ll.adopt(stateful)(SIZES, 0)
    zero = model.initial_state((10,))
    batch = jnp.asarray(np.concatenate([BATCH[:5], BATCH[:5]]))
    first, state = model(batch, None, zero, last=True)
    np.testing.assert_array_equal(first[:5], first[5:])  # groups of five rows, each by itself
    second, _ = model(batch, None, state, last=True)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(model(batch, None, zero, last=True)[0], first)


def test_threads_may_trace_one_model():
    class Slow(keras.layers.Layer):
        def call(self, inputs):
            time.sleep(0.2)  # both threads are in the call before either leaves it
            return inputs

    def make(sizes, _):
        rows = keras.Input(batch_shape=(5, sizes.timesteps, sizes.features))
        lstm = layers.LSTM(4, return_sequences=True, stateful=True)
        return keras.Sequential([rows, lstm, Slow(), layers.Dense(sizes.outputs)])

    model: Any = ll.adopt(make)(SIZES, 0)
    with futures.ThreadPoolExecutor(2) as pool:
        states = list(pool.map(model.initial_state, [(5,), (5,)]))
    assert [leaf.shape for state in states for leaf in jax.tree.leaves(state)] == [(5, 4)] * 4


def test_another_number_of_rows_than_it_takes_is_said():
    found = preflight(ll.EchoLag(values=4), ll.Window(timesteps=5), stateful, batch_size=8)
    (failed,) = (check for check in found.checks if not check.passed)
    assert failed.found.endswith("takes 5 rows at a time, got 8. Use batch_size=5")


def test_a_stateful_model_that_does_not_name_its_rows_is_told_how():
    def unnamed(sizes, _):
        return keras.Sequential([layers.GRU(4, stateful=True), layers.Dense(sizes.outputs)])

    found = preflight(ll.EchoLag(values=4), ll.Window(timesteps=5), unnamed)
    (failed,) = (check for check in found.checks if not check.passed)
    assert failed.name == "made"
    assert "keras.Input(batch_shape=(batch_size, sizes.timesteps, sizes.features))" in failed.found


def test_masks_reach_keras():
    mask = np.ones((6, 4), bool)
    mask[:, :2] = False
    model = ll.adopt(make)(SIZES, 0)
    moved = BATCH.copy()
    moved[:, :2] = 7
    told = jnp.asarray(mask)
    here, there = (model(jnp.asarray(each), told, ())[0] for each in (BATCH, moved))
    np.testing.assert_allclose(here[:, 2:], there[:, 2:], rtol=1e-6)


def test_seeds_differ_without_a_word_about_seeds_and_come_again():
    first, again, other = (ll.adopt(make)(SIZES, seed) for seed in (0, 0, 1))
    assert first.program == other.program
    for here, there in zip(first.trained, again.trained, strict=True):
        np.testing.assert_array_equal(here, there)
    assert (np.asarray(first.trained[0]) != np.asarray(other.trained[0])).any()


def test_integers_are_for_an_embedding():
    def embedded(sizes, _):
        return keras.Sequential(
            [
                keras.Input((sizes.timesteps,), dtype="int32"),
                layers.Embedding(sizes.values, 8),
                layers.GRU(16, return_sequences=True),
                layers.Dense(sizes.outputs),
            ]
        )

    problem = ll.EchoLag(lag=1, length=5, values=4)
    made = ll.adopt(embedded, inputs="values")
    run = ll.train(problem, ll.Whole(), made, sequences=2000, learning_rate=0.01)
    assert run.verdict == "solved"


def test_the_gradient_is_that_of_the_arrays_alone():
    model = ll.adopt(make)(SIZES, 0)
    grads = jax.grad(lambda arrays: _total(model, arrays))(model.trained)
    step = [np.zeros(each.shape, np.float32) for each in model.trained]
    step[-1][0] = 1e-2
    up, down = (
        float(_total(model, [a + sign * b for a, b in zip(model.trained, step, strict=True)]))
        for sign in (1, -1)
    )
    assert float(grads[-1][0]) == pytest.approx((up - down) / 2e-2, rel=1e-2)


def _total(model, arrays):
    moved = type(model)(arrays, model.buffers, model.program)
    return (moved(jnp.asarray(BATCH), None, ())[0] ** 2).sum()


@pytest.mark.filterwarnings("ignore:Layer 'sequential.* was passed an input with a mask")
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("settings", [{}, {"return_sequences": True}, {"activation": "relu"}])
def test_recurrent_layers_are_the_functions_that_keras_has(kind, masked, settings):
    """Whether they run on our loop or on Keras's; the gradient too."""

    def net(sizes, _):
        return keras.Sequential(
            [
                keras.Input((sizes.timesteps, sizes.features)),
                kind(6, bias_initializer="normal", **settings),
                layers.Dense(sizes.outputs),
            ]
        )

    model = ll.adopt(net)(SIZES, 0)
    plain = model.module
    ids = np.random.default_rng(1).integers(3, size=(6, 4))
    shown = np.eye(3, dtype=np.float32)[ids]
    mask = None
    if masked:
        mask = np.array(np.random.default_rng(2).random((6, 4)) < 0.6)
        mask[:, -1] = True
    last = not settings.get("return_sequences", False)
    told = None if mask is None else jnp.asarray(mask)

    def ours(arrays, inputs):
        moved = type(model)(arrays, model.buffers, model.program)
        return moved(inputs, told, (), last=last)[0]

    def theirs(arrays):
        pairs = zip(plain.trainable_variables, arrays, strict=True)
        with keras.StatelessScope(state_mapping=list(pairs)):
            said = plain(shown, mask=told)
        return said[:, None] if last else said

    for inputs in (jnp.asarray(ids), jnp.asarray(shown)):
        np.testing.assert_allclose(
            ours(model.trained, inputs), theirs(model.trained), rtol=1e-5, atol=1e-6
        )
        here, there = (
            jax.grad(lambda arrays, say=say: (say(arrays) ** 2).sum())(model.trained)
            for say in (lambda arrays, inputs=inputs: ours(arrays, inputs), theirs)
        )
        for one, other in zip(here, there, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert "inner_loop" not in vars(plain.layers[0])


def test_stateful_layers_carry_their_state_through_training():
    """Which Keras's own `fit` on JAX does not: the reference calls the model batch by batch."""
    problem, framing = ll.EchoLag(lag=1, length=25, values=4), ll.Window(timesteps=5, carry=True)
    run = ll.train(problem, framing, stateful, sequences=10)
    losses = np.concatenate([report.losses for report in run.history[0]])
    model = ll.adopt(stateful)(run.setting.sizes, 0).module
    states, variables = list(model.layers[0].states), model.trainable_variables
    optimizer = OPTIMIZERS["adam"](1e-3)
    weights = [variable.value for variable in variables]
    moments = optimizer.init(weights)

    def loss(weights, state, inputs, targets):
        pairs = [*zip(variables, weights, strict=True), *zip(states, state, strict=True)]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            said = model(inputs, training=True)
            after = [scope.get_current_value(variable) for variable in states]
        chosen = jnp.take_along_axis(jnp.clip(said, 1e-7, 1 - 1e-7), targets, axis=1)
        return -jnp.log(chosen).mean(), after

    differ = jax.jit(jax.value_and_grad(loss, has_aux=True))
    expected, state = [], []
    for batch in itertools.islice(framing.stream(problem, 5, 0, features=True), len(losses)):
        if batch.reset:
            state = [jnp.zeros(variable.shape) for variable in states]
        told = jnp.asarray(batch.inputs), jnp.asarray(batch.targets)
        (value, state), grads = differ(weights, state, *told)
        changes, moments = optimizer.update(grads, moments, weights)
        weights = optax.apply_updates(weights, changes)
        expected.append(float(value))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_a_softmax_that_does_not_speak_last_is_none():
    def gated(sizes, _):
        shown = keras.Input((sizes.timesteps, sizes.features))
        said = layers.Dense(sizes.outputs, activation="softmax")(layers.GRU(8)(shown))
        return keras.Model(shown, keras.ops.log(said + 1e-3))

    made = ll.adopt(gated)(SIZES, 0)
    assert made.program.outputs == "logits"

    def plain(sizes, _):
        shown = keras.Input((sizes.timesteps, sizes.features))
        said = layers.Dense(sizes.outputs, activation="softmax")(layers.GRU(8)(shown))
        return keras.Model(shown, said)

    assert ll.adopt(plain)(SIZES, 0).program.outputs == "probabilities"


def test_a_constraint_is_refused_since_it_would_not_be_kept():
    def bounded(sizes, _):
        return keras.Sequential(
            [
                keras.Input((sizes.timesteps, sizes.features)),
                layers.Dense(sizes.outputs, kernel_constraint="max_norm"),
            ]
        )

    with pytest.raises(ValueError, match="has a constraint, which the compiled loop does not keep"):
        ll.adopt(bounded)(SIZES, 0)


def test_masking_passes_over_the_steps_that_are_masked():
    """Wherever the padding stands, it learns as a model that is told the mask."""
    problem = ll.EchoLag(lag=1, length=5, values=4)

    def masked(value, units=6):
        def make(sizes, _):
            begin = [] if value is None else [layers.Masking(value)]
            shape = keras.Input((sizes.timesteps, sizes.features))
            rest = [layers.LSTM(units), layers.Dense(sizes.outputs)]
            return keras.Sequential([shape, *begin, *rest])

        return make

    def losses(framing, value):
        assert preflight(problem, framing, masked(value)).passed
        run = ll.train(problem, framing, masked(value), sequences=40)
        return np.concatenate([report.losses for report in run.history[0]])

    expected = losses(ll.Prefix(), None)
    for framing, value in ((ll.Prefix(), -1.0), (ll.Prefix(pad="end"), 0.0)):
        np.testing.assert_allclose(losses(framing, value), expected, rtol=1e-5)


@pytest.mark.parametrize("framing", [ll.Whole(), ll.Prefix(), ll.Window(timesteps=4)])
@pytest.mark.parametrize(
    ("value", "encoding", "fails"),
    [(0.0, ll.Scaled, True), (-1, ll.Scaled, False), (0, ll.OneHot, False)],
)
def test_masking_that_skips_a_value_is_named(framing, value, encoding, fails):
    """The smallest integer is 0 when scaled; no one-hot vector is zeros alone."""

    def make(sizes, _):
        shape = keras.Input((sizes.timesteps, sizes.features))
        rest = [layers.LSTM(4), layers.Dense(sizes.outputs)]
        if framing == ll.Whole():
            rest[0] = layers.LSTM(4, return_sequences=True)
        return keras.Sequential([shape, layers.Masking(value), *rest])

    found = preflight(ll.EchoLag(lag=1, length=8, values=5), framing, make, encoding=encoding)
    failed = {check.name: check.found for check in found.checks if not check.passed}
    assert list(failed) == ["mask"] * fails
    assert not fails or "those with inputs of 0: a value here" in failed["mask"]


@pytest.mark.parametrize("lost", [False, True])
def test_a_layer_that_loses_the_mask_is_named(lost):
    def make(sizes, _):
        inputs = keras.Input((sizes.timesteps, sizes.features))
        masked = layers.Masking(0.0)(inputs)
        if lost:
            masked = layers.Conv1D(5, 3, padding="causal")(masked)
        return keras.Model(inputs, layers.Dense(sizes.outputs)(layers.LSTM(4)(masked)))

    found = preflight(ll.EchoLag(lag=1, length=6, values=4), ll.Prefix(), make)
    failed = {check.name: check.found for check in found.checks if not check.passed}
    assert list(failed) == ["mask"] * lost
    assert not lost or failed["mask"].endswith("a layer Conv1D loses the mask")
    assert not [check for check in found.checks if check.name == "warning"]


def test_a_softmax_of_each_step_is_known():
    def make(sizes, _):
        last = layers.TimeDistributed(layers.Dense(sizes.outputs, activation="softmax"))
        return keras.Sequential([keras.Input((sizes.timesteps, sizes.features)), last])

    assert ll.adopt(make)(SIZES, 0).program.outputs == "probabilities"


def softmax_last(axis=-1, begin=()):
    def make(sizes, _):
        shape = keras.Input((sizes.timesteps, sizes.features))
        rest = [layers.LSTM(4, return_sequences=True), layers.Dense(sizes.outputs)]
        return keras.Sequential([shape, *begin, *rest, layers.Softmax(axis=axis)])

    return make


@pytest.mark.parametrize("framing", [ll.Window(timesteps=4, missing="mask"), ll.Prefix(pad="end")])
@pytest.mark.parametrize("masking", [False, True])
def test_a_mask_of_timesteps_is_not_one_of_the_values_of_a_softmax_layer(framing, masking):
    """The timesteps masked are skipped by the layers before it, whose values are all its own."""
    problem = ll.EchoLag(lag=1, length=6, values=4)
    make = softmax_last(begin=[layers.Masking(0.0)] if masking else [])
    found = preflight(problem, framing, make)
    assert {check.name: check.found for check in found.checks if not check.passed} == {}
    sizes = ll.Setting(problem=problem, framing=framing, model=ll.LSTM()).sizes
    model, inputs = ll.adopt(make)(sizes, 0), jnp.ones((4, sizes.timesteps, sizes.features))
    mask = jnp.arange(sizes.timesteps) < jnp.arange(1, 5)[:, None]
    outputs = np.exp(model(inputs, mask, ())[0])
    np.testing.assert_allclose(outputs.sum(-1), 1, rtol=1e-5)


def test_a_softmax_layer_over_time_is_named():
    found = preflight(ll.EchoLag(lag=1, length=6, values=4), ll.Whole(), softmax_last(axis=1))
    (failed,) = (check for check in found.checks if not check.passed)
    assert failed.found == "the outputs sum to 1 over time: a softmax over the wrong axis"
    assert failed.remedy == "Leave the softmax out; else let it run over the last axis."


def test_an_error_about_a_mask_does_not_ask_for_values():
    class Masked(keras.layers.Layer):
        def call(self, inputs, mask=None):
            if mask is not None:
                raise ValueError("the mask has a wrong shape")
            return inputs

    def make(sizes, _):
        shape = keras.Input((sizes.timesteps, sizes.features))
        return keras.Sequential([shape, Masked(), layers.LSTM(4), layers.Dense(sizes.outputs)])

    found = preflight(ll.EchoLag(lag=1, length=6, values=4), ll.Prefix(), make)
    (failed,) = (check for check in found.checks if not check.passed)
    assert "the mask has a wrong shape" in failed.found
    assert "Does it take values?" not in failed.found


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_bfloat16"])
def test_layers_of_bfloat16_are_trained_and_kept(trained_and_kept, dtype):
    def make(sizes, _):
        dense = [layers.Dense(size, dtype=dtype) for size in (8, sizes.outputs)]
        return keras.Sequential([keras.Input((sizes.timesteps, sizes.features)), *dense])

    trained_and_kept(make)


def test_a_type_in_which_recurrent_weights_cannot_be_drawn_is_told_with_the_cure():
    def make(sizes, _):
        return keras.Sequential(
            [keras.Input((sizes.timesteps, sizes.features)), layers.LSTM(4, dtype="bfloat16")]
        )

    with pytest.raises(ValueError, match=r"no orthogonal initializer in bfloat16"):
        ll.adopt(make)(SIZES, 0)


class Remembering(layers.Layer):
    """Adds to its inputs the last ones of the call before, from a weight that is not trained."""

    def build(self, input_shape):
        self.memory = self.add_weight(shape=(input_shape[-1],), trainable=False, name="memory")

    def call(self, inputs):
        before = self.memory + 0.0
        self.memory.assign(inputs[0, -1])
        return inputs + before


def test_state_that_a_weight_takes_to_the_next_sequence_is_named():
    def remembering(sizes, _):
        return keras.Sequential([Remembering(), layers.Dense(sizes.outputs)])

    found = preflight(ll.EchoLag(lag=0, length=5, values=4), ll.Whole(), remembering)
    assert not found.passed
    assert "outside training: each call changes `" in found.checks[-1].found
    assert found.checks[-1].found.endswith("/memory`")


class MadeInCall(keras.Model):
    def __init__(self, sizes, first):
        super().__init__()
        self.first = first
        self.readout = layers.Dense(sizes.outputs) if first else None
        self.outputs_of_a_step = sizes.outputs

    def call(self, inputs):
        hidden = layers.Activation("relu")(layers.GRU(4, return_sequences=True)(inputs))
        return (self.readout or layers.Dense(self.outputs_of_a_step))(hidden)


@pytest.mark.parametrize("first", [False, True])
def test_a_layer_that_a_call_makes_is_named(first):
    make = lambda sizes, _: MadeInCall(sizes, first)  # noqa: E731
    last = preflight(ll.EchoLag(lag=0, length=5, values=4), ll.Whole(), make).checks[-1]
    assert last.found == "its call makes a layer, a GRU, whose weights nothing trains"
    assert last.remedy == "Make it in __init__, and store it on the model."


def test_a_layer_without_weights_may_be_made_in_a_call():
    class Activated(keras.Model):
        def __init__(self, sizes):
            super().__init__()
            self.readout = layers.Dense(sizes.outputs)

        def call(self, inputs):
            return self.readout(layers.Activation("tanh")(inputs))

    assert preflight(
        ll.EchoLag(lag=0, length=5, values=4), ll.Whole(), lambda sizes, _: Activated(sizes)
    ).passed


def test_one_output_after_the_last_step_is_enough_for_windows():
    def last(sizes, _):
        return keras.Sequential([layers.GRU(4), layers.Dense(sizes.outputs)])

    assert preflight(ll.EchoLag(values=4), ll.Window(timesteps=5), last).passed


def test_an_embedding_of_real_numbers_is_named():
    def embedded(sizes, _):
        flat = layers.Reshape((sizes.timesteps, -1))
        return keras.Sequential([layers.Embedding(9, 3), flat, layers.Dense(sizes.outputs)])

    last = preflight(ll.Ramp(), ll.Whole(), embedded).checks[-1]
    assert last.found.startswith("the outputs depend only on the whole part of inputs")
    assert "use a linear layer" in last.remedy


def test_a_model_under_another_backend_is_refused_by_name(tmp_path):
    """It is a module of PyTorch there too."""
    pytest.importorskip("torch", reason="PyTorch is not installed here")
    (tmp_path / "own.py").write_text(
        "import keras\n\ndef make_model(sizes, seed):\n"
        "    inputs = keras.Input((None, sizes.features))\n"
        "    return keras.Model(inputs, keras.layers.Dense(sizes.outputs)(inputs))\n"
    )
    call = "import sys; from longlag.cli.app import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", call, "check", "own.py:make_model"],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
    )
    text = " ".join(done.stdout.split())
    assert "Keras runs on torch here, its models are trained on jax. Set KERAS_BACKEND=jax" in text


def test_a_call_is_given_its_mode_whatever_the_name():
    class Named(Subclass):
        def call(self, inputs, deterministic=False):
            hidden = self.hidden(inputs)
            return self.readout(hidden if deterministic else hidden + 1)

    model = ll.adopt(lambda sizes, _: Named(sizes))(SIZES, 0)
    shown = jnp.asarray(BATCH)
    outputs, lesson = model(shown, None, ())[0], model.apply_train(shown, None, ())
    np.testing.assert_allclose(outputs, model.module(BATCH, deterministic=True), rtol=1e-5)
    np.testing.assert_allclose(lesson.outputs, model.module(BATCH, deterministic=False), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:make_model reads")
@pytest.mark.parametrize("place", ["global", "closure", "Lambda", "own", "fixed"])
def test_weights_of_layers_that_are_none_of_the_model_are_found(place):
    outside = layers.Dense(4, trainable=place != "fixed")
    outside.build((None, None, 4))

    class Reaching(keras.Model):
        def __init__(self, sizes):
            super().__init__()
            self.first, self.readout = layers.Dense(4), layers.Dense(sizes.outputs)
            inside = layers.Dense(4)
            if place == "own":
                self.inside = inside
            self.middle = lambda inputs: inside(inputs)

        def call(self, inputs):
            between = outside if place in ("global", "fixed") else self.middle
            return self.readout(between(self.first(inputs)))

    def make_model(sizes, _):
        if place != "Lambda":
            return Reaching(sizes)
        inputs = keras.Input((sizes.timesteps, sizes.features))
        between = layers.Lambda(lambda each: outside(each), output_shape=(None, 4))
        return keras.Model(inputs, layers.Dense(sizes.outputs)(between(layers.Dense(4)(inputs))))

    last = preflight(ll.EchoLag(lag=0, length=6, values=3), ll.Whole(), make_model).checks[-1]
    if place in ("own", "fixed"):
        assert last.passed
    else:
        assert "/kernel, of a layer that is none of its own" in last.found
        assert "nothing trains it. Make each layer in __init__" in f"{last.found}. {last.remedy}"
