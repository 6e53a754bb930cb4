"""Bundles: equal bytes for equal trials, nothing private, and no code of a stranger's."""

import dataclasses
import getpass
import hashlib
import json
import math
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

import longlag as ll
from longlag.adapters import user_code
from longlag.store import bundle
from longlag.studies import reproduction
from longlag.trials.environment import here
from longlag.trials.identity import digest, identity_document

FRONTIER = "echo-lag --values 3 --length 4 --model mlp --hidden-size 4 --budget 20 --seeds 2"
MODEL = """
import pathlib
pathlib.Path(__file__).with_suffix(".ran").touch()
import equinox as eqx, jax
def make(sizes, seed):
    layer = eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed))
    return eqx.filter_vmap(layer)
"""


@pytest.fixture
def study(call, tmp_path):
    """A store with a few trials, and its bundle."""

    def made(*more, name="study"):
        store, packed = tmp_path / f"{name}.db", tmp_path / f"{name}.zip"
        options = [*FRONTIER.split(), "--limit", "1", "--workers", "1", *more]
        code, _, err = call("frontier", *options, "--store", store)
        assert code == 0, err
        code, _, err = call("runs", "--store", store, "--bundle", packed)
        assert code == 0, err
        return packed

    return made


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A folder with a store and its bundle, made once."""
    folder = tmp_path_factory.mktemp("once")
    options = [*FRONTIER.split(), "--limit", "1", "--workers", "1"]
    for command in (["frontier", *options], ["runs", "--bundle", "study.zip"]):
        words = [sys.executable, "-m", "longlag", *command, "--store", "study.db"]
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def packed(once, tmp_path):
    for name in ("study.db", "study.zip"):
        shutil.copy(once / name, tmp_path)
    return tmp_path / "study.zip"


def changed(path, change, sums=True):
    """The bundle with a change of its members, `change(names → bytes)`, packed anew."""
    with zipfile.ZipFile(path) as archive:
        members = {each.filename: archive.read(each) for each in archive.infolist()}
    change(members)
    if sums and "bundle.json" in members:
        contents = json.loads(members["bundle.json"])
        contents["files"] = {
            name: hashlib.sha256(content).hexdigest()
            for name, content in members.items()
            if name != "bundle.json"
        }
        members["bundle.json"] = json.dumps(contents).encode()
    other = path.with_name("changed.zip")
    with zipfile.ZipFile(other, "w") as archive:
        archive.comment = bundle.MARK
        for name, content in members.items():
            archive.writestr(name, content)
    return other


def trial_of(members, change):
    """Change the document of the first trial."""
    name = min(each for each in members if each.startswith("trials/"))
    document = json.loads(members[name])
    change(document)
    members[name] = json.dumps(document).encode()


def test_a_bundle_agrees_where_it_was_made(call, packed):
    code, out, _ = call("reproduce", packed)
    assert code == 0
    assert out.count("equal to the bit") == 2
    assert "2 of 2 agree" in out
    code, out, _ = call("reproduce", packed, "--sample", 1, "--json")
    found = json.loads(out)
    assert (code, found["agree"], len(found["reproduced"])) == (0, True, 1)
    assert found["reproduced"][0]["now"] == found["reproduced"][0]["before"]


def test_equal_trials_give_equal_bytes(study):
    """Though they were trained at another time and stored in another order."""
    one, other = study(name="one"), study(name="other")
    assert one.read_bytes() == other.read_bytes()


def test_it_has_what_its_readme_says(packed):
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        assert len([each for each in names if each.startswith("trials/")]) == 2
        assert len([each for each in names if each.startswith("models/")]) == 1  # of the first seed
        requirements = archive.read("requirements.txt").decode()
        readme = archive.read("README.txt").decode()
    for name, version in here().packages.items():
        assert f"{name}=={version.partition('+')[0]}\n" in requirements  # +cpu is on no index
    assert "2 finished trials" in readme
    for name in re.findall(r"[0-9a-f]{16}", " ".join(names)):
        assert name in readme


def test_no_text_of_a_store_is_a_line_of_its_own(call, packed, tmp_path):
    store, path = packed.with_suffix(".db"), tmp_path / "other.zip"
    with closing(sqlite3.connect(store)) as other:
        versions = "jax 0.8\n-r /etc/passwd, evil @ x, numpy 2.0"
        other.execute("UPDATE trials SET environment = NULL, versions = ?", (versions,))
        other.execute("UPDATE trials SET model = 'm' || char(10) || 'evil', framing = 'f\u2028f'")
        other.commit()
    code, _, err = call("runs", "--store", store, "--bundle", path)
    assert code == 0, err
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("requirements.txt").decode().split("\n")
        readme = archive.read("README.txt").decode()
    left_out = "# left out: a library without a valid name and version"
    assert lines == ["# Python unknown", left_out, left_out, "numpy==2.0", ""]
    assert "; f f; m evil; seed" in readme
    assert "m evil (" in str(ll.cite(store).ran)


def test_the_filters_of_runs_choose(call, packed, tmp_path):
    store, chosen = packed.with_suffix(".db"), tmp_path / "chosen.zip"
    assert call("runs", "--store", store, "--bundle", chosen, "--model", "lstm")[0] == 2
    assert call("runs", "--store", store, "--bundle", chosen, "--study", "frontier")[0] == 0
    assert chosen.read_bytes() == packed.read_bytes()


def private():
    return str(Path.home()), str(Path(ll.__file__).parents[2]), socket.gethostname()


def own_study(call, tmp_path):
    """The bundle of a study of a model of the user's own, made in a folder of theirs."""
    (tmp_path / "mine.py").write_text(MODEL)
    model = f"{tmp_path / 'mine.py'}:make"
    options = "echo-lag --values 3 --length 4 --budget 20 --seeds 1 --limit 1 --workers 1".split()
    store, packed = tmp_path / "own.db", tmp_path / "own.zip"
    code, _, err = call("frontier", *options, "--model", model, "--store", store, "--keep", "all")
    assert code == 0, err
    assert call("runs", "--store", store, "--bundle", packed)[0] == 0
    (tmp_path / "mine.ran").unlink()
    return packed, model


