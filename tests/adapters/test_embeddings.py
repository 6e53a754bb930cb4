"""An embedding with too few rows is found in each library, and no sound model is taken for one."""

import os
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import longlag as ll
from longlag.checks.model import preflight

os.environ.setdefault("KERAS_BACKEND", "jax")

VALUES = 40
ECHO = ll.EchoLag(lag=1, length=6, values=VALUES)


class Embedded(eqx.Module):
    embedding: Any  # or a table
    readout: eqx.nn.Linear
    read: Any = eqx.field(static=True)

    def __call__(self, inputs):
        table = self.embedding
        whole = self.read(inputs)
        each = table[whole] if isinstance(table, jax.Array) else jax.vmap(table)(whole)
        return jax.vmap(self.readout)(jnp.cumsum(each, axis=0))


def in_equinox(sizes, seed, rows, read, wrap: Any = eqx.nn.Embedding):
    one, other = jax.random.split(jax.random.key(seed))
    table = jax.random.normal(one, (rows, 8))
    return Embedded(wrap(weight=table), eqx.nn.Linear(8, sizes.outputs, key=other), read)


def in_jax(*arguments):
    return in_equinox(*arguments, wrap=lambda weight: weight)


def in_flax(sizes, seed, rows, read):
    pytest.importorskip("flax", reason="Flax is not installed here")
    from flax import nnx  # pyright: ignore[reportMissingImports]

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.embed = nnx.Embed(rows, 8, rngs=rngs)
            self.readout = nnx.Linear(8, sizes.outputs, rngs=rngs)

        def __call__(self, inputs):
            return self.readout(self.embed(read(inputs)))

    return Net(nnx.Rngs(seed))


def in_keras(sizes, seed, rows, read):
    pytest.importorskip("keras", reason="Keras is not installed here")
    import keras  # pyright: ignore[reportMissingImports]

    keras.utils.set_random_seed(seed)
    inputs = keras.Input((sizes.timesteps,), dtype="int32")
    hidden = keras.layers.Embedding(rows, 8)(read(inputs))
    return keras.Model(inputs, keras.layers.Dense(sizes.outputs)(hidden))


def in_torch(sizes, seed, rows, read):
    del seed
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(rows, 8)
            self.readout = torch.nn.Linear(8, sizes.outputs)

        def forward(self, inputs):
            return self.readout(self.embed(read(inputs)))

    return Net()


def checked(make, rows, read=lambda inputs: inputs, framing=None):
    model = ll.adopt(lambda sizes, seed: make(sizes, seed, rows, read), inputs="values")
    return preflight(ECHO, framing or ll.Whole(), model)


@pytest.mark.parametrize("framing", [ll.Whole(), ll.Window(timesteps=1)], ids=repr)
@pytest.mark.parametrize(
    ("rows", "added", "said"),
    [
        (10, 0, "An embedding is too short: "),
        (VALUES - 1, 0, "An embedding is too short: "),
        (VALUES, 1, "or use `sizes.values` + 1."),
        (VALUES, 3, "or use `sizes.values` + 3."),
        (VALUES + 1, 1, ""),
        (VALUES, 0, ""),
    ],
)
@pytest.mark.parametrize("make", [in_equinox, in_flax, in_keras, in_torch])
def test_an_embedding_too_short_for_the_values_is_found(make, rows, added, said, framing):
    found = checked(make, rows, lambda inputs: inputs + added, framing)
    assert found.passed == (not said)
    assert said in found.checks[-1].remedy


@pytest.mark.parametrize(
    ("make", "rows", "span"),
    [
        (in_equinox, 10, "9 to 39"),
        (in_jax, 10, "9 to 39"),
        (in_equinox, VALUES - 1, "38 and 39"),
        (in_equinox, 2, "1 to 39"),
    ],
)
def test_the_integers_that_jax_takes_for_one_are_named(make, rows, span):
    last = checked(make, rows).checks[-1]
    assert last.found == f"its outputs are equal for the integers {span}"


