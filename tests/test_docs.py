"""What the documentation shows must run, and what it links to must exist."""

import re
from pathlib import Path

import pytest

from longlag.cli.app import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}-{place}")
    for page in PAGES
    for place, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
    if "…" not in code  # a sketch, not an example
]
SHOWN = re.compile(r"```\n\$ longlag (.*)\n((?:(?!```).*\n)+)```")  # a command and what it prints


@pytest.mark.parametrize("code", BLOCKS)
def test_an_example_runs(code):
    exec(compile(code, "example", "exec"), {})


def words(text):
    return text.replace("│", " ").split()


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        pytest.param(command, shown, id=f"{page.relative_to(ROOT)}: {command}")
        for page in PAGES
        for command, shown in SHOWN.findall(page.read_text())
        if not command.startswith("reproduce")  # minutes; its page is written by a real run
    ],
)
def test_the_output_shown_is_the_commands(command, shown, capsys):
    with pytest.raises(SystemExit):
        main(command.split())
    out = capsys.readouterr().out
    assert " ".join(words(shown)) in " ".join(words(out))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_is_unfinished(page):
    text = page.read_text()
    assert text.startswith("# ")
    assert not re.search(r"@[A-Z]+@|TODO|TBD", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
