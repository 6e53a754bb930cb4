import dataclasses
import hashlib
import itertools
import os
import re
import subprocess
import sys
import threading
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from longlag.arrays import MISSING
from longlag.events import Advanced, Finished, Started
from longlag.models import GRU, LSTM, MLP, Bidirectional, Model, Seq2Seq, Sizes
from longlag.models.recurrent import run_steps
from longlag.stop import StopToken
from longlag.training import Batches, Loss, Recipe, fit, loop, optimizer, program

SIZES = Sizes(features=4, outputs=4, timesteps=3)
ADAM = Recipe(learning_rate=0.01)


def stream(seed, chunk=6, *, batch=3, carry=False, masked=False, last=False):
    rng = np.random.default_rng(seed)
    for start in itertools.count(step=chunk):
        inputs = rng.integers(4, size=(chunk, batch, 3), dtype=np.int32)
        targets = np.roll(inputs, 1, axis=-1)
        targets[..., 0] = MISSING
        yield Batches(
            inputs,
            targets[..., -1:] if last else targets,
            rng.random(inputs.shape) < 0.7 if masked else None,
            np.arange(start, start + chunk) % 4 == 0 if carry else None,
        )


class Course(list):
    """What a seed did, chunk by chunk, and the model that it ended with."""

    model: Any = None


def courses(events, seeds=(0,)):
    found = {seed: Course() for seed in seeds}
    for event in events:
        if isinstance(event, Advanced):
            found[event.seed].append(event)
        elif isinstance(event, Finished):
            found[event.seed].model = event.result
    return found


def run(
    seeds=(0,), updates=12, recipe=ADAM, *, vectorise=False, hidden_size=5, confirm=None, **kinds
):
    models = [LSTM(hidden_size=hidden_size)(SIZES, seed) for seed in seeds]
    streams = [stream(seed, **kinds) for seed in seeds]
    fitting = fit(
        models,
        streams,
        recipe,
        updates=updates,
        seeds=seeds,
        vectorise=vectorise,
        output="last" if kinds.get("last") else "every",
        confirm=confirm,
    )
    return courses(fitting, seeds)


def weights(course):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(course.model)]


OPTIMIZERS = {"adam": optax.adam(0.01, eps=1e-7), "sgd": optax.sgd(0.01)}


def by_loop(seed, updates, optimizer, dtype=jnp.float32, **kinds):
    """The same training written plainly: one update at a time, autodiff, an optax optimiser."""
    model: Any = LSTM(hidden_size=5)(SIZES, seed)
    memory = optimizer.init(model)
    state: Any = None
    losses, chunks = [], stream(seed, **kinds)
    drawn = itertools.chain.from_iterable(
        zip(*(each if each is not None else [None] * 6 for each in chunk), strict=True)
        for chunk in chunks
    )

    def loss(model, state, ids, targets, mask):
        model, state = jax.tree.map(lambda leaf: leaf.astype(dtype), (model, state))
        layer, kind = model.layer, type(model.layer)
        scale = 1 - jnp.array(kind.halved, dtype).repeat(5) / 2
        drive = jnp.moveaxis(jax.nn.one_hot(ids, 4, dtype=dtype) @ layer.kernel, 1, 0)
        drive = (drive + layer.bias[None, None]) * scale[None, None]
        recurrent = layer.recurrent * scale[None]
        hidden, after, _ = run_steps(kind, drive, recurrent, None, state, mask.T[..., None])
        outputs = jnp.moveaxis(hidden, 0, 1) @ model.readout.weight
        outputs = (outputs + model.readout.bias[None, None])[:, -targets.shape[1] :]
        outputs, after = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (outputs, after))
        counts = targets >= 0
        logs = jax.nn.log_softmax(outputs)
        picked = jnp.take_along_axis(logs, jnp.maximum(targets, 0)[..., None], -1)[..., 0]
        return -jnp.sum(picked * counts) / counts.sum(), after

    @jax.jit
    def update(model, memory, state, *data):
        (value, state), slopes = jax.value_and_grad(loss, has_aux=True)(model, state, *data)
        changes, memory = optimizer.update(slopes, memory, model)
        return optax.apply_updates(model, changes), memory, state, value

    for ids, targets, mask, reset in itertools.islice(drawn, updates):
        mask = np.ones(ids.shape, bool) if mask is None else mask
        if reset is None or reset:
            state = model.initial_state((3,))
        model, memory, state, value = update(model, memory, state, ids, targets, mask)
        losses.append(float(value))
    return losses, model


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(
    "kinds",
    [{}, {"carry": True}, {"masked": True}, {"last": True}, {"carry": True, "masked": True}],
)
def test_a_chunk_makes_the_updates_that_a_plain_loop_makes(kinds, optimizer):
    recipe = Recipe(learning_rate=0.01, optimizer=optimizer)
    losses, model = by_loop(0, 10, OPTIMIZERS[optimizer], **kinds)
    reports = run(updates=10, recipe=recipe, **kinds)[0]
    np.testing.assert_allclose(np.concatenate([r.losses for r in reports]), losses, rtol=2e-4)
    for ours, theirs in zip(weights(reports), jax.tree.leaves(model), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4)


