import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_cases import BUDGET, drive, outcome, value_of

import longlag as ll
from longlag.studies.comparison import Comparison
from longlag.training import Recipe
from longlag.trials import identity

MODELS = [ll.LSTM(hidden_size=3), ll.GRU(hidden_size=3)]
PROBLEMS = [ll.EchoLag(values=4), ll.CumulativeThreshold()]
RATES = (0.001, 0.01, 0.1)


def compared(**changed):
    usual = {
        "models": MODELS,
        "problems": PROBLEMS,
        "recipe": Recipe(sequences=BUDGET),
        "rungs": 2,
        "rates": RATES,
        "widen": False,
        "seeds": 2,
    }
    made = usual | changed
    return Comparison(made.pop("models"), made.pop("problems"), **made)


def rate_of(trial):
    return trial.setting.recipe.learning_rate


def best_at(best):
    """Each model is best on validation at one rate, and on evaluation at all others."""

    def came(trial):
        kind = type(trial.setting.model), type(trial.setting.problem)
        validation = 0.9 if rate_of(trial) == best[kind] else 0.5
        evaluation = 0.4 if rate_of(trial) == best[kind] else 0.8
        return outcome((evaluation - 0.25) / 0.75, validation=validation)

    return came


BEST = {
    (ll.LSTM, ll.EchoLag): 0.001,
    (ll.LSTM, ll.CumulativeThreshold): 0.1,
    (ll.GRU, ll.EchoLag): 0.01,
    (ll.GRU, ll.CumulativeThreshold): 0.001,
}


def test_a_rate_is_chosen_for_each_model_and_problem_by_validation_alone():
    study = compared()
    asked = drive(study, best_at(BEST))
    for trial in asked:
        kind = type(trial.setting.model), type(trial.setting.problem)
        first = trial.setting.problem.ladder.rungs[0]
        if value_of(trial) != first:
            assert rate_of(trial) == BEST[kind]
    answer = study.answer()
    assert answer.complete
    assert len(answer.cells) == 2 * 2 * 2
    assert len(answer.ladder) == 2 * 2 * 3
    for cell in answer.cells:
        assert cell.chosen
        assert cell.skill
        assert cell.skill.mean == pytest.approx((0.4 - 0.25) / 0.75)
    chosen = {(cell.model, cell.problem): cell.rate for cell in answer.ladder if cell.chosen}
    assert sorted(chosen.values()) == sorted(BEST.values())


def test_every_trial_is_asked_once_and_as_many_as_were_announced():
    study = compared()
    announced = study.left()
    # Two models on two problems: three rates at the first rung, one at the other; two seeds.
    assert announced == 2 * 2 * (3 + 1) * 2
    told = []

    def come_out(trial):
        assert study.left() == announced - len(told)
        told.append(trial)
        return best_at(BEST)(trial)

    asked = drive(study, come_out)
    assert len({trial.id for trial in asked}) == len(asked) == announced
    assert study.left() == 0
    for trial in asked:
        recipe = trial.setting.recipe
        assert (recipe.sequences, trial.setting.framing) == (BUDGET, ll.Whole())
        assert recipe.stop_at is not None


@pytest.fixture(scope="module")
def usual():
    study = compared(seeds=1, widen=True)
    drive(study, best_at(BEST))
    return study.answer()


@settings(max_examples=10)
@given(st.data())
def test_the_order_in_which_trials_end_does_not_change_the_answer(usual, data):
    other = compared(seeds=1, widen=True)
    drive(
        other,
        best_at(BEST),
        choose=lambda count: data.draw(st.integers(0, count - 1)),
        places=data.draw(st.integers(1, 9)),
    )
    assert other.answer() == usual


def peak(rate):
    """Skill, on validation and evaluation, falls by a fifth for each factor of 10 from a rate."""

    def came(trial):
        return outcome(0.9 - 0.2 * abs(np.log10(rate_of(trial) / rate)))

    return came


@pytest.mark.parametrize(
    ("best", "tried", "chosen"),
    [
        (0.01, [0.001, 0.003, 0.01, 0.03], 0.01),
        (0.03, [0.001, 0.003, 0.01, 0.03, 0.1], 0.03),
        (5.0, [0.001, 0.003, 0.01, 0.03, 0.1], 0.1),
        (0.003, [0.001, 0.003, 0.01], 0.003),
        (0.0003, [0.0001, 0.0003, 0.001, 0.003, 0.01], 0.0003),
        (1e-6, [0.0001, 0.0003, 0.001, 0.003, 0.01], 0.0001),
    ],
)
@pytest.mark.parametrize("rates", [(0.001, 0.003, 0.01), (0.01, 0.001, 0.003)])
def test_while_the_best_rate_is_at_the_edge_the_next_is_tried(best, tried, chosen, rates):
    study = compared(models=MODELS[:1], problems=PROBLEMS[:1], rates=rates, widen=True)
    most = study.left()
    asked = drive(study, peak(best))
    assert sorted({rate_of(trial) for trial in asked if value_of(trial) == 1}) == tried
    assert len(asked) == (len(tried) + 1) * 2
    assert most == (5 + 1) * 2
    assert study.left() == 0
    answer = study.answer()
    assert {cell.rate for cell in answer.cells} == {chosen}
    assert [cell.rate for cell in answer.ladder] == tried
    (search,) = answer.searches
    assert sorted(search.beyond) == sorted({*tried} - {*rates})
    further = " and ".join(f"{rate:g}" for rate in search.beyond)
    said = f"{further} for lstm hidden_size=3 on echo-lag values=4."
    assert (said if search.beyond else "") in answer.widened
    edge = len(search.beyond) == 2 and chosen in (min(tried), max(tried))
    assert ("The best is still at the edge: " in answer.widened) == edge
    assert bool(answer.widened) == bool(search.beyond)
    assert answer.document()["rate_searches"] == [search._asdict()]


