"""`longlag export`: a data set in a folder."""

import numpy as np
import pytest


def _held(path):
    with np.load(path) as opened:
        return dict(opened)


def test_it_writes_a_file_for_each_split_and_a_card_that_says_how(call, tmp_path):
    folder = tmp_path / "echo"
    command = ["export", "echo-lag", "--lag", "2", "--framing", "window", "--timesteps", "4"]
    sizes = ["--train", "6", "--validation", "0", "--test", "2", "--format", "npz"]
    code, out, err = call(*command, *sizes, "--out", folder)
    assert (code, err) == (0, "")
    assert f"{folder / 'train.npz'}" in out
    train, test = (_held(folder / f"{name}.npz") for name in ("train", "test"))
    assert (len(train["inputs"]), len(test["inputs"])) == (6 * 21, 2 * 21)
    assert (train["inputs"][:, -3] == train["targets"][:, 0]).all()
    assert not (folder / "validation.npz").exists()
    card = (folder / "README.md").read_text()
    assert "longlag export echo-lag --lag 2" in card
    assert "configs:" not in card  # nothing that others could load


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["echo-lag", "--train", "-1"], "`train` must be at least 0, got -1"),
        (["echo-lag", "--framing", "vector"], "Vector: EchoLag has no answer after its input"),
        (["echo-lagg"], "There is no problem `echo-lagg`. Did you mean `echo-lag`?"),
        (["echo-lag", "--format", "csv"], "csv"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(call, tmp_path, arguments, message):
    code, out, err = call("export", *arguments, "--out", tmp_path / "folder")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "folder").exists()


def test_a_place_that_is_a_file_is_named(call, tmp_path):
    (tmp_path / "file").write_text("mine")
    code, _, err = call("export", "echo-lag", "--out", tmp_path / "file")
    assert code == 2
    assert str(tmp_path / "file") in err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("format", ["npz", "parquet"])
def test_its_own_files_are_replaced_and_those_of_others_are_not(call, tmp_path, format):
    import pandas as pd

    command = "export", "echo-lag", "--out", tmp_path, "--format", format, "--train", "2"
    for _ in range(2):
        code, _, err = call(*command)
        assert code == 0, err
    path = tmp_path / f"train.{format}"
    if format == "npz":
        np.savez(path, sequence=[1], inputs=[1], targets=[1], mask=[True])
    else:
        pd.DataFrame({"longlag": ["longlag", "longlag 0.1.0"]}).to_parquet(path)
    before = path.read_bytes()
    code, _, err = call(*command)
    assert (code, "which longlag did not write" in err) == (2, True), err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["keras"], "There is no problem `keras`. `keras` is a library: a model of it needs a"),
        (["keras", "echo-lag"], "There is no problem `keras`. `keras` is a library"),
        (["lstm"], "`lstm`: it is a model. Use longlag train echo-lag --model lstm."),
        (["echo-lag", "--units", "20"], "no option `--units`. longlag calls it `--hidden-size`"),
        (["echo-lag", "--stateful"], "no option `--stateful`. longlag calls it `--carry`"),
        (["echo-lag", "--layers", "2"], "no option `--layers`: lstm, gru and rnn are one layer"),
        (["echo-lag", "--format", "csv"], "csv"),
        (["echo-lag"], "longlag export needs a folder to write to. Use --out echo-lag."),
        ([], "longlag export needs PROBLEM, as in longlag export echo-lag --framing window"),
    ],
)
def test_what_is_wrong_with_a_word_comes_before_the_folder(call, arguments, message):
    code, out, err = call("export", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "requires an argument" not in err
