import importlib
import json
import os
import sys
from importlib import machinery
from pathlib import Path

import pytest

import longlag
from longlag.adapters import neighbours, user_code
from longlag.adapters.code_hash import sources_of


def written(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def test_a_reference_is_a_file_and_a_name(tmp_path):
    file = written(tmp_path, "mine.py", "x = 3")
    assert user_code.split(f"{file}:x") == (file, "x")
    assert user_code.imported(file, "x") == 3
    assert user_code.is_reference(f"{file}:x")
    assert not user_code.is_reference("lstm")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("nowhere.py:x", "There is no file nowhere.py"),
        ("nowhere.py", "`nowhere.py` names nothing in the file. Use nowhere.py:NAME"),
        ("nowhere.py:", "Use nowhere.py:NAME"),
        ("nowhere.py:a b", "names nothing in the file"),
    ],
)
def test_what_is_no_reference_is_refused(reference, said):
    with pytest.raises(ValueError, match=said):
        user_code.split(reference)


def test_a_name_that_the_file_lacks_names_the_nearest(tmp_path):
    file = written(tmp_path, "mine.py", "import os\ndef make_model(): pass")
    with pytest.raises(ValueError, match=r"mine.py has no `make_mode`. Did you mean `make_model`"):
        user_code.imported(file, "make_mode")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(4)", "SystemExit: 4"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why_and_leaves_nothing(tmp_path, text, said):
    file = written(tmp_path, "mine.py", text)
    before = set(sys.modules)
    with pytest.raises(ValueError, match=f"mine.py cannot be imported: {said}"):
        user_code.imported(file, "f")
    assert not {name for name in set(sys.modules) - before if name.startswith("longlag_source")}


def test_a_file_that_has_changed_is_run_anew_and_the_same_one_is_not(tmp_path):
    file = written(tmp_path, "mine.py", "x = []")
    first = user_code.imported(file, "x")
    assert user_code.imported(file, "x") is first
    written(tmp_path, "mine.py", "x = [1]")
    assert user_code.imported(file, "x") == [1]


def test_the_hash_covers_what_is_imported_from_beside_it(tmp_path):
    file = written(tmp_path, "mine.py", "from beside import f\nimport os, pack.inner")
    written(tmp_path, "beside.py", "import deeper")
    written(tmp_path, "deeper.py", "x = 1")
    written(tmp_path, "unused.py", "x = 1")
    (tmp_path / "pack").mkdir()
    written(tmp_path, "pack/inner.py", "x = 1")
    codes = [user_code.code_of(file)]
    for name in ("deeper.py", "pack/inner.py", "mine.py"):
        written(tmp_path, name, "import beside\nx = 2")
        codes.append(user_code.code_of(file))
    assert len(set(codes)) == 4
    written(tmp_path, "unused.py", "x = 2")
    assert user_code.code_of(file) == codes[-1]


def test_the_hash_covers_a_package_and_what_is_imported_relatively(tmp_path):
    inner = tmp_path / "pack" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        written(folder, "__init__.py", "")
    file = written(
        inner, "mine.py", "from . import cells\nfrom ..upper import f\nfrom pack import other"
    )
    names = [inner / "cells.py", inner.parent / "upper.py", inner.parent / "other.py"]
    for path in names:
        path.write_text("x = 1")
    codes = [user_code.code_of(file)]
    for path in names:
        path.write_text("x = 2")
        codes.append(user_code.code_of(file))
    assert len(set(codes)) == 4


@pytest.mark.parametrize(
    "line",
    [
        "import pack.layers",
        "from pack.layers import net",
        "from pack import layers",
        "from .pack.layers import net",
        "import importlib\nlayers = importlib.import_module('pack.layers')",
        "from importlib import import_module\nimport_module(name='.pack.layers', package='')",
        "layers = __import__('pack.layers')",
        "from importlib import import_module as get\nget('pack.layers')",
        "import importlib as lib\nget = lib.import_module\nget('pack.layers')",
        "import importlib\nfor name in ['pack.layers']: importlib.import_module(name)",
        "import importlib\ngetattr(importlib, 'import_module')('.layers', 'pack')",
        "import pydoc\npydoc.locate('pack.layers.net')",
    ],
)
def test_the_hash_covers_the_packages_of_what_is_imported(tmp_path, line):
    (tmp_path / "pack").mkdir()
    file = written(tmp_path, "mine.py", line)
    codes = set()
    for name in ("__init__.py", "layers.py", "unused.py"):
        for text in ("WIDTH = 2", "WIDTH = 64"):
            written(tmp_path / "pack", name, text)
            codes.add((name == "unused.py", user_code.code_of(file)))
    assert len(codes) == 4 + 1  # the last file changes nothing


