"""What the sections say that every page has."""

import dataclasses
import re

import pytest

from longlag import LSTM, Chunks, EchoLag, EchoValue, Memorization, Ramp, Setting, Whole
from longlag.answers.estimate import Estimate
from longlag.claims import Card, Finding, Result
from longlag.report import page_of_claims
from longlag.report.sections import curves, examples, groups
from longlag.report.sections.groups import Group
from longlag.training import Recipe
from longlag.trials.fit import finish, fit
from longlag.trials.outcome import side_of_chance

SETTING = Setting(problem=EchoValue(values=10), framing=Whole(), model=LSTM(hidden_size=3))


def _means(by_hand, *given):
    outcomes = tuple(by_hand.outcome(SETTING, **each) for each in given)
    group = Group("echo", "lstm", outcomes, ((),) * len(outcomes), "lag", 1)
    [figure] = curves.curves("s1", [("echo", [("lstm", group)])], "All.").blocks
    sets = figure.panels[0].chart.to_dict()["datasets"].values()
    return next(rows for rows in sets if rows and "high" in rows[0])


def test_a_mean_ends_where_a_seed_diverged(by_hand):
    stopped = {"solved": True, "sequences": 2000}
    lost = {"solved": False, "sequences": 5000, "ended": "diverged"}
    assert _means(by_hand, stopped, {"solved": False}, lost)[-1]["at"] == 5000
    assert _means(by_hand, stopped, {"solved": False})[-1] == {
        "series": "lstm",
        "at": 10_000,
        "skill": 0.5,
        "low": -0.111,  # no lower than no right answer at all, and no higher than all
        "high": 1,
    }


def test_side_of_chance(by_hand):
    def stands(*accuracies):
        made = (by_hand.outcome(SETTING, solved=False, accuracy=each) for each in accuracies)
        return side_of_chance(list(made))

    assert stands(0.2) == "above"
    assert stands(0.1) == stands(0.095) == "at"
    assert stands(0.02) == stands(0.02, 0.021) == "below"
    assert stands(0.02, 0.1) == "at"  # one seed of two is no below chance


def test_what_is_seen_again():
    assert groups.few_sequences([EchoValue()]) == []
    [warning] = groups.few_sequences([Ramp(), EchoValue(), Memorization()])
    assert warning.endswith("that skill there is memory: ramp (1) and memorization (2).")


def test_every_reason_has_a_meaning():
    from typing import get_args

    from longlag.trials.diagnosis import Reason

    assert set(get_args(Reason)) <= set(examples.MEANING)


@pytest.fixture(scope="module")
def run():
    setting = Setting(
        problem=EchoLag(lag=1, length=6, values=4),
        framing=Chunks(timesteps=2, carry=True),
        model=LSTM(hidden_size=3),
        recipe=Recipe(sequences=20),
    )
    return finish(fit(setting, (0, 1)))


def _result(name, setting, verdict="holds"):
    finding = Finding(
        measured=Estimate(0.5, (0.4, 0.6), (0.5, 0.5)),
        what="accuracy",
        chance=0.25,
        verdict=verdict,
        because="It was tried.",
    )
    card = Card(
        id=name,
        document="echo",
        source="A source",
        claim="A claim.",
        arms={"it": setting},
        settle=lambda *_: finding,
        recorded="holds",
    )
    return Result(card=card, finding=finding, seconds=1.0)


def test_claims_whose_names_look_alike_have_figures_of_their_own(run):
    other = dataclasses.replace(run, setting=dataclasses.replace(run.setting, recipe=Recipe()))
    results = [_result("a/b", run.setting), _result("a-b", other.setting)]
    runs = {(each.setting, (0, 1)): each for each in (run, other)}
    page = page_of_claims(results, runs, maps=0)
    curves = [key for key in page.figures() if "curves" in key]
    assert curves == ["claims-curves-a-b", "claims-curves-a-b-2"]


def test_in_part_is_not_counted_as_holding(run, by_hand):
    verdicts = "holds", "holds for one step; does not hold for two", "does not hold"
    results = [_result(f"a/{place}", run.setting, v) for place, v in enumerate(verdicts)]
    words = by_hand.words(page_of_claims(results, {}))
    assert "holds 1 a/0 in part 1 a/1 does not hold 1 a/2" in words


def test_maps_of_claims_say_how_well_the_run_did(run, by_hand):
    runs = {(run.setting, (0, 1)): run}
    words = by_hand.words(page_of_claims([_result("a/b", run.setting)], runs))
    skill = (run.evaluations[0].accuracy - run.chance) / (run.ceiling - run.chance)
    said = f"{skill:.3f}".replace("-", "−")
    assert re.search(rf"seed 0: skill {said}, [a-z ]+\. The audit says", words)


def test_runs_that_diverged_are_not_read(run):
    lost = dataclasses.replace(run.history[0][-1], outcome="diverged", diverged_at=3)
    history = ((*run.history[0][:-1], lost), *run.history[1:])
    broken = dataclasses.replace(run, history=history)
    page = page_of_claims([_result("a/b", run.setting)], {(run.setting, (0, 1)): broken})
    assert not [key for key in page.figures() if "map" in key or "states" in key]
