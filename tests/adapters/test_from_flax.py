from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax", reason="Flax is not installed here")

import jax
import jax.numpy as jnp
from flax import nnx  # pyright: ignore[reportMissingImports]

import longlag

ll: Any = longlag  # whose models have what their own libraries give them

SIZES = ll.Sizes(features=3, outputs=2, timesteps=4)
BATCH = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)


class Net(nnx.Module):
    def __init__(self, sizes, rngs):
        self.rnn: Any = nnx.RNN(nnx.GRUCell(sizes.features, 6, rngs=rngs))
        self.norm = nnx.BatchNorm(6, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.readout = nnx.Linear(6, sizes.outputs, rngs=rngs)

    def __call__(self, inputs):
        return self.readout(self.dropout(self.norm(self.rnn(inputs))))


class Carrying(nnx.Module):
    def __init__(self, sizes, rngs):
        self.rnn: Any = nnx.RNN(nnx.GRUCell(sizes.features, 6, rngs=rngs), return_carry=True)
        self.readout = nnx.Linear(6, sizes.outputs, rngs=rngs)

    def __call__(self, inputs, state=None):
        state, hidden = self.rnn(inputs, initial_carry=state)
        return self.readout(hidden), state


def make(sizes, seed):
    return Net(sizes, nnx.Rngs(seed))


def carrying(sizes, seed):
    return Carrying(sizes, nnx.Rngs(seed))


def test_outputs_are_those_of_the_module_not_in_training():
    plain = make(SIZES, 0)
    plain.eval()
    outputs, _ = ll.adopt(make)(SIZES, 0)(jnp.asarray(BATCH), None, ())
    np.testing.assert_allclose(outputs, plain(BATCH), rtol=1e-5, atol=1e-6)


def test_training_is_that_of_the_module_its_statistics_and_random_state_included():
    plain, model = make(SIZES, 0), ll.adopt(make)(SIZES, 0)
    plain.train()
    for _ in range(2):
        said = plain(BATCH)
        lesson = model.apply_train(jnp.asarray(BATCH), None, ())
        np.testing.assert_allclose(lesson.outputs, said, rtol=1e-5, atol=1e-6)
        model = type(model)(model.trained, lesson.buffers, model.program)
    np.testing.assert_allclose(model.module.norm.mean[...], plain.norm.mean[...], rtol=1e-6)
    assert np.abs(plain.norm.mean[...]).max() > 0


def test_only_parameters_are_trained():
    problem = ll.EchoLag(lag=0, length=4, values=3)
    run = ll.train(problem, ll.Whole(), make, sequences=300)
    sizes = run.setting.sizes
    before, after = ll.adopt(make)(sizes, 0), run.models[0]
    assert jax.tree.structure(before) == jax.tree.structure(after)
    moved = {
        name: np.abs(np.asarray(before.trained[name]) - np.asarray(after.trained[name])).max()
        for name in before.trained
    }
    assert min(moved.values()) > 0
    assert {"readout.kernel", "norm.scale"} <= set(moved)
    assert run.models[0].module.norm.mean.shape == (6,)


def test_state_goes_on_from_batch_to_batch():
    problem = ll.EchoLag(lag=1, length=6, values=3)
    run = ll.train(
        problem, ll.Chunks(timesteps=3, carry=True), carrying, sequences=4000, learning_rate=0.02
    )
    assert run.accuracy.mean > 0.95  # 1 of 5 targets lies beyond the chunk, through state alone


def test_seeds_share_a_program():
    first, second = (ll.adopt(make)(SIZES, seed) for seed in range(2))
    assert first.program == second.program
    weights = [model.trained["readout.kernel"] for model in (first, second)]
    assert np.abs(np.asarray(weights[0]) - np.asarray(weights[1])).max() > 0


# Linen.


def dense(sizes, seed):  # noqa: ARG001 - longlag gives it the seed
    from flax import linen

    return linen.Dense(sizes.outputs)


def test_a_linen_module_is_bridged_and_seeded():
    model, again, other = (ll.adopt(dense)(SIZES, seed) for seed in (0, 0, 1))
    outputs = [
        np.asarray(each(jnp.asarray(BATCH), None, None)[0]) for each in (model, again, other)
    ]
    assert outputs[0].shape == (5, 4, 2)
    assert np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])


def test_a_linen_module_learns():
    problem = ll.EchoLag(length=5, lag=0, values=3)
    run = ll.train(problem, ll.Whole(), dense, sequences=400, learning_rate=0.1)
    assert run.accuracy.mean == 1.0


def of_mode(sizes, signature) -> Any:
    """A Linen module with dropout and batch statistics, whose call has a mode by some name."""
    from flax import linen

    def call(self, inputs, training):  # noqa: ARG001
        norm = linen.BatchNorm(use_running_average=not training)(inputs)
        return linen.Dense(sizes.outputs)(linen.Dropout(0.5, deterministic=not training)(norm))

    def default(self, inputs, train: bool = True):
        return call(self, inputs, train)

    def required(self, inputs, training: bool):
        return call(self, inputs, training)

    def named(self, inputs, *, deterministic: bool):
        return call(self, inputs, not deterministic)

    own = {"default": default, "required": required, "named": named}[signature]
    return type("Mode", (linen.Module,), {"__call__": linen.compact(own), "__module__": __name__})()


