"""Adopted models, on the example of Equinox, which is always there."""

import dataclasses
import functools
import importlib
import re
import shutil
import subprocess
import sys
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

import longlag
from longlag.adapters.models import user_model
from longlag.adapters.randomness import seeded
from longlag.arrays import last_of
from longlag.trials import documents, identity
from longlag.trials.identity import Trial
from longlag.workers.local import Local
from longlag.workers.threads import Threads

ll: Any = longlag  # whose models have what their own libraries give them

SIZES = ll.Sizes(features=4, outputs=4, timesteps=5, values=4)
ECHO = ll.EchoLag(lag=0, length=5, values=4)

FILE = """
import equinox as eqx, jax, longlag as ll

def make_model(sizes, seed):
    return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)))

def embedded(sizes, seed):
    return eqx.filter_vmap(eqx.nn.Embedding(sizes.values, sizes.outputs, key=jax.random.key(seed)))

def wide(sizes, seed, width, bias=True):
    key = jax.random.key(seed)
    return eqx.nn.MLP(sizes.features, sizes.outputs, width, 1, use_bias=bias, key=key)

def swallowing(sizes, width=3):
    return wide(sizes, 0, width)

adopted = ll.adopt(embedded, inputs="values")
number = 3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def make_model(sizes, seed) -> Any:
    return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)))


def setting(model):
    return ll.Setting(problem=ECHO, framing=ll.Whole(), model=model)


def test_the_five_lines_of_the_readme():
    run = ll.train(ECHO, ll.Whole(), make_model, sequences=2000, learning_rate=0.02, seeds=2)
    assert run.verdict == "solved"
    assert run.predict([3, 1, 2]).tolist() == [3, 1, 2]
    module = run.models[0].module
    assert isinstance(module, type(make_model(SIZES, 0)))
    weight = module._fun.weight
    assert weight.argmax(axis=0).tolist() == [0, 1, 2, 3]  # the user's own has what was learned


def test_a_longlag_model_may_be_made_by_a_function_too():
    made = ll.adopt(lambda sizes, seed: ll.GRU(hidden_size=3)(sizes, seed))
    ours, theirs = (setting(model).create(0) for model in (ll.GRU(hidden_size=3), made))
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)


def test_one_program_serves_all_seeds():
    models = [ll.adopt(make_model)(SIZES, seed) for seed in range(2)]
    assert models[0].program == models[1].program
    assert models[0].program is not models[1].program
    assert hash(models[0].program) == hash(models[1].program)
    weights = [model.trained._fun.weight for model in models]
    assert not (weights[0] == weights[1]).all()


def test_what_differs_is_another_program():
    def fixed(_, seed):
        table = np.random.default_rng(seed).normal(size=(4, 4))  # in the code, not in the weights

        class Fixed(eqx.Module):
            linear: eqx.nn.Linear

            def __call__(self, inputs):
                return jax.vmap(self.linear)(inputs @ table)

        return Fixed(eqx.nn.Linear(4, 4, key=jax.random.key(0)))

    first, second, again = (ll.adopt(fixed)(SIZES, seed) for seed in (0, 1, 0))
    assert first.program != second.program
    assert first.program == again.program
    values = ll.adopt(make_model)(SIZES, 0)
    assert values.program != ll.adopt(make_model)(SIZES._replace(timesteps=6), 0).program


def test_what_is_hidden_in_a_program_inside_tells_programs_apart():
    class Scaled(eqx.Module):
        linear: eqx.nn.Linear
        scale: Any = eqx.field(static=True)

        def __call__(self, inputs):
            return self.scale(jax.vmap(self.linear)(inputs))

    def scaled(by):
        table = np.full((1, 4), by, np.float32)
        scale = jax.jit(lambda said: said * table)
        return ll.adopt(lambda *_: Scaled(eqx.nn.Linear(4, 4, key=jax.random.key(0)), scale))

    assert scaled(1.0)(SIZES, 0).program != scaled(0.0)(SIZES, 0).program

    def sloped(slope):
        @jax.custom_vjp
        def spike(said):
            return (said > 0).astype(np.float32)

        spike.defvjp(lambda said: (spike(said), None), lambda _, by: (slope * by,))
        return ll.adopt(lambda *_: Scaled(eqx.nn.Linear(4, 4, key=jax.random.key(0)), spike))

    assert sloped(1.0)(SIZES, 0).program != sloped(0.0)(SIZES, 0).program


def test_complex_weights_go_downhill():
    class Turned(eqx.Module):
        weight: Any

        def __call__(self, inputs):
            return (inputs @ self.weight).imag

    def make(sizes, _):
        start = np.zeros((sizes.features, sizes.outputs), np.complex64)
        return Turned(jax.numpy.asarray(start))

    run = ll.train(ECHO, ll.Whole(), make, sequences=2000, optimizer="sgd", learning_rate=0.5)
    assert run.verdict == "solved"


def test_values_are_for_an_embedding(file):
    made = user_model.from_reference(f"{file}:adopted")
    assert made.inputs == "values"
    run = ll.train(ECHO, ll.Whole(), made, sequences=2000, learning_rate=0.02)
    assert run.verdict == "solved"
    with pytest.raises(ValueError, match=r"Does it take values\? Then use adopt"):
        ll.train(ECHO, ll.Whole(), user_model.from_reference(f"{file}:embedded"))


# Who is who.


def test_a_trial_is_named_by_the_code_and_not_by_where_it_lies(file, tmp_path):
    made = user_model.from_reference(f"{file}:make_model")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.copy(file, moved / "mine.py")
    other = user_model.from_reference(f"{moved}/mine.py:make_model")
    ids = [Trial(setting=setting(model), seed=0).id for model in (made, other)]
    assert ids[0] == ids[1]
    assert made == other
    assert made.path != other.path
    file.write_text(FILE + "\nchanged = 1")
    changed = user_model.from_reference(f"{file}:make_model")
    assert Trial(setting=setting(changed), seed=0).id != ids[0]
    inside = dataclasses.replace(made, causal=False)
    assert Trial(setting=setting(inside), seed=0).id != ids[0]


def test_a_setting_goes_into_a_document_and_comes_back_without_the_file(file):
    asked = setting(user_model.from_reference(f"{file}:adopted"))
    document = documents.document(asked)
    assert document["model"]["path"] == str(file)
    file.unlink()
    again = documents.setting(document)
    assert again == asked
    assert again.model.words == "mine.py:adopted inputs=values"


def test_a_function_gets_the_arguments_in_brackets_and_is_named_by_them(file):
    one = user_model.from_reference(f"{file}:wide(width=3, bias=False)")
    other = user_model.from_reference(f"{file}:wide(bias=False, width = 3)")
    assert one == other != user_model.from_reference(f"{file}:wide(width=3)")
    assert one.words == "mine.py:wide(bias=False, width=3)"
    module = one.make(SIZES, 0)
    assert module.layers[0].weight.shape == (3, 4)
    assert module.layers[0].bias is None
    setting = ll.Setting(problem=ECHO, framing=ll.Whole(), model=one)
    document = documents.document(setting)
    assert documents.setting(document) == setting
    plain = ll.Setting(
        problem=ECHO, framing=ll.Whole(), model=user_model.from_reference(f"{file}:make_model")
    )
    assert "arguments" not in documents.document(plain)["model"]  # as in earlier versions


def test_a_folder_may_have_brackets_in_its_name(tmp_path):
    folder = tmp_path / "mine (copy)"
    folder.mkdir()
    (folder / "mine.py").write_text(FILE)
    assert user_model.from_reference(f"{folder}/mine.py:make_model").words == "mine.py:make_model"
    model = user_model.from_reference(f"{folder}/mine.py:wide(width=3)")
    assert model.words == "mine.py:wide(width=3)"


def test_a_partial_is_named_by_its_function_and_arguments():
    model = ll.adopt(functools.partial(wide, width=3))
    assert model.words.endswith(":wide(width=3)")
    assert model == ll.adopt(functools.partial(functools.partial(wide, width=7), width=3))
    assert model.make(SIZES, 0).layers[0].weight.shape == (3, 4)
    unnamed = ll.adopt(functools.partial(wide, width=3, activation=jax.nn.relu))
    assert unnamed.path is None  # no other process could make it


def wide(sizes, seed, width, activation=jax.nn.tanh) -> Any:
    return eqx.nn.MLP(sizes.features, sizes.outputs, width, 1, activation, key=jax.random.key(seed))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("wide", "wide needs width. Give it: wide(width=…)"),
        ("wide(widht=3)", "wide has no argument `widht`. Did you mean `width`?"),
        ("swallowing", "width, would get the seed. Write def swallowing(sizes, seed, width=…)"),
        ("wide(width=jax)", "mine.py:wide(width=64), say"),
        *((f"wide({given}", "mine.py:wide(width=64), say") for given in ("3)", "width=1e999)")),
        *((f"wide({given}", "each once and by") for given in ("width=3", "width=3, width=4)")),
        *((f"wide(width={given})", "no sets") for given in ("{3, 4}", "[{'a'}]", "{3: {4}}")),
        ("wide(**{'width': 3})", "each once and by name"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(file, name, line):
    with pytest.raises(ValueError, match=re.escape(line)):
        user_model.from_reference(f"{file}:{name}").make(SIZES, 0)


def test_a_model_whose_file_has_changed_or_gone_is_not_made(file):
    document = documents.document(setting(user_model.from_reference(f"{file}:make_model")))
    code = (
        "import json, sys; from longlag.trials import documents\n"
        "documents.setting(json.loads(sys.argv[1]), trusted=True).create(0)"
    )

    def made():
        arguments = [sys.executable, "-c", code, identity.canonical(document)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    assert documents.setting(document, trusted=True).create(0) is not None
    file.write_text(FILE.replace("seed)", "seed + 1)"))
    assert (
        "mine.py was edited after this study began. Run the command again to use the new version."
        in made()[1]
    )
    file.unlink()
    assert "there is no file" in made()[1]


def test_a_function_of_no_file_is_named_anew_but_is_the_same_all_along():
    def local(sizes, seed):
        return make_model(sizes, seed)

    first, second = ll.adopt(local), ll.adopt(local)
    other = ll.adopt(lambda sizes, seed: local(sizes, seed))
    assert first.path is None
    assert first == second
    assert first.code != other.code
    assert documents.setting(documents.document(setting(first))) == setting(second)


def test_a_function_of_a_module_is_found_in_it():
    assert ll.adopt(make_model).path == __name__
    assert ll.adopt(last_of).path == "longlag.arrays"


# What is refused.


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (make_model(SIZES, 0), "must be a function that makes a model, got a"),
        (ll.GRU(hidden_size=2)(SIZES, 0), "must be a function that makes a model"),
    ],
)
def test_a_model_is_not_what_makes_one(model, said):
    with pytest.raises(TypeError, match=said):
        ll.train(ECHO, ll.Whole(), model)


def test_what_is_called_without_its_knobs_is_refused_as_ever():
    assert user_model.as_factory(ll.LSTM) is ll.LSTM
    assert user_model.as_factory(3) == 3


def test_what_a_file_names_must_make_a_model(file):
    with pytest.raises(ValueError, match=r"mine\.py:number is 3, which makes no model"):
        user_model.from_reference(f"{file}:number")
    made = user_model.from_reference(f"{file}:make_model")
    assert made.words == "mine.py:make_model"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda *_: None, "it gives None, which is not a model. Return an Equinox"),
        (lambda *_: ll.MLP(), r"gives MLP\(…\), which has no .* Return MLP\(…\)\(sizes, seed\)\."),
        (lambda *_: 1 / 0, "fails: ZeroDivisionError: division by zero"),
        (lambda *_: sys.exit(0), "fails: SystemExit: 0"),
        (lambda *_: (1, 2), "it gives a tuple, which is not a model"),
        (lambda _: None, "fails: TypeError"),
        (
            lambda *_: eqx.nn.Linear(4, 4, key=jax.random.key(0)),
            r"A layer of Equinox takes a single step: return eqx\.filter_vmap\(layer\)",
        ),
    ],
)
def test_a_function_that_makes_none_says_so(make, said):
    with pytest.raises(ValueError, match=said):
        ll.train(ECHO, ll.Whole(), make)


def test_compiled_is_for_pytorch():
    with pytest.raises(ValueError, match="`compiled` is for PyTorch"):
        ll.train(ECHO, ll.Whole(), ll.adopt(make_model, compiled=True))


# Studies.


def test_workers_make_the_model_from_its_file(file, tmp_path):
    made = user_model.from_reference(f"{file}:make_model")
    store = tmp_path / "trials.db"
    with Local(workers=1) as executor:
        found = ll.frontier(
            ll.EchoLag(values=4),
            ll.Whole(),
            made,
            budget=300,
            seeds=1,
            limit=1,
            store=store,
            executor=executor,
        )
    assert found.complete
    assert found.median == 0  # without memory there is no echo
    with ll.Store(store) as kept:
        record = kept.records()[0]
        assert record.model == "mine.py:make_model"
        content = kept.weights(record.id)
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    trained = ll.load(path, model=f"{file}:make_model")
    assert trained.predict(np.arange(25) % 4).shape == (24,)


def test_workers_find_a_package_where_this_process_does(tmp_path, monkeypatch):
    package = tmp_path / "their_models"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "made.py").write_text(f"from .width import WIDTH\n{FILE}")
    (package / "width.py").write_text("WIDTH = 1")
    monkeypatch.syspath_prepend(tmp_path)
    make = importlib.import_module("their_models.made").make_model
    assert ll.adopt(make).path == "their_models.made"
    with Local(workers=1) as executor:
        found = ll.frontier(
            ll.EchoLag(values=4),
            ll.Whole(),
            make,
            budget=100,
            seeds=1,
            limit=1,
            store=None,
            executor=executor,
        )
    assert found.complete
    (package / "width.py").write_text("WIDTH = 2")
    with pytest.raises(ValueError, match=r"^width\.py was edited after Python imported it"):
        ll.adopt(make)


def test_a_function_of_no_file_is_tried_in_threads_of_this_process():
    def local(sizes, seed):
        return make_model(sizes, seed)

    asked = ll.EchoLag(values=4), ll.Whole(), local
    with pytest.warns(UserWarning, match="is not in a file: the trials run in threads of this"):
        there = ll.frontier(*asked, budget=300, seeds=2, limit=1, store=None)
    assert there.complete
    with Threads(workers=1) as executor:
        here = ll.frontier(*asked, budget=300, seeds=2, limit=1, store=None, executor=executor)
    skills = [[step.outcome.skill for step in found.steps] for found in (here, there)]
    assert skills[0] == skills[1]
    with (
        Local(workers=1) as executor,
        pytest.raises(ValueError, match="is not in a file, so other processes cannot load it"),
    ):
        ll.frontier(*asked, store=None, executor=executor)


def test_random_states_are_set_and_set_back():
    state: Any = np.random.get_state
    before = state()[1].tolist()
    with seeded(3):
        first = np.random.rand()  # noqa: NPY002
    with seeded(3):
        assert np.random.rand() == first  # noqa: NPY002
    assert state()[1].tolist() == before
