"""Problems of a user's file, by the commands that take a problem."""

import json
import sys

import pytest

from longlag.adapters import user_code

FILE = """
import dataclasses, pathlib
from typing import ClassVar

import equinox as eqx, jax, numpy as np

import longlag as ll
from longlag.problems import Episodes, Integers, Ladder, Problem

pathlib.Path(__file__).with_name("ran").touch()

@dataclasses.dataclass(frozen=True, kw_only=True)
class Parity(Problem):
    '''Is the number of ones so far odd?'''

    source: ClassVar[str] = "mine"
    ladder: ClassVar[Ladder] = Ladder("length", (2, 5, 10, 20, 50))
    inputs = targets = property(lambda self: Integers(2))

    def draw(self, rng, count):
        inputs = rng.integers(2, size=(count, self.length), dtype=np.int32)
        return Episodes(inputs, self.oracle(inputs), np.tile(self.scored(), (count, 1)))

    def scored(self):
        return np.arange(self.length) == self.length - 1

    def oracle(self, inputs):
        return (inputs.cumsum(axis=1) % 2).astype(np.int32)

    def needs(self):
        return np.outer(self.scored(), np.ones(self.length, bool))

    def chance_by_step(self):
        return np.full(self.length, 0.5)

    def showing(self, length):
        return dataclasses.replace(self, length=length)

short = Parity(length=3)
number = 3

def make(sizes, seed):
    return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)))
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize("name", ["Parity", "short"])
def test_it_is_checked_shown_audited_and_trained_on(call, mine, name):
    reference, length = f"{mine}:{name}", ["--length", 4] * (name == "Parity")
    steps = 4 if name == "Parity" else 3
    assert call("check", reference)[0] == 0
    code, out, _ = call("show", reference, *length, "--json")
    assert (code, len(json.loads(out)["sequence"])) == (0, steps)
    code, out, _ = call("audit", reference, *length, "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "learnable")
    flags = "--sequences 5 --model rnn --hidden-size 2 --json".split()
    code, out, _ = call("train", reference, *length, *flags)
    assert (code, json.loads(out)["chance"]) == (0, 0.5)


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("Parity", ["--lag", 3], "Parity has no argument `lag`. Known: length."),
        ("Parity", ["--length", 0], "Parity: `length` must be at least 1, got 0."),
        ("number", [], "mine.py:number is no problem. Name a subclass of longlag.problems.Problem"),
        ("Party", [], "mine.py has no `Party`. Did you mean `Parity`?"),
    ],
)
def test_what_it_cannot_be_is_refused_in_one_line(call, mine, name, flags, message):
    code, _, error = call("audit", f"{mine}:{name}", *flags)
    assert code == 2
    assert message in error
    assert error.count("\n") == 1


def test_a_study_of_it_runs_in_workers_and_its_report_runs_no_code(call, mine, tmp_path):
    store, page = tmp_path / "s.db", tmp_path / "r.html"
    named = f"{mine}:Parity", "--model", f"{mine}:make"
    flags = "--framing chunks --timesteps 2 --budget 40 --seeds 1 --limit 2".split()
    study = "frontier", *named, *flags, "--store", store
    assert call(*study)[0] == 0
    code, out, _ = call(*study, "--json")
    assert (code, json.loads(out)["usage"]["ran"]) == (0, 0)  # they are known by their code
    report = "report", "--store", store, "--out", page
    assert _without_names(mine, lambda: call(*report))[0] == 2  # of no study that can be read
    problem = "--problem", f"{mine}:Parity"
    easy = "frontier echo-lag --hidden-size 3 --budget 20 --seeds 1 --limit 1 --values 4"
    assert call(*easy.split(), "--store", store)[0] == 0
    code, _, err = _without_names(mine, lambda: call(*report))
    assert code == 0
    assert "Left out: longlag frontier" in err  # of the other study there is a page
    assert "longlag report --problem or --model mine.py:Parity" in "".join(err.splitlines())
    assert _without_names(mine, lambda: call(*report, *problem))[0] == 0
    sentence = "Your own code runs only if you name it"
    assert sentence in page.read_text()
    assert "mine.py:make" in page.read_text()
    assert _without_names(mine, lambda: call(*report, *problem, "--model", f"{mine}:make"))[0] == 0
    assert sentence not in page.read_text()


def test_lengths_of_a_problem_that_does_not_say_what_it_is_there_are_refused(call, mine, tmp_path):
    mine.write_text(FILE.replace("def showing", "def other"))
    code, _, error = call(
        "generalise", f"{mine}:Parity", "--test", 40, "--store", tmp_path / "s.db"
    )
    assert code == 2
    assert "Parity does not say what it is at another length. Give the class a method" in error
    assert error.count("\n") == 1


def _without_names(mine, command):
    """A command as in a process of its own, which has named no code yet."""
    user_code._named.clear()
    user_code._origin_in_file.cache_clear()
    for name in [name for name in sys.modules if name.startswith("longlag_source_")]:
        del sys.modules[name]
    mine.with_name("ran").unlink(missing_ok=True)
    return command()


@pytest.mark.parametrize(
    "command",
    [["frontier", "{}"], ["compare", "--problems", "{}"], ["profile", "--problems", "{}"]],
)
def test_a_study_of_a_problem_without_a_ladder_is_refused_in_one_line(
    call, mine, tmp_path, command
):
    mine.write_text(
        FILE.replace('    ladder: ClassVar[Ladder] = Ladder("length", (2, 5, 10, 20, 50))\n', "")
    )
    arguments = [each.format(f"{mine}:Parity") for each in command]
    code, _, error = call(*arguments, "--store", tmp_path / "s.db")
    assert code == 2
    assert error.startswith("longlag: Parity has no ladder, by which a study makes it harder. Give")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (
            "(self.length) == self.length",
            "(self.length - 2) == self.length",
            "longlag check {mine}",
        ),
        (
            "return Episodes",
            "next(iter(())); return Episodes",
            "line 22 of mine.py raises StopIter",
        ),
        ("return Episodes", "raise Odd; return Episodes", "line 22 of mine.py raises Odd: "),
    ],
)
def test_what_its_methods_do_wrong_is_one_line(call, mine, before, after, line):
    odd = "class Odd(Exception):\n    def __str__(self): raise RuntimeError\n"
    mine.write_text(FILE.replace(before, after) + odd)
    code, out, err = call("show", f"{mine}:Parity")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line.format(mine=f"{mine}:Parity") in err
