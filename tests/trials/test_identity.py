import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

import longlag as ll
from longlag.adapters import tables
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS
from longlag.models import MODELS
from longlag.problems import PROBLEMS
from longlag.store import parsing
from longlag.training import Recipe
from longlag.trials import documents, identity
from longlag.trials.identity import Trial
from longlag.trials.setting import Setting

USUAL = Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.LSTM())


def knob_values(knob):
    """Values of a knob's type and range; whole numbers too where reals are asked for."""
    if knob.choices:
        values = st.sampled_from(knob.choices)
    elif knob.kind is bool:
        values = st.booleans()
    elif knob.kind is int:
        least = int(knob.at_least or 0)
        values = st.integers(least, least + 40)
    else:
        most = 1.0 if knob.at_most is None else knob.at_most
        values = st.floats(1e-6, most) | st.just(1)
    return st.none() | values if knob.optional else values


def knobs_of(kinds):
    """A kind of part, and knobs for it that may or may not go together."""

    def knobs(kind):
        values = {knob.name: knob_values(knob) for knob in kind.knobs()}
        return st.tuples(st.just(kind), st.fixed_dictionaries(values))

    return st.sampled_from(list(kinds)).flatmap(knobs)


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # parts that do not fit
@given(
    problem=knobs_of(PROBLEMS.values()),
    framing=knobs_of(FRAMINGS.values()),
    model=knobs_of(MODELS.values()),
    recipe=knobs_of([Recipe]),
    encoding=st.sampled_from([None, "one-hot", "scaled"]),
    seed=st.integers(0, 2**40),
)
def test_a_setting_comes_back_from_its_document(problem, framing, model, recipe, encoding, seed):
    try:
        before = Setting(
            problem=problem[0](**problem[1]),
            framing=framing[0](**framing[1]),
            model=model[0](**model[1]),
            encoding=None if encoding is None else ENCODINGS[encoding],
            recipe=recipe[0](**recipe[1]),
        )
    except ValueError:
        reject()
    text = json.dumps(documents.document(before), allow_nan=False)
    after = documents.setting(json.loads(text))
    assert after == before
    assert Trial(setting=after, seed=seed).id == Trial(setting=before, seed=seed).id
    assert documents.document(after) == json.loads(text)


def test_every_default_is_written_out():
    written = documents.document(USUAL)
    for part, made in (("problem", USUAL.problem), ("recipe", USUAL.recipe)):
        # Knobs that came later are left out at their defaults, so that trials keep their names.
        fields = {knob.name for knob in made.knobs() if not knob.added}
        assert set(written[part]) == fields | {"kind"}
    assert written["recipe"]["sequences"] == 2000


def other_values(made, knob):
    value = getattr(made, knob.name)
    if knob.choices:
        return [choice for choice in knob.choices if choice != value]
    if knob.kind is bool:
        return [not value]
    if value is None:
        return [1, 3, 0.3]
    # Some are even, or odd, or shares below 1 that are above another.
    others = [value + 1, value - 1, value + 2, value / 2 or 0.3, (value + 1) / 2]
    return [other for other in others if other != value]


PARTS = [
    ("problem", [*PROBLEMS.values()]),
    ("framing", [*FRAMINGS.values()]),
    ("model", [*MODELS.values()]),
    ("recipe", [Recipe]),
]
KNOBS = [(part, kind, knob) for part, kinds in PARTS for kind in kinds for knob in kind.knobs()]


@pytest.mark.parametrize(
    ("part", "kind", "knob"), KNOBS, ids=[f"{kind.__name__}.{knob.name}" for _, kind, knob in KNOBS]
)
def test_every_knob_is_part_of_the_identity(part, kind, knob):
    needed = {"rows": {"carry": True}, "weight_decay": {"optimizer": "adamw"}}
    usual = kind(**needed.get(knob.name, {}))
    decodes = (part == "framing" and kind.output == "decoder") or getattr(kind, "decodes", False)
    rest = {"problem": ll.EchoSubsequence(), "framing": ll.Whole(), "model": ll.LSTM()}
    if decodes:
        rest |= {"framing": ll.EncoderDecoder(), "model": ll.Seq2Seq()}
    first = Trial(setting=Setting(**(rest | {part: usual})), seed=0)
    tried = 0
    for value in other_values(usual, knob):
        try:
            other = dataclasses.replace(usual, **{knob.name: value})
        except (ValueError, TypeError):
            continue
        tried += 1
        assert Trial(setting=Setting(**(rest | {part: other})), seed=0).id != first.id
    assert tried


