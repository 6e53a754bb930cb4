import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_cases import made_run, outcome, seed_score

import longlag as ll
from longlag.trials.outcome import (
    FIRST,
    Bounds,
    ModelSize,
    Outcome,
    cost_cells,
    side_of_chance,
    skill,
)
from longlag.trials.resources import Resources
from longlag.trials.setting import Setting

SETTINGS = [
    Setting(problem=ll.EchoLag(values=4, length=6), framing=ll.Whole(), model=ll.LSTM()),
    Setting(problem=ll.EchoValue(values=3), framing=ll.Prefix(), model=ll.GRU()),
    Setting(problem=ll.CumulativeThreshold(), framing=ll.Chunks(carry=True), model=ll.RNN()),
    Setting(problem=ll.Memorization(), framing=ll.Whole(), model=ll.LSTM()),
    Setting(problem=ll.Memorization(ask="last"), framing=ll.Whole(), model=ll.LSTM()),
    Setting(problem=ll.Ramp(), framing=ll.Whole(), model=ll.MLP()),
    Setting(
        problem=ll.EchoSubsequence(), framing=ll.EncoderDecoder(), model=ll.Seq2Seq(attention=True)
    ),
]
every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: repr(each.problem))


def outcomes_of(run):
    return [run.outcome(place, validation=0.5) for place in range(len(run.seeds))]


def written_and_read(before):
    return Outcome.read(json.loads(json.dumps(before.document(), allow_nan=False)))


@every_setting
def test_an_outcome_says_what_its_run_says(setting):
    run = made_run(setting, [0.5, 0.9, 1.0])
    found = outcomes_of(run)
    assert [each.accuracy for each in found] == list(run.accuracy.per_seed)
    assert [each.sequence_accuracy for each in found] == list(run.sequence_accuracy.per_seed)
    assert [each.skill for each in found] == list(run.skill)
    assert [each.sequences for each in found] == list(run.sequences)
    if run.error is None:
        assert all(each.error is None and each.chance_error is None for each in found)
    else:
        assert [each.error for each in found] == list(run.error.per_seed)
        assert found[0].chance_error == run.chance_error
    for each, evaluation in zip(found, run.evaluations, strict=True):
        assert (each.chance, each.ceiling) == (run.chance, run.ceiling)
        assert each.tally.hits == round(each.accuracy * each.tally.scored)
        assert [share is None for share in each.by_step] == np.isnan(evaluation.by_step).tolist()
        assert (each.reachable, each.audit) == (setting.audit().ceiling, setting.audit().verdict)
        assert written_and_read(each) == each


@every_setting
@pytest.mark.parametrize("lift", [0.0, 0.01, -0.02])
def test_guessing_is_tested_over_seeds_as_a_run_tests_it(setting, lift):
    chance = setting.problem.chance(setting.scored)
    run = made_run(setting, [chance + lift, chance, min(1.0, chance + 2 * lift)])
    found = outcomes_of(run)
    verdicts = {
        "above": {"solved", "partly learned"},
        "at": {"at chance"},
        "below": {"below chance"},
    }
    assert run.verdict in verdicts[side_of_chance(found)]
    alone = made_run(setting, [chance + lift])
    assert outcomes_of(alone)[0].chance_probability == pytest.approx(
        alone.chance_probability, abs=1e-9
    )


@every_setting
def test_the_interval_of_a_skill_is_that_of_the_accuracy(setting):
    run = made_run(setting, [0.6, 0.8, 0.75])
    estimate = skill(outcomes_of(run))
    span = run.ceiling - run.chance
    expected = [
        (share - run.chance) / span for share in (run.accuracy.mean, *run.accuracy.interval)
    ]
    assert [estimate.mean, *estimate.interval] == pytest.approx(expected, abs=1e-12)
    assert estimate.per_seed == run.skill


