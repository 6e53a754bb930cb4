"""Channels, sets, several targets, episodes of other lengths: through every part of the library."""

import json

import numpy as np
import pytest
from spec_problems import Adding, CopyBack, Legal, TwoTargets

import longlag as ll
from longlag import streams
from longlag.adapters.datasets import files
from longlag.checks.perturbation import moves_of
from longlag.checks.problem import check_problem
from longlag.training import Recipe
from longlag.trials.fit import finish, fit
from longlag.trials.outcome import Outcome
from longlag.trials.sensitivity import needs_over, sensitivity

SETTINGS = {
    "channels": (Adding(), ll.Whole(), ll.LSTM(hidden_size=6)),
    "lengths": (CopyBack(), ll.Whole(), ll.GRU(hidden_size=6)),
    "lengths, vector": (CopyBack(), ll.Vector(), ll.RNN(hidden_size=6)),
    "lengths, decoder": (CopyBack(), ll.EncoderDecoder(), ll.Seq2Seq(hidden_size=6)),
    "sets": (Legal(), ll.Window(timesteps=2, missing="mark"), ll.LSTM(hidden_size=6)),
    "several targets": (TwoTargets(), ll.Chunks(timesteps=2, carry=True), ll.LSTM(hidden_size=6)),
}


def tiny(name):
    """A setting that trains in a moment."""
    problem, framing, model = SETTINGS[name]
    recipe = Recipe(sequences=400, batch_size=4, learning_rate=0.01)
    return ll.Setting(problem=problem, framing=framing, model=model, recipe=recipe)


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda name: name.replace(", ", "-"))
def run(request):
    """A short training run of each kind."""
    return finish(fit(tiny(request.param), (0,)))


@pytest.mark.parametrize("problem", [Adding(), CopyBack(), Legal(), TwoTargets()])
def test_the_contract_holds(problem):
    for check in check_problem(problem):
        assert check.passed, f"{check.name}: {check.found} {check.remedy}"


def test_samples_hold_what_episodes_hold(run):
    """Each scored prediction belongs to the step of the sequence that it was asked for."""
    evaluation, problem = run.evaluations[0], run.setting.problem
    targets = problem.oracle(evaluation.inputs)
    where = evaluation.scored
    assert where.any()
    assert problem.targets.matches(targets, evaluation.targets)[where].all()
    assert evaluation.predicted.shape == evaluation.targets.shape


def test_it_learns_and_is_scored_beside_chance_and_shortcuts(run):
    assert np.isfinite(run.accuracy.mean)
    assert 0 <= run.chance < run.ceiling == 1
    assert {"most frequent", "constant per step"} <= run.shortcuts.keys()
    losses = np.concatenate([progress.losses for progress in run.history[0]])
    assert losses[-20:].mean() < losses[:20].mean()
    assert run.setting.audit().ceiling == 1


def test_prediction_of_a_sequence_is_that_of_the_evaluation(run):
    evaluation, problem = run.evaluations[0], run.setting.problem
    row = 3
    shown = evaluation.inputs[row][problem.inputs.allows(evaluation.inputs[row])]
    predicted = run.predict(shown.tolist())
    expected = evaluation.predicted[row][evaluation.scored[row]]
    assert np.allclose(predicted, expected, atol=1e-4)


def test_outcomes_are_kept_and_read_back(run):
    outcome = run.outcome(validation=0.5)
    written = json.loads(json.dumps(outcome.document(), allow_nan=False))
    assert Outcome.read(written) == outcome


def test_a_shorter_episode_asks_for_less():
    evaluation = finish(fit(tiny("lengths"), (0,))).evaluations[0]
    lengths = CopyBack().inputs.allows(evaluation.inputs).sum(axis=1)
    assert len(set(lengths.tolist())) == 4
    assert (evaluation.scored.sum(axis=1) == lengths).all()


def test_sensitivity_stands_beside_the_needs_of_the_same_sequences():
    problem, framing, model = SETTINGS["channels"]
    setting = ll.Setting(problem=problem, framing=framing, model=model)
    used = sensitivity(setting, setting.create(0), sequences=8)
    needed = needs_over(setting, sequences=8)
    assert used.shape == needed.shape == (6, 6)
    assert needed[-1].sum() == pytest.approx(2)  # two marked values in each sequence
    assert (needed[:-1] == 0).all()


