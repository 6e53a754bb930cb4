"""What training and predicting took, beside the scores of a study."""

import dataclasses

import pytest
from study_cases import BUDGET, SETTING, drive, outcome

from longlag.studies.comparison import Comparison
from longlag.studies.frontier import Frontier
from longlag.studies.profile import Profile
from longlag.training import Recipe
from longlag.trials.outcome import Seconds
from longlag.trials.resources import Resources

RECIPE = Recipe(sequences=BUDGET)
NO_TIME = dataclasses.replace(outcome(), seconds=Seconds(1.0, 0.0, 1.0))


def by_seed(trial):
    """2,000 updates in 2 seconds, or in 6; compiling and scoring do not count."""
    return dataclasses.replace(outcome(), seconds=Seconds(9.0, 2.0 + 4.0 * trial.seed, 5.0))


def compared(come_out):
    study = Comparison([SETTING.model], [SETTING.problem], recipe=RECIPE, rungs=1, rates=[0.1])
    drive(study, come_out)
    return study.answer()


def test_a_comparison_has_the_updates_of_all_seeds_by_their_time():
    answer = compared(by_seed)
    expected = pytest.approx(5 * 2000 / sum(2 + 4 * seed for seed in range(5)))
    assert answer.to_frame()["updates_per_second"].tolist() == [expected]
    assert answer.to_dict()["cells"][0]["updates_per_second"] == expected
    trials = answer.to_frame("trial").set_index("seed")["updates_per_second"]
    assert trials[0] == 1000
    assert trials[1] == pytest.approx(2000 / 6)


@pytest.mark.parametrize("come_out", [lambda _: None, lambda _: NO_TIME])
def test_without_a_trial_or_its_time_it_is_not_known(come_out):
    assert compared(come_out).to_dict()["cells"][0]["updates_per_second"] is None


def test_a_profile_has_it_too_and_so_do_the_trials_of_a_frontier():
    profile = Profile(SETTING.model, [SETTING.problem], recipe=RECIPE)
    drive(profile, lambda _: outcome())
    answer = profile.answer()
    assert answer.to_frame()["updates_per_second"].tolist() == [1000]
    rungs = answer.to_dict()["problems"][0]["rungs"]
    assert {each["updates_per_second"] for each in rungs if each["tried"]} == {1000}
    frontier = Frontier(SETTING, seeds=1, limit=1)
    drive(frontier, lambda _: outcome())
    assert frontier.answer().to_frame("trial")["updates_per_second"].tolist() == [1000]


def test_a_comparison_has_a_table_of_what_each_model_took():
    took = Resources(flops_per_update=1_200_000, memory=3 * 2**20, seconds_per_step=4e-6)
    answer = compared(lambda trial: dataclasses.replace(by_seed(trial), resources=took))
    (line,) = (line for line in str(answer).splitlines() if "1,200,000" in line)
    assert line.split()[-6:] == ["1,200,000", "200", "3.0", "MiB", "4.0", "µs"]
    assert answer.to_frame()[["flops_per_update", "memory"]].values.tolist() == [[1.2e6, 3 * 2**20]]
    assert set(answer.to_frame("trial")["seconds_per_step"]) == {4e-6}
    assert answer.to_dict()["cells"][0]["flops_per_update"] == 1_200_000