def test_the_examples_are_fresh_sequences_as_they_came_out():
    setting = SETTINGS[0]
    run = made_run(setting, [0.7])
    (found,) = outcomes_of(run)
    evaluation = run.evaluations[0]
    assert len(found.examples) == 3
    for row, example in enumerate(found.examples):
        assert list(example.shown) == evaluation.inputs[row].tolist()
        for step in range(6):
            asked = evaluation.scored[row, step]
            target, said = evaluation.targets[row, step], evaluation.predicted[row, step]
            assert example.expected[step] == (target if asked else None)
            assert example.predicted[step] == (said if asked else None)


def test_a_long_sequence_is_no_example():
    setting = Setting(problem=ll.EchoLag(length=61), framing=ll.Whole(), model=ll.LSTM())
    assert outcomes_of(made_run(setting, [0.7]))[0].examples == ()


@given(sizes=st.lists(st.integers(1, 500), min_size=1, max_size=20), seed=st.integers(0, 99))
def test_a_curve_has_its_first_updates_and_few_equal_stretches_whatever_the_reports(sizes, seed):
    rng = np.random.default_rng(seed)
    parts = [rng.random(size).astype(np.float32) for size in sizes]
    (found,) = outcomes_of(made_run(SETTINGS[0], [0.3], losses=parts))
    updates, loss, accuracy = found.curve
    assert len(updates) == len(loss) == len(accuracy) <= 100 + len(FIRST)
    assert updates[-1] == found.updates == sum(sizes)
    assert updates[: len(FIRST)] == FIRST[: len(updates)] or updates[-1] < FIRST[-1]
    rest = [0, *updates[len(FIRST) :]]
    assert len(set(np.diff(rest[:-1]))) <= 1
    if len(rest) > 2:
        assert 0 < rest[-1] - rest[-2] <= rest[1]
    losses, first = np.concatenate(parts).tolist(), 0
    for place, last in enumerate(updates):
        stretch = losses[first:last]
        assert loss[place] == pytest.approx(sum(stretch) / len(stretch), rel=1e-4)
        first = last
    assert set(accuracy) == {0.5}


def test_a_curve_has_the_accuracy_of_each_stretch_within_a_chunk():
    problem = ll.EchoLag(values=30)
    run = ll.train(
        problem, ll.Whole(), ll.RNN(hidden_size=8), seeds=1, sequences=320, learning_rate=0.03
    )
    (reports,), (outcome,) = run.history, outcomes_of(run)
    assert len(reports) == 1, "all updates are one chunk"
    early, late = outcome.curve.accuracy[0], outcome.curve.accuracy[-1]
    assert early < reports[0].accuracy < late
    weights = np.diff([0, *outcome.curve.updates])
    mean = np.average(outcome.curve.accuracy, weights=weights)
    assert mean == pytest.approx(reports[0].accuracy, abs=1e-4)


def test_an_accuracy_that_two_reports_share_is_weighted_by_their_updates():
    run = made_run(SETTINGS[0], [0.3], losses=[[1.0] * 12, [1.0] * 20])
    first, second = run.history[0]
    told = (dataclasses.replace(first, accuracy=0.0), dataclasses.replace(second, accuracy=1.0))
    (found,) = outcomes_of(dataclasses.replace(run, history=(told,)))
    assert found.curve.updates == (*FIRST, 16, 32)
    assert found.curve.accuracy == (0, 0, 0, 0, 0.5, 1.0)  # of updates 9 to 12, and 13 to 16


def test_large_losses_are_averaged_without_overflow():
    run = made_run(SETTINGS[0], [0.3], losses=[[3e38] * 16], ended="diverged", at=1)
    (found,) = outcomes_of(run)
    assert found.curve.loss == pytest.approx((3e38,) * 5)


def test_a_light_outcome_keeps_its_figures():
    (found,) = outcomes_of(made_run(SETTINGS[0], [0.3]))
    light = found.without_details()
    assert (light.skill, light.tally, light.chance_probability, light.seconds) == (
        *(found.skill, found.tally, found.chance_probability, found.seconds),
    )
    assert (light.curve.loss, light.by_step, light.examples) == ((), (), ())
    assert written_and_read(light) == light


