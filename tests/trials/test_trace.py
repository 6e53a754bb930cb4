from typing import Any

import numpy as np
import pytest

import longlag as ll
from longlag import streams
from longlag.models import OneHotInput
from longlag.problems import CumulativeThreshold, EchoSubsequence, EchoValue, Memorization
from longlag.training import Recipe
from longlag.trials.sensitivity import gates
from longlag.trials.setting import Setting
from longlag.trials.trace import _gates, trace

PROBLEMS = [
    ll.EchoLag(lag=1, length=25, values=7),
    EchoValue(),
    Memorization(),
    CumulativeThreshold(length=9),
]
FRAMINGS = [
    (ll.Whole(), 1),
    (ll.Chunks(timesteps=2), 3),
    (ll.Chunks(timesteps=2, carry=True), 4),
    (ll.Window(timesteps=3), 1),
    (ll.Window(timesteps=3, missing="mask"), 4),
    (ll.Prefix(), 1),
    (ll.Prefix(pad="end"), 2),
]
MARKED = ll.Window(timesteps=3, missing="mark"), 2
CONSECUTIVE = ll.Chunks(timesteps=1, carry=True, rows="consecutive"), 6  # of 25: drops the first


def made(problem, framing, model, batch_size=1):
    recipe = Recipe(batch_size=batch_size)
    return Setting(problem=problem, framing=framing, model=model, recipe=recipe)


def cases():
    for problem in PROBLEMS:
        marked = [] if isinstance(problem, CumulativeThreshold) else [MARKED]
        dropping = [CONSECUTIVE] if isinstance(problem, ll.EchoLag) else []
        some = FRAMINGS if isinstance(problem, ll.EchoLag) else FRAMINGS[::2]
        for framing, batch_size in [*some, *marked, *dropping]:
            yield problem, framing, batch_size
    yield PROBLEMS[1], ll.Window(timesteps=2, missing="mask", carry=True), 1
    yield EchoSubsequence(length=5, values=4, count=2), ll.Vector(), 1
    yield EchoSubsequence(length=5, values=4, count=2), ll.Whole(), 1


CASES = list(cases())
CELLS = [ll.LSTM(hidden_size=3), ll.GRU(hidden_size=3), ll.RNN(hidden_size=3)]


def shown(setting, seed):
    """The inputs, before the answer, of the first fresh episode."""
    problem = setting.problem
    inputs = problem.draw(streams.evaluation(seed), 1).inputs[0]
    return inputs[: problem.steps - problem.answers]


@pytest.mark.parametrize(
    ("problem", "framing", "batch_size", "cell"),
    [
        (*case, cell)
        for case in CASES
        for cell in CELLS[: 3 if isinstance(case[0], ll.EchoLag) else 1]
    ],
    ids=repr,
)
def test_predictions_are_those_of_the_model_and_come_from_the_chain_that_is_named(
    problem, framing, batch_size, cell
):
    setting = made(problem, framing, cell, batch_size)
    model: Any = setting.create(1)
    found = trace(setting, model, seed=3)
    np.testing.assert_array_equal(
        found.episodes.inputs[0][: len(shown(setting, 3))], shown(setting, 3)
    )
    expected = setting.predict(model, shown(setting, 3))
    np.testing.assert_array_equal(found.predicted[setting.scored], expected)
    assert (found.chain_of >= 0).tolist() == setting.scored.tolist()
    assert (found.position_of >= 0).tolist() == setting.scored.tolist()
    assert not (found.scored & ~setting.scored).any()
    inner: Any = model.model if isinstance(model, OneHotInput) else model
    for step in np.flatnonzero(setting.scored):
        hidden = found.chains[found.chain_of[step]].maps["hidden"][found.position_of[step]]
        outputs = hidden @ np.asarray(inner.readout.weight) + np.asarray(inner.readout.bias)
        if framing.output == "vector":
            outputs = outputs.reshape(problem.answers, -1)[step - problem.steps + problem.answers]
        said = outputs.argmax() if setting.target_encoding.loss == "cross-entropy" else outputs
        np.testing.assert_allclose(found.predicted[step], np.squeeze(said), rtol=1e-5, atol=1e-6)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def stepped(layer, features, present):
    """An LSTM written plainly, from zero: every gate and state of every position."""
    kernel, recurrent, bias = (
        np.asarray(each, np.float64) for each in (layer.kernel, layer.recurrent, layer.bias)
    )
    hidden = cell = np.zeros(len(recurrent))
    said: dict[str, list[np.ndarray]] = {}
    for feature, counts in zip(features, present, strict=True):
        parts = np.split(feature @ kernel + hidden @ recurrent + bias, 4)
        input, forget, output = (sigmoid(parts[at]) for at in (0, 1, 3))
        candidate = np.tanh(parts[2])
        if counts:
            cell = forget * cell + input * candidate
            hidden = output * np.tanh(cell)
        now = locals()
        for name in ("input", "forget", "candidate", "output", "cell", "hidden"):
            said.setdefault(name, []).append(now[name])
    return {name: np.array(each) for name, each in said.items()}