KNOBS = {
    "adamw": ({"optimizer": "adamw"}, optax.adamw(0.01, eps=1e-7, weight_decay=0.01)),
    "decay": (
        {"optimizer": "adamw", "weight_decay": 3.0},
        optax.adamw(0.01, eps=1e-7, weight_decay=3.0),
    ),
    "no decay": ({"optimizer": "adamw", "weight_decay": 0.0}, optax.adam(0.01, eps=1e-7)),
    "clipping": (
        {"optimizer": "sgd", "clip_norm": 0.1},
        optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(0.01)),
    ),
    "cosine": ({"schedule": "cosine"}, optax.adam(optax.cosine_decay_schedule(0.01, 10), eps=1e-7)),
    "warm-up": (
        {"optimizer": "sgd", "warmup": 0.3},
        optax.sgd(optax.warmup_constant_schedule(0.0, 0.01, 3)),
    ),
    "both": (
        {"schedule": "cosine", "warmup": 0.4},
        optax.adam(optax.warmup_cosine_decay_schedule(0.0, 0.01, 4, 10), eps=1e-7),
    ),
}


ALONE_AND_TOGETHER = ((0,), False), ((0, 1), True)  # seeds, and whether they are vectorised


@pytest.mark.parametrize(("knobs", "optimizer"), KNOBS.values(), ids=KNOBS)
def test_a_recipe_trains_as_the_optimiser_of_optax_does(knobs, optimizer):
    losses, model = by_loop(0, 10, optimizer)
    recipe = Recipe(learning_rate=0.01, **knobs)
    # Only a norm could be that of several seeds.
    for seeds, vectorise in ALONE_AND_TOGETHER if "clip_norm" in knobs else ALONE_AND_TOGETHER[1:]:
        reports = run(seeds, updates=10, recipe=recipe, vectorise=vectorise)[0]
        np.testing.assert_allclose(np.concatenate([r.losses for r in reports]), losses, rtol=2e-4)
        for ours, theirs in zip(weights(reports), jax.tree.leaves(model), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize(
    "knobs", [{"clip_norm": 1e308}, {"optimizer": "adamw", "weight_decay": 1e308}]
)
def test_knobs_beyond_single_precision_are_its_largest_number(knobs, recwarn):
    run((0,), updates=1, recipe=Recipe(**knobs))
    assert not recwarn.list


@pytest.mark.parametrize("kinds", [{}, {"carry": True}, {"masked": True}, {"last": True}])
def test_updates_in_bfloat16_are_those_of_a_plain_loop_in_it(kinds):
    wide, _ = by_loop(0, 10, optax.adam(0.01, eps=1e-7), **kinds)
    losses, model = by_loop(0, 10, optax.adam(0.01, eps=1e-7), jnp.bfloat16, **kinds)
    recipe = Recipe(learning_rate=0.01, dtype="bfloat16")
    for seeds, vectorise in ALONE_AND_TOGETHER[bool(kinds) :]:
        reports = run(seeds, updates=10, recipe=recipe, vectorise=vectorise, **kinds)[0]
        found = np.concatenate([each.losses for each in reports])
        np.testing.assert_allclose(found, losses, rtol=5e-3)
        assert np.abs(found - wide).max() > 1e-4
        for ours, theirs in zip(weights(reports), jax.tree.leaves(model), strict=True):
            assert ours.dtype == np.float32
            np.testing.assert_allclose(ours, theirs, atol=2e-2)


@pytest.mark.parametrize(
    ("factory", "inputs", "output"),
    [
        (LSTM(), "ids", "every"),
        (GRU(), "features", "last"),
        (MLP(), "features", "vector"),
        (Bidirectional(), "ids", "every"),
        (Seq2Seq(attention=True), "ids", "decoder"),
        (Seq2Seq(cell="gru"), "features", "decoder"),
    ],
    ids=str,
)
def test_every_product_of_an_update_is_in_bfloat16(factory, inputs, output):
    ids = np.zeros((2, 3, 3), np.int32)
    given = ids if inputs == "ids" else np.zeros((2, 3, 3, 4), np.float32)
    targets = ids[..., :1] if output in ("last", "vector") else ids
    sizes = SIZES._replace(timesteps=3)
    params, skeleton = eqx.partition(factory(sizes, 0), eqx.is_array)
    sgd = optimizer.Optimizer("sgd")
    narrow = program.Program(skeleton, sgd, Loss(), output, "bfloat16")
    state = program.initial_state(eqx.combine(params, skeleton), (3,))
    batches = Batches(given, targets, None, None)
    arguments = params, sgd.initial_state(params), state, batches, 2, 0.01
    text = str(jax.make_jaxpr(narrow.train)(*arguments))
    products = re.findall(r":(\w+)\[[\d,]*\] = dot_general", text)
    assert products
    assert set(products) == {"bf16"}


def test_a_schedule_is_over_the_planned_updates_wherever_a_seed_stops():
    recipe = Recipe(learning_rate=0.01, schedule="cosine", stop_at=0.001)
    whole, stopped = run(updates=300, recipe=dataclasses.replace(recipe, stop_at=None)), None
    stopped = run(updates=300, recipe=recipe, confirm=lambda *_: True)
    losses = np.concatenate([report.losses for report in stopped[0]])
    assert len(losses) < 300
    every = np.concatenate([report.losses for report in whole[0]])
    np.testing.assert_array_equal(losses, every[: len(losses)])


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"weight_decay": 0.1}, "`weight_decay` is of adamw, not of adam. Use optimizer='adamw'"),
        ({"warmup": 1.0}, r"`warmup` must be below 1, .*got 1\.0\. Use warmup=0\.1"),
        ({"warmup": -0.1}, "`warmup` must be at least 0"),
        ({"clip_norm": 0.0}, "`clip_norm` must be above 0"),
    ],
)
def test_a_knob_of_a_recipe_that_cannot_be_is_refused(knobs, said):
    with pytest.raises(ValueError, match=said):
        Recipe(**knobs)


