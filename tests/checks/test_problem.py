"""The contract: each check is tried on a problem that breaks it, and names the place."""

import dataclasses
import itertools
import re

import numpy as np
import pytest
from problem_cases import OWN

from longlag.adapters.user_code import imported
from longlag.checks.chance import scores_of
from longlag.checks.knobs import undeclared
from longlag.checks.perturbation import moves_of
from longlag.checks.problem import check_problem
from longlag.knobs import knob
from longlag.problems import EchoLag, Episodes, Integers, Ladder, Problem, Ramp, Reals

CHECKS = "knobs draws determinism oracle needs chance ceiling ladder answer".split()

DRAWN = "        inputs = rng.integers(self.values, size=(count, self.length), dtype=np.int32)\n"
GIVEN = "Episodes(inputs, self.oracle(inputs), np.tile(self.scored(), (count, 1)))"
ORACLE = "(inputs + np.roll(inputs, self.lag, axis=1)) % self.values"
NEEDED = "(now | before) & self.scored()[:, None]"
CHANCE = "np.full(self.length, 1 / self.values)"
LAG = 'knob(1, "Steps to look back.", at_least=1, below="length")'
LADDER = 'Ladder("lag", (1, 2, 4, 8, 16))'
LAST = f"        return {CHANCE}\n"
"""A method put behind this one is the last of the class."""

