"""Who may talk to the page: each refusal, on every route and by the guard itself."""

import json

import pytest
from play_cases import BODIES, PORT, TOKEN, StubSession, folder_with_page, routes
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from longlag.live.app import create_app
from longlag.live.guard import LARGEST, SAFETY, Guard

HERE = f"http://127.0.0.1:{PORT}"
COOKIE = f"longlag-play-{PORT}"
ROUTES = [pytest.param(*route, id=route[0]) for route in routes()]
every_route = pytest.mark.parametrize(("path", "method"), ROUTES)


@pytest.fixture
def session():
    return StubSession()


@pytest.fixture
def ask(session, tmp_path):
    """An answer to a request that is right but for what is given."""
    app = create_app(session, port=PORT, token=TOKEN, static=folder_with_page(tmp_path))

    def answer(path, method="GET", *, cookie=f"{COOKIE}={TOKEN}", content=None, headers=()):
        session.closed = path == "/api/events"  # so that the stream ends
        given = {"Sec-Fetch-Site": "same-origin", **dict(headers)}
        if cookie is not None:
            given["Cookie"] = cookie
        if method == "POST":
            given = {"Origin": HERE, "Content-Type": "application/json", **given}
            content = json.dumps(BODIES[path]) if content is None else content
        given = {name: value for name, value in given.items() if value is not None}
        client = TestClient(app, base_url=HERE, follow_redirects=False)
        return client.request(method, path, headers=given, content=content)

    return answer


def refused(answer, status=403):
    assert answer.status_code == status
    text = answer.json()["fault"] if "/api/" in str(answer.url) else answer.text.rstrip("\n")
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_the_routes_are_these():
    assert {each.values[0] for each in ROUTES} == {
        *("/", "/play.js", "/play.css", "/api/describe", "/api/events", *BODIES),
    }


@every_route
def test_what_is_right_is_answered_safely(ask, path, method):
    answer = ask(path, method)
    assert answer.status_code == 200
    assert {**answer.headers, **SAFETY} == dict(answer.headers)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers


@every_route
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_its_addresses_are_its_own(ask, path, method, name):
    host = f"{name}:{PORT}"
    origin = f"http://{host}" if method == "POST" else None
    answer = ask(path, method, headers={"Host": host, "Origin": origin})
    assert answer.status_code == 200


@every_route
@pytest.mark.parametrize(
    "host",
    [
        *("evil.com", f"evil.com:{PORT}", f"127.0.0.1.evil.com:{PORT}", "127.0.0.1", "localhost"),
        *(f"127.0.0.1:{PORT + 1}", f"localhost:{PORT}0", f"127.0.0.1:{PORT}@evil.com", ""),
        *(f"0.0.0.0:{PORT}", f"localhost:{PORT}.", f"localhost.:{PORT}", f"127.1:{PORT}"),
    ],
)
def test_another_host_is_refused(ask, session, path, method, host):
    headers = {"Host": host}
    if method == "POST":
        headers["Origin"] = f"http://{host}"  # as after DNS rebinding
    refused(ask(path, method, headers=headers))
    assert not session.calls


def test_the_port_of_browsers_needs_no_name(tmp_path):
    app = create_app(StubSession(), port=80, token=TOKEN, static=folder_with_page(tmp_path))
    headers = {"Cookie": f"longlag-play-80={TOKEN}"}
    assert TestClient(app, base_url="http://localhost").get("/", headers=headers).is_success


@every_route
@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.com", "null", "", "http://127.0.0.1", f"https://127.0.0.1:{PORT}"),
        *(f"{HERE}.evil.com", f"{HERE}0", f"{HERE}/", f"x{HERE}", f"http://evil.com/{HERE}"),
        *(f"http://localhost:{PORT}", f"http://127.0.0.1:{PORT + 1}", f"{HERE} {HERE}"),
    ],
)
def test_another_origin_is_refused(ask, session, path, method, origin):
    refused(ask(path, method, headers={"Origin": origin}))
    assert not session.calls


@every_route
@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "same-origin, none"])
def test_what_another_site_sends_is_refused(ask, session, path, method, site):
    line = refused(ask(path, method, headers={"Sec-Fetch-Site": site}))
    assert line == "Paste the address that longlag play printed into the address bar."
    assert not session.calls


@every_route
@pytest.mark.parametrize("site", ["none", None])
def test_the_address_bar_and_old_browsers_are_answered(ask, path, method, site):
    assert ask(path, method, headers={"Sec-Fetch-Site": site}).status_code == 200


@every_route
@pytest.mark.parametrize("other", ["DELETE", "PUT", "HEAD", "OPTIONS", "PATCH", "TRACE", "QUERY"])
def test_other_methods_are_refused(ask, session, path, method, other):
    del method
    answer = ask(path, other)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert not session.calls


