"""Models of a user's file, by the commands that take a model."""

import json

import pytest

FILE = """
import equinox as eqx, jax, jax.numpy as jnp
import longlag as ll

print("hello")


class Net(eqx.Module):
    linear: eqx.nn.Linear
    leaks: bool = eqx.field(static=True)

    def __call__(self, inputs):
        return jax.vmap(self.linear)(inputs + self.leaks * jnp.roll(inputs, -1, axis=0))


def make_model(sizes, seed):
    return Net(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)), False)


def leaky(sizes, seed):
    return Net(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)), True)


def wrong(sizes, seed):
    return Net(eqx.nn.Linear(sizes.features, 7, key=jax.random.key(seed)), False)


said = ll.adopt(leaky, causal=False)
number = 3
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_train_takes_a_model_of_ones_own(call, mine):
    knobs = "--lag 0 --values 4 --sequences 3000 --learning-rate 0.02 --json".split()
    code, out, _ = call("train", "echo-lag", *knobs, "--model", f"{mine}:make_model")
    document = json.loads(out)
    assert (code, document["verdict"]) == (0, "solved")
    assert "make_model" in document["model"]


def test_nothing_that_is_kept_has_a_path_of_ones_own_files(call, mine, monkeypatch):
    monkeypatch.chdir(mine.parent)
    knobs = "echo-lag --values 4 --length 6 --sequences 40 --model mine.py:make_model".split()
    assert call("train", *knobs, "--save", "model.safetensors", "--output", "train.json")[0] == 0
    study = "--problems echo-lag --models mine.py:make_model --rungs 1 --budget 100 "
    study += "--learning-rates 0.01 --seeds 1 --workers 1 --keep all --output study.json"
    code, _, err = call("compare", *study.split())
    assert code in (0, 1), err
    assert call("runs", "--export", "trials.csv")[0] == 0
    assert call("runs", "--json", "--output", "runs.json")[0] == 0
    written = {file.name: file.read_bytes() for file in mine.parent.iterdir() if file.is_file()}
    assert {"longlag.db", "model.safetensors", "trials.csv", "study.json"} < written.keys()
    folder = str(mine.parent).encode()
    assert [name for name, content in written.items() if folder in content] == []
    assert b"mine.py" in b"".join(
        content for name, content in written.items() if name.startswith("longlag.db")
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leaky", "the output at step 0 depends on the input at step 1, which comes after it."),
        ("wrong", "the model gives outputs (5, 25, 7), expected (5, 25, 4). Make the"),
        ("number", "number is 3, which makes no model. Name a function of sizes and seed."),
        ("mak_model", "mine.py has no `mak_model`. Did you mean `make_model`?"),
    ],
)
@pytest.mark.parametrize("command", ["train echo-lag", "frontier echo-lag", "profile", "compare"])
def test_what_cannot_be_trained_is_one_line_and_exit_code_2(
    call, mine, tmp_path, command, name, message
):
    store = tmp_path / "trials.db"
    flag = "--models" if command == "compare" else "--model"
    rest = [] if command.startswith("train") else ["--store", str(store), "--workers", "1"]
    problems = ["--problems", "echo-lag"] if command in ("profile", "compare") else []
    arguments = [*command.split(), flag, f"{mine}:{name}", "--values", "4", *rest, *problems]
    code, _, err = call(*arguments)
    lines = [line for line in err.splitlines() if line != "hello"]
    assert code == 2
    assert len(lines) == 1
    assert message in lines[0]
    assert not store.exists()


def test_knobs_of_our_models_are_not_for_it(call, mine):
    code, _, err = call("train", "echo-lag", "--model", f"{mine}:make_model", "--hidden-size", "3")
    assert code == 2
    assert "`--hidden-size` is for longlag's models" in err


@pytest.mark.parametrize(("command", "flags"), [("train", "echo-lag"), ("profile", "")])
def test_where_one_model_is_asked_for_it_has_no_name(call, mine, command, flags):
    code, out, err = call(command, *flags.split(), "--model", f"ours={mine}:make_model")
    assert (code, out) == (2, "")
    assert f"names one model; names are for several. Use {mine}:make_model." in err


def test_warnings_of_the_check_stand_before_training(call, tmp_path):
    text = FILE.replace("    leaks", "    idle: jax.Array\n    leaks")
    text = text.replace("jax.random.key(seed)), False", "jax.random.key(seed)), jnp.ones(3), False")
    (tmp_path / "idle.py").write_text(text.replace("inputs + ", "inputs + self.idle.sum() * 0 + "))
    model = f"{tmp_path / 'idle.py'}:make_model"
    warning = "idle.py:make_model: no output depends on idle: 3 of "
    asked = "--values 4 --length 5".split()
    code, _, err = call("train", "echo-lag", "--model", model, "--sequences", 3, *asked)
    assert (code, warning in err) == (0, True)
    knobs = ["--seeds", 1, "--rungs", 1, "--budget", 5, "--learning-rates", 0.1, "--workers", 1]
    asked = ["--models", model, "--problems", "echo-lag", *knobs, "--store", tmp_path / "s.db"]
    code, _, err = call("compare", *asked, "--values", 4, "--length", 5)
    assert (code, err.count(warning)) == (0, 1)


def test_the_audit_takes_it_at_its_word(call, mine):
    code, out, _ = call("audit", "echo-lag", "--model", f"{mine}:said", "--json")
    document = json.loads(out)
    assert (code, document["verdict"]) == (0, "learnable")
    assert document["ahead"] > 0


def test_ours_and_ones_own_stand_in_one_comparison(call, mine, tmp_path):
    arguments = "--problems echo-lag --values 4 --rungs 1 --seeds 2 --budget 400 --workers 1"
    models = f"mlp,{mine}:make_model,rnn"
    code, out, err = call(
        "compare",
        "--models",
        models,
        *arguments.split(),
        "--learning-rates",
        "0.01",
        "--context",
        "1",
        "--store",
        tmp_path / "trials.db",
        "--json",
    )
    assert code == 0, err
    document = json.loads(out)
    assert [cell["model"] for cell in document["cells"]] == [
        "mlp context=1",
        "mine.py:make_model",
        "rnn",
    ]


def test_check_tells_what_a_model_does(call, mine):
    code, out, err = call("check", f"{mine}:leaky", "--framing", "prefix", "--values", "4")
    assert (code, err) == (1, "hello\n")
    assert "depends on steps that are masked" in out
    assert "mask: Give the model a parameter `mask`" in out.replace("\n", " ")
    code, out, _ = call("check", f"{mine}:said", "--json", "ramp")
    document = json.loads(out)
    assert (code, document["passed"]) == (0, True)
    assert document["subject"].startswith("mine.py:said causal=False, Ramp(")


def test_check_of_a_problem_takes_no_flags_of_a_model(call):
    code, _, err = call("check", "echo-lag", "--lag", "3")
    assert code == 2
    assert "`--lag` is for a model; echo-lag is a problem. Leave it out." in err
    code, _, err = call("check", "echo-lag", "--problem", "parity")
    assert code == 2
    assert "`--problem` is for a model; echo-lag is a problem. Leave it out." in err


@pytest.mark.parametrize("command", ["train", "frontier", "audit"])
def test_two_models_where_one_is_taken_are_told_apart_from_a_name(call, command):
    code, _, err = call(command, "echo-lag", "--model", "lstm,mlp(context=2)")
    assert code == 2
    assert "`--model` takes one model, got lstm,mlp(context=2). Use --model lstm;" in err
