"""What is said of a frontier is true of the seeds that it rests on."""

import dataclasses
import json

import pytest

from longlag import LSTM, EchoValue, Setting, Whole
from longlag.report.blocks import Figure
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
            recipe=Recipe(sequences=by_hand.budget),
        )
        study = Frontier(setting, seeds=seeds, limit=8)
        for seed, lag, given in trials:
            posed = Trial(setting=by_hand.at(setting, lag), seed=seed)
            study.tell(posed, given and by_hand.outcome(posed.setting, **given))
        return frontier(study, "s1")

    return of


SOLVED, CHANCE = {"solved": True}, {"solved": False}


def _verdicts(told):
    """Of each value: its verdict, and how many seeds solved it."""
    return {row[1].text: (row[2].text, row[3].text) for row in told.table.rows}


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
    assert "Each seed: 2, 1 so far, not tried." in found.results
    assert "Largest lag solved, median over seeds: lag 1 so far." in found.results
    sure = " ".join(found.certainty)
    assert "Not complete: 2 of 3 searches open" in sure
    assert "Interval" not in sure
    assert "median" not in _figure(found, 0).panels[0].alt


def test_a_search_that_ended_has_a_median_and_its_coverage(told):
    found = told(*_searched(0, 2), *_searched(1, 3), *_searched(2, 3))
    assert "Each seed: 2, 3, 3." in found.results
    text = "Largest lag solved, median over seeds: lag 3 (too few seeds for an interval)."
    assert text in found.results
    assert found.certainty[0] == "Too few seeds for an interval. Six seeds give 95%."
    two = told(*_searched(0, 2), *_searched(1, 3), seeds=2)
    assert "Largest lag solved by half of the seeds or more: lag 3 (too" in " ".join(two.results)
    four = told(*(each for seed in range(4) for each in _searched(seed, 2 + (seed > 0))), seeds=4)
    assert "Largest lag solved, median over seeds: lag 3 [2, 3]." in four.results
    assert four.certainty[0] == "Intervals of 87.5%: the order of 4 seeds; six seeds give 95%."
    assert _verdicts(found) == {
        "lag 1": ("solved", "3/3"),
        "lag 2": ("solved", "3/3"),
        "lag 3": ("solved by some", "2/3"),
        "lag 4": ("at chance", "0/3"),
    }


def test_seeds_that_solve_nothing_are_below_the_first_value(told):
    found = told(*(each for seed in range(3) for each in _searched(seed, 0)))
    assert "Each seed: below 1, below 1, below 1." in found.results


def test_a_trial_that_came_to_nothing_leaves_its_seed_open(told):
    found = told(*_searched(0, 2), *_searched(1, 2), (2, 1, SOLVED), (2, 2, None))
    assert "Each seed: 2, 2, 1 so far." in found.results
    assert "Not complete: 1 of 3 searches open, at most 0 trials left." in found.certainty


def test_a_value_that_some_solve_is_not_at_chance(told):
    found = told(*_searched(0, 0), *_searched(1, 2), *_searched(2, 2, {"solved": False}))
    verdicts = _verdicts(found)
    assert verdicts["lag 1"] == ("solved by some", "2/3")
    assert verdicts["lag 3"] == ("at chance", "0/2")


def test_few_seeds_of_a_level_have_their_caveat(told):
    found = told(*(each for seed in range(5) for each in _searched(seed, 2)), seeds=5)
    assert "Only 5 seeds: up to 45 % of all could fail unseen" in " ".join(found.certainty)


def test_below_chance_is_not_called_chance(told):
    worse = {"solved": False, "accuracy": 0.01}  # of a chance of 0.1
    found = told(*(each for seed in range(3) for each in _searched(seed, 2, worse)))
    assert _verdicts(found)["lag 3"] == ("below chance", "0/3")


def test_curves_are_of_the_median_and_say_how_many_seeds(told):
    found = told(*_searched(0, 2), *_searched(1, 2), *_searched(2, 3))
    figure = _figure(found, 1)
    names = [each.name for each in figure.panels[0].series]
    assert names == ["lag 1 (3 seeds)", "lag 2 (3 seeds)", "lag 3 (3 seeds)"]
    assert "The easiest value, the median so far and the smallest tried" in figure.caption


def test_a_bar_stands_at_the_seed_that_got_so_far(told):
    found = told(*_searched(0, 2), *_searched(2, 3))  # seed 1 is not begun
    sets = _figure(found, 0).panels[0].chart.to_dict()["datasets"].values()
    rows = [row for rows in sets for row in rows if row.get("last")]
    assert [(row["seed"], row["value"]) for row in rows] == [(0, 2), (2, 3)]


def test_a_ladder_that_begins_at_0_is_drawn():
    from longlag.report import charts

    rows = [
        {"seed": "0", "value": value, "outcome": "solved", "reason": "", "largest": value == 4}
        for value in (0, 1, 4)
    ]
    chart = charts.frontier(rows, [], "lag").to_dict()
    assert '"symlog"' in json.dumps(chart)


def test_of_sizes_it_is_the_smallest_that_solves(by_hand):
    setting = Setting(
        problem=EchoValue(values=10),
        framing=Whole(),
        model=LSTM(hidden_size=3),
        recipe=Recipe(sequences=by_hand.budget),
    )
    study = Frontier(setting, seeds=3, limit=8, over="hidden_size")
    outcomes = {1: CHANCE, 2: CHANCE, 4: SOLVED, 3: CHANCE}
    last = {1: CHANCE, 2: CHANCE, 4: CHANCE, 8: CHANCE}
    for seed in range(3):
        for size, given in (outcomes if seed else last).items():
            sized = dataclasses.replace(setting, model=LSTM(hidden_size=size))
            trial = Trial(setting=sized, seed=seed)
            study.tell(trial, by_hand.outcome(sized, **given))
    found = frontier(study, "s1")
    assert found.title.startswith("Smallest hidden_size at which lstm")
    assert "Each seed: above 8, 4, 4." in found.results
    assert "Seeds that did not solve hidden_size 8, the largest value allowed: 1 of 3." in (
        found.results
    )
    assert "a seed that solves a value solves all larger ones" in " ".join(found.certainty)
    figure = _figure(found, 0)
    assert "bar: the smallest value that this seed solved" in figure.caption
    easy, median, beyond = (each.name for each in _figure(found, 1).panels[0].series)
    assert [easy[:13], median[:13], beyond[:13]] == [f"hidden_size {n}" for n in (8, 4, 3)]
