import ast
import inspect
import json
import os
import pickle
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
import safetensors
import safetensors.numpy

import longlag as ll
from longlag.adapters import tables
from longlag.models import MODELS, OneHotInput
from longlag.training import Recipe, program
from longlag.trials import checkpoint, documents
from longlag.trials.checkpoint import Trained, load
from longlag.trials.setting import Setting

EASY = ll.EchoLag(lag=1, length=6, values=4)
ANSWER = ll.EchoSubsequence(length=3, values=4, count=2)
SETTINGS = [
    Setting(problem=EASY, framing=ll.Whole(), model=ll.LSTM(hidden_size=3)),
    Setting(problem=EASY, framing=ll.Chunks(carry=True), model=ll.GRU(hidden_size=3)),
    Setting(problem=EASY, framing=ll.Window(timesteps=2), model=ll.MLP(hidden_size=3)),
    Setting(problem=ll.Ramp(length=5), framing=ll.Whole(), model=ll.RNN(hidden_size=3)),
    Setting(
        problem=EASY,
        framing=ll.Window(timesteps=3, missing="mark"),
        model=ll.LSTM(hidden_size=3),
        recipe=Recipe(learning_rate=0.3, stop_at=0.5),
    ),
    Setting(
        problem=ANSWER,
        framing=ll.Vector(),
        encoding=ll.Scaled,
        model=ll.Bidirectional(cell="gru", hidden_size=3),
    ),
    Setting(
        problem=ANSWER,
        framing=ll.EncoderDecoder(),
        model=ll.Seq2Seq(cell="rnn", hidden_size=3, attention=True),
    ),
    Setting(problem=ANSWER, framing=ll.EncoderDecoder(), model=ll.Seq2Seq(hidden_size=3)),
]
TRIED = {type(setting.model) for setting in SETTINGS}
SETTINGS += [
    Setting(problem=EASY, framing=ll.Whole(), model=kind())
    for kind in MODELS.values()
    if kind not in TRIED
]
every_setting = pytest.mark.parametrize(
    "setting", SETTINGS, ids=lambda each: f"{each.framing!r}-{each.model!r}"
)


def learned(setting, seed=5):
    """A model whose weights are no longer those that it began with."""
    rng = np.random.default_rng(1)

    def moved(leaf):
        if not eqx.is_inexact_array(leaf):
            return leaf
        return leaf + rng.normal(0, 0.5, leaf.shape).astype(np.float32)

    return Trained(setting, seed, jax.tree.map(moved, setting.create(seed)))


def arrays(trained):
    return jax.tree.leaves(eqx.filter(trained.model, eqx.is_array))


def shown(problem):
    inputs = problem.draw(np.random.default_rng(3), 1).inputs[0]
    return inputs[: problem.steps - problem.answers].tolist()


def test_every_kind_of_model_is_tried():
    assert {type(setting.model) for setting in SETTINGS} >= set(MODELS.values())
    assert any(isinstance(setting.create(0), OneHotInput) for setting in SETTINGS)


@every_setting
def test_a_model_comes_back_to_the_bit(setting, tmp_path):
    before = learned(setting)
    path = tmp_path / "model.safetensors"
    before.save(path)
    after = load(path)
    assert (after.setting, after.seed) == (setting, 5)
    assert jax.tree.structure(after.model) == jax.tree.structure(before.model)
    ours, theirs = arrays(before), arrays(after)
    assert [each.tobytes() for each in ours] == [each.tobytes() for each in theirs]
    assert any(
        (a != b).any()
        for a, b in zip(ours, arrays(Trained(setting, 5, setting.create(5))), strict=True)
    )
    said, again = (each.predict(shown(setting.problem)) for each in (before, after))
    assert said.tobytes() == again.tobytes()
    assert checkpoint.to_bytes(after) == path.read_bytes()


@every_setting
def test_the_file_is_arrays_with_names_and_a_document(setting, tmp_path):
    before = learned(setting)
    path = tmp_path / "model.safetensors"
    before.save(path)
    with safetensors.safe_open(path, "np") as opened:
        names = list(opened.keys())
        found = {name: opened.get_tensor(name) for name in names}
        header = opened.metadata()
    assert len(names) == len(arrays(before))
    assert sum(array.nbytes for array in found.values()) == sum(
        leaf.nbytes for leaf in arrays(before)
    )
    assert any(name.endswith(("kernel", "weight")) for name in names)
    document = json.loads(header["longlag"])
    assert set(header) == {"longlag"}
    assert document["format"] == 1
    assert document["seed"] == 5
    assert document["setting"]["model"]["kind"] == setting.model.title()


def test_a_run_saves_the_model_of_each_seed(tmp_path):
    run = ll.train(EASY, ll.Whole(), ll.LSTM(hidden_size=3), sequences=5, seeds=[3, 8])
    for seed in (None, 8):
        run.save(tmp_path / "model", seed=seed)
        trained = load(tmp_path / "model")
        assert trained.seed == (seed or 3)
        assert trained.predict([1, 2, 3]).tolist() == run.predict([1, 2, 3], seed=seed).tolist()
    with pytest.raises(ValueError, match=r"`seed` must be one of \[3, 8\], got 4"):
        run.save(tmp_path / "model", seed=4)


def test_an_evaluation_is_that_of_the_seed():
    trained = learned(SETTINGS[0])
    again = SETTINGS[0].evaluate(trained.model, 5)
    assert trained.evaluate().predicted.tobytes() == again.predicted.tobytes()