@pytest.fixture
def own(call, tmp_path, monkeypatch):
    """The bundle of a study of a model of the user's own, as a stranger's process meets it."""
    packed, model = own_study(call, tmp_path)
    monkeypatch.setattr(user_code, "_named", {})
    return packed, model


def test_a_trial_whose_name_leads_elsewhere_is_not_packed(call, packed, tmp_path):
    store = tmp_path / "theirs.db"
    shutil.copy(packed.with_suffix(".db"), store)
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("UPDATE trials SET id = '../../evil' WHERE seed = 0")
        connection.commit()
    code, _, err = call("runs", "--store", store, "--bundle", tmp_path / "evil.zip")
    assert code == 2
    assert "no trial is named so" in err
    assert not (tmp_path / "evil.zip").exists()


def test_nothing_in_it_is_private(own, packed, tmp_path):
    for path in (own[0], packed):
        content = path.read_bytes()  # nothing is compressed
        assert here().python.encode() in content
        for text in (str(tmp_path), *private()):
            assert text.encode() not in content
        assert f'"{getpass.getuser()}"'.encode() not in content


def test_runs_lists_a_model_of_a_file_by_its_path_or_its_name(call, own, tmp_path):
    for model in (own[1], "mine.py:make", "other/mine.py:make"):
        code, out, _ = call("runs", "--store", tmp_path / "own.db", "--model", model)
        assert code == 0
        assert "mine.py:make" in out.partition("echo-lag")[2]


def test_a_model_of_a_users_own_runs_only_if_it_is_named(call, own, tmp_path):
    packed, model = own
    code, out, err = call("reproduce", packed)
    assert (code, out) == (2, "")
    assert "1 trial of a user's own code" in err
    assert "--model mine.py:make" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "mine.ran").exists()
    code, out, err = call("reproduce", packed, "--model", model)
    assert code == 0, err
    assert "equal to the bit" in out


@pytest.mark.filterwarnings("ignore:A model or a problem is not in a file")
def test_models_of_two_functions_are_named_and_one_of_no_file_is_left_out(
    call, tmp_path, monkeypatch
):
    (tmp_path / "mine.py").write_text(
        MODEL + "def other(sizes, seed):\n    return make(sizes, seed)\n"
    )
    file, packed = tmp_path / "mine.py", tmp_path / "three.zip"
    make, _ = user_code.from_reference(f"{file}:make")
    models = {
        "one": f"{file}:make",
        "two": f"{file}:other",
        "cell": lambda sizes, seed: make(sizes, seed),
    }
    ll.compare(
        models,
        [ll.EchoLag(lag=0, length=4, values=3)],
        rungs=1,
        seeds=1,
        budget=20,
        learning_rates=[0.01],
        store=tmp_path / "three.db",
        progress=False,
    )
    assert call("runs", "--store", tmp_path / "three.db", "--bundle", packed)[0] == 0
    monkeypatch.setattr(user_code, "_named", {})
    code, _, err = call("reproduce", packed, "--all", "--model", models["one"])
    assert code == 2
    assert "1 trial of a user's own code" in err
    assert "add --model mine.py:other." in err
    both = ["--model", models["one"], "--model", models["two"]]
    code, out, err = call("reproduce", packed, "--all", *both)
    assert code == 0, err
    assert "2 of 2 agree; 3 trials in the bundle" in out
    assert "Left out: 1 trial of functions that stand in no file" in err


