import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_cases import BUDGET, SETTING, curve, drive, outcome, value_of

import longlag as ll
from longlag.studies.frontier import Frontier
from longlag.studies.ladder import at
from longlag.training import Recipe
from longlag.trials import identity
from longlag.trials.identity import Trial
from longlag.trials.setting import Setting


def upto(reach):
    """What a trial comes to where a seed solves the problem up to its reach."""
    return lambda trial: outcome(1.0 if value_of(trial) <= reach[trial.seed] else 0.3)


def trials_of(asked, seed):
    return [value_of(trial) for trial in asked if trial.seed == seed]


@given(
    reach=st.integers(0, 400),
    limit=st.integers(1, 300),
    resolution=st.sampled_from([0.01, 0.1, 0.3, 1.0]),
    places=st.integers(1, 4),
)
def test_a_search_ends_beside_the_true_reach(reach, limit, resolution, places):
    study = Frontier(SETTING, seeds=1, limit=limit, resolution=resolution)
    most = study.left()
    asked = trials_of(drive(study, upto({0: reach}), places=places), 0)
    (solved,) = study.answer().per_seed
    assert study.answer().complete
    assert len(set(asked)) == len(asked)
    assert min(asked) == 1
    assert max(asked) <= limit
    if reach >= limit:
        assert solved == limit
        assert study.answer().reached_end == 1
    elif reach == 0:
        assert (solved, asked) == (0, [1])
    else:
        assert solved is not None
        lost = min(value for value in asked if value > reach)
        assert solved == max(value for value in asked if value <= reach)
        assert solved <= reach < lost
        assert lost - solved == 1 or lost - solved <= resolution * solved
    # Doubling and halving: each at most the logarithm of the limit.
    assert len(asked) <= 2 * math.ceil(math.log2(limit + 1)) + 1
    assert study.left() == 0
    assert most is not None


def searched_alone(reach, limit=100):
    """The values that one seed tries up to a limit, and the largest of them that it solves."""
    tried, solved, lost = [], 0, None
    value = 1
    while True:
        tried.append(value)
        if value <= reach:
            solved = value
        else:
            lost = value
        if lost is None and solved < limit:
            value = min(2 * solved, limit)
        elif lost is not None and solved and lost - solved > max(1, solved / 10):
            value = (solved + lost) // 2
        else:
            return tried, solved


@settings(max_examples=15)
@given(st.lists(st.integers(0, 120), min_size=1, max_size=6), st.data())
def test_each_seed_searches_for_itself_in_whatever_order_trials_end(reaches, data):
    seeds = [3 * place + 1 for place in range(len(reaches))]
    reach = dict(zip(seeds, reaches, strict=True))
    together = Frontier(SETTING, seeds=seeds)
    asked = drive(
        together,
        upto(reach),
        choose=lambda count: data.draw(st.integers(0, count - 1)),
        places=data.draw(st.integers(1, 6)),
    )
    assert len({trial.id for trial in asked}) == len(asked)
    for place, seed in enumerate(seeds):
        values, solved = searched_alone(reach[seed])
        assert trials_of(asked, seed) == values
        assert together.answer().per_seed[place] == solved


def test_a_search_doubles_then_halves():
    study = Frontier(SETTING, seeds=1)
    assert trials_of(drive(study, upto({0: 37})), 0) == [1, 2, 4, 8, 16, 32, 64, 48, 40, 36, 38]
    assert study.answer().per_seed == (36,)
    assert [step.value for step in study.answer().steps] == [1, 2, 4, 8, 16, 32, 36, 38, 40, 48, 64]
    assert [step.solved for step in study.answer().steps] == [True] * 7 + [False] * 4
    assert {step.reasons[0].reason for step in study.answer().steps[7:]} == {"stuck"}


