"""`longlag cite` prints what `ll.cite` says."""

import json

from study_cases import SETTING, Scripted, outcome

import longlag as ll
from longlag.store.store import Store
from longlag.studies.conduct import conduct
from longlag.studies.frontier import Frontier


def test_it_prints_the_entry_and_the_sentence(call):
    code, out, _ = call("cite")
    assert code == 0
    assert out.split() == str(ll.cite()).split()
    assert json.loads(call("cite", "--json")[1])["bibtex"] == ll.cite().bibtex


def test_with_a_store_it_says_what_was_run(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store("longlag.db", write=True) as store:
        conduct(Frontier(SETTING, seeds=2, limit=2), store, Scripted(lambda _: outcome(0.5)))
    for arguments in (("--store", "longlag.db"), ("--study", "frontier")):
        found = json.loads(call("cite", *arguments, "--json")[1])
        assert found["ran"]["trials"] == 2
        assert "echo-lag (version 1" in found["sentence"]
    code, _, err = call("cite", "--study", "compare")
    assert code == 2
    assert "There is no study `compare`" in err
    code, _, err = call("cite", "--store", "longlag.db", "--output", "longlag.db", "--force")
    assert code == 2
    assert "is the file of --store" in err