def test_needs_of_one_episode_are_found_by_changing_it():
    rng = np.random.default_rng(0)
    for problem in (Adding(), CopyBack()):
        episodes = problem.draw(rng, 5)
        for inputs, scored in zip(episodes.inputs, episodes.scored, strict=True):
            found = moves_of(problem, problem.oracle, inputs, scored, rng)
            assert (found == problem.needs_of(inputs) & scored[:, None]).all()


class _Wrong(Adding):
    def needs_of(self, inputs):  # noqa: ARG002
        return np.outer(self.scored(), np.arange(self.length) == 0)


class _Unmarked(Adding):
    def needs_of(self, inputs):  # noqa: ARG002
        return self.needs()


@pytest.mark.parametrize(
    ("problem", "message"),
    [(_Wrong(), "yet `needs_of` lacks it"), (_Unmarked(), "never moved that of step 5")],
)
def test_wrong_needs_of_an_episode_are_found(problem, message):
    found = {check.name: check for check in check_problem(problem)}
    assert not found["needs"].passed
    assert message in found["needs"].found


@pytest.mark.parametrize("format", ["npz", "parquet"])
@pytest.mark.parametrize("name", ["channels", "lengths", "sets", "several targets"])
def test_they_are_exported(tmp_path, name, format):
    problem, framing, _ = SETTINGS[name]
    made = files.export(problem, framing, tmp_path, train=6, validation=0, test=2, format=format)
    samples = framing.sample(problem, streams.training(0), 6)
    if format == "npz":
        with np.load(made["train"].path) as kept:
            assert np.array_equal(kept["inputs"], samples.inputs)
            assert np.array_equal(kept["targets"], samples.targets, equal_nan=True)
    else:
        parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
        rows = parquet.read_table(made["train"].path).to_pylist()
        assert np.array_equal([row["inputs"] for row in rows], samples.inputs)
    assert "vectors of" in (tmp_path / "README.md").read_text() or not problem.inputs.shape


def test_a_mask_stands_where_an_episode_has_ended():
    problem = CopyBack()
    rng = np.random.default_rng(1)
    samples = ll.Whole().sample(problem, rng, 20)
    episodes = problem.draw(np.random.default_rng(1), 20)
    assert episodes.present is not None
    assert (samples.mask == episodes.present).all()
    assert not samples.scored[~samples.mask].any()
    assert (samples.scored.sum(axis=1) == samples.mask.sum(axis=1) / 2).all()


def test_an_answer_begins_where_the_input_of_its_episode_ended():
    problem = CopyBack()
    samples = ll.EncoderDecoder().sample(problem, np.random.default_rng(1), 30)
    for shown, mask, asked in zip(samples.inputs, samples.mask, samples.targets, strict=True):
        given = shown[mask].tolist()
        assert asked[asked >= 0].tolist() == given[::-1]
        assert mask.tolist() == [True] * len(given) + [False] * (4 - len(given))


def test_the_audit_counts_what_each_episode_needs():
    """A window of two steps reaches what the first step of an answer needs, and no more."""
    problem, window = CopyBack(length=4, values=4), ll.Window(timesteps=2, missing="mask")
    found = ll.audit(problem, window)
    rng = np.random.default_rng(5)
    reached, total = 0, 0
    for inputs, scored in [
        (inputs, scored) for inputs, _, scored in zip(*problem.draw(rng, 4000), strict=True)
    ]:
        length = int((inputs != 4).sum())
        for step in np.flatnonzero(scored):
            total += 1
            reached += 2 * length - 1 - step > step - 2
    share = reached / total
    assert found.verdict == "unreachable"
    assert found.shares.gradient == pytest.approx(share, abs=0.03)
    assert found.ceiling == pytest.approx(share + (1 - share) / 4, abs=0.03)


class _Unmasked(CopyBack):
    @property
    def masks(self):
        return False


class _TooLong(CopyBack):
    def answer_length(self, length):
        return length + 1


@pytest.mark.parametrize(
    ("problem", "message"),
    [(_Unmasked(), "yet `masks` is false"), (_TooLong(), "steps are scored, `answer_length(")],
)
def test_what_is_said_of_lengths_is_checked(problem, message):
    (draws,) = [check for check in check_problem(problem) if check.name == "draws"]
    assert not draws.passed
    assert message in draws.found
