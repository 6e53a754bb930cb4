from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import longlag as ll
from longlag.checks.model import preflight
from longlag.models import MODELS

ECHO = ll.EchoLag(lag=1, length=6, values=4)


class Net(eqx.Module):
    """A linear map of each step, and of what a fault adds."""

    linear: eqx.nn.Linear
    fault: str = eqx.field(static=True)

    def __call__(self, inputs):
        faults = {
            "": lambda shown: shown,
            "future": lambda shown: shown + jnp.roll(shown, -2, axis=0),
            "mean": lambda shown: shown + shown.mean(axis=0, keepdims=True),
            "probabilities": lambda shown: shown,
            "integers": lambda shown: shown,
            "nan": lambda shown: shown / 0.0,
            "transposed": lambda shown: shown,
            "over time": lambda shown: shown,
            "relu": lambda shown: shown,
            "tanh": lambda shown: shown,
            "sigmoid": lambda shown: shown,
            "log softmax": lambda shown: shown,
            "log softmax over time": lambda shown: shown,
        }
        said = jax.vmap(self.linear)(faults[self.fault](inputs))
        after = {
            "probabilities": jax.nn.softmax,
            "integers": lambda said: said.argmax(axis=-1),
            "transposed": jnp.transpose,
            "relu": jax.nn.relu,
            "tanh": jnp.tanh,
            "sigmoid": jax.nn.sigmoid,
            "log softmax": jax.nn.log_softmax,
            "over time": lambda said: jax.nn.softmax(said, axis=0),
            "log softmax over time": lambda said: jax.nn.log_softmax(said, axis=0),
        }
        return after.get(self.fault, lambda said: said)(said)


def faulty(fault, width=0):
    def make(sizes, seed):
        key = jax.random.key(seed)
        return Net(eqx.nn.Linear(sizes.features, sizes.outputs + width, key=key), fault)

    return make


def failures(found):
    return {check.name: check for check in found.checks if not check.passed}