@pytest.mark.parametrize(
    "exported",
    [
        "['layers']",
        "['other']\n__all__ += 'layers',",
        "[]\n__all__.append('layers')",
        "[each.stem for each in __import__('pathlib').Path(__file__).parent.glob('l*.py')]",
    ],
)
def test_the_hash_covers_what_a_package_exports(tmp_path, exported):
    (tmp_path / "pack").mkdir()
    written(tmp_path / "pack", "__init__.py", f"__all__ = {exported}")
    file = written(tmp_path, "mine.py", "from pack import *")
    codes = set()
    for text in ("WIDTH = 2", "WIDTH = 64"):
        written(tmp_path / "pack", "layers.py", text)
        codes.add(user_code.code_of(file))
    assert len(codes) == 2


@pytest.mark.parametrize(
    "line",
    [
        "import importlib\nimportlib.import_module(f'confs.{3}')",
        "import importlib.util\nimportlib.util.spec_from_file_location('c', 'confs/small.py')",
    ],
)
def test_the_hash_covers_what_a_text_may_import(tmp_path, line):
    (tmp_path / "confs").mkdir()
    file = written(tmp_path, "mine.py", line)
    codes = set()
    for text in ("WIDTH = 2", "WIDTH = 64"):
        written(tmp_path / "confs", "small.py", text)
        codes.add(user_code.code_of(file))
    assert len(codes) == 2


@pytest.mark.parametrize("name", ["beside.pyc", f"beside{machinery.EXTENSION_SUFFIXES[0]}"])
def test_the_hash_covers_what_has_no_source(tmp_path, name):
    file = written(tmp_path, "mine.py", "import beside")
    codes = set()
    for content in (b"\0\1", b"\0\2"):
        (tmp_path / name).write_bytes(content)
        codes.add(user_code.code_of(file))
    assert len(codes) == 2
    assert sources_of(file).keys() == {file, tmp_path / name}


def test_bytecode_beside_its_source_is_no_code(tmp_path):
    file = written(tmp_path, "mine.py", "import beside")
    written(tmp_path, "beside.py", "x = 1")
    (tmp_path / "beside.pyc").write_bytes(b"\0")
    assert sources_of(file).keys() == {file, tmp_path / "beside.py"}


def test_the_hash_covers_an_archive_on_the_path(tmp_path):
    file = written(tmp_path, "mine.py", "import sys\nsys.path.append('libs.zip')\nimport conf")
    codes = set()
    for content in (b"PK1", b"PK2"):
        (tmp_path / "libs.zip").write_bytes(content)
        codes.add(user_code.code_of(file))
    assert len(codes) == 2


@pytest.mark.parametrize(
    ("folder", "name"),
    [("python3.11-lstm", "mine.py"), ("work", "python3.py"), ("my-site-packages", "mine.py")],
)
def test_a_folder_is_of_a_library_by_where_it_lies_alone(tmp_path, folder, name):
    home = tmp_path / folder
    home.mkdir()
    beside = written(home, "beside.py", "x = 1")
    file = written(home, name, "import beside")
    assert sources_of(file).keys() == {file, beside}
    assert not neighbours.is_library(str(file))


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))", "lib"),
        ("sys.path.append(str(pathlib.Path(__file__).parent / 'src' / 'lib'))", "src/lib"),
        ("sys.path.append(f'{os.path.dirname(__file__)}/lib')", "lib"),
        ("sys.path += [str(pathlib.Path(__file__).parent.joinpath('lib'))]", "lib"),
        ("sys.path = ['lib', *sys.path]", "lib"),
        ("sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))", ".."),
        ("sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))", "../lib"),
    ],
)
def test_the_hash_covers_folders_that_the_file_adds_to_the_path(tmp_path, line, folder):
    home = tmp_path / "up" / "home"
    home.mkdir(parents=True)
    place = home / folder
    place.mkdir(parents=True, exist_ok=True)
    file = written(home, "mine.py", f"import os, pathlib, sys\n{line}\nimport beside")
    written(home, "beside.py", "import layers")
    codes = []
    for text in ("WIDTH = 2", "WIDTH = 64"):
        written(place, "layers.py", f"import sys\nsys.path.append('..')\n{text}")
        codes.append(user_code.code_of(file))
    assert codes[0] != codes[1]
    assert sources_of(file).keys() >= {file, home / "beside.py"}


def test_libraries_on_the_path_are_not_looked_through(tmp_path):
    folder = Path(json.__file__).parents[1]
    file = written(
        tmp_path, "mine.py", f"import sys\nsys.path.append({str(folder)!r})\nimport json"
    )
    assert list(sources_of(file)) == [file]