@pytest.mark.parametrize("signature", ["default", "required", "named"])
def test_the_call_of_a_linen_module_is_given_its_mode(signature):
    model: Any = ll.adopt(lambda sizes, _: of_mode(sizes, signature))(SIZES, 0)
    scaled = jnp.asarray(BATCH * 3 + 1)
    outputs, lesson = model(scaled, None, ())[0], model.apply_train(scaled, None, ())
    assert np.array_equal(outputs, model(scaled, None, ())[0])
    plain, name = of_mode(SIZES, signature), {"default": "train", "required": "training"}
    kept = {
        "params": {
            "BatchNorm_0": {"scale": model.trained["BatchNorm_0.scale"], "bias": np.zeros(3)},
            "Dense_0": {each: model.trained[f"Dense_0.{each}"] for each in ("kernel", "bias")},
        },
        "batch_stats": {"BatchNorm_0": {"mean": np.zeros(3), "var": np.ones(3)}},
    }
    mode = {name[signature]: False} if signature in name else {"deterministic": True}
    np.testing.assert_allclose(outputs, plain.apply(kept, scaled, **mode), rtol=1e-5, atol=1e-6)
    after = type(model)(model.trained, lesson.buffers, model.program).module
    np.testing.assert_allclose(
        after.BatchNorm_0["mean"][...], 0.01 * scaled.mean((0, 1)), rtol=1e-4
    )
    normal = (scaled - scaled.mean((0, 1))) / scaled.std((0, 1))
    undropped = normal @ kept["params"]["Dense_0"]["kernel"]
    assert np.abs(lesson.outputs - undropped).max() > 0.1  # dropout acts in training
    problem = ll.EchoLag(lag=1, length=5, values=4)
    assert ll.preflight(problem, ll.Whole(), lambda each, _: of_mode(each, signature)).passed


def test_a_linen_module_may_carry_state_and_sow():
    from flax import linen

    class Carry(linen.Module):
        outputs: int

        @linen.compact
        def __call__(self, inputs, state=None):
            rnn = linen.RNN(linen.GRUCell(12), return_carry=True)
            state, hidden = rnn(inputs, initial_carry=state)
            self.sow("losses", "square", (hidden**2).mean())
            return linen.Dense(self.outputs)(hidden), state

    problem, framing = ll.EchoLag(lag=1, length=6, values=3), ll.Chunks(timesteps=3, carry=True)
    make = lambda sizes, _: Carry(sizes.outputs)  # noqa: E731
    found = ll.preflight(problem, framing, make)
    assert found.passed
    assert found.state == 12


def test_a_linen_embedding_takes_values():
    from flax import linen

    def embedded(sizes, seed):  # noqa: ARG001
        return linen.Sequential([linen.Embed(sizes.values, 4), linen.Dense(sizes.outputs)])

    problem = ll.EchoLag(length=5, lag=0, values=3)
    model = ll.adopt(embedded, inputs="values")
    assert (
        ll.train(problem, ll.Whole(), model, sequences=400, learning_rate=0.1).accuracy.mean == 1.0
    )


def of_nnx(sizes, seed):
    narrow: Any = {"param_dtype": jnp.bfloat16, "dtype": jnp.bfloat16}
    return nnx.Linear(sizes.features, sizes.outputs, rngs=nnx.Rngs(seed), **narrow)


def of_linen(sizes, _):
    from flax import linen  # pyright: ignore[reportMissingImports]

    narrow: Any = {"param_dtype": jnp.bfloat16, "dtype": jnp.bfloat16}
    return linen.Dense(sizes.outputs, **narrow)


@pytest.mark.parametrize("narrow", [of_nnx, of_linen])
def test_a_module_of_bfloat16_is_trained_and_kept(trained_and_kept, narrow):
    trained_and_kept(narrow)


def test_a_number_that_all_rows_share_is_state():
    class Counting(nnx.Module):
        def __init__(self, sizes, rngs):
            self.readout = nnx.Linear(sizes.features, sizes.outputs, rngs=rngs)

        def __call__(self, inputs, state=None):
            zero = jnp.zeros(()), jnp.zeros((len(inputs), inputs.shape[2]))
            count, total = zero if state is None else state
            said = self.readout(inputs.cumsum(1) + total[:, None] + count)
            return said, (count + 1, inputs.sum(1) + total)

    problem = ll.EchoLag(lag=1, length=6, values=4)
    for framing in (ll.Whole(), ll.Chunks(timesteps=2, carry=True)):
        found = ll.preflight(problem, framing, lambda s, seed: Counting(s, nnx.Rngs(seed)))
        assert found.passed
        assert found.state == 5