@pytest.mark.parametrize(
    ("rows", "read"),
    [
        (VALUES, lambda inputs: jnp.log2(1.0 + inputs).astype(int)),  # ranges of growing length
        (VALUES // 2, lambda inputs: inputs // 2),
        (VALUES, lambda inputs: jnp.minimum(inputs, VALUES // 2)),
    ],
    ids=["logarithm", "half", "at most"],
)
def test_values_that_a_model_takes_together_on_purpose_are_not_refused(rows, read):
    assert checked(in_equinox, rows, read).passed


def in_linen(sizes, seed, rows, read):
    del seed
    pytest.importorskip("flax", reason="Flax is not installed here")
    import flax.linen as nn  # pyright: ignore[reportMissingImports]

    class Net(nn.Module):
        @nn.compact
        def __call__(self, inputs):
            return nn.Dense(sizes.outputs)(nn.Embed(rows, 8)(read(inputs)))

    return Net()


@pytest.mark.parametrize("inputs", ["features", "values"])
@pytest.mark.parametrize("make", [in_equinox, in_flax, in_linen, in_keras, in_torch])
def test_where_inputs_are_reals_an_embedding_of_the_values_is_told_so(make, inputs):
    model = ll.adopt(lambda *given: make(*given, given[0].values, lambda each: each), inputs=inputs)
    last = preflight(ll.Ramp(length=6), ll.Whole(), model).checks[-1]
    assert (last.name, last.passed) == ("made", False)
    assert last.found.startswith("it uses `sizes.values`, which is None: the model takes values,")


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (
            lambda sizes: int(f"{sizes.features} steps"),
            "it fails: ValueError: invalid literal for int",
        ),
        (lambda sizes: sizes.features.size, "it fails: AttributeError: "),
        (lambda sizes: range(sizes.values), "it uses `sizes.values`, which is None"),
    ],
)
def test_what_fails_for_another_reason_is_not_blamed_on_the_values(fails, said):
    with pytest.raises(ValueError, match=said):
        ll.train(ll.Ramp(length=6), ll.Whole(), lambda sizes, _: fails(sizes))


def saturated(sizes, seed, rows, read):
    """One number a step, which the highest values saturate."""
    del rows, read

    class Net(eqx.Module):
        weight: jax.Array
        readout: eqx.nn.Linear

        def __call__(self, inputs):
            return jax.vmap(self.readout)(jnp.tanh(inputs[:, None] * self.weight))

    key = jax.random.key(seed)
    return Net(jnp.full((4,), 0.5), eqx.nn.Linear(4, sizes.outputs, key=key))


def cut_off(sizes, seed, rows, read):
    """A narrow embedding after whose activation the highest values are 0."""
    del read

    class Net(Embedded):
        def __call__(self, inputs):
            each = jax.nn.relu(jax.vmap(self.embedding)(inputs))
            return jax.vmap(self.readout)(each)

    table = jnp.arange(float(rows))[::-1, None] - 2.5
    readout = eqx.nn.Linear(1, sizes.outputs, key=jax.random.key(seed))
    return Net(eqx.nn.Embedding(weight=table), readout, None)


@pytest.mark.parametrize("make", [saturated, cut_off])
def test_a_sound_model_whose_highest_values_look_alike_untrained_is_not_refused(make):
    assert "inputs" not in checked(make, VALUES).failed


@pytest.mark.parametrize("make", [in_equinox, in_torch])
def test_another_value_that_is_not_finite_is_not_blamed_on_the_embedding(make):
    """All outputs are infinite, whichever the values."""
    found = checked(lambda *given: scaled(make, *given), VALUES)
    assert found.checks[-1].found.startswith("output 0 at step 0 of row 0 is ")
    assert found.checks[-1].remedy.startswith("Look for a division by zero")


def scaled(make, *given):
    net = make(*given)
    if isinstance(net, Embedded):
        return eqx.tree_at(lambda net: net.readout.bias, net, jnp.full((VALUES,), jnp.inf))
    net.readout.bias.data.fill_(float("inf"))
    return net
