import dataclasses
import itertools
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_cases import BUDGET, Scripted, curve, drive, moved, outcome, value_of

import longlag as ll
from longlag.events import Event
from longlag.store.store import Store
from longlag.studies import ask
from longlag.studies.conduct import conduct
from longlag.studies.profile import Profile
from longlag.studies.profile_answer import Effort, Place
from longlag.training import Recipe
from longlag.trials import documents, identity
from longlag.trials.outcome import Seconds

ECHO = ll.EchoLag(values=4)
SUM = ll.CumulativeThreshold()
ECHO_NAME = "echo-lag values=4"
EFFORT = Effort(0.001, BUDGET)
RUNGS = (1, 2, 5, 10, 20, 50, 100)
FOUND = st.sampled_from((0, *RUNGS))


def profiled(problems=(ECHO,), **changed):
    usual: dict[str, Any] = {"recipe": Recipe(sequences=BUDGET)}
    return Profile(ll.LSTM(hidden_size=3), problems, **(usual | changed))


def upto(reach, seconds=3.5):
    """What a trial comes to where the model solves each problem up to its reach."""

    def came(trial):
        solved = value_of(trial) <= reach[type(trial.setting.problem)]
        time = Seconds(seconds / 7 * 2, seconds / 7 * 4, seconds / 7)
        return outcome(1.0 if solved else 0.4, sequences=100 if solved else BUDGET, seconds=time)

    return came


def came_of(come_out):
    """What a task comes to."""
    return lambda task: come_out(
        identity.Trial(setting=documents.setting(task.setting), seed=task.seeds[0])
    )


def posterior(known):
    """How probable it is that the reach ends after each number of rungs, by Bayes' rule."""
    weights = []
    for end in range(len(RUNGS) + 1):
        weight = 1.0
        for place, rung in enumerate(RUNGS):
            for solved in known.get(rung, []):
                within = place < end
                weight *= 0.9 if solved == within else 0.1
        weights.append(weight)
    return [weight / sum(weights) for weight in weights]


@settings(max_examples=16)
@given(reach=FOUND, places=st.integers(1, 4), data=st.data())
def test_it_finds_the_reach_of_a_model_and_ends(reach, places, data):
    study = profiled()
    asked = drive(
        study,
        upto({ll.EchoLag: reach}),
        choose=lambda count: data.draw(st.integers(0, count - 1)),
        places=places,
    )
    (found,) = study.answer().reaches
    assert found.value == reach
    assert found.interval[0] <= reach <= found.interval[1]
    assert found.tried == len(asked) < 40
    assert len({trial.id for trial in asked}) == len(asked)
    for rung in found.rungs:
        seeds = sorted(trial.seed for trial in asked if value_of(trial) == rung.value)
        assert seeds == list(range(len(rung.outcomes)))
        assert (rung.within > 0.5) == (rung.value <= reach)


@given(st.dictionaries(st.sampled_from(RUNGS), st.lists(st.booleans(), max_size=4)))
@settings(max_examples=30)
def test_what_it_holds_probable_follows_from_what_it_was_told(known):
    study, fresh = profiled(), profiled()
    settings_of = {}
    while len(settings_of) < len(RUNGS):
        trial = fresh.ask()
        assert trial is not None
        settings_of[value_of(trial)] = trial
    for rung, came in known.items():
        for seed, solved in enumerate(came):
            trial = identity.Trial(setting=settings_of[rung].setting, seed=seed)
            study.tell(trial, outcome(1.0 if solved else 0.4))
    ends = posterior(known)
    (found,) = study.answer().reaches
    for place, rung in enumerate(found.rungs):
        assert rung.within == pytest.approx(sum(ends[place + 1 :]))
        assert rung.solved == sum(known.get(rung.value, []))
        assert len(rung.outcomes) == len(known.get(rung.value, []))
    mean = sum(place * share for place, share in enumerate(ends)) / len(RUNGS)
    assert found.share == (pytest.approx(mean) if any(known.values()) else None)
    below = {value: sum(ends[: place + 1]) for place, value in enumerate((0, *RUNGS))}
    low, high = found.interval
    assert below[low] >= 0.025 - 1e-9
    assert below[high] >= 0.975 - 1e-9
    assert all(below[value] < 0.025 for value in below if value < low)
    assert all(below[value] < 0.975 for value in below if value < high)


def entropy(probability):
    return -sum(share * math.log2(share) for share in (probability, 1 - probability))