def test_a_lucky_value_beyond_a_lost_one_does_not_count():
    """What is solved is taken to be solved below: a larger value solved says nothing."""
    study = Frontier(SETTING, seeds=1)
    for value, skill in ((8, 1.0), (4, 0.3), (2, 1.0), (3, 0.3)):
        trial = Trial(setting=at(SETTING, value, study.solve_at), seed=0)
        study.tell(trial, outcome(skill))
    assert study.answer().per_seed == (2,)
    assert study.answer().complete


def test_the_median_is_over_seeds_with_the_coverage_that_five_of_them_give():
    study = Frontier(SETTING, seeds=5)
    drive(study, upto(dict(enumerate([3, 0, 12, 200, 5]))))
    answer = study.answer()
    assert answer.per_seed == (3, 0, 12, 100, 5)
    assert (answer.median, answer.interval) == (5, (0, 100))
    assert answer.coverage == 1 - 2 / 2**5
    assert (answer.first, answer.last, answer.reached_end) == (1, 100, 1)
    assert answer.words == "lag 5 [below 1, 100]"


def test_the_answer_says_where_it_lies_beyond_what_was_tried():
    above, below = Frontier(SETTING, seeds=2, limit=20), Frontier(SETTING, seeds=2)
    drive(above, upto({0: 99, 1: 99}))
    drive(below, upto({0: 0, 1: 0}))
    assert above.answer().words == "lag 20 or more (too few seeds for an interval)"
    assert below.answer().words == "lag below 1 (too few seeds for an interval)"


def test_seeds_that_were_still_learning_are_not_said_to_be_below_the_first_value():
    study = Frontier(SETTING, seeds=2)
    learning = outcome(0.3, curve=curve([*np.linspace(3, 1, 20)]))
    drive(study, lambda _: learning)
    answer = study.answer()
    assert answer.lower_bound
    assert str(answer).startswith("Largest value solved: none yet (lag 1 or more is possible) (")
    assert "below 1" not in str(answer)


@pytest.mark.parametrize(
    ("reach", "name"),
    [
        ([2, 4], " by half of the seeds or more"),
        ([4, 4], ""),
        ([2, 4, 4], ""),
        ([1, 3, 4, 5], " by half"),
    ],
)
def test_of_an_even_number_of_seeds_the_larger_middle_one_is_not_called_the_median(reach, name):
    study = Frontier(SETTING, seeds=len(reach))
    drive(study, upto(dict(enumerate(reach))))
    first = str(study.answer()).partition(":")[0]
    assert first.startswith(f"Largest value solved{name}")
    assert bool(study.answer().by_half) == bool(name)


def test_an_answer_before_the_end_says_that_it_is_not_complete():
    study = Frontier(SETTING, seeds=1)
    assert not study.answer().complete
    assert study.answer().per_seed == (0,)
    trial = study.ask()
    assert trial is not None
    assert study.ask() is None  # nothing before this one is known
    study.tell(trial, outcome())
    assert study.answer().per_seed == (1,)
    assert not study.answer().complete
    assert "Not complete: 1 of 1 searches open." in study.answer().caption


def test_the_seed_that_has_come_least_far_goes_first():
    study = Frontier(SETTING, seeds=3)
    first = [study.ask() for _ in range(3)]
    assert [trial and trial.seed for trial in first] == [0, 1, 2]
    assert first[2] is not None
    study.tell(first[2], outcome())
    further = study.ask()
    assert further is not None
    assert (further.seed, value_of(further)) == (2, 2)


def test_a_trial_of_a_ladder_has_the_budget_and_stops_a_little_above_solved():
    study = Frontier(SETTING, seeds=1, solve_at=0.8)
    trial = study.ask()
    assert trial is not None
    recipe = trial.setting.recipe
    assert recipe.sequences == SETTING.recipe.sequences
    # Chance 1/4, ceiling 1: a quarter of the fifth that may be missing is 0.05 of the skill.
    assert recipe.stop_at == pytest.approx(0.25 + 0.95 * 0.75)
    assert trial.setting == at(SETTING, 1, 0.8)


