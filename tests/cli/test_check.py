"""`longlag check`: a problem of a user's file, in one command."""

import json
import re
from pathlib import Path

import pytest
from problem_cases import OWN

from longlag.problems import PROBLEMS

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "your-problem.md").read_text()
NAMES = "knobs draws determinism oracle needs chance ceiling ladder answer".split()


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(f"{OWN}\n\neasy = LagSum(values=2)\nnumber = 3\nkind = dict\nprint('hello')\n")
    return file


def words(text):
    return " ".join(text.split())


def shown():
    return re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def test_the_problem_of_the_page_passes_as_the_page_shows(call, mine):
    code, out, err = call("check", f"{mine}:LagSum")
    assert (code, err) == (0, "hello\n")
    _, _, expected = shown()[0].partition("\n")
    assert words(out) == words(expected)


def test_what_the_page_breaks_fails_as_the_page_shows(call, tmp_path):
    (tmp_path / "bad.py").write_text(OWN.replace("(now | before)", "now"))
    code, out, err = call("check", f"{tmp_path / 'bad.py'}:LagSum")
    assert (code, err) == (1, "")
    needs, verdict, remedy = re.split(r"\n(?=1 of|needs: )", shown()[1])
    assert words(needs) in words(out)
    assert words(out).endswith(words(f"{verdict} {remedy}"))


def test_the_problem_of_the_page_can_be_trained_on_as_the_page_shows(mine, monkeypatch, capsys):
    monkeypatch.syspath_prepend(mine.parent)
    code = PAGE.partition("```python notest\n")[2].partition("```")[0]
    exec(compile(code, "example", "exec"), {})
    assert capsys.readouterr().out.split("\n")[-2] == "0.25 solved"


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_of_the_list_is_checked_too(call, name):
    code, out, _ = call("check", name, "--json")
    document = json.loads(out)
    assert (code, document["passed"]) == (0, True)
    assert document["subject"] == repr(PROBLEMS[name]())


def test_one_that_is_made_is_checked_with_its_knobs(call, mine, tmp_path):
    output = tmp_path / "checks.json"
    code, out, err = call("check", f"{mine}:easy", "--json", "--output", output)
    assert (code, out, err) == (0, "", "hello\n")
    document = json.loads(output.read_text())
    assert document["subject"] == "LagSum(length=25, lag=1, values=2)"
    assert [check["name"] for check in document["checks"]] == NAMES
    assert {"name", "passed", "found", "remedy"} == set(document["checks"][0])


def test_a_failure_stands_in_the_document_and_in_the_exit_code(call, tmp_path):
    (tmp_path / "bad.py").write_text(OWN.replace("1 / self.values", "0.5"))
    code, out, _ = call("check", f"{tmp_path / 'bad.py'}:LagSum", "--json")
    failed = [check for check in json.loads(out)["checks"] if not check["passed"]]
    assert (code, [check["name"] for check in failed]) == (1, ["chance"])
    assert failed[0]["remedy"] == "Mend `chance_by_step` at step 1."


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("mine.py", "names nothing in the file. Use"),
        ("none.py:LagSum", "There is no file"),
        ("mine.py:LagSun", "mine.py has no `LagSun`. Did you mean `LagSum`?"),
        (
            "mine.py:number",
            "number is a value of type int: neither a problem nor a function that returns",
        ),
        (
            "mine.py:Problem",
            "Problem cannot be created with its defaults: TypeError: Can't instantiate",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(call, mine, subject, message):
    code, out, err = call("check", f"{mine.parent}/{subject}")
    assert (code, out) == (2, "")
    assert message in err
    assert err.removeprefix("hello\n").count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("import dataclasses", "import dataclasse", "cannot be imported: ModuleNotFoundError"),
        (
            "knob(4,",
            "knob(1,",
            "LagSum cannot be created with its defaults: ValueError: LagSum",
        ),
        (': ClassVar[str] = "mine"', ': str = "mine"', "`source` is not declared by `knob`"),
    ],
)
def test_a_class_that_cannot_be_made_is_one_line_and_exit_code_2(call, tmp_path, old, new, message):
    (tmp_path / "bad.py").write_text(OWN.replace(old, new))
    code, out, err = call("check", f"{tmp_path / 'bad.py'}:LagSum")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_an_unknown_name_is_told_the_nearest(call):
    assert "Did you mean `echo-lag`?" in call("check", "echo-lagg")[2]


def test_a_failing_model_says_where_what_it_was_shown_and_the_cure(call, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import equinox as eqx, jax\n"
        "class Net(eqx.Module):\n"
        "    weight: jax.Array\n"
        "    def __call__(self, ids):\n"
        "        rows, time, more = ids.shape\n"
        "        return ids\n"
        "def make_model(sizes, seed):\n"
        "    return Net(jax.numpy.ones(3))\n"
    )
    code, out, _ = call("check", f"{tmp_path / 'mine.py'}:make_model", "--length", "7")
    text = " ".join(out.split())
    assert code == 1
    assert "line 5 of mine.py" in text
    assert "ValueError: not enough values to unpack" in text


