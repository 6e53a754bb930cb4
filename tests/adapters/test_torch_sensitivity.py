"""What a PyTorch module uses: as a model of our own with the same weights."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed here")

import torch  # pyright: ignore[reportMissingImports]

import longlag as ll
from longlag.adapters import weights
from longlag.models import OneHotInput
from longlag.training import Recipe
from longlag.trials.sensitivity import sensitivity
from longlag.trials.setting import Setting

ECHO = ll.EchoLag(lag=1, length=6, values=3)


class Recurrent(torch.nn.Module):
    def __init__(self, sizes, hidden=4):
        super().__init__()
        self.layer = torch.nn.LSTM(sizes.features, hidden, batch_first=True)
        self.readout = torch.nn.Linear(hidden, sizes.outputs)

    def forward(self, inputs, state=None):
        hidden, state = self.layer(inputs, state)
        return self.readout(hidden), state


class Skipping(torch.nn.Module):
    """A sum of the steps that are not masked, step by step."""

    def __init__(self, sizes):
        super().__init__()
        self.readout = torch.nn.Linear(sizes.features, sizes.outputs)

    def forward(self, inputs, mask=None):
        shown = inputs if mask is None else inputs * mask[..., None]
        return torch.tanh(self.readout(shown.cumsum(1)))


def setting(framing, model, problem: Any = ECHO, rows=2):
    recipe = Recipe(batch_size=rows)
    return Setting(problem=problem, framing=framing, model=model, recipe=recipe)


FRAMED = [
    (ll.Whole(), ECHO),
    (ll.Window(timesteps=3, missing="mark"), ECHO),
    (ll.Chunks(timesteps=2), ECHO),
    (ll.Chunks(timesteps=2, carry=True), ECHO),
    (ll.Chunks(timesteps=1, carry=True, rows="consecutive"), ECHO),
    (ll.Whole(), ll.Ramp(length=6)),
]


@pytest.mark.parametrize(("framing", "problem"), FRAMED, ids=repr)
def test_a_module_uses_what_its_twin_does(framing, problem):
    ours = setting(framing, ll.LSTM(hidden_size=4), problem)
    model: Any = ours.create(0)
    inner: Any = model.model if isinstance(model, OneHotInput) else model

    def make(sizes, _):
        module = Recurrent(sizes)
        pairs = zip((module.layer, module.readout), weights.to_torch(inner), strict=True)
        for part, state in pairs:
            part.load_state_dict({name: torch.tensor(each) for name, each in state.items()})
        return module

    theirs = setting(framing, ll.adopt(make), problem)
    expected = sensitivity(ours, model, seed=3, sequences=3)
    found = sensitivity(theirs, theirs.create(0), seed=3, sequences=3)
    assert expected.any()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert ((found > 0) == (expected > 0)).all()


@pytest.mark.parametrize(
    "framing", [ll.Window(timesteps=3, missing="mask"), ll.Prefix(), ll.Chunks(timesteps=3)]
)
def test_of_masked_steps_it_uses_nothing(framing):
    each = setting(framing, ll.adopt(lambda sizes, _: Skipping(sizes)))
    used = sensitivity(each, each.create(0), sequences=2)
    assert ((used > 0) == each.audit().sees).all()


def test_dropout_is_off_and_the_weights_stay():
    def make(sizes, _):
        return torch.nn.Sequential(
            torch.nn.Linear(sizes.features, sizes.outputs), torch.nn.Dropout(0.5)
        )

    each = setting(ll.Whole(), ll.adopt(make))
    model: Any = each.create(0)
    used = sensitivity(each, model, sequences=2)
    weight = dict(model.module.named_parameters())["0.weight"]
    norm = float(weight.detach().norm())
    assert weight.grad is None
    np.testing.assert_allclose(used[1:], norm * np.eye(6)[1:], rtol=1e-5)


def test_a_model_that_takes_values_has_no_gradient_by_its_inputs():
    def make(sizes, _):
        return torch.nn.Embedding(sizes.values, sizes.outputs)

    each = setting(ll.Whole(), ll.adopt(make, inputs="values"))
    with pytest.raises(ValueError, match=r"takes values, which have no gradient. Use inputs='feat"):
        sensitivity(each, each.create(0))
