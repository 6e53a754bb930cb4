import dataclasses
import hashlib
import importlib.util
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

import longlag as ll
from longlag.events import Advanced
from longlag.models import ExternalModel
from longlag.stop import StopToken
from longlag.training import Recipe
from longlag.trials.fit import duration, finish, fit
from longlag.trials.setting import Setting

EASY = ll.EchoLag(lag=1, length=5, values=3)
RECIPE = Recipe(sequences=1500, learning_rate=0.01)
SETTING = Setting(problem=EASY, framing=ll.Whole(), model=ll.LSTM(hidden_size=8), recipe=RECIPE)


def changed(framing=None, model=None, **recipe):
    return dataclasses.replace(
        SETTING,
        framing=framing or SETTING.framing,
        model=model or SETTING.model,
        recipe=dataclasses.replace(RECIPE, **recipe),
    )


def torch_lstm(sizes, seed):  # noqa: ARG001 - seeded by longlag
    import torch  # pyright: ignore[reportMissingImports]

    class Echo(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.LSTM(sizes.features, 8, batch_first=True)
            self.readout = torch.nn.Linear(8, sizes.outputs)

        def forward(self, inputs, state=None):
            hidden, state = self.layer(inputs, state)
            return self.readout(hidden), state

    return Echo()


TORCH = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="PyTorch is not here")
DIVERGING = dataclasses.replace(  # at update 5 or 6, the second report
    changed(model=ll.RNN(hidden_size=8), learning_rate=1.0, optimizer="sgd", sequences=1000),
    encoding=ll.Scaled,
)
CARRIED = ll.Chunks(timesteps=2, carry=True)  # blocks of three updates, which pieces cut
CONSECUTIVE = ll.Chunks(timesteps=1, carry=True, rows="consecutive")

CASES = {
    "plain": (SETTING, (0,), None),
    "several": (SETTING, (0, 1, 2), False),
    "vectorised": (SETTING, (0, 1, 2), True),
    "stopped": (changed(stop_at=0.95), (0, 1), False),
    "stopped, vectorised": (changed(stop_at=0.95), (0, 1), True),
    "diverged": (DIVERGING, (0, 1), False),
    "diverged, vectorised": (DIVERGING, (0, 1), True),
    "carried": (changed(CARRIED), (0,), None),
    "carried, vectorised": (changed(CARRIED), (0, 1), True),
    "consecutive": (changed(CONSECUTIVE, sequences=400), (0,), None),
    "masked": (changed(ll.Window(timesteps=3, missing="mask"), sequences=400), (0,), None),
    "scheduled": (changed(schedule="cosine", warmup=0.2), (0,), None),
    "scheduled, vectorised": (changed(schedule="cosine", warmup=0.2), (0, 1), True),
    "bfloat16": (changed(dtype="bfloat16"), (0,), None),
    "marked": (changed(ll.Window(timesteps=3, missing="mark"), sequences=400), (0,), None),
}


def digest(model):
    if isinstance(model, ExternalModel):
        arrays: Any = model.arrays().values()
    else:
        arrays = [each for each in jax.tree.leaves(model) if eqx.is_array(each)]
    return hashlib.sha256(b"".join(np.asarray(each).tobytes() for each in arrays)).hexdigest()


class Watched:
    """The copies that a watch was given: their updates, and their weights then and now."""

    def __init__(self):
        self.seen = []

    def __call__(self, seed, updates, copy):
        model = copy()
        self.seen.append((seed, updates, model, digest(model)))

    def of(self, seed):
        return [each for each in self.seen if each[0] == seed]


def trained(setting, seeds, vectorise, **more):
    return finish(fit(setting, seeds, vectorise=vectorise, **more))


def assert_same(with_pieces, without):
    for mine, theirs in zip(with_pieces.models, without.models, strict=True):
        assert digest(mine) == digest(theirs)
    for mine, theirs in zip(with_pieces.evaluations, without.evaluations, strict=True):
        assert mine.predicted.tobytes() == theirs.predicted.tobytes()
    assert with_pieces.diverged_at == without.diverged_at
    for mine, theirs in zip(with_pieces.history, without.history, strict=True):
        for name in ("losses", "shares"):
            joined = [np.concatenate([getattr(e, name) for e in each]) for each in (mine, theirs)]
            assert joined[0].tobytes() == joined[1].tobytes()
        assert mine[-1].outcome == theirs[-1].outcome
        assert {each.updates for each in theirs} <= {each.updates for each in mine}