@pytest.mark.parametrize("last", [np.inf, np.nan])
def test_a_loss_that_is_no_number_is_written_as_null(last):
    run = made_run(SETTINGS[0], [0.3], losses=[[1.0] * 16, [2.0, last]], ended="diverged", at=12)
    (found,) = outcomes_of(run)
    assert (found.ended, found.diverged_at) == ("diverged", 12)
    assert json.loads(json.dumps(found.document()))["curve"][1][-2:] == [1.0, None]
    again = written_and_read(found)
    assert again.curve.loss[-2:] == (1.0, np.inf)
    assert written_and_read(again) == again


def test_a_run_cut_before_its_first_report_has_an_outcome():
    run = dataclasses.replace(made_run(SETTINGS[0], [0.3]), history=((),))
    (found,) = outcomes_of(run)
    assert (found.updates, found.sequences, found.curve.loss) == (0, 0, ())
    assert written_and_read(found) == found


def test_nothing_measured_on_the_validation_stream_is_no_skill():
    assert outcome(0.5, validation=1.0).validation_skill == 1
    with pytest.raises(ValueError, match="nothing was measured on the validation stream"):
        _ = outcome(0.5, validation=None).validation_skill


def test_the_time_adds_up():
    (found,) = outcomes_of(made_run(SETTINGS[0], [0.3]))
    assert found.seconds == (1.0, 2.0, 0.5)
    assert found.seconds.total == 3.5


def test_a_series_with_gaps_has_an_outcome_that_can_be_kept():
    values = np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0)
    values[53:56, 0] = np.nan
    series = ll.Series(values, length=5, missing="mask")
    run = ll.train(series, ll.Whole(), ll.MLP(hidden_size=2), sequences=16)
    kept = run.outcome()
    assert not kept.fresh
    written = json.loads(json.dumps(kept.document(), allow_nan=False))
    assert Outcome.read(written) == kept
    assert (kept.tally.scored, kept.tally.sequences) == (9 - 3, 2)
    assert set(kept.shortcuts) == {"mean", "last value"}
    assert len(kept.examples) == 2
    assert len(str(kept.examples[0].shown[0]).split()) == 2  # a value of each column


VERSION_1 = """{"ended": "finished", "diverged_at": null, "updates": 96, "sequences": 480,
"accuracy": 0.5, "validation": 0.53, "whole": 0.25, "error": null, "chance": 0.25,
"chance_error": null, "ceiling": 1.0, "reachable": 1.0, "audit": "learnable", "independent": true,
"one_sequence": false, "tally": [1000, 2000, 1000, 500.0, 375.0], "by_step": [null, 0.5, 0.5],
"shortcuts": {"most frequent": 0.26, "copy previous": 1.0},
"curve": [[48, 96], [1.5, null], [1.6, null], [0.3, 0.5]], "parameters": 99,
"examples": [[[1, 2, 0], [null, 1, 2], [null, 1, 0]]], "seconds": [1.0, 2.0, 0.5]}"""


def test_an_outcome_of_the_first_schema_is_read():
    found = Outcome.read(json.loads(VERSION_1))
    assert list(found.scores) == ["in-distribution"]
    assert (found.accuracy, found.sequence_accuracy, found.chance, found.skill) == (
        0.5,
        0.25,
        0.25,
        1 / 3,
    )
    assert found.tally.hits == 1000
    assert found.curve == ((48, 96), (1.5, np.inf), (0.3, 0.5))
    assert found.bounds == (0.25, 1.0)
    assert found.validation_skill == pytest.approx((0.53 - 0.25) / 0.75)
    assert found.examples[0].predicted == (None, 1, 0)
    assert found.score().in_distribution
    assert not found.fresh  # unknown
    assert written_and_read(found) == found
    assert found.document()["schema"] == 4