@pytest.mark.parametrize(
    "framing",
    [
        ll.Whole(),
        ll.Prefix(),
        ll.Window(timesteps=3),
        ll.Window(timesteps=3, missing="mark"),
        ll.Window(timesteps=3, missing="mask"),
        ll.Chunks(timesteps=2),
        ll.Chunks(timesteps=4),
        ll.Chunks(timesteps=2, carry=True),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", ["lstm", "mlp"])
def test_our_own_models_pass(name, framing):
    passes(name, framing)


@pytest.mark.parametrize("name", ["gru", "rnn", "bidirectional"])
@pytest.mark.parametrize(
    "framing", [ll.Prefix(), ll.Chunks(timesteps=2, carry=True)], ids=["masked", "carried"]
)
def test_those_that_share_its_loop_pass_where_masks_and_state_matter(name, framing):
    passes(name, framing)


def passes(name, framing):
    assert not failures(preflight(ECHO, framing, MODELS[name]()))


@pytest.mark.parametrize(
    "problem", [ll.CumulativeThreshold(), ll.Ramp(), ll.Memorization()], ids=repr
)
def test_other_kinds_of_inputs_and_targets_do_as_well(problem):
    assert preflight(problem, ll.Whole(), ll.GRU(hidden_size=3)).passed


def test_a_whole_answer_and_a_scaled_one():
    problem = ll.EchoSubsequence(length=3, values=3)
    assert preflight(problem, ll.Vector(), ll.GRU(hidden_size=3)).passed
    assert preflight(ECHO, ll.Whole(), ll.GRU(hidden_size=3), encoding=ll.Scaled).passed


def test_parameters_and_state_are_counted():
    found = preflight(ECHO, ll.Whole(), ll.LSTM(hidden_size=3))
    assert found.parameters == 4 * 3 * (4 + 3 + 1) + 4 * (3 + 1)
    assert found.state == 2 * 3


def test_a_sound_model_of_ones_own_passes_and_all_is_looked_at():
    found = preflight(ECHO, ll.Whole(), faulty(""))
    assert found.passed
    assert [check.name for check in found.checks] == [
        "made",
        "weights",
        "outputs",
        "rows",
        "causal",
        "number of rows",
        "mask",
        "state",
        "training",
        "gradients",
        "seeds",
        "untouched",
    ]


@pytest.mark.parametrize(
    ("fault", "name", "said"),
    [
        (
            "future",
            "causal",
            "the output at step 0 depends on the input at step 2, which comes after it",
        ),
        (
            "mean",
            "causal",
            "the output at step 0 depends on the input at step 1, which comes after it",
        ),
        ("probabilities", "outputs", "the outputs of every step are probabilities, not logits"),
        ("integers", "outputs", "the model gives int32, but outputs are floats"),
        ("nan", "outputs", "output 0 at step 0 of row 0 is "),
        ("transposed", "outputs", r"the model gives outputs \(5, 4, 6\), expected \(5, 6, 4\)"),
    ],
)
def test_each_fault_is_found_where_it_is(fault, name, said):
    with pytest.raises(ValueError, match=said):
        ll.train(ECHO, ll.Whole(), faulty(fault))
    assert list(failures(preflight(ECHO, ll.Whole(), faulty(fault)))) == [name]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("relu", "no output is below 0, and "),
        ("tanh", "every output is between -1 and 1, as after tanh, so that no probability is near"),
        ("sigmoid", "every output is between 0 and 1, as after a sigmoid"),
        ("log softmax", ""),
    ],
)
def test_an_activation_after_the_last_layer_is_mentioned(fault, said):
    found = preflight(ECHO, ll.Whole(), faulty(fault))
    warnings = [check.found for check in found.checks if check.name == "warning"]
    assert found.passed
    assert len(warnings) == bool(said)
    assert "".join(warnings).startswith(said)
    of_reals = preflight(ll.Ramp(), ll.Whole(), faulty(fault)).checks
    assert "warning" not in [check.name for check in of_reals]


def test_a_readout_of_zeros_hides_nothing():
    def zeroed(make):
        def made(sizes, seed):
            net = make(sizes, seed)
            zeros = jax.tree.map(jnp.zeros_like, eqx.filter(net, eqx.is_inexact_array))
            return eqx.combine(zeros, net)

        return made

    assert preflight(ECHO, ll.Whole(), zeroed(faulty(""))).passed
    assert list(failures(preflight(ECHO, ll.Whole(), zeroed(faulty("future"))))) == ["causal"]


def test_a_model_that_hears_nothing_is_found_out():
    class Deaf(eqx.Module):
        bias: jax.Array

        def __call__(self, inputs):
            return jnp.broadcast_to(self.bias[None], (len(inputs), len(self.bias)))

    found = preflight(ECHO, ll.Whole(), lambda sizes, _: Deaf(jnp.zeros(sizes.outputs)))
    assert failures(found)["inputs"].found == "no output depends on any input"


def test_a_softmax_over_one_output_is_named():
    last = preflight(ll.Ramp(), ll.Whole(), faulty("probabilities")).checks[-1]
    assert last.found == "every output is 1, as of a softmax over one output"
    assert last.remedy.startswith("Leave the softmax out")


def test_a_model_is_told_whether_it_is_in_training():
    class Told(eqx.Module):
        linear: eqx.nn.Linear

        def __call__(self, inputs, train=None, deterministic=None, inference=None):
            assert train is not None
            assert deterministic is inference
            assert deterministic is not train
            return jax.vmap(self.linear)(inputs * (2.0 if train else 1.0))

    def make(sizes, seed):
        return Told(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)))

    model: Any = ll.adopt(make)(ll.Sizes(4, 4, 6, 4), 0)
    inputs = jnp.eye(4)[None, :, :]
    plain, taught = model(inputs, None, ())[0], model.apply_train(inputs, None, ()).outputs
    bias = model.trained.linear.bias.reshape(1, 1, -1)
    np.testing.assert_allclose(taught - bias, 2 * (plain - bias), rtol=1e-5, atol=1e-6)


