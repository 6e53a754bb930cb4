"""`longlag play` as a process: its address, its refusals and its end."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from pathlib import Path

import pytest
from play_cases import StubSession, until

from longlag.cli import play as command

TESTS = Path(__file__).parents[1]
SCRIPT = """
import sys, threading, types
from play_cases import StubSession

class Session(StubSession):
    def __init__(self, lesson, *, problems, models):
        super().__init__()
        self.says["describe"] = {"problems": [*problems], "models": [*models], "lesson": lesson}
        self.says["uses"] = self.compile

    def compile(self):
        import jax
        def long(x):
            for _ in range(3000):
                x = jax.numpy.sin(x) + 1
            return x
        print("compiling", file=sys.stderr, flush=True)
        jax.jit(long)(1.0)
        threading.Event().wait(60)

module = types.ModuleType("longlag.live.session")
module.Session = Session
sys.modules[module.__name__] = module
from longlag.__main__ import main
main()
"""


@pytest.fixture
def started():
    """A started command, its port and its token."""
    with contextlib.ExitStack() as ends:

        def start(*arguments):
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT, "play", "--no-browser", "--port", "0", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
            )
            ends.enter_context(process)
            ends.callback(process.kill)
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(
                r"Open http://127\.0\.0\.1:(\d+)/\?token=([\w-]{22})  \(Ctrl-C ends\)\n", line
            )
            assert found, (line, process.communicate())
            return process, int(found[1]), found[2]

        yield start


@contextlib.contextmanager
def opened(port, path, cookie=""):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Cookie": cookie})
    with contextlib.closing(connection), connection.getresponse() as answer:
        yield answer


def test_the_address_opens_the_page_and_ctrl_c_ends_it_with_pages_open(started):
    process, port, token = started("--lesson", "a-lesson")
    with opened(port, "/") as answer:
        assert answer.status == 403
    with opened(port, f"/?token={token}") as answer:
        cookie = answer.headers["set-cookie"].partition(";")[0]
    assert cookie == f"longlag-play-{port}={token}"
    with opened(port, "/api/describe", cookie) as answer:
        assert answer.read() == b'{"problems": [], "models": [], "lesson": "a-lesson"}'
    with opened(port, "/api/events", cookie) as one, opened(port, "/api/events", cookie) as two:
        process.send_signal(signal.SIGINT)
        assert one.read() == two.read() == b"retry: 1000\n\n"
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_ctrl_c_says_nothing_of_a_client_that_stands_still(started):
    process, port, token = started()
    head = f"Host: 127.0.0.1:{port}\r\nCookie: longlag-play-{port}={token}\r\n"
    half = f"POST /api/stop HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"{half}Content-Length: 2\r\n\r\n{{".encode())
        with opened(port, "/") as answer:  # so that the first has been read
            assert answer.status == 403
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process is Linux's")
def test_connections_of_others_that_take_all_descriptors_fill_no_terminal(started):
    import resource

    process, port, _ = started()
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (48, 48))
    with contextlib.ExitStack() as ends:
        for _ in range(80):
            ends.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        time.sleep(1.5)  # in which the server tries again
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_does_not_wait_for_what_is_being_compiled(started, times):
    process, port, token = started()
    body = '{"run": 1, "snapshot": 0, "seed": 0}'
    headers = {"Cookie": f"longlag-play-{port}={token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", "/api/uses", body, headers)
        assert process.stderr is not None
        assert process.stderr.readline() == "compiling\n"
        for _ in range(times):
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_code_of_the_user_is_named_and_prints_no_address(started, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import longlag as ll\nprint('hello')\nProblem = ll.EchoLag(lag=3)\n"
        "def make_model(sizes, seed):\n    return None\n"
    )
    _, port, token = started(
        "--problem", f"{file}:Problem", "--model", f"{file}:make_model", f"{file}:make_model"
    )
    with opened(port, "/api/describe", f"longlag-play-{port}={token}") as answer:
        assert f'["{file}:Problem"], "models": ["{file}:make_model"]' in answer.read().decode()


@pytest.fixture
def stub(monkeypatch):
    import types

    module = types.ModuleType("longlag.live.session")
    vars(module)["Session"] = lambda *_, **__: StubSession()
    monkeypatch.setitem(sys.modules, module.__name__, module)


BAD = {
    "port of letters": (["--port", "http"], "must be a whole number, got http."),
    "port below 0": (["--port", "-1"], "`--port` must be from 0 to 65535, got -1. Leave it out"),
    "port too large": (["--port", "65536"], "`--port` must be from 0 to 65535, got 65536."),
    "model of longlag's": (
        ["--model", "lstm"],
        "`--model` is for your own code, got lstm. Use path/to/file.py:NAME, or leave it out and "
        "choose lstm in the page.",
    ),
    "problem of longlag's": (["--problem", "echo-lag"], "`--problem` is for your own code"),
    "no such file": (["--port", "0", "--model", "none.py:make"], "There is no file none.py."),
    "host": (["--host", "0.0.0.0"], "longlag play has no option `--host`."),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_line(call, stub, case):
    del stub
    arguments, line = BAD[case]
    code, out, err = call("play", "--no-browser", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line in err


def test_a_port_in_use_is_one_line(call, stub):
    del stub
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = call("play", "--no-browser", "--port", port)
    assert (code, out) == (2, "")
    why = rf"longlag: port {port}: address already in use\. Use --port 0 for a free one\.\n"
    assert re.fullmatch(why, err)


DISPLAYS = "BROWSER", "SSH_CONNECTION", "DISPLAY", "WAYLAND_DISPLAY"


@pytest.mark.parametrize(
    ("given", "platform", "opens"),
    [
        ({}, "linux", False),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"SSH_CONNECTION": "a b"}, "darwin", False),
        ({"SSH_CONNECTION": "a b", "DISPLAY": "localhost:10.0"}, "linux", False),
        ({"SSH_CONNECTION": "a b", "BROWSER": "code"}, "linux", True),
    ],
)
def test_a_browser_opens_where_the_user_sees_it(call, stub, monkeypatch, given, platform, opens):
    del stub
    for name in DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(command, "sys", type("sys", (), {"platform": platform}))
    from longlag.live import app

    served, addresses = threading.Event(), []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address))
    monkeypatch.setattr(app.Server, "serve_on", lambda *_: served.set())
    code, out, _ = call("play", "--port", "0")
    assert code == 0
    assert served.is_set()
    address = out.removeprefix("Open ").partition("  ")[0]
    until(lambda: addresses == [address] * opens)
    call("play", "--port", "0", "--no-browser")
    assert addresses == [address] * opens
