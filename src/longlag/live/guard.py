"""The guard: who may talk to the page. One ASGI middleware around every route.

The server listens on loopback only, which other users of the machine and any page in the reader's
browser can reach as well. So every request, whatever its path, is refused unless it was sent to an
address of this server (against DNS rebinding), by this page or by the address bar, and with the
cookie that the address with the token gives.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 64_000
"""Bytes of a body."""

METHODS = "GET", "POST"
OPEN = "Open the address that longlag play printed."
SAFETY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Headers of every answer."""


class Refused(Exception):  # noqa: N818 - an answer
    """A request that is refused.

    Attributes:
        status: The status of the answer.
        line: What to do.
    """

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status, self.line = status, line


class Guard:
    """Lets requests of the page through, and refuses all others by itself.

    Args:
        app: The application.
        port: Where the server listens.
        token: The secret in the address that the command prints.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        names = "127.0.0.1", "localhost", "[::1]"
        self._hosts = {f"{name}:{port}" for name in names}
        if port == 80:  # which browsers leave out
            self._hosts.update(names)
        self._cookie = f"longlag-play-{port}"
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it to the application."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_raw(SAFETY)]
            await send(message)

        try:
            if self._asks_for_cookie(scope):
                await _answer(safely, 303, "", self._welcome())
                return
            body = await _body(scope, receive) if scope["method"] == "POST" else None
        except Refused as refused:
            await _refuse(scope, safely, refused)
            return
        await self._app(scope, receive if body is None else _replay(body, receive), safely)

    def _asks_for_cookie(self, scope: Scope) -> bool:
        """Whether the request has the token in place of the cookie."""
        if scope["method"] not in METHODS:
            raise Refused(405, "Use GET or POST.")
        host = _only(scope, "host")
        if host not in self._hosts:
            raise Refused(403, OPEN)
        if _only(scope, "sec-fetch-site") not in (None, "same-origin", "none"):
            line = "Paste the address that longlag play printed into the address bar."
            raise Refused(403, line)
        if _only(scope, "origin") not in (None, f"http://{host}"):
            raise Refused(403, OPEN)
        if scope["method"] == "GET" and scope["path"] == "/":
            query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), True)
            if tokens := [value for name, value in query if name == "token"]:
                if len(tokens) > 1 or not self._is_token(tokens[0]):
                    raise Refused(403, f"This token is of another run. {OPEN}")
                return True
        if not any(map(self._is_token, _cookies(scope, self._cookie))):
            raise Refused(403, OPEN)
        return False

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self._token.encode())

    def _welcome(self) -> dict[str, str]:
        cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        return {"location": "/", "set-cookie": cookie}


def _values(scope: Scope, name: str) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.decode() == name]


def _only(scope: Scope, name: str) -> str | None:
    """The header of this name, None without it."""
    values = _values(scope, name)
    if len(values) > 1:
        raise Refused(400, f"The header {name} is there twice. {OPEN}")
    return values[0] if values else None


def _cookies(scope: Scope, name: str) -> Iterable[str]:
    """The values of a cookie; a server at another port may have set one of the same name."""
    for text in _values(scope, "cookie"):
        for part in text.split(";"):
            key, _, value = part.partition("=")
            if key.strip() == name:
                yield value.strip()


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The body of a POST, which is JSON of limited size."""
    kind = (_only(scope, "content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "Send the body as application/json.")
    too_large = Refused(413, f"Send at most {LARGEST // 1000} kB.")
    length = _only(scope, "content-length") or "0"
    if not length.isdecimal() or len(length) > 9 or int(length) > LARGEST:
        raise too_large
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "Send the whole body.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST:
            raise too_large
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """What gives the application a body that has been read, and then what comes after it."""
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    """Answer with one line: the page reads JSON, a person reads text."""
    text, kind = f"{refused.line}\n", "text/plain; charset=utf-8"
    if scope["path"].startswith("/api/"):
        text, kind = json.dumps({"fault": refused.line}), "application/json"
    headers = {"content-type": kind}
    if refused.status == 405:
        headers["allow"] = ", ".join(METHODS)
    await _answer(send, refused.status, text, headers)


async def _answer(send: Send, status: int, text: str, headers: dict[str, str]) -> None:
    body = text.encode()
    headers = {**headers, "content-length": str(len(body))}
    await send({"type": "http.response.start", "status": status, "headers": _raw(headers)})
    await send({"type": "http.response.body", "body": body})


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