def test_seed_encoding_and_kind_are_part_of_the_identity():
    parts = [
        {},
        {"encoding": ll.Scaled},
        {"model": ll.GRU()},
        {"framing": ll.Prefix()},
        {"problem": ll.EchoValue(length=25)},
    ]
    names = {
        Trial(setting=dataclasses.replace(USUAL, **part), seed=seed).id
        for part in parts
        for seed in (0, 1, 11)
    }
    assert len(names) == 3 * len(parts)


def test_equal_trials_have_one_name_in_every_process():
    """Whether a threshold was written 3 or 3.0, and whatever the order of hashing."""
    code = """
import longlag as ll
from longlag.trials.identity import Trial
from longlag.trials.setting import Setting
for threshold in (3, 3.0):
    problem = ll.CumulativeThreshold(threshold=threshold)
    setting = Setting(problem=problem, framing=ll.Chunks(carry=True), model=ll.GRU())
    print(Trial(setting=setting, seed=7).id)
"""
    problem = ll.CumulativeThreshold(threshold=3)
    setting = Setting(problem=problem, framing=ll.Chunks(carry=True), model=ll.GRU())
    names = [Trial(setting=setting, seed=7).id]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "1"},  # this process has another
        capture_output=True,
        text=True,
        check=True,
    )
    names += done.stdout.split()
    assert len(names) == 3
    assert len(set(names)) == 1


def test_names_do_not_depend_on_source_text(tmp_path):
    """A new file, a reworded help and a renamed helper leave every name as it was."""
    home = tmp_path / "longlag"
    shutil.copytree(Path(ll.__file__).parent, home, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "problems" / "new.py").write_text("SIZE = 3\n")
    (home / "models" / "new.py").write_text("SIZE = 3\n")
    echo = home / "problems" / "echo.py"
    text = echo.read_text()
    assert "Steps to look back." in text
    echo.write_text(
        text.replace("Steps to look back.", "How far?").replace("_source_steps", "_before")
    )
    code = """
import longlag as ll
from longlag.trials.identity import Trial
from longlag.trials.setting import Setting
for problem in (ll.EchoLag(), ll.Ramp()):
    print(Trial(setting=Setting(problem=problem, framing=ll.Whole(), model=ll.LSTM()), seed=0).id)
print(ll.EchoLag.knobs()[1].help, ll.__file__)
"""
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    first, second, help = done.stdout.splitlines()
    assert help == f"How far? {home / '__init__.py'}"
    settings = [USUAL, dataclasses.replace(USUAL, problem=ll.Ramp())]
    assert [first, second] == [Trial(setting=setting, seed=0).id for setting in settings]


@pytest.mark.parametrize("part", ["problem", "framing", "model", "engine", "encoding"])
def test_names_change_with_the_version_of_a_part(monkeypatch, part):
    before = Trial(setting=USUAL, seed=0).id
    other = Trial(setting=dataclasses.replace(USUAL, model=ll.GRU()), seed=0).id
    if part == "engine":
        monkeypatch.setattr("longlag.trials.identity.ENGINE", 2)
    else:
        kind = ll.OneHot if part == "encoding" else type(getattr(USUAL, part))
        monkeypatch.setattr(kind, "version", 2)
    assert Trial(setting=USUAL, seed=0).id != before
    changed = Trial(setting=dataclasses.replace(USUAL, model=ll.GRU()), seed=0).id
    assert (changed != other) == (part != "model")


def test_what_a_name_is_made_of_is_pinned():
    """A change here renames every trial of every store: only a version may do that."""
    assert Trial(setting=USUAL, seed=0).id == "7317a73076315582"


