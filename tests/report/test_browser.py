"""The page in a real browser: all is drawn, nothing is loaded, and it fits a phone."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from longlag.report import page_of_store
from longlag.store.store import Store

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"

pytestmark = pytest.mark.skipif(
    not os.path.exists(CHROMIUM), reason="there is no Chromium here to show the page"
)

_SHIM = """
import fcntl, os, sys
heard, said = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(heard, 3)
os.dup2(said, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Chromium listens on descriptor 3 and answers on 4."""


class Browser:
    """A headless Chromium, spoken to through pipes."""

    def __init__(self, home):
        heard, self._say = os.pipe()
        self._hear, said = os.pipe()
        arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--remote-debugging-pipe",
            f"--user-data-dir={home}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SHIM, str(heard), str(said), CHROMIUM, *arguments],
            pass_fds=(heard, said),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(heard)
        os.close(said)
        self._rest, self._numbers = b"", itertools.count(1)
        self.events: list[dict] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    _session = None

    def ask(self, method, **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._say, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self):
        while b"\0" not in self._rest:
            read = os.read(self._hear, 1 << 20)
            assert read, "Chromium has gone"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def evaluate(self, script):
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def show(self, path, *, width, theme):
        """Open a page and wait until it is drawn."""
        self.ask("Page.navigate", url="about:blank")
        self.wait_until("location.href === 'about:blank'")
        self.events.clear()
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=844,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = [{"name": "prefers-color-scheme", "value": theme}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.ask("Page.navigate", url=path.as_uri())
        self.wait_until(f"document.documentElement?.dataset.drawn === '{theme}'")

    def wait_until(self, condition):
        until = time.monotonic() + 60
        while not self.evaluate(condition):
            assert time.monotonic() < until, f"never: {condition}"
            time.sleep(0.05)

    def close(self):
        self._session = None
        self.ask("Browser.close")
        self._process.wait(timeout=20)
        os.close(self._say)
        os.close(self._hear)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def path(stores, tmp_path_factory):
    written = tmp_path_factory.mktemp("page") / "page.html"
    with Store(stores["all"]) as store:
        page_of_store(store).save(written)
    return written


def _complaints(browser):
    methods = "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"
    return [event for event in browser.events if event["method"] in methods]


def _requests(browser):
    asked = (e for e in browser.events if e["method"] == "Network.requestWillBeSent")
    return [event["params"]["request"]["url"] for event in asked]


_DRAWN = """
[...document.querySelectorAll("[data-figure]")].map((place) => {
  const made = place.querySelector("svg, canvas");
  return [place.dataset.figure, made ? made.getBoundingClientRect().width : 0];
})
"""


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (390, "dark"), (1280, "light")])
def test_all_is_drawn_and_nothing_is_loaded(browser, path, width, theme):
    browser.show(path, width=width, theme=theme)
    drawn = browser.evaluate(_DRAWN)
    assert len(drawn) > 20
    assert [name for name, wide in drawn if wide < 80] == []
    assert _complaints(browser) == []
    assert _requests(browser) == [path.as_uri()]
    root = "document.documentElement"
    assert browser.evaluate(f"{root}.scrollWidth") <= browser.evaluate(f"{root}.clientWidth")


def test_its_colours_follow_the_theme_and_the_button(browser, path):
    browser.show(path, width=1280, theme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    marks = (
        "[...new Set([...document.querySelectorAll('[data-figure] svg path')]"
        ".map((mark) => mark.getAttribute('fill')))].sort().join()"
    )
    dark_ground, dark_marks = browser.evaluate(ground), browser.evaluate(marks)
    browser.evaluate("document.getElementById('theme').click()")
    browser.wait_until("document.documentElement.dataset.drawn === 'light'")
    assert browser.evaluate(ground) == "rgb(255, 255, 255)" != dark_ground
    light_marks = browser.evaluate(marks)
    assert "#0072b2" in light_marks
    assert "#0072b2" not in dark_marks
    assert _complaints(browser) == []


def test_the_policy_lets_no_script_in(browser, path):
    browser.show(path, width=1280, theme="light")
    browser.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.got = 1';"
        " document.body.append(s); const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; })()"
    )
    time.sleep(0.2)
    assert browser.evaluate("window.got") is None
    blocked = [e for e in browser.events if e["method"] == "Network.loadingFailed"]
    refused = [e["params"].get("blockedReason") for e in blocked]
    assert set(refused) <= {"csp"}
    assert any("Content Security Policy" in str(event) for event in _complaints(browser))
