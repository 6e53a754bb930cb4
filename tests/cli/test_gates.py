"""`longlag gates`: what it prints is what the model's layer gives."""

import json

import numpy as np
import pytest

import longlag as ll


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("gates") / "model.safetensors"
    problem = ll.EchoLag(lag=0, values=4, length=5)
    run = ll.train(problem, ll.Whole(), ll.GRU(hidden_size=3), sequences=9)
    run.save(path)
    return path


def test_every_unit_of_every_step_is_that_of_the_layer(call, saved):
    code, out, _ = call("gates", saved, "--sequence", "3,0,1", "--json")
    found = json.loads(out)
    expected = ll.load(saved).gates([3, 0, 1])
    assert (code, found["shown"]) == (0, ["3", "0", "1"])
    assert found["gates"].keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(np.float32(found["gates"][name]), array)


def test_a_unit_or_the_mean_is_printed(call, saved):
    expected = ll.load(saved).gates([3, 0, 1])["hidden"]
    for option, values in (((), expected.mean(1)), (("--unit", "2"), expected[:, 2])):
        _, out, _ = call("gates", saved, "--sequence", "3,0,1", *option)
        lines = [line.split() for line in out.splitlines() if line.lstrip()[:1].isdigit()]
        assert [line[1] for line in lines] == ["3", "0", "1"]
        assert [float(line[-1]) for line in lines] == pytest.approx(values, abs=0.005)


def test_all_units_are_drawn_and_written_as_a_table(call, saved, tmp_path):
    for name in ("gates.svg", "gates.csv"):
        assert call("gates", saved, "--output", tmp_path / name)[0] == 0
    assert "<svg" in (tmp_path / "gates.svg").read_text()
    rows = (tmp_path / "gates.csv").read_text().splitlines()
    assert rows[0].startswith("model,step,shows,unit,")
    assert len(rows) == 1 + 5 * 3


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--unit", "3"], "`unit` must be from 0 to 2, got 3. Use --unit 0."),
        (["--sequence", "3,x"], "`--sequence` must be numbers separated by commas, got 3,x."),
        (["--sequence", "9"], "must hold values from 0 to 3, got 9 at step 0."),
        (["--sequence", "nan"], "must be a list of whole numbers."),
        (["--model", "mine.py:make"], "its model is longlag's own. Leave `model` out."),
    ],
)
def test_what_is_no_sequence_or_unit_is_refused(call, saved, arguments, line):
    code, out, err = call("gates", saved, *arguments)
    assert (code, out) == (2, "")
    assert line in " ".join(err.split())


def test_a_model_without_gates_and_a_file_that_is_none_are_refused(call, tmp_path):
    ll.train(ll.EchoLag(lag=0, values=4), ll.Whole(), ll.MLP(), sequences=9).save(
        tmp_path / "mlp.safetensors"
    )
    code, _, err = call("gates", tmp_path / "mlp.safetensors")
    assert code == 2
    assert err.startswith("longlag: gates: MLP has no single recurrent layer")
    code, _, err = call("gates", tmp_path / "nothing.safetensors")
    assert (code, "cannot be read" in err) == (2, True)
    target = tmp_path / "mlp.safetensors"
    assert call("gates", target, "--output", target, "--force")[0] == 2
