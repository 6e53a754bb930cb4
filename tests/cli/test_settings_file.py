"""Settings files: the options of a command, in TOML."""

import os
import tomllib

import pytest

from longlag.cli.app import main
from longlag.store.store import Store

SMALL = "--problems echo-value --length 6 --values 3 --rungs 1 --learning-rates 0.01 --budget 20"


def run(command):
    with pytest.raises(SystemExit) as leaving:
        main(command.split())
    return leaving.value.code


@pytest.fixture
def shown(capsys, tmp_path, monkeypatch):
    """Runs a command in a folder of its own: its exit code, its output and its errors."""
    monkeypatch.chdir(tmp_path)

    def call(command, settings=None):
        if settings is not None:
            (tmp_path / "study.toml").write_text(settings)
        capsys.readouterr()
        return (run(command), *capsys.readouterr())

    return call


def test_a_file_asks_what_its_options_ask(shown):
    direct = shown("audit echo-lag --lag 2 --framing chunks --carry --json")
    text = 'problem = "echo-lag"\nlag = 2\nframing = "chunks"\ncarry = true\njson = true\n'
    assert shown("audit study.toml", text) == direct
    assert direct[0] == 0


@pytest.mark.parametrize("between", ["\n" * 5000, " " * 12_000 + "\n", "#" + "[" * 12_000 + "\n"])
def test_a_long_file_is_read_in_no_time_and_its_lines_are_counted(shown, between):
    text = f'problem = "echo-lag"\n{between}lag = 1\n[ framin\t]\n'
    code, _, err = shown("audit study.toml", text)
    assert code == 2
    assert f"(study.toml, line {text.count(chr(10))})" in err


def test_the_command_line_wins(shown):
    text = 'problem = "echo-lag"\nlag = 2\nframing = "chunks"\ncarry = true\nbatch-size = 3\n'
    _, out, _ = shown(
        "audit study.toml ramp --no-carry --length 8 --json", text.replace("lag = 2\n", "")
    )
    assert '"problem": "Ramp(length=8' in out
    assert "carry=False" in out
    assert '"batch_size": 3' in out


def test_a_printed_file_asks_for_the_same_study(shown):
    command = f"compare --models lstm(hidden_size=3),rnn {SMALL} --seeds 1 --keep none --store a.db"
    code, text, _ = shown(f"{command} --print-config")
    assert code == 0
    assert tomllib.loads(text)["models"] == "lstm(hidden_size=3),rnn"
    assert "# echo-value: Steps to look back. 0 ≤ lag < length. Default 1.\n# lag =\n" in text
    assert '# first | all | none\nkeep = "none"\n' in text
    assert not os.path.exists("a.db")
    assert shown("compare study.toml --print-config", text)[1] == text
    shown(f"{command} --workers 1")
    shown("compare study.toml --workers 1")
    with Store("a.db") as store:
        assert len(store.studies()) == 1
        assert store.count() == 2


def test_lists_and_texts_with_commas_are_the_same(shown):
    one = 'models = ["rnn", "gru"]\nproblems = ["ramp"]\nlearning_rates = [0.1, 1]\n'
    other = 'models = "rnn,gru"\nproblems = "ramp"\nlearning_rates = "0.1,1"\n'
    plans = [shown("compare study.toml --dry-run --json", text) for text in (one, other)]
    assert plans[0] == plans[1]
    assert plans[0][0] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bugdet = 5", "has no setting `bugdet` (study.toml, line 1). Did you mean `budget`?"),
        ("[recipe]\nbatch_size = 5", "has no setting `recipe` (study.toml, line 1)"),
        ('\n"seeds" = "5"', 'study.toml, line 2: `seeds` must be a whole number, got "5".'),
        ("seeds = 5.0", "study.toml, line 1: `seeds` must be a whole number, got 5.0."),
        ("seeds = true", "study.toml, line 1: `seeds` must be a whole number, got true."),
        ("solve_at = [0.1]", "`solve_at` must be a number, got [0.1]."),
        ("budget = {a = 1}", "`budget` must be a whole number, got a table."),
        ("keep = 1979-05-27", "`keep` must be a text in quotes, got 1979-05-27."),
        ('carry = "yes"', '`carry` must be true or false, got "yes".'),
        ('#\nkeep = "al"', 'for --keep from study.toml, line 2. Choose from: "first"'),
        ('store = ""', "`--store` must be a path, got an empty text."),
        ("seeds = 5\nseeds = 6", "study.toml, line 2: no TOML: Cannot overwrite a value."),
        (
            'learning-rates = "0.1"\n\nlearning_rates = "0.2"',
            "study.toml, line 3: `learning_rates` is `learning-rates` again. Leave one of them",
        ),
        ('models = ["lstm"\n', "study.toml, line 2: no TOML: Unclosed array."),
        ("print_config = true", "has no setting `print_config`"),
    ],
)
def test_a_wrong_setting_is_one_line(shown, text, message):
    code, out, err = shown("compare study.toml --dry-run", text)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n\xff", "study.toml, line 2: no UTF-8. Save the file as UTF-8."),
        (b"#" * 2**15 + b"#", "is no file of settings: it has more than 32 KiB."),
        (b"a = " + b"[" * 5000, "study.toml"),
    ],
)
def test_a_file_of_something_else_is_one_line(shown, content, message):
    with open("study.toml", "wb") as file:
        file.write(content)
    code, out, err = shown("compare study.toml")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err or "nested too deep" in err


def test_a_file_that_is_none_is_refused(shown):
    os.mkfifo("pipe.toml")
    assert "pipe.toml is no regular file" in shown("compare pipe.toml")[2]
    assert "There is no settings file none.toml" in shown("compare none.toml")[2]
    assert "longlag show takes no settings file" in shown("show study.toml", "")[2]
    elsewhere = shown("compare --dry-run study.toml")
    assert "stands right after the command: longlag compare study.toml" in elsewhere[2]
    assert elsewhere[0] == 2