def test_the_criterion_counts_the_steps_that_are_scored():
    setting = Setting(
        problem=ll.Memorization(length=10), framing=ll.Window(timesteps=9), model=ll.LSTM()
    )
    chance = 0.5  # only the last step is scored, and there a guess is right every other time
    stop = at(setting, 10, 0.9).recipe.stop_at
    assert stop == pytest.approx(chance + 0.975 * (1 - chance))
    assert at(setting, 20, 0.9).problem == ll.Memorization(length=20)


@pytest.mark.parametrize("problem", [ll.Ramp(), ll.CumulativeThreshold(), ll.EchoSubsequence()])
def test_every_ladder_can_be_searched(problem):
    setting = Setting(problem=problem, framing=ll.Whole(), model=ll.LSTM(hidden_size=2))
    study = Frontier(setting, seeds=1)
    drive(study, lambda trial: outcome(1.0 if value_of(trial) <= 33 else 0.2))
    (solved,) = study.answer().per_seed
    assert solved is not None
    assert 30 <= solved <= 33
    assert study.answer().knob == problem.ladder.knob


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"limit": 0}, r"Frontier: `limit` must be at least the first level \(1\), got 0\. Use"),
        ({"resolution": 0}, r"Frontier: `resolution` must be above 0 and at most 1, got 0\. Use"),
        ({"resolution": 1.5}, "`resolution` must be above 0 and at most 1, got 1.5"),
        ({"solve_at": 0.0}, r"Frontier: `solve_at` must be above 0 and below 1, got 0\.0\. Use"),
        ({"solve_at": 1.0}, r"`solve_at` must be above 0 and below 1, got 1\.0"),
        ({"seeds": 0}, "`seeds` must be at least 1, got 0"),
        ({"seeds": [1, 1]}, "`seeds` must be a number of seeds or different whole numbers"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Frontier(SETTING, **wrong)


def test_a_framing_that_does_not_fit_is_refused_before_anything_is_run():
    long = Setting(problem=ll.EchoLag(), framing=ll.Window(timesteps=30), model=ll.LSTM())
    with pytest.raises(ValueError, match="Window: `timesteps` must be at most"):
        Frontier(long)


def test_advice_is_of_the_smallest_value_that_a_seed_failed_and_fits_every_value():
    """An easier failure is what the table shows; later ones may have other reasons."""
    problem = ll.EchoLag(values=4)
    setting = dataclasses.replace(
        SETTING, problem=problem, framing=ll.Window(timesteps=9, missing="mask")
    )
    study = Frontier(setting, seeds=1)
    for value, skill in ((1, 1.0), (2, 1.0), (4, 1.0), (8, 1.0), (16, 0.3)):
        study.tell(Trial(setting=at(setting, value, study.solve_at), seed=0), outcome(skill))
    assert study.answer().advice == "Stuck: Use timesteps=17. Timesteps up to 25 work too."
    study = Frontier(SETTING, seeds=1)
    unstable = outcome(0.3, curve=curve([1.0, 0.1, *[1.0] * 8]))
    for value, each in ((8, outcome(0.3)), (6, outcome(0.3)), (5, unstable)):
        study.tell(Trial(setting=at(SETTING, value, study.solve_at), seed=0), each)
    assert study.answer().advice.startswith("Unstable: ")


def test_a_question_comes_back_with_all_that_was_asked():
    setting = dataclasses.replace(SETTING, recipe=Recipe(sequences=77, learning_rate=0.02))
    study = Frontier(setting, seeds=[2, 9], solve_at=0.9, limit=50, resolution=0.3)
    again = Frontier.of(study.question())
    assert (again.setting, again.seeds, again.last) == (setting, (2, 9), 50)
    assert (again.solve_at, again.resolution) == (0.9, 0.3)
    assert identity.canonical(again.question()) == identity.canonical(study.question())
    first, second = (
        [trial.id for trial in drive(each, upto({2: 20, 9: 7}))] for each in (study, again)
    )
    assert first == second


def test_told_what_is_known_it_answers_the_same_and_asks_for_no_more():
    study = Frontier(SETTING, seeds=3)
    reach = {0: 5, 1: 60, 2: 0}
    asked = drive(study, upto(reach))
    for order in itertools.islice(itertools.permutations(asked), 0, 10**4, 2000):
        again = Frontier(SETTING, seeds=3)
        for trial in order:
            again.tell(trial, upto(reach)(trial))
        assert again.answer() == study.answer()
        assert again.ask() is None


def test_values_that_do_not_fit_the_rows_are_passed_over():
    """Consecutive rows fit lengths that are so many times the batch, and the ladder has others."""
    setting = Setting(
        problem=ll.CumulativeThreshold(),
        framing=ll.Chunks(carry=True, rows="consecutive"),
        model=ll.RNN(hidden_size=2),
        recipe=Recipe(sequences=BUDGET, batch_size=5),
    )
    study = Frontier(setting, seeds=1, limit=40)
    asked = drive(study, lambda trial: outcome(1.0 if value_of(trial) <= 30 else 0.2))
    assert {value_of(trial) % 5 for trial in asked} == {0}
    assert study.answer().per_seed == (30,)
    assert study.answer().complete


SIZED = dataclasses.replace(SETTING, model=ll.LSTM(hidden_size=7))


def size_of(trial):
    return trial.setting.model.hidden_size


def from_(least):
    """What a trial comes to where a seed solves the problem from its least size on."""
    return lambda trial: outcome(1.0 if size_of(trial) >= least[trial.seed] else 0.3)


@given(
    least=st.integers(1, 300),
    limit=st.integers(1, 200),
    resolution=st.sampled_from([0.01, 0.1, 0.3, 1.0]),
    places=st.integers(1, 4),
)
def test_a_search_over_sizes_ends_beside_the_smallest_that_solves(least, limit, resolution, places):
    study = Frontier(SIZED, seeds=1, limit=limit, resolution=resolution, over="hidden_size")
    asked = [size_of(trial) for trial in drive(study, from_({0: least}), places=places)]
    answer = study.answer()
    assert (answer.complete, answer.knob, answer.smallest) == (True, "hidden_size", True)
    assert len(set(asked)) == len(asked)
    assert max(asked) <= limit
    (solved,) = answer.per_seed
    if least > limit:
        assert (solved, answer.median, answer.reached_end) == (None, None, 1)
        assert f"hidden_size above {limit}" in answer.words
    else:
        failed = max((size for size in asked if size < least), default=0)
        assert solved is not None
        assert solved == min(size for size in asked if size >= least)
        assert solved - failed <= max(1, resolution * failed)
        assert answer.reached_end == 0
    # It begins with the cheapest: none is more than twice as large as it must be.
    assert max(asked) <= max(1, 2 * least)
    assert study.left() == 0


def test_the_median_size_is_over_seeds_some_of_which_none_solves():
    study = Frontier(SIZED, seeds=5, limit=20, over="hidden_size")
    drive(study, from_(dict(enumerate([3, 1, 12, 99, 5]))))
    answer = study.answer()
    assert answer.per_seed == (3, 1, 12, None, 5)
    assert answer.words == "hidden_size 5 [1, above 20]"
    assert (answer.median, answer.interval, answer.reached_end) == (5, (1, math.inf), 1)
    assert str(answer).startswith("Smallest value solved: hidden_size 5 [1, above 20] (")
    assert answer.to_dict()["interval"] == [1, None]
    assert [row["smallest_solved"] for row in answer.rows()] == [3, 1, 12, None, 5]
    assert [row["largest_failed"] for row in answer.rows()] == [2, None, 11, 20, 4]
    assert "above its noise" not in str(answer)


@pytest.mark.parametrize(
    ("least", "median", "half"), [([2, 4], 2, True), ([4, 4], 4, False), ([1, 3, 5, 9], 3, True)]
)
def test_of_an_even_number_of_seeds_the_smaller_middle_size_is_that_of_half_of_them(
    least, median, half
):
    study = Frontier(SIZED, seeds=len(least), over="hidden_size")
    drive(study, from_(dict(enumerate(least))))
    assert study.answer().median == median
    assert bool(study.answer().by_half) == half


def test_sizes_that_were_still_learning_are_an_upper_bound():
    study = Frontier(SIZED, seeds=2, limit=8, over="hidden_size")
    learning = outcome(0.3, curve=curve([*np.linspace(3, 1, 20)]))
    drive(study, lambda trial: outcome(1.0) if size_of(trial) >= 6 else learning)
    text = str(study.answer())
    assert "An upper bound: 2 of 2 seeds had not stopped learning" in text
    assert "A lower bound" not in text


def test_sizes_that_heads_do_not_divide_are_passed_over():
    setting = dataclasses.replace(SETTING, model=ll.DeltaNet(hidden_size=6, heads=3))
    study = Frontier(setting, seeds=1, limit=40, over="hidden_size")
    asked = [size_of(trial) for trial in drive(study, from_({0: 20}))]
    assert {size % 3 for size in asked} == {0}
    assert study.answer().per_seed == (21,)
    assert [each.model for each in study.largest()] == [ll.DeltaNet(hidden_size=39, heads=3)]


def test_the_level_of_a_problem_stays_where_a_size_is_varied():
    problem = ll.EchoLag(values=4, length=6, lag=3)
    study = Frontier(dataclasses.replace(SIZED, problem=problem), seeds=1, over="hidden_size")
    asked = drive(study, from_({0: 3}))
    assert {trial.setting.problem for trial in asked} == {problem}
    assert asked[0].setting.recipe.stop_at == at(SETTING, 1, study.solve_at).recipe.stop_at


def test_a_search_over_sizes_comes_back_and_another_keeps_its_name():
    study = Frontier(SIZED, seeds=2, over="hidden_size", limit=50)
    again = Frontier.of(study.question())
    assert (again.over, again.first, again.last) == ("hidden_size", 1, 50)
    assert study.id == again.id != Frontier(SIZED, seeds=2, limit=50).id
    assert "over" not in Frontier(SIZED, seeds=2).question()


def width_of_mine(sizes, seed, width=8, depth=1):
    return ll.Residual(hidden_size=width, layers=depth)(sizes, seed)


def test_a_model_of_ones_own_is_varied_by_an_argument_of_its_function():
    mine = ll.adopt(width_of_mine)
    for over, knob in (("hidden_size", "width"), ("width", "width"), ("depth", "depth")):
        study = Frontier(dataclasses.replace(SETTING, model=mine), seeds=1, over=over)
        trial = study.ask()
        assert trial is not None
        assert study.answer().knob == knob
        assert trial.setting.model.words.endswith(f"({knob}=1)")


@pytest.mark.parametrize(
    ("model", "over", "message"),
    [
        (
            ll.LSTM(),
            "hiddensize",
            "a whole number among the arguments of lstm, got `hiddensize`. Did you",
        ),
        (ll.MLP(), "optimizer", r"number among the arguments of mlp, got `optimizer`\. Known: "),
        (ll.adopt(width_of_mine), "depths", r"got `depths`\. Did you mean `depth`"),
        (
            ll.adopt(lambda sizes, seed: ll.LSTM()(sizes, seed)),
            "hidden_size",
            "no argument to vary",
        ),
    ],
)
def test_a_size_that_a_model_does_not_have_is_refused(model, over, message):
    with pytest.raises(ValueError, match=message):
        Frontier(dataclasses.replace(SETTING, model=model), over=over)
