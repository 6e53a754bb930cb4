"""Files are written whole or not at all, and never over what is not longlag's own."""

import os
import stat

import pytest

from longlag.files import KINDS, check_folder, check_outputs, discard, forget, replacing, write


@pytest.fixture(autouse=True)
def _outputs_of_this_test():
    yield
    forget()


TRIALS = b"id,seed,problem,framing,model,skill,verdict,sequences,seconds,finished,parts,ended\n"
FOOTER = b"\x19\x0c\x18\x07longlag\x18\x050.1.0\0\x16\0\0"  # the metadata of a Parquet file
HEADS = {
    "text": ("answer.txt", b"# longlag 0.1.0: longlag audit echo-lag\nEchoLag(length=25)\n"),
    "JSON": ("answer.json", b'{\n  "longlag": "0.1.0",\n  "trials": []}'),
    "HTML": (
        "page.html",
        b'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        b'<meta name="generator" content="longlag">',
    ),
    "safetensors": ("m.safetensors", b'\x40\0\0\0\0\0\0\0{"__metadata__":{"longlag":"{}"}}'),
    "CSV": ("trials.csv", TRIALS),
    "Parquet": ("trials.parquet", b"PAR1" + FOOTER + bytes([len(FOOTER), 0, 0, 0]) + b"PAR1"),
    "NumPy": ("train", b"PK\5\6" + bytes(16) + b"\x0d\0longlag 0.1.0"),
    "SVG": ("map.svg", b'<svg class="marks"><!-- longlag 0.1.0 -->'),
    "PNG": ("map.png", b"\x89PNG\r\n\x1a\n" + bytes(29) + b"tEXtSoftware\0longlag 0.1.0"),
    "claims": (
        "claims.md",
        b"# The statements of two LSTM tutorials\n\nEach is checked by training its models. "
        b"Written by\n`longlag reproduce --markdown`.\n",
    ),
    "LaTeX": ("table.tex", b"% longlag 0.1.0\n\\begin{table}\n"),
    "Markdown": ("table.md", b"<!-- longlag 0.1.0 -->\n\n| problem |\n"),
    "bundle": ("trials.zip", b"PK\x03\x04\n\0 README.txt PK\x05\x06 longlag bundle"),
    "data card": (
        "README.md",
        b"---\npretty_name: echo\ntags: [longlag, synthetic, memory]\n---\n",
    ),
}
FOREIGN = {
    "thesis.bib": b"@article{x}\n",
    "model.py": b"import jax\n",
    "README.md": b"# My project\n",
    "photo": b"\xff\xd8\xff\xe0",
    "state": b"\x80\x02\x8a\nl\xfc\x9cF",
    "notes.txt": b"The milk is sour.\n",
    "package": b'{"name": "mine"}',
    "session.txt": b"$ longlag runs\n0 trials\n",
    "settings": b'{\n  "longlag": "my settings"}',
    "drawing": b"\x89PNG\r\n\x1a\n",
    "plot": b'<svg version="1.1" class="marks"><rect/>',  # any program that draws with Vega
    "talk.md": b"# Claims\n\nAll models are wrong.\n",
    "home": b"<!doctype html><title>My page</title>",
    "weights.safetensors": b'\x40\0\0\0\0\0\0\0{"__metadata__":{"format":"pt"}}',
    "prices": b"day,price\n1,2\n",
    "columns": b"PAR1 pandas PAR1",
    "archive.zip": b"PK\x03\x04 longlag bundle.txt PK\x05\x06",
    "arrays": b"PK\x03\x04 arr_0.npy",
    "targets": b"PK\x03\x04 targets.npy PK\5\6" + bytes(18),
    "bench": b"problem,model,accuracy\nknapsack,gurobi,1.0\n",
    "ids": b"id,seed,problem,framing,model,skill\n1,2,3,4,5,6\n",
    "audits": b"problem,target,input,needs,price\n",
    "words": b"PAR1 longlag \x18\x07longlag\x15\0 \x20\0\0\0PAR1",
    "quote": b'<!doctype html>\n<p><meta name="generator" content="longlag">',
    "notes.md": b"To do:\n`longlag reproduce --markdown`.\n",
    "card.md": b"---\npretty_name: mine\nnote: [longlag, other]\n---\n",
}


