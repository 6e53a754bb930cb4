"""What is said of a frontier is true of the seeds that it rests on."""

import pytest

from longlag import LSTM, EchoValue, Setting, Whole
from longlag.report.content import Figure
from longlag.report.frontiers import frontier
from longlag.studies.frontier import Frontier
from longlag.training import Recipe
from longlag.trials.identity import Trial


@pytest.fixture
def told(by_hand):
    """What a study of these trials tells: a seed, a lag, and what of an outcome is given."""

    def of(*trials, seeds=3):
        setting = Setting(
            problem=EchoValue(values=10),
            framing=Whole(),
            model=LSTM(hidden_size=3),
            recipe=Recipe(epochs=by_hand.budget),
        )
        study = Frontier(setting, seeds=seeds, limit=8)
        for seed, lag, given in trials:
            posed = Trial(setting=by_hand.at(setting, lag), seed=seed)
            study.tell(posed, given and by_hand.outcome(posed.setting, **given))
        return frontier(study, "s1")

    return of


SOLVED, CHANCE = {"solved": True}, {"solved": False}


def _figure(told, place):
    return next(b for b in told.sections[place].blocks if isinstance(b, Figure))


def _searched(seed, got, beyond=CHANCE):
    """All that the search of a seed tries which solves 2 or 3 and not 4, or not even 1."""
    if not got:
        return [(seed, 1, beyond)]
    return [
        (seed, 1, SOLVED),
        (seed, 2, SOLVED),
        (seed, 4, beyond),
        (seed, 3, SOLVED if got == 3 else beyond),
    ]


def test_a_search_that_has_not_ended_is_said_to_be_open(told):
    found = told(*_searched(0, 2), (1, 1, SOLVED))
    assert "Seed by seed: 2, 1 so far and not tried." in found.found
    assert "Not answered yet: half of the seeds or more solve lag 1 so far." in found.found
    sure = " ".join(found.sure)
    assert "the search of 2 of 3 seeds has not come to its end" in sure
    assert "covers the median" not in sure
    assert "ended when" not in sure
    caption = _figure(found, 0).caption
    assert "so far" in caption
    assert "median" not in caption
    assert "median" not in _figure(found, 0).panels[0].alt


def test_a_search_that_ended_has_a_median_and_its_coverage(told):
    found = told(*_searched(0, 2), *_searched(1, 3), *_searched(2, 3))
    assert "Seed by seed: 2, 3 and 3." in found.found
    assert "covers the median with probability 0.75" in found.sure[0]
    assert "the band its interval (coverage 0.75)" in _figure(found, 0).caption


def test_a_median_that_is_not_drawn_is_not_in_the_caption(told):
    found = told(*(each for seed in range(3) for each in _searched(seed, 0)))
    assert "Seed by seed: below 1, below 1 and below 1." in found.found
    assert "band" not in _figure(found, 0).caption


def test_a_trial_that_came_to_nothing_leaves_its_seed_open(told):
    found = told(*_searched(0, 2), *_searched(1, 2), (2, 1, SOLVED), (2, 2, None))
    assert "Seed by seed: 2, 2 and 1 so far." in found.found
    assert "the search of 1 of 3 seeds has not come to its end, trials came to nothing" in (
        " ".join(found.sure)
    )


def test_chance_is_said_of_so_many_seeds_beyond_the_median_alone(told):
    found = told(*_searched(0, 0), *_searched(1, 2), *_searched(2, 2, {"solved": False}))
    said = [each for each in found.found if "chance" in str(each)]
    # Lag 1, which one of the three does not solve, is below the median.
    assert said == ["It cannot be told from chance at lag 3 (2 of 2 seeds) and 4 (2 of 2 seeds)."]


def test_below_chance_is_not_called_chance(told):
    worse = {"solved": False, "accuracy": 0.01}  # of a chance of 0.1
    found = told(*_searched(0, 2, worse), *_searched(1, 2), *_searched(2, 2))
    assert [each for each in found.found if "chance" in str(each)] == [
        "It cannot be told from chance at lag 3 (2 of 3 seeds) and 4 (2 of 3 seeds).",
        "It does worse than chance at lag 3 (1 of 3 seeds) and 4 (1 of 3 seeds).",
    ]


def test_curves_are_of_the_median_and_say_how_many_seeds(told):
    found = told(*_searched(0, 2), *_searched(1, 2), *_searched(2, 3))
    figure = _figure(found, 1)
    names = [each.name for each in figure.panels[0].series]
    assert names == ["lag 1 (3 seeds)", "lag 2 (3 seeds)", "lag 3 (3 seeds)"]
    assert "The easiest value, the median and the smallest tried beyond it" in figure.caption


def test_a_bar_stands_at_the_seed_that_got_so_far(told):
    found = told(*_searched(0, 2), *_searched(2, 3))  # seed 1 is not begun
    sets = _figure(found, 0).panels[0].chart.to_dict()["datasets"].values()
    rows = next(rows for rows in sets if set(rows[0]) == {"seed", "value"})
    assert rows == [{"seed": 0, "value": 2}, {"seed": 2, "value": 3}]
