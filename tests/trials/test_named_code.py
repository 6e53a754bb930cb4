"""Code that a file names and the user does not is never run."""

import json
import sys
from typing import Any

import equinox as eqx
import jax
import pytest
import safetensors.numpy

import longlag as ll
from longlag.adapters import user_code
from longlag.trials import checkpoint, documents
from longlag.trials.checkpoint import Trained

FILE = """
import pathlib
pathlib.Path(__file__).with_name("ran").touch()

import dataclasses, functools
import equinox as eqx, jax, longlag as ll

def make(sizes, seed, scale=1.0):
    linear = eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed))
    return eqx.filter_vmap(linear)

part = functools.partial(make, scale=2.0)

@dataclasses.dataclass(frozen=True, kw_only=True)
class Same(ll.EchoLag):
    '''Which value was shown?'''
"""


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Whether the file was run since it was last asked for."""
    (tmp_path / "mine.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def asked() -> bool:
        was = (tmp_path / "ran").exists()
        (tmp_path / "ran").unlink(missing_ok=True)
        for name in [name for name in sys.modules if name.startswith(("longlag_source_", "mine"))]:
            del sys.modules[name]
        user_code._named.clear()
        user_code._origin_in_file.cache_clear()
        return was

    return asked


def saved(path, **changed: Any):
    """A small checkpoint whose setting is changed so."""
    setting = ll.Setting(
        problem=ll.EchoLag(lag=0, length=5, values=4), framing=ll.Whole(), model=ll.MLP(context=1)
    )
    written = documents.document(setting) | changed
    content = checkpoint.to_bytes(Trained(setting, 0, setting.create(0)))
    header = {"longlag": json.dumps({"format": 1, "seed": 0, "setting": written})}
    safetensors.numpy.save_file(safetensors.numpy.load(content), path, metadata=header)
    return path


def model(path, code, function="make"):
    return {"kind": "user-model", "function": function, "path": path, "code": code}


@pytest.mark.parametrize("path", ["mine.py", "mine", "this"])
@pytest.mark.parametrize("function", ["make", "part"])
def test_a_model_that_a_file_names_is_not_imported(ran, tmp_path, path, function, capfd):
    code = user_code.code_of(tmp_path / "mine.py")
    for digest in (code, "0" * 16):
        file = saved(tmp_path / "m.safetensors", model=model(path, digest, function))
        name = f"{path}:{function}"
        given = f'model="{name}"' if path == "mine.py" else f"model={function}"
        with pytest.raises(ValueError, match=f"it was made by {name}. Name it: .*{given}"):
            ll.load(file)
    assert not ran()
    assert not capfd.readouterr().out  # the module `this` prints
    assert "this" not in sys.modules


def test_a_problem_or_an_encoding_that_a_file_names_is_not_imported(ran, tmp_path):
    code = user_code.code_of(tmp_path / "mine.py")
    own = {"kind": "user-problem", "class": "Same", "path": "mine.py", "code": code, "knobs": {}}
    file = saved(tmp_path / "m.safetensors", problem=own)
    with pytest.raises(
        ValueError, match=r'made by mine.py:Same. Name it: .*problem="mine.py:Same"'
    ):
        ll.load(file)
    file = saved(tmp_path / "m.safetensors", encoding="mine.py:Encoding")
    with pytest.raises(ValueError, match="There is no encoding"):
        ll.load(file)
    tests = [["longer", own]]
    file = saved(tmp_path / "m.safetensors", tests=tests)
    with pytest.raises(ValueError, match=r"made by mine\.py:Same\. Name it"):
        ll.load(file)
    assert not ran()


def test_a_named_file_is_not_run_where_its_hash_is_another(ran, tmp_path):
    file = saved(tmp_path / "m.safetensors", model=model("mine.py", "0" * 16))
    with pytest.raises(ValueError, match=r"mine\.py was edited after this was saved\. Give it"):
        ll.load(file, model="mine.py:make")
    code = user_code.code_of(tmp_path / "mine.py")
    file = saved(tmp_path / "m.safetensors", model=model("mine.py", code))
    with pytest.raises(ValueError, match=r"`model` must be mine\.py:make, got mine\.py:part"):
        ll.load(file, model="mine.py:part")
    with pytest.raises(ValueError, match=r"its problem is longlag's own\. Leave `problem` out"):
        ll.load(file, problem="mine.py:Same")
    origin = user_code.Origin("make", "mine.py", code)
    with pytest.raises(TypeError, match="`model` must be a function, a class or"):
        user_code.use(origin, 3, "model")
    assert not ran()


@pytest.mark.parametrize("function", ["make", "part"])
def test_a_model_is_read_whose_function_is_named_or_given(ran, tmp_path, function):
    problem, file = ll.EchoLag(lag=0, length=5, values=4), tmp_path / "m.safetensors"
    made = ll.Setting(
        problem=problem, framing=ll.Whole(), model=reference_model(f"mine.py:{function}")
    )
    before = Trained(made, 3, made.create(3))
    before.save(file)
    assert ran()
    with pytest.raises(ValueError, match=f"it was made by mine.py:{function}"):
        ll.load(file)
    assert not ran()
    after = ll.load(file, model=f"mine.py:{function}")
    assert after.predict([1, 2, 3]).tolist() == before.predict([1, 2, 3]).tolist()
    assert ran()
    (tmp_path / "mine.py").write_text("")
    given = ll.load(file, model=_make)
    assert given.predict([1, 2, 3]).tolist() == before.predict([1, 2, 3]).tolist()


def test_a_function_of_no_file_is_given_again(ran, tmp_path):
    problem, file = ll.EchoLag(lag=0, length=5, values=4), tmp_path / "m.safetensors"

    def made(sizes, seed):
        return _make(sizes, seed)

    setting = ll.Setting(problem=problem, framing=ll.Whole(), model=ll.adopt(made))
    Trained(setting, 0, setting.create(0)).save(file)
    ran()
    with pytest.raises(ValueError, match=r"it was made by made\. Name it"):
        ll.load(file)
    with pytest.raises(
        ValueError, match=r"made was written in no file, so that mine\.py:make cannot"
    ):
        ll.load(file, model="mine.py:make")
    assert ll.load(file, model=made).predict([1, 2, 3]).shape == (3,)

    def other(sizes, seed):
        key = jax.random.key(seed)
        return eqx.filter_vmap(eqx.nn.MLP(sizes.features, sizes.outputs, 7, 1, key=key))

    with pytest.raises(ValueError, match=r"do not fit its setting.* Name the function that made"):
        ll.load(file, model=other)


def test_a_problem_of_a_file_comes_back_with_its_model(ran, tmp_path):
    file = tmp_path / "m.safetensors"
    kind, _ = user_code.from_reference("mine.py:Same")
    run = ll.train(kind(lag=0, length=5, values=4), ll.Whole(), ll.MLP(context=1), sequences=3)
    run.save(file)
    assert ran()
    with pytest.raises(ValueError, match=r"it was made by mine\.py:Same"):
        ll.load(file)
    trained = ll.load(file, problem="mine.py:Same")
    assert repr(trained.setting.problem) == repr(run.setting.problem)
    assert trained.predict([1, 2, 3]).tolist() == run.predict([1, 2, 3]).tolist()


def _make(sizes, seed):
    linear = eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed))
    return eqx.filter_vmap(linear)


def reference_model(reference):
    from longlag.adapters.models import user_model

    return user_model.from_reference(reference)


def test_a_function_is_named_with_its_arguments_or_without(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "import longlag as ll\ndef make(sizes, seed, width=3):\n    "
    code += "return ll.MLP(hidden_size=width, context=1)(sizes, seed)"
    (tmp_path / "wide.py").write_text(code)
    problem, file = ll.EchoLag(lag=0, length=5, values=4), tmp_path / "m.safetensors"
    ll.train(problem, ll.Whole(), "wide.py:make(width=4)", sequences=3).save(file)
    for named in ("wide.py:make", "wide.py:make( width = 4 )"):
        assert ll.load(file, model=named).setting.model.words == "wide.py:make(width=4)"
    with pytest.raises(ValueError, match=r"it was made with width=4\. Leave width=5 out\."):
        ll.load(file, model="wide.py:make(width=5)")
