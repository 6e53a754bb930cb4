"""What a trial says of where it ran: complete, and nothing that names a person or a machine."""

import dataclasses
import getpass
import json
import os
import platform
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import jax
import pytest

import longlag as ll
from longlag.store import parsing
from longlag.studies.reproduction import differences
from longlag.trials.environment import commit_of, distinct, here

CHECKOUT = Path(__file__).parents[2]


def made(folder, head, **files):
    """A checkout with these files of git; its package."""
    home = folder / ".git"
    for name, text in {"HEAD": head, **files}.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"{text}\n")
    return folder / "src" / "longlag"


def test_it_has_the_versions_of_what_took_part():
    found = here()
    assert found.packages == {
        name: metadata.version(name) for name in "longlag jax jaxlib equinox optax numpy".split()
    }
    assert found.python == platform.python_version()
    assert found.device == "cpu"
    assert found.dtype == "float32"
    assert found.threads == found.cores >= 1


def test_it_has_the_numbers_that_the_recipe_computes_in():
    run = ll.train(
        ll.EchoLag(lag=0, values=4), ll.Whole(), "mlp", seeds=1, sequences=20, dtype="bfloat16"
    )
    assert run.environment.dtype == "bfloat16"
    assert run.environment.machine.endswith("bfloat16")


def test_it_names_no_path_no_host_and_no_user():
    text = json.dumps(here().document())
    for private in (socket.gethostname(), str(Path.home()), os.getcwd(), sys.prefix):
        assert private not in text
    assert getpass.getuser() not in text.split('"')


def test_numbers_of_64_bits_show():
    code = "from longlag.trials.environment import here; print(here().dtype)"
    environment = os.environ | {"JAX_ENABLE_X64": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout == b"float64\n"


TORCH = """
import torch
def make(sizes, seed):
    return torch.nn.Linear(sizes.features, sizes.outputs)
"""
KERAS = """
import keras
def make(sizes, seed):
    inputs = keras.Input((sizes.timesteps, sizes.features))
    return keras.Sequential([inputs, keras.layers.Dense(sizes.outputs, use_bias=False)])
"""
FLAX = """
from flax import nnx
def make(sizes, seed):
    return nnx.Linear(sizes.features, sizes.outputs, rngs=nnx.Rngs(seed))
"""


@pytest.mark.parametrize(("library", "code"), [("torch", TORCH), ("keras", KERAS), ("flax", FLAX)])
def test_the_library_of_the_model_is_named_and_no_other(library, code):
    pytest.importorskip(library)
    names = {}
    exec(code, names)
    run = ll.train(ll.EchoLag(lag=0, values=3, length=4), ll.Whole(), names["make"], sequences=5)
    assert set(run.environment.packages) - set(here().packages) == {library}
    own = ll.train(ll.EchoLag(lag=0, values=3, length=4), ll.Whole(), "mlp", sequences=5)
    assert own.environment == here()
    assert run.to_frame("trial")["model_library"].tolist() == [
        f"{library} {metadata.version(library)}"
    ]
    assert run.environment.threads == (1 if library == "torch" else here().threads)


def test_one_of_an_earlier_longlag_has_no_number_of_threads():
    later = "threads", "random_numbers"
    former = {name: each for name, each in here().document().items() if name not in later}
    found = parsing.environment(Path("longlag.db"), json.dumps(former))
    assert found == dataclasses.replace(here(), threads=None)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (jax.default_prng_impl("rbg"), "rbg"),
        (jax.threefry_partitionable(False), "threefry2x32, not partitionable"),
    ],
)
def test_another_generator_of_random_numbers_is_named(option, text):
    usual = here()
    with option:
        found = here()
    assert (usual.random_numbers, found.random_numbers) == ("", text)
    assert found.machine == f"{usual.machine}, random numbers {text}"
    assert differences(usual, found) == f"random numbers {text}, was none"


def test_a_commit_is_read_without_git(tmp_path):
    commit, name = "0123456789" * 4, "refs/heads/main"
    assert commit_of(made(tmp_path / "a", commit)) == commit
    assert commit_of(made(tmp_path / "b", f"ref: {name}", **{name: commit})) == commit
    packed = f"# pack-refs\n{'f' * 40} refs/heads/mainly\n{commit} {name}"
    assert commit_of(made(tmp_path / "c", f"ref: {name}", **{"packed-refs": packed})) == commit
    tree, home = tmp_path / "tree", tmp_path / "b" / ".git" / "worktrees" / "tree"
    made(home.parent, "")  # an empty folder
    home.mkdir(parents=True, exist_ok=True)
    (home / "HEAD").write_text(f"ref: {name}\n")
    (home / "commondir").write_text("../..\n")
    (tree / "src" / "longlag").mkdir(parents=True)
    (tree / ".git").write_text(f"gitdir: {home}\n")
    assert commit_of(tree / "src" / "longlag") == commit


@pytest.mark.parametrize(
    "head", ["", "ref: refs/heads/none", "no hash", "ref: ../../../etc/passwd"]
)
def test_a_checkout_that_cannot_be_read_has_no_commit(tmp_path, head):
    assert commit_of(made(tmp_path, head)) is None


def test_an_installed_package_has_no_commit_of_the_project_around_it(tmp_path):
    made(tmp_path, "a" * 40)
    assert commit_of(tmp_path / "lib" / "longlag") is None
    assert commit_of(tmp_path / "nowhere" / "src" / "longlag") is None


def test_a_run_and_its_outcome_have_it():
    run = ll.train(ll.EchoLag(lag=0, values=3, length=4), ll.Whole(), "mlp", sequences=5)
    assert run.to_dict()["environments"] == [here().document()]
    assert run.to_dict()["problem_version"] == 1
    assert run.outcome().environment == here()
    assert "environment" not in run.outcome().document()
    row = run.to_frame("trial").iloc[0]
    assert (row["longlag"], row["jax"]) == (metadata.version("longlag"), metadata.version("jax"))
    assert row["system"].startswith(platform.system())


def test_a_study_says_environments_once_and_versions_of_problems(tmp_path):
    store = tmp_path / "study.db"
    problem = ll.EchoLag(values=3, length=4)
    answer = ll.frontier(
        problem, ll.Whole(), "mlp", budget=20, seeds=2, limit=1, store=store, progress=False
    )
    answer.save(tmp_path / "answer.json")
    saved = json.loads((tmp_path / "answer.json").read_text())
    (environment,) = saved["environments"]
    assert environment["packages"] == here().packages
    assert saved["problem_versions"] == {problem.words: 1}
    frame = answer.to_frame("trial")
    assert set(frame["python"]) == {platform.python_version()}
    with ll.Store(store) as trials:
        assert [each.packages for each in trials.environments()] == [here().packages]
    content = store.read_bytes()
    for private in (str(CHECKOUT), str(Path.home()), socket.gethostname()):
        assert private.encode() not in content


def test_a_later_version_of_a_problem_is_named(monkeypatch):
    monkeypatch.setattr(ll.EchoLag, "version", 2)
    run = ll.train(ll.EchoLag(lag=0, values=3, length=4), ll.Whole(), "mlp", sequences=5)
    assert run.to_dict()["problem_version"] == 2
    assert "Version 2 of echo-lag" in str(run)
    assert "Version 2 of echo-lag." in run.to_markdown()


def test_different_environments_are_listed_once():
    one = here()
    other = dataclasses.replace(one, cores=one.cores + 1)
    assert distinct([one, None, other, here()]) == [one, other]
