"""Ctrl-C ends a command in order or at once, wherever it comes, and always with 130."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

SCRIPT = """
import gc, os, signal, sys, time
from longlag.cli._interrupt import INTERRUPTED, interruptible
from longlag.stop import StopToken, ctrl_c_stops

def strike(*_):
    signal.raise_signal(signal.SIGINT)

with interruptible(program=True) as interrupted:
{body}
print("the end")
sys.exit(INTERRUPTED if interrupted.is_set() else 0)
"""
BODIES = {
    "asleep": """
    strike()
    time.sleep(60)""",
    "while garbage is collected": """
    gc.callbacks.append(strike)
    gc.collect()
    time.sleep(60)""",
    "in a finaliser": """
    class Struck:
        def __del__(self):
            strike()
    Struck()
    time.sleep(60)""",
    "in a callback of a compiled program": """
    import jax, numpy as np
    def called(x):
        strike()
        time.sleep(60)
        return x
    shape = jax.ShapeDtypeStruct((), np.float32)
    jax.jit(lambda x: jax.pure_callback(called, shape, x))(1.0).block_until_ready()""",
    "swallowed by what runs": """
    with ctrl_c_stops(StopToken(grace=0.2)):
        while True:
            try:
                strike()
                time.sleep(60)
            except BaseException:
                pass""",
    "twice": """
    with ctrl_c_stops(StopToken(grace=60)):
        strike()
        strike()
        time.sleep(60)""",
}


def run(body):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("where", BODIES)
def test_it_ends_the_process_wherever_it_comes(where):
    done = run(BODIES[where])
    assert done.returncode == 130
    assert done.stdout == ""
    saving = "Interrupted: saving the model so far. Ctrl-C again ends at once.\n"
    assert done.stderr == saving * (where == "twice") + "Interrupted.\n"


CLOSED = """
import time, signal
from longlag.cli._interrupt import interruptible
from longlag.cli._output import stdout_to_stderr
from longlag.cli._terminal import prepare_streams

prepare_streams()
with interruptible(program=True), stdout_to_stderr():
    signal.raise_signal(signal.SIGINT)
    time.sleep(60)
"""


@pytest.mark.parametrize("closed", ["<&- >&-", ">&-", "<&-"])
def test_it_ends_a_command_whose_input_or_output_is_closed(closed):
    done = subprocess.run(
        ["bash", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, CLOSED],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize("place", ["at its import", "in its function"])
def test_a_users_file_does_not_keep_it(tmp_path, place):
    deaf = "signal.set_wakeup_fd(-1)\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    if place == "in its function":
        deaf = f"def make(sizes, seed):\n{textwrap.indent(deaf, '    ')}"
    file = tmp_path / "deaf.py"
    file.write_text(f"import signal\nmake = None\n{deaf}")
    done = run(f"""
    from longlag.adapters.models.user_model import UserModel
    from longlag.adapters.user_code import from_reference
    make, origin = from_reference({f"{file}:make"!r})
    if make is not None:
        UserModel(function="make", path=origin.path, code=origin.code).make(None, 0)
    strike()
    time.sleep(60)""")
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


WAITING = """
    with ctrl_c_stops() as stop:
        strike()
        while not stop.stopped:
            time.sleep(0.01)"""
TIMER = """
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)"""
LONGER = """
    time.sleep(0.3)
    signal.setitimer(signal.ITIMER_REAL, 0)"""
WITHIN = """
        try:
            with ctrl_c_stops():
                print("begun")
        except KeyboardInterrupt:
            print("not begun")"""
LATE = """
    class Late:
        def __del__(self, kill=os.kill, pid=os.getpid(), number=int(signal.SIGINT)):
            kill(pid, number)
    sys.late = Late()  # let go of when modules are taken apart"""


@pytest.mark.parametrize(
    ("body", "out"),
    [
        (f'{WAITING}\n    print("what there is")', "what there is\nthe end\n"),
        (TIMER + WAITING + LONGER, "the end\n"),
        (WAITING + WITHIN, "not begun\nthe end\n"),
        (LATE + WAITING, "the end\n"),
    ],
    ids=["in order", "beside other signals", "nothing begins within", "again while Python ends"],
)
def test_what_looks_at_its_token_comes_to_its_end(body, out):
    done = run(body)
    assert (done.returncode, done.stderr, done.stdout) == (130, "", out)


STARTING = """
import os, signal
signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # before longlag is loaded that is Python's
print("started", flush=True)
from longlag.__main__ import main
main()
"""


@pytest.mark.parametrize("after", [0.0, 0.1, 0.3])
def test_a_command_that_is_just_starting_ends_too(after):
    with subprocess.Popen(
        [sys.executable, "-c", STARTING, "train", "echo-lag", "--sequences", "100000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err


USUAL = """
    with ctrl_c_stops(StopToken(grace={grace}, usual=True)) as stop:
        strike()
        while not stop.stopped or {hangs}:
            time.sleep(0.01)"""


@pytest.mark.parametrize("hangs", [False, True])
def test_the_usual_end_of_a_server_is_no_interruption(hangs):
    done = run(USUAL.format(grace=0.2 if hangs else 60, hangs=hangs))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("" if hangs else "the end\n")


def test_a_file_that_was_begun_is_gone(tmp_path):
    path = tmp_path / "answer.txt"
    path.write_text("old")
    done = run(f"""
    from longlag.files import replacing
    with replacing({os.fspath(path)!r}) as beside:
        beside.write_text("half")
        strike()
        time.sleep(60)""")
    assert done.returncode == 130
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["answer.txt"]