@pytest.mark.parametrize(("problem", "framing", "batch_size"), CASES, ids=repr)
def test_maps_are_those_of_an_lstm_that_runs_over_the_steps_of_the_chain(
    problem, framing, batch_size
):
    setting = made(problem, framing, CELLS[0], batch_size)
    model: Any = setting.create(1)
    found = trace(setting, model, seed=3)
    inner: Any = model.model if isinstance(model, OneHotInput) else model
    features = setting.input_encoding.encode(found.episodes.inputs[0]).astype(float)
    features = np.concatenate([features, np.full_like(features[:1], -1)])  # of a step of -1
    assert found.chains
    assert not found.why
    for chain in found.chains:
        present = (chain.steps >= 0) | framing.marks
        expected = stepped(inner.layer, features[chain.steps], present)
        assert set(chain.maps) == set(expected)
        for name, values in chain.maps.items():
            states = name in ("cell", "hidden")  # a skipped step has no gates
            compared = np.ones(len(present), bool) if states else present
            np.testing.assert_allclose(values[compared], expected[name][compared], atol=1e-5)


def test_chains_follow_the_layout():
    def steps(framing, batch_size=1, length=25):
        problem = ll.EchoLag(lag=1, length=length, values=3)
        setting = made(problem, framing, CELLS[0], batch_size)
        chains = trace(setting, setting.create(0)).chains
        return [each.steps.tolist() for each in chains], [each.starts.tolist() for each in chains]

    assert steps(ll.Whole(), length=4) == ([[0, 1, 2, 3]], [[0]])
    assert steps(ll.Chunks(timesteps=2), length=5) == ([[0, 1], [2, 3], [4, -1]], [[0]] * 3)
    carried = ll.Chunks(timesteps=2, carry=True)
    assert steps(carried, 4, length=5) == ([[0, 1, 2, 3, 4, -1]], [[0, 2, 4]])
    rows = [list(range(first, 25, 6)) for first in range(1, 7)]
    assert steps(*CONSECUTIVE) == (rows, [[0, 1, 2, 3]] * 6)
    assert steps(ll.Window(timesteps=2), length=4) == ([[1, 2], [2, 3]], [[0]] * 2)
    marked = ll.Window(timesteps=2, missing="mark")
    assert steps(marked, length=3) == ([[-1, 0], [0, 1], [1, 2]], [[0]] * 3)


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_a_whole_sequence_has_the_gates_of_gates(cell):
    setting = made(PROBLEMS[0], ll.Whole(), cell)
    model = setting.create(0)
    (chain,) = trace(setting, model, seed=2).chains
    expected = gates(setting, model, seed=2)
    assert list(chain.maps) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(chain.maps[name], values, atol=1e-6)


def test_another_sequence_is_followed_also_one_of_another_length():
    setting = made(PROBLEMS[0], ll.Window(timesteps=3), CELLS[0])
    model = setting.create(0)
    first, second = (trace(setting, model, each) for each in ([1, 2, 3, 4, 5], [1, 2, 3, 4, 0]))
    assert [each.steps.tolist() for each in first.chains] == [[1, 2, 3], [2, 3, 4]]
    np.testing.assert_array_equal(
        first.predicted[first.scored], setting.predict(model, [1, 2, 3, 4, 5])
    )
    same = first.chains[0].maps["hidden"] == second.chains[0].maps["hidden"]
    assert same.all()
    assert (first.chains[1].maps["hidden"][-1] != second.chains[1].maps["hidden"][-1]).any()
    with pytest.raises(ValueError, match="values from 0 to 6, got 7"):
        trace(setting, model, [0, 7, 1, 1])


@pytest.mark.parametrize(
    ("problem", "framing", "model"),
    [
        (PROBLEMS[0], ll.Window(timesteps=3), ll.MLP(hidden_size=3)),
        (PROBLEMS[0], ll.Whole(), ll.Bidirectional(hidden_size=3)),
        (EchoSubsequence(length=5, values=4, count=2), ll.EncoderDecoder(), ll.Seq2Seq()),
    ],
    ids=repr,
)
def test_a_model_without_gates_has_predictions_and_says_why_it_has_no_chains(
    problem, framing, model
):
    setting = made(problem, framing, model)
    created = setting.create(0)
    found = trace(setting, created, seed=1)
    assert found.chains == ()
    assert found.why.startswith(f"{type(model).__name__} has no single recurrent layer to read.")
    assert (found.chain_of == -1).all()
    expected = setting.predict(created, shown(setting, 1))
    np.testing.assert_array_equal(found.predicted[found.scored], expected)


def test_a_series_is_followed_where_it_lacks_data():
    values = np.stack([np.arange(90.0) % 7, np.arange(90.0) % 5], axis=1)
    values[80] = np.nan
    series = ll.Series(values, length=4, missing="mask")
    setting = made(series, ll.Whole(), CELLS[0])
    model = setting.create(0)
    found = trace(setting, model, values[78:82])
    expected = series.in_unit(found.predicted[found.scored])
    np.testing.assert_array_equal(expected, setting.predict(model, values[78:82]))
    cell = found.chains[0].maps["cell"]
    assert (cell[2] == cell[1]).all()
    assert (cell[3] != cell[2]).all()


def test_models_of_one_setting_share_a_program():
    setting = made(PROBLEMS[0], ll.Whole(), ll.LSTM(hidden_size=4))
    trace(setting, setting.create(0))
    count = _gates._cached._cache_size()  # pyright: ignore[reportFunctionMemberAccess]
    trace(setting, setting.create(1), seed=5)
    assert _gates._cached._cache_size() == count  # pyright: ignore[reportFunctionMemberAccess]