def test_every_kind_has_an_example_here():
    assert HEADS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", HEADS)
def test_a_file_of_its_own_kind_is_replaced_and_no_other(tmp_path, kind):
    name, head = HEADS[kind]
    (tmp_path / name).write_bytes(head)
    check_outputs({"--out": (tmp_path / name, kind)}, {})
    for other, content in FOREIGN.items():
        (tmp_path / other).write_bytes(content)
        with pytest.raises(ValueError, match=r"would be lost\. Name another file, or add --force"):
            check_outputs({"--out": (tmp_path / other, kind)}, {})
        if kind != "safetensors":  # whose ending is always its own
            check_outputs({"--out": (tmp_path / other, kind)}, {}, force=True)
        (tmp_path / other).unlink()


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_and_an_empty_file_are_free(tmp_path, kind):
    check_outputs({"--out": (tmp_path / "new", kind)}, {})
    (tmp_path / "empty").touch()
    check_outputs({"--out": (tmp_path / "empty", kind)}, {})


@pytest.mark.parametrize(
    ("option", "name", "kind", "remedy"),
    [
        ("--output", "a.HTML", "text", "--output a.txt"),
        ("--output", "map.png", "text", "--figure map.png"),
        ("--output", "MAP.SVG", "text", "--figure MAP.svg"),
        ("--output", "map.jpg", "JSON", "--figure map.png"),
        ("--output", "map.pdf", "text", "--figure map.png"),
        ("--output", "trials.csv", "text", "--export trials.csv"),
        ("--output", "trials.xlsx", "text", "--export trials.csv"),
        ("--report", "page.png", "HTML", "--report page.html"),
        ("--save", "table.csv.gz", "safetensors", "--save table.csv.safetensors"),
        ("--export", "trials.xlsx", "CSV", "--export trials.csv"),
        ("--export", "trials.csv", "Parquet", "--export trials.parquet"),
    ],
)
def test_what_ends_as_a_picture_or_a_table_is_one(
    tmp_path, monkeypatch, option, name, kind, remedy
):
    monkeypatch.chdir(tmp_path)
    others = {"--figure": (None, "PNG"), "--export": (None, "CSV")}
    with pytest.raises(ValueError, match=rf"{option}: .* would hold {kind}\. Use {remedy}\."):
        check_outputs({**others, option: (name, kind)}, {}, force=True)


def test_a_picture_s_remedy_is_text_where_nothing_is_drawn():
    with pytest.raises(ValueError, match=r"--output: a\.png .* Use --output a\.txt\."):
        check_outputs({"--output": ("a.png", "text")}, {})
    check_outputs({"--output": ("map.png.txt", "text")}, {})


def test_text_does_not_end_as_json_does():
    with pytest.raises(
        ValueError, match=r"a\.json ends as JSON does\. Add --json, or end it in \.t"
    ):
        check_outputs({"--output": ("a.json", "text")}, {})
    check_outputs({"--output": ("a.json", "JSON")}, {})


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data.csv").write_text("a\n1\n")
    return tmp_path / "data.csv"


