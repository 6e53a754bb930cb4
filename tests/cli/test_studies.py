"""The commands that ask studies and read what they left: frontier, compare, profile, runs."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest.mock

import pytest

from longlag.cli.app import main
from longlag.store.store import Store

SMALL = "--hidden-size 6 --values 3 --budget 1500 --batch-size 10 --learning-rate 0.01".split()
ONE = ["--workers", "1"]  # another would start, and compile, what this one has
FRONTIER = [*"frontier echo-value --length 3 --limit 2 --seeds 2".split(), *ONE, *SMALL]
COMPARE = (
    "compare --models lstm,mlp --problems echo-value,ramp --rungs 2 --values 3 --hidden-size 6 "
    "--learning-rates 0.003,0.01 --seeds 2 --budget 800 --workers 1 --keep none"
).split()


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A store with a frontier and a comparison, and what their commands printed."""
    store = tmp_path_factory.mktemp("asked") / "trials.db"
    done = subprocess.run(
        [sys.executable, "-m", "longlag", *FRONTIER, "--json", "--store", str(store)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    out, err = io.StringIO(), io.StringIO()
    with (  # one command in a process of its own is enough
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        unittest.mock.patch.object(sys, "argv", ["longlag", *COMPARE]),  # which the store keeps
        pytest.raises(SystemExit) as end,
    ):
        main([*COMPARE, "--json", "--store", str(store)])
    assert (end.value.code or 0, err.getvalue()) == (0, "")
    return store, json.loads(done.stdout), json.loads(out.getvalue())


def test_frontier_gives_each_seed_the_median_and_how_sure_it_is(asked):
    _, found, _ = asked
    assert found["knob"] == "lag"
    assert found["complete"]
    assert len(found["per_seed"]) == 2
    assert found["coverage"] == 0.5  # of two seeds
    assert found["interval"] is None  # nor has the text one
    for step in found["steps"]:
        assert step["solved"] == (step["skill"] >= 0.99)
        assert bool(step["reasons"]) != step["solved"]
    assert found["usage"]["ran"] == len(found["steps"])


def test_frontier_over_a_size_gives_the_smallest_that_solves(call, tmp_path):
    command = [*"frontier echo-lag --values 3 --length 4 --lag 0 --over hidden-size".split()]
    short = [*"--limit 4 --seeds 2 --budget 3000 --learning-rate 0.03 --workers 1".split()]
    store = ["--store", tmp_path / "store.db"]
    code, out, _ = call(*command, *short, *store, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["knob"], found["smallest"], found["complete"]) == ("hidden_size", True, True)
    for seed, solved in enumerate(found["per_seed"]):
        tried = {s["value"]: s["solved"] for s in found["steps"] if s["seed"] == seed}
        assert solved == min((size for size, good in tried.items() if good), default=None)
        assert max(tried) <= 4
    code, out, _ = call(*command, *short, *store)
    assert out.startswith("Smallest value solved: hidden_size ")
    assert "0 trials run" in out
    table = tmp_path / "sizes.csv"
    for _ in range(2):  # the second time it is known as longlag's
        assert call(*command, *short, *store, "--output", table)[0] == 0
    assert "smallest_solved,largest_failed" in table.read_text()
    assert call("report", *store, "--out", tmp_path / "report.html")[0] == 0
    page = (tmp_path / "report.html").read_text()
    assert "Smallest hidden_size at which lstm solves echo-lag" in page


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--over hidden-size --hidden-size 4", "`--hidden-size` is what --over varies"),
        (
            "--over size",
            "Frontier: `over` must name a whole number among the arguments of lstm, got `size`.",
        ),
        ("--over hidden-size --limit 0", "`limit` must be at least the first level (1), got 0"),
    ],
)
def test_a_size_that_cannot_be_varied_is_refused(call, flags, message):
    code, _, err = call("frontier", "echo-lag", *flags.split())
    assert code == 2
    assert message in err


def test_compare_gives_skill_time_and_rates(asked):
    _, _, found = asked
    assert found["complete"]
    beyond = sum(len(search["beyond"]) for search in found["rate_searches"])
    assert found["usage"]["ran"] == 2 * 2 * (2 * 2 + 2) + 2 * beyond
    assert len(found["cells"]) == 2 * 2 * 2
    assert len(found["learning_rates"]) == 2 * 2 * 2 + beyond
    for cell in found["cells"]:
        # Of two seeds it may be half of what is possible, which text leaves out too.
        if (interval := cell["skill"]["interval"]) is not None:
            assert interval[0] <= cell["skill"]["mean"] <= interval[1]
        assert cell["seeds"] == 2
        assert 0 < cell["restricted_mean"]["mean"] <= 800
        assert cell["solved"] + sum(cell["reasons"].values()) == 2