def test_another_file_is_not_taken_for_the_users_own(call, own, tmp_path):
    (tmp_path / "other.py").write_text(MODEL.replace("Linear", "Identity"))
    code, _, err = call("reproduce", own[0], "--model", f"{tmp_path / 'other.py'}:make")
    assert code == 2
    assert "other.py was edited after this was saved" in err
    assert not (tmp_path / "other.ran").exists()


def test_what_needs_no_code_of_others_runs_without_it(call, own, packed):
    """Of a bundle with both, a sample leaves the others out, and says so; all is all."""
    with zipfile.ZipFile(own[0]) as archive:
        more = {each: archive.read(each) for each in archive.namelist() if "/" in each}
    both = changed(packed, lambda members: members.update(more))
    code, out, err = call("reproduce", both)
    assert code == 0
    assert "2 of 2 agree; 3 trials in the bundle" in out
    assert "Left out: 1 trial of other code; add --model mine.py:make." in err
    code, _, err = call("reproduce", both, "--all")
    assert code == 2
    assert "add --model mine.py:make" in err


def lower(document):
    (score,) = document["outcome"]["scores"]
    score["accuracy"] = 0.9


def test_another_result_on_the_same_machine_differs(call, packed):
    path = changed(packed, lambda members: trial_of(members, lower))
    code, out, _ = call("reproduce", path)
    assert code == 1
    assert "1 of 2 agree" in out
    assert "though libraries and machine are the same" in " ".join(out.split())


@pytest.mark.parametrize(("away", "result"), [(0.01, "within tolerance"), (0.2, "differs")])
def test_another_environment_has_a_tolerance(call, packed, away, result):
    def elsewhere(document):
        document["environment"]["packages"]["jax"] = "0.8.1"
        document["outcome"]["scores"][0]["accuracy"] += away

    path = changed(packed, lambda members: trial_of(members, elsewhere))
    text = " ".join(call("reproduce", path)[1].split())
    assert f"need not be equal to the bit: jax {here().packages['jax']}, was 0.8.1." in text
    assert ("Within tolerance: skill within 0.05" in text) == (result == "within tolerance")
    code, out, _ = call("reproduce", path, "--all", "--json")
    found = {each["result"]: each for each in json.loads(out)["reproduced"]}
    assert (code, set(found)) == (result == "differs", {"equal to the bit", result})
    assert found[result]["elsewhere"] == f"jax {here().packages['jax']}, was 0.8.1"
    assert "0.05" in found[result]["why"]


def test_another_model_with_equal_results_differs(packed):
    trial = next(each for each in bundle.read(packed) if each.model)
    content = bytearray(trial.model or b"")
    content[-3] ^= 1
    setting = reproduction.setting_of(trial, {})
    found = reproduction.reproduce(trial._replace(model=bytes(content)), setting)
    assert found is not None
    assert found.result == "differs"


def test_another_version_of_a_part_is_said_and_not_run(packed, monkeypatch):
    monkeypatch.setattr(ll.EchoLag, "version", 2)
    trial = bundle.read(packed)[0]
    found = reproduction.reproduce(trial, reproduction.setting_of(trial, {}))
    assert found is not None
    assert (found.result, found.now) == ("differs", None)
    assert "echo-lag 1" in found.why
    assert "echo-lag 2" in found.why


def test_differences_of_environments_are_named():
    now = here()
    assert reproduction.differences(now, now) == ""
    assert "does not say" in reproduction.differences(None, now)
    other = dataclasses.replace(now, cores=now.cores + 1)
    assert reproduction.differences(other, now) == f"cores {now.cores}, was {now.cores + 1}"
    gpu = dataclasses.replace(now, device="gpu")
    assert "accelerator" in reproduction.differences(gpu, gpu)


def rename(old, new):
    def change(members):
        members[new] = members.pop(next(each for each in members if each.startswith(old)))

    return change


def of_trial(**fields):
    return lambda members: trial_of(members, lambda document: document.update(fields))