def test_an_outcome_of_a_newer_longlag_is_refused_in_one_line():
    newer = outcome().document() | {"schema": 5, "mood": "good"}
    with pytest.raises(
        ValueError, match=r"schema 5, .* written by a newer longlag\. Update"
    ) as said:
        Outcome.read(newer)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("schema", [1, 4])
def test_an_outcome_that_lacks_something_is_refused_in_one_line(schema):
    whole = json.loads(VERSION_1) if schema == 1 else outcome().document()
    for name in set(whole) - {"schema", "state", "resources", "teacher_forcing"}:  # came later
        lacking = {other: value for other, value in whole.items() if other != name}
        with pytest.raises(ValueError, match="Outcome: the document has no"):
            Outcome.read(lacking)
    assert Outcome.read(whole | {"mood": "good"}) == Outcome.read(whole)


def test_what_a_trial_took_is_kept_but_is_no_part_of_equality():
    took = dataclasses.replace(outcome(), resources=Resources(1200, 4096, 2e-6))
    again = Outcome.read(json.loads(json.dumps(took.document())))
    assert again.resources == Resources(1200, 4096, 2e-6)
    assert took == outcome()
    document = took.document()
    del document["resources"]  # as of an earlier longlag
    assert Outcome.read(document).resources == Resources()
    texts = [each.text for each in cost_cells([took, outcome()])]
    assert (texts[0], *texts[2:]) == ("1,200", "4 KiB", "2.0 µs")
    assert [each.text for each in cost_cells([])] == [""] * 4


def test_the_main_test_is_the_first_whatever_the_order_of_names():
    scores = {"b": seed_score(0.5), "a": seed_score(0.25, chance=0.5)}
    found = outcome(scores=scores)
    again = Outcome.read(json.loads(json.dumps(found.document(), sort_keys=True)))
    assert (again.skill, again.score("a").skill, again.chance) == (0.5, 0.25, 0.25)
    assert (skill([again]).mean, skill([again], "a").mean) == (0.5, 0.25)
    assert side_of_chance([again], "a") == "above"
    with pytest.raises(ValueError, match="There is no test `c`"):
        again.score("c")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: repr(each.problem))
def test_nothing_but_teacher_forcing_and_a_series_can_overfit(setting):
    (found,) = outcomes_of(made_run(setting, [0.5]))
    assert found.fresh == (setting.framing.output != "decoder")
    assert found.teacher_forcing == (setting.framing.output == "decoder")


def test_validation_and_what_is_in_sight_stand_beside_the_problem_trained_on():
    """The main test may be of another chance."""
    scores = {"harder": seed_score(0.5, chance=0.0, in_distribution=False)}
    found = outcome(scores=scores, validation=0.7, bounds=Bounds(0.4, 1.0))
    assert found.validation_skill == pytest.approx(0.5)
    assert found.within(0.4) == 0


@pytest.mark.parametrize(
    ("model", "framing", "state"),
    [
        (ll.LSTM(hidden_size=3), ll.Chunks(timesteps=5, carry=True), 6),
        (ll.GRU(hidden_size=3), ll.Whole(), 3),
        (ll.MLP(hidden_size=3), ll.Window(timesteps=2, missing="mark"), 0),
        (ll.RNN(hidden_size=4), ll.Window(timesteps=2, missing="mark"), 4),
        (ll.Seq2Seq(hidden_size=3), ll.EncoderDecoder(), 6),
    ],
    ids=str,
)
def test_the_size_of_a_model_is_told(model, framing, state):
    problem = ll.EchoSubsequence() if model.decodes else ll.EchoLag(length=10, values=3)
    outcome = ll.train(problem, framing, model, sequences=10).outcome()
    assert (outcome.state, written_and_read(outcome).state) == (state, state)
    document = outcome.document()
    del document["state"]  # as of an earlier longlag
    before = Outcome.read(document)
    assert before.state is None
    weights = f"{outcome.parameters:,} weights"
    assert str(ModelSize.of([before])) == weights
    assert str(ModelSize.of([before, outcome])) == f"{weights}, state {state}"