def test_a_study_asked_again_runs_nothing_and_says_the_same(asked, call):
    store, _, found = asked
    code, out, _ = call(*COMPARE, "--json", "--store", store)
    again = json.loads(out)
    assert code == 0
    assert again["usage"]["ran"] == 0
    assert again["usage"]["reused"] == found["usage"]["ran"]
    assert again["cells"] == found["cells"]
    text = call(*COMPARE, "--store", store)[1]
    assert f"{found['usage']['ran']} were in the store" in text
    narrow = json.loads(call(*COMPARE, "--no-widen", "--json", "--store", store)[1])
    assert narrow["usage"]["ran"] + narrow["usage"]["reused"] == 24
    assert "first level, skill at rate" in text
    assert "\x1b" not in text


def test_frontier_prints_an_answer_for_a_reader(asked, call):
    store, found, _ = asked
    _, out, _ = call(*FRONTIER, "--store", store)
    assert out.startswith(f"Largest value solved: lag {found['median'] or 'below 1'}")
    assert "Too few seeds for an interval." in " ".join(out.split())


def test_profile_ends_in_time_and_says_what_was_left_out(call, tmp_path):
    began = time.monotonic()
    arguments = "profile --model lstm --minutes 0.1 --problems echo-value,memorization".split()
    small = [*SMALL[:-2], *ONE, "--learning-rates", "0.01,0.03"]
    code, out, _ = call(*arguments, *small, "--json", "--store", tmp_path / "p.db")
    found = json.loads(out)
    assert code == (0 if found["answered"] else 1)
    assert time.monotonic() - began < 20  # a hang, not a speed, is what this would show
    assert [each["problem"] for each in found["problems"]] == [
        "echo-value values=3",
        "memorization",
    ]
    gaps = [tuple(gap.values()) for gap in found["left_out"]]
    assert ("", "learning rates", "other than 0.01, 0.03") in gaps
    for each in found["problems"]:
        tried = sum(rung["tried"] for rung in each["rungs"])
        assert tried or (each["problem"], "rungs not tried") in [gap[:2] for gap in gaps]


def test_runs_lists_filters_and_shows(asked, call):
    store, found, _ = asked
    _, out, _ = call("runs", "--store", store, "--limit", 3)
    assert "3 of " in out
    listed = json.loads(call("runs", "--store", store, "--json", "--limit", 0)[1])["trials"]
    assert len(listed) == len({each["id"] for each in listed}) >= 24
    solved = json.loads(
        call("runs", "--store", store, "--json", "--limit", 0, "--verdict", "solved")[1]
    )["trials"]
    assert {each["id"] for each in solved} == {
        each["id"] for each in listed if each["verdict"] == "solved"
    }
    mine = json.loads(
        call("runs", "--store", store, "--json", "--limit", 0, "--study", "frontier")[1]
    )["trials"]
    assert {each["id"] for each in mine} == {step["trial"] for step in found["steps"]}
    one = mine[0]["id"]
    shown = json.loads(call("runs", one[:10], "--store", store, "--json")[1])
    assert shown["trial"] == one
    assert shown["skill"] == mine[0]["skill"] == shown["scores"][0]["skill"]
    assert shown["scores"][0]["test"] == "in-distribution"
    assert shown["setting"]["model"] == {"kind": "lstm", "hidden_size": 6}
    text = call("runs", one, "--store", store)[1]
    for word in ("problem", "lstm hidden_size=6", "chance", "seconds", "libraries", "machine"):
        assert word in text
    _, out, _ = call("runs", "--store", store, "--model", "lstn")
    assert "0 of " in out
    assert "No trial's model begins with `lstn`. Known: " in out
    for filters, line in (
        ("--verdict 'does not generalise' --model lstm", "has the verdict does not generalise."),
        ("--study frontier --model mlp", "Each of --model and --study matches trials, but none"),
        ("--problem ramq --model lstm", "No trial's problem begins with `ramq`. Did you mean `ra"),
    ):
        assert line in call("runs", "--store", store, *shlex.split(filters))[1]
    _, out, _ = call("runs", "--studies", "--store", store)
    assert "frontier" in out
    assert "compare" in out


