import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import longlag as ll
from longlag import streams
from longlag.models import OneHotInput
from longlag.problems import Problem
from longlag.training import Recipe
from longlag.trials.sensitivity import _norms, gates, sensitivity
from longlag.trials.setting import Setting

EASY = ll.EchoLag(lag=1, length=5, values=3)


def made(framing, model, problem: Problem = EASY, batch_size=1, **parts):
    recipe = Recipe(batch_size=batch_size)
    return Setting(problem=problem, framing=framing, model=model, recipe=recipe, **parts)


def whole(model, features):
    return dict(enumerate(model(features, None, model.initial_state())[0]))


def chunks_of_two(model, features):
    said, state = {}, model.initial_state()
    for first in (0, 2):
        outputs, state = model(features[first : first + 2], None, state)
        said |= {first: outputs[0], first + 1: outputs[1]}
    outputs, _ = model(features[4:], None, state)
    return said | {4: outputs[0]}


def every_third(model, features):
    """Rows of three that are consecutive steps: each goes on from the step three earlier."""
    said = {}
    for row in range(3):
        state = model.initial_state()
        for step in range(row, 6, 3):
            outputs, state = model(features[step : step + 1], None, state)
            said[step] = outputs[0]
    return said


def marked_windows(model, features):
    said = {}
    for step in range(5):
        rows = [
            jnp.full(features.shape[1], -1.0) if back < 0 else features[back]
            for back in range(step - 2, step + 1)
        ]
        said[step] = model(jnp.stack(rows), None, model.initial_state(), last=True)[0][0]
    return said


def masked_windows(model, features):
    return {
        step: model(features[max(0, step - 2) : step + 1], None, model.initial_state(), last=True)[
            0
        ][0]
        for step in range(5)
    }


def answer(model, features):
    outputs = model(features[:3], None, model.initial_state(), last=True)[0][0]
    return {3: outputs[:4], 4: outputs[4:]}


def spoken(model, features):
    said = model.decode_free_running(features[:3], None, lambda output: output.argmax(-1), 2)
    return {3: said[0], 4: said[1]}


SMALL_ANSWER = ll.EchoSubsequence(length=3, values=4, count=2)
LOOPS = [
    (made(ll.Whole(), ll.GRU(hidden_size=3)), whole),
    (made(ll.Chunks(timesteps=2, carry=True), ll.LSTM(hidden_size=3), batch_size=4), chunks_of_two),
    (
        made(
            ll.Chunks(timesteps=1, carry=True, rows="consecutive"),
            ll.LSTM(hidden_size=3),
            ll.EchoLag(lag=3, length=6, values=3),
            batch_size=3,
        ),
        every_third,
    ),
    (made(ll.Window(timesteps=3, missing="mark"), ll.RNN(hidden_size=3)), marked_windows),
    (made(ll.Window(timesteps=3, missing="mask"), ll.LSTM(hidden_size=3)), masked_windows),
    (made(ll.Vector(), ll.LSTM(hidden_size=3), SMALL_ANSWER), answer),
    (made(ll.EncoderDecoder(), ll.Seq2Seq(hidden_size=3), SMALL_ANSWER), spoken),
]


@pytest.mark.parametrize(("setting", "loop"), LOOPS, ids=lambda each: getattr(each, "__name__", ""))
def test_it_is_the_norm_of_the_jacobian_of_outputs_worked_out_step_by_step(setting, loop):
    model: Any = setting.create(1)
    inner = model.model if isinstance(model, OneHotInput) else model
    inputs = setting.problem.draw(streams.evaluation(4), 3).inputs
    steps = setting.problem.steps
    squares = np.zeros((steps, steps))
    slopes = jax.jit(jax.jacobian(lambda features: loop(inner, features)))
    for sequence in setting.input_encoding.encode(inputs):
        for target, slope in slopes(jnp.asarray(sequence)).items():
            if setting.scored[target]:
                squares[target] += (np.asarray(slope) ** 2).sum(axis=(0, 2))
    found = sensitivity(setting, model, seed=4, sequences=3)
    assert found[setting.scored].any()
    np.testing.assert_allclose(found, np.sqrt(squares / 3), rtol=1e-4, atol=1e-6)


