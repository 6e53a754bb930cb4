"""`longlag generalise`, and stores that an earlier longlag left."""

import contextlib
import csv
import json
import sqlite3
import subprocess
import sys

import pytest

from longlag.cli.generalise import _problem
from longlag.problems import CopyingMemory, EchoLag

SMALL = (
    "generalise echo-lag --lag 1 --values 3 --train 4 --test 4,8,70 --models gru,mlp "
    "--hidden-size 8 --budget 4000 --batch-size 10 --learning-rate 0.01 --seeds 2 --workers 1"
).split()


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A store with a study of lengths, and what the command printed."""
    store = tmp_path_factory.mktemp("asked") / "trials.db"
    done = subprocess.run(
        [sys.executable, "-m", "longlag", *SMALL, "--json", "--store", str(store)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return store, json.loads(done.stdout)


def test_it_gives_skill_at_each_length_and_the_longest_solved(asked):
    _, found = asked
    assert (found["train"], found["test"], found["complete"]) == (4, [4, 8, 70], True)
    assert found["usage"]["ran"] == 4
    gru, mlp = found["models"]
    assert [score["length"] for score in gru["scores"]] == [4, 8, 70]
    for score in gru["scores"]:
        low, high = score["skill"]["interval"]
        assert low <= score["skill"]["mean"] <= high
        assert (score["chance"], score["ceiling"]) == (pytest.approx(1 / 3), 1)
        solved = sum(skill >= 0.99 for skill in score["skill"]["per_seed"])
        assert (score["solved"], score["seeds"]) == (solved, 2)
    assert gru["cannot_run_at"] == []
    assert mlp["cannot_run_at"] == [8, 70]
    assert "reads samples of exactly 4 timesteps" in mlp["because"]
    assert mlp["longest"]["per_seed"] == [4, 4]
    assert mlp["longest"]["coverage"] == 0.5


def test_asked_again_it_runs_nothing_and_says_the_same(asked, call):
    store, found = asked
    code, out, err = call(*SMALL, "--json", "--store", store)
    again = json.loads(out)
    assert (code, err) == (0, "")
    assert again["usage"]["ran"] == 0
    assert again["models"] == found["models"]
    text = call(*SMALL, "--store", store)[1]
    assert "trained at length 4" in text
    assert "as trained" in text
    assert "it cannot run at lengths 8, 70." in " ".join(text.split())
    assert "4 were in the store" in text


def test_a_trial_shows_every_test_and_exports_a_row_for_each(asked, call, tmp_path):
    store, found = asked
    listed = json.loads(call("runs", "--store", store, "--json", "--model", "gru")[1])["trials"]
    one = listed[0]["id"]
    shown = json.loads(call("runs", one, "--store", store, "--json")[1])
    assert [score["test"] for score in shown["scores"]] == ["length 4", "length 8", "length 70"]
    assert shown["scores"][2]["skill"] in found["models"][0]["scores"][2]["skill"]["per_seed"]
    text = call("runs", one, "--store", store)[1]
    assert "length 70: echo-lag lag=1 length=70" in " ".join(text.split())
    call("runs", "--store", store, "--export", tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 + 2 * 1
    mine = [row for row in rows if row["id"] == one]
    assert [(row["test"], row["test.length"]) for row in mine] == [
        *[("length 4", "4"), ("length 8", "8"), ("length 70", "70")]
    ]
    assert {row["problem.length"] for row in mine} == {"4"}
    skills = [score["skill"] for score in shown["scores"]]
    assert [float(row["skill"]) for row in mine] == skills
    pytest.importorskip("tensorboardX", reason="tensorboardX is an extra")
    call("runs", "--store", store, "--tensorboard", tmp_path / "tb")
    content = b"".join(file.read_bytes() for file in (tmp_path / "tb").rglob("events.out.*"))
    assert b"evaluation/skill" in content
    assert b"evaluation/length-70/skill" in content


def test_trials_of_an_earlier_longlag_are_named_once_and_not_reused(asked, call, tmp_path):
    store, _ = asked
    old = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(store)) as kept:
        kept.execute("VACUUM INTO ?", (str(old),))
    with contextlib.closing(sqlite3.connect(old)) as earlier:
        earlier.execute("PRAGMA foreign_keys = OFF")
        earlier.execute("UPDATE asked SET trial = 'old' || trial")
        earlier.execute("UPDATE trials SET id = 'old' || id, parts = '0123456789abcdef'")
        earlier.commit()
    notice = "old.db lists 4 trials of an earlier longlag, but reuses none: results may differ."
    out = call("runs", "--store", old)[1]
    assert notice in out
    assert out.count("old") == 4 + 1
    line = "generalise echo-lag --values 9 --train 4 --test 8 --models mlp --context 1 --budget 20"
    code, out, err = call(*line.split(), "--seeds", 2, "--workers", 1, "--store", old)
    assert code == 0
    assert err.count(notice) == 1
    assert "2 trials run" in out
    said = " ".join(out.split())
    assert "as trained, 2 unreachable, together at chance" in said
    assert "0 no length (too few seeds for an interval) none, none" in said
    assert said.lower().count("solved; too few seeds for an interval. at most 20 seq") == 1
    assert "0 is chance, below 0 worse, 1 the best on the problem" in said
    assert call("report", "--store", old, "--out", tmp_path / "r.html")[0] == 0
    assert call("report", "--store", store, "--out", tmp_path / "n.html")[0] == 0


REFUSED = {
    "both": (["--length", "4"], "`length` is what `--train` sets, so it cannot be set too."),
    "lengths": (
        ["--test", "4,x"],
        "`--test` must be whole numbers separated by commas, got 4,x. Use",
    ),
    "short": (["--test", "1"], "`test` has length 1: EchoLag: a sequence must show at least 2"),
    "model": (["--models", "lstn"], "There is no model `lstn`. Did you mean `lstm`?"),
    "framing": (["--framing", "vector"], "Vector: EchoLag has no answer after its input"),
}


@pytest.mark.parametrize(("more", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_asked_is_one_line(more, message, call, tmp_path):
    line = ["generalise", "echo-lag", "--lag", "1", "--train", "4", *more]
    code, out, err = call(*line, "--store", tmp_path / "trials.db")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_problem_without_a_length_is_trained_at_the_length_asked_for():
    assert _problem("echo-lag", {"lag": 2}, 30) == EchoLag(lag=2, length=30)
    assert _problem("copying-memory", {"symbols": 4}, 30) == CopyingMemory(symbols=4, delay=26)
