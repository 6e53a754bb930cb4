"""Files that are edited while Python runs: what they say now is trained, or refused."""

import ast
import importlib
import os
import subprocess
import sys

import pytest

from longlag.adapters import user_code

USER = "from beside_{0} import WIDTH\ndef make_model(): return WIDTH + 1\n"


@pytest.fixture
def files(tmp_path, monkeypatch, request):
    """A file of the user's and one next to it, of names that no other test has."""
    name = f"{abs(hash(request.node.name))}"
    monkeypatch.syspath_prepend(tmp_path)
    user, beside = tmp_path / f"user_{name}.py", tmp_path / f"beside_{name}.py"
    user.write_text(USER.format(name))
    beside.write_text("WIDTH = 8\n")
    return user, beside


def edited(file, before, after):
    file.write_text(file.read_text().replace(before, after))
    importlib.invalidate_caches()


def made(file):
    thing, origin = user_code.from_reference(f"{file}:make_model")
    return thing(), origin.code


def test_a_named_file_is_imported_anew_with_what_is_next_to_it(files):
    user, beside = files
    value, code = made(user)
    assert value == 9
    edited(beside, "8", "12")
    assert made(user)[0] == 13
    edited(user, "+ 1", "+ 2")
    assert made(user)[0] == 14
    edited(user, "+ 2", "+ 1")
    edited(beside, "12", "8")
    assert made(user) == (value, code)


def test_a_file_is_imported_anew_after_an_error_next_to_it(files):
    user, beside = files
    edited(user, "return WIDTH", "return WIDTH + HEIGHT")
    edited(user, "import WIDTH", "import WIDTH, HEIGHT")
    with pytest.raises(ValueError, match="cannot import name 'HEIGHT'"):
        made(user)
    edited(beside, "8", "8; HEIGHT = 3")
    assert made(user)[0] == 12


@pytest.mark.parametrize("which", [0, 1], ids=["the file", "one next to it"])
def test_a_function_of_an_edited_file_is_refused_until_it_is_imported_anew(files, which):
    module = importlib.import_module(files[0].stem)
    before = user_code.origin_of(module.make_model)
    edited(files[which], "\n", "  # a remark\n")
    assert user_code.origin_of(module.make_model) == before
    edited(files[which], "8" if which else "+ 1", "14" if which else "+ 3")
    with pytest.raises(ValueError, match=f"^{files[which].name} was edited after Python imported"):
        user_code.origin_of(module.make_model)
    if which:
        with pytest.raises(ValueError, match=r"its old code would run\. Start Python anew, or"):
            made(files[0])  # whose neighbour is the user's own import
        importlib.reload(sys.modules[files[1].stem])
    importlib.reload(module)
    assert user_code.origin_of(module.make_model).code != before.code
    assert made(files[0])[0] == module.make_model()


@pytest.mark.parametrize(("change", "refused"), [("  # a remark", False), (" * 2", True)])
def test_an_edit_before_the_first_look_is_found_in_the_code_that_python_keeps(
    files, change, refused
):
    user, _ = files
    script = (
        "import pathlib, sys\n"
        f"sys.path.insert(0, {str(user.parent)!r})\n"
        f"from {user.stem} import make_model\n"
        f"file = pathlib.Path({str(user)!r})\n"
        f"file.write_text(file.read_text().replace('WIDTH + 1', 'WIDTH + 1{change}'))\n"
        "from longlag.adapters import user_code\n"
        "user_code.origin_of(make_model)\n"
    )
    command = [sys.executable, "-c", script]
    keeping = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, env=keeping, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == refused, done.stderr
    assert ("was edited after Python imported it" in done.stderr) == refused


def test_a_script_that_was_edited_while_it_runs_is_no_file_to_other_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib\n"
        "from longlag.adapters import user_code\n"
        "def make_model(): return 1\n"
        "print(user_code.origin_of(make_model).path)\n"
        "file = pathlib.Path(__file__)\n"
        "file.write_text(file.read_text().replace('return 1', 'return 2'))\n"
        "print(user_code.origin_of(make_model).path)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(script), "None"]


def test_modules_that_import_each_other_are_read_once_and_not_once_each(tmp_path, monkeypatch):
    package, number = tmp_path / "chained", 12
    package.mkdir()
    (package / "__init__.py").write_text("")
    for each in range(number):
        after = f"from chained import m{each + 1}" if each + 1 < number else ""
        (package / f"m{each}.py").write_text(f"{after}\ndef make_model(): return {each}\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("chained.m0")
    parsed = list[bytes]()
    parse = ast.parse

    def count(source, *args, **kwargs):
        parsed.append(source)
        return parse(source, *args, **kwargs)

    monkeypatch.setattr(ast, "parse", count)
    before = user_code.origin_of(module.make_model)
    assert len(parsed) <= 4 * number
    edited(package / f"m{number - 1}.py", "return", "return 100 +")
    with pytest.raises(ValueError, match="was edited after Python imported it"):
        user_code.origin_of(module.make_model)
    edited(package / f"m{number - 1}.py", "return 100 +", "return")
    assert user_code.origin_of(module.make_model) == before