@every_route
@pytest.mark.parametrize(
    "cookie",
    [
        *(None, "", TOKEN, f"{COOKIE}=", f"{COOKIE}=wrong", f"{COOKIE}={TOKEN}x"),
        *(f"{COOKIE}={TOKEN[:-1]}", f"x{COOKIE}={TOKEN}", f"longlag-play-{PORT + 1}={TOKEN}"),
        *(f"a={COOKIE}={TOKEN}", f"{COOKIE}={TOKEN.upper()}"),
    ],
)
def test_without_the_cookie_nothing_is_told(ask, session, path, method, cookie):
    line = refused(ask(path, method, cookie=cookie))
    assert line == "Open the address that longlag play printed."
    assert not session.calls


@every_route
def test_a_token_opens_no_other_route(ask, path, method):
    if path != "/":
        answer = ask(f"{path}?token={TOKEN}", method, cookie=None, content="{}")
        refused(answer)
        assert "set-cookie" not in answer.headers


def test_the_cookie_may_be_among_others(ask):
    assert ask("/", cookie=f"a=b; {COOKIE}=of-another; {COOKIE}={TOKEN}").text.endswith("page")


def test_the_token_gives_the_cookie(ask):
    answer = ask(f"/?token={TOKEN}", cookie=None, headers={"Sec-Fetch-Site": "none"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["set-cookie"] == (f"{COOKIE}={TOKEN}; HttpOnly; SameSite=Strict; Path=/")
    assert {**answer.headers, **SAFETY} == dict(answer.headers)


@pytest.mark.parametrize(
    "query", ["token=wrong", "token=", f"token={TOKEN}&token=x", "token=%F0%9F%98%80", "token=é"]
)
def test_a_wrong_token_gives_none(ask, query):
    answer = ask(f"/?{query}")
    assert refused(answer).startswith("This token is of another run.")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_token_on_another_site_gives_none(ask, site):
    refused(ask(f"/?token={TOKEN}", cookie=None, headers={"Sec-Fetch-Site": site}))


@every_route
def test_websockets_are_refused(session, path, method):
    del method
    app = create_app(session, port=PORT, token=TOKEN)
    headers = {"Cookie": f"{COOKIE}={TOKEN}", "Origin": HERE}
    with (
        pytest.raises(WebSocketDisconnect),
        TestClient(app, base_url=HERE).websocket_connect(path, headers=headers),
    ):
        pass


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "kind",
    [
        *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"),
        *(None, "", "application/jsonx", "text/plain; application/json", "text/json"),
    ],
)
def test_a_form_is_refused(ask, session, path, kind):
    refused(ask(path, "POST", headers={"Content-Type": kind}), 415)
    assert not session.calls


def test_the_character_set_may_be_named(ask):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert ask("/api/stop", "POST", headers=headers).status_code == 200


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("told", [True, False], ids=["told", "in pieces"])
def test_a_large_body_is_refused(ask, session, path, told):
    large = b" " * (LARGEST + 1)
    content = large if told else iter([large[:1000]] * (LARGEST // 1000 + 1))
    assert refused(ask(path, "POST", content=content), 413) == "Send at most 64 kB."
    assert not session.calls


def test_a_body_in_pieces_arrives_whole(session, tmp_path):
    app = create_app(session, port=PORT, token=TOKEN, static=tmp_path)
    headers = {"Cookie": f"{COOKIE}={TOKEN}", "Content-Type": "application/json"}
    pieces = iter([b'{"knobs": {"lag"', b': "1"}', b" " * (LARGEST - 60), b"}"])
    answer = TestClient(app, base_url=HERE).post("/api/audit", headers=headers, content=pieces)
    assert answer.json() == {"audit": {"knobs": {"lag": "1"}}}


@pytest.mark.parametrize("name", ["host", "origin", "sec-fetch-site", "content-type"])
def test_a_header_is_there_once(session, tmp_path, name):
    right = {
        "host": f"127.0.0.1:{PORT}",
        "origin": HERE,
        "sec-fetch-site": "none",
        "content-type": "application/json",
        "cookie": f"{COOKIE}={TOKEN}",
    }
    app = create_app(session, port=PORT, token=TOKEN, static=tmp_path)
    twice = [*right.items(), (name, right[name])]
    answer = TestClient(app, base_url=HERE).post("/api/stop", headers=twice, content="{}")
    assert "twice" in refused(answer, 400)


@pytest.mark.parametrize(
    "path",
    [
        *("/index.html", "/static/play.js", "/../pyproject.toml", "/%2e%2e/guard.py", "/play.js/"),
        *("/play.js%00", "/api", "/api/", "/api/close", "/api/__class__", "/app.py"),
    ],
)
def test_nothing_of_a_request_names_a_file(ask, session, path):
    assert ask(path).status_code == 404
    assert not session.calls


def test_a_request_that_ends_early_calls_nothing():
    """The application is never reached, and no error comes of it."""
    import asyncio

    async def unreachable(*_):
        raise AssertionError

    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = {
        "host": f"localhost:{PORT}",
        "content-type": "application/json",
        "cookie": f"{COOKIE}={TOKEN}",
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/stop",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Guard(unreachable, port=PORT, token=TOKEN)(scope, receive, send))
    assert sent[0]["status"] == 400
