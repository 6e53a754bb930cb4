"""What surrounds a command: variables, folders, what a model does to its process."""

import io
import json
import os
import re
import shlex
import subprocess
import sys

import pytest

import longlag as ll
from longlag.cli import _libraries
from longlag.cli._output import stdout_to_stderr
from longlag.store.store import Store

_SMALL = "--values 3 --hidden-size 3 --json"
_TRAIN = f"train echo-lag --lag 0 --length 5 --sequences 20 {_SMALL}"
_STUDY = f"frontier echo-lag --budget 20 --seeds 1 --limit 1 {_SMALL}"


def run(command, folder, **variables):
    return subprocess.run(
        [sys.executable, "-P", "-m", "longlag", *shlex.split(command)],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def one_line(done):
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("longlag: ")
    return line


def test_variables_of_the_environment_change_no_answer(call, tmp_path):
    variables = {
        "JAX_COMPILATION_CACHE_DIR": "/nowhere/at/all",
        "OMP_NUM_THREADS": "0",
        "COLUMNS": "0",
        "TMPDIR": "/nowhere",
        "HOME": "/proc/nobody",
        "TERM": "dumb",
    }
    done = run(_TRAIN, tmp_path, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    found, usual = json.loads(done.stdout), json.loads(call(*_TRAIN.split())[1])
    for figure in ("accuracy", "verdict", "updates"):
        assert found[figure] == usual[figure]


@pytest.mark.parametrize("columns", ["1", "2"])
def test_help_ends_however_narrow_the_terminal_is(tmp_path, columns):
    done = run("train --help", tmp_path, COLUMNS=columns)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--hidden-size" in done.stdout
    assert max(map(len, done.stdout.splitlines())) == 40


@pytest.mark.parametrize("encoding", ["idna", "undefined"])
def test_an_encoding_that_cannot_escape_is_not_used(tmp_path, encoding):
    done = run("problems no-such≤", tmp_path, PYTHONIOENCODING=encoding)
    assert "no-such≤" in one_line(done)
    done = run("problems", tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "echo-lag" in done.stdout


def test_a_picture_without_docstrings_is_one_line(tmp_path):
    done = run("audit echo-lag --figure a.png", tmp_path, PYTHONOPTIMIZE="2")
    assert "Altair, which draws the charts, needs the docstrings" in one_line(done)


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONOPTIMIZE": "2"}, {"PYTHONIOENCODING": "utf-16"}],
    ids=["no docstrings", "another encoding"],
)
def test_a_sound_problem_passes_its_checks_however_python_runs(tmp_path, variables):
    done = run("check echo-lag --output checks.json", tmp_path, **variables)
    found = json.loads((tmp_path / "checks.json").read_text())
    assert [check["name"] for check in found["checks"] if not check["passed"]] == []
    assert done.returncode == 0


_EACH = """
import contextlib, sys
from longlag.cli.app import main

for model in ("lstm", "gru", "mlp"):
    with contextlib.suppress(SystemExit):
        main([*sys.argv[1:], "--model", model])
    print("---")
"""


def test_a_model_is_of_32_bits_also_where_jax_has_64(call, tmp_path):
    command = f"train echo-lag --sequences 5 {_SMALL}".split()
    done = subprocess.run(
        [sys.executable, "-P", "-c", _EACH, *command],
        cwd=tmp_path,
        env={**os.environ, "JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    wide = [json.loads(each) for each in done.stdout.split("---\n")[:-1]]
    plain = [json.loads(call(*command, "--model", each)[1]) for each in ("lstm", "gru", "mlp")]
    for figure in ("accuracy", "verdict", "updates"):
        assert [each[figure] for each in wide] == [each[figure] for each in plain]


@pytest.mark.parametrize("command", [_TRAIN, _STUDY])
def test_what_cannot_be_compiled_is_one_line(tmp_path, command):
    done = run(f"{command}", tmp_path, JAX_DISABLE_JIT="1")
    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    assert "JAX_DISABLE_JIT is set, but training is compiled. Unset it." in line


def test_what_is_not_compiled_by_a_file_is_one_line(tmp_path):
    (tmp_path / "eager.py").write_text(
        "import equinox, jax\njax.config.update('jax_disable_jit', True)\n"
        "make = lambda sizes, seed: equinox.filter_vmap(equinox.nn.Linear("
        "sizes.features, sizes.outputs, key=jax.random.key(seed)))\n"
    )
    own = "train echo-lag --values 3 --sequences 5 --model eager.py:make"
    line = one_line(run(own, tmp_path))
    assert "jax_disable_jit is set, but training is compiled. Leave it out of your code." in line


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        ("XLA_FLAGS=--foo", "JAX does not start: .*XLA_FLAGS: --foo. Unset XLA_FLAGS.$"),
        ("XLA_FLAGS=foo", "JAX does not start: .*Unset XLA_FLAGS.$"),
        ("JAX_NUM_CPU_DEVICES=0", "JAX does not start: .*Unset JAX_NUM_CPU_DEVICES.$"),
        ("JAX_TRANSFER_GUARD=disallow", "JaxRuntimeError: .* Unset .*JAX_TRANSFER_GUARD"),
        ("JAX_PLATFORM_NAME=gpu", "Unknown backend: 'gpu'.* Unset .*JAX_PLATFORM_NAME"),
        ("EQX_ON_ERROR=breakpoint", "AttributeError: .* Unset EQX_ON_ERROR"),
    ],
)
def test_a_variable_with_which_nothing_can_be_trained_is_named(tmp_path, variable, line):
    name, _, value = variable.partition("=")
    plain = {"XLA_FLAGS": "", "JAX_PLATFORMS": "", "PYTHONWARNINGS": "ignore"}
    done = run(_TRAIN, tmp_path, **plain | {name: value})
    assert re.search(line, one_line(done))


@pytest.mark.parametrize("command", [_TRAIN, _STUDY])
def test_too_little_memory_to_start_jax_is_one_line(tmp_path, command):
    longlag = shlex.join([sys.executable, "-P", "-m", "longlag"])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -v 400000; {longlag} {command}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "may have 0.38 GiB. Allow more: ulimit -v " in one_line(done)


@pytest.mark.parametrize("library", ["jax", "pandas"])
def test_the_memory_that_a_remedy_names_is_enough(monkeypatch, library):
    gate = _libraries._Gate()
    monkeypatch.setattr(_libraries, "_limit", lambda: _libraries._NEEDED[library] - 1e-9)
    with pytest.raises(ValueError, match="Allow more") as refusal:
        gate.find_spec(library)
    needs, has, kib = re.findall(r"\d[\d.]*(?= GiB|\.$)", str(refusal.value))
    assert float(has) < float(needs)
    monkeypatch.setattr(_libraries, "_limit", lambda: int(kib) / 2**20)
    gate.find_spec(library)


_LARGE = """
import equinox as eqx, jax

class Net(eqx.Module):
    table: jax.Array

    def __call__(self, inputs):
        return inputs @ self.table[:, :1]

def make_model(sizes, seed):
    slow = jax.numpy.ones((2000, 2000))
    late = (slow @ slow @ slow)[0, 0]  # so that the table is asked for after this has returned
    return Net(jax.numpy.full((sizes.features, 10**12), late))
"""


@pytest.mark.parametrize(
    "command", ["check large.py:make_model", "train echo-lag --model large.py:make_model"]
)
def test_a_model_that_no_memory_holds_is_one_line_and_no_crash(tmp_path, command):
    """NumPy would end the process where JAX had no memory for an array that is computed late."""
    (tmp_path / "large.py").write_text(_LARGE)
    done = run(command, tmp_path)
    assert done.returncode in (1, 2)
    assert "memory" in done.stdout + done.stderr
    assert "stack trace" not in done.stderr


def test_a_store_may_have_a_name_that_is_no_text(tmp_path):
    name = os.fsdecode(b"c\xff.db")
    done = run(f"{_STUDY} --store {name}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "c\\udcff.db" in run(f"runs --studies --store {name}", tmp_path).stdout


def test_an_error_is_printed_in_a_terminal_without_columns(tmp_path):
    assert "no problem `nothing`" in one_line(run("audit nothing", tmp_path, COLUMNS="0"))


def test_a_working_folder_that_is_gone_is_named(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    script = "import os, sys; os.rmdir(os.getcwd()); from longlag.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "report"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the working folder is gone" in one_line(done)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train echo-lag --hidden-size 30000", "weights"),
        ("train echo-lag --model mlp --context 2 --hidden-size 2000000", "weights"),
        ("frontier echo-lag --hidden-size 30000", "weights"),
        ("compare --hidden-size 30000", "weights"),
        ("profile --hidden-size 30000", "weights"),
        ("train echo-lag --length 100000", "100,000 steps"),
        ("audit memorization --contexts 20000 --length 20000", "19,999 steps"),
        ("frontier ramp --limit 2000000000", "1,999,999,999 steps"),
        ("frontier echo-value --limit 2000000000", "steps"),
    ],
)
def test_what_no_machine_can_hold_is_refused_before_it_is_made(
    call, tmp_path, monkeypatch, command, words
):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(*command.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    line = err.rstrip()
    assert words in line
    assert "Use a " in line
    assert "not enough memory" not in line


@pytest.mark.parametrize(("kib", "seeds"), [(1024, 1), (64, 30)])
def test_what_this_machine_cannot_hold_is_refused_before_it_is_compiled(monkeypatch, kib, seeds):
    monkeypatch.setattr(os, "sysconf", lambda name: kib if name == "SC_PHYS_PAGES" else 1024)
    problem, model = ll.EchoLag(length=300, values=3), ll.LSTM(hidden_size=4)
    remedy = "batch_size" if seeds == 1 else "fewer seeds"
    with pytest.raises(ValueError, match=f"GiB of memory or more, .* Use .*{remedy}"):
        ll.train(problem, ll.Whole(), model, sequences=100, batch_size=50, seeds=seeds)


_MODEL = """
import os, signal, sys
import torch

class Quits(torch.nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layer, self.calls = torch.nn.Linear(sizes.features, sizes.outputs), 0

    def forward(self, inputs):
        self.calls += self.training
        if self.calls > 12:  # not in the checks before training
            LEAVE
        return self.layer(inputs)

def a(sizes, seed):
    return Quits(sizes)
"""


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        ("os._exit(0)", "line 13 of m.py raises SystemExit: os._exit"),
        ("os.abort()", "(exit code -6, SIGABRT). What it wrote to standard error stands above"),
    ],
)
def test_a_model_that_leaves_while_it_is_trained_is_reported(tmp_path, leave, why):
    pytest.importorskip("torch")
    (tmp_path / "m.py").write_text(_MODEL.replace("LEAVE", leave))
    study = _STUDY.replace("--hidden-size 3", "").replace("--budget 20", "--budget 500")
    done = run(f"{study} --workers 1 --model m.py:a", tmp_path)
    assert done.returncode == 2
    assert "m.py:a: none of its trials could run" in done.stderr
    assert why in done.stderr
    assert done.stdout == ""


def test_a_name_does_not_turn_into_a_picture(tmp_path):
    (tmp_path / "m.py").write_text("import sys\ndef a(sizes, seed): sys.exit(0)\n")
    line = one_line(run("train echo-lag --model m.py:a", tmp_path))
    assert "m.py:a: it fails at line 2 of m.py: SystemExit: 0." in line


def test_readers_of_a_store_leave_nothing_beside_it(tmp_path):
    Store(tmp_path / "longlag.db", write=True).close()
    before = {path.name for path in tmp_path.iterdir()}
    assert run("runs --json", tmp_path).returncode == 0
    with Store(tmp_path / "longlag.db") as store:
        assert store.count() == 0
    assert {path.name for path in tmp_path.iterdir()} == before


_LIMITED = """
import resource, signal
from longlag.cli.app import main
from longlag.store import export

write = export.write_tensorboard

def limited(*given):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, resource.RLIM_INFINITY))
    write(*given)

export.write_tensorboard = limited
main(["runs", "--tensorboard", "tb"])
"""


def test_curves_for_tensorboard_on_a_full_disk_are_one_line_and_none_by_half(call, tmp_path):
    pytest.importorskip("tensorboardX")
    store = "--store", tmp_path / "longlag.db"
    assert call(*_STUDY.split(), *store)[0] == 0
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "File too large" in one_line(done)
    assert not [path for path in (tmp_path / "tb").rglob("*") if path.is_file()]
    assert call("runs", *store, "--tensorboard", tmp_path / "tb")[0] == 0
    (file,) = [path for path in (tmp_path / "tb").rglob("*") if path.is_file()]
    assert b"training/loss" in file.read_bytes()


_FULL = """
import resource, signal, sys
from longlag.cli.app import main

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60, resource.RLIM_INFINITY))
main(sys.argv[1:])
"""


def test_a_program_that_a_full_disk_cannot_keep_is_no_matter(tmp_path):
    line = "train echo-lag --values 3 --length 5 --hidden-size 2 --sequences 4 --json"
    done = subprocess.run(
        [sys.executable, "-c", _FULL, *line.split()],
        env=os.environ | {"LONGLAG_CACHE": str(tmp_path / "cache")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not [each for each in (tmp_path / "cache").iterdir() if each.stat().st_size > 60]


def test_code_that_closes_its_output_leaves_standard_error_open(monkeypatch):
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    with stdout_to_stderr():
        print("before")
        sys.stdout.close()
        print("after")
    assert errors.getvalue() == "before\nafter\n"