@pytest.mark.parametrize("name", ["", ".", "../up", "a\0b", "a..b"])
def test_a_name_that_no_module_has_is_no_import(tmp_path, name):
    file = written(tmp_path, "mine.py", f"import importlib\nimportlib.import_module({name!r})")
    written(tmp_path.parent, "up.py", "")
    assert list(sources_of(file)) == [file]


def test_the_hash_of_a_file_stays(tmp_path):
    """Else trials would be run again that are in the stores of users."""
    (tmp_path / "pack").mkdir()
    written(tmp_path, "beside.py", "x = 1")
    written(tmp_path / "pack", "__init__.py", "y = 1")
    file = written(tmp_path, "mine.py", "import jax, beside\nfrom pack import y\n")
    assert user_code.code_of(file) == "1795b29cac428508"


def test_the_hash_does_not_depend_on_where_the_file_lies(tmp_path):
    codes = set()
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        written(tmp_path / place, "beside.py", "x = 1")
        codes.add(user_code.code_of(written(tmp_path / place, f"{place}.py", "import beside")))
    assert len(codes) == 1


def test_the_hash_covers_what_a_file_does_and_not_what_it_remarks(tmp_path):
    def code(text, folder="one", name="mine.py"):
        (tmp_path / folder).mkdir(exist_ok=True)
        written(tmp_path / folder, "beside.py", "x = 1")
        return user_code.code_of(written(tmp_path / folder, name, text))

    usual = code("import beside\ndef f(x):\n    return x + 1\n")
    remarked = (
        '"""A file."""\nimport beside  # why\n\n\ndef f(x):\n    "What."\n    return (x + 1)\n'
    )
    assert code(remarked) == usual
    assert code(remarked, "two", "a.py") == usual
    assert code("import beside\ndef f(x):\n    return x + 2\n") != usual
    assert code(remarked + "print(f.__doc__)") != code(
        remarked.replace("What", "Who") + "print(f.__doc__)"
    )
    assert code("def f(") != code("def f( ")  # no source of Python: as it is


def test_the_hash_covers_a_function_of_a_docstring_alone(tmp_path):
    codes = {user_code.code_of(written(tmp_path, "mine.py", f"def f():\n    {body}\n"))
             for body in ("'One.'", "'Two.'", "pass")}  # fmt: skip
    assert len(codes) == 1


def test_a_file_that_starts_work_when_it_is_imported_is_told_so(tmp_path):
    code = "from longlag.adapters import user_code\nuser_code.refuse_while_importing('a study')"
    file = written(tmp_path, "mine.py", code)
    with pytest.raises(ValueError, match=r"mine\.py starts a study when it is imported. Put that"):
        user_code.imported(file, "x")
    user_code.refuse_while_importing("a study")  # which is nothing now


def test_only_files_of_its_folder_import_from_there(tmp_path):
    """A library looks for others that may be absent; a file of such a name is not for it."""
    file = written(tmp_path, "mine.py", "import beside\ndef later():\n    import sometimes\n")
    written(tmp_path, "beside.py", "import deeper")
    written(tmp_path, "deeper.py", "x = 3")
    written(tmp_path, "sometimes.py", "y = 4")
    written(tmp_path, "absent_library.py", "raise SystemExit(3)")
    before = list(sys.path)
    user_code.imported(file, "later")()
    assert sys.modules["deeper"].x == 3
    assert sys.modules["sometimes"].y == 4
    assert sys.path == before
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("absent_library")
    for name in ("beside", "deeper", "sometimes"):
        del sys.modules[name]


@pytest.mark.parametrize("library", [longlag, json, pytest])
def test_a_library_below_the_folder_imports_nothing_from_it(monkeypatch, library):
    """The folder may be a checkout of longlag, or a home with a Python of its own."""
    folder, asked = os.path.dirname(os.path.dirname(library.__file__)), []
    neighbours.add(folder)
    monkeypatch.setattr(neighbours, "_folders", [folder])
    monkeypatch.setattr(neighbours.PathFinder, "find_spec", lambda *given: asked.append(given))
    with pytest.raises(ModuleNotFoundError):
        exec(compile("import absent_library", library.__file__, "exec"), {})
    assert asked == [("absent_library", None, None)]  # None is Python's own search


def test_of_an_installed_library_the_file_alone_is_code(tmp_path):
    """Else the whole of a library would be read for one of its layers."""
    package = tmp_path / "site-packages" / "big"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "other.py").write_text("a = 1")
    (package / "layer.py").write_text("from big import other")
    assert list(sources_of(package / "layer.py")) == [package / "layer.py"]
