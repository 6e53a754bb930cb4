"""What is said of a profile was tried."""

import pytest

from longlag import LSTM, EchoValue, Ramp
from longlag.answers.blocks import Table
from longlag.report.blocks import Figure
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
            recipe=Recipe(sequences=by_hand.budget),
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


def _reaches(told):
    """What the summary has of each problem."""
    return [tuple(cell.text for cell in row) for row in told.table.rows]


def test_no_reach_is_stated_where_nothing_was_tried(told):
    found = told((Ramp, 10, 1, SOLVED))
    assert _reaches(found)[0] == ("echo-value values=10", "not tried", "", "0", "", "")
    [gaps] = [block for block in found.sections[1].blocks if isinstance(block, Table)]
    assert [cell.text for cell in gaps.rows[0]] == [
        "echo-value values=10",
        "rungs not tried",
        "lag: all",
    ]
    [figure] = [block for block in found.sections[0].blocks if isinstance(block, Figure)]
    assert "no colour was not tried" in figure.caption
    assert "echo-value values=10 not tried" in figure.panels[0].alt


def _verdicts(told):
    [table] = [block for block in told.sections[0].blocks if isinstance(block, Table)]
    return [tuple(cell.text for cell in row[1:4]) for row in table.rows]


def test_the_easiest_that_was_tried_bounds_the_reach(told):
    found = told(*[(EchoValue, 5, 1, CHANCE)] * 3)
    _, reach, _, trials, _, why = _reaches(found)[0]
    assert reach.startswith("lag below 5 [below 1, ")
    assert (trials, why) == ("3", "at chance (3)")
    assert _verdicts(found) == [("lag 5", "at chance", "0/3")]


def test_below_chance_is_not_called_chance(told):
    found = told((EchoValue, 1, 1, {"solved": False, "accuracy": 0.01}))
    assert _verdicts(found) == [("lag 1", "below chance", "0/1")]


def test_longer_training_has_its_interval_and_what_it_rests_on(told):
    found = told(
        *[(EchoValue, 1, 1, SOLVED)] * 3,
        *[(EchoValue, 2, 1, CHANCE)] * 3,
        *[(EchoValue, 2, 4, SOLVED)] * 4,
        *[(EchoValue, 5, 4, CHANCE)] * 4,
        *[(EchoValue, 5, 16, CHANCE)] * 4,
    )
    longer = _reaches(found)[0][4]
    assert "40,000 sequences: lag 2 [2, 2], 4/8 solved" in longer
    assert "160,000 sequences: lag none [" in longer
    assert longer.endswith("0/4 solved")
    assert (
        "at most 10,000 (160,000 where longer training is tried) sequences per trial"
        in found.question
    )


def test_curves_are_of_the_reach(told):
    found = told(
        *[(EchoValue, 1, 1, SOLVED)] * 3,
        *[(EchoValue, 2, 1, SOLVED)] * 3,
        *[(EchoValue, 5, 1, CHANCE)] * 4,
        (EchoValue, 10, 1, SOLVED),  # lucky, and beyond the reach
    )
    panel = found.sections[2].blocks[0].panels[0]
    names = [each.name for each in panel.series]
    assert names == ["lag 1 (3 seeds)", "lag 2 (3 seeds)", "lag 5 (4 seeds)"]
