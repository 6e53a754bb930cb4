"""Where trials were still learning an answer is a lower bound, and says what to change."""

import dataclasses

import numpy as np
import pytest
from study_cases import BUDGET, SETTING, curve, drive, outcome, seed_score, value_of

import longlag as ll
from longlag.studies.comparison import Comparison
from longlag.studies.frontier import Frontier
from longlag.studies.generalisation import Generalisation
from longlag.studies.lower_bound import LowerBound
from longlag.studies.profile import Profile
from longlag.training import Recipe

ECHO = ll.EchoLag(values=4)
MODEL = ll.LSTM(hidden_size=3)
FALLING, FLAT = curve(np.linspace(2.0, 1.0, 20)), curve([1.0] * 20)


def recipe(rate=0.001):
    return Recipe(sequences=BUDGET, learning_rate=rate)


STUDIES = {
    "frontier": lambda: Frontier(SETTING, seeds=3),
    "compare": lambda: Comparison([MODEL], [ECHO], recipe=recipe(), rungs=3, seeds=1),
    "profile": lambda: Profile(MODEL, [ECHO], recipe=recipe(), rates=[0.001, 0.01], longer=()),
    "generalise": lambda: Generalisation(
        SETTING.problem, SETTING.framing, [MODEL], test=[12], recipe=recipe(), seeds=3
    ),
}


def came(shape):
    def come_out(trial):
        skill = 1.0 if value_of(trial) < 2 and not trial.setting.tests else 0.5
        scores = {name: seed_score(skill) for name in trial.setting.scored_on}
        return outcome(skill, curve=shape, scores=scores)

    return come_out


@pytest.mark.parametrize("kind", STUDIES)
def test_trials_that_were_still_learning_make_it_a_lower_bound(kind):
    study = STUDIES[kind]()
    drive(study, came(FALLING))
    text = " ".join(str(study.answer()).split())
    assert "A lower bound: " in text
    assert "had not stopped learning when the budget ended. Try budget=4000" in text
    one = kind in ("frontier", "generalise")  # rate: of several the best was chosen
    assert ("With learning_rate=0.01 it may need fewer, or become unstable." in text) == one
    flags = study.answer().lower_bound.advice(flags=True)
    assert "Try --budget 4000." in flags
    assert ("With --learning-rate 0.01 it may" in flags) == one


@pytest.mark.parametrize("kind", STUDIES)
def test_others_do_not(kind):
    study = STUDIES[kind]()
    drive(study, came(FLAT))
    assert study.answer().lower_bound is None
    assert "lower bound" not in str(study.answer())


def test_it_counts_the_seeds_of_a_frontier_that_decide():
    study = Frontier(SETTING, seeds=3)
    drive(study, lambda trial: came(FALLING if trial.seed else FLAT)(trial))
    answer = study.answer()
    assert answer.words == "lag 1 (too few seeds for an interval)"
    assert (
        "A lower bound: 2 of 3 seeds had not stopped learning when the budget ended. Try "
        "budget=4000. With learning_rate=0.01 it may need fewer, or become unstable."
    ) in " ".join(str(answer).split())


@pytest.mark.parametrize("kind", STUDIES)
def test_where_no_gradient_reaches_what_is_needed_longer_training_is_not_advised(kind):
    def come_out(trial):
        found = came(FALLING)(trial)
        return dataclasses.replace(found, audit="state-only")

    study = STUDIES[kind]()
    drive(study, come_out)
    assert study.answer().lower_bound is None


@pytest.mark.parametrize(
    ("freed", "arguments", "flags"),
    [
        ({}, "Try budget=2000.", "Try --budget 2000."),
        (
            {"weight_decay": 0.01, "clip_norm": 1.0},
            "Try weight_decay=0.01 and clip_norm=1: with this recipe nothing can be learned.",
            "Try --weight-decay 0.01 and --clip-norm 1: with this recipe nothing can be learned.",
        ),
    ],
)
def test_a_recipe_under_which_nothing_is_learned_is_changed_first(freed, arguments, flags):
    hopeless = {"optimizer": "adamw", "weight_decay": 300.0, "clip_norm": 1e-6} if freed else {}
    setting = dataclasses.replace(SETTING, recipe=Recipe(sequences=BUDGET, **hopeless))
    study = Frontier(setting, seeds=2)
    drive(study, came(FALLING))
    bound = study.answer().lower_bound
    assert bound is not None
    assert bound.freed == freed
    assert f" {arguments}".replace("2000", str(4 * BUDGET)) in bound.advice(flags=False)
    assert f" {flags}".replace("2000", str(4 * BUDGET)) in bound.advice(flags=True)


@pytest.mark.parametrize(
    ("unclear", "text"),
    [
        (0, "3 of 5 trials had not stopped learning when the budget ended. Try"),
        (1, "3 of 5 trials had not stopped learning when the budget ended, or were too short to"),
        (3, "3 of 5 trials were too short to tell whether they had stopped learning. Try"),
    ],
)
def test_what_was_too_short_to_tell_is_not_called_still_learning(unclear, text):
    assert text in LowerBound(3, 5, "trials", 100, None, unclear).advice(flags=False)
