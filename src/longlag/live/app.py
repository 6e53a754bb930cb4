"""The server of the page: routes over a session, and the server that runs them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, runtime_checkable

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from longlag.adapters.models.hints import shortened
from longlag.live.connections import Connection
from longlag.live.guard import Guard
from longlag.stop import COMPILED, StopToken

STATIC = Path(__file__).parent / "static"
"""The built page."""

PING = 15.0
"""Seconds after which a stream says that it is still there."""

_FILES = {
    "/": ("index.html", "text/html"),
    "/play.js": ("play.js", "text/javascript"),
    "/play.css": ("play.css", "text/css"),
}
_GRACE = 2  # seconds for answers under way once the server ends


@runtime_checkable
class SessionMessage(Protocol):
    """What a session tells its listeners."""

    @property
    def id(self) -> int:
        """Its number, from 1."""
        ...

    @property
    def type(self) -> str:
        """Its kind."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """Its content, as JSON has it."""
        ...


@runtime_checkable
class SessionLike(Protocol):
    """What the server needs of a session; each method may be called from any thread.

    An answer with `fault` is a refusal, and so is a ValueError.
    """

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Problems, framings, models, lessons and runs."""
        ...

    def messages(self, after: int = 0) -> Sequence[SessionMessage]:
        """Those with a larger number, at once."""
        ...

    def subscribe(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Have `heard` called after each message and at the end; the answer ends that."""
        ...

    def close(self) -> None:
        """End training and listeners."""
        ...


Check = Callable[[Any], bool]


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_knobs(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _is_inputs(value: Any) -> bool:
    return value is None or isinstance(value, list)


_WORDS: dict[Check, str] = {
    _is_count: "a whole number of at least 0",
    _is_knobs: "an object of texts",
    _is_inputs: "a list or null",
}
_OF_RUN: dict[str, Check] = {"run": _is_count, "snapshot": _is_count, "seed": _is_count}
CALLS: dict[str, dict[str, Check]] = {
    "audit": {"knobs": _is_knobs},
    "train": {"knobs": _is_knobs},
    "stop": {},
    "view": {**_OF_RUN, "inputs": _is_inputs},
    "uses": _OF_RUN,
}
"""The methods of a session that the page may call, with their arguments."""


def create_app(session: SessionLike, *, port: int, token: str, static: Path = STATIC) -> Starlette:
    """The application of a page.

    Args:
        session: What the page shows.
        port: Where the server listens.
        token: The secret in the address that the command prints.
        static: Folder of the built page.
    """

    def page(request: Request) -> Response:
        name, kind = _FILES[request.scope["route"].path]
        try:
            return Response((static / name).read_bytes(), media_type=kind)
        except FileNotFoundError:
            return _fault(404, f"{name} is missing. Install longlag again.")

    async def describe(_: Request) -> Response:
        return await _answer(session, session.describe)

    async def call(request: Request) -> Response:
        name = request.scope["route"].name
        try:
            arguments = _arguments(await request.body(), CALLS[name])
        except ValueError as error:
            return _fault(400, str(error))
        return await _answer(session, lambda: getattr(session, name)(**arguments))

    async def events(request: Request) -> Response:
        after = request.headers.get("last-event-id") or request.query_params.get("after")
        if after is None:  # what was before stands in the description
            after = str(max((each.id for each in session.messages()), default=0))
        if not (after.isdecimal() and len(after) < 16):
            return _fault(400, "`after` must be a whole number of at least 0.")
        return StreamingResponse(_stream(session, int(after)), media_type="text/event-stream")

    app = Starlette(
        routes=[
            *(Route(path, page) for path in _FILES),
            Route("/api/describe", describe),
            Route("/api/events", events),
            *(Route(f"/api/{name}", call, methods=["POST"], name=name) for name in CALLS),
        ],
        middleware=[Middleware(Guard, port=port, token=token)],
        exception_handlers={HTTPException: _nothing_here},
    )
    app.router.redirect_slashes = False
    return app


class Server(uvicorn.Server):
    """A server of a page that ends, with all open pages, when its token is set.

    Args:
        session: What the page shows; it is closed at the end.
        port: Where the server listens.
        token: The secret in the address that the command prints.
        stop: What ends it, as Ctrl-C does.
        static: Folder of the built page.
    """

    def __init__(
        self,
        session: SessionLike,
        *,
        port: int,
        token: str,
        stop: StopToken | None = None,
        static: Path = STATIC,
    ) -> None:
        self.stop = stop or StopToken()
        self._session = session
        config = uvicorn.Config(
            create_app(session, port=port, token=token, static=static),
            http=Connection,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # what goes wrong in a call is written where it is made
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(config)

    def serve_on(self, listening: socket.socket) -> None:
        """Answer at a socket until the end, and close the session."""
        try:
            self.run(sockets=[listening])
        finally:
            self._session.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End after a signal."""
        if not self.stop.stopped:
            self.stop.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        # Where somebody's connections take all descriptors, each refused one is a traceback.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; asked ten times a second."""
        if not self.stop.stopped:
            return await super().on_tick(counter)
        # Streams and calls end with the session, whose training may need a moment for that.
        threading.Thread(target=self._session.close, daemon=True).start()
        return True


def listen(port: int) -> socket.socket:
    """A socket that listens on loopback; port 0 takes a free one.

    Raises:
        ValueError: The port is in use, or not for this user.
    """
    listening = socket.socket()
    try:
        if sys.platform != "win32":  # where it would share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
    except OSError as error:
        listening.close()
        why = (error.strerror or str(error)).lower()
        raise ValueError(f"port {port}: {why}. Use --port 0 for a free one.") from error
    return listening


def _arguments(body: bytes, checks: Mapping[str, Check]) -> dict[str, Any]:
    """The arguments of a call."""
    try:
        given = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ValueError("The body must be JSON.") from None
    if not isinstance(given, dict):
        raise ValueError("The body must be a JSON object.")
    for name in given:
        if name not in checks:
            known = f"Known: {', '.join(checks)}." if checks else "It takes none."
            raise ValueError(f"There is no field `{ascii(name)[1:-1][:40]}`. {known}")
    for name, check in checks.items():
        if name not in given:
            raise ValueError(f"The field `{name}` is missing.")
        if not check(given[name]):
            raise ValueError(f"`{name}` must be {_WORDS[check]}.")
    return given


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


async def _answer(session: SessionLike, call: Callable[[], Any]) -> Response:
    """The answer of a session, or that it has ended before.

    The call has a thread of its own that does not outlive the process: neither the end of the
    server nor that of Python waits for a program that is being compiled.
    """
    answers: list[Response] = []
    loop = asyncio.get_running_loop()
    with _news(session) as news:

        def work() -> None:
            answers.append(_response(call))
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(news.set)

        threading.Thread(target=work, name=COMPILED, daemon=True).start()
        while not answers and not session.closed:
            await news.wait()
            news.clear()
    return answers[0] if answers else _fault(503, "longlag play has ended. Start it again.")


def _response(call: Callable[[], Any]) -> Response:
    """What a call gives, as JSON; an error is one line."""
    try:
        try:
            answer = call()
        except ValueError as error:
            answer = {"fault": " ".join(str(error).split()), "knob": None}
        refused = "fault" in answer
        return _json((409 if "run" in answer else 422) if refused else 200, answer)
    except BaseException as error:  # a user's file may raise anything
        traceback.print_exc()
        return _fault(500, f"{type(error).__name__}: {shortened(error)}")


def _json(status: int, answer: Any) -> Response:
    return Response(_text(answer), status, media_type="application/json")


def _text(value: Any) -> str:
    """A value as JSON, which has no word for NaN."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(value), parse_constant=lambda _: None))


def _fault(status: int, line: str) -> Response:
    return _json(status, {"fault": line})


async def _nothing_here(_: Request, error: Exception) -> Response:
    """The answer where there is no such route, or not with this method."""
    assert isinstance(error, HTTPException)
    return _fault(error.status_code, f"{error.detail}. Reload the page.")


async def _stream(session: SessionLike, after: int) -> AsyncIterator[str]:
    """The messages of a session as server-sent events, until it ends."""
    with _news(session) as news:
        yield "retry: 1000\n\n"
        while True:
            news.clear()
            closed = session.closed
            for message in session.messages(after):
                after = message.id
                yield f"id: {message.id}\nevent: {message.type}\ndata: {_text(message.data)}\n\n"
            if closed:
                return
            try:
                await asyncio.wait_for(news.wait(), PING)
            except TimeoutError:
                yield ": ping\n\n"


@contextlib.contextmanager
def _news(session: SessionLike) -> Iterator[asyncio.Event]:
    """An event that is set after each message of a session, and at its end."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def heard() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(news.set)

    unsubscribe = session.subscribe(heard)
    try:
        yield news
    finally:
        unsubscribe()
