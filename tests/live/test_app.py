"""The routes of the page over a session, and the end of its server."""

import contextlib
import json
import socket
import subprocess
import sys
import threading

import pytest
from play_cases import (
    BODIES,
    PAGE,
    StubSession,
    events,
    folder_with_page,
    serving,
    until,
)

from longlag.live import app as served


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    session = StubSession()
    with serving(session, folder_with_page(tmp_path_factory.mktemp("page"))) as (_, client):
        yield session, client


@pytest.fixture
def session(running):
    """A session with a server, as new."""
    session, client = running
    client.close()
    until(lambda: not session.listeners)
    for each in (session.calls, session.says, session.kept):
        each.clear()
    return session


@pytest.fixture
def client(session, running):  # noqa: ARG001 - which is as new
    return running[1]


def test_the_page_is_served(client):
    kinds = {"/": "text/html", "/play.js": "text/javascript", "/play.css": "text/css"}
    for (path, kind), text in zip(kinds.items(), PAGE.values(), strict=True):
        answer = client.open(path)
        assert answer.read().decode() == text
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert answer.headers["server"] is None


def test_a_page_that_is_not_built_says_so(tmp_path):
    with serving(StubSession(), tmp_path / "none") as (_, client):
        answer = client.open("/play.js")
        assert answer.status == 404
        assert json.loads(answer.read()) == {"fault": "play.js is missing. Install longlag again."}


@pytest.mark.parametrize("path", BODIES)
def test_a_call_reaches_the_session_with_its_fields(client, session, path):
    name, body = path.removeprefix("/api/"), BODIES[path]
    assert client(path, body) == (200, {name: body})
    assert session.calls == [(name, body)]


def test_the_description_is_asked_for_at_each_load(client, session):
    session.says["describe"] = {"version": "0.1.0", "runs": []}
    assert client("/api/describe") == (200, {"version": "0.1.0", "runs": []})


def test_inputs_go_to_the_session_as_they_are(client, session):
    inputs = [1, 2.5, None, [3, -4]]
    client("/api/view", {"run": 3, "snapshot": 12, "seed": 1, "inputs": inputs})
    assert session.calls == [("view", {"run": 3, "snapshot": 12, "seed": 1, "inputs": inputs})]


FIELDS = "There is no field `{}`. Known: {}."
WRONG = {
    "no field": ("/api/audit", {}, "The field `knobs` is missing."),
    "another field": (
        "/api/audit",
        {"knobs": {}, "file": "a.py"},
        FIELDS.format("file", "knobs"),
    ),
    "a field of none": ("/api/stop", {"run": 1}, "There is no field `run`. It takes none."),
    "a field with odd letters": ("/api/stop", {"\x1b\n": 1}, r"There is no field `\x1b\n`."),
    "a list": ("/api/audit", [], "The body must be a JSON object."),
    "a text": ("/api/audit", "knobs", "The body must be a JSON object."),
    "a null": ("/api/stop", None, "The body must be a JSON object."),
    "knobs that are a list": ("/api/audit", {"knobs": []}, "`knobs` must be an object of texts."),
    "a knob that is a number": (
        "/api/train",
        {"knobs": {"lag": 1}},
        "`knobs` must be an object of texts.",
    ),
    "knobs in knobs": (
        "/api/train",
        {"knobs": {"model": {"name": "lstm"}}},
        "`knobs` must be an object of texts.",
    ),
    **{
        f"the run {run!r}": (
            "/api/uses",
            {"run": run, "snapshot": 0, "seed": 0},
            "`run` must be a whole number of at least 0.",
        )
        for run in (-1, 1.0, "1", True, None, [1])
    },
    "inputs that are a text": (
        "/api/view",
        {"run": 1, "snapshot": 0, "seed": 0, "inputs": "1 2"},
        "`inputs` must be a list or null.",
    ),
    "no inputs": (
        "/api/view",
        {"run": 1, "snapshot": 0, "seed": 0},
        "The field `inputs` is missing.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_body_is_one_line(client, session, case, capfd):
    path, body, line = WRONG[case]
    answer = client.send(path, json.dumps(body).encode())
    fault = json.loads(answer.read())
    assert answer.status == 400
    assert list(fault) == ["fault"]
    assert fault["fault"].startswith(line)
    assert "\n" not in fault["fault"]
    assert not session.calls
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"knobs=1", b"\xff\xfe", b'{"knobs": NaN}', b"[" * 60_000, b"\x00"),
        b'{"run": ' + b"1" * 5000 + b"}",
    ],
    ids=lambda body: body[:9].decode("latin-1"),
)
def test_what_is_no_json_is_one_line(client, session, body, capfd):
    answer = client.send("/api/uses", body)
    assert (answer.status, json.loads(answer.read())) == (400, {"fault": "The body must be JSON."})
    assert not session.calls
    assert capfd.readouterr().err == ""


