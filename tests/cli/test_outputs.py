"""No command writes over what it reads, nor over a file that longlag did not write."""

import json
import re
import shlex
import sys

import pytest

import longlag as ll
from longlag.cli._output import command_line
from longlag.store.store import Store

MODEL = """
import equinox as eqx, jax
def make_model(sizes, seed):
    return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)))
"""
TRAIN = "echo-lag --values 3 --hidden-size 3 --sequences 2".split()
STUDY = "--values 3 --hidden-size 3 --budget 20 --seeds 1 --workers 1".split()
COMMANDS = {
    "problems": ["problems"],
    "show": ["show", "echo-lag"],
    "audit": ["audit", "echo-lag"],
    "check": ["check", "model.py:make_model", "--problem", "ramp"],
    "train": ["train", *TRAIN],
    "frame": ["frame", "data.csv", "--column", "a"],
    "export": ["export", "echo-lag", "--train", "2", "--validation", "0", "--test", "0"],
    "runs": ["runs", "--store", "old.db"],
    "report": ["report", "--store", "old.db"],
    "frontier": ["frontier", "echo-value", "--limit", "1", *STUDY],
    "compare": ["compare", "--problems", "ramp", "--models", "mlp", "--rungs", "1"],
    "profile": ["profile", "--problems", "ramp", "--minutes", "0.01"],
    "generalise": ["generalise", "echo-value", "--train", "3", "--test", "4", *STUDY],
    "reproduce": ["reproduce", "echo/encode", "--seeds", "2"],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "data.csv").write_text("a\n" + "".join(f"{row % 7}\n" for row in range(90)))
    for kind in ("txt", "html", "json", "safetensors", "csv", "png", "svg"):
        (tmp_path / f"notes.{kind}").write_text("precious\n")
    (tmp_path / "lag.toml").write_text('problem = "echo-lag"\n')
    (tmp_path / "lag.txt").symlink_to("lag.toml")
    (tmp_path / "link.png").symlink_to(tmp_path / "model.py")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "README.md").write_text("precious\n")
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(call, folder, *arguments):
    before = contents(folder)
    code, out, err = call(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert contents(folder) == before
    return err


def options(call, command):
    return set(re.findall(r"--[a-z-]+", call(command, "--help")[1]))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_path_is_empty(folder, call, command):
    names = re.findall(r"(--[a-z]+)\s+PATH", call(command, "--help")[1])
    assert names
    for name in names:
        given = [] if name in COMMANDS[command] else COMMANDS[command][1:]
        error = refused(call, folder, command, *given, name, "")
        assert error == f"longlag: `{name}` must be a path, got an empty text. Name one.\n"


@pytest.mark.parametrize("name", [".", ".txt"])
def test_a_figure_without_a_name_is_one_line(folder, call, name):
    error = refused(call, folder, "audit", "echo-lag", "--figure", name)
    assert "must end in .png or .svg. Use --figure figure.png." in error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_path_that_a_command_writes_spares_a_stranger_s_file(call, folder, command):
    paths = {
        "--output": "notes.txt",
        "--save": "notes.safetensors",
        "--report": "notes.html",
        "--export": "notes.csv",
        "--figure": "notes.png",
    }
    if command in ("export", "report"):
        paths = {"--out": "home" if command == "export" else "notes.html"}
    found = options(call, command) & paths.keys()
    assert found
    extra = ["--model", "mlp"] if command == "frame" else []
    for option in sorted(found):
        err = refused(call, folder, *COMMANDS[command], *extra, option, paths[option])
        assert "add --force" in err
    if "--json" in options(call, command) and "--output" in found:
        refused(call, folder, *COMMANDS[command], "--json", "--output", "notes.json")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([*COMMANDS["frame"], "--output", "data.csv"], "FILE"),
        ([*COMMANDS["frame"], "--model", "mlp", "--save", "data.csv"], "FILE"),
        ([*COMMANDS["check"], "--output", "model.py"], "model.py:make_model"),
        (["train", *TRAIN, "--model", "model.py:make_model", "--output", "model.py"], "model.py"),
        (["train", *TRAIN, "--save", "same", "--output", "same"], "--output"),
        (["audit", "model.py:Lag", "--figure", "link.png"], "model.py:Lag"),
        ([*COMMANDS["frontier"], "--store", "new.db", "--output", "new.db"], "--store"),
        ([*COMMANDS["frontier"], "--store", "new.db", "--output", "new.db-wal"], "--store"),
        ([*COMMANDS["generalise"], "--store", "new.db", "--output", "./new.db"], "--store"),
        ([*COMMANDS["report"], "--model", "model.py:make_model", "--out", "model.py"], "model.py"),
        (["audit", "lag.toml", "--output", "lag.txt"], "the settings"),
        (["train", "lag.toml", "--save", "lag.txt"], "the settings"),
    ],
)
def test_an_input_is_spared_even_with_force(call, folder, arguments, what):
    err = refused(call, folder, *arguments, "--force")
    assert f"is the file of {what}" in err


