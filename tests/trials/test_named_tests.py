"""A setting has one training problem and any number of named tests."""

import dataclasses
import json

import equinox as eqx
import jax
import numpy as np
import pytest

import longlag as ll
from longlag.checks.model import require_valid
from longlag.scores.evaluation import EVALUATION_SEQUENCES
from longlag.training import Recipe
from longlag.trials import documents, identity
from longlag.trials.fit import finish, fit
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome
from longlag.trials.setting import Setting

ECHO = ll.EchoLag(lag=1, length=6, values=4)
LONGER = dataclasses.replace(ECHO, length=12)
TESTS = {"longer": LONGER, "as trained": ECHO, "further back": dataclasses.replace(ECHO, lag=2)}


def setting(tests=(), *, problem=ECHO, framing=None, model=None, **more):
    return Setting(
        problem=problem,
        framing=framing or ll.Whole(),
        model=model or ll.LSTM(hidden_size=8),
        tests=tests,
        **more,
    )


@pytest.fixture(scope="module")
def run():
    recipe = Recipe(sequences=2500, batch_size=10, learning_rate=0.01)
    return finish(fit(setting(TESTS, recipe=recipe), (0, 1)))


def test_tests_are_given_as_pairs_or_by_name():
    assert setting(TESTS) == setting(tuple(TESTS.items())) == setting(list(TESTS.items()))
    assert list(setting(TESTS).scored_on) == list(TESTS)
    assert setting().scored_on == {"in-distribution": ECHO}
    assert setting().on() == setting()
    assert setting(TESTS).on().problem == LONGER
    assert setting(TESTS).on("as trained") == setting()
    with pytest.raises(ValueError, match=r"no test `longr`\. Did you mean `longer`\?"):
        setting(TESTS).on("longr")


SHORT = ll.EchoLag(lag=1, length=3, values=4)
REFUSED = {
    "empty": ({"": ECHO}, {}, "names that are not empty, got ''"),
    "twice": ([("a", ECHO), ("a", LONGER)], {}, "`tests` names `a` twice. Use another name."),
    "features": (
        {"a": dataclasses.replace(ECHO, values=5)},
        {},
        "test `a` must have 4 features, as the problem trained on, got 5 of EchoLag(",
    ),
    "outputs": (
        {"a": ll.EchoSubsequence(length=4, values=4, count=3)},
        {"problem": ll.EchoSubsequence(length=4, values=4, count=2), "framing": ll.Vector()},
        "test `a` must have 8 outputs, as the problem trained on, got 12 of EchoSubsequence(",
    ),
    "framing": (
        {"a": SHORT},
        {"framing": ll.Window(timesteps=5)},
        "test `a`: Window: `timesteps` must be at most",
    ),
    "timesteps": (
        {"a": LONGER},
        {"model": ll.MLP()},
        "MLP reads samples of exactly 6 timesteps: test `a` has 12. Use LSTM(), or ",
    ),
}


