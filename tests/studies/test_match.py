"""Models of equal size: as many weights, or numbers of state, as the first."""

import dataclasses
import json
from typing import Any

import jax
import pytest

import longlag as ll
from longlag.adapters import user_code
from longlag.studies.comparison import Comparison
from longlag.studies.match import TOLERANCE, matched

PROBLEMS = [ll.EchoValue(values=7, length=12), ll.Ramp()]
MODELS = ["lstm(hidden_size=40)", "gru", "rnn", "mlp"]


def comparison(**knobs):
    knobs = {"rungs": 2, "rates": [0.01, 0.001], "seeds": 1, "match": "parameters", **knobs}
    return Comparison(knobs.pop("models", MODELS), PROBLEMS, **knobs)


def weights(setting):
    return sum(leaf.size for leaf in jax.tree.leaves(setting.create(0)) if hasattr(leaf, "size"))


def test_each_model_has_as_many_weights_as_the_first_at_each_level():
    by_place = {}
    for setting, _ in comparison().ahead():
        place = setting.problem, type(setting.model).__name__
        by_place.setdefault(place, set()).add(weights(setting))
    problems = {problem for problem, _ in by_place}
    assert len(by_place) == len(problems) * len(MODELS) > len(MODELS)
    for problem in problems:
        (goal,) = by_place[problem, "LSTM"]
        for name in ("GRU", "RNN", "MLP"):
            assert all(abs(each - goal) <= 0.02 * goal for each in by_place[problem, name])


def test_the_width_is_the_nearest_one():
    first, sizes = ll.LSTM(hidden_size=60), ll.Sizes(features=5, outputs=3, timesteps=9)
    for model in (ll.GRU(), ll.RNN(hidden_size=200), ll.MLP(context=4)):
        found: Any = matched("parameters", model, first, sizes)
        near, least, most = (
            abs(count(dataclasses.replace(found, hidden_size=width), sizes) - count(first, sizes))
            for width in (found.hidden_size, found.hidden_size - 1, found.hidden_size + 1)
        )
        assert near <= min(least, most)
        assert near <= TOLERANCE * count(first, sizes)
    found = matched("state", ll.GRU(), first, sizes)
    assert found.hidden_size == 120
    assert matched("parameters", first, first, sizes) is first


def count(model, sizes):
    return sum(leaf.size for leaf in jax.tree.leaves(model(sizes, 0)) if hasattr(leaf, "size"))


def test_a_study_goes_on_with_the_widths_it_began_with():
    study = comparison()
    again = Comparison.of(study.question())
    assert (again.id, list(again.ahead())) == (study.id, list(study.ahead()))
    assert study.id != comparison(match=None).id
    assert study.answer().sizes == again.answer().sizes
    text = study.answer().matched
    assert text.startswith("Each model has as many weights as lstm hidden_size=40, within 2%: gru")
    assert " on echo-value length=12 values=7, gru hidden_size=" in text
    assert comparison(match=None).answer().matched == ""
    assert text in study.answer().caption


WRONG = {
    "state of none": ({"match": "state"}, "mlp has no numbers of state. Leave it out."),
    "first without": ({"match": "state", "models": ["mlp", "gru"]}, "mlp has no numbers of state"),
    "too small": ({"models": ["lstm(hidden_size=2)", "gru"]}, "Use a larger lstm first"),
    "no width": (
        {"models": ["gru", lambda *_: None]},
        "has no `hidden_size` among its arg",
    ),
}


@pytest.mark.parametrize(("knobs", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_matched_is_one_line(knobs, message):
    with pytest.raises(ValueError, match=message.replace("(", "\\(")):
        comparison(**knobs)


MINE = """
import torch


class Net(torch.nn.Module):
    def __init__(self, sizes, width):
        super().__init__()
        self.cell = torch.nn.GRU(sizes.features, width, batch_first=True)
        self.out = torch.nn.Linear(width, sizes.outputs)

    def forward(self, inputs, state=None):
        hidden, state = self.cell(inputs, state)
        return self.out(hidden), state


def make(sizes, seed, width=32):
    return Net(sizes, width)


def named(sizes, seed, *, hidden_size):
    return Net(sizes, hidden_size)
"""


@pytest.mark.parametrize("by", ["parameters", "state"])
def test_a_function_with_a_width_is_matched_and_matched_to(by, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is not installed here")
    (tmp_path / "mine.py").write_text(MINE)
    make, named = f"{tmp_path}/mine.py:make", f"{tmp_path}/mine.py:named"
    study = comparison(models=["gru(hidden_size=40)", make, f"{named}(hidden_size=3)"], match=by)
    widths = {each.knob: each.hidden_size for each in study.answer().sizes}
    assert widths.keys() == {"width", "hidden_size"}
    assert all(abs(width - 40) <= 1 for width in widths.values())
    assert Comparison.of(study.question()).answer().sizes == study.answer().sizes
    assert "mine.py:make width=" in study.answer().matched
    monkeypatch.setattr(user_code, "_named", {})  # as in a process that was not given the file
    read = Comparison.of(json.loads(json.dumps(study.question())))
    assert (read.id, read.answer().matched) == (study.id, study.answer().matched)
    first, second = (each.ask() for each in (study, read))
    assert first is not None
    assert second is not None
    assert first.setting.model.words == second.setting.model.words
    study = comparison(models=[make, "gru"], match=by)
    assert {abs(each.hidden_size - 32) <= 1 for each in study.answer().sizes} == {True}