def test_what_longlag_wrote_is_replaced_and_the_rest_with_force(call, folder):
    for _ in range(2):
        assert call("audit", "echo-lag", "--output", "answer.txt")[0] == 0
        assert call("audit", "echo-lag", "--json", "--output", "answer.json")[0] == 0
        assert call("train", *TRAIN, "--save", "m.safetensors")[0] == 0
        assert call(*COMMANDS["export"], "--out", "set")[0] == 0
    answer = (folder / "answer.txt").read_text()
    assert answer.startswith("# longlag 0.1.0: longlag audit echo-lag --output answer.txt\n")
    assert next(iter(json.loads((folder / "answer.json").read_text()))) == "longlag"
    refused(call, folder, "show", "echo-lag", "--output", "answer.json")  # text over a document
    assert call("audit", "echo-lag", "--output", "notes.txt", "--force")[0] == 0
    assert (folder / "notes.txt").read_text().startswith("# longlag 0.1.0: longlag audit")
    assert call(*COMMANDS["export"], "--out", "home", "--force")[0] == 0


@pytest.mark.parametrize("ending", ["png", "svg", "jpg", "pdf", "csv", "xlsx", "parquet"])
def test_text_is_no_picture_and_no_table(call, folder, ending):
    (folder / f"map.{ending}").touch()
    err = refused(call, folder, *COMMANDS["show"], "--output", f"map.{ending}", "--force")
    assert "Use --output map.txt." in err
    if ending in ("jpg", "pdf", "xlsx"):
        err = refused(call, folder, *COMMANDS["audit"], "--output", f"map.{ending}", "--force")
        assert f"an answer cannot be written as `.{ending}`. Use .txt, .json, .csv," in err


@pytest.mark.parametrize(
    "command", [["audit", "echo-lag", "--output"], ["runs", "--store", "old.db", "--export"]]
)
def test_without_pyarrow_no_other_command_is_blamed(call, folder, monkeypatch, command):
    Store(folder / "old.db", write=True).close()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    err = refused(call, folder, *command, "answer.parquet")
    assert err.startswith("longlag: Parquet is written by pyarrow, which is not installed. Use pip")


@pytest.mark.parametrize("ending", ["pt", "pth", "h5", "keras", "npz", "json", "csv"])
def test_a_model_is_no_file_of_another_library(call, folder, ending):
    err = refused(call, folder, "train", *TRAIN, "--save", f"m.{ending}", "--force")
    assert "would hold safetensors. Use --save m.safetensors." in err
    setting = ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.RNN(hidden_size=2))
    with pytest.raises(ValueError, match=r"would hold safetensors\. Use .*m\.safetensors\.$"):
        ll.Trained(setting, 0, setting.create(0)).save(folder / f"m.{ending}")
    err = refused(call, folder, "train", *TRAIN, "--save", "m.xyz")
    assert "m.xyz would hold safetensors, but ends otherwise. Use --save m.xyz.safetensors." in err


FORMS = {
    "json": b'{\n  "longlag": "',
    "csv": b"problem,",
    "tex": b"% longlag 0.1.0\n\\begin{table}",
    "md": b"<!-- longlag 0.1.0 -->",
    "html": b"<!doctype html>",
    "svg": b"<svg",
    "png": b"\x89PNG",
    "txt": b"# longlag 0.1.0: longlag ",
}


