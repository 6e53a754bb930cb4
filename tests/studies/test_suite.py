"""The suite: rates first, then seeds, then capacity; and what comes of them."""

import json
import random

import pytest
from study_cases import Scripted, drive, outcome, seed_score

import longlag as ll
from longlag.store.store import Store
from longlag.studies.conduct import conduct
from longlag.studies.registry import load_study
from longlag.studies.suite import baselines
from longlag.studies.suite_rows import BASELINES, ROWS, TIMES
from longlag.studies.suite_study import Suite
from longlag.studies.theory import predict
from longlag.trials import documents
from longlag.trials.identity import Trial

MODELS = [ll.LSTM(), ll.MinGRU()]
RATES = (0.001, 0.01)


def asked(models=MODELS, problems=("parity", "reverse"), seeds=4, rates=RATES, **more):
    return Suite(models, problems, seeds=seeds, rates=rates, **more)


def by_seed(reach, *, best=0.01, capacity=0):
    """What trials come to: seeds solve up to a multiple of the length, one rate is better.

    Args:
        reach: For each seed the longest length that it solves, as a multiple; 0 for none.
        best: The learning rate that needs the fewest sequences.
        capacity: The hardest value of the ladder that is solved.
    """

    def come_out(trial):
        setting = trial.setting
        solved = reach.get(trial.seed, 1)
        rung = getattr(setting.problem, setting.problem.ladder.knob)
        if setting.tests == () and setting.problem != ROWS[setting.problem.title()].problem:
            solved = 1 if rung <= capacity else 0
        skills = (1.0 if solved >= times else 0.5 for times in (1, *TIMES))
        scores = {
            name: seed_score(skill) for name, skill in zip(setting.scored_on, skills, strict=False)
        }
        sequences = 100 if setting.recipe.learning_rate == best else 900
        return outcome(scores=scores, sequences=sequences)

    return come_out


def test_every_problem_has_longer_ones_of_the_same_sizes_and_its_capacity_is_on_its_ladder():
    assert len(ROWS) == 12
    for row in ROWS.values():
        lengths = [each.steps for each in row.tests.values()]
        assert lengths == sorted(lengths)
        assert next(iter(row.tests.values())) == row.problem
        assert {(each.inputs, each.targets) for each in row.tests.values()} == {
            (row.problem.inputs, row.problem.targets)
        }
        harder = (getattr(row.problem, row.problem.ladder.knob), *row.capacity)
        assert list(harder) == sorted(set(harder))
        for rung in row.capacity:
            assert row.problem.at(rung).targets == row.problem.targets


def test_rates_and_a_seed_come_problem_by_problem_then_each_seed_of_all_then_capacity():
    study = asked()
    trials = drive(study, by_seed(dict.fromkeys(range(4), 16)), places=1)
    assert len({trial.id for trial in trials}) == len(trials)
    parity, reverse, seeds, capacity = trials[:6], trials[6:12], trials[12:24], trials[24:]
    for name, first in (("parity", parity), ("reverse", reverse)):
        assert {trial.setting.problem.title() for trial in first} == {name}
        assert [trial.seed for trial in first] == [4] * 4 + [0] * 2  # 4 is not scored
        assert all(not trial.setting.tests for trial in first[:4])
        assert {trial.setting.recipe.learning_rate for trial in first[:4]} == set(RATES)
        assert {trial.setting.recipe.learning_rate for trial in first[4:]} == {0.01}
    assert [trial.seed for trial in seeds] == [1] * 4 + [2] * 4 + [3] * 4
    assert all(len(trial.setting.tests) == 4 for trial in seeds)
    # Nothing harder is solved, so no further rung is tried.
    assert {trial.setting.problem.words for trial in capacity} == {"reverse length=20"}
    assert study.left() == 0


@pytest.mark.parametrize(
    ("reach", "verdict", "figure"),
    [
        ({0: 16, 1: 16, 2: 16, 3: 2}, "generalises", "16 ×"),
        ({0: 16, 1: 4, 2: 4, 3: 0}, "learned to 4 times", "4 × (0.88)"),
        ({0: 1, 1: 1, 2: 1, 3: 1}, "learned", "1 ×"),
        ({0: 0, 1: 0, 2: 0, 3: 1}, "above chance", "0.62 (1 of 4)"),
        ({0: 0, 1: 0, 2: 0, 3: 0}, "above chance", "0.50"),
    ],
)
def test_a_cell_has_the_longest_length_that_half_of_the_seeds_solve_or_the_skill(
    reach, verdict, figure
):
    study = asked(problems=["parity"], models=[ll.LSTM()])
    drive(study, by_seed(reach))
    (cell,) = study.answer().cells
    assert cell.per_seed == tuple(reach.values())
    assert cell.verdict == verdict
    assert cell.in_matrix().text == figure
    assert cell.rate == 0.01
    assert cell.sweep.keys() == set(RATES)


@pytest.mark.parametrize(
    ("solved", "capacity", "figure"),
    [(10, (10, True), "length 10"), (20, (20, True), "length 20"), (40, (40, False), "length 40+")],
)
def test_capacity_is_the_hardest_rung_that_half_of_the_seeds_learn(solved, capacity, figure):
    study = asked(problems=["reverse"], models=[ll.LSTM()])
    drive(study, by_seed(dict.fromkeys(range(4), 1), capacity=solved))
    (cell,) = study.answer().cells
    assert cell.capacity == capacity
    assert cell.in_matrix().text == f"1 ×, {figure}"