TAMPERED = {
    "a name that leads out": (rename("README", "../README.txt"), "holds '../README.txt'"),
    "an absolute name": (rename("README", "/etc/passwd"), "holds '/etc/passwd'"),
    "another file": (lambda m: m.update({"evil.py": b""}), "holds 'evil.py', which no bundle has"),
    "a model without a list": (rename("bundle", "models/evil.py"), "holds 'models/evil.py'"),
    "no list": (lambda m: m.pop("bundle.json"), "it has no bundle.json"),
    "no trial": (
        lambda m: [m.pop(each) for each in list(m) if each.startswith("trials/")],
        "it has no trial",
    ),
    "a trial of another name": (
        rename("trials/", f"trials/{'a' * 16}.json"),
        "its setting or its seed is not that of its name",
    ),
    "another seed": (of_trial(seed=7), "its setting or its seed is not that of its name"),
    "another setting": (
        lambda m: trial_of(m, lambda d: d["setting"]["problem"].update(lag=2)),
        "its setting or its seed is not that of its name",
    ),
    "no seed": (of_trial(seed="3"), '`seed` is "3"'),
    "no outcome": (of_trial(outcome={}), "the document has no 'curve'"),
    "no environment": (of_trial(environment={"cores": 3}), "an environment is damaged"),
    "no setting": (of_trial(setting={"problem": []}), "a part has no kind"),
    "no JSON": (
        lambda m: m.update({next(n for n in m if n.startswith("trials")): b"{"}),
        "is damaged: Expecting",
    ),
    "deep JSON": (
        lambda m: m.update({next(n for n in m if n.startswith("trials")): b"[" * 99_999}),
        "is damaged: it is no valid JSON",
    ),
    "no model": (
        lambda m: m.update({next(n for n in m if n.startswith("models")): b"x"}),
        "the model of trial .* is damaged",
    ),
    "other tests": (
        lambda m: trial_of(m, lambda d: d["outcome"]["scores"][0].update(test="other")),
        "its results are of other tests than its setting",
    ),
    "too many weights": (
        lambda m: trial_of(m, lambda d: d["outcome"].update(parameters=1)),
        "weights or more, the file fewer",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_bundle_is_one_line(call, packed, what):
    change, message = TAMPERED[what]
    code, out, err = call("reproduce", changed(packed, change))
    assert (code, out) == (2, ""), err
    assert re.search(message, err), err
    assert err.count("\n") == 1
    assert len(err) < 600


def test_a_setting_that_has_its_name_but_no_problem_is_damage(call, packed):
    """Whoever makes a bundle can make the names fit too."""

    def change(members):
        name = min(each for each in members if each.startswith("trials/"))
        document = json.loads(members.pop(name))
        for each in [each for each in members if each.startswith(("trials/", "models/"))]:
            del members[each]
        document["setting"] = {"problem": "ramp"}
        text = f"{identity_document(document['setting'])} {document['seed']} {document['parts']}"
        document["trial"] = digest(text)
        members[f"trials/{document['trial']}.json"] = json.dumps(document).encode()

    code, _, err = call("reproduce", changed(packed, change))
    assert code == 2
    assert "its setting has no problem" in err


def _without_setting(header):
    header["__metadata__"]["longlag"] = "{"


def _of_another_type(header):
    first = next(array for name, array in header.items() if name != "__metadata__")
    first["dtype"], first["shape"] = "BF16", [2 * math.prod(first["shape"])]


@pytest.mark.parametrize("change", [_without_setting, _of_another_type])
def test_a_damaged_model_of_a_store_is_one_line(call, packed, change):
    store = packed.with_suffix(".db")
    with closing(sqlite3.connect(store)) as damaged:
        ((trial, content),) = damaged.execute("SELECT trial, content FROM weights").fetchall()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        change(header)
        text = json.dumps(header, separators=(",", ":")).encode()
        new = len(text).to_bytes(8, "little") + text + content[8 + length :]
        damaged.execute("UPDATE weights SET content = ? WHERE trial = ?", (new, trial))
        damaged.commit()
    before = packed.read_bytes()
    code, _, err = call("runs", "--store", store, "--bundle", packed)
    assert code == 2
    assert f"the model of trial {trial} is damaged" in err
    assert packed.read_bytes() == before  # what was there stays whole


def test_a_member_that_was_changed_or_is_gone_is_damage(call, packed):
    path = changed(packed, lambda members: trial_of(members, lower), sums=False)
    assert "its checksum is another" in call("reproduce", path)[2]
    path = changed(packed, lambda members: members.pop("README.txt"), sums=False)
    assert "it has no README.txt" in call("reproduce", path)[2]


def test_a_bomb_is_not_unpacked(call, packed):
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"trials/{'b' * 16}.json", b" " * 10**8)
    assert packed.stat().st_size < 10**6
    code, _, err = call("reproduce", packed)
    assert code == 2
    assert "is compressed or encrypted, as in no bundle" in err


@pytest.mark.parametrize("at", [0, 100, 2000, -30, -200])
def test_a_bundle_that_is_cut_or_overwritten_is_one_line(call, packed, at):
    content = bytearray(packed.read_bytes())
    for path, damaged in (("cut", content[:at]), ("written", content[:at] + b"\xff" * 20)):
        other = packed.with_name(f"{path}.zip")
        rest = content[at:][20:] if path == "written" and at >= 0 else b""
        other.write_bytes(bytes(damaged + rest))
        code, out, err = call("reproduce", other)
        assert (code, out) == (2, ""), err
        assert err.count("\n") == 1


def test_no_file_of_another_is_written_over(call, packed, tmp_path):
    store, other = packed.with_suffix(".db"), tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("mine.txt", "mine")
    before = other.read_bytes()
    code, _, err = call("runs", "--store", store, "--bundle", other)
    assert code == 2
    assert "is no bundle file of longlag's" in err
    assert other.read_bytes() == before
    assert call("runs", "--store", store, "--bundle", other, "--force")[0] == 0
    assert call("runs", "--store", store, "--bundle", other)[0] == 0  # its own
    assert other.read_bytes() == packed.read_bytes()


REFUSED = {
    ("runs", "--bundle", "out.txt"): "must end in .zip. Use out.zip",
    ("runs", "abc", "--bundle", "out.zip"): "write many trials. Leave out the ID",
    ("runs", "--studies", "--bundle", "out.zip"): "lists every study. Leave out --bundle",
    ("runs", "--bundle", "out.zip", "--output", "a.txt"): "files of their own. Leave out --output",
    ("reproduce", "none.zip"): "There is no file none.zip",
    ("reproduce", "a.zip", "echo"): "a bundle is checked alone",
    ("reproduce", "a.zip", "--seeds", "3"): "`--seeds` is for the statements of a tutorial",
    ("reproduce", "a.zip", "--markdown"): "`--markdown` is for the statements of a tutorial",
    ("reproduce", "echo", "--sample", "3"): "`--sample` is for a bundle",
    ("reproduce", "echo", "--all"): "`--all` is for a bundle",
    ("reproduce", "own.zip", "--sample", "0"): "`sample` must be at least 1",
    ("reproduce", "own.zip", "--sample", "2", "--all"): "exclude each other",
    ("reproduce", "own.zip", "--problem", "mine.py:make"): "is longlag's own",
}


@pytest.mark.usefixtures("own")
def test_arguments_that_fit_nothing_are_one_line(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "longlag.db").write_bytes((tmp_path / "own.db").read_bytes())
    for arguments, message in REFUSED.items():
        code, _, err = call(*arguments)
        assert code == 2, arguments
        assert message in err, err
        assert err.count("\n") == 1


def test_trials_of_an_earlier_longlag_are_packed_and_not_run(call, packed):
    store = packed.with_suffix(".db")
    with closing(sqlite3.connect(store)) as older:
        older.execute("UPDATE trials SET parts = '0123456789abcdef', environment = NULL")
        older.commit()
    assert call("runs", "--store", store, "--bundle", packed)[0] == 0
    code, out, _ = call("reproduce", packed)
    assert code == 1
    assert "it has the versions 0123456789abcdef" in " ".join(out.split())


def test_a_series_is_run_again_from_the_model_that_has_it(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"{(7 * n) % 11}.5" for n in range(200))
    (tmp_path / "data.csv").write_text(f"a\n{rows}\n")
    from longlag.adapters import tables
    from longlag.store.store import Store
    from longlag.studies.conduct import keep
    from longlag.trials import checkpoint
    from longlag.trials.identity import Trial
    from longlag.workers.worker import outcome_of

    table = tables.read(str(tmp_path / "data.csv"))
    problem = ll.Series(table.values, names=table.names, path=str(tmp_path / "data.csv"), length=8)
    run = ll.train(problem, ll.Prefix(), "mlp(hidden_size=3)", sequences=20)
    trial = Trial(setting=run.setting, seed=0)
    with Store("series.db", write=True) as store:
        keep(store, trial, outcome_of(run), 0.99, checkpoint.to_bytes(run.trained()))
        bundle.write(store, store.records(), "series.zip")
    (tmp_path / "data.csv").unlink()
    assert str(tmp_path).encode() not in (tmp_path / "series.zip").read_bytes()
    code, out, err = call("reproduce", "series.zip")
    assert code == 0, err
    assert "equal to the bit" in out


def test_versions_for_pip_name_no_build():
    lines = bundle._pinned([("jax", "0.10.2"), ("torch", "2.13.0+cpu")])
    assert lines == "jax==0.10.2\ntorch==2.13.0\n"
