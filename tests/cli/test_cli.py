import contextlib
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from typing import Any

import jax
import numpy as np
import pytest

from longlag import claims, streams
from longlag.cli import _command_line
from longlag.cli import reproduce as reproducing
from longlag.cli._remedies import as_flags
from longlag.framings import Chunks, Whole, fitting
from longlag.maps import audit
from longlag.problems import PROBLEMS, EchoLag
from longlag.studies.train import train

COMMANDS = [
    *("problems", "show", "audit", "train", "frontier", "compare", "profile"),
    *("runs", "report", "check", "reproduce", "play"),
]
TINY = ["--sequences", "20", "--hidden-size", "4", "--values", "5"]


def document(call, *arguments):
    code, out, _ = call(*arguments, "--json")
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(call, command):
    code, out, err = call(command, "--help")
    assert (code, err) == (0, "")
    assert f"Example: longlag {command}" in " ".join(out.split())


def test_the_help_names_every_command(call):
    _, out, _ = call("--help")
    for command in COMMANDS:
        assert command in out


def test_the_version_is_the_packages(call):
    assert call("--version")[1].strip() == "0.1.0"


BAD = {
    "model in brackets": (
        ["train", "echo-lag", "--model", "lstm(hiden_size=3)"],
        "LSTM has no argument `hiden_size`. Did you mean `hidden_size`?",
    ),
    "no model": (["audit", "echo-lag", "--model", ""], "There is no model ``. Known: lstm"),
    "problem": (["show", "eco-lag"], "There is no problem `eco-lag`. Did you mean `echo-lag`?"),
    "knob": (
        ["show", "echo-lag", "--lagg", "3"],
        "longlag show has no option `--lagg`. Did you mean `--lag`?",
    ),
    "another's knob": (
        ["show", "echo-lag", "--framing", "whole", "--timesteps", "3"],
        "framing whole has no option `--timesteps`. It is an option of framing chunks or window.",
    ),
    "framing": (
        ["show", "echo-lag", "--framing", "wndow"],
        "There is no framing `wndow`. Did you mean `window`?",
    ),
    "encoding": (["show", "echo-lag", "--encoding", "onehot"], "Did you mean `one-hot`?"),
    "model": (["train", "echo-lag", "--model", "lstn"], "Did you mean `lstm`?"),
    "command": (["trian"], "Did you mean"),
    "lag": (
        ["train", "echo-lag", "--lag", "25"],
        "EchoLag: `lag` must be below `length` (25), got 25. Use --length 26 or more.",
    ),
    "values": (["audit", "echo-lag", "--values", "1"], "`values` must be at least 2, got 1"),
    "no timesteps": (
        ["train", "echo-lag", "--framing", "window", "--timesteps", "0"],
        "Window: `timesteps` must be at least 1, got 0",
    ),
    "timesteps": (
        ["audit", "echo-lag", "--framing", "chunks", "--timesteps", "26"],
        "Chunks: `timesteps` must be at most the number of steps of the sequence, 25, got 26",
    ),
    "batch size": (
        "audit echo-lag --framing chunks --carry --rows consecutive --batch-size 7".split(),
        "`batch_size` must divide the 25 samples of a sequence when state is carried",
    ),
    "no batch": (["train", "echo-lag", "--batch-size", "0"], "`batch_size` must be at least 1"),
    "seed": (["show", "echo-lag", "--seed", "-1"], "`seed` must be at least 0, got -1"),
    "seeds": (["train", "echo-lag", "--seeds", "-2"], "`seeds` must be at least 1, got -2"),
    "claim seeds": (["reproduce", "--seeds", "0"], "`seeds` must be at least 1, got 0"),
    "learning rate": (
        ["train", "echo-lag", "--learning-rate", "inf"],
        "`learning_rate` must be a finite number, got inf",
    ),
    "rate": (["train", "echo-lag", "--learning-rate", "nan"], "must be a finite number, got nan"),
    "word": (["show", "echo-lag", "--lag", "two"], "two"),
    "choice": (["show", "echo-lag", "--framing", "window", "--missing", "x"], "mask"),
    "not whole": (["show", "echo-lag", "--lag", "1.5"], "1.5"),
    "seeds not whole": (["train", "echo-lag", "--seeds", "1.5"], "1.5"),
    "batch": (
        ["train", "echo-lag", "--batch-size", "99999999999999999999"],
        "at most 9223372036854775807",
    ),
    "stop": (["train", "echo-lag", "--stop-at", "5"], "`stop_at` must be at most 1, got 5"),
    "rate range": (
        ["train", "echo-lag", "--learning-rate", "1e39"],
        "the range of single precision",
    ),
    "many values": (["show", "echo-lag", "--values", "3000000000"], "`values` must be at most"),
    "two documents": (["reproduce", "--json", "--markdown"], "are two documents"),
    "audit batch": (["audit", "echo-lag", "--batch-size", "0"], "`batch_size` must be at least 1"),
    "no answer": (
        ["train", "echo-lag", "--framing", "vector"],
        "Vector: EchoLag has no answer after its input. Use --framing whole, --framing prefix, "
        "--framing chunks or --framing window.",
    ),
    "no answer to show": (
        ["show", "ramp", "--framing", "encoder-decoder"],
        "EncoderDecoder: Ramp has no answer after its input. Use --framing whole, ",
    ),
    "no decoder": (
        "train echo-subsequence --framing encoder-decoder --model lstm".split(),
        "EncoderDecoder needs a model with a decoder, got LSTM. Use --model seq2seq.",
    ),
    "no decoder asked for": (
        ["train", "echo-subsequence", "--model", "seq2seq"],
        "Use --framing encoder-decoder.",
    ),
    "no answer to decode": (
        ["train", "ramp", "--model", "seq2seq"],
        "Ramp does not have. Use --model lstm, or problem echo-subsequence and --framing "
        "encoder-decoder.",
    ),
    "no answer to decode of a study": (
        ["compare", "--models", "seq2seq", "--problems", "ramp"],
        "Use --models lstm, or --problems echo-subsequence --framing encoder-decoder.",
    ),
    "no answer of a decoder by default": (
        ["train", "ramp", "--framing", "encoder-decoder"],
        "EncoderDecoder: Ramp has no answer after its input. Use --framing whole, ",
    ),
    "no model that is checked": (
        "check lstm echo-subsequence --framing encoder-decoder".split(),
        "a model with a decoder, which is not checked. Use another framing.",
    ),
    "reals": (["train", "ramp", "--encoding", "scaled"], "Ramp has no integers to encode"),
    "reals shown": (["show", "ramp", "--encoding", "one-hot"], "Ramp has no integers to encode"),
    "short": (["show", "memorization", "--length", "3"], "`length` must be at least 4, got 3"),
    "one context": (["show", "memorization", "--contexts", "1"], "`contexts` must be at least 2"),
    "ask": (["show", "memorization", "--ask", "first"], "last"),
    "threshold": (
        ["audit", "cumulative-threshold", "--threshold", "10"],
        "`threshold` must be below `length` (10), got 10",
    ),
    "part": (
        "show echo-subsequence --start 3 --count 3".split(),
        "`count` must be at most the 2 values from step 3 on, got 3. Use --count 2 or fewer.",
    ),
    "start": (["show", "echo-subsequence", "--start", "5"], "`start` must be below `length` (5)"),
    "tolerance": (["show", "ramp", "--tolerance", "0"], "`tolerance` must be above 0, got 0"),
    "cell": (["train", "echo-lag", "--model", "bidirectional", "--cell", "lstn"], "lstm"),
    "attention": (
        ["train", "echo-lag", "--attention"],
        "model lstm has no option `--attention`. It is an option of model seq2seq.",
    ),
    "whole remedy": (
        ["audit", "cumulative-threshold", "--threshold", "12.5"],
        "Use a threshold below 10.",
    ),
    "nothing to learn": (["train", "ramp", "--length", "2"], "nothing is to be learned"),
    "wide": (["show", "echo-lag", "--values", "2000000000"], "`values` must be at most 1048576"),
    "audit of no decoder": (
        "audit echo-subsequence --framing encoder-decoder --model mlp".split(),
        "EncoderDecoder needs a model with a decoder, got MLP. Use --model seq2seq.",
    ),
    "audit of a decoder": (
        "audit echo-subsequence --framing whole --model seq2seq".split(),
        "Use --framing encoder-decoder.",
    ),
    "document": (["reproduce", "fiv"], "Did you mean `five`?"),
    "claim": (["reproduce", "echo/curent"], "Did you mean `echo/current`?"),
    "output": (["show", "echo-lag", "--output", "/no/such/place"], "cannot write /no/such/place"),
    "training output": (["train", "echo-lag", "--output", "/"], "cannot write /"),
}