def test_seeds_that_share_a_module_are_refused():
    one = faulty("")(ll.Sizes(4, 4, 6, 4), 0)
    found = preflight(ECHO, ll.Whole(), lambda *_: one)
    assert failures(found)["seeds"].remedy == "Make a new one in each call."


def test_what_is_said_to_be_probabilities_must_sum_to_one():
    made = ll.adopt(faulty(""), outputs="probabilities")
    found = preflight(ECHO, ll.Whole(), made)
    assert "do not sum to 1" in failures(found)["outputs"].found


def test_outputs_in_a_tuple_are_refused():
    class Pair(Net):
        def __call__(self, inputs):
            return super().__call__(inputs), inputs

    def make(sizes, seed):
        key = jax.random.key(seed)
        return Pair(eqx.nn.Linear(sizes.features, sizes.outputs, key=key), "")

    with pytest.raises(ValueError, match=r"the model gives a tuple of 2\. Give only the outputs"):
        ll.train(ECHO, ll.Whole(), make)


def test_what_comes_later_does_no_harm_where_a_sample_is_answered_at_its_end():
    assert preflight(ECHO, ll.Window(timesteps=3), faulty("mean")).passed


def test_what_is_said_not_to_be_causal_is_not_asked_to_be():
    found = preflight(ECHO, ll.Whole(), ll.adopt(faulty("mean"), causal=False))
    assert found.passed
    setting = ll.Setting(
        problem=ECHO, framing=ll.Whole(), model=ll.adopt(faulty("mean"), causal=False)
    )
    assert setting.audit().ahead > 0


def test_probabilities_are_fine_where_they_are_said_to_be():
    made = ll.adopt(faulty("probabilities"), outputs="probabilities")
    run = ll.train(
        ll.EchoLag(lag=0, length=6, values=4), ll.Whole(), made, sequences=3000, learning_rate=0.02
    )
    assert run.verdict == "solved"
    logits = ll.train(
        ll.EchoLag(lag=0, length=6, values=4),
        ll.Whole(),
        faulty(""),
        sequences=3000,
        learning_rate=0.02,
    )
    here, there = (each.history[0][-1].losses for each in (run, logits))
    np.testing.assert_allclose(here, there, rtol=1e-3)


def test_a_readout_too_wide_is_told_how_wide():
    with pytest.raises(ValueError, match=r"Make the last layer `sizes.outputs` \(4\) wide"):
        ll.train(ECHO, ll.Whole(), faulty("", width=1))


def test_masks_must_be_heeded():
    class Sum(eqx.Module):
        linear: eqx.nn.Linear

        def __call__(self, inputs):
            return jax.vmap(self.linear)(jnp.cumsum(inputs, axis=0))

    class Told(eqx.Module):
        linear: eqx.nn.Linear

        def __call__(self, inputs, mask):
            counted = inputs if mask is None else inputs * mask[:, None]
            return jax.vmap(self.linear)(jnp.cumsum(counted, axis=0))

    def make(kind):
        return lambda sizes, seed: kind(
            eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed))
        )

    with pytest.raises(ValueError, match=r"depends on steps that are masked.*parameter `mask`"):
        ll.train(ECHO, ll.Prefix(), make(Sum))
    assert preflight(ECHO, ll.Prefix(), make(Told)).passed

    class Deaf(eqx.Module):
        linear: eqx.nn.Linear

        def __call__(self, inputs, mask):  # noqa: ARG002 - which is the fault
            total = inputs.sum(axis=0, keepdims=True)
            return jax.vmap(self.linear)(inputs + total)

    packed = "for pack_padded_sequence, which needs them after it, use Prefix(pad='end')."
    window = ll.Window(timesteps=4, missing="mask")
    for framing, front in ((ll.Prefix(), True), (window, True), (ll.Prefix(pad="end"), False)):
        remedy = failures(preflight(ECHO, framing, make(Deaf)))["mask"].remedy
        assert remedy.startswith("It has a parameter `mask`, true where a step counts")
        assert remedy.endswith(packed) == front
    assert preflight(ECHO, ll.Whole(), make(Told)).passed


