"""Saving in Python: no file of another program is written over, but with `force=True`."""

import functools
import re
from pathlib import Path

import pytest

import longlag as ll
from longlag.adapters.datasets.files import export
from longlag.report.page import Page

AUDIT = ll.audit(ll.EchoLag(lag=1, values=3, length=4), ll.Whole())
PAGE = Page(title="Notes", about="", sections=())


@functools.cache
def run():
    return ll.train(ll.EchoLag(lag=0, values=3), ll.Whole(), ll.MLP(hidden_size=2), sequences=2)


def exported(path, **force):
    export(ll.EchoLag(), ll.Whole(), path.parent, train=3, format="npz", **force)


SAVES = {
    "paper.tex": AUDIT.save,
    "notes.md": AUDIT.save,
    "data.csv": AUDIT.save,
    "conf.json": AUDIT.save,
    "table.parquet": AUDIT.save,
    "index.html": AUDIT.save,
    "map.svg": AUDIT.save,
    "map.png": AUDIT.save,
    "weights.safetensors": lambda path, **force: run().trained().save(path, **force),
    "page.html": PAGE.save,
    "README.md": exported,
    "train.npz": exported,
}


@pytest.mark.parametrize("name", SAVES)
def test_a_file_that_longlag_did_not_write_is_replaced_only_with_force(tmp_path, name):
    path, save = tmp_path / name, SAVES[name]
    path.write_text("of another program\n")
    with pytest.raises(ValueError, match=rf"{re.escape(name)} is no .* force=True\.$"):
        save(path)
    assert path.read_text() == "of another program\n"
    assert [each.name for each in tmp_path.iterdir()] == [name]
    save(path, force=True)
    written = path.read_bytes()
    save(path)  # its own file
    assert len(path.read_bytes()) > 20
    assert written[:5] == path.read_bytes()[:5]


def test_a_run_saves_its_model_and_its_answer_likewise(tmp_path):
    for name in ("m.safetensors", "model", "run.json"):
        path = Path(tmp_path, name)
        path.write_text("{}")
        with pytest.raises(ValueError, match=r"is no .* force=True"):
            run().save(path)
        run().save(path, force=True)
        run().save(path)