def told_by(known, rung):
    """Bits that a trial is expected to tell: what is unsure of it less what always will be."""
    within = sum(posterior(known)[RUNGS.index(rung) + 1 :])
    return entropy(0.9 * within + 0.1 * (1 - within)) - entropy(0.1)


def test_where_all_trials_take_as_long_the_most_telling_comes_next():
    study, known = profiled(), {}
    came = upto({ll.EchoLag: 5}, seconds=3.5)
    for rung in RUNGS:  # each is tried once, so that it is known how long each takes
        trial = identity.Trial(setting=study._settings[Place(ECHO_NAME, EFFORT, rung)], seed=0)
        study.tell(trial, came(trial))
        known[rung] = [rung <= 5]
    count = 0
    while (trial := study.ask()) is not None:
        best = max(told_by(known, rung) for rung in RUNGS)
        assert told_by(known, value_of(trial)) == pytest.approx(best)
        assert best >= 0.002
        study.tell(trial, came(trial))
        known[value_of(trial)].append(value_of(trial) <= 5)
        count += 1
    assert count > 0
    assert max(told_by(known, rung) for rung in RUNGS) < 0.002


def test_after_the_first_rung_it_does_not_go_on_with_one_that_is_certain_or_dear():
    study = profiled()
    first, then = study.ask(), study.ask()
    assert first is not None
    assert then is not None
    assert value_of(first) == 1
    assert value_of(then) in (5, 10, 20)
    dear = Seconds(1.0, 10_000.0, 0.5)
    study = profiled([ECHO, SUM])
    trial = identity.Trial(setting=study._settings[Place(ECHO_NAME, EFFORT, 10)], seed=0)
    study.tell(trial, outcome(1.0, seconds=dear))
    second = study.ask()
    assert second is not None
    assert second.setting != trial.setting


def test_a_rung_under_way_tells_less_than_another():
    """Two asked at once are not one trial twice."""
    study = profiled()
    first, second = study.ask(), study.ask()
    assert first is not None
    assert second is not None
    assert value_of(first) != value_of(second)


def test_trials_that_come_to_nothing_count_neither_way():
    study, fresh = profiled(), profiled()
    asked = drive(study, lambda _: None, places=1)
    assert len(asked) == 2 * len(RUNGS)  # each rung is given up after two
    (found,), (before,) = study.answer().reaches, fresh.answer().reaches
    assert found.tried == 0
    assert (str(before), str(found)) == ("not tried", "missing (14 trials failed)")
    assert dataclasses.replace(found, failed=0) == before
    assert ("", "failed", "14 trials, counted neither way") in study.answer().left_out


def test_of_several_problems_each_has_its_own_reach():
    study = profiled([ECHO, SUM, ll.Memorization()])
    reach = {ll.EchoLag: 20, ll.CumulativeThreshold: 0, ll.Memorization: 200}
    drive(study, upto(reach))
    answer = study.answer()
    assert [found.value for found in answer.reaches] == [20, 0, 200]
    assert [str(found).split(" [")[0] for found in answer.reaches] == [
        *("lag 20", "length below 10", "length 200 or more")
    ]
    assert [found.knob for found in answer.reaches] == ["lag", "length", "length"]
    assert answer.model == "lstm hidden_size=3"
    reasons = answer.reaches[0].rungs[5].reasons
    assert reasons == {"stuck": len(answer.reaches[0].rungs[5].outcomes)}


def test_a_trial_that_does_not_fit_the_time_is_not_begun():
    assert profiled(seconds=0.0).ask() is None
    assert profiled(seconds=1.0).ask() is None  # compiling alone takes longer
    assert profiled(seconds=3600.0).ask() is not None
    study = profiled(seconds=3600.0)
    for rung in RUNGS:
        trial = identity.Trial(setting=study._settings[Place(ECHO_NAME, EFFORT, rung)], seed=0)
        slow = Seconds(1.0, 4000.0, 1.0) if rung > 2 else Seconds(1.0, 1.0, 1.0)
        study.tell(trial, outcome(1.0 if rung <= 10 else 0.4, seconds=slow))
    while (trial := study.ask()) is not None:
        assert value_of(trial) <= 2
        study.tell(trial, outcome(1.0, seconds=Seconds(1.0, 1.0, 1.0)))


def test_what_was_left_out_is_said():
    study = profiled([ECHO, SUM])
    echo = identity.Trial(setting=study._settings[Place(ECHO_NAME, EFFORT, 5)], seed=0)
    study.tell(echo, outcome(1.0))
    said = study.answer().left_out
    assert said == (
        (ECHO_NAME, "rungs not tried", "lag 10, 20, 50, 100"),
        (ECHO_NAME, "reach open", "1 to 100 with 1,000 sequences, trials: 1"),
        ("cumulative-threshold", "rungs not tried", "length: all"),
        ("", "learning rates", "other than 0.001"),
        ("", "framings", "other than whole"),
    )