def test_what_theory_says_cannot_be_stands_beside_and_is_marked_where_it_is_contradicted():
    study = asked(problems=["parity"])
    drive(study, by_seed(dict.fromkeys(range(4), 16)))
    answer = study.answer()
    lstm, min_gru = answer.cells
    assert not lstm.against_theory
    assert min_gru.against_theory
    assert min_gru.in_matrix().text == "16 × !"
    assert answer.theory[0].startswith("min-gru cannot do parity at every length: no eigenvalue")
    short = asked(problems=["parity"])
    drive(short, by_seed(dict.fromkeys(range(4), 1)))
    assert short.answer().cells[1].in_matrix().text == "1 × *"  # no contradiction


def test_theory_knows_what_the_dynamics_of_a_layer_exclude():
    assert predict(ll.MinLSTM(), "cycle-navigation", 9) is not None
    assert predict(ll.MinLSTM(), "adding", 9) is None
    assert predict(ll.GRU(), "word-problem", 9) is not None
    for layer in (ll.LRU(), ll.S4D()):
        assert predict(layer, "cycle-navigation", 9) is None
        found = predict(layer, "parity", 9)
        assert found is not None
        assert not found.can
    assert predict(ll.MLP(), "parity", 9) is None  # its window is the sample
    assert predict(ll.MLP(context=8), "parity", 8) is None


def test_failures_and_what_is_left_are_named_and_the_document_is_plain():
    study = asked(problems=["parity"], models=[ll.LSTM()])
    trial = study.ask()
    assert trial is not None
    study.fail(trial, "it broke.")
    drive(study, by_seed({}))
    answer = study.answer()
    assert answer.cells[0].rate == 0.01  # of the rate that ended
    plain = json.loads(json.dumps(answer.to_dict()))
    assert plain["cells"][0]["verdict"] == "learned"
    assert plain["cells"][0]["longest_per_seed"] == [1, 1, 1, 1]
    assert [row["longest"] for row in answer.rows("trial")] == [1, 1, 1, 1]
    assert not asked().answer().cells[0].trials
    assert asked().answer().cells[0].in_matrix().text == "–"


def test_a_suite_of_which_nothing_is_scored_says_what_else_to_change():
    """Begun again and again, a trial that is longer than the time never ends."""
    study = asked(problems=["parity"], models=[ll.LSTM()])
    advice = "Where no trial fits into the time, use a larger `minutes` or a smaller `effort`."
    assert f"goes on with them. {advice}" in " ".join(str(study.answer()).split())
    trial = study.ask()
    assert trial is not None
    study.tell(trial, by_seed({})(trial))
    drive(study, by_seed({}))
    assert advice not in " ".join(str(study.answer()).split())


def test_a_study_interrupted_anywhere_goes_on_from_its_store_to_the_same_answer(tmp_path):
    come_out = by_seed({0: 16, 1: 4, 2: 0, 3: 1}, capacity=20)
    whole = asked()
    drive(whole, come_out)
    strike = random.Random(0).randrange(3, 20)
    with Store(tmp_path / "s.db", write=True) as store:
        for ended in (strike, None):
            study = asked()
            executor = Scripted(
                lambda job: come_out(
                    Trial(setting=documents.setting(job.setting), seed=job.seeds[0])
                ),
                strike_after=ended,
            )
            conduct(study, store, executor, command="")
        (record,) = store.studies()
        again = load_study(store, record)
    assert again.answer().to_dict()["cells"] == whole.answer().to_dict()["cells"]
    assert study.id == whole.id


@pytest.mark.parametrize(("by", "goal"), [("parameters", 20_000), ("state", 256)])
def test_all_models_have_about_the_same_weights_or_state(by, goal):
    """Widths that heads divide, and states of several numbers a unit, come within 8 %."""
    for setting in asked(models=dict(BASELINES), problems=["parity"], match=by).examples():
        made = setting.create(0)
        counted_by_weights = by == "parameters" or not made.state_size
        count = sum(leaf.size for leaf in _weights(made)) if counted_by_weights else made.state_size
        assert count is not None
        wanted = 20_000 if counted_by_weights else goal
        assert abs(count - wanted) <= 0.08 * wanted, setting.model


def _weights(model):
    import equinox as eqx
    import jax

    return jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))


def test_names_of_baselines_stand_for_them():
    assert baselines(None) == dict(BASELINES)
    found = baselines(["lstm", ll.GRU(), "gru(hidden_size=7)"])
    assert isinstance(found, dict)
    assert found["lstm"] == ll.Residual(cell="lstm")
    assert list(found) == ["lstm", "gru", "gru hidden_size=7"]
    assert baselines([ll.LSTM()]) == [ll.LSTM()]
    with pytest.raises(ValueError, match=r"suite: `models` names gru twice"):
        baselines(["gru", ll.GRU()])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"effort": 0}, r"`effort` must be above 0 and at most 1000, got 0\. Use effort=1"),
        ({"problems": ["paritty"]}, r"problem of the suite.*parity"),
        ({"models": [ll.MLP()]}, r"Suite: mlp cannot run at lengths beyond that of training"),
        ({"models": [ll.Seq2Seq()]}, r"Suite: seq2seq cannot run at lengths"),
        ({"rates": (0.1, 0.1)}, r"`rates` must be different"),
    ],
)
def test_what_makes_no_suite_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        asked(**arguments)


def test_minutes_must_be_some():
    with pytest.raises(ValueError, match=r"`minutes` must be above 0, got 0"):
        ll.suite(["lstm"], minutes=0)
