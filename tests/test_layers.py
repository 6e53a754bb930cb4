"""Who may import whom, and what must not be imported until it is needed."""

import subprocess
import sys

import pytest


def imported_after(code: str) -> set[str]:
    ask = f"{code}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "from longlag import problems, framings, encodings, maps, streams, knobs",
        "import longlag as ll; ll.audit(ll.EchoLag(), ll.Window())",
        "from longlag.lab import Outcome",
        "from longlag.cli.runs import runs",
        "from longlag import report",
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


def test_the_import_rules_of_pyproject_are_kept():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_every_public_name_is_there():
    import longlag as ll

    for name in ll.__all__:
        assert getattr(ll, name).__doc__, f"{name} has no docstring"
    assert set(dir(ll)) == set(ll.__all__)
    with pytest.raises(AttributeError, match="no attribute 'LSTN'"):
        _ = ll.LSTN