def test_once_all_is_known_only_what_was_never_varied_is_left_out():
    study = profiled()
    drive(study, upto({ll.EchoLag: 10}))
    for rung in (10, 20):  # beyond doubt
        for seed in range(20, 30):
            again = identity.Trial(
                setting=study._settings[Place(ECHO_NAME, EFFORT, rung)], seed=seed
            )
            study.tell(again, upto({ll.EchoLag: 10})(again))
    assert [gap.gap for gap in study.answer().left_out] == ["learning rates", "framings"]


@pytest.mark.parametrize("encoding", [None, ll.Scaled])
def test_a_question_comes_back_with_all_that_was_asked(encoding):
    study = Profile(
        ll.GRU(hidden_size=4),
        [ECHO, ll.Ramp()],
        framing=ll.Chunks(timesteps=3, carry=True),
        encoding=encoding,
        recipe=Recipe(sequences=70, learning_rate=0.02),
        solve_at=0.9,
        seconds=1e6,
    )
    again = Profile.of(study.question())
    assert identity.canonical(again.question()) == identity.canonical(study.question())
    reach = {ll.EchoLag: 10, ll.Ramp: 20}
    first, second = ([trial.id for trial in drive(each, upto(reach))] for each in (study, again))
    assert first == second
    assert study.answer() == again.answer()


def test_told_what_is_known_in_any_order_it_answers_the_same():
    study, again = profiled(), profiled()
    asked = drive(study, upto({ll.EchoLag: 5}))
    for trial in reversed(asked):
        again.tell(trial, upto({ll.EchoLag: 5})(trial))
    assert again.answer() == study.answer()
    assert again.ask() is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"problems": []}, r"Profile: `problems` must name at least one\. Use one or more"),
        ({"solve_at": 0.0}, r"Profile: `solve_at` must be above 0 and below 1, got 0\.0"),
        ({"longer": (4, 2)}, r"Profile: `longer` must rise from above 1, got \(4, 2\)"),
        ({"longer": (1,)}, r"Profile: `longer` must rise from above 1, got \(1,\)"),
        ({"framing": ll.Vector()}, "Vector: EchoLag has no answer after its input"),
        ({"framing": ll.EncoderDecoder()}, "EncoderDecoder: EchoLag has no answer"),
    ],
)
def test_a_profile_that_cannot_be_made_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        profiled(**wrong)


RATES = (0.001, 0.003, 0.01)


def at_rates(reach, fresh=None):
    """What a trial comes to where a model's reach depends on the rate, and on the stream."""

    def came(trial):
        rate, value = trial.setting.recipe.learning_rate, value_of(trial)
        skills = [1.0 if value <= reaches[rate] else 0.4 for reaches in (fresh or reach, reach)]
        made = outcome(skills[0])
        validation = made.chance + skills[1] * (made.ceiling - made.chance)
        return dataclasses.replace(made, validation=validation)

    return came


def test_other_rates_are_tried_beyond_the_reach_once_that_is_settled():
    reach = {0.001: 5, 0.003: 20, 0.01: 2}
    study = profiled(rates=RATES)
    asked = drive(study, at_rates(reach))
    rates = [trial.setting.recipe.learning_rate for trial in asked]
    first = rates.index(next(rate for rate in rates if rate != 0.001))
    assert first >= 5  # of seven rungs the reach takes a few trials to settle
    others = [trial for trial in asked if trial.setting.recipe.learning_rate != 0.001]
    assert min(map(value_of, others)) > 5
    (found,) = study.answer().reaches
    assert (found.rate, found.value) == (0.003, 20)
    assert found.others == ((0.001, 5), (0.01, 5))  # never tried below: taken to be alike there


def test_the_rate_is_chosen_on_validation_and_answered_for_on_fresh_sequences():
    validated = {0.001: 5, 0.003: 20, 0.01: 5}
    fresh = {0.001: 50, 0.003: 10, 0.01: 50}
    study = profiled(rates=RATES)
    drive(study, at_rates(validated, fresh))
    (found,) = study.answer().reaches
    assert found.rate == 0.003
    assert found.value == 10