def test_a_model_that_passes_is_told_that_its_framing_cannot_be_learned(call, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import equinox as eqx, jax\n"
        "def make_model(sizes, seed):\n"
        "    layer = eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed))\n"
        "    return eqx.filter_vmap(layer)\n"
    )
    model = f"{tmp_path / 'mine.py'}:make_model"
    chunks = "--framing chunks --timesteps 1 --batch-size 6 --values 4".split()
    code, out, _ = call("check", model, *chunks)
    assert code == 0
    assert "All checks passed.\nAudit: unreachable: the inputs that some outputs need" in out
    assert "Best possible score 0.25." in out
    remedy = call("audit", "echo-lag", *chunks)[1].splitlines()[-1].strip()
    assert remedy.startswith("Use ")
    found = json.loads(call("check", model, *chunks, "--json")[1])
    assert found["audit"]["verdict"] == "unreachable"
    assert found["audit"]["ceiling"] == 0.25
    assert json.loads(call("check", "ramp", "--json")[1])["audit"] is None


def test_after_a_failed_check_the_last_line_is_not_that_of_the_audit(call, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import equinox as eqx, jax\n"
        "class Net(eqx.Module):\n"
        "    layer: eqx.nn.Linear\n"
        "    def __call__(self, x):\n"
        "        return jax.vmap(self.layer)(x[::-1])\n"
        "def make_model(sizes, seed):\n"
        "    key = jax.random.key(seed)\n"
        "    return Net(eqx.nn.Linear(sizes.features, sizes.outputs, key=key))\n"
    )
    model = f"{tmp_path / 'mine.py'}:make_model"
    code, out, _ = call("check", model, "--values", "4")
    last = "no score of this model can be trusted, so it is not trained. An audit is of the inputs"
    assert code == 1
    assert "\nAudit: learnable: " in out
    assert last in " ".join(out[out.index("\nAudit: ") :].split("\n", 2)[2].split())
    found = json.loads(call("check", model, "--values", "4", "--json")[1])
    assert last in found["conclusion"]
    code, out, err = call("train", "echo-lag", "--values", "4", "--model", model)
    assert (code, out) == (2, "")
    assert "which comes after it" in err
    file = tmp_path / "mine.py"
    file.write_text(file.read_text().replace("x[::-1]", "x"))
    code, out, _ = call("check", model, "--values", "4")
    audit = " ".join(out[out.index("\nAll checks passed.\nAudit: ") :].split())
    assert code == 0
    assert audit.endswith(
        "Best possible score 1. An audit is of the inputs that can reach an output, whatever the "
        "model does with them."
    )


@pytest.mark.parametrize(("model", "ahead"), [("bidirectional", 0.75), ("lstm", 0)])
def test_of_a_model_that_sees_later_steps_the_audit_says_how_many_outputs_do(call, model, ahead):
    command = "check", f"{model}(hidden_size=3)", "echo-lag", "--length", "5", "--values", "4"
    out = " ".join(call(*command)[1].split())
    sentence = "75% of its outputs can see inputs of later steps, so its score does not say what"
    assert (sentence in out) == (model == "bidirectional")
    assert json.loads(call(*command, "--json")[1])["audit"]["ahead"] == ahead


def test_a_model_of_longlag_is_checked_with_what_it_costs(call):
    code, out, _ = call("check", "lstm(hidden_size=3)", "echo-lag", "--values", "4", "--json")
    document = json.loads(out)
    assert (code, document["passed"], document["parameters"]) == (0, True, 112)
    assert document["cost"]["flops_per_step"] == 2 * (4 * 3 * 3 + 3 * 4)
    code, out, _ = call("check", "rnn(hidden_size=3)", "ramp")
    assert code == 0
    assert re.search(r"cost on cpu +a step to predict +an update of 5 samples of 9 steps", out)
    code, _, err = call("check", "lstn")
    assert (code, err.partition(". ")[0]) == (2, "longlag: There is no problem or model `lstn`")


def test_the_answer_has_the_forms_of_all_answers(call, mine, tmp_path):
    rows = call("check", f"{mine}:easy", "--format", "csv")[1].splitlines()
    assert rows[0] == "problem,name,passed,found,remedy"
    assert [row.split(",")[-1] for row in rows[1:]] == [""] * len(NAMES)
    assert [name for name in NAMES if f",{name},True," in "\n".join(rows)] == NAMES
    for name in ("a.tex", "a.csv", "a.md"):
        for _ in range(2):  # it is known again as its own
            assert call("check", f"{mine}:easy", "--output", tmp_path / name)[0] == 0
