"""Ctrl-C ends a command in order or at once, wherever it comes, and always with 130."""

import os
import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import gc, os, signal, sys, time
from longlag.cli._interrupt import INTERRUPTED, interruptible
from longlag.events import StopToken, ctrl_c_stops

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
    assert done.stderr == "Interrupted.\n"


def test_what_looks_at_its_token_ends_in_order():
    done = run("""
    with ctrl_c_stops() as stop:
        strike()
        while not stop.stopped:
            time.sleep(0.01)
    print("what there is so far")""")
    assert (done.returncode, done.stderr) == (130, "")
    assert done.stdout == "what there is so far\nthe end\n"


def test_one_token_within_another_that_is_set_does_not_begin():
    done = run("""
    with ctrl_c_stops() as stop:
        strike()
        while not stop.stopped:
            time.sleep(0.01)
        try:
            with ctrl_c_stops():
                print("begun")
        except KeyboardInterrupt:
            print("not begun")""")
    assert done.stdout == "not begun\nthe end\n"


@pytest.mark.parametrize("after", [0.0, 0.05, 0.3])
def test_a_command_that_is_just_starting_ends_too(after):
    with subprocess.Popen(
        [sys.executable, "-m", "longlag", "audit", "echo-lag"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    # Before Python has set its own handler the system ends it: no traceback either way.
    assert process.returncode in (130, -signal.SIGINT, 0)
    assert "Traceback" not in err


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


def test_a_second_one_while_python_ends_gives_the_same_code():
    done = run("""
    class Late:
        def __del__(self, kill=os.kill, pid=os.getpid(), number=int(signal.SIGINT)):
            kill(pid, number)
    sys.late = Late()  # let go of when modules are taken apart
    with ctrl_c_stops() as stop:
        strike()
        while not stop.stopped:
            time.sleep(0.01)""")
    assert (done.returncode, done.stderr) == (130, "")