class Carrying(eqx.Module):
    """A sum of the inputs so far, which begins from a number and returns that of a step."""

    linear: eqx.nn.Linear
    start: float = eqx.field(static=True)
    step: int = eqx.field(static=True)

    def __call__(self, inputs, state=None):
        before = jnp.full(inputs.shape[1], self.start) if state is None else state
        total = before[None] + jnp.cumsum(inputs, axis=0)
        return jax.vmap(self.linear)(total), total[self.step]


def carrying(start=0.0, step=-1):
    def make(sizes, seed):
        linear = eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed))
        return Carrying(linear, start, step)

    return make


def test_state_must_be_carried_where_the_framing_carries_it_and_begin_from_zeros():
    framing = ll.Chunks(timesteps=2, carry=True)
    found = preflight(ECHO, framing, carrying())
    assert found.passed
    assert found.state == 4
    failed = failures(preflight(ECHO, framing, carrying(1.0)))
    assert failed["state"].remedy == "Let None mean a state of zeros."
    with pytest.raises(ValueError, match="no state reaches the next batch"):
        ll.train(ECHO, framing, faulty(""))


def test_the_state_that_is_carried_is_that_after_the_last_step():
    framing = ll.Chunks(timesteps=3, carry=True)
    failed = failures(preflight(ECHO, framing, carrying(step=0)))["state"]
    assert failed.found.startswith("the state that it returns depends on none of the inputs after")
    assert failed.remedy == "Return the state after the last step of a batch."
    assert not failures(preflight(ECHO, ll.Chunks(timesteps=1, carry=True), carrying(step=0)))
    early = preflight(ECHO, framing, carrying(step=1))
    (warned,) = [check.found for check in early.checks if check.name == "warning"]
    assert warned.startswith("the last input of a batch changes nothing in the next: return the")


class Careless(eqx.Module):
    """As `Carrying`, with a fault in what it returns."""

    linear: eqx.nn.Linear
    fault: str = eqx.field(static=True)

    def __call__(self, inputs, state=None):
        before = jnp.zeros(inputs.shape[1]) if state is None else state
        total = before[None] + jnp.cumsum(inputs, axis=0)
        kept = {
            "half": total[-1] * (jnp.arange(inputs.shape[1]) < 2),
            "first": jnp.where((before == 0).all(), total[-1], before),
        }
        read = jnp.concatenate([before[None], total[:-1]]) if self.fault == "shifted" else total
        return jax.vmap(self.linear)(read), kept.get(self.fault, total[-1])


def careless(fault):
    def make(sizes, seed):
        key = jax.random.key(seed)
        return Careless(eqx.nn.Linear(sizes.features, sizes.outputs, key=key), fault)

    return make


@pytest.mark.parametrize("timesteps", [1, 3])
def test_each_call_returns_all_of_the_new_state(timesteps):
    framing = ll.Chunks(timesteps=timesteps, carry=True)
    sound = preflight(ECHO, framing, careless(""))
    assert sound.passed
    assert not sound.warnings
    assert failures(preflight(ECHO, framing, careless("first")))["state"].found.startswith(
        "state of the first batch reaches the next, but none of the second reaches the third"
    )
    (warned,) = preflight(ECHO, framing, careless("half")).warnings
    assert warned.startswith("steps that are cut into two batches have other outputs than in one")