BROKEN = {
    "a knob without effect": (
        "    lag: int",
        '    idle: int = knob(3, "Of no use.", at_least=0)\n    lag: int',
        ("knobs", "`idle` changes neither the data nor", "remove the knob"),
    ),
    "a constructor that checks nothing": (
        LAST,
        LAST + "\n    def __post_init__(self):\n        pass\n",
        ("knobs", "length='no such value' is accepted", "super().__post_init__()"),
    ),
    "integers of 64 bits": (
        "dtype=np.int32",
        "dtype=np.int64",
        ("draws", "inputs of type int64, expected int32", "dtype=np.int32"),
    ),
    "scored where it is not": (
        GIVEN,
        "Episodes(inputs, self.oracle(inputs), np.ones_like(inputs, dtype=bool))",
        ("draws", "`draw` and `scored` differ at step 0", "np.broadcast_to"),
    ),
    "nothing scored": (
        ">= self.lag",
        "> self.length",
        ("draws", "no step is scored", "Let `scored` be true"),
    ),
    "a value too many": (
        GIVEN,
        f"dataclasses.replace({GIVEN}, "
        "inputs=np.where(np.arange(self.length) == 7, self.values, inputs))",
        ("draws", "at step 7 `inputs` has 4, which is not from 0 to 3", "`draw` at step 7"),
    ),
    "a target out of range": (
        GIVEN,
        f"dataclasses.replace({GIVEN}, targets=inputs - np.int32(1))",
        ("draws", "`targets` has -1, which is not from 0 to 3", "Mend `draw`"),
    ),
    "episodes across": (
        GIVEN,
        f"Episodes(*(array.T for array in {GIVEN}))",
        (
            "draws",
            "`draw` of 500 episodes gives (25, 500)",
            "of the shapes inputs (500, 25),",
        ),
    ),
    "the random state of NumPy": (
        "rng.integers(self.values, size=(count, self.length), dtype=np.int32)",
        "np.random.randint(self.values, size=(count, self.length), dtype=np.int32)",
        ("determinism", "two draws from equal generators differ", "from `rng`"),
    ),
    "something kept for the next draw": (
        DRAWN,
        DRAWN + "        self.drawn.append(count)\n        inputs[:, 0] = len(self.drawn) % 4\n",
        ("determinism", "two draws from equal generators differ", "change no state"),
    ),
    "a seed of its own": (
        DRAWN,
        "        rng = np.random.default_rng(0)\n" + DRAWN,
        ("determinism", "two seeds give the same episodes", "from `rng`"),
    ),
    "hashes of words": (
        DRAWN,
        DRAWN + "        inputs += [hash(str(step)) % 4 for step in range(self.length)]\n"
        "        inputs %= self.values\n",
        ("determinism", "another process draws other episodes", "no `hash`"),
    ),
    "fewer sequences than stated": (
        LAST,
        LAST + "\n    @property\n    def sequences(self):\n        return 3\n",
        ("determinism", "500 different episodes in 500, `sequences` says 3", "or None"),
    ),
    "a look ahead": (
        ORACLE,
        "(inputs + np.roll(inputs, -1, axis=1)) % self.values",
        (
            "oracle",
            "the prediction of `oracle` at step 1 changes with inputs after it",
            "up to step 1",
        ),
    ),
    "targets that the oracle misses": (
        GIVEN,
        f"dataclasses.replace({GIVEN}, targets=np.where(np.arange(self.length) == 5, 1, inputs))",
        ("oracle", "at step 1 `oracle` predicts", "targets of `draw` at step 1"),
    ),
    "an oracle of chance": (
        ORACLE,
        "np.random.randint(4, size=inputs.shape, dtype=np.int32)",
        ("oracle", "`oracle` gives two predictions for the same inputs", "draw nothing"),
    ),
    "an oracle that writes to its inputs": (
        f"return {ORACLE}",
        "inputs += 1\n        return inputs",
        ("oracle", "`oracle` changes its inputs", "on a copy"),
    ),
    "a prediction for one step alone": (
        f"return {ORACLE}",
        "return inputs[:, -1]",
        ("oracle", "gives (500, 25), (500,), (500, 25)", "of the shapes inputs (500, 25),"),
    ),
    "a ceiling that is too low": (
        LAST,
        LAST + "\n    def ceiling(self, steps=None, sees=None):\n        return 0.9\n",
        ("oracle", "`oracle` scores 1.000 [0.952, 1.000], `ceiling` says 0.900", "Mend `oracle`"),
    ),
    "a need left out": (
        NEEDED,
        "now & self.scored()[:, None]",
        ("needs", "input of step 0 moves the target of step 1, yet `needs` lacks it (24", "[1, 0]"),
    ),
    "a need too many": (
        NEEDED,
        "(now | before | np.eye(self.length, k=-3, dtype=bool)) & self.scored()[:, None]",
        ("needs", "input of step 0 never moved the target of step 3, yet `needs` has", "[3, 0]"),
    ),
    "a need of what comes later": (
        NEEDED,
        "(now | before | before.T) & self.scored()[:, None]",
        ("needs", "step 1 is stated to need the input of step 2, which comes later", "diagonal"),
    ),
    "a need of no target": (
        NEEDED,
        "now | before",
        ("needs", "step 0 is stated to need the input of step 0, but is not scored", "rows"),
    ),
    "chance that is too high": (
        CHANCE,
        "np.where(np.arange(self.length) == 9, 1 / 3, 1 / self.values)",
        ("chance", "at step 9 the best constant scores", "`chance_by_step` at step 9"),
    ),
    "chance of all steps for some": (
        LAST,
        LAST + "\n    def chance(self, steps=None):\n        return 0.3\n",
        (
            "chance",
            "at step 1 alone `chance` says 0.300, `chance_by_step` 0.250",
            "count the steps",
        ),
    ),
    "nothing to learn": (
        ORACLE,
        "np.zeros_like(inputs)",
        ("chance", "at step 1 the best constant scores 1.000", "`chance_by_step` at step 1"),
    ),
    "a ceiling for the blind": (
        LAST,
        LAST + "\n    def ceiling_by_step(self, sees):\n        return np.ones(self.length)\n",
        ("ceiling", "with no input in sight the ceiling is 1.000, not 0.250", "`ceiling_by_step`"),
    ),
    "a rung that is refused": (
        LADDER,
        'Ladder("lag", (1, 2, 4, 8, 32))',
        (
            "ladder",
            "the problem cannot be built at rung 32: LagSum: `lag` must be below `length`",
            "`at`",
        ),
    ),
    "rungs that fall": (
        LADDER,
        'Ladder("lag", (1, 4, 2))',
        ("ladder", "the rungs 1, 4, 2 do not rise", "from easy to hard"),
    ),
    "a ladder of no knob": (
        LADDER,
        'Ladder("lags", (1, 2))',
        ("ladder", "the ladder climbs `lags`, which is not a knob", "length, lag, values"),
    ),
    "a ladder that does not move": (
        LAST,
        LAST + "\n    def at(self, rung):\n        return self\n",
        ("ladder", "rung 2 gives LagSum(length=25, lag=1", "lag=2"),
    ),
    "no docstring": (
        re.search(r'    """What is .*\n', OWN).group(),  # pyright: ignore[reportOptionalMemberAccess]
        "",
        ("answer", "there is no docstring", "Begin LagSum with a line"),
    ),
    "another problem of the same length": (
        LAST,
        LAST + "\n    def showing(self, length):\n"
        "        return dataclasses.replace(self, lag=self.lag + 1)\n",
        ("answer", "`showing(25)`, its own length, gives another problem", "only the length"),
    ),
}
"""What is written instead of what, and the check that fails, what it finds, how it is mended."""