@pytest.mark.parametrize("case", CASES)
def test_reports_and_a_watch_change_no_bit(case):
    setting, seeds, vectorise = CASES[case]
    without = trained(setting, seeds, vectorise)
    watched = Watched()
    run = trained(setting, seeds, vectorise, watch=watched, reports=50)
    assert_same(run, without)
    outcomes = [reports[-1].outcome for reports in run.history]
    first = case.partition(",")[0]
    assert set(outcomes) == {first if first in ("stopped", "diverged") else "finished"}
    updates = duration(setting, 1).updates
    for seed, model, reports in zip(seeds, run.models, run.history, strict=True):
        seen = watched.of(seed)
        assert [each[1] for each in seen] == [0, *(each.updates for each in reports)]
        assert max(np.diff([each[1] for each in seen])) <= updates / 50
        assert outcomes[0] != "finished" or len(reports) >= 50
        assert seen[0][3] == digest(setting.create(seed))
        assert seen[-1][3] == digest(model)
        assert all(digest(each[2]) == each[3] for each in seen)
        assert outcomes[0] == "diverged" or len({each[3] for each in seen}) == len(seen)


@TORCH
@pytest.mark.parametrize("framing", [ll.Whole(), CARRIED], ids=repr)
def test_a_model_of_another_framework_is_watched_as_a_copy(framing):
    setting = changed(framing, ll.adopt(torch_lstm), sequences=700)
    without = trained(setting, (0, 1), None)
    watched = Watched()
    run = trained(setting, (0, 1), None, watch=watched, reports=10)
    assert_same(run, without)
    for seed, model in zip((0, 1), run.models, strict=True):
        seen = watched.of(seed)
        assert seen[0][1] == 0
        assert seen[-1][2] is not model
        assert seen[-1][3] == digest(model)
        assert all(digest(each[2]) == each[3] for each in seen)
        assert len({each[3] for each in seen}) == len(seen) > 10
        shown = EASY.draw(np.random.default_rng(0), 1).inputs[0]
        said = setting.predict(seen[-1][2], shown), setting.predict(model, shown)
        np.testing.assert_array_equal(*said)


def test_fewer_updates_than_reports_are_reported_one_by_one():
    setting = changed(sequences=20)
    run = trained(setting, (0,), None, reports=50)
    assert [each.updates for each in run.history[0]] == [1, 2, 3, 4]
    assert_same(run, trained(setting, (0,), None))


def test_without_a_watch_or_reports_there_is_one_report_a_chunk():
    watched = Watched()
    run = trained(SETTING, (0,), None, watch=watched)
    assert [each.updates for each in run.history[0]] == [128, 256, 300]
    assert [each[1] for each in watched.seen] == [0, 128, 256, 300]


def test_a_stop_ends_training_within_a_chunk():
    stop = StopToken()

    def listen(event):
        if isinstance(event, Advanced) and event.updates >= 12:
            stop.stop()

    run = finish(fit(SETTING, (0,), stop=stop, reports=50), listen)
    assert run.interrupted
    assert run.history[0][-1].updates < 128


def test_a_seed_that_diverged_before_a_stop_says_so():
    stop = StopToken()

    def listen(event):
        if isinstance(event, Advanced) and event.diverged_at:
            stop.stop()

    setting = CASES["diverged"][0]
    run = finish(fit(setting, (0,), stop=stop, reports=50), listen)
    assert run.history[0][-1].updates < 128
    assert run.diverged_at == trained(setting, (0,), None).diverged_at


def test_a_fault_of_a_watch_ends_training_with_it():
    def fails(seed, updates, copy):  # noqa: ARG001
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        trained(SETTING, (0,), None, watch=fails)


def test_no_reports_are_refused():
    with pytest.raises(ValueError, match="`reports` must be at least 1, got 0"):
        trained(SETTING, (0,), None, reports=0)
