import dataclasses

import numpy as np

import longlag as ll
from longlag import streams
from longlag.training import Recipe
from longlag.trials import tuning

SETTING = ll.Setting(
    problem=ll.EchoLag(lag=0, values=6),
    framing=ll.Chunks(),
    model=ll.MLP(),
    recipe=Recipe(sequences=150, batch_size=25),
)


def test_the_best_of_the_grid_is_chosen_on_the_validation_stream(monkeypatch):
    asked = []
    real = ll.Setting.evaluate

    def evaluate(self, model, seed, *, part):
        asked.append((seed, part))
        return real(self, model, seed, part=part)

    monkeypatch.setattr(ll.Setting, "evaluate", evaluate)
    heard = []
    search = ll.Search(setting=SETTING, hidden_sizes=(2, 32), learning_rates=(1e-7, 1e-2))
    found = ll.tune(search, lambda *progress: heard.append(progress))
    assert asked == [(tuning.SEED, "validation")] * 4
    assert heard
    assert found.setting.model == ll.MLP(hidden_size=32)
    assert found.setting.recipe == Recipe(sequences=150, batch_size=25, learning_rate=1e-2)
    tried = {
        (getattr(setting.model, "hidden_size", 0), setting.recipe.learning_rate): accuracy
        for setting, accuracy, _ in found.tried
    }
    assert set(tried) == {(2, 1e-7), (2, 1e-2), (32, 1e-7), (32, 1e-2)}
    assert max(tried.values()) == tried[32, 1e-2]
    assert str(found) == "width 32 and learning rate 0.01 chosen of 4"


def test_a_candidate_that_diverged_loses_every_tie(monkeypatch):
    real = tuning.finish

    def finish(fitting, listen):
        run = real(fitting, listen)
        first = run.setting.recipe.learning_rate == 1e-3
        lost = dataclasses.replace(run.history[0][-1], losses=np.array([np.nan if first else 1.0]))
        wrong = dataclasses.replace(run.evaluations[0], targets=run.evaluations[0].predicted + 1)
        return dataclasses.replace(run, history=((lost,),), evaluations=(wrong,))

    monkeypatch.setattr(tuning, "finish", finish)
    search = ll.Search(setting=SETTING, hidden_sizes=(4,), learning_rates=(1e-3, 1e-2))
    assert ll.tune(search).setting.recipe.learning_rate == 1e-2


def test_no_stream_is_another():
    draws = {
        tuple(stream(0).integers(1000, size=8))
        for stream in (streams.training, streams.validation, streams.evaluation)
    }
    assert len(draws) == 3