def test_rates_not_tried_are_said_where_the_ladder_goes_on():
    study = profiled([ECHO, SUM], rates=RATES)
    for rung in (1, 2, 5, 10):
        for seed in range(5):
            trial = identity.Trial(
                setting=study._settings[Place(ECHO_NAME, EFFORT, rung)], seed=seed
            )
            study.tell(trial, at_rates({0.001: 5})(trial))
    said = study.answer().left_out
    assert [gap for gap in said if gap.gap == "learning rates not tried"] == [
        (ECHO_NAME, "learning rates not tried", "0.003, 0.01"),
        ("cumulative-threshold", "learning rates not tried", "0.001, 0.003, 0.01"),
    ]
    assert ("", "learning rates", "other than 0.001, 0.003, 0.01") in said


def test_a_reach_by_one_lucky_seed_is_looked_at_again():
    def came(trial):
        rate, value = trial.setting.recipe.learning_rate, value_of(trial)
        lucky = (rate, value, trial.seed) == (0.003, 10, 0)
        return outcome(1.0 if value <= 5 or lucky else 0.4)

    study = profiled(rates=RATES)
    asked = drive(study, came)
    at_ten = [
        trial.seed
        for trial in asked
        if trial.setting.recipe.learning_rate == 0.003 and value_of(trial) == 10
    ]
    assert len(at_ten) > 2
    (found,) = study.answer().reaches
    assert found.value == 5


def falling(reach):
    """What a trial comes to whose reach depends on the budget, the loss falling beyond it."""

    def came(trial):
        solved = value_of(trial) <= reach[trial.setting.recipe.sequences]
        return outcome(1.0 if solved else 0.4, curve=curve(np.linspace(2.0, 1.0, 20)))

    return came


def test_where_the_loss_still_falls_longer_training_is_tried_last():
    reach = {BUDGET: 5, 4 * BUDGET: 10, 16 * BUDGET: 20}
    study = profiled(rates=RATES)
    asked = drive(study, falling(reach))
    sequences = [trial.setting.recipe.sequences for trial in asked]
    first = sequences.index(4 * BUDGET)
    assert len({trial.setting.recipe.learning_rate for trial in asked[:first]}) == 3
    longer = [trial for trial in asked if trial.setting.recipe.sequences > BUDGET]
    assert min(map(value_of, longer)) > 5
    (found,) = study.answer().reaches
    assert found.value == 5
    further = [(each.sequences, each.value, each.interval) for each in found.longer]
    assert further == [(4 * BUDGET, 10, (10, 10)), (16 * BUDGET, 20, (20, 20))]
    for each in found.longer:
        mine = [value_of(t) for t in asked if t.setting.recipe.sequences == each.sequences]
        assert (each.solved, each.tried) == (sum(v <= (each.value or 0) for v in mine), len(mine))
    assert found.undertrained == 16 * BUDGET
    said = study.answer().left_out
    assert (ECHO_NAME, "longer training", "more than 16,000 sequences; undertrained") in said
    assert ("", "longer training", "other learning rates than the best") in said


def test_longer_training_is_not_tried_where_the_loss_is_flat():
    study = profiled()
    asked = drive(study, upto({ll.EchoLag: 5}))
    assert {trial.setting.recipe.sequences for trial in asked} == {BUDGET}
    (found,) = study.answer().reaches
    assert found.longer == ()


def test_longer_training_not_tried_for_want_of_time_is_said():
    study = profiled(longer=())
    drive(study, falling({BUDGET: 5}))
    answer = study.answer()
    assert answer.reaches[0].undertrained == BUDGET
    gap = (ECHO_NAME, "longer training", "more than 1,000 sequences; undertrained")
    assert gap in answer.left_out


@pytest.mark.parametrize(
    "changed", [{"audit": "unreachable", "reachable": 0.5}, {"validation": 1.0}]
)
def test_longer_training_is_not_tried_where_it_cannot_help(changed):
    """Where the inputs in sight do not allow it, or where validation says that it is solved."""

    def came(trial):
        found = falling({BUDGET: 5})(trial)
        return found if found.skill == 1 else dataclasses.replace(found, **changed)

    study = profiled()
    asked = drive(study, came)
    assert {trial.setting.recipe.sequences for trial in asked} == {BUDGET}


@pytest.mark.parametrize("seconds", [0.0, 1e6])
def test_what_the_store_has_is_known_however_little_time_there_is(tmp_path, seconds):
    """A trial that would not fit the time any more is still known."""
    came = upto({ll.EchoLag: 5}, seconds=50.0)
    with Store(tmp_path / "trials.db", write=True) as store:
        first = profiled()
        conduct(first, store, Scripted(came_of(came)))
        again, idle = profiled(seconds=seconds), Scripted(came_of(came))
        usage = conduct(again, store, idle)
    assert idle.given == []
    assert usage.reused > 5
    assert again.answer() == first.answer()