REMEDIES = {
    "framing": (
        "show echo-lag --length 5 --lag 4 --framing chunks --rows consecutive",
        "Use --carry.",
    ),
    "quoted": (
        "audit echo-lag --framing chunks --carry --rows consecutive --batch-size 7",
        "Use --batch-size 6, 8 or 5, or --rows parallel.",
    ),
    "word": ("train echo-lag --learning-rate 0", "Use a --learning-rate above 0."),
    "study": ("frontier echo-lag --limit 0", "Use --limit 1 or more."),
}


@pytest.mark.parametrize("name", REMEDIES)
def test_a_remedy_names_flags_of_the_command(call, name):
    command, remedy = REMEDIES[name]
    code, out, err = call(*command.split())
    assert (code, out) == (2, "")
    assert err.strip().endswith(remedy)


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("echo-lag --model mlp --context 1", "--context 2 or --model lstm without ..."),
        ("echo-lag --framing chunks --carry --model mlp", "--framing whole without --carry"),
        ("echo-lag --framing chunks --no-carry --model mlp", "--framing whole without --no-carry"),
        (
            "echo-lag --framing chunks --rows parallel --timesteps 1 --model mlp",
            "--framing whole without --timesteps or --rows",
        ),
        (
            "echo-lag --framing window --timesteps 1 --model mlp --context 1",
            "--context 2 --timesteps 2. A longer context works too. Timesteps up to 13",
        ),
        ("echo-lag --framing chunks --carry --rows consecutive", "--rows parallel --timesteps 2,"),
        ("cumulative-threshold --framing window", "--missing mask --timesteps 10"),
    ],
)
def test_a_remedy_can_be_pasted_where_the_old_flags_stand(call, command, remedy):
    """What the new framing or model does not have is named, since it would be refused."""
    end = call("audit", *command.split())[1].strip().splitlines()[-1]
    assert end.startswith(f"Use {remedy.partition(' ...')[0]}")
    found = re.match(r"Use ([^.]*?)(, so that [^.]*)?\.", end)
    assert found is not None
    sentence = found[1]
    for choice in re.split(r" or (?=--(?!rows))", sentence):
        chosen, _, left = choice.partition(" without ")
        assert re.fullmatch(r"(--[a-z-]+( \w+)? ?)+", chosen)  # flags alone, no words between
        words = f" {command} "
        for flag in re.findall(r"--[a-z-]+", left):
            words = re.sub(f" {flag}( [^-]\\S*)? ", " ", words)
        for flag, value in re.findall(r"(--[a-z-]+)( \w+)?", chosen):
            words = re.sub(f" {flag}( [^-]\\S*)? ", " ", words) + f"{flag}{value} "
        code, out, _ = call("audit", *words.split())
        assert code == 0
        assert "\nlearnable: " in out