@pytest.mark.parametrize(
    ("framing", "text"),
    [
        (ll.Whole(), "no output depends on the input of its own step, as if shifted"),
        (ll.Window(timesteps=3), "the output does not depend on the last input"),
    ],
    ids=["every", "last"],
)
def test_outputs_that_are_shifted_by_a_step_are_mentioned(framing, text):
    (warned,) = preflight(ECHO, framing, careless("shifted")).warnings
    assert warned.startswith(text)
    assert not preflight(ECHO, framing, careless("")).warnings


def test_a_model_whose_weights_come_from_elsewhere_than_the_seed_is_found_out():
    keys = iter(range(100))

    def make(sizes, _):
        key = jax.random.key(next(keys))
        return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=key))

    found = preflight(ECHO, ll.Whole(), make)
    assert failures(found)["untouched"].remedy == "Let them depend only on `seed`."


def test_seeds_that_make_no_difference_are_mentioned():
    def make(sizes, _):
        key = jax.random.key(0)
        return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=key))

    found = preflight(ECHO, ll.Whole(), make)
    assert found.passed
    said = next(check.found for check in found.checks if check.name == "seeds")
    assert said == "all begin from the same weights: no interval covers others"


def test_a_model_with_nothing_to_train_is_refused():
    with pytest.raises(ValueError, match="it has no trainable parameters"):
        ll.train(ECHO, ll.Whole(), lambda *_: eqx.nn.Identity())


class Two(eqx.Module):
    """Two layers; the first gets no gradient, or nothing at all reads it."""

    first: eqx.nn.Linear
    second: eqx.nn.Linear
    fault: str = eqx.field(static=True)

    def __call__(self, inputs):
        hidden = jax.vmap(self.first)(inputs)
        if self.fault == "detached":
            hidden = jax.lax.stop_gradient(hidden)
        return jax.vmap(self.second)(inputs if self.fault == "unused" else hidden)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("detached", "no gradient reaches first.weight, first.bias: 20 of 40 weights"),
        ("unused", "no gradient reaches first.weight, first.bias: 20 of 40 weights"),
        ("", ""),
    ],
)
def test_a_layer_without_a_gradient_is_named(fault, said):
    def make(sizes, seed):
        one, two = jax.random.split(jax.random.key(seed))
        width = sizes.features
        return Two(eqx.nn.Linear(width, width, key=one), eqx.nn.Linear(width, 4, key=two), fault)

    failed = failures(preflight(ECHO, ll.Whole(), make))
    assert list(failed) == ["gradients"] * bool(said)
    assert not said or failed["gradients"].found.startswith(said)


class Recurrent(eqx.Module):
    """A loop over steps, whose state a fault keeps from the gradient."""

    cell: eqx.nn.GRUCell
    readout: eqx.nn.Linear
    read: Callable[[Any], Any] = eqx.field(static=True)
    keep: Callable[[Any], Any] = eqx.field(static=True)

    def __call__(self, inputs):
        def step(hidden, each):
            hidden = self.cell(self.read(each), self.keep(hidden))
            return hidden, self.readout(hidden)

        return jax.lax.scan(step, jnp.zeros(self.cell.hidden_size), inputs)[1]


def rounded(each):
    return jax.lax.stop_gradient(jnp.round(each))


def called_back(each):
    return jax.pure_callback(lambda each: np.asarray(each), each, each, vmap_method="broadcast_all")