_files = itertools.count()


@pytest.fixture
def own(tmp_path):
    """A user's problem from a file, with some of its text replaced."""

    def made(old="", new="", code=OWN):
        assert old in code
        file = tmp_path / f"mine{next(_files)}.py"
        file.write_text(code.replace(old, new) if old else code)
        return imported(file, "LagSum")

    return made


def test_no_file_of_the_working_folder_stands_in_for_a_library(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("open('ran.txt', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    assert not [each.name for each in check_problem(EchoLag()) if not each.passed]
    assert not (tmp_path / "ran.txt").exists()


def test_draws_that_depend_on_their_number_are_told_of(own):
    twice = f"{DRAWN}{DRAWN.replace('inputs =', 'inputs +=')}        inputs %= self.values\n"
    check = by_name(own(DRAWN, twice)())["determinism"]
    assert check.passed
    assert "batches of another size draw other episodes" in check.found
    assert "another size" not in by_name(own()())["determinism"].found


def by_name(problem):
    return {check.name: check for check in check_problem(problem)}


def test_a_problem_that_keeps_it_passes_every_check(own):
    checks = check_problem(own()(lag=3))
    assert [check.name for check in checks] == CHECKS
    assert [check for check in checks if not check.passed or check.remedy] == []


@pytest.mark.parametrize("break_", BROKEN)
def test_what_breaks_it_is_found_by_its_check_and_placed(own, break_):
    old, new, (name, found, remedy) = BROKEN[break_]
    code = OWN.replace("    lag: int", "    drawn: ClassVar[list] = []\n    lag: int")
    check = by_name(own(old, new, code)())[name]
    assert not check.passed
    assert found in check.found
    assert remedy in check.remedy
    assert "\n" not in check.found + check.remedy


def test_one_break_fails_its_own_check_alone(own):
    old, new, (name, *_) = BROKEN["a rung that is refused"]
    assert [check.name for check in check_problem(own(old, new)()) if not check.passed] == [name]


def test_what_the_problem_raises_is_a_finding_with_its_place(own):
    kind = own(f"return {ORACLE}", "return inputs[:, 99]")
    place = OWN[: OWN.index(ORACLE)].count("\n") + 1
    failed = [check for check in by_name(kind()).values() if not check.passed]
    assert [check.name for check in failed][-1] == "answer"
    for check in failed:
        assert check.found.startswith("`oracle` raises IndexError: index 99 is out of bounds")
        assert check.remedy.startswith(f"Mend `oracle`: line {place} of mine")


def test_a_knob_whose_other_value_cannot_be_drawn_is_named_with_it(own):
    kind = own(DRAWN, "        assert self.lag < 2, 'too long'\n" + DRAWN)
    assert "too long with LagSum(length=25, lag=2" in by_name(kind())["knobs"].found


@pytest.mark.parametrize(
    ("old", "new", "found", "remedy"),
    [
        (LAG, "1", "`lag` is not declared by `knob`", "as a `ClassVar`"),
        ('"Steps to look back."', '" "', "`lag` is not declared by `knob` with a line", "knob("),
        ("    lag: int", "    lag: str", "`lag` is of type str", "Use int, float, bool"),
        (
            "@dataclasses.dataclass(frozen=True, kw_only=True)\n",
            "",
            "is not a dataclass",
            "above the",
        ),
        (": ClassVar[Ladder]", ": Ladder", "`ladder` is not declared by", "as a `ClassVar`"),
    ],
)
def test_knobs_that_are_not_declared_as_they_must_be(own, old, new, found, remedy):
    wrong = undeclared(own(old, new))
    assert wrong is not None
    assert found in wrong[0]
    assert remedy in wrong[1]


def test_a_short_ladder_is_remarked_on_and_passes(own):
    check = by_name(own(LADDER, 'Ladder("lag", (1, 2))')())["ladder"]
    assert check.passed
    assert "5 or more would tell models apart better" in check.found


def test_a_knob_that_cannot_be_moved_alone_is_moved_with_another():
    assert by_name(EchoLag(lag=0, length=1))["knobs"].passed


class Noisy(EchoLag):
    """An echo that is wrong one time in ten."""

    def draw(self, rng, count):
        shown = rng.random((count, 2 * self.length))
        inputs = (shown[:, : self.length] * self.values).astype(np.int32)
        wrong = shown[:, self.length :] < 0.1
        targets = (self.oracle(inputs) + wrong) % self.values
        return Episodes(inputs, targets, np.broadcast_to(self.scored(), inputs.shape))

    def ceiling(self, steps=None, sees=None):
        steps = self.scored() if steps is None else steps
        return 0.9 if sees is None else float(self.ceiling_by_step(sees)[steps].mean())

    def ceiling_by_step(self, sees):
        return np.where((sees | ~self.needs()).all(axis=1), 0.9, self.chance_by_step())


def test_a_problem_that_cannot_be_solved_wholly_may_say_so():
    failed = [name for name, check in by_name(Noisy(values=4)).items() if not check.passed]
    assert failed == []


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mean(Problem):
    """What is the mean of the inputs so far, within 0.05?"""

    length: int = knob(2, "Steps in an episode.", at_least=1, at_most=2)

    @property
    def inputs(self):
        return Reals()

    @property
    def targets(self):
        return Reals(0.05)

    def scored(self):
        return np.ones(self.length, dtype=bool)

    def draw(self, rng, count):
        inputs = rng.random((count, self.length), dtype=np.float32)
        return Episodes(inputs, self.oracle(inputs), np.ones_like(inputs, dtype=bool))

    def oracle(self, inputs):
        means = inputs.cumsum(axis=1, dtype=np.float64) / np.arange(1, self.length + 1)
        return means.astype(np.float32)

    def needs(self):
        return np.tri(self.length, dtype=bool)

    def chance_by_step(self):  # of one uniform real, and of the mean of two
        return np.array([0.1, 1 - 0.9**2])[: self.length]

    def chance_error(self, steps=None):  # noqa: ARG002
        return float(np.sqrt(np.array([1 / 12, 1 / 24])[: self.length].mean()))


class Small(Mean):
    """The same in another unit."""

    @property
    def inputs(self):
        return Reals(low=0, high=1e-9)

    @property
    def targets(self):
        return Reals(0.05e-9)

    def draw(self, rng, count):
        inputs = np.float32(1e-9) * rng.random((count, self.length), dtype=np.float32)
        return Episodes(inputs, self.oracle(inputs), np.ones_like(inputs, dtype=bool))

    def chance_error(self, steps=None):
        return 1e-9 * super().chance_error(steps)


@pytest.mark.parametrize("problem", [Mean(), Small()], ids=["mean", "small"])
def test_real_targets_have_chance_by_tolerance_and_by_error(problem):
    failed = [name for name, check in by_name(problem).items() if not check.passed]
    assert failed == ["ladder", "answer"]  # it has none, and no source


@pytest.mark.parametrize(("problem", "said"), [(Mean(), "0.3"), (Small(), "3e-10")])
def test_a_wrong_error_of_chance_is_found(problem, said, monkeypatch):
    stated = problem.chance_error()
    assert abs(Problem.chance_error(problem) - stated) < 0.02 * stated  # where nobody says it
    monkeypatch.setattr(type(problem), "chance_error", lambda self: float(said))  # noqa: ARG005
    assert f"`chance_error` says {said}" in by_name(problem)["chance"].found


def test_chance_of_one_sequence_is_that_of_one_constant(monkeypatch):
    monkeypatch.setattr(Ramp, "chance", lambda self, steps=None: 0.2)  # noqa: ARG005
    found = by_name(Ramp())["chance"].found
    assert "the best constant, one for all steps, scores 0.111" in found
    assert "`chance` says 0.200" in found


@dataclasses.dataclass(frozen=True, kw_only=True)
class SomeOfTwo(Problem):
    """Is the next value legal? A 1 is followed by 0 alone, so that not all inputs go together."""

    source = "tests"
    ladder = Ladder("length", (3, 4, 5, 6, 7))

    @property
    def inputs(self):
        return Integers(2)

    @property
    def targets(self):
        return Integers(2)

    length: int = knob(6, "Steps.", at_least=2)
    by_step: bool = knob(True, "Whether inputs are possible up to a step, or as a whole.")

    def draw(self, rng, count):
        inputs = rng.integers(2, size=(count, self.length), dtype=np.int32)
        for step in range(1, self.length):
            inputs[:, step] &= 1 - inputs[:, step - 1]
        return Episodes(inputs, self.oracle(inputs), np.ones(inputs.shape, bool))

    def scored(self):
        return np.ones(self.length, bool)

    def oracle(self, inputs):
        return 1 - inputs

    def needs(self):
        return np.eye(self.length, dtype=bool)

    def possible(self, inputs):
        legal = np.cumsum(inputs[:, 1:] & inputs[:, :-1], axis=1) == 0
        legal = np.concatenate([np.ones((len(inputs), 1), bool), legal], axis=1)
        return legal if self.by_step else np.asarray(legal.all(axis=1))

    def chance_by_step(self):
        ones = [0.5]
        for _ in range(self.length - 1):
            ones.append(0.5 * (1 - ones[-1]))
        return np.maximum(ones, 1 - np.array(ones))

    def showing(self, length):
        return dataclasses.replace(self, length=length)


@pytest.mark.parametrize("by_step", [True, False])
def test_possible_is_asked_for_beginnings_or_for_whole_episodes(by_step):
    problem = SomeOfTwo(by_step=by_step)
    checks = {check.name: check for check in check_problem(problem)}
    assert not [name for name, each in checks.items() if not each.passed and name != "knobs"]
    # No 0 after a 1 can be changed, and of a whole episode none before a 1.
    counted = moves_of(
        problem,
        problem.oracle,
        np.array([0, 1, 0, 1, 0, 1], np.int32),
        problem.scored(),
        np.random.default_rng(0),
    )
    assert counted.diagonal().tolist() == [by_step, True, False, True, False, True]


def test_flags_of_another_shape_are_refused(monkeypatch):
    monkeypatch.setattr(SomeOfTwo, "possible", lambda *_: np.ones(3, bool))
    checks = {check.name: check for check in check_problem(SomeOfTwo())}
    assert "`possible` of inputs" in checks["oracle"].found


def test_episodes_count_by_their_targets():
    """One of ten targets, all right, and one of a single wrong one: ten of eleven are right."""
    hits = np.full((2, 10), np.nan)
    hits[0], hits[1, 0] = 1, 0
    assert scores_of(hits).mean() == pytest.approx(10 / 11)
    assert len(scores_of(np.concatenate([hits, [[np.nan] * 10]]))) == 2


def test_a_part_of_the_inputs_that_tells_something_needs_a_ceiling_of_its_own(own):
    larger = "np.maximum(inputs, np.roll(inputs, self.lag, axis=1))"
    code = OWN.replace(ORACLE, larger).replace(CHANCE, "np.full(self.length, 7 / 16)")
    of = {check.name: check for check in check_problem(own(code=code)())}
    assert [name for name, check in of.items() if not check.passed] == ["ceiling"]
    assert "at step 1 a table of the current input is right in 0.6" in of["ceiling"].found
    assert "the ceiling there is 0.438" in of["ceiling"].found
    # 1 of each pair at hand: the larger is 3, or as likely 2 three times in four, and so on.
    method = (
        "\n\n    def ceiling_by_step(self, sees):\n"
        "        now = sees.diagonal()\n"
        "        before = np.append(False, sees.diagonal(-self.lag))\n"
        "        one = np.where(now | before, 5 / 8, 7 / 16)\n"
        "        return np.where(now & before, 1.0, one)\n"
    )
    assert all(check.passed for check in check_problem(own(code=code.rstrip() + method)()))