@pytest.mark.parametrize("command", ["audit echo-lag --model", "check"])
@pytest.mark.parametrize("model", ["mlp(context=1)", "mlp(context = 1, hidden_size=3)"])
def test_a_remedy_changes_a_knob_where_it_stands(call, command, model):
    """In the brackets of the model: beside them its flag is refused."""
    _, out, _ = call(*command.split(), model)
    ((change, other),) = re.findall(r"Use (.*?) or ((?:--)?model .*?)\.", " ".join(out.split()))
    words = shlex.split(command.partition(" --")[0])
    assert shlex.split(change)[-1] == model.replace("context = 1", "context=1").replace("1", "2")
    assert other.split()[-1] == "lstm"
    for choice in (change, other.removeprefix("model ")):
        code, out, _ = call(*words, *shlex.split(choice))
        assert code == 0
        assert "learnable: a gradient" in out


@pytest.mark.parametrize(
    ("models", "remedy"),
    [
        ("lstm,ours=mlp(context=1)", "--models 'lstm,ours=mlp(context=2)'"),
        ("mlp(hidden_size=9),lstm", "--models 'mlp(hidden_size=9, context=2),lstm'"),
        ("mlp(context=1),mlp(hidden_size=9)", "context=2 in the brackets of the model"),
        ("mlp,mine.py:make(context=1)", "--context 2"),
        ("mlp,lstm(hidden_size=9)", "--context 2"),
    ],
)
def test_a_remedy_of_several_models_is_for_the_one_that_has_the_knob(monkeypatch, models, remedy):
    monkeypatch.setitem(_command_line.texts, "models", models)
    assert as_flags("Use context=2 or more.") == f"Use {remedy} or more."


def test_a_flag_of_a_model_that_stands_in_its_brackets_too_is_refused(call):
    """It was left out in silence, so that a remedy changed nothing."""
    model = ("--model", "lstm(hidden_size=8)", "--hidden-size", "16")
    code, out, err = call("train", "echo-lag", *model)
    assert (code, out) == (2, "")
    assert "`--hidden-size` is given twice, in lstm(hidden_size=8) too" in err


