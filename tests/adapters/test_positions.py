"""A table of positions that is too short is found in JAX, which reads its last row instead."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import longlag as ll
from longlag.checks.model import preflight

os.environ.setdefault("KERAS_BACKEND", "jax")

STEPS, ROWS = 6, 4
ECHO = ll.EchoLag(lag=1, length=STEPS, values=4)
READ = {
    "an index": lambda table, at: table[at],
    "an index under vmap": lambda table, at: jax.vmap(lambda step: table[step])(at),
    "an embedding": lambda table, at: jax.vmap(eqx.nn.Embedding(weight=table))(at),
    "a scan": lambda table, at: jax.lax.scan(lambda now, _: (now + 1, table[now]), 0, at)[1],
    "a loop": lambda table, at: jnp.stack([table[step] for step in range(len(at))]),
    "take": lambda table, at: jnp.take(table, at, axis=0),
}
MEANT = {
    "at most": lambda table, at: table[jnp.minimum(at, len(table) - 1)],
    "take that clips": lambda table, at: jnp.take(table, at, axis=0, mode="clip"),
    "an index that clips": lambda table, at: table.at[at].get(mode="clip"),
    "take that fills": lambda table, at: jnp.take(table, at, axis=0, fill_value=0.0),
    "in turn": lambda table, at: table[at % len(table)],
    "from the end": lambda table, at: table[-1 - at % len(table)],
    "relative": lambda table, at: (
        table[jnp.clip(at[:, None] - at, 0, len(table) - 1)] * jnp.tri(len(at))[..., None]
    ).sum(axis=1),
    "blocks": lambda table, at: jnp.repeat(table, 2, axis=0)[at],
    "products": lambda table, at: jnp.eye(len(table))[jnp.minimum(at, 3)] @ table,
    "a window": lambda table, at: jax.vmap(
        lambda step: jax.lax.dynamic_slice(table, (jnp.minimum(step, 2), 0), (2, 4)).sum(axis=0)
    )(at),
}


AFTER = {
    "a read that clips": lambda table, at: table.at[at + 9].get(mode="clip") + table[at],
    "a read that fills": lambda table, at: (
        jnp.take(table, at + 9, axis=0, fill_value=0.0) + table[at]
    ),
    "a longer array": lambda table, at: jnp.repeat(table, 2, axis=0)[at + 9] + table[at],
    "a slice of a longer array": lambda table, at: (
        jax.lax.dynamic_slice(jnp.repeat(table, 2, axis=0), (at[-1], 0), (4, 4))[0] + table[at]
    ),
    "a scan over a longer array": lambda table, at: jax.lax.scan(
        lambda now, _: (now + 1, jnp.repeat(table, 2, axis=0)[now + 9] + table[now]), 0, at
    )[1],
}
BEFORE = {"steps from the end": lambda table, at: table[at - len(at)]}


class Net(eqx.Module):
    table: jax.Array
    readout: eqx.nn.Linear
    read: str = eqx.field(static=True)

    def __call__(self, inputs):
        read = {**READ, **MEANT, **BEFORE, **AFTER}[self.read]
        return jax.vmap(self.readout)(jnp.cumsum(inputs, axis=0) + read(self.table, _steps(inputs)))


def _steps(inputs):
    return jnp.arange(inputs.shape[-2])


def checked(read, rows=ROWS):
    def make(sizes, seed):
        one, other = jax.random.split(jax.random.key(seed))
        table = jax.random.normal(one, (rows, sizes.features))
        return Net(table, eqx.nn.Linear(sizes.features, sizes.outputs, key=other), read)

    return preflight(ECHO, ll.Whole(), make)


@pytest.mark.parametrize("read", READ)
def test_a_table_too_short_for_the_steps_is_found(read):
    last = checked(read).checks[-1]
    assert not last.passed
    assert last.remedy.startswith("An embedding is too short: positions need `sizes.timesteps`")
    if read != "take":  # which gives NaN
        assert last.found.startswith(f"it reads row {ROWS} of an array (4, 4), in place of which")


@pytest.mark.parametrize("read", AFTER)
def test_a_read_that_may_lie_outside_hides_none_that_may_not(read):
    found = checked(read).checks[-1].found
    assert found.startswith(f"it reads row {ROWS} of an array (4, 4), in place of which")
    assert checked(read, STEPS).passed


def test_steps_before_the_first_row_are_found_too():
    last = checked("steps from the end").checks[-1]
    assert (
        last.found
        == "it reads row -2 of an array (4, 4), in place of which JAX gives the first one"
    )
    assert checked("steps from the end", STEPS).passed


@pytest.mark.parametrize("read", READ)
def test_one_with_a_row_for_each_step_passes(read):
    assert checked(read, STEPS).passed


@pytest.mark.parametrize("read", MEANT)
def test_steps_that_share_a_row_on_purpose_pass(read):
    assert checked(read).passed


def in_nnx(sizes, seed, rows):
    from flax import nnx  # pyright: ignore[reportMissingImports]

    class Positioned(nnx.Module):
        def __init__(self, rngs):
            self.table = nnx.Param(jax.random.normal(rngs.params(), (rows, sizes.features)))
            self.readout = nnx.Linear(sizes.features, sizes.outputs, rngs=rngs)

        def __call__(self, inputs):
            return self.readout(inputs + self.table[_steps(inputs)])

    return Positioned(nnx.Rngs(seed))


def in_linen(sizes, seed, rows):
    del seed
    import flax.linen as nn  # pyright: ignore[reportMissingImports]

    class Positioned(nn.Module):
        @nn.compact
        def __call__(self, inputs):
            shape = rows, sizes.features
            table = self.param("table", nn.initializers.normal(1.0), shape)
            return nn.Dense(sizes.outputs)(inputs + table[_steps(inputs)])

    return Positioned()


def in_keras(sizes, seed, rows):
    import keras  # pyright: ignore[reportMissingImports]

    class Positioned(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.table = keras.layers.Embedding(rows, sizes.features)

        def call(self, inputs):
            return inputs + self.table(np.arange(sizes.timesteps))

    keras.utils.set_random_seed(seed)
    inputs = keras.Input((sizes.timesteps, sizes.features))
    return keras.Model(inputs, keras.layers.Dense(sizes.outputs)(Positioned()(inputs)))


@pytest.mark.parametrize(("rows", "passed"), [(ROWS, False), (STEPS, True)])
@pytest.mark.parametrize(
    ("make", "library"), [(in_nnx, "flax"), (in_linen, "flax"), (in_keras, "keras")]
)
def test_so_it_is_in_other_libraries(make, library, rows, passed):
    pytest.importorskip(library, reason=f"{library} is not installed here")
    found = preflight(ECHO, ll.Whole(), lambda sizes, seed: make(sizes, seed, rows))
    assert found.passed == passed
    assert ("sizes.timesteps" in found.checks[-1].remedy) == (not passed)


def test_a_test_of_more_steps_than_a_table_has_is_refused():
    def make(sizes, seed):
        one, other = jax.random.split(jax.random.key(seed))
        table = jax.random.normal(one, (sizes.timesteps, sizes.features))
        return Net(table, eqx.nn.Linear(sizes.features, sizes.outputs, key=other), "an index")

    with pytest.raises(
        ValueError, match=r"read the 12 of test `length 12` \(row 6 of an array \(6, 4\)\)"
    ):
        ll.generalise(ECHO, ll.Whole(), [make], test=[12], budget=10, store=None, progress=False)