def _reasons(call, problem, store, *options):
    """The reasons of a trial that falls short, and the text about it."""
    call("frontier", problem, *options, *SHORT, "--store", store)
    [trial] = json.loads(call("runs", "--store", store, "--json")[1])["trials"]
    found = json.loads(call("runs", trial["id"], "--store", store, "--json")[1])
    return (
        trial["id"],
        found["reasons"],
        " ".join(call("runs", trial["id"], "--store", store)[1].split()),
    )


SHORT = "--values 3 --budget 20 --seeds 1 --limit 1 --workers 1".split()


def test_a_run_that_fell_short_names_what_to_change_as_flags(call, tmp_path):
    remedies = {
        "whole": "Use --budget 80, --learning-rate 0.01 or an easier version of the problem.",
        "chunks": "Use --timesteps 2.",
    }
    for framing, remedy in remedies.items():
        options = ["--framing", framing, *(["--carry"] if framing == "chunks" else [])]
        _, reasons, text = _reasons(call, "echo-value", tmp_path / f"{framing}.db", *options)
        last = reasons[-1]
        assert last["remedy"] == remedy
        assert text.endswith(f"{last['reason']}: {last['evidence']}. {remedy}")


def test_a_run_of_code_that_only_its_store_names_has_no_remedy(call, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(
        "from longlag import EchoValue\nprint('ran')\n\nclass Echo(EchoValue):\n    pass\n"
    )
    trial, [*_, last], _ = _reasons(call, f"{own}:Echo", tmp_path / "own.db")
    assert last["remedy"]
    command = [sys.executable, "-m", "longlag", "runs", trial, "--store", tmp_path / "own.db"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert " ".join(shown.stdout.split()).endswith(last["evidence"])
    assert shown.stderr == ""


def test_runs_exports_tables_and_curves(asked, call, tmp_path):
    store, _, _ = asked
    listed = json.loads(call("runs", "--store", store, "--json", "--limit", 0)[1])["trials"]
    call("runs", "--store", store, "--export", tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [each["id"] for each in listed]
    assert {row["problem.lag"] for row in rows} >= {"1", ""}  # the ramp has none
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra")
    call("runs", "--store", store, "--export", tmp_path / "trials.parquet")
    columns = parquet.read_table(tmp_path / "trials.parquet").to_pydict()
    assert columns["skill"] == [each["skill"] for each in listed]
    pytest.importorskip("tensorboardX", reason="tensorboardX is an extra")
    call("runs", "--store", store, "--tensorboard", tmp_path / "tb", "--study", "frontier")
    events = list((tmp_path / "tb").rglob("events.out.*"))
    assert events
    assert all(b"training/loss" in file.read_bytes() for file in events)


def test_runs_writes_a_model_that_load_reads(asked, call, tmp_path):
    from longlag import load

    store, found, _ = asked
    seeds = {step["trial"]: step["seed"] for step in found["steps"]}
    kept = next(trial for trial, seed in seeds.items() if seed == 0)
    other = next(trial for trial, seed in seeds.items() if seed == 1)
    path = tmp_path / "model.safetensors"
    call("runs", kept, "--store", store, "--save", path)
    skill = next(step["skill"] for step in found["steps"] if step["trial"] == kept)
    trained = load(path)
    chance = trained.setting.problem.chance(trained.setting.scored)
    assert (trained.evaluate().accuracy - chance) / (1 - chance) == pytest.approx(skill)
    code, _, err = call("runs", other, "--store", store, "--save", path)
    assert code == 2
    assert "was not saved. Run the study with --keep all." in err
    damaged, nothing = shutil.copy(store, tmp_path / "damaged.db"), tmp_path / "no.safetensors"
    with contextlib.closing(sqlite3.connect(damaged, isolation_level=None)) as connection:
        connection.execute("UPDATE weights SET content = substr(content, 1, 99)")
    code, _, err = call("runs", kept, "--store", damaged, "--save", nothing)
    assert (code, err.count("\n"), nothing.exists()) == (2, 1, False)
    assert f"the model of trial {kept} is damaged: " in err


ASK = ["frontier", "echo-value"]


def test_report_writes_one_page_about_the_studies_and_their_figures(asked, call, tmp_path):
    store, found, _ = asked
    page, figures = tmp_path / "report.html", tmp_path / "figures"
    code, out, err = call("report", "--store", store, "--out", page, "--figures", figures)
    assert (code, out) == (0, "")
    assert str(page) in err
    text = page.read_text()
    assert text.startswith(("<!DOCTYPE html>", "<!doctype html>"))
    assert "longlag compare --models lstm,mlp" in text
    drawings = list(figures.glob("*.svg"))
    assert drawings
    assert all(b"<svg" in drawing.read_bytes() for drawing in drawings)
    call("report", "--store", store, "--out", page, "--study", "frontier", "--title", "A < B")
    text = page.read_text()
    assert "A &lt; B" in text
    assert "longlag compare" not in text
    assert f"{found['knob']}" in text


def test_reproduce_writes_the_same_kind_of_page(call, tmp_path):
    page = tmp_path / "echo.html"
    code, _, _ = call("reproduce", "echo/encode", "--seeds", "2", "--report", page)
    assert code == 0
    assert "echo/encode" in page.read_text()


BAD = {
    "budget": ([*ASK, "--budget", "0"], "`budget` must be at least 1, got 0"),
    "solve": ([*ASK, "--solve-at", "1.5"], "`solve_at` must be above 0 and below 1, got 1.5"),
    "limit": ([*ASK, "--limit", "0"], "`limit` must be at least the first level (1), got 0"),
    "resolution": ([*ASK, "--resolution", "0"], "`resolution` must be above 0"),
    "workers": ([*ASK, "--workers", "0"], "`workers` must be at least 1, got 0"),
    "both": ([*ASK, "--workers", "2", "--dask", "tcp://127.0.0.1:9"], "a Dask cluster has its own"),
    "keep": ([*ASK, "--keep", "some"], "first"),
    "framing": (
        ["frontier", "ramp", "--framing", "vector"],
        "Vector: Ramp has no answer after its input.",
    ),
    "fixed window": (
        ["frontier", "echo-value", "--framing", "window", "--timesteps", "20"],
        "`timesteps` must be at most the number of steps of the sequence, 10, got 20",
    ),
    "model": (["compare", "--models", "lstm,grv"], "There is no model `grv`. Did you mean `gru`?"),
    "problem": (["compare", "--problems", "rampp"], "Did you mean `ramp`?"),
    "no model": (["compare", "--models", ","], "`models` must name at least one"),
    "knob of none": (
        ["compare", "--problems", "ramp", "--lag", "3"],
        "problem ramp has no option `--lag`",
    ),
    "rates": (["compare", "--learning-rates", "1e-3,x"], "numbers separated by commas, got 1e-3,x"),
    "same rates": (["compare", "--learning-rates", "1,1"], "must be different learning rates"),
    "rungs": (["compare", "--rungs", "0"], "`rungs` must be at least 1, got 0"),
    "decoder": (
        ["compare", "--models", "seq2seq"],
        "Use --models lstm, or --problems echo-subsequence --framing encoder-decoder.",
    ),
    "some decoders": (
        ["compare", "--models", "seq2seq,lstm,gru"],
        "no framing fits both seq2seq, which has a decoder, and lstm, which has none. Compare",
    ),
    "no decoders": (
        ["compare", "--models", "gru,seq2seq", "--framing", "encoder-decoder"],
        "no framing fits both seq2seq, which has a decoder, and gru, which has none. Compare",
    ),
    "rows": (
        ["profile", "--framing", "chunks", "--carry", "--rows", "consecutive", "--batch-size", "9"],
        "got 9, where Memorization has 4. Use --batch-size 1, or --rows parallel.",
    ),
    "minutes": (["profile", "--minutes", "0"], "`minutes` must be above 0, got 0"),
    "no store": (["runs", "--store", "/no/such.db"], "There is no store at /no/such.db"),
    "store": ([*ASK, "--store", "/no/such/place.db"], "There is no folder /no/such for the store"),
    "folder": ([*ASK, "--store", "/"], "/ is no file"),
    "device": ([*ASK, "--store", "/dev/null"], "/dev/null is no file"),
    "no address": ([*ASK, "--dask", "nowhere"], "`nowhere` is not an address of a Dask scheduler"),
    "empty address": ([*ASK, "--dask", ""], "`` is not an address of a Dask scheduler"),
    "no workers": ([*ASK, "--dask", "local", "--workers", "0"], "`workers` must be at least 1"),
    "ladder": (["frontier", "echo-value", "--lag", "3"], "what a study of echo-value varies"),
    "one ladder": (["compare", "--length", "9"], "what a study of ramp varies"),
    "its ladder": (
        ["profile", "--problems", "echo-lag", "--lag", "1"],
        "what a study of echo-lag varies",
    ),
    "twice": (["compare", "--models", "lstm,lstm"], "model lstm is named twice"),
    "easy": (
        ["frontier", "cumulative-threshold", "--threshold", "0.0001"],
        "chance is within 1e-05 of the ceiling",
    ),
    "verdict": (["runs", "--verdict", "solvd", "--store", "STORE"], "Did you mean `solved`?"),
    "export of one": (["runs", "a", "--export", "a.csv", "--store", "STORE"], "Leave out the ID."),
    "studies of one": (["runs", "a", "--studies", "--store", "STORE"], "Leave out ID."),
    "studies of some": (
        ["runs", "--studies", "--problem", "ramp", "--store", "STORE"],
        "lists every study. Leave out --problem.",
    ),
    "one of some": (
        ["runs", "a", "--verdict", "stuck", "--store", "STORE"],
        "shows one trial. Leave out --verdict.",
    ),
    "export and output": (
        ["runs", "--export", "a.csv", "--output", "a.txt", "--store", "STORE"],
        "write files of their own. Leave out --output.",
    ),
    "report over store": (
        ["report", "--store", "STORE", "--out", "STORE"],
        "is the file of --store",
    ),
    "save over store": (
        ["runs", "a", "--store", "STORE", "--save", "STORE"],
        "is the file of --store",
    ),
    "output over store": (
        ["runs", "--store", "STORE", "--output", "STORE"],
        "is the file of --store",
    ),
    "answer over store": (
        [*ASK, "--store", "STORE", "--output", "STORE", "--format", "table"],
        "is the file of --store",
    ),
    "answer as a store": (
        [*ASK, "--store", "STORE", "--output", "a.db"],
        "--output: an answer cannot be written as `.db`. Use .txt, .json, .csv,",
    ),
    "report of nothing": (["report", "--store", "/no/such.db"], "There is no store"),
    "report of no study": (
        ["report", "--store", "STORE", "--study", "profile"],
        "There is no study `profile`.",
    ),
    "report nowhere": (["report", "--out", "/no/such/page.html"], "cannot write /no/such/page"),
    "save what": (["runs", "--store", "STORE", "--save", "x"], "Name it: longlag runs ID."),
    "trial": (["runs", "zz", "--store", "STORE"], "There is no trial `zz`."),
    "study": (["runs", "--study", "fronteer", "--store", "STORE"], "There is no study `fronteer`."),
    "ending": (["runs", "--export", "a.xlsx", "--store", "STORE"], "Use --export a.csv."),
    "no number": (["runs", "--limit", "-1", "--store", "STORE"], "`limit` must be at least 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(asked, call, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    arguments, message = BAD[name]
    code, out, err = call(*(str(asked[0]) if each == "STORE" else each for each in arguments))
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("longlag: ")
    assert err.count("\n") == 1


def test_a_file_that_is_no_store_is_refused_and_left_alone(call, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a store, " * 100)
    for arguments in (FRONTIER, ["runs"], ["report", "--out", tmp_path / "r.html"]):
        code, _, err = call(*arguments, "--store", path)
        assert code == 2
        assert "this is no store" in err
    assert path.read_text() == "not a store, " * 100


LONG = (
    "frontier echo-lag --seeds 2 --workers 1 --budget 500000 --limit 1 --learning-rate 0.0000001"
).split()


@contextlib.contextmanager
def started(store, **rest):
    """A study that goes on for ever."""
    with subprocess.Popen(
        [sys.executable, "-m", "longlag", *LONG, "--store", str(store)], text=True, **rest
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # which is over already where all is well


def test_ctrl_c_stores_what_is_finished_and_says_how_to_go_on(tmp_path):
    store = tmp_path / "trials.db"
    with started(store, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert line.startswith("frontier: 0% 0 trials run")
    assert f"trials are saved in {store}. Run the same command again to continue." in err
    assert "Traceback" not in err
    assert "\x1b" not in line + err, "no live line where it is no terminal"
    with Store(store, write=True) as kept:  # the lock is free again
        assert kept.studies()[0].ended is None


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path, call):
    store = tmp_path / "trials.db"
    with Store(store, write=True):
        code, _, err = call(*FRONTIER, "--store", store)
        assert code == 2
        assert "is being written to already" in err
        assert call("runs", "--store", store)[0] == 0


def test_progress_is_live_in_a_terminal(tmp_path):
    """And plain lines elsewhere: above."""
    ours, theirs = pty.openpty()
    with started(tmp_path / "a.db", stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        seen = b""
        for _ in range(400):
            seen += os.read(ours, 4096)
            if b"accuracy" in seen and b"trials run" in seen:
                break
        process.send_signal(signal.SIGINT)
        while True:
            try:
                if not os.read(ours, 4096):
                    break
            except OSError:  # the other end is closed
                break
        process.wait(60)
    os.close(ours)
    assert b"\x1b[" in seen
    assert b"frontier" in seen
    assert re.search(rb"echo-lag, lstm, seed \d", seen)


def test_a_reader_of_a_pipe_that_goes_is_no_mistake(asked):
    script = (
        f"{sys.executable} -m longlag runs --store {asked[0]} --limit 0 | true; "
        "exit ${PIPESTATUS[0]}"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (141, "")


def test_where_there_is_no_standard_output_nothing_is_raised(asked):
    script = f"{sys.executable} -m longlag runs --store {asked[0]} >&-"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_list_says_how_many_there_are_of_those_asked_for(asked, call):
    store, *_ = asked
    with Store(store) as kept:
        every, mine = kept.count(), len(kept.records(problem="ramp"))
    assert 1 < mine < every
    _, out, _ = call("runs", "--store", store, "--problem", "ramp", "--limit", "1")
    assert f"1 of {every} finished trials; --limit 0 lists all {mine} of these." in out


def test_a_trial_is_diagnosed_at_the_skill_that_its_study_asked_for(call, tmp_path):
    store = tmp_path / "trials.db"
    call(*FRONTIER, "--solve-at", "0.05", "--store", store)
    with Store(store) as kept:
        solved = [record for record in kept.records() if 0.05 <= record.skill < 0.99]
    assert solved
    _, out, _ = call("runs", solved[0].id, "--store", store)
    assert "solved: skill 0.05 or more" in out


def test_keep_all_runs_again_what_was_not_kept(call, tmp_path):
    store = tmp_path / "trials.db"
    asking = [*FRONTIER[:4], "--seeds", "2", *ONE, *SMALL, "--limit", "1", "--store", store]
    call(*asking, "--keep", "none")
    with Store(store) as kept:
        before = {record: kept.outcome(record.id) for record in kept.records()}
    code, out, _ = call(*asking, "--keep", "all")
    assert code == 0
    with Store(store) as kept:
        assert {record: kept.outcome(record.id) for record in kept.records()} == before
        assert all(kept.keeps(record.id) for record in before)
    assert "2 trials run" in out
    assert "0 trials run" in call(*asking, "--keep", "all")[1]


@pytest.mark.parametrize(
    ("problems", "begins"),
    [
        ("echo-lag,ramp,memorization", ["echo-lag: unreachable: ", "memorization: unreachable: "]),
        ("memorization", ["unreachable: "]),
    ],
)
def test_a_warning_of_a_study_of_several_problems_names_its_own(call, tmp_path, problems, begins):
    command = f"profile --framing chunks --minutes 0.0001 --problems {problems}".split()
    _, _, err = call(*command, "--store", str(tmp_path / "s.db"))
    warned = [line for line in err.splitlines() if line.startswith("Warning: ")]
    assert len(warned) == len(begins)
    for line, begin in zip(warned, begins, strict=True):
        assert line.startswith(f"Warning: {begin}")


def test_a_dry_run_tells_the_trials_and_leaves_no_store(call, tmp_path):
    store = tmp_path / "s.db"
    code, out, err = call(*ASK, "--store", store, "--dry-run")
    assert (code, err) == (0, "")
    assert "to run, at most; 0 are in the store. How long is not known" in " ".join(out.split())
    assert not store.exists()
    code, out, _ = call(*ASK, "--store", store, "--dry-run", "--json")
    assert json.loads(out)["stored"] == 0
    assert call(*ASK, "--store", store, "--dry-run", "--output", tmp_path / "p.json")[1] == ""
    assert json.loads((tmp_path / "p.json").read_text())["stored"] == 0
    code, out, err = call(*ASK, "--store", store, "--dry-run", "--format", "csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "A dry run has no CSV. Use --json" in err