def test_what_a_session_refuses_is_the_readers_to_mend(client, session):
    fault = {"fault": "EchoLag: `lag` must be below `length` (25), got 30.", "knob": "lag"}
    session.says["audit"] = fault
    assert client("/api/audit", {"knobs": {}}) == (422, fault)
    session.says["audit"] = ValueError("There is no\nrun 7.")
    assert client("/api/audit", {"knobs": {}}) == (
        422,
        {"fault": "There is no run 7.", "knob": None},
    )
    busy = {"fault": "Run 3 is training. Stop it, or wait.", "run": 3}
    session.says["train"] = busy
    assert client("/api/train", {"knobs": {}}) == (409, busy)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ZeroDivisionError("of a\nmodel"), "ZeroDivisionError: of a model"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (StopIteration(), "StopIteration: "),
    ],
)
def test_an_error_is_one_line_here_and_once_in_the_terminal(client, session, error, fault, capfd):
    session.says["audit"] = error
    status, answer = client("/api/audit", {"knobs": {}})
    assert (status, answer) == (500, {"fault": fault})
    assert capfd.readouterr().err.count("Traceback") == 1
    assert client("/api/stop", {})[0] == 200


def test_an_answer_that_is_no_json_is_an_error(client, session, capfd):
    session.says["uses"] = {"uses": {1, 2}}
    status, answer = client("/api/uses", BODIES["/api/uses"])
    assert status == 500
    assert list(answer) == ["fault"]
    assert capfd.readouterr().err.count("Traceback") == 1


def test_what_json_cannot_say_is_null(client, session):
    session.says["uses"] = {"uses": [float("nan"), float("inf"), 0.5], "why": "\ud800 é"}
    answer = client("/api/uses", BODIES["/api/uses"])
    assert answer == (200, {"uses": [None, None, 0.5], "why": "\ud800 é"})


def test_another_method_of_a_route_is_told(client):
    assert client("/api/audit") == (405, {"fault": "Method Not Allowed. Reload the page."})
    assert client("/api/describe", {}) == (
        405,
        {"fault": "Method Not Allowed. Reload the page."},
    )
    assert client("/api/close", {}) == (404, {"fault": "Not Found. Reload the page."})


def test_a_slow_call_keeps_nobody_waiting(client, session):
    free = threading.Event()
    session.says["uses"] = lambda: {"uses": [], "why": str(free.wait(20))}
    call = "/api/uses", BODIES["/api/uses"]
    slow = [threading.Thread(target=client, args=call) for _ in range(50)]
    for thread in slow:
        thread.start()
    until(lambda: len(session.calls) == len(slow))
    assert client("/api/audit", {"knobs": {}})[0] == 200
    free.set()
    for thread in slow:
        thread.join()


def test_events_are_what_the_session_says(client, session):
    session.say("started", run={"run": 1})
    stream = client.open("/api/events?after=0")
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert events(stream, 1) == [(1, "started", {"run": {"run": 1}})]
    session.say("progress", loss=float("nan"), text="a\n\nid: 9")
    session.say("done", run={})
    assert events(stream, 2) == [
        (2, "progress", {"loss": None, "text": "a\n\nid: 9"}),
        (3, "done", {"run": {}}),
    ]


def test_events_continue_where_they_ended(client, session):
    for place in range(4):
        session.say("progress", updates=place)
    last = client.open("/api/events", headers={"Last-Event-ID": "2"})
    assert [each[0] for each in events(last, 2)] == [3, 4]
    assert [each[0] for each in events(client.open("/api/events?after=3"), 1)] == [4]
    both = client.open("/api/events?after=0", headers={"Last-Event-ID": "3"})
    assert [each[0] for each in events(both, 1)] == [4]
    for after in ("x", "-1", "1.5", "9" * 30, "%C2%B2"):
        assert client.open(f"/api/events?after={after}").status == 400


