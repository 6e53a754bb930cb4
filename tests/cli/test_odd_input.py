"""Input and surroundings that few have: one line and exit code 2, and never a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import jax
import pytest

MODEL = """
import equinox as eqx, jax
def make_model(sizes, seed):
    {first}
    return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)))
"""


def run(*arguments, cwd=None, stdout: Any = subprocess.PIPE, timeout=None, **environment):
    return subprocess.run(
        [sys.executable, "-P", "-m", "longlag", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=timeout,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    "raised",
    ["ValueError('[/red] bad')", "KeyError('[bold]')", "SystemExit(0)", "GeneratorExit('[/b]')"],
)
@pytest.mark.parametrize("where", ["file", "model"])
def test_whatever_a_file_raises_is_one_line(call, tmp_path, raised, where):
    file = tmp_path / "mine.py"
    text = MODEL.format(first=f"raise {raised}" if where == "model" else "")
    file.write_text(text if where == "model" else f"raise {raised}")
    code, out, err = call("train", "echo-lag", "--model", f"{file}:make_model", "--sequences", "1")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert raised.partition("(")[0] in err


@pytest.mark.parametrize("name", ["[red]", "[/b]", "[link=x]y[/link]", "a\x1b[2J", "a\x07b", "é"])
def test_names_are_printed_as_they_are_with_control_characters_escaped(call, tmp_path, name):
    (tmp_path / f"{name.replace('/', '')}.csv").write_text(f"{name},b\n" + "1,2\n" * 90)
    path = tmp_path / f"{name.replace('/', '')}.csv"
    for arguments in (
        ["show", name],
        ["frame", path, "--column", name],
        ["frame", path, "--column", "c"],
        ["runs", "--store", tmp_path / name],
        ["train", "echo-lag", "--model", name],
    ):
        _, out, err = call(*arguments)
        assert "Traceback" not in err
        assert "\x1b" not in out + err
        assert "\x07" not in out + err
    if name.isascii():
        start = f"longlag: There is no problem `{ascii(name)[1:-1]}`."
        assert call("show", name)[2].startswith(start)


@pytest.mark.parametrize("number", [2**31, 2**63, 10**39, -(10**39), 10**400])
@pytest.mark.parametrize(
    "flag",
    ["--length", "--lag", "--values", "--batch-size", "--sequences", "--seeds", "--hidden-size"],
)
def test_numbers_past_every_type_are_refused(call, flag, number):
    code, out, err = call("train", "echo-lag", flag, number)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "must be at" in err


@pytest.mark.parametrize("code", ["[red]", "[1,2]", "nan"])
def test_a_missing_code_that_is_no_number_is_refused(call, tmp_path, code):
    (tmp_path / "a.csv").write_text("a\n" + "1\n" * 90)
    code, out, err = call("frame", tmp_path / "a.csv", "--missing-code", code)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--missing-code" in err
    assert "JSON" not in err


@pytest.mark.parametrize("number", ["1e309", "-1e309", "nan", "inf", "1e39"])
def test_rates_that_are_no_numbers_are_refused(call, number):
    code, out, err = call("train", "echo-lag", "--learning-rate", number)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_an_ascii_terminal_shows_the_maps_in_ascii(call):
    done = run("audit", "echo-lag", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "?" not in done.stdout
    assert "upper" in done.stdout
    unicode = call("audit", "echo-lag")[1]
    assert len(done.stdout.splitlines()) == len(unicode.splitlines())
    tops = [line.split()[0] for line in unicode.splitlines() if line.startswith(("▀", "·", "▄"))]
    lines = [line.split()[0] for line in done.stdout.splitlines() if line][2:]
    assert [len(top) for top in tops] == [len(line) for line in lines[: len(tops)]]


def test_without_a_home_folder_all_goes_on(tmp_path):
    done = run(
        *"train echo-lag --values 3 --hidden-size 3 --sequences 2".split(),
        HOME="/nonexistent",
        XDG_CACHE_HOME="",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_behind_a_link_is_named(call, tmp_path):
    link = tmp_path / "full.txt"
    link.symlink_to("/dev/full")
    code, _, err = call("audit", "echo-lag", "--output", link)
    assert (code, err) == (2, f"longlag: cannot write {link}: No space left on device.\n")


def test_a_store_behind_a_link_into_no_folder_names_the_folder(call, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "gone" / "longlag.db")
    code, _, err = call(*"frontier echo-lag --budget 20 --seeds 1 --store".split(), link)
    assert (code, err.count("\n")) == (2, 1)
    assert f"There is no folder {tmp_path / 'gone'} for the store {link}. Create it" in err


def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        for arguments in (["problems"], ["problems", "--help"], ["audit", "echo-lag", "--json"]):
            done = run(*arguments, stdout=full)
            assert done.returncode == 2
            assert "No space left on device" in done.stderr
            assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("path", ["fifo.csv", "/dev/stdin", "."])
def test_what_is_no_regular_file_is_no_table(call, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo.csv")
    code, out, err = call("frame", path, "--column", "a")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is no regular file. Save its rows to one" in err


# What a model of a user's own does besides.


def own(folder, top="", inside=""):
    file = folder / "mine.py"
    file.write_text(top + MODEL.format(first=inside or "pass"))
    return f"{file}:make_model"


TINY = "train echo-lag --values 3 --length 4 --sequences 2 --json --model".split()


def test_what_a_model_writes_past_python_is_no_part_of_the_answer(tmp_path):
    name = own(tmp_path, "import os\n", "os.write(1, b'garbage')")
    done = run(*TINY, name)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seeds"] == [0]
    assert "garbage" in done.stderr


def test_a_file_that_removes_modules_takes_them_from_nobody_else(tmp_path):
    name = own(tmp_path)
    with (tmp_path / "mine.py").open("a") as file:
        file.write("import sys\nsys.modules.clear()\n")
    done = run(*TINY, name)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seeds"] == [0]


def test_a_callback_that_raises_is_one_line(tmp_path):
    inside = "jax.debug.callback(lambda: 1 / 0)\n    jax.effects_barrier()"
    done = run(*TINY, own(tmp_path, inside=inside))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "ZeroDivisionError" in done.stderr


def test_a_model_that_is_awaited_is_refused_in_one_line(call, tmp_path):
    name = own(tmp_path)
    file = tmp_path / "mine.py"
    file.write_text(file.read_text().replace("def make", "async def make"))
    code, out, err = call(*TINY, name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "it gives a coroutine, which is not a model" in err


def test_a_file_beside_a_model_stands_in_for_no_library(tmp_path):
    for library in ("safetensors", "altair", "optax"):
        (tmp_path / f"{library}.py").write_text("raise RuntimeError('the wrong file')\n")
    (tmp_path / "beside.py").write_text("NUMBER = 3\n")
    name = own(tmp_path, "from beside import NUMBER\n")
    saved = tmp_path / "model.safetensors"
    done = run(*TINY, name, "--save", saved)
    assert done.returncode == 0, done.stderr
    assert saved.exists()


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("left", "what"),
    [
        ("threading.Thread(target=time.sleep, args=(600,)).start()", "a thread"),
        ("futures.ThreadPoolExecutor().submit(time.sleep, 600)", "a thread"),
        ("atexit.register(time.sleep, 600)", "an exit handler"),
    ],
)
def test_a_command_ends_though_code_of_a_model_does_not(tmp_path, left, what):
    top = f"import atexit, threading, time\nfrom concurrent import futures\n{left}\n"
    done = run(*TINY, own(tmp_path, top), timeout=120)
    assert answer(done)["seeds"] == [0]
    assert done.stderr == (
        f"longlag: {what} of your code did not end after the answer, and was stopped.\n"
    )


@pytest.mark.parametrize(
    ("inside", "leave", "name"),
    [
        (False, "os._exit(0)", "os._exit"),
        (True, "os._exit(0)", "os._exit"),
        (True, "__import__('posix')._exit(0)", "os._exit"),
        (False, "os.execlp('true', 'true')", "os.execv"),
    ],
)
def test_a_model_that_leaves_without_a_word_is_no_success(tmp_path, leave, name, inside):
    done = run(*TINY, own(tmp_path, "import os\n" + leave * (not inside), leave * inside))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"SystemExit: {name}" in done.stderr


@pytest.mark.parametrize("inside", [False, True])
def test_a_model_that_interrupts_is_an_interrupted_command(call, tmp_path, inside):
    stop = "raise KeyboardInterrupt"
    found = call(*TINY, own(tmp_path, stop * (not inside), stop * inside))
    assert found == (130, "", "Interrupted.\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it has no fork")
@pytest.mark.parametrize("inside", [False, True])
def test_a_child_that_a_model_forks_gives_no_answer_of_its_own(tmp_path, inside):
    fork = "os.fork()\n"
    done = run(
        *TINY, own(tmp_path, "import os\n" + fork * (not inside), fork * inside), timeout=120
    )
    assert answer(done)["seeds"] == [0]


@pytest.mark.parametrize("text", ["+".join(["1"] * 20_000), "-" * 20_000 + "1"])
def test_a_file_that_is_nested_too_deep_for_python_is_one_line(tmp_path, text):
    done = run(*TINY, own(tmp_path, f"x = {text}\n"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "nested too deep for Python: write it in parts" in done.stderr


@pytest.mark.parametrize(
    "left",
    [
        "import threading; threading.Thread(target=lambda: time.sleep(60)).start()",
        "import atexit; atexit.register(lambda: time.sleep(60))",
    ],
)
def test_ctrl_c_ends_what_a_model_has_left_running(tmp_path, left):
    name = own(tmp_path, f"import time\n{left}\n")
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "longlag", *TINY, name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().rstrip() != "}":  # the answer is there
            pass
        time.sleep(0.3)  # the command is on its way out
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("platform", ["bogus", "cuda"])
def test_jax_that_does_not_start_is_one_line(platform):
    if platform == "cuda" and jax.default_backend() == "gpu":
        pytest.skip("there is a GPU here")
    done = run(*"train echo-lag --sequences 2".split(), JAX_PLATFORMS=platform)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("longlag: JAX does not start: ")
    assert done.stderr.count("\n") == 1


def test_a_full_standard_error_leaves_the_exit_code(tmp_path):
    for arguments, code in ((["audit", "echo-lag"], 0), (["audit", "echo-lag", "nosuch"], 2)):
        with open("/dev/full", "w") as full:
            command = [sys.executable, "-P", "-m", "longlag", *arguments]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, cwd=tmp_path)
        assert done.returncode == code