def test_it_is_what_a_small_change_of_an_input_does():
    """Finite differences of the predictions themselves, for a problem with real values."""
    setting = made(ll.Chunks(timesteps=2, carry=True), ll.GRU(hidden_size=4), ll.Ramp(length=6))
    model = setting.create(0)
    shown = setting.problem.draw(streams.evaluation(0), 1).inputs[0].astype(np.float32)
    expected = np.zeros((5, 5))
    for step in range(5):
        change = np.zeros(5, np.float32)
        change[step] = 1e-2
        up, down = (setting.predict(model, shown + sign * change) for sign in (1, -1))
        expected[:, step] = np.abs(up - down) / 2e-2
    found = sensitivity(setting, model, sequences=2)
    np.testing.assert_allclose(found, expected, atol=2e-3)


AUDITED = [
    (ll.Chunks(timesteps=2), ll.LSTM(hidden_size=4), 1),
    (ll.Chunks(timesteps=2, carry=True), ll.GRU(hidden_size=4), 3),
    (ll.Chunks(timesteps=1, carry=True, rows="consecutive"), ll.RNN(hidden_size=4), 2),
    (ll.Window(timesteps=3), ll.LSTM(hidden_size=4), 2),
    (ll.Window(timesteps=3, carry=True), ll.RNN(hidden_size=4), 3),
    (ll.Window(timesteps=3, missing="mark"), ll.MLP(hidden_size=32), 1),
    (ll.Window(timesteps=3, missing="mask"), ll.MLP(hidden_size=32, context=2), 1),
    (ll.Window(timesteps=3, missing="mask", carry=True), ll.LSTM(hidden_size=4), 3),
    (ll.Prefix(), ll.Bidirectional(cell="rnn", hidden_size=4), 4),
    (ll.Whole(), ll.LSTM(hidden_size=4), 3),
    (ll.Whole(), ll.Bidirectional(cell="rnn", hidden_size=4), 2),
    (ll.Chunks(timesteps=3, carry=True), ll.Bidirectional(cell="gru", hidden_size=4), 2),
]


@pytest.mark.parametrize(("framing", "model", "batch_size"), AUDITED, ids=repr)
def test_what_a_model_can_use_is_what_the_audit_says_it_sees(framing, model, batch_size):
    problem = ll.EchoLag(lag=1, length=6, values=3)
    setting = made(framing, model, problem, batch_size)
    used = sensitivity(setting, setting.create(0), sequences=2)
    assert used.shape == (6, 6)
    assert (used > 0).tolist() == setting.audit().sees.tolist()


