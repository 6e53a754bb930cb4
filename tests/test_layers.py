"""Who may import whom, and what must not be imported until it is needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "longlag"
LINES = 400  # of a source file at most


def imported_after(code: str) -> set[str]:
    ask = f"{code}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "from longlag import problems, framings, encodings, maps, streams, knobs",
        "import longlag as ll; ll.audit(ll.EchoLag(), ll.Window())",
        "from longlag.cli.runs import runs",
        "from longlag import report",
        "from longlag.studies.registry import KINDS",
        *(
            f"from longlag.cli.app import main\ntry: main({arguments})\nexcept SystemExit: pass"
            for arguments in (
                ["--help"],
                ["problems"],
                ["audit", "echo-lag"],
                ["show", "echo-lag"],
                ["check", "ramp"],
            )
        ),
    ],
)
def test_what_trains_nothing_imports_no_framework(code):
    frameworks = {"jax", "equinox", "optax", "torch", "keras", "scipy.stats", "altair"}
    assert not frameworks & imported_after(code)


def test_help_does_not_wait_for_what_is_slow_to_load():
    code = "from longlag.cli.app import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    slow = {"numpy", "hashlib", "html", "importlib.metadata", "logging", "longlag.answers"}
    assert not slow & imported_after(code)


def test_the_import_rules_of_pyproject_are_kept():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def modules() -> dict[str, Path]:
    """Every module of longlag and its file."""
    files = sorted(SOURCE.rglob("*.py"))
    names = (".".join(at.relative_to(SOURCE.parent).with_suffix("").parts) for at in files)
    return {name.removesuffix(".__init__"): at for name, at in zip(names, files, strict=True)}


def imports(name: str, known: Mapping[str, Path]) -> Iterator[str]:
    """What of longlag a module imports, in a function or for types alone too."""
    for node in ast.walk(ast.parse(known[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            asked = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import; name the module in full"
            pairs = ((f"{node.module}.{each.name}", str(node.module)) for each in node.names)
            asked = [inner if inner in known else outer for inner, outer in pairs]
        else:
            continue
        yield from (each for each in asked if each in known and each != name)


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan)."""
    found, order, low, stack = list[list[str]](), dict[str, int](), dict[str, int](), list[str]()

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            place = stack.index(name)
            if len(stack) - place > 1:
                found.append(sorted(stack[place:]))
            del stack[place:]

    for name in graph:
        if name not in order:
            visit(name)
    return found


def test_circles_are_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"f"}, "f": {"e", "a"}}
    assert circles(graph) == [["b", "c"], ["e", "f"]]


def test_no_imports_go_in_a_circle():
    known = modules()
    found = circles({name: set(imports(name, known)) for name in known})
    assert not found, "; ".join(" and ".join(circle) for circle in found) + " import each other"


def test_no_source_file_is_long():
    counts = {
        name: len(at.read_text(encoding="utf-8").splitlines()) for name, at in modules().items()
    }
    long = {name: count for name, count in counts.items() if count > LINES}
    assert not long, f"more than {LINES} lines: {long}"


def test_every_kind_of_study_has_its_parts():
    from longlag.studies.registry import KINDS, imported

    for name, kind in KINDS.items():
        assert imported(kind.study).kind == name
        for part in (kind.section, kind.command):
            assert imported(part).__doc__
        assert kind.example.startswith(f"longlag {name} ")


def test_every_public_name_is_there():
    import longlag as ll

    for name in ll.__all__:
        assert getattr(ll, name).__doc__, f"{name} has no docstring"
    assert set(dir(ll)) == set(ll.__all__)
    with pytest.raises(AttributeError, match=r"longlag has no `LSTN`\. Did you mean `LSTM`"):
        getattr(ll, "LSTN")  # noqa: B009