@pytest.mark.parametrize("way", ["itself", "relative", "link", "hard link", "dotted"])
def test_an_input_is_not_written_over_by_any_name_even_with_force(tmp_path, data, way, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "other.csv"
    match way:
        case "itself":
            out = data
        case "relative":
            out = "data.csv"
        case "link":
            out.symlink_to(data)
        case "hard link":
            out.hardlink_to(data)
        case "dotted":
            out = tmp_path / ".." / tmp_path.name / "data.csv"
    with pytest.raises(ValueError, match=r"--output: .* is the file of FILE, which would be lost"):
        check_outputs({"--output": (out, "CSV")}, {"FILE": data}, force=True)


@pytest.mark.parametrize("more", ["", "-wal", "-shm", ".lock"])
def test_what_belongs_to_a_store_is_not_written_over(tmp_path, more):
    store = tmp_path / "trials.db"  # which need not exist yet
    with pytest.raises(ValueError, match="is the file of --store"):
        check_outputs({"--output": (f"{store}{more}", "text")}, {"--store": store})


def test_two_outputs_of_one_file_are_refused(tmp_path):
    outputs = {
        "--save": (tmp_path / "same", "safetensors"),
        "--output": (tmp_path / "same", "text"),
    }
    with pytest.raises(ValueError, match=r"--output: .* is the file of --save"):
        check_outputs(outputs, {})


def test_devices_and_pipes_may_be_named_twice():
    check_outputs({"--output": (os.devnull, "text"), "--report": (os.devnull, "HTML")}, {})


@pytest.mark.parametrize(
    ("name", "error"), [(".", IsADirectoryError), ("no/such/file", FileNotFoundError)]
)
def test_where_nothing_can_be_written_the_system_says_why(tmp_path, name, error):
    with pytest.raises(error):
        check_outputs({"--output": (tmp_path / name, "text")}, {}, force=True)


def test_a_folder_that_takes_no_file_is_refused_before_the_work_also_for_an_old_file(
    tmp_path, monkeypatch
):
    write(tmp_path / "old.txt", "# longlag 0.1.0: longlag audit\n")
    monkeypatch.setattr(os, "access", lambda path, _: os.fspath(path) != str(tmp_path))
    for name in ("old.txt", "new.txt"):
        with pytest.raises(PermissionError):
            check_outputs({"--output": (tmp_path / name, "text")}, {})
    check_outputs({"--output": (os.devnull, "text")}, {})


def test_a_folder_is_written_where_it_holds_only_what_was_written_before(tmp_path):
    own = {"README.md": "data card", "train": "NumPy"}
    check_folder(tmp_path / "new", own)
    for kind in ("data card", "NumPy"):
        name, head = HEADS[kind]
        (tmp_path / name).write_bytes(head)
    check_folder(tmp_path, own)
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(ValueError, match=r"holds thesis\.tex, which longlag did not write"):
        check_folder(tmp_path, own)
    check_folder(tmp_path, own, force=True)
    (tmp_path / "thesis.tex").unlink()
    (tmp_path / "README.md").write_text("# Mine")
    with pytest.raises(ValueError, match=r"holds README\.md"):
        check_folder(tmp_path, own)
    with pytest.raises(NotADirectoryError):
        check_folder(tmp_path / "README.md", own)


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "answer.txt"
    path.write_text("old")

    def half(beside):
        beside.write_text("half of the n")
        raise OSError(28, "No space left on device", str(beside))

    with pytest.raises(OSError, match="No space left"), replacing(path) as beside:
        half(beside)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["answer.txt"]


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with (
        pytest.raises(OSError, match="No space") as caught,
        replacing(tmp_path / "a.txt") as beside,
    ):
        raise OSError(28, "No space left on device", str(beside))
    assert caught.value.filename == str(tmp_path / "a.txt")


def test_a_file_begun_is_discarded_when_the_process_ends_at_once(tmp_path):
    writing = replacing(tmp_path / "a.txt")
    writing.__enter__().write_text("half")
    discard()
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        writing.__exit__(None, None, None)


def test_a_file_made_while_a_command_runs_stays(tmp_path):
    path = tmp_path / "answer.txt"
    check_outputs({"--output": (path, "text")}, {})
    path.write_text("precious")
    with pytest.raises(
        ValueError, match=r"answer\.txt was made by .*The answer is in .*2-answer\.t"
    ):
        write(path, "new")
    assert path.read_text() == "precious"
    assert (tmp_path / "2-answer.txt").read_text() == "new"
    assert len(os.listdir(tmp_path)) == 2
    check_outputs({"--output": (path, "text")}, {}, force=True)
    write(path, "new")
    assert path.read_text() == "new"
    check_folder(tmp_path / "data", {"README.md": "data card"})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text("precious")
    with pytest.raises(ValueError, match="made by another program"):
        write(tmp_path / "data" / "README.md", "new")


def test_an_output_is_where_the_command_began(tmp_path, monkeypatch):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    check_outputs({"--output": ("a.txt", "text")}, {})
    monkeypatch.chdir(tmp_path / "there")
    write("a.txt", "new")
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["a.txt"]
    assert (tmp_path / "here" / "a.txt").exists()
    forget()
    write("a.txt", "newer")
    assert (tmp_path / "there" / "a.txt").read_text() == "newer"


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / f"a.{'€' * 80}"  # 242 bytes
    write(path, "whole")
    assert path.read_text() == "whole"


@pytest.mark.parametrize("letter", ["a", "é", "長", "𝄞"])
def test_nor_is_the_one_beside_it_longer(tmp_path, letter):
    count, rest = divmod(251, len(letter.encode()))
    path = tmp_path / f"{letter * count}{'x' * rest}.txt"
    check_outputs({"--output": (path, "text")}, {})
    path.write_text("precious")
    with pytest.raises(ValueError, match="The answer is in"):
        write(path, "answer")
    (answer,) = tmp_path.glob("2-*.txt")
    assert answer.read_text() == "answer"
    assert path.read_text() == "precious"


def test_rights_and_links_stay(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["trials.db", "trials.db.lock"])
def test_a_store_and_its_lock_are_never_written_over(tmp_path, name):
    (tmp_path / "trials.db").write_bytes(b"SQLite format 3\0" + bytes(84))
    (tmp_path / "trials.db.lock").touch()
    for force in (False, True):
        with pytest.raises(ValueError, match="is a store or belongs to one"):
            check_outputs({"--save": (tmp_path / name, "safetensors")}, {}, force=force)
    with pytest.raises(ValueError, match=f"^{tmp_path / name} is a store or belongs to one"):
        write(tmp_path / name, "an answer")
    assert (tmp_path / "trials.db").read_bytes().startswith(b"SQLite")
    assert (tmp_path / "trials.db.lock").read_bytes() == b""
    check_outputs({"--save": (tmp_path / "trials.db.safetensors", "safetensors")}, {})
    write(tmp_path / "trials.db.json", "an answer")


@pytest.mark.parametrize("more", ["-wal", "-shm", "-journal", ".lock"])
@pytest.mark.parametrize("way", ["link", "folder"])
def test_nor_by_a_link_to_a_file_that_a_store_makes_later(tmp_path, more, way):
    store, out = tmp_path / "trials.db", tmp_path / "out.txt"
    match way:
        case "link":
            out.symlink_to(f"trials.db{more}")
        case "folder":
            (tmp_path / "here").mkdir()
            (tmp_path / "here" / "up").symlink_to("..")
            out = tmp_path / "here" / "up" / f"trials.db{more}"
    (tmp_path / "other.db").symlink_to("trials.db")
    with pytest.raises(ValueError, match="is the file of --store"):
        check_outputs({"--save": (out, "text")}, {"--store": tmp_path / "other.db"}, force=True)
    store.write_bytes(b"SQLite format 3\0" + bytes(84))
    with pytest.raises(ValueError, match=f"--save: {out} is a store or belongs to one"):
        check_outputs({"--save": (out, "text")}, {}, force=True)
    with pytest.raises(ValueError, match="is a store or belongs to one"):
        write(out, "an answer")
    with pytest.raises(ValueError, match="is a store or belongs to one"):
        check_folder(out, {}, force=True)
