"""The command of the suite: what it refuses, and what its names stand for."""

import json

import pytest


def document(call, *arguments):
    code, out, err = call("suite", *arguments, "--dry-run", "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--effort", "0"], "`effort` must be above 0 and at most 1000, got 0.0. Use --effort 1."),
        (["--minutes", "0"], "`minutes` must be above 0, got 0. Use --minutes 10."),
        (["--models", "mlp"], "mlp cannot run at lengths beyond that of training"),
        (["--problems", "nope"], "There is no problem of the suite `nope`. Known: copying-memory,"),
        (["--match", "flops"], 'Choose from: "parameters", "state".'),
        (["--models", "lstm,lstm()"], "lstm stands for two models. Use another for one of them"),
        (["--learning-rates", "0.1,0.1"], "`rates` must be different learning rates"),
    ],
)
def test_what_makes_no_suite_is_one_line_and_exit_code_2(call, arguments, line):
    code, out, err = call("suite", *arguments)
    assert (code, out) == (2, "")
    assert line in " ".join(err.split())


def test_the_number_of_trials_is_known_beforehand(call):
    found = document(call, "--model", "lstm", "--problems", "parity,reverse", "--seeds", "3")
    assert found["most"] == 2 * (5 + 3)  # rates, seeds; capacity depends on them


def test_two_models_of_one_name_are_refused_by_every_study(call):
    code, _, err = call("compare", "--models", "lstm=gru,lstm")
    assert code == 2
    assert "the name lstm stands for two models. Use another for one of them, as other=lstm." in err


def test_results_of_the_baselines_are_printed_without_training(call):
    code, out, err = call("suite", "--baselines", "--models", "lstm", "--problems", "parity")
    assert (code, err) == (0, "")
    assert out.startswith("Baselines of about 20,000 weights, ")
    assert "parity   lstm" in out
    code, out, _ = call("suite", "--baselines", "--problems", "parity", "--json")
    assert {each["problem"] for each in json.loads(out)["results"]} == {"parity"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--sample", "3"], "`--sample` is for `--check`. Leave it out, or add --check."),
        (["--check", "--sample", "0"], "`sample` must be at least 1, got 0. Use --sample 5."),
        (["--check", "--format", "csv"], "`--check` prints text or JSON. Use --json"),
        (["--check", "--baselines"], "`--check` and `--baselines` exclude each other. Use one."),
        (["--check", "--effort", "2"], "`--effort` is not used with `--check`. Leave it out."),
        (["--baselines", "--seeds", "2"], "`--seeds` is not used with `--baselines`."),
        (["--baselines", "--models", "mine.py:make"], "There is no baseline `mine.py:make`."),
        (["--check", "--problems", "nope"], "There is no problem of the suite `nope`."),
    ],
)
def test_what_does_not_go_with_the_results_of_the_baselines_is_refused(call, arguments, line):
    code, out, err = call("suite", *arguments)
    assert (code, out) == (2, "")
    assert line in " ".join(err.split())


def test_a_result_of_a_baseline_is_trained_again(call):
    problem, count = ("--problems", "word-problem"), ("--sample", "1")
    code, out, err = call("suite", "--check", "--models", "lstm", *problem, *count)
    assert code == 0, err
    assert "1 of 1 agree; 1 result in all." in out
