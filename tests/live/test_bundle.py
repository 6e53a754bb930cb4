"""The built page: it is that of its sources, it is small, and nothing in it points elsewhere."""

import hashlib
import re
from importlib import resources
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"
STATIC = resources.files("longlag") / "live" / "static"
FILES = "index.html", "play.css", "play.js"


def test_the_bundle_is_built_from_these_sources():
    if not WEB.is_dir():
        pytest.skip("no sources of the page here")
    paths = [path for path in (WEB / "src").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(
        each.relative_to(WEB).as_posix() for each in (*paths, WEB / "package-lock.json")
    ):
        digest.update(path.encode() + b"\0" + (WEB / path).read_bytes() + b"\0")
    first = (STATIC / "play.js").read_text(encoding="utf-8").split("\n", 1)[0]
    built = re.fullmatch(r"// Sources ([0-9a-f]{64}); built by web/build\.mjs\.", first)
    assert built, first
    assert built[1] == digest.hexdigest(), "stale: npm ci && npm run build in web/"


def test_the_bundle_is_small():
    assert len((STATIC / "play.js").read_bytes()) < 100_000
    assert len((STATIC / "play.css").read_bytes()) < 30_000


@pytest.mark.parametrize("name", FILES)
def test_nothing_points_elsewhere(name: str):
    text = (STATIC / name).read_text(encoding="utf-8")
    addresses = set(re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.[a-z]{2,}[^\s\"'`]*", text))
    assert {each for each in addresses if not each.startswith("http://www.w3.org/")} == set()
    assert "@import" not in text
    assert "@font-face" not in text


def test_the_page_has_neither_scripts_nor_styles_of_its_own():
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", text) == []
    assert set(re.findall(r"(?:src|href)=\"([^\"]*)\"", text)) == {
        "data:,",
        "/play.css",
        "/play.js",
    }


def test_the_lock_file_names_no_registry():
    if not WEB.is_dir():
        pytest.skip("no sources of the page here")
    assert '"resolved"' not in (WEB / "package-lock.json").read_text(encoding="utf-8")