@pytest.mark.parametrize("framing", [ll.Whole(), ll.Window(timesteps=3)])
@pytest.mark.parametrize(
    ("read", "keep", "lost"),
    [
        (jnp.asarray, jax.lax.stop_gradient, True),
        (jnp.asarray, jnp.tanh, False),
        (rounded, jnp.tanh, False),  # no input gets a gradient, but the state does
        (called_back, jnp.tanh, False),  # no input can get one
    ],
)
def test_a_state_without_a_gradient_is_found(framing, read, keep, lost):
    def make(sizes, seed):
        one, two = jax.random.split(jax.random.key(seed))
        cell = eqx.nn.GRUCell(sizes.features, 5, key=one)
        return Recurrent(cell, eqx.nn.Linear(5, sizes.outputs, key=two), read, keep)

    failed = failures(preflight(ECHO, framing, make))
    assert list(failed) == ["gradients"] * lost
    if lost:
        found = "the last output depends on earlier inputs, but no gradient reaches them"
        assert failed["gradients"].found == found
        assert "in the loop over steps" in failed["gradients"].remedy


def test_a_state_that_is_detached_every_second_step_is_mentioned():
    class Halved(eqx.Module):
        cell: eqx.nn.GRUCell
        readout: eqx.nn.Linear

        def __call__(self, inputs):
            hidden, outputs = jnp.zeros(5), []
            for step, each in enumerate(inputs):
                hidden = hidden if step % 2 else jax.lax.stop_gradient(hidden)
                hidden = self.cell(each, hidden)
                outputs.append(self.readout(hidden))
            return jnp.stack(outputs)

    def make(sizes, seed):
        one, two = jax.random.split(jax.random.key(seed))
        cell = eqx.nn.GRUCell(sizes.features, 5, key=one)
        return Halved(cell, eqx.nn.Linear(5, sizes.outputs, key=two))

    found = preflight(ECHO, ll.Whole(), make)
    text = {check.name: check.found for check in found.checks}["warning"]
    assert found.conclusion == "All checks passed, with 1 warning."
    line = "reaches only the last 2 of 6 steps, though earlier inputs change it"
    assert line in text
    with pytest.warns(UserWarning, match=f"^make: a gradient of the last output {line}"):
        ll.train(ECHO, ll.Whole(), make, sequences=2, seeds=1)


def test_an_array_of_equinox_without_a_gradient_is_mentioned_since_that_may_be_meant():
    class Scaled(eqx.Module):
        scale: jax.Array
        linear: eqx.nn.Linear

        def __call__(self, inputs):
            return jax.vmap(self.linear)(inputs) * jax.lax.stop_gradient(self.scale)

    def make(sizes, seed):
        key = jax.random.key(seed)
        return Scaled(jnp.ones((1, 4)), eqx.nn.Linear(sizes.features, sizes.outputs, key=key))

    found = preflight(ECHO, ll.Whole(), make)
    text = {check.name: check.found for check in found.checks}["warning"]
    assert found.passed
    assert text.startswith("no gradient reaches scale, which change the outputs: 4 of 24 weights")


@pytest.mark.parametrize("carry", [False, True])
def test_recurrent_weights_in_single_steps_are_trained_only_where_state_is_carried(carry):
    found = preflight(ECHO, ll.Chunks(timesteps=1, carry=carry), ll.GRU(hidden_size=3))
    text = {check.name: check.found for check in found.checks}["gradients"]
    assert found.passed
    assert text.startswith("one reaches each" if carry else "one reaches 70 of 97 weights; none: ")


def test_a_decoder_is_not_looked_at():
    problem = ll.EchoSubsequence(length=3, values=3)
    with pytest.raises(ValueError, match="has a decoder, which is not checked"):
        preflight(problem, ll.EncoderDecoder(), ll.Seq2Seq())
    with pytest.raises(ValueError, match="has a decoder, which is not checked"):
        preflight(ECHO, ll.Whole(), "seq2seq")  # at once, not after its framing
    with pytest.raises(ValueError, match=r"which is not checked\. Use another framing"):
        preflight(problem, ll.EncoderDecoder(), "lstm")