@pytest.mark.parametrize(("tests", "parts", "message"), REFUSED.values(), ids=REFUSED)
def test_a_test_that_does_not_go_with_the_rest_is_refused_in_one_line(tests, parts, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        setting(tests, **parts)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_of_fixed_timesteps_is_tested_where_samples_keep_them():
    made = setting({"a": LONGER}, model=ll.MLP(), framing=ll.Window(timesteps=3))
    assert made.fixed_timesteps(LONGER) is None
    assert setting({"a": LONGER}, model=ll.MLP(context=2)).fixed_timesteps(LONGER) is None
    assert setting(model=ll.MLP()).fixed_timesteps(LONGER) == 6


def test_every_test_has_a_score_on_fresh_sequences(run):
    assert list(run.scores) == list(TESTS)
    for name, score in run.scores.items():
        assert score.problem == TESTS[name]
        for evaluation in score.evaluations:
            assert evaluation.inputs.shape[1] == TESTS[name].length
            assert len(evaluation.inputs) >= EVALUATION_SEQUENCES
    assert run.scores["as trained"].verdict == "solved"
    # What was two steps ago was never asked for.
    assert run.scores["further back"].verdict in ("at chance", "below chance")
    assert run.scores["longer"].chance == 0.25


def test_the_main_test_is_the_first_and_the_figures_of_the_run(run):
    assert run.problem == LONGER
    assert run.evaluations == run.scores["longer"].evaluations
    assert run.accuracy == run.scores["longer"].accuracy
    assert run.scored.tolist() == [False] + [True] * 11
    # Sequences to predict are those of the problem trained on, at any length.
    assert len(run.predict([1, 2, 3])) == 2


def test_a_test_changes_nothing_about_training(run):
    plain = finish(fit(dataclasses.replace(run.setting, tests=()), (0,)))
    losses = [[each.losses for each in found.history[0]] for found in (run, plain)]
    np.testing.assert_array_equal(np.concatenate(losses[0]), np.concatenate(losses[1]))
    ours, theirs = run.scores["as trained"].evaluations[0], plain.evaluations[0]
    np.testing.assert_array_equal(ours.predicted, theirs.predicted)
    np.testing.assert_array_equal(ours.inputs, theirs.inputs)
    assert list(plain.scores) == ["in-distribution"]
    assert plain.scores["in-distribution"].accuracy == plain.accuracy


def test_an_outcome_has_a_score_for_each_test(run):
    for place in (0, 1):
        found = run.outcome(place)
        assert list(found.scores) == list(TESTS)
        for name, score in found.scores.items():
            assert score.accuracy == run.scores[name].accuracy.per_seed[place]
            assert score.chance == run.scores[name].chance
            assert score.shortcuts == run.scores[name].shortcuts
            assert len(score.by_step) == TESTS[name].length
            assert score.in_distribution == (name == "as trained")
        assert found.skill == found.score("longer").skill == run.skill[place]
        assert Outcome.read(json.loads(json.dumps(found.document()))) == found


def test_a_loaded_model_is_scored_on_the_same_tests(run, tmp_path):
    run.save(tmp_path / "model.safetensors")
    loaded = ll.load(tmp_path / "model.safetensors")
    assert loaded.setting == run.setting
    for name in TESTS:
        assert loaded.evaluate(name).accuracy == run.scores[name].accuracy.per_seed[0]
    assert loaded.evaluate().accuracy == run.accuracy.per_seed[0]


def test_tests_are_part_of_the_document_and_of_the_name_only_where_there_are_any():
    assert "tests" not in documents.document(setting())
    written = json.loads(json.dumps(documents.document(setting(TESTS)), sort_keys=True))
    assert documents.setting(written) == setting(TESTS)
    names = {
        Trial(setting=setting(tests), seed=0).id
        for tests in ({}, TESTS, {"long": LONGER}, dict(reversed(TESTS.items())))
    }
    assert len(names) == 4


@pytest.mark.parametrize("tests", [[["a"]], ["ab"], [["a", 3]]])
def test_a_document_of_tests_that_cannot_be_read_is_refused(tests):
    with pytest.raises(ValueError, match="`tests` must be pairs of a name and a problem"):
        documents.setting(documents.document(setting()) | {"tests": tests})


def test_the_version_of_a_test_problem_counts(monkeypatch):
    tests = {"last": ll.EchoValue(lag=1, length=6, values=4)}
    before = Trial(setting=setting(tests), seed=0).id
    plain = Trial(setting=setting(), seed=0).id
    assert identity.versions(setting(tests))["echo-value"] == 1
    monkeypatch.setattr(ll.EchoValue, "version", 2)
    assert Trial(setting=setting(tests), seed=0).id != before
    assert Trial(setting=setting(), seed=0).id == plain


def test_training_from_python_takes_tests():
    run = ll.train(ECHO, ll.Whole(), ll.GRU(hidden_size=3), sequences=20, tests={"long": LONGER})
    assert list(run.scores) == ["long"]
    assert run.problem == LONGER


def test_tuning_never_looks_at_the_tests():
    recipe = Recipe(sequences=50)
    search = ll.Search(
        setting=setting(TESTS, recipe=recipe), hidden_sizes=(3,), learning_rates=(1e-3, 1e-2)
    )
    plain = dataclasses.replace(search, setting=setting(recipe=recipe))
    found, alone = ll.tune(search), ll.tune(plain)
    assert [each.accuracy for each in found.tried] == [each.accuracy for each in alone.tried]
    assert found.setting.tests == tuple(TESTS.items())


class Fixed(eqx.Module):
    """One linear map of the whole sample."""

    layer: eqx.nn.Linear
    outputs: int

    def __call__(self, inputs):
        return self.layer(inputs.ravel()).reshape(-1, self.outputs)


def make_whole(sizes, seed):
    shown, said = sizes.timesteps * sizes.features, sizes.timesteps * sizes.outputs
    return Fixed(eqx.nn.Linear(shown, said, key=jax.random.key(seed)), sizes.outputs)


def test_a_model_of_ones_own_that_cannot_run_at_a_test_is_refused_before_it_is_trained():
    own = ll.adopt(make_whole, causal=False)
    require_valid([setting({"again": ECHO}, model=own)])
    with pytest.raises(ValueError, match="made for 6 timesteps it cannot read the 12 of test `l"):
        require_valid([setting({"longer": LONGER}, model=own)])