def test_no_rate_is_added_where_others_are_as_good_as_the_edge():
    for came in (lambda _: outcome(1.0, sequences=100), lambda _: None):
        study = compared(widen=True)
        asked = drive(study, came)
        assert {rate_of(trial) for trial in asked} == {*RATES}
        assert study.answer().widened == ""


def test_rates_beyond_what_is_sensible_are_not_tried():
    study = compared(models=MODELS[:1], problems=PROBLEMS[:1], rates=[1.0, 3.0], widen=True)
    asked = drive(study, peak(1e9))
    assert {rate_of(trial) for trial in asked} == {1.0, 3.0, 9.0}


def test_the_range_of_rates_that_work_is_told():
    study = compared(models=MODELS[:1], problems=PROBLEMS[:1], rates=(0.001, 0.003, 0.01, 0.03))
    skills = {0.001: 0.5, 0.003: 0.86, 0.01: 0.9, 0.03: 0.3}
    drive(study, lambda trial: outcome(skills[rate_of(trial)]))
    answer = study.answer()
    assert [each.good for each in answer.searches] == [(0.003, 0.01)]
    frame = answer.to_frame()
    assert frame.good_rates_low.tolist() == [0.003, 0.003]
    assert frame.good_rates_high.tolist() == [0.01, 0.01]
    assert "0.003 to 0.01" in str(answer)


def test_no_rate_works_where_the_best_is_at_chance():
    study = compared(models=MODELS[:1], problems=PROBLEMS[:1])
    drive(study, lambda _: outcome(0.001))
    assert [each.good for each in study.answer().searches] == [None]


def test_an_old_study_keeps_its_rates_and_its_name():
    study, wider = compared(), compared(widen=True)
    assert "widen" not in study.question()
    assert study.id != wider.id
    assert Comparison.of(study.question()).id == study.id
    assert Comparison.of(wider.question()).id == wider.id
    assert compared(rates=[0.01]).id == compared(rates=[0.01], widen=True).id


def test_of_rates_that_solve_it_the_soonest_is_chosen():
    """The validation skill above solved does not matter then."""
    skill = {0.001: 1.0, 0.01: 0.992, 0.1: 0.98}
    taken = {0.001: 700, 0.01: 300, 0.1: 100}

    def came(trial):
        return outcome(skill[rate_of(trial)], sequences=taken[rate_of(trial)])

    study = compared(models=MODELS[:1], problems=PROBLEMS[:1])
    drive(study, came)
    assert {cell.rate for cell in study.answer().cells} == {0.01}


def test_a_rate_at_which_nothing_came_out_is_not_chosen():
    def came(trial):
        return None if rate_of(trial) == 0.001 else outcome(0.1)

    study = compared(models=MODELS[:1], problems=PROBLEMS[:1])
    drive(study, came)
    answer = study.answer()
    assert {cell.rate for cell in answer.cells} <= {0.01, 0.1}
    assert {cell.rate for cell in answer.ladder if cell.skill} == {0.01, 0.1}
    assert answer.complete


def test_a_cell_counts_what_its_seeds_came_to():
    def came(trial):
        if value_of(trial) == 1:
            return outcome(1.0, sequences=100)
        kinds = [
            outcome(1.0, sequences=400),
            outcome(0.5, sequences=BUDGET),
            outcome(0.5, ended="diverged", diverged_at=3, sequences=5),
            None,
        ]
        return kinds[trial.seed]

    study = compared(models=MODELS[:1], problems=PROBLEMS[:1], rates=[0.01], seeds=4)
    drive(study, came)
    first, second = study.answer().cells
    assert first.time
    assert second.time
    assert second.skill
    assert (first.knob, first.rung, second.rung) == ("lag", 1, 2)
    assert (first.missing, first.reasons, first.time.solved) == (0, {}, 4)
    assert (second.missing, second.time.solved, second.time.count) == (1, 1, 3)
    assert second.reasons == {"stuck": 1, "unstable": 1}
    assert second.time.mean.per_seed == (400, BUDGET, BUDGET)
    assert second.skill.mean == pytest.approx(2 / 3)


