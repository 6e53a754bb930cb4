"""Names that the user gives to the models of a study."""

import functools
import json

import numpy as np
import pytest
from study_cases import drive, outcome, seed_score

import longlag as ll
from longlag.studies import labels
from longlag.studies.comparison import Comparison
from longlag.studies.generalisation import Generalisation
from longlag.studies.study import words
from longlag.training import Recipe

ECHO = ll.EchoLag(lag=1, length=10, values=4)
MODELS = {"ours": "lstm(hidden_size=3)", "theirs": ll.GRU(hidden_size=3), "rnn": "rnn"}
RECIPE = Recipe(sequences=1000)


def scored(trial):
    scores = {
        name: seed_score(1.0, in_distribution=problem == trial.setting.problem)
        for name, problem in trial.setting.scored_on.items()
    }
    return outcome(scores=scores)


def compared(models):
    return Comparison(models, [ECHO], rungs=1, rates=[0.01], seeds=2, recipe=RECIPE)


def generalised(models):
    return Generalisation(ECHO, ll.Whole(), models, test=[20], seeds=2, recipe=RECIPE)


@pytest.mark.parametrize("study_of", [compared, generalised])
def test_a_study_shows_its_models_by_the_names_they_were_given(study_of):
    study, plain = study_of(MODELS), study_of(MODELS.values())
    trials, same = (drive(each, scored) for each in (study, plain))
    assert {trial.id for trial in trials} == {trial.id for trial in same}  # none runs anew
    assert study.id != plain.id
    answer = study.answer()
    assert {row["model"] for row in answer.rows()} == {*MODELS}
    assert {row["model"] for row in answer.rows("trial")} == {*MODELS}
    text = "Models: ours is lstm hidden_size=3; theirs is gru hidden_size=3."
    assert text in str(answer).replace("\n", " ")
    assert text in answer.caption
    again = type(study).of(json.loads(json.dumps(study.question())))
    assert again.id == study.id
    drive(again, scored)
    assert str(again.answer()) == str(answer)
    assert "names" not in plain.question()  # as in earlier versions


def made(sizes, seed, width, act=None):
    raise NotImplementedError


def test_unlike_models_with_the_same_words_are_told_apart_by_their_names():
    given = {
        "relu": functools.partial(made, width=3, act=abs),
        "tanh": functools.partial(made, width=3, act=len),
        "one": lambda *_: None,
        "other": lambda *_: None,
        "sixteen": functools.partial(made, width=np.int64(16)),
    }
    models = labels.models_by_label("Comparison", given)
    assert list(models) == list(given)
    assert words(models["relu"]) == "made(width=3, act=abs)"
    assert words(models["sixteen"]).endswith(":made(width=16)")
    with pytest.raises(ValueError, match="twice"):
        labels.models_by_label("Comparison", {"a": given["one"], "b": given["one"]})


@pytest.mark.parametrize("study_of", [compared, generalised])
@pytest.mark.parametrize(
    ("models", "line"),
    [
        ({"a": "rnn", "a ": "mlp"}, "the name a is given twice. Use another"),
        ({"a": "lstm", "b": "lstm()"}, "`models` names lstm twice"),
        ({"": "lstm"}, "names of `models` must be texts of 1 to 60 printable characters, got ''"),
        ({"a\nb": "lstm"}, "printable"),
        ({"a" * 61: "lstm"}, "Use a short one"),
        ({}, "at least one"),
    ],
)
def test_names_that_cannot_be_shown_are_refused(study_of, models, line):
    with pytest.raises(ValueError, match=line):
        study_of(models)