@pytest.mark.parametrize("command", ["audit", "train"])
def test_an_answer_is_written_in_the_form_of_its_ending_and_replaced(call, folder, command):
    for ending, head in FORMS.items():
        for _ in range(2):
            code, out, err = call(*COMMANDS[command], "--output", f"map.{ending}")
            assert (code, out) == (0, ""), err
        assert (folder / f"map.{ending}").read_bytes().startswith(head)
    for form, ending in {"csv": "csv", "md": "md", "latex": "tex", "json": "json"}.items():
        code, out, _ = call(*COMMANDS[command], "--format", form)
        assert code == 0
        assert (
            out.splitlines()[0].encode() == (folder / f"map.{ending}").read_bytes().split(b"\n")[0]
        )
    err = refused(call, folder, *COMMANDS[command], "--format", "csv", "--output", "new.json")
    assert "ends as a page does, but would hold CSV. Use --output new.csv." in err
    err = refused(call, folder, *COMMANDS[command], "--format", "csv", "--json")
    assert "`--json` and `--format csv` exclude each other" in err


def test_a_picture_is_drawn_beside_the_answer_and_replaced(call, folder):
    for command in ("audit", "train"):
        for name in ("map.png", "map.svg"):
            for _ in range(2):
                code, out, err = call(*COMMANDS[command], "--figure", name, "--json")
                assert (code, err) == (0, "")
                assert json.loads(out)["longlag"]
            assert (folder / name).stat().st_size > 1000
    err = refused(call, folder, "audit", "echo-lag", "--figure", "map.jpg", "--force")
    assert "must end in .png or .svg. Use --figure map.png." in err


@pytest.mark.usefixtures("folder")
def test_a_report_and_an_export_of_runs_are_replaced(call):
    pytest.importorskip("pyarrow", reason="pyarrow is an extra")
    assert call(*COMMANDS["frontier"], "--store", "s.db")[0] == 0
    for _ in range(2):
        for arguments in (
            ["report", "--out", "page.html", "--figures", "figures"],
            ["runs", "--export", "runs.csv"],
            ["runs", "--export", "runs.parquet"],
        ):
            code, _, err = call(*arguments, "--store", "s.db")
            assert code == 0, err


def test_a_file_has_no_escape_codes_whatever_the_colours_of_the_terminal(
    call, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORCE_COLOR", "1")
    place = tmp_path / "a.txt"
    assert call("audit", "echo-lag", "--length", "6", "--output", place)[0] == 0
    assert "learnable: " in place.read_text()
    assert "\x1b" not in place.read_text()


def test_a_file_that_changes_the_working_folder_moves_no_output(call, folder):
    (folder / "elsewhere").mkdir()
    away = f"import os\nos.chdir({str(folder / 'elsewhere')!r})\n"
    source = f"{away}{MODEL}".replace(
        "    return", f"    os.chdir({str(folder / 'elsewhere')!r})\n    return"
    )
    (folder / "moves.py").write_text(source)
    for name in ("a.txt", "m.safetensors", "s.db"):
        (folder / "elsewhere" / name).write_text("precious")
    files = "--output", "a.txt", "--save", "m.safetensors"
    code, _, err = call(
        "train", "echo-lag", "--values", "3", "--lag", "0", "--model", "moves.py:make_model",
        "--sequences", "2", "--seeds", "1", *files,
    )  # fmt: skip
    assert code == 0, err
    model = "--model", "moves.py:make_model", "--budget", "4", "--seeds", "1", "--limit", "10"
    code, _, err = call("frontier", "ramp", *model, "--store", "s.db", "--dry-run")
    assert code == 0, err
    assert {path.read_text() for path in (folder / "elsewhere").iterdir()} == {"precious"}
    assert (folder / "a.txt").exists()
    assert (folder / "m.safetensors").exists()


def test_a_file_made_while_a_command_runs_stays(call, folder):
    made = "import pathlib\npathlib.Path('a.txt').write_text('precious')\n"
    (folder / "makes.py").write_text(f"{made}{MODEL}")
    code, _, err = call("check", "makes.py:make_model", "--problem", "ramp", "--output", "a.txt")
    assert (code, err.count("a.txt was made by another program")) == (2, 1), err
    assert (folder / "a.txt").read_text() == "precious"
    assert "check makes.py" in (folder / "2-a.txt").read_text()


def test_the_stored_command_line_has_no_whole_path(monkeypatch):
    words = ["--model=/home/me/m.py:make(width=3)", "/a/b c/data.csv,/d/e.csv", "tcp://10.0.0.1:87"]
    monkeypatch.setattr("sys.argv", ["longlag", "train", *words, "../up/x.db", "--rate", "1/2"])
    assert shlex.split(command_line())[2:] == [
        *("--model=m.py:make(width=3)", "data.csv,e.csv", "tcp://10.0.0.1:87"),
        *("../up/x.db", "--rate", "1/2"),
    ]
