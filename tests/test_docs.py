"""What the documentation shows must run, and what it links to must exist."""

import inspect
import re
import shlex
from importlib import metadata
from pathlib import Path

import jax
import pytest

import longlag as ll
from longlag.claims import CARDS
from longlag.claims.lstm1997.common import RECORDED
from longlag.cli._settings_file import Settings
from longlag.cli.app import app, main
from longlag.problems import PROBLEMS
from longlag.studies.ask import Planned, planning

ROOT = Path(__file__).parents[1]
ROOT_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "llms.txt")
PAGES = [*(ROOT / name for name in ROOT_PAGES), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}-{place}")
    for page in PAGES
    for place, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
    if "…" not in code  # a sketch, not an example
]
SHOWN = re.compile(r"```\n\$ longlag (.*)\n((?:(?!```).*\n)+)```")  # a command and what it prints


@pytest.fixture
def optimised():
    """What trains for long is worth compiling well: see conftest.py."""
    name = "jax_disable_most_optimizations"
    before = jax.config.read(name)
    jax.config.update(name, False)
    yield
    jax.config.update(name, before)


@pytest.mark.parametrize("code", BLOCKS)
def test_an_example_runs(code, request, tmp_path, monkeypatch):
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)  # for the files that it writes
    if "seeds=4" in code:
        request.getfixturevalue("optimised")
    exec(compile(code, "example", "exec"), {"__name__": "__main__"})


