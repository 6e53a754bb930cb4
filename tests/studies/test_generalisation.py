"""Models are trained at one length and scored at others."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_cases import Scripted, drive, outcome, seed_score

import longlag as ll
from longlag.store.store import Store
from longlag.studies.conduct import conduct
from longlag.studies.frontier import Frontier
from longlag.studies.generalisation import Generalisation
from longlag.studies.registry import load_study
from longlag.training import Recipe
from longlag.trials import documents
from longlag.trials.setting import Setting

ECHO = ll.EchoLag(lag=1, length=10, values=4)
LSTM, GRU, MLP = ll.LSTM(hidden_size=3), ll.GRU(hidden_size=3), ll.MLP(hidden_size=3)
TEST = (10, 20, 40, 80)


def asked(models=(LSTM, GRU), test=TEST, seeds=3, **more):
    recipe = Recipe(sequences=1000)
    return Generalisation(ECHO, ll.Whole(), models, test=test, seeds=seeds, recipe=recipe, **more)


def upto(longest):
    """What a trial comes to whose seed solves these lengths, and no others."""

    def come_out(trial):
        scores = {
            name: seed_score(
                1.0 if problem.length in longest[trial.seed] else 0.5,
                in_distribution=problem == trial.setting.problem,
            )
            for name, problem in trial.setting.scored_on.items()
        }
        return outcome(scores=scores)

    return come_out


def test_each_seed_of_each_model_is_trained_once_and_scored_at_every_length():
    study = asked()
    assert study.left() == 6
    trials = drive(study, upto(dict.fromkeys(range(3), TEST)))
    assert len({trial.id for trial in trials}) == 6
    assert {(type(each.setting.model), each.seed) for each in trials} == {
        (kind, seed) for kind in (ll.LSTM, ll.GRU) for seed in range(3)
    }
    for trial in trials:
        assert trial.setting.problem == ECHO
        assert [each.length for each in trial.setting.scored_on.values()] == list(TEST)
        # It ends once it has solved the problem trained on, whatever the tests say.
        assert trial.setting.recipe.stop_at == 0.25 + 0.75 * (3 + 0.99) / 4
    answer = study.answer()
    assert answer.complete
    assert study.left() == 0
    assert (answer.train, answer.test) == (10, TEST)
    for model in answer.models:
        assert [score.length for score in model.scores] == list(TEST)
        assert model.per_seed == (80, 80, 80)
        assert (model.median, model.coverage) == (80, 0.75)
        assert str(model) == "length 80 or more (too few seeds for an interval)"


def test_the_length_trained_at_is_always_scored_and_is_the_main_test():
    study = asked(test=(40, 5))
    assert study.test == (5, 10, 40)
    (setting, _) = study.examples()
    assert list(setting.scored_on) == ["length 10", "length 5", "length 40"]
    usual = Generalisation(ECHO, ll.Whole(), [LSTM])
    assert usual.test == (10, 20, 40, 160)


@given(
    solved=st.dictionaries(
        st.integers(0, 4), st.sets(st.sampled_from((5, *TEST))), min_size=5, max_size=5
    )
)
def test_the_longest_length_counts_where_all_from_the_training_length_up_are_solved(solved):
    study = asked([LSTM], test=(5, *TEST), seeds=5)
    drive(study, upto(solved))
    (model,) = study.answer().models
    for seed, longest in enumerate(model.per_seed):
        expected = 0
        for length in TEST:
            if length not in solved[seed]:
                break
            expected = length
        assert longest == expected  # whatever became of the shorter length
    at_least = sum(longest >= model.median for longest in model.per_seed)
    assert at_least >= 3
    assert model.interval[0] <= model.median <= model.interval[1]
    for score in model.scores:
        assert score.solved == sum(score.length in each for each in solved.values())
        assert score.seeds == 5


def test_a_model_of_fixed_timesteps_says_so_and_the_others_go_on():
    study = asked([MLP, LSTM])
    drive(study, upto(dict.fromkeys(range(3), TEST)))
    mlp, lstm = study.answer().models
    assert [score.length for score in mlp.scores] == [10]
    assert mlp.refusal == (
        "mlp hidden_size=3 reads samples of exactly 10 timesteps: it cannot run at lengths "
        "20, 40, 80."
    )
    assert str(mlp) == "length 10 (too few seeds for an interval)"  # not: or more
    assert len(lstm.scores) == 4
    assert lstm.refusal == ""
    windows = Generalisation(ECHO, ll.Window(timesteps=2), [MLP], test=TEST)
    assert list(windows.examples()[0].scored_on) == [f"length {each}" for each in TEST]


def test_a_seed_that_came_to_nothing_is_missing_and_leaves_the_study_incomplete():
    study = asked([LSTM])
    drive(study, lambda trial: None if trial.seed == 1 else upto({0: TEST, 2: ()})(trial))
    (model,) = study.answer().models
    assert (model.missing, model.per_seed, study.left()) == (1, (80, 0), 0)
    assert not study.answer().complete
    assert dict(model.reasons) == {"stuck": 1}


def test_before_anything_is_known_there_is_no_answer():
    (model, _) = asked().answer().models
    assert (str(model), model.scores, model.median) == ("nothing so far", (), 0)


def test_a_score_at_chance_is_said_to_be_so():
    study = asked([LSTM], test=(20,))
    scores = {"length 10": seed_score(1.0), "length 20": seed_score(0.0, in_distribution=False)}
    drive(study, lambda _: outcome(scores=scores))
    (model,) = study.answer().models
    assert [score.standing for score in model.scores] == ["above", "at"]


def test_it_comes_back_from_its_question_and_from_a_store(tmp_path):
    study = asked([LSTM, MLP], encoding=ll.OneHot)
    again = Generalisation.of(json.loads(json.dumps(study.question())))
    assert (again.id, again.question()) == (study.id, study.question())
    come_out = upto({0: TEST, 1: (10,), 2: ()})

    def run(task):
        setting = documents.setting(task.setting)
        return come_out(
            dataclasses.make_dataclass("Asked", ["setting", "seed"])(setting, task.seeds[0])
        )

    with Store(tmp_path / "trials.db", write=True) as store:
        cut = conduct(asked([LSTM, MLP], encoding=ll.OneHot), store, Scripted(run, strike_after=2))
        assert cut.interrupted
        usage = conduct(study, store, Scripted(run))
        assert usage.ran + usage.reused == 6
        assert usage.reused >= 2
        (noted,) = store.studies()
        loaded = load_study(store, noted)
        assert isinstance(loaded, Generalisation)
        assert loaded.answer() == study.answer()
    assert [model.per_seed for model in study.answer().models] == [(80, 10, 0), (10, 10, 0)]


REFUSED = {
    "twice": (
        {"test": (20, 20)},
        "`test` must be different lengths of at least 1, got 20, 20. Use",
    ),
    "none": ({"test": ()}, "`test` must be different lengths of at least 1, got none. Use"),
    "zero": ({"test": (0,)}, "`test` must be different lengths of at least 1, got 0. Use"),
    "short": ({"test": (1,)}, "`test` has length 1: EchoLag: a sequence must show at least 2"),
    "solve at": ({"solve_at": 1.0}, "Generalisation: `solve_at` must be above 0 and below 1"),
    "no model": ({"models": ()}, "Generalisation: `models` must name at least one"),
}


@pytest.mark.parametrize(("parts", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_asked_is_refused_in_one_line(parts, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - looked at below
        asked(**parts)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_problem_of_one_length_is_refused():
    with pytest.raises(
        ValueError, match="`test` has length 20: Memorization: its sequences have 5"
    ):
        Generalisation(ll.Memorization(length=6), ll.Whole(), [LSTM], test=(20,))


def test_a_frontier_takes_no_tests():
    setting = Setting(problem=ECHO, framing=ll.Whole(), model=LSTM, tests={"longer": ECHO})
    with pytest.raises(ValueError, match=r"Frontier: `setting` must have no tests, .* got longer"):
        Frontier(setting)


def test_it_is_asked_from_python(tmp_path):
    from longlag.workers.threads import Threads

    found = ll.generalise(
        ll.EchoLag(lag=0, values=3),
        ll.Whole(),
        [ll.GRU(hidden_size=6)],
        train=4,
        test=(4, 16),
        budget=3000,
        learning_rate=0.01,
        seeds=2,
        store=tmp_path / "trials.db",
        executor=Threads(workers=1),
    )
    (model,) = found.models
    assert (found.train, found.complete) == (4, True)
    assert model.median == 16  # what is shown now needs no memory, at any length
    with Store(tmp_path / "trials.db") as store:
        (first, _) = store.records()
        kept = store.outcome(first.id)
        assert kept is not None
        assert list(kept.scores) == ["length 4", "length 16"]
