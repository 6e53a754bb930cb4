"""What is said of a profile was tried."""

import pytest

from longlag import LSTM, EchoValue, Ramp
from longlag.report.content import Figure, Table
from longlag.report.profiles import profile
from longlag.studies.profile import Profile
from longlag.training import Recipe
from longlag.trials.identity import Trial


@pytest.fixture
def told(by_hand):
    """What a profile tells: trials are a problem, its rung, a budget, and what is given."""

    def of(*trials):
        study = Profile(
            LSTM(hidden_size=3),
            [EchoValue(values=10), Ramp()],
            recipe=Recipe(epochs=by_hand.budget),
        )
        for seed, (kind, rung, times, given) in enumerate(trials):
            setting = next(
                setting
                for place, setting in study._settings.items()
                if isinstance(setting.problem, kind)
                and (place.rung, place.effort.sequences) == (rung, times * by_hand.budget)
            )
            study.tell(Trial(setting=setting, seed=seed), by_hand.outcome(setting, **given))
        return profile(study, "s1")

    return of


SOLVED, CHANCE = {"solved": True}, {"solved": False}


def _words(told):
    return [f"{point.about} {point.text}" for point in told.found]


def test_no_reach_is_stated_where_nothing_was_tried(told):
    found = told((Ramp, 10, 1, SOLVED))
    assert _words(found)[0] == "echo-value values=10: lstm hidden_size=3 was not tried."
    [table] = [block for block in found.sections[0].blocks if isinstance(block, Table)]
    assert [cell.text for cell in table.rows[0]] == [
        "echo-value values=10",
        "not tried",
        "",
        "0",
        "",
    ]
    [figure] = [block for block in found.sections[0].blocks if isinstance(block, Figure)]
    assert "no colour was not tried" in figure.caption
    assert "echo-value values=10 not tried" in figure.panels[0].alt


def test_the_easiest_that_was_tried_is_not_called_the_easiest(told):
    found = told(*[(EchoValue, 5, 1, CHANCE)] * 3)
    assert "does not get to lag 5, the easiest that was tried [below 1, " in _words(found)[0]
    assert "by 3 trials; cannot be told from chance at lag 5" in _words(found)[0]


def test_below_chance_is_not_called_chance(told):
    found = told((EchoValue, 1, 1, {"solved": False, "accuracy": 0.01}))
    assert "does worse than chance at lag 1" in _words(found)[0]
    assert "cannot be told" not in _words(found)[0]


def test_longer_training_has_its_interval_and_what_it_rests_on(told):
    found = told(
        *[(EchoValue, 1, 1, SOLVED)] * 3,
        *[(EchoValue, 2, 1, CHANCE)] * 3,
        *[(EchoValue, 2, 4, SOLVED)] * 4,
        *[(EchoValue, 5, 4, CHANCE)] * 4,
        *[(EchoValue, 5, 16, CHANCE)] * 4,
    )
    [said, _] = _words(found)
    assert "trained on up to 40,000 sequences it gets to lag 2 [2, 2], 4 of 8 trials solved" in said
    assert "trained on up to 160,000 sequences it gets no further [" in said
    assert "0 of 4 trials solved" in said
    assert (
        "at most 10,000 sequences, up to 160,000 where longer training is tried" in found.question
    )


def test_curves_are_of_the_reach(told):
    found = told(
        *[(EchoValue, 1, 1, SOLVED)] * 3,
        *[(EchoValue, 2, 1, SOLVED)] * 3,
        *[(EchoValue, 5, 1, CHANCE)] * 4,
        (EchoValue, 10, 1, SOLVED),  # lucky, and beyond the reach
    )
    panel = found.sections[1].blocks[0].panels[0]
    names = [each.name for each in panel.series]
    assert names == ["lag 1 (3 seeds)", "lag 2 (3 seeds)", "lag 5 (4 seeds)"]