def named_by_commands():
    """Each block with a name that its page has after it as `FILE.py:NAME`."""
    for page in PAGES:
        parts = re.split(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
        for at in range(1, len(parts), 2):
            defined = re.findall(r"^(?:def|class) (\w+)", parts[at], re.MULTILINE)
            later = set(re.findall(r"\.py:(\w+)", " ".join(parts[at + 1 :: 2])))
            for name in later.intersection(defined):
                yield pytest.param(parts[at], name, id=f"{page.relative_to(ROOT)}-{name}")


NAMED = [*named_by_commands()]


@pytest.mark.parametrize(("code", "name"), NAMED)
def test_an_example_saved_as_a_file_can_be_checked(code, name, tmp_path, capsys):
    """What trains where it stands alone does not train where a command reads the file."""
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(SystemExit) as end:
        main(["check", f"{tmp_path / 'mine.py'}:{name}"])
    assert (end.value.code or 0, capsys.readouterr().err) == (0, "")


def test_the_examples_that_commands_name_are_found():
    assert {each.id for each in NAMED} >= {
        *(
            "README.md-make_model",
            "docs/howto/your-model.md-make_model",
            "docs/howto/your-problem.md-LagSum",
        ),
    }


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
    text = re.sub(r"\A---\n.*?\n---\n\n", "", page.read_text(), flags=re.DOTALL)  # of a notebook
    assert text.startswith("# ")
    assert not re.search(r"@[A-Z]+@|TODO|TBD", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_has_a_page_with_its_knobs_map_ladder_bounds_and_a_run(name):
    text = (ROOT / "docs" / "reference" / "problems" / f"{name}.md").read_text()
    for knob in PROBLEMS[name].knobs():
        assert f"| `{knob.name}` |" in text
    knob, rungs = PROBLEMS[name].ladder
    assert f"**Ladder**: `{knob}` {', '.join(map(str, rungs))}" in text
    assert "**Chance**" in text
    assert "**Ceiling**" in text or "**ceiling**" in text
    assert f"$ longlag audit {name}" in text
    assert f"$ longlag train {name}" in text
    assert re.search(r"```text\nOne fresh sequence", text)


@pytest.mark.parametrize("id", [*CARDS])
def test_the_pages_of_claims_have_every_card_with_its_verdict(id):
    card = CARDS[id]
    pages = {"lstm-1997": "claims-1997.md", "modern": "claims-modern.md"}
    page = pages.get(card.document, "claims.md")
    text = (ROOT / "docs" / "explanation" / page).read_text()
    if page == "claims-1997.md" and id.partition("/")[2] not in RECORDED:
        return  # was not run for the page
    if page == "claims-modern.md" and f"\n## {id}\n" not in text:
        assert card.recorded == "not settled"
        assert f"`{id.partition('/')[2]}`" in text.partition("Not run for this page: ")[2]
        return
    section = text.partition(f"\n## {id}\n")[2].partition("\n## ")[0]
    assert card.claim in section
    assert f"**{card.recorded[0].upper()}{card.recorded[1:]}**" in section
    assert f"| [{id}](#{id.replace('/', '')}) |" in text


def test_every_page_is_reached_from_the_readme():
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            links = re.findall(r"\]\(([^)#:]+\.(?:md|txt))", page.read_text())
            waiting += [(page.parent / link).resolve() for link in links]
    assert set(PAGES) <= found


def test_the_citation_has_the_version_of_the_package():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {metadata.version('longlag')}\n" in citation


def test_the_stable_names_are_those_of_the_package():
    import longlag

    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    named = re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    assert sorted(name for name, _ in named) == sorted(longlag.__all__)
    assert [name for name, _ in named] == sorted((name for name, _ in named), key=str.lower)
    assert all(hasattr(longlag, name) for name, _ in named)


REFERENCE = sorted((ROOT / "docs" / "reference" / "python").glob("*.md"))


def test_the_reference_has_every_public_name_once():
    text = "".join(page.read_text() for page in REFERENCE)
    shown = re.findall(
        r"^## (\w+)\n\n```{eval-rst}\n\.\. auto(\w+):: longlag\.(\w+)\n```$", text, re.M
    )
    assert all(head == name for head, _, name in shown)
    assert sorted(name for *_, name in shown) == sorted(ll.__all__)
    for _, kind, name in shown:
        assert kind == ("class" if isinstance(getattr(ll, name), type) else "function"), name


@pytest.mark.parametrize("name", sorted(ll.__all__))
def test_every_argument_of_a_public_name_is_documented(name):
    documented = getattr(ll, name)
    text = inspect.getdoc(documented) or ""
    for argument in inspect.signature(documented).parameters:
        described = rf"^    (\w+, )*{re.escape(argument.lstrip('*'))}(, \w+)*: \S"
        assert re.search(described, text, re.M), argument


COMING = (ROOT / "docs" / "howto" / "coming-from.md").read_text()


@pytest.mark.parametrize("command", re.findall(r"`longlag ([^`]+)`", COMING))
def test_a_command_for_those_who_come_from_elsewhere_is_one(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text("seeds = 3\n")
    settings = Settings(shlex.split(command))
    app.config = (settings,)
    called, bound, _ = app.parse_args(settings.rest, exit_on_error=False, print_error=False)
    assert called.__name__ == command.split()[0]
    assert bound.arguments or command in ("problems", "runs")


COMING_CODE = [
    code
    for row in re.findall(r"^\| .+ \|$", COMING, re.MULTILINE)
    for code in re.findall(r"`([^`]+)`", row.rpartition(" | ")[2])
    if re.match(r"(ll|answer|run)\.|\w+=(?!.*\.py:)", code)
]


@pytest.fixture(scope="module")
def around(tmp_path_factory):
    """The names that the rows use, and a folder with the files that they read."""
    folder = tmp_path_factory.mktemp("coming")
    problem, framing, models = ll.EchoLag(values=3, length=4), ll.Whole(), ["rnn", "mlp"]
    fast = {"budget": 20, "seeds": 1, "rungs": 1, "learning_rates": [0.01], "progress": False}
    answer = ll.compare(models, [problem], store=folder / "study.db", **fast)
    run = ll.train(problem, framing, ll.RNN(hidden_size=2), sequences=20)
    run.save(folder / "model.safetensors")
    names = {"ll": ll, "problem": problem, "framing": framing, "make_model": ll.RNN()}
    names |= {"answer": answer, "run": run, "setting": run.setting, "a": "rnn", "b": "mlp"}
    return folder, {**names, "predict": lambda inputs: inputs, "f": lambda *_: None}


@pytest.mark.parametrize("code", COMING_CODE)
def test_python_for_those_who_come_from_elsewhere_runs(code, around, monkeypatch):
    folder, names = around
    monkeypatch.chdir(folder)
    if not code.startswith(("ll.", "answer.", "run.")):  # an argument of a study
        code = f'll.compare(["rnn"], {code})'
    token = planning.set(True)  # whose trials take minutes
    try:
        eval(code, dict(names))
    except Planned:
        assert code.startswith("ll.compare(")
    finally:
        planning.reset(token)


def test_rows_of_python_are_found():
    assert len(COMING_CODE) > 20
    assert "answer.differences()" in COMING_CODE


def test_the_page_of_problems_has_each_in_its_group_with_its_question():
    text = (ROOT / "docs" / "reference" / "problems.md").read_text()
    for name, kind in PROBLEMS.items():
        section = text.partition(f"## {kind.group[0].upper()}{kind.group[1:]}\n")[2]
        row = f"| [{name}](problems/{name}.md) | {(kind.__doc__ or '').partition(chr(10))[0]} | "
        assert row + kind.separates in section.partition("\n## ")[0], name