def test_with_one_rate_nothing_is_to_be_chosen_and_all_rungs_may_run_at_once():
    study = compared(rates=[0.01], seeds=1)
    asked = []
    while (trial := study.ask()) is not None:
        asked.append(trial)
    assert len(asked) == study.left() == 2 * 2 * 2


def test_no_further_rung_is_asked_before_the_first_one_is_complete():
    study = compared(models=MODELS[:1], problems=PROBLEMS[:1])
    first = [study.ask() for _ in range(7)]
    assert first[6] is None
    for trial in first[:5]:
        assert trial is not None
        study.tell(trial, outcome(0.5))
        assert study.ask() is None
    assert not study.answer().complete
    assert first[5] is not None
    study.tell(first[5], outcome(0.5))
    further = study.ask()
    assert further is not None
    assert value_of(further) == 2


def test_the_answer_grows_with_what_is_known():
    study = compared()
    none = study.answer()
    assert none.ladder == ()
    assert {cell.marked for cell in none.cells} == {"missing"}
    assert len(none.failed) == len(none.cells) == len({*none.failed})
    assert {*none.failed.values()} == {"no rate chosen yet (2)"}
    assert "Not complete: at most" in none.caption
    trial = study.ask()
    assert trial is not None
    study.tell(trial, outcome(0.5))
    (cell,) = study.answer().ladder
    assert (cell.missing, cell.rate, cell.chosen) == (1, 0.001, False)


@pytest.mark.parametrize("encoding", [None, ll.Scaled])
def test_a_question_comes_back_with_all_that_was_asked(encoding):
    study = compared(
        framing=ll.Chunks(timesteps=3, carry=True),
        encoding=encoding,
        recipe=Recipe(sequences=70, batch_size=3, optimizer="sgd"),
        problems=[*PROBLEMS, ll.Ramp()],
        seeds=[3, 8],
        solve_at=0.9,
    )
    again = Comparison.of(study.question())
    assert identity.canonical(again.question()) == identity.canonical(study.question())
    names = []
    for each in (study, again):
        came = outcome(0.5)
        names.append([trial.id for trial in drive(each, lambda _, came=came: came)])
    assert names[0] == names[1]
    assert study.answer() == again.answer()


def test_an_encoding_is_for_problems_with_integers():
    study = compared(encoding=ll.Scaled, problems=[ll.EchoLag(values=4), ll.Ramp()], rates=[0.1])
    asked = drive(study, lambda _: outcome(0.5))
    kinds = {(type(trial.setting.problem), trial.setting.encoding) for trial in asked}
    assert kinds == {(ll.EchoLag, ll.Scaled), (ll.Ramp, None)}


def test_told_what_is_known_in_any_order_it_answers_the_same():
    study = compared(seeds=1, widen=True)
    asked = drive(study, best_at(BEST))
    again = compared(seeds=1, widen=True)
    for trial in reversed(asked):
        again.tell(trial, best_at(BEST)(trial))
    assert again.answer() == study.answer()


def test_a_ladder_shorter_than_asked_is_climbed_to_its_end():
    study = compared(models=MODELS[:1], problems=[ll.EchoSubsequence()], rates=[0.1], rungs=9)
    asked = drive(study, lambda _: outcome(0.5))
    assert sorted({value_of(trial) for trial in asked}) == [5, 10, 20, 50, 100]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"models": []}, r"Comparison: `models` must name at least one\. Use one or more"),
        ({"problems": []}, r"Comparison: `problems` must name at least one"),
        ({"rates": []}, r"Comparison: `rates` must be different learning rates, got \[\]"),
        ({"rates": [0.1, 0.1]}, r"`rates` must be different learning rates, got \[0\.1, 0\.1\]"),
        ({"rungs": 0}, r"Comparison: `rungs` must be at least 1, got 0\. Use rungs=1"),
        ({"solve_at": 1.2}, r"Comparison: `solve_at` must be above 0 and below 1, got 1\.2"),
        ({"models": [ll.Seq2Seq()]}, "Seq2Seq predicts an answer after the input, which EchoLag"),
        ({"models": ["seq2seq", "lstm"]}, "no framing fits both seq2seq, which has a decoder, and"),
        ({"models": {"a": "gru", "b": "seq2seq"}}, "both b, which has a decoder, and a, which has"),
        ({"framing": ll.Vector()}, "Vector: EchoLag has no answer after its input"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        compared(**wrong)


def test_the_five_problems_are_compared_where_none_are_named():
    study = Comparison([ll.LSTM(hidden_size=3)], seeds=1, rungs=1, rates=[0.1])
    asked = drive(study, lambda _: outcome(0.5))
    kinds = [type(trial.setting.problem).__name__ for trial in asked]
    assert kinds == [
        *("Ramp", "Memorization", "EchoValue", "EchoSubsequence", "CumulativeThreshold")
    ]
    assert {trial.setting.recipe.sequences for trial in asked} == {50_000}
    assert dataclasses.replace(asked[0].setting.recipe, stop_at=None) == Recipe(
        sequences=50_000, learning_rate=0.1
    )
