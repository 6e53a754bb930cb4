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