def test_the_updates_asked_for_are_made_also_where_they_end_within_a_chunk():
    reports = run(updates=10)[0]
    assert [report.updates for report in reports] == [6, 10]
    assert [len(report.losses) for report in reports] == [6, 4]
    assert [report.outcome for report in reports] == ["running", "finished"]


def test_chunks_of_another_size_change_nothing():
    few, many = run(updates=12, chunk=6)[0], run(updates=12, chunk=4)[0]
    for ours, theirs in zip(weights(few), weights(many), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("carry", [False, True])
def test_equal_arguments_give_equal_bits_whatever_other_seeds_run_beside(carry):
    together, alone = run((0, 1, 2), carry=carry), run((1,), carry=carry)
    for ours, theirs in zip(weights(together[1]), weights(alone[1]), strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_equal_arguments_give_equal_bits_in_another_process():
    code = (
        "import sys, hashlib; sys.path[:0] = ['tests', 'tests/training']; import test_engine as t\n"
        "bits = b''.join(w.tobytes() for w in t.weights(t.run((3,))[3]))\n"
        "print(hashlib.sha256(bits).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = b"".join(weight.tobytes() for weight in weights(run((3,))[3]))
    assert there.stdout.strip() == hashlib.sha256(here).hexdigest()


@pytest.mark.parametrize("carry", [False, True])
def test_seeds_in_one_vectorised_program_learn_the_same(carry):
    apart, joined = run((0, 1, 2), carry=carry), run((0, 1, 2), carry=carry, vectorise=True)
    for seed in (0, 1, 2):
        assert [report.updates for report in joined[seed]] == [6, 12]
        for ours, theirs in zip(weights(joined[seed]), weights(apart[seed]), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("vectorise", [False, True])
def test_a_seed_stops_at_the_accuracy_asked_for_and_the_others_go_on(vectorise):
    recipe = Recipe(learning_rate=0.05, stop_at=0.95)
    reports = run((0, 1), updates=400, recipe=recipe, vectorise=vectorise, chunk=10, batch=20)
    for own in reports.values():
        assert own[-1].outcome == "stopped"
        # A chunk scores 400 targets, so that 1,000 of them are three chunks.
        three = np.convolve([report.accuracy for report in own], np.ones(3) / 3, "valid")
        assert (three >= 0.95).tolist() == [False] * (len(three) - 1) + [True]
        assert own[-1].updates < 400


@pytest.mark.parametrize("vectorise", [False, True])
def test_a_seed_that_is_not_confirmed_goes_on_until_it_meets_the_criterion_anew(vectorise):
    asked = []

    def confirm(seed, model):
        asked.append((seed, model))
        return len([each for each, _ in asked if each == seed]) == 2

    recipe = Recipe(learning_rate=0.05, stop_at=0.1)
    reports = run(
        (0, 1), updates=400, recipe=recipe, vectorise=vectorise, chunk=10, batch=20, confirm=confirm
    )
    assert sorted(seed for seed, _ in asked) == [0, 0, 1, 1]
    for seed, own in reports.items():
        assert [report.updates for report in own] == [10, 20, 30, 40, 50, 60]
        assert [report.outcome for report in own] == ["running"] * 5 + ["stopped"]
        first, last = (model for each, model in asked if each == seed)
        undisturbed = run((seed,), updates=30, recipe=recipe, chunk=10, batch=20, confirm=confirm)
        for ours, theirs in zip(jax.tree.leaves(first), weights(undisturbed[seed]), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert eqx.tree_equal(last, own.model)


def test_a_loss_that_leaves_all_bounds_is_reported_with_its_update():
    reports = run(updates=60, recipe=Recipe(learning_rate=1e30))[0]
    last = reports[-1]
    assert last.outcome == "diverged"
    losses = np.concatenate([report.losses for report in reports])
    first = int(np.flatnonzero(~(losses < 1000 * losses[0]))[0]) + 1
    assert last.diverged_at == first
    assert last.updates < 60


def test_updates_that_score_nothing_are_no_divergence():
    def silent():
        for batches in stream(0):
            batches.targets[0] = MISSING
            yield batches

    model = LSTM(hidden_size=5)(SIZES, 0)
    reports = courses(fit([model], [silent()], ADAM, updates=12, vectorise=False))[0]
    assert reports[-1].outcome == "finished"
    assert reports[0].losses[0] == 0


def test_a_first_loss_of_nothing_is_no_bound():
    def easy():
        for batches in stream(0):
            batches.targets[0] = MISSING
            batches.targets[0, 0, 1] = 0
            yield batches

    model = LSTM(hidden_size=5)(SIZES, 0)
    sure = eqx.tree_at(lambda m: m.readout.bias, model, jnp.array([99.0, 0.0, 0.0, 0.0]))
    reports = courses(fit([sure], [easy()], ADAM, updates=12, vectorise=False))[0]
    assert reports[0].losses[0] == 0
    assert reports[0].losses[1] > 10
    assert reports[-1].outcome == "finished"


class Switched(Model):
    """A model with a number that is no weight, an integer array, and a weight."""

    weight: Any
    table: Any
    kind: Any

    def initial_state(self, batch=()):
        return jnp.zeros(batch)

    def __call__(self, inputs, mask, state, *, last=False):  # noqa: ARG002
        said = jax.nn.one_hot(self.table[inputs], 4) * self.weight
        return said if self.kind is True else -said, state


def test_programs_that_differ_never_share_and_integer_arrays_stay_as_they_are():
    batches = next(stream(0))
    table = jnp.array([2, 0, 1, 3])
    said = {}
    for kind in (True, 1, 1.0):
        model = Switched(jnp.array(1.0), table, kind)
        said[str(kind)] = loop.predict(model, batches)[1]
    assert (said["True"] == np.asarray(table)[batches.inputs]).all()
    assert (said["1"] != said["True"]).all()
    assert (said["1.0"] == said["1"]).all()
    model = Switched(jnp.array(1.0), table, True)
    trained = courses(fit([model], [stream(0)], ADAM, updates=5, vectorise=False))[0].model
    assert isinstance(trained, Switched)
    assert (trained.table == table).all()
    assert trained.weight != 1.0


def test_a_program_is_compiled_once():
    run()
    before = dict(program._programs)
    run(seeds=(7, 8))
    assert dict(program._programs) == before


def test_no_updates_are_refused():
    with pytest.raises(ValueError, match="`updates` must be at least 1, got -1"):
        run(updates=-1)


def test_a_stream_that_ends_with_the_last_update_is_enough():
    model = LSTM(hidden_size=5)(SIZES, 0)
    two = itertools.islice(stream(0), 2)
    course = courses(fit([model], [two], ADAM, updates=12, vectorise=False))[0]
    assert course[-1].outcome == "finished"


def test_predicting_carries_state_as_training_does():
    model = LSTM(hidden_size=5)(SIZES, 0)
    batches = next(stream(0, carry=True))
    losses, said = loop.predict(model, batches)
    assert losses.shape == said.shape == batches.targets.shape
    state = model.initial_state((3,))
    for update in range(6):
        if batches.reset is not None and batches.reset[update]:
            state = model.initial_state((3,))
        outputs, state = model(jnp.asarray(batches.inputs[update]), None, state)
        assert (said[update] == outputs.argmax(-1)).all()


def test_a_chunk_is_long_where_updates_are_cheap_and_short_where_they_are_dear():
    small = LSTM(hidden_size=5)(SIZES, 0)
    large = LSTM(hidden_size=256)(Sizes(100, 100, 100), 0)
    assert loop.chunk_size(program.parameters(small), (5, 5)) == 512
    assert loop.chunk_size(program.parameters(large), (128, 100)) == 8


def test_closing_the_progress_ends_the_run():
    model = LSTM(hidden_size=5)(SIZES, 0)
    drawn = []

    def counted():
        for batches in stream(0):
            drawn.append(1)
            yield batches

    fitting = fit([model], [counted()], ADAM, updates=10**6, vectorise=False)
    assert next(fitting) == Started(0, 10**6)
    advanced = next(fitting)
    assert isinstance(advanced, Advanced)
    assert advanced.updates == 6
    fitting.close()
    assert len(drawn) < 10


@pytest.mark.parametrize("vectorise", [False, True])
@pytest.mark.parametrize("chunks", [0, 2])
def test_the_token_ends_the_run_with_the_models_as_they_stand(vectorise, chunks):
    stop = StopToken()
    models = [LSTM(hidden_size=5)(SIZES, seed) for seed in (0, 1)]
    streams = [stream(seed) for seed in (0, 1)]
    fitting = fit(models, streams, ADAM, updates=600, vectorise=vectorise, stop=stop)
    if not chunks:
        stop.stop()
    heard = []
    for event in fitting:
        heard.append(event)
        if isinstance(event, Advanced) and event.updates == 6 * chunks:
            stop.stop()
    found = courses(heard, (0, 1))
    assert [event.seed for event in heard if isinstance(event, Finished)] in ([0, 1], [1, 0])
    assert max(map(len, found.values())) >= chunks
    for seed, course in found.items():
        assert len(course) < 100
        if course:
            assert course[-1].outcome == "running"
            (alone,) = run((seed,), updates=course[-1].updates).values()
            for ours, theirs in zip(weights(course), weights(alone), strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-5)
        else:
            assert eqx.tree_equal(course.model, models[seed])


def test_a_model_that_was_given_is_left_as_it_was():
    """The program takes its arrays' place in memory, so it must be given others."""
    given = LSTM(hidden_size=5)(SIZES, 0)
    before = [np.array(leaf) for leaf in jax.tree.leaves(given)]
    (course,) = courses(fit([given], [stream(0)], ADAM, updates=12)).values()
    assert all(map(np.array_equal, jax.tree.leaves(given), before))
    assert not any(map(np.array_equal, weights(course), before))


def test_the_time_of_compiling_is_counted_once_however_many_threads_spend_it():
    clock, inside = program.Clock(), threading.Barrier(2)

    def spend():
        with clock:
            inside.wait()
            time.sleep(0.1)
            inside.wait()

    began = time.perf_counter()
    threads = [threading.Thread(target=spend) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside_of = clock.seconds
    for thread in threads:
        thread.join()
    assert inside_of <= 0.1 <= clock.seconds <= time.perf_counter() - began


VIRTUAL = """
import sys; sys.path[:0] = ["tests", "tests/training"]
import jax, numpy as np, test_engine as t
apart = t.run((0, 1, 2))
first, second = jax.devices()
for device in (first, second):
    jax.config.update("jax_default_device", device)
    for seed, course in t.run((0, 1, 2), vectorise=True).items():
        assert {leaf.device for leaf in jax.tree.leaves(course.model)} == {device}
        for ours, theirs in zip(t.weights(course), t.weights(apart[seed]), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
"""


def test_seeds_come_out_alike_on_whichever_device_of_several():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = os.environ | {"XLA_FLAGS": flags}
    there = subprocess.run(
        [sys.executable, "-c", VIRTUAL], env=environment, capture_output=True, text=True
    )
    assert there.returncode == 0, there.stderr


def test_reals_are_fitted_by_squared_error_and_right_within_tolerance():
    def reals():
        rng = np.random.default_rng(0)
        while True:
            inputs = rng.random((6, 8, 3, 4), dtype=np.float32)
            targets = inputs.mean(axis=-1)
            targets[..., 0] = np.nan
            yield Batches(inputs, targets, None, None)

    model = LSTM(hidden_size=5)(Sizes(features=4, outputs=1, timesteps=3), 0)
    loss = Loss("squared-error", tolerance=0.05)
    recipe = Recipe(learning_rate=0.02)
    fitting = fit([model], [reals()], recipe, updates=300, loss=loss, vectorise=False)
    reports = courses(fitting)[0]
    assert reports[-1].outcome == "finished"
    assert reports[-1].accuracy > 0.9 > reports[0].accuracy
    batches = next(reals())
    trained = reports.model
    losses, said = loop.predict(trained, batches, loss=loss)
    np.testing.assert_allclose(losses[..., 1:], (said - batches.targets)[..., 1:] ** 2, rtol=1e-5)


def test_a_vector_is_the_last_output_cut_into_the_values_of_the_answer():
    model = LSTM(hidden_size=5)(Sizes(features=4, outputs=12, timesteps=3), 0)
    batches = next(stream(0))
    _, said = loop.predict(model, batches, output="vector")
    for update in range(6):
        inputs = jnp.asarray(batches.inputs[update])
        outputs, _ = model(inputs, None, model.initial_state((3,)), last=True)
        assert (said[update] == outputs.reshape(3, 3, 4).argmax(-1)).all()


def test_a_decoder_is_taught_while_training_and_speaks_else():
    model = Seq2Seq(hidden_size=12)(SIZES, 0)
    asked = stream(0, batch=32)

    def answers():  # the first two values, which are told one step late
        for batches in asked:
            yield batches._replace(targets=batches.inputs[..., :2])

    recipe = Recipe(learning_rate=0.02)
    fitting = fit([model], [answers()], recipe, updates=300, output="decoder", vectorise=False)
    course = courses(fitting)[0]
    assert course[-1].accuracy > 0.98
    batches = next(answers())
    _, said = loop.predict(course.model, batches, output="decoder")
    assert (said == batches.targets).mean() > 0.98
    untold = batches._replace(targets=np.zeros_like(batches.targets))
    assert (loop.predict(course.model, untold, output="decoder")[1] == said).all()


def test_compiled_programs_do_not_pile_up_without_end(monkeypatch):
    monkeypatch.setattr(program, "_PROGRAMS", 3)
    batches = next(stream(0))
    model = LSTM(hidden_size=5)(SIZES, 0)
    said = loop.predict(model, batches)[1]
    for rows in (1, 2, 3, 4):
        fewer = Batches(batches.inputs[:, :rows], batches.targets[:, :rows], None, None)
        loop.predict(model, fewer)
    assert len(program._programs) == 3
    assert (loop.predict(model, batches)[1] == said).all()


def test_a_new_size_is_made_and_trained_by_one_program(caplog):
    with jax.log_compiles():
        run(hidden_size=11, updates=1)
    compiled = [record.getMessage().split()[1] for record in caplog.records]
    assert [name for name in compiled if name.startswith("jit")] == ["jit(train)"]


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("name", optimizer.OPTIMIZERS)
def test_an_optimiser_begins_as_its_library_has_it(name, clip_norm):
    model = LSTM(hidden_size=5)(SIZES, 0)
    made = optimizer.Optimizer(name, clip_norm=clip_norm)
    weights: Any = model
    ours, theirs = made.initial_state(weights), made.at(0.01).init(weights)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for here, there in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert here.dtype == there.dtype
        np.testing.assert_array_equal(here, there)


def test_a_state_that_does_not_start_at_zero_is_kept(monkeypatch):
    model = LSTM(hidden_size=5)(SIZES, 0)
    monkeypatch.setattr(type(model), "initial_state", lambda *_: (np.ones(3), np.zeros(2)))
    ones, zeros = program.initial_state(model, (3,))
    assert (ones == 1).all()
    assert not zeros.any()