@pytest.mark.parametrize(
    ("framing", "model"),
    [
        (ll.Vector(), ll.Bidirectional(hidden_size=4)),
        (ll.EncoderDecoder(), ll.Seq2Seq(cell="gru", hidden_size=4, attention=True)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("encoding", [ll.OneHot, ll.Scaled])
def test_every_value_of_an_answer_uses_the_input_and_nothing_of_the_answer(
    framing, model, encoding
):
    setting = made(framing, model, SMALL_ANSWER, encoding=encoding)
    used = sensitivity(setting, setting.create(0), sequences=2)
    expected = np.zeros((5, 5), bool)
    expected[3:, :3] = True
    assert (used > 0).tolist() == expected.tolist()


def test_only_a_model_of_both_directions_uses_the_future():
    one, both = (
        sensitivity(setting, setting.create(0), sequences=2)
        for setting in (made(ll.Whole(), ll.LSTM()), made(ll.Whole(), ll.Bidirectional()))
    )
    assert not np.triu(one, k=1).any()
    assert np.triu(both, k=1)[1:].sum() > 0


def test_a_model_that_learned_to_echo_uses_most_the_input_it_needs():
    problem = ll.EchoLag(lag=2, length=8, values=4)
    run = ll.train(problem, ll.Whole(), ll.LSTM(hidden_size=16), sequences=3000, learning_rate=0.01)
    assert run.verdict == "solved"
    used = run.trained().sensitivity()
    assert used[2:].argmax(axis=1).tolist() == list(range(6))
    assert not used[:2].any()


@pytest.mark.parametrize("cell", [ll.LSTM, ll.GRU])
def test_gates_are_those_of_the_layer(cell):
    setting = made(ll.Whole(), cell(hidden_size=3))
    model: Any = setting.create(0)
    features = jax.nn.one_hot(jnp.array([2, 0, 1, 1, 2]), 3)
    expected = model.layer.gates(features)
    found = gates(setting, model, sequence=[2, 0, 1, 1, 2])
    assert set(found) == set(expected._fields)
    for name, values in found.items():
        assert values.shape == (5, 3)
        np.testing.assert_array_equal(values, getattr(expected, name))


def test_gates_of_a_model_without_any_are_its_states():
    setting = made(ll.Whole(), ll.RNN(hidden_size=3))
    model: Any = setting.create(0)
    found = gates(setting, model, sequence=[2, 0, 1])
    assert set(found) == {"hidden"}
    hidden = np.zeros(3)
    for step, value in enumerate([2, 0, 1]):
        layer = model.layer
        hidden = np.tanh(layer.kernel[value] + hidden @ layer.recurrent + layer.bias)
        np.testing.assert_allclose(found["hidden"][step], hidden, atol=1e-6)


def test_gates_are_read_on_the_first_fresh_sequence_of_the_seed_where_none_is_given():
    setting = made(ll.Window(timesteps=3, missing="mark"), ll.LSTM(hidden_size=3))
    model = setting.create(0)
    first = EASY.draw(streams.evaluation(6), 1).inputs[0]
    ours, theirs = gates(setting, model, seed=6), gates(setting, model, sequence=first)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_the_gates_of_an_answer_go_on_through_the_blank_steps():
    setting = made(ll.Whole(), ll.GRU(hidden_size=3), SMALL_ANSWER)
    found = gates(setting, setting.create(0), sequence=[0, 3, 1])
    assert found["update"].shape == (5, 3)


def test_gates_are_asked_of_a_recurrent_layer_and_of_values_it_knows():
    setting = made(ll.Whole(), ll.MLP(hidden_size=3))
    with pytest.raises(ValueError, match=r"gates: MLP has no single recurrent layer .* Use LSTM"):
        gates(setting, setting.create(0))
    both = made(ll.Whole(), ll.Bidirectional(hidden_size=3))
    with pytest.raises(ValueError, match="gates: Bidirectional has no single recurrent layer"):
        gates(both, both.create(0))
    one = made(ll.Whole(), ll.LSTM(hidden_size=3))
    with pytest.raises(ValueError, match=r"values from 0 to 2, got 3 at step 1"):
        gates(one, one.create(0), sequence=[0, 3])


def test_it_is_compiled_once_for_equal_settings():
    setting = Setting(problem=ll.EchoLag(length=4), framing=ll.Whole(), model=ll.RNN(hidden_size=3))
    again = dataclasses.replace(setting)
    first = sensitivity(setting, setting.create(0))
    count = _norms._cached._cache_size()  # pyright: ignore[reportFunctionMemberAccess]
    assert (sensitivity(again, setting.create(0)) == first).all()
    assert _norms._cached._cache_size() == count  # pyright: ignore[reportFunctionMemberAccess]


def test_of_no_sequences_there_is_none():
    setting = Setting(problem=ll.EchoLag(length=4), framing=ll.Whole(), model=ll.RNN(hidden_size=3))
    with pytest.raises(ValueError, match="`sequences` must be at least 1, got 0"):
        sensitivity(setting, setting.create(0), sequences=0)


def test_what_is_used_of_a_series_is_asked_of_rows_that_score():
    values = np.stack([np.arange(90.0) % 7, np.ones(90)], axis=1)
    values[63:, 1] = 5  # which the rows that train never show
    values[80] = np.nan
    series = ll.Series(values, length=4, missing="mask")
    setting = Setting(problem=series, framing=ll.Whole(), model=ll.RNN(hidden_size=3))
    model: Any = setting.create(0)
    used = sensitivity(setting, model, sequences=8)
    assert np.isfinite(used).all()
    assert not np.triu(used, k=1).any()
    assert np.diag(used).all()
    read = gates(setting, model, 0, values[70:74])
    shown = jnp.asarray(series.episode(values[70:74])[1].inputs)
    hidden = model(shown, None, model.initial_state((1,)))[1]
    np.testing.assert_allclose(read["hidden"][-1], hidden.hidden[0], rtol=1e-5)
    short = gates(setting, model, 0, values[78:82])
    assert {len(each) for each in short.values()} == {4}
    assert (short["hidden"][2] == short["hidden"][1]).all()  # the third step lacks data
    assert (short["hidden"][3] != short["hidden"][2]).all()
