"""The page in a browser: what a reader does, by keyboard and mouse, and what axe finds."""

import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from importlib import resources

import pytest

from longlag.live.lessons import LESSONS
from longlag.live.recording import record
from longlag.live.session import Session

playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is an extra that is not installed (browser)"
)
axe_module = pytest.importorskip(
    "axe_playwright_python.sync_playwright",
    reason="axe is an extra that is not installed (browser)",
)
expect = playwright_api.expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

QUICK = (
    "problem=echo-lag&length=6&values=5&framing=whole&model=lstm&hidden-size=16&sequences=4000"
    "&learning-rate=0.01&seeds=2"
)
ENDS = 120_000  # milliseconds in which a training ends, on a busy machine


@contextlib.contextmanager
def started(*arguments):
    """A running `longlag play`, and its address."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-m", "longlag", "play", "--no-browser", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()[1]
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def server():
    with started("--port", "0") as (_, address):
        yield address


@pytest.fixture(scope="module")
def browser():
    with playwright_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser, server):
    """A tab without an error, and without a request to another machine."""
    with tab(browser, server) as made:
        yield made


@contextlib.contextmanager
def tab(browser, address, **options):
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    made, faults = context.new_page(), []
    made.set_default_timeout(30_000)
    made.on("pageerror", lambda error: faults.append(str(error)))
    host = address.partition("?")[0]
    made.on(
        "request", lambda r: None if r.url.startswith((host, "data:")) else faults.append(r.url)
    )
    made.goto(address)
    try:
        yield made
        assert faults == []
    finally:
        context.close()


def go(page, fragment):
    page.evaluate("fragment => { location.hash = fragment }", fragment)
    expect(page.get_by_text("6 steps" if "length=6" in fragment else "25 steps")).to_be_visible()


def train(page):
    page.get_by_role("button", name="Train", exact=True).click()
    training = page.get_by_role("region", name="Training")
    expect(training.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=ENDS)
    return training


def reaches(page):
    return page.get_by_role("region", name="What reaches what")


def verdict(page, name):
    return reaches(page).get_by_text(re.compile(rf"^\W*{name}$"))


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_shows_the_verdicts_of_both_sides(page, lesson):
    page.get_by_role("combobox", name="Lesson").select_option(lesson)
    for name, side in (("breaks", LESSONS[lesson].breaks), ("works", LESSONS[lesson].works)):
        page.get_by_role("button", name=re.compile(f"^{name}")).click()
        expect(verdict(page, side.audit)).to_be_visible()
    assert problems(axe_module.Axe().run(page)) == []


def test_the_remedy_is_a_button_that_makes_it_learnable(page):
    expect(verdict(page, "unreachable")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Apply")).first.click()
    expect(verdict(page, "learnable")).to_be_visible()
    expect(page).to_have_url(re.compile("timesteps=2"))
    assert "rows=consecutive" not in page.url


def test_a_dragged_knob_changes_the_maps_and_the_address(page):
    go(page, "framing=window&timesteps=5&lag=1")
    expect(verdict(page, "learnable")).to_be_visible()
    slider = page.get_by_role("slider", name="lag, slider")
    slider.focus()
    for _ in range(8):
        slider.press("ArrowRight")
    expect(verdict(page, "unreachable")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\blag=(?!1\b)\d+"))


def test_a_knob_out_of_range_gives_the_line_of_the_command_line(page):
    go(page, "lag=1&length=25")
    field = page.get_by_role("spinbutton", name="lag")
    field.fill("30")
    expect(page.get_by_text("lag must be below length (25), got 30.").first).to_be_visible()


def test_train_scrub_cursor_edit_and_go_back(page):
    go(page, QUICK)
    training = train(page)
    expect(training.get_by_text("solved").first).to_be_visible()
    strip = page.get_by_role("grid", name="One sequence, step by step")
    right = [each.inner_text() for each in strip.get_by_role("row").all()]
    moment = page.get_by_role("slider", name="Moment of training")
    moment.focus()
    moment.press("Home")
    expect(training.get_by_text("before training")).to_be_visible()
    expect(strip).not_to_have_text(re.compile(re.escape(right[-1])))
    moment.press("End")
    strip.get_by_role("gridcell", name=re.compile("^Step 3")).click()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("cursor=4"))
    expect(page.get_by_role("region", name="Inside").get_by_role("img").first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Map, uses")).first).to_be_visible()
    cell = strip.locator("[data-input='2']")
    before = cell.inner_text()
    for value, key, after in (("03", "Escape", before), ("04", "Enter", "4")):
        cell.get_by_role("button").click()
        field = page.get_by_role("spinbutton", name="Input at step 2")
        field.fill("")
        field.press_sequentially(value, delay=300)  # its answer comes between the keys
        expect(field).to_have_value(value)
        field.press(key)
        expect(cell).to_have_text(after)
    expect(page.get_by_role("button", name="Back to the inputs as drawn")).to_be_visible()


def test_reload_and_the_back_button_restore_what_was_shown(page):
    go(page, QUICK + "&cursor=3")
    train(page)
    page.reload()
    expect(page.get_by_role("region", name="Runs").get_by_text("solved").first).to_be_visible()
    page.get_by_role("combobox", name="Lesson").select_option("beginners-mistake")
    expect(verdict(page, "unreachable")).to_be_visible()
    page.go_back()
    expect(verdict(page, "learnable")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="hidden size")).to_have_value("16")


def test_the_copied_link_shows_the_same_in_another_tab(page, browser, server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    go(page, QUICK + "&cursor=4")
    expect(page).to_have_url(re.compile("cursor=4"))
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    with tab(browser, server) as other:
        other.goto(link)
        expect(other.get_by_role("spinbutton", name="hidden size")).to_have_value("16")
        selected = other.get_by_role("gridcell", selected=True)
        expect(selected).to_have_attribute("data-step", "4")


def test_a_second_tab_is_told_that_one_trains_and_sees_its_end(page, browser, server):
    go(page, QUICK.replace("sequences=4000", "sequences=400000"))
    page.get_by_role("button", name="Train", exact=True).click()
    stop = page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_visible()
    with tab(browser, server) as second:
        expect(second.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        stop.click()
        again = second.get_by_role("button", name="Train", exact=True)
        expect(again).to_be_visible(timeout=ENDS)
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=ENDS)


def test_a_lost_server_is_told(browser):
    with started("--port", "0") as (process, address), tab(browser, address) as page:
        expect(reaches(page)).to_be_visible()
        process.kill()
        expect(
            page.get_by_text(re.compile("lost|no connection|not reach", re.I)).first
        ).to_be_visible()


@pytest.mark.parametrize("width", [390, 320])
def test_on_a_phone_nothing_scrolls_sideways(browser, server, width):
    size = {"width": width, "height": 800}
    with tab(browser, server, viewport=size) as page:
        expect(reaches(page)).to_be_visible()
        go(page, QUICK)
        train(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_before_and_after_training(browser, server, scheme, width):
    axe = axe_module.Axe()
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    with tab(browser, server, **options) as page:
        expect(verdict(page, "unreachable")).to_be_visible()
        assert problems(axe.run(page)) == []
        go(page, QUICK)
        train(page)
        expect(page.get_by_role("region", name="Inside").get_by_role("img").first).to_be_visible()
        assert problems(axe.run(page)) == []


def test_a_recording_plays_without_a_server(browser, tmp_path):
    files = resources.files("longlag") / "live" / "static"
    for name in ("play.js", "play.css"):
        (tmp_path / name).write_bytes((files / name).read_bytes())
    recording = record(Session("one-value"))
    (tmp_path / "one.json").write_text(json.dumps(recording, allow_nan=False))
    (tmp_path / "index.html").write_text(
        '<!doctype html><html lang="en"><title>one</title><meta charset="utf-8">'
        '<link rel="stylesheet" href="play.css"><script type="module" src="play.js"></script>'
        '<div data-longlag-play data-recording="one.json"></div>'
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files_server:
        threading.Thread(target=files_server.serve_forever, daemon=True).start()
        with tab(browser, f"http://127.0.0.1:{files_server.server_port}/") as page:
            expect(verdict(page, "unreachable")).to_be_visible()
            expect(page.get_by_role("region", name="Runs").get_by_text("at chance")).to_be_visible()
            page.get_by_role("button", name=re.compile("^works")).click()
            expect(verdict(page, "learnable")).to_be_visible()
            training = train(page)
            expect(training.get_by_text("solved").first).to_be_visible()
        files_server.shutdown()


def problems(results):
    found = results.response["violations"]
    return [(each["id"], node["html"][:120]) for each in found for node in each["nodes"]]