def test_a_budget_that_rows_share_is_named_by_rows():
    class Shared(Net):
        def __call__(self, inputs):
            kept = jnp.cumsum(inputs.reshape(-1, inputs.shape[-1]), axis=0) < 2
            return super().__call__(inputs * kept.reshape(inputs.shape))

    problem = ll.EchoLag(lag=1, length=6, values=4)
    found = ll.preflight(problem, ll.Whole(), lambda sizes, seed: Shared(sizes, nnx.Rngs(seed)))
    failed = {check.name: check.found for check in found.checks if not check.passed}
    assert failed == {"rows": "the place of a row in its batch changes its outputs"}


def test_reshaped_rows_are_found_where_they_divide_the_steps():
    class Viewed(Net):
        def __call__(self, inputs):
            rows, time, features = inputs.shape
            return super().__call__(inputs.reshape(time, rows, features)).reshape(rows, time, -1)

    problem = ll.EchoLag(lag=1, length=10, values=4)
    found = ll.preflight(problem, ll.Whole(), lambda sizes, seed: Viewed(sizes, nnx.Rngs(seed)))
    failed = {check.name: check.found for check in found.checks if not check.passed}
    assert failed == {"number of rows": "a row has other outputs in a batch of 1 than in one of 5"}


class Remembering(nnx.Module):
    """Stores its last hidden state in a variable, for the next call to start from."""

    def __init__(self, sizes, seed, *, only_stores=False):
        rngs = nnx.Rngs(seed)
        self.rnn: Any = nnx.RNN(nnx.GRUCell(sizes.features, 6, rngs=rngs), return_carry=True)
        self.norm = nnx.BatchNorm(6, rngs=rngs)
        self.readout = nnx.Linear(6, sizes.outputs, rngs=rngs)
        self.memory = nnx.Variable(jnp.zeros((1, 6)))
        self.only_stores = only_stores

    def __call__(self, inputs):
        shape = len(inputs), 6
        start = jnp.zeros(shape) if self.only_stores else jnp.broadcast_to(self.memory[...], shape)
        state, hidden = self.rnn(inputs, initial_carry=start)
        self.memory[...] = state.mean(0, keepdims=True)
        self.sow(nnx.Intermediate, "hidden", hidden)
        return self.readout(self.norm(hidden))


@pytest.mark.filterwarnings("ignore:Using .Module.sow:DeprecationWarning")
@pytest.mark.parametrize("harmless", [True, False])
def test_state_that_a_variable_takes_to_the_next_sequence_is_named(harmless):
    def make(sizes, seed):
        return Remembering(sizes, seed, only_stores=harmless)

    found = ll.preflight(ll.EchoLag(lag=1, length=5, values=4), ll.Whole(), make)
    assert found.passed == harmless
    if not harmless:
        assert found.checks[-1].found.endswith("outside training: each call changes `memory`")
        assert found.checks[-1].remedy.startswith("Take the state as an argument `state`")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("dropout", "two different outputs for the same inputs, outside training: each call draws"),
        ("layer", "its call makes a layer, a Linear, whose weights nothing trains"),
        ("layer of one seed", "its call makes a layer, a Linear, whose weights nothing trains"),
        ("", None),
    ],
)
def test_dropout_and_layers_of_a_call_are_told_apart(fault, said):
    class Calling(nnx.Module):
        def __init__(self, sizes, rngs):
            self.first = nnx.Linear(sizes.features, 4, rngs=rngs)
            self.drop = nnx.Dropout(0.5, rngs=rngs)
            self.rngs = rngs

        def __call__(self, inputs):
            if fault.startswith("layer"):
                rngs = nnx.Rngs(0) if fault == "layer of one seed" else self.rngs
                inputs = nnx.Linear(4, 4, rngs=rngs)(inputs)
            return self.drop(self.first(inputs), deterministic=False if fault else None)

    make = lambda sizes, seed: Calling(sizes, nnx.Rngs(seed))  # noqa: E731
    found = ll.preflight(ll.EchoLag(lag=1, length=6, values=4), ll.Whole(), make)
    failed = [check for check in found.checks if not check.passed]
    assert failed == [] if said is None else failed[0].found.startswith(said)
    assert fault != "dropout" or "leave deterministic=False out" in failed[0].remedy


OUTSIDE = nnx.Linear(4, 4, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("outside", [False, True])
def test_a_layer_that_is_none_of_the_module_is_mentioned(outside):
    class Reaching(nnx.Module):
        def __init__(self, sizes, rngs):
            self.first = nnx.Linear(sizes.features, 4, rngs=rngs)
            self.own = nnx.Linear(4, 4, rngs=rngs)
            self.readout = nnx.Linear(4, sizes.outputs, rngs=rngs)

        def __call__(self, inputs):
            middle = OUTSIDE(self.first(inputs)) if outside else self.first(inputs)
            return self.readout(self.own(middle))

    make = lambda sizes, seed: Reaching(sizes, nnx.Rngs(seed))  # noqa: E731
    found = ll.preflight(ll.EchoLag(lag=0, length=6, values=4), ll.Whole(), make)
    assert found.passed
    assert [each[:30] for each in found.warnings] == ["it uses a layer, a Linear, tha"] * outside