def test_events_of_a_page_that_is_new_begin_now(client, session):
    session.say("started", run={})
    stream = client.open("/api/events")
    until(lambda: session.listeners)
    session.say("done", run={})
    assert events(stream, 1) == [(2, "done", {"run": {}})]


def test_every_page_gets_every_event(client, session):
    streams = [client.open("/api/events") for _ in range(50)]  # more than anyio has threads
    until(lambda: len(session.listeners) == 50)
    session.say("started", run={})
    assert all(events(stream, 1) == [(1, "started", {"run": {}})] for stream in streams)
    assert client("/api/stop", {})[0] == 200


def test_a_silent_stream_says_that_it_is_there(client, monkeypatch):
    monkeypatch.setattr(served, "PING", 0.01)
    stream = client.open("/api/events")
    lines = [stream.readline() for _ in range(6)]
    assert lines == [b"retry: 1000\n", b"\n", b": ping\n", b"\n", b": ping\n", b"\n"]


def test_a_page_that_is_closed_listens_no_more(client, session):
    stream = client.open("/api/events")
    until(lambda: session.listeners)
    stream.close()
    until(lambda: not session.listeners)


def test_the_stream_ends_with_the_session(tmp_path):
    session = StubSession()
    with serving(session, tmp_path) as (_, client):
        stream = client.open("/api/events")
        until(lambda: session.listeners)
        session.say("done", run={})
        session.close()
        read = stream.read()
    assert read.endswith(b'id: 1\nevent: done\ndata: {"run": {}}\n\n')
    assert not session.listeners


@pytest.mark.parametrize("how", ["its token", "a signal"])
def test_the_server_ends_with_streams_and_calls_open(tmp_path, how, capfd):
    session, never = StubSession(), threading.Event()
    session.says["uses"] = lambda: {"uses": never.wait(60)}
    with serving(session, tmp_path) as (server, client):
        streams = [client.open("/api/events") for _ in range(2)]
        answers = []
        call = threading.Thread(
            target=lambda: answers.append(client("/api/uses", BODIES["/api/uses"]))
        )
        call.start()
        until(lambda: session.calls)
        server.stop.stop() if how == "its token" else server.handle_exit(2, None)
        assert all(stream.read() == b"retry: 1000\n\n" for stream in streams)
        call.join()
    assert answers == [(503, {"fault": "longlag play has ended. Start it again."})]
    assert session.closed
    assert not session.listeners
    assert capfd.readouterr().err == ""
    never.set()


def test_what_is_no_http_leaves_no_word_in_the_terminal(client, capfd):
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    for text in (b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9\r\n\r\n", upgrade):
        with socket.create_connection(("127.0.0.1", client.port)) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"POST /api/stop HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["nothing", "a part of a request", "a part of a body"],
)
def test_connections_that_ask_for_nothing_keep_nobody_out(client, session, sent):
    session.says["describe"] = {"runs": []}
    stream = client.open("/api/events")
    with contextlib.ExitStack() as opened:
        for _ in range(300):
            one = opened.enter_context(socket.create_connection(("127.0.0.1", client.port)))
            with contextlib.suppress(ConnectionError):
                one.sendall(sent)
        assert client("/api/describe") == (200, {"runs": []})
        session.say("stopped", run=1)
        assert events(stream, 1) == [(1, "stopped", {"run": 1})]  # which is open as before


def test_it_listens_on_loopback_alone():
    with served.listen(0) as listening:
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(ValueError, match=rf"port {port}: .* in use\. Use --port 0"):
            served.listen(port)


def test_the_stub_is_what_the_server_needs():
    assert isinstance(StubSession(), served.SessionLike)


@pytest.mark.parametrize("arguments", [["--help"], ["play", "--help"], ["problems"]])
def test_no_other_command_waits_for_the_web(arguments):
    code = (
        f"from longlag.cli.app import main\ntry: main({arguments})\nexcept SystemExit: pass\n"
        "import sys; print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not {"starlette", "uvicorn", "anyio", "h11", "jax"} & loaded
