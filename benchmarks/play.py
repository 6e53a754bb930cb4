"""The live page: how soon it paints, audits and trains, and what it costs a training.

    python benchmarks/play.py

`longlag play` runs as a process; the first paint is timed with Playwright and Chromium
(`--chromium PATH`). Figures of a run stand in the page of benchmarks. `--screenshot
docs/figures/play.png` draws the picture of the README.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import longlag as ll

TUTORIAL = {
    "problem": "echo-lag",
    "framing": "whole",
    "model": "lstm",
    "sequences": "20000",
    "seeds": "1",
}
"""The training that is timed: 4,000 updates of the tutorial's network."""


class Page:
    """A client of a running `longlag play`."""

    def __init__(self, address: str) -> None:
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", address)
        assert found
        self.port, self.address = int(found[1]), address
        self.cookie = {"Cookie": f"longlag-play-{self.port}={found[2]}"}

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a route."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = self.cookie | {"Content-Type": "application/json"}
        connection.request("POST", f"/api/{name}", json.dumps(arguments), headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def events(self) -> Iterator[tuple[float, str, dict[str, Any]]]:
        """The time, type and data of each message from now on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/api/events", headers=self.cookie)
        kind = ""
        for line in connection.getresponse():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield time.perf_counter(), kind, json.loads(value)


@contextlib.contextmanager
def running(cache: str) -> Iterator[Page]:
    """A page with its programs compiled in this folder."""
    with subprocess.Popen(
        [sys.executable, "-m", "longlag", "play", "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LONGLAG_CACHE": cache},
    ) as process:
        assert process.stdout is not None
        yield Page(process.stdout.readline().split()[1])
        process.terminate()


def trained(page: Page, knobs: dict[str, str]) -> dict[str, float]:
    """Seconds until the first point and the end of a training, and messages a second."""
    times: list[tuple[float, str]] = []
    done, ready = threading.Event(), threading.Event()

    def listen() -> None:
        for when, kind, data in page.events():
            if kind in ("done", "failed") and data["run"]["run"] == number.get("run"):
                times.append((when, kind))
                done.set()
                return
            times.append((when, kind))
            ready.set()

    number: dict[str, int] = {}
    thread = threading.Thread(target=listen, daemon=True)
    start = time.perf_counter()
    number |= page.call("train", knobs=knobs)
    thread.start()
    done.wait()
    points = [when for when, kind in times if kind == "progress" and when > start]
    return {
        "first point": points[0] - start,
        "end": times[-1][0] - start,
        "points a second": len(points) / (points[-1] - points[0]) if len(points) > 1 else 0.0,
    }


def alone(knobs: dict[str, str]) -> float:
    """Seconds of the same training without a page."""
    start = time.perf_counter()
    ll.train(ll.EchoLag(), ll.Whole(), ll.LSTM(), sequences=int(knobs["sequences"]))
    return time.perf_counter() - start


def in_browser(page: Page, chromium: str) -> dict[str, float]:
    """Seconds to the first paint."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        paints = []
        for _ in range(7):
            tab = browser.new_page()
            tab.goto(page.address)
            tab.get_by_role("button", name="Train").first.wait_for()
            entries = "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)"
            paints += tab.evaluate(entries)
            tab.close()
        browser.close()
    return {"first paint": statistics.median(paints) / 1000}


def screenshot(page: Page, chromium: str, path: Path) -> None:
    """Write a picture of the first lesson, trained."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 1290})
        tab.goto(page.address)
        tab.get_by_role("button", name="Train", exact=True).click()
        tab.get_by_role("button", name="Stop", exact=True).wait_for()
        tab.get_by_role("button", name="Train", exact=True).wait_for(timeout=300_000)
        tab.get_by_role("img", name=re.compile("Map, uses")).wait_for()
        tab.wait_for_timeout(1000)
        tab.screenshot(path=path)
        browser.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--screenshot", type=Path, help="Draw the first lesson, and nothing else.")
    options = parser.parse_args()
    if options.screenshot:
        with running(os.environ.get("LONGLAG_CACHE", "")) as page:
            screenshot(page, options.chromium, options.screenshot)
        return
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as cache:
        with running(cache) as page:
            figures["first point, nothing compiled"] = trained(page, TUTORIAL)["first point"]
        with running(cache) as page:
            figures["first point, a new page"] = trained(page, TUTORIAL)["first point"]
            warm = [trained(page, TUTORIAL) for _ in range(options.rounds)]
            for name in ("first point", "points a second"):
                figures[f"{name}, again"] = statistics.median(each[name] for each in warm)
            seconds = []
            for lag in range(50):
                start = time.perf_counter()
                page.call(
                    "audit", knobs={"framing": "chunks", "carry": "true", "lag": str(lag % 20)}
                )
                seconds.append(time.perf_counter() - start)
            figures["audit"] = statistics.median(seconds)
            alone(TUTORIAL)
            pairs = [
                (trained(page, TUTORIAL)["end"], alone(TUTORIAL)) for _ in range(options.rounds)
            ]
            figures["training with a page / without"] = statistics.median(a / b for a, b in pairs)
            if Path(options.chromium).exists():
                figures |= in_browser(page, options.chromium)
    for name, figure in figures.items():
        print(f"{name:35} {figure:.3f}")


if __name__ == "__main__":
    main()