def test_parameters_counts_every_weight():
    trained = Trained(SETTINGS[0], 0, SETTINGS[0].create(0))
    # Four gates of three cells from four features, three cells and a bias; four outputs.
    assert program.parameters(trained.model) == 4 * 3 * (4 + 3 + 1) + 4 * (3 + 1)
    assert program.parameters(trained.model) == sum(leaf.size for leaf in arrays(trained))


GOOD = checkpoint.to_bytes(learned(SETTINGS[0]))


def rewritten(document=None, **changed):
    """The good file with another document in its header, or other arrays."""
    found: dict[str, Any] = dict(safetensors.numpy.load(GOOD))
    header = json.loads(GOOD[8 : 8 + int.from_bytes(GOOD[:8], "little")])
    kept = json.loads(header["__metadata__"]["longlag"]) | (document or {})
    for name, change in changed.items():
        if change is None:
            del found[name]
        else:
            found[name] = change(found.get(name))
    return safetensors.numpy.save(found, metadata={"longlag": json.dumps(kept)})


FIRST = next(iter(safetensors.numpy.load(GOOD)))
FOREIGN = safetensors.numpy.save({"weight": np.zeros((2, 3), np.float32)})
WRONG = {
    "text": (b"epochs,accuracy\n" * 9, "is no safetensors file"),
    "empty": (b"", "is no safetensors file"),
    "pickle": (pickle.dumps({"weight": [0.0] * 99}), "is no safetensors file"),
    "foreign": (FOREIGN, "holds no longlag model. Use a file that `save` wrote"),
    "other header": (
        safetensors.numpy.save({"weight": np.zeros(2)}, metadata={"longlag": "[1]"}),
        "holds no longlag model",
    ),
    "no json": (
        safetensors.numpy.save({"weight": np.zeros(2)}, metadata={"longlag": "yes"}),
        "holds no longlag model",
    ),
    "format": (rewritten({"format": 2}), "has format 2, this longlag reads 1"),
    "missing": (rewritten(**{FIRST: None}), "do not fit its setting, LSTM"),
    "more": (rewritten(other=lambda _: np.zeros(3, np.float32)), "do not fit its setting"),
    "shape": (rewritten(**{FIRST: lambda array: array[..., :-1].copy()}), "do not fit"),
    "type": (rewritten(**{FIRST: lambda array: array.astype(np.float64)}), "do not fit"),
    "problem": (
        rewritten({"setting": documents.document(SETTINGS[0]) | {"problem": {"kind": "ekko"}}}),
        "There is no problem `ekko`",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(kind, tmp_path):
    content, message = WRONG[kind]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_cut_off_anywhere_is_refused():
    lengths = [*range(0, 200, 7), *range(200, len(GOOD), 61), len(GOOD) - 1]
    for length in lengths:
        with pytest.raises(ValueError, match=r"load: the checkpoint .*safetensors file"):
            checkpoint.from_bytes(GOOD[:length])


def test_nothing_is_unpickled(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise AssertionError("a checkpoint was unpickled")

    path = tmp_path / "model"
    learned(SETTINGS[0]).save(path)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(np, "load", refuse)
    load(path)
    tree = ast.parse(inspect.getsource(checkpoint))
    imported = {
        name.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert not imported & {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


HEADERS = {
    "problem": lambda told: told.update(problem=3),
    "no recipe": lambda told: told.update(recipe=None),
    "encoding": lambda told: told.update(encoding=["one-hot"]),
    "a value": lambda told: told["problem"].update(length=-3),
    "too large": lambda told: told["model"].update(hidden_size=10**6),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_setting_that_cannot_be_read_is_refused_in_one_line(name, tmp_path):
    trained = learned(SETTINGS[0])
    told = documents.document(trained.setting)
    HEADERS[name](told)
    with pytest.raises(ValueError, match="cannot be used") as refused:
        load(written(tmp_path, trained, told))
    assert "\n" not in str(refused.value)


def written(folder, trained, told):
    """A file with the arrays of a model and another setting."""
    path = folder / "model.safetensors"
    header = {"format": 1, "setting": told, "seed": trained.seed}
    held = safetensors.numpy.load(checkpoint.to_bytes(trained))
    safetensors.numpy.save_file(held, path, metadata={"longlag": json.dumps(header)})
    return path


def test_a_real_series_goes_with_its_model(tmp_path):
    values = np.stack([np.sin(np.arange(90.0)), np.arange(90.0) % 4], axis=1)
    values[5, 1] = np.nan
    series = ll.Series(values, names=("a", "b"), target="b", length=3, missing="mark")
    run = ll.train(series, ll.Whole(), ll.MLP(hidden_size=3), sequences=30)
    run.save(tmp_path / "model.safetensors")
    loaded = ll.load(tmp_path / "model.safetensors")
    assert loaded.setting == run.setting
    assert loaded.predict(values[-3:]).tolist() == run.predict(values[-3:]).tolist()
    assert loaded.evaluate().error == run.evaluations[0].error


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ValueError, match=r"is no regular file\. Name a file that longlag saved"):
        ll.load(tmp_path / "fifo")


def test_a_series_whose_path_is_too_long_is_one_that_is_not_there():
    with pytest.raises(ValueError, match="There is no file"):
        tables.read("a" * 5000, ())
