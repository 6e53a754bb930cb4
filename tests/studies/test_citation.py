"""How to cite longlag, and what is said of a store."""

import dataclasses
import json
import re
import sqlite3
from contextlib import closing
from importlib import metadata
from pathlib import Path

import pytest
from study_cases import SETTING, Scripted, outcome

import longlag as ll
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.conduct import conduct
from longlag.studies.frontier import Frontier
from longlag.studies.registry import KINDS
from longlag.trials.environment import here

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("cited") / "study.db"
    older = dataclasses.replace(here(), packages=dict(here().packages) | {"jax": "0.9.1"})

    def came(task):
        where = older if task.seeds == (1,) else here()
        state = 6 if task.setting["model"]["kind"] == "lstm" else None
        return dataclasses.replace(outcome(0.5), environment=where, state=state)

    studies = (
        Frontier(SETTING, seeds=3, limit=2),
        Comparison(["lstm", "mlp(hidden_size=7)"], [ll.Ramp()], seeds=1, rungs=2),
    )
    with Store(path, write=True) as saved:
        for study in studies:
            conduct(study, saved, Scripted(came), command="longlag it")
    return path


def test_the_entry_has_what_citation_cff_has():
    text = (ROOT / "CITATION.cff").read_text()
    bibtex = ll.cite().bibtex
    for words in re.findall(r'(?:title|name): "(.*)"', text):
        assert words in bibtex
    assert metadata.version("longlag") in bibtex
    assert bibtex.count("{") == bibtex.count("}")


def test_without_a_store_nothing_is_said_to_have_run():
    found = ll.cite()
    assert found.ran is None
    assert "\\cite{longlag}" in str(found)
    assert "trials" not in found.sentence
    assert found.to_dict()["ran"] is None


def test_what_was_run_is_said(store):
    found = ll.cite(store)
    ran = found.ran
    assert ran is not None
    assert ran.kinds == ("frontier", "compare")
    by_name = {each.problem: each for each in ran.problems}
    assert by_name["echo-lag"].version == 1
    assert by_name["echo-lag"].knobs["values"] == (4,)
    assert ran.seeds == (0, 1, 2)
    assert ran.models["lstm hidden_size=3"] == (99, 99)
    assert ran.states == {"lstm": (6, 6), "lstm hidden_size=3": (6, 6)}  # an MLP carries none
    assert "lstm hidden_size=3 (99 weights, state 6)" in found.sentence
    assert sorted({each["packages"]["jax"] for each in ran.environments}) == sorted(
        {"0.9.1", metadata.version("jax")}
    )
    text = found.sentence
    for words in ("seeds 0 to 2", "echo-lag (version 1", "mlp hidden_size=7", "jax 0.9.1"):
        assert words in text
    assert "Student's t" in text
    assert "for the median" in text
    assert "hidden\\_size" in found.latex
    assert "%" not in found.latex
    json.dumps(found.to_dict(), allow_nan=False)


def test_one_study_is_said_alone(store):
    ran = ll.cite(store, study="compare").ran
    assert ran is not None
    assert ran.kinds == ("compare",)
    assert [each.problem for each in ran.problems] == ["ramp"]
    assert "Student's t" in str(ran)
    assert "median" not in str(ran)


def test_the_version_is_the_one_that_ran(tmp_path, store):
    path = tmp_path / "older.db"
    path.write_bytes(store.read_bytes())
    with closing(sqlite3.connect(path)) as older:
        (text,) = older.execute("SELECT document FROM environments LIMIT 1").fetchone()
        document = json.loads(text)
        document["packages"]["longlag"] = "0.0.9"
        older.execute("UPDATE environments SET document = ?", (json.dumps(document),))
        older.commit()
    assert "longlag 0.0.9 [longlag]" in ll.cite(path).sentence
    assert "version 0.0.9" in ll.cite(path).bibtex


@pytest.mark.parametrize(
    "document",
    ['{"problem": {"kind": "a", "knobs": []}, "recipe": "x"}', "{}", '{"problem": "x"}'],
)
def test_a_setting_without_its_parts_is_no_traceback(tmp_path, store, document):
    path = tmp_path / "damaged.db"
    path.write_bytes(store.read_bytes())
    with closing(sqlite3.connect(path)) as damaged:
        damaged.execute("UPDATE settings SET document = ?", (document,))
        damaged.commit()
    assert ll.cite(path).to_dict()["ran"]["budgets"] == [0]


def test_every_kind_of_study_has_a_method_of_its_intervals():
    from longlag.studies.citation import INTERVALS

    assert set(INTERVALS) == set(KINDS)


def test_what_cannot_be_cited_is_one_line(tmp_path, store):
    with pytest.raises(ValueError, match=r"There is no store at .*none\.db"):
        ll.cite(tmp_path / "none.db")
    with pytest.raises(ValueError, match="There is no study `profile`"):
        ll.cite(store, study="profile")
    with pytest.raises(ValueError, match="Name the store"):
        ll.cite(study="frontier")
    Store(tmp_path / "empty.db", write=True).close()
    with pytest.raises(ValueError, match="There is no finished trial in"):
        ll.cite(tmp_path / "empty.db")


def test_a_recipe_is_named_wherever_it_is_not_the_default(tmp_path):
    recipe = ll.Recipe(optimizer="adamw", clip_norm=1, batch_size=7)
    setting = dataclasses.replace(SETTING, recipe=recipe)
    study = Frontier(setting, seeds=1, limit=1)
    knobs = "optimizer=adamw batch_size=7 clip_norm=1"
    with Store(tmp_path / "s.db", write=True) as saved:
        conduct(study, saved, Scripted(lambda _: outcome(0.5)), command="longlag it")
    answer = study.answer()
    assert {*knobs.split()} <= {*str(answer).replace(")", " ").replace(",", " ").split()}
    assert "; clip" not in answer.caption
    assert all(knob in answer.caption for knob in knobs.split())
    assert "adamw with batches of 7, clip_norm 1;" in ll.cite(tmp_path / "s.db").sentence
    plain = Frontier(SETTING, seeds=1, limit=1).answer()
    assert "optimizer" not in plain.caption
