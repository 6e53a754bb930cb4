"""A session that trains nothing, and servers and clients for it."""

import contextlib
import http.client
import json
import threading
import time
from typing import Any, NamedTuple

from starlette.routing import Route

from longlag.live.app import Server, create_app, listen

TOKEN = "the-token"
PORT = 8577
QUICK = {
    "length": "6",
    "values": "5",
    "hidden-size": "4",
    "sequences": "600",
    "learning-rate": "0.01",
}
"""A setup that trains in no time."""
PAGE = {"index.html": "<!doctype html>page", "play.js": "mount()", "play.css": "body {}"}


class Message(NamedTuple):
    id: int
    type: str
    data: dict[str, Any]


class StubSession:
    """Answers every call with its arguments; `says` what to answer or raise instead."""

    def __init__(self):
        self.closed = False
        self.calls = []
        self.says = {}
        self.listeners = []
        self.kept = []

    def _answer(self, name, **arguments) -> Any:
        self.calls.append((name, arguments))
        said = self.says.get(name, {name: arguments})
        if callable(said):
            said = said()
        if isinstance(said, BaseException):
            raise said
        return said

    def describe(self):
        return self._answer("describe")

    def audit(self, knobs):
        return self._answer("audit", knobs=knobs)

    def train(self, knobs):
        return self._answer("train", knobs=knobs)

    def stop(self):
        return self._answer("stop")

    def view(self, run, snapshot, seed, inputs):
        return self._answer("view", run=run, snapshot=snapshot, seed=seed, inputs=inputs)

    def uses(self, run, snapshot, seed):
        return self._answer("uses", run=run, snapshot=snapshot, seed=seed)

    def messages(self, after=0):
        return [each for each in self.kept if each.id > after]

    def subscribe(self, heard):
        self.listeners.append(heard)
        return lambda: self.listeners.remove(heard)

    def say(self, type, **data):
        self.kept.append(Message(len(self.kept) + 1, type, data))
        for heard in [*self.listeners]:
            heard()

    def close(self):
        self.closed = True
        for heard in [*self.listeners]:
            heard()


BODIES = {
    "/api/audit": {"knobs": {"problem": "echo-lag"}},
    "/api/train": {"knobs": {}},
    "/api/stop": {},
    "/api/view": {"run": 1, "snapshot": 0, "seed": 0, "inputs": None},
    "/api/uses": {"run": 1, "snapshot": 0, "seed": 0},
}
"""A body that is right, of each route that takes one."""


def routes():
    """The path and method of every route."""
    app = create_app(StubSession(), port=PORT, token=TOKEN)
    for route in app.routes:
        assert isinstance(route, Route)
        yield route.path, "POST" if "POST" in (route.methods or ()) else "GET"


def folder_with_page(folder):
    for name, text in PAGE.items():
        (folder / name).write_text(text)
    return folder


class Client:
    """What a browser sends, over a real connection."""

    def __init__(self, port):
        self.port = port
        self.answers = []
        self.headers = {"Cookie": f"longlag-play-{port}={TOKEN}"}

    def open(self, path, body=None, headers=()):
        text = None if body is None else json.dumps(body).encode()
        return self.send(path, text, headers)

    def send(self, path, body, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        kind = {} if body is None else {"Content-Type": "application/json"}
        # So that an answer that is closed has no connection left.
        headers = {**self.headers, **kind, "Connection": "close", **dict(headers)}
        connection.request("GET" if body is None else "POST", path, body, headers)
        self.answers.append(connection.getresponse())
        return self.answers[-1]

    def close(self):
        while self.answers:
            self.answers.pop().close()

    def __call__(self, path, body=None):
        answer = self.open(path, body)
        return answer.status, json.loads(answer.read())


@contextlib.contextmanager
def serving(session, static):
    """A server in a thread, with a client."""
    with listen(0) as listening:
        port = listening.getsockname()[1]
        server = Server(session, port=port, token=TOKEN, static=static)
        thread = threading.Thread(target=server.serve_on, args=[listening])
        thread.start()
        client = Client(port)
        try:
            yield server, client
        finally:
            client.close()
            server.stop.stop()
            thread.join(20)
            assert not thread.is_alive()


def until(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


def events(stream, count):
    """The next events of a stream, without its comments."""
    found = []
    while len(found) < count:
        lines = []
        while line := stream.readline().decode().rstrip("\n"):
            lines.append(line)
        fields = dict(line.split(": ", 1) for line in lines)
        if "id" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found