@pytest.mark.parametrize("model", ["mlp", "mlp(context=2)", "bidirectional", "lstm"])
def test_a_model_of_longlag_is_checked_as_it_is_trained_where_state_is_carried(model):
    framing = ll.Chunks(timesteps=2, carry=True)
    found = preflight(ECHO, framing, model)
    assert found.passed
    state = {check.name: check.found for check in found.checks}["state"]
    assert state.startswith("this kind of model has none" if "mlp" in model else "carried: ")
    assert ll.train(ECHO, framing, model, sequences=2).chance > 0


def test_a_model_of_ones_own_without_a_state_is_refused_where_state_is_carried():
    framing = ll.Chunks(timesteps=2, carry=True)
    found = preflight(ECHO, framing, faulty(""))
    assert "no state reaches the next batch" in found.failed["state"]
    with pytest.raises(ValueError, match="no state reaches the next batch"):
        ll.train(ECHO, framing, faulty(""), sequences=2)


def test_a_study_looks_before_it_runs_anything(tmp_path):
    store = tmp_path / "trials.db"
    for study in (ll.frontier, lambda *asked, **rest: ll.profile(asked[2], [asked[0]], **rest)):
        with pytest.raises(ValueError, match="comes after it"):
            study(ll.EchoLag(), ll.Whole(), faulty("future"), store=store)
    with pytest.raises(ValueError, match="comes after it"):
        ll.compare([ll.LSTM(), faulty("future")], [ll.EchoLag()], store=store)
    assert not store.exists()


@pytest.mark.parametrize("missing", ["drop", "mark", "mask"])
@pytest.mark.parametrize("columns", [1, 2])
def test_a_real_series_is_looked_at_like_any_problem(columns, missing):
    values = np.random.default_rng(0).normal(size=(80, columns))
    values[::9, 0] = np.nan
    series = ll.Series(values, length=4, missing=missing)
    found = preflight(series, ll.Whole(), ll.MLP(hidden_size=3))
    assert [check.name for check in found.checks if not check.passed] == []
    said = {check.name: check.found for check in found.checks}
    masked = missing == "mask"
    assert said["mask"].startswith("masked steps" if masked else "this framing masks")


@pytest.mark.parametrize("fault", ["over time", "log softmax over time"])
def test_a_softmax_over_the_wrong_axis_is_called_one(fault):
    last = preflight(ECHO, ll.Whole(), faulty(fault)).checks[-1]
    assert (last.name, last.passed) == ("outputs", False)
    assert "sum to 1 over time" in last.found


def test_a_check_compiles_a_model_once_for_each_number_of_rows_and_once_again(caplog):
    with jax.log_compiles():
        preflight(ECHO, ll.Whole(), ll.GRU(hidden_size=13))
    compiled = [record.getMessage().split()[1] for record in caplog.records]
    # The usual rows twice, in case its Python code does something else by then, two other
    # numbers of rows, and training.
    assert [name for name in compiled if name.startswith("jit")] == ["jit(run)"] * 5


class Reaching(eqx.Module):
    first: eqx.nn.Linear
    middle: Callable[[Any], Any]
    readout: eqx.nn.Linear

    def __call__(self, inputs):
        return jax.vmap(lambda each: self.readout(self.middle(self.first(each))))(inputs)


@pytest.mark.parametrize("place", ["own", "closure"])
def test_a_layer_that_is_none_of_the_model_is_mentioned(place):
    def make_model(sizes, seed):
        keys = jax.random.split(jax.random.key(seed), 3)
        widths = (sizes.features, 4), (4, 4), (4, sizes.outputs)
        pairs = zip(widths, keys, strict=True)
        first, middle, last = (eqx.nn.Linear(*width, key=key) for width, key in pairs)
        return Reaching(first, middle if place == "own" else lambda each: middle(each), last)

    found = preflight(ll.EchoLag(lag=0, length=6, values=3), ll.Whole(), make_model)
    assert found.passed
    text = "it uses a layer, a Linear, that is none of its own, as a global or in a closure: "
    assert [each[: len(text)] for each in found.warnings] == ([text] if place == "closure" else [])