def test_a_recipe_that_counted_epochs_is_read_and_keeps_its_name():
    written = documents.document(USUAL)
    before = written["recipe"].pop("sequences")
    written["recipe"]["epochs"] = before
    again = documents.setting(written)
    assert again == USUAL
    assert Trial(setting=again, seed=0).id == Trial(setting=USUAL, seed=0).id


def without(part):
    return {name: value for name, value in documents.document(USUAL).items() if name != part}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem": {"kind": "echo-lagg"}}, r"There is no problem `echo-lagg`\. .* `echo-lag`"),
        ({"problem": {}}, r"There is no problem `None`\. Known: "),
        ({"framing": {"kind": "hole"}}, r"There is no framing `hole`\. Did you mean `whole`"),
        ({"model": {"kind": "lstn"}}, r"There is no model `lstn`\. Did you mean `lstm`"),
        ({"encoding": "one-hit"}, r"There is no encoding `one-hit`\. Did you mean `one-hot`"),
        ({"recipe": {"kind": "recip"}}, r"There is no recipe `recip`\. Did you mean `recipe`"),
        (
            {"problem": {"kind": "echo-lag", "lagg": 2}},
            r"problem echo-lag has no knob `lagg`\. Did you mean `lag`\?",
        ),
        (
            {"recipe": {"kind": "recipe", "epoch": 2}},
            r"recipe recipe has no knob `epoch`\. longlag calls it `sequences`",
        ),
        ({"problem": {"kind": "echo-lag", "lag": -1}}, "`lag` must be at least 0, got -1"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_in_one_line(change, message):
    with pytest.raises(ValueError, match=message) as caught:
        documents.setting(documents.document(USUAL) | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["problem", "framing", "encoding", "model", "recipe"])
def test_a_missing_part_is_named(part):
    with pytest.raises(ValueError, match=f"the document has no part `{part}`"):
        documents.setting(without(part))


def test_a_store_has_the_path_of_a_series_from_the_working_folder(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "data.csv"
    path.parent.mkdir()
    path.write_text("a\n" + "".join(f"{row % 7}\n" for row in range(60)))
    series = ll.Series(tables.read(path).values, names=("a",), path=str(path), length=3)
    setting = Setting(problem=series, framing=ll.Whole(), model=ll.MLP())
    monkeypatch.chdir(tmp_path)
    written = documents.stored(setting)
    assert written["problem"]["path"] == os.path.join("deep", "data.csv")
    assert documents.setting(written) == setting
    monkeypatch.chdir(path.parent)
    assert documents.stored(setting)["problem"]["path"] == "data.csv"
    found = parsing.setting(tmp_path / "longlag.db", "a setting", identity.canonical(written))
    assert documents.setting(found) == setting  # beside the store
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert documents.stored(setting)["problem"]["path"] == str(path)
    assert documents.public(documents.document(setting))["problem"]["path"] == "data.csv"


def test_a_series_is_named_by_its_values_and_read_from_its_file(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("day,a,b\n" + "".join(f"x,{row % 7},{row}\n" for row in range(60)))
    read = tables.read(path, ["b", "a"])
    series = ll.Series(read.values, names=read.names, path=str(path), length=3, horizon=2)
    setting = Setting(problem=series, framing=ll.Whole(), model=ll.MLP())
    written = json.loads(json.dumps(documents.document(setting)))
    assert documents.setting(written) == setting
    moved = dataclasses.replace(series, path="/elsewhere.csv")
    other = dataclasses.replace(series, values=read.values + 1)
    ids = [
        Trial(setting=dataclasses.replace(setting, problem=each), seed=0).id
        for each in (series, moved, other)
    ]
    assert ids[0] == ids[1] != ids[2]
    path.write_text(path.read_text() + "x,1,60\n")
    with pytest.raises(ValueError, match=r"data\.csv was edited since, or read in another way"):
        documents.setting(written)
    path.unlink()
    with pytest.raises(ValueError, match=r"There is no file .*data\.csv"):
        documents.setting(written)
    nowhere = dataclasses.replace(series, path=None)
    with pytest.raises(ValueError, match="its series was not read from a file"):
        documents.setting(documents.document(dataclasses.replace(setting, problem=nowhere)))
    assert documents.setting(documents.document(setting), read.values) == setting