def test_a_question_from_before_longer_training_is_read():
    question = profiled().question()
    del question["longer"]
    assert Profile.of(question).longer == ()


def test_a_trial_of_another_ladder_is_passed_over():
    study = profiled()
    other = Profile(ll.LSTM(hidden_size=3), [SUM], recipe=Recipe(sequences=BUDGET)).ask()
    assert other is not None
    study.tell(other, outcome())
    assert study.answer() == profiled().answer()


def test_nothing_is_said_of_what_was_not_tried():
    study = profiled()
    (found,) = study.answer().reaches
    assert (found.value, found.more, found.share, str(found)) == (None, False, None, "not tried")
    for rung, skill, said in (
        (5, 1.0, "lag 5 or more"),
        (20, 1.0, "lag 20 or more"),
        (50, 0.4, "lag 20"),
        (20, 0.4, "lag 5 or more"),
    ):
        trial = identity.Trial(
            setting=study._settings[Place(ECHO_NAME, EFFORT, rung)],
            seed=len(study._results.outcomes[Place(ECHO_NAME, EFFORT, rung)]),
        )
        study.tell(trial, outcome(skill))
        assert study.answer().reaches[0].words == said
    study = profiled()
    study.tell(
        identity.Trial(setting=study._settings[Place(ECHO_NAME, EFFORT, 10)], seed=0), outcome(0.4)
    )
    (found,) = study.answer().reaches
    assert found.value is None
    assert found.words == "lag below 10"


def test_where_seeds_differ_much_it_says_so_and_goes_on_elsewhere():
    study = profiled()
    asked = drive(
        study, lambda trial: outcome(1.0 if trial.seed % 2 or value_of(trial) < 5 else 0.4)
    )
    counts = [sum(value_of(trial) == rung for trial in asked) for rung in RUNGS]
    assert max(counts) == 12
    assert "seeds differ" in [gap.gap for gap in study.answer().left_out]


def test_the_first_rung_of_each_problem_comes_first_the_cheapest_at_the_head():
    problems = [ll.EchoSubsequence(), ECHO, SUM, ll.Memorization(), ll.Ramp()]
    study = profiled(problems, rates=RATES)
    first = []
    for _ in problems:
        trial = study.ask()
        assert trial is not None
        first.append(trial.setting.problem)
        study.tell(trial, upto(dict.fromkeys(map(type, problems), 0))(trial))
    assert {type(problem) for problem in first} == {type(problem) for problem in problems}
    for problem in first:
        knob, rungs = problem.ladder
        assert getattr(problem, knob) == rungs[0]
    steps = [problem.steps for problem in first]
    assert steps == sorted(steps)


def test_a_profile_in_which_nothing_came_to_its_end_says_how_far_it_came(tmp_path, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))

    class Slow(Scripted):
        """The first trial comes to a third of its sequences, the second is still compiled."""

        def wait(self, seconds: float | None = None) -> list[Event]:
            del seconds
            return [moved(task, 1, 3) for task in self.given[:1]]

        def stop(self):
            return []

    study, executor = profiled([ECHO, SUM]), Slow(lambda _: "")
    with Store(tmp_path / "longlag.db", write=True) as kept:
        conduct(study, kept, executor, seconds=100.0)
    assert executor.patience < 10.0
    answer = study.answer()
    assert {share for _, share in answer.unfinished} == {1 / 3, 0.0}
    assert "nothing is known of any problem" in answer.unanswered
    assert "seed 0: cut short at 33% of its 1,000 sequences." in answer.unanswered
    assert "seed 0: cut short at compiling." in answer.unanswered
    done = profiled()
    drive(done, upto({ll.EchoLag: 5}))
    assert done.answer().unanswered == ""


def test_checks_of_a_model_take_a_quarter_of_the_time_at_most(monkeypatch):
    """What is not looked at fails as a trial."""
    clock, looked = [0.0], []

    def look(settings):
        looked.extend(settings)
        clock[0] += 4.0
        return []

    monkeypatch.setattr(ask, "require_valid", look)
    monkeypatch.setattr(ask.time, "monotonic", lambda: clock[0])
    study = profiled([ECHO, SUM, ll.Memorization(), ll.Ramp()])
    ask.require_fitting(study, until=30.0)
    assert len(looked) == 2
    looked.clear()
    ask.require_fitting(study)
    assert len(looked) == 4