def test_what_is_no_flag_of_the_command_stays_python():
    known = {"--lag", "--batch-size"}
    assert as_flags("adopt(make, lag=3), keras.Input(batch_shape=(batch_size, 3)).", known) == (
        "adopt(make, lag=3), keras.Input(batch_shape=(batch_size, 3))."
    )
    assert as_flags("lag=3, carry=True, Whole(), batch_size or `batch_size`.", known) == (
        "--lag 3, carry=True, Whole(), --batch-size or `batch_size`."
    )
    known = {"--framing", "--missing", "--no-carry"}
    assert as_flags("fewer timesteps, Whole() or Window(missing='mask', carry=False).", known) == (
        "fewer timesteps, --framing whole or --framing window --missing mask --no-carry."
    )


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(call, name):
    arguments, message = BAD[name]
    code, out, err = call(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("longlag: ")
    assert err.count("\n") == 1


def test_problems_lists_knobs_ranges_and_defaults(call):
    found = document(call, "problems")["problems"]
    assert [problem["name"] for problem in found] == list(PROBLEMS)
    knobs = {knob["name"]: knob for knob in found[0]["knobs"]}
    assert knobs["lag"]["range"] == "0 ≤ lag < length"
    assert knobs["values"]["default"] == 100
    assert found[0]["ladder"]["knob"] == "lag"
    ways = {problem["name"]: problem["framings"] for problem in found}
    assert "vector" in ways["echo-subsequence"]
    assert "vector" not in ways["ramp"]
    assert all(0 < problem["chance"] < problem["ceiling"] == 1 for problem in found)
    assert found[0]["shortcuts"]["copy previous"] == 1


def test_problems_groups_them_and_shows_the_options_of_one(call):
    out = call("problems")[1]
    assert out.index("Recall by position: ") < out.index("echo-lag") < out.index("Counter: ")
    assert "copy previous" in out
    assert "--values" not in out
    one = call("problems", "echo-lag")[1]
    assert "--values" in one
    assert "cumulative" not in one
    assert "Separates " in one
    assert "Did you mean `echo-lag`" in call("problems", "echo-la")[2]


def test_show_gives_the_sources_pairs(call):
    shown = document(
        call,
        *"show echo-lag --lag 1 --framing window --timesteps 5 --seed 3".split(),
    )
    sequence = EchoLag().draw(streams.training(3), 1).inputs[0].tolist()
    assert shown["sequence"] == sequence
    assert shown["inputs"] == [sequence[last - 4 : last + 1] for last in range(5, 25)]
    assert shown["targets"] == [[value] for value in sequence[4:24]]
    assert all(row == [True] for row in shown["scored"])


def test_show_prints_the_table(call):
    _, out, _ = call(*"show echo-lag --framing window --missing mark --values 9".split())
    rows = [line for line in out.splitlines() if "→" in line]
    assert len(rows) == 25
    assert rows[0].split()[:4] == ["-1"] * 4


def test_show_marks_what_lacks_data_and_hides_what_is_masked(call):
    marked = document(call, *"show echo-lag --framing window --missing mark".split())
    masked = document(call, *"show echo-lag --framing window --missing mask".split())
    assert marked["inputs"][0][:4] == [-1] * 4
    assert marked["mask"][0] == [True] * 5
    assert masked["inputs"][0][:4] == [None] * 4
    assert masked["mask"][0] == [False] * 4 + [True]


THREE_CASES = {
    "--timesteps 1 --rows consecutive --batch-size 6": "unreachable",
    "--timesteps 1 --rows parallel --batch-size 6": "state-only",
    "--timesteps 2 --rows parallel --batch-size 6": "learnable",
}


@pytest.mark.parametrize("flags", THREE_CASES)
def test_audit_tells_the_three_cases_apart(call, flags):
    arguments = f"audit echo-lag --framing chunks --carry {flags}".split()
    found = document(call, *arguments)
    assert found["verdict"] == THREE_CASES[flags]
    assert np.array(found["needs"]).tolist() == np.eye(25, k=-1, dtype=bool).tolist()
    assert np.shape(found["sees"]) == np.shape(found["learns"]) == (25, 25)
    assert sum(found["shares"].values()) == pytest.approx(1)
    text = call(*arguments)[1]
    assert found["verdict"] in text
    said = " ".join(text.split())
    for flag in re.findall(r"(\w+)='?(\w+)", found["remedy"]):
        assert "--{} {}".format(*flag) in said


@pytest.mark.parametrize(
    ("problem", "again"), [("cumulative-threshold", True), ("echo-lag", False)]
)
def test_audit_says_whether_several_outputs_need_what_no_gradient_reaches(call, problem, again):
    arguments = f"audit {problem} --framing chunks --carry".split()
    found = document(call, *arguments)
    assert (found["verdict"], found["needed_again"]) == ("state-only", again)
    said = " ".join(call(*arguments)[1].split())
    assert ("several outputs need the same inputs" in said) == again
    assert ("left to luck" in said) != again


def test_audit_draws_each_map(call):
    _, out, _ = call(*"audit echo-lag --length 4 --framing chunks --timesteps 2".split())
    lines = [line.split() for line in out.splitlines()]
    at = lines.index(["needs", "sees", "learns"])
    assert lines[at + 1 : at + 3] == [["▄···", "▄▄··", "▄▄··"], ["·▀▄·", "··█▄", "··█▄"]]
    found = audit(EchoLag(length=4), Chunks(timesteps=2))
    assert found.needs.sum() == 3


def test_audit_says_what_a_model_that_is_not_causal_sees(call):
    arguments = "audit memorization --length 6 --model bidirectional".split()
    assert document(call, *arguments)["ahead"] == pytest.approx(0.8)
    assert "not causal: 80% of its outputs" in " ".join(call(*arguments)[1].split())


def test_show_tells_blank_from_missing(call):
    arguments = "show echo-subsequence --length 2 --framing chunks --timesteps 3".split()
    shown = document(call, *arguments)
    first = shown["sequence"][:2]
    assert shown["sequence"] == [*first, None, None]
    assert shown["inputs"] == [[*first, None], [None, None, None]]
    assert shown["mask"] == [[True] * 3, [True, False, False]]
    assert shown["targets"] == [[None, None, first[0]], [first[1], None, None]]
    rows = [line.split() for line in call(*arguments)[1].splitlines() if "→" in line]
    assert rows[0][2] == "_"
    assert rows[1][:3] == ["_", "·", "·"]


def test_show_writes_reals(call):
    shown = document(call, "show", "ramp", "--length", "4")
    assert shown["sequence"] == pytest.approx([0, 0.25, 0.5])
    assert shown["targets"][0] == pytest.approx([0.25, 0.5, 0.75])
    assert "0.000 0.250 0.500 → 0.250 0.500 0.750" in call("show", "ramp", "--length", "4")[1]


def test_train_gives_the_error_of_a_regression_and_takes_a_decoder_by_itself(call):
    small = ["--sequences", "20", "--hidden-size", "4"]
    found = document(call, "train", "ramp", *small)
    assert found["error"]["chance"] == pytest.approx(0.258, abs=1e-3)
    assert "root mean square" in call("train", "ramp", *small)[1]
    arguments = "train echo-subsequence --framing encoder-decoder --attention".split()
    assert "Seq2Seq(cell='lstm'" in document(call, *arguments, *small)["model"]


def test_maps_too_large_to_look_at_are_left_to_json(call):
    assert "not drawn; --json has them" in call("audit", "ramp", "--length", "402")[1]
    assert "▀" in call("audit", "ramp", "--length", "300")[1]


def test_audit_takes_the_model_into_account(call):
    flags = ["audit", "echo-lag", "--framing", "window", "--model", "mlp"]
    assert document(call, *flags, "--context", "1")["verdict"] == "unreachable"
    assert document(call, *flags)["verdict"] == "learnable"


def test_train_gives_its_figures(call):
    found = document(call, *"train echo-lag --framing window --seeds 2".split(), *TINY)
    accuracy = found["accuracy"]
    assert accuracy["mean"] == pytest.approx(np.mean(accuracy["per_seed"]))
    assert len(accuracy["per_seed"]) == 2
    assert accuracy["interval"] is None, "text leaves out an interval of two seeds so far apart"
    alike = document(call, *"train echo-lag --framing window --seeds 4".split(), *TINY)["accuracy"]
    assert alike["interval"][0] <= alike["mean"] <= alike["interval"][1]
    assert found["chance"] == pytest.approx(0.2)
    assert (found["ceiling"], found["updates"]) == (1.0, 80)
    assert found["shortcuts"]["copy previous"] == 1
    assert found["error"] is None
    assert set(found["seconds"]) == {"compile", "train", "total"}
    assert found["verdict"] in ("at chance", "partly learned")


def test_one_framing_has_one_reason_and_one_remedy_whichever_command_is_asked(call, tmp_path):
    flags = [*"echo-lag --framing chunks --timesteps 2 --values 5 --length 8".split()]
    small = ["--hidden-size", 4]
    reason = "unreachable: the inputs that some outputs need never get to the model's output"
    _, audited, _ = call("audit", *flags)
    _, trained, warned = call("train", *flags, *small, "--sequences", 20)
    store = ["--store", tmp_path / "s.db", "--budget", 20, "--seeds", 1, "--limit", 1]
    _, searched, before = call("frontier", *flags, *small, *store)
    study = [*"compare --models lstm --problems echo-lag --rungs 1".split(), *flags[1:], *small]
    _, _, compared = call(*study, *store[:-2])
    for said in (audited, trained, warned, searched, before, compared):
        assert reason in " ".join(said.split())
    for said in (audited, trained, warned, before, compared):
        assert "Use --carry." in " ".join(said.split())
    assert document(call, "audit", *flags)["remedy"] == "Use --carry."
    why = document(call, "train", *flags, *small, "--sequences", 20)["why"]
    assert (why["reason"], why["remedy"]) == ("unreachable", "Use --carry.")


def test_a_best_score_that_would_take_a_clock_is_printed_as_a_bound(call):
    setup = "memorization --length 6 --framing chunks --timesteps 2".split()
    assert "best possible score at most 0." in " ".join(call("audit", *setup)[1].split())
    assert document(call, "audit", *setup)["bound"] is True
    _, out, warned = call("train", *setup, "--sequences", 4, "--hidden-size", 3)
    assert "Best possible score at most 0." in " ".join(warned.split())
    assert "best possible score at most 0." in " ".join(out.split())
    assert "at most" not in call("audit", "echo-lag")[1]


def test_a_run_that_is_solved_needs_no_remedy(call):
    easy = "echo-lag --framing window --timesteps 2 --learning-rate 0.02 --sequences 600".split()
    found = document(call, "train", *easy, "--hidden-size", 12, "--values", 3, "--length", 6)
    assert (found["verdict"], found["why"]) == ("solved", None)


def test_train_prints_expected_beside_predicted(call):
    code, out, err = call(*"train echo-lag --framing window".split(), *TINY)
    assert (code, err) == (0, "")
    for word in ("expected", "predicted", "accuracy", "chance"):
        assert word in out
    assert "(one seed: no interval), 1,000 fresh sequences per seed" in out
    assert out.count("interval") == 1
    assert "\x1b" not in out, "no colours where it is no terminal"


def test_train_warns_where_the_audit_says_that_it_cannot_work(call):
    _, _, err = call(*"train echo-lag --framing chunks".split(), *TINY)
    assert "unreachable" in err
    assert "--timesteps 2" in err


def test_train_warns_of_a_model_that_sees_ahead(call):
    small = ["--sequences", "5", "--hidden-size", "4", "--model", "bidirectional"]
    _, _, err = call("train", "memorization", *small)
    assert "Warning: The model is not causal: 75% of its outputs" in err


PAIRS = [(name, framing) for name in PROBLEMS for framing in fitting(PROBLEMS[name]())]
# Each problem and each framing once.
TRAINED = {
    *{name: (name, framing) for name, framing in PAIRS}.values(),
    *{framing: (name, framing) for name, framing in PAIRS}.values(),
}


@pytest.mark.parametrize(("problem", "framing"), PAIRS)
def test_show_audit_and_train_work_for_every_problem_under_every_framing_that_fits(
    call, problem, framing
):
    arguments = [problem, "--framing", framing]
    if framing == "window":
        arguments += ["--timesteps", "3"]
    shown = document(call, "show", *arguments)
    assert len(shown["inputs"]) == len(shown["targets"]) == len(shown["mask"])
    found = document(call, "audit", *arguments)
    assert np.shape(found["needs"]) == np.shape(found["sees"])
    if (problem, framing) in TRAINED:
        small = ["--hidden-size", "4", "--sequences", "5"]
        model = ["--model", "seq2seq" if framing == "encoder-decoder" else "mlp"]
        trained = document(call, "train", *arguments, *small, *model)
        assert 0 <= trained["accuracy"]["mean"] <= 1
        assert trained["reachable"] == found["ceiling"] <= trained["ceiling"]
        assert trained["shortcuts"]
    for command, words in (("show", " × "), ("audit", "scored outputs ")):
        assert words in call(command, *arguments)[1]


def test_output_goes_to_the_file_named(call, tmp_path):
    path = tmp_path / "run.json"
    code, out, _ = call(*"train echo-lag --json --output".split(), str(path), *TINY)
    assert (code, out) == (0, "")
    assert json.loads(path.read_text())["updates"] == 4


def test_reproduce_settles_the_claims_named(call):
    code, out, _ = call("reproduce", "echo/encode", "--json", "--seeds", "2")
    (claim,) = json.loads(out)["claims"]
    assert code == 0
    assert claim["id"] == "echo/encode"
    assert (claim["verdict"], claim["holds"]) == ("holds", True)
    assert claim["measured"]["mean"] == 1
    assert len(claim["measured"]["per_seed"]) == 2
    assert claim["chance"] == pytest.approx(1e-50)
    assert claim["seconds"] > 0


def test_reproduce_prints_each_claim_then_the_table(call):
    _, out, _ = call("reproduce", "echo/encode")
    first, _, table = out.partition("\n")
    assert first.startswith("echo/encode")
    assert "holds" in first
    assert "A random sequence survives" in " ".join(table.split())


def test_an_unknown_statement_is_answered_with_those_of_its_source(call):
    _, _, err = call("reproduce", "modern/nothing-like-it")
    assert "There is no claim `modern/nothing-like-it`. Known: modern/cogscale-copy, " in err
    assert "echo/" not in err
    _, _, err = call("reproduce", "zzzzzzzz")
    assert "lstm-1997, " in err
    assert "/" not in err


def test_reproduce_writes_the_page(call):
    _, out, _ = call("reproduce", "echo/encode", "--markdown")
    assert out.startswith("# The statements of a tutorial on echoing integers (Brownlee 2017)\n")
    assert "| [echo/encode](#echoencode) | 1.000" in out


def test_a_claim_that_comes_out_otherwise_than_recorded_ends_with_1(call, monkeypatch):
    import dataclasses

    other = dataclasses.replace(claims.CARDS["echo/encode"], recorded="does not hold")
    monkeypatch.setitem(reproducing.CARDS, "echo/encode", other)
    code, _, err = call("reproduce", "echo/encode")
    assert code == 1
    assert "echo/encode: holds, recorded: does not hold" in err


@contextlib.contextmanager
def training(*arguments):
    """A command that trains for ever, once it does, and its terminal."""
    leader, follower = pty.openpty()
    # On a busy machine a score may take longer than a user would wait.
    patient = "from longlag import stop; stop.GRACE = 60.0; from longlag.__main__ import main"
    command = [sys.executable, "-c", f"{patient}; main()", "train", "echo-lag", *arguments]
    with subprocess.Popen(
        [*command, "--sequences", "100000000"], stdout=subprocess.PIPE, stderr=follower, text=True
    ) as process:
        os.close(follower)
        try:
            seen = b""
            while b"accuracy" not in seen:  # the live line stands: training is under way
                seen += os.read(leader, 4096)
            yield process, leader
        finally:
            process.kill()  # which may be over already
            os.close(leader)


def rest(terminal):
    """What was said on a terminal that its last writer has left."""
    said = b""
    with contextlib.suppress(OSError):
        while True:
            said += os.read(terminal, 4096)
    return said


def test_ctrl_c_prints_what_is_known_so_far():
    with training("--framing", "window") as (process, terminal):
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Interrupted: the score so far." in " ".join(out.split())
        assert b"Traceback" not in rest(terminal)


def test_ctrl_c_held_down_ends_without_a_traceback():
    with training("--framing", "prefix") as (process, terminal):
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert b"Traceback" not in rest(terminal)
        assert process.returncode == 130


@pytest.mark.parametrize("name", ["file/cache", os.fsdecode(b"\xff")])
def test_a_cache_that_cannot_be_kept_is_done_without(call, tmp_path, monkeypatch, name):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LONGLAG_CACHE", str(tmp_path / name))
    config: Any = jax.config
    before = config.jax_compilation_cache_dir
    code, _, err = call("train", "echo-lag", *TINY)
    assert (code, err) == (0, "")
    assert config.jax_compilation_cache_dir == before


@pytest.mark.parametrize("command", ["train echo-lag", "frontier echo-lag --workers 1 --limit 1"])
def test_programs_that_were_kept_by_half_are_compiled_and_kept_again_without_a_word(
    tmp_path, command
):
    """As those are that another process is writing, or was killed while it did."""
    cache, small = tmp_path / "cache", "--values 3 --hidden-size 3 --seeds 1 --json".split()
    few = ["--sequences", "2"] if command.startswith("train") else ["--budget", "2"]
    answers, halves = [], set()
    for name in ("one.db", "two.db"):
        store = [] if command.startswith("train") else ["--store", str(tmp_path / name)]
        done = subprocess.run(
            [sys.executable, "-m", "longlag", *command.split(), *small, *few, *store],
            env={**os.environ, "LONGLAG_CACHE": str(cache)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        answers.append(json.loads(done.stdout))
        kept = {path: path.stat().st_size for path in cache.glob("*-cache")}
        assert kept
        assert not halves & kept.items()
        halves = {(path, size // 2) for path, size in kept.items()}
        for path, size in halves:
            path.write_bytes(path.read_bytes()[:size])
    figure = "accuracy" if command.startswith("train") else "steps"
    assert figure in answers[0]


def test_a_closed_pipe_ends_it_quietly():
    arguments = ["show", "echo-lag", "--framing", "window", "--length", "4000"]
    with subprocess.Popen(
        [sys.executable, "-m", "longlag", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as show:
        assert show.stdout is not None
        assert show.stderr is not None
        show.stdout.read(10)
        show.stdout.close()
        assert show.stderr.read() == b""
    assert show.returncode == 141


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("train echo-lag --model torch.nn.LSTM", "of another library needs a file of yours: write"),
        ("audit two.csv", "A table is a series of numbers: longlag frame two.csv;"),
        ("audit echo-lag --units 3", "in brackets: 'lstm(hidden_size=3)'."),
        ("audit echo-lag --lr 3", "size of the optimiser. That is an option of longlag train."),
        ("train echo-lag --state 3", "a sequence begins from a state of zeros, always"),
        ("train echo-lag --state_size 3", "longlag calls it `--hidden-size`"),
        ("train echo-lag --num-layers 2", "longlag calls it `--layers`: residual blocks"),
        ("train echo-lag --d_state 8", "longlag calls it `--states`"),
        ("train echo-lag --trainer x", "to a trainer of your own: framing.stream"),
        ("train echo-lag --config x", "right after the command: longlag train study.toml"),
        ("train echo-lag --target x", "the first is predicted. That is an option of longlag frame"),
        ("compare --model_type x", "longlag calls it `--models`"),
        ("audit echo-lag -- --json", "options stand before `--`, got --json after it."),
        (
            "check echo-lag --model lstm",
            "check has no option `--model`. A model stands right after it: longlag check MODEL.",
        ),
        ("fit echo-lag", "longlag has no command `fit`: longlag train trains a model and scores"),
        ("plot", "longlag has no command `plot`: longlag report draws what is in a store"),
        ("predict echo-lag --lag 3", "ll.load(FILE).predict(values) predicts with it."),
        (
            "train echo-lag --model lstm(units=5)",
            "LSTM has no argument `units`. longlag calls it `hidden_size`: the number of units",
        ),
        ("check lstm --hidden-size 3", "A model has it in brackets: 'lstm(hidden_size=3)'."),
        ("check lstm --units 3", "A model has it in brackets: 'lstm(hidden_size=3)'."),
        ("audit echo-lag --model gru --hidden-size=3", "in brackets: 'gru(hidden_size=3)'."),
        ("audit echo-lag --foo 3", "longlag audit has no option `--foo`. longlag audit --help"),
        ("export echo-lag --sequences 3 --out x", "has no option `--sequences`. longlag export"),
        ("train echo-lag --max_steps 3", "`--sequences`: an update takes a batch of samples"),
        ("train echo-lag --model BiLSTM", "longlag calls it `bidirectional`"),
        ("frame a.csv --test_size 0.2", "of a series --scored-on 0.15 is the share"),
        ("train echo-lag --epochs 3", "longlag calls it `--sequences`: the number to train on"),
        ("frontier echo-lag --epochs 3", "longlag calls it `--budget`: "),
        (
            "train echo-lag --model tcn --kernel 2 --layers 1",
            "No model has --layers and --kernel. Leave one of them out.",
        ),
        (
            "train echo-lag --framing window --missing mark --rows consecutive",
            "No framing has --rows and --missing. Leave one of them out.",
        ),
        (
            "train echo-lag --model gru --layers 1 --negative",
            "Use --model mamba --layers 1 or --model delta-net --layers 1.",
        ),
        ("suite --epochs 3", "calls it `--effort`: it multiplies the training sequences"),
        ("suite --budget 3", "longlag calls it `--effort`: "),
        ("suite --sequences 3", "longlag calls it `--effort`: "),
        ("suite --max_steps 3", "longlag calls it `--effort`: "),
        ("frontier echo-lag --minutes 3", "`--minutes`. That is an option of longlag profile."),
        ("train echo-lag --minutes 3", "`--minutes`. That is an option of longlag profile."),
        ("suite --rungs 3", "`--rungs`. That is an option of longlag compare."),
        ("train echo-lag --horizon 3", "`--horizon`. That is an option of longlag frame."),
        ("train echo-lag --features 3", "longlag calls it `--values`: with one-hot vectors"),
        ("frame a.csv --features 3", "longlag calls it `--column`: of a table"),
        ("train echo-lag --callbacks 3", "takes --stop-at, which ends it early, and --track"),
        ("train echo-lag --model SimpleRNN", "longlag calls it `rnn`: a plain layer"),
        ("compare --lr 3", "longlag calls it `--learning-rates`: a study tries several"),
        ("train echo-lag --window 3", "longlag calls it `--timesteps`"),
        ("train echo-lag --gradient_clip_val 1", "longlag calls it `--clip-norm`"),
        ("compare --lr_scheduler cosine", "longlag calls it `--schedule`"),
        ("frontier echo-lag --warmup_steps 9", "longlag calls it `--warmup`: a share"),
        ("profile --wd 0.1", "longlag calls it `--weight-decay`"),
        ("train echo-lag --seed 1", "calls it `--seeds`: a number, 2 for the seeds 0 and 1;"),
        ("compare --trials 3", "longlag calls it `--seeds`"),
        ("train echo-lag --repeats 3", "longlag calls it `--seeds`"),
        ("compare --num_seeds 3", "longlag calls it `--seeds`"),
        ("train echo-lag --n-seeds 3", "longlag calls it `--seeds`"),
        ("compare --lrs 3", "longlag calls it `--learning-rates`: a study tries several"),
        ("train echo-lag --lrs 3", "`--learning-rate`: one; compare and profile try several."),
        ("train echo-lag --dim 3", "longlag calls it `--hidden-size`"),
        ("frame a.csv --history 3", "longlag calls it `--timesteps`"),
        ("frontier echo-lag --ctx 3", "longlag calls it `--timesteps`"),
        ("frame a.csv --seq-len 3", "longlag calls it `--timesteps`"),
        ("train echo-lag --seq-len 3", "longlag calls it `--length`"),
        (
            "train echo-lag --context 3",
            "Use --model mlp --context 3. Else longlag calls it `--timesteps`",
        ),
        ("compare --models lstm,gru --context 3", "models lstm and gru have no option `--context`"),
        ("train echo-lag --num-heads 3", "longlag calls it `--heads`: parts of the features"),
        ("train echo-lag --model transformer --num-heads 5", "longlag calls it `--heads`: parts"),
        ("train echo-lag --model tcn --kernel-size 5", "longlag calls it `--kernel`: the steps"),
        ("train echo-lag --tbptt 3", "longlag calls it `--timesteps`"),
        ("frame a.csv --n_in 3", "longlag calls it `--timesteps`"),
        ("train echo-lag --n_out 3", "`--horizon`: rows that a forecast looks ahead. That is"),
        ("train echo-lag --mask-value 3", "longlag calls it `--missing`: mask or mark, with the"),
        ("check LSTM", "There is no problem or model `LSTM`. Did you mean `lstm`?"),
        ("check lstn(hidden_size=3)", "no problem or model `lstn`. Did you mean `lstm`?"),
        ("check EchoLag", "no problem or model `EchoLag`. Did you mean `echo-lag`?"),
        ("train echo-lag --padding 3", "longlag calls it `--pad`"),
        ("compare --max_epochs 3", "longlag calls it `--budget`"),
        ("train echo-lag --steps_per_epoch 3", "longlag calls it `--sequences`"),
        ("train echo-lag --framing many-to-one", "whole and chunks at every step, window at the l"),
        ("train echo-lag --quiet", "progress goes to standard error"),
        ("train echo-lag --workers 3", "runs its seeds in one process; studies, such as compare"),
        ("compare --n-jobs 3", "longlag calls it `--workers`: the processes of a study"),
        ("frontier echo-lag --max-lag 3", "longlag calls it `--limit`: the largest value"),
        ("train echo-lag --device cuda", 'Choose from: "cpu", "gpu". Did you mean "gpu"?'),
        ("train echo-lag --gpu", "longlag calls it `--device`"),
        ("frame a.csv --gpu", "JAX chooses it: set JAX_PLATFORMS=cuda"),
        ("train echo-lag --embedding_dim 3", "an encoding is one-hot or scaled"),
        ("train echo-lag --teacher_forcing", "are trained with it, and scored without it"),
        ("train echo-lag --save_path m", "longlag calls it `--save`"),
        ("compare --save_path m", "longlag train --save FILE writes a model"),
        ("train echo-lag --framing Window", "framing `Window`. Did you mean `window`?"),
        ("train echo-lag --model Bidirectional", "Did you mean `bidirectional`?"),
        ("train echo-lag --optimizer AdamW", 'Did you mean "adamw"?'),
        ("train echo-lag --framing prefix --pad END", 'Did you mean "end"?'),
        ("train echo-lag --weight-decay 0.1", "of adamw, not of adam. Use --optimizer adamw"),
        ("audit mine.py:Parity --back 3", "set in its file, as in hard = MyProblem(knob=3)"),
        (
            "train echo-lag ramp",
            "longlag train takes no argument `ramp`. longlag train --help",
        ),
        (
            "profile --figure p.svg",
            "no option `--figure`. Use longlag report --figures FOLDER, which draws",
        ),
        ("compare --plot", "no option `--plot`. Use longlag report --figures FOLDER"),
        (
            "train lstm echo-lag",
            "problem `lstm`: it is a model. Use longlag train echo-lag",
        ),
        (
            "audit echo-lag --framing whole --timesteps 5",
            "Use --framing chunks --timesteps 5 or --framing window --timesteps 5.",
        ),
        (
            "train ramp --no-carry",
            "Use --framing chunks --no-carry or --framing window",
        ),
        ("train echo-lag --attention", "Use --model seq2seq --attention."),
        (
            "audit echo-lag --batch_input_shape 1,5,10",
            "`--batch_input_shape`. Use --framing chunks --timesteps 5 --batch-size 1. Features",
        ),
        (
            "train ramp --input-shape=(None,7,1)",
            "no option `--input-shape`: the timesteps are",
        ),
        ("train ramp --batch_shape=(None,7,1)", "`. Use --framing chunks --timesteps 7. Features"),
    ],
)
def test_a_hint_names_only_what_the_command_has(call, line, text):
    code, out, err = call(*line.split())
    assert (code, out) == (2, "")
    assert "no such option" not in err  # which the line has said
    assert text in " ".join(err.split())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lrs", "longlag calls it `learning_rate`"),
        ("num_seeds", "longlag calls it `seeds`"),
        ("context", "longlag calls it `timesteps`, an argument of Chunks and Window"),
        ("seq_len", "longlag calls it `length`, an argument of problems"),
        ("dim", "longlag calls it `hidden_size`, an argument of LSTM, GRU"),
    ],
)
def test_words_of_other_libraries_are_answered_in_python(name, text):
    given: Any = {name: 3}
    with pytest.raises(TypeError, match=f"no argument `{name}`. {text}"):
        train(EchoLag(), Whole(), **given)


def test_the_picture_of_an_audit_has_the_flags_that_its_text_has(call, tmp_path):
    picture = tmp_path / "maps.svg"
    _, out, _ = call("audit", "echo-lag", "--framing", "chunks", "--figure", picture)
    assert "Use --carry --timesteps 2. Timesteps up to 25 work too." in out
    assert "Use --carry --timesteps 2. Timesteps up to 25 work too." in picture.read_text()


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--optimizer", "none"), ("--learning-rate", "null"), ("--cell", "None"), ("--rows", "NONE")],
)
def test_none_is_no_value_of_an_option_that_needs_one(call, flag, value):
    """It was taken for an option that is not there, and the default trained in silence."""
    code, out, err = call("train", "echo-lag", flag, value, *TINY)
    assert (code, out) == (2, "")
    assert f"Invalid value for {flag}: must be a value, got {value}. Leave the option out" in err


def test_none_is_the_default_of_an_option_that_may_be_absent(call):
    assert call("train", "echo-lag", "--clip-norm", "none", *TINY)[0] == 0


def test_none_is_a_value_where_it_is_one_of_the_choices(call, tmp_path):
    (tmp_path / "rows.csv").write_text("warm\n" + "\n".join(str(n % 7) for n in range(100)))
    command = ("frame", tmp_path / "rows.csv", "--timesteps", "4", "--column", "warm")
    assert "scaled not at all" in call(*command, "--scale", "none")[1]
